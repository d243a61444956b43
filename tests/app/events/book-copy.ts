import { Decimal } from 'decimal.js'
import type { StreamMessage } from './stream-client.ts'

type Level = [price: string, quantity: string, orders: number]
interface Snapshot {
  seq: number
  bids: Level[]
  asks: Level[]
}

/** The book that a client keeps: a snapshot, and the changes of the stream behind it. */
export function bookCopy(snapshot: Snapshot, messages: readonly StreamMessage[]) {
  const sides = { BUY: new Map<string, [Decimal, number]>(), SELL: new Map() }
  const add = (side: 'BUY' | 'SELL', price: string, quantity: string, orders: number) => {
    const [before, count] = sides[side].get(price) ?? [new Decimal(0), 0]
    sides[side].set(price, [before.plus(quantity), count + orders])
  }
  for (const level of snapshot.bids) add('BUY', ...level)
  for (const level of snapshot.asks) add('SELL', ...level)
  for (const { event, data } of messages) {
    if (event !== 'book') continue
    for (const [seq, side, price, quantity, orders] of data.changes) {
      if (seq > snapshot.seq) add(side, price, quantity, orders)
    }
  }
  return { bids: levelsOf(sides.BUY, -1), asks: levelsOf(sides.SELL, 1) }
}

/** Best first; a level of no order is none, whatever its quantity: that would be seen as wrong. */
function levelsOf(side: Map<string, [Decimal, number]>, direction: 1 | -1): Level[] {
  return [...side]
    .filter(([, [quantity, orders]]) => orders !== 0 || !quantity.isZero())
    .sort(([a], [b]) => direction * new Decimal(a).comparedTo(b))
    .map(([price, [quantity, orders]]) => [price, quantity.toFixed(), orders])
}
