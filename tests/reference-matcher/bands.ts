import { multiply } from '../replay/decimals.ts'
import { roundDown } from './amounts.ts'
import type { Market } from './market.ts'

const windowMs = 5 * 60 * 1000
/** Ten decimals. */
const referenceUnit = 10n ** 8n

/**
 * The middle of the band, from all trades anew: the price of the last uncrossing, or since then the
 * mean of the trades of the last full window, which begins with an uncrossing or with the first
 * trade behind the one before; until a window is full the first trade. Null before any.
 */
export function referencePrice({ trades, nowMs }: Market): bigint | null {
  let reference: bigint | null = null
  let sinceMs = Number.NEGATIVE_INFINITY
  let prices: bigint[] = []
  for (const { price, atMs, isAuction } of trades) {
    const isFull = atMs >= sinceMs + windowMs
    if (isAuction) reference = price
    else if (isFull) reference = mean(prices) ?? reference ?? price
    if (isFull || isAuction) {
      sinceMs = atMs
      prices = []
    }
    if (!isAuction) prices.push(price)
  }
  return (nowMs >= sinceMs + windowMs ? mean(prices) : null) ?? reference
}

/** Whether a price is outside of the band as a command finds it. */
export function bandOf(market: Market): (price: bigint) => boolean {
  const { bandRate } = market.rules
  const middle = referencePrice(market)
  if (bandRate === null || middle === null) return () => false
  const width = multiply(middle, bandRate)
  return price => price < middle - width || price > middle + width
}

/** Half of the last decimal is rounded up. */
function mean(prices: readonly bigint[]): bigint | null {
  if (prices.length === 0) return null
  const count = BigInt(prices.length)
  const sum = prices.reduce((a, b) => a + b, 0n)
  return roundDown((2n * sum + count * referenceUnit) / (2n * count), referenceUnit)
}
