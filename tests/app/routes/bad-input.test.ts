import t from 'tap'
import { order, type TestServer, testServer } from '../test-server.ts'

/** As in a URL, where half a character cannot be: it becomes the mark for one. */
const inUrl = (text: string) => encodeURIComponent(Buffer.from(text).toString())

/** What a request leaves behind, if anything. */
async function written({ database }: TestServer): Promise<unknown> {
  const [counts] = await database.query(
    `select (select count(*) from matching.orders) as orders,
       (select count(*) from matching.order_keys) as keys,
       (select count(*) from matching.events) as events,
       (select count(*) from matching.book) as book,
       (select count(*) from reference.participants) as participants,
       (select count(*) from reference.symbols) as symbols,
       (select count(*) from reference.assets) as assets,
       (select count(*) from ledger.transfers) as transfers`,
  )
  return counts
}

const thirtyDecimals = '0.100000000000000000000000000001'
const raw = (field: string, json: string) =>
  JSON.stringify(order()).replace(new RegExp(`"${field}":"[^"]*"`), `"${field}":${json}`)

const cases: [name: string, body: unknown, status: number, code: string, field?: string][] = [
  ['broken JSON', '{"client_id":', 400, 'BAD_JSON'],
  ['JSON with NaN', raw('price', 'NaN'), 400, 'BAD_JSON'],
  ['an empty body', '', 400, 'EMPTY_BODY'],
  ['a blank body', ' \n', 400, 'EMPTY_BODY'],
  ['an array', [order()], 400, 'INVALID_BODY'],
  ['null', 'null', 400, 'INVALID_BODY'],
  ['an unknown field', order({ status: 'FILLED' }), 400, 'UNKNOWN_FIELD', 'status'],
  ['a field left out', order({ client_id: undefined }), 400, 'MISSING_FIELD', 'client_id'],
  ['no symbol', order({ symbol: undefined }), 400, 'MISSING_FIELD', 'symbol'],
  ['two symbols', order({ instrument: 'ETH-USD' }), 400, 'INVALID_FIELD', 'instrument'],
  ['a wrong type of text', order({ client_id: 7 }), 400, 'INVALID_FIELD', 'client_id'],
  ['a wrong type of amount', order({ price: true }), 400, 'INVALID_FIELD', 'price'],
  ['a wrong type of enum', order({ side: 1 }), 400, 'INVALID_FIELD', 'side'],
  ['an unknown word', order({ side: 'hold' }), 400, 'INVALID_FIELD', 'side'],
  ['a type we do not take', order({ type: 'peg' }), 400, 'INVALID_FIELD', 'type'],
  ['a negative price', order({ price: '-1' }), 400, 'NOT_POSITIVE', 'price'],
  ['a negative number', order({ quantity: -0.5 }), 400, 'NOT_POSITIVE', 'quantity'],
  ['zero', order({ quantity: 0 }), 400, 'NOT_POSITIVE', 'quantity'],
  ['NaN as text', order({ quantity: 'NaN' }), 400, 'NOT_A_NUMBER', 'quantity'],
  ['1e400', raw('quantity', '1e400'), 400, 'PRECISION', 'quantity'],
  ['1e400 as text', order({ quantity: '1e400' }), 400, 'NOT_A_NUMBER', 'quantity'],
  ['30 decimals', raw('quantity', thirtyDecimals), 400, 'PRECISION', 'quantity'],
  ['30 decimals as text', order({ price: thirtyDecimals }), 400, 'PRECISION', 'price'],
  ['off tick', order({ price: '50000.001' }), 422, 'PRICE_TICK', 'price'],
  ['off lot', order({ quantity: '0.0005' }), 422, 'LOT_SIZE', 'quantity'],
  ['an unknown symbol', order({ symbol: 'NO-PE' }), 404, 'UNKNOWN_SYMBOL', 'symbol'],
  [
    'an unknown participant',
    order({ client_id: 'nobody' }),
    404,
    'UNKNOWN_PARTICIPANT',
    'client_id',
  ],
  ['a limit order without price', order({ price: null }), 400, 'MISSING_FIELD', 'price'],
  ['a market order with price', order({ type: 'market' }), 400, 'INVALID_FIELD', 'price'],
  [
    'a market order that rests',
    order({ type: 'market', price: null, time_in_force: 'gtc' }),
    422,
    'TIME_IN_FORCE',
    'time_in_force',
  ],
]

