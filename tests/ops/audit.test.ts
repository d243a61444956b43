import t from 'tap'
import { testDatabase } from '../helpers/database.ts'
import {
  audit,
  buy,
  command,
  createMarket,
  execute,
  fund,
  noon,
  type Queryable,
  sell,
  settle,
} from '../helpers/market.ts'
import { createFlow } from '../helpers/random-flow.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'
import { type Corruption, plantEach } from './corruptions.ts'

/** A venue in the middle of its day: some of everything is open, ended, pending and settled. */
async function trade(db: Queryable): Promise<void> {
  const traders = { alice: { USD: '100000', BTC: '5' }, bob: { BTC: '10', USD: '1000' } }
  await createMarket(db, { symbols: { 'BTC-USD': {}, 'ETH-USD': {} }, traders })
  await execute(db, 'BTC-USD', [
    sell('bob', '2', '1000'),
    buy('alice', '0.5', '1000'),
    sell('bob', '1', '1010', { client_order_id: 'gone' }),
    command({ op: 'CANCEL', client_id: 'bob', client_order_id: 'gone' }),
    buy('alice', '99999', '1000'),
    buy('alice', '1', '1'),
    buy('bob', '0.1', '999'),
    sell('alice', '0.05', '999'),
    buy('alice', '1', '2100', { type: 'STOP_LIMIT', stop_price: '2000' }),
  ])
  await settle(db, { limit: 1 })
  const ask = "select api.request_withdrawal(1, 'alice', 'USD', $1::numeric, $1::text, 'ann', $2)"
  for (const amount of ['10', '20', '30']) await db.query(ask, [amount, noon])
  await db.query("select api.approve_withdrawal(1, 1, 'bea', $1)", [noon])
  await db.query("select api.reject_withdrawal(1, 2, 'bea', 'not now', $1)", [noon])
}

