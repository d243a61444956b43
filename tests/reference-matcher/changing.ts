import { printUnits } from '../replay/decimals.ts'
import { addToBook, shrinkInBook } from './book.ts'
import { areCancelsLocked } from './calls.ts'
import {
  type AmendCommand,
  amount,
  type CancelCommand,
  findNamed,
  refuseEnded,
  time,
} from './commands.ts'
import { end, enter, onCopy, type Ways } from './entering.ts'
import { refuseResult } from './filters.ts'
import { isLive, isMarket, type Market, type Order, type Refusal, type Side } from './market.ts'
import { available } from './money.ts'
import { refuseAmendment, refuseLate } from './phases.ts'
import { withdraw } from './placing.ts'

export interface Changed {
  refusal: Refusal | null
  order: Order | null
}

export function cancel(market: Market, command: CancelCommand): Changed {
  const order = findNamed(market, command)
  if (!order) return { refusal: 'UNKNOWN_ORDER', order: null }
  const isTooLate = command.only_if === 'NEW' && order.filled > 0n
  const refusal =
    refuseEnded(order, 'CANCEL') ??
    refuseLate(market, command.deadline) ??
    (areCancelsLocked(market) ? 'CANCELS_LOCKED' : null) ??
    (isTooLate ? 'CONDITION_FAILED' : null)
  if (refusal === null) cancelOrder(market, order)
  return { refusal, order }
}

/** All orders of a participant, or those of one side, and after each what follows from it. */
export function cancelAll(
  market: Market,
  owner: string,
  side: Side | null,
  followUp: () => void,
): Order[] {
  if (areCancelsLocked(market)) return []
  const cancelled = findLive(market, owner, side).toSorted(byPlace)
  for (const order of cancelled) {
    if (isLive(order)) cancelOrder(market, order)
    followUp()
  }
  return cancelled
}

/** Those of the book in its order, bids first; then those that wait, likewise. */
function byPlace(order: Order, other: Order): number {
  const sign = order.side === 'BUY' ? -1 : 1
  return (
    Number(order.pendingReason !== null) - Number(other.pendingReason !== null) ||
    order.side.localeCompare(other.side) ||
    sign * Math.sign(Number(standOf(order) - standOf(other))) ||
    order.place - other.place
  )
}

function standOf({ bookPrice, trigger }: Order): bigint {
  return bookPrice ?? trigger?.level ?? 0n
}

export function findLive(market: Market, owner: string, side: Side | null): Order[] {
  return market.orders.filter(
    order => isLive(order) && order.owner === owner && order.side === (side ?? order.side),
  )
}

function cancelOrder(market: Market, order: Order): void {
  withdraw(market, order)
  end(order, 'CANCELLED', 'USER')
}

/** The table of amendments: what keeps an order's place, and what may trade at once. */
export function amend(market: Market, command: AmendCommand, ways: Ways): Changed {
  const order = findNamed(market, command)
  if (!order) return { refusal: 'UNKNOWN_ORDER', order: null }
  const refusal = onCopy(market, order, (copy, own) => {
    const found = change(copy, own, command, ways)
    for (const note of copy.notes) market.notes.add(note)
    return found
  })
  if (refusal === null) change(market, order, command, ways)
  return { refusal, order }
}

