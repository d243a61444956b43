import { once } from 'node:events'
import { createAdaptorServer } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { dashboard } from '../../app/routes/dashboard.ts'

/** A service that only looks like one: canned replies and a stream that the test plays by hand. */

type Level = [price: string, quantity: string, orders: number]
type Trade = Record<string, string | number>
type Sent = { id: number; name: string; data: unknown }

const encoder = new TextEncoder()
const assets = ['BTC', 'ETH', 'BNB', 'SOL', 'XRP', 'ADA', 'DOGE', 'LTC']
const names = ['BTC-USD', ...assets.map(asset => `${asset}-USDT`), 'ETH-BTC']

export function createFake() {
  const sent: Sent[] = []
  const streams = new Set<ReadableStreamDefaultController<Uint8Array>>()
  const market = createMarket()
  const received: { method: string; path: string; body: unknown }[] = []

  const publish: Publish = (name, data) => {
    const message = { id: sent.length + 1, name, data }
    sent.push(message)
    for (const stream of streams) stream.enqueue(frame(message))
  }
  const dropStreams = () => {
    for (const stream of streams) stream.close()
    streams.clear()
  }
  const app = new Hono()
  app.use(async (c, next) => {
    const text = await c.req.text()
    const body: unknown = text === '' ? null : JSON.parse(text)
    received.push({ method: c.req.method, path: c.req.path, body })
    await next()
  })
  app.route('/', dashboard)
  app.route('/', marketRoutes(market))
  app.route('/', orderRoutes(market, publish))
  app.get('/stream', c => {
    if (market.refusedStreams > 0) {
      market.refusedStreams -= 1
      return c.text('not now', 503)
    }
    const after = Number(
      c.req.header('last-event-id') ?? c.req.query('last_event_id') ?? sent.length,
    )
    return stream(streams, sent.slice(after))
  })
  return { app, market, received, publish, dropStreams, streams, ...play(market, publish) }
}

/** Serves the fake on a free port of this machine. */
export async function serveFake(fake: ReturnType<typeof createFake>) {
  // The service takes the global Response when it is loaded, perhaps by the next test file.
  const server = createAdaptorServer({ fetch: fake.app.fetch, overrideGlobalObjects: false })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the fake has no port')
  const close = async () => {
    fake.dropStreams()
    server.close()
    await once(server, 'close')
  }
  return { origin: `http://127.0.0.1:${address.port}`, close }
}

type Publish = (name: string, data: unknown) => void

type Json = Record<string, unknown>

interface Market {
  seq: number
  bids: Level[]
  asks: Level[]
  trades: Trade[]
  orders: Json[]
  failed: Json[]
  backlog: Json
  tickers: Map<string, Json>
  /** status and phase of the symbols that do not trade as usual */
  states: Map<string, Json>
  /** how many more streams are refused */
  refusedStreams: number
}

function createMarket(): Market {
  return {
    seq: 100,
    bids: [],
    asks: [],
    trades: [],
    orders: [],
    failed: [],
    backlog: { pending: 0, failed: 0, oldest_created_at: null, settled_last_minute: 0 },
    tickers: new Map(),
    states: new Map(),
    refusedStreams: 0,
  }
}

/** What happens on the market: each call changes the fake's book and tells the streams. */
function play(market: Market, publish: Publish) {
  const symbol = 'BTC-USD'
  const say = (change: [string, string, string, number]) => {
    market.seq += 1
    const { seq } = market
    publish('book', { symbol, first_seq: seq, last_seq: seq, changes: [[seq, ...change]] })
  }
  return {
    rest(side: 'BUY' | 'SELL', price: string, quantity: string) {
      const levels = side === 'BUY' ? market.bids : market.asks
      levels.push([price, quantity, 1])
      levels.sort((a, b) => (side === 'BUY' ? 1 : -1) * (Number(b[0]) - Number(a[0])))
      say([side, price, quantity, 1])
    },
    trade(takerSide: 'BUY' | 'SELL', price: string, quantity: string, left: string) {
      const levels = takerSide === 'BUY' ? market.asks : market.bids
      const level = levels.find(one => one[0] === price)
      if (level) level[1] = left
      say([takerSide === 'BUY' ? 'SELL' : 'BUY', price, `-${quantity}`, 0])
      const at = new Date().toISOString()
      const { seq } = market
      const trade = { symbol, seq, trade_id: `t${seq}`, price, quantity, taker_side: takerSide, at }
      market.trades.unshift(trade)
      publish('trade', trade)
      publish('ticker', { ...market.tickers.get(symbol), symbol, last_price: price })
    },
    settle(count: number) {
      const ids = Array.from({ length: count }, (_, i) => String(i))
      publish('settlement', { finality_no: '1', journal_id: '1', settlement_ids: ids })
    },
  }
}

