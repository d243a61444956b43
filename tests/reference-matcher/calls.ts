import { multiply } from '../replay/decimals.ts'
import { findUncrossing } from './auction.ts'
import { referencePrice } from './bands.ts'
import type { Market, PhaseEnd } from './market.ts'

/** What a symbol says of its calls, and of what interrupts trading by one. */
export interface CallRules {
  /** A call whose price is further than this from the reference goes on; null: by the band. */
  extensionRate: bigint | null
  extensionMs: number
  maxExtensions: number
  /** So long before a call ends nothing is cancelled or amended. */
  cancelLockMs: number
  bandRate: bigint | null
  bandAction: 'AUCTION' | 'EXPIRE'
  /** How long a call lasts that a price outside the band begins. */
  bandAuctionMs: number
}

/** Whether it is too late in a call to take an order back. */
export function areCancelsLocked({ rules, status, phase, phaseEnd, nowMs }: Market): boolean {
  const isCall = status === 'ACTIVE' && phase === 'CALL' && phaseEnd !== null
  return isCall && rules.cancelLockMs > 0 && nowMs >= phaseEnd.atMs - rules.cancelLockMs
}

/** Whether this is a call that closes the session: orders of the day take part to its end. */
export function isInClose({ status, phase, phaseEnd }: Market): boolean {
  return status === 'ACTIVE' && phase === 'CALL' && phaseEnd?.next === 'CLOSED'
}

/** A call whose price would be too far from the reference price goes on, as often as it may. */
export function goesOn(market: Market, { next }: PhaseEnd): boolean {
  const { rules, book, phase, extensions } = market
  const isCall = phase === 'CALL' && (next === 'CONTINUOUS' || next === 'CLOSED')
  const rate = rules.extensionRate ?? rules.bandRate
  const middle = referencePrice(market) ?? market.lastPrice
  if (!isCall || extensions >= rules.maxExtensions || rate === null || middle === null) return false
  const reference = market.lastPrice ?? middle
  const found = findUncrossing(book.BUY, book.SELL, { tick: rules.tick, reference })
  if (!found) return false
  const distance = found.price > middle ? found.price - middle : middle - found.price
  return distance > multiply(middle, rate)
}

export function extend(market: Market, { next }: PhaseEnd): void {
  market.phaseEnd = { atMs: market.nowMs + market.rules.extensionMs, next }
  market.extensions += 1
}
