import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import gm from 'graphile-migrate'
import { clearAllPools } from 'graphile-migrate/dist/pgReal.js'
import pg from 'pg'
import type { Logger } from 'pino'
import { LOGIN_ROLES, type LoginRole, rolePassword, roleUrl } from './logins.ts'

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url))
const GMRC = fileURLToPath(new URL('../../.gmrc', import.meta.url))
/** Ours, around the library's own, which does not wait but fails when another holds it. */
const MIGRATE_LOCK = 7_267_533_002

/** A refusal that is fit to be shown as it is: one line that says what to do. */
export class MigrationError extends Error {
  override name = 'MigrationError'
}

export interface MigrateOptions {
  log: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>
  /** Also run what is written in current.sql but not committed yet; for development and tests. */
  current?: boolean
  /** Folder with committed/ and current.sql. */
  migrations?: string
}

/**
 * Brings the database to the newest migration and makes the login roles usable.
 *
 * Any number of processes may call it at once: they wait for each other. A database that has
 * migrations which this code does not know is refused before anything is written.
 */
export async function migrate(ownerUrl: string, options: MigrateOptions): Promise<void> {
  const { log, current = false, migrations = MIGRATIONS } = options
  const client = new pg.Client({
    connectionString: ownerUrl,
    application_name: 'pgsettle migrate',
    keepAlive: true,
  })
  client.on('error', () => {}) // the query that runs meanwhile fails, too
  await client.connect()
  try {
    await client.query('set lock_timeout = 0; set statement_timeout = 0')
    await client.query('select pg_advisory_lock($1)', [MIGRATE_LOCK])
    await refuseNewer(client, migrations)
    await runMigrations(ownerUrl, migrations, current, log)
    await applyDatabaseSettings(client)
    for (const role of LOGIN_ROLES) await openLogin(client, ownerUrl, role)
  } finally {
    await client.end()
  }
}

/** What belongs to the database and not to what is in it: CREATE DATABASE … TEMPLATE drops it. */
export async function applyDatabaseSettings(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ exists: boolean }>(
    "select to_regprocedure('ops.set_search_path()') is not null as exists",
  )
  if (rows[0]?.exists) await client.query('select ops.set_search_path()')
}

async function refuseNewer(client: pg.Client, migrations: string): Promise<void> {
  const { rows: tables } = await client.query<{ exists: boolean }>(
    "select to_regclass('graphile_migrate.migrations') is not null as exists",
  )
  if (!tables[0]?.exists) return
  const known = committedHashes(migrations)
  const { rows } = await client.query<{ hash: string; filename: string }>(
    'select hash, filename from graphile_migrate.migrations order by filename',
  )
  const unknown = rows.find(({ hash }) => !known.has(hash))
  if (unknown === undefined) return
  throw new MigrationError(
    `the database has migration ${unknown.filename}, which this pgsettle does not know: ` +
      'it is newer (or another branch); run the pgsettle that made it, or use another database',
  )
}

function committedHashes(migrations: string): Set<string> {
  const folder = join(migrations, 'committed')
  const hashes = new Set<string>()
  if (!existsSync(folder)) return hashes
  for (const name of readdirSync(folder)) {
    const hash = readFileSync(join(folder, name), 'utf8').match(/^--! Hash: (\S+)$/m)?.[1]
    if (hash !== undefined) hashes.add(hash)
  }
  return hashes
}

async function runMigrations(
  ownerUrl: string,
  migrations: string,
  current: boolean,
  log: MigrateOptions['log'],
): Promise<void> {
  const root = new URL(ownerUrl)
  root.pathname = '/template1'
  const settings = {
    ...JSON.parse(readFileSync(GMRC, 'utf8')),
    connectionString: ownerUrl,
    rootConnectionString: root.href,
    migrationsFolder: migrations,
    logger: quietLogger(log),
  }
  try {
    if (current && hasCurrent(migrations)) await gm.current(settings)
    else await gm.migrate(settings)
  } finally {
    // Its pool would stay for 200 ms, and end the whole process should the server stop meanwhile.
    clearAllPools()
  }
}

/** Whether current.sql has anything to run: a statement or an include. */
function hasCurrent(migrations: string): boolean {
  const file = join(migrations, 'current.sql')
  if (!existsSync(file)) return false
  return readFileSync(file, 'utf8')
    .split('\n')
    .some(line => /^--! ?include /i.test(line) || !/^\s*(--.*)?$/.test(line))
}

function quietLogger(log: MigrateOptions['log']) {
  return new gm.Logger(() => (level, message, meta) => {
    const text = message.replace(/^graphile-migrate[^:]*: /, '')
    if (level === 'error') log.error({ meta }, text)
    else if (level === 'warning') log.warn(text)
    else log.debug(text)
  })
}

/** Sets the role's password, only when it cannot log in: several databases share the roles. */
async function openLogin(client: pg.Client, ownerUrl: string, role: LoginRole): Promise<void> {
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role])
  if (rowCount === 0) return
  let refusal = await tryLogin(ownerUrl, role)
  const password = rolePassword(ownerUrl, role)
  if (refusal !== null && password !== null) {
    try {
      await client.query(`alter role ${role} login password ${client.escapeLiteral(password)}`)
    } catch (error) {
      // "tuple concurrently updated": from another database of this cluster, to the same.
      if (!(error instanceof pg.DatabaseError && error.code === 'XX000')) throw error
    }
    refusal = await tryLogin(ownerUrl, role)
  }
  if (refusal === null) return
  throw new MigrationError(
    `role ${role} cannot log in (${refusal}): ` +
      (password === null
        ? 'put the owner’s password into DATABASE_URL, or let the role in without one'
        : 'see pg_hba.conf of the server'),
  )
}

async function tryLogin(ownerUrl: string, role: LoginRole): Promise<string | null> {
  const client = new pg.Client({ connectionString: roleUrl(ownerUrl, role) })
  client.on('error', () => {})
  try {
    await client.connect()
    return null
  } catch (error) {
    // 28: not let in. All else (no connection left, no server) is no matter of the password.
    if (error instanceof pg.DatabaseError && error.code?.startsWith('28')) return error.message
    throw error
  } finally {
    await client.end().catch(() => {})
  }
}
