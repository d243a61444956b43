import type { CompiledQuery } from 'kysely'
import type { Pool, PoolClient, QueryResultRow } from 'pg'
import { isConnectionFailure, LostConnection, Problem, sqlErrorOf } from './errors.ts'

export type Value = string | number | boolean | null | readonly (string | number)[]

/** Runs a statement as a transaction of its own. */
export type Run = <Row extends QueryResultRow>(
  text: string,
  values: readonly Value[],
) => Promise<Row[]>

/** `write` and `read` work on the segment, which is their $1. */
export interface Statements {
  /** For a statement that changes something: cut off, its outcome is unknown. */
  readonly write: Run
  /** For a statement that only reads: cut off, it did nothing. */
  readonly read: Run
  /** For a statement that is about no segment. */
  readonly readBare: Run
  /** For a query on a view of the api schema; it names the segment itself. */
  readonly select: <Row extends QueryResultRow>(query: CompiledQuery<Row>) => Promise<Row[]>
  readonly segmentId: number
  readonly now: () => string
}

export interface StatementOptions {
  pool: Pool
  segmentId: number
  clock: () => Date
}

export function createStatements({ pool, segmentId, clock }: StatementOptions): Statements {
  const write: Run = (text, values) => runWithRetry(pool, text, [segmentId, ...values])
  const readBare = async <Row extends QueryResultRow>(text: string, values: readonly unknown[]) => {
    try {
      return await runWithRetry<Row>(pool, text, values)
    } catch (error) {
      throw error instanceof LostConnection ? new LostConnection(false, error.cause) : error
    }
  }
  return {
    write,
    read: (text, values) => readBare(text, [segmentId, ...values]),
    readBare,
    select: query => readBare(query.sql, query.parameters),
    segmentId,
    now: () => clock().toISOString(),
  }
}

/** The row of a function that returns one row, whatever happens. */
export function only<Row>([row]: readonly Row[]): Row {
  if (row === undefined) throw new Error('a function that returns one row returned none')
  return row
}

/** The row of something that is asked for by its name, which may not be there. */
export function one<Row>(code: string, detail: string): (found: readonly Row[]) => Row {
  return ([row]) => {
    if (row === undefined) throw new Problem(404, code, detail)
    return row
  }
}

/** A deadlock or a serialization failure rolled everything back, so the same call may run again. */
const mostAttempts = 4

async function runWithRetry<Row extends QueryResultRow>(
  pool: Pool,
  text: string,
  values: readonly unknown[],
): Promise<Row[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await runOnce<Row>(pool, text, values)
    } catch (error) {
      const state = sqlErrorOf(error)?.state
      const isPassing = state === '40001' || state === '40P01'
      if (!isPassing || attempt === mostAttempts) throw error
      await new Promise(resolve => setTimeout(resolve, Math.random() * 10 * 2 ** attempt))
    }
  }
}

async function runOnce<Row extends QueryResultRow>(
  pool: Pool,
  text: string,
  values: readonly unknown[],
): Promise<Row[]> {
  let client: PoolClient
  try {
    client = await pool.connect()
  } catch (error) {
    throw new LostConnection(false, error)
  }
  let isBroken = false
  client.on('error', hearOnly)
  try {
    const result = await client.query<Row>(text, [...values])
    return result.rows
  } catch (error) {
    isBroken = isConnectionFailure(error)
    throw isBroken ? new LostConnection(true, error) : error
  } finally {
    client.off('error', hearOnly)
    client.release(isBroken)
  }
}

/** The statement in flight fails with the same error; without a listener the process would end. */
function hearOnly(): void {}
