import { execFileSync, spawn } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { findEmbedded, startEmbedded } from '../../../app/database/embedded.ts'
import { quietLog, TEST_SETTINGS } from '../../helpers/cluster.ts'
import { until } from '../../helpers/until.ts'
import { ask, emptyDataDir, isAlive, serverPid, startService } from './embedded-helpers.ts'

const test = { log: quietLog, settings: TEST_SETTINGS }

t.test('the product is started durable, on loopback, with a secret password', async t => {
  const dataDir = emptyDataDir(t)

  const server = await startEmbedded({ dataDir, log: quietLog })
  t.teardown(server.stop)

  const settings = `select current_setting('server_version_num')::int / 10000, name, setting
    from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit',
      'listen_addresses', 'unix_socket_directories', 'jit') order by name`
  t.same(await ask(server.url, settings), [
    [18, 'fsync', 'on'],
    [18, 'full_page_writes', 'on'],
    [18, 'jit', 'off'],
    [18, 'listen_addresses', '127.0.0.1'],
    [18, 'synchronous_commit', 'on'],
    [18, 'unix_socket_directories', ''],
  ])
  const database = `select current_user, current_database(), pg_encoding_to_char(encoding),
    datlocprovider, datlocale from pg_database where datname = current_database()`
  t.same(await ask(server.url, database), [['pgsettle', 'pgsettle', 'UTF8', 'b', 'C.UTF-8']])
  const kept = statSync(join(dataDir, 'postgres/pgsettle.json'))
  t.equal(kept.mode & 0o777, 0o600, 'the password is readable by its owner only')
  const wrong = new URL(server.url)
  wrong.password = 'guessed'
  await t.rejects(ask(wrong.href, 'select 1'), { code: '28P01' })
})

t.test('a second start finds the same address and the same data', async t => {
  const dataDir = emptyDataDir(t)
  t.equal(await findEmbedded(dataDir), null, 'nothing is there at first')
  const first = await startEmbedded({ dataDir, ...test })
  await ask(first.url, 'create table t as select 42 as answer')
  t.equal(await findEmbedded(dataDir), first.url)
  await first.stop()
  t.equal(await findEmbedded(dataDir), null)

  const second = await startEmbedded({ dataDir, ...test })
  t.teardown(second.stop)

  t.same([first.adopted, second.adopted], [false, false])
  t.equal(second.url, first.url)
  t.same(await ask(second.url, 'select answer from t'), [[42]])
})

t.test(
  'kill -9 of the service: the next one adopts the server and stops it at its end',
  async t => {
    const dataDir = emptyDataDir(t)
    const killed = startService(t, dataDir)
    const { url } = await killed.ready()
    const pid = serverPid(dataDir)
    await killed.end('SIGKILL')

    const next = await startEmbedded({ dataDir, ...test })

    t.equal(next.adopted, true)
    t.equal(next.url, url)
    t.equal(serverPid(dataDir), pid)
    await next.stop()
    t.equal(serverPid(dataDir), null)
    t.notOk(pid !== null && isAlive(pid))
  },
)

t.test('kill -9 of service and server: the next start has what was committed', async t => {
  const dataDir = emptyDataDir(t)
  const killed = startService(t, dataDir)
  const { url } = await killed.ready()
  await ask(url, 'create table t (n int)')
  for (let n = 1; n <= 20; n++) await ask(url, `insert into t values (${n})`)
  await killed.end('SIGKILL')
  const pid = serverPid(dataDir)
  if (pid !== null) process.kill(pid, 'SIGKILL')

  const next = await startEmbedded({ dataDir, ...test })
  t.teardown(next.stop)

  t.equal(next.adopted, false)
  t.equal(next.url, url)
  t.same(await ask(next.url, 'select count(*)::int, sum(n)::int from t'), [[20, 210]])
})

t.test('kill -9 of the server alone: the service starts it again at the same address', async t => {
  const dataDir = emptyDataDir(t)
  const service = startService(t, dataDir)
  const { url } = await service.ready()
  await ask(url, 'create table t as select 42 as answer')
  const pid = serverPid(dataDir)

  if (pid !== null) process.kill(pid, 'SIGKILL')

  await until(async () => serverPid(dataDir) !== pid && (await findEmbedded(dataDir)) !== null)
  t.same(await ask(url, 'select answer from t'), [[42]])
  t.equal(await service.end('SIGTERM'), 0)
  t.equal(await findEmbedded(dataDir), null, 'and stops it at its end')
})

