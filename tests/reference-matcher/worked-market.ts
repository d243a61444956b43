import { printUnits, toUnits } from '../replay/decimals.ts'
import type { Answer, Command, PlaceCommand } from './commands.ts'
import type { Order, Rules, Side } from './market.ts'
import { createMatcher, type Matcher } from './matcher.ts'

/** A market for worked examples: round figures, no fees, and traders who never run out of money. */
export interface WorkedMarket extends Matcher {
  /** Executes one command and tells what came of it. */
  play(command: Command): Answer
  /** The order that stands under a key. */
  order(key: string): Order
  /** A side of the book as `key remaining@price`, the next to trade first; any price is 0. */
  queue(side: Side): string[]
  /** All trades as `quantity@price maker taker`. */
  tape(): string[]
}

export const noonMs = Date.parse('2026-03-02T12:00:00Z')

export const plainRules: Rules = {
  tick: toUnits('1'),
  lot: toUnits('1'),
  quoteUnit: toUnits('0.01'),
  minQuantity: toUnits('1'),
  maxQuantity: null,
  minNotional: 0n,
  maxNotional: null,
  protectionRate: toUnits('0.05'),
  protectionTicks: 10,
  protectionRests: false,
  makerRate: 0n,
  takerRate: 0n,
  defaultStp: 'CANCEL_TAKER',
  allowedStps: ['NONE', 'CANCEL_TAKER', 'CANCEL_MAKER', 'CANCEL_BOTH', 'DECREMENT'],
  collarRate: null,
  maxIcebergParts: 100,
  minTrailingBips: 1,
  maxTrailingBips: 5000,
  bandRate: null,
  bandAction: 'AUCTION',
  acceptWhenClosed: true,
  extensionRate: null,
  extensionMs: 120_000,
  maxExtensions: 1,
  cancelLockMs: 0,
  bandAuctionMs: 300_000,
}

/** Ann and abe are of one trade group; poor has 100 of each. */
const funds = { base: toUnits('1000000'), quote: toUnits('1000000000') }
const traders = [
  { name: 'ann', group: 'a', ...funds },
  { name: 'abe', group: 'a', ...funds },
  { name: 'bob', group: null, ...funds },
  { name: 'cat', group: null, ...funds },
  { name: 'poor', group: null, base: toUnits('100'), quote: toUnits('100') },
]

export function createWorkedMarket(rules: Partial<Rules> = {}): WorkedMarket {
  const matcher = createMatcher({ ...plainRules, ...rules }, traders, noonMs)
  const { market } = matcher
  const keyOf = (no: number) => market.orders[no]?.key ?? String(no)
  return {
    ...matcher,
    play(command) {
      const [answer] = matcher.execute([command], { nowMs: market.nowMs })
      if (!answer) throw new Error('a command is answered')
      return answer
    },
    order(key) {
      const order = market.orders.find(order => order.key === key)
      if (!order) throw new Error(`there is no order ${key}`)
      return order
    },
    queue: side =>
      market.book[side].map(
        ({ no, remaining, bookPrice }) =>
          `${keyOf(no)} ${printUnits(remaining)}@${printUnits(bookPrice ?? 0n)}`,
      ),
    tape: () =>
      market.trades.map(
        ({ maker, taker, price, quantity }) =>
          `${printUnits(quantity)}@${printUnits(price)} ${keyOf(maker)} ${keyOf(taker)}`,
      ),
  }
}

type More = Partial<PlaceCommand>

/** `buy('x', 'ann 5@100')`: an order with a key, LIMIT and GTC where it does not say. */
export const buy = (key: string, what: string, more: More = {}) => order('BUY', key, what, more)
export const sell = (key: string, what: string, more: More = {}) => order('SELL', key, what, more)

function order(side: Side, key: string, what: string, more: More): PlaceCommand {
  const [, client_id = '', quantity, price] = /^(\w+) ([\d.]+)?(?:@([\d.]+))?$/.exec(what) ?? []
  const isPriced = price !== undefined
  return {
    op: 'PLACE',
    client_id,
    side,
    type: isPriced ? 'LIMIT' : 'MARKET',
    time_in_force: isPriced ? 'GTC' : 'IOC',
    client_order_id: key,
    ...(quantity !== undefined && { quantity }),
    ...(isPriced && { price }),
    ...more,
  }
}

/** What is left of an order and how it stands, in one line. */
export function state({ status, endReason, refusal, ...amounts }: Order): string {
  const { filled, prevented, remaining, cancelled } = amounts
  const figures = [filled, prevented, remaining, cancelled].map(printUnits).join(' ')
  return [status, endReason ?? refusal, figures].filter(word => word !== null).join(' ')
}
