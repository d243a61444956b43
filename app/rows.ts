/**
 * The rows that the api functions return, as the driver hands them over: numeric and bigint are
 * text, timestamptz is RFC 3339, int is a number. The same words as in SQL.
 */

export interface Fill {
  trade_id: string
  price: string
  quantity: string
  fee: string
  liquidity: 'MAKER' | 'TAKER'
  busted?: true
  corrects?: string
}

export interface OrderRow {
  order_id: string
  client_id: string
  symbol: string
  side: 'BUY' | 'SELL'
  type: string
  time_in_force: string
  price: string | null
  quantity: string
  client_order_id: string | null
  idempotency_key: string | null
  status: string
  pending_reason: string | null
  end_reason: string | null
  reject_code: string | null
  filled_quantity: string
  remaining_quantity: string
  average_price: string | null
  fee: string
  seq: string
  created_at: string
  updated_at: string
  fills: Fill[]
  quote_quantity: string | null
  stop_price: string | null
  trigger_source: string | null
  trailing_offset: string | null
  trailing_bips: number | null
  activation_price: string | null
  limit_offset: string | null
  post_only: boolean | null
  slide: boolean | null
  display_quantity: string | null
  expire_at: string | null
  stp: string | null
  prevented_quantity: string
  list_id: string | null
}

/** The row of one command of a batch: what it came to, and its order where there is one. */
export type CommandRow = CommandOutcome & (OrderRow | { [Column in keyof OrderRow]: null })

export interface CommandOutcome {
  command_no: number
  /** Null when all is well, else five letters whose class gives the HTTP status. */
  error_state: string | null
  error_code: string | null
  error_detail: string | null
  error_field: string | null
  error_bound: string | null
}

/** The row of a command that was only tried: what it would have held, and what was prevented. */
export type TestRow = CommandRow & {
  hold_asset: string | null
  hold_amount: string | null
  prevented: PreventedMatch[] | null
}

/** A trade that did not happen because both orders have one owner or group. */
export interface PreventedMatch {
  stp: string
  price: string
  maker_order_id: string
  taker_quantity: string
  maker_quantity: string
}

export interface PreventedMatchRow extends PreventedMatch {
  prevented_match_id: string
  at: string
  taker_order_id: string
}

export interface AmendmentRow {
  seq: string
  at: string
  price: string | null
  quantity: string
  remaining: string
  prior_price: string | null
  prior_remaining: string
  keeps_place: boolean
}

/** A row of a list, with the cursor that goes on after it. */
export type Listed<Row> = Row & { cursor: string }

export interface SymbolRow {
  symbol_id: number
  symbol: string
  base_asset: string
  quote_asset: string
  status: string
  status_reason: string | null
  phase: string
  tick_size: string
  lot_size: string
  min_quantity: string
  max_quantity: string | null
  min_notional: string
  max_notional: string | null
  protection_rate: string
  protection_ticks: number
  maker_rate: string
  taker_rate: string
  base_decimals: number
  quote_decimals: number
  created_at: string
  default_stp: string
  allowed_stps: string[]
  protection_rests: boolean
  collar_rate: string | null
  max_open_orders: number | null
  max_position: string | null
  max_iceberg_parts: number
  min_trailing_bips: number
  max_trailing_bips: number
  max_cascade: number
  band_rate: string | null
  band_action: string
  accept_when_closed: boolean
}

export interface BookRow {
  symbol: string
  seq: string
  bids: [price: string, quantity: string, orders: number][]
  asks: [price: string, quantity: string, orders: number][]
}

export interface TradeRow {
  trade_id: string
  symbol: string
  seq: string
  price: string
  quantity: string
  taker_side: string
  traded_at: string
  busted: boolean
  corrects: string | null
}

export interface TickerRow {
  symbol: string
  seq: string
  last_price: string | null
  bid: string | null
  ask: string | null
  open_24h: string | null
  high_24h: string | null
  low_24h: string | null
  change_24h: string | null
  volume_24h: string
  quote_volume_24h: string
  trades_24h: string
}

/** A ticker as every reply and every stream shows it. */
export function printTicker(row: TickerRow) {
  return { ...row, seq: Number(row.seq), trades_24h: Number(row.trades_24h) }
}

export interface ParticipantRow {
  client_id: string
  name: string
  kind: string
  trade_group: string | null
  created_at: string
}

export interface BalanceRow {
  asset: string
  available: string
  held: string
  unsettled_in: string
  unsettled_out: string
}

export interface DepositRow {
  transfer_id: string
  client_id: string
  asset: string
  amount: string
  idempotency_key: string
  created_at: string
}

export interface AssetRow {
  asset: string
  decimals: number
  created_at: string
}

export interface StatusRow {
  schema_version: string | null
  pending: number | string
  failed: number | string
  oldest_created_at: string | null
  /** Since when something waits that the matcher's worker should have done. */
  oldest_due_at: string | null
}

/** Where the feed stands: a symbol's last event, or with symbol_id 0 the last finality number. */
export interface PositionRow {
  symbol_id: number
  symbol: string | null
  seq: string
}

export interface EventRow {
  symbol_id: number
  symbol: string
  seq: string
  at: string
  kind: string
  /** Null, as is client_id, in what is said of the symbol and of no order. */
  order_id: string | null
  client_id: string | null
  side: 'BUY' | 'SELL' | null
  price: string | null
  quantity: string | null
  remaining: string | null
  prior_price: string | null
  prior_remaining: string | null
  trade_id: string | null
  maker_order_id: string | null
  maker_client_id: string | null
  maker_remaining: string | null
  reason: string | null
  /** What of a quantity is shown in the book; null where all of it is. */
  visible: string | null
  prior_visible: string | null
  maker_visible: string | null
  maker_prior_visible: string | null
  /** Of the symbol, in a PHASE event: the phase from here on, and when it ends, as announced. */
  phase: string | null
  phase_end_at: string | null
}

export interface JournalRow {
  finality_no: string
  journal_id: string
  posted_at: string
  kind: string
  settlement_ids: string[]
}
