import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { audit, buy, command, createMarket, execute, noon, sell } from '../helpers/market.ts'
import { ask, bid, rest } from './resting-orders.ts'
import { after, eventsAfter, passTime, phaseOf, setPhase, stateOf } from './sessions.ts'

const round = { tick: '1', lot: '1', maker_rate: '0', taker_rate: '0' }
const symbols = { 'BTC-USD': round, 'ETH-USD': round, 'SOL-USD': round }
const traders = { alice: { USD: '10000' }, bob: { BTC: '100' } }

async function market(t: Test): Promise<TestDatabase> {
  const db = await testDatabase(t)
  await createMarket(db, { symbols, traders })
  await db.query("update reference.symbols set band_rate = 0.1 where symbol = 'BTC-USD'")
  return db
}

/** Prints trades in one batch, as far as the reference price is concerned. */
const print = (db: TestDatabase, at: string, ...prices: number[]) =>
  db.query(
    `update matching.symbol_state as t
      set reference_price = r.reference_price, reference_at = r.reference_at,
        price_sum = r.price_sum, price_count = r.price_count
      from matching.symbol_state as s
      cross join lateral matching.roll_reference(s, $1, $2) as r
      where t.symbol_id = 1 and s.symbol_id = 1`,
    [at, prices],
  )

/** low high of the first symbol at a time. */
async function band(db: TestDatabase, at: string): Promise<string> {
  const [row] = await db.query<{ said: string }>(
    `select concat_ws(' ', trim_scale(b.low), trim_scale(b.high)) as said
      from reference.symbols as s join matching.symbol_state as t using (symbol_id)
      cross join lateral matching.band_of(s, t, $1) as b where s.symbol_id = 1`,
    [at],
  )
  return row?.said ?? ''
}

t.test('[MAT-080] there is no band without a rate, or before a trade', async t => {
  const db = await market(t)

  t.equal(await band(db, noon), '-Infinity Infinity')
  await print(db, noon, 100)
  t.equal(await band(db, noon), '90 110')
  await db.query('update reference.symbols set band_rate = null')
  t.equal(await band(db, noon), '-Infinity Infinity')
})

t.test('[MAT-081] the band is about the mean of the trades of a full window', async t => {
  const db = await market(t)
  await print(db, noon, 100)
  await print(db, after(1), 102, 104)
  t.equal(await band(db, after(4, 59)), '90 110', 'about the first trade until it is full')

  t.equal(await band(db, after(5)), '91.8 112.2', 'then about 102')
  await print(db, after(6), 200)
  t.equal(await band(db, after(10, 59)), '91.8 112.2')
  t.equal(await band(db, after(11)), '180 220')
})

t.test('[MAT-081] a batch without a trade changes nothing', async t => {
  const db = await market(t)
  await print(db, noon, 100, 110)

  await print(db, after(1))

  t.equal(await band(db, after(1)), '90 110')
  t.equal(await band(db, after(5)), '94.5 115.5', 'about 105')
})

t.test('[MAT-081] an uncrossing sets it anew', async t => {
  const db = await market(t)
  await db.query('update reference.symbols set auction_max_extensions = 0')
  await print(db, noon, 100)
  await setPhase(db, 'CALL', { until: after(5) })
  await rest(db, 'BTC-USD', [bid('alice', '5', '200'), ask('bob', '5', '200')])

  await passTime(db, after(5))

  t.equal(await band(db, after(5)), '180 220')
  t.equal(await band(db, after(60)), '180 220', 'until there are trades again')
  await print(db, after(60), 100)
  t.equal(await band(db, after(64)), '180 220')
  t.equal(await band(db, after(65)), '90 110')
})

t.test('[MAT-082] an interruption is a call of the set time, and trading goes on', async t => {
  const db = await market(t)
  await db.query("update reference.symbols set band_auction_time = '2 minutes'")
  await print(db, noon, 100)
  const [only] = await rest(db, 'BTC-USD', [bid('alice', '5', '80', { rule: 'GTX' })])
  await rest(db, 'BTC-USD', [ask('bob', '1', '105'), ask('bob', '1', '111')])

  const [taken, later, barred] = await execute(db, 'BTC-USD', [
    buy('alice', '5', '120'),
    sell('bob', '1', '90'),
    command({ client_id: 'alice', side: 'BUY', quantity: '1', type: 'MARKET' }),
  ])

  t.match(taken, { status: 'PARTIALLY_FILLED', filled_quantity: '1', remaining_quantity: '4' })
  t.match(later, { status: 'OPEN', filled_quantity: '0' }, 'it rests in the call')
  t.match(barred, { status: 'REJECTED', reject_code: 'CALL_PHASE' })
  t.equal(await phaseOf(db), 'CALL CONTINUOUS')
  t.equal(await stateOf(db, only), 'EXPIRED AUCTION_ONLY 0')
  const told = await eventsAfter(db, 3)
  t.match(
    told.map(event => event.kind),
    ['TRADE', 'OPENED', 'EXPIRED', 'PHASE', 'OPENED', 'REJECTED', 'INDICATIVE'],
  )
  t.match(told[3], { reason: 'VOLATILITY', phase_end_at: new Date(after(2)) })
  t.match(told[6], { price: '120', quantity: '2' })
  t.same(await audit(db), [])

  await passTime(db, after(2))
  t.equal(await phaseOf(db), 'CALL CONTINUOUS', '[MAT-077] outside of the band it goes on')
  await passTime(db, after(4))
  t.equal(await phaseOf(db), 'CONTINUOUS')
  t.equal(await band(db, after(4)), '108 132', 'inside the new one')
  t.same(await audit(db), [])
})

