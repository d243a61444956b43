import t from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { playMarket } from '../helpers/full-market.ts'
import {
  audit,
  buy,
  command,
  createMarket,
  execute,
  noon,
  type Queryable,
  sell,
} from '../helpers/market.ts'
import { mutateFunction } from '../helpers/mutation.ts'
import { seed } from '../helpers/seed.ts'
import { openSession } from '../helpers/session.ts'

interface Difference {
  seq: string
  what: string
  kept: Record<string, unknown> | string | null
  replayed: Record<string, unknown> | string | null
}

const verify = (db: Queryable, from = 1) =>
  db.query<Difference & Record<string, unknown>>(
    "select seq::int, what, kept, replayed from ops.verify_replay('BTC-USD', $1)",
    [from],
  )

/** All rows that a replay writes meanwhile, and what it reads. */
async function standing(db: TestDatabase): Promise<unknown> {
  const tables = [
    'orders',
    'order_keys',
    'book',
    'trades',
    'events',
    'command_log',
    'parked_orders',
  ]
  const counts = tables.map(name => `(select count(*) from matching.${name}) as ${name}`)
  return db.query(`select ${counts.join(', ')}, (select count(*) from ledger.accounts) as accounts,
    (select count(*) from reference.symbols) as symbols,
    (select count(*) from reference.segments) as segments,
    (select json_agg(s) from matching.symbol_state as s) as states`)
}

t.test(`[MAT-091] orders of every type run again as they ran (seed ${seed})`, async t => {
  const db = await testDatabase(t)
  await playMarket(db, 150)
  t.same(await audit(db), [])
  const before = await standing(db)

  t.same(await verify(db), [])

  t.same(await standing(db), before, 'and nothing is left of it')
  const [row] = await db.query(`select
    (select count(*)::int from matching.trades) as trades,
    (select count(distinct e.kind)::int from matching.events as e) as kinds,
    (select count(distinct o.type)::int
      from matching.orders as o where o.filled_quantity > 0) as types`)
  t.ok(row?.trades > 50, `${row?.trades} trades`)
  t.ok(row?.kinds > 11, `${row?.kinds} kinds of events`)
  t.ok(row?.types > 4, `${row?.types} types of orders that traded`)
})

/** Small and known: numbers 1 to 6; the trade is 3, its maker's order 1. */
async function tradeLittle(db: TestDatabase): Promise<void> {
  const funds = { USD: '1000', BTC: '10' }
  await createMarket(db, { traders: { alice: funds, bob: funds } })
  await execute(db, 'BTC-USD', [sell('bob', '2', '10', { client_order_id: 'ask' })])
  await execute(db, 'BTC-USD', [sell('bob', '1', '10')])
  await execute(db, 'BTC-USD', [buy('alice', '0.5', '10')])
  await execute(db, 'BTC-USD', [
    command({ op: 'AMEND', client_id: 'bob', client_order_id: 'ask', quantity: '1' }),
    buy('alice', '1', '9', { idempotency_key: 'bid' }),
  ])
}

/** What is changed behind the venue's back, and at which event, in what, that shows. */
const corruptions: [what: string, statement: string, expected: object][] = [
  [
    'the price of a trade',
    'update matching.trades set price = 11',
    { seq: 3, what: 'trade', kept: { price: 11 }, replayed: { price: 10, trade_id: 3 } },
  ],
  [
    'the fee of a trade',
    'update matching.trades set maker_fee = 0',
    { seq: 3, what: 'trade', kept: { maker_fee: 0 }, replayed: { maker_fee: 0.005 } },
  ],
  [
    'a trade lost',
    'delete from matching.trades',
    { seq: 3, what: 'trade', kept: null, replayed: { quantity: 0.5 } },
  ],
  [
    'an event lost',
    'delete from matching.events where seq = 2',
    { seq: 2, what: 'event', kept: null, replayed: { kind: 'OPENED', seq: 2, order_id: 2 } },
  ],
  [
    'an event altered',
    'update matching.events set maker_order_id = 1000000000002 where seq = 3',
    { seq: 3, what: 'event', kept: { maker_order_id: 2 }, replayed: { maker_order_id: 1 } },
  ],
  [
    'an order altered',
    'update matching.orders set price = 8 where price = 9',
    { seq: 6, what: 'order', kept: { price: 8 }, replayed: { price: 9 } },
  ],
  [
    'an order out of the book',
    'delete from matching.book where order_id = 1000000000002',
    { seq: 6, what: 'book' },
  ],
  [
    'a quantity in a recorded command',
    `update matching.command_log as l
     set commands = array(select case c.op when 'PLACE'
       then jsonb_populate_record(c, '{"quantity": 0.4}') else c end from unnest(l.commands) as c)
     where l.first_seq = 5`,
    { seq: 6, what: 'event', kept: { quantity: 1 }, replayed: { quantity: 0.4 } },
  ],
  [
    'the funds of a recorded batch',
    "update matching.command_log set quote_funds = '{0}' where first_seq = 3",
    { seq: 3, what: 'event', kept: { kind: 'TRADE' }, replayed: { kind: 'REJECTED' } },
  ],
  [
    'a batch out of the log',
    'delete from matching.command_log where first_seq = 2',
    { seq: 2, what: 'event', kept: { kind: 'OPENED' }, replayed: null },
  ],
  [
    'what the symbol was like',
    `update matching.symbol_terms set terms = terms || '{"maker_rate": 0.0005}'`,
    { seq: 3, what: 'trade', kept: { maker_fee: 0.005 }, replayed: { maker_fee: 0.0025 } },
  ],
]

