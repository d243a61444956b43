import { multiply } from '../replay/decimals.ts'
import { least } from './amounts.ts'
import { bandOf } from './bands.ts'
import { bestContra, reaches, takeFromBook } from './book.ts'
import type { EndReason, Market, Order } from './market.ts'
import { feeDue, rateOf } from './money.ts'

/** Why a taker stopped: nothing left, nobody there, too dear, outside the band, met its owner's. */
export type Stop = 'DONE' | 'NOBODY' | 'TOO_DEAR' | 'BAND' | 'SELF'

/** Trades with the other side, best first, as far as the limit; null is without a limit. */
export function take(market: Market, taker: Order, limit: bigint | null): Stop {
  const isOutside = bandOf(market)
  for (;;) {
    const maker = bestContra(market, taker.side)
    if (taker.remaining === 0n) return 'DONE'
    if (!maker) return 'NOBODY'
    if (!reaches(taker.side, limit, priceOf(maker))) return 'TOO_DEAR'
    if (isOutside(priceOf(maker))) return 'BAND'
    if (taker.stp !== 'NONE' && haveOneOwner(market, taker, maker)) {
      prevent(market, taker, maker)
      if (taker.status === 'CANCELLED') return 'SELF'
    } else {
      trade(market, taker, maker, least(taker.remaining, maker.visible), priceOf(maker))
    }
  }
}

/** One fill: both orders pay what is due for all their fills, less what they paid before. */
export function trade(
  market: Market,
  taker: Order,
  maker: Order,
  quantity: bigint,
  price: bigint,
  isAuction = false,
): void {
  if (taker.owner === maker.owner) market.notes.add('traded with its own')
  const takerFee = charge(market, taker, quantity, price, 'TAKER')
  const makerFee = charge(market, maker, quantity, price, 'MAKER')
  taker.remaining -= quantity
  takeFromBook(market, maker, quantity)
  maker.status = maker.remaining === 0n ? 'FILLED' : 'PARTIALLY_FILLED'
  const figures = { price, quantity, makerFee, takerFee, atMs: market.nowMs, isAuction }
  market.trades.push({ maker: maker.no, taker: taker.no, ...figures })
  market.lastPrice = price
}

function charge(
  market: Market,
  order: Order,
  quantity: bigint,
  price: bigint,
  liquidity: 'TAKER' | 'MAKER',
): bigint {
  const notional = multiply(price, quantity)
  const rate = rateOf(market, order, liquidity)
  const due = feeDue(market.rules, order, notional, rate)
  const fee = due - order.fee
  order.feeExact += multiply(notional, rate)
  order.fee = due
  order.filled += quantity
  order.notional += notional
  order.fills.push({ price, quantity, fee, liquidity })
  return fee
}

/** Of one participant, or of one trade group. */
export function haveOneOwner({ traders }: Market, taker: Order, maker: Order): boolean {
  const group = traders.get(taker.owner)?.group ?? null
  const isOneGroup = group !== null && group === traders.get(maker.owner)?.group
  return taker.owner === maker.owner || isOneGroup
}

/**
 * Two orders of one owner meet: the taker's mode decides what becomes of them. What is decremented
 * is what would have traded, so of an iceberg the part that is shown.
 */
function prevent(market: Market, taker: Order, maker: Order): void {
  const both = least(taker.remaining, maker.visible)
  if (taker.stp === 'CANCEL_TAKER') {
    preventTaker(taker, taker.remaining, 'STP_TAKER')
  } else if (taker.stp === 'CANCEL_MAKER') {
    preventMaker(market, maker, maker.remaining, 'STP_MAKER')
  } else if (taker.stp === 'CANCEL_BOTH') {
    preventTaker(taker, taker.remaining, 'STP_TAKER')
    preventMaker(market, maker, maker.remaining, 'STP_MAKER')
  } else {
    preventTaker(taker, both, 'STP_DECREMENT')
    preventMaker(market, maker, both, 'STP_DECREMENT')
  }
}

function preventTaker(taker: Order, quantity: bigint, reason: EndReason): void {
  taker.prevented += quantity
  taker.remaining -= quantity
  if (taker.remaining === 0n) endPrevented(taker, reason)
}

function preventMaker(market: Market, maker: Order, quantity: bigint, reason: EndReason): void {
  maker.prevented += quantity
  takeFromBook(market, maker, quantity)
  if (maker.remaining === 0n) endPrevented(maker, reason)
}

function endPrevented(order: Order, reason: EndReason): void {
  order.status = 'CANCELLED'
  order.endReason = reason
}

/** A resting order's price: in continuous trading each has one. */
function priceOf(order: Order): bigint {
  if (order.bookPrice === null) throw new Error('a market order rests in continuous trading')
  return order.bookPrice
}