t.test('[MAT-082] or the rest of the order expires, and trading goes on', async t => {
  const db = await market(t)
  await db.query("update reference.symbols set band_action = 'EXPIRE'")
  await print(db, noon, 100)
  await execute(db, 'BTC-USD', [sell('bob', '1', '110'), sell('bob', '1', '111')])

  const [taken] = await execute(db, 'BTC-USD', [buy('alice', '5', '120')])

  t.match(taken, { status: 'EXPIRED', filled_quantity: '1' })
  t.equal(await stateOf(db, taken?.order_id), 'EXPIRED EXECUTION_RULE_PRICE_RANGE_EXCEEDED 1')
  t.equal(await phaseOf(db), 'CONTINUOUS')
  t.equal(await band(db, noon), '90 110')
  t.same(await audit(db), [])
})

t.test('[MAT-081] trades move the band that the matcher keeps to', async t => {
  const db = await market(t)
  const trade = (price: string, now: string) =>
    execute(db, 'BTC-USD', [sell('bob', '1', price), buy('alice', '1', price)], { now })
  await trade('100', noon)
  await trade('108', after(1))

  await trade('112', after(6))

  t.equal(await phaseOf(db), 'CONTINUOUS', '112 is inside of a tenth about 104')
  t.match(
    await db.query(
      `select trim_scale(band_low) as low, trim_scale(band_high) as high
        from matching.symbol_state where symbol_id = 1`,
    ),
    [{ low: '93.6', high: '114.4' }],
  )
  t.same(await audit(db), [])
})

const levels = [
  { fall: 0.07, action: 'CALL', time: '15 minutes' },
  { fall: 0.13, action: 'CALL', time: '15 minutes' },
  { fall: 0.2, action: 'HALT' },
]

async function group(t: Test): Promise<TestDatabase> {
  const db = await market(t)
  await db.query("select ops.create_symbol_group('US', 'America/New_York', $1)", [
    JSON.stringify(levels),
  ])
  await db.query("select ops.set_symbol_group(s, 'US') from unnest('{BTC-USD,ETH-USD}'::text[]) s")
  return db
}
const index = (db: TestDatabase, value: string, at: string) =>
  db.query("select * from ops.publish_index('US', $1, $2)", [value, at])
const day = (time: string, on = '2026-03-02') => `${on}T${time}:00Z`

t.test('[MAT-083] a fall of the index past a level stops its whole group', async t => {
  const db = await group(t)
  await index(db, '1000', day('15:00'))

  t.same(await index(db, '930.01', day('15:01')), [{ level_no: 0, symbols: [] }])
  t.same(await index(db, '930', day('15:02')), [{ level_no: 1, symbols: ['BTC-USD', 'ETH-USD'] }])

  t.match(await db.query('select phase from matching.symbol_state order by symbol_id'), [
    { phase: 'CALL' },
    { phase: 'CALL' },
    { phase: 'CONTINUOUS' },
  ])
  t.match((await eventsAfter(db, 0))[0], {
    reason: 'BREAKER',
    phase_end_at: new Date(day('15:17')),
  })
  t.same(await index(db, '960', day('15:03')), [{ level_no: 1, symbols: [] }])
  t.same(await index(db, '925', day('15:20')), [{ level_no: 1, symbols: [] }], 'once a day')
  await passTime(db, day('15:20'))
  t.equal(await phaseOf(db), 'CONTINUOUS')
})

t.test('[MAT-083] a deeper level stops it again, one may be skipped', async t => {
  const db = await group(t)
  await index(db, '1000', day('15:00'))
  await index(db, '930', day('15:01'))

  t.same(await index(db, '700', day('15:30')), [{ level_no: 3, symbols: ['BTC-USD', 'ETH-USD'] }])

  t.match(await db.query('select status, status_reason from reference.symbols order by symbol'), [
    { status: 'HALTED', status_reason: 'the index fell past level 3' },
    { status: 'HALTED' },
    { status: 'ACTIVE' },
  ])
})

t.test('[MAT-083] each day counts from the last value of the day before, where it is', async t => {
  const db = await group(t)
  await index(db, '1000', day('15:00'))
  await index(db, '930', day('21:00'))

  t.same(await index(db, '929', '2026-03-03T04:59:00Z'), [{ level_no: 1, symbols: [] }], 'still')
  t.match(await index(db, '900', '2026-03-03T05:00:00Z'), [{ level_no: 0 }], '900 of 929')
  t.match(await index(db, '863', '2026-03-03T15:00:00Z'), [{ level_no: 1 }])
  await t.rejects(index(db, '863', '2026-03-03T14:59:00Z'), { code: 'STIDX' })
})

t.test('a group that cannot be is refused', async t => {
  const db = await group(t)
  const create = (zone: string, more: object[]) =>
    db.query("select ops.create_symbol_group('X', $1, $2)", [zone, JSON.stringify(more)])

  await t.rejects(create('Mars/Olympus', levels), { code: 'IVGRP' })
  await t.rejects(create('UTC', [{ fall: 0.1, action: 'CALL' }]), { code: 'IVGRP' })
  await t.rejects(create('UTC', [{ fall: -0.1, action: 'HALT' }]), { code: 'IVGRP' })
  await t.rejects(create('UTC', [{ fall: 0.1, action: 'PRAY' }]), { code: 'IVGRP' })
  await t.rejects(db.query("select ops.create_symbol_group('US', 'UTC', '[]')"), { code: 'STGRP' })
  await t.rejects(db.query("select ops.publish_index('X', 1)"), { code: 'NFGRP' })
})
