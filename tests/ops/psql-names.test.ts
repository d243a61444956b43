import t from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { createMarket, execute, sell } from '../helpers/market.ts'
import { openSession } from '../helpers/session.ts'

const tables = [
  'symbols',
  'orders',
  'trades',
  'events',
  'book',
  'stop_orders_watchlist',
  'order_book_snapshots',
  'partition_retention_config',
  'assets',
  'participants',
  'accounts',
  'transfers',
  'journals',
  'deposits',
  'withdrawals',
  'withdrawal_limits',
  'trade_busts',
  'reversals',
  'outside_assets',
  'outside_legs',
  'outside_leg_events',
  'pending_instructions',
  'waiting_instructions',
  'cancelled_instructions',
  'windows',
  'nets',
  'breaks',
  'adjustments',
  'internal_transfers',
  'periods',
  'settled_instructions',
  'fee_schedules',
  'fee_rates',
  'volumes',
  'volume_marks',
]
const views = [
  'v_active_orders',
  'v_trade_volume_24h',
  'v_order_status_distribution',
  'mv_order_book_snapshot',
  'v_balances',
  'v_holds',
  'v_settlement_backlog',
  'v_fails',
  'v_fees',
  'v_withdrawals',
  'v_busts',
  'v_outside_legs',
  'v_windows',
  'v_nets',
  'v_breaks',
  'v_adjustments',
  'v_periods',
  'v_fee_schedules',
  'v_trade_fees',
  'busted_trades',
  'standing_trades',
  'entries',
  'instructions',
]
const functions = [
  'account_tree',
  'adjust',
  'approve_adjustment',
  'approve_bust',
  'approve_withdrawal',
  'audit',
  'balance_as_of',
  'bust_trade',
  'cancel_settlement',
  'chain_export',
  'check_breaks',
  'check_db_connections',
  'check_partition_health',
  'check_table_sizes',
  'close_period',
  'close_window',
  'confirm_outside_leg',
  'correct_trade',
  'create_calendar',
  'create_netting_set',
  'create_symbol',
  'create_symbol_group',
  'day_pack',
  'delist_symbol',
  'explain_net',
  'halt_symbol',
  'help',
  'hold_settlement',
  'instruct',
  'instruct_outside',
  'link_settlements',
  'lots',
  'maintain_partitions',
  'open_sub_account',
  'pack_checksum',
  'preview_netting',
  'publish_index',
  'publish_price',
  'refresh_order_book_snapshot',
  'reject_adjustment',
  'reject_bust',
  'reject_withdrawal',
  'release_settlement',
  'reopen_period',
  'restrict_symbol',
  'resume_symbol',
  'retry_outside_leg',
  'retry_settlement',
  'seal_periods',
  'seed_venue',
  'set_calendar',
  'set_calendar_day',
  'set_cut_off',
  'set_fee_tiers',
  'set_fees',
  'set_netting',
  'set_outside_asset',
  'set_partial_windows',
  'set_phase',
  'set_settlement',
  'set_settlement_priority',
  'set_symbol_group',
  'set_trade_group',
  'set_withdrawal_limit',
  'show_fees',
  'statement',
  'trial_balance',
  'verify_chain',
  'verify_replay',
  'void_outside_leg',
]
const enums: Record<string, string[]> = {
  order_side_enum: ['BUY', 'SELL'],
  order_type_enum: ['MARKET', 'LIMIT', 'STOP', 'STOP_LIMIT', 'TAKE_PROFIT'],
  order_status_enum: [
    ...['PENDING', 'OPEN', 'PARTIALLY_FILLED', 'FILLED', 'CANCELLED', 'REJECTED', 'EXPIRED'],
  ],
  time_in_force_enum: ['GTC', 'GTD', 'DAY', 'IOC', 'FOK'],
  symbol_status_enum: ['ACTIVE', 'HALTED', 'MAINTENANCE', 'DELISTED'],
}

t.test('tables, views and enums work unqualified, and say what they are', async t => {
  const db = await testDatabase(t)
  await createMarket(db, { traders: { bob: { BTC: '1' } } })
  const psql = await openSession(t, db.url)

  for (const name of [...tables, ...views]) {
    await t.resolves(psql.query(`select * from ${name} limit 1`), name)
    const text = "select obj_description(to_regclass($1), 'pg_class') as comment"
    const [row] = await psql.query(text, [name])
    t.match(row, { comment: /\w+ \w+/ }, `\\d+ ${name} has a comment`)
  }
  for (const [name, words] of Object.entries(enums)) {
    const [row] = await psql.query(`select enum_range(null::${name})::text[] as words`)
    t.match(row?.words, words, name)
  }
})

