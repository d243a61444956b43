import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import { startEmbedded } from '../../app/database/embedded.ts'
import { migrate } from '../../app/database/migrate.ts'
import { hotSymbols } from './hot.ts'
import { createMarket, symbols } from './market.ts'
import { parallelSymbols } from './parallel.ts'
import { type Part, parts } from './parts.ts'

const log = pino({ level: 'warn' })

/** `npm run bench [-- PART…]`: figures of this machine, on a server as durable as the product's. */
async function main(named: string[]): Promise<void> {
  const chosen = choose(named)
  if (!chosen) return
  const dataDir = mkdtempSync(join(tmpdir(), 'pgsettle-bench-'))
  const embedded = await startEmbedded({ dataDir, log })
  try {
    const server = openPool(embedded.url)
    const { rows } = await server.query("select current_setting('server_version') as version")
    console.log(
      `PostgreSQL ${rows[0].version}, fsync on, synchronous_commit on, ` +
        `${availableParallelism()} cores shared by database, service and client\n`,
    )
    const markets = new Map<Part['database'], Market>()
    for (const { database, run } of chosen) {
      const market = markets.get(database) ?? (await openMarket(server, embedded.url, database))
      markets.set(database, market)
      await run(market.url, market.symbolIds)
    }
    await server.end()
    console.log(`\naudit: ${await differences([...markets.values()])} differences`)
  } catch (error) {
    // Said before the server stops: connections that are still open fail then, too.
    console.error(error)
    process.exitCode = 1
  } finally {
    await embedded.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

/** All of them, or those that are named and what they need. */
function choose(named: string[]): Part[] | undefined {
  const unknown = named.filter(name => parts.every(part => part.name !== name))
  if (unknown.length > 0) {
    const names = parts.map(part => part.name).join(', ')
    console.error(`bench: no part ${unknown.join(', ')}; there are ${names}`)
    process.exitCode = 1
    return undefined
  }
  const wanted = parts.filter(({ name }) => named.length === 0 || named.includes(name))
  return parts.filter(part => wanted.some(({ name, after }) => [name, after].includes(part.name)))
}

interface Market {
  url: string
  symbolIds: number[]
  isAudited: boolean
}

/** Where orders or instructions came without their facts there is nothing to be audited. */
const unaudited = ['deep', 'held', 'hot']

/** Where it is not the two of the others. */
const otherSymbols = new Map([
  ['parallel', parallelSymbols],
  ['hot', hotSymbols],
])

/** A database of its own. */
async function openMarket(server: pg.Pool, ownerUrl: string, name: string): Promise<Market> {
  const url = new URL(ownerUrl)
  url.pathname = `/bench_${name}`
  await server.query(`create database bench_${name}`)
  await migrate(url.href, { log, current: true })
  const owner = openPool(url.href)
  await owner.query('select ops.maintain_partitions()')
  const symbolIds = await createMarket(owner, otherSymbols.get(name) ?? symbols)
  await owner.end()
  return { url: url.href, symbolIds, isAudited: !unaudited.includes(name) }
}

async function differences(markets: Market[]): Promise<number> {
  let found = 0
  for (const { url } of markets.filter(market => market.isAudited)) {
    const owner = openPool(url)
    const { rowCount } = await owner.query('select * from ops.audit()')
    found += rowCount ?? 0
    await owner.end()
  }
  return found
}

/** The server may stop while a connection of the pool still closes: that is no error. */
function openPool(connectionString: string): pg.Pool {
  return new pg.Pool({ connectionString }).on('error', () => {})
}

await main(process.argv.slice(2))
