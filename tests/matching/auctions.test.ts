import t, { type Test } from 'tap'
import { bookChanges } from '../../app/events/book-changes.ts'
import type { EventRow } from '../../app/rows.ts'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import {
  audit,
  balances,
  buy,
  command,
  createMarket,
  execute,
  noon,
  sell,
  settle,
  type TestCommand,
} from '../helpers/market.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'
import { openSession } from '../helpers/session.ts'
import { after, eventsAfter, passTime, phaseOf, setPhase, stateOf } from './sessions.ts'

const rich = { USD: '100000', BTC: '1000' }
const traders = { alice: rich, bob: rich, carol: rich }
const round = { tick: '1', lot: '1', maker_rate: '0', taker_rate: '0' }

async function market(t: Test, symbol = {}): Promise<TestDatabase> {
  const db = await testDatabase(t)
  await createMarket(db, { symbols: { 'BTC-USD': { ...round, ...symbol } }, traders })
  return db
}

/** A trade at a price, so that there is a last one. */
const print = (db: TestDatabase, price: string) =>
  execute(db, 'BTC-USD', [sell('bob', '1', price), buy('carol', '1', price)])

const place = async (db: TestDatabase, orders: TestCommand[], now = noon) =>
  (await execute(db, 'BTC-USD', orders, { now })).map(answer => answer.order_id)

const kinds = async (db: TestDatabase, seq: number) =>
  (await eventsAfter(db, seq)).map(event => event.kind)

t.test('[MAT-074] orders placed in a call trade with fees when it ends', async t => {
  const db = await market(t, { maker_rate: '0.001', taker_rate: '0.002' })
  await setPhase(db, 'CALL', { until: after(5) })

  const [bid, ask] = await place(db, [buy('alice', '10', '101'), sell('bob', '4', '99')])
  t.equal(await stateOf(db, bid), 'OPEN 0')
  await passTime(db, after(5))

  t.equal(await stateOf(db, bid), 'PARTIALLY_FILLED 4')
  t.equal(await stateOf(db, ask), 'FILLED 4')
  t.same(await audit(db), [])
  t.match(await settle(db, { now: after(6) }), { settled: 1 })
  t.same(await audit(db), [])
  t.match(await balances(db, 'bob'), { BTC: '996 0 0 0', USD: '100403.192 0 0 0' })
})

t.test('[MAT-072] an iceberg takes part with all of it, and is shown anew', async t => {
  const db = await market(t)
  await setPhase(db, 'CALL', { until: after(5) })
  const [iceberg, later] = await place(db, [
    sell('bob', '10', '100', { display_quantity: '2' }),
    sell('carol', '5', '100'),
    buy('alice', '7', '100'),
  ])

  await passTime(db, after(5))

  t.equal(await stateOf(db, iceberg), 'PARTIALLY_FILLED 7')
  t.equal(await stateOf(db, later), 'OPEN 0')
  t.match(
    await db.query(
      'select remaining_quantity, visible_quantity from matching.book order by order_id',
    ),
    [
      { remaining_quantity: '3', visible_quantity: '2' },
      { remaining_quantity: '5', visible_quantity: null },
    ],
  )
  t.same(await audit(db), [])
})

t.test('[MAT-072] what is no iceberg is shown with all that it grows to afterwards', async t => {
  const db = await market(t)
  await setPhase(db, 'CALL', { until: after(5) })
  const [order_id] = await place(db, [sell('bob', '5', '100'), buy('alice', '3', '100')])
  await passTime(db, after(5))

  await execute(db, 'BTC-USD', [command({ op: 'AMEND', order_id: order_id ?? '', quantity: '9' })], {
    now: after(6),
  })

  t.match(await db.query('select remaining_quantity, visible_quantity from matching.book'), [
    { remaining_quantity: '6', visible_quantity: null },
  ])
  t.same(await audit(db), [])
})

