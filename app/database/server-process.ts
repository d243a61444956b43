import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fchownSync,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { EmbeddedError, serverProcess } from './binaries.ts'
import { type Cluster, connectionUrl, freePort, keepPort, readKept } from './cluster.ts'

const POLL_MS = 10
/** How long another start or stop of the same data folder is waited for before it is refused. */
const PATIENCE_MS = 60_000
/** From this size on a start begins a new log. */
const LOG_LIMIT_BYTES = 16 * 1024 * 1024

export interface Server {
  pid: number
  port: number
  /** False when this call started it. */
  adopted: boolean
}

/** What `postmaster.pid` in the data folder says; null when there is none. */
export interface Lock {
  pid: number
  port: number
  isReady: boolean
}

type Found =
  | { state: 'running'; lock: Lock }
  | { state: 'changing'; lock: Lock }
  | { state: 'none'; strangerPid: number | null }

/**
 * The server of the data folder: the one that runs (a killed service leaves it behind, a second
 * service shares it), else a new one. Many processes may call at once; one starts it, the others
 * adopt it. `mustKeepPort`: wait for the remembered port rather than take another.
 */
export async function ensureServer(
  cluster: Cluster,
  mustKeepPort: boolean,
  signal?: AbortSignal,
): Promise<Server> {
  const { folder } = cluster
  const deadline = Date.now() + PATIENCE_MS
  let { port } = readKept(folder)
  let reason = 'another process is starting or stopping it'
  while (Date.now() < deadline) {
    signal?.throwIfAborted()
    const found = await findServer(folder)
    if (found.state === 'running') {
      return { pid: found.lock.pid, port: found.lock.port, adopted: true }
    }
    if (found.state === 'none') {
      const outcome = await launch(cluster, port, found.strangerPid, signal)
      if ('pid' in outcome) {
        keepPort(cluster, port)
        return { pid: outcome.pid, port, adopted: false }
      }
      reason = outcome.reason
      if (/TCP\/IP sockets/.test(reason)) {
        if (!mustKeepPort) port = await freePort()
      } else if (!/lock file|shared memory block/.test(reason)) {
        throw new EmbeddedError(`PostgreSQL does not start: ${reason} (see ${cluster.logFile})`)
      }
    }
    await pause(POLL_MS, undefined, { signal })
  }
  throw new EmbeddedError(`data folder ${folder} cannot be served: ${reason}`)
}

/** Whether a server of this very data folder runs. */
export async function findServer(folder: string): Promise<Found> {
  const lock = readLock(folder)
  if (lock === null) return { state: 'none', strangerPid: null }
  if (!isServerOf(folder, lock.pid)) return { state: 'none', strangerPid: lock.pid }
  if (!lock.isReady) return { state: 'changing', lock }
  switch (await askServer(folder, lock.port)) {
    case 'this folder':
      return { state: 'running', lock }
    case 'other folder':
      return { state: 'none', strangerPid: lock.pid }
    case 'no answer':
      return { state: 'changing', lock }
  }
}

/** Stops the server: first in order, after `graceMs` at once (nothing committed is lost). */
export async function stopServer(cluster: Cluster, pid: number, graceMs: number): Promise<void> {
  for (const signal of ['INT', 'QUIT'] as const) {
    sendSignal(cluster, pid, signal)
    const deadline = Date.now() + graceMs
    while (Date.now() < deadline) {
      if (readLock(cluster.folder)?.pid !== pid || !isServerOf(cluster.folder, pid)) return
      await pause(POLL_MS)
    }
  }
  throw new EmbeddedError(`PostgreSQL (process ${pid}) does not stop`)
}

function readLock(folder: string): Lock | null {
  let lines: string[]
  try {
    lines = readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n')
  } catch {
    return null
  }
  const pid = Number(lines[0])
  if (!Number.isInteger(pid) || pid <= 0) return null
  return { pid, port: Number(lines[3]), isReady: lines[7]?.trim() === 'ready' }
}

/**
 * A lock file outlives a kill, and its number may since have gone to any other process. On Linux
 * the working directory tells whose it is (that of a zombie cannot be read: not running).
 */
function isServerOf(folder: string, pid: number): boolean {
  if (process.platform === 'linux') {
    try {
      const theirs = statSync(`/proc/${pid}/cwd`)
      const ours = statSync(folder)
      const command = readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
      return theirs.ino === ours.ino && theirs.dev === ours.dev && command === 'postgres'
    } catch {
      return false
    }
  }
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  if (process.platform === 'win32') return true
  const { stdout } = spawnSync('ps', ['-o', 'comm=', '-p', String(pid)], { encoding: 'utf8' })
  return basename(stdout.trim()).startsWith('postgres')
}

