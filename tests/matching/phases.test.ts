import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import {
  audit,
  balances,
  buy,
  createMarket,
  execute,
  noon,
  sell,
  settle,
} from '../helpers/market.ts'
import { ask, bid, rest } from './resting-orders.ts'
import { after, eventsAfter, passTime, phaseOf, setPhase, stateOf } from './sessions.ts'

const traders = {
  alice: { USD: '100000', BTC: '100' },
  bob: { USD: '100000', BTC: '100' },
  carol: { USD: '100000', BTC: '100' },
}
const round = { tick: '1', lot: '1', maker_rate: '0', taker_rate: '0' }

async function market(t: Test, symbol = {}): Promise<TestDatabase> {
  const db = await testDatabase(t)
  await createMarket(db, { symbols: { 'BTC-USD': { ...round, ...symbol } }, traders })
  return db
}

const set = (db: TestDatabase, columns: string) =>
  db.query(`update reference.symbols set ${columns}`)

t.test('[MAT-074] a call ends in an uncrossing: one price, told, traded and settled', async t => {
  const db = await market(t, { maker_rate: '0.001', taker_rate: '0.002' })
  await setPhase(db, 'CALL', { until: after(5) })
  const [seller, buyer, better] = await rest(db, 'BTC-USD', [
    ask('bob', '10', '100'),
    bid('alice', '8', '100'),
    bid('carol', '5', '102'),
  ])

  await passTime(db, after(5))

  t.equal(await phaseOf(db), 'CONTINUOUS')
  t.match(await eventsAfter(db, 4), [
    {
      kind: 'UNCROSSED',
      order_id: null,
      price: '100',
      quantity: '10',
      remaining: '3',
      side: 'BUY',
    },
    {
      kind: 'TRADE',
      order_id: better,
      maker_order_id: seller,
      price: '100',
      quantity: '5',
      reason: 'AUCTION',
    },
    { kind: 'TRADE', order_id: buyer, maker_order_id: seller, quantity: '5', maker_remaining: '0' },
    {
      kind: 'UNCROSSED',
      order_id: better,
      quantity: '5',
      remaining: '0',
      prior_price: '102',
      prior_remaining: '5',
    },
    {
      kind: 'UNCROSSED',
      order_id: buyer,
      quantity: '5',
      remaining: '3',
      prior_price: '100',
      prior_remaining: '8',
    },
    { kind: 'UNCROSSED', order_id: seller, quantity: '10', remaining: '0', prior_price: '100' },
    { kind: 'PHASE', phase: 'CONTINUOUS', reason: 'SCHEDULE', order_id: null },
  ])
  t.equal(await stateOf(db, seller), 'FILLED 10')
  t.equal(await stateOf(db, buyer), 'PARTIALLY_FILLED 5')
  t.same(await audit(db), [])
  t.match(await settle(db, { now: after(6) }), { settled: 2 })
  t.same(await audit(db), [])
  // 5 for 500 and a fee of 1; of the rest 300 and at most 0.6 are held.
  t.match(await balances(db, 'alice'), { BTC: '105 0 0 0', USD: '99198.4 300.6 0 0' })
  t.match(await balances(db, 'carol'), { BTC: '105 0 0 0', USD: '99499 0 0 0' })
})

t.test('[MAT-073] orders of one participant meet in it, and that is flagged', async t => {
  const db = await market(t)
  await setPhase(db, 'CALL', { until: after(5) })
  await rest(db, 'BTC-USD', [ask('alice', '10', '100'), bid('alice', '10', '100')])

  await passTime(db, after(5))

  t.match((await eventsAfter(db, 3))[1], { kind: 'TRADE', reason: 'SELF_AUCTION' })
  t.same(await audit(db), [])
  t.match(await settle(db, { now: after(6) }), { settled: 1 })
  t.match(await balances(db, 'alice'), { BTC: '100 0 0 0', USD: '100000 0 0 0' })
  t.same(await audit(db), [])
})

