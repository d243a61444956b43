import { type Done, doneBy } from './done.ts'
import type { BotOptions } from './maker.ts'
import { lotsFor, toTick } from './sizes.ts'
import type { Market, Placing } from './venue-client.ts'

export interface Trader {
  /** Does one thing in a market: takes, quotes, or cancels. */
  act(market: Market): Promise<Done>
}

/** What it does, by chance: takes at market, takes with a limit, all or nothing, else it rests. */
const takes = 0.45
const takesWithLimit = 0.15
const takesAllOrNothing = 0.03
/** Orders that it leaves resting in one market; with more, the oldest goes. */
const mostResting = 4
/** What most orders are worth at most, in dollars, and how often and how much larger some are. */
const usualDollars = 2500
const largeShare = 0.04
const largeFactor = 8
/** Shares of the price: how far beyond it a taker's limit goes, how far off it others rest. */
const limitReach = 0.001
const restingReach = 0.0025

/** Buys and sells at random, by an opinion of its own of what the price should be. */
export function createTrader({ client, clientId, prices, random }: BotOptions): Trader {
  const resting = new Map<string, string[]>()

  return {
    async act(market) {
      const ids = resting.get(market.symbol) ?? []
      resting.set(market.symbol, ids)
      if (ids.length > mostResting) return doneBy(await client.cancel(ids.shift() ?? ''))
      const placing = draw(market)
      const result = await client.place(placing)
      const isResting = result.order !== undefined && placing.time_in_force === 'GTC'
      if (isResting && result.order) ids.push(result.order.order_id)
      return doneBy(result)
    },
  }

  function draw(market: Market): Placing {
    const side = random.pick(['BUY', 'SELL'] as const)
    const fair = prices.of(market.base_asset)
    const chance = random.next()
    const isLarge = random.next() < largeShare
    const dollars = usualDollars * (0.05 + random.next()) * (isLarge ? largeFactor : 1)
    const quantity = lotsFor(dollars, fair, market).toFixed()
    const order = { client_id: clientId, symbol: market.symbol, side, quantity } as const
    if (chance < takes) return { ...order, type: 'MARKET' }
    const isTaking = chance < takes + takesWithLimit + takesAllOrNothing
    const reach = isTaking ? limitReach : -restingReach * random.next()
    const price = toTick(fair.times(side === 'BUY' ? 1 + reach : 1 - reach), side, market).toFixed()
    const time_in_force = !isTaking ? 'GTC' : chance < takes + takesWithLimit ? 'IOC' : 'FOK'
    return { ...order, type: 'LIMIT', price, time_in_force }
  }
}
