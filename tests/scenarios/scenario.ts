import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { printUnits, toUnits } from '../replay/decimals.ts'

/** Small published cases, one a line. What a scenario may state is strict: nothing goes unread. */

const decimal = z.string().regex(/^-?\d+(\.\d{1,18})?$/)
const level = z.union([z.tuple([decimal, decimal]), z.tuple([decimal, decimal, z.number()])])
const trade = z.strictObject({ maker: z.string(), taker: z.string(), price: decimal, qty: decimal })
const book = z.strictObject({ bids: z.array(level), asks: z.array(level) })
const best = z.tuple([decimal, decimal]).nullable()

const expectation = z.strictObject({
  accepted: z.boolean().optional(),
  /** Of this step, or of all until here. */
  trades: z.array(trade).optional(),
  trades_so_far: z.array(trade).optional(),
  orders: z
    .record(
      z.string(),
      z.strictObject({
        state: z.enum(['open', 'filled', 'cancelled', 'rejected']),
        remaining: decimal,
      }),
    )
    .optional(),
  book: book.optional(),
  top: z.strictObject({ bid: best, ask: best }).optional(),
  best: z
    .strictObject({
      bid: decimal.nullable(),
      ask: decimal.nullable(),
      spread: decimal.nullable(),
    })
    .optional(),
  /** The ids of the resting orders, in their order. */
  queue: z.strictObject({ bids: z.array(z.string()), asks: z.array(z.string()) }).optional(),
  order_counts: z.strictObject({ bids: z.number(), asks: z.number() }).optional(),
})

const step = z.strictObject({
  op: z.enum(['submit', 'cancel', 'replace', 'check']),
  id: z.string().optional(),
  account: z.string().optional(),
  side: z.enum(['buy', 'sell']).optional(),
  type: z.string().optional(),
  tif: z.string().optional(),
  price: decimal.optional(),
  stop_price: decimal.optional(),
  qty: decimal.optional(),
  qty_delta: decimal.optional(),
  note: z.string().optional(),
  expect: expectation.optional(),
})

const scenario = z.strictObject({
  id: z.string(),
  source: z.string(),
  ref: z.string(),
  name: z.string(),
  note: z.string().optional(),
  tags: z.array(z.string()),
  steps: z.array(step),
  expected_trades: z.array(trade),
  trades_basis: z.string(),
  expected_book: book,
  book_basis: z.string(),
})

export type Scenario = z.output<typeof scenario>
export type ScenarioStep = z.output<typeof step>
export type Expectation = z.output<typeof expectation>
export type ScenarioTrade = z.output<typeof trade>
export type Side = 'BUY' | 'SELL'

/** A command as api.execute_commands takes it, but for who gives it. */
export interface ScenarioCommand {
  op: 'PLACE' | 'CANCEL' | 'AMEND'
  /** Whose order it is about: one participant buys, the other sells, so nobody meets himself. */
  owner: Side
  client_order_id: string
  side?: Side
  type?: string
  time_in_force?: string
  price?: string
  quantity?: string
  idempotency_key?: string
}

export function readScenarios(file: string): Scenario[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.filter(line => line.trim() !== '').map(line => scenario.parse(JSON.parse(line)))
}

/** Why a scenario is not about this venue as it is now; undefined when it is. */
export function reasonToSkip({ steps }: Scenario): string | undefined {
  const totals = new Map<string, bigint>()
  for (const { op, id = '', type = '', tif, qty, qty_delta } of steps) {
    if (op === 'submit' && !['LIMIT', 'MARKET'].includes(type))
      return `${type} orders are not taken`
    if (tif !== undefined && !['GTC', 'IOC', 'FOK'].includes(tif)) return `${tif} is not taken`
    const total = (totals.get(id) ?? 0n) + toUnits(qty_delta ?? '0')
    totals.set(id, qty === undefined ? total : toUnits(qty))
    if (op === 'replace' && total <= 0n) {
      return (
        `an amendment states the new total quantity, and here it would be ${printUnits(total)}: ` +
        'not a quantity (LOT_SIZE), whoever wants it gone cancels it'
      )
    }
  }
  return undefined
}

/** The command of each step; none for a check. */
export function toCommands({ steps }: Scenario): (ScenarioCommand | undefined)[] {
  const owners = new Map<string, Side>()
  const totals = new Map<string, bigint>()
  return steps.map(({ op, id = '', side, type, tif, price, qty, qty_delta }) => {
    if (op === 'check') return undefined
    if (op === 'submit') {
      owners.set(id, side === 'buy' ? 'BUY' : 'SELL')
      totals.set(id, toUnits(qty ?? '0'))
    }
    const owner = owners.get(id) ?? 'BUY'
    const command = { owner, client_order_id: id, ...(price !== undefined && { price }) }
    if (op === 'cancel') return { op: 'CANCEL', ...command }
    if (op === 'replace') {
      const total = (totals.get(id) ?? 0n) + toUnits(qty_delta ?? '0')
      totals.set(id, qty === undefined ? total : toUnits(qty))
      return { op: 'AMEND', ...command, quantity: printUnits(totals.get(id) ?? 0n) }
    }
    return {
      op: 'PLACE',
      ...command,
      side: owner,
      type: type ?? 'LIMIT',
      // A market order of which nothing is said does not rest.
      time_in_force: tif ?? (type === 'MARKET' ? 'IOC' : 'GTC'),
      quantity: qty ?? '0',
    }
  })
}
