import t from 'tap'
import { audit } from '../../helpers/market.ts'
import { randomNumbers } from '../../helpers/seed.ts'
import { type RandomOrders, randomOrders } from '../random-orders.ts'
import { type TestServer, testServer } from '../test-server.ts'
import { bookCopy } from './book-copy.ts'
import { openStream } from './stream-client.ts'

const funds = { USD: '50000', BTC: '300' }
const traders = { 'client-A': funds, 'client-B': funds, 'client-C': { USD: '500', BTC: '5' } }
/** Besides plain markets those whose market orders rest at their bound. */
const options = [{}, { protection_rests: 'true', protection_ticks: '100' }]
const steps = 250

type Flow = Pick<TestServer, 'ask'> & { orders: RandomOrders; ids: string[] }
type Action = (flow: Flow, id: string) => Promise<unknown>

async function place({ ask, orders, ids }: Flow, headers = {}): Promise<void> {
  const { body } = await ask('POST', '/orders', orders.next(), headers)
  if (body.order_id) ids.push(body.order_id)
}

async function placeList({ ask, orders, ids }: Flow): Promise<void> {
  const { body } = await ask('POST', '/order-lists', orders.list())
  for (const { order_id } of body.orders ?? []) ids.push(order_id)
}

async function replace({ ask, orders, ids }: Flow, id: string): Promise<void> {
  const mode = orders.pick(['STOP_ON_FAILURE', 'ALLOW_FAILURE'])
  const { client_id } = (await ask('GET', `/orders/${id}`)).body
  const { body } = await ask('POST', `/orders/${id}/replace`, { ...orders.next(), client_id, mode })
  if (body.placed) ids.push(body.placed.order_id)
}

async function batch({ ask, orders, ids }: Flow, id: string): Promise<void> {
  const mode = orders.pick(['each', 'atomic'])
  const cancel = { op: 'cancel', symbol: 'BTC-USD', order_id: id }
  const entries = [orders.next(), cancel, orders.next()]
  const { body } = await ask('POST', '/orders/batch', { mode, orders: entries })
  for (const { order } of body.results) if (order) ids.push(order.order_id)
}

const actions: [weight: number, action: Action][] = [
  [40, flow => place(flow)],
  [10, flow => place(flow, { Prefer: 'respond-async' })],
  [10, placeList],
  [10, ({ ask }, id) => ask('DELETE', `/orders/${id}`)],
  [8, ({ ask, orders }, id) => ask('PATCH', `/orders/${id}`, { quantity: orders.tenths(1, 9) })],
  [8, ({ ask, orders }, id) => ask('PATCH', `/orders/${id}`, { price: orders.price() })],
  [7, replace],
  [6, batch],
  [1, ({ ask }) => ask('DELETE', '/orders?client_id=client-A&min_price=100&max_price=102')],
]
const allActions = actions.flatMap(([weight, action]) => Array<Action>(weight).fill(action))

/** One request of any kind that changes the book. */
async function step(flow: Flow): Promise<void> {
  const { ids, orders } = flow
  await orders.pick(allActions)(flow, ids.length > 0 ? orders.pick(ids.slice(-40)) : '1')
}

for (const symbol of options) {
  const name = `[OT-7] the book of the stream is the book, whatever trades: ${Object.keys(symbol)}`
  t.test(name, async t => {
    let now = new Date()
    const plan = { symbols: { 'BTC-USD': symbol }, traders }
    const { ask, url, database } = await testServer(t, plan, { clock: () => now })
    const orders = randomOrders(randomNumbers(), 'BTC-USD', () => now)
    const mustAnswer: typeof ask = async (method, path, ...rest) => {
      const reply = await ask(method, path, ...rest)
      if (/"status":500/.test(JSON.stringify(reply))) t.fail(`${method} ${path} failed`, { rest })
      return reply
    }
    const flow: Flow = { ask: mustAnswer, orders, ids: [] }
    const stream = await openStream(`${url}/stream?topics=book:BTC-USD`)
    t.teardown(stream.close)
    const readBook = async () => (await ask('GET', '/symbols/BTC-USD/book?depth=1000')).body
    let snapshot = await readBook()

    for (let count = 0; count < steps; count += 1) {
      now = new Date(now.getTime() + 1000)
      await step(flow)
      if (count % 50 === 10) snapshot = await readBook()
      if (count % 10 !== 9) continue
      const book = await readBook()
      await stream.until(() => (stream.messages.at(-1)?.data.last_seq ?? 0) >= book.seq)
      const { bids, asks } = bookCopy(snapshot, stream.messages)
      t.same({ bids, asks }, { bids: book.bids, asks: book.asks }, `after ${count} steps`)
    }

    const kinds = await database.query<{ kind: string }>(
      'select distinct kind::text from matching.events',
    )
    const seen = kinds.map(({ kind }) => kind)
    for (const kind of ['PARKED', 'TRIGGERED', 'RELEASED', 'PREVENTED', 'EXPIRED', 'AMENDED']) {
      t.ok(seen.includes(kind), kind)
    }
    t.same(await audit(database), [])
  })
}
