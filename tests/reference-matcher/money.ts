import { multiply } from '../replay/decimals.ts'
import { least, most, roundUp } from './amounts.ts'
import { isLive, type Market, type Order, type Rates, type Rules, type Side } from './market.ts'

/** What a trader has of one asset that is spoken for, and what unsettled trades will bring. */
export interface Spoken {
  held: bigint
  unsettledIn: bigint
  unsettledOut: bigint
}

/**
 * What an order must hold: a sell its rest, in base; a buy, in quote, what its rest costs at most,
 * and the fees of all its fills at the rate that it holds for, rounded up once, less those charged.
 */
export function needOf(rules: Rules, order: Order): bigint {
  if (order.pendingReason === 'PARENT') return 0n
  if (order.side === 'SELL') return order.remaining
  const cost = multiply(order.bookPrice ?? 0n, order.remaining)
  return roundUp(cost, rules.quoteUnit) - order.fee + feeDue(rules, order, cost, order.holdRate)
}

/** What somebody is charged now. */
export function ratesOf({ rules, fees, nowMs }: Market, owner: string): Rates {
  return fees.filter(set => set.owner === owner && set.atMs <= nowMs).at(-1) ?? rules
}

/** What a buy of somebody holds for now: the worst that it can come to. */
export function holdRateOf(market: Market, owner: string): bigint {
  const { makerRate, takerRate } = ratesOf(market, owner)
  return most(most(makerRate, takerRate), 0n)
}

/** The rate of a fill: what is in force, for a buy no more than it holds for. */
export function rateOf(market: Market, order: Order, liquidity: 'TAKER' | 'MAKER'): bigint {
  const { makerRate, takerRate } = ratesOf(market, order.owner)
  const rate = liquidity === 'TAKER' ? takerRate : makerRate
  return order.side === 'BUY' ? least(rate, order.holdRate) : rate
}

/** What is due for an order's fills until now and one more, rounded up once for all of them. */
export function feeDue(rules: Rules, order: Order, notional: bigint, rate: bigint): bigint {
  return roundUp(order.feeExact + multiply(notional, rate), rules.quoteUnit)
}

/** Reckoned from all orders and trades, each time: nothing is kept that could go wrong. */
export function spokenFor(market: Market, owner: string): { base: Spoken; quote: Spoken } {
  const base = { held: 0n, unsettledIn: 0n, unsettledOut: 0n }
  const quote = { held: 0n, unsettledIn: 0n, unsettledOut: 0n }
  for (const order of market.orders) {
    if (order.owner !== owner) continue
    const traded = order.filled
    if (order.side === 'BUY') {
      base.unsettledIn += traded
      quote.unsettledOut += order.notional + order.fee
    } else {
      base.unsettledOut += traded
      quote.unsettledIn += order.notional - order.fee
    }
    if (isLive(order)) {
      if (order.side === 'BUY') quote.held += needWithList(market.rules, order)
      else base.held += needWithList(market.rules, order)
    }
  }
  base.held += base.unsettledOut
  quote.held += quote.unsettledOut
  return { base, quote }
}

/** Two legs of which one only can trade hold once: the one that needs more. */
function needWithList(rules: Rules, order: Order): bigint {
  const need = needOf(rules, order)
  const other = order.list?.legs.find(leg => isOther(order, leg))
  if (!other || !isLive(other)) return need
  const otherNeed = needOf(rules, other)
  const isTheLarger = need > otherNeed || (need === otherNeed && order.no < other.no)
  return isTheLarger ? need : 0n
}

/** The two legs of an OCO, also the two exits of an entry. */
function isOther(order: Order, leg: Order): boolean {
  return leg !== order && leg !== order.list?.entry && order !== order.list?.entry
}

/** What a trader can still spend on a side: base to sell, quote to buy. */
export function available(market: Market, owner: string, side: Side): bigint {
  const trader = market.traders.get(owner)
  if (!trader) return 0n
  const spoken = spokenFor(market, owner)
  return side === 'BUY' ? trader.quote - spoken.quote.held : trader.base - spoken.base.held
}

/** A price moved by the symbol's protection, to the side that is worse for whoever pays it. */
export function widen(rules: Rules, price: bigint, side: Side): bigint {
  const byRate = multiply(price, rules.protectionRate)
  const byTicks = BigInt(rules.protectionTicks) * rules.tick
  return side === 'BUY' ? price + most(byRate, byTicks) : price - most(byRate, byTicks)
}
