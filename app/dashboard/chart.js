import { decimalsOf, show, toPixels } from './amounts.js'
import { html } from './html.js'
import { amount, clock } from './parts.js'
import { changed, currentMarket, paintNow, state } from './store.js'
import { columns } from './tape.js'
import uPlot from './vendor/uplot.mjs'

/** The price chart, drawn from the tape: the last price as a step line, the volume as bars. */

const spans = [
  { seconds: 60, label: '1m' },
  { seconds: 300, label: '5m' },
  { seconds: 1800, label: '30m' },
  { seconds: 0, label: 'All' },
]
const ink = { line: '#62a8ff', bar: '#2c3a50', grid: '#1a212d', text: '#8c98ab', tag: '#0b0e14' }
const font = '11px Inter, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'

/** @type {uPlot | null} */
let plot = null
/** @type {import('./tape.js').Columns | null} */
let drawn = null

export function chartPanel() {
  const empty = state.tapeLoaded && state.tape.length === 0
  return html`
    <section class="panel chart" aria-labelledby="chart-title">
      <header>
        <h2 id="chart-title">Price</h2>
        <p class="readout" aria-hidden="true">${readout()}</p>
        <div class="spans" role="group" aria-label="Time shown">
          ${spans.map(span => {
            const chosen = span.seconds === state.spanSeconds
            return html`
              <button type="button" aria-pressed=${chosen} onClick=${() => choose(span.seconds)}>
                ${span.label}
              </button>
            `
          })}
        </div>
      </header>
      <div class="body">
        <div class="plot" role="img" aria-label=${describe()} ref=${mount}></div>
        ${empty && firstSteps()}
      </div>
    </section>
  `
}

/** Brings the drawing up to the tape and to the clock. */
export function drawChart() {
  if (!plot) return
  drawn = columns(state.tape, state.spanSeconds, Date.now())
  plot.setData([drawn.times, drawn.prices, drawn.volumes], false)
  plot.batch(() => {
    plot?.setScale('x', { min: drawn?.from ?? 0, max: drawn?.to ?? 1 })
    plot?.setScale('y', priceRange(drawn?.prices ?? []))
    plot?.setScale('v', { min: 0, max: 5 * Math.max(0, ...(drawn?.volumes ?? [])) || 1 })
  })
}

/** @param {number[]} prices */
function priceRange(prices) {
  const low = Math.min(...prices)
  const high = Math.max(...prices)
  if (!Number.isFinite(low)) return { min: 0, max: 1 }
  const room = (high - low) * 0.12 || high * 0.001 || 1
  return { min: low - room * 2, max: high + room }
}

/** @param {number} seconds */
function choose(seconds) {
  state.spanSeconds = seconds
  state.hover = null
  paintNow()
}

function readout() {
  const { hover } = state
  if (!hover) return null
  const decimals = decimalsOf(currentMarket()?.tick_size)
  const trades = hover.count === 1 ? '1 trade' : `${hover.count} trades`
  return html`<strong>${amount(hover.price, decimals)}</strong> ${clock(hover.at)} · ${trades}`
}

function describe() {
  const last = state.tape.at(-1)
  return last
    ? `Price of ${state.symbol}, last ${show(last.price)}`
    : `Price of ${state.symbol}, no trades`
}

function firstSteps() {
  const [base, quote] = state.symbol.split('-')
  const price = quote === 'BTC' ? '0.05' : base === 'BTC' ? '50000' : '100'
  const line = (/** @type {string} */ client, /** @type {string} */ side) =>
    `curl -X POST ${new URL('orders', location.href)} \\
  -H 'Content-Type: application/json' \\
  -d '{"client_id":"${client}","symbol":"${state.symbol}","side":"${side}",
       "type":"LIMIT","price":"${price}","quantity":"0.5"}'`
  const commands = `${line('client-A', 'BUY')}\n${line('client-B', 'SELL')}`
  return html`
    <div class="first-steps">
      <h3>No trades in ${state.symbol} yet</h3>
      <p>Two orders that meet make the first one. Use the ticket, or a shell:</p>
      <pre tabindex="0"><code>${commands}</code></pre>
      <p>Or fill the venue with a market maker and traders: <code>npm run demo</code></p>
    </div>
  `
}

