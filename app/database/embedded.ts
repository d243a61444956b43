import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import type { Logger } from 'pino'
import { EmbeddedError } from './binaries.ts'
import {
  type Cluster,
  type ClusterOptions,
  connectionUrl,
  DATABASE,
  isOurCluster,
  openCluster,
} from './cluster.ts'
import { ensureServer, findServer, stopServer } from './server-process.ts'

export { EmbeddedError } from './binaries.ts'

/** Held, shared, in database `postgres` by every service that uses the server. */
const IN_USE_LOCK = 7_267_533_001
/** How long an orderly stop may take; the whole service has 10 s to end. */
const STOP_GRACE_MS = 4000
const LONGEST_RETRY_MS = 5000

export interface EmbeddedOptions extends ClusterOptions {
  /** Where the data is kept: the database in `postgres/`, its log beside it. */
  dataDir: string
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  /** Ends the start; a server that is already running by then is ended by its last user. */
  signal?: AbortSignal
}

export interface EmbeddedServer {
  /** Connection string of the owner. The same at every start, unless another took the port. */
  url: string
  /** True when the server was running already: left by a killed service, or of a second one. */
  adopted: boolean
  /** Gives the server up. The last service that does so stops it. */
  stop(): Promise<void>
}

/**
 * Starts PostgreSQL on the data folder below `dataDir`, or adopts the one that runs on it already.
 *
 * Several services may share one server: each holds a lock in it for as long as it lives, and
 * `stop()` stops the server only when nobody else holds one. So a server that a killed service left
 * behind is stopped by who adopted it, and no one takes it from under another.
 * Should the server die meanwhile, it is started again, at the same port.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const { dataDir, log, signal } = options
  const cluster = await openCluster(dataDir, options).catch(sayPlainly)
  const hold = await takeHold(cluster, false, signal).catch(sayPlainly)
  const keeper = keepHold(cluster, hold, log)
  try {
    await createDatabase(hold.client)
  } catch (error) {
    await keeper.stop()
    throw error
  }
  const { adopted, pid, port } = hold
  log.info({ adopted, serverPid: pid, port, folder: cluster.folder }, 'PostgreSQL runs')
  return { url: connectionUrl(cluster.folder, DATABASE, port), adopted, stop: keeper.stop }
}

/** Connection string of the server that runs on `dataDir`; null when none does. Starts nothing. */
export async function findEmbedded(dataDir: string): Promise<string | null> {
  const folder = join(resolve(dataDir), 'postgres')
  if (!isOurCluster(folder)) return null
  const found = await findServer(folder)
  return found.state === 'running' ? connectionUrl(folder, DATABASE, found.lock.port) : null
}

/** What the operating system refuses (no space, no permission) is one line as well. */
function sayPlainly(error: unknown): never {
  if (error instanceof Error && 'syscall' in error) {
    throw new EmbeddedError(`the data folder cannot be used: ${error.message}`)
  }
  throw error
}

interface Hold {
  client: pg.Client
  pid: number
  port: number
  adopted: boolean
}

async function takeHold(
  cluster: Cluster,
  mustKeepPort: boolean,
  signal?: AbortSignal,
): Promise<Hold> {
  let startedPid: number | null = null
  try {
    for (;;) {
      const server = await ensureServer(cluster, mustKeepPort, signal)
      if (!server.adopted) startedPid = server.pid
      const client = await connect(cluster, server.port)
      try {
        // Waits where another service is just stopping the server, and fails with its stop.
        await client?.query('select pg_advisory_lock_shared($1)', [IN_USE_LOCK])
        if (client !== null) return { ...server, client }
      } catch {
        await client?.end().catch(() => {})
      }
      await pause(10, undefined, { signal })
    }
  } catch (error) {
    // What we have started and cannot use, nobody else can: its password is another by now.
    const pid = startedPid
    if (pid !== null) {
      await stopIfUnused(cluster).catch(() => stopServer(cluster, pid, STOP_GRACE_MS))
    }
    throw error
  }
}

