import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import type { Logger } from 'pino'

export interface ConnectOptions {
  /** Shown in pg_stat_activity. */
  name: string
  log: Pick<Logger, 'warn'>
  /** Connections at most. */
  size?: number
  /** A statement that takes longer is ended by the server; 0 is never. */
  statementTimeoutMs?: number
}

export interface Database<Tables> {
  db: Kysely<Tables>
  pool: pg.Pool
  close(): Promise<void>
}

type Parser = (text: string) => unknown
const { builtins } = pg.types
const asText: Parser = text => text
const TEXT_ARRAY: number = 1009
const asTextArray: (text: string) => string[] = pg.types.getTypeParser(TEXT_ARRAY)

/** By the number of the type; a JavaScript number would round them, a Date cut the microseconds. */
const PARSERS = new Map<number, Parser>([
  [builtins.INT8, asText],
  [builtins.NUMERIC, asText],
  [builtins.DATE, asText],
  [builtins.TIMESTAMPTZ, toRfc3339],
  [1016, asTextArray], // int8[]
  [1231, asTextArray], // numeric[]
  [1182, asTextArray], // date[]
  [1185, text => asTextArray(text).map(toRfc3339)], // timestamptz[]
])

/**
 * A pool of connections. int8, numeric and date arrive as PostgreSQL prints them, timestamptz as
 * RFC 3339 in UTC with microseconds, json parsed. It outlives the server: a dead connection is
 * dropped and logged, and the next query makes a new one.
 */
export function createDatabase<Tables>(url: string, options: ConnectOptions): Database<Tables> {
  const { name, log, size = 10, statementTimeoutMs = 0 } = options
  const pool = new pg.Pool({
    connectionString: url,
    application_name: name,
    max: size,
    keepAlive: true,
    // A server that does not answer is an error to report, not a wait without end.
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 60_000,
    options: `-c timezone=UTC -c statement_timeout=${statementTimeoutMs}`,
    // The server would have ended it by then: the connection is dead, without a word. Whoever waits
    // for the answer must not wait for TCP to notice, which takes hours.
    ...(statementTimeoutMs > 0 && { query_timeout: statementTimeoutMs * 1.2 }),
    // Of this pool, not of the driver, where any other user of it in the process would change it.
    types: { getTypeParser: (oid: number) => PARSERS.get(oid) ?? pg.types.getTypeParser(oid) },
  })
  // Not the error itself: the driver hangs its whole client on it.
  pool.on('error', ({ message }) => log.warn({ reason: message }, 'database connection lost'))
  // Between being given out and being used a connection has no listener of the pool's any more, and
  // an error that nobody hears ends the process. The query that follows fails, too.
  pool.on('connect', client => client.on('error', () => {}))
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  return { db, pool, close: () => db.destroy() }
}

/** `2026-11-20 08:22:09.86+00` becomes `2026-11-20T08:22:09.860000Z`; `infinity` stays. */
function toRfc3339(text: string): string {
  const parts = /^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d+))?\+00$/.exec(text)
  if (parts === null) return text
  return `${parts[1]}T${parts[2]}.${(parts[3] ?? '').padEnd(6, '0')}Z`
}
