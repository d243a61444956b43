import { least, roundDown } from './amounts.ts'
import type { Order } from './market.ts'

/** An order in an auction; without a price it takes any. */
export type Bidder = Pick<Order, 'bookPrice' | 'remaining'>

export interface Uncrossing {
  readonly price: bigint
  readonly volume: bigint
  /** What more is wanted than offered at that price; negative: more is offered. */
  readonly surplus: bigint
}

/**
 * The price at which the book uncrosses, by trying each tick from the lowest price in it to the
 * highest: the largest volume, then the smallest surplus, then the pressure of the market, then the
 * nearest to the reference. None when nothing would trade.
 */
export function findUncrossing(
  bids: readonly Bidder[],
  asks: readonly Bidder[],
  { tick, reference }: { tick: bigint; reference: bigint | null },
): Uncrossing | null {
  const candidates = ticksBetween([...bids, ...asks], tick, reference).map(price =>
    look(bids, asks, price),
  )
  const volume = largest(candidates.map(candidate => candidate.volume))
  if (volume === 0n) return null
  const fullest = candidates.filter(candidate => candidate.volume === volume)
  const surplus = smallest(fullest.map(candidate => size(candidate.surplus)))
  const evenest = fullest.filter(candidate => size(candidate.surplus) === surplus)
  if (evenest.every(candidate => candidate.surplus > 0n)) return evenest.at(-1) ?? null
  if (evenest.every(candidate => candidate.surplus < 0n)) return evenest[0] ?? null
  const goal = nearestTick(reference ?? middleOf(bids, asks), tick)
  const distance = smallest(evenest.map(({ price }) => size(price - goal)))
  return evenest.find(({ price }) => size(price - goal) === distance) ?? null
}

/** The middle between the best bid and the best ask. */
function middleOf(bids: readonly Bidder[], asks: readonly Bidder[]): bigint {
  const pricesOf = (all: readonly Bidder[]) =>
    all.flatMap(({ bookPrice }) => (bookPrice === null ? [] : [bookPrice]))
  return (largest(pricesOf(bids)) + smallest(pricesOf(asks))) / 2n
}

/** Half a tick is rounded up. */
function nearestTick(price: bigint, tick: bigint): bigint {
  return roundDown(price + tick / 2n, tick)
}

function look(bids: readonly Bidder[], asks: readonly Bidder[], price: bigint): Uncrossing {
  const wanted = sum(bids.filter(({ bookPrice }) => bookPrice === null || bookPrice >= price))
  const offered = sum(asks.filter(({ bookPrice }) => bookPrice === null || bookPrice <= price))
  return { price, volume: least(wanted, offered), surplus: wanted - offered }
}

function ticksBetween(all: readonly Bidder[], tick: bigint, reference: bigint | null): bigint[] {
  const prices = all.flatMap(({ bookPrice }) => (bookPrice === null ? [] : [bookPrice]))
  if (reference !== null) prices.push(reference)
  if (prices.length === 0) return []
  const ticks: bigint[] = []
  for (let price = smallest(prices); price <= largest(prices); price += tick) ticks.push(price)
  return ticks
}

function sum(all: readonly Bidder[]): bigint {
  return all.reduce((total, { remaining }) => total + remaining, 0n)
}

function size(value: bigint): bigint {
  return value < 0n ? -value : value
}

function largest(values: readonly bigint[]): bigint {
  return values.reduce((a, b) => (a > b ? a : b), 0n)
}

function smallest(values: readonly bigint[]): bigint {
  return values.reduce((a, b) => (a < b ? a : b), values[0] ?? 0n)
}