t.test('a bad order gets the named error, and nothing is written', async t => {
  const server = await testServer(t)
  const before = await written(server)

  for (const [name, body, status, code, field] of cases) {
    const reply = await server.ask('POST', '/orders', body)

    t.match(reply.headers.get('content-type'), 'application/problem+json', name)
    t.match(reply.body, { status, code, ...(field ? { field } : {}) }, name)
    t.equal(reply.status, status, name)
    t.equal(reply.body.request_id, reply.headers.get('x-request-id'), name)
  }

  t.same(await written(server), before)
})

t.test('a body that is too large or not JSON is not read', async t => {
  const server = await testServer(t)
  const before = await written(server)
  const large = JSON.stringify(order({ padding: 'x'.repeat(10 * 1024 * 1024) }))

  const declared = await server.ask('POST', '/orders', large)
  t.match(declared, { status: 413, body: { code: 'TOO_LARGE' } })

  const chunks = new Blob([large]).stream()
  const headers = { 'content-type': 'application/json' }
  const init: RequestInit & { duplex: string } = {
    method: 'POST',
    body: chunks,
    headers,
    duplex: 'half',
  }
  const chunked = await fetch(`${server.url}/orders`, init)
  t.match(await chunked.json(), { status: 413, code: 'TOO_LARGE' })

  const form = await server.ask('POST', '/orders', 'a=b', { 'content-type': 'text/plain' })
  t.match(form, { status: 415, body: { code: 'NOT_JSON' } })

  t.same(await written(server), before)
  t.equal((await server.ask('GET', '/health')).status, 200)
})

type Request = [method: string, path: string, body?: object]

const requestsWith = (bad: string) => [...ordersWith(bad), ...othersWith(bad), ...pathsWith(bad)]

function ordersWith(bad: string): Request[] {
  return [
    ...Object.keys(order()).map((field): Request => ['POST', '/orders', order({ [field]: bad })]),
    ['POST', '/orders', order({ time_in_force: bad })],
    ['POST', '/orders', order({ client_order_id: bad })],
    ...['stp', 'trigger_source', 'stop_price', 'quote_quantity', 'deadline', 'trailing_bips'].map(
      (field): Request => ['POST', '/orders', order({ [field]: bad })],
    ),
    ['POST', '/orders', order({ time_in_force: 'GTD', expire_at: bad })],
    ['POST', '/orders/test', order({ display_quantity: bad })],
    ['POST', '/orders/1000000000001/replace', order({ mode: bad })],
    ['POST', `/orders/${inUrl(bad)}/replace`, order()],
    ['POST', '/order-lists', { type: bad, orders: [order(), order()] }],
    ['POST', '/order-lists', { type: 'OCO', orders: [order({ stp: bad }), order()] }],
    ['POST', `/participants/${inUrl(bad)}/cancel-after`, { seconds: 1 }],
    ['POST', '/participants/client-A/cancel-after', { seconds: bad }],
    ['POST', '/symbols', { symbol: 'A-B', tick_size: '1', lot_size: '1', default_stp: bad }],
    ['POST', '/orders', order({ idempotency_key: bad })],
    ['POST', '/orders', order({ instrument: bad, symbol: undefined })],
    ['POST', '/orders', order({ [bad]: 1 })],
  ]
}

