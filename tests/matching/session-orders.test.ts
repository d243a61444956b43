import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { audit, balances, buy, command, createMarket, execute, sell } from '../helpers/market.ts'
import { passTime, phaseOf, stateOf } from './sessions.ts'

/** A venue in New York: 2026-03-02 is a Monday, and the clocks go on on Sunday the 8th. */
const schedules = {
  REGULAR: [
    ['09:00', 'CALL'],
    ['09:30', 'CONTINUOUS'],
    ['16:00', 'CALL'],
    ['16:05', 'CLOSED'],
  ],
  HALF: [
    ['09:00', 'CALL'],
    ['09:30', 'CONTINUOUS'],
    ['13:00', 'CLOSED'],
  ],
}
const week = [...Array(5).fill('REGULAR'), null, null]
const traders = { alice: { USD: '10000' }, bob: { BTC: '100' } }
const round = { tick: '1', lot: '1', maker_rate: '0', taker_rate: '0' }
const monday = (time: string) => `2026-03-02T${time}:00-05:00`
const tuesday = (time: string) => `2026-03-03T${time}:00-05:00`
const wednesday = (time: string) => `2026-03-04T${time}:00-05:00`

async function market(t: Test): Promise<TestDatabase> {
  const db = await testDatabase(t)
  await createMarket(db, { symbols: { 'BTC-USD': round }, traders, now: monday('07:00') })
  await db.query("select ops.create_calendar('NY', 'America/New_York', $1, $2)", [
    JSON.stringify(schedules),
    week,
  ])
  await db.query("select ops.set_calendar('BTC-USD', 'NY', 1, $1)", [monday('07:00')])
  return db
}

const day = (db: TestDatabase, on: string, schedule: string | null) =>
  db.query("select ops.set_calendar_day('NY', $1, $2, null, $3)", [on, schedule, monday('08:00')])

async function place(db: TestDatabase, now: string, more: object): Promise<string> {
  const [said] = await execute(db, 'BTC-USD', [buy('alice', '5', '100', more)], { now })
  return said?.order_id ?? `${said?.error_code}`
}

async function expiry(db: TestDatabase, id: string): Promise<string | undefined> {
  const text = 'select expire_at from matching.orders where order_id = $1'
  const [row] = await db.query<{ expire_at: Date | null }>(text, [id])
  return row?.expire_at?.toISOString()
}
const iso = (time: string) => new Date(time).toISOString()

t.test('[REF-003] an order of the day ends with the session it was entered in', async t => {
  const db = await market(t)
  const before = await place(db, monday('08:30'), { time_in_force: 'DAY' })
  const during = await place(db, monday('12:00'), { time_in_force: 'DAY' })
  const good = await place(db, monday('12:00'), {})
  t.equal(await expiry(db, before), iso(monday('16:05')))
  t.equal(await expiry(db, during), iso(monday('16:05')))
  t.equal(await expiry(db, good), undefined)

  await passTime(db, monday('16:04'))
  t.equal(await stateOf(db, during), 'OPEN 0')
  await passTime(db, monday('16:05'))

  t.equal(await phaseOf(db), 'CLOSED CALL')
  t.equal(await stateOf(db, before), 'EXPIRED DAY 0')
  t.equal(await stateOf(db, during), 'EXPIRED DAY 0')
  t.equal(await stateOf(db, good), 'OPEN 0')
  t.match(await balances(db, 'alice'), { USD: '9500 500 0 0' }, 'the holds are back')
  const late = await place(db, monday('18:00'), { time_in_force: 'DAY' })
  t.equal(await expiry(db, late), iso(tuesday('16:05')), 'the next session')
  t.same(await audit(db), [])
})

t.test('[REF-002] on half days it ends earlier, on holidays there is no session', async t => {
  const db = await market(t)
  await day(db, '2026-03-02', 'HALF')
  await day(db, '2026-03-03', null)
  const half = await place(db, monday('12:00'), { time_in_force: 'DAY' })
  t.equal(await expiry(db, half), iso(monday('13:00')))

  await passTime(db, monday('13:00'))
  t.equal(await stateOf(db, half), 'EXPIRED DAY 0')
  const waiting = await place(db, monday('14:00'), { time_in_force: 'DAY' })

  t.equal(await expiry(db, waiting), iso(wednesday('16:05')))
  await passTime(db, tuesday('12:00'))
  t.equal(await phaseOf(db), 'CLOSED CALL')
  t.equal(await stateOf(db, waiting), 'OPEN 0')
  t.same(await audit(db), [])
})