t.test('[MAT-050] what an uncrossing fires follows right behind it', async t => {
  const db = await market(t)
  await print(db, '100')
  const [stop] = await place(db, [
    buy('alice', '2', '', { type: 'STOP', stop_price: '105', price: null, time_in_force: 'IOC' }),
  ])
  await setPhase(db, 'CALL', { until: after(5) })
  await place(db, [buy('carol', '3', '106'), sell('bob', '9', '106')], after(1))
  t.equal(await stateOf(db, stop), 'PENDING 0', 'nothing fires in a call')

  const [behind] = await execute(db, 'BTC-USD', [buy('carol', '1', '106')], { now: after(6) })

  t.equal(await stateOf(db, stop), 'FILLED 2')
  t.match(behind, { status: 'FILLED' })
  const trades = (await eventsAfter(db, 0)).filter(event => event.kind === 'TRADE').slice(1)
  t.match(trades, [
    { quantity: '3', reason: 'AUCTION', at: new Date(after(5)) },
    { quantity: '2', order_id: stop, at: new Date(after(5)) },
    { quantity: '1', at: new Date(after(6)) },
  ])
  t.same(await audit(db), [])
})

t.test('[MAT-053] a list is told what an auction did with its order', async t => {
  const db = await market(t)
  await print(db, '100')
  await setPhase(db, 'CALL', { until: after(5) })
  const list = { list_no: 1, list_role: 'OCO' }
  const [limit, stop] = await place(db, [
    sell('alice', '5', '102', list),
    sell('alice', '5', '', {
      ...list,
      type: 'STOP',
      stop_price: '90',
      price: null,
      time_in_force: 'IOC',
    }),
  ])
  const [entry, exit] = await place(db, [
    buy('carol', '5', '102', { list_no: 1, list_role: 'ENTRY' }),
    sell('carol', '5', '120', { list_no: 1, list_role: 'EXIT' }),
  ])

  await passTime(db, after(5))

  t.equal(await stateOf(db, limit), 'FILLED 5')
  t.equal(await stateOf(db, stop), 'CANCELLED OCO_TRIGGER 0')
  t.equal(await stateOf(db, entry), 'FILLED 5')
  t.equal(await stateOf(db, exit), 'OPEN 0', 'its entry has traded')
  t.same(await audit(db), [])
})

t.test('[MAT-055] what was accepted for later comes to rest in a call', async t => {
  const db = await market(t)
  await setPhase(db, 'CALL', { until: after(5) })
  const [good, only] = await place(db, [buy('alice', '5', '100', { is_async: true })])
  t.equal(await stateOf(db, good), 'PENDING 0')

  await passTime(db, after(1))

  t.equal(await stateOf(db, good), 'OPEN 0')
  t.equal(only, undefined)
  await setPhase(db, 'CONTINUOUS', { now: after(2) })
  const [late] = await place(
    db,
    [buy('alice', '5', '100', { is_async: true, time_in_force: 'IOC' })],
    after(3),
  )
  await setPhase(db, 'CALL', { now: after(3), until: after(9) })
  await passTime(db, after(4))
  t.match(await stateOf(db, late), /^EXPIRED/, 'it was accepted before the call, and matched then')
  t.same(await audit(db), [])
})

