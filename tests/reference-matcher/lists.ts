import { end, type Ways } from './entering.ts'
import { isLive, type Market, type Order } from './market.ts'
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

/** Cancels what has lost to another of its list. */
export function cancelLosers(market: Market): void {
  for (const order of market.orders) {
    if (order.list && isLive(order) && hasLost(market, order)) {
      withdraw(market, order)
      end(order, 'CANCELLED', 'OCO_TRIGGER')
    }
  }
}

/** The next that waited for an entry which has ended: who rests first, then who waits. */
export function nextExit(market: Market): Order | undefined {
  const ready = market.orders.filter(
    ({ pendingReason, list }) => pendingReason === 'PARENT' && list?.entry && !isLive(list.entry),
  )
  return ready.find(({ trigger }) => trigger === null) ?? ready[0]
}

/** An exit is as large as its entry was; where that was not filled, it goes. */
export function wake(market: Market, exit: Order, ways: Ways): void {
  const entry = exit.list?.entry
  if (entry?.status === 'FILLED') activate(market, exit, entry.filled, ways)
  else end(exit, 'CANCELLED', 'OTO_PHASE_ONE_EXPIRED')
}

function hasLost(market: Market, order: Order): boolean {
  const rank = rankOf(market, order)
  return siblingsOf(order).some(sibling => rankOf(market, sibling) < rank)
}

/** Who has traded or ended is first; then who is to enter, in that order. */
function rankOf(market: Market, order: Order): number {
  const isEndedByList =
    order.endReason === 'OCO_TRIGGER' || order.endReason === 'OTO_PHASE_ONE_EXPIRED'
  const hasEnded = !isLive(order) && !isEndedByList
  if (order.filled > 0n || hasEnded) return 0
  const turn = market.fired.indexOf(order)
  return turn === -1 ? Number.POSITIVE_INFINITY : turn + 1
}
