import { pino } from 'pino'
import t, { type Test } from 'tap'
import { startWorkers } from '../../workers/supervisor.ts'
import { testDatabase } from '../helpers/database.ts'
import { buy, createMarket, execute, sell, settle } from '../helpers/market.ts'
import { openSession } from '../helpers/session.ts'
import { until } from '../helpers/until.ts'

/** Workers of a database, gone when the test is over. */
function start(t: Test, databaseUrl: string) {
  const log = pino({ level: 'silent' })
  const workers = startWorkers({
    databaseUrl,
    log,
    settlementWorkers: 1,
    settlementBatch: 100,
    logLevel: 'silent',
  })
  t.teardown(() => workers.stop(0))
}

t.test(
  '[OPS-001] the service tells a row that is not as it was, and seals what is closed',
  async t => {
    const db = await testDatabase(t)
    const now = new Date().toISOString()
    await createMarket(db, { traders: { alice: { USD: '1000' }, bob: { BTC: '9' } }, now })
    await execute(db, 'BTC-USD', [sell('bob', '1', '10'), buy('alice', '1', '10')], { now })
    await settle(db, { now })
    await db.query('select close_period($1)', [now])
    const owner = await openSession(t, db.url, '-c session_replication_role=replica')
    await owner.query('update matching.trades set price = 11')

    start(t, db.workerUrl)

    await until(async () => (await db.query('select from v_breaks')).length > 0)
    t.match(await db.query('select * from v_breaks'), [
      {
        kind: 'TRADE_ALTERED',
        symbol: 'BTC-USD',
        kept: / 11 1$/,
        derived: / 10 1$/,
        closed_at: null,
      },
    ])
    await until(async () => (await db.query('select from v_periods where checksum <> $1', ['']))[0])
  },
)
