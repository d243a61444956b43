import Ajv from 'ajv/dist/2020.js'
import t from 'tap'
import { fakeServer } from './fake-database.ts'
import { misshapen, wellFormed } from './routes/order-samples.ts'
import { order } from './test-server.ts'

/** The words of a body as the document has them: the service takes any case. */
function inUpperCase(body: object): object {
  const words = ['side', 'type', 'time_in_force', 'stp', 'trigger_source']
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name,
      words.includes(name) ? String(value).toUpperCase() : value,
    ]),
  )
}

t.test('the document accepts the orders that the service accepts, and no others', async t => {
  const { ask } = await fakeServer(t)
  const { body: document } = await ask('GET', '/openapi.json')
  const { schema } = document.paths['/orders'].post.requestBody.content['application/json']
  const ajv = new Ajv.default({ strict: false, formats: { 'date-time': true } })
  const accepts = ajv.compile({ ...schema, components: document.components })
  const bodies: [object, boolean][] = [
    [order(), true],
    [order({ price: 50000.5, time_in_force: 'FOK', idempotency_key: 'k' }), true],
    [order({ client_order_id: null, instrument: 'BTC-USD' }), true],
    [order({ symbol: undefined, instrument: 'BTC-USD' }), true],
    [order({ symbol: undefined }), false],
    [order({ symbol: null }), false],
    [order({ quantity: '1e5' }), false],
    [order({ quantity: true }), false],
    [order({ client_id: 'a b' }), false],
    [order({ side: 'HOLD' }), false],
    [order({ colour: 'red' }), false],
    [order({ trailing_bips: 0 }), false],
    ...wellFormed.map(([body]): [object, boolean] => [body, true]),
    ...misshapen.map(([body]): [object, boolean] => [body, false]),
  ]

  for (const [body, isGood] of bodies) {
    const text = JSON.stringify(inUpperCase(body))
    t.equal(accepts(JSON.parse(text)), isGood, `document: ${text}`)
    t.equal((await ask('POST', '/orders', text)).status === 201, isGood, `service: ${text}`)
  }
})

t.test('the document knows the headers that a request may have', async t => {
  const { ask } = await fakeServer(t)
  const { body: document } = await ask('GET', '/openapi.json')
  const headersOf = (method: string, path: string) =>
    (document.paths[path][method].parameters ?? [])
      .filter((parameter: { in: string }) => parameter.in === 'header')
      .map((parameter: { name: string }) => parameter.name)

  t.same(headersOf('post', '/orders'), ['Idempotency-Key', 'X-Deadline', 'Prefer'])
  t.same(headersOf('post', '/orders/batch'), ['Idempotency-Key', 'X-Deadline'])
  t.same(headersOf('post', '/order-lists'), ['Idempotency-Key', 'X-Deadline'])
  t.same(headersOf('post', '/orders/{order_id}/replace'), ['Idempotency-Key', 'X-Deadline'])
  t.same(headersOf('patch', '/orders/{order_id}'), ['X-Deadline'])
  t.same(headersOf('delete', '/orders/{order_id}'), ['X-Deadline'])
  t.same(headersOf('post', '/deposits'), ['Idempotency-Key'])
  t.same(headersOf('post', '/withdrawals'), ['Idempotency-Key'])
  t.same(headersOf('post', '/transfers'), ['Idempotency-Key'])
  t.same(headersOf('get', '/stream'), ['Last-Event-ID'])
  t.same(headersOf('get', '/orders'), [])
})
