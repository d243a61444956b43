import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { noon, type Queryable } from '../helpers/market.ts'

const schedules = {
  REGULAR: [
    ['09:00', 'PRE_OPEN'],
    ['09:20', 'CALL'],
    ['09:30', 'CONTINUOUS'],
    ['16:00', 'CALL'],
    ['16:05', 'CLOSED'],
  ],
  HALF_DAY: [
    ['09:30', 'CONTINUOUS'],
    ['13:00', 'CLOSED'],
  ],
}
const week = ['REGULAR', 'REGULAR', 'REGULAR', 'REGULAR', 'REGULAR', null, null]

async function create(
  db: Queryable,
  name: string,
  zone: string,
  {
    plan = schedules,
    days = week,
    business = null,
  }: { plan?: object; days?: unknown[]; business?: number[] | null } = {},
): Promise<void> {
  const values = [name, zone, JSON.stringify(plan), days, business, noon]
  await db.query('select ops.create_calendar($1, $2, $3, $4, $5, $6)', values)
}

const id = (name: string) => `(reference.get_calendar('${name}')).calendar_id`

/** One value that a function says of a calendar, times in UTC without the seconds. */
async function say(db: Queryable, call: string): Promise<unknown> {
  const [row] = await db.query(`select ${call} as said`)
  return row?.said
}
const at = (db: Queryable, call: string) =>
  say(db, `to_char(${call} at time zone 'UTC', 'YYYY-MM-DD HH24:MI')`)
const close = (db: Queryable, name: string, moment: string) =>
  at(db, `reference.session_close(${id(name)}, '${moment}')`)
const phase = (db: Queryable, name: string, moment: string) =>
  say(db, `reference.phase_at(${id(name)}, '${moment}')`)
const next = async (db: Queryable, name: string, moment: string) =>
  say(
    db,
    `(select n.phase || ' ' || to_char(n.at at time zone 'UTC', 'YYYY-MM-DD HH24:MI')
      from reference.next_phase(${id(name)}, '${moment}') as n)`,
  )

async function newYork(t: Test): Promise<TestDatabase> {
  const db = await testDatabase(t)
  await create(db, 'NY', 'America/New_York')
  // The Friday before and the Monday of a long weekend, and a half day.
  await db.query("select ops.set_calendar_day('NY', '2026-02-16')")
  await db.query("select ops.set_calendar_day('NY', '2026-02-17', 'HALF_DAY')")
  return db
}

t.test('[REF-001] a phase begins at its local time and lasts until the next', async t => {
  const db = await newYork(t)

  t.equal(await phase(db, 'NY', '2026-02-10T13:59:59Z'), 'CLOSED')
  t.equal(await phase(db, 'NY', '2026-02-10T14:00:00Z'), 'PRE_OPEN')
  t.equal(await phase(db, 'NY', '2026-02-10T14:20:00Z'), 'CALL')
  t.equal(await phase(db, 'NY', '2026-02-10T14:30:00Z'), 'CONTINUOUS')
  t.equal(await phase(db, 'NY', '2026-02-10T21:00:00Z'), 'CALL')
  t.equal(await phase(db, 'NY', '2026-02-10T21:05:00Z'), 'CLOSED')
  t.equal(await phase(db, 'NY', '2026-02-14T17:00:00Z'), 'CLOSED', 'on Saturday')
  t.equal(await next(db, 'NY', '2026-02-10T14:20:00Z'), 'CONTINUOUS 2026-02-10 14:30')
  t.equal(await next(db, 'NY', '2026-02-10T22:00:00Z'), 'PRE_OPEN 2026-02-11 14:00')
})

t.test('[REF-001] local times keep to the clocks of summer and winter', async t => {
  const db = await newYork(t)

  t.equal(await next(db, 'NY', '2026-03-06T14:25:00Z'), 'CONTINUOUS 2026-03-06 14:30')
  t.equal(await next(db, 'NY', '2026-03-09T13:25:00Z'), 'CONTINUOUS 2026-03-09 13:30')
  t.equal(await close(db, 'NY', '2026-03-06T15:00:00Z'), '2026-03-06 21:05')
  t.equal(await close(db, 'NY', '2026-03-06T22:00:00Z'), '2026-03-09 20:05', 'entered after close')
  t.equal(await close(db, 'NY', '2026-10-30T21:00:00Z'), '2026-11-02 21:05')
})

t.test(
  '[REF-001] a time that the clocks skip comes after it, a repeated one counts once',
  async t => {
    const db = await testDatabase(t)
    const night = {
      NIGHT: [
        ['01:30', 'CONTINUOUS'],
        ['02:30', 'CLOSED'],
      ],
    }
    await create(db, 'NIGHT', 'Europe/Berlin', { plan: night, days: Array(7).fill('NIGHT') })

    t.equal(
      await close(db, 'NIGHT', '2026-03-29T00:45:00Z'),
      '2026-03-29 01:30',
      '02:30 is skipped',
    )
    t.equal(
      await close(db, 'NIGHT', '2026-10-25T00:15:00Z'),
      '2026-10-25 01:30',
      'the second 02:30',
    )
  },
)

