import { multiply, one } from '../replay/decimals.ts'
import {
  type AmendCommand,
  amount,
  type Command,
  findNamed,
  keyOf,
  type Named,
  type PlaceCommand,
} from './commands.ts'
import {
  isLive,
  type Market,
  type Order,
  type OrderType,
  type Refusal,
  type Rules,
  type Side,
  type TimeInForce,
} from './market.ts'

type Check = [fails: boolean, refusal: Refusal]

/**
 * What a symbol refuses without a look at its book: the first that holds. Takes the orders that
 * come before in the batch.
 */
export function refuseByFilter(
  market: Market,
  command: Command,
  earlier: readonly PlaceCommand[],
): Refusal | null {
  if (command.client_id !== undefined && !market.traders.has(command.client_id)) {
    return 'UNKNOWN_PARTICIPANT'
  }
  if (command.op === 'PLACE') {
    return refusePlace(market, command) ?? refuseFar(market, command, earlier)
  }
  return command.op === 'AMEND' ? refuseAmend(market, command, earlier) : null
}

function refusePlace(market: Market, command: PlaceCommand): Refusal | null {
  const price = amount(command.price)
  const quantity = amount(command.quantity)
  const display = amount(command.display_quantity)
  const { rules } = market
  return first([
    [!timesInForce(command).includes(command.time_in_force), 'TIME_IN_FORCE'],
    [hasLimit(command.type) && price === null, 'PRICE_MISSING'],
    [!hasLimit(command.type) && price !== null, 'PRICE_NOT_ALLOWED'],
    [quantity === null && command.quote_quantity === undefined, 'QUANTITY_MISSING'],
    [hasBadQuoteQuantity(command), 'QUANTITY_NOT_ALLOWED'],
    [isStop(command.type) && command.stop_price === undefined, 'STOP_PRICE_MISSING'],
    [!isStop(command.type) && command.stop_price !== undefined, 'STOP_PRICE_NOT_ALLOWED'],
    ...trailingChecks(command),
    [hasBadPostOnly(command), 'POST_ONLY_NOT_ALLOWED'],
    [display !== null && !mayBeIceberg(command, display), 'DISPLAY_NOT_ALLOWED'],
    [(command.time_in_force === 'GTD') !== (command.expire_at !== undefined), 'EXPIRE_AT'],
    [command.stp !== undefined && !rules.allowedStps.includes(command.stp), 'STP_NOT_ALLOWED'],
    [isNoMultiple(price, rules.tick), 'PRICE_TICK'],
    [isNoMultiple(amount(command.stop_price), rules.tick), 'STOP_PRICE_TICK'],
    [isNoMultiple(quantity, rules.lot), 'LOT_SIZE'],
    [isNoMultiple(display, rules.lot), 'DISPLAY_LOT'],
    ...sizeChecks(rules, price, quantity),
    ...amountChecks(rules, amount(command.quote_quantity)),
    [hasBadDelta(rules, command.trailing_bips), 'TRAILING_DELTA'],
    [partsOf(quantity, display) > BigInt(rules.maxIcebergParts), 'ICEBERG_PARTS'],
  ])
}

/** A repeat is answered as at first, whatever the last price is by now. */
function refuseFar(
  market: Market,
  command: PlaceCommand,
  earlier: readonly PlaceCommand[],
): Refusal | null {
  const { client_id, client_order_id, side } = command
  const isKnown =
    market.keys.has(keyOf(client_id, client_order_id ?? '')) ||
    earlier.some(other => isNamedBy(command, other))
  if (isKnown && client_order_id !== undefined) return null
  const isOutside = isOutsideCollar(market, side, limitOf(command, amount(command.price)))
  return isOutside ? 'PRICE_COLLAR' : null
}

function isNamedBy({ client_id, client_order_id }: Named, placed: PlaceCommand): boolean {
  return placed.client_id === client_id && placed.client_order_id === client_order_id
}

/**
 * What an amendment asks for is checked at its turn, with what the order is by then; only the
 * collar is that of the beginning.
 */
function refuseAmend(
  market: Market,
  command: AmendCommand,
  earlier: readonly PlaceCommand[],
): Refusal | null {
  const { price, quantity, expire_at, time_in_force } = command
  const isEmpty = [price, quantity, expire_at, time_in_force].every(field => field === undefined)
  if (isEmpty) return 'NOTHING_TO_AMEND'
  const found = findAmended(market, command, earlier)
  const isOutside = found !== null && isOutsideCollar(market, found.side, found.limit)
  return isOutside ? 'PRICE_COLLAR' : null
}

/** What of the amended order the collar looks at, as far as it is known before the batch. */
function findAmended(market: Market, command: AmendCommand, earlier: readonly PlaceCommand[]) {
  const price = amount(command.price)
  const order = findNamed(market, command)
  if (order) {
    const isWaiting = order.pendingReason === 'TRIGGER'
    const hasLimit = !isWaiting || order.price !== null
    const limit = {
      price: hasLimit ? price : null,
      stopPrice: isWaiting ? (order.trigger?.level ?? null) : null,
    }
    return isLive(order) ? { side: order.side, limit } : null
  }
  const { client_id, client_order_id } = command
  const isKnown = market.keys.has(keyOf(client_id ?? '', client_order_id ?? ''))
  const isNew = !isKnown && command.order_no === undefined
  const placed = isNew ? earlier.find(other => isNamedBy(command, other)) : undefined
  return placed ? { side: placed.side, limit: limitOf(placed, price) } : null
}

