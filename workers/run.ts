import { ConfigError } from '../app/config.ts'
import { EmbeddedError } from '../app/database/embedded.ts'
import { MigrationError } from '../app/database/migrate.ts'

/** What a process may take to stop before it ends itself, whatever hangs. */
const stopMs = 9500
/** How soon a service that npm started notices that npm is gone. */
const orphanCheckMs = 500
/** A second signal within this time is the first one again. */
const sameSignalMs = 1000

/**
 * Runs a service until SIGTERM or SIGINT: starts it, and stops it in order, with exit code 0. A
 * second signal ends it at once. What stands in the way of a start is printed as one line when it
 * is ours to say, and ends the process with 1.
 */
export async function runUntilStopped(
  start: (signal: AbortSignal) => Promise<() => Promise<void>>,
): Promise<void> {
  const stopping = new AbortController()
  const signalled = new Promise<void>(resolve => {
    const stop = () => {
      stopping.abort()
      resolve()
    }
    let signalledAt = Number.POSITIVE_INFINITY
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.on(name, () => {
        // Ctrl-C reaches the process from the terminal and, again, through npm.
        if (performance.now() - signalledAt > sameSignalMs) process.exit(1)
        signalledAt = Math.min(signalledAt, performance.now())
        stop()
      })
    }
    whenOrphaned(stop)
  })
  try {
    const stop = await start(stopping.signal)
    await signalled
    setTimeout(() => process.exit(1), stopMs).unref()
    await stop()
    process.exit(0)
  } catch (error) {
    if (stopping.signal.aborted) process.exit(0)
    console.error(plainly(error) ?? error)
    process.exit(1)
  }
}

/**
 * npm passes a signal on to the shell that it runs a script in, and some shells die of it without
 * passing it on: what `npm start` started would stay when npm is stopped.
 */
function whenOrphaned(stop: () => void): void {
  if (process.env.npm_lifecycle_event === undefined) return
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    stop()
  }, orphanCheckMs)
  timer.unref()
}

/** One line for what a person can mend; null for what is a defect of ours. */
function plainly(error: unknown): string | null {
  if (error instanceof ConfigError) return error.message
  if (error instanceof EmbeddedError || error instanceof MigrationError) return error.message
  if (!(error instanceof Error && 'code' in error)) return null
  // Of a name with several addresses, each has its own error.
  const [first = error] = error instanceof AggregateError ? error.errors : []
  const line = String(first.message).replace(/\s+/g, ' ')
  if (line.startsWith('listen ')) return `the service cannot listen: ${line}`
  // 28: not let in; 3D: no such database.
  const isAway = 'syscall' in error || /^(28|3D)/.test(String(error.code))
  return isAway ? `the database cannot be reached: ${line}` : null
}
