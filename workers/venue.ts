import { readFileSync } from 'node:fs'
import pg from 'pg'
import type { Logger } from 'pino'
import type { Config } from '../app/config.ts'
import { createDatabase } from '../app/database/connect.ts'
import { type EmbeddedServer, startEmbedded } from '../app/database/embedded.ts'
import { roleUrl } from '../app/database/logins.ts'
import { migrate } from '../app/database/migrate.ts'
import { createServer } from '../app/server.ts'
import { startWorkers } from './supervisor.ts'

export interface Venue {
  /** Where the API and the dashboard are. */
  url: string
  /** For psql: the owner's connection string. */
  databaseUrl: string
  isEmbedded: boolean
  isSeeded: boolean
  /** Stops everything in order: requests, streams, listener, workers, database. */
  stop(): Promise<void>
}

/** In all less than the 10 s that a stop may take: requests 4, workers 2, the embedded server 3. */
const requestsMs = 4000
const workersMs = 2000

/**
 * Starts the whole venue: database, migrations, partitions, API, dashboard and worker threads.
 * The service connects as the app's role and the threads as the workers'; the owner's connection
 * is for migrations only. Throws what stands in the way, with all that was started stopped again.
 */
export async function startVenue(config: Config, log: Logger, signal: AbortSignal): Promise<Venue> {
  const stops: (() => Promise<unknown>)[] = []
  const stop = async () => {
    for (const step of stops.splice(0).reverse()) await step()
  }
  try {
    const embedded = await startDatabase(config, log, signal)
    if (embedded) stops.push(() => embedded.stop())
    const databaseUrl = embedded?.url ?? config.databaseUrl ?? ''
    signal.throwIfAborted()
    await migrate(databaseUrl, { log })
    const isSeeded = await prepare(databaseUrl, embedded !== null)
    signal.throwIfAborted()

    const workers = startWorkers({
      ...config,
      databaseUrl: roleUrl(databaseUrl, 'pgsettle_worker'),
      log,
    })
    stops.push(() => workers.stop(workersMs))
    const appUrl = roleUrl(databaseUrl, 'pgsettle_app')
    const { pool } = createDatabase(appUrl, {
      name: 'pgsettle app',
      log,
      statementTimeoutMs: 30_000,
    })
    const server = createServer({
      pool,
      listenUrl: appUrl,
      log,
      version: readVersion(),
      webhookSecret: config.outsideWebhook?.secret ?? null,
    })
    stops.push(() => server.close(requestsMs))
    const { port } = await server.listen(config.port, config.host)
    const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`
    return { url, databaseUrl, isEmbedded: embedded !== null, isSeeded, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function startDatabase(
  { databaseUrl, dataDir }: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<EmbeddedServer | null> {
  return databaseUrl === null ? startEmbedded({ dataDir, log, signal }) : null
}

/** Partitions before the first order of the day; symbols and traders where there are none yet. */
async function prepare(databaseUrl: string, isSeeding: boolean): Promise<boolean> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'pgsettle start',
  })
  client.on('error', () => {}) // the query that runs meanwhile fails, too
  await client.connect()
  try {
    await client.query('select ops.maintain_partitions(clock_timestamp())')
    if (!isSeeding) return false
    const { rows } = await client.query<{ seeded: boolean }>(
      'select ops.seed_venue(1, clock_timestamp()) as seeded',
    )
    return rows[0]?.seeded ?? false
  } finally {
    await client.end()
  }
}

export function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const version: unknown = JSON.parse(text).version
  return String(version)
}
