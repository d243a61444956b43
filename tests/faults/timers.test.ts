import t, { type Test } from 'tap'
import { openStream } from '../app/events/stream-client.ts'
import { ask, order, plainMarket } from '../app/test-server.ts'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { audit, createMarket } from '../helpers/market.ts'
import { startService } from '../helpers/service.ts'
import { until } from '../helpers/until.ts'
import { startThreads } from '../workers/threads.ts'

/** When orders were cancelled for this reason, by the database's record. */
const cancelled = (db: TestDatabase, reason: string) =>
  db.query<{ at: Date }>('select updated_at as at from orders where end_reason = $1', [reason])

const armedFor = async (db: TestDatabase) => {
  const [row] = await db.query<{ cancel_at: Date }>(
    "select cancel_at from matching.cancel_timers where reason = 'DEADMAN'",
  )
  return row?.cancel_at.getTime() ?? 0
}

/** The longest that this process was kept from running: what a machine that is too busy adds. */
function watchStalls(t: Test): () => number {
  let longestMs = 0
  let lastAt = performance.now()
  const timer = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - lastAt)
    lastAt = performance.now()
  }, 10)
  t.teardown(() => clearInterval(timer))
  return () => longestMs
}

t.test('[MAT-066] timers fire in time when the process that armed them is killed', async t => {
  const db = await testDatabase(t)
  await createMarket(db, { ...plainMarket, now: new Date().toISOString() })
  const doomed = startService(t, { DATABASE_URL: db.url, AUTH_MODE: 'off' })
  const other = startService(t, { DATABASE_URL: db.url, AUTH_MODE: 'off' })
  const [{ url }] = await Promise.all([doomed.open(), other.open()])
  await ask(url, 'POST', '/orders', order())
  await ask(url, 'POST', '/orders', order({ client_id: 'client-B', price: '40000' }))
  const query = 'topics=ticker&cod=true&client_id=client-B&grace_seconds=2'
  const stream = await openStream(`${url}/stream?${query}`)
  await stream.until(() => stream.messages.some(({ event }) => event === 'session'))

  const stallMs = watchStalls(t)
  await ask(url, 'POST', '/participants/client-A/cancel-after', { seconds: 3 })
  const cancelAt = await armedFor(db)
  const killedAt = Date.now()
  doomed.kill('SIGKILL')

  await until(async () => (await cancelled(db, 'DISCONNECT')).length === 1)
  await until(async () => (await cancelled(db, 'DEADMAN')).length === 1)
  const lateMs = async (reason: string, dueAt: number) => {
    const [at = 0] = (await cancelled(db, reason)).map(one => one.at.getTime())
    return at - dueAt
  }
  const deadmanMs = await lateMs('DEADMAN', cancelAt)
  t.ok(deadmanMs >= 0 && deadmanMs <= 1000 + stallMs(), `${deadmanMs} ms late`)
  const lossMs = await lateMs('DISCONNECT', killedAt + 2000)
  t.ok(lossMs >= -stallMs() && lossMs <= 1000 + stallMs(), `${lossMs} ms after the grace time`)
  t.same(await audit(db), [])
})

t.test('[MAT-066] timers that nobody was there to fire are fired at the next start', async t => {
  const db = await testDatabase(t)
  await createMarket(db, { ...plainMarket, now: new Date().toISOString() })
  const service = startService(t, { DATABASE_URL: db.url, AUTH_MODE: 'off' })
  const { url } = await service.open()
  await ask(url, 'POST', '/orders', order())
  await ask(url, 'POST', '/participants/client-A/cancel-after', { seconds: 1 })
  const cancelAt = await armedFor(db)
  service.kill('SIGKILL')
  await service.ended
  await until(() => Date.now() > cancelAt)
  t.same(await cancelled(db, 'DEADMAN'), [])

  startThreads(t, { databaseUrl: db.workerUrl, settlementWorkers: 1 })

  await until(async () => (await cancelled(db, 'DEADMAN')).length === 1)
  t.equal(await armedFor(db), 0, 'and the timer is gone')
  t.same(await audit(db), [])
})
