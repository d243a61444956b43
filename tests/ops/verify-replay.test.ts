import t from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { createFullFlow } from '../helpers/full-flow.ts'
import { audit, buy, command, createMarket, execute, noon, sell } from '../helpers/market.ts'
import { mutateFunction } from '../helpers/mutation.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'

const traders = ['alice', 'bob', 'carol']

interface Difference {
  seq: string
  what: string
  kept: Record<string, unknown> | string | null
  replayed: Record<string, unknown> | string | null
}

const verify = (db: TestDatabase, from = 1) =>
  db.query<Difference & Record<string, unknown>>(
    "select seq::int, what, kept, replayed from ops.verify_replay('BTC-USD', $1)",
    [from],
  )

/** Orders of every type, prices from outside, halts, other symbols with the same traders' money. */
async function trade(db: TestDatabase, batches: number): Promise<void> {
  const funds = { USD: '400', BTC: '40', ETH: '40' }
  await createMarket(db, {
    symbols: { 'ETH-USD': {}, 'BTC-USD': {} },
    traders: Object.fromEntries(traders.map(name => [name, funds])),
  })
  const random = randomNumbers()
  const plan = { random, traders, middle: 10 }
  const next = createFullFlow(plan)
  const other = createFullFlow({ ...plan, name: 'other' })
  let ms = Date.parse(noon)
  for (let i = 0; i < batches; i++) {
    ms += Math.floor(random() * 2000)
    const now = new Date(ms)
    await execute(db, 'BTC-USD', next(1 + Math.floor(random() * 12), now), {
      now: now.toISOString(),
      atomic: random() < 0.2,
    })
    if (random() < 0.3) {
      await execute(db, 'ETH-USD', other(5, now), { now: now.toISOString() })
    }
    if (random() < 0.1) {
      const price = (10 + random() * 0.2 - 0.1).toFixed(2)
      const text = "select ops.publish_price('BTC-USD', 'MARK', $1, 1, $2)"
      await db.query(text, [price, now.toISOString()])
    }
    if (random() < 0.05) {
      await db.query("select ops.halt_symbol('BTC-USD', 'a test')")
      await execute(db, 'BTC-USD', next(3, now), { now: now.toISOString() })
      await db.query("select ops.resume_symbol('BTC-USD')")
    }
    if (random() < 0.1) await execute(db, 'BTC-USD', [], { now: now.toISOString() })
  }
}

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
  await trade(db, 150)
  t.same(await audit(db), [])
  const before = await standing(db)

  t.same(await verify(db), [])

  t.same(await standing(db), before, 'and nothing is left of it')
  const [row] = await db.query(`select
    (select count(*)::int from matching.trades) as trades,
    (select array_agg(distinct o.type::text order by o.type::text)
      from matching.orders as o where o.filled_quantity > 0) as types,
    (select array_agg(distinct e.kind::text order by e.kind::text) from matching.events as e) as kinds`)
  t.comment(row)
  t.ok(row?.trades > 300, `${row?.trades} trades`)
})