function othersWith(bad: string): Request[] {
  const key = 'k'
  return [
    ['POST', '/participants', { client_id: bad }],
    ['POST', '/deposits', { client_id: bad, asset: 'USD', amount: '1', idempotency_key: key }],
    ['POST', '/deposits', { client_id: 'client-A', asset: bad, amount: '1', idempotency_key: key }],
    [
      'POST',
      '/deposits',
      { client_id: 'client-A', asset: 'USD', amount: bad, idempotency_key: key },
    ],
    [
      'POST',
      '/deposits',
      { client_id: 'client-A', asset: 'USD', amount: '1', idempotency_key: bad },
    ],
    ['POST', '/withdrawals', { client_id: bad, asset: 'USD', amount: '1', idempotency_key: key }],
    [
      'POST',
      '/withdrawals',
      { client_id: 'client-A', asset: 'USD', amount: '1', idempotency_key: key, operator: bad },
    ],
    ['POST', `/withdrawals/${inUrl(bad)}/approve`, { operator: 'ann' }],
    ['POST', '/withdrawals/1/approve', { operator: bad }],
    ['POST', '/withdrawals/1/reject', { operator: bad, reason: 'why' }],
    ['POST', '/symbols', { symbol: bad, tick_size: '1', lot_size: '1' }],
    ['POST', '/symbols', { symbol: 'A-B', tick_size: bad, lot_size: '1' }],
    ['POST', '/assets', { asset: bad, decimals: 2 }],
  ]
}

function pathsWith(bad: string): Request[] {
  return [
    ...[
      `/orders/${inUrl(bad)}`,
      `/orders/${inUrl(bad)}/amendments`,
      `/orders/${inUrl(bad)}/prevented-matches`,
      `/orders?client_id=${inUrl(bad)}`,
      `/orders?symbol=${inUrl(bad)}`,
      `/orders?status=${inUrl(bad)}`,
      `/orders?cursor=${inUrl(bad)}`,
      `/orders?limit=${inUrl(bad)}`,
      `/symbols/${inUrl(bad)}`,
      `/symbols/${inUrl(bad)}/book`,
      `/symbols/BTC-USD/book?depth=${inUrl(bad)}`,
      `/symbols/BTC-USD/trades?cursor=${inUrl(bad)}`,
      `/participants/${inUrl(bad)}/balances`,
      `/settlements/${inUrl(bad)}`,
      `/settlements?cursor=${inUrl(bad)}`,
      `/stream?topics=${inUrl(`trades:${bad}`)}`,
      `/stream?topics=ticker&last_event_id=${inUrl(bad)}`,
    ].map((path): Request => ['GET', path]),
    ['DELETE', `/orders?client_id=${inUrl(bad)}`],
    ['DELETE', `/orders/${inUrl(bad)}`],
    ['DELETE', `/orders?group=${inUrl(bad)}`],
    ['DELETE', `/orders?client_id=client-A&min_price=${inUrl(bad)}`],
    ['DELETE', `/orders/1000000000001?only_if=${inUrl(bad)}`],
    ['DELETE', `/orders/by-client-id/client-A/${inUrl(bad)}?symbol=BTC-USD`],
  ]
}

for (const bad of ["x'; drop table matching.orders; --", 'a\u0000b', '\ud800']) {
  t.test(`${JSON.stringify(bad)} in any string is a value, and a wrong one`, async t => {
    const server = await testServer(t)
    const before = await written(server)
    for (const [method, path, body] of requestsWith(bad)) {
      const reply = await server.ask(method, path, body)

      const name = `${method} ${path} ${body ? JSON.stringify(body) : ''}`
      t.ok([400, 404].includes(reply.status), name)
      t.notSame(reply.body.code, 'NO_SUCH_ROUTE', name)
      t.notMatch(JSON.stringify(reply.body), /syntax|relation|column "/, name)
    }

    t.same(await written(server), before)
  })
}

t.test('a list takes only the parameters, limits and cursors it knows', async t => {
  const { ask } = await testServer(t)
  const wrong = [
    '/orders?limit=0',
    '/orders?limit=1001',
    '/orders?limit=1e3',
    '/orders?limit=-1',
    '/orders?clientid=client-A',
    '/orders?cursor=2026-02-30T00:00:00.000000Z_5',
    '/symbols/BTC-USD/book?depth=0',
    '/symbols/BTC-USD/trades?limit=x',
    '/settlements?status=gone',
  ]

  for (const path of wrong) t.equal((await ask('GET', path)).status, 400, path)
  // A parameter that is misspelt must not cancel what it was to leave alone.
  t.equal((await ask('DELETE', '/orders?client_id=client-A&symbl=BTC-USD')).status, 400)
  t.equal((await ask('DELETE', '/orders')).status, 400)
})
