import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import {
  audit,
  createMarket,
  execute,
  fund,
  noon,
  type Queryable,
  settle,
} from '../helpers/market.ts'
import { createFlow } from '../helpers/random-flow.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'
import { openSession } from '../helpers/session.ts'
import { monday, waitingMarket } from '../settlement/waiting-market.ts'

const traders = ['alice', 'bob', 'carol']
const symbols = { 'BTC-USD': {}, 'ETH-USD': {}, 'LTC-USD': {} }

interface Pass {
  opened: number
  closed: number
  is_behind: boolean
}

/** Passes until there is no more to do at once: what the worker does each minute. */
async function check(worker: Queryable, { limit = 60, now = noon } = {}): Promise<Pass> {
  const sum = { opened: 0, closed: 0, is_behind: false }
  for (let passes = 0; passes < 10_000; passes++) {
    const text = 'select * from ops.check_breaks(1, $1, $2)'
    const [pass] = await worker.query<Pass>(text, [now, limit])
    sum.opened += pass?.opened ?? 0
    sum.closed += pass?.closed ?? 0
    if (!pass?.is_behind) return sum
  }
  throw new Error('it is always behind')
}
const nothing = { opened: 0, closed: 0, is_behind: false }

const open = async (db: Queryable): Promise<string[]> =>
  (await db.query('select kind, key from v_breaks where closed_at is null'))
    .map(row => `${row.kind} ${row.key}`)
    .sort()

/** Trades of a symbol that settles at once, one that is netted and one that settles later. */
async function market(t: Test): Promise<{ db: TestDatabase; trade: () => Promise<void> }> {
  const db = await testDatabase(t)
  const funds = { USD: '1000000', BTC: '1000', ETH: '1000', LTC: '1000' }
  const each = Object.fromEntries(traders.map(name => [name, funds]))
  await createMarket(db, { symbols, traders: each })
  await db.query("select create_netting_set('day', 'NET', p_now => $1)", [noon])
  await db.query("select set_netting('ETH-USD', 'day')")
  await db.query("select set_settlement('LTC-USD', 2)")
  const next = createFlow({ random: randomNumbers(), traders, middle: 100 })
  const trade = async () => {
    for (const symbol of Object.keys(symbols)) await execute(db, symbol, next(40))
  }
  return { db, trade }
}

t.test(`a venue that is whole has no break [OPS-001] (seed ${seed})`, async t => {
  const { db, trade } = await market(t)
  const worker = await openSession(t, db.workerUrl)
  t.same(await check(worker), nothing)

  for (let round = 0; round < 8; round++) {
    await trade()
    t.same(await check(worker, { limit: 7 }), nothing, 'before it is settled')
    await settle(db, { limit: 5 + round })
    await fund(db, 'alice', 'USD', '1')
    if (round % 3 === 2) {
      await db.query("select ops.close_window('day', 1, $1)", [noon])
      await db.query('select clearing.run_windows(1, $1)', [noon])
    }
    t.same(await check(worker), nothing)
  }
  // What waited for its date settles.
  for (let claimed = 1; claimed > 0; ) {
    claimed = (await settle(db, { now: '2026-03-04T12:00:00Z' })).claimed
    t.same(await check(worker), nothing)
  }
  await settle(db)

  const cursors = await db.query(
    `select c.part_id, c.checked_no, coalesce(s.last_seq, l.last_finality_no) as last_no
    from ops.break_cursors as c cross join ledger.segment_state as l
    left join matching.symbol_state as s on s.symbol_id = c.part_id order by 1`,
  )
  t.equal(cursors.length, 4)
  for (const { part_id, checked_no, last_no } of cursors) t.equal(checked_no, last_no, `${part_id}`)
  t.same(await db.query('select * from ops.breaks'), [])
  t.same(await audit(db), [])
})

const tables = {
  trades: 'matching.trades',
  settled: 'settlement.settled_instructions',
  pending: 'settlement.pending_instructions',
  waiting: 'settlement.waiting_instructions',
  netted: 'settlement.cancelled_instructions',
  transfers: 'ledger.transfers',
  journals: 'ledger.journals',
}
type Table = keyof typeof tables

/** The first by its key of a table, so that each row that is tampered with is old. */
const firstOf = {
  trades: '(select min(trade_id) from matching.trades)',
  settled: '(select min(instruction_id) from settlement.settled_instructions)',
  pending: '(select max(instruction_id) from settlement.pending_instructions)',
  waiting: '(select max(instruction_id) from settlement.waiting_instructions)',
  netted: '(select min(instruction_id) from settlement.cancelled_instructions)',
  transfers: "(select min(journal_id) from ledger.journals where kind = 'SETTLEMENT')",
  journals: "(select min(journal_id) from ledger.journals where kind = 'SETTLEMENT')",
}
const keys: Record<Table, string> = {
  trades: 'trade_id',
  settled: 'instruction_id',
  pending: 'instruction_id',
  waiting: 'instruction_id',
  netted: 'instruction_id',
  transfers: 'line_no = 1 and journal_id',
  journals: 'journal_id',
}

