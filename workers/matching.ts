import pg from 'pg'
import { channels } from '../app/events/doorbell.ts'
import { openBell } from './bell.ts'
import { openThread, withConnection } from './thread.ts'

/** What is due by the clock waits this long at most, and a ring that nobody heard costs as much. */
const pollMs = 250
/** What failed is left alone this long, so that the rest goes on. */
const restMs = 5000
/** Participants whose timers are fired in one transaction. */
const timersAtOnce = 100

const thread = openThread()
await withConnection(thread, match)

/**
 * Does what is due and nobody asks for: orders that were accepted are matched, orders and phases
 * end, timers fire. One call is one transaction, of one symbol or of some timers. Any number of
 * threads may do it at once; killed at any line, it leaves nothing behind.
 */
async function match(client: pg.Client): Promise<void> {
  const bell = await openBell(client, channels.orders, thread.stopped)
  const attempt = createAttempts()
  while (!thread.stopped.aborted) {
    let hasNews = await attempt('timers', () => fireTimers(client))
    for (const symbolId of await dueSymbols(client)) {
      if (await attempt(`symbol ${symbolId}`, () => sweep(client, symbolId))) hasNews = true
    }
    if (hasNews) await client.query(`notify ${channels.events}; notify ${channels.settlements}`)
    else await bell.wait(pollMs)
  }
}

async function dueSymbols(client: pg.Client): Promise<number[]> {
  const { rows } = await client.query<{ symbol_id: number }>(
    'select d.symbol_id from matching.due_symbols($1, clock_timestamp()) as d (symbol_id)',
    [thread.segmentId],
  )
  return rows.map(row => row.symbol_id)
}

async function sweep(client: pg.Client, symbolId: number): Promise<boolean> {
  const { rows } = await client.query<{ has_news: boolean }>(
    'select matching.sweep_symbol($1, $2, clock_timestamp()) as has_news',
    [thread.segmentId, symbolId],
  )
  return rows[0]?.has_news ?? false
}

async function fireTimers(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ fired: number; cancelled: number }>(
    'select * from matching.fire_timers($1, clock_timestamp(), $2)',
    [thread.segmentId, timersAtOnce],
  )
  const { fired = 0, cancelled = 0 } = rows[0] ?? {}
  if (fired > 0) thread.log.info({ fired, cancelled }, 'timers fired')
  return fired > 0
}

/** Runs things by name. What the database refuses is logged and left alone for a while. */
function createAttempts() {
  const resting = new Map<string, number>()
  return async (name: string, work: () => Promise<boolean>): Promise<boolean> => {
    if ((resting.get(name) ?? 0) > performance.now()) return false
    resting.delete(name)
    try {
      return await work()
    } catch (error) {
      // Of a connection that is gone, there is nothing to run on.
      if (!(error instanceof pg.DatabaseError) || /^(08|57)/.test(error.code ?? '')) throw error
      // Deadlocks and such pass.
      if (!/^40/.test(error.code ?? '')) {
        thread.log.error({ err: error, name }, 'the matcher failed')
        resting.set(name, performance.now() + restMs)
      }
      return false
    }
  }
}