/** Each as the owner of the tables might do by mistake: what audit() must then name, and where. */
const corruptions: Corruption[] = [
  ['a balance', account('alice', 'USD', 'posted = posted + 1'), 'balance posted', /^alice USD$/],
  ['money from nowhere', account('bob', 'BTC', 'posted = 99'), 'asset sums to zero', /^BTC$/],
  ['a hold too much', account('bob', 'USD', 'held = held + 0.01'), 'balance held', /^bob USD$/],
  ['a hold lost', account('bob', 'BTC', 'held = held - 0.01'), 'balance held', /^bob BTC$/],
  [
    'what is to come',
    account('bob', 'BTC', 'unsettled_in = unsettled_in + 1'),
    'balance unsettled_in',
    /^bob BTC$/,
  ],
  [
    'what is to go',
    account('bob', 'USD', 'unsettled_out = 0'),
    'balance unsettled_out',
    /^bob USD$/,
  ],
  ['an account lost', 'delete from ledger.accounts where held > 0', 'balance posted', /./],
  [
    'a transfer altered',
    "update ledger.transfers set amount = amount + 1 where kind = 'PAYMENT'",
    'settlement transfers',
    /^1000000000002$/,
  ],
  [
    'a transfer turned round',
    `update ledger.transfers set debit_participant_id = credit_participant_id,
      credit_participant_id = debit_participant_id where kind = 'DELIVERY'`,
    'settlement transfers',
    /^1000000000002$/,
  ],
  [
    'a deposit altered',
    "update ledger.transfers set amount = 1 where kind = 'DEPOSIT' and amount = 1000",
    'balance posted',
    /^bob USD$/,
  ],
  [
    'a transfer lost',
    "delete from ledger.transfers where kind = 'SELLER_FEE'",
    'journal transfers',
    /^\d+$/,
  ],
  [
    'a transfer that nothing caused',
    `insert into ledger.transfers select segment_id, journal_id, 9, kind, asset_id,
      debit_participant_id, credit_participant_id, amount, instruction_id, posted_at
    from ledger.transfers where kind = 'PAYMENT'`,
    'settlement transfers',
    /^1000000000002$/,
  ],
  [
    'a filled quantity',
    `update matching.orders set filled_quantity = 0.4, remaining_quantity = 1.6
    where status = 'PARTIALLY_FILLED' and quantity = 2`,
    'order filled',
    /^1000000000001$/,
  ],
  [
    'a filled notional',
    'update matching.orders set filled_notional = 1 where filled_quantity = 0.5',
    'order notional',
    /^100000000000[12]$/,
  ],
  [
    'a fee charged',
    'update matching.orders set fee_amount = 9 where order_id = 1000000000002',
    'order fee',
    /^1000000000002$/,
  ],
  [
    'an order lost',
    'delete from matching.orders where order_id = 1000000000002',
    'order filled',
    /^1000000000002$/,
  ],
  [
    'a status',
    "update matching.orders set status = 'OPEN' where order_id = 1000000000002",
    'order status',
    /^1000000000002$/,
  ],
  [
    'a match prevented that was not',
    `insert into matching.prevented_matches
    select t.segment_id, 9, t.traded_at, t.symbol_id, 9, 'CANCEL_TAKER', t.price, t.taker_order_id,
      t.maker_order_id, t.taker_id, t.maker_id, 0.1, 0
    from matching.trades as t where t.taker_order_id = 1000000000002`,
    'order prevented',
    /^1000000000002$/,
  ],
  [
    'what is left of an order that waits',
    'update matching.parked_orders set quantity = 2',
    'parked order',
    /^1000000000008$/,
  ],
  [
    'a stop order that nothing fires',
    'delete from matching.stop_orders_watchlist',
    'stop order watched',
    /^1000000000008$/,
  ],
  [
    'what is left in the book',
    'update matching.book set remaining_quantity = 1.4 where remaining_quantity = 1.5',
    'book remaining',
    /^1000000000001$/,
  ],
  [
    'an order out of the book',
    'delete from matching.book where order_id = 1000000000001',
    'book remaining',
    /1$/,
  ],
  [
    'an order in the book that is gone',
    `insert into matching.book select segment_id, symbol_id, side, 1010, 5, 1000000000003,
      participant_id, created_at, 1, 1, 0, 0 from matching.book where order_id = 1000000000001`,
    'book remaining',
    /^1000000000003$/,
  ],
  [
    'a price in the book',
    'update matching.book set sort_price = 1001 where order_id = 1000000000001',
    'book remaining',
    /^1000000000001$/,
  ],
  [
    'the owner of an order in the book',
    'update matching.book set participant_id = 1 where order_id = 1000000000001',
    'book remaining',
    /^1000000000001$/,
  ],
  [
    'a hold in the book',
    'update matching.book set hold_amount = 1.6 where side = $$SELL$$',
    'book hold',
    /1$/,
  ],
  [
    'a book that is crossed',
    "update matching.book set sort_price = -1000 where side = 'BUY' and sort_price = -999",
    'book crossed',
    /^BTC-USD$/,
  ],
  ['an event lost', 'delete from matching.events where seq = 3', 'events dense', /^BTC-USD$/],
  [
    'the last event lost',
    `delete from matching.events where (symbol_id, seq) in
      (select symbol_id, last_seq from matching.symbol_state)`,
    'events dense',
    /^BTC-USD$/,
  ],
  [
    'a number that was given to no event',
    'update matching.symbol_state set last_seq = last_seq + 1 where symbol_id = 1',
    'events dense',
    /^BTC-USD$/,
  ],
  [
    'a trade that was told otherwise',
    "update matching.events set price = price + 1 where kind = 'TRADE' and seq = 2",
    'trade event',
    /^1 2$/,
  ],
  [
    'a trade altered',
    'update matching.trades set quantity = 0.6 where seq = 2',
    'trade instruction',
    /2$/,
  ],
  [
    'a trade lost',
    'delete from matching.trades where seq = 2',
    'trade instruction',
    /^1000000000002$/,
  ],
  [
    'an instruction lost',
    'delete from settlement.pending_instructions',
    'trade instruction',
    /^100000000001\d$|^1000000000009$/,
  ],
  [
    'an instruction that waits and is in line',
    `insert into settlement.waiting_instructions
    select i.*, 'PENDING', 'SYSTEM', null, i.created_at, i.created_at
    from settlement.pending_instructions as i`,
    'instruction settled once',
    /^10000000000\d\d$/,
  ],
  [
    'an instruction altered',
    'update settlement.pending_instructions set notional = notional + 1',
    'trade instruction',
    /^10000000000\d\d$/,
  ],
  [
    'an instruction that settled twice',
    `insert into settlement.settled_instructions select segment_id, instruction_id, symbol_id,
      buyer_id, seller_id, base_asset_id, quote_asset_id, quantity, notional, buyer_fee, seller_fee,
      value_date, attempts, created_at, settled_at + interval '1 s', journal_id
    from settlement.settled_instructions`,
    'instruction settled once',
    /^1000000000002$/,
  ],
  [
    'an instruction that settled and is pending',
    `insert into settlement.pending_instructions select segment_id, instruction_id, symbol_id,
      buyer_id, seller_id, base_asset_id, quote_asset_id, quantity, notional, buyer_fee, seller_fee,
      value_date, 0, created_at
    from settlement.settled_instructions`,
    'instruction settled once',
    /^1000000000002$/,
  ],
  [
    'a net that is not what was owed',
    `insert into clearing.nets
      (segment_id, window_id, participant_id, asset_id, amount, gross_in, gross_out)
    values (1, 77, 1, 1, 1, 1, 0)`,
    'window net',
    /^77 1 1$/,
  ],
  [
    'a window that posted what it did not owe',
    `with s as (insert into clearing.netting_sets values (1, 'x', 'NET', 'BILATERAL', null, now()))
    insert into clearing.windows (segment_id, netting_set, opened_at, closed_at, settled_at,
      journal_id) select 1, 'x', now(), now(), now(), min(journal_id) from ledger.journals`,
    'window posting',
    /^1 \d+ \d+$/,
  ],
  [
    'a part that is not what was settled',
    `insert into settlement.parts select segment_id, instruction_id, 1, quantity + 0.001, notional,
      buyer_fee, seller_fee, settled_at, journal_id
    from settlement.settled_instructions`,
    'settlement parts',
    /^1000000000002$/,
  ],
  [
    'an instruction settled by another journal',
    'update settlement.settled_instructions set journal_id = 1',
    'settlement transfers',
    /^1000000000002$/,
  ],
  [
    'a withdrawal altered',
    "update ledger.withdrawals set amount = 11 where status = 'POSTED'",
    'withdrawal transfer',
    /^1$/,
  ],
  [
    'a withdrawal paid out and forgotten',
    "delete from ledger.withdrawals where status = 'POSTED'",
    'withdrawal transfer',
    /./,
  ],
  [
    'a withdrawal that is held for nothing',
    "delete from ledger.withdrawals where status = 'PENDING'",
    'balance held',
    /^alice USD$/,
  ],
  [
    'a withdrawal paid out for another',
    `update ledger.withdrawals set status = 'POSTED', decided_by = 'bea', decided_at = now(),
      journal_id = (select max(journal_id) from ledger.withdrawals) where status = 'PENDING'`,
    'withdrawal journal',
    /^1$/,
  ],
  [
    'what a journal counts',
    'update ledger.journals set transfer_count = 5',
    'journal transfers',
    /./,
  ],
  [
    'what a journal says it settled',
    "update ledger.journals set instruction_ids = '{1}' where kind = 'SETTLEMENT'",
    'journal instructions',
    /^\d+$/,
  ],
  [
    'a journal lost',
    "delete from ledger.journals where kind = 'SETTLEMENT'",
    'journals dense',
    /^1$/,
  ],
  [
    'a number that was given to no journal',
    'update ledger.segment_state set last_finality_no = last_finality_no + 1',
    'journals dense',
    /^1$/,
  ],
]

