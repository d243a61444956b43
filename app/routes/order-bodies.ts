import type { z } from 'zod'
import type { AmendCommand, Command, OrderName, OrderOptions, PlaceCommand } from '../commands.ts'
import { Problem, toProblem } from '../errors.ts'
import { parse } from './fields.ts'
import {
  type amendBody,
  amendEntry,
  cancelEntry,
  type orderBody,
  placeEntry,
} from './order-fields.ts'
import { checkShape, defaultTimeInForce } from './order-shapes.ts'

/** What the bodies of orders mean as commands. */

/** A command and the symbol whose queue it goes to. */
export interface Addressed<Some extends Command> {
  symbol: string
  command: Some
}

type Body = z.output<typeof orderBody>

export function toPlace(body: Body): Addressed<PlaceCommand> {
  checkShape(body)
  return {
    symbol: symbolOf(body),
    command: {
      op: 'PLACE',
      client_id: body.client_id,
      side: body.side,
      type: body.type,
      time_in_force: body.time_in_force ?? defaultTimeInForce(body),
      price: body.price ?? null,
      quantity: body.quantity ?? null,
      client_order_id: body.client_order_id ?? null,
      idempotency_key: body.idempotency_key ?? null,
      ...optionsOf(body),
    },
  }
}

function optionsOf(body: Body): OrderOptions {
  return {
    quote_quantity: body.quote_quantity ?? undefined,
    stop_price: body.stop_price ?? undefined,
    trigger_immediately: body.trigger_immediately || undefined,
    trigger_source: body.trigger_source ?? undefined,
    trailing_offset: body.trailing_offset ?? undefined,
    trailing_bips: body.trailing_bips ?? undefined,
    activation_price: body.activation_price ?? undefined,
    limit_offset: body.limit_offset ?? undefined,
    post_only: body.post_only || undefined,
    slide: body.slide || undefined,
    display_quantity: body.display_quantity ?? undefined,
    expire_at: body.expire_at ?? undefined,
    stp: body.stp ?? undefined,
    deadline: body.deadline ?? undefined,
  }
}

/** An entry of a batch, by its `op`: place when missing. */
export function toCommand(entry: unknown): Addressed<Command> {
  const op = opOf(entry)
  if (op === 'CANCEL') {
    const body = parse(cancelEntry, entry)
    const only_if = body.only_if ?? undefined
    const deadline = body.deadline ?? undefined
    return {
      symbol: symbolOf(body),
      command: { op: 'CANCEL', ...nameOf(body), only_if, deadline },
    }
  }
  if (op === 'AMEND') {
    const body = parse(amendEntry, entry)
    const changes = toChanges(body)
    return { symbol: symbolOf(body), command: { op: 'AMEND', ...nameOf(body), ...changes } }
  }
  return toPlace(parse(placeEntry, entry))
}

type Changes = Omit<AmendCommand, 'op' | keyof OrderName>

/** What an amendment changes: something, at least. */
export function toChanges(body: z.output<typeof amendBody>): Changes {
  const price = body.price ?? null
  const quantity = body.quantity ?? null
  const expire_at = body.expire_at ?? undefined
  const time_in_force = body.time_in_force ?? (expire_at === undefined ? undefined : 'GTD')
  if (price === null && quantity === null && time_in_force === undefined) {
    throw new Problem(400, 'MISSING_FIELD', 'nothing to change is given')
  }
  if (time_in_force === 'GTD' && expire_at === undefined) {
    throw wrong('MISSING_FIELD', 'expire_at', 'is missing')
  }
  if (time_in_force === 'GTC' && expire_at !== undefined) {
    throw wrong('INVALID_FIELD', 'expire_at', 'is for time_in_force GTD only')
  }
  return { price, quantity, time_in_force, expire_at, deadline: body.deadline ?? undefined }
}

/** What a request says of all its entries. */
export interface Defaults {
  key: string | null
  deadline: string | undefined
  index: number
}

/** The command with what the request says for all, where it says nothing of its own. */
export function withDefaults<Some extends Command>(
  command: Some,
  { key, deadline, index }: Defaults,
): Some {
  const isKeyed = command.op !== 'PLACE' || command.idempotency_key !== null || key === null
  return {
    ...command,
    ...(isKeyed ? {} : { idempotency_key: `${key}:${index}` }),
    ...(deadline === undefined ? {} : { deadline: command.deadline ?? deadline }),
  }
}

/** The problem of an entry as one of the whole request: its field is named from there. */
export function inEntry(index: number, error: unknown): Problem {
  const { status, code, message, facts } = toProblem(error)
  const path = `orders.${index}`
  const field = facts.field === undefined ? path : `${path}.${facts.field}`
  return new Problem(status, code, `${path}: ${message}`, { ...facts, field })
}

/** Whether a text can be an id at all: one that cannot is as unknown as one never given. */
export function isId(text: string): boolean {
  return /^[1-9]\d{0,18}$/.test(text) && BigInt(text) <= 9_223_372_036_854_775_807n
}

/** The id of an order in a path. */
export function orderIdOf(text: string | undefined): string {
  if (text !== undefined && isId(text)) return text
  throw unknownOrder()
}

function nameOf(body: {
  order_id?: string | null | undefined
  client_id?: string | null | undefined
  client_order_id?: string | null | undefined
}): OrderName {
  if (typeof body.order_id === 'string') {
    if (isId(body.order_id)) return { order_id: body.order_id }
    throw unknownOrder()
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

function unknownOrder(): Problem {
  return new Problem(404, 'UNKNOWN_ORDER', 'there is no such order', { field: 'order_id' })
}

function wrong(code: string, field: string, rule: string): Problem {
  return new Problem(400, code, `${field} ${rule}`, { field })
}
