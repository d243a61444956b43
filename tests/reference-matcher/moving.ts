import { findUncrossing } from './auction.ts'
import { removeFromBook, shown } from './book.ts'
import { end } from './entering.ts'
import {
  type EndReason,
  isLive,
  least,
  type Market,
  type Order,
  type Phase,
  type Status,
} from './market.ts'
import { withdraw } from './placing.ts'
import { trade } from './taking.ts'

/** Another phase: an auction ends with its uncrossing, and what a phase does not take expires. */
export function moveToPhase(market: Market, phase: Phase): void {
  const isCall = phase === 'CALL' || phase === 'PRE_OPEN'
  if (!isCall && market.phase !== 'CONTINUOUS') {
    // A book that was filled while nothing traded may be crossed: no other way leads out of it.
    const isAuction = market.phase !== 'CLOSED' || phase === 'CONTINUOUS'
    if (isAuction) uncross(market)
    expire(market, ['OPG', 'CLS', 'GFA'], 'AUCTION_ONLY')
  }
  if (isCall) expire(market, ['GTX'], 'AUCTION_ONLY')
  if (phase === 'CLOSED') expire(market, ['DAY'], 'DAY')
  market.phase = phase
}

/** Another status: what is delisted has no orders. */
export function moveToStatus(market: Market, status: Status): void {
  market.status = status
  if (status !== 'DELISTED') return
  for (const order of market.orders.filter(isLive)) {
    withdraw(market, order)
    end(order, 'CANCELLED', 'DELISTED')
  }
}

/** All trades at one price: those better than it in full, those at it by time. */
function uncross(market: Market): void {
  const { BUY: bids, SELL: asks } = market.book
  const reference = market.lastPrice ?? market.referencePrice
  const found = findUncrossing(bids, asks, { tick: market.rules.tick, reference })
  if (!found) return
  for (let left = found.volume; left > 0n; ) {
    const [bid, ask] = [bids[0], asks[0]]
    if (!bid || !ask) throw new Error('the uncrossing has more volume than the book')
    const quantity = least(left, least(bid.remaining, ask.remaining))
    left -= quantity
    cross(market, bid, ask, quantity, found.price)
  }
}

/** Of two that meet in an auction the later one is the taker. */
function cross(market: Market, bid: Order, ask: Order, quantity: bigint, price: bigint): void {
  const [taker, maker] = bid.place > ask.place ? [bid, ask] : [ask, bid]
  // Hidden or not, all of an order takes part.
  taker.visible = taker.remaining
  maker.visible = maker.remaining
  trade(market, taker, maker, quantity, price)
  taker.visible = shown(taker)
  maker.visible = shown(maker)
  taker.status = taker.remaining === 0n ? 'FILLED' : 'PARTIALLY_FILLED'
  if (taker.remaining === 0n) removeFromBook(market, taker)
}

function expire(market: Market, times: readonly string[], reason: EndReason): void {
  for (const order of market.orders.filter(isLive)) {
    if (!times.includes(order.timeInForce)) continue
    withdraw(market, order)
    end(order, 'EXPIRED', reason)
  }
}