/** Null when it does not answer: it is being stopped. */
async function connect(cluster: Cluster, port: number): Promise<pg.Client | null> {
  const client = new pg.Client({
    connectionString: connectionUrl(cluster.folder, 'postgres', port),
    application_name: 'pgsettle keeper',
    query_timeout: 4 * STOP_GRACE_MS, // it may wait for the stop by another service
    keepAlive: true,
  })
  client.on('error', () => {}) // 'end' follows, and is listened to
  try {
    await client.connect()
    return client
  } catch {
    return null
  }
}

function keepHold(cluster: Cluster, first: Hold, log: EmbeddedOptions['log']) {
  const stopping = new AbortController()
  let hold = first
  let regained: Promise<void> = Promise.resolve()
  let stopped: Promise<void> | undefined

  const watch = () => {
    hold.client.once('end', () => {
      if (!stopping.signal.aborted) regained = regain()
    })
  }
  const regain = async () => {
    log.warn('PostgreSQL has gone, starting it again')
    for (
      let waitMs = 100;
      !stopping.signal.aborted;
      waitMs = Math.min(2 * waitMs, LONGEST_RETRY_MS)
    ) {
      try {
        hold = await takeHold(cluster, true, stopping.signal)
        log.info({ pid: hold.pid, adopted: hold.adopted }, 'PostgreSQL runs again')
        return watch()
      } catch (error) {
        if (!stopping.signal.aborted)
          log.error({ err: error }, 'PostgreSQL cannot be started again')
        await pause(waitMs, undefined, { signal: stopping.signal }).catch(() => {})
      }
    }
  }
  const giveUp = async () => {
    stopping.abort()
    await regained
    // By the connection that is there already: it works whatever became of the password.
    const isAlone = await letGo(hold.client).catch(() => null)
    if (isAlone) await stopServer(cluster, hold.pid, STOP_GRACE_MS)
    await hold.client.end().catch(() => {})
    const isStopped = isAlone ?? (await stopIfUnused(cluster))
    log.info(isStopped ? 'PostgreSQL stopped' : 'PostgreSQL left running: others use it')
  }
  watch()
  return {
    stop: () => {
      stopped ??= giveUp()
      return stopped
    },
  }
}

/**
 * Whether nobody else holds the server. Of several that give it up at once, each lets go of its own
 * lock first, so the last to ask is told yes, and has the lock that new holders wait for.
 */
async function letGo(client: pg.Client): Promise<boolean> {
  await client.query('select pg_advisory_unlock_shared($1)', [IN_USE_LOCK])
  const alone = 'select pg_try_advisory_lock($1) as alone'
  const { rows } = await client.query<{ alone: boolean }>(alone, [IN_USE_LOCK])
  return rows[0]?.alone === true
}

/** For who has lost the connection that held it. True when the server is stopped, by whomever. */
async function stopIfUnused(cluster: Cluster): Promise<boolean> {
  for (const deadline = Date.now() + 2 * STOP_GRACE_MS; ; await pause(10)) {
    const found = await findServer(cluster.folder)
    if (found.state === 'none') return true
    if (Date.now() > deadline) return false
    if (found.state === 'changing') continue
    const client = await connect(cluster, found.lock.port)
    // An error says that its connection was cut: another has begun to stop it.
    const isAlone = client && (await letGo(client).catch(() => null))
    if (isAlone) await stopServer(cluster, found.lock.pid, STOP_GRACE_MS)
    await client?.end().catch(() => {})
    if (isAlone === false) return false
  }
}

async function createDatabase(client: pg.Client): Promise<void> {
  const { rows } = await client.query('select from pg_database where datname = $1', [DATABASE])
  if (rows.length > 0) return
  try {
    await client.query(`create database ${DATABASE}`)
  } catch (error) {
    // Another service did it at the same time.
    const isThere =
      error instanceof pg.DatabaseError && ['42P04', '23505'].includes(error.code ?? '')
    if (!isThere) throw error
  }
}
