import { add, compare, sign } from './amounts.js'

/**
 * One symbol's price levels, kept from a snapshot and the changes that follow it.
 *
 * @typedef {{ price: string, quantity: string, orders: number }} Level
 * @typedef {{ levels: Level[], horizon: string | null }} Side best first; the snapshot knows
 *   nothing behind the horizon
 * @typedef {{ symbol: string, seq: number, BUY: Side, SELL: Side }} Book
 * @typedef {[number | string, 'BUY' | 'SELL', string, string, number | string]} Change
 * @typedef {{ symbol: string, first_seq: number | string, last_seq: number | string,
 *   changes: Change[] }} BookMessage
 * @typedef {{ symbol: string, seq: number | string, bids: [string, string, number][],
 *   asks: [string, string, number][] }} Snapshot
 */

/**
 * @param {Snapshot} snapshot
 * @param {number} depth the depth that was asked for: a full side may go on behind its last level
 * @returns {Book}
 */
export function bookFrom(snapshot, depth) {
  /** @param {[string, string, number][]} rows @returns {Side} */
  const side = rows => ({
    levels: rows.map(([price, quantity, orders]) => ({ price, quantity, orders: Number(orders) })),
    horizon: rows.length >= depth ? (rows.at(-1)?.[0] ?? null) : null,
  })
  return {
    symbol: snapshot.symbol,
    seq: Number(snapshot.seq),
    BUY: side(snapshot.bids),
    SELL: side(snapshot.asks),
  }
}

/**
 * Applies the changes behind the book's seq. `broken` means that the book no longer agrees with the
 * feed (a missed message, a level below zero, crossed sides) and wants a new snapshot.
 *
 * @param {Book} book
 * @param {BookMessage} message
 * @param {boolean} mayCross in an auction orders are collected before they trade
 * @returns {'applied' | 'stale' | 'broken'}
 */
export function applyChanges(book, message, mayCross = false) {
  const last = Number(message.last_seq)
  if (last <= book.seq) return 'stale'
  let sound = Number(message.first_seq) <= book.seq + 1
  for (const [seq, side, price, quantity, orders] of message.changes) {
    if (Number(seq) <= book.seq) continue
    sound = changeLevel(book, side, price, quantity, Number(orders)) && sound
  }
  book.seq = last
  return sound && (mayCross || !isCrossed(book)) ? 'applied' : 'broken'
}

/** @param {Book} book @param {number} shown whether a cut-off side has too few levels left */
export function runsShort(book, shown) {
  return [book.BUY, book.SELL].some(side => side.horizon !== null && side.levels.length < shown)
}

/** @param {Book} book @param {'BUY' | 'SELL'} side */
export function best(book, side) {
  return book[side].levels[0] ?? null
}

/**
 * The best `count` levels with the quantity added up from the best one.
 * @param {Book} book @param {'BUY' | 'SELL'} side @param {number} count
 */
export function ladder(book, side, count) {
  let total = '0'
  return book[side].levels.slice(0, count).map(level => {
    total = add(total, level.quantity)
    return { ...level, total }
  })
}

/** @param {Book} book */
function isCrossed(book) {
  const bid = best(book, 'BUY')
  const ask = best(book, 'SELL')
  return bid !== null && ask !== null && compare(bid.price, ask.price) >= 0
}

/**
 * @param {Book} book @param {'BUY' | 'SELL'} name @param {string} price
 * @param {string} quantity @param {number} orders
 * @returns {boolean} false when the level cannot be right
 */
function changeLevel(book, name, price, quantity, orders) {
  const side = book[name]
  const direction = name === 'BUY' ? -1 : 1
  if (side.horizon !== null && compare(price, side.horizon) * direction > 0) return true
  const at = position(side.levels, price, direction)
  const level = side.levels[at]
  if (level === undefined || compare(level.price, price) !== 0) {
    side.levels.splice(at, 0, { price, quantity, orders })
    return sign(quantity) > 0
  }
  level.quantity = add(level.quantity, quantity)
  level.orders += orders
  const left = sign(level.quantity)
  if (left <= 0) side.levels.splice(at, 1)
  return left >= 0
}

/**
 * The first place that is not better than the price.
 * @param {Level[]} levels @param {string} price @param {number} direction -1 when higher is better
 */
function position(levels, price, direction) {
  let low = 0
  let high = levels.length
  while (low < high) {
    const half = (low + high) >> 1
    if (compare(levels[half]?.price ?? price, price) * direction < 0) low = half + 1
    else high = half
  }
  return low
}
