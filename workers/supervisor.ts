import { Worker } from 'node:worker_threads'
import type { Logger } from 'pino'
import { pause, type ThreadData } from './thread.ts'

export interface WorkersOptions extends Pick<ThreadData, 'databaseUrl' | 'logLevel'> {
  segmentId?: number
  /** How many settlement threads. */
  settlementWorkers: number
  settlementBatch: number
  /** Where outside legs are sent to; without it there is no thread that sends any. */
  outsideWebhook?: ThreadData['webhook']
  log: Logger
  /** Takes each log line of the threads, in place of the output of the process. */
  onLine?: (line: string) => void
}

export interface Workers {
  /** Lets every thread finish what it is at, for at most `graceMs`, then ends it. */
  stop(graceMs: number): Promise<void>
}

const boot = new URL('./boot.mjs', import.meta.url)
/** A thread that dies at once is not started anew more often than this. */
const restartMs = 1000

/** Starts the worker threads and keeps them running: one that dies is started anew. */
export function startWorkers(options: WorkersOptions): Workers {
  const { settlementWorkers, settlementBatch, databaseUrl, logLevel, segmentId = 1 } = options
  const webhook = options.outsideWebhook ?? null
  const tellsLines = options.onLine !== undefined
  const thread = { databaseUrl, logLevel, segmentId, batchSize: settlementBatch }
  const shared = { ...thread, webhook, tellsLines }
  const names = Array.from({ length: settlementWorkers }, (_, i) => `settlement ${i + 1}`)
  const stopping = new AbortController()
  const graceOver = new AbortController()
  const threads = [
    ...names.map(name => ({ ...shared, name, entry: entryOf('settlement.ts') })),
    { ...shared, name: 'matching', entry: entryOf('matching.ts') },
    { ...shared, name: 'maintenance', entry: entryOf('maintenance.ts') },
    ...(webhook === null ? [] : [{ ...shared, name: 'outside', entry: entryOf('outside.ts') }]),
  ].map(data => keepRunning(data, options, stopping.signal, graceOver.signal))
  return {
    async stop(graceMs) {
      stopping.abort()
      const timer = setTimeout(() => graceOver.abort(), graceMs)
      await Promise.all(threads)
      clearTimeout(timer)
    },
  }
}

function entryOf(file: string): string {
  return new URL(file, import.meta.url).href
}

async function keepRunning(
  data: ThreadData,
  { log, onLine }: WorkersOptions,
  stopping: AbortSignal,
  graceOver: AbortSignal,
): Promise<void> {
  while (!stopping.aborted) {
    const worker = new Worker(boot, { workerData: data })
    const stop = () => worker.postMessage('stop')
    const kill = () => void worker.terminate()
    stopping.addEventListener('abort', stop)
    graceOver.addEventListener('abort', kill)
    worker.on('message', line => onLine?.(String(line)))
    worker.on('error', error => log.error({ err: error, worker: data.name }, 'worker failed'))
    const code = await new Promise<number>(resolve => worker.once('exit', resolve))
    stopping.removeEventListener('abort', stop)
    graceOver.removeEventListener('abort', kill)
    if (stopping.aborted) return
    log.error({ worker: data.name, code }, 'worker ended, starting it anew')
    await pause(restartMs, stopping)
  }
}
