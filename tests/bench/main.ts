import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import { startEmbedded } from '../../app/database/embedded.ts'
import { migrate } from '../../app/database/migrate.ts'
import { benchHttp } from './http.ts'
import { createMarket } from './market.ts'
import { batchSize, benchMatcher } from './matcher.ts'
import { benchSettlement, settleBatch } from './settlement.ts'

const httpConnections = [64, 256]
const settlementWorkers = 2

/** `npm run bench`: figures of this machine, on a fresh database as durable as the product's. */
async function main(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'pgsettle-bench-'))
  const log = pino({ level: 'warn' })
  const embedded = await startEmbedded({ dataDir, log })
  try {
    await migrate(embedded.url, { log, current: true })
    const owner = new pg.Pool({ connectionString: embedded.url })
    await owner.query('select ops.maintain_partitions()')
    const symbolIds = await createMarket(owner)
    const { rows } = await owner.query("select current_setting('server_version') as version")
    console.log(
      `PostgreSQL ${rows[0].version}, fsync on, synchronous_commit on, ` +
        `${availableParallelism()} cores shared by database, service and client\n`,
    )
    const matcher = await benchMatcher(embedded.url, symbolIds)
    const middle = [...matcher.timesFloor].sort((a, b) => a - b)[2] ?? 0
    print(
      `matcher, 2 symbols, batches of ${batchSize}`,
      `${round(matcher.ordersPerSecond)} orders, ${round(matcher.tradesPerSecond)} trades`,
      `${times(middle)} the time of plain inserts (${matcher.timesFloor.map(times).join(' ')})`,
    )
    const settlement = await benchSettlement(embedded.url, settlementWorkers)
    print(
      `settlement, ${settlementWorkers} workers, batches of ${settleBatch}`,
      `${round(settlement.instructionsPerSecond)} instructions`,
      `${times(settlement.timesFloor)} the time of plain inserts`,
    )
    for (const connections of httpConnections) {
      const { constant, orders } = await benchHttp(embedded.url, connections)
      print(
        `HTTP, single orders, ${connections} connections`,
        `${round((orders.requests / orders.ms) * 1000)} orders`,
        `a constant: ${round((constant.requests / constant.ms) * 1000)}; p50 ` +
          `${orders.p50.toFixed(1)} ms, p99 ${orders.p99.toFixed(1)} ms, ${orders.failures} failed`,
      )
    }
    const bad = await owner.query('select * from ops.audit()')
    await owner.end()
    console.log(`\naudit: ${bad.rowCount} differences`)
  } catch (error) {
    // Said before the server stops: connections that are still open fail then, too.
    console.error(error)
    process.exitCode = 1
  } finally {
    await embedded.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

function print(what: string, perSecond: string, beside: string): void {
  console.log(`${what.padEnd(40)} ${perSecond} a second\n${' '.repeat(41)}${beside}`)
}

function round(perSecond: number): string {
  return Math.round(perSecond).toLocaleString('en-US')
}

function times(ratio: number): string {
  return `${ratio.toFixed(2)}x`
}

await main()
