import { cancelOrder } from './account.js'
import { decimalsOf } from './amounts.js'
import { html } from './html.js'
import { amount, clock, columnDecimals, replyBox } from './parts.js'
import { state } from './store.js'

/** The chosen client's open orders and balances. */

export function ordersPanel() {
  const { orders } = state
  return html`
    <section class="panel orders" aria-labelledby="orders-title">
      <header>
        <h2 id="orders-title">Open orders</h2>
        <p><strong>${state.client}</strong>${orders && ` · ${orders.length}`}</p>
      </header>
      ${replyBox(state.accountReply)}
      <div class="body scroll" tabindex="0" role="region" aria-labelledby="orders-title">
        ${
          orders && orders.length > 0
            ? ordersTable(orders)
            : emptyOr(
                orders,
                'No open orders. A limit order that rests shows here, to be cancelled.',
              )
        }
      </div>
    </section>
  `
}

/** @param {any[]} orders */
function ordersTable(orders) {
  return html`
    <table data-testid="orders">
      <thead>
        <tr>
          <th scope="col">Symbol</th>
          <th scope="col">Side</th>
          <th scope="col" class="num">Price</th>
          <th scope="col" class="num">Remaining</th>
          <th scope="col" class="num wide">Quantity</th>
          <th scope="col" class="num wide">Placed</th>
          <th scope="col"><span class="sr">Act</span></th>
        </tr>
      </thead>
      <tbody>${orders.map(orderRow)}</tbody>
    </table>
  `
}

/** @param {any} order */
function orderRow(order) {
  const market = state.markets?.find(one => one.symbol === order.symbol)
  const tick = market ? decimalsOf(market.tick_size) : 0
  const decimals = columnDecimals([order.quantity, order.remaining_quantity])
  const what = `${order.order_id}: ${order.side} ${order.quantity} ${order.symbol}`
  const busy = state.cancelling.has(order.order_id)
  return html`
    <tr key=${order.order_id} title=${`order ${order.order_id}, ${stateOf(order)}`}>
      <td>${order.symbol}</td>
      <td class=${order.side === 'BUY' ? 'up' : 'down'}>${order.side}</td>
      <td class="num">${priceOf(order, tick)}</td>
      <td class="num">${amount(order.remaining_quantity, decimals)}</td>
      <td class="num dim wide">${amount(order.quantity, decimals)}</td>
      <td class="num dim wide" title=${order.created_at}>${clock(Date.parse(order.created_at))}</td>
      <td class="num">
        <button
          type="button"
          disabled=${busy}
          aria-label=${`Cancel order ${what}`}
          onClick=${() => cancelOrder(order)}
        >
          ${busy ? '…' : 'Cancel'}
        </button>
      </td>
    </tr>
  `
}

/** @param {any} order */
function stateOf(order) {
  return order.pending_reason ? `${order.status}, waits for ${order.pending_reason}` : order.status
}

/** @param {any} order an order that waits shows what it waits for @param {number} decimals */
function priceOf(order, decimals) {
  if (order.status !== 'PENDING') return amount(order.price, decimals)
  if (order.stop_price) return html`<small>stop</small> ${amount(order.stop_price, decimals)}`
  if (order.type === 'TRAILING_STOP') return html`<small>trailing</small>`
  return html`<small>waits</small> ${amount(order.price, decimals)}`
}

export function balancesPanel() {
  const { balances } = state
  return html`
    <section class="panel balances" aria-labelledby="balances-title">
      <header>
        <h2 id="balances-title">Balances</h2>
        <p><strong>${state.client}</strong></p>
      </header>
      <div class="body scroll" tabindex="0" role="region" aria-labelledby="balances-title">
        ${
          balances && balances.length > 0
            ? balancesTable(balances)
            : emptyOr(balances, 'No money yet. An operator funds a client with POST /deposits.')
        }
      </div>
    </section>
  `
}

/** @param {any[]} balances */
function balancesTable(balances) {
  return html`
    <table data-testid="balances">
      <thead>
        <tr>
          <th scope="col">Asset</th>
          <th scope="col" class="num">Available</th>
          <th scope="col" class="num">Held</th>
          <th scope="col" class="num" title="bought, not yet settled">Unsettled in</th>
          <th scope="col" class="num" title="sold, not yet settled; part of held">Unsettled out</th>
        </tr>
      </thead>
      <tbody>
        ${balances.map(balance => {
          return html`
            <tr key=${balance.asset}>
              <th scope="row">${balance.asset}</th>
              ${money(balance.available)} ${money(balance.held)} ${money(balance.unsettled_in)}
              ${money(balance.unsettled_out)}
            </tr>
          `
        })}
      </tbody>
    </table>
  `
}

/** @param {string} value */
function money(value) {
  return html`<td class=${/[1-9]/.test(value) ? 'num' : 'num dim'}>${amount(value)}</td>`
}

/** @param {unknown[] | null} list @param {string} text */
function emptyOr(list, text) {
  if (state.accountProblem) return html`<p class="empty bad">${state.accountProblem}</p>`
  return html`<p class="empty">${list ? text : 'Reading…'}</p>`
}