/** Does it, or says why not, which leaves the market as it may be: a copy. */
function change(
  market: Market,
  order: Order,
  command: AmendCommand,
  ways: Ways,
  isByVenue = false,
): Refusal | null {
  // What the list asks for was judged when it came.
  const refuseUnlessVenue = (result: Order) => (isByVenue ? null : refuseResult(market, result))
  const wanted = amount(command.quantity)
  const price = amount(command.price) ?? order.price
  const quantity = wanted ?? order.quantity
  const remaining = quantity - order.filled - order.prevented
  const keepsPlace = price === order.price && remaining <= order.remaining
  const isPriced = command.price !== undefined && isMarket(order)
  const filter = isPriced ? 'PRICE_NOT_ALLOWED' : refuseUnlessVenue({ ...order, price, quantity })
  const ended = refuseEnded(order, 'AMEND')
  if (ended === null && (isPriced || order.type === 'MARKET')) {
    market.notes.add('amended market order')
  }
  const refusal =
    ended ??
    filter ??
    changeTime(market, order, command) ??
    refuseLate(market, command.deadline) ??
    refuseAmendment(market, keepsPlace && hasNoTime(command))
  if (refusal !== null) return refusal
  const sibling = wanted === null ? undefined : siblingOf(order)
  const other = sibling && refuseUnlessVenue({ ...sibling, quantity })
  if (other) return other
  if (remaining <= 0n) {
    cancelOrder(market, order)
    return null
  }
  const { remaining: left } = order
  const was = sibling?.quantity ?? 0n
  if (sibling) resizeInPlace(market, sibling, quantity)
  Object.assign(order, { price, quantity, remaining })
  if (price !== null) order.bookPrice = price
  if (order.status === 'PENDING') {
    return available(market, order.owner, order.side) < 0n ? 'INSUFFICIENT_FUNDS' : null
  }
  if (keepsPlace) {
    order.remaining = left
    shrinkInBook(order, remaining)
    return null
  }
  if (order.postOnly) market.notes.add('amended post-only')
  withdraw(market, order)
  const refused = enter(market, order, ways)
  // What ends for an order that traded or ended at once ends as it was.
  const hasActed = order.filled > 0n || !isLive(order)
  if (sibling && isLive(sibling) && hasActed) sibling.quantity = was
  return refused
}

/** The venue gives an exit the quantity that its entry has traded, if that is possible. */
export function resize(market: Market, order: Order, quantity: bigint, ways: Ways): Refusal | null {
  const command: AmendCommand = { op: 'AMEND', quantity: printUnits(quantity) }
  const refusal = onCopy(market, order, (copy, own) => change(copy, own, command, ways, true))
  if (refusal === null) change(market, order, command, ways, true)
  return refusal
}

/** The other one that lives of two of which one cancels the other: both have one quantity. */
function siblingOf({ list, no, pendingReason }: Order): Order | undefined {
  if (!list || no === list.entry?.no || pendingReason === 'PARENT') return undefined
  const others = list.legs.filter(leg => leg.no !== no && leg.no !== list.entry?.no)
  return others.find(leg => isLive(leg) && leg.pendingReason !== 'PARENT')
}

function resizeInPlace(market: Market, order: Order, quantity: bigint): void {
  const remaining = quantity - order.filled - order.prevented
  const isLarger = remaining > order.remaining
  if (remaining <= 0n) {
    cancelOrder(market, order)
    return
  }
  order.quantity = quantity
  if (order.status === 'PENDING') {
    order.remaining = remaining
  } else if (isLarger) {
    withdraw(market, order)
    order.remaining = remaining
    addToBook(market, order)
  } else {
    shrinkInBook(order, remaining)
  }
}

function hasNoTime({ time_in_force, expire_at }: AmendCommand): boolean {
  return time_in_force === undefined && expire_at === undefined
}

/** Good till cancelled or till a time: the one may become the other, and the time another. */
function changeTime({ nowMs }: Market, order: Order, command: AmendCommand): Refusal | null {
  if (hasNoTime(command)) return null
  const { time_in_force, expire_at } = command
  if (order.timeInForce !== 'GTC' && order.timeInForce !== 'GTD') return 'TIME_IN_FORCE'
  const becomes = time_in_force ?? 'GTD'
  const expireAtMs = time(expire_at) ?? (becomes === 'GTD' ? order.expireAtMs : null)
  const isPast = expireAtMs !== null && expireAtMs <= nowMs
  if (isPast || (becomes === 'GTD') !== (expireAtMs !== null)) return 'EXPIRE_AT'
  order.timeInForce = becomes
  order.expireAtMs = expireAtMs
  return null
}
