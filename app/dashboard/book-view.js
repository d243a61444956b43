import { decimalsOf, middle, percent, subtract, toPixels } from './amounts.js'
import { best, ladder } from './book.js'
import { html } from './html.js'
import { amount, columnDecimals } from './parts.js'
import { changed, currentMarket, paintNow, state } from './store.js'

/** The order book: asks above, bids below, the best of both at the spread in the middle. */

const rowHeight = 22
const middleHeight = 40

export function bookPanel() {
  const market = currentMarket()
  return html`
    <section class="panel book" aria-labelledby="book-title">
      <header><h2 id="book-title">Order book</h2></header>
      <div class="body" ref=${watchHeight}>
        ${
          market && state.book
            ? sides(market, state.book)
            : html`<p class="empty">Reading the book…</p>`
        }
      </div>
    </section>
  `
}

/** @param {import('./store.js').Market} market @param {import('./book.js').Book} book */
function sides(market, book) {
  const asks = ladder(book, 'SELL', state.rows)
  const bids = ladder(book, 'BUY', state.rows)
  const shown = [...asks, ...bids]
  const shape = {
    priceDecimals: decimalsOf(market.tick_size),
    quantityDecimals: columnDecimals(shown.map(level => level.quantity)),
    deepest: Math.max(0, ...shown.map(level => toPixels(level.total))),
  }
  return html`
    <table class="levels heads" aria-hidden="true">
      <thead>
        <tr>
          <th>Price <small>${market.quote_asset}</small></th>
          <th class="num">Quantity <small>${market.base_asset}</small></th>
          <th class="num">Total</th>
        </tr>
      </thead>
    </table>
    <div class="side asks">${levels('SELL', asks, shape)}</div>
    ${spread(book, shape.priceDecimals)}
    <div class="side bids">${levels('BUY', bids, shape)}</div>
  `
}

/**
 * @param {'BUY' | 'SELL'} side @param {ReturnType<typeof ladder>} shown
 * @param {{ priceDecimals: number, quantityDecimals: number, deepest: number }} shape
 */
function levels(side, shown, shape) {
  if (shown.length === 0) {
    const who = side === 'BUY' ? 'Nobody is buying' : 'Nobody is selling'
    return html`<p class="empty">${who}. A limit order that rests shows here.</p>`
  }
  const rows = side === 'SELL' ? [...shown].reverse() : shown
  return html`
    <table class="levels" data-testid=${side === 'BUY' ? 'bids' : 'asks'}>
      <caption class="sr">${side === 'BUY' ? 'Bids, best first' : 'Asks, best last'}</caption>
      <thead class="sr">
        <tr><th>Price</th><th>Quantity</th><th>Total</th></tr>
      </thead>
      <tbody>
        ${rows.map(level => levelRow(side, level, shape))}
      </tbody>
    </table>
  `
}

/**
 * @param {'BUY' | 'SELL'} side @param {ReturnType<typeof ladder>[number]} level
 * @param {{ priceDecimals: number, quantityDecimals: number, deepest: number }} shape
 */
function levelRow(side, level, shape) {
  const share = (value = '0') => (100 * toPixels(value)) / (shape.deepest || 1)
  const tone = side === 'BUY' ? 'up' : 'down'
  const orders = `${level.orders} ${level.orders === 1 ? 'order' : 'orders'}`
  const bars = {
    '--depth': `${share(level.total).toFixed(1)}%`,
    '--size': `${share(level.quantity).toFixed(1)}%`,
  }
  return html`
    <tr key=${level.price} class=${tone} style=${bars} title=${orders}>
      <td>
        <button type="button" tabindex="-1" onClick=${() => takePrice(level.price)}>
          ${amount(level.price, shape.priceDecimals)}
        </button>
      </td>
      <td class="num">${amount(level.quantity, shape.quantityDecimals)}</td>
      <td class="num total">${amount(level.total, shape.quantityDecimals)}</td>
    </tr>
  `
}

/** @param {import('./book.js').Book} book @param {number} decimals */
function spread(book, decimals) {
  const bid = best(book, 'BUY')
  const ask = best(book, 'SELL')
  if (!bid || !ask)
    return html`<p class="spread"><span class="dim">No spread: one side is empty</span></p>`
  const width = subtract(ask.price, bid.price)
  const center = middle(ask.price, bid.price)
  return html`
    <p class="spread" data-testid="spread">
      <span class="mid" title="The middle of the best bid and the best ask">
        ${amount(center, decimals)}
      </span>
      <span>Spread ${amount(width, decimals)}<small>${percent(width, center, 3)}%</small></span>
    </p>
  `
}

/** @param {string} price a click on a level puts its price on the ticket */
function takePrice(price) {
  state.ticket.price = price
  state.ticket.type = 'LIMIT'
  paintNow()
}

const heights = new ResizeObserver(([entry]) => {
  const height = entry?.contentRect.height ?? 0
  const rows = Math.max(5, Math.floor((height - middleHeight - rowHeight) / 2 / rowHeight))
  if (rows === state.rows) return
  state.rows = rows
  changed()
})

/** @param {HTMLElement | null} body */
function watchHeight(body) {
  heights.disconnect()
  if (body) heights.observe(body)
}
