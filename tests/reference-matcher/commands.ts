import { toUnits } from '../replay/decimals.ts'
import { isInClose } from './calls.ts'
import {
  type Answered,
  isLive,
  type Market,
  type Order,
  type OrderType,
  type Refusal,
  type Side,
  type StpMode,
  type TimeInForce,
} from './market.ts'
import { holdRateOf } from './money.ts'

/** Commands as api.execute_commands takes them: amounts are decimal strings. */
export type Command = PlaceCommand | CancelCommand | AmendCommand

export interface PlaceCommand {
  op: 'PLACE'
  client_id: string
  side: Side
  type: OrderType
  time_in_force: TimeInForce
  price?: string | undefined
  quantity?: string | undefined
  quote_quantity?: string | undefined
  client_order_id?: string | undefined
  stop_price?: string | undefined
  trigger_immediately?: boolean | undefined
  trailing_offset?: string | undefined
  trailing_bips?: number | undefined
  activation_price?: string | undefined
  limit_offset?: string | undefined
  post_only?: boolean | undefined
  slide?: boolean | undefined
  display_quantity?: string | undefined
  expire_at?: string | undefined
  stp?: StpMode | undefined
  deadline?: string | undefined
  is_async?: boolean | undefined
  list_no?: number | undefined
  list_role?: 'OCO' | 'ENTRY' | 'EXIT' | undefined
  list_is_partial?: boolean | undefined
}

/** An order is named by its owner's key, or by its number here, which stands for its id. */
export interface Named {
  client_id?: string | undefined
  client_order_id?: string | undefined
  order_no?: number | undefined
  deadline?: string | undefined
}

export interface CancelCommand extends Named {
  op: 'CANCEL'
  only_if?: 'NEW' | undefined
}

export interface AmendCommand extends Named {
  op: 'AMEND'
  price?: string | undefined
  quantity?: string | undefined
  expire_at?: string | undefined
  time_in_force?: 'GTC' | 'GTD' | undefined
}

/** What came of a command: null is no error. */
export interface Answer {
  errorCode: Refusal | null
  order: Answered | null
}

export function amount(text: string | undefined): bigint | null {
  return text === undefined ? null : toUnits(text)
}

export function time(text: string | undefined): number | null {
  return text === undefined ? null : Date.parse(text)
}

/** The order that a command names, if it is of whoever asks. */
export function findNamed(market: Market, { client_id, client_order_id, order_no }: Named) {
  const order =
    order_no === undefined
      ? market.keys.get(keyOf(client_id ?? '', client_order_id ?? ''))?.order
      : market.orders[order_no]
  return client_id === undefined || order?.owner === client_id ? order : undefined
}

export function keyOf(owner: string, key: string): string {
  return `${owner} ${key}`
}

/** What a repeat of a key must ask for again; whether at once or later is no part of it. */
export function bodyOf(command: PlaceCommand): string {
  return JSON.stringify({ ...command, is_async: undefined })
}

/** An order as a command asks for it: nothing has come of it yet. */
export function readOrder(market: Market, command: PlaceCommand): Order {
  const quantity = amount(command.quantity) ?? 0n
  const price = amount(command.price)
  return {
    no: market.orders.length,
    owner: command.client_id,
    side: command.side,
    type: command.type,
    key: command.client_order_id ?? null,
    timeInForce: command.time_in_force,
    price,
    bookPrice: price,
    quoteQuantity: amount(command.quote_quantity),
    quantity,
    filled: 0n,
    prevented: 0n,
    remaining: quantity,
    cancelled: 0n,
    notional: 0n,
    holdRate: holdRateOf(market, command.client_id),
    feeExact: 0n,
    fee: 0n,
    status: 'PENDING',
    pendingReason: null,
    endReason: null,
    refusal: null,
    stp: command.stp ?? market.rules.defaultStp,
    postOnly: command.post_only ?? false,
    slide: command.slide ?? false,
    display: amount(command.display_quantity),
    visible: 0n,
    expireAtMs: command.time_in_force === 'DAY' ? endOfDay(market) : time(command.expire_at),
    trigger: null,
    place: 0,
    list: null,
    fills: [],
    first: null,
  }
}

/** Without a calendar a session is a day of UTC, or ends with the call that closes it. */
function endOfDay(market: Market): number {
  const { nowMs, phaseEnd } = market
  const dayMs = 24 * 60 * 60 * 1000
  const midnightMs = (Math.floor(nowMs / dayMs) + 1) * dayMs
  const closeMs = isInClose(market) ? (phaseEnd?.atMs ?? nowMs) : nowMs
  return closeMs > nowMs ? Math.min(closeMs, midnightMs) : midnightMs
}

/** What an answer tells of an order now: a copy, which does not change any more. */
export function answered({ first: _, list: __, trigger: ___, ...order }: Order): Answered {
  return structuredClone(order)
}

/** Why a command on an order that has ended is refused. */
export function refuseEnded(order: Order, op: 'CANCEL' | 'AMEND'): Refusal | null {
  if (isLive(order)) return null
  if (order.status === 'FILLED') return 'ORDER_FILLED'
  return order.status === 'CANCELLED' && op === 'CANCEL' ? 'ALREADY_CANCELLED' : 'ORDER_NOT_OPEN'
}
