import pg from 'pg'
import { randomNumbers } from '../helpers/seed.ts'
import { createFloor } from './floor.ts'
import { participants } from './market.ts'
import { commandsLiteral } from './orders.ts'

export const batchSize = 2000
const batchesPerRound = 8
const rounds = 5
const startAt = Date.now()

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
  for (let round = -1; round < rounds; round++) {
    const batches = symbolIds.map(id =>
      Array.from({ length: batchesPerRound }, (_, i) => ({
        at: new Date(startAt + ((round + 1) * batchesPerRound + i) * 1000),
        literal: commandsLiteral(
          batchSize,
          { random, participants, spreadTicks: 400 },
          `${id}-${round}-${i}`,
        ),
      })),
    )
    const start = performance.now()
    const counts = await Promise.all(
      clients.map(async (client, i) => {
        let fills = 0
        for (const { at, literal } of batches[i] ?? []) {
          const { rows } = await client.query(
            `select coalesce(cardinality((x.e).fill_seqs), 0) as fills
             from (select (matching.execute_batch($1, $2, $3)).outcome as e offset 0) as x`,
            [symbolIds[i], at, literal],
          )
          fills += rows[0].fills
        }
        return fills
      }),
    )
    const ms = performance.now() - start
    const floorMs = await floor.write(batches[0]?.map(batch => batch.at) ?? [])
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
