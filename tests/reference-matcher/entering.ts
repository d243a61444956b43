import { multiply } from '../replay/decimals.ts'
import { roundDown, roundUp } from './amounts.ts'
import { bandOf } from './bands.ts'
import { addToBook, bestContra, reaches } from './book.ts'
import {
  type EndReason,
  isLive,
  isMarket,
  type Market,
  type Order,
  type OrderStatus,
  otherSide,
  type Refusal,
  type TimeInForce,
} from './market.ts'
import { available, feeDue, rateOf, widen } from './money.ts'
import { haveOneOwner, take } from './taking.ts'

/** What a run may do in another way: the control of a test. */
export interface Ways {
  addToBook: (market: Market, order: Order) => void
}

const resting: readonly TimeInForce[] = ['GTC', 'GTD', 'DAY', 'OPG', 'CLS', 'GFA', 'GTX']

/**
 * An order meets the book: one that was placed, one whose price or time has come, one that lost its
 * place. Returns why it is refused, with nothing done.
 */
export function enter(market: Market, order: Order, ways: Ways): Refusal | null {
  if (market.phase !== 'CONTINUOUS') {
    if (isShort(market, order)) return 'INSUFFICIENT_FUNDS'
    rest(market, order, ways)
    return null
  }
  // What it needs whomever it meets comes first; what it will cost is known last.
  const isPoor = needsTooMuch(market, order)
  const refusal =
    (isPoor ? 'INSUFFICIENT_FUNDS' : null) ?? makeRoom(market, order) ?? size(market, order)
  if (refusal !== null) return refusal
  if (order.timeInForce === 'FOK' && !wouldFill(market, order)) {
    order.quantity = order.quoteQuantity === null ? order.quantity : 0n
    end(order, 'EXPIRED', 'UNFILLED_FOK')
    return null
  }
  if (isShort(market, order)) return 'INSUFFICIENT_FUNDS'
  settle(market, order, ways)
  return null
}

/** An order ends with what is left of it cancelled. */
export function end(order: Order, status: OrderStatus, reason: EndReason | null): void {
  order.status = status
  order.pendingReason = null
  order.endReason = reason
  order.cancelled = order.quantity - order.filled - order.prevented
  order.remaining = 0n
  order.visible = 0n
}

export function rest(market: Market, order: Order, ways: Ways): void {
  order.status = order.filled > 0n ? 'PARTIALLY_FILLED' : 'OPEN'
  order.pendingReason = null
  ways.addToBook(market, order)
}

export const plainWays: Ways = { addToBook }

/** Post-only: an order that would take is refused, or steps back to one tick from whom it meets. */
function makeRoom(market: Market, order: Order): Refusal | null {
  const best = bestContra(market, order.side)
  if (best === undefined) return isMarket(order) ? 'NO_LIQUIDITY' : null
  const { bookPrice } = best
  if (!order.postOnly || bookPrice === null || !reaches(order.side, order.price, bookPrice)) {
    return null
  }
  const { tick } = market.rules
  const inside = order.side === 'BUY' ? bookPrice - tick : bookPrice + tick
  if (!order.slide || inside <= 0n) return 'WOULD_TAKE'
  order.price = inside
  order.bookPrice = inside
  return null
}

/** Takes, and then rests or ends. */
function settle(market: Market, order: Order, ways: Ways): void {
  const bound = limitOf(market, order)
  const stop = take(market, order, bound)
  if (stop === 'SELF') return
  if (stop === 'DONE') {
    order.status = 'FILLED'
    order.visible = 0n
  } else if (stop === 'BAND') {
    stopAtBand(market, order, bound, ways)
  } else if (isMarket(order)) {
    if (market.rules.protectionRests && order.timeInForce !== 'FOK') {
      Object.assign(order, { price: bound, bookPrice: bound })
      rest(market, order, ways)
    } else {
      end(order, 'EXPIRED', stop === 'NOBODY' ? 'INSUFFICIENT_LIQUIDITY' : 'PROTECTION')
    }
  } else if (resting.includes(order.timeInForce) || order.status !== 'PENDING') {
    // What has rested before rests again, as a market order does that came to its bound.
    rest(market, order, ways)
  } else {
    end(order, 'EXPIRED', 'UNFILLED_IOC')
  }
}

/** How far an order goes: to its limit; a market order as far from the touch as it is protected. */
function limitOf(market: Market, order: Order): bigint | null {
  if (!isMarket(order)) return order.price
  const touch = bestContra(market, order.side)?.bookPrice ?? null
  if (touch === null) return null
  const { rules } = market
  const bound = widen(rules, touch, order.side)
  if (!rules.protectionRests) return bound
  // Where the rest would stand: on the tick nearer to the touch.
  return order.side === 'BUY' ? roundDown(bound, rules.tick) : roundUp(bound, rules.tick)
}

/**
 * The next price is outside the band: the rest expires, or all go into an auction with it. An order
 * that is not for auctions begins none.
 */
function stopAtBand(market: Market, order: Order, bound: bigint | null, ways: Ways): void {
  const { rules } = market
  const mayRest = isMarket(order)
    ? rules.protectionRests && order.timeInForce !== 'FOK'
    : resting.includes(order.timeInForce) || order.status !== 'PENDING'
  if (rules.bandAction === 'EXPIRE' || !mayRest || order.timeInForce === 'GTX') {
    end(order, 'EXPIRED', 'EXECUTION_RULE_PRICE_RANGE_EXCEEDED')
    return
  }
  Object.assign(order, { price: bound, bookPrice: bound })
  rest(market, order, ways)
  market.isInterrupted = true
}

