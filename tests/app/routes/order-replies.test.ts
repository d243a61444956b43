import t from 'tap'
import { fakeServer, orderRow } from '../fake-database.ts'
import { order } from '../test-server.ts'

const said = {
  quote_quantity: '100',
  stop_price: '49000',
  trigger_source: 'LAST',
  trailing_offset: '10',
  trailing_bips: 100,
  activation_price: '51000',
  limit_offset: '5',
  post_only: true,
  slide: true,
  display_quantity: '0.1',
  expire_at: '2030-01-01T00:00:00.000000Z',
  stp: 'DECREMENT',
  prevented_quantity: '0.2',
  list_id: '1000000000001',
}

t.test('an order is shown with all that was said of it, wherever it is shown', async t => {
  const { ask } = await fakeServer(t, ({ name, commands }) => {
    if (commands.length > 0) return commands.map(() => orderRow(said))
    return name === 'find_order' || name === 'list_orders' ? [orderRow(said)] : undefined
  })

  t.match((await ask('POST', '/orders', order())).body, said)
  t.match((await ask('GET', '/orders/1000000000001')).body, said)
  t.match((await ask('GET', '/orders')).body, { items: [said] })
  t.match((await ask('PATCH', '/orders/1000000000001', { price: '1' })).body, said)
  t.match((await ask('DELETE', '/orders/1000000000001')).body, said)
})

t.test('a plain order is neither post-only nor slid', async t => {
  const { ask } = await fakeServer(t)

  const { body } = await ask('GET', '/orders/1000000000001')

  t.match(body, { post_only: false, slide: false })
})

t.test('[OE-10] the amendments of an order are listed', async t => {
  const amendment = {
    seq: '5',
    at: '2026-01-01T00:00:00.000000Z',
    price: '49000',
    quantity: '1',
    remaining: '0.5',
    prior_price: '50000',
    prior_remaining: '0.5',
    keeps_place: false,
  }
  const { ask, asked } = await fakeServer(t, ({ name }) =>
    name === 'amendments' ? [amendment] : undefined,
  )

  const { body } = await ask('GET', '/orders/1000000000001/amendments')

  t.same(body, { items: [{ ...amendment, seq: 5 }], next_cursor: null })
  t.same(asked[0]?.values, [1, '1000000000001'])
  t.equal((await ask('GET', '/orders/abc/amendments')).status, 404)
})

t.test('the matches that were prevented are listed', async t => {
  const match = {
    prevented_match_id: '1000000000007',
    at: '2026-01-01T00:00:00.000000Z',
    stp: 'CANCEL_BOTH',
    price: '50000',
    taker_order_id: '1000000000002',
    maker_order_id: '1000000000001',
    taker_quantity: '1',
    maker_quantity: '2',
  }
  const { ask, asked } = await fakeServer(t, ({ name }) =>
    name === 'prevented_matches' ? [match] : undefined,
  )

  const { body } = await ask('GET', '/orders/1000000000001/prevented-matches')

  t.same(body, { items: [match], next_cursor: null })
  t.same(asked[0]?.values, [1, '1000000000001'])
  t.equal((await ask('GET', '/orders/0/prevented-matches')).status, 404)
})

t.test('an amendment may change when an order expires, or that it does', async t => {
  const { ask, asked } = await fakeServer(t)
  const path = '/orders/1000000000001'
  const expire_at = '2030-01-01T00:00:00Z'
  const sent = () => asked.at(-1)?.commands[0]

  await ask('PATCH', path, { expire_at })
  t.match(sent(), { op: 'AMEND', price: null, quantity: null, time_in_force: 'GTD', expire_at })
  await ask('PATCH', path, { time_in_force: 'gtc' })
  t.match(sent(), { op: 'AMEND', time_in_force: 'GTC', expire_at: undefined })
  await ask('PATCH', path, { price: '1' })
  t.match(sent(), { price: '1', time_in_force: undefined, expire_at: undefined })

  const before = asked.length
  const wrong: [body: object, field: string | undefined][] = [
    [{}, undefined],
    [{ deadline: expire_at }, undefined],
    [{ time_in_force: 'GTD' }, 'expire_at'],
    [{ time_in_force: 'GTC', expire_at }, 'expire_at'],
    [{ time_in_force: 'IOC' }, 'time_in_force'],
    [{ expire_at: 'later' }, 'expire_at'],
  ]
  for (const [body, field] of wrong) {
    const reply = await ask('PATCH', path, body)
    t.match(reply, { status: 400, body: field ? { field } : {} }, JSON.stringify(body))
  }
  t.equal(asked.length, before)
})

t.test('the entries of a batch say all that the single requests say', async t => {
  const { ask, asked } = await fakeServer(t)
  const name = { symbol: 'BTC-USD', order_id: '1000000000001' }
  const orders = [
    order({ type: 'STOP_LIMIT', stop_price: '51000', display_quantity: '0.1' }),
    { op: 'cancel', ...name, only_if: 'new' },
    { op: 'amend', ...name, expire_at: '2030-01-01T00:00:00Z' },
    { op: 'amend', ...name, time_in_force: 'GTC', quantity: '2' },
  ]

  for (const mode of ['each', 'atomic']) {
    await ask('POST', '/orders/batch', { mode, orders })

    const commands = asked.splice(0).flatMap(call => call.commands)
    t.match(commands, [
      { op: 'PLACE', type: 'STOP_LIMIT', stop_price: '51000', display_quantity: '0.1' },
      { op: 'CANCEL', order_id: '1000000000001', only_if: 'NEW' },
      { op: 'AMEND', time_in_force: 'GTD', expire_at: '2030-01-01T00:00:00Z' },
      { op: 'AMEND', time_in_force: 'GTC', quantity: '2' },
    ])
  }
  const { body } = await ask('POST', '/orders/batch', {
    orders: [order({ stop_price: '1' }), { op: 'amend', ...name, time_in_force: 'GTD' }],
  })
  t.match(body.results, [
    { status: 400, problem: { code: 'INVALID_FIELD', field: 'stop_price' } },
    { status: 400, problem: { code: 'MISSING_FIELD', field: 'expire_at' } },
  ])
})
