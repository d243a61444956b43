import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { audit, balances, createMarket, noon } from '../helpers/market.ts'
import { ask, bid, rest } from '../matching/resting-orders.ts'
import { after, eventsAfter, passTime, phaseOf, stateOf } from '../matching/sessions.ts'

const symbols = { 'BTC-USD': { tick: '1', lot: '1', maker_rate: '0', taker_rate: '0' } }
const traders = { alice: { USD: '10000' }, bob: { BTC: '100' } }
const days = {
  D: [
    ['09:00', 'PRE_OPEN'],
    ['09:20', 'CALL'],
    ['09:30', 'CONTINUOUS'],
    ['16:00', 'CALL'],
    ['16:05', 'CLOSED'],
  ],
}

async function market(t: Test, { calendar = false } = {}): Promise<TestDatabase> {
  const db = await testDatabase(t)
  await createMarket(db, { symbols, traders })
  if (!calendar) return db
  const week = Array(7).fill('D')
  await db.query("select ops.create_calendar('C', 'UTC', $1, $2)", [JSON.stringify(days), week])
  await db.query("select ops.set_calendar('BTC-USD', 'C', 1, $1)", [noon])
  return db
}

const halt = (db: TestDatabase, now: string) =>
  db.query("select ops.halt_symbol('BTC-USD', 'a bad feed', 1, $1)", [now])
const resume = (db: TestDatabase, now: string, auction: string | null = null) =>
  db.query("select ops.resume_symbol('BTC-USD', $2, 1, $1)", [now, auction])

t.test('[MAT-070] a halt and what follows is told in events', async t => {
  const db = await market(t)

  await halt(db, after(1))
  await db.query("select ops.restrict_symbol('BTC-USD', 'upkeep', 1, $1)", [after(2)])
  t.match(await db.query('select status, status_reason from reference.symbols'), [
    { status: 'MAINTENANCE', status_reason: 'upkeep' },
  ])
  await resume(db, after(3))

  t.match(await eventsAfter(db, 0), [
    { kind: 'PHASE', phase: 'CONTINUOUS', reason: 'HALTED', at: new Date(after(1)) },
    { kind: 'PHASE', phase: 'CONTINUOUS', reason: 'CANCEL_ONLY' },
    { kind: 'PHASE', phase: 'CONTINUOUS', reason: 'RESUMED' },
  ])
  t.same(await audit(db), [])
})

t.test('[MAT-075] a symbol is resumed through an auction', async t => {
  const db = await market(t)
  await halt(db, after(1))
  await resume(db, after(2), '5 minutes')
  await rest(db, 'BTC-USD', [ask('bob', '10', '100'), bid('alice', '5', '100')], after(3))

  t.equal(await phaseOf(db), 'CALL CONTINUOUS')
  await passTime(db, after(7))

  t.equal(await phaseOf(db), 'CONTINUOUS')
  t.match((await eventsAfter(db, 4))[1], { kind: 'TRADE', price: '100', quantity: '5' })
  t.same(await audit(db), [])
})

t.test(
  '[MAT-075] while a symbol is halted its phase stays, then its calendar is followed',
  async t => {
    const db = await market(t, { calendar: true })
    await halt(db, '2026-03-02T15:00:00Z')

    await passTime(db, '2026-03-02T16:02:00Z')
    t.equal(await phaseOf(db), 'CONTINUOUS CALL')
    await resume(db, '2026-03-02T16:02:00Z')

    t.equal(await phaseOf(db), 'CALL CLOSED')
  },
)

t.test('[MAT-074] a closing call that a halt outlasted is not held any more', async t => {
  const db = await market(t, { calendar: true })
  await passTime(db, '2026-03-02T16:00:00Z')
  const day = { rule: 'DAY', expire_at: '2026-03-02T16:05:00Z' }
  const [seller, buyer] = await rest(
    db,
    'BTC-USD',
    [ask('bob', '10', '100', day), bid('alice', '5', '100')],
    '2026-03-02T16:01:00Z',
  )
  await halt(db, '2026-03-02T16:02:00Z')

  await resume(db, '2026-03-02T20:00:00Z')
  t.equal(await phaseOf(db), 'CLOSED PRE_OPEN')
  await passTime(db, '2026-03-03T10:00:00Z')

  t.equal(await stateOf(db, seller), 'EXPIRED DAY 0', 'its time is over')
  t.equal(await stateOf(db, buyer), 'OPEN 0')
})

t.test('[MAT-084] delisting ends all orders and the symbol', async t => {
  const db = await market(t)
  const [seller, buyer] = await rest(db, 'BTC-USD', [
    ask('bob', '10', '100'),
    bid('alice', '5', '90', { rule: 'GTX' }),
  ])

  await db.query("select ops.delist_symbol('BTC-USD', 'merged', 1, $1)", [after(1)])

  t.match(await stateOf(db, seller), /^(CANCELLED|EXPIRED) DELISTED 0$/)
  t.match(await stateOf(db, buyer), /DELISTED/)
  t.match(await balances(db, 'alice'), { USD: '10000 0 0 0' })
  t.match(await balances(db, 'bob'), { BTC: '100 0 0 0' })
  t.match((await eventsAfter(db, 2)).slice(2), [
    { kind: 'PHASE', phase: 'CLOSED', reason: 'DELISTED' },
  ])
  t.same(await audit(db), [])
  await t.rejects(resume(db, after(2)), { code: 'STACT' })
  await t.rejects(db.query("select ops.set_phase('BTC-USD', 'CALL')"), { code: 'STACT' })
})

t.test('[MAT-075] a phase can be set for a time, and its calendar goes on behind it', async t => {
  const db = await market(t, { calendar: true })

  await db.query("select ops.set_phase('BTC-USD', 'CALL', '5 minutes', null, 1, $1)", [noon])
  t.equal(await phaseOf(db), 'CALL CONTINUOUS')
  await passTime(db, after(5))
  t.equal(await phaseOf(db), 'CONTINUOUS CALL')
  await db.query("select ops.set_phase('BTC-USD', 'CALL', '5 minutes', null, 1, $1)", [
    '2026-03-02T15:58:00Z',
  ])
  t.equal(await phaseOf(db), 'CALL CALL', 'into the closing call')
  await passTime(db, '2026-03-02T16:03:00Z')
  t.equal(await phaseOf(db), 'CALL CLOSED')
})

t.test('[REF-002] symbols follow a day of their calendar that is changed', async t => {
  const db = await market(t, { calendar: true })
  await db.query("select ops.set_calendar_day('C', '2026-03-02', null, null, $1)", [after(1)])
  t.equal(await phaseOf(db), 'CLOSED PRE_OPEN')

  await db.query("select ops.set_calendar_day('C', '2026-03-02', 'D', null, $1)", [after(2)])
  t.equal(await phaseOf(db), 'CONTINUOUS CALL')
  await db.query("select ops.set_calendar('BTC-USD', null, 1, $1)", [after(3)])
  t.equal(await phaseOf(db), 'CONTINUOUS')
})