t.test('[REF-002] a holiday is closed, a half day has its own close', async t => {
  const db = await newYork(t)

  t.equal(await phase(db, 'NY', '2026-02-16T17:00:00Z'), 'CLOSED')
  t.equal(await next(db, 'NY', '2026-02-13T22:00:00Z'), 'CONTINUOUS 2026-02-17 14:30')
  t.equal(await close(db, 'NY', '2026-02-13T22:00:00Z'), '2026-02-17 18:00')
  t.equal(await close(db, 'NY', '2026-02-17T17:59:59Z'), '2026-02-17 18:00')
  t.equal(await close(db, 'NY', '2026-02-17T18:00:00Z'), '2026-02-18 21:05', 'at the close')
})

t.test('[REF-002] a session goes over midnight, and a holiday ends it there', async t => {
  const db = await testDatabase(t)
  const plan = {
    DAY: [
      ['16:00', 'CLOSED'],
      ['17:00', 'CONTINUOUS'],
    ],
    SUNDAY: [['17:00', 'CONTINUOUS']],
    FRIDAY: [['16:00', 'CLOSED']],
  }
  const days = ['DAY', 'DAY', 'DAY', 'DAY', 'FRIDAY', null, 'SUNDAY']
  await create(db, 'CHI', 'America/Chicago', { plan, days, business: [1, 2, 3, 4, 5] })

  t.equal(await close(db, 'CHI', '2026-02-08T23:30:00Z'), '2026-02-09 22:00', 'from Sunday')
  t.equal(await phase(db, 'CHI', '2026-02-11T06:00:00Z'), 'CONTINUOUS', 'at midnight')
  t.equal(await close(db, 'CHI', '2026-02-13T23:00:00Z'), '2026-02-16 22:00', 'over the weekend')
  await db.query("select ops.set_calendar_day('CHI', '2026-02-11')")
  t.equal(await close(db, 'CHI', '2026-02-11T00:00:00Z'), '2026-02-11 06:00', 'at its midnight')
})

t.test('[REF-003] without a calendar a symbol trades always, and a day is one of UTC', async t => {
  const db = await testDatabase(t)

  t.equal(await say(db, "reference.phase_at(null, '2026-02-14T17:00:00Z')"), 'CONTINUOUS')
  t.equal(await at(db, "reference.session_close(null, '2026-02-14T17:00:00Z')"), '2026-02-15 00:00')
  t.same(await db.query("select * from reference.next_phase(null, '2026-02-14T17:00:00Z')"), [
    { phase: null, at: Number.POSITIVE_INFINITY },
  ])
})

t.test('[REF-004] business days leave out weekends and holidays, not half days', async t => {
  const db = await newYork(t)
  const behind = (on: string, days: number) =>
    say(db, `reference.add_business_days(${id('NY')}, '${on}', ${days})::text`)

  t.equal(await behind('2026-02-12', 2), '2026-02-17', 'from Thursday over a Monday off')
  t.equal(await behind('2026-02-12', 0), '2026-02-12')
  t.equal(await behind('2026-02-14', 0), '2026-02-17', 'from Saturday on')
  t.equal(await behind('2026-02-14', 1), '2026-02-17')
  t.equal(await behind('2026-02-12', 250), '2027-01-29')
  t.equal(await say(db, `reference.is_business_day(${id('NY')}, '2026-02-16')`), false)
  t.equal(await say(db, `reference.is_business_day(${id('NY')}, '2026-02-17')`), true)
  t.equal(await say(db, "reference.add_business_days(null, '2026-02-14', 2)::text"), '2026-02-16')
})

t.test('[REF-004] a calendar says which of its weekdays are business days', async t => {
  const db = await testDatabase(t)
  const plan = { ALL: [['00:00', 'CONTINUOUS']] }
  await create(db, 'X', 'UTC', { plan, days: Array(7).fill('ALL'), business: [1, 2, 3, 4, 5] })

  t.equal(await say(db, `reference.is_business_day(${id('X')}, '2026-02-14')`), false)
  t.equal(await phase(db, 'X', '2026-02-14T17:00:00Z'), 'CONTINUOUS')
  t.equal(await close(db, 'X', '2026-02-14T17:00:00Z'), null, 'it never closes')
})

t.test('a calendar that cannot be is refused', async t => {
  const db = await testDatabase(t)
  const refused = (zone: string, plan: object, days: unknown[] = week) =>
    t.rejects(create(db, 'BAD', zone, { plan, days }), { code: 'IVCAL' })
  await create(db, 'NY', 'America/New_York')

  await refused('Mars/Olympus', schedules)
  await refused('UTC', { ...schedules, REGULAR: [['25:00', 'CALL']] })
  await refused('UTC', { ...schedules, REGULAR: [['noon', 'CALL']] })
  await refused('UTC', { ...schedules, REGULAR: [['09:00', 'LUNCH']] })
  await refused('UTC', { ...schedules, REGULAR: [] })
  await refused('UTC', schedules, ['OTHER'])
  await refused('UTC', schedules, Array(8).fill('REGULAR'))
  await t.rejects(create(db, 'NY', 'UTC'), { code: 'STCAL' })
  await t.rejects(db.query("select ops.set_calendar_day('NY', '2026-02-16', 'OTHER')"), {
    code: 'IVCAL',
  })
  await t.rejects(db.query("select ops.set_calendar_day('LA', '2026-02-16')"), { code: 'NFCAL' })
  t.same(await db.query('select calendar from reference.calendars'), [{ calendar: 'NY' }])
})
