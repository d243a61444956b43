import { pino } from 'pino'
import type { Test } from 'tap'
import { z } from 'zod'
import { startWorkers, type WorkersOptions } from '../../workers/supervisor.ts'

const Line = z.looseObject({ level: z.number(), worker: z.string().optional(), msg: z.string() })
type Line = z.infer<typeof Line>

/** The level of a warning. */
const warning = 40

export interface TestWorkers {
  /** What the supervisor has logged. */
  lines: Line[]
  /** What its threads have complained of: a lost connection, a statement that failed. */
  complaints: Line[]
  stop(graceMs?: number): Promise<void>
}

type Options = Pick<WorkersOptions, 'databaseUrl'> & Partial<WorkersOptions>

/**
 * Threads at work on a database, as a process has them; the test stops them, or its end does. A
 * complaint of a thread fails the test, unless faults are what it is about.
 */
export function startThreads(
  t: Test,
  options: Options,
  { isFaulty = false }: { isFaulty?: boolean } = {},
): TestWorkers {
  const lines: Line[] = []
  const complaints: Line[] = []
  let stopping: Promise<void> | undefined
  const log = pino({}, { write: text => void lines.push(Line.parse(JSON.parse(text))) })
  const workers = startWorkers({
    settlementWorkers: 2,
    settlementBatch: 100,
    logLevel: 'warn',
    log,
    onLine: text => {
      const line = Line.parse(JSON.parse(text))
      if (line.level < warning) return
      complaints.push(line)
      // At once, not at the end: who waits for what a broken thread should do waits in vain.
      if (!isFaulty && !stopping) t.fail('a thread complained', { found: line })
    },
    ...options,
  })
  const stop = (graceMs = 2000) => {
    stopping ??= workers.stop(graceMs)
    return stopping
  }
  t.teardown(() => stop(0))
  return { lines, complaints, stop }
}
