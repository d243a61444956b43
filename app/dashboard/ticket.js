import { placeOrder } from './account.js'
import { isPositive, multiply } from './amounts.js'
import { html } from './html.js'
import { amount, replyBox } from './parts.js'
import { currentMarket, paintNow, state, stopped } from './store.js'

/** The order ticket. The service judges every field; only an empty one is caught here. */

const sides = { BUY: 'Buy', SELL: 'Sell' }
const types = { LIMIT: 'Limit', MARKET: 'Market' }
const times = { GTC: 'GTC', IOC: 'IOC', FOK: 'FOK' }
const meanings = {
  GTC: 'Good till cancelled: the rest stays in the book.',
  IOC: 'Immediate or cancel: the rest is cancelled.',
  FOK: 'Fill or kill: all of it at once, or nothing.',
}

export function ticketPanel() {
  const market = currentMarket()
  const { ticket } = state
  const base = market?.base_asset ?? ''
  const quote = market?.quote_asset ?? ''
  return html`
    <section class="panel ticket" aria-labelledby="ticket-title">
      <header>
        <h2 id="ticket-title">Order</h2>
        <p>as <strong>${state.client}</strong></p>
      </header>
      <form class="body" onSubmit=${submit} novalidate>
        ${choices('side', 'Side', sides)} ${choices('type', 'Type', types)}
        ${ticket.type === 'LIMIT' && field('price', 'Price', quote, market?.tick_size)}
        ${field('quantity', 'Quantity', base, market?.lot_size)} 
        ${choices('timeInForce', 'Time in force', times)}
        <p class="hint">${meanings[ticket.timeInForce]}</p>
        ${notional()}
        <button class=${`place ${ticket.side}`} type="submit" disabled=${!market || ticket.sending}>
          ${ticket.sending ? 'Sending…' : `${sides[ticket.side]} ${base}`}
        </button>
        ${
          market &&
          stopped(market) &&
          html`<p class="hint warn">${market.symbol} is ${stopped(market)}: nothing trades now.</p>`
        }
        ${replyBox(ticket.reply)}
      </form>
    </section>
  `
}

/**
 * @param {'side' | 'type' | 'timeInForce'} name @param {string} label
 * @param {Record<string, string>} options
 */
function choices(name, label, options) {
  return html`
    <fieldset class=${`choices ${name}`}>
      <legend class="sr">${label}</legend>
      ${Object.entries(options).map(([value, text]) => {
        const chosen = state.ticket[name] === value
        const never = value === 'GTC' && state.ticket.type === 'MARKET'
        return html`
          <label class=${`${value} ${chosen ? 'chosen' : ''} ${never ? 'never' : ''}`}>
            <input
              class="sr"
              type="radio"
              name=${name}
              value=${value}
              checked=${chosen}
              disabled=${never}
              onChange=${() => edit({ [name]: value })}
            />
            ${text}
          </label>
        `
      })}
    </fieldset>
  `
}

/**
 * @param {'price' | 'quantity'} name @param {string} label
 * @param {string} [unit] @param {string} [step]
 */
function field(name, label, unit = '', step = '') {
  return html`
    <label class="field">
      <span>${label}</span>
      <input
        name=${name}
        inputmode="decimal"
        autocomplete="off"
        placeholder=${step && `steps of ${step}`}
        value=${state.ticket[name]}
        onInput=${(/** @type {any} */ event) => edit({ [name]: event.target.value })}
      />
      <small>${unit}</small>
    </label>
  `
}

function notional() {
  const { type, price, quantity } = state.ticket
  const known = type === 'LIMIT' && isPositive(price.trim()) && isPositive(quantity.trim())
  const quote = currentMarket()?.quote_asset ?? ''
  const value = known ? html`${amount(multiply(price.trim(), quantity.trim()), 2)} ${quote}` : '–'
  return html`<p class="notional"><span>Value</span><span>${value}</span></p>`
}

/**
 * A changed ticket is another order: it gets a new key.
 * @param {Partial<typeof state.ticket>} change
 */
function edit(change) {
  Object.assign(state.ticket, change, { key: '' })
  if (state.ticket.type === 'MARKET' && state.ticket.timeInForce === 'GTC') {
    state.ticket.timeInForce = 'IOC'
  }
  paintNow()
}

/** @param {Event} event */
function submit(event) {
  event.preventDefault()
  const { type, price, quantity } = state.ticket
  const missing = type === 'LIMIT' && !price.trim() ? 'price' : quantity.trim() ? '' : 'quantity'
  if (!missing) return void placeOrder()
  state.ticket.reply = { tone: 'bad', title: `The ${missing} is missing`, lines: [] }
  paintNow()
}
