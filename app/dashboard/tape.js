import { toPixels } from './amounts.js'

/**
 * The trades of one symbol, oldest first.
 *
 * @typedef {{ trade_id: string, seq: number, price: string, quantity: string,
 *   taker_side: 'BUY' | 'SELL', at: string, ms: number, busted: boolean,
 *   corrects: string | null }} Trade
 * @typedef {{ times: number[], prices: number[], volumes: number[], exact: string[],
 *   counts: number[], from: number, to: number }} Columns
 */

/** More trades than this are forgotten, the oldest first: it bounds memory on a busy market. */
const keptTrades = 6000

/**
 * @param {Record<string, unknown>} raw a trade of the list or of the stream
 * @returns {Trade}
 */
export function tradeFrom(raw) {
  const at = String(raw.at ?? raw.traded_at ?? raw.created_at ?? '')
  return {
    trade_id: String(raw.trade_id),
    seq: Number(raw.seq),
    price: String(raw.price),
    quantity: String(raw.quantity),
    taker_side: raw.taker_side === 'SELL' ? 'SELL' : 'BUY',
    at,
    ms: Date.parse(at),
    busted: raw.busted === true,
    corrects: raw.corrects == null ? null : String(raw.corrects),
  }
}

/**
 * Marks a trade as busted.
 * @param {Trade[]} tape @param {string} tradeId
 */
export function bust(tape, tradeId) {
  const trade = tape.find(one => one.trade_id === tradeId)
  if (trade) trade.busted = true
}

/** @param {Trade[]} tape @param {Trade} correction stands where the busted trade stood */
function correct(tape, { corrects, trade_id, price, busted }) {
  const trade = tape.find(one => one.trade_id === corrects)
  if (trade) Object.assign(trade, { trade_id, price, busted, corrects })
}

/**
 * Adds trades; a repeat changes nothing, one that comes late finds its place.
 * @param {Trade[]} tape @param {Trade[]} arrived oldest first
 */
export function extend(tape, arrived) {
  const late = []
  for (const trade of arrived) {
    if (trade.busted) bust(tape, trade.trade_id)
    if (trade.corrects !== null) correct(tape, trade)
    else if (trade.seq > (tape.at(-1)?.seq ?? -1)) tape.push(trade)
    else late.push(trade)
  }
  if (late.length > 0) {
    const known = new Set(tape.map(trade => trade.seq))
    tape.push(...late.filter(trade => !known.has(trade.seq)))
    tape.sort((a, b) => a.seq - b.seq)
  }
  if (tape.length > keptTrades) tape.splice(0, tape.length - keptTrades)
}

/**
 * The tape as chart columns: one point a bucket, holding the bucket's last price and its volume.
 * @param {Trade[]} tape
 * @param {number} spanSeconds how far back; 0 is the whole tape
 * @param {number} nowMs
 * @returns {Columns}
 */
export function columns(tape, spanSeconds, nowMs) {
  const to = Math.max(nowMs, tape.at(-1)?.ms ?? 0) / 1000
  const first = (tape[0]?.ms ?? nowMs) / 1000
  const from = spanSeconds > 0 ? to - spanSeconds : Math.min(first, to - 60)
  const width = Math.max(1, Math.ceil((to - from) / 240))
  /** @type {Columns} */
  const result = { times: [], prices: [], volumes: [], exact: [], counts: [], from, to }
  let before = null
  const standing = tape.filter(trade => !trade.busted)
  for (const trade of standing) {
    if (trade.ms / 1000 < from) {
      before = trade
      continue
    }
    if (before) put(result, from, before.price, 0, 0)
    before = null
    const time = Math.max(from, Math.floor(trade.ms / 1000 / width) * width)
    put(result, time, trade.price, toPixels(trade.quantity), 1)
  }
  if (before) put(result, from, before.price, 0, 0)
  const last = standing.at(-1)
  if (last && (result.times.at(-1) ?? 0) < to) put(result, to, last.price, 0, 0)
  return result
}

/**
 * @param {Columns} result @param {number} time @param {string} price
 * @param {number} volume @param {number} count
 */
function put(result, time, price, volume, count) {
  const at = result.times.length - 1
  if (at >= 0 && (result.times[at] ?? 0) >= time) {
    result.prices[at] = toPixels(price)
    result.exact[at] = price
    result.volumes[at] = (result.volumes[at] ?? 0) + volume
    result.counts[at] = (result.counts[at] ?? 0) + count
    return
  }
  result.times.push(time)
  result.prices.push(toPixels(price))
  result.exact.push(price)
  result.volumes.push(volume)
  result.counts.push(count)
}
