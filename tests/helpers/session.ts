import pg from 'pg'
import type { Test } from 'tap'
import type { Queryable } from './market.ts'
import { until } from './until.ts'

/** One connection, so that a test can hold a transaction open, or lose it. */
export interface Session extends Queryable {
  readonly pid: number
  close(): Promise<void>
}

/** A session of whoever the connection string names. `options`: settings, as `-c name=value`. */
export async function openSession(t: Test, url: string, options = ''): Promise<Session> {
  const client = new pg.Client({ connectionString: url, options })
  client.on('error', () => {}) // a test may have it killed; its next query says so
  await client.connect()
  const close = () => client.end().catch(() => {})
  t.teardown(close)
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return {
    pid: rows[0]?.pid ?? 0,
    query: async (text, values) => (await client.query(text, values)).rows,
    close,
  }
}

/** Waits until the session stands before a lock that another holds. */
export async function untilBlocked(db: Queryable, pid: number): Promise<void> {
  await until(async () => {
    const text = 'select from pg_stat_activity where pid = $1 and wait_event_type = $2'
    return (await db.query(text, [pid, 'Lock'])).length > 0
  })
}
