import type pg from 'pg'
import { channels } from '../app/events/doorbell.ts'
import { openBell } from './bell.ts'
import { openThread, withConnection } from './thread.ts'

/** What one pass did: see settlement.settle_batch. */
interface Pass {
  claimed: number
  settled: number
  put_aside: number
  last_id: string
}

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
  let afterId = '0'
  while (!stopped.aborted) {
    const pass = await settleOnce(client, afterId)
    if (pass.settled > 0) await ring(client)
    if (pass.put_aside > 0) log.error(pass, 'settlement instructions put aside')
    else if (pass.claimed > 0) log.debug(pass, 'settled')
    // Behind the last id come other symbols: each has its turn. From the end, back to the start.
    const isAtEnd = pass.claimed < thread.batchSize
    if (isAtEnd && afterId === '0') await bell.wait(pollMs)
    afterId = isAtEnd ? '0' : pass.last_id
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

async function settleOnce(client: pg.Client, afterId: string): Promise<Pass> {
  const { rows } = await client.query<Pass>(
    'select * from settlement.settle_batch($1, clock_timestamp(), $2, $3)',
    [thread.segmentId, thread.batchSize, afterId],
  )
  const pass = rows[0]
  if (pass === undefined) throw new Error('settle_batch returned no row')
  return pass
}
