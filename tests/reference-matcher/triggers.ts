import { multiply, one } from '../replay/decimals.ts'
import { roundDown, roundUp } from './amounts.ts'
import { amount, type PlaceCommand } from './commands.ts'
import { isStop } from './filters.ts'
import type { Market, Order, Rules, Side, Trailing, Trigger } from './market.ts'
import { widen } from './money.ts'

/** The trigger that a command asks for; none for an order that enters at once. */
export function createTrigger(market: Market, command: PlaceCommand): Trigger | null {
  const { side, type } = command
  if (isStop(type)) {
    const isUp = (side === 'BUY') === type.startsWith('STOP')
    return { isUp, level: amount(command.stop_price), trailing: null }
  }
  if (type !== 'TRAILING_STOP') return null
  const trailing = {
    offset: amount(command.trailing_offset),
    bips: command.trailing_bips ?? null,
    limitOffset: amount(command.limit_offset),
    ...start(market.lastPrice, side, amount(command.activation_price)),
  }
  const trigger = { isUp: side === 'BUY', level: null, trailing }
  follow(trigger, trailing)
  return trigger
}

/** A trailing stop follows from the last price on, or waits for its activation price. */
function start(last: bigint | null, side: Side, price: bigint | null) {
  if (price === null || price === last) return { activation: null, watermark: last }
  // Met from the side on which the market is; without a market, from where it would be good news.
  const isUp = last === null ? side === 'SELL' : price > last
  return { activation: { price, isUp }, watermark: null }
}

/** Whether the market is already where a stop order would wait for it. */
export function isMetAtEntry(market: Market, trigger: Trigger): boolean {
  return trigger.trailing === null && market.lastPrice !== null && isMet(trigger, market.lastPrice)
}

function isMet({ isUp, level }: Trigger, price: bigint): boolean {
  if (level === null) return false
  return isUp ? price >= level : price <= level
}

/** Shows a trade's price to a trigger: whether it fires. If not, a trailing one may move. */
export function watch(trigger: Trigger, price: bigint): boolean {
  if (isMet(trigger, price)) return true
  const { trailing, isUp } = trigger
  if (trailing === null) return false
  const { activation, watermark } = trailing
  if (activation !== null) {
    if (activation.isUp ? price < activation.price : price > activation.price) return false
    trailing.activation = null
  }
  const isFurther = watermark === null || (isUp ? price < watermark : price > watermark)
  if (isFurther) trailing.watermark = price
  follow(trigger, trailing)
  return false
}

function follow(trigger: Trigger, trailing: Trailing): void {
  if (trailing.watermark === null) return
  trigger.level = levelBehind(trigger, trailing, trailing.watermark)
}

/** Not rounded: a trade is compared with it as it is. */
function levelBehind({ isUp }: Trigger, { offset, bips }: Trailing, watermark: bigint): bigint {
  const distance = offset ?? multiply(watermark, (BigInt(bips ?? 0) * one) / 10_000n)
  return isUp ? watermark + distance : watermark - distance
}

/** The limit that a trailing stop gets when it fires at this level; none without an offset. */
export function limitBehind(rules: Rules, { isUp, trailing }: Trigger, level: bigint) {
  const offset = trailing?.limitOffset ?? null
  if (offset === null) return null
  return isUp ? roundUp(level + offset, rules.tick) : roundDown(level - offset, rules.tick)
}

/**
 * The most that a waiting buy may have to pay, on a tick, as far as that is known; null: it is not.
 */
export function worstPrice(market: Market, order: Order, trigger: Trigger): bigint | null {
  if (order.price !== null) return order.price
  const { trailing } = trigger
  const watermark = trailing?.watermark ?? trailing?.activation?.price ?? null
  const behind = trailing && watermark !== null ? levelBehind(trigger, trailing, watermark) : null
  const level = trigger.level ?? behind
  if (level === null) return null
  const limit = limitBehind(market.rules, trigger, level)
  return limit ?? roundUp(widen(market.rules, level, order.side), market.rules.tick)
}

/**
 * Shows the trades that were not shown yet to all stop orders, one after the other; those that fire
 * are in the order of the trade that reached them, then buys by the lowest level and sells by the
 * highest, then as they came.
 */
export function watchTrades(market: Market): void {
  if (market.phase !== 'CONTINUOUS') market.watchedTrades = market.trades.length
  for (; market.watchedTrades < market.trades.length; market.watchedTrades++) {
    const price = market.trades[market.watchedTrades]?.price ?? 0n
    const fired = market.orders.filter(
      order => isWaiting(market, order) && order.trigger !== null && watch(order.trigger, price),
    )
    market.fired.push(...fired.sort(byPrecedence))
    const isBehind = market.fired.slice(1).some(({ list }) => list !== null)
    if (isBehind) market.notes.add('fired behind others, in a list')
  }
}

function isWaiting(market: Market, order: Order): boolean {
  const waits = order.status === 'PENDING' && order.pendingReason === 'TRIGGER'
  return waits && !market.fired.includes(order)
}

function byPrecedence(a: Order, b: Order): number {
  if (a.side !== b.side) return a.side === 'BUY' ? -1 : 1
  const difference = (a.trigger?.level ?? 0n) - (b.trigger?.level ?? 0n)
  if (difference === 0n) return a.place - b.place
  return difference < 0n === (a.side === 'BUY') ? -1 : 1
}
