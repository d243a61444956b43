import { selectClient } from './account.js'
import { decimalsOf } from './amounts.js'
import { html } from './html.js'
import { selectSymbol } from './market.js'
import { amount, dayChange, figure, lastPrice } from './parts.js'
import { currentMarket, paintNow, state, stopped } from './store.js'

/** The top of the page: whose page this is, the chosen symbol, the connection, all symbols. */

export function header() {
  return html`
    <header class="top">
      <h1 class="brand">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <path d="M7 12h13l-4-4M25 20H12l4 4" />
        </svg>
        pgsettle
      </h1>
      ${quote()}
      <div class="session">
        ${clientPicker()} ${connection()}
      </div>
    </header>
  `
}

function quote() {
  const market = currentMarket()
  if (!market) return html`<div class="quote"></div>`
  const ticker = state.tickers.get(market.symbol)
  const change = dayChange(ticker)
  const decimals = decimalsOf(market.tick_size)
  const price = lastPrice()
  const volume = ticker?.volume_24h
  const trades = ticker?.trades_24h
  return html`
    <div class="quote">
      <h2>${market.symbol} ${statusBadge(market)}</h2>
      <p class=${`last ${lastTone()}`} data-testid="last-price">
        ${amount(price, decimals)} ${price && html`<small>${market.quote_asset}</small>`}
      </p>
      <dl class="day">
        <div><dt>24 h</dt><dd class=${change.tone}>${change.text}</dd></div>
        <div><dt>High</dt><dd>${amount(ticker?.high_24h, decimals)}</dd></div>
        <div><dt>Low</dt><dd>${amount(ticker?.low_24h, decimals)}</dd></div>
        <div>
          <dt>Volume</dt>
          <dd>${amount(volume)} ${volume && html`<small>${market.base_asset}</small>`}</dd>
        </div>
        <div><dt>Trades</dt><dd>${trades ? figure(Number(trades)) : '–'}</dd></div>
      </dl>
    </div>
  `
}

/** Who was in a hurry at the last trade: a buyer is green, a seller red. */
function lastTone() {
  const last = state.tape.at(-1)
  return last ? (last.taker_side === 'BUY' ? 'up' : 'down') : ''
}

/** @param {import('./store.js').Market} market */
function statusBadge(market) {
  const word = stopped(market)
  return html`<span class=${`badge ${word ? 'warn' : 'good'}`}>${word || market.status}</span>`
}

/** The page is painted while somebody types: what is typed is a draft until it is entered. */
function clientPicker() {
  /** @param {Event} event */
  const type = event => {
    if (event.target instanceof HTMLInputElement) state.clientDraft = event.target.value
  }
  const choose = () => {
    const typed = state.clientDraft?.trim()
    forget()
    if (typed) selectClient(typed)
  }
  const forget = () => {
    state.clientDraft = null
    paintNow()
  }
  return html`
    <label class="client">
      <span>Client</span>
      <input
        name="client"
        list="clients"
        value=${state.clientDraft ?? state.client}
        onInput=${type}
        onChange=${choose}
        onBlur=${forget}
        autocomplete="off"
        spellcheck="false"
      />
      <datalist id="clients">
        <option value="client-A" /><option value="client-B" />
      </datalist>
    </label>
  `
}

const phaseWords = { connecting: 'connecting…', live: 'live', reconnecting: 'reconnecting…' }

function connection() {
  const { phase } = state.connection
  return html`
    <p class=${`connection ${phase}`} role="status" aria-live="polite" data-testid="connection">
      <span class="dot" aria-hidden="true"></span>${phaseWords[phase]}
    </p>
  `
}

/** The strip of all symbols; arrow keys move through it as through any radio group. */
export function markets() {
  return html`
    <fieldset class="markets">
      <legend class="sr">Symbol</legend>
      ${(state.markets ?? []).map(marketCard)}
      ${state.markets?.length === 0 && html`<p class="empty">No symbols are listed yet.</p>`}
    </fieldset>
  `
}

/** @param {import('./store.js').Market} market */
function marketCard(market) {
  const ticker = state.tickers.get(market.symbol)
  const change = dayChange(ticker)
  const chosen = market.symbol === state.symbol
  return html`
    <label
      class=${`market ${chosen ? 'chosen' : ''}`}
      key=${market.symbol}
      ref=${chosen ? reveal : null}
    >
      <input
        type="radio"
        name="symbol"
        class="sr"
        value=${market.symbol}
        checked=${chosen}
        onChange=${() => selectSymbol(market.symbol)}
      />
      <span class="name">
        ${market.symbol}
        ${stopped(market) && html`<span class="badge warn">${stopped(market)}</span>`}
      </span>
      <span class=${`change ${change.tone}`}>${change.text}</span>
      <span class="price">${amount(ticker?.last_price, decimalsOf(market.tick_size))}</span>
    </label>
  `
}

/** On a narrow screen the strip is wider than the page: the chosen symbol is brought into view. */
function reveal(/** @type {HTMLElement | null} */ card) {
  card?.scrollIntoView({ block: 'nearest', inline: 'center' })
}

/** What cannot be read at the moment; it goes away by itself when it can be read again. */
export function notices() {
  if (state.notices.size === 0) return null
  return html`
    <ul class="notices" role="alert">
      ${[...state.notices].map(([source, text]) => {
        return html`<li key=${source}><strong>Cannot read ${source}</strong> ${text}</li>`
      })}
    </ul>
  `
}
