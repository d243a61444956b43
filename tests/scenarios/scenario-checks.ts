import { compareLevels, compareTrades } from '../replay/comparisons.ts'
import { printUnits, toUnits } from '../replay/decimals.ts'
import type { Expectation, ScenarioTrade, Side } from './scenario.ts'
import {
  type CommandOutcome,
  levelsOf,
  type OrderState,
  type RestingOrder,
  type ScenarioMarket,
} from './scenario-market.ts'

type Book = Record<Side, RestingOrder[]>

/** What the market shows after a step, and what the step came to. */
export interface Seen {
  readonly outcome: CommandOutcome | undefined
  /** Of this step, and of all until here. */
  readonly trades: readonly ScenarioTrade[]
  readonly tradesSoFar: readonly ScenarioTrade[]
  readonly orders: ReadonlyMap<string, OrderState>
  readonly book: Book
}

export async function look(
  market: ScenarioMarket,
  outcome: CommandOutcome | undefined,
  tradesBefore: number,
): Promise<Seen> {
  const tradesSoFar = await market.trades()
  return {
    outcome,
    trades: tradesSoFar.slice(tradesBefore),
    tradesSoFar,
    orders: await market.orders(),
    book: await market.book(),
  }
}

/** What differs from what a step states, in words. */
export function compare(expected: Expectation, seen: Seen): string[] {
  const { outcome, book } = seen
  const found: string[] = []
  if (expected.accepted !== undefined) {
    const accepted = outcome?.error_state === null
    found.push(...same('accepted', accepted, expected.accepted))
  }
  if (expected.trades) found.push(...compareAllTrades(expected.trades, seen.trades))
  if (expected.trades_so_far) {
    found.push(...compareAllTrades(expected.trades_so_far, seen.tradesSoFar))
  }
  for (const [id, state] of Object.entries(expected.orders ?? {})) {
    found.push(...compareOrder(id, state, seen.orders.get(id)))
  }
  if (expected.book) found.push(...compareBooks(expected.book, book))
  if (expected.top) {
    const { bid, ask } = expected.top
    found.push(...compareLevels('top bid', levelsOf(book.BUY).slice(0, 1), bid ? [bid] : []))
    found.push(...compareLevels('top ask', levelsOf(book.SELL).slice(0, 1), ask ? [ask] : []))
  }
  if (expected.best) found.push(...same('best', bestOf(book), expected.best))
  if (expected.queue) {
    const queue = { bids: book.BUY.map(order => order.id), asks: book.SELL.map(order => order.id) }
    found.push(...same('queue', queue, expected.queue))
  }
  if (expected.order_counts) {
    const counts = { bids: book.BUY.length, asks: book.SELL.length }
    found.push(...same('order counts', counts, expected.order_counts))
  }
  return found
}

export function compareAllTrades(
  stated: readonly ScenarioTrade[],
  told: readonly ScenarioTrade[],
): string[] {
  return compareTrades({ op: 'cancel', id: '', expect: { trades: [...stated] } }, told)
}

export function compareBooks(stated: NonNullable<Expectation['book']>, book: Book): string[] {
  return [
    ...compareLevels('bids', levelsOf(book.BUY), stated.bids),
    ...compareLevels('asks', levelsOf(book.SELL), stated.asks),
  ]
}

/** An order that took what it could and does not rest: the figures call that cancelled. */
const statusesOf = {
  open: ['OPEN', 'PARTIALLY_FILLED'],
  filled: ['FILLED'],
  cancelled: ['CANCELLED', 'EXPIRED'],
  rejected: ['REJECTED'],
} as const

/** The remainder that is stated of an ended order is what was cancelled of it. */
function compareOrder(
  id: string,
  stated: { state: keyof typeof statusesOf; remaining: string },
  order: OrderState | undefined,
): string[] {
  if (!order) return [`order ${id} is not there`]
  const isOpen = stated.state === 'open'
  const remaining = isOpen ? order.remaining_quantity : order.cancelled_quantity
  const isStated = statusesOf[stated.state].some(status => status === order.status)
  return [
    ...same(`state of ${id} (${order.status})`, isStated, true),
    ...same(`remainder of ${id}`, remaining, stated.remaining),
    ...(isOpen ? [] : same(`left in the book of ${id}`, order.remaining_quantity, '0')),
  ]
}

function bestOf(book: Book) {
  const bid = book.BUY[0]?.price ?? null
  const ask = book.SELL[0]?.price ?? null
  const spread = bid === null || ask === null ? null : printUnits(toUnits(ask) - toUnits(bid))
  return { bid, ask, spread }
}

function same(what: string, is: unknown, stated: unknown): string[] {
  const [one, other] = [normalise(is), normalise(stated)]
  return one === other ? [] : [`${what}: is ${one}, stated is ${other}`]
}

function normalise(value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return JSON.stringify(value)
  }
  return JSON.stringify(Object.fromEntries(Object.entries(value).sort()))
}