t.test('functions work unqualified and \\df+ shows what they do', async t => {
  const db = await testDatabase(t)
  const psql = await openSession(t, db.url)

  const rows = await psql.query(
    `select p.proname, obj_description(p.oid, 'pg_proc') as comment
    from pg_proc as p where p.proname = any ($1) and p.pronamespace = 'ops'::regnamespace
      and pg_function_is_visible(p.oid)`,
    [functions],
  )

  t.same(rows.map(row => row.proname).sort(), [...functions].sort())
  for (const { proname, comment } of rows) t.match(comment, /\w+ \w+/, proname)
})

t.test('partitions are named by month and day', async t => {
  const db = await testDatabase(t)
  await db.query("select maintain_partitions('2026-03-02T12:00:00Z')")

  for (const name of ['orders_2026_03', 'trades_2026_03_02', 'transfers_2026_06']) {
    const [row] = await db.query('select to_regclass($1) is not null as exists', [name])
    t.ok(row?.exists, name)
  }
  const retention = await db.query(
    'select distinct retention_months from partition_retention_config',
  )
  t.same(retention, [{ retention_months: 60 }])
})

t.test('help() lists what there is to call and to look at, with a sentence each', async t => {
  const db = await testDatabase(t)

  const rows = await db.query('select * from help()')

  const named = rows.map(row => row.call.replace(/\(.*/, ''))
  const operatorsViews = views.filter(name => /^m?v_/.test(name))
  t.same(named, [...functions, ...operatorsViews].sort())
  for (const { call, does } of rows) t.match(does, /\w+ \w+/, call)
})

t.test('the views show the market', async t => {
  const db = await testDatabase(t)
  await createMarket(db, { traders: { bob: { BTC: '10' } } })
  const placed = [sell('bob', '1', '100'), sell('bob', '2', '100'), sell('bob', '1', '101')]
  await execute(db, 'BTC-USD', [...placed, sell('bob', '99', '100')])
  await db.query('select refresh_order_book_snapshot()')

  t.match(await db.query('select * from v_active_orders order by order_id'), [
    { symbol: 'BTC-USD', client_id: 'bob', side: 'SELL', price: '100', place_in_line: '1' },
    { price: '100', remaining_quantity: '2', hold_amount: '2', place_in_line: '2' },
    { price: '101', place_in_line: '1' },
  ])
  t.match(await db.query('select * from mv_order_book_snapshot order by level_no'), [
    { symbol: 'BTC-USD', side: 'SELL', level_no: '1', price: '100', orders: '2' },
    { level_no: '2', price: '101', orders: '1' },
  ])
  t.match(await db.query('select * from v_order_status_distribution order by status'), [
    { symbol: 'BTC-USD', status: 'OPEN', orders: '3', percent: '75.00' },
    { symbol: 'BTC-USD', status: 'REJECTED', orders: '1', percent: '25.00' },
  ])
  t.match(await db.query('select * from v_trade_volume_24h'), [{ symbol: 'BTC-USD', trades: '0' }])
})

t.test('a snapshot is kept of each book that has changed, once', async t => {
  const db = await testDatabase(t)
  await createMarket(db, {
    symbols: { 'BTC-USD': {}, 'ETH-USD': {} },
    traders: { bob: { BTC: '10' } },
  })
  const refresh = async () =>
    (await db.query('select refresh_order_book_snapshot() as kept'))[0]?.kept

  t.equal(await refresh(), 0, 'no book was ever written to')
  await execute(db, 'BTC-USD', [sell('bob', '1', '100')])
  t.equal(await refresh(), 1)
  t.equal(await refresh(), 0)
  const rows = await db.query('select symbol_id, seq, bids, asks from order_book_snapshots')
  t.same(rows, [{ symbol_id: 1, seq: '1', bids: [], asks: [['100', '1', 1]] }])
})

t.test('checks of connections and tables tell OK from not', async t => {
  const db = await testDatabase(t)
  const idle = await openSession(t, db.url, '-c application_name=forgotten')
  await idle.query('begin')

  const connections = await db.query('select * from check_db_connections()')
  t.match(
    connections.find(row => row.application === 'forgotten'),
    { status: 'OK', role_name: 'pgsettle', state: 'idle in transaction', connections: '1' },
  )
  const sizes = await db.query('select * from check_table_sizes()')
  t.ok(sizes.length > 15)
  t.ok(sizes.every(row => row.status === 'OK' && row.next_command === null))
  const named = sizes.map(row => row.table_name)
  t.equal(new Set(named).size, named.length, 'partitions are summed up')
})
