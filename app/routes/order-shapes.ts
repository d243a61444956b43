import { type OrderType, orderTypes, type TimeInForce } from '../commands.ts'
import { Problem } from '../errors.ts'

/**
 * Which fields belong to which type of order: what has to be there for an order to say anything at
 * all. What a market takes of what is said is judged in SQL.
 */
interface Shape {
  readonly needs: readonly Field[]
  /** One of the two, and not both. */
  readonly needsOneOf?: readonly [Field, Field]
  readonly takes?: readonly Field[]
}

const fields = [
  'price',
  'quantity',
  'quote_quantity',
  'stop_price',
  'trigger_immediately',
  'trigger_source',
  'trailing_offset',
  'trailing_bips',
  'activation_price',
  'limit_offset',
] as const
type Field = (typeof fields)[number]

const stop: Shape = {
  needs: ['quantity', 'stop_price'],
  takes: ['trigger_immediately', 'trigger_source'],
}
const stopLimit: Shape = { ...stop, needs: [...stop.needs, 'price'] }

const shapes: Readonly<Record<OrderType, Shape>> = {
  LIMIT: { needs: ['quantity', 'price'] },
  MARKET: { needs: [], needsOneOf: ['quantity', 'quote_quantity'] },
  STOP: stop,
  STOP_LIMIT: stopLimit,
  TAKE_PROFIT: stop,
  TAKE_PROFIT_LIMIT: stopLimit,
  TRAILING_STOP: {
    needs: ['quantity'],
    needsOneOf: ['trailing_offset', 'trailing_bips'],
    takes: ['trigger_source', 'activation_price', 'limit_offset'],
  },
}

/** The part of an order's body that its shape is about. */
export type Shaped = {
  readonly [name in Field | 'slide' | 'post_only' | 'expire_at']?: unknown
} & {
  readonly type: OrderType
  readonly time_in_force?: TimeInForce | null | undefined
}

/** Throws the problem of the first field that is missing, or that is not for the type of order. */
export function checkShape(order: Shaped): void {
  const { needs, needsOneOf: [one, other] = [], takes = [] } = shapes[order.type]
  for (const field of fields) {
    if (field === one || field === other) continue
    if (needs.includes(field)) need(order, field)
    else if (!takes.includes(field)) refuse(order, field, `is not for a ${order.type} order`)
  }
  if (one && other) {
    if (isGiven(order[one])) refuse(order, other, `is given besides ${one}`)
    else if (!isGiven(order[other])) throw missing(one, `is missing, and so is ${other}`)
  }
  if (order.time_in_force === 'GTD') need(order, 'expire_at')
  else refuse(order, 'expire_at', 'is for time_in_force GTD only')
  if (!isGiven(order.post_only)) refuse(order, 'slide', 'is for a post_only order only')
}

/** What an order means that says nothing: to stay where it can rest, else to take what there is. */
export function defaultTimeInForce(order: Shaped): TimeInForce {
  const rests = isGiven(order.price) || isGiven(order.limit_offset)
  return rests ? 'GTC' : 'IOC'
}

function need(order: Shaped, field: Field | 'expire_at'): void {
  if (!isGiven(order[field])) throw missing(field, 'is missing')
}

function refuse(order: Shaped, field: Field | 'expire_at' | 'slide', rule: string): void {
  if (isGiven(order[field])) {
    throw new Problem(400, 'INVALID_FIELD', `${field} ${rule}`, { field })
  }
}

function missing(field: string, rule: string): Problem {
  return new Problem(400, 'MISSING_FIELD', `${field} ${rule}`, { field })
}

/** A null and a no say as little as nothing. */
function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false
}

/** The same rules for the document, as JSON Schema says them. */
export function describeShapes() {
  return { allOf: [...orderTypes.map(describeShape), whenGtd, whenSlide, symbolByAnyWord] }
}

const symbolByAnyWord = {
  anyOf: ['symbol', 'instrument'].map(word => ({
    required: [word],
    properties: { [word]: { type: 'string' } },
  })),
}

const given = { not: { enum: [null, false] } }
const notGiven = { enum: [null, false] }

function describeShape(type: OrderType) {
  const { needs, needsOneOf = [], takes = [] } = shapes[type]
  const known = [...needs, ...needsOneOf, ...takes]
  const strange = fields.filter(field => !known.includes(field))
  const properties = Object.fromEntries([
    ...needs.map(field => [field, given]),
    ...strange.map(field => [field, notGiven]),
  ])
  const alternatives = needsOneOf.map(field => {
    const other = needsOneOf.find(another => another !== field) ?? field
    return { required: [field], properties: { [field]: given, [other]: notGiven } }
  })
  return {
    if: { properties: { type: { const: type } } },
    // biome-ignore lint/suspicious/noThenProperty: the word of JSON Schema
    then: {
      required: [...needs],
      properties,
      ...(alternatives.length > 0 ? { oneOf: alternatives } : {}),
    },
  }
}

const whenGtd = {
  if: { required: ['time_in_force'], properties: { time_in_force: { const: 'GTD' } } },
  // biome-ignore lint/suspicious/noThenProperty: the word of JSON Schema
  then: { required: ['expire_at'], properties: { expire_at: given } },
  else: { properties: { expire_at: notGiven } },
}

const whenSlide = {
  if: { required: ['slide'], properties: { slide: { const: true } } },
  // biome-ignore lint/suspicious/noThenProperty: the word of JSON Schema
  then: { required: ['post_only'], properties: { post_only: { const: true } } },
}
