import { printUnits, toUnits } from './decimals.ts'

/** The book as the stream tells it, kept by price level, best first. */
export interface BookMirror {
  /** Adds to a level, which appears with its first order and goes with its last. */
  change(side: 'BUY' | 'SELL', price: string, quantityDelta: string, ordersDelta: number): void
  /** The best levels of a side as [price, quantity, orders]. */
  levels(side: 'BUY' | 'SELL', depth?: number): PrintedLevel[]
}

export type PrintedLevel = [price: string, quantity: string, orders: number]

interface Level {
  readonly price: bigint
  quantity: bigint
  orders: number
}

export function createBookMirror(): BookMirror {
  const sides = { BUY: createSide(-1n), SELL: createSide(1n) }
  return {
    change: (side, price, quantityDelta, ordersDelta) =>
      sides[side].change(toUnits(price), toUnits(quantityDelta), ordersDelta),
    levels: (side, depth) => sides[side].levels(depth),
  }
}

/** `direction` makes both sides alike: price x direction is smaller where it is better. */
function createSide(direction: bigint) {
  const levels: Level[] = []

  /** Where the price stands or would stand. */
  function find(price: bigint): number {
    const key = price * direction
    let low = 0
    let high = levels.length
    while (low < high) {
      const middle = (low + high) >> 1
      const level = levels[middle]
      if (level !== undefined && level.price * direction < key) low = middle + 1
      else high = middle
    }
    return low
  }

  return {
    change(price: bigint, quantity: bigint, orders: number): void {
      const at = find(price)
      const found = levels[at]
      if (found?.price !== price) {
        levels.splice(at, 0, { price, quantity, orders })
        return
      }
      found.quantity += quantity
      found.orders += orders
      // A level that has only one of the two left stays, and is found out by the next comparison.
      if (found.quantity === 0n && found.orders === 0) levels.splice(at, 1)
    },
    levels: (depth = levels.length) => levels.slice(0, depth).map(print),
  }
}

function print({ price, quantity, orders }: Level): PrintedLevel {
  return [printUnits(price), printUnits(quantity), orders]
}