const gone = (table: Table) =>
  `delete from ${tables[table]} where ${keys[table]} = ${firstOf[table]}`
const altered = (table: Table, change: string) =>
  `update ${tables[table]} set ${change} where ${keys[table]} = ${firstOf[table]}`

/** What is done with all rights and no triggers, and the kinds of break that it must be told as. */
const tamperings: [what: string, statement: string, kinds: string[]][] = [
  ['a trade is gone', gone('trades'), ['TRADE_MISSING']],
  ['its price', altered('trades', 'price = price + 0.01'), ['TRADE_ALTERED']],
  ['its quantity', altered('trades', 'quantity = quantity + 0.001'), ['TRADE_ALTERED']],
  ['its maker', altered('trades', 'maker_id = taker_id'), ['TRADE_ALTERED']],
  ['its order', altered('trades', 'maker_order_id = 7'), ['TRADE_ALTERED']],
  ['its fee', altered('trades', 'taker_fee = 0'), ['OBLIGATION_ALTERED']],
  ['its time', altered('trades', "traded_at = traded_at + '1 us'"), ['TRADE_ALTERED']],
  [
    'one of no order',
    `insert into matching.trades select segment_id, trade_id - 1, traded_at, symbol_id, seq - 1,
      price, quantity, taker_side, taker_order_id, maker_order_id, taker_id, maker_id, taker_fee,
      maker_fee from matching.trades where trade_id = ${firstOf.trades};
    ${altered('trades', 'price = price')}`,
    ['TRADE_ADDED'],
  ],
  ['a settled obligation is gone', gone('settled'), ['OBLIGATION_MISSING', 'SETTLEMENT_MISSING']],
  [
    'its notional',
    altered('settled', 'notional = notional + 1'),
    ['OBLIGATION_ALTERED', 'SETTLEMENT_ALTERED'],
  ],
  [
    'its parties',
    altered('settled', 'buyer_id = seller_id, seller_id = buyer_id'),
    ['OBLIGATION_ALTERED', 'SETTLEMENT_ALTERED'],
  ],
  ['its asset', altered('settled', 'base_asset_id = quote_asset_id'), ['SETTLEMENT_ALTERED']],
  ['its journal', altered('settled', 'journal_id = 1'), ['SETTLEMENT_MISSING']],
  ['its time', altered('settled', "settled_at = settled_at + '1 us'"), ['SETTLEMENT_MISSING']],
  [
    'a second one',
    `insert into settlement.pending_instructions select segment_id, instruction_id, symbol_id,
      buyer_id, seller_id, base_asset_id, quote_asset_id, quantity, notional, buyer_fee,
      seller_fee, value_date, 0, created_at from settlement.settled_instructions
      where instruction_id = ${firstOf.settled}`,
    ['OBLIGATION_TWICE', 'HOLD_DIFFERS', 'HOLD_DIFFERS'],
  ],
  [
    'one next in line is gone',
    gone('pending'),
    ['OBLIGATION_MISSING', 'HOLD_DIFFERS', 'HOLD_DIFFERS'],
  ],
  [
    'what it delivers',
    altered('pending', 'quantity = quantity + 1'),
    ['OBLIGATION_ALTERED', 'HOLD_DIFFERS'],
  ],
  [
    'one that waits is gone',
    gone('waiting'),
    ['OBLIGATION_MISSING', 'HOLD_DIFFERS', 'HOLD_DIFFERS'],
  ],
  [
    'what it pays',
    altered('waiting', 'notional = notional + 1'),
    ['OBLIGATION_ALTERED', 'HOLD_DIFFERS'],
  ],
  ['one that was netted is gone', gone('netted'), ['OBLIGATION_MISSING']],
  ['what it was', altered('netted', 'quantity = quantity + 1'), ['OBLIGATION_ALTERED']],
  ['a transfer is gone', gone('transfers'), ['TRANSFER_MISSING']],
  ['its amount', altered('transfers', 'amount = amount + 1'), ['TRANSFER_ALTERED']],
  [
    'who pays',
    altered(
      'transfers',
      `debit_participant_id = credit_participant_id,
        credit_participant_id = debit_participant_id`,
    ),
    ['TRANSFER_ALTERED'],
  ],
  ['its line', altered('transfers', 'line_no = 99999'), ['TRANSFER_ADDED', 'TRANSFER_MISSING']],
  ['a journal is gone', gone('journals'), ['JOURNAL_MISSING']],
  ['what it settled', altered('journals', "instruction_ids = '{}'"), ['JOURNAL_ALTERED']],
  ['its kind', altered('journals', "kind = 'DEPOSIT'"), ['JOURNAL_ALTERED']],
  ['its link', altered('journals', 'link = sha256(link)'), ['JOURNAL_ALTERED']],
  [
    'a deposit',
    'update ledger.transfers set amount = 7 where journal_id = 1',
    ['TRANSFER_ALTERED'],
  ],
  ['all trades', 'truncate matching.trades', []],
]

