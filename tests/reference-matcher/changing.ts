import { shrinkInBook } from './book.ts'
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
    (isTooLate ? 'CONDITION_FAILED' : null)
  if (refusal === null) cancelOrder(market, order)
  return { refusal, order }
}

/** All orders of a participant, or those of one side. */
export function cancelAll(market: Market, owner: string, side: Side | null): Order[] {
  const cancelled = findLive(market, owner, side)
  for (const order of cancelled) cancelOrder(market, order)
  return cancelled
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
function change(market: Market, order: Order, command: AmendCommand, ways: Ways): Refusal | null {
  const wanted = amount(command.quantity)
  const price = amount(command.price) ?? order.price
  const quantity = wanted ?? order.quantity
  const remaining = quantity - order.filled - order.prevented
  const keepsPlace = price === order.price && remaining <= order.remaining
  const isPriced = command.price !== undefined && isMarket(order)
  const filter =
    (isPriced ? 'PRICE_NOT_ALLOWED' : null) ?? refuseResult(market, { ...order, price, quantity })
  const ended = refuseEnded(order, 'AMEND')
  if (ended === null && (isPriced || order.type === 'MARKET')) {
    market.notes.add('amended market order')
  }
  const refusal =
    ended ??
    filter ??
    changeTime(market, order, command) ??
    refuseLate(market, command.deadline) ??
    refuseAmendment(market, keepsPlace)
  if (refusal !== null) return refusal
  if (order.list) market.notes.add('amended in a list')
  if (remaining <= 0n) {
    cancelOrder(market, order)
    return null
  }
  const { remaining: left } = order
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
  return enter(market, order, ways)
}

/** Good till cancelled or till a time: the one may become the other, and the time another. */
function changeTime(
  { nowMs }: Market,
  order: Order,
  { time_in_force, expire_at }: AmendCommand,
): Refusal | null {
  if (time_in_force === undefined && expire_at === undefined) return null
  if (order.timeInForce !== 'GTC' && order.timeInForce !== 'GTD') return 'TIME_IN_FORCE'
  const becomes = time_in_force ?? 'GTD'
  const expireAtMs = time(expire_at) ?? (becomes === 'GTD' ? order.expireAtMs : null)
  const isPast = expireAtMs !== null && expireAtMs <= nowMs
  if (isPast || (becomes === 'GTD') !== (expireAtMs !== null)) return 'EXPIRE_AT'
  order.timeInForce = becomes
  order.expireAtMs = expireAtMs
  return null
}
