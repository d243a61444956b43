import { z } from 'zod'
import { readAmount, type Sign } from '../amounts.ts'
import { Problem } from '../errors.ts'

/** The kinds of fields that bodies and queries are made of, and how a wrong one is told. */

export const keyShape = /^[A-Za-z0-9._:/+=@~-]{1,128}$/
export const keyRule = 'is not 1 to 128 letters, digits or . _ : / + = @ ~ -'

/** A name that the caller made up: an idempotency key, a client's own order id. */
export const key = z.string().regex(keyShape, keyRule)

const codeShape = /^[A-Za-z0-9._:-]{1,64}$/

/** The code of a participant. */
export const code = z.string().regex(codeShape, 'is not 1 to 64 letters, digits or . _ : -')

/** The name of a symbol: upper case, taken in any case. */
export const symbolCode = z.preprocess(upperCase, code)

/** The code of an asset: upper case, taken in any case. */
export const assetCode = z.preprocess(
  upperCase,
  z.string().regex(/^[A-Z0-9]{1,16}$/, 'is not 1 to 16 letters or digits'),
)

/** An enum, upper case on the wire, taken in any case. */
export function word<const Words extends readonly [string, ...string[]]>(...words: Words) {
  return z.preprocess(upperCase, z.enum(words, `is not one of ${words.join(', ')}`))
}

/** A moment, of a day that there is; PostgreSQL keeps microseconds. */
export const time = z
  .string()
  .refine(isTime, 'is not a time such as 2026-01-31T12:00:00Z')
  .meta({ format: 'date-time' })

/** A whole number between bounds, in a body. */
export function whole(least: number, most: number) {
  const rule = `is not a whole number from ${least} to ${most}`
  return z.int(rule).min(least, rule).max(most, rule)
}

/** A whole number between bounds, in a query. */
export function wholeText(least: number, most: number, otherwise: number) {
  const rule = `is not a whole number from ${least} to ${most}`
  return z
    .string()
    .regex(/^\d{1,9}$/, rule)
    .transform(Number)
    .refine(value => value >= least && value <= most, rule)
    .default(otherwise)
}

/** An amount as a decimal string or a short number; the parsed value is always the string. */
export function amount(sign: Sign = 'POSITIVE') {
  return z
    .unknown()
    .transform((value, context): string => {
      const read = readAmount(value, sign)
      if (typeof read === 'string') return read
      const { code, rule } = read
      context.issues.push({ code: 'custom', message: rule, params: { code }, input: value })
      return z.NEVER
    })
    .meta({
      type: ['string', 'number'],
      pattern: '^-?[0-9]{1,20}([.][0-9]{1,18})?$',
      description: 'a decimal string, or a number of at most 15 significant digits',
    })
}

const timeShape =
  /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-](0\d|1[0-4]):[0-5]\d)$/

/** Whether a text is an RFC 3339 time of a real day: PostgreSQL refuses the 30th of February. */
export function isTime(text: string): boolean {
  const [, day = ''] = timeShape.exec(text) ?? []
  const date = new Date(`${day}T00:00:00Z`)
  if (day.startsWith('0000') || Number.isNaN(date.getTime())) return false
  return date.toISOString().startsWith(day)
}

/** The value as the schema's type. Throws the problem of the first thing that is wrong with it. */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw issue ? problemOf(issue, value) : result.error
}

/** A code in a path: what cannot be one is as unknown as one that was never given. */
export function codeInPath(text: string | undefined, field: 'symbol' | 'client_id'): string {
  if (text !== undefined && codeShape.test(text)) return text
  const [word, what] = unknownInPath[field]
  throw new Problem(404, word, `there is no such ${what}`, { field })
}
const unknownInPath = {
  symbol: ['UNKNOWN_SYMBOL', 'symbol'],
  client_id: ['UNKNOWN_PARTICIPANT', 'participant'],
} as const

function problemOf(issue: z.core.$ZodIssue, value: unknown): Problem {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    const field = [...path, issue.keys[0] ?? ''].join('.')
    const detail = `${field} is not a field of this request`
    return new Problem(400, 'UNKNOWN_FIELD', detail, { field })
  }
  const field = path.join('.')
  if (path.length === 0) return new Problem(400, 'INVALID_BODY', 'the body is not a JSON object')
  if (valueAt(value, path) === undefined) {
    return new Problem(400, 'MISSING_FIELD', `${field} is missing`, { field })
  }
  const isOurs = /^(is|has|are) /.test(issue.message)
  const rule = issue.code === 'invalid_type' || !isOurs ? `is not of the right type` : issue.message
  const params = issue.code === 'custom' ? issue.params : undefined
  const word = typeof params?.code === 'string' ? params.code : 'INVALID_FIELD'
  return new Problem(400, word, `${field} ${rule}`, { field })
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, name) => (typeof at === 'object' && at !== null ? Reflect.get(at, name) : undefined),
    value,
  )
}

function upperCase(value: unknown): unknown {
  return typeof value === 'string' ? value.toUpperCase() : value
}
