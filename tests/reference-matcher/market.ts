import type { CallRules } from './calls.ts'
import type { Refusal } from './refusals.ts'

export type { Refusal } from './refusals.ts'

/**
 * What a market is to the reference matcher: plain objects that structuredClone can copy, so that
 * "what would happen if" is done on a copy. Amounts are whole numbers of 10^-18, as in
 * ../replay/decimals.ts; times are milliseconds.
 */
export interface Market {
  readonly rules: Rules
  readonly traders: ReadonlyMap<string, Trader>
  /** What somebody is charged from a time on, in their order; others by the rules. */
  readonly fees: Fees[]
  status: Status
  phase: Phase
  /** When the phase ends by itself, and what follows; null: when an operator says so. */
  phaseEnd: PhaseEnd | null
  /** How often this call has gone on already. */
  extensions: number
  /** A price outside the band was reached: a call begins before anything follows. */
  isInterrupted: boolean
  nowMs: number
  /** Counts what happens: a later place in a queue is a larger number. */
  clock: number
  lastPrice: bigint | null
  /** By their numbers, which are their places here. */
  readonly orders: Order[]
  /** The resting orders of each side, the next to trade first. */
  readonly book: Record<Side, Order[]>
  readonly trades: Trade[]
  /** How many of the trades have been shown to the stop orders. */
  watchedTrades: number
  /** Stop orders whose price has come, in the order in which they become orders. */
  readonly fired: Order[]
  /** What stands under a client's key. */
  readonly keys: Map<string, Keyed>
  /** Where the rules say nothing yet: a comparison may end here. */
  readonly notes: Set<string>
}

export interface Rates {
  readonly makerRate: bigint
  readonly takerRate: bigint
}

export interface Fees extends Rates {
  readonly owner: string
  readonly atMs: number
}

export interface PhaseEnd {
  readonly atMs: number
  readonly next: Phase
}

export interface Rules extends CallRules {
  tick: bigint
  lot: bigint
  /** The smallest amount of the quote asset. */
  quoteUnit: bigint
  minQuantity: bigint
  maxQuantity: bigint | null
  minNotional: bigint
  maxNotional: bigint | null
  protectionRate: bigint
  protectionTicks: number
  protectionRests: boolean
  makerRate: bigint
  takerRate: bigint
  defaultStp: StpMode
  allowedStps: readonly StpMode[]
  collarRate: bigint | null
  maxIcebergParts: number
  minTrailingBips: number
  maxTrailingBips: number
  acceptWhenClosed: boolean
}

export interface Trader {
  readonly name: string
  readonly group: string | null
  /** What was posted to its accounts. */
  readonly base: bigint
  readonly quote: bigint
}

export interface Order {
  readonly no: number
  readonly owner: string
  readonly side: Side
  readonly type: OrderType
  readonly key: string | null
  timeInForce: TimeInForce
  /** Its limit; null for a market order. */
  price: bigint | null
  /** Where it stands in the book, or the worst it may pay while it waits: what a buy is held at. */
  bookPrice: bigint | null
  quoteQuantity: bigint | null
  quantity: bigint
  filled: bigint
  prevented: bigint
  remaining: bigint
  cancelled: bigint
  notional: bigint
  /** What a buy holds for, and is charged at most: the higher rate when it was accepted. */
  readonly holdRate: bigint
  feeExact: bigint
  fee: bigint
  status: OrderStatus
  pendingReason: PendingReason | null
  endReason: EndReason | null
  refusal: Refusal | null
  readonly stp: StpMode
  postOnly: boolean
  readonly slide: boolean
  readonly display: bigint | null
  /** What of an iceberg is shown; all that remains, of any other. */
  visible: bigint
  expireAtMs: number | null
  trigger: Trigger | null
  /** When it took its place in the book, or was accepted while it waits. */
  place: number
  list: OrderList | null
  readonly fills: Fill[]
  /** As it was right after the command that placed it. */
  first: Answered | null
}

/** What of an order an answer tells and a later repeat tells again. */
export type Answered = Omit<Order, 'first' | 'list' | 'trigger'>

/** The price that an order waits for. */
export interface Trigger {
  /** Fires at the level or above; else at the level or below. */
  readonly isUp: boolean
  /** Not rounded; null while a trailing stop follows no price yet. */
  level: bigint | null
  readonly trailing: Trailing | null
}

