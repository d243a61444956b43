/** What is asked of the matcher, as SQL takes it: decimal strings, enums in upper case. */
export type Command = PlaceCommand | CancelCommand | AmendCommand

export const sides = ['BUY', 'SELL'] as const
export const orderTypes = [
  'LIMIT',
  'MARKET',
  'STOP',
  'STOP_LIMIT',
  'TAKE_PROFIT',
  'TAKE_PROFIT_LIMIT',
  'TRAILING_STOP',
] as const
export const timesInForce = ['GTC', 'GTD', 'DAY', 'IOC', 'FOK', 'OPG', 'CLS', 'GFA', 'GTX'] as const
export const triggerSources = ['LAST', 'MARK', 'INDEX'] as const
export const stpModes = [
  'NONE',
  'CANCEL_TAKER',
  'CANCEL_MAKER',
  'CANCEL_BOTH',
  'DECREMENT',
] as const

export type Side = (typeof sides)[number]
export type OrderType = (typeof orderTypes)[number]
export type TimeInForce = (typeof timesInForce)[number]

export interface PlaceCommand extends OrderOptions {
  op: 'PLACE'
  client_id: string
  side: Side
  type: OrderType
  time_in_force: TimeInForce
  price: string | null
  quantity: string | null
  client_order_id: string | null
  idempotency_key: string | null
}

/** What few orders say. Left out of the JSON where it is not said, so that most stay short. */
export interface OrderOptions {
  quote_quantity?: string | undefined
  stop_price?: string | undefined
  trigger_immediately?: boolean | undefined
  trigger_source?: (typeof triggerSources)[number] | undefined
  trailing_offset?: string | undefined
  trailing_bips?: number | undefined
  activation_price?: string | undefined
  limit_offset?: string | undefined
  post_only?: boolean | undefined
  slide?: boolean | undefined
  display_quantity?: string | undefined
  expire_at?: string | undefined
  stp?: (typeof stpModes)[number] | undefined
  deadline?: string | undefined
  /** Accept it durably and match it later. */
  is_async?: boolean | undefined
  /** The orders of one call with the same number are a list. */
  list_no?: number | undefined
  list_role?: 'OCO' | 'ENTRY' | 'EXIT' | undefined
  list_is_partial?: boolean | undefined
}

export type OrderName = { order_id: string } | { client_id: string; client_order_id: string }

export type CancelCommand = {
  op: 'CANCEL'
  only_if?: 'NEW' | undefined
  deadline?: string | undefined
} & OrderName

export type AmendCommand = {
  op: 'AMEND'
  price: string | null
  quantity: string | null
  time_in_force?: 'GTC' | 'GTD' | undefined
  expire_at?: string | undefined
  deadline?: string | undefined
} & OrderName
