import { spawn, spawnSync } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import {
  type Binaries,
  EmbeddedError,
  findBinaries,
  MAJOR,
  renamed,
  type ServerUser,
  serverProcess,
  serverUser,
} from './binaries.ts'
import { settingsFile } from './server-settings.ts'

/** Owner and database of the embedded server. */
export const OWNER = 'pgsettle'
export const DATABASE = 'pgsettle'

/** What pgsettle itself keeps in the data folder, readable by its owner only. */
const KEPT_FILE = 'pgsettle.json'
const Kept = z.object({ password: z.string().min(1), port: z.int().min(1).max(65535) })

/** One data folder of the embedded server, checked and ready to be served. */
export interface Cluster {
  /** The PostgreSQL data folder itself: `<dataDir>/postgres`. */
  folder: string
  /** What PostgreSQL is told as its data folder, with `folder` as its working directory. */
  folderArgument: string
  logFile: string
  user: ServerUser
  binaries: Binaries
}

export interface ClusterOptions {
  /** Settings of PostgreSQL that differ from server-settings.ts; for tests (fsync off …). */
  settings?: Record<string, string>
  /** Where root copies the programs to, should the server's user not reach them here. */
  programsDir?: string
  signal?: AbortSignal
}

/**
 * The data folder below `dataDir`, made when there is none.
 *
 * Anything that is not ours is refused before a byte is written: a folder of another major version,
 * of another program, of another user. initdb works in a sibling that is renamed when it is whole,
 * so a killed initdb leaves no half-made folder; two that race leave one, the other's is dropped.
 */
export async function openCluster(dataDir: string, options: ClusterOptions = {}): Promise<Cluster> {
  const { settings = {}, programsDir, signal } = options
  const folder = join(resolve(dataDir), 'postgres')
  const exists = isOurCluster(folder)
  const user = serverUser(folder)
  const binaries = findBinaries(user, programsDir)
  const isSynced = settings.fsync !== 'off'
  if (!exists) await createFolder(folder, { user, binaries, isSynced, signal })
  removeHalfMade(dataDir)
  writeOwned(join(folder, 'pgsettle.conf'), settingsFile(settings), user)
  return {
    folder: realpathSync(folder),
    folderArgument: folderArgument(realpathSync(folder), user),
    logFile: join(resolve(dataDir), 'postgres.log'),
    user,
    binaries,
  }
}

/** Of starts that were killed in initdb; that of one that still runs it fails and is dropped. */
function removeHalfMade(dataDir: string): void {
  for (const name of readdirSync(dataDir)) {
    if (!name.startsWith('postgres.new-')) continue
    try {
      rmSync(join(dataDir, name), { recursive: true, force: true, maxRetries: 3 })
    } catch {
      // An orphaned initdb still writes into it; the next start removes it.
    }
  }
}

/** False when there is nothing yet; throws when there is something that is not ours. */
export function isOurCluster(folder: string): boolean {
  if (!existsSync(folder) || readdirOf(folder).length === 0) return false
  const refuse = (why: string) => new EmbeddedError(`data folder ${folder} ${why}`)
  const version = join(folder, 'PG_VERSION')
  if (!existsSync(version)) {
    throw refuse('is not a PostgreSQL data folder: move it away or set DATA_DIR to another')
  }
  const major = readFileSync(version, 'utf8').trim()
  if (major !== MAJOR) {
    throw refuse(
      `is of PostgreSQL ${major}, this pgsettle runs ${MAJOR}: dump it with the pgsettle that ` +
        'made it, or set DATA_DIR to another',
    )
  }
  if (!existsSync(join(folder, KEPT_FILE))) {
    throw refuse(`was not made by pgsettle (no ${KEPT_FILE}): set DATA_DIR to another`)
  }
  if (process.getuid?.() === 0 && statSync(folder).uid === 0) {
    throw refuse('belongs to root, as whom PostgreSQL refuses to run: chown -R it to a user')
  }
  return true
}

function readdirOf(folder: string): string[] {
  try {
    const { uid } = statSync(folder)
    const us = process.getuid?.()
    if (us !== undefined && us !== 0 && us !== uid) throw new Error('of another user')
    return readdirSync(folder)
  } catch {
    throw new EmbeddedError(
      `data folder ${folder} belongs to another user or is no folder: start pgsettle as the user ` +
        'who made it, or set DATA_DIR to another',
    )
  }
}

/** The password of the owner and the remembered port. */
export function readKept(folder: string): z.infer<typeof Kept> {
  const file = join(folder, KEPT_FILE)
  try {
    return Kept.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    throw new EmbeddedError(`${file}, which has the password and the port, cannot be read`)
  }
}

