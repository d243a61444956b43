import { most, roundDown, roundUp } from './amounts.ts'
import { removeFromBook } from './book.ts'
import { bodyOf, keyOf, type PlaceCommand, readOrder } from './commands.ts'
import { end, enter, type Ways } from './entering.ts'
import type { Market, Order, OrderList, PendingReason, Refusal } from './market.ts'
import { available, widen } from './money.ts'
import { refuseEntry } from './phases.ts'
import { createTrigger, isMetAtEntry, limitBehind, worstPrice } from './triggers.ts'

export interface Placed {
  refusal: Refusal | null
  /** None when no order came to be. */
  order: Order | null
}

/** An order comes: it enters, waits, or is refused, which leaves a row of its own. */
export function place(
  market: Market,
  command: PlaceCommand,
  list: OrderList | null,
  ways: Ways,
): Placed {
  const order = addOrder(market, command)
  order.trigger = createTrigger(market, command)
  if (list) join(order, list, command)
  const refusal =
    refuseEntry(market, order, command.deadline) ?? accept(market, order, command, ways)
  if (refusal !== null) reject(order, refusal)
  return { refusal, order }
}

export function reject(order: Order, refusal: Refusal): void {
  end(order, 'REJECTED', null)
  order.refusal = refusal
}

/** A waiting order's time has come: its price was reached, or it is its turn to be matched. */
export function release(market: Market, order: Order, ways: Ways): void {
  const { trigger } = order
  if (trigger?.level != null)
    order.price = limitBehind(market.rules, trigger, trigger.level) ?? order.price
  order.trigger = null
  order.pendingReason = null
  order.bookPrice = order.price
  const refusal = enter(market, order, ways)
  if (refusal !== null) reject(order, refusal)
}

/** An exit whose entry was filled becomes what it is: an order that enters, or that waits. */
export function activate(market: Market, order: Order, quantity: bigint, ways: Ways): void {
  order.quantity = quantity
  order.remaining = quantity
  order.pendingReason = null
  const isMet = order.trigger !== null && isMetAtEntry(market, order.trigger)
  if (isMet && market.phase === 'CONTINUOUS') order.trigger = null
  const refusal =
    order.trigger === null ? enter(market, order, ways) : wait(market, order, 'TRIGGER')
  if (refusal !== null) reject(order, refusal)
}

/** Takes an order from wherever it is. */
export function withdraw(market: Market, order: Order): void {
  removeFromBook(market, order)
  const index = market.fired.indexOf(order)
  if (index !== -1) market.fired.splice(index, 1)
}

function addOrder(market: Market, command: PlaceCommand): Order {
  const order = readOrder(market, command)
  market.orders.push(order)
  const body = bodyOf(command)
  if (order.key !== null) market.keys.set(keyOf(order.owner, order.key), { order, body })
  return order
}

function join(order: Order, list: OrderList, command: PlaceCommand): void {
  order.list = list
  list.legs.push(order)
  if (command.list_role === 'ENTRY') list.entry = order
  if (command.list_is_partial) list.isPartial = true
}

function accept(market: Market, order: Order, command: PlaceCommand, ways: Ways): Refusal | null {
  if (command.list_role === 'EXIT') {
    order.pendingReason = 'PARENT'
    keepPlace(market, order)
    return null
  }
  if (order.trigger !== null) {
    const isMet = isMetAtEntry(market, order.trigger)
    if (isMet && command.trigger_immediately && market.phase === 'CONTINUOUS') {
      order.trigger = null
      return enter(market, order, ways)
    }
    return isMet ? 'WOULD_TRIGGER' : wait(market, order, 'TRIGGER')
  }
  if (order.type === 'MARKET' && !setCallBound(market, order)) return 'NO_LIQUIDITY'
  if (command.is_async) return wait(market, order, 'MATCH')
  // A leg that traded at once would leave the other nothing to cancel.
  order.postOnly ||= command.list_role === 'OCO' && command.type === 'LIMIT'
  const refusal = enter(market, order, ways)
  order.postOnly = command.post_only ?? false
  return refusal
}

function wait(market: Market, order: Order, reason: PendingReason): Refusal | null {
  if (order.trigger !== null) order.bookPrice = worstPrice(market, order, order.trigger)
  // Nobody can say what a buy has to hold that follows no price yet.
  if (order.trigger !== null && order.side === 'BUY' && order.bookPrice === null) {
    return 'TRAILING_MISSING'
  }
  if (available(market, order.owner, order.side) < 0n) return 'INSUFFICIENT_FUNDS'
  order.pendingReason = reason
  keepPlace(market, order)
  return null
}

/**
 * A market order for a call takes part as a limit order at the bound of its protection about the
 * last price. Whether there is one; any other market order needs none.
 */
function setCallBound({ rules, lastPrice }: Market, order: Order): boolean {
  if (order.timeInForce !== 'OPG' && order.timeInForce !== 'CLS') return true
  if (lastPrice === null) return false
  const bound = widen(rules, lastPrice, order.side)
  const isBuy = order.side === 'BUY'
  const price = isBuy ? roundDown(bound, rules.tick) : roundUp(bound, rules.tick)
  order.price = most(price, rules.tick)
  order.bookPrice = order.price
  return true
}

function keepPlace(market: Market, order: Order): void {
  market.clock += 1
  order.place = market.clock
}