/** A fill-or-kill is tried on a copy of the market: what it would do there is not done here. */
function wouldFill(market: Market, order: Order): boolean {
  if (order.quoteQuantity !== null && isStarved(market, order)) return false
  return onCopy(market, order, (copy, taker) => {
    take(copy, taker, limitOf(copy, taker))
    return taker.filled === taker.quantity
  })
}

/** Whether an order needs more than there is, whatever it will meet. */
function needsTooMuch(market: Market, order: Order): boolean {
  const isBuy = order.side === 'BUY'
  if (isBuy && order.quoteQuantity !== null && order.status === 'PENDING') {
    return available(market, order.owner, 'BUY') < order.quoteQuantity
  }
  return !(isBuy && isMarket(order)) && isShort(market, order)
}

/**
 * Whether an order, which is among the others, needs more than its owner has. A market buy is tried
 * on a copy: there its price is known.
 */
function isShort(market: Market, order: Order): boolean {
  if (!isMarket(order) || order.side === 'SELL' || market.phase !== 'CONTINUOUS') {
    return available(market, order.owner, order.side) < 0n
  }
  return onCopy(market, order, (copy, taker) => {
    settle(copy, taker, plainWays)
    if (taker.filled > 0n) endOthers(taker)
    return available(copy, taker.owner, 'BUY') < 0n
  })
}

/** What an exit pays may be what the other one holds: as soon as one has traded, the other ends. */
function endOthers(order: Order): void {
  const { list } = order
  if (!list || order === list.entry) return
  for (const leg of list.legs) {
    if (leg !== order && leg !== list.entry && isLive(leg)) end(leg, 'CANCELLED', 'OCO_TRIGGER')
  }
}

/**
 * A quote-sized order gets the largest quantity that its amount pays, or brings: every multiple of
 * the lot is tried.
 */
function size(market: Market, order: Order): Refusal | null {
  if (order.quoteQuantity === null || order.status !== 'PENDING') return null
  setQuantity(order, largest(market, order).quantity)
  const isKilled = order.timeInForce === 'FOK' && isStarved(market, order)
  return order.quantity < market.rules.minQuantity && !isKilled ? 'QUOTE_QUANTITY' : null
}

/** Whether there were too few to sell or to buy from for the whole amount. */
function isStarved(market: Market, order: Order): boolean {
  return largest(market, order).isStarved
}

function largest(market: Market, order: Order): { quantity: bigint; isStarved: boolean } {
  const amount = order.quoteQuantity ?? 0n
  const { lot } = market.rules
  for (let quantity = 0n; ; quantity += lot) {
    const cost = onCopy(market, order, (copy, taker) => pay(copy, taker, quantity + lot))
    if (cost === null) return { quantity, isStarved: paysMore(market, order, quantity) }
    if (cost > amount) return { quantity, isStarved: false }
  }
}

/** What so much costs with its fee, or brings; null when there is less. */
function pay(market: Market, order: Order, quantity: bigint): bigint | null {
  // What would only be decremented is paid for as if it had traded.
  if (order.stp === 'DECREMENT') Object.assign(order, { stp: 'NONE' })
  setQuantity(order, quantity)
  take(market, order, limitOf(market, order))
  if (order.filled < order.quantity) return null
  return order.notional + (order.side === 'BUY' ? order.fee : 0n)
}

/** Whether the amount would pay a lot more than this at the last price that is looked at. */
function paysMore(market: Market, order: Order, quantity: bigint): boolean {
  const price = lastLooked(market, order)
  if (price === null) return true
  return onCopy(market, order, (copy, taker) => {
    const cost = pay(copy, taker, quantity) ?? 0n
    const more = multiply(price, market.rules.lot)
    const rate = rateOf(market, order, 'TAKER')
    const fee = feeDue(market.rules, taker, more, rate) - taker.fee
    return cost + more + (order.side === 'BUY' ? fee : 0n) <= (order.quoteQuantity ?? 0n)
  })
}

/** The price of the last that an order without a quantity comes to, also where its own stop it. */
function lastLooked(market: Market, order: Order): bigint | null {
  const bound = limitOf(market, order)
  const queue = market.book[otherSide(order.side)]
  const isOutside = bandOf(market)
  const next = queue.findIndex(
    ({ bookPrice }) =>
      bookPrice === null || !reaches(order.side, bound, bookPrice) || isOutside(bookPrice),
  )
  const inReach = next === -1 ? queue : queue.slice(0, next)
  const stops = order.stp === 'CANCEL_TAKER' || order.stp === 'CANCEL_BOTH'
  const own = stops && inReach.find(maker => haveOneOwner(market, order, maker))
  return (own || inReach.at(-1))?.bookPrice ?? null
}

function setQuantity(order: Order, quantity: bigint): void {
  order.quantity = quantity
  order.remaining = quantity
}

/** Asks of a copy of the market what would be. */
export function onCopy<Found>(
  market: Market,
  order: Order,
  ask: (copy: Market, order: Order) => Found,
): Found {
  const copy = structuredClone({ market, order })
  return ask(copy.market, copy.order)
}
