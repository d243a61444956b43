import { printUnits, toUnits } from '../replay/decimals.ts'
import type { Answer } from './commands.ts'
import { type Answered, isLive, type Market, type Order } from './market.ts'
import { spokenFor } from './money.ts'

/** All that is compared of a market, in lines that a person can read. */
export interface Picture {
  state: string
  orders: Record<string, string>
  bids: string[]
  asks: string[]
  /** Those that wait, with the level that fires them. */
  waiting: string[]
  trades: string[]
  funds: Record<string, string>
}

/** What of an order is told by a row of the database and by an order of the model. */
export interface OrderLine {
  type: string
  side: string
  time: string
  status: string
  pending: string | null
  end: string | null
  refusal: string | null
  price: string | null
  quantity: string
  filled: string
  prevented: string
  remaining: string
  cancelled: string
  notional: string
  fee: string
}

/** What the database keeps apart by now: what it does not, is not compared. */
export interface Columns {
  prevented: boolean
}

export function pictureOf(market: Market, columns: Columns): Picture {
  const queue = (orders: readonly Order[]) => orders.map(printResting)
  return {
    state: printState(market.status, market.phase, market.lastPrice),
    orders: Object.fromEntries(
      market.orders.map(order => [nameOf(order.no), printOrder(lineOf(order), columns)]),
    ),
    bids: queue(market.book.BUY),
    asks: queue(market.book.SELL),
    waiting: market.orders
      .filter(order => isLive(order) && order.pendingReason !== null)
      .map(({ no, pendingReason, trigger }) =>
        printWaiting(
          nameOf(no),
          pendingReason,
          pendingReason === 'TRIGGER' ? (trigger?.level ?? null) : null,
        ),
      ),
    trades: market.trades.map(({ maker, taker, price, quantity, makerFee, takerFee }) =>
      printTrade(nameOf(maker), nameOf(taker), [price, quantity, makerFee, takerFee]),
    ),
    funds: withoutEmpty([...market.traders.keys()].map(name => [name, fundsOf(market, name)])),
  }
}

/** What an answer tells, in one line. */
export function printAnswer({ errorCode, order }: Answer, columns: Columns): string {
  return order === null
    ? (errorCode ?? 'nothing')
    : printAnswered(errorCode, nameOf(order.no), lineOf(order), fillsOf(order), columns)
}

export function printAnswered(
  errorCode: string | null,
  name: string,
  line: OrderLine,
  fills: readonly string[],
  columns: Columns,
): string {
  // An answer has no cancelled quantity and no notional.
  const { prevented, cancelled: _, notional: __, ...told } = line
  const words = [errorCode, name, ...Object.values(told), columns.prevented && prevented, ...fills]
  return words.filter(word => word !== null && word !== false).join(' ')
}

export function printFill(price: string, quantity: string, fee: string, liquidity: string): string {
  return `[${quantity}@${price} fee ${fee} ${liquidity}]`
}

export function printOrder(line: OrderLine, columns: Columns): string {
  const { prevented, cancelled, ...others } = line
  const gone = columns.prevented
    ? { prevented, cancelled }
    : { cancelled: printUnits(toUnits(prevented) + toUnits(cancelled)) }
  return Object.entries({ ...others, ...gone })
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
}

export function printTrade(maker: string, taker: string, figures: readonly bigint[]): string {
  const [price, quantity, makerFee, takerFee] = figures.map(printUnits)
  return `${maker} ${taker} ${quantity}@${price} fees ${makerFee} ${takerFee}`
}

export function printWaiting(name: string, reason: string | null, level: bigint | null): string {
  return `${name} ${reason} ${level === null ? '' : printUnits(level)}`.trim()
}

export function printState(status: string, phase: string, lastPrice: bigint | null): string {
  return `${status} ${phase} ${lastPrice === null ? 'no price' : printUnits(lastPrice)}`
}

export function printQueued(
  name: string,
  price: bigint | null,
  remaining: bigint,
  visible: bigint,
): string {
  const shown = visible === remaining ? '' : ` of which ${printUnits(visible)} is shown`
  return `${name} ${printUnits(remaining)}@${price === null ? 'any' : printUnits(price)}${shown}`
}

export function printFunds(base: readonly bigint[], quote: readonly bigint[]): string {
  return `${base.map(printUnits).join(' ')}, ${quote.map(printUnits).join(' ')}`
}

/** Whoever has nothing spoken for is not told. */
export function withoutEmpty(funds: readonly [name: string, words: string][]) {
  return Object.fromEntries(funds.filter(([, words]) => /[1-9]/.test(words)))
}

function nameOf(no: number): string {
  return `#${no}`
}

function printResting({ no, bookPrice, remaining, visible }: Order): string {
  return printQueued(nameOf(no), bookPrice, remaining, visible)
}

function fundsOf(market: Market, name: string): string {
  const { base, quote } = spokenFor(market, name)
  return printFunds(Object.values(base), Object.values(quote))
}

function fillsOf({ fills }: Answered): string[] {
  return fills.map(({ price, quantity, fee, liquidity }) =>
    printFill(printUnits(price), printUnits(quantity), printUnits(fee), liquidity),
  )
}

function lineOf(order: Answered): OrderLine {
  return {
    type: order.type,
    side: order.side,
    time: order.timeInForce,
    status: order.status,
    pending: order.pendingReason,
    end: order.endReason,
    refusal: order.refusal,
    price: order.price === null ? null : printUnits(order.price),
    quantity: printUnits(order.quantity),
    filled: printUnits(order.filled),
    prevented: printUnits(order.prevented),
    remaining: printUnits(order.remaining),
    cancelled: printUnits(order.cancelled),
    notional: printUnits(order.notional),
    fee: printUnits(order.fee),
  }
}
