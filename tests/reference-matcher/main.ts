import { randomInt } from 'node:crypto'
import pg from 'pg'
import { createTemplate, inDatabase, startTestCluster } from '../helpers/cluster.ts'
import { features, settledNotes } from './features.ts'
import { play, printFailure } from './property.ts'
import { openSqlMarket } from './sql-market.ts'

const lanes = ['property_1', 'property_2']

/**
 * `npm run property [-- SEQUENCES [FEATURE…]]`: the full comparison with the reference matcher,
 * 10,000 sequences where it does not say. Features, or notes, that are named are switched on too.
 */
async function main(): Promise<void> {
  const [count = '10000', ...named] = process.argv.slice(2)
  const unknown = named.filter(name => !(name in features || name in settledNotes))
  if (unknown.length > 0) throw new Error(`there is nothing called ${unknown.join(', ')}`)
  const seed = Number(process.env.TEST_SEED ?? randomInt(1, 2 ** 31))
  const stopped = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stopped.abort())
  console.log(`TEST_SEED=${seed}`)
  const cluster = await startTestCluster(stopped.signal)
  const clients = lanes.map(lane => new pg.Client(inDatabase(cluster.adminUrl, lane)))
  try {
    await createTemplate(cluster.adminUrl, 'property_template')
    for (const lane of lanes) await copyTemplate(cluster.adminUrl, lane)
    const sqlMarkets = []
    for (const client of clients) {
      await client.connect()
      sqlMarkets.push(await openSqlMarket(client))
    }
    const { totals, failures } = await play({
      lanes: sqlMarkets,
      sequences: Number(count),
      seed,
      on: switchOn(features, named),
      how: { settled: switchOn(settledNotes, named) },
      onProgress({ sequences, commands, trades }) {
        if (sequences % 1000 === 0) {
          console.log(`${sequences} sequences, ${commands} commands, ${trades} trades`)
        }
        stopped.signal.throwIfAborted()
      },
    })
    for (const failure of failures) console.log(printFailure(failure))
    const { sequences, commands, trades, cut } = totals
    for (const [note, times] of cut) console.log(`${times} were not played to their end: ${note}`)
    console.log(
      `${sequences} sequences, ${commands} commands, ${trades} trades: ` +
        (failures.length === 0 ? 'nothing differs' : `${failures.length} differ`),
    )
    process.exitCode = failures.length === 0 ? 0 : 1
  } finally {
    await Promise.allSettled(clients.map(client => client.end()))
    await cluster.stop()
  }
}

function switchOn<Switches extends object>(switches: Switches, named: readonly string[]): Switches {
  const known = named.filter(name => name in switches)
  return { ...switches, ...Object.fromEntries(known.map(name => [name, true])) }
}

async function copyTemplate(adminUrl: string, name: string): Promise<void> {
  const admin = new pg.Client(adminUrl)
  await admin.connect()
  try {
    await admin.query(`create database ${name} template property_template strategy file_copy`)
  } finally {
    await admin.end()
  }
}

await main()
