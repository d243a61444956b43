import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { audit, buy, command, createMarket, execute, noon, sell } from '../helpers/market.ts'
import { after, eventsAfter, passTime, phaseOf, setPhase, stateOf } from './sessions.ts'

const round = { tick: '1', lot: '1', maker_rate: '0', taker_rate: '0' }
const rich = { USD: '100000', BTC: '1000' }
const traders = { alice: rich, bob: rich, carol: rich }

async function market(t: Test): Promise<TestDatabase> {
  const db = await testDatabase(t)
  await createMarket(db, { symbols: { 'BTC-USD': round }, traders })
  await execute(db, 'BTC-USD', [sell('bob', '1', '100'), buy('carol', '1', '100')])
  return db
}

const atOpening = (size: { quantity: string | null; quote_quantity?: string }) =>
  command({ client_id: 'alice', side: 'BUY', type: 'MARKET', time_in_force: 'OPG', ...size })

t.test('[MAT-086] a market order for a call has no price where it is refused', async t => {
  const db = await market(t)

  const [early] = await execute(db, 'BTC-USD', [atOpening({ quantity: '1' })])
  await setPhase(db, 'CALL')
  const [taken] = await execute(db, 'BTC-USD', [atOpening({ quantity: '1' })])

  t.match(early, { status: 'REJECTED', reject_code: 'NOT_IN_CALL', price: null })
  t.match(taken, { status: 'OPEN', price: '110' })
})

t.test('[MAT-047] a market order for a call has no quote quantity', async t => {
  const db = await market(t)
  await setPhase(db, 'CALL')

  const [answer] = await execute(db, 'BTC-USD', [
    atOpening({ quantity: null, quote_quantity: '500' }),
  ])

  t.match(answer, { error_code: 'QUANTITY_NOT_ALLOWED', order_id: null })
})

t.test('[MAT-021] an order of the day is the same one on the next day', async t => {
  const db = await market(t)
  const day = buy('alice', '1', '90', { time_in_force: 'DAY', client_order_id: 'x' })
  const [first] = await execute(db, 'BTC-USD', [day])

  const [again] = await execute(db, 'BTC-USD', [day], { now: after(24 * 60) })

  t.strictSame(again, first)
  t.equal(await stateOf(db, first?.order_id), 'EXPIRED DAY 0')
})

/** A call that would have ended while the symbol was halted. */
async function outlasted(t: Test): Promise<TestDatabase> {
  const db = await market(t)
  await setPhase(db, 'CALL', { until: after(5) })
  await execute(db, 'BTC-USD', [sell('bob', '1', '99'), buy('alice', '1', '101')])
  await db.query("select ops.halt_symbol('BTC-USD', 'why', 1, $1)", [after(1)])
  return db
}

const phases = async (db: TestDatabase) =>
  (await eventsAfter(db, 0)).flatMap(({ kind, phase, reason, at }) =>
    kind === 'PHASE' ? [`${new Date(String(at)).toISOString()} ${phase} ${reason}`] : [],
  )

t.test('[MAT-075] a call that a halt outlasted ends once when the symbol is resumed', async t => {
  const db = await outlasted(t)

  await db.query("select ops.resume_symbol('BTC-USD', null, 1, $1)", [after(9)])

  t.strictSame(await phases(db), [
    `${new Date(noon).toISOString()} CALL OPERATOR`,
    `${after(1)} CALL HALTED`,
    `${after(9)} CALL RESUMED`,
    `${after(9)} CONTINUOUS SCHEDULE`,
  ])
  t.same(await audit(db), [])
})

t.test('[MAT-075] a symbol that is resumed through a call does not trade before', async t => {
  const db = await outlasted(t)
  const trades = async () =>
    (await eventsAfter(db, 4)).filter(({ kind }) => kind === 'TRADE').length

  await db.query("select ops.resume_symbol('BTC-USD', '1 minute', 1, $1)", [after(9)])

  t.equal(await trades(), 0)
  t.equal(await phaseOf(db), 'CALL CONTINUOUS')
  await passTime(db, after(10))
  t.equal(await trades(), 1)
  t.equal(await phaseOf(db), 'CONTINUOUS')
  t.same(await audit(db), [])
})

