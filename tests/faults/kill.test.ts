import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { ask, emptyDataDir, serverPid } from '../app/database/embedded-helpers.ts'
import { seed } from '../helpers/seed.ts'
import { type Service, startService } from '../helpers/service.ts'
import { until } from '../helpers/until.ts'
import { follow } from './follower.ts'
import { type Load, startLoad } from './load.ts'
import { reckon, reckonFeed } from './reckoning.ts'

/** kill -9 of the server and all of its processes, the children first. */
function killServer(dataDir: string): void {
  const pid = serverPid(dataDir)
  if (pid === null) throw new Error('no server runs')
  for (const one of [...childrenOf(pid), pid]) {
    try {
      process.kill(one, 'SIGKILL')
    } catch {
      // It has just ended of its own accord.
    }
  }
}

/** On Linux without ps, which a slim image does not have. */
function childrenOf(parent: number): number[] {
  if (process.platform === 'linux') {
    const isChild = (pid: string) => {
      const file = `/proc/${pid}/status`
      return existsSync(file) && readFileSync(file, 'utf8').includes(`\nPPid:\t${parent}\n`)
    }
    return readdirSync('/proc').filter(isChild).map(Number)
  }
  const list = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
  const pairs = list.split('\n').map(line => line.trim().split(/\s+/).map(Number))
  return pairs.flatMap(([pid = 0, ppid]) => (ppid === parent ? [pid] : []))
}

/** Of the service and its workers, all at once: an operator's mistake, or a pooler's restart. */
const endConnections = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid()`

/** Loses nothing that matters: what the clients were told is the measure. */
const needed = { before: 60, after: 40 }

/**
 * A venue under load, whose service is started again where a test has killed it. Its follower has
 * its place before the first order comes: it began now, and what was before is not for it.
 */
async function venue(t: Test, name: string) {
  const dataDir = emptyDataDir(t)
  let service: Service = startService(t, { DATA_DIR: dataDir, LOG_LEVEL: 'fatal' })
  let place = await service.open()
  const follower = await follow(t, () => place.url, 'trades:BTC-USD,settlements', 25)
  const load: Load = startLoad(() => place.url, name)
  t.teardown(load.stop)
  return {
    dataDir,
    load,
    follower,
    url: () => place.url,
    databaseUrl: () => place.databaseUrl,
    service: () => service,
    async restart() {
      service = startService(t, { DATA_DIR: dataDir, LOG_LEVEL: 'fatal' })
      place = await service.open()
    },
  }
}

t.test(`kill -9 of the service under load, twice (seed ${seed})`, async t => {
  const { load, follower, service, restart, url, databaseUrl } = await venue(t, 'service')

  for (let round = 0; round < 2; round++) {
    await load.untilAcknowledged(needed.before)
    service().kill('SIGKILL')
    t.equal(await service().ended, 'SIGKILL')
    await restart()
    await load.untilAcknowledged(needed.after)
  }
  await load.stop()

  t.ok(load.unknown.size > 0, 'orders were on their way when it died')
  await reckon(t, url(), databaseUrl(), load)
  await reckonFeed(t, databaseUrl(), follower)
  service().kill('SIGTERM')
  t.equal(await service().ended, 0)
})

t.test(
  `kill -9 of PostgreSQL, then of its connections, under load: the service lives on (seed ${seed})`,
  async t => {
    const { dataDir, load, follower, service, url, databaseUrl } = await venue(t, 'database')
    const address = databaseUrl()

    for (let round = 0; round < 2; round++) {
      await load.untilAcknowledged(needed.before)
      const pid = serverPid(dataDir)
      killServer(dataDir)
      await load.untilAcknowledged(needed.after)
      t.not(serverPid(dataDir), pid, 'another server runs')
    }
    for (let round = 0; round < 10; round++) {
      await ask(databaseUrl(), endConnections)
      await load.untilAcknowledged(5)
    }
    await load.stop()

    await until(async () => (await fetch(`${url()}/ready`)).status === 200)
    t.equal(databaseUrl(), address)
    await reckon(t, url(), databaseUrl(), load)
    await reckonFeed(t, databaseUrl(), follower)
    service().kill('SIGTERM')
    t.equal(await service().ended, 0)
  },
)

t.test(`kill -9 of both under load (seed ${seed})`, async t => {
  const { dataDir, load, follower, service, restart, url, databaseUrl } = await venue(t, 'both')

  await load.untilAcknowledged(needed.before)
  service().kill('SIGKILL')
  killServer(dataDir)
  await service().ended
  await restart()
  await load.untilAcknowledged(needed.after)
  await load.stop()

  t.ok(load.unknown.size > 0)
  await reckon(t, url(), databaseUrl(), load)
  await reckonFeed(t, databaseUrl(), follower)
  service().kill('SIGTERM')
  t.equal(await service().ended, 0)
})

t.test('the control: without synchronous commits a kill loses what was acknowledged', async t => {
  const { dataDir, load, service, restart, databaseUrl } = await venue(t, 'control')
  await ask(databaseUrl(), "alter system set wal_writer_delay = '10s'")
  await ask(databaseUrl(), 'select pg_reload_conf()')
  await ask(databaseUrl(), 'alter role pgsettle_app set synchronous_commit = off')
  await ask(databaseUrl(), 'alter role pgsettle_worker set synchronous_commit = off')
  await ask(databaseUrl(), endConnections)

  await load.untilAcknowledged(needed.before)
  service().kill('SIGKILL')
  killServer(dataDir)
  await load.stop()
  await restart()

  const kept = (await ask(databaseUrl(), 'select idempotency_key from orders')).flat()
  const lost = [...load.acknowledged.keys()].filter(key => !kept.includes(key))
  t.ok(lost.length > 0, `${lost.length} of ${load.acknowledged.size} acknowledged orders`)
  service().kill('SIGTERM')
  t.equal(await service().ended, 0)
})
