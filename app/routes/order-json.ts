import { type Problem, refusal } from '../errors.ts'
import type { CommandRow, OrderRow } from '../rows.ts'

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
    client_order_id: row.client_order_id,
    idempotency_key: row.idempotency_key,
    status: row.status,
    pending_reason: row.pending_reason,
    end_reason: row.end_reason,
    reject_code: row.reject_code,
    filled_quantity: row.filled_quantity,
    remaining_quantity: row.remaining_quantity,
    average_price: row.average_price,
    fee: row.fee,
    fills: row.fills,
    seq: Number(row.seq),
    created_at: row.created_at,
    updated_at: row.updated_at,
  }
}

/** What a command came to: its order, or the problem it was refused with. */
export function outcomeOf(row: CommandRow): ReturnType<typeof printOrder> | Problem {
  if (row.error_state === null && row.order_id !== null) return printOrder(row)
  return refusal(row.error_state ?? 'NVROW', row.error_code, row.error_detail, {
    field: row.error_field ?? undefined,
    bound: row.error_bound ?? undefined,
    orderId: row.order_id ?? undefined,
  })
}
