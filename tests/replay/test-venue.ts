import { pino } from 'pino'
import type { Test } from 'tap'
import { startVenue } from '../../workers/venue.ts'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'

export interface TestVenue {
  url: string
  database: TestDatabase
  /** Stops the service in order and starts it again at the same address. */
  restart(): Promise<void>
}

/** The whole venue, workers and all, on a database of this test's own. */
export async function startTestVenue(t: Test): Promise<TestVenue> {
  const database = await testDatabase(t)
  const start = (port: number) =>
    startVenue(
      {
        databaseUrl: database.url,
        dataDir: '',
        host: '127.0.0.1',
        port,
        settlementWorkers: 1,
        settlementBatch: 2000,
        logLevel: 'warn',
        outsideWebhook: null,
        authMode: 'off',
      },
      pino({ level: 'warn' }, pino.destination(2)),
      new AbortController().signal,
    )
  let venue = await start(0)
  t.teardown(() => venue.stop())
  const { url } = venue
  return {
    url,
    database,
    async restart() {
      await venue.stop()
      venue = await start(Number(new URL(url).port))
    },
  }
}