t.test(
  `whatever is gone or altered is told, and closed when it is back [OPS-001] (seed ${seed})`,
  async t => {
    const { db, trade } = await market(t)
    await trade()
    await settle(db, { limit: 1000 })
    await db.query("select ops.close_window('day', 1, $1)", [noon])
    await db.query('select clearing.run_windows(1, $1)', [noon])
    await trade()
    await settle(db, { limit: 3 })
    const worker = await openSession(t, db.workerUrl)
    t.same(await check(worker), nothing)
    const owner = await openSession(t, db.url, '-c session_replication_role=replica')
    for (const [name, table] of Object.entries(tables)) {
      await owner.query(`create table public.${name} as select * from ${table}`)
    }

    for (const [what, statement, kinds] of tamperings) {
      await owner.query(statement)
      await owner.query('select pg_stat_force_next_flush()')

      const { opened } = await check(worker)

      const told = (await open(db)).map(line => line.split(' ')[0])
      if (kinds.length > 0) t.same(told.sort(), [...kinds].sort(), what)
      t.equal(opened, told.length, what)
      t.ok(opened > 0, what)
      t.match(await check(worker), { opened: 0, closed: 0 }, 'it is told once')

      for (const [name, table] of Object.entries(tables)) {
        await owner.query(`delete from ${table}`)
        await owner.query(`insert into ${table} select * from public.${name}`)
      }
      await owner.query('select pg_stat_force_next_flush()')
      t.match(await check(worker, { now: '2026-03-02T12:05:00Z' }), { opened: 0, closed: opened })
      t.same(await open(db), [], `${what}: mended`)
    }
    const [last] = await db.query('select * from v_breaks limit 1')
    t.match(last, { found_at: '2026-03-02T12:00:00.000Z', closed_at: '2026-03-02T12:05:00.000Z' })
    t.same(await audit(db), [])
  },
)

t.test('what settles in parts has no break until a part is gone [OPS-001]', async t => {
  const traders = { alice: { USD: '10000' }, bob: { BTC: '40' } }
  const parts = { partial_unit: '10', partial_minimum: '20' }
  const { db, instruct, pass, states } = await waitingMarket(t, traders, parts)
  const worker = await openSession(t, db.workerUrl)
  const id = await instruct({ quantity: '100', amount: '1000' })
  await pass()
  t.same(await check(worker), nothing, 'a part is final')
  await fund(db, 'bob', 'BTC', '60', monday)
  await pass()
  t.same(await states(id), ['SETTLED 100'])
  t.same(await check(worker), nothing, 'all of it is')
  const owner = await openSession(t, db.url, '-c session_replication_role=replica')

  await owner.query('delete from settlement.parts where part_no = 1')
  await owner.query('select pg_stat_force_next_flush()')
  await check(worker)
  t.same(await open(db), [`SETTLEMENT_MISSING ${id}`])
})

t.test('what PostgreSQL did not count is found in turn [OPS-001]', async t => {
  const { db, trade } = await market(t)
  await trade()
  await settle(db)
  const worker = await openSession(t, db.workerUrl)
  await check(worker)
  const owner = await openSession(t, db.url, '-c track_counts=off')
  await owner.query(altered('trades', 'price = price + 0.01'))

  const first = await check(worker, { limit: 20 })
  let passes = 0
  while ((await open(db)).length === 0 && passes < 500) {
    await check(worker, { limit: 20 })
    passes++
  }

  t.equal(first.is_behind, false)
  t.match(await open(db), [/^TRADE_ALTERED/])
})

t.test('two processes do not check at once', async t => {
  const { db, trade } = await market(t)
  await trade()
  const [one, other] = [await openSession(t, db.url), await openSession(t, db.workerUrl)]
  await one.query('begin')
  await check(one)
  t.same(await check(other), nothing)
  t.same(await other.query('select 1 as one'), [{ one: 1 }])
  await one.query('rollback')

  t.same(await db.query('select * from ops.break_cursors'), [])
  t.same(await check(other), nothing)
  t.ok((await db.query('select * from ops.break_cursors')).length > 3)
})
