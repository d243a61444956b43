import { isZeroAmount, leftAfter } from '../amounts.ts'
import { Problem, refusal } from '../errors.ts'
import type {
  AmendmentRow,
  CommandRow,
  OrderRow,
  PreventedMatch,
  PreventedMatchRow,
  TestRow,
} from '../rows.ts'

type PrintedOrder = ReturnType<typeof printOrder>

/** An order as a reply shows it. */
export function printOrder(row: OrderRow) {
  return {
    order_id: row.order_id,
    client_id: row.client_id,
    symbol: row.symbol,
    side: row.side,
    type: row.type,
    time_in_force: row.time_in_force,
    price: row.price,
    quantity: row.quantity,
    quote_quantity: row.quote_quantity,
    stop_price: row.stop_price,
    trigger_source: row.trigger_source,
    trailing_offset: row.trailing_offset,
    trailing_bips: row.trailing_bips,
    activation_price: row.activation_price,
    limit_offset: row.limit_offset,
    post_only: row.post_only ?? false,
    slide: row.slide ?? false,
    display_quantity: row.display_quantity,
    expire_at: row.expire_at,
    stp: row.stp,
    list_id: row.list_id,
    client_order_id: row.client_order_id,
    idempotency_key: row.idempotency_key,
    status: row.status,
    pending_reason: row.pending_reason,
    end_reason: row.end_reason,
    reject_code: row.reject_code,
    filled_quantity: row.filled_quantity,
    remaining_quantity: row.remaining_quantity,
    prevented_quantity: row.prevented_quantity,
    unspent_amount: unspentOf(row),
    average_price: row.average_price,
    fee: row.fee,
    fills: row.fills,
    seq: Number(row.seq),
    created_at: row.created_at,
    updated_at: row.updated_at,
  }
}

/** Of a buyer's quote_quantity what it did not spend, fees included: it is free again. */
function unspentOf({ side, quote_quantity, remaining_quantity, fills }: OrderRow): string | null {
  if (side !== 'BUY' || quote_quantity === null || !isZeroAmount(remaining_quantity)) return null
  return leftAfter(quote_quantity, fills)
}

/** What a command came to: its order, or the problem it was refused with. */
export function outcomeOf(row: CommandRow): PrintedOrder | Problem {
  if (row.error_state === null && row.order_id !== null) return printOrder(row)
  return refusal(row.error_state ?? 'NVROW', row.error_code, row.error_detail, {
    field: row.error_field ?? undefined,
    bound: row.error_bound ?? undefined,
    orderId: row.order_id ?? undefined,
    fills: row.error_code === 'ORDER_FILLED' ? (row.fills ?? undefined) : undefined,
  })
}

/**
 * An order that was only tried. It has no id and no number, and neither have its trades: the next
 * order will be given them.
 */
export function printTest(order: PrintedOrder, row: TestRow) {
  const { hold_asset, hold_amount, prevented } = row
  return {
    ...order,
    order_id: null,
    seq: null,
    fills: order.fills.map(fill => ({ ...fill, trade_id: null })),
    hold: hold_asset === null ? null : { asset: hold_asset, amount: hold_amount },
    prevented_matches: (prevented ?? []).map(printPrevented),
  }
}

export function printPreventedMatch(row: PreventedMatchRow) {
  const { prevented_match_id, at, taker_order_id } = row
  return { prevented_match_id, at, taker_order_id, ...printPrevented(row) }
}

function printPrevented(match: PreventedMatch) {
  const { stp, price, maker_order_id, taker_quantity, maker_quantity } = match
  return { stp, price, maker_order_id, taker_quantity, maker_quantity }
}

export function printAmendment(row: AmendmentRow) {
  const { at, price, quantity, remaining, prior_price, prior_remaining, keeps_place } = row
  const before = { prior_price, prior_remaining }
  return { seq: Number(row.seq), at, price, quantity, remaining, ...before, keeps_place }
}

/** What the others of an atomic batch are told: that they were undone with the one that failed. */
const undone = new Set(['BATCH_ROLLED_BACK', 'LIST_REFUSED'])

/** The refusal that undid a batch that is all or none, and whose it is. */
export function refusedAmong(
  outcomes: readonly (PrintedOrder | Problem)[],
): { problem: Problem; index: number } | undefined {
  const refused = outcomes.flatMap((problem, index) =>
    problem instanceof Problem ? [{ problem, index }] : [],
  )
  return refused.find(({ problem }) => !undone.has(problem.code)) ?? refused[0]
}
