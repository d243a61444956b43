import type pg from 'pg'
import { openThread, pause, withConnection } from './thread.ts'

/** Often enough that a lost hour does not matter: partitions are made days and months ahead. */
const partitionsEveryMs = 3_600_000
const snapshotsEveryMs = 60_000
/** A row that is not as it was is told within a minute, with time to look at all of them. */
const checksEveryMs = 20_000

const thread = openThread()
await withConnection(thread, maintain)

/**
 * Keeps partitions ahead, snapshots fresh and closed periods sealed, and checks the books against
 * each other, on a timer.
 */
async function maintain(client: pg.Client): Promise<void> {
  const { log, stopped } = thread
  let partitionsDueAt = 0
  let snapshotsDueAt = 0
  while (!stopped.aborted) {
    if (performance.now() >= partitionsDueAt) {
      await maintainPartitions(client)
      partitionsDueAt = performance.now() + partitionsEveryMs
    }
    if (performance.now() >= snapshotsDueAt) {
      await client.query('select ops.refresh_order_book_snapshot(clock_timestamp())')
      log.debug({}, 'snapshots refreshed')
      snapshotsDueAt = performance.now() + snapshotsEveryMs
    }
    await checkBreaks(client)
    await client.query('select ops.seal_periods($1, clock_timestamp())', [thread.segmentId])
    await pause(checksEveryMs, stopped)
  }
}

/** Whether trades, obligations and journals agree: what is new, and all where a row was changed. */
async function checkBreaks(client: pg.Client): Promise<void> {
  let isBehind = true
  while (isBehind && !thread.stopped.aborted) {
    const { rows } = await client.query<{ opened: number; closed: number; is_behind: boolean }>(
      'select * from ops.check_breaks($1, clock_timestamp())',
      [thread.segmentId],
    )
    const { opened = 0, closed = 0, is_behind = false } = rows[0] ?? {}
    if (opened > 0) thread.log.error({ opened }, 'the books do not agree: see v_breaks')
    if (closed > 0) thread.log.info({ closed }, 'breaks closed')
    isBehind = is_behind
  }
}

async function maintainPartitions(client: pg.Client): Promise<void> {
  const { rows: made } = await client.query('select ops.maintain_partitions(clock_timestamp())')
  if (made.length > 0) thread.log.info({ partitions: made.length }, 'partitions made')
  const { rows: bad } = await client.query(
    "select * from ops.check_partition_health(clock_timestamp()) where status <> 'OK'",
  )
  for (const row of bad) thread.log.error(row, 'partitions are not healthy')
}
