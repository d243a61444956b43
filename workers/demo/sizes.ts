import { Decimal } from 'decimal.js'
import type { Market } from './venue-client.ts'

/** Away from the market: a buyer's price is rounded down to the tick, a seller's up. */
export function toTick(value: Decimal, side: 'BUY' | 'SELL', { tick_size }: Market): Decimal {
  const rounding = side === 'BUY' ? Decimal.ROUND_FLOOR : Decimal.ROUND_CEIL
  const rounded = value.toNearest(tick_size, rounding)
  return rounded.gt(0) ? rounded : new Decimal(tick_size)
}

/** About as many lots as the dollars buy at that price, and at least one. */
export function lotsFor(dollars: number, price: Decimal, { lot_size }: Market): Decimal {
  const rounded = new Decimal(dollars).div(price).toNearest(lot_size, Decimal.ROUND_FLOOR)
  return rounded.gt(0) ? rounded : new Decimal(lot_size)
}
