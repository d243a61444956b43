import type pg from 'pg'
import { channels } from '../app/events/doorbell.ts'
import { openBell } from './bell.ts'
import { openThread, withConnection } from './thread.ts'

/** What one pass did: see settlement.settle_batch and settle_waiting. */
interface Pass {
  claimed: number
  settled: number
  put_aside: number
}

/** Instructions with conditions that are considered together. */
const considered = 500

/** A doorbell that nobody heard costs this much; also how soon a second attempt is looked for. */
const pollMs = 1000

const thread = openThread()
await withConnection(thread, settle)

/**
 * Settles what is due, batch after batch, and sleeps when there is nothing, until the bell rings.
 * One call is one transaction: claim, post, mark. Killed at any line, it leaves nothing behind.
 */
async function settle(client: pg.Client): Promise<void> {
  const { log, stopped } = thread
  const bell = await openBell(client, channels.settlements, stopped)
  let afterSymbolId = 0
  while (!stopped.aborted) {
    const pass = await settleOnce(client, afterSymbolId)
    const waiting = await settleWaiting(client)
    const windows = await runWindows(client)
    const settled = pass.settled + waiting.settled + windows.settled
    if (settled > 0) await ring(client)
    for (const done of [pass, waiting]) {
      if (done.put_aside > 0) log.error(done, 'settlement instructions put aside')
      else if (done.claimed > 0) log.debug(done, 'settled')
    }
    // Each symbol has its turn.
    afterSymbolId = pass.last_symbol_id
    if (pass.claimed < thread.batchSize && settled === pass.settled) await bell.wait(pollMs)
  }
}

/** What was settled is news, and may be what exits at a symbol wait for. */
async function ring(client: pg.Client): Promise<void> {
  await client.query(
    `select pg_notify($1, ''),
      case when matching.has_waiting_exits($2) then pg_notify($3, '') end`,
    [channels.events, thread.segmentId, channels.orders],
  )
}

async function settleOnce(client: pg.Client, afterSymbolId: number) {
  const { rows } = await client.query<Pass & { last_symbol_id: number }>(
    'select * from settlement.settle_batch($1, clock_timestamp(), $2, $3)',
    [thread.segmentId, thread.batchSize, afterSymbolId],
  )
  const pass = rows[0]
  if (pass === undefined) throw new Error('settle_batch returned no row')
  return pass
}

async function settleWaiting(client: pg.Client): Promise<Pass> {
  const { rows } = await client.query<Pass>(
    'select * from settlement.settle_waiting($1, clock_timestamp(), $2)',
    [thread.segmentId, considered],
  )
  const pass = rows[0]
  if (pass === undefined) throw new Error('settle_waiting returned no row')
  return pass
}

async function runWindows(client: pg.Client): Promise<{ joined: number; settled: number }> {
  const { rows } = await client.query<{ joined: number; settled: number }>(
    'select * from clearing.run_windows($1, clock_timestamp())',
    [thread.segmentId],
  )
  return rows[0] ?? { joined: 0, settled: 0 }
}
