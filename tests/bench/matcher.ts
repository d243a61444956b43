import { randomNumbers } from '../helpers/seed.ts'
import { addBatch, batchSize, clock, connect, executeBatches, prepareBatches } from './batches.ts'
import { createFloor } from './floor.ts'
import { participants } from './market.ts'
import { randomCommands } from './orders.ts'

const batchesPerRound = 5
const rounds = 9

export interface MatcherFigures {
  ordersPerSecond: number
  tradesPerSecond: number
  /** Time of the matcher by the time of plain writes of the same rows: each round's. */
  timesFloor: number[]
  /** The same, by that of what it inserts alone. */
  timesInserts: number[]
}

/**
 * Orders through matching.execute_batch, one connection a symbol, each batch a transaction; after
 * each round the rows that it wrote are written again by plain statements, as many a commit.
 */
export async function benchMatcher(url: string, symbolIds: number[]): Promise<MatcherFigures> {
  const clients = await Promise.all(symbolIds.map(() => connect(url)))
  const [first] = clients
  if (!first) throw new Error('no symbol')
  const floor = await createFloor(url, symbolIds)
  const random = randomNumbers(1)
  const nextTimes = clock(Date.now())
  const timesFloor: number[] = []
  const timesInserts: number[] = []
  let matcherMs = 0
  let trades = 0
  await prepareBatches(first)
  for (let round = -1; round < rounds; round++) {
    const times = nextTimes(batchesPerRound)
    for (const id of symbolIds) {
      for (const at of times) {
        const flow = { random, participants, spreadTicks: 400 }
        const commands = randomCommands(batchSize, flow, `${id}-${at.getTime()}`)
        await addBatch(first, id, at, commands)
      }
    }
    const start = performance.now()
    const counts = await Promise.all(
      clients.map((client, i) => executeBatches(client, symbolIds[i] ?? 0, times)),
    )
    const ms = performance.now() - start
    const floorMs = await floor.write(times)
    if (round < 0) continue // the first warms up: plans, caches, partitions
    matcherMs += ms
    trades += counts.reduce((sum, count) => sum + count, 0)
    timesFloor.push(ms / floorMs.writes)
    timesInserts.push(ms / floorMs.inserts)
  }
  await Promise.all(clients.map(client => client.end()))
  await floor.close()
  const orders = rounds * batchesPerRound * batchSize * symbolIds.length
  return {
    ordersPerSecond: (orders / matcherMs) * 1000,
    tradesPerSecond: (trades / matcherMs) * 1000,
    timesFloor,
    timesInserts,
  }
}
