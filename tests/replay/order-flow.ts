import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import { z } from 'zod'

/**
 * Recorded order flow, one JSON object a line: first `meta`, then `seed_orders` lines that build
 * the book, then one line an event. `expect` says what the recorded market did.
 */

const decimal = z.string().regex(/^-?\d+(\.\d{1,18})?$/, 'is not a decimal string')
const level = z.tuple([decimal, decimal])

const tradeSchema = z.object({ maker: z.string(), taker: z.string(), price: decimal, qty: decimal })
const expectSchema = z.object({
  accepted: z.boolean().optional(),
  trades: z.array(tradeSchema).optional(),
  /** The best of each side with the quantity there; null is an empty side. */
  top: z.object({ bid: level.nullish(), ask: level.nullish() }).optional(),
  /** The best levels of each side: all of them unless it says that there are more. */
  book: z
    .object({
      bids: z.array(level),
      asks: z.array(level),
      bids_complete: z.boolean().default(true),
      asks_complete: z.boolean().default(true),
    })
    .optional(),
})

const submitSchema = z.object({
  op: z.literal('submit'),
  id: z.string(),
  side: z.enum(['buy', 'sell']),
  type: z.enum(['LIMIT', 'MARKET']),
  tif: z.enum(['GTC', 'IOC', 'FOK']).optional(),
  price: decimal.optional(),
  qty: decimal,
  row: z.number().optional(),
  expect: expectSchema.optional(),
})
const cancelSchema = submitSchema
  .pick({ id: true, row: true, expect: true })
  .extend({ op: z.literal('cancel') })
const replaceSchema = cancelSchema.extend({
  op: z.literal('replace'),
  price: decimal.optional(),
  /** The new total quantity, or by how much it changes. */
  qty: decimal.optional(),
  qty_delta: decimal.optional(),
})
const stepSchema = z.discriminatedUnion('op', [submitSchema, cancelSchema, replaceSchema])
const metaSchema = z.object({ meta: z.object({ symbol: z.string() }) })

export type StatedTrade = z.output<typeof tradeSchema>
export type Submit = z.output<typeof submitSchema>
export type Replace = z.output<typeof replaceSchema>
export type Step = z.output<typeof stepSchema>

/** A step and the number of its line in the file. */
export interface Line {
  readonly lineNo: number
  readonly step: Step
}

/** The steps of a file, gzipped or plain, one at a time. Throws at a line that it cannot read. */
export async function* readOrderFlow(file: string): AsyncGenerator<Line> {
  const bytes = createReadStream(file)
  const text = file.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes
  // A pipe does not pass errors on: a missing file would otherwise be an empty one.
  bytes.once('error', error => text.destroy(error))
  let lineNo = 0
  for await (const line of createInterface({ input: text, crlfDelay: Infinity })) {
    lineNo += 1
    if (line.trim() === '') continue
    const value = parseLine(line, file, lineNo)
    if (lineNo > 1) yield { lineNo, step: read(stepSchema, value, file, lineNo) }
    else read(metaSchema, value, file, lineNo)
  }
}

function parseLine(line: string, file: string, lineNo: number): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw new Error(`${file}:${lineNo}: not JSON`)
  }
}

function read<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  file: string,
  lineNo: number,
): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new Error(`${file}:${lineNo}: ${issue?.path.join('.')} ${issue?.message}`)
}
