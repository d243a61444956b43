/** The rows of statements, as the driver hands them over: see rows.ts. */

/** What a participant had, got, gave and then had of an asset. */
export interface StatementSumRow {
  asset: string
  opening: string
  incoming: string
  outgoing: string
  closing: string
  /** The last journal in it: where the lines end. */
  last_finality_no: string
}

export interface StatementLineRow {
  transfer_id: string
  finality_no: string
  posted_at: string
  effective_at: string
  kind: string
  asset: string
  /** Negative for what went. */
  amount: string
  counterparty: string
  settlement_id: string | null
}

/** A piece of what was bought, and of what was sold against it; amounts are in quote. */
export interface LotRow {
  symbol: string
  side: 'LONG' | 'SHORT'
  quantity: string
  opened_at: string
  closed_at: string | null
  bought_trade_id: string | null
  sold_trade_id: string | null
  cost: string | null
  proceeds: string | null
  gain: string | null
  fees: string
  net_gain: string | null
}