interface Limit {
  price: bigint | null
  /** Of a stop order that waits. */
  stopPrice: bigint | null
}

/** What a new order says, or would say with this price. */
function limitOf({ type, stop_price }: PlaceCommand, price: bigint | null): Limit {
  const isLimited = hasLimit(type) || type === 'MARKET'
  return { price: isLimited ? price : null, stopPrice: amount(stop_price) }
}

/** Why an order may not become one of this price and quantity. */
export function refuseResult({ rules }: Market, order: Order): Refusal | null {
  const { price, quantity, display } = order
  return first([
    [isNoMultiple(price, rules.tick), 'PRICE_TICK'],
    [isNoMultiple(quantity, rules.lot), 'LOT_SIZE'],
    ...sizeChecks(rules, price, quantity),
    [partsOf(quantity, display) > BigInt(rules.maxIcebergParts), 'ICEBERG_PARTS'],
  ])
}

function first(checks: readonly Check[]): Refusal | null {
  return checks.find(([fails]) => fails)?.[1] ?? null
}

function sizeChecks(rules: Rules, price: bigint | null, quantity: bigint | null): Check[] {
  if (quantity === null) return []
  const { minQuantity, maxQuantity, minNotional, maxNotional } = rules
  const notional = price === null ? null : multiply(price, quantity)
  return [
    [quantity < minQuantity, 'MIN_QUANTITY'],
    [maxQuantity !== null && quantity > maxQuantity, 'MAX_QUANTITY'],
    [notional !== null && notional < minNotional, 'MIN_NOTIONAL'],
    [notional !== null && maxNotional !== null && notional > maxNotional, 'MAX_NOTIONAL'],
  ]
}

/** What a quote-sized order spends or receives is its notional. */
function amountChecks({ minNotional, maxNotional }: Rules, quote: bigint | null): Check[] {
  if (quote === null) return []
  return [
    [quote <= 0n || quote < minNotional, 'MIN_NOTIONAL'],
    [maxNotional !== null && quote > maxNotional, 'MAX_NOTIONAL'],
  ]
}

/** What can rest, or wait, can do so for a time; a market order trades at once or not. */
function timesInForce({ type }: PlaceCommand): readonly TimeInForce[] {
  if (type === 'LIMIT') return ['GTC', 'GTD', 'DAY', 'IOC', 'FOK', 'OPG', 'CLS', 'GFA', 'GTX']
  if (type === 'MARKET') return ['IOC', 'FOK', 'OPG', 'CLS']
  return ['GTC', 'GTD', 'DAY', 'IOC', 'FOK']
}

function hasLimit(type: OrderType): boolean {
  return type === 'LIMIT' || type === 'STOP_LIMIT' || type === 'TAKE_PROFIT_LIMIT'
}

export function isStop(type: OrderType): boolean {
  return type !== 'LIMIT' && type !== 'MARKET' && type !== 'TRAILING_STOP'
}

/** Only what trades at once can be sized by what it costs. */
function hasBadQuoteQuantity(command: PlaceCommand): boolean {
  const { type, time_in_force, quantity, quote_quantity } = command
  if (quote_quantity === undefined) return false
  const isForCall = time_in_force === 'OPG' || time_in_force === 'CLS'
  return quantity !== undefined || type !== 'MARKET' || isForCall
}

function trailingChecks(command: PlaceCommand): Check[] {
  const { type, trailing_offset, trailing_bips, activation_price, limit_offset } = command
  const given = [trailing_offset, trailing_bips].filter(value => value !== undefined).length
  const any = given > 0 || activation_price !== undefined || limit_offset !== undefined
  return [
    [type === 'TRAILING_STOP' && given !== 1, 'TRAILING_MISSING'],
    [type !== 'TRAILING_STOP' && any, 'TRAILING_NOT_ALLOWED'],
  ]
}

function hasBadPostOnly({ type, time_in_force, post_only, slide }: PlaceCommand): boolean {
  const takesAtOnce = time_in_force === 'IOC' || time_in_force === 'FOK'
  return post_only === true ? type !== 'LIMIT' || takesAtOnce : slide === true
}

function mayBeIceberg(command: PlaceCommand, display: bigint): boolean {
  const isSmaller = display <= (amount(command.quantity) ?? 0n)
  return (
    hasLimit(command.type) && ['GTC', 'GTD', 'DAY'].includes(command.time_in_force) && isSmaller
  )
}

function isNoMultiple(value: bigint | null, step: bigint): boolean {
  return value !== null && (value <= 0n || value % step !== 0n)
}

function hasBadDelta({ minTrailingBips, maxTrailingBips }: Rules, bips?: number): boolean {
  return bips !== undefined && (bips < minTrailingBips || bips > maxTrailingBips)
}

/** In how many parts an iceberg shows itself. */
function partsOf(quantity: bigint | null, display: bigint | null): bigint {
  if (quantity === null || display === null || display <= 0n) return 1n
  return (quantity + display - 1n) / display
}

/** A limit far beyond the last price, or a stop order's own, is a slip of the finger. */
function isOutsideCollar({ rules, lastPrice }: Market, side: Side, limit: Limit): boolean {
  const near = limit.stopPrice ?? lastPrice
  if (rules.collarRate === null || limit.price === null || near === null) return false
  const sign = side === 'BUY' ? 1n : -1n
  return (limit.price - multiply(near, one + sign * rules.collarRate)) * sign > 0n
}
