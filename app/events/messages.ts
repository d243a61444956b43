import { isZeroAmount, negated } from '../amounts.ts'
import type { EventRow } from '../rows.ts'

/** What the events of one symbol say to each topic. */

type Side = 'BUY' | 'SELL'

/** One change of a price level: what is added to its quantity and to its count of orders. */
export type BookChange = [
  seq: number,
  side: Side,
  price: string,
  quantityDelta: string,
  ordersDelta: number,
]

/**
 * A message of the trades or orders topic. `no` numbers the topic's messages within a symbol: an
 * order topic has up to two messages an event, so it counts in halves.
 */
export interface Message {
  readonly topic: 'trades' | 'orders'
  readonly no: number
  /** Whose order it is. */
  readonly clientId: string | undefined
  readonly name: 'trade' | 'order'
  readonly data: string
}

/** The number of the last message that an event can have in a topic. */
export function lastNo(topic: 'trades' | 'orders' | 'book', seq: number): number {
  return topic === 'orders' ? seq * 2 + 1 : seq
}

/** The last event that is told in full when a topic stands at a number. */
export function seqOf(topic: 'trades' | 'orders' | 'book', no: number): number {
  return topic === 'orders' ? Math.max(0, Math.floor((no - 1) / 2)) : no
}

/**
 * The changes of the book that an event makes. A snapshot and all changes with a higher seq give
 * the book of any later moment.
 */
export function bookChanges(event: EventRow): BookChange[] {
  const { kind, side, price, remaining, quantity, prior_price, prior_remaining } = event
  const seq = Number(event.seq)
  const added: BookChange[] =
    price === null || remaining === null ? [] : [[seq, side, price, remaining, 1]]
  const taken: BookChange[] =
    prior_price === null || prior_remaining === null
      ? []
      : [[seq, side, prior_price, negated(prior_remaining), -1]]
  switch (kind) {
    case 'OPENED':
      return added
    case 'CANCELLED':
      return taken
    case 'AMENDED':
      // One that lost its place goes on as a taker: the events behind this one tell the rest.
      return event.reason === 'KEPT' ? [...taken, ...added] : taken
    case 'TRADE': {
      if (price === null || quantity === null) return []
      const isMakerGone = isZeroAmount(event.maker_remaining ?? '0')
      return [[seq, opposite(side), price, negated(quantity), isMakerGone ? -1 : 0]]
    }
    default:
      return []
  }
}

/** The messages of an event, in the order of their numbers in each topic. */
export function messagesOf(event: EventRow): Message[] {
  const seq = Number(event.seq)
  const taken = orderMessage(event, seq * 2, event.order_id, event.client_id, takerFacts(event))
  if (event.kind !== 'TRADE') return [taken]
  const trade: Message = {
    topic: 'trades',
    no: seq,
    clientId: undefined,
    name: 'trade',
    data: JSON.stringify({
      symbol: event.symbol,
      seq,
      trade_id: event.trade_id,
      price: event.price,
      quantity: event.quantity,
      taker_side: event.side,
      maker_order_id: event.maker_order_id,
      taker_order_id: event.order_id,
      at: event.at,
    }),
  }
  const { maker_order_id, maker_client_id } = event
  if (maker_order_id === null || maker_client_id === null) return [trade, taken]
  const made = orderMessage(event, seq * 2 + 1, maker_order_id, maker_client_id, makerFacts(event))
  return [trade, taken, made]
}

function orderMessage(
  event: EventRow,
  no: number,
  orderId: string,
  clientId: string,
  facts: object,
): Message {
  const data = JSON.stringify({
    symbol: event.symbol,
    seq: Number(event.seq),
    kind: event.kind,
    order_id: orderId,
    client_id: clientId,
    price: event.price,
    quantity: event.quantity,
    ...facts,
    at: event.at,
  })
  return { topic: 'orders', no, clientId, name: 'order', data }
}

function takerFacts({ kind, side, remaining, trade_id, reason }: EventRow) {
  if (kind !== 'TRADE') return { side, remaining, reason }
  return { side, trade_id, liquidity: 'TAKER' }
}

function makerFacts({ side, maker_remaining, trade_id }: EventRow) {
  return { side: opposite(side), remaining: maker_remaining, trade_id, liquidity: 'MAKER' }
}

function opposite(side: Side): Side {
  return side === 'BUY' ? 'SELL' : 'BUY'
}
