import type pg from 'pg'
import {
  addBatch,
  batchSize,
  clock,
  connect,
  executeBatches,
  median,
  prepareBatches,
} from './batches.ts'
import { participants } from './market.ts'
import { type Command, middleTicks, priceOf } from './orders.ts'

const rounds = 7
/** How many makers the taker goes through. */
export const sweepSizes = [100, 300, 1000, 3000]
const makersPerLevel = 10

export interface SweepFigures {
  /** Milliseconds for each maker, by the number of makers, in the order of sweepSizes. */
  msPerMaker: number[]
  /** Through 1,000 makers. */
  tradesPerSecond: number
}

/**
 * One order that takes all that rests, ten makers a level, in one transaction that is durable when
 * it ends: of each size the middle of some rounds, in which every size has its turn. With quadratic
 * growth, ten times the makers would take ten times as long each.
 */
export async function benchSweep(url: string, symbolIds: number[]): Promise<SweepFigures> {
  const [symbolId = 0] = symbolIds
  const client = await connect(url)
  const nextTimes = clock(Date.now())
  const took = new Map<number, number[]>(sweepSizes.map(size => [size, []]))
  await prepareBatches(client)
  for (let round = -1; round < rounds; round++) {
    for (const size of sweepSizes) {
      const ms = await sweep(client, symbolId, size, nextTimes)
      if (round >= 0) took.get(size)?.push(ms) // the first warms up: plans, caches, partitions
    }
  }
  await client.end()
  const msPerMaker = sweepSizes.map(size => median(took.get(size) ?? []) / size)
  return { msPerMaker, tradesPerSecond: 1000 / (msPerMaker[sweepSizes.indexOf(1000)] ?? 0) }
}

/** Milliseconds that the taker takes. What it takes is placed before. */
async function sweep(
  client: pg.Client,
  symbolId: number,
  size: number,
  nextTimes: (count: number) => Date[],
): Promise<number> {
  const times = nextTimes(Math.ceil(size / batchSize) + 1)
  const last = times.pop() ?? new Date()
  for (const [i, at] of times.entries()) {
    const count = Math.min(batchSize, size - i * batchSize)
    const makers = Array.from({ length: count }, (_, n) => maker(i * batchSize + n, at))
    await addBatch(client, symbolId, at, makers)
  }
  await addBatch(client, symbolId, last, [taker(size, last)])
  await executeBatches(client, symbolId, times)

  const start = performance.now()
  const trades = await executeBatches(client, symbolId, [last])
  const ms = performance.now() - start
  if (trades !== size) throw new Error(`${trades} trades with ${size} makers`)
  return ms
}

const order = { op: 'PLACE', type: 'LIMIT' } as const

/** Of all participants but the first, who takes. */
function maker(n: number, at: Date): Command {
  return {
    ...order,
    client_id: `bench-${1 + (n % (participants - 1))}`,
    side: 'SELL',
    time_in_force: 'GTC',
    price: priceOf(middleTicks + Math.floor(n / makersPerLevel)),
    quantity: '0.01',
    idempotency_key: `maker-${at.getTime()}-${n}`,
  }
}

function taker(size: number, at: Date): Command {
  return {
    ...order,
    client_id: 'bench-0',
    side: 'BUY',
    time_in_force: 'IOC',
    price: priceOf(middleTicks + size),
    quantity: (size / 100).toFixed(2),
    idempotency_key: `taker-${at.getTime()}`,
  }
}
