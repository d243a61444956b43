import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { roleUrl } from '../../../app/database/logins.ts'
import { migrate } from '../../../app/database/migrate.ts'
import { inDatabase, quietLog, startTestCluster } from '../../helpers/cluster.ts'
import { ask, emptyDataDir } from './embedded-helpers.ts'

const FIXTURES = fileURLToPath(new URL('fixtures', import.meta.url))
const MIGRATIONS = join(FIXTURES, 'migrations')
const options = { log: quietLog, migrations: MIGRATIONS }
const FACTS = 'select fact_no from public.facts order by 1'
const DENIED = { code: '42501' }

// A cluster of its own: these tests change the login roles, which all databases of one share.
const cluster = await startTestCluster()
t.teardown(cluster.stop)

async function emptyDatabase(): Promise<string> {
  const name = `migrate_${randomBytes(4).toString('hex')}`
  await ask(cluster.adminUrl, `create database ${name}`)
  return inDatabase(cluster.adminUrl, name)
}

/** The fixtures without their last migration, as an older version of the code has them. */
function olderMigrations(t: Test): string {
  const folder = emptyDataDir(t)
  cpSync(MIGRATIONS, folder, { recursive: true })
  rmSync(join(folder, 'committed/000002-a-second-fact.sql'))
  return folder
}

t.test('six processes that migrate at once apply each migration once', async t => {
  const url = await emptyDatabase()
  const program = join(FIXTURES, 'migrate.ts')
  const start = () =>
    spawn(process.execPath, ['--import', 'tsx', program, url, MIGRATIONS], { stdio: 'inherit' })

  const ends = await Promise.all(Array.from({ length: 6 }, () => once(start(), 'exit')))

  t.same(
    ends.map(([code]) => code),
    [0, 0, 0, 0, 0, 0],
  )
  t.same(await ask(url, FACTS), [[1], [2]])
  t.same(await ask(url, 'select count(*)::int from graphile_migrate.migrations'), [[2]])
})

t.test('a database that is newer than the code is refused before anything is written', async t => {
  const url = await emptyDatabase()
  await migrate(url, options)
  await ask(url, "alter role pgsettle_app password 'changed'")
  const state = `select pg_current_xact_id_if_assigned() is null,
    (select array_agg(filename || hash order by 1) from graphile_migrate.migrations),
    (select rolpassword from pg_authid where rolname = 'pgsettle_app')`
  const before = await ask(url, state)

  const refusal = await migrate(url, { log: quietLog, migrations: olderMigrations(t) }).then(
    () => t.fail('migrated'),
    error => error,
  )

  t.equal(refusal.name, 'MigrationError')
  t.match(refusal.message, /^the database has migration 000002.sql, .* newer/)
  t.notMatch(refusal.message, '\n')
  t.same(await ask(url, state), before)
})

t.test('an older database is brought up, once', async t => {
  const url = await emptyDatabase()
  await migrate(url, { log: quietLog, migrations: olderMigrations(t) })
  t.same(await ask(url, FACTS), [[1]])

  await migrate(url, options)
  await migrate(url, options)

  t.same(await ask(url, FACTS), [[1], [2]])
})

t.test('what is not committed yet is applied only when it is asked for', async t => {
  const url = await emptyDatabase()

  await migrate(url, options)
  t.same(await ask(url, FACTS), [[1], [2]])

  await migrate(url, { ...options, current: true })
  t.same(await ask(url, FACTS), [[1], [2], [3]])
})

t.test('a migration that fails leaves nothing of itself, and no lock', async t => {
  const url = await emptyDatabase()
  const broken = olderMigrations(t)
  writeFileSync(join(broken, 'current.sql'), 'create table half (); select 1 / 0;')
  const log = { ...quietLog, error: () => {} }

  await t.rejects(migrate(url, { log, migrations: broken, current: true }), { code: '22012' })

  t.same(await ask(url, "select to_regclass('half')"), [[null]])
  await migrate(url, options)
  t.same(await ask(url, FACTS), [[1], [2]])
})

t.test('the login roles can log in, and own and create nothing', async t => {
  const url = await emptyDatabase()

  await migrate(url, options)

  for (const role of ['pgsettle_app', 'pgsettle_worker'] as const) {
    const asRole = roleUrl(url, role)
    t.same(await ask(asRole, 'select current_user, count(*)::int from facts group by 1'), [
      [role, 2],
    ])
    await t.rejects(ask(asRole, 'create table public.mine ()'), DENIED)
    await t.rejects(ask(asRole, 'create schema mine'), DENIED)
    await t.rejects(ask(asRole, 'delete from facts'), DENIED)
    await t.rejects(ask(asRole, 'set role pgsettle'), DENIED)
  }
})

t.test('a login is set when it does not work, and else left alone', async t => {
  const url = await emptyDatabase()
  await migrate(url, options)
  const verifiers = 'select rolname, rolpassword from pg_authid order by 1'
  const before = await ask(url, verifiers)

  await migrate(url, options)
  t.same(await ask(url, verifiers), before)

  await ask(url, "alter role pgsettle_app nologin password 'other'")
  await migrate(url, options)
  t.same(await ask(roleUrl(url, 'pgsettle_app'), 'select 1'), [[1]])
})

t.test('the search path of the database is set, for sessions to come', async t => {
  const url = await emptyDatabase()

  await migrate(url, options)

  t.same(await ask(url, 'show search_path'), [['ops, public']])
})

t.test('a server that ends the connections afterwards does not end the process', async t => {
  const url = await emptyDatabase()
  await migrate(url, options)

  const name = new URL(url).pathname.slice(1)
  await ask(cluster.adminUrl, `drop database ${name} with (force)`)

  // The library's pool, were it still there, would by now have called process.exit(1).
  const sessions = `select count(*)::int from pg_stat_activity where datname = '${name}'`
  t.same(await ask(cluster.adminUrl, sessions), [[0]])
})
