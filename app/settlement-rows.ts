/** The rows of settlement that the api functions return, as in rows.ts. */

export interface SettlementRow {
  settlement_id: string
  trade_id: string
  symbol: string
  status: string
  reason: string | null
  /** The error that put it aside, if one did. */
  problem: string | null
  attempts: number
  next_attempt_at: string | null
  value_date: string
  created_at: string
  settled_at: string | null
  journal_id: string | null
  finality_no: string | null
  legs: { asset: string; from: string; to: string; amount: string; kind: string }[]
  /** What of the quantity is final, in base. */
  settled_quantity: string
  /** The netting window that took it up. */
  netted_into: string | null
  links: { link: string; settlement_id: string }[]
  /** How much of the quantity each side lets settle, where that is not all. */
  holds: { side: string; released: string }[]
}

export interface BacklogRow {
  pending: string
  failed: string
  oldest_created_at: string | null
  settled_last_minute: string
}
