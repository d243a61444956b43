import type pg from 'pg'
import { randomNumbers } from '../helpers/seed.ts'
import { addBatch, clock, connect, executeBatches, prepareBatches } from './batches.ts'
import { participants } from './market.ts'
import { randomCommands } from './orders.ts'

/** Small enough that several wait for the same accounts at once. */
const size = 500
const batchesPerSymbol = 2
const rounds = 9

export const parallelSymbols = Array.from({ length: 8 }, (_, i) => `PAR${i}-USD`)

export interface ParallelFigures {
  /** On all symbols at once, a connection each. */
  ordersPerSecond: number
  /** Speed on all symbols by the speed of as many orders on one of them: each round's. */
  timesOne: number[]
  /** That PostgreSQL found since the database was made; the one that it ends fails the run. */
  deadlocks: number
}

/** The same participants on several symbols at once, and then on one [MA-2]. */
export async function benchParallel(url: string, symbolIds: number[]): Promise<ParallelFigures> {
  const clients = await Promise.all(symbolIds.map(() => connect(url)))
  const [first] = clients
  const [one] = symbolIds
  if (!first || one === undefined) throw new Error('no symbol')
  const random = randomNumbers(1)
  const nextTimes = clock(Date.now())
  const add = async (id: number, times: Date[]) => {
    for (const at of times) {
      const flow = { random, participants, spreadTicks: 400 }
      await addBatch(first, id, at, randomCommands(size, flow, `${id}-${at.getTime()}`))
    }
  }
  const timesOne: number[] = []
  let allMs = 0
  await prepareBatches(first)
  for (let round = -1; round < rounds; round++) {
    const times = nextTimes(batchesPerSymbol)
    const oneTimes = nextTimes(batchesPerSymbol * symbolIds.length)
    for (const id of symbolIds) await add(id, times)
    await add(one, oneTimes)
    const all = await milliseconds(() =>
      Promise.all(clients.map((client, i) => executeBatches(client, symbolIds[i] ?? 0, times))),
    )
    const single = await milliseconds(() => executeBatches(first, one, oneTimes))
    if (round < 0) continue // the first warms up: plans, caches, partitions
    allMs += all
    timesOne.push(single / all)
  }
  await Promise.all(clients.map(client => client.end()))
  const orders = rounds * batchesPerSymbol * size * symbolIds.length
  return {
    ordersPerSecond: (orders / allMs) * 1000,
    timesOne,
    deadlocks: await countDeadlocks(url),
  }
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

async function countDeadlocks(url: string): Promise<number> {
  const client: pg.Client = await connect(url)
  const { rows } = await client.query(
    'select deadlocks::int from pg_stat_database where datname = current_database()',
  )
  await client.end()
  return rows[0].deadlocks
}
