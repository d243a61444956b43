import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import { startEmbedded } from '../../app/database/embedded.ts'
import { roleUrl } from '../../app/database/logins.ts'
import { migrate } from '../../app/database/migrate.ts'
import { type Fault, type FaultReport, faults, runFault } from './settlement-faults.ts'
import { openSettling } from './settling.ts'

const log = pino({ level: 'warn' })
const seed = Number(process.env.TEST_SEED ?? randomInt(1, 2 ** 31))
/** Batches as small as these keep all workers at work for as long as the strikes take. */
const plan = {
  ...{ workers: 8, instructions: 20_000, batchSize: 5, seed },
  ...{ haste: 1, lastsMs: 60_000, patienceMs: 300_000 },
}

/** `npm run faults [-- NAME…]`: workers are struck while they settle, on a durable server. */
async function main(named: string[]): Promise<void> {
  const chosen = faults.filter(({ name }) => named.length === 0 || named.includes(name))
  if (chosen.length < named.length || chosen.length === 0) {
    console.error(`faults: there are ${faults.map(({ name }) => name).join(', ')}`)
    process.exitCode = 1
    return
  }
  const dataDir = mkdtempSync(join(tmpdir(), 'pgsettle-faults-'))
  const embedded = await startEmbedded({ dataDir, log })
  try {
    console.log(`TEST_SEED=${seed}; ${plan.instructions} instructions, ${plan.workers} workers\n`)
    for (const [i, fault] of chosen.entries()) {
      const report = await runOn(embedded.url, `faults_${i}`, fault)
      print(fault.name, report)
      if (report.wrong.length > 0) process.exitCode = 1
    }
  } catch (error) {
    // Said before the server stops: connections that are still open fail then, too.
    console.error(error)
    process.exitCode = 1
  } finally {
    await embedded.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

/** On a database of its own. */
async function runOn(serverUrl: string, name: string, fault: Fault): Promise<FaultReport> {
  const url = new URL(serverUrl)
  await withPool(serverUrl, pool => pool.query(`create database ${name}`))
  url.pathname = `/${name}`
  await migrate(url.href, { log, current: true })
  return withPool(url.href, async pool => {
    const query = async (text: string, values?: unknown[]) => (await pool.query(text, values)).rows
    await openSettling({ query })
    return runFault({ query }, roleUrl(url.href, 'pgsettle_worker'), fault, plan)
  })
}

async function withPool<Result>(
  connectionString: string,
  work: (pool: pg.Pool) => Promise<Result>,
): Promise<Result> {
  const pool = new pg.Pool({ connectionString }).on('error', () => {})
  try {
    return await work(pool)
  } finally {
    await pool.end()
  }
}

function print(name: string, { strikes, ms, rescues, wrong }: FaultReport): void {
  const times = rescues.map(one => one.ms).sort((a, b) => a - b)
  const held = rescues.reduce((sum, one) => sum + one.held, 0)
  const middle = Math.round(times[Math.floor(times.length / 2)] ?? 0)
  console.log(
    `${name.padEnd(22)} ${strikes} strikes in ${(ms / 1000).toFixed(1)} s; ` +
      `${held} instructions claimed at ${times.length} of them\n` +
      `${' '.repeat(23)}settled after ${middle} ms in the middle, ` +
      `${Math.round(times.at(-1) ?? 0)} ms at most; ${wrong.length} differences`,
  )
  for (const one of wrong.slice(0, 20)) console.log(`${' '.repeat(23)}${one}`)
}

await main(process.argv.slice(2))
