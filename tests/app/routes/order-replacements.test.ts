import t from 'tap'
import { type Answers, fakeServer, orderRow, refusedRow } from '../fake-database.ts'
import { order } from '../test-server.ts'

const path = '/orders/1000000000001/replace'
const cancelled = orderRow({ status: 'CANCELLED' })
const placed = orderRow({ order_id: '1000000000002' })
const undone = refusedRow('BATCH_ROLLED_BACK')
const tooLate = refusedRow('ORDER_FILLED', { error_state: 'STFIL', order_id: '1000000000001' })
const offTick = refusedRow('PRICE_TICK', { error_field: 'price', error_bound: '0.01' })

/** The matcher answers the two commands with these rows. */
const answering =
  (...rows: object[]): Answers =>
  ({ name }) =>
    name === 'execute_commands' ? rows.map(row => ({ ...row })) : undefined

t.test('[OE-10] an order is replaced in one transaction, both or none', async t => {
  const { ask, asked } = await fakeServer(t, answering(cancelled, placed))

  const reply = await ask('POST', path, order({ only_if: 'new', post_only: true }), {
    'Idempotency-Key': 'once',
  })

  t.match(reply, {
    status: 200,
    body: {
      cancelled: { order_id: '1000000000001', status: 'CANCELLED' },
      placed: { order_id: '1000000000002', status: 'OPEN' },
    },
  })
  const { commands = [], values = [] } = asked.at(-1) ?? {}
  t.match(commands, [
    { op: 'CANCEL', order_id: '1000000000001', only_if: 'NEW' },
    { op: 'PLACE', price: '50000', post_only: true, idempotency_key: 'once' },
  ])
  t.equal(commands.length, 2)
  t.equal(values[4], true, 'all or none')
})

t.test('[OE-10] what refuses the one or the other is the answer, and nothing was done', async t => {
  const late = await fakeServer(t, answering(tooLate, undone))
  const refused = await fakeServer(t, answering(undone, offTick))

  t.match(await late.ask('POST', path, order()), { status: 409, body: { code: 'ORDER_FILLED' } })
  const reply = await refused.ask('POST', path, order())
  t.match(reply, { status: 422, body: { code: 'PRICE_TICK', field: 'price', bound: '0.01' } })
  t.notOk('cancelled' in reply.body)
})

t.test('[OE-10] ALLOW_FAILURE places in any case, and says what became of both', async t => {
  const mode = 'allow_failure'
  const both = await fakeServer(t, answering(cancelled, placed))
  const late = await fakeServer(t, answering(tooLate, placed))

  t.match(await both.ask('POST', path, order({ mode })), {
    status: 200,
    body: { cancelled: { status: 'CANCELLED' }, placed: { order_id: '1000000000002' } },
  })
  t.equal(both.asked.at(-1)?.values[4], false, 'each for itself')
  t.equal(both.asked.at(-1)?.commands.length, 2, 'in one transaction')
  t.match(await late.ask('POST', path, order({ mode })), {
    status: 200,
    body: { cancelled: null, problem: { code: 'ORDER_FILLED', status: 409 }, placed: {} },
  })
})

t.test('[OE-10] it is no success when both are gone', async t => {
  const mode = 'ALLOW_FAILURE'
  const gone = await fakeServer(t, answering(cancelled, offTick))
  const stands = await fakeServer(t, answering(tooLate, offTick))

  t.match(await gone.ask('POST', path, order({ mode })), {
    status: 422,
    body: { code: 'PRICE_TICK', cancelled: { order_id: '1000000000001', status: 'CANCELLED' } },
  })
  t.match(await stands.ask('POST', path, order({ mode })), {
    status: 422,
    body: { code: 'PRICE_TICK', cancelled: null },
  })
})

t.test('a replacement is of the same participant and symbol, and shaped as an order', async t => {
  const { ask, asked } = await fakeServer(t)
  const wrong: [body: object, field: string][] = [
    [order({ client_id: 'client-B' }), 'client_id'],
    [order({ symbol: 'ETH-USD' }), 'symbol'],
    [order({ mode: 'both' }), 'mode'],
    [order({ only_if: 'OPEN' }), 'only_if'],
    [order({ price: undefined }), 'price'],
    [order({ colour: 'red' }), 'colour'],
  ]

  for (const [body, field] of wrong) {
    t.match(await ask('POST', path, body), { status: 400, body: { field } }, field)
  }
  t.equal((await ask('POST', '/orders/abc/replace', order())).status, 404)
  t.notOk(asked.some(({ name }) => name === 'execute_commands'))
})
