import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { ThreadData } from '../../workers/thread.ts'

/** One settlement worker. */
interface Settler {
  /** Ends it at once, at whatever line it is: kill -9, or terminate(). Resolves when it is gone. */
  end(): Promise<void>
  /** Stops it where it is, or lets it go on. A thread cannot be stopped. */
  freeze(isFrozen: boolean): void
}

/** Settlement workers by number; what ends one starts another in its place. */
export interface Crew {
  readonly size: number
  /** As its connection is called: application_name. */
  nameOf(no: number): string
  end(no: number): Promise<void>
  freeze(no: number, isFrozen: boolean): void
  stop(): Promise<void>
}

export interface CrewPlan {
  size: number
  kind: 'process' | 'thread'
  databaseUrl: string
  batchSize: number
  /** The module that they run; the product's own where it does not say. */
  entry?: string
}

const boot = new URL('../../workers/boot.mjs', import.meta.url)
const settlement = new URL('../../workers/settlement.ts', import.meta.url).href

export function startCrew({ size, kind, entry = settlement, ...plan }: CrewPlan): Crew {
  const start = (no: number): Settler => {
    const name = `settlement ${no}`
    const silent = { logLevel: 'silent', tellsLines: false, webhook: null }
    const data = { ...plan, ...silent, entry, name, segmentId: 1 }
    return kind === 'process' ? startProcess(data) : startThread(data)
  }
  const settlers = Array.from({ length: size }, (_, no) => start(no))
  return {
    size,
    nameOf: no => `pgsettle settlement ${no}`,
    async end(no) {
      await settlers[no]?.end()
      settlers[no] = start(no)
    },
    freeze: (no, isFrozen) => settlers[no]?.freeze(isFrozen),
    async stop() {
      await Promise.all(settlers.map(settler => settler.end()))
    },
  }
}

function startProcess(data: ThreadData): Settler {
  const file = fileURLToPath(new URL('./settler.mjs', import.meta.url))
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, SETTLER: JSON.stringify(data) },
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  const ended = once(child, 'exit')
  return {
    async end() {
      child.kill('SIGKILL')
      await ended
    },
    freeze: isFrozen => void child.kill(isFrozen ? 'SIGSTOP' : 'SIGCONT'),
  }
}

function startThread(data: ThreadData): Settler {
  const worker = new Worker(boot, { workerData: data })
  worker.on('error', () => {}) // its exit says so
  return {
    end: async () => void (await worker.terminate()),
    freeze: () => {
      throw new Error('a thread cannot be stopped')
    },
  }
}
