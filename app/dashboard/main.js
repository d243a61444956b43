import { selectClient } from './account.js'
import { balancesPanel, ordersPanel } from './account-view.js'
import { show } from './amounts.js'
import { bookPanel } from './book-view.js'
import { chartPanel, drawChart } from './chart.js'
import { failuresDialog } from './failures.js'
import { header, markets, notices } from './header.js'
import { html, render } from './html.js'
import { loadBacklog, loadMarkets, selectSymbol } from './market.js'
import { lastPrice, sparkLength } from './parts.js'
import { changed, onPaint, state, throttled } from './store.js'
import { tapePanel } from './tape-view.js'
import { ticketPanel } from './ticket.js'
import { vitals } from './vitals.js'

/** The page: paints the state, keeps the address, and reads what the stream does not tell. */

const statusEveryMs = 15_000

function page() {
  return html`
    ${header()} ${notices()} ${markets()} ${vitals()}
    <main class="floor">
      ${chartPanel()} ${ticketPanel()} ${bookPanel()} ${tapePanel()} ${ordersPanel()}
      ${balancesPanel()}
    </main>
    ${failuresDialog()}
  `
}

function paint() {
  render(page(), root)
  drawChart()
  keepAddress()
}

/** The address names symbol and client, so that a reload or a link shows the same. */
function keepAddress() {
  const price = lastPrice()
  document.title = [price && show(price), state.symbol, 'pgsettle'].filter(Boolean).join(' · ')
  const wanted = `?${new URLSearchParams({ symbol: state.symbol, client: state.client })}`
  if (state.symbol && wanted !== location.search) history.replaceState(null, '', wanted)
}

const readBacklog = throttled(loadBacklog, 900)
const readMarkets = throttled(loadMarkets, statusEveryMs)

function everySecond() {
  if (state.backlog) {
    state.pendingSeries.push(Number(state.backlog.pending))
    state.pendingSeries.splice(0, state.pendingSeries.length - sparkLength)
  }
  if (!document.hidden) {
    readBacklog()
    readMarkets()
  }
  changed()
}

async function start() {
  const asked = new URLSearchParams(location.search)
  readBacklog()
  selectClient(asked.get('client') || 'client-A')
  await loadMarkets()
  while (state.markets === null) {
    await new Promise(resolve => setTimeout(resolve, 1000))
    await loadMarkets()
  }
  const names = state.markets.map(market => market.symbol)
  const first = [asked.get('symbol'), 'BTC-USD'].find(name => name && names.includes(name))
  const symbol = first ?? names[0]
  if (symbol) selectSymbol(symbol)
}

const root = document.getElementById('app') ?? document.body
root.replaceChildren()
onPaint(paint)
paint()
setInterval(everySecond, 1000)
void start()