t.test('[MAT-086] market orders of a call are limit orders about the last price', async t => {
  const db = await market(t, { protection_rate: '0.1', protection_ticks: '1' })
  const moo = (client_id: string, side: 'BUY' | 'SELL') =>
    command({ client_id, side, quantity: '2', type: 'MARKET', time_in_force: 'OPG' })
  await setPhase(db, 'CALL', { until: after(5) })
  const [without] = await execute(db, 'BTC-USD', [moo('alice', 'BUY')])
  t.match(without, { status: 'REJECTED', reject_code: 'NO_LIQUIDITY' })
  await setPhase(db, 'CONTINUOUS', { now: after(1) })
  await print(db, '105')
  await setPhase(db, 'CALL', { now: after(2), until: after(5) })

  const [buyer, seller] = await execute(db, 'BTC-USD', [moo('alice', 'BUY'), moo('bob', 'SELL')])

  t.match(buyer, { status: 'OPEN', price: '115' })
  t.match(seller, { status: 'OPEN', price: '95' })
  t.match(await balances(db, 'alice'), { USD: '99770 230 0 0' })
  await passTime(db, after(5))
  t.equal(await stateOf(db, buyer?.order_id), 'FILLED 2')
  t.match((await eventsAfter(db, 0)).filter(event => event.kind === 'TRADE')[1], { price: '105' })
  t.same(await audit(db), [])
})

t.test('[MAT-085] more stop orders than may fire in a batch interrupt trading', async t => {
  const db = await market(t)
  await db.query('update reference.symbols set max_cascade = 2')
  await print(db, '100')
  const stop = (price: string) =>
    sell('alice', '1', '', { type: 'STOP', stop_price: price, price: null, time_in_force: 'IOC' })
  await place(db, [buy('carol', '1', '99'), buy('carol', '9', '97')])
  const stops = await place(db, [stop('99'), stop('99'), stop('99'), stop('98')])

  const seq = (await eventsAfter(db, 0)).length
  const [taker, rest] = await execute(db, 'BTC-USD', [
    sell('bob', '1', '99'),
    buy('bob', '1', '96', { time_in_force: 'IOC' }),
  ])

  t.match(taker, { status: 'FILLED' })
  t.match(rest, { status: 'REJECTED', reject_code: 'CALL_PHASE' })
  t.same(await Promise.all(stops.map(id => stateOf(db, id))), [
    'FILLED 1',
    'FILLED 1',
    'PENDING 0',
    'PENDING 0',
  ])
  t.equal(await phaseOf(db), 'CALL CONTINUOUS')
  const phase = (await eventsAfter(db, seq)).find(event => event.kind === 'PHASE')
  t.match(phase, { reason: 'CASCADE' })
  t.same(await audit(db), [])
  await passTime(db, after(5))
  await execute(db, 'BTC-USD', [sell('bob', '1', '97')], { now: after(6) })
  t.match(await stateOf(db, stops[2]), 'FILLED 1', 'the next trade at its price')
  t.same(await audit(db), [])
})

t.test('[MAT-070] the phase survives: another session goes on where it was', async t => {
  const db = await market(t)
  await setPhase(db, 'CALL', { until: after(5), next: 'CLOSED', draw: '0.5' })
  const before = await phaseOf(db)

  const other = await openSession(t, db.url)
  const [order] = await execute(other, 'BTC-USD', [buy('alice', '1', '100')], { now: after(1) })

  t.match(order, { status: 'OPEN' })
  t.equal(await phaseOf(other), before)
  await other.query("select matching.execute_batch(1, $1, '{}')", [after(5)])
  t.equal(await phaseOf(db), 'CLOSED')
})

t.test('[MAT-076] a random end is replayed from what was told', async t => {
  const random = "update reference.symbols set auction_random = '30 seconds'"
  const play = async (draw: string | null) => {
    const db = await market(t)
    await db.query(random)
    await setPhase(db, 'CALL', { until: after(5), draw })
    await place(db, [buy('alice', '5', '101'), sell('bob', '7', '100')], after(1))
    await passTime(db, after(6))
    return eventsAfter(db, 0)
  }

  const told = await play(null)
  const drawn = (Number(told.at(-1)?.at) - Date.parse(after(5))) / 30_000
  t.ok(drawn >= 0 && drawn <= 1, String(drawn))
  const again = await play(String(drawn))

  t.same(again.map(withoutTime), told.map(withoutTime))
  const [first, second] = [told, again].map(events => Number(events.at(-1)?.at))
  t.ok(Math.abs(Number(first) - Number(second)) <= 1, 'and at the same time, to a millisecond')
})
const withoutTime = ({ at: _, ...event }: Record<string, unknown>) => event