/** @param {HTMLElement | null} place */
function mount(place) {
  resizes.disconnect()
  plot?.destroy()
  plot = null
  if (!place) return
  plot = new uPlot(options(place.clientWidth, place.clientHeight), [[], [], []], place)
  resizes.observe(place)
}

const resizes = new ResizeObserver(([entry]) => {
  if (!entry || !plot) return
  const { width, height } = entry.contentRect
  if (width > 0 && height > 0) plot.setSize({ width, height })
})

/** @param {number} width @param {number} height */
function options(width, height) {
  const axis = {
    stroke: ink.text,
    font,
    grid: { stroke: ink.grid, width: 1 },
    ticks: { show: false },
  }
  return {
    width,
    height,
    legend: { show: false },
    padding: [10, 0, 0, 12],
    cursor: { drag: { x: false, y: false }, points: { size: 7, fill: ink.line }, y: false },
    scales: { x: { time: true, auto: false }, y: { auto: false }, v: { auto: false } },
    axes: [
      { ...axis, space: 90, size: 28, values: timeTicks },
      { ...axis, scale: 'y', side: 1, size: 78, gap: 6, values: priceTicks },
    ],
    series: [
      {},
      {
        scale: 'y',
        stroke: ink.line,
        width: 1.6,
        fill: shade,
        paths: step,
        points: { show: false },
      },
      { scale: 'v', fill: ink.bar, width: 0, paths: bars, points: { show: false } },
    ],
    hooks: { draw: [drawLast], setCursor: [point] },
  }
}

const step = uPlot.paths.stepped({ align: 1 })
const bars = uPlot.paths.bars({ size: [0.7, 14], align: 1 })

/** @param {uPlot} _ @param {number[]} ticks */
function timeTicks(_, ticks) {
  return ticks.map(tick => clock(tick * 1000).slice(0, state.spanSeconds === 60 ? 8 : 5))
}

/** @param {uPlot} u @param {number[]} ticks without those that the tag of the last price covers */
function priceTicks(u, ticks) {
  const decimals = Math.min(20, decimalsOf(currentMarket()?.tick_size))
  const tag = u.valToPos(drawn?.prices.at(-1) ?? 0, 'y')
  return ticks.map(tick => {
    return Math.abs(u.valToPos(tick, 'y') - tag) < 15 ? '' : show(tick.toFixed(decimals))
  })
}

/** @param {uPlot} u */
function shade(u) {
  const gradient = u.ctx.createLinearGradient(0, u.bbox.top, 0, u.bbox.top + u.bbox.height)
  gradient.addColorStop(0, 'rgba(98, 168, 255, 0.22)')
  gradient.addColorStop(1, 'rgba(98, 168, 255, 0)')
  return gradient
}

/** @param {uPlot} u the last price, as a line across and a tag on the axis */
function drawLast(u) {
  const last = drawn?.exact.at(-1)
  if (!last) return
  const { ctx, bbox } = u
  const ratio = devicePixelRatio || 1
  const y = Math.round(u.valToPos(toPixels(last), 'y', true))
  const right = bbox.left + bbox.width
  ctx.save()
  ctx.strokeStyle = ink.line
  ctx.globalAlpha = 0.55
  ctx.setLineDash([3 * ratio, 4 * ratio])
  ctx.beginPath()
  ctx.moveTo(bbox.left, y)
  ctx.lineTo(right, y)
  ctx.stroke()
  ctx.globalAlpha = 1
  ctx.fillStyle = ink.line
  ctx.fillRect(right, y - 9 * ratio, 78 * ratio, 18 * ratio)
  ctx.fillStyle = ink.tag
  ctx.font = font.replace('11px', `bold ${11 * ratio}px`)
  ctx.textBaseline = 'middle'
  ctx.textAlign = 'left'
  const decimals = decimalsOf(currentMarket()?.tick_size)
  ctx.fillText(show(last, decimals), right + 6 * ratio, y + ratio)
  ctx.restore()
}

/** @param {uPlot} u */
function point(u) {
  const at = u.cursor.idx
  const price = at === null || at === undefined || !drawn ? undefined : drawn.exact[at]
  const next =
    price === undefined || !drawn
      ? null
      : { price, at: (drawn.times[at ?? 0] ?? 0) * 1000, count: drawn.counts[at ?? 0] ?? 0 }
  if (next?.at === state.hover?.at && next?.price === state.hover?.price) return
  state.hover = next
  changed()
}
