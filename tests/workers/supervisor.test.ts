import t, { type Test } from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { audit, buy, createMarket, execute, type Queryable, sell } from '../helpers/market.ts'
import { openSession, untilBlocked } from '../helpers/session.ts'
import { until } from '../helpers/until.ts'
import { startThreads } from './threads.ts'

/** Threads are hit on purpose. */
const faulty = { isFaulty: true }

async function venue(t: Test) {
  const db = await testDatabase(t)
  const now = new Date().toISOString()
  await createMarket(db, { traders: { alice: { USD: '100000' }, bob: { BTC: '1000' } }, now })
  const trade = (count: number) => {
    const pair = [sell('bob', '0.1', '10'), buy('alice', '0.1', '10')]
    const all = Array.from({ length: count }, () => pair).flat()
    return execute(db, 'BTC-USD', all, { now: new Date().toISOString() })
  }
  return { db, trade }
}

const pending = async (db: Queryable) =>
  (await db.query('select count(*)::int from pending_instructions'))[0]?.count

/** Of the workers: "settlement 1", "settlement 2", "matching", "maintenance". */
const sessions = (db: Queryable, name = '') =>
  db.query(
    `select pid from pg_stat_activity
    where datname = current_database() and application_name like $1`,
    [`pgsettle ${name}%`],
  )

const untilSessions = (db: Queryable, count: number) =>
  until(async () => (await sessions(db)).length === count)

t.test('workers settle what is due, each on a connection of its own', async t => {
  const { db, trade } = await venue(t)
  const { stop, lines } = startThreads(t, { databaseUrl: db.workerUrl })

  await trade(150)

  await until(async () => (await pending(db)) === 0)
  // By name: a query in parallel is another session for as long as it lasts.
  for (const [name, count] of Object.entries({ settlement: 2, matching: 1, maintenance: 1 })) {
    await until(async () => (await sessions(db, name)).length >= count)
  }
  t.equal((await sessions(db, 'settlement')).length, 2)
  t.equal((await sessions(db, 'matching')).length, 1)
  t.equal((await sessions(db, 'maintenance')).length, 1)
  const [row] = await db.query('select count(*)::int from settled_instructions')
  t.equal(row?.count, 150)
  t.same(await audit(db), [])
  await until(async () => (await db.query('select from order_book_snapshots')).length === 1)

  await stop()
  await untilSessions(db, 0)
  t.same(lines, [], 'nothing went wrong')
})

t.test('a worker whose connection is cut makes another and goes on', async t => {
  const { db, trade } = await venue(t)
  const crew = { databaseUrl: db.workerUrl, settlementBatch: 10 }
  const { stop, complaints } = startThreads(t, crew, faulty)
  await untilSessions(db, 4)

  for (let round = 0; round < 5; round++) {
    await trade(20)
    for (const { pid } of await sessions(db)) {
      await db.query('select pg_terminate_backend($1)', [pid])
    }
  }

  await until(async () => (await pending(db)) === 0)
  await until(async () => (await sessions(db, 'settlement')).length === 2)
  t.ok(complaints.length > 0, 'and says so')
  const [row] = await db.query(
    'select count(*)::int, count(distinct instruction_id)::int as each from settled_instructions',
  )
  t.same(row, { count: 100, each: 100 })
  t.same(await audit(db), [])
  await stop()
})

t.test('a stop lets a worker finish its batch, and leaves the rest to the next', async t => {
  const { db, trade } = await venue(t)
  await trade(300)
  const first = startThreads(t, { databaseUrl: db.workerUrl, settlementBatch: 5 })
  await until(async () => (await pending(db)) < 300)

  await first.stop()

  const left = await pending(db)
  t.ok(left > 0 && left % 5 === 0, `${left} are left, in whole batches`)
  t.same(await audit(db), [])
  startThreads(t, { databaseUrl: db.workerUrl })
  await until(async () => (await pending(db)) === 0)
  t.same(await audit(db), [])
})

t.test('a worker that hangs is ended when its time is over, with its connection', async t => {
  const { db, trade } = await venue(t)
  await trade(10)
  const holder = await openSession(t, db.url)
  await holder.query('begin')
  await holder.query('select from accounts for update')
  const { stop } = startThreads(t, { databaseUrl: db.workerUrl, settlementWorkers: 1 }, faulty)
  await until(async () => (await sessions(db, 'settlement')).length === 1)
  const [{ pid } = {}] = await sessions(db, 'settlement')
  await untilBlocked(db, pid)

  const begin = performance.now()
  await stop(200)

  t.ok(performance.now() - begin < 2000)
  t.equal(await pending(db), 10, 'nothing is half settled')
  await holder.query('rollback')
  await untilSessions(db, 0)
  const left = await pending(db)
  t.ok(left === 0 || left === 10, 'the last batch is whole, whether its commit was in time or not')
  t.same(await audit(db), [])
})

t.test('a thread that dies is started anew, not more than once a second', async t => {
  const begin = performance.now()
  const { lines, stop } = startThreads(
    t,
    { databaseUrl: 'postgres://%', settlementWorkers: 1 },
    faulty,
  )
  const restarts = () =>
    lines.filter(one => one.worker === 'settlement 1' && /starting it anew/.test(one.msg))

  await until(() => restarts().length === 2)

  t.ok(performance.now() - begin > 1000)
  t.ok(lines.every(line => line.level === 50))
  const soon = performance.now()
  await stop()
  t.ok(performance.now() - soon < 1000, 'a stop does not wait for the next start')
})

/** Two trades of a netting window that is over, and what its workers have to do. */
async function closedWindow(db: Queryable, trade: (count: number) => Promise<unknown>) {
  await db.query("select create_netting_set('day', 'NET')")
  await db.query("select set_netting('BTC-USD', 'day')")
  await trade(2)
  await db.query("select close_window('day', 1, clock_timestamp())")
}

t.test('[CLR-004] the workers settle a netting window, as their own role', async t => {
  const { db, trade } = await venue(t)
  await closedWindow(db, trade)
  const { stop } = startThreads(t, { databaseUrl: db.workerUrl })

  await until(async () => (await db.query('select from nets')).length > 0)

  const taken = await db.query('select netted_into from cancelled_instructions')
  t.match(taken, [{ netted_into: /^\d+$/ }, { netted_into: /^\d+$/ }])
  t.same(await audit(db), [])
  await stop()
})

t.test('the control: what the workers may not do is heard, and their windows stay', async t => {
  const { db, trade } = await venue(t)
  await closedWindow(db, trade)
  await db.query('revoke usage on schema clearing from pgsettle_worker')
  const { complaints } = startThreads(t, { databaseUrl: db.workerUrl }, faulty)

  await until(() => complaints.length > 1)

  t.match(complaints[0], { worker: /^settlement/, err: { code: '42501' } })
  t.same(await db.query('select from nets'), [])
})
