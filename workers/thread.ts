import { parentPort, workerData } from 'node:worker_threads'
import pg from 'pg'
import { type Logger, pino } from 'pino'

/** What the supervisor gives every thread. */
export interface ThreadData {
  /** The module that runs in the thread. */
  entry: string
  /** Shown in logs and in pg_stat_activity. */
  name: string
  /** Connection string of the workers' role. */
  databaseUrl: string
  segmentId: number
  logLevel: string
  /** Log lines go to the supervisor; else to the output of the process. */
  tellsLines: boolean
  /** Settlement instructions claimed in one transaction. */
  batchSize: number
  /** Where outside legs are sent to, and what they are signed with. */
  webhook: { url: string; secret: Uint8Array } | null
}

export interface Thread extends ThreadData {
  log: Logger
  /** Aborted when the supervisor asks the thread to stop: it finishes what it is at. */
  stopped: AbortSignal
}

const longestRetryMs = 5000

/** The side of a thread that talks to its supervisor. */
export function openThread(): Thread {
  const data: ThreadData = workerData
  const controller = new AbortController()
  parentPort?.once('message', () => controller.abort())
  const output = { write: (line: string) => void parentPort?.postMessage(line) }
  const options = { level: data.logLevel, base: { worker: data.name } }
  return {
    ...data,
    log: data.tellsLines ? pino(options, output) : pino(options),
    stopped: controller.signal,
  }
}

/**
 * Runs `work` on a connection of the thread's own until the thread is stopped. When the connection
 * is lost, what it had claimed is free again: a new one is made and the work begins anew, sooner
 * at first, later at most every five seconds.
 */
export async function withConnection(
  { name, databaseUrl, log, stopped }: Thread,
  work: (client: pg.Client) => Promise<void>,
): Promise<void> {
  for (let attempt = 0; !stopped.aborted; attempt++) {
    const client = new pg.Client({
      connectionString: databaseUrl,
      application_name: `pgsettle ${name}`,
      keepAlive: true,
      connectionTimeoutMillis: 5000,
      options: '-c timezone=UTC -c idle_in_transaction_session_timeout=10000',
    })
    client.on('error', error => log.debug({ err: error }, 'connection error'))
    try {
      await client.connect()
      attempt = 0
      await work(client)
    } catch (error) {
      if (!stopped.aborted) log.warn({ err: error }, 'worker lost its work, trying again')
    } finally {
      await client.end().catch(() => {})
    }
    await pause(Math.min(100 * 2 ** attempt, longestRetryMs), stopped)
  }
}

/** Waits, or less when the signal is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>(resolve => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
