import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import {
  audit,
  balances,
  buy,
  createMarket,
  execute,
  type Queryable,
  sell,
  settle,
} from '../helpers/market.ts'

// Thursday before the Monday that is a holiday in New York.
const thursday = '2026-02-12T15:00:00Z'
const week = ['DAY', 'DAY', 'DAY', 'DAY', 'DAY', null, null]
const schedules = { DAY: [['00:00', 'CONTINUOUS']] }

async function market(t: Test, days: number): Promise<TestDatabase> {
  const db = await testDatabase(t)
  await createMarket(db, {
    now: thursday,
    traders: { alice: { USD: '100000' }, bob: { BTC: '100' } },
  })
  const values = ['NY', 'America/New_York', JSON.stringify(schedules), week, null, thursday]
  await db.query('select ops.create_calendar($1, $2, $3, $4, $5, $6)', values)
  await db.query("select ops.set_calendar_day('NY', '2026-02-16', null, null, $1)", [thursday])
  await db.query("select ops.set_settlement('BTC-USD', $1, 'NY')", [days])
  return db
}

const trade = (db: Queryable, now: string) =>
  execute(db, 'BTC-USD', [sell('bob', '1', '100'), buy('alice', '1', '100')], { now })

const instructions = (db: Queryable) =>
  db.query(`select value_date::text as value_date, status::text, reason::text
    from settlement.instructions order by instruction_id`)

t.test('[CLR-002] two business days from the Thursday before a holiday is Tuesday', async t => {
  const db = await market(t, 2)
  await trade(db, thursday)

  t.same(await instructions(db), [
    { value_date: '2026-02-17', status: 'PENDING', reason: 'FUTURE_DATE' },
  ])
  t.match(await balances(db, 'alice'), { BTC: '0 0 1 0', USD: '99899.8 100.2 0 100.2' })
  t.match(await settle(db, { now: '2026-02-17T04:59:59Z' }), { claimed: 0 }, 'Monday in New York')
  t.match(await settle(db, { now: '2026-02-17T05:00:00Z' }), { claimed: 1, settled: 1 })
  t.match(await instructions(db), [{ value_date: '2026-02-17', status: 'SETTLED', reason: null }])
  t.same(await audit(db), [])
})

const cases: [traded: string, days: number, value: string][] = [
  ['2026-02-12T15:00:00Z', 0, '2026-02-12'],
  ['2026-02-13T04:59:59Z', 0, '2026-02-12'],
  ['2026-02-13T05:00:00Z', 0, '2026-02-13'],
  ['2026-02-12T15:00:00Z', 1, '2026-02-13'],
  ['2026-02-13T15:00:00Z', 1, '2026-02-17'],
  ['2026-02-14T15:00:00Z', 0, '2026-02-17'],
  ['2026-02-14T15:00:00Z', 1, '2026-02-17'],
  ['2026-02-16T15:00:00Z', 2, '2026-02-18'],
  ['2026-02-17T15:00:00Z', 3, '2026-02-20'],
]

t.test('[CLR-002] the local date of the trade counts, and business days only', async t => {
  const db = await market(t, 0)
  for (const [traded, days, value] of cases) {
    const [row] = await db.query(
      `select (clearing.value_date(jsonb_populate_record(
        s, jsonb_build_object('settlement_days', $2::int)
      ), $1)).value_date::text as date from reference.symbols as s`,
      [traded, days],
    )
    t.equal(row?.date, value, `${traded} and ${days}`)
  }
})

t.test('[CLR-002] a change of the calendar moves no trade that was made', async t => {
  const db = await market(t, 2)
  await trade(db, thursday)
  await db.query("select ops.set_calendar_day('NY', '2026-02-13', null, null, $1)", [thursday])
  await trade(db, thursday)

  t.same(
    (await instructions(db)).map(row => row.value_date),
    ['2026-02-17', '2026-02-18'],
  )
  await settle(db, { now: '2026-02-17T06:00:00Z' })
  await db.query("select ops.set_calendar_day('NY', '2026-02-17', null, null, $1)", [thursday])
  t.match(await instructions(db), [
    { value_date: '2026-02-17', status: 'SETTLED' },
    { value_date: '2026-02-18', status: 'PENDING' },
  ])
})