const stop = (client_order_id: string, side: 'BUY' | 'SELL', more: object) =>
  command({
    client_id: 'carol',
    client_order_id,
    side,
    quantity: '1',
    time_in_force: 'IOC',
    ...more,
  })

/** What waits, with the price that fires it. */
const waiting = async (db: TestDatabase) =>
  (
    await db.query<{ said: string }>(
      `select concat_ws(' ', o.client_order_id, trim_scale(w.stop_price)) as said
       from matching.stop_orders_watchlist as w join matching.orders as o using (order_id)
       order by o.order_id`,
    )
  ).map(({ said }) => said)

for (const [next, left] of [
  ['CLOSED', ['trail 114', 'stop 110']],
  ['CONTINUOUS', ['trail 114']],
] as const) {
  t.test(`[MAT-051] [MAT-057] an uncrossing into ${next} and the orders that wait`, async t => {
    const db = await market(t)
    await execute(db, 'BTC-USD', [
      stop('trail', 'SELL', { type: 'TRAILING_STOP', trailing_bips: 500 }),
      stop('stop', 'BUY', { type: 'STOP', stop_price: '110' }),
    ])
    t.strictSame(await waiting(db), ['trail 95', 'stop 110'])
    await setPhase(db, 'CALL', { until: after(5), next })
    await execute(db, 'BTC-USD', [sell('bob', '2', '120'), buy('alice', '1', '120')])

    await passTime(db, after(5))

    t.strictSame(await waiting(db), left)
    await setPhase(db, 'CONTINUOUS', { now: after(6) })
    t.strictSame(await waiting(db), left, 'it waits for a trade')
    await execute(db, 'BTC-USD', [buy('alice', '5', '100')], { now: after(7) })
    await execute(db, 'BTC-USD', [sell('bob', '1', '100')], { now: after(7) })
    t.notMatch(await waiting(db), ['trail 114'], 'behind the price of the call')
    t.same(await audit(db), [])
  })
}

t.test('[MAT-070] where only cancels are taken, the same price and less is taken too', async t => {
  const db = await market(t)
  const named = { op: 'AMEND', client_id: 'alice', client_order_id: 'x' } as const
  await execute(db, 'BTC-USD', [buy('alice', '5', '90', { client_order_id: 'x' })])
  await db.query("select ops.restrict_symbol('BTC-USD', 'why', 1, $1)", [after(1)])

  const [less, same, other] = await execute(db, 'BTC-USD', [
    command({ ...named, price: '90', quantity: '4' }),
    command({ ...named, price: '90' }),
    command({ ...named, price: '91', quantity: '3' }),
  ])
  const [more] = await execute(db, 'BTC-USD', [command({ ...named, price: '90', quantity: '5' })])

  t.match(less, { error_code: null, quantity: '4' })
  t.match(same, { error_code: null })
  t.match(other, { error_code: 'CANCEL_ONLY' })
  t.match(more, { error_code: 'CANCEL_ONLY' })
  t.same(await audit(db), [])
})

t.test('[MAT-057] what is to fire at once does so behind a call that is over', async t => {
  const db = await market(t)
  await setPhase(db, 'CALL', { until: after(5), next: 'CONTINUOUS' })
  await execute(db, 'BTC-USD', [sell('bob', '1', '102')])
  const fires = { type: 'STOP', stop_price: '90', trigger_immediately: true }

  const [answer] = await execute(db, 'BTC-USD', [stop('now', 'BUY', fires)], { now: after(6) })

  t.match(answer, { error_code: null, status: 'FILLED' })
  t.same(await audit(db), [])
})
