import { decimalsOf } from './amounts.js'
import { html } from './html.js'
import { amount, clock, columnDecimals } from './parts.js'
import { currentMarket, state } from './store.js'

/** The trade tape, newest first. */

const shownTrades = 60

export function tapePanel() {
  const market = currentMarket()
  const trades = state.tape.slice(-shownTrades).reverse()
  const nothing = state.tapeLoaded
    ? 'No trades yet. The first one shows here at once.'
    : 'Reading the trades…'
  const decimals = columnDecimals(trades.map(trade => trade.quantity))
  return html`
    <section class="panel tape" aria-labelledby="tape-title">
      <header><h2 id="tape-title">Trades</h2></header>
      <div class="body scroll" tabindex="0" role="region" aria-labelledby="tape-title">
        ${
          market && trades.length > 0
            ? table(market, trades, decimals)
            : html`<p class="empty">${nothing}</p>`
        }
      </div>
    </section>
  `
}

/**
 * @param {import('./store.js').Market} market @param {import('./tape.js').Trade[]} trades
 * @param {number} decimals
 */
function table(market, trades, decimals) {
  const priceDecimals = decimalsOf(market.tick_size)
  return html`
    <table data-testid="tape">
      <thead>
        <tr>
          <th scope="col">Price <small>${market.quote_asset}</small></th>
          <th scope="col" class="num">Quantity <small>${market.base_asset}</small></th>
          <th scope="col" class="num">Time</th>
        </tr>
      </thead>
      <tbody>
        ${trades.map(trade => {
          const bought = trade.taker_side === 'BUY'
          const kind = `${bought ? 'up' : 'down'} ${trade.busted ? 'busted' : ''}`
          return html`
            <tr key=${trade.trade_id} class=${kind}>
              <td>
                <span class="arrow" aria-hidden="true">${bought ? '▲' : '▼'}</span>
                <span class="sr">${bought ? 'bought' : 'sold'}</span>
                <span class="price">${amount(trade.price, priceDecimals)}</span>
                ${mark(trade)}
              </td>
              <td class="num">${amount(trade.quantity, decimals)}</td>
              <td class="num dim" title=${trade.at}>${clock(trade.ms)}</td>
            </tr>
          `
        })}
      </tbody>
    </table>
  `
}

/** @param {import('./tape.js').Trade} trade */
function mark({ busted, corrects }) {
  if (busted) return html`<small class="dim">busted</small>`
  return corrects === null ? null : html`<small class="dim">corrected</small>`
}
