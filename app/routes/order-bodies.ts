import { z } from 'zod'
import type { Command, OrderName, PlaceCommand } from '../calls.ts'
import { Problem } from '../errors.ts'
import { amount, code, key, parse, symbolCode, word } from './fields.ts'

/** The bodies of orders: the one schema of each, and what it means as a command. */

const orderFields = {
  client_id: code,
  symbol: symbolCode.nullish(),
  instrument: symbolCode.nullish().describe('another word for symbol'),
  side: word('BUY', 'SELL'),
  type: word('LIMIT', 'MARKET'),
  price: amount().nullish().describe('of a LIMIT order'),
  quantity: amount(),
  time_in_force: word('GTC', 'IOC', 'FOK')
    .nullish()
    .describe('GTC when missing on a LIMIT order; a MARKET order is IOC or FOK'),
  client_order_id: key.nullish(),
  idempotency_key: key.nullish().describe('a repeat of the key answers with the first answer'),
}

export const orderBody = z.strictObject(orderFields).meta({ id: 'OrderRequest' })

export const amendBody = z
  .strictObject({ price: amount().nullish(), quantity: amount().nullish() })
  .meta({ id: 'AmendRequest' })

const nameFields = {
  symbol: symbolCode.nullish(),
  instrument: symbolCode.nullish(),
  order_id: z.string().nullish(),
  client_id: code.nullish(),
  client_order_id: key.nullish(),
}

const placeEntry = z
  .strictObject({ op: word('PLACE').optional(), ...orderFields })
  .meta({ id: 'PlaceEntry' })

const cancelEntry = z
  .strictObject({ op: word('CANCEL'), ...nameFields })
  .meta({ id: 'CancelEntry' })

const amendEntry = z
  .strictObject({ op: word('AMEND'), ...nameFields, ...amendBody.shape })
  .meta({ id: 'AmendEntry' })

const batchFields = {
  mode: word('EACH', 'ATOMIC').default('EACH'),
  orders: z
    .array(z.unknown(), 'is not a list of orders')
    .min(1, 'is empty')
    .max(1000, 'has more than 1000 entries'),
}

/** Entries are parsed one by one, so that one that is wrong does not refuse its neighbours. */
export const batchBody = z.strictObject(batchFields)

/** The same body as the document shows it, entries and all. */
export const batchDocument = z
  .strictObject({
    ...batchFields,
    orders: z
      .array(z.union([placeEntry, cancelEntry, amendEntry]))
      .min(1)
      .max(1000),
  })
  .meta({ id: 'BatchRequest' })

/** A command and the symbol whose queue it goes to. */
export interface Addressed<Some extends Command> {
  symbol: string
  command: Some
}

export function toPlace(body: z.output<typeof orderBody>): Addressed<PlaceCommand> {
  const isMarket = body.type === 'MARKET'
  const timeInForce = body.time_in_force ?? (isMarket ? 'IOC' : 'GTC')
  const price = body.price ?? null
  if (!isMarket && price === null) throw wrong('MISSING_FIELD', 'price', 'is missing')
  if (isMarket && price !== null) throw wrong('INVALID_FIELD', 'price', 'is not for a MARKET order')
  if (isMarket && timeInForce === 'GTC') {
    throw wrong('INVALID_FIELD', 'time_in_force', 'of a MARKET order is IOC or FOK')
  }
  return {
    symbol: symbolOf(body),
    command: {
      op: 'PLACE',
      client_id: body.client_id,
      side: body.side,
      type: body.type,
      time_in_force: timeInForce,
      price,
      quantity: body.quantity,
      client_order_id: body.client_order_id ?? null,
      idempotency_key: body.idempotency_key ?? null,
    },
  }
}

/** An entry of a batch, by its `op`: place when missing. */
export function toCommand(entry: unknown): Addressed<Command> {
  const op = opOf(entry)
  if (op === 'CANCEL') {
    const body = parse(cancelEntry, entry)
    return { symbol: symbolOf(body), command: { op: 'CANCEL', ...nameOf(body) } }
  }
  if (op === 'AMEND') {
    const body = parse(amendEntry, entry)
    const changes = toChanges(body)
    return { symbol: symbolOf(body), command: { op: 'AMEND', ...nameOf(body), ...changes } }
  }
  return toPlace(parse(placeEntry, entry))
}

/** What an amendment changes: something, at least. */
export function toChanges(body: z.output<typeof amendBody>) {
  const price = body.price ?? null
  const quantity = body.quantity ?? null
  if (price === null && quantity === null) {
    throw new Problem(400, 'MISSING_FIELD', 'neither price nor quantity is given')
  }
  return { price, quantity }
}

/** Whether a text can be an id at all: one that cannot is as unknown as one never given. */
export function isId(text: string): boolean {
  return /^[1-9]\d{0,18}$/.test(text) && BigInt(text) <= 9_223_372_036_854_775_807n
}

function nameOf(body: {
  order_id?: string | null | undefined
  client_id?: string | null | undefined
  client_order_id?: string | null | undefined
}): OrderName {
  if (typeof body.order_id === 'string') {
    if (isId(body.order_id)) return { order_id: body.order_id }
    throw new Problem(404, 'UNKNOWN_ORDER', 'there is no such order', { field: 'order_id' })
  }
  const { client_id, client_order_id } = body
  if (typeof client_id === 'string' && typeof client_order_id === 'string') {
    return { client_id, client_order_id }
  }
  throw wrong('MISSING_FIELD', 'order_id', 'is missing, and so is client_id with client_order_id')
}

function symbolOf(body: {
  symbol?: string | null | undefined
  instrument?: string | null | undefined
}): string {
  const symbol = body.symbol ?? body.instrument
  if (typeof symbol !== 'string') throw wrong('MISSING_FIELD', 'symbol', 'is missing')
  if (typeof body.instrument === 'string' && body.instrument !== symbol) {
    throw wrong('INVALID_FIELD', 'instrument', 'is another one than symbol')
  }
  return symbol
}

function opOf(entry: unknown): string | undefined {
  if (typeof entry !== 'object' || entry === null || !('op' in entry)) return undefined
  return typeof entry.op === 'string' ? entry.op.toUpperCase() : undefined
}

function wrong(code: string, field: string, rule: string): Problem {
  return new Problem(400, code, `${field} ${rule}`, { field })
}
