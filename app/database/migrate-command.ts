import { pino } from 'pino'
import { ConfigError, loadEnvironment, parseDatabaseConfig } from '../config.ts'
import { EmbeddedError, startEmbedded } from './embedded.ts'
import { MigrationError, migrate } from './migrate.ts'

/** `npm run migrate`: brings the database to the newest migration, and starts nothing else. */
async function main(): Promise<void> {
  const { databaseUrl, dataDir } = parseDatabaseConfig(loadEnvironment())
  const log = pino({ level: 'info' })
  const embedded = databaseUrl === null ? await startEmbedded({ dataDir, log }) : null
  try {
    await migrate(databaseUrl ?? embedded?.url ?? '', { log })
    log.info({}, 'the database is at the newest migration')
  } finally {
    await embedded?.stop()
  }
}

try {
  await main()
} catch (error) {
  const isOurs =
    error instanceof ConfigError ||
    error instanceof EmbeddedError ||
    error instanceof MigrationError
  console.error(isOurs ? error.message : error)
  process.exitCode = 1
}
