import { Decimal } from 'decimal.js'
import { type Done, doneBy, nothing, sum, takesOf } from './done.ts'
import type { FairPrices } from './fair-prices.ts'
import type { Random } from './random.ts'
import { lotsFor, toTick } from './sizes.ts'
import type { Entry, Market, Order, VenueClient } from './venue-client.ts'

export interface Maker {
  /** Brings the ladder of a market to where it belongs now, in one batch. */
  quote(market: Market, earned: ReadonlyMap<string, Decimal>): Promise<Done>
}

export interface BotOptions {
  client: VenueClient
  clientId: string
  prices: FairPrices
  random: Random
}

const levels = 10
/** Shares of the price: from the centre to the first level, and from each level to the next. */
const halfSpread = 0.0001
const levelStep = 0.00015
/** How far a level may be off before it is moved, in steps: deeper ones are moved less often. */
const tolerance = (level: number) => 0.3 + 0.1 * level
/** What the first level is worth in dollars; each deeper one is larger. */
const levelDollars = 3000
/** An order with less than this share left is replaced by a fresh one. */
const leastLeft = 0.4
/** With so many dollars of an asset too much or too little, the ladder is shifted the most. */
const inventoryDollars = 150_000
const mostShift = 0.0005

/** One price of the ladder, where it should be. */
interface Rung {
  name: string
  side: 'BUY' | 'SELL'
  price: Decimal
  tolerance: Decimal
  dollars: number
}

interface Step {
  entry: Entry
  rung: Rung | undefined
  takesBefore: number
}

/**
 * Quotes both sides around the fair price, lower when it holds too much of the base asset and
 * higher when too little. What rests is read from the venue each time: it forgets nothing, and
 * believes nothing.
 */
export function createMaker({ client, clientId, prices, random }: BotOptions): Maker {
  /** Which rung an order of ours stands for. */
  const rungs = new Map<string, string>()

  return {
    async quote(market, earned) {
      const asset = market.base_asset
      const fair = prices.of(asset)
      const excess = (earned.get(asset) ?? new Decimal(0)).times(fair).div(inventoryDollars)
      const shift = Decimal.max(-1, Decimal.min(1, excess)).times(mostShift)
      const centre = fair.times(new Decimal(1).minus(shift))
      const ladder = ladderAt(centre, market, random)
      const open = await client.openOrders(clientId, market.symbol)
      const steps = plan(market, ladder, open, rungs, clientId)
      if (steps.length === 0) return nothing
      const results = await client.batch(steps.map(step => step.entry))
      return results.reduce((done, result, index) => {
        const { entry, rung, takesBefore = 0 } = steps[index] ?? {}
        if (entry?.op === 'cancel') rungs.delete(entry.order_id)
        else if (result.order && rung) rungs.set(result.order.order_id, rung.name)
        return sum(done, doneBy(result, takesBefore))
      }, nothing)
    },
  }
}

function ladderAt(centre: Decimal, market: Market, random: Random): Rung[] {
  return Array.from({ length: levels }).flatMap((_, level) =>
    (['BUY', 'SELL'] as const).map(side => {
      const away = halfSpread + level * levelStep
      const share = side === 'BUY' ? 1 - away : 1 + away
      return {
        name: `${market.symbol} ${side} ${level}`,
        side,
        price: toTick(centre.times(share), side, market),
        tolerance: centre.times(levelStep * tolerance(level)),
        dollars: levelDollars * (1 + 0.35 * level) * (0.6 + 0.8 * random.next()),
      }
    }),
  )
}

/**
 * What brings the orders that rest to the ladder. First what leaves, then what moves away from the
 * other side, then what comes nearer, so that the maker never meets its own orders.
 */
function plan(
  market: Market,
  ladder: readonly Rung[],
  open: readonly Order[],
  rungs: Map<string, string>,
  clientId: string,
): Step[] {
  const standing = new Map(open.map(order => [rungs.get(order.order_id), order]))
  const ids = new Set(open.map(order => order.order_id))
  for (const [orderId, name] of rungs) {
    if (name.startsWith(`${market.symbol} `) && !ids.has(orderId)) rungs.delete(orderId)
  }
  const leaving: Step[] = open
    .filter(order => standing.get(rungs.get(order.order_id)) !== order || isWorn(order))
    .map(order => ({ entry: cancel(market, order), rung: undefined, takesBefore: 0 }))
  const retreating: Step[] = []
  const advancing: Step[] = []
  for (const rung of ladder) {
    const order = standing.get(rung.name)
    if (order === undefined || isWorn(order)) {
      advancing.push({ entry: place(market, rung, clientId), rung, takesBefore: 0 })
      continue
    }
    const move = rung.price.minus(order.price ?? rung.price)
    if (move.abs().lte(rung.tolerance)) continue
    const isRetreat = move.gt(0) === (rung.side === 'SELL')
    const steps = isRetreat ? retreating : advancing
    steps.push({ entry: amend(market, order, rung), rung, takesBefore: takesOf(order.fills) })
  }
  return [...leaving, ...retreating, ...advancing]
}

function isWorn(order: Order): boolean {
  return new Decimal(order.remaining_quantity).div(order.quantity).lt(leastLeft)
}

function place(market: Market, { side, price, dollars }: Rung, client_id: string): Entry {
  const quantity = lotsFor(dollars, price, market).toFixed()
  const { symbol } = market
  return { op: 'place', client_id, symbol, side, type: 'LIMIT', price: price.toFixed(), quantity }
}

function cancel({ symbol }: Market, { order_id }: Order): Entry {
  return { op: 'cancel', symbol, order_id }
}

function amend({ symbol }: Market, { order_id }: Order, { price }: Rung): Entry {
  return { op: 'amend', symbol, order_id, price: price.toFixed() }
}