export interface Trailing {
  readonly offset: bigint | null
  readonly bips: number | null
  readonly limitOffset: bigint | null
  activation: { price: bigint; isUp: boolean } | null
  /** The best price since it follows: the highest for a sell, the lowest for a buy. */
  watermark: bigint | null
}

/** Orders that one call linked: one cancels the other (OCO), or one waits for the other. */
export interface OrderList {
  readonly legs: Order[]
  /** Whose fills bring the others to life. */
  entry: Order | null
  /** Whether a part of the entry does so already. */
  isPartial: boolean
  /** What of the entry its exits were asked about, and those that are asked still. */
  seen: string
  asked: Order[]
  /** When they were asked, in turns. */
  askedAt: number
  /** What there was when it did not do for the exits; null: they wait for no funds. */
  fundsTried: bigint | 'none' | null
}

export function createList(): OrderList {
  return {
    legs: [],
    entry: null,
    isPartial: false,
    seen: '',
    asked: [],
    askedAt: 0,
    fundsTried: null,
  }
}

export interface Fill {
  readonly price: bigint
  readonly quantity: bigint
  readonly fee: bigint
  readonly liquidity: 'TAKER' | 'MAKER'
}

export interface Trade {
  readonly maker: number
  readonly taker: number
  readonly price: bigint
  readonly quantity: bigint
  readonly makerFee: bigint
  readonly takerFee: bigint
  readonly atMs: number
  readonly isAuction: boolean
}

export interface Keyed {
  readonly order: Order
  readonly body: string
}

export type Side = 'BUY' | 'SELL'
export type Status = 'ACTIVE' | 'HALTED' | 'MAINTENANCE' | 'DELISTED'
export type Phase = 'PRE_OPEN' | 'CALL' | 'CONTINUOUS' | 'CLOSED'
export type OrderType =
  | 'MARKET'
  | 'LIMIT'
  | 'STOP'
  | 'STOP_LIMIT'
  | 'TAKE_PROFIT'
  | 'TAKE_PROFIT_LIMIT'
  | 'TRAILING_STOP'
export type TimeInForce = 'GTC' | 'GTD' | 'DAY' | 'IOC' | 'FOK' | 'OPG' | 'CLS' | 'GFA' | 'GTX'
export type StpMode = 'NONE' | 'CANCEL_TAKER' | 'CANCEL_MAKER' | 'CANCEL_BOTH' | 'DECREMENT'
export type OrderStatus =
  | 'PENDING'
  | 'OPEN'
  | 'PARTIALLY_FILLED'
  | 'FILLED'
  | 'CANCELLED'
  | 'REJECTED'
  | 'EXPIRED'
export type PendingReason = 'MATCH' | 'TRIGGER' | 'PARENT'
export type EndReason =
  | 'USER'
  | 'UNFILLED_IOC'
  | 'UNFILLED_FOK'
  | 'INSUFFICIENT_LIQUIDITY'
  | 'PROTECTION'
  | 'STP_TAKER'
  | 'STP_MAKER'
  | 'STP_DECREMENT'
  | 'GTD'
  | 'DAY'
  | 'AUCTION_ONLY'
  | 'EXECUTION_RULE_PRICE_RANGE_EXCEEDED'
  | 'OCO_TRIGGER'
  | 'OTO_PHASE_ONE_EXPIRED'
  | 'DELISTED'

export function createMarket(rules: Rules, traders: readonly Trader[], nowMs: number): Market {
  return {
    rules,
    traders: new Map(traders.map(trader => [trader.name, trader])),
    fees: [],
    status: 'ACTIVE',
    phase: 'CONTINUOUS',
    phaseEnd: null,
    extensions: 0,
    isInterrupted: false,
    nowMs,
    clock: 0,
    lastPrice: null,
    orders: [],
    book: { BUY: [], SELL: [] },
    trades: [],
    watchedTrades: 0,
    fired: [],
    keys: new Map(),
    notes: new Set(),
  }
}

export function otherSide(side: Side): Side {
  return side === 'BUY' ? 'SELL' : 'BUY'
}

export function isLive({ status }: Order): boolean {
  return status === 'OPEN' || status === 'PARTIALLY_FILLED' || status === 'PENDING'
}

/** A market order, or a stop order that becomes one. */
export function isMarket(order: Order): boolean {
  return order.price === null
}