function account(client: string, asset: string, set: string): string {
  return `update ledger.accounts set ${set}
    where participant_id = (select participant_id from reference.participants
        where client_id = '${client}')
      and asset_id = (select asset_id from reference.assets where asset = '${asset}')`
}

t.test('audit() names each corruption that is planted, and nothing before or after', async t => {
  const db = await testDatabase(t)
  await trade(db)
  await plantEach(t, db, corruptions)
})

t.test('every check of audit() is among those that are tried', async t => {
  const db = await testDatabase(t)

  const [row] = await db.query(`
    select array_agg(distinct m[1] order by m[1]) as names
    from pg_proc as p
    cross join regexp_matches(p.prosrc,
      '''((?:balance|asset|order|parked|stop|book|event|trade|instruction|settlement|journal|'
      'withdrawal|window)s?'
      ' [a-z_ ]+)''', 'g') as m
    where p.pronamespace = 'ops'::regnamespace and p.proname ~ '^audit_'`)

  t.same(row?.names, [...new Set(corruptions.map(([, , name]) => name))].sort())
})

t.test(`a venue is healthy after every batch of a long random day (seed ${seed})`, async t => {
  const random = randomNumbers()
  const db = await testDatabase(t)
  const traders = ['alice', 'bob', 'carol']
  await createMarket(db, { traders: Object.fromEntries(traders.map(name => [name, {}])) })
  for (const trader of traders) {
    await fund(db, trader, 'USD', '300')
    await fund(db, trader, 'BTC', '3')
  }
  const next = createFlow({ random, traders, middle: 100 })

  for (let batch = 1; batch <= 40; batch++) {
    await execute(db, 'BTC-USD', next(1 + Math.floor(random() * 30)))
    if (random() < 0.4) await settle(db, { limit: 10 })
    const found = await audit(db)
    if (found.length > 0) return t.same(found, [], `after batch ${batch}`)
  }
  const [row] = await db.query(`select count(distinct status)::int as statuses,
    (select count(*)::int from matching.trades) as trades from matching.orders`)
  t.ok(row?.trades > 100, `${row?.trades} trades`)
  t.ok(row?.statuses >= 5, 'orders ended in every way')
})
