import { decimalsOf, percent, show, sign, subtract } from './amounts.js'
import { html } from './html.js'
import { state } from './store.js'

/** Small pieces that several panels share. */

/**
 * An amount for people; the zeros that only fill the column are dimmed.
 * @param {string | null | undefined} value @param {number} decimals
 */
export function amount(value, decimals = 0) {
  if (value === null || value === undefined) return html`<span class="dim">–</span>`
  const text = show(value, decimals)
  const zeros = text.includes('.') ? (/\.?0+$/.exec(text)?.[0] ?? '') : ''
  if (!zeros) return text
  return html`${text.slice(0, text.length - zeros.length)}<span class="zeros">${zeros}</span>`
}

/** @param {string[]} values @param {number} least the digits that a column of amounts needs */
export function columnDecimals(values, least = 0) {
  return values.reduce((most, value) => Math.max(most, decimalsOf(value)), least)
}

/** The chosen symbol's last price: the tape is ahead of the ticker. */
export function lastPrice() {
  return state.tape.at(-1)?.price ?? state.tickers.get(state.symbol)?.last_price ?? null
}

/**
 * The day's change in per cent, with its direction as word, sign and tone.
 * @param {import('./store.js').Ticker | undefined} ticker
 */
export function dayChange(ticker) {
  const open = ticker?.open_24h
  if (!ticker?.last_price || !open) return { text: '–', tone: 'dim', direction: 0 }
  const difference = subtract(ticker.last_price, open)
  const rate = percent(difference, open)
  const direction = sign(difference)
  const text = rate === null ? '–' : `${direction > 0 ? '+' : ''}${show(rate, 2)}%`
  return { text, tone: direction > 0 ? 'up' : direction < 0 ? 'down' : 'dim', direction }
}

/** How many values a sparkline is wide, one a second. */
export const sparkLength = 60

/**
 * @param {number[]} values oldest first @param {string} tone
 * @param {number} least the top of the scale is at least this
 */
export function sparkline(values, tone, least = 1) {
  const top = Math.max(least, ...values)
  const step = 100 / (sparkLength - 1)
  const start = 100 - (values.length - 1) * step
  const points = values.map((value, i) => {
    return `${(start + i * step).toFixed(2)},${(27 - (value / top) * 25).toFixed(2)}`
  })
  return html`
    <svg
      class=${`spark ${tone}`}
      viewBox="0 0 100 28"
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <polygon points=${`${start.toFixed(2)},28 ${points.join(' ')} 100,28`} />
      <polyline points=${points.join(' ')} />
    </svg>
  `
}

/**
 * An answer of the service, announced when it comes.
 * @param {import('./store.js').Reply | null} reply
 */
export function replyBox(reply) {
  return html`
    <div class="reply-place" role="status" aria-live="polite">
      ${
        reply &&
        html`
        <div class=${`reply ${reply.tone}`}>
          <strong>${reply.title}</strong>
          ${reply.lines.map(line => html`<p>${line}</p>`)}
        </div>`
      }
    </div>
  `
}

const clockFormat = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})

/** @param {number} ms */
export function clock(ms) {
  return Number.isFinite(ms) ? clockFormat.format(ms) : '–'
}

/** @param {number} ms a span of time, short */
export function age(ms) {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} d`
}

/** @param {number} value a count or a rate */
export function figure(value) {
  if (value > 0 && value < 10 && !Number.isInteger(value)) return value.toFixed(1)
  return Math.round(value).toLocaleString('en-US')
}