t.test('[CLR-002] without a calendar each day of UTC is a business day', async t => {
  const db = await market(t, 0)
  await db.query("select ops.set_settlement('BTC-USD', 2)")
  await trade(db, '2026-02-13T23:59:59Z')
  t.match(await instructions(db), [{ value_date: '2026-02-15', reason: 'FUTURE_DATE' }])
  t.match(await settle(db, { now: '2026-02-15T00:00:00Z' }), { settled: 1 })
})

t.test('[CLR-002] trades of many days settle in one pass on their dates', async t => {
  const db = await market(t, 1)
  for (let i = 0; i < 20; i++) await trade(db, '2026-02-19T15:00:00Z')
  await trade(db, '2026-02-20T15:00:00Z')
  t.match(await settle(db, { now: '2026-02-20T06:00:00Z', limit: 15 }), { settled: 15 })
  t.match(await settle(db, { now: '2026-02-20T06:00:00Z', limit: 15 }), { settled: 5 })
  t.match(await settle(db, { now: '2026-02-22T06:00:00Z' }), { claimed: 0 }, 'a Sunday')
  t.match(await settle(db, { now: '2026-02-23T06:00:00Z' }), { settled: 1 })
  t.same(await audit(db), [])
})

t.test('[CLR-003] each trade has two obligations to deliver and two to pay', async t => {
  const db = await market(t, 1)
  for (let i = 0; i < 3; i++) await trade(db, thursday)
  await db.query("select ops.set_settlement('BTC-USD', 0)")
  await trade(db, thursday)
  await settle(db, { now: thursday })

  const [counts] = await db.query(`select
    (select count(*)::int from matching.trades) as trades,
    (select count(*)::int from clearing.obligations) as obligations,
    (select count(*)::int from clearing.obligations where status = 'SETTLED') as settled`)
  t.same(counts, { trades: 4, obligations: 16, settled: 4 })
  const sums = await db.query(`select kind, sum(amount)::text as sum,
    sum(amount) filter (where amount > 0)::text as gross
    from clearing.obligations group by kind order by kind`)
  t.match(sums, [
    { kind: 'DELIVERY', sum: /^0(\.0+)?$/, gross: /^4\b/ },
    { kind: 'PAYMENT', sum: /^0(\.0+)?$/, gross: /^400\b/ },
  ])
})

t.test('[CLR-003] only trades leave obligations, busted ones too', async t => {
  const db = await market(t, 0)
  await trade(db, thursday)
  await trade(db, thursday)
  await db.query("select ops.instruct('BTC-USD', 'bob', 'alice', 1, 100, p_now => $1)", [thursday])
  await settle(db, { now: thursday })
  const [first] = await db.query('select min(trade_id) as id from matching.trades')
  const [asked] = await db.query("select ops.bust_trade($1, 'wrong', 'ann', 1, $2) as id", [
    first?.id,
    thursday,
  ])
  await db.query("select ops.approve_bust($1, 'bea', 1, $2)", [asked?.id, thursday])

  const [counts] = await db.query(`select
    (select count(*)::int from settlement.instructions) as instructions,
    (select count(*)::int from clearing.obligations) as obligations`)
  t.same(counts, { instructions: 4, obligations: 8 }, 'four a trade')
})

t.test('[CLR-002] a value date begins at its midnight, though clocks change before', async t => {
  const db = await market(t, 0)
  const instruct = (on: string, now: string) =>
    db.query("select ops.instruct('BTC-USD', 'bob', 'alice', 1, 100, $1, p_now => $2)", [on, now])
  await instruct('2026-11-03', '2026-10-30T12:00:00Z')
  await instruct('2026-03-10', '2026-03-06T12:00:00Z')

  const rows = await db.query(
    'select due_at from settlement.waiting_instructions order by instruction_id',
  )
  t.same(
    rows.map(row => row.due_at.toISOString()),
    ['2026-11-03T05:00:00.000Z', '2026-03-10T04:00:00.000Z'],
  )
})

t.test('what set_settlement cannot do, it says', async t => {
  const db = await market(t, 0)
  const set = (...values: unknown[]) => db.query('select ops.set_settlement($1, $2, $3)', values)
  await t.rejects(set('BTC-USD', 31, null), { code: 'IVSYM', column: 'settlement_days' })
  await t.rejects(set('BTC-USD', -1, null), { code: 'IVSYM' })
  await t.rejects(set('BTC-USD', null, null), { code: 'IVSYM' })
  await t.rejects(set('XXX-USD', 1, null), { code: 'NFSYM' })
  await t.rejects(set('BTC-USD', 1, 'PARIS'), { code: 'NFCAL' })
})
