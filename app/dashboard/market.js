import { accountMayHaveChanged } from './account.js'
import { call, describeProblem, pathWith, segment } from './api.js'
import { applyChanges, bookFrom, runsShort } from './book.js'
import { openStream } from './live.js'
import { changed, currentMarket, notice, rates, state, stopped, throttled } from './store.js'
import { bust, extend, tradeFrom } from './tape.js'

/** The market data of the page: symbols, tickers, the chosen book and tape, the backlog. */

const bookDepth = 200
const tapeLength = 1000
const tickersRead = 60
/** Order events that end, rest or park a new order; these are about an order counted before. */
const notArrivals = new Set([
  ...['TRADE', 'BUST', 'CORRECTED', 'CANCELLED', 'AMENDED'],
  ...['PREVENTED', 'TRIGGERED', 'RELEASED'],
])
const onMarket = new Set(['trade', 'bust', 'correction', 'book'])

/** @type {{ close: () => void } | null} */
let stream = null
/** @type {{ name: string, data: any }[] | null} what arrives while a snapshot is on its way */
let arrivedMeanwhile = null
let loadNo = 0

export async function loadMarkets() {
  const body = await read('symbols', 'symbols')
  if (!body) return
  const first = state.markets === null
  state.markets = body.items
  if (first) await Promise.all(body.items.slice(0, tickersRead).map(loadTicker))
  changed()
}

/** @param {string} symbol shows another symbol: a new stream, a new book, a new tape */
export function selectSymbol(symbol) {
  stream?.close()
  // Before the first symbol the ticket is for none: what is typed already is for this one.
  if (state.symbol) Object.assign(state.ticket, { price: '', quantity: '', key: '', reply: null })
  state.symbol = symbol
  state.book = null
  state.tape = []
  state.tapeLoaded = false
  state.hover = null
  rates.forget('trades')
  const topics = [`trades:${symbol}`, `book:${symbol}`, 'ticker', 'settlements', 'orders']
  stream = openStream(topics, { onPhase, onMessage })
  changed()
  void loadMarket()
}

export async function loadBacklog() {
  const body = await read('settlement backlog', 'settlements/backlog')
  if (!body) return
  state.backlog = body
  changed()
}

const reloadMarket = throttled(loadMarket, 2000)

async function loadMarket() {
  loadNo += 1
  const no = loadNo
  arrivedMeanwhile = []
  const path = `symbols/${segment(state.symbol)}`
  const [book, trades] = await Promise.all([
    read('order book', pathWith(`${path}/book`, { depth: bookDepth })),
    read('trades', pathWith(`${path}/trades`, { limit: tapeLength })),
  ])
  if (no !== loadNo) return
  const arrived = arrivedMeanwhile ?? []
  arrivedMeanwhile = null
  if (book) state.book = bookFrom(book, bookDepth)
  if (trades) {
    extend(state.tape, trades.items.map(tradeFrom).reverse())
    state.tapeLoaded = true
  }
  for (const { name, data } of arrived) applyToMarket(name, data)
  changed()
}

/** @param {{ symbol: string }} market */
async function loadTicker({ symbol }) {
  const body = await read('tickers', `symbols/${segment(symbol)}/ticker`)
  if (body) mergeTicker(body)
}

/** @param {'connecting' | 'live' | 'reconnecting'} phase */
function onPhase(phase) {
  if (phase === 'live') {
    // What was read before the stream stood may miss what happened in between.
    void loadMarket()
    accountMayHaveChanged()
  }
  if (phase !== state.connection.phase) state.connection = { phase, since: Date.now() }
  changed()
}

/** @param {string} name @param {any} data */
function onMessage(name, data) {
  if (name === 'ticker') mergeTicker(data)
  if (name === 'settlement') onSettlement(data)
  if (name === 'order') onOrder(data)
  if (name === 'phase') onPhaseOfMarket(data)
  if (name === 'reset' && data.symbol === state.symbol) reloadMarket()
  if (name === 'trade' && data.symbol === state.symbol) rates.count('trades')
  if (onMarket.has(name) && data.symbol === state.symbol) {
    arrivedMeanwhile?.push({ name, data })
    applyToMarket(name, data)
  }
  changed()
}

/** @param {string} name @param {any} data */
function applyToMarket(name, data) {
  if (name === 'bust') return bust(state.tape, String(data.trade_id))
  if (name === 'trade' || name === 'correction') return extend(state.tape, [tradeFrom(data)])
  if (!state.book) return
  const outcome = applyChanges(state.book, data, stopped(currentMarket()) !== '')
  if (outcome === 'broken' || runsShort(state.book, state.rows)) reloadMarket()
}

const reloadMarkets = throttled(loadMarkets, 1000)

/** @param {{ symbol: string, phase: string }} event */
function onPhaseOfMarket({ symbol, phase }) {
  const market = state.markets?.find(one => one.symbol === symbol)
  // It may be a status as well: what it means for the symbol is read.
  if (market) market.phase = phase
  reloadMarkets()
}

/** @param {any} order */
function onOrder(order) {
  if (!notArrivals.has(order.kind)) rates.count('orders')
  if (order.client_id === state.client) accountMayHaveChanged()
}

/** @param {{ settlement_ids?: unknown[] }} settlement */
function onSettlement(settlement) {
  rates.count('settled', settlement.settlement_ids?.length ?? 0)
  accountMayHaveChanged()
}

/** @param {any} ticker */
function mergeTicker(ticker) {
  const before = state.tickers.get(ticker.symbol)
  state.tickers.set(ticker.symbol, { ...before, ...ticker })
}

/**
 * @param {string} what @param {string} path
 * @returns {Promise<any>} null, and a notice, when it cannot be read
 */
async function read(what, path) {
  try {
    const answer = await call('GET', path)
    notice(what, answer.ok ? '' : describeProblem(answer.problem))
    return answer.ok ? answer.body : null
  } catch {
    notice(what, 'no answer from the service')
    return null
  }
}