t.test('[MAT-074] the events of a call end in the book as it is', async t => {
  const db = await market(t)
  await setPhase(db, 'CALL', { until: after(5) })
  await place(db, [
    buy('alice', '9', '101', { display_quantity: '2' }),
    buy('carol', '3', '100'),
    sell('bob', '10', '100'),
    sell('alice', '4', '99', { time_in_force: 'GFA' }),
    sell('carol', '4', '105', { display_quantity: '1' }),
  ])
  await passTime(db, after(5))

  t.ok((await kinds(db, 0)).includes('UNCROSSED'))
  t.same(await told(db), await shown(db))
  t.same(await audit(db), [])
})

t.test(`[MAT-074] random phases and orders leave nothing wrong, ${seed}`, async t => {
  const random = randomNumbers()
  const up = (below: number) => Math.floor(random() * below)
  const pick = (items: readonly string[]) => items[up(items.length)] ?? ''
  const db = await market(t, { maker_rate: '0.001', taker_rate: '0.002' })
  await db.query('update reference.symbols set band_rate = 0.05, max_cascade = 2')
  const names = ['alice', 'bob', 'carol']
  const order = (): TestCommand => {
    const side = random() < 0.5 ? buy : sell
    const price = String(95 + up(11))
    const what = up(10)
    const more = [
      { display_quantity: '1' },
      { time_in_force: pick(['OPG', 'CLS', 'GFA', 'GTX', 'DAY', 'IOC']) },
      { type: 'STOP', stop_price: price, price: null, time_in_force: 'IOC' },
      { type: 'MARKET', price: null, time_in_force: pick(['IOC', 'OPG', 'CLS']) },
    ][what]
    return side(pick(names), String(1 + up(9)), price, more ?? {})
  }

  for (let minute = 1; minute <= 40; minute++) {
    const now = after(minute)
    if (random() < 0.3) {
      const phase = pick(['CALL', 'CALL', 'PRE_OPEN', 'CONTINUOUS', 'CONTINUOUS', 'CLOSED'])
      const next = phase === 'CALL' ? pick(['CONTINUOUS', 'CLOSED']) : 'CONTINUOUS'
      await setPhase(db, phase, { now, until: after(minute + 1 + up(3)), next })
    }
    await execute(db, 'BTC-USD', Array.from({ length: 1 + up(6) }, order), { now })
    const wrong = await audit(db)
    t.same(wrong, [], `minute ${minute}`)
    if (wrong.length > 0) break
  }
  t.same(await told(db), await shown(db))
})

/** side price quantity orders of each level, added up from all events. */
async function told(db: TestDatabase): Promise<string[]> {
  const events = await db.query<EventRow>("select * from api.events_after(1, '{1}', '{0}', 100000)")
  const levels = new Map<string, [quantity: number, orders: number]>()
  for (const event of events) {
    for (const [, side, price, quantity, orders] of bookChanges(event)) {
      const key = `${side} ${Number(price)}`
      const [before, count] = levels.get(key) ?? [0, 0]
      levels.set(key, [before + Number(quantity), count + orders])
    }
  }
  return [...levels]
    .filter(([, [quantity, orders]]) => quantity !== 0 || orders !== 0)
    .map(([key, [quantity, orders]]) => `${key} ${quantity} ${orders}`)
    .sort()
}

async function shown(db: TestDatabase): Promise<string[]> {
  const rows = await db.query<{ said: string }>(
    `select concat_ws(' ', b.side, trim_scale(abs(b.sort_price)),
        trim_scale(sum(coalesce(b.visible_quantity, b.remaining_quantity))), count(*)) as said
      from matching.book as b group by b.side, b.sort_price`,
  )
  return rows.map(row => row.said).sort()
}
