import type { EventRow } from '../rows.ts'

/** What the events of one symbol say to each topic. */

/**
 * A message of the trades or orders topic. `no` numbers the topic's messages within a symbol: an
 * order topic has up to two messages an event, so it counts in halves.
 */
export interface Message {
  readonly topic: 'trades' | 'orders'
  readonly no: number
  /** Whose order it is. */
  readonly clientId: string | undefined
  readonly name: 'trade' | 'bust' | 'correction' | 'phase' | 'indicative' | 'uncrossed' | 'order'
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

/** The messages of an event, in the order of their numbers in each topic. */
export function messagesOf(event: EventRow): Message[] {
  const { order_id, client_id, maker_order_id, maker_client_id } = event
  if (order_id === null || client_id === null) return marketMessages(event)
  const seq = Number(event.seq)
  const taken = orderMessage(event, seq * 2, order_id, client_id, takerFacts(event))
  const first = [...tradeMessages(event), taken]
  if (maker_order_id === null || maker_client_id === null) return first
  const made = orderMessage(event, seq * 2 + 1, maker_order_id, maker_client_id, makerFacts(event))
  return [...first, made]
}

/** What is told of a trade to everybody: that it is, is busted, or takes the place of another. */
function tradeMessages(event: EventRow): Message[] {
  const { kind, trade_id, price, quantity, side, maker_order_id, order_id, reason } = event
  const orders = { maker_order_id, taker_order_id: order_id }
  const trade = { trade_id, price, quantity, taker_side: side, ...orders }
  if (kind === 'TRADE') return [publicMessage(event, 'trade', trade)]
  if (kind === 'BUST') return [publicMessage(event, 'bust', { ...trade, reason })]
  if (kind !== 'CORRECTED') return []
  return [publicMessage(event, 'correction', { ...trade, corrects: reason })]
}

/** What is said of the whole symbol goes to those who follow its trades. */
function marketMessages(event: EventRow): Message[] {
  const { kind, price, quantity, remaining, side, reason } = event
  if (kind === 'PHASE') {
    const { phase, phase_end_at: ends_at } = event
    return [publicMessage(event, 'phase', { phase, reason, ends_at })]
  }
  const found = { price, quantity, surplus: remaining, surplus_side: side }
  if (kind === 'INDICATIVE') return [publicMessage(event, 'indicative', found)]
  if (kind === 'UNCROSSED') return [publicMessage(event, 'uncrossed', found)]
  return []
}

function publicMessage(
  { symbol, seq, at }: EventRow,
  name: Message['name'],
  facts: object,
): Message {
  const data = JSON.stringify({ symbol, seq: Number(seq), ...facts, at })
  return { topic: 'trades', no: Number(seq), clientId: undefined, name, data }
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

function takerFacts(event: EventRow) {
  const { kind, side, remaining, trade_id, reason } = event
  if (kind === 'TRADE') return { side, trade_id, liquidity: 'TAKER' }
  return isAfterTrade(event)
    ? { side, liquidity: 'TAKER', ...undoneFacts(event) }
    : { side, remaining, reason }
}

function makerFacts(event: EventRow) {
  const { kind, side, quantity, maker_remaining, trade_id, reason } = event
  const makerSide = side === 'BUY' ? 'SELL' : 'BUY'
  if (isAfterTrade(event)) return { side: makerSide, liquidity: 'MAKER', ...undoneFacts(event) }
  const facts = { side: makerSide, remaining: maker_remaining }
  if (kind === 'TRADE') return { ...facts, trade_id, liquidity: 'MAKER' }
  // What is prevented is said for the taker: of a maker that is cancelled it is all that it had.
  return { quantity: reason === 'DECREMENT' ? quantity : null, ...facts, reason }
}

/** A bust or a correction: about a trade of the order, and nothing of the order changes. */
function isAfterTrade({ kind }: EventRow): boolean {
  return kind === 'BUST' || kind === 'CORRECTED'
}

function undoneFacts({ kind, trade_id, reason }: EventRow) {
  return kind === 'BUST' ? { trade_id, reason } : { trade_id, corrects: reason }
}