t.test('[REF-003] without a calendar a day is one of UTC', async t => {
  const db = await testDatabase(t)
  const now = '2026-03-02T23:59:59Z'
  await createMarket(db, { symbols: { 'BTC-USD': round }, traders, now })
  const id = await place(db, now, { time_in_force: 'DAY' })
  t.equal(await expiry(db, id), '2026-03-03T00:00:00.000Z')

  const [taker] = await execute(db, 'BTC-USD', [sell('bob', '1', '100')], {
    now: '2026-03-03T00:00:00Z',
  })

  t.match(taker, { status: 'OPEN' }, 'at that time it trades no more')
  t.equal(await stateOf(db, id), 'EXPIRED DAY 0')
})

t.test('[MAT-079] an order of the day takes part in the closing call, however late', async t => {
  const db = await market(t)
  await db.query("update reference.symbols set auction_random = '30 seconds'")
  const early = await place(db, monday('12:00'), { time_in_force: 'DAY' })
  await passTime(db, monday('16:00'))
  await db.query('update matching.symbol_state set phase_until = phase_end_at + $1::interval', [
    '20 seconds',
  ])
  const tail = '2026-03-02T16:05:10-05:00'

  const late = await place(db, tail, { time_in_force: 'DAY' })
  t.equal(await expiry(db, late), iso(monday('16:05')), 'as the end was announced')
  t.equal(await stateOf(db, late), 'OPEN 0')
  await execute(db, 'BTC-USD', [sell('bob', '7', '100')], { now: tail })
  await passTime(db, monday('17:00'))

  t.equal(await stateOf(db, early), 'FILLED 5')
  t.equal(await stateOf(db, late), 'EXPIRED DAY 2')
  const [ended] = await db.query('select updated_at from matching.orders where order_id = $1', [
    late,
  ])
  t.same(ended?.updated_at, new Date('2026-03-02T21:05:20Z'))
  t.same(await audit(db), [])
})

t.test('[MAT-074] OPG is for the opening, CLS for the closing call, and end with it', async t => {
  const db = await market(t)
  const opening = await place(db, monday('09:10'), { time_in_force: 'OPG' })
  await execute(db, 'BTC-USD', [sell('bob', '2', '100')], { now: monday('09:11') })
  const [early] = await execute(
    db,
    'BTC-USD',
    [buy('alice', '5', '100', { time_in_force: 'CLS' })],
    { now: monday('09:12') },
  )
  t.match(early, { status: 'REJECTED', reject_code: 'NOT_IN_CALL' })

  await passTime(db, monday('09:30'))
  t.equal(await stateOf(db, opening), 'EXPIRED AUCTION_ONLY 2')
  const market1 = { client_id: 'alice', side: 'BUY', quantity: '3', type: 'MARKET' } as const
  const [closing] = await execute(db, 'BTC-USD', [command({ ...market1, time_in_force: 'CLS' })], {
    now: monday('16:01'),
  })
  t.match(closing, { status: 'OPEN' })
  await execute(db, 'BTC-USD', [sell('bob', '1', '90')], { now: monday('16:02') })
  await passTime(db, monday('16:05'))

  t.equal(await stateOf(db, closing?.order_id), 'EXPIRED AUCTION_ONLY 1')
  t.match(await balances(db, 'alice'), { USD: '9690 310 0 310' })
  t.same(await audit(db), [])
})

t.test('[MAT-075] what waits stays while a symbol is halted, but for its time', async t => {
  const db = await market(t)
  await passTime(db, monday('10:00'))
  const stop = { type: 'STOP', stop_price: '120', price: null }
  const good = await place(db, monday('10:01'), { ...stop, time_in_force: 'GTC' })
  const today = await place(db, monday('10:01'), { ...stop, time_in_force: 'DAY' })
  const async = await place(db, monday('10:02'), { is_async: true })

  await db.query("select ops.halt_symbol('BTC-USD', 'why', 1, $1)", [monday('10:02')])
  await passTime(db, monday('18:00'))

  t.equal(await stateOf(db, good), 'PENDING 0')
  t.equal(await stateOf(db, today), 'EXPIRED DAY 0')
  t.equal(await stateOf(db, async), 'PENDING 0')
  await db.query("select ops.delist_symbol('BTC-USD', 'gone', 1, $1)", [monday('19:00')])
  t.equal(await stateOf(db, good), 'CANCELLED DELISTED 0', '[MAT-084]')
  t.equal(await stateOf(db, async), 'CANCELLED DELISTED 0')
  t.match(await balances(db, 'alice'), { USD: '10000 0 0 0' })
  t.same(await audit(db), [])
})