t.test('[MAT-073] and so is a trade within a group', async t => {
  const db = await market(t)
  await db.query("update reference.participants set trade_group = 'G' where client_id <> 'carol'")
  await setPhase(db, 'CALL', { until: after(5) })
  await rest(db, 'BTC-USD', [
    ask('alice', '10', '100'),
    bid('bob', '5', '100'),
    bid('carol', '5', '100'),
  ])

  await passTime(db, after(5))

  t.match((await eventsAfter(db, 4)).slice(1, 3), [
    { reason: 'SELF_AUCTION' },
    { reason: 'AUCTION' },
  ])
})

t.test(
  '[MAT-074] with the uncrossing orders for calls end, whether or not they traded',
  async t => {
    const db = await market(t)
    await setPhase(db, 'CALL', { until: after(5) })
    const orders = await rest(db, 'BTC-USD', [
      bid('alice', '5', '100', { rule: 'GFA' }),
      bid('alice', '5', '99', { rule: 'OPG' }),
      bid('alice', '5', '98'),
      ask('bob', '7', '99', { rule: 'OPG' }),
      ask('bob', '7', '120', { rule: 'GFA' }),
    ])

    await passTime(db, after(5))

    t.same(await Promise.all(orders.map(id => stateOf(db, id))), [
      'FILLED 5',
      'EXPIRED AUCTION_ONLY 2',
      'OPEN 0',
      'FILLED 7',
      'EXPIRED AUCTION_ONLY 0',
    ])
    t.match((await eventsAfter(db, 9)).slice(-3), [
      {
        kind: 'EXPIRED',
        order_id: orders[1],
        remaining: '0',
        prior_price: '99',
        prior_remaining: '3',
        reason: 'AUCTION_ONLY',
      },
      { kind: 'EXPIRED', order_id: orders[4], prior_price: '120', prior_remaining: '7' },
      { kind: 'PHASE' },
    ])
    t.same(await audit(db), [])
  },
)

t.test('[MAT-074] orders for continuous trading end when a call begins', async t => {
  const db = await market(t)
  const [only, good] = await rest(db, 'BTC-USD', [
    bid('alice', '5', '98', { rule: 'GTX' }),
    bid('alice', '5', '98'),
  ])

  await setPhase(db, 'CALL', { until: after(5) })

  t.equal(await stateOf(db, only), 'EXPIRED AUCTION_ONLY 0')
  t.equal(await stateOf(db, good), 'OPEN 0')
  t.match(await eventsAfter(db, 2), [
    { kind: 'EXPIRED', order_id: only, reason: 'AUCTION_ONLY' },
    { kind: 'PHASE', phase: 'CALL', phase_end_at: new Date(after(5)), reason: 'OPERATOR' },
    { kind: 'INDICATIVE', price: null, quantity: '0' },
  ])
  t.same(await audit(db), [])
})

t.test('[MAT-074] a call in which nothing trades says so', async t => {
  const db = await market(t)
  await setPhase(db, 'CALL', { until: after(5) })

  await passTime(db, after(5))

  t.match(await eventsAfter(db, 1), [
    { kind: 'UNCROSSED', price: null, quantity: '0' },
    { kind: 'PHASE', phase: 'CONTINUOUS' },
  ])
})

t.test(
  '[MAT-074] what came while it was closed uncrosses when continuous trading begins',
  async t => {
    const db = await market(t)
    await setPhase(db, 'CLOSED')
    await rest(db, 'BTC-USD', [bid('alice', '5', '100'), ask('bob', '5', '99')])

    await setPhase(db, 'CONTINUOUS', { now: after(1) })

    t.match((await eventsAfter(db, 3)).slice(0, 2), [
      { kind: 'UNCROSSED' },
      { kind: 'TRADE', price: '100' },
    ])
    await setPhase(db, 'CLOSED', { now: after(2) })
    await setPhase(db, 'CONTINUOUS', { now: after(3) })
    t.match(
      (await eventsAfter(db, 8)).map(event => event.kind),
      ['PHASE', 'PHASE'],
    )
  },
)

