import t from 'tap'
import { order, testServer } from '../test-server.ts'

const market = {
  symbols: { 'BTC-USD': {}, 'ETH-USD': {} },
  traders: { 'client-A': { USD: '10000000' }, 'client-B': { BTC: '100', ETH: '100' } },
}

interface Result {
  status: number
  order?: { status: string; order_id: string }
  problem?: { code: string; field?: string; request_id: string }
}
const summary = (results: Result[]) =>
  results.map(({ status, order, problem }) => [status, order?.status ?? problem?.code])

t.test('each entry is answered for itself, in the order of the request', async t => {
  const { ask } = await testServer(t, market)
  const orders = [
    order({ client_order_id: 'mine' }),
    order({ symbol: 'ETH-USD', price: '10' }),
    order({ client_order_id: 'other' }),
    order({ price: '-1' }),
    order({ client_id: 'nobody' }),
    order({ symbol: 'NO-PE' }),
    { nonsense: true },
    {
      op: 'amend',
      symbol: 'BTC-USD',
      client_id: 'client-A',
      client_order_id: 'mine',
      price: '40000',
    },
    { op: 'cancel', symbol: 'BTC-USD', client_id: 'client-A', client_order_id: 'other' },
    { op: 'cancel', symbol: 'BTC-USD', order_id: '1000000000999' },
    order({ price: '1.001' }),
    order({ client_id: 'client-B', side: 'sell', symbol: 'ETH-USD', price: '9', quantity: '0.1' }),
  ]

  const { status, body } = await ask('POST', '/orders/batch', { orders })

  t.equal(status, 200)
  t.same(summary(body.results), [
    [201, 'OPEN'],
    [201, 'OPEN'],
    [201, 'OPEN'],
    [400, 'NOT_POSITIVE'],
    [404, 'UNKNOWN_PARTICIPANT'],
    [404, 'UNKNOWN_SYMBOL'],
    [400, 'MISSING_FIELD'],
    [200, 'OPEN'],
    [200, 'CANCELLED'],
    [404, 'UNKNOWN_ORDER'],
    [422, 'PRICE_TICK'],
    [201, 'FILLED'],
  ])
})

t.test('an atomic batch is all or none, of one symbol', async t => {
  const { ask } = await testServer(t, market)
  const good = order()
  const bad = order({ price: '1.001' })

  const none = await ask('POST', '/orders/batch', { mode: 'Atomic', orders: [good, bad] })
  const all = await ask('POST', '/orders/batch', { mode: 'ATOMIC', orders: [good, good] })
  const two = await ask('POST', '/orders/batch', {
    mode: 'atomic',
    orders: [good, order({ symbol: 'ETH-USD' })],
  })
  const unreadable = await ask('POST', '/orders/batch', {
    mode: 'atomic',
    orders: [good, order({ price: 'x' })],
  })

  t.same(
    none.body.results.map((result: Result) => result.status),
    [422, 422],
  )
  t.same(summary(all.body.results), [
    [201, 'OPEN'],
    [201, 'OPEN'],
  ])
  t.match(two, { status: 400, body: { code: 'SEVERAL_SYMBOLS' } })
  t.match(unreadable, { status: 400, body: { code: 'NOT_A_NUMBER', field: 'orders.1.price' } })
  const open = await ask('GET', '/orders?client_id=client-A')
  t.equal(open.body.items.length, 2)
})

t.test('the key of a batch makes a key for each order', async t => {
  const { ask, database } = await testServer(t, market)
  const orders = [order({ price: '1' }), order({ price: '2' }), order({ idempotency_key: 'own' })]
  const key = { 'Idempotency-Key': 'batch-1' }

  const first = await ask('POST', '/orders/batch', { orders }, key)
  const again = await ask('POST', '/orders/batch', { orders }, key)

  t.same(again.body, first.body)
  const rows = await database.query('select client_key from matching.order_keys order by 1')
  t.same(
    rows.map(row => row.client_key),
    ['batch-1:0', 'batch-1:1', 'own'],
  )
})

t.test('a batch has 1 to 1000 entries', async t => {
  const { ask } = await testServer(t, market)
  const many = Array.from({ length: 1000 }, (_, index) => order({ price: `${index + 1}` }))

  const { body } = await ask('POST', '/orders/batch', { orders: many })
  t.equal(body.results.filter((result: Result) => result.status === 201).length, 1000)

  for (const orders of [[], [...many, order()], 'all', undefined]) {
    t.match(await ask('POST', '/orders/batch', { orders }), {
      status: 400,
      body: { field: 'orders' },
    })
  }
})
