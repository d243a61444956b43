import { createRates } from './rates.js'

/**
 * All that the page shows. Loaders write here and call `changed`; the views only read.
 *
 * @typedef {{ symbol: string, base_asset: string, quote_asset: string, status: string,
 *   phase?: string, tick_size: string, lot_size: string }} Market
 * @typedef {{ symbol: string, last_price: string | null, [field: string]: any }} Ticker
 * @typedef {{ pending: number, failed: number, oldest_created_at: string | null,
 *   settled_last_minute: number }} Backlog
 * @typedef {{ tone: 'good' | 'bad' | 'unknown', title: string, lines: string[] }} Reply
 */

export const state = {
  /** @type {Market[] | null} */ markets: null,
  /** @type {Map<string, Ticker>} */ tickers: new Map(),
  symbol: '',
  client: '',
  /** @type {string | null} what is typed for the next client, until it is entered */
  clientDraft: null,
  /** @type {{ phase: 'connecting' | 'live' | 'reconnecting', since: number }} */
  connection: { phase: 'connecting', since: Date.now() },
  /** @type {import('./book.js').Book | null} */ book: null,
  /** @type {import('./tape.js').Trade[]} */ tape: [],
  tapeLoaded: false,
  rows: 12,
  spanSeconds: 300,
  /** @type {{ price: string, at: number, count: number } | null} */ hover: null,
  /** @type {Backlog | null} */ backlog: null,
  /** @type {number[]} the backlog once a second */ pendingSeries: [],
  /** @type {any[] | null} */ orders: null,
  /** @type {any[] | null} */ balances: null,
  accountProblem: '',
  /** @type {Reply | null} */ accountReply: null,
  /** @type {Set<string>} orders that are being cancelled */ cancelling: new Set(),
  ticket: {
    /** @type {'BUY' | 'SELL'} */ side: 'BUY',
    /** @type {'LIMIT' | 'MARKET'} */ type: 'LIMIT',
    /** @type {'GTC' | 'IOC' | 'FOK'} */ timeInForce: 'GTC',
    price: '',
    quantity: '',
    key: '',
    sending: false,
    /** @type {Reply | null} */ reply: null,
  },
  /** @type {any[] | null} the failed instructions while their dialog is open */ failures: null,
  failuresReply: '',
  /** @type {Map<string, string>} what cannot be read at the moment, by source */
  notices: new Map(),
}

export const rates = createRates()

/** Live data paints at most this often: faster than this no one can read. */
const paintEveryMs = 90

/** @type {() => void} */
let paint = () => {}
let paintedAt = 0
let waiting = false

/** @param {() => void} painter */
export function onPaint(painter) {
  paint = painter
}

/** Paints soon; many calls make one painting. */
export function changed() {
  if (waiting) return
  waiting = true
  setTimeout(paintNow, Math.max(0, paintedAt + paintEveryMs - Date.now()))
}

/** Paints at once: for what the user does. */
export function paintNow() {
  waiting = false
  paintedAt = Date.now()
  paint()
}

/** @returns {Market | null} */
export function currentMarket() {
  return state.markets?.find(market => market.symbol === state.symbol) ?? null
}

/**
 * Why a symbol does not trade now, as a word; '' when it does.
 * @param {Market | null} market
 */
export function stopped(market) {
  if (!market) return ''
  if (market.status !== 'ACTIVE') return market.status
  const phase = market.phase ?? 'CONTINUOUS'
  return phase === 'CONTINUOUS' ? '' : phase
}

/** @param {string} source @param {string} text '' when it works again */
export function notice(source, text) {
  if ((state.notices.get(source) ?? '') === text) return
  if (text) state.notices.set(source, text)
  else state.notices.delete(source)
  changed()
}

/**
 * A function that runs the action at most once every `everyMs`, the last call never lost, and never
 * twice at a time.
 * @param {() => Promise<void>} action @param {number} everyMs
 */
export function throttled(action, everyMs) {
  let startedAt = 0
  let scheduled = false
  /** @type {Promise<void>} */
  let running = Promise.resolve()
  return () => {
    if (scheduled) return
    scheduled = true
    const start = async () => {
      await running.catch(() => {})
      scheduled = false
      startedAt = Date.now()
      running = action()
    }
    setTimeout(start, Math.max(0, startedAt + everyMs - Date.now()))
  }
}
