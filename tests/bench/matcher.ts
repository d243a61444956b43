import pg from 'pg'
import { randomNumbers } from '../helpers/seed.ts'
import { createFloor } from './floor.ts'
import { participants } from './market.ts'
import { commandsLiteral } from './orders.ts'

export const batchSize = 2000
const batchesPerRound = 8
const rounds = 5
const startAt = Date.now()

const execute = `
  select coalesce(cardinality((x.e).fill_seqs), 0) as fills
  from (
    select (matching.execute_batch(b.symbol_id, b.at, b.c)).outcome as e
    from bench_batches as b
    where b.symbol_id = $1 and b.at = $2
    offset 0
  ) as x`

export interface MatcherFigures {
  ordersPerSecond: number
  tradesPerSecond: number
  /** Time of the matcher by the time of plain inserts of the same rows: each round's. */
  timesFloor: number[]
}

/**
 * Orders through matching.execute_batch, one connection a symbol, each batch a transaction; after
 * each round the rows that it wrote are written again by plain `insert … select`, as many a commit.
 */
export async function benchMatcher(url: string, symbolIds: number[]): Promise<MatcherFigures> {
  const clients = await Promise.all(symbolIds.map(() => connect(url)))
  const floor = await createFloor(url, symbolIds)
  const random = randomNumbers(1)
  const timesFloor: number[] = []
  let matcherMs = 0
  let trades = 0
  await clients[0]?.query(
    'create table bench_batches (symbol_id int, at timestamptz, c matching.command[])',
  )
  for (let round = -1; round < rounds; round++) {
    const times = Array.from(
      { length: batchesPerRound },
      (_, i) => new Date(startAt + ((round + 1) * batchesPerRound + i) * 1000),
    )
    for (const id of symbolIds) {
      for (const at of times) {
        const flow = { random, participants, spreadTicks: 400 }
        const literal = commandsLiteral(batchSize, flow, `${id}-${at.getTime()}`)
        await clients[0]?.query('insert into bench_batches values ($1, $2, $3)', [id, at, literal])
      }
    }
    const start = performance.now()
    const counts = await Promise.all(
      clients.map(async (client, i) => {
        let fills = 0
        for (const at of times) {
          const { rows } = await client.query(execute, [symbolIds[i], at])
          fills += rows[0].fills
        }
        return fills
      }),
    )
    const ms = performance.now() - start
    const floorMs = await floor.write(times)
    if (round < 0) continue // the first warms up: plans, caches, partitions
    matcherMs += ms
    trades += counts.reduce((sum, count) => sum + count, 0)
    timesFloor.push(ms / floorMs)
  }
  await Promise.all(clients.map(client => client.end()))
  await floor.close()
  const orders = rounds * batchesPerRound * batchSize * symbolIds.length
  return {
    ordersPerSecond: (orders / matcherMs) * 1000,
    tradesPerSecond: (trades / matcherMs) * 1000,
    timesFloor,
  }
}

export async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client(url)
  client.on('error', () => {}) // the query that runs meanwhile fails, too
  await client.connect()
  return client
}