/**
 * Asks the server at `port` to read a file that was written into the folder just now: a folder that
 * was copied while its server ran has the same password and the same lock file as the original.
 */
async function askServer(
  folder: string,
  port: number,
): Promise<'this folder' | 'other folder' | 'no answer'> {
  const word = randomBytes(16).toString('hex')
  const name = `pgsettle.asks-${process.pid}-${word}`
  const client = new pg.Client({
    connectionString: connectionUrl(folder, 'postgres', port),
    connectionTimeoutMillis: 2000,
    query_timeout: 2000,
  })
  client.on('error', () => {})
  try {
    writeFileSync(join(folder, name), word, { mode: 0o644 })
    await client.connect()
    const { rows } = await client.query<{ word: string | null }>(
      'select pg_read_file($1, true) as word',
      [name],
    )
    return rows[0]?.word === word ? 'this folder' : 'other folder'
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === '28P01') {
      throw new EmbeddedError(
        `the PostgreSQL of data folder ${folder} refuses the password that is kept in it: ` +
          'write the new one into its pgsettle.json',
      )
    }
    return 'no answer'
  } finally {
    rmSync(join(folder, name), { force: true })
    await client.end().catch(() => {})
  }
}

/** Starts the server and waits until it takes connections, or says why it does not. */
async function launch(
  cluster: Cluster,
  port: number,
  strangerPid: number | null,
  signal?: AbortSignal,
): Promise<{ pid: number } | { reason: string }> {
  const { file: log, size: logStart } = openLog(cluster)
  const own = serverProcess(cluster.user, cluster.folder)
  const child = spawn(
    cluster.binaries.postgres,
    [
      ...['-D', cluster.folderArgument, '-c', `port=${port}`],
      // Loopback only, and no socket file: those of two checkouts would meet in one folder.
      ...['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
    ],
    {
      ...own,
      // The lock file names a process that is no server of this folder. PostgreSQL, which cannot
      // know that, is told that it is our own grandparent's; its check of shared memory stays.
      env: { ...own.env, ...(strangerPid && { PG_GRANDPARENT_PID: String(strangerPid) }) },
      // A session of its own: the terminal's ctrl-c is for the service, which stops it in order.
      detached: true,
      windowsHide: true,
      stdio: ['ignore', log, log],
    },
  )
  closeSync(log)
  const ended = whenEnded(child)
  for (;;) {
    const lock = readLock(cluster.folder)
    if (child.pid !== undefined && lock?.pid === child.pid && lock.isReady) break
    const end = await Promise.race([ended, pause(POLL_MS)])
    if (end !== undefined) return { reason: whyEnded(cluster.logFile, logStart, child.pid) ?? end }
    if (signal?.aborted) {
      child.kill('SIGINT')
      await ended
      signal.throwIfAborted()
    }
  }
  child.unref()
  return { pid: child.pid }
}

/** Opened for the server, which may not reach it; one older log is kept. */
function openLog({ logFile, user }: Cluster): { file: number; size: number } {
  if (existsSync(logFile) && statSync(logFile).size > LOG_LIMIT_BYTES) {
    renameSync(logFile, `${logFile}.1`)
  }
  const file = openSync(logFile, 'a', 0o600)
  if (user !== null) fchownSync(file, user.uid, user.gid)
  return { file, size: fstatSync(file).size }
}

function whenEnded(child: ChildProcess): Promise<string> {
  return new Promise(resolve => {
    child.once('error', error => resolve(error.message))
    child.once('exit', (code, signal) => resolve(`it ended with ${code ?? signal}`))
  })
}

/** The last complaint of that process in the log; the log may be shared with another start. */
function whyEnded(logFile: string, start: number, pid: number | undefined): string | null {
  const lines = readFileSync(logFile).subarray(start).toString('utf8').split('\n')
  const line = lines.findLast(line => line.includes(`[${pid}]`) && line.includes('FATAL: '))
  return line?.split('FATAL: ')[1]?.trim() ?? null
}

function sendSignal(cluster: Cluster, pid: number, signal: 'INT' | 'QUIT'): void {
  if (process.platform === 'win32') {
    spawnSync(cluster.binaries.pgCtl, ['kill', signal, String(pid)])
    return
  }
  try {
    process.kill(pid, `SIG${signal}`)
  } catch {
    // Gone already, which is what is wanted.
  }
}
