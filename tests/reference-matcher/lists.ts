import { end, type Ways } from './entering.ts'
import { isLive, type Market, type Order, roundDown } from './market.ts'
import { activate, withdraw } from './placing.ts'

/** The orders of which one only can do something: the legs of an OCO, the exits of an entry. */
export function siblingsOf(order: Order): Order[] {
  const { list } = order
  if (!list || order === list.entry) return []
  return list.legs.filter(leg => leg !== order && leg !== list.entry)
}

/** Whether an order of a list has traded, has ended, or is about to enter. */
export function hasActed(market: Market, order: Order): boolean {
  return rankOf(market, order) !== Number.POSITIVE_INFINITY
}

/** Cancels what has lost to another of its list, and wakes what waited for another to fill. */
export function keepLists(market: Market, ways: Ways): void {
  for (const order of market.orders) {
    if (order.list && isLive(order) && hasLost(market, order)) {
      withdraw(market, order)
      end(order, 'CANCELLED', 'OCO_TRIGGER')
    }
  }
  for (const order of market.orders) {
    const entry = order.list?.entry
    if (order.pendingReason === 'PARENT' && entry && !isLive(entry))
      wake(market, order, entry, ways)
  }
}

/** An exit is as large as the part of its entry that was filled; without a fill it goes. */
function wake(market: Market, exit: Order, entry: Order, ways: Ways): void {
  const part = (exit.quantity * entry.filled) / entry.quantity
  const quantity = roundDown(part, market.rules.lot)
  if (quantity > 0n) activate(market, exit, quantity, ways)
  else end(exit, 'CANCELLED', 'OTO_PHASE_ONE_EXPIRED')
}

function hasLost(market: Market, order: Order): boolean {
  const rank = rankOf(market, order)
  return siblingsOf(order).some(sibling => rankOf(market, sibling) < rank)
}

/** Who has traded or ended is first; then who is to enter, in that order. */
function rankOf(market: Market, order: Order): number {
  const hasEnded = !isLive(order) && order.endReason !== 'OCO_TRIGGER'
  if (order.filled > 0n || hasEnded) return 0
  const turn = market.fired.indexOf(order)
  return turn === -1 ? Number.POSITIVE_INFINITY : turn + 1
}
