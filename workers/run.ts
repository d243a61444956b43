import { ConfigError } from '../app/config.ts'
import { EmbeddedError } from '../app/database/embedded.ts'
import { MigrationError } from '../app/database/migrate.ts'

/** What a process may take to stop before it ends itself, whatever hangs. */
const stopMs = 9500

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
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.on(name, () => {
        if (stopping.signal.aborted) process.exit(1)
        stopping.abort()
        resolve()
      })
    }
  })
  try {
    const stop = await start(stopping.signal)
    await signalled
    setTimeout(() => process.exit(1), stopMs).unref()
    await stop()
    process.exit(0)
  } catch (error) {
    if (stopping.signal.aborted) process.exit(0)
    console.error(isOurs(error) ? error.message : error)
    process.exit(1)
  }
}

function isOurs(error: unknown): error is Error {
  if (error instanceof ConfigError) return true
  if (error instanceof EmbeddedError || error instanceof MigrationError) return true
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}
