import t from 'tap'
import { randomNumbers } from '../../helpers/seed.ts'
import { openStream, type StreamMessage } from '../events/stream-client.ts'
import { order, startServer, type TestServer, testServer } from '../test-server.ts'

const market = {
  symbols: { 'BTC-USD': {}, 'ETH-USD': {} },
  traders: {
    'client-A': { USD: '10000000', BTC: '1000', ETH: '1000' },
    'client-B': { USD: '10000000', BTC: '1000', ETH: '1000' },
  },
}
const all = 'topics=trades:BTC-USD,book:BTC-USD,ticker,settlements,orders'
const names = (messages: readonly StreamMessage[]) => messages.map(({ event }) => event)

t.test('a stream tells what happens, as it happens', async t => {
  const { url, ask } = await testServer(t, market)
  const stream = await openStream(`${url}/stream?${all}`)
  t.teardown(stream.close)
  await stream.until(() => names(stream.messages).includes('ticker'))

  await ask('POST', '/orders', order())
  await ask('POST', '/orders', order({ client_id: 'client-B', side: 'sell', quantity: '0.2' }))
  const deposit = { client_id: 'client-A', asset: 'USD', amount: '1', idempotency_key: 'd' }
  await ask('POST', '/deposits', deposit)
  const has = (name: string, value: string) =>
    stream.messages.some(({ data }) => data[name] === value)
  await stream.until(() => has('last_price', '50000') && has('kind', 'FILLED'))

  t.match(stream.headers, { 'content-type': 'text/event-stream', 'x-request-id': /./ })
  const trade = stream.messages.find(({ event }) => event === 'trade')
  t.match(trade?.data, { symbol: 'BTC-USD', price: '50000', quantity: '0.2', taker_side: 'SELL' })
  const orders = stream.messages.filter(({ event }) => event === 'order')
  t.same(
    orders.map(({ data }) => [data.client_id, data.kind]),
    [
      ['client-A', 'OPENED'],
      ['client-B', 'TRADE'],
      ['client-A', 'TRADE'],
      ['client-B', 'FILLED'],
    ],
  )
  t.notOk(names(stream.messages).includes('settlement'), 'a deposit settles nothing')
})

t.test('a snapshot and the changes behind it give the book', async t => {
  const { url, ask } = await testServer(t, market)
  const stream = await openStream(`${url}/stream?topics=book:btc-usd`)
  t.teardown(stream.close)
  await ask('POST', '/orders', order({ price: '10', quantity: '1' }))
  const { body: snapshot } = await ask('GET', '/symbols/BTC-USD/book')
  await ask('POST', '/orders', order({ price: '10', quantity: '2' }))
  const amended = await ask('POST', '/orders', order({ price: '9', quantity: '3' }))
  await ask('PATCH', `/orders/${amended.body.order_id}`, { price: '8' })
  await ask('PATCH', `/orders/${amended.body.order_id}`, { quantity: '2.5' })
  const sell = { client_id: 'client-B', side: 'sell', price: '10', quantity: '1.5' }
  await ask('POST', '/orders', order(sell))
  const { body: book } = await ask('GET', '/symbols/BTC-USD/book')
  await stream.until(() => stream.messages.at(-1)?.data.last_seq === book.seq)

  const levels = new Map<string, [milli: number, orders: number]>()
  for (const [price, quantity, orders] of snapshot.bids) {
    levels.set(price, [Number(quantity) * 1000, orders])
  }
  for (const { data } of stream.messages) {
    for (const [seq, side, price, quantity, orders] of data.changes) {
      if (seq <= snapshot.seq || side !== 'BUY') continue
      const [before, count] = levels.get(price) ?? [0, 0]
      levels.set(price, [before + Number(quantity) * 1000, count + orders])
    }
  }

  const kept = [...levels].filter(([, [milli]]) => milli !== 0)
  t.same(
    kept.map(([price, [milli, orders]]) => [price, String(milli / 1000), orders]).sort(),
    [...book.bids].sort(),
  )
})

/** Places orders that rest, trade and are cancelled, on two symbols. */
async function trade({ ask }: Pick<TestServer, 'ask'>, random: () => number, count: number) {
  for (let index = 0; index < count; index += 1) {
    const isBuy = random() < 0.5
    const reply = await ask(
      'POST',
      '/orders',
      order({
        client_id: isBuy ? 'client-A' : 'client-B',
        symbol: random() < 0.5 ? 'BTC-USD' : 'ETH-USD',
        side: isBuy ? 'buy' : 'sell',
        price: String(95 + Math.floor(random() * 10)),
        quantity: '0.1',
      }),
    )
    if (random() < 0.2) await ask('DELETE', `/orders/${reply.body.order_id}`)
  }
}

const key = ({ event, data }: StreamMessage) =>
  `${event} ${data.symbol} ${data.seq} ${data.order_id ?? ''} ${data.liquidity ?? ''}`

