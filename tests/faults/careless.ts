import { openThread, pause, withConnection } from '../../workers/thread.ts'

/**
 * A settlement worker as it must not be, for the controls: what careless.claim() does is committed
 * before careless.settle() settles it.
 */
const thread = openThread()
const betweenMs = 200

await withConnection(thread, async client => {
  while (!thread.stopped.aborted) {
    const claim = await client.query('select careless.claim($1) as ids', [thread.batchSize])
    await pause(betweenMs, thread.stopped)
    await client.query('select careless.settle($1)', [claim.rows[0].ids])
  }
})
