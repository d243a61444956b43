import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { Test } from 'tap'
import { roleUrl } from '../../app/database/logins.ts'
import { applyDatabaseSettings } from '../../app/database/migrate.ts'
import { inDatabase } from './cluster.ts'

export interface TestDatabase {
  /** Connection string of the owner. */
  url: string
  appUrl: string
  workerUrl: string
  ownerPool: pg.Pool
  /** Runs one statement as the owner. */
  query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>
}

/**
 * A database of this test's own, migrated, gone when the test is over. `isEmpty`: without the
 * migrations.
 */
export async function testDatabase(
  t: Test,
  { isEmpty = false }: { isEmpty?: boolean } = {},
): Promise<TestDatabase> {
  const { TEST_ADMIN_URL: adminUrl, TEST_TEMPLATE: template = 'template0' } = process.env
  if (adminUrl === undefined) throw new Error('run it by: npm test -- tests/…/this.test.ts')
  const name = `test_${process.pid}_${randomBytes(4).toString('hex')}`
  const url = inDatabase(adminUrl, name)
  const from = isEmpty ? 'template0' : template
  await asAdmin(adminUrl, `create database ${name} template ${from} strategy file_copy`)
  const settings = new pg.Client(url)
  await settings.connect()
  await applyDatabaseSettings(settings)
  await settings.end()

  const ownerPool = new pg.Pool({ connectionString: url, max: 10 })
  // The drop below ends connections that a test left open.
  ownerPool.on('error', () => {})
  t.teardown(async () => {
    await ownerPool.end()
    await asAdmin(adminUrl, `drop database if exists ${name} with (force)`)
  })
  return {
    url,
    appUrl: roleUrl(url, 'pgsettle_app'),
    workerUrl: roleUrl(url, 'pgsettle_worker'),
    ownerPool,
    query: async (text, values) => (await ownerPool.query(text, values)).rows,
  }
}

async function asAdmin(adminUrl: string, statement: string): Promise<void> {
  const client = new pg.Client(adminUrl)
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