t.test('[MAT-091] what is altered is found, at its number', async t => {
  const db = await testDatabase(t)
  await tradeLittle(db)
  t.same(await verify(db), [])
  const session = await openSession(t, db.url)

  for (const [what, statement, expected] of corruptions) {
    await session.query('begin')
    await session.query(statement)
    t.match(await verify(session), [expected], what)
    await session.query('rollback')
  }
})

t.test('[MAT-091] from which event on is asked; what comes before is run, too', async t => {
  const db = await testDatabase(t)
  await tradeLittle(db)
  await db.query('update matching.trades set price = 11')

  t.match(await verify(db, 3), [{ seq: 3 }])
  t.same(await verify(db, 4), [])
})

t.test(
  'the control: another matcher, which serves the last of a price first, is found',
  async t => {
    const db = await testDatabase(t)
    await tradeLittle(db)

    await mutateFunction(db, 'matching.read_book', [
      ['order by b.sort_price, b.priority_no\n', 'order by b.sort_price, b.priority_no desc\n'],
      ['order by c.sort_price, c.priority_no\n', 'order by c.sort_price, c.priority_no desc\n'],
    ])

    const [found, ...others] = await verify(db)
    t.match(found, { seq: 3, kept: { maker_order_id: 1 }, replayed: { maker_order_id: 2 } })
    t.same(others, [])
  },
)

t.test('[MAT-091] a matcher that breaks an invariant by now is a difference, too', async t => {
  const db = await testDatabase(t)
  await tradeLittle(db)

  await mutateFunction(db, 'matching.match_batch', [
    ['row(v_seq, v_last, v_q,', 'row(v_seq, v_last, v_q + 0.001,'],
  ])

  t.match(await verify(db), [{ seq: 3, what: 'batch', replayed: /its trades moved 1\.002/ }])
})

t.test('[MAT-091] keys, accounts and participants of later do not change a replay', async t => {
  const db = await testDatabase(t)
  await tradeLittle(db)
  const bid = buy('alice', '1', '9', { idempotency_key: 'bid' })
  const nobody = buy('dave', '1', '9')
  await execute(db, 'BTC-USD', [bid, nobody, sell('bob', '1', '12'), { ...bid, price: '8' }])
  await execute(db, 'BTC-USD', [sell('bob', '1', '13')])
  await db.query("select api.create_participant(1, 'dave', 'dave', $1)", [noon])
  await db.query("delete from matching.order_keys where client_key = 'bid'")
  await db.query('update reference.symbols set maker_rate = 0.0003, tick_size = 7')

  t.same(await verify(db), [])

  const rows = await db.query('select order_id from matching.orders order by order_id')
  t.equal(rows.at(-1)?.order_id, '1000000000008', 'the repeat and the reuse had numbers, too')
})

t.test('[MAT-091] where and when trades settle does not change a replay', async t => {
  const db = await testDatabase(t)
  await tradeLittle(db)
  await db.query("select ops.create_netting_set('day', 'NET', 'MULTILATERAL', null, 1, $1)", [noon])
  await db.query("select ops.set_netting('BTC-USD', 'day')")
  await execute(db, 'BTC-USD', [sell('bob', '1', '10'), buy('alice', '1', '10')])
  await db.query("select ops.set_netting('BTC-USD', null)")

  t.same(await verify(db), [])
})
