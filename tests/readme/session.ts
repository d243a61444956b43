import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { z } from 'zod'
import { makeDataDir } from '../helpers/cluster.ts'
import { normalise } from './normal-form.ts'

const root = join(import.meta.dirname, '../..')
const run = promisify(execFile)
const startMs = 90_000
const commandMs = 30_000
const settleMs = 10_000
/** The address in the document. */
const written = /(localhost|127\.0\.0\.1):8080/g

/**
 * What the commands print, one after another, on a fresh venue with an embedded database of its
 * own; `npm start` is that venue's own start. Each next one waits until all trades are settled, as
 * a reader who types them does.
 */
export async function runSession(commands: readonly string[]): Promise<string[][]> {
  const dataDir = makeDataDir()
  // Set, if to nothing: what stands in a .env of the checkout is then not taken.
  const unset = { DATABASE_URL: '', HOST: '', AUTH_MODE: '', SETTLEMENT_WORKERS: '' }
  const env = { ...process.env, ...unset, LOG_LEVEL: 'warn', DATA_DIR: dataDir, PORT: '0' }
  const venue = spawn(process.execPath, ['--import', 'tsx', 'workers/main.ts'], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const { welcome, port } = await untilOpen(venue)
    const outputs: string[] = []
    for (const command of commands) {
      if (command === 'npm start') outputs.push(welcome)
      else outputs.push(await print(command.replace(written, `127.0.0.1:${port}`), env))
      await untilSettled(port)
    }
    return normalise(outputs, port)
  } finally {
    const closed = venue.exitCode === null ? once(venue, 'close') : undefined
    venue.kill('SIGTERM')
    await closed
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function untilOpen(venue: ChildProcess): Promise<{ welcome: string; port: string }> {
  const deadline = performance.now() + startMs
  let text = ''
  venue.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  for (;;) {
    const port = /dashboard +http:\/\/127\.0\.0\.1:(\d+)\//.exec(text)?.[1]
    // The welcome is printed in one go, and ends with an empty line.
    if (port !== undefined && text.endsWith('\n\n')) return { welcome: text, port }
    if (venue.exitCode !== null || performance.now() > deadline) {
      throw new Error(`the venue did not open:\n${text}`)
    }
    await wait(20)
  }
}

/** What a command prints on its output, whatever it ends with. */
async function print(command: string, env: NodeJS.ProcessEnv): Promise<string> {
  try {
    const { stdout } = await run('bash', ['-c', command], { cwd: root, env, timeout: commandMs })
    return stdout
  } catch (error) {
    if (error instanceof Error && 'stdout' in error && error.stdout) return String(error.stdout)
    throw error
  }
}

const backlog = z.object({ pending: z.number() })

async function untilSettled(port: string): Promise<void> {
  const deadline = performance.now() + settleMs
  for (;;) {
    const reply = await fetch(`http://127.0.0.1:${port}/settlements/backlog`)
    const { pending } = backlog.parse(await reply.json())
    if (pending === 0) return
    if (performance.now() > deadline) throw new Error(`${pending} trades are not settled`)
    await wait(20)
  }
}
