import { multiply, one } from '../replay/decimals.ts'
import { type AmendCommand, amount, type Command, type PlaceCommand, time } from './commands.ts'
import type { Market, Order, OrderType, Refusal, Rules, TimeInForce } from './market.ts'

type Check = [fails: boolean, refusal: Refusal]

/** What a symbol refuses without a look at its book: the first that holds. */
export function refuseByFilter(market: Market, command: Command): Refusal | null {
  if (command.client_id !== undefined && !market.traders.has(command.client_id)) {
    return 'UNKNOWN_PARTICIPANT'
  }
  if (command.op === 'PLACE') return refusePlace(market, command)
  return command.op === 'AMEND' ? refuseAmend(market, command) : null
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
    [display !== null && !mayBeIceberg(command), 'DISPLAY_NOT_ALLOWED'],
    [hasBadExpiry(market, command), 'EXPIRE_AT'],
    [command.stp !== undefined && !rules.allowedStps.includes(command.stp), 'STP_NOT_ALLOWED'],
    [isNoMultiple(price, rules.tick), 'PRICE_TICK'],
    [isNoMultiple(amount(command.stop_price), rules.tick), 'STOP_PRICE_TICK'],
    [isNoMultiple(quantity, rules.lot), 'LOT_SIZE'],
    [isNoMultiple(display, rules.lot) || (display ?? 0n) > (quantity ?? 0n), 'DISPLAY_LOT'],
    ...sizeChecks(rules, price, quantity),
    [hasBadDelta(rules, command.trailing_bips), 'TRAILING_DELTA'],
    [partsOf(quantity, display) > BigInt(rules.maxIcebergParts), 'ICEBERG_PARTS'],
    [isOutsideCollar(market, command, price), 'PRICE_COLLAR'],
  ])
}

/** What an amendment states, as it stands; what it would result in is checked at its turn. */
function refuseAmend(market: Market, command: AmendCommand): Refusal | null {
  const price = amount(command.price)
  const quantity = amount(command.quantity)
  const { rules } = market
  const expireAtMs = time(command.expire_at)
  return first([
    [expireAtMs !== null && expireAtMs <= market.nowMs, 'EXPIRE_AT'],
    [isNoMultiple(price, rules.tick), 'PRICE_TICK'],
    [isNoMultiple(quantity, rules.lot), 'LOT_SIZE'],
    ...sizeChecks(rules, price, quantity),
    [price === null && quantity === null && !changesTime(command), 'NOTHING_TO_AMEND'],
  ])
}

/** Why an order may not become one of this price and quantity. */
export function refuseResult(market: Market, order: Order): Refusal | null {
  const parts = partsOf(order.quantity, order.display)
  return first([
    ...sizeChecks(market.rules, order.price, order.quantity),
    [parts > BigInt(market.rules.maxIcebergParts), 'ICEBERG_PARTS'],
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

/** What can rest can do so for a time; what takes at any price trades at once or not. */
function timesInForce({ type, limit_offset }: PlaceCommand): readonly TimeInForce[] {
  if (type === 'LIMIT') return ['GTC', 'GTD', 'DAY', 'IOC', 'FOK', 'OPG', 'CLS', 'GFA', 'GTX']
  if (type === 'MARKET') return ['IOC', 'FOK', 'OPG', 'CLS']
  const becomesLimit = hasLimit(type) || limit_offset !== undefined
  return becomesLimit ? ['GTC', 'GTD', 'DAY', 'IOC', 'FOK'] : ['IOC', 'FOK']
}

function hasLimit(type: OrderType): boolean {
  return type === 'LIMIT' || type === 'STOP_LIMIT' || type === 'TAKE_PROFIT_LIMIT'
}

export function isStop(type: OrderType): boolean {
  return type !== 'LIMIT' && type !== 'MARKET' && type !== 'TRAILING_STOP'
}

function hasBadQuoteQuantity({ type, quantity, quote_quantity }: PlaceCommand): boolean {
  return quote_quantity !== undefined && (quantity !== undefined || type !== 'MARKET')
}

function trailingChecks(command: PlaceCommand): Check[] {
  const { type, trailing_offset, trailing_bips, activation_price, limit_offset } = command
  const given = [trailing_offset, trailing_bips].filter(value => value !== undefined).length
  const any = given > 0 || activation_price !== undefined || limit_offset !== undefined
  return [
    [type === 'TRAILING_STOP' && given === 0, 'TRAILING_MISSING'],
    [type === 'TRAILING_STOP' ? given > 1 : any, 'TRAILING_NOT_ALLOWED'],
  ]
}

function hasBadPostOnly({ type, time_in_force, post_only, slide }: PlaceCommand): boolean {
  const takesAtOnce = time_in_force === 'IOC' || time_in_force === 'FOK'
  return post_only === true ? type !== 'LIMIT' || takesAtOnce : slide === true
}

function mayBeIceberg({ type, time_in_force }: PlaceCommand): boolean {
  return hasLimit(type) && ['GTC', 'GTD', 'DAY'].includes(time_in_force)
}

function hasBadExpiry({ nowMs }: Market, { time_in_force, expire_at }: PlaceCommand): boolean {
  const expireAtMs = time(expire_at)
  return time_in_force === 'GTD' ? expireAtMs === null || expireAtMs <= nowMs : expireAtMs !== null
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

/** A limit far beyond the last price is a slip of the finger. */
function isOutsideCollar(market: Market, { side }: PlaceCommand, price: bigint | null): boolean {
  const { collarRate } = market.rules
  if (collarRate === null || price === null || market.lastPrice === null) return false
  const sign = side === 'BUY' ? 1n : -1n
  return (price - multiply(market.lastPrice, one + sign * collarRate)) * sign > 0n
}

function changesTime({ expire_at, time_in_force }: AmendCommand): boolean {
  return expire_at !== undefined || time_in_force !== undefined
}
