import type { OrderAnswer } from './answers.ts'
import type { BookMirror, PrintedLevel } from './book-mirror.ts'
import { toUnits } from './decimals.ts'
import type { ToldTrade } from './feed.ts'
import type { StatedTrade, Step } from './order-flow.ts'

/** Each comparison returns what differs, as a sentence that gives both sides; none is agreement. */

export function compareTrades(step: Step, told: readonly StatedTrade[]): string[] {
  const stated = step.expect?.trades ?? (mayTrade(step) ? undefined : [])
  if (stated === undefined) return []
  const isSame =
    stated.length === told.length &&
    stated.every((trade, index) => {
      const other = told[index]
      return (
        other !== undefined &&
        trade.maker === other.maker &&
        trade.taker === other.taker &&
        toUnits(trade.price) === toUnits(other.price) &&
        toUnits(trade.qty) === toUnits(other.qty)
      )
    })
  return isSame ? [] : [`trades are ${printTrades(told)}, stated are ${printTrades(stated)}`]
}

/** The book after a step against its stated top and levels. */
export function compareBook({ expect }: Step, book: BookMirror): string[] {
  const found: string[] = []
  const { top, book: stated } = expect ?? {}
  for (const [name, side] of [
    ['bid', 'BUY'],
    ['ask', 'SELL'],
  ] as const) {
    const level = top?.[name]
    if (level !== undefined) {
      found.push(...compareLevels(`best ${name}`, book.levels(side, 1), level ? [level] : []))
    }
    const levels = stated?.[`${name}s`]
    if (levels !== undefined) {
      const depth = levels.length + (stated?.[`${name}s_complete`] ? 1 : 0)
      found.push(...compareLevels(`${name}s`, book.levels(side, depth), levels))
    }
  }
  return found
}

/** The count of orders is compared where it is stated. */
export function compareLevels(
  name: string,
  told: readonly PrintedLevel[],
  stated: readonly (readonly [string, string, number?])[],
): string[] {
  const isSame =
    stated.length === told.length &&
    stated.every(([price, quantity, orders], index) => {
      const [toldPrice = '0', toldQuantity = '0', toldOrders] = told[index] ?? []
      return (
        toUnits(price) === toUnits(toldPrice) &&
        toUnits(quantity) === toUnits(toldQuantity) &&
        (orders === undefined || orders === toldOrders)
      )
    })
  return isSame ? [] : [`${name}: is ${printLevels(told)}, stated is ${printLevels(stated)}`]
}

/** The fills of a placed order's answer are the trades that the stream tells of it. */
export function compareFills(
  step: Step,
  { fills }: OrderAnswer,
  told: readonly ToldTrade[],
): string[] {
  if (step.op !== 'submit') return []
  const print = ({ trade_id, price, quantity }: (typeof fills)[number]) =>
    `${trade_id}: ${quantity} at ${price}`
  const answered = fills.map(print).join(', ')
  const streamed = told.map(print).join(', ')
  return answered === streamed ? [] : [`fills are [${answered}], the stream has [${streamed}]`]
}

/** Whether trades that are not stated may happen: what neither adds nor reprices makes none. */
function mayTrade(step: Step): boolean {
  return step.op === 'submit' || (step.op === 'replace' && step.price !== undefined)
}

function printTrades(trades: readonly StatedTrade[]): string {
  const texts = trades.map(
    ({ maker, taker, price, qty }) => `${qty} at ${price} of ${maker} by ${taker}`,
  )
  return `[${texts.join(', ')}]`
}

function printLevels(levels: readonly (readonly [string, string, number?])[]): string {
  const texts = levels.map(([price, quantity]) => `${quantity} at ${price}`)
  return texts.length === 0 ? 'empty' : texts.join(', ')
}
