import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** `npm start`, in a process of its own, so that it can be told to stop, or killed. */
export interface Service {
  readonly child: ChildProcess
  /** What it has printed, and what it has complained. */
  stdout(): string
  stderr(): string
  /** Its address and its database's, when it is open. Rejects when it ended before that. */
  open(): Promise<{ url: string; databaseUrl: string }>
  /** How it ended: its exit code, or the signal that killed it. */
  ended: Promise<number | string | null>
  kill(signal: NodeJS.Signals): void
}

/** Variables that a test does not set are those of a fresh checkout. */
export function startService(t: Test, env: Record<string, string>): Service {
  const { PATH, HOME, TMPDIR, SystemRoot } = process.env
  const child = spawn(process.execPath, ['--import', 'tsx', 'workers/main.ts'], {
    cwd: root,
    // An empty variable is one that is not set, whatever a .env file here says.
    env: { PATH, HOME, TMPDIR, SystemRoot, DATABASE_URL: '', PORT: '0', LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal)
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })

  const addresses = () => {
    const url = /dashboard +(http\S+?)\/\s/.exec(stdout)?.[1]
    const databaseUrl = /psql "(\S+)"/.exec(stdout)?.[1]
    return url && databaseUrl ? { url, databaseUrl } : undefined
  }
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    async open() {
      const over = ended.then(how => {
        throw new Error(`the service ended with ${how}:\n${stdout}\n${stderr}`)
      })
      for (let found = addresses(); ; found = addresses()) {
        if (found) {
          over.catch(() => {})
          return found
        }
        await Promise.race([once(child.stdout, 'data'), over])
      }
    },
    kill: signal => void child.kill(signal),
  }
}
