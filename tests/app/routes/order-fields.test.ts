import t from 'tap'
import { fakeServer } from '../fake-database.ts'
import { order } from '../test-server.ts'
import { bare, misshapen, wellFormed } from './order-samples.ts'

t.test('every field of an order reaches the matcher, in its words', async t => {
  const { ask, asked } = await fakeServer(t)
  for (const [body, command] of wellFormed) {
    const { status } = await ask('POST', '/orders', body)

    t.equal(status, 201, JSON.stringify(body))
    t.match(asked.at(-1)?.commands, [{ op: 'PLACE', client_id: 'client-A', ...command }])
  }
})

t.test('what an order does not say is not sent, or is as good as not said', async t => {
  const { ask, asked } = await fakeServer(t)
  const plain = {
    op: 'PLACE',
    client_id: 'client-A',
    side: 'BUY',
    type: 'LIMIT',
    time_in_force: 'GTC',
    price: '50000',
    quantity: '0.5',
    client_order_id: null,
    idempotency_key: null,
  }

  await ask('POST', '/orders', order())
  await ask('POST', '/orders', order({ stop_price: null, quote_quantity: null, expire_at: null }))
  await ask(
    'POST',
    '/orders',
    order({ trigger_immediately: false, post_only: false, slide: false }),
  )

  t.same(asked[0]?.commands, [plain])
  t.same(asked[1]?.commands, [plain])
  t.same(asked[2]?.commands, [plain])
})

t.test('an order that can rest is GTC when it does not say, any other IOC', async t => {
  const { ask, asked } = await fakeServer(t)
  const trailing = { type: 'TRAILING_STOP', trailing_bips: 100 }
  const bodies: [body: object, timeInForce: string][] = [
    [order(), 'GTC'],
    [order({ type: 'STOP_LIMIT', stop_price: '1' }), 'GTC'],
    [order({ type: 'TAKE_PROFIT_LIMIT', stop_price: '1' }), 'GTC'],
    [bare({ ...trailing, limit_offset: '5' }), 'GTC'],
    [bare({ type: 'MARKET' }), 'IOC'],
    [bare({ type: 'STOP', stop_price: '1' }), 'IOC'],
    [bare({ type: 'TAKE_PROFIT', stop_price: '1' }), 'IOC'],
    [bare(trailing), 'IOC'],
  ]

  for (const [body, timeInForce] of bodies) {
    await ask('POST', '/orders', body)
    t.match(asked.at(-1)?.commands, [{ time_in_force: timeInForce }], JSON.stringify(body))
  }
  for (const time_in_force of ['DAY', 'OPG', 'CLS', 'GFA', 'GTX', 'FOK']) {
    await ask('POST', '/orders', order({ time_in_force: time_in_force.toLowerCase() }))
    t.match(asked.at(-1)?.commands, [{ time_in_force }])
  }
})

t.test('a field that is missing, or that the type does not have, is named', async t => {
  const { ask, asked } = await fakeServer(t)

  for (const [body, code, field] of misshapen) {
    const reply = await ask('POST', '/orders', body)
    t.match(reply, { status: 400, body: { code, field } }, JSON.stringify(body))
  }
  t.same(asked, [])
})

t.test('a value that is none of its kind is named', async t => {
  const { ask, asked } = await fakeServer(t)
  const wrong: [facts: object, code: string][] = [
    [{ type: 'PEG' }, 'INVALID_FIELD'],
    [{ time_in_force: 'GTT' }, 'INVALID_FIELD'],
    [{ stp: 'CANCEL' }, 'INVALID_FIELD'],
    [{ trigger_source: 'MID' }, 'INVALID_FIELD'],
    [{ post_only: 'yes' }, 'INVALID_FIELD'],
    [{ slide: 1 }, 'INVALID_FIELD'],
    [{ trigger_immediately: 'true' }, 'INVALID_FIELD'],
    [{ trailing_bips: '100' }, 'INVALID_FIELD'],
    [{ trailing_bips: 1.5 }, 'INVALID_FIELD'],
    [{ trailing_bips: 0 }, 'INVALID_FIELD'],
    [{ stop_price: '-1' }, 'NOT_POSITIVE'],
    [{ quote_quantity: 'all' }, 'NOT_A_NUMBER'],
    [{ display_quantity: '0' }, 'NOT_POSITIVE'],
    [{ limit_offset: '-0.01' }, 'NOT_POSITIVE'],
    [{ activation_price: 1234567890.1234567 }, 'PRECISION'],
  ]
  for (const [facts, code] of wrong) {
    const [field] = Object.keys(facts)
    const reply = await ask('POST', '/orders', order(facts))
    t.match(reply, { status: 400, body: { code, field } }, JSON.stringify(facts))
  }

  const noTimes = [
    '2030-02-30T00:00:00Z',
    '2030-01-01',
    '2030-01-01T00:00:00',
    '2030-01-01 00:00:00Z',
    '2030-01-01T24:00:00Z',
    '2030-01-01T00:00:60Z',
    '2030-01-01T00:00:00.1234567Z',
    '2030-01-01T00:00:00+15:00',
    '0000-01-01T00:00:00Z',
    'tomorrow',
    1893456000,
  ]
  for (const expire_at of noTimes) {
    const reply = await ask('POST', '/orders', order({ time_in_force: 'GTD', expire_at }))
    t.match(reply, { status: 400, body: { field: 'expire_at' } }, String(expire_at))
  }
  t.same(asked, [])
})

t.test('[OE-3] a JSON number with more than 15 significant digits is PRECISION', async t => {
  const { ask, asked } = await fakeServer(t)
  const priced = (json: string) => JSON.stringify(order()).replace('"50000.00"', json)

  for (const json of ['1234567890.123456', '0.1000000000000001', '50000.000000000001']) {
    const reply = await ask('POST', '/orders', priced(json))
    t.match(reply, { status: 400, body: { code: 'PRECISION', field: 'price' } }, json)
  }
  t.same(asked, [])
  for (const json of ['123456789012345', '50000.0000000000', '1.23456789012345']) {
    t.equal((await ask('POST', '/orders', priced(json))).status, 201, json)
  }
})
