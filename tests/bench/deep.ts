import type pg from 'pg'
import { randomNumbers } from '../helpers/seed.ts'
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
import { randomCommands } from './orders.ts'
import { fillBook, restingOrders } from './resting.ts'

const batchesPerRound = 5
const rounds = 9
/** How far the flow's prices spread, and so how far the shallow book has to reach. */
const reachTicks = 400

export const deepBook = { orders: 1_000_000, levels: 10_000, nearLevels: reachTicks, near: 4_000 }

export interface DeepFigures {
  ordersPerSecond: number
  tradesPerSecond: number
  /** Orders that rested in the shallow book, where the deep one had a million. */
  shallowOrders: number
  /** Speed on the deep book by the speed on the shallow one: each round's, and the middle one. */
  shares: number[]
  share: number
}

/**
 * One order flow on two books, of which one has a million orders more, all of them further away
 * than the flow reaches: so both make the same trades, and differ in nothing but their depth.
 * Batch after batch on one connection, a round on the one, then the same on the other.
 */
export async function benchDeep(url: string, symbolIds: number[]): Promise<DeepFigures> {
  const [deep = 0, shallow = 0] = symbolIds
  const client = await connect(url)
  const nextTimes = clock(Date.now())
  await restingOrders(client, deepBook)
  await fillBook(client, deep, deepBook.levels)
  const shallowOrders = await fillBook(client, shallow, reachTicks)
  await client.query('vacuum analyze matching.orders, matching.book, ledger.accounts')
  await client.query('checkpoint')
  await prepareBatches(client)

  const shares: number[] = []
  let deepMs = 0
  let trades = 0
  for (let round = -1; round < rounds; round++) {
    const times = nextTimes(batchesPerRound)
    // Each goes first in every other round.
    const turns = round % 2 === 0 ? [deep, shallow] : [shallow, deep]
    const took = new Map<number, Taken>()
    for (const id of turns) await addFlow(client, id, times, round)
    for (const id of turns) took.set(id, await time(client, id, times))
    const [onDeep, onShallow] = [took.get(deep), took.get(shallow)]
    if (!onDeep || !onShallow || onDeep.trades !== onShallow.trades) {
      throw new Error(`${onDeep?.trades} trades, and ${onShallow?.trades} of the same orders`)
    }
    if (round < 0) continue // the first warms up: plans, caches, pages since the checkpoint
    shares.push(onShallow.ms / onDeep.ms)
    deepMs += onDeep.ms
    trades += onDeep.trades
  }
  await client.end()
  return {
    ordersPerSecond: ((rounds * batchesPerRound * batchSize) / deepMs) * 1000,
    tradesPerSecond: (trades / deepMs) * 1000,
    shallowOrders,
    shares,
    share: median(shares),
  }
}

/** The same orders for every symbol: only their keys differ. */
async function addFlow(client: pg.Client, id: number, times: Date[], round: number): Promise<void> {
  const flow = { random: randomNumbers(100 + round), participants, spreadTicks: reachTicks }
  for (const at of times) {
    await addBatch(client, id, at, randomCommands(batchSize, flow, `${id}-${at.getTime()}`))
  }
}

interface Taken {
  ms: number
  trades: number
}

async function time(client: pg.Client, id: number, times: Date[]): Promise<Taken> {
  const start = performance.now()
  const trades = await executeBatches(client, id, times)
  return { ms: performance.now() - start, trades }
}
