import pg from 'pg'
import type { Command } from './orders.ts'

export const batchSize = 2000

const execute = `
  select coalesce(cardinality((x.e).fills), 0) as fills
  from (
    select (matching.execute_batch(b.symbol_id, b.at, b.c)).outcome as e
    from bench_batches as b
    where b.symbol_id = $1 and b.at = $2
    offset 0
  ) as x`

export async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client(url)
  client.on('error', () => {}) // the query that runs meanwhile fails, too
  await client.connect()
  return client
}

/** Batches that lie in the database before they are timed: neither sent nor parsed meanwhile. */
export async function prepareBatches(client: pg.Client): Promise<void> {
  await client.query(
    'create table bench_batches (symbol_id int, at timestamptz, c matching.command[])',
  )
}

/** The batch of a symbol that is executed at a time. What a command does not say is null. */
export async function addBatch(
  client: pg.Client,
  symbolId: number,
  at: Date,
  commands: Command[],
): Promise<void> {
  await client.query(
    `insert into bench_batches
     select $1, $2, array_agg(c.*)
     from jsonb_populate_recordset(null::matching.command, $3) as c`,
    [symbolId, at, JSON.stringify(commands)],
  )
}

/** Executes batches in their order, each as a transaction of its own. Returns the trades made. */
export async function executeBatches(
  client: pg.Client,
  symbolId: number,
  times: Date[],
): Promise<number> {
  let trades = 0
  for (const at of times) {
    const { rows } = await client.query(execute, [symbolId, at])
    trades += rows[0].fills
  }
  return trades
}

/** Times that no batch had before, a second apart. */
export function clock(startAt: number): (count: number) => Date[] {
  let given = 0
  return count => Array.from({ length: count }, () => new Date(startAt + ++given * 1000))
}

/** The one in the middle. */
export function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