/** Connection string of the owner; at the remembered port unless told another. */
export function connectionUrl(folder: string, database: string, port?: number): string {
  const kept = readKept(folder)
  return `postgres://${OWNER}:${kept.password}@127.0.0.1:${port ?? kept.port}/${database}`
}

/** Remembers the port that the server came up on. */
export function keepPort({ folder, user }: Cluster, port: number): void {
  const kept = readKept(folder)
  if (kept.port !== port) {
    writeOwned(join(folder, KEPT_FILE), JSON.stringify({ ...kept, port }), user)
  }
}

interface InitdbOptions {
  user: ServerUser
  binaries: Binaries
  isSynced: boolean
  signal: AbortSignal | undefined
}

async function createFolder(folder: string, options: InitdbOptions): Promise<void> {
  const { user } = options
  mkdirSync(dirname(folder), { recursive: true })
  const workshop = mkdtempSync(`${folder}.new-`)
  const half = join(workshop, 'data')
  try {
    mkdirSync(half, { mode: 0o700 })
    if (user !== null) for (const path of [workshop, half]) chownSync(path, user.uid, user.gid)
    const password = randomBytes(24).toString('base64url')
    // Beside the folder, because initdb wants that empty.
    writeOwned(join(workshop, 'password'), password, user)
    await initdb(half, options)
    writeOwned(join(half, KEPT_FILE), JSON.stringify({ password, port: await freePort() }), user)
    appendFileSync(
      join(half, 'postgresql.conf'),
      '\n# Rewritten at every start of pgsettle; what stands below it, or ALTER SYSTEM, wins.\n' +
        "include_if_exists 'pgsettle.conf'\n",
    )
    renamed(half, folder)
  } catch (error) {
    // Another start was faster and has removed what was left of ours: its folder is as good.
    if (options.signal?.aborted || !existsSync(join(folder, 'PG_VERSION'))) throw error
  } finally {
    rmSync(workshop, { recursive: true, force: true })
  }
}

async function initdb(folder: string, options: InitdbOptions): Promise<void> {
  const { user, binaries, isSynced, signal } = options
  const data = folderArgument(folder, user)
  const child = spawn(
    binaries.initdb,
    [
      ...['-D', data, '-U', OWNER, '-A', 'scram-sha-256', `--pwfile=${data}/../password`],
      // The same sort order on every machine, whatever its own locale.
      ...['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C', '-E', 'UTF8'],
      ...['--no-instructions', ...(isSynced ? [] : ['--no-sync'])],
    ],
    {
      ...serverProcess(user, folder),
      stdio: ['ignore', 'ignore', 'pipe'],
      ...(signal && { signal }),
    },
  )
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new EmbeddedError(`initdb failed: ${firstError(errors)}`)
}

/** What went wrong is said first, what is undone for it afterwards. */
function firstError(text: string): string {
  const lines = text.trim().split('\n')
  return lines.find(line => /FATAL:|PANIC:|ERROR:|error:/.test(line)) ?? lines[0] ?? ''
}

/**
 * How the server is told where its data is. Linux lets a process use its working directory by
 * /proc/self/cwd even where it may not enter the folders above it, so a checkout in /root keeps its
 * data in its own .data although the server runs as another user.
 */
function folderArgument(folder: string, user: ServerUser): string {
  if (user === null) return folder
  const options = { ...serverProcess(user, '/'), stdio: 'ignore' } as const
  if (spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], options).status === 0) return folder
  if (process.platform === 'linux') return '/proc/self/cwd'
  throw new EmbeddedError(
    `the user that PostgreSQL has to run as cannot enter ${folder}: set DATA_DIR to a folder ` +
      'that others can reach, or start pgsettle as an ordinary user',
  )
}

/** Whole or not at all: a kill in the middle must cost neither the password nor the settings. */
function writeOwned(path: string, text: string, user: ServerUser): void {
  const half = `${path}.new-${process.pid}`
  rmSync(half, { force: true })
  writeFileSync(half, text, { mode: 0o600, flag: 'wx' })
  if (user !== null) chownSync(half, user.uid, user.gid)
  renameSync(half, path)
}

/**
 * A port for good, so that the connection string stays the same: outside 32768-60999, out of which
 * Linux gives ports to outgoing connections while the server is down.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = randomInt(20000, 32000)
    if (await isFree(port)) return port
  }
  throw new EmbeddedError('no free port between 20000 and 32000 for PostgreSQL')
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
