import t from 'tap'
import { audit } from '../../helpers/market.ts'
import { order, testServer } from '../test-server.ts'

t.test('the call of the README, as it stands', async t => {
  const { ask } = await testServer(t)
  const body =
    '{"idempotency_key":"a-unique-uuid-12345","client_id":"client-A","instrument":"BTC-USD",' +
    '"side":"buy","type":"limit","price":50000.0,"quantity":0.5}'

  const reply = await ask('POST', '/orders', body)

  t.equal(reply.status, 201)
  t.match(reply.body, {
    order_id: /^\d+$/,
    client_id: 'client-A',
    symbol: 'BTC-USD',
    side: 'BUY',
    type: 'LIMIT',
    time_in_force: 'GTC',
    price: '50000',
    quantity: '0.5',
    idempotency_key: 'a-unique-uuid-12345',
    status: 'OPEN',
    filled_quantity: '0',
    remaining_quantity: '0.5',
    average_price: null,
    fee: '0',
    fills: [],
    seq: 1,
    created_at: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/,
  })
})

t.test('an order that crosses is answered with its fills', async t => {
  const { ask } = await testServer(t)
  const maker = await ask('POST', '/orders', order({ client_id: 'client-B', side: 'sell' }))

  const taker = await ask('POST', '/orders', order({ price: '50001', quantity: '0.2' }))

  t.match(taker.body, {
    status: 'FILLED',
    filled_quantity: '0.2',
    average_price: '50000',
    fee: '20',
    fills: [{ price: '50000', quantity: '0.2', fee: '20', liquidity: 'TAKER' }],
  })
  const seen = await ask('GET', `/orders/${maker.body.order_id}`)
  t.match(seen.body, {
    status: 'PARTIALLY_FILLED',
    remaining_quantity: '0.3',
    fills: [{ trade_id: taker.body.fills[0].trade_id, fee: '10', liquidity: 'MAKER' }],
  })
  const trades = await ask('GET', '/symbols/BTC-USD/trades')
  t.match(trades.body.items, [{ trade_id: taker.body.fills[0].trade_id, taker_side: 'BUY' }])
})

t.test('a market order takes IOC for granted', async t => {
  const { ask } = await testServer(t)
  await ask('POST', '/orders', order({ client_id: 'client-B', side: 'SELL' }))

  const reply = await ask('POST', '/orders', order({ type: 'Market', price: null, quantity: '1' }))

  t.match(reply, {
    status: 201,
    body: { time_in_force: 'IOC', filled_quantity: '0.5', remaining_quantity: '0' },
  })
})

t.test('100 concurrent repeats of one key are one order', async t => {
  const { ask, database } = await testServer(t)
  const body = order({ idempotency_key: 'once' })

  const replies = await Promise.all(Array.from({ length: 100 }, () => ask('POST', '/orders', body)))

  t.same(new Set(replies.map(reply => reply.status)), new Set([201]))
  t.equal(new Set(replies.map(reply => JSON.stringify(reply.body))).size, 1)
  const [row] = await database.query('select count(*)::int as orders from matching.orders')
  t.same(row, { orders: 1 })
  const other = await ask('POST', '/orders', { ...body, quantity: '0.6' })
  t.match(other, { status: 422, body: { code: 'KEY_REUSED' } })
  t.same(await audit(database), [])
})

t.test('the key may come as a header, and must not contradict the body', async t => {
  const { ask } = await testServer(t)
  const header = { 'Idempotency-Key': 'key-1' }

  const first = await ask('POST', '/orders', order(), header)
  const again = await ask('POST', '/orders', order({ idempotency_key: 'key-1' }), header)
  const other = await ask('POST', '/orders', order({ idempotency_key: 'key-2' }), header)

  t.same(again.body, first.body)
  t.match(other, { status: 400, body: { code: 'INVALID_FIELD', field: 'idempotency_key' } })
})

t.test('an order is cancelled once, and again is no harm', async t => {
  const { ask, database } = await testServer(t)
  const placed = await ask('POST', '/orders', order())
  const path = `/orders/${placed.body.order_id}`

  const cancelled = await ask('DELETE', path)
  const again = await ask('DELETE', path)

  t.match(cancelled, { status: 200, body: { status: 'CANCELLED', remaining_quantity: '0' } })
  t.match(again, { status: 200, body: { status: 'CANCELLED' } })
  t.same(await audit(database), [])
})

t.test('a filled order cannot be cancelled, an unknown one is not there', async t => {
  const { ask } = await testServer(t)
  await ask('POST', '/orders', order({ client_id: 'client-B', side: 'sell' }))
  const filled = await ask('POST', '/orders', order())
  const order_id = filled.body.order_id

  const reply = await ask('DELETE', `/orders/${order_id}`)

  t.match(reply, { status: 409, body: { code: 'ORDER_FILLED', order_id } })
  for (const id of ['1000000000999', '9000000000001', '0', 'abc', '99999999999999999999']) {
    t.match(await ask('DELETE', `/orders/${id}`), { status: 404, body: { code: 'UNKNOWN_ORDER' } })
    t.match(await ask('GET', `/orders/${id}`), { status: 404, body: { code: 'UNKNOWN_ORDER' } })
  }
})

t.test('an order is amended in place', async t => {
  const { ask } = await testServer(t)
  const placed = await ask('POST', '/orders', order())
  const path = `/orders/${placed.body.order_id}`

  const amended = await ask('PATCH', path, { quantity: '0.4' })

  t.match(amended, { status: 200, body: { quantity: '0.4', remaining_quantity: '0.4' } })
  t.match(await ask('PATCH', path, {}), { status: 400, body: { code: 'MISSING_FIELD' } })
  t.match(await ask('PATCH', path, { price: '1.001' }), {
    status: 422,
    body: { code: 'PRICE_TICK' },
  })
})

t.test('mass cancel takes the orders of one participant, side and symbol', async t => {
  const { ask } = await testServer(t)
  const buy = await ask('POST', '/orders', order())
  const sell = await ask('POST', '/orders', order({ side: 'sell', price: '60000' }))
  await ask('POST', '/orders', order({ client_id: 'client-B' }))

  const sells = await ask('DELETE', '/orders?client_id=client-A&symbol=btc-usd&side=sell')
  const rest = await ask('DELETE', '/orders?client_id=client-A')

  t.same(sells.body, { cancelled: [sell.body.order_id] })
  t.same(rest.body, { cancelled: [buy.body.order_id] })
  const left = await ask('GET', '/orders?status=open')
  t.match(left.body, { items: [{ client_id: 'client-B' }], next_cursor: null })
})

t.test('orders are listed newest first, page by page', async t => {
  const { ask } = await testServer(t)
  const placed: string[] = []
  for (const price of ['1', '2', '3', '4', '5']) {
    const reply = await ask('POST', '/orders', order({ price }))
    placed.unshift(reply.body.order_id)
  }

  const seen: string[] = []
  let next = ''
  do {
    const { body } = await ask('GET', `/orders?client_id=client-A&limit=2${next}`)
    seen.push(...body.items.map((item: { order_id: string }) => item.order_id))
    next = body.next_cursor && `&cursor=${encodeURIComponent(body.next_cursor)}`
  } while (next)

  t.same(seen, placed)
})
