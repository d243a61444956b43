import t from 'tap'
import { audit, balances } from '../../helpers/market.ts'
import { openStream } from '../events/stream-client.ts'
import { order, type TestServer, testServer } from '../test-server.ts'

const { stringify } = JSON
const sell = (facts: object = {}) => order({ client_id: 'client-B', side: 'sell', ...facts })
const stop = (facts: object = {}) => order({ type: 'STOP', price: undefined, ...facts })

/** A trade at the price, so that there is a last one. */
async function trade({ ask }: Pick<TestServer, 'ask'>, price: string, quantity = '0.001') {
  await ask('POST', '/orders', sell({ price, quantity }))
  await ask('POST', '/orders', order({ price, quantity }))
}

t.test(
  '[OT-3] a stop order waits with its hold, and fires with the trade that reaches it',
  async t => {
    const server = await testServer(t)
    const { ask, url, database } = server
    await trade(server, '50000')
    const stream = await openStream(`${url}/stream?topics=orders:client-A`)
    t.teardown(stream.close)
    await ask('POST', '/orders', sell({ price: '51000', quantity: '1' }))

    const parked = await ask('POST', '/orders', stop({ stop_price: '50500', quantity: '0.5' }))
    const id = parked.body.order_id
    t.match(parked, {
      status: 201,
      body: { status: 'PENDING', pending_reason: 'TRIGGER', stop_price: '50500', price: null },
    })
    t.same((await ask('GET', '/symbols/BTC-USD/book')).body.bids, [], 'it is not in the book')
    t.notMatch((await balances(database, 'client-A')).USD, / 0 0 0$/, 'its funds are held')
    t.match((await ask('GET', '/orders?status=PENDING')).body.items, [{ order_id: id }])

    await trade(server, '50500')

    t.match((await ask('GET', `/orders/${id}`)).body, {
      status: 'FILLED',
      pending_reason: null,
      average_price: '51000',
    })
    await stream.until(() =>
      stream.messages.some(({ data }) => data.kind === 'FILLED' && data.order_id === id),
    )
    const kinds = stream.messages
      .filter(({ data }) => data.order_id === id)
      .map(({ data }) => data.kind)
    t.same(kinds, ['PARKED', 'TRIGGERED', 'TRADE', 'FILLED'])
    t.same(await audit(database), [])
  },
)

t.test(
  '[OT-3] a stop that is reached already is refused, unless it is to fire at once',
  async t => {
    const server = await testServer(t)
    const { ask } = server
    await trade(server, '50000')
    await ask('POST', '/orders', sell({ price: '50100', quantity: '1' }))

    const refused = await ask('POST', '/orders', stop({ stop_price: '50000' }))
    const fired = await ask(
      'POST',
      '/orders',
      stop({ stop_price: '50000', trigger_immediately: true }),
    )

    t.match(refused, { status: 422, body: { code: 'WOULD_TRIGGER' } })
    t.match(fired, { status: 201, body: { status: 'FILLED', average_price: '50100' } })
  },
)

t.test('[OT-3] an order that has fired does not fire again before its turn comes', async t => {
  const server = await testServer(t)
  const { ask, database } = server
  await trade(server, '50000')
  await ask('POST', '/orders', stop({ stop_price: '50400', quantity: '0.1' }))
  const second = stop({ type: 'STOP_LIMIT', stop_price: '50500', price: '50500', quantity: '0.2' })
  const { order_id } = (await ask('POST', '/orders', second)).body
  await ask('POST', '/orders', sell({ price: '50600', quantity: '1' }))

  // Reaches both; the first of them trades beyond the second's stop price before that one's turn.
  await trade(server, '50500')

  t.match((await ask('GET', `/orders/${order_id}`)).body, { status: 'OPEN', filled_quantity: '0' })
  const kinds = await database.query(
    'select kind::text from matching.events where order_id = $1 order by seq',
    [order_id],
  )
  t.same(
    kinds.map(({ kind }) => kind),
    ['PARKED', 'TRIGGERED', 'OPENED'],
  )
  t.same(await audit(database), [])
})

