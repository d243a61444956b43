import { basename } from 'node:path'
import { createChecker, type DifferenceKind } from './checker.ts'
import { listen } from './event-stream.ts'
import { deepestBook, openMarket, readBook } from './market.ts'
import { checkMoney, sumSettlements, waitUntilSettled } from './money.ts'
import { createOpenOrders } from './open-orders.ts'
import { readOrderFlow } from './order-flow.ts'
import { play } from './player.ts'
import { createVenueClient, defaultPatienceMs } from './venue-client.ts'

export interface ReplayOptions {
  url: string
  file: string
  /** Commands in one request. */
  batch?: number
  /** How long the service may be away. */
  patienceMs?: number
  /** How long the last settlement may take. */
  settleWithinMs?: number
  tick?: string
  lot?: string
}

export interface ReplayResult {
  file: string
  symbol: string
  commands: number
  commandsPerSecond: number
  trades: number
  settlements: number
  differences: Record<DifferenceKind, number>
  isMoneyConserved: boolean
  /** Requests that had to be sent again. */
  repeats: number
  /** The first differences, and what is wrong with the money, in words. */
  words: string[]
}

/** Plays a file into a running service, in a market of its own, and checks all that comes of it. */
export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  const { url, file, batch = 100, patienceMs = defaultPatienceMs } = options
  const { settleWithinMs = 60_000, tick = '0.01', lot = '1' } = options
  const ending = new AbortController()
  const { signal } = ending
  const client = createVenueClient(url, { patienceMs, signal })
  const open = createOpenOrders()
  const checker = createChecker(open)
  try {
    const market = await openMarket(client, { tick, lot })
    const topics = [`trades:${market.symbol}`, `book:${market.symbol}`]
    const { feed } = checker
    const onMessage = feed.accept
    const stream = listen({ url: client.url, topics, onMessage, patienceMs, signal })
    stream.ended.catch(error => ending.abort(error))
    await Promise.race([stream.opened, stream.ended])
    const patience = { patienceMs, signal }
    const tools = { client, market, open, checker, batch }
    const played = await play(readOrderFlow(file), { ...tools, ...patience })
    await checker.caughtUp(0, patience)
    await checker.checkBook(await readBook(client, market.symbol), deepestBook, patience)
    const unsettled = await waitUntilSettled(client, market, settleWithinMs)
    const settled = await sumSettlements(client, market)
    const wrong = await checkMoney(client, market, checker.turnover, settled)
    return {
      file: basename(file),
      symbol: market.symbol,
      commands: played.commands,
      commandsPerSecond: Math.round((played.commands * 1000) / Math.max(1, played.ms)),
      trades: checker.turnover.trades,
      settlements: settled.count,
      differences: { ...checker.differences },
      isMoneyConserved: wrong.length === 0,
      repeats: client.repeats(),
      words: [...checker.words, ...unsettled, ...wrong],
    }
  } finally {
    ending.abort()
    client.close()
  }
}

/** Whether a replay found nothing to complain about. */
export function isClean(result: ReplayResult): boolean {
  const { trades, books, answers } = result.differences
  const isAllSettled = result.settlements === result.trades
  return trades + books + answers === 0 && isAllSettled && result.isMoneyConserved
}
