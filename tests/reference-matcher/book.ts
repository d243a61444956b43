import { type Market, type Order, otherSide, type Side } from './market.ts'

/** The next that an order of this side would meet. */
export function bestContra(market: Market, side: Side): Order | undefined {
  return market.book[otherSide(side)][0]
}

/** Whether an order with this limit accepts that price; without a limit any. */
export function reaches(side: Side, limit: bigint | null, price: bigint): boolean {
  if (limit === null) return true
  return side === 'BUY' ? price <= limit : price >= limit
}

/** Puts an order behind those of its price that are there already. */
export function addToBook(market: Market, order: Order): void {
  market.clock += 1
  order.place = market.clock
  order.visible = shown(order)
  const queue = market.book[order.side]
  const behind = queue.findIndex(other => isBetter(order, other))
  queue.splice(behind === -1 ? queue.length : behind, 0, order)
}

export function removeFromBook(market: Market, order: Order): void {
  const queue = market.book[order.side]
  const index = queue.indexOf(order)
  if (index !== -1) queue.splice(index, 1)
}

/** What of a resting order's rest is shown, when it is shown anew. */
export function shown({ display, remaining }: Order): bigint {
  return display === null || display > remaining ? remaining : display
}

/** Takes from a resting order; when what it shows is gone, the next part goes to the back. */
export function takeFromBook(market: Market, maker: Order, quantity: bigint): void {
  maker.remaining -= quantity
  maker.visible -= quantity
  if (maker.visible > 0n) return
  removeFromBook(market, maker)
  if (maker.remaining > 0n) addToBook(market, maker)
}

/** Takes quantity away from a resting order without a trade: it keeps its place. */
export function shrinkInBook(order: Order, remaining: bigint): void {
  order.remaining = remaining
  order.visible = remaining < order.visible ? remaining : order.visible
}

/** A market order in a call is better than any limit. */
function isBetter({ side, bookPrice: price }: Order, { bookPrice: other }: Order): boolean {
  if (other === null) return false
  if (price === null) return true
  return side === 'BUY' ? price > other : price < other
}
