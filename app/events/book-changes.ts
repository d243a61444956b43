import { difference, isZeroAmount, negated } from '../amounts.ts'
import type { EventRow } from '../rows.ts'

/** One change of a price level: what is added to its shown quantity and to its count of orders. */
export type BookChange = [
  seq: number,
  side: 'BUY' | 'SELL',
  price: string,
  quantityDelta: string,
  ordersDelta: number,
]

/**
 * The changes of the book that an event makes. A snapshot and all changes with a higher seq give
 * the book of any later moment. Hidden quantities make none.
 */
export function bookChanges(event: EventRow): BookChange[] {
  switch (event.kind) {
    case 'OPENED':
      return added(event)
    case 'AMENDED':
      // One that lost its place goes on as a taker: the events behind this one tell the rest.
      if (event.reason === 'KEPT') return [...taken(event), ...added(event)]
      return event.reason === 'LOST' ? taken(event) : []
    case 'TRADE':
      return madeByTrade(event)
    case 'UNCROSSED':
      return leftByCall(event)
    case 'BUST':
    case 'CORRECTED':
      return []
    case 'PREVENTED':
      return madeByPrevention(event)
    default:
      // An order that ends leaves its place, if it had one: then the event says what was there.
      return taken(event)
  }
}

function added({ seq, side, price, remaining, visible }: EventRow): BookChange[] {
  return remaining === null ? [] : change(seq, side, price, visible ?? remaining, 1)
}

function taken({ seq, side, prior_price, prior_remaining, prior_visible }: EventRow): BookChange[] {
  if (prior_remaining === null) return []
  return change(seq, side, prior_price, negated(prior_visible ?? prior_remaining), -1)
}

/** What is left of an order that traded in a call; what is said of the call is of no order. */
function leftByCall(event: EventRow): BookChange[] {
  if (event.order_id === null) return []
  if (isZeroAmount(event.remaining ?? '0')) return taken(event)
  return [...taken(event), ...added(event)]
}

/** A trade takes what it traded from the maker's level, less what an iceberg shows anew. */
function madeByTrade(event: EventRow): BookChange[] {
  const { quantity, maker_prior_visible, price, reason } = event
  // In a call both orders rested: an UNCROSSED event of each tells what became of it.
  if (quantity === null || reason === 'AUCTION' || reason === 'SELF_AUCTION') return []
  const delta = isGiven(maker_prior_visible)
    ? difference(shownByMaker(event), maker_prior_visible)
    : negated(quantity)
  return ofMaker(event, price, delta)
}

/** What was taken from the maker without a trade; of a cancelled taker that is nothing. */
function madeByPrevention(event: EventRow): BookChange[] {
  const { quantity, maker_prior_visible, price, reason } = event
  if (isGiven(maker_prior_visible)) {
    return ofMaker(event, price, difference(shownByMaker(event), maker_prior_visible))
  }
  const isShared = reason === 'DECREMENT' && quantity !== null
  return isShared ? ofMaker(event, price, negated(quantity)) : []
}

function shownByMaker({ maker_visible, maker_remaining }: EventRow): string {
  return maker_visible ?? maker_remaining ?? '0'
}

function ofMaker({ seq, side, maker_remaining }: EventRow, price: string | null, delta: string) {
  const isGone = isZeroAmount(maker_remaining ?? '0')
  return change(seq, side === 'BUY' ? 'SELL' : 'BUY', price, delta, isGone ? -1 : 0)
}

/** No change where nothing that is shown changes, or where there is no level. */
function change(
  seq: string,
  side: EventRow['side'],
  price: string | null,
  quantityDelta: string,
  ordersDelta: number,
): BookChange[] {
  if (side === null || price === null) return []
  if (ordersDelta === 0 && isZeroAmount(quantityDelta)) return []
  return [[Number(seq), side, price, quantityDelta, ordersDelta]]
}

function isGiven(amount: string | null | undefined): amount is string {
  return typeof amount === 'string'
}
