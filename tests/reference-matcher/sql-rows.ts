import { z } from 'zod'
import { toUnits } from '../replay/decimals.ts'
import {
  type Columns,
  type OrderLine,
  type Picture,
  printAnswered,
  printFill,
  printFunds,
  printOrder,
  printQueued,
  printState,
  printTrade,
  printWaiting,
  withoutEmpty,
} from './pictures.ts'

/** Rows of the database, as lines like those of the model. Columns to come may be missing. */

const decimal = z.string()
const optional = z.string().nullable().optional()

const answerRow = z.object({
  error_code: z.string().nullable(),
  order_id: z.string().nullable(),
  side: z.string().nullable(),
  type: z.string().nullable(),
  time_in_force: z.string().nullable(),
  price: optional,
  quantity: optional,
  status: z.string().nullable(),
  pending_reason: optional,
  end_reason: optional,
  reject_code: optional,
  filled_quantity: optional,
  remaining_quantity: optional,
  prevented_quantity: optional,
  fee: optional,
  fills: z
    .array(z.object({ price: decimal, quantity: decimal, fee: decimal, liquidity: z.string() }))
    .nullable(),
})
export type AnswerRow = z.output<typeof answerRow>

const orderRow = z.object({
  order_id: z.string(),
  side: z.string(),
  type: z.string(),
  time_in_force: z.string(),
  status: z.string(),
  pending_reason: optional,
  end_reason: optional,
  refusal: optional,
  price: optional,
  quantity: decimal,
  filled_quantity: decimal,
  remaining_quantity: decimal,
  cancelled_quantity: decimal,
  prevented_quantity: optional,
  filled_notional: decimal,
  fee_amount: decimal,
})

const bookRow = z.object({
  order_id: z.string(),
  side: z.string(),
  sort_price: decimal,
  remaining_quantity: decimal,
  visible_quantity: optional,
})

const parkedRow = z.object({
  order_id: z.string(),
  pending_reason: z.string(),
  stop_price: optional,
})

const tradeRow = z.object({
  maker_order_id: z.string(),
  taker_order_id: z.string(),
  price: decimal,
  quantity: decimal,
  maker_fee: decimal,
  taker_fee: decimal,
})

const fundsRow = z.object({
  client_id: z.string(),
  is_base: z.boolean(),
  held: decimal,
  unsettled_in: decimal,
  unsettled_out: decimal,
})

const stateRow = z.object({
  status: z.string(),
  phase: optional,
  last_price: optional,
  phase_end_ms: z.number().nullable(),
})

export function readAnswers(rows: readonly unknown[]): AnswerRow[] {
  return rows.map(row => answerRow.parse(row))
}

/** The name that the model has for an order. */
export type NameOf = (orderId: string) => string

export function printAnswerRow(row: AnswerRow, nameOf: NameOf, columns: Columns): string {
  if (row.order_id === null) return row.error_code ?? 'nothing'
  const fills = (row.fills ?? []).map(fill =>
    printFill(plain(fill.price), plain(fill.quantity), plain(fill.fee), fill.liquidity),
  )
  const line = lineOf({
    ...row,
    refusal: row.reject_code,
    fee_amount: row.fee,
    cancelled_quantity: '0',
    filled_notional: '0',
  })
  return printAnswered(row.error_code, nameOf(row.order_id), line, fills, columns)
}

/** The rows of each table, as `sql-market.ts` asks for them. */
export interface Tables {
  orders: readonly unknown[]
  book: readonly unknown[]
  parked: readonly unknown[]
  trades: readonly unknown[]
  funds: readonly unknown[]
  state: unknown
}

export function pictureOfRows(tables: Tables, nameOf: NameOf, columns: Columns): Picture {
  const book = tables.book.map(row => bookRow.parse(row))
  const side = (name: string) => book.filter(row => row.side === name).map(queued)
  const queued = (row: z.output<typeof bookRow>) => {
    const remaining = toUnits(row.remaining_quantity)
    const visible = row.visible_quantity == null ? remaining : toUnits(row.visible_quantity)
    return printQueued(nameOf(row.order_id), priceOf(row.sort_price), remaining, visible)
  }
  const state = stateRow.parse(tables.state)
  const orders = tables.orders.map(row => orderRow.parse(row))
  return {
    state: printState(
      state.status,
      state.phase ?? 'CONTINUOUS',
      units(state.last_price),
      state.phase_end_ms ?? undefined,
    ),
    orders: Object.fromEntries(
      orders.map(row => [nameOf(row.order_id), printOrder(lineOf(row), columns)]),
    ),
    bids: side('BUY'),
    asks: side('SELL'),
    waiting: tables.parked
      .map(row => parkedRow.parse(row))
      .map(row => printWaiting(nameOf(row.order_id), row.pending_reason, units(row.stop_price))),
    trades: tables.trades
      .map(row => tradeRow.parse(row))
      .map(row => {
        const figures = [row.price, row.quantity, row.maker_fee, row.taker_fee].map(toUnits)
        return printTrade(nameOf(row.maker_order_id), nameOf(row.taker_order_id), figures)
      }),
    funds: fundsByName(tables.funds.map(row => fundsRow.parse(row))),
  }
}

function fundsByName(rows: readonly z.output<typeof fundsRow>[]): Record<string, string> {
  const names = [...new Set(rows.map(row => row.client_id))]
  const of = (name: string, isBase: boolean) => {
    const row = rows.find(row => row.client_id === name && row.is_base === isBase)
    return [row?.held, row?.unsettled_in, row?.unsettled_out].map(text => toUnits(text ?? '0'))
  }
  return withoutEmpty(names.map(name => [name, printFunds(of(name, true), of(name, false))]))
}

type LineSource = {
  [Name in keyof z.output<typeof orderRow>]?: string | null | undefined
}

function lineOf(row: LineSource): OrderLine {
  return {
    type: row.type ?? '',
    side: row.side ?? '',
    time: row.time_in_force ?? '',
    status: row.status ?? '',
    pending: row.pending_reason ?? null,
    end: row.end_reason ?? null,
    refusal: row.refusal ?? null,
    price: row.price == null ? null : plain(row.price),
    quantity: plain(row.quantity),
    filled: plain(row.filled_quantity),
    prevented: plain(row.prevented_quantity),
    remaining: plain(row.remaining_quantity),
    cancelled: plain(row.cancelled_quantity),
    notional: plain(row.filled_notional),
    fee: plain(row.fee_amount),
  }
}

/** Without needless zeros, as the model prints it. */
function plain(text: string | null | undefined): string {
  return text == null ? '0' : trimmed(text)
}

function trimmed(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}

function units(text: string | null | undefined): bigint | null {
  return text == null ? null : toUnits(text)
}

/** Asks are kept by their price, bids by their negative one, market orders as the best of all. */
function priceOf(sortPrice: string): bigint | null {
  if (sortPrice === '-Infinity') return null
  const price = toUnits(sortPrice)
  return price < 0n ? -price : price
}