t.test('[MAT-075] what was missed is done in its order, each at its own time', async t => {
  const db = await market(t)
  await db.query(`select ops.create_calendar('C', 'UTC', $1, array_fill('D'::text, array[7]))`, [
    JSON.stringify({
      D: [
        ['09:00', 'CALL'],
        ['09:30', 'CONTINUOUS'],
        ['16:00', 'CALL'],
        ['16:05', 'CLOSED'],
      ],
    }),
  ])
  await db.query("select ops.set_calendar('BTC-USD', 'C', 1, $1)", [noon])
  t.equal(await phaseOf(db), 'CONTINUOUS CALL')
  const [buyer, seller] = await rest(db, 'BTC-USD', [
    bid('alice', '5', '101', { rule: 'DAY', expire_at: '2026-03-02T16:05:00Z' }),
    ask('bob', '7', '100'),
  ])

  await passTime(db, '2026-03-03T10:00:00Z')

  t.equal(await phaseOf(db), 'CONTINUOUS CALL')
  const told = await eventsAfter(db, 3)
  t.match(
    told.filter(event => event.kind === 'PHASE'),
    [
      { phase: 'CALL', at: new Date('2026-03-02T16:00:00Z') },
      { phase: 'CLOSED', at: new Date('2026-03-02T16:05:00Z') },
      { phase: 'CALL', at: new Date('2026-03-03T09:00:00Z') },
      { phase: 'CONTINUOUS', at: new Date('2026-03-03T09:30:00Z') },
    ],
  )
  t.match(told[2], { kind: 'TRADE', at: new Date('2026-03-02T16:05:00Z') }, '[MAT-079] of the day')
  t.equal(await stateOf(db, buyer), 'FILLED 5')
  t.equal(await stateOf(db, seller), 'PARTIALLY_FILLED 5')
  t.same(await audit(db), [])
})

t.test('[MAT-076] a call ends later than announced by what was drawn, told only then', async t => {
  const db = await market(t)
  await set(db, "auction_random = '30 seconds'")
  await setPhase(db, 'CALL', { until: after(5), draw: '0.5' })

  await passTime(db, after(5, 14.999))
  t.equal(await phaseOf(db), 'CALL CONTINUOUS')
  t.match(await eventsAfter(db, 0), [{ phase: 'CALL', phase_end_at: new Date(after(5)) }])
  await passTime(db, after(5, 15))
  t.match((await eventsAfter(db, 2))[0], { phase: 'CONTINUOUS', at: new Date(after(5, 15)) })
})

t.test('[MAT-077] a call whose price is too far away goes on, as often as allowed', async t => {
  const db = await market(t)
  await set(db, "auction_extension_rate = 0.1, auction_extension_time = '2 minutes'")
  await db.query('update matching.symbol_state set reference_price = 80')
  await setPhase(db, 'CALL', { until: after(5) })
  await rest(db, 'BTC-USD', [bid('alice', '5', '100'), ask('bob', '7', '100')])

  await passTime(db, after(5))
  t.equal(await phaseOf(db), 'CALL CONTINUOUS')
  t.match(await eventsAfter(db, 3), [
    { kind: 'PHASE', phase: 'CALL', phase_end_at: new Date(after(7)), reason: 'EXTENDED' },
  ])
  await passTime(db, after(7))
  t.equal(await phaseOf(db), 'CONTINUOUS')
})

t.test('[MAT-077] a call whose price is near enough ends in time', async t => {
  const db = await market(t)
  await set(db, 'auction_extension_rate = 0.25')
  await db.query('update matching.symbol_state set reference_price = 80')
  await setPhase(db, 'CALL', { until: after(5) })
  await rest(db, 'BTC-USD', [bid('alice', '5', '100'), ask('bob', '7', '100')])

  await passTime(db, after(5))

  t.equal(await phaseOf(db), 'CONTINUOUS')
})

t.test('[MAT-078] each batch that changes the book in a call tells what it would give', async t => {
  const db = await market(t)
  await setPhase(db, 'CALL', { until: after(5) })

  await execute(db, 'BTC-USD', [buy('alice', '5', '101'), sell('bob', '7', '100')])
  await execute(db, 'BTC-USD', [buy('alice', '5', '101', { time_in_force: 'IOC' })])

  const told = await eventsAfter(db, 3)
  t.match(told[0], { kind: 'INDICATIVE', price: '100', quantity: '5', remaining: '2' })
  t.match(told.slice(1), [{ kind: 'REJECTED' }], 'a refusal changes nothing')
})
