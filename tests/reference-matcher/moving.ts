import { least } from './amounts.ts'
import { findUncrossing } from './auction.ts'
import { removeFromBook, shown } from './book.ts'
import { end } from './entering.ts'
import {
  isLive,
  type Market,
  type Order,
  type Phase,
  type PhaseEnd,
  type Status,
} from './market.ts'
import { withdraw } from './placing.ts'
import { trade } from './taking.ts'

/**
 * Another phase: a call ends with its uncrossing, what a phase does not take expires. What fired
 * and did not enter yet waits on.
 */
export function moveToPhase(market: Market, to: Phase, end: PhaseEnd | null): void {
  const { phase: from, phaseEnd } = market
  if (to !== from) {
    const isInTime = phaseEnd === null || market.nowMs <= phaseEnd.atMs
    // A book that was filled while nothing traded may be crossed: no other way out.
    if (to === 'CONTINUOUS' || (to === 'CLOSED' && from === 'CALL' && isInTime)) uncross(market)
    const isCall = to === 'CALL' || to === 'PRE_OPEN'
    expire(market, isCall ? ['GTX'] : ['OPG', 'CLS', 'GFA'])
  }
  market.phase = to
  market.phaseEnd = end
  market.extensions = 0
  market.fired.length = 0
}

/** A price outside the band was reached: trading goes on with a call. */
export function interrupt(market: Market): void {
  market.isInterrupted = false
  const atMs = market.nowMs + market.rules.bandAuctionMs
  moveToPhase(market, 'CALL', { atMs, next: 'CONTINUOUS' })
}

/** Another status: what is delisted has no orders. */
export function moveToStatus(market: Market, status: Status): void {
  market.status = status
  if (status !== 'DELISTED') return
  market.phase = 'CLOSED'
  market.phaseEnd = null
  for (const order of market.orders.filter(isLive)) {
    withdraw(market, order)
    end(order, 'CANCELLED', 'DELISTED')
  }
}

/** All trades at one price: those better than it in full, those at it by time. */
function uncross(market: Market): void {
  const { BUY: bids, SELL: asks } = market.book
  const { rules, lastPrice: reference } = market
  const found = findUncrossing(bids, asks, { tick: rules.tick, reference })
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
  trade(market, taker, maker, quantity, price, true)
  taker.visible = shown(taker)
  maker.visible = shown(maker)
  taker.status = taker.remaining === 0n ? 'FILLED' : 'PARTIALLY_FILLED'
  if (taker.remaining === 0n) removeFromBook(market, taker)
}

function expire(market: Market, times: readonly string[]): void {
  for (const order of market.orders.filter(isLive)) {
    if (!times.includes(order.timeInForce)) continue
    withdraw(market, order)
    end(order, 'EXPIRED', 'AUCTION_ONLY')
  }
}