t.test('streams that break and resume anywhere lose and repeat nothing', async t => {
  const server = await testServer(t, market)
  const second = await startServer(t, server.database)
  const random = randomNumbers()
  const topics = 'topics=trades:BTC-USD,trades:ETH-USD,book:BTC-USD,orders,orders:client-A'
  const told: StreamMessage[] = []
  const start = await openStream(`${server.url}/stream?${topics}`)
  await start.until(() => start.lastId() !== '')
  let lastId = start.lastId()
  start.close()

  let isTrading = true
  const trading = Promise.all([1, 2, 3].map(() => trade(server, random, 60))).finally(() => {
    isTrading = false
  })
  const events = () =>
    server.database.query<{ last: string }>(
      'select sum(last_seq)::text as last from matching.symbol_state',
    )
  for (let round = 0; isTrading || round < 3; round += 1) {
    const process = round % 2 === 0 ? second : server
    const inHeader = random() < 0.5
    const path = `/stream?${topics}${inHeader ? '' : `&last_event_id=${lastId}`}`
    const stream = await openStream(process.url + path, inHeader ? { 'last-event-id': lastId } : {})
    const enough = 1 + Math.floor(random() * 40)
    await stream.until(() => stream.messages.length >= enough || !isTrading)
    stream.close()
    told.push(...stream.messages)
    lastId = stream.lastId()
  }
  await trading
  const rest = await openStream(`${server.url}/stream?${topics}&last_event_id=${lastId}`)
  const [{ last } = { last: '0' }] = await events()
  await rest.until(() => sumOfSeqs(rest.lastId()) === Number(last))
  rest.close()
  told.push(...rest.messages)

  const facts = told.filter(({ event }) => event !== 'book').map(key)
  t.equal(new Set(facts).size, facts.length, 'nothing twice')
  const rows = await server.database.query<{ key: string }>(
    `select unnest(array['order ' || s.symbol || ' ' || e.seq || ' ' || e.order_id || ' ' ||
         case when e.kind = 'TRADE' then 'TAKER' else '' end] ||
       case when e.kind = 'TRADE' then array[
         'trade ' || s.symbol || ' ' || e.seq || '  ',
         'order ' || s.symbol || ' ' || e.seq || ' ' || e.maker_order_id || ' MAKER'] end) as key
     from matching.events as e join reference.symbols as s using (symbol_id)`,
  )
  t.same([...facts].sort(), rows.map(row => row.key).sort(), 'nothing lost')
  const ranges = told.filter(({ event }) => event === 'book').map(({ data }) => data)
  t.ok(ranges.every((range, at) => range.first_seq === (ranges[at - 1]?.last_seq ?? 0) + 1))
})

/** The orders topic counts two for each event. */
function sumOfSeqs(id: string): number {
  return id
    .split('_')
    .filter(part => part.startsWith('o'))
    .reduce((sum, part) => sum + Math.floor(Number.parseInt(part.split('.')[1] ?? '0', 36) / 2), 0)
}

t.test('a symbol that is listed later is part of the topics of all symbols', async t => {
  const { url, ask } = await testServer(t, market)
  const stream = await openStream(`${url}/stream?topics=orders`)
  t.teardown(stream.close)

  await ask('POST', '/symbols', { symbol: 'ETH-BTC', tick_size: '0.01', lot_size: '0.01' })
  await ask('POST', '/orders', order({ symbol: 'ETH-BTC', price: '0.05', quantity: '1' }))

  await stream.until(() => stream.messages.some(({ data }) => data.symbol === 'ETH-BTC'))
  t.match(stream.messages, [{ event: 'order', data: { symbol: 'ETH-BTC', seq: 1 } }])
})

t.test('topics and ids that are wrong are told before a stream begins', async t => {
  const { ask } = await testServer(t, market)

  t.match(await ask('GET', '/stream'), { status: 400, body: { field: 'topics' } })
  t.match(await ask('GET', '/stream?topics=prices'), { status: 400, body: { code: 'BAD_TOPIC' } })
  t.match(await ask('GET', '/stream?topics=book:NO-PE'), {
    status: 404,
    body: { code: 'UNKNOWN_SYMBOL' },
  })
  t.match(await ask('GET', '/stream?topics=ticker', undefined, { 'last-event-id': 'x' }), {
    status: 400,
    body: { code: 'BAD_EVENT_ID' },
  })
  t.equal((await ask('HEAD', '/stream?topics=ticker')).status, 200)
})

t.test('a stop ends each stream with its last id', async t => {
  const { url, ask, close, database } = await testServer(t, market)
  const stream = await openStream(`${url}/stream?topics=orders:client-A`)
  await ask('POST', '/orders', order())
  await stream.until(() => stream.messages.length === 1)

  await close()

  await stream.until(stream.isEnded)
  const [, farewell] = stream.messages
  t.match(farewell, { event: 'closing', data: { last_event_id: stream.lastId() } })
  const next = await startServer(t, database)
  await next.ask('POST', '/orders', order({ price: '1' }))
  const resumed = await openStream(
    `${next.url}/stream?topics=orders:client-A&last_event_id=${stream.lastId()}`,
  )
  t.teardown(resumed.close)
  await resumed.until(() => resumed.messages.length > 0)
  t.match(resumed.messages, [{ event: 'order', data: { seq: 2 } }])
})
