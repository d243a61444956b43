import { resize } from './changing.ts'
import { end, onCopy, type Ways } from './entering.ts'
import { isLive, type Market, type Order, type OrderList, type Side, type Trade } from './market.ts'
import { available } from './money.ts'
import { activate, withdraw } from './placing.ts'

/** The orders of which one only can do something: the legs of an OCO, the exits of an entry. */
function siblingsOf(order: Order): Order[] {
  const { list } = order
  if (!list || order === list.entry) return []
  return list.legs.filter(leg => leg !== order && leg !== list.entry)
}

/** Cancels what has lost to another of its list. */
export function cancelLosers(market: Market): void {
  for (const order of market.orders) {
    if (hasLost(order)) cancelLoser(market, order)
  }
}

/** Cancels the others of its list when an order fires: not before, it may have to wait on. */
export function cancelSiblings(market: Market, order: Order): void {
  for (const sibling of siblingsOf(order)) cancelLoser(market, sibling)
}

function cancelLoser(market: Market, order: Order): void {
  if (!isLive(order)) return
  withdraw(market, order)
  end(order, 'CANCELLED', 'OCO_TRIGGER')
}

/**
 * What an entry that has traded or ended asks of its exits since it was looked at last: to live, or
 * to grow, those that rest before those that wait; or to end. What was asked last comes first: it
 * follows from what was done before it. Returns whether there was anything.
 */
export function nextExit(market: Market, ways: Ways): boolean {
  const lists = listsByEvent(market)
  const turn = 1 + Math.max(0, ...lists.map(list => list.askedAt))
  for (const list of lists.filter(list => stateOf(list) !== list.seen)) {
    Object.assign(list, { asked: wishesOf(list), askedAt: turn, seen: stateOf(list) })
  }
  const [list] = lists
    .filter(({ asked }) => asked.length > 0)
    .toSorted((one, other) => other.askedAt - one.askedAt)
  const exit = list?.asked.shift()
  if (!list || !exit) return false
  if (isLive(exit)) serve(market, list, exit, ways)
  return true
}

/** Exits that wait for their funds are tried again when there is more than the last time. */
export function retryExits(
  market: Market,
  ways: Ways,
  begin: () => void,
  followUp: () => void,
): void {
  const funds = ({ entry }: OrderList) =>
    entry ? available(market, entry.owner, exitSide(entry)) : 0n
  const waiting = listsOf(market).filter(
    list =>
      list.fundsTried !== null && (list.fundsTried === 'none' || funds(list) > list.fundsTried),
  )
  const asked = waiting.map(list => ({
    list,
    exits: market.status === 'ACTIVE' ? wishesOf(list) : [],
  }))
  begin()
  for (const { list, exits } of asked) {
    for (const exit of exits) {
      if (isLive(exit)) serve(market, list, exit, ways)
      followUp()
    }
  }
  for (const { list, exits } of asked) list.fundsTried = exits.length === 0 ? null : funds(list)
}

function exitSide({ side }: Order): Side {
  return side === 'BUY' ? 'SELL' : 'BUY'
}

function listsOf({ orders }: Market): OrderList[] {
  return [...new Set(orders.flatMap(({ list }) => (list?.entry ? [list] : [])))]
}

/**
 * By the last thing that happened to their entries: a trade, told of its maker before its taker is
 * told to be done. What an uncrossing did to orders is told behind all of its trades, bids first,
 * each side as it stood in the book.
 */
function listsByEvent(market: Market): OrderList[] {
  const lastOf = ({ entry }: OrderList) =>
    market.trades.findLastIndex(({ maker, taker }) => maker === entry?.no || taker === entry?.no)
  const toldAt = (index: number) => {
    const trade = market.trades[index]
    if (!trade?.isAuction) return index
    const isNext = ({ isAuction, atMs }: Trade) => !isAuction || atMs !== trade.atMs
    const next = market.trades.findIndex((other, i) => i > index && isNext(other))
    return (next === -1 ? market.trades.length : next) - 1
  }
  return listsOf(market).toSorted((list, other) => {
    const [at, otherAt] = [toldAt(lastOf(list)), toldAt(lastOf(other))]
    if (at !== otherAt) return at - otherAt
    const trade = market.trades[at]
    if (trade?.isAuction) return byBook(list.entry, other.entry)
    return Number(trade?.taker === list.entry?.no) - Number(trade?.taker === other.entry?.no)
  })
}

function byBook(one: Order | null, other: Order | null): number {
  if (!one || !other) return 0
  if (one.side !== other.side) return one.side === 'BUY' ? -1 : 1
  const further = (other.bookPrice ?? 0n) - (one.bookPrice ?? 0n)
  if (further === 0n) return one.place - other.place
  return further < 0n === (one.side === 'BUY') ? -1 : 1
}

function stateOf({ entry }: OrderList): string {
  return entry ? `${entry.filled} ${isLive(entry)}` : ''
}

/** The exits that are not as large as what their entry has traded; all, where it ended before. */
function wishesOf({ entry, legs, isPartial }: OrderList): Order[] {
  if (!entry) return []
  const exits = legs.filter(leg => leg !== entry && isLive(leg))
  const waiting = exits.filter(exit => exit.pendingReason === 'PARENT')
  if (entry.status === 'FILLED' || (isPartial && entry.filled > 0n)) {
    const small = exits.filter(exit => waiting.includes(exit) || exit.quantity < entry.filled)
    return small.toSorted((exit, other) => Number(isStop(exit)) - Number(isStop(other)))
  }
  return isLive(entry) ? [] : waiting
}

function isStop({ type }: Order): boolean {
  return type !== 'LIMIT'
}

/** One exit gets what its entry has traded; without the funds for it, it goes on as it is. */
function serve(market: Market, list: OrderList, exit: Order, ways: Ways): void {
  const { entry } = list
  if (!entry) return
  const isAwake = entry.status === 'FILLED' || (list.isPartial && entry.filled > 0n)
  if (!isAwake) {
    end(exit, 'CANCELLED', 'OTO_PHASE_ONE_EXPIRED')
  } else if (exit.pendingReason !== 'PARENT') {
    if (resize(market, exit, entry.filled, ways) === 'INSUFFICIENT_FUNDS')
      list.fundsTried ??= 'none'
  } else if (lacksFunds(market, exit, entry.filled, ways)) {
    list.fundsTried ??= 'none'
  } else {
    activate(market, exit, entry.filled, ways)
  }
}

function lacksFunds(market: Market, exit: Order, quantity: bigint, ways: Ways): boolean {
  return onCopy(market, exit, (copy, own) => {
    activate(copy, own, quantity, ways)
    return own.refusal === 'INSUFFICIENT_FUNDS'
  })
}

function hasLost(order: Order): boolean {
  return !hasActed(order) && siblingsOf(order).some(hasActed)
}

/** Whether an order has traded, ended or fired. */
function hasActed(order: Order): boolean {
  const isEndedByList =
    order.endReason === 'OCO_TRIGGER' || order.endReason === 'OTO_PHASE_ONE_EXPIRED'
  const hasEnded = !isLive(order) && !isEndedByList
  const hasFired = isLive(order) && isStop(order) && order.pendingReason === null
  return order.filled > 0n || hasEnded || hasFired
}
