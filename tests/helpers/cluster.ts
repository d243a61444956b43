import { existsSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { freemem, tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { findEmbedded, startEmbedded } from '../../app/database/embedded.ts'
import { migrate } from '../../app/database/migrate.ts'
import { noon } from './market.ts'

/** Reports problems only, and on the error stream: the tests' own output stays readable. */
export const quietLog = {
  debug: () => {},
  info: () => {},
  warn: (...line: unknown[]) => console.error(...line),
  error: (...line: unknown[]) => console.error(...line),
}

/** Nothing of a test has to outlive a power cut; else it is set as the product. */
export const TEST_SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  shared_buffers: '64MB',
  max_wal_size: '512MB',
  max_connections: '200',
  // CREATE DATABASE by copying files takes 19-72 ms with these, 29-120 without (18.4, 2 cores).
  wal_level: 'minimal',
  max_wal_senders: '0',
  // A vacuum of its own accord holds the template while it is to be copied, and moves timings.
  autovacuum: 'off',
}

/** For the data of a whole run: clusters of 40 MB, some databases of 12 MB, the log of writes. */
const ROOM_BYTES = 4 * 1024 ** 3

export interface TestCluster {
  /** The owner, in database `postgres`. */
  adminUrl: string
  stop(): Promise<void>
}

/** A cluster that is gone afterwards. Cleans up after an earlier run that was killed. */
export async function startTestCluster(signal?: AbortSignal): Promise<TestCluster> {
  for (const place of ['/dev/shm', tmpdir()]) await removeLeftovers(place)
  const dataDir = makeDataDir()
  const server = await startEmbedded({
    dataDir,
    log: quietLog,
    settings: TEST_SETTINGS,
    ...(signal && { signal }),
  })
  const adminUrl = inDatabase(server.url, 'postgres')
  return {
    adminUrl,
    stop: async () => {
      await server.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/**
 * The migrated database that each test's own is a copy of; what is not yet committed included, and
 * the partitions of the time that most markets have, which take longer to make than to copy.
 */
export async function createTemplate(adminUrl: string, name: string): Promise<void> {
  const admin = new pg.Client(adminUrl)
  await admin.connect()
  try {
    await admin.query(`create database ${name}`)
    await migrate(inDatabase(adminUrl, name), { log: quietLog, current: true })
    const owner = new pg.Client(inDatabase(adminUrl, name))
    await owner.connect()
    await owner.query('select ops.maintain_partitions($1)', [noon])
    await owner.end()
    // A session that is still connected would make the first copy fail.
    await admin.query(`alter database ${name} is_template true allow_connections false`)
  } finally {
    await admin.end()
  }
}

export function inDatabase(url: string, database: string): string {
  const other = new URL(url)
  other.pathname = `/${database}`
  return other.href
}

/**
 * A folder for the data of a throw-away server: in memory where there is plenty, which makes a
 * cluster in 0.35 s rather than 0.75 and as much faster copies of the template, else on disk.
 */
export function makeDataDir(): string {
  const inMemory = '/dev/shm'
  const isRoomy =
    existsSync(inMemory) &&
    statfsSync(inMemory).bavail * statfsSync(inMemory).bsize > ROOM_BYTES &&
    freemem() > ROOM_BYTES
  return mkdtempSync(join(isRoomy ? inMemory : tmpdir(), `pgsettle-test-${process.pid}-`))
}

async function removeLeftovers(place: string): Promise<void> {
  if (!existsSync(place)) return
  for (const name of readdirSync(place)) {
    const pid = /^pgsettle-test-(\d+)-/.exec(name)?.[1]
    if (pid === undefined || isAlive(Number(pid))) continue
    const dataDir = join(place, name)
    try {
      // Adopted and given up again, which stops it.
      if ((await findEmbedded(dataDir)) !== null) {
        await (await startEmbedded({ dataDir, log: quietLog })).stop()
      }
      rmSync(dataDir, { recursive: true, force: true })
    } catch {
      // Another user's, or another run cleans up as well.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