t.test('an order that is accepted first is matched in the order of acceptance', async t => {
  const { ask, database } = await testServer(t)
  await ask('POST', '/orders', sell({ quantity: '0.3' }))

  const accepted = await ask('POST', '/orders', order({ idempotency_key: 'k' }), {
    Prefer: 'respond-async',
  })
  t.match(accepted, { status: 202, body: { status: 'PENDING', pending_reason: 'MATCH' } })
  const late = await ask('POST', '/orders', order({ quantity: '0.3' }))

  t.match(late.body, { status: 'OPEN' }, 'the first took all that there was')
  t.match((await ask('GET', `/orders/${accepted.body.order_id}`)).body, {
    status: 'PARTIALLY_FILLED',
    filled_quantity: '0.3',
  })
  const again = await ask('POST', '/orders', order({ idempotency_key: 'k' }))
  t.match(again, { status: 202, body: accepted.body })
  t.same(await audit(database), [])
})

t.test('[OE-16] a request whose deadline has passed never trades', async t => {
  const { ask } = await testServer(t)
  const placed = await ask('POST', '/orders', order())
  const late = { 'X-Deadline': '2026-01-01T00:00:00Z' }
  const path = `/orders/${placed.body.order_id}`

  for (const reply of [
    await ask('POST', '/orders', sell(), late),
    await ask('PATCH', path, { quantity: '0.1' }, late),
    await ask('DELETE', path, undefined, late),
  ]) {
    t.match(reply, { status: 422, body: { code: 'EXPIRED_REQUEST' } })
  }
  t.match((await ask('GET', path)).body, { status: 'OPEN', quantity: '0.5' })
})

t.test('[OT-14] an order expires at its time, also in the book of the stream', async t => {
  let now = new Date()
  const { ask, url } = await testServer(t, undefined, { clock: () => now })
  const stream = await openStream(`${url}/stream?topics=book:BTC-USD`)
  t.teardown(stream.close)
  const expire_at = new Date(now.getTime() + 60_000).toISOString()
  const placed = await ask('POST', '/orders', order({ time_in_force: 'GTD', expire_at }))

  now = new Date(expire_at)
  const taker = await ask('POST', '/orders', sell())

  t.match(taker.body, { status: 'OPEN', fills: [] })
  t.match((await ask('GET', `/orders/${placed.body.order_id}`)).body, {
    status: 'EXPIRED',
    end_reason: 'GTD',
  })
  await stream.until(() => stringify(stream.messages).includes('SELL'))
  const changes = stream.messages.flatMap(({ data }) =>
    data.changes.map((one: unknown[]) => one.slice(1)),
  )
  t.same(changes, [
    ['BUY', '50000', '0.5', 1],
    ['BUY', '50000', '-0.5', -1],
    ['SELL', '50000', '0.5', 1],
  ])
})

t.test('[OE-9] a mass cancel takes stops too, by group and by range of prices', async t => {
  const server = await testServer(t)
  const { ask, database } = server
  await trade(server, '50000')
  await database.query(`update reference.participants set trade_group = 'desk-1'
    where client_id in ('client-A', 'client-B')`)
  const id = async (body: object) => (await ask('POST', '/orders', body)).body.order_id
  const low = await id(order({ price: '49000' }))
  const high = await id(order({ price: '49900' }))
  const stopped = await id(stop({ stop_price: '50500' }))
  const other = await id(sell({ price: '52000' }))

  const range = await ask('DELETE', '/orders?client_id=client-A&min_price=49500&max_price=49999')
  t.same(range.body, { cancelled: [high] })
  const group = await ask('DELETE', '/orders?group=desk-1')

  t.same([...group.body.cancelled].sort(), [low, stopped, other].sort())
  t.same((await ask('GET', '/orders?status=PENDING')).body.items, [])
  t.same(await audit(database), [])
})

t.test('[OE-14] a dead-man switch says when it will cancel', async t => {
  const now = new Date('2026-03-02T12:00:00Z')
  const { ask } = await testServer(t, undefined, { clock: () => now })
  const path = '/participants/client-A/cancel-after'

  t.same((await ask('POST', path, { seconds: 60 })).body, {
    cancel_at: '2026-03-02T12:01:00.000000Z',
  })
  t.same((await ask('POST', path, { seconds: 0 })).body, { cancel_at: null })
  const unknown = await ask('POST', '/participants/nobody/cancel-after', { seconds: 60 })
  t.match(unknown, { status: 404, body: { code: 'UNKNOWN_PARTICIPANT' } })
})