t.test('a lock file whose number has gone to another process is no obstacle', async t => {
  const dataDir = emptyDataDir(t)
  const first = await startEmbedded({ dataDir, ...test })
  const lockFile = join(dataDir, 'postgres/postmaster.pid')
  const lock = readFileSync(lockFile, 'utf8')
  const { uid, gid } = statSync(lockFile)
  await first.stop()
  // Of the same user: only then PostgreSQL takes it for a server that lives.
  const stranger = spawn('sleep', ['60'], { uid, gid })
  t.teardown(() => stranger.kill())
  writeFileSync(lockFile, lock.replace(/^\d+/, String(stranger.pid)))

  const server = await startEmbedded({ dataDir, ...test })
  t.teardown(server.stop)

  t.equal(server.adopted, false)
  t.equal(server.url, first.url)
  t.ok(stranger.pid !== undefined && isAlive(stranger.pid))
})

t.test('several services that start at once share one server; the last one stops it', async t => {
  const dataDir = emptyDataDir(t)
  const services = [1, 2, 3].map(() => startService(t, dataDir))

  const ready = await Promise.all(services.map(service => service.ready()))

  t.equal(new Set(ready.map(({ url }) => url)).size, 1)
  t.equal(ready.filter(({ adopted }) => !adopted).length, 1, 'one has started it')
  const pid = serverPid(dataDir)
  for (const service of services.slice(0, 2)) t.equal(await service.end('SIGTERM'), 0)
  t.equal(serverPid(dataDir), pid, 'it runs on for the third')
  t.same(await ask(String(ready[0]?.url), 'select 1'), [[1]])
  t.equal(await services[2]?.end('SIGTERM'), 0)
  t.equal(serverPid(dataDir), null)
})

t.test('services that stop at once leave no server behind', async t => {
  const dataDir = emptyDataDir(t)
  const servers = []
  for (let n = 0; n < 4; n++) servers.push(await startEmbedded({ dataDir, ...test }))

  await Promise.all(servers.map(server => server.stop()))

  t.equal(serverPid(dataDir), null)
})

t.test('a copy of a running folder gets a server of its own', async t => {
  const dataDir = emptyDataDir(t)
  const copyDir = emptyDataDir(t)
  const original = await startEmbedded({ dataDir, ...test })
  t.teardown(original.stop)
  await ask(original.url, 'checkpoint')
  cpSync(dataDir, copyDir, { recursive: true, preserveTimestamps: true })
  const { uid, gid } = statSync(join(dataDir, 'postgres'))
  execFileSync('chown', ['-R', `${uid}:${gid}`, join(copyDir, 'postgres')])

  const copy = await startEmbedded({ dataDir: copyDir, ...test })
  t.teardown(copy.stop)

  t.equal(copy.adopted, false)
  t.not(copy.url, original.url)
  await ask(copy.url, 'create table only_in_the_copy ()')
  await t.rejects(ask(original.url, 'select from only_in_the_copy'), { code: '42P01' })
})

t.test('when the password was changed it still stops, and does not start again', async t => {
  const dataDir = emptyDataDir(t)
  const server = await startEmbedded({ dataDir, ...test })
  await ask(server.url, "alter role pgsettle password 'changed'")

  await server.stop()

  t.equal(serverPid(dataDir), null)
  await t.rejects(startEmbedded({ dataDir, ...test }), {
    name: 'EmbeddedError',
    message: /^the PostgreSQL of data folder .*postgres refuses the password [^\n]*$/,
  })
  t.equal(serverPid(dataDir), null, 'and is not left running')
})

t.test('when another took the port, a free one is taken and remembered', async t => {
  const dataDir = emptyDataDir(t)
  const first = await startEmbedded({ dataDir, ...test })
  await first.stop()
  const squatter = createServer().listen(Number(new URL(first.url).port), '127.0.0.1')
  t.teardown(() => squatter.close())
  await until(() => squatter.listening)

  const second = await startEmbedded({ dataDir, ...test })
  await second.stop()
  const third = await startEmbedded({ dataDir, ...test })
  t.teardown(third.stop)

  t.not(second.url, first.url)
  t.equal(third.url, second.url)
})

t.test('a start can be called off, and leaves nothing behind', async t => {
  const dataDir = emptyDataDir(t)
  const called = new AbortController()
  const start = startEmbedded({ dataDir, ...test, signal: called.signal })

  called.abort()

  await t.rejects(start, { name: 'AbortError' })
  t.same(readdirSync(dataDir), [])
})
