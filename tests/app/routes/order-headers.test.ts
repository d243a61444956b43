import t from 'tap'
import { fakeServer, orderRow, refusedRow } from '../fake-database.ts'
import { order } from '../test-server.ts'

const deadline = '2030-01-01T00:00:00Z'
const pending = orderRow({ status: 'PENDING', pending_reason: 'MATCH' })

t.test('Prefer: respond-async is answered when the order is kept', async t => {
  const { ask, asked } = await fakeServer(t, ({ commands }) =>
    commands[0]?.is_async === true ? [pending] : undefined,
  )

  for (const Prefer of ['respond-async', 'wait=10, Respond-Async; x=1']) {
    const reply = await ask('POST', '/orders', order(), { Prefer })
    t.match(reply, { status: 202, body: { status: 'PENDING', pending_reason: 'MATCH' } }, Prefer)
    t.equal(reply.headers.get('preference-applied'), 'respond-async')
    t.match(asked.at(-1)?.commands, [{ op: 'PLACE', is_async: true }])
  }
  for (const Prefer of ['', 'return=minimal', 'respond-asynchronously']) {
    const reply = await ask('POST', '/orders', order(), { Prefer })
    t.equal(reply.status, 201, Prefer)
    t.notOk(reply.headers.has('preference-applied'))
    t.notMatch(asked.at(-1)?.commands, [{ is_async: true }])
  }
})

t.test('an order that is to be matched later wakes the one who matches', async t => {
  const { ask, rung } = await fakeServer(t, ({ commands }) =>
    commands[0]?.is_async === true ? [pending] : undefined,
  )

  await ask('POST', '/orders', order())
  while (rung.size < 1) await new Promise(resolve => setImmediate(resolve))
  t.same([...rung], ['pgsettle_events'])

  await ask('POST', '/orders', order(), { Prefer: 'respond-async' })
  while (rung.size < 2) await new Promise(resolve => setImmediate(resolve))
  t.same([...rung], ['pgsettle_events', 'pgsettle_orders'])
})

t.test('a repeat is answered as the first time, whatever it prefers', async t => {
  const { ask } = await fakeServer(t, ({ commands }) =>
    commands.length > 0 ? [pending] : undefined,
  )

  const reply = await ask('POST', '/orders', order({ idempotency_key: 'once' }))

  t.equal(reply.status, 202)
  t.notOk(reply.headers.has('preference-applied'))
})

t.test('an order that was matched after all, or refused, is answered as any other', async t => {
  const rows = [orderRow({ status: 'FILLED' }), refusedRow('LOT_SIZE')]
  const { ask } = await fakeServer(t, ({ name }) =>
    name === 'execute_commands' ? rows.splice(0, 1) : undefined,
  )
  const header = { Prefer: 'respond-async' }

  const matched = await ask('POST', '/orders', order(), header)
  const refused = await ask('POST', '/orders', order(), header)

  t.match(matched, { status: 201, body: { status: 'FILLED' } })
  t.notOk(matched.headers.has('preference-applied'))
  t.match(refused, { status: 422, body: { code: 'LOT_SIZE' } })
})

t.test('a stop order waits as well, but not for the matcher', async t => {
  const waiting = orderRow({ status: 'PENDING', pending_reason: 'TRIGGER' })
  const { ask } = await fakeServer(t, ({ commands }) =>
    commands.length > 0 ? [waiting] : undefined,
  )

  const reply = await ask(
    'POST',
    '/orders',
    order({ type: 'STOP', price: undefined, stop_price: '60000' }),
  )

  t.match(reply, { status: 201, body: { status: 'PENDING', pending_reason: 'TRIGGER' } })
})

t.test(
  '[OE-16] the deadline of a request reaches the matcher with each of its commands',
  async t => {
    const { ask, asked } = await fakeServer(t)
    const header = { 'X-Deadline': deadline }
    const sent = () => asked.at(-1)?.commands.map(command => command.deadline)
    const name = { client_id: 'client-A', client_order_id: 'mine', symbol: 'BTC-USD' }

    await ask('POST', '/orders', order({ deadline }))
    t.same(sent(), [deadline])
    await ask('POST', '/orders', order(), header)
    t.same(sent(), [deadline])
    await ask('PATCH', '/orders/1000000000001', { price: '1', deadline })
    t.same(sent(), [deadline])
    await ask('PATCH', '/orders/1000000000001', { price: '1' }, header)
    t.same(sent(), [deadline])
    await ask('DELETE', '/orders/1000000000001', undefined, header)
    t.same(sent(), [deadline])
    await ask('DELETE', '/orders/by-client-id/client-A/mine?symbol=BTC-USD', undefined, header)
    t.same(sent(), [deadline])
    await ask('POST', '/orders/test', order(), header)
    t.same(sent(), [deadline])
    await ask('POST', '/orders/1000000000001/replace', order(), header)
    t.same(sent(), [deadline, deadline])
    await ask('POST', '/order-lists', { type: 'OCO', orders: [order(), order()] }, header)
    t.same(sent(), [deadline, deadline])
    const other = '2031-01-01T00:00:00Z'
    const orders = [
      order({ deadline: other }),
      { op: 'cancel', ...name },
      { op: 'amend', ...name, quantity: '1' },
      { op: 'cancel', ...name, deadline: other },
    ]
    await ask('POST', '/orders/batch', { mode: 'atomic', orders }, header)
    t.same(sent(), [other, deadline, deadline, other])
  },
)

t.test('[OE-16] a deadline past which the matcher was late is told as such', async t => {
  const { ask } = await fakeServer(t, ({ commands }) =>
    commands.length > 0 ? [refusedRow('EXPIRED_REQUEST', { error_field: 'deadline' })] : undefined,
  )

  const reply = await ask('POST', '/orders', order({ deadline }))

  t.match(reply, { status: 422, body: { code: 'EXPIRED_REQUEST', field: 'deadline' } })
})

t.test('a deadline is a time, and header and body do not contradict each other', async t => {
  const { ask, asked } = await fakeServer(t)
  const wrong = { status: 400, body: { code: 'INVALID_FIELD', field: 'deadline' } }

  t.match(await ask('POST', '/orders', order(), { 'X-Deadline': 'soon' }), wrong)
  t.match(await ask('DELETE', '/orders/1000000000001', undefined, { 'X-Deadline': '5' }), wrong)
  t.match(await ask('POST', '/orders', order({ deadline: 'soon' })), wrong)
  const twice = { 'X-Deadline': '2030-01-01T00:00:01Z' }
  t.match(await ask('POST', '/orders', order({ deadline }), twice), wrong)
  t.same(asked, [])
})
