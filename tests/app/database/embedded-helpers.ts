import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import type { Test } from 'tap'
import { z } from 'zod'
import { makeDataDir } from '../../helpers/cluster.ts'
import { until } from '../../helpers/until.ts'

export { until } from '../../helpers/until.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const Said = z.union([
  z.object({ url: z.string(), adopted: z.boolean() }),
  z.object({ error: z.string() }),
])

/** A folder that is gone after the test, with the server that may still run in it. */
export function emptyDataDir(t: Test): string {
  const dataDir = makeDataDir()
  t.teardown(async () => {
    const pid = serverPid(dataDir)
    if (pid !== null && isAlive(pid)) {
      process.kill(pid, 'SIGQUIT')
      await until(() => !isAlive(pid))
    }
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 })
  })
  return dataDir
}

export interface ServiceOptions {
  /** The checkout it is run from. */
  root?: string
  /** Where programs are copied to. */
  programsDir?: string
  uid?: number
  gid?: number
}

export interface Service {
  child: ChildProcess
  /** What it said when it was ready; throws what it was refused with. */
  ready(): Promise<{ url: string; adopted: boolean }>
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null>
}

/** A service in a process of its own, so that it can be killed. */
export function startService(t: Test, dataDir: string, options: ServiceOptions = {}): Service {
  const { root = ROOT, programsDir, ...user } = options
  const args = ['--import', 'tsx', 'tests/app/database/fixtures/service.ts', dataDir]
  if (programsDir !== undefined) args.push(programsDir)
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    ...user,
  })
  const ended = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })
  const line = new Promise<string>((resolve, reject) => {
    lines.once('line', resolve)
    lines.once('close', () => reject(new Error('the service ended without a word')))
  })
  line.catch(() => {}) // it matters to who asks for it only
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return {
    child,
    ready: async () => {
      const said = Said.parse(JSON.parse(await line))
      if ('error' in said) throw new Error(said.error)
      return said
    },
    end: async signal => {
      child.kill(signal)
      await ended
      return child.exitCode
    },
  }
}

export async function ask(url: string, text: string): Promise<unknown[][]> {
  const client = new pg.Client(url)
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query({ text, rowMode: 'array' })).rows
  } finally {
    await client.end()
  }
}

export function serverPid(dataDir: string): number | null {
  const file = join(dataDir, 'postgres/postmaster.pid')
  if (!existsSync(file)) return null
  return Number(readFileSync(file, 'utf8').split('\n')[0])
}

/** False for a zombie, too: here nobody may be there to bury an orphan. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    if (process.platform !== 'linux') return true
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