t.test('[MAT-084] what stops a symbol comes before the next match, also of what waits', async t => {
  for (const stop of ['halt', 'restrict', 'delist']) {
    const isOver = stop === 'delist'
    const db = await market(t)
    await passTime(db, monday('10:00'))
    await execute(db, 'BTC-USD', [sell('bob', '5', '100')], { now: monday('10:01') })
    const gone = { is_async: true, time_in_force: 'GTD', expire_at: monday('10:02') }
    const [expired, waits] = await execute(
      db,
      'BTC-USD',
      [buy('alice', '1', '100', gone), buy('alice', '5', '100', { is_async: true })],
      { now: monday('10:01') },
    )

    await db.query(`select ops.${stop}_symbol('BTC-USD', 'why', 1, $1)`, [monday('10:03')])

    t.same(await db.query('select from trades'), [], stop)
    t.equal(await stateOf(db, `${expired?.order_id}`), 'EXPIRED GTD 0')
    const state = isOver ? 'CANCELLED DELISTED 0' : 'PENDING 0'
    t.equal(await stateOf(db, `${waits?.order_id}`), state)
    if (!isOver) {
      await db.query("select ops.resume_symbol('BTC-USD', null, 1, $1)", [monday('10:04')])
      await passTime(db, monday('10:04'))
      t.equal(await stateOf(db, `${waits?.order_id}`), 'FILLED 5')
    }
    t.same(await audit(db), [])
    t.same(await db.query("select * from ops.verify_replay('BTC-USD')"), [])
  }
})

t.test('[MAT-084] what waited for a resumption enters where that leads to', async t => {
  const ways = [
    { pause: null, at: monday('10:30'), state: 'FILLED 5', trades: 1 },
    { pause: '10 minutes', at: monday('10:30'), state: 'OPEN 0', trades: 0 },
    { pause: null, at: monday('20:00'), state: 'OPEN 0', trades: 0 },
    { pause: null, at: tuesday('09:10'), state: 'OPEN 0', trades: 0 },
  ]
  for (const { pause, at, state, trades } of ways) {
    const db = await market(t)
    await passTime(db, monday('10:00'))
    await execute(db, 'BTC-USD', [sell('bob', '5', '100')], { now: monday('10:01') })
    const id = await place(db, monday('10:01'), { is_async: true })
    await db.query("select ops.halt_symbol('BTC-USD', 'why', 1, $1)", [monday('10:02')])

    await db.query("select ops.resume_symbol('BTC-USD', $1, 1, $2)", [pause, at])
    await passTime(db, at)

    t.equal(await stateOf(db, id), state, `${pause} ${at}`)
    t.equal((await db.query('select from trades')).length, trades)
    t.same(await audit(db), [])
    t.same(await db.query("select * from ops.verify_replay('BTC-USD')"), [])
  }
})

t.test('[MAT-065] what turned out not to be due is not looked for again', async t => {
  const db = await market(t)
  await passTime(db, monday('10:00'))
  const good = { time_in_force: 'GTD', expire_at: monday('11:00') }
  const id = await place(db, monday('10:01'), good)
  await execute(db, 'BTC-USD', [{ op: 'CANCEL', client_id: 'alice', order_id: id }], {
    now: monday('10:02'),
  })
  const due = () => db.query('select matching.due_symbols(1, $1) as id', [monday('11:00')])

  t.same(await due(), [{ id: 1 }])
  await passTime(db, monday('11:00'))
  t.same(await due(), [])
})

t.test('[MAT-070] nobody cancels all in the locked part of a call', async t => {
  const db = await market(t)
  await db.query("update reference.symbols set cancel_lock_time = '1 minute'")
  const id = await place(db, monday('16:01'), {})
  const cancelAll = (now: string) =>
    db.query("select * from api.cancel_orders(1, 'alice', 'BTC-USD', null, $1)", [now])

  t.same(await cancelAll(monday('16:04')), [])
  t.equal(await stateOf(db, id), 'OPEN 0')
  t.equal((await cancelAll(monday('16:05'))).length, 1)
  t.same(await audit(db), [])
})
