import { openFailures } from './failures.js'
import { html } from './html.js'
import { age, figure, sparkLength, sparkline } from './parts.js'
import { rates, state } from './store.js'

/** The health of the venue in one line: throughput, and what waits for settlement. */

const slowMs = 5_000
const lateMs = 60_000

export function vitals() {
  return html`
    <section class="vitals" aria-label="Throughput and settlement">
      ${throughput('orders', 'Orders', 'all symbols')}
      ${throughput('trades', 'Trades', state.symbol || '–')}
      ${throughput('settled', 'Settled', settledNote())}
      ${pendingTile()} ${oldestTile()} ${failedTile()}
    </section>
  `
}

/** @param {string} name @param {string} label @param {string} note */
function throughput(name, label, note) {
  const value = html`${figure(rates.rate(name))}<small>/s</small>`
  return tile({
    name,
    label,
    value,
    note,
    picture: sparkline(rates.series(name, sparkLength), 'rate', 4),
  })
}

function settledNote() {
  const count = state.backlog?.settled_last_minute
  return count === undefined ? 'all symbols' : `${figure(Number(count))} in the last minute`
}

function pendingTile() {
  const pending = state.backlog?.pending
  return tile({
    name: 'pending',
    label: 'Pending settlement',
    value: pending === undefined ? '–' : figure(Number(pending)),
    note: pending === undefined ? 'backlog not read yet' : pending ? 'instructions' : 'all settled',
    picture: sparkline(state.pendingSeries, 'wait', 10),
  })
}

function oldestTile() {
  const since = state.backlog?.oldest_created_at
  const waitedMs = since ? Date.now() - Date.parse(since) : 0
  const tone = waitedMs > lateMs ? 'bad' : waitedMs > slowMs ? 'warn' : ''
  const notes = { bad: 'settlement is late', warn: 'slower than usual', '': 'within 5 s' }
  return tile({
    name: 'oldest',
    label: 'Oldest pending',
    value: since ? age(waitedMs) : '–',
    note: since ? notes[tone] : 'nothing waits',
    tone,
  })
}

function failedTile() {
  const failed = Number(state.backlog?.failed ?? 0)
  const show = html`<button type="button" onClick=${openFailures}>Show</button>`
  return tile({
    name: 'failed',
    label: 'Failed',
    value: state.backlog ? figure(failed) : '–',
    note: failed ? 'put aside with a reason' : 'none put aside',
    tone: failed ? 'bad' : '',
    picture: failed ? show : null,
  })
}

/**
 * @param {{ name: string, label: string, value: unknown, note: string, tone?: string,
 *   picture?: unknown }} parts
 */
function tile({ name, label, value, note, tone = '', picture = null }) {
  return html`
    <div class=${`tile ${tone}`} data-testid=${`tile-${name}`}>
      <h3>${label}</h3>
      <p class="value">${value}</p>
      <p class="note">${note}</p>
      ${picture && html`<div class="picture">${picture}</div>`}
    </div>
  `
}