function marketRoutes(market: Market) {
  const app = new Hono()
  app.get('/symbols', c =>
    c.json({
      items: names.map(symbol => {
        const [base = '', quote = ''] = symbol.split('-')
        const filters = { tick_size: '0.01', lot_size: '0.0001' }
        const usual = { status: 'ACTIVE', phase: 'CONTINUOUS', ...filters }
        const state = market.states.get(symbol)
        return { symbol, base_asset: base, quote_asset: quote, ...usual, ...state }
      }),
      next_cursor: null,
    }),
  )
  app.get('/symbols/:symbol/ticker', c => {
    const symbol = c.req.param('symbol')
    return c.json(market.tickers.get(symbol) ?? { symbol, last_price: null, open_24h: null })
  })
  app.get('/symbols/:symbol/book', c => {
    const symbol = c.req.param('symbol')
    const { seq, bids, asks } = market
    return c.json(symbol === 'BTC-USD' ? { symbol, seq, bids, asks } : empty(symbol))
  })
  app.get('/symbols/:symbol/trades', c => {
    const items = c.req.param('symbol') === 'BTC-USD' ? market.trades.slice(0, 1000) : []
    return c.json({ items, next_cursor: null })
  })
  app.get('/settlements/backlog', c => c.json(market.backlog))
  app.get('/settlements', c => c.json({ items: market.failed, next_cursor: null }))
  app.post('/settlements/:id/retry', c => {
    market.failed = market.failed.filter(one => one.settlement_id !== c.req.param('id'))
    return c.json({ settlement_id: c.req.param('id'), status: 'PENDING' })
  })
  return app
}

function orderRoutes(market: Market, publish: Publish) {
  const app = new Hono()
  const { rest } = play(market, publish)
  app.get('/participants/:client/balances', c => {
    if (!c.req.param('client').startsWith('client-')) return refuse(c, 404, 'UNKNOWN_PARTICIPANT')
    return c.json({
      items: [
        balance('BTC', '98.5', '1.5', '0.25', '0'),
        balance('ETH', '1000', '0', '0', '0'),
        balance('USD', '974812.5', '25187.5', '0', '12500'),
        balance('USDT', '1000000', '0', '0', '0'),
      ],
    })
  })
  app.get('/orders', c => {
    const asked = c.req.query('status')
    const items = market.orders.filter(order => order.status === asked)
    return c.json({ items, next_cursor: null })
  })
  app.post('/orders', async c => {
    const body: Record<string, unknown> = await c.req.json()
    const price = String(body.price)
    if (!/^\d+(\.\d\d?)?$/.test(price)) return refuse(c, 422, 'PRICE_TICK')
    const quantity = String(body.quantity)
    const order = {
      ...body,
      order_id: String(700 + market.orders.length),
      status: 'OPEN',
      filled_quantity: '0',
      remaining_quantity: quantity,
      average_price: null,
      fee: '0',
      fills: [],
      created_at: new Date().toISOString(),
    }
    market.orders.unshift(order)
    rest(body.side === 'SELL' ? 'SELL' : 'BUY', price, quantity)
    publish('order', { ...order, kind: 'OPENED', remaining: quantity })
    return c.json(order, 201)
  })
  app.delete('/orders/:id', c => {
    const order = market.orders.find(one => one.order_id === c.req.param('id'))
    if (!order) return refuse(c, 404, 'UNKNOWN_ORDER')
    order.status = 'CANCELLED'
    return c.json(order)
  })
  return app
}

function refuse(c: Context, status: 404 | 422, code: string) {
  const detail = code === 'PRICE_TICK' ? 'price is not a multiple of 0.01' : 'there is none such'
  const problem = { type: 'about:blank', title: 'Refused', status, detail, code, request_id: 'r-1' }
  const bound = code === 'PRICE_TICK' ? { field: 'price', bound: '0.01' } : {}
  return c.json({ ...problem, ...bound }, status, { 'content-type': 'application/problem+json' })
}

function balance(asset: string, available: string, held: string, into: string, out: string) {
  return { asset, available, held, unsettled_in: into, unsettled_out: out }
}

function empty(symbol: string) {
  return { symbol, seq: 0, bids: [], asks: [] }
}

function stream(streams: Set<ReadableStreamDefaultController<Uint8Array>>, missed: Sent[]) {
  let own: ReadableStreamDefaultController<Uint8Array>
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      own = controller
      streams.add(own)
      controller.enqueue(encoder.encode('retry: 200\n\n'))
      for (const message of missed) controller.enqueue(frame(message))
    },
    cancel() {
      streams.delete(own)
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

function frame({ id, name, data }: Sent): Uint8Array {
  return encoder.encode(`id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
}
