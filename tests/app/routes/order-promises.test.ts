import t from 'tap'
import { audit, balances } from '../../helpers/market.ts'
import { order, type Reply, testServer } from '../test-server.ts'

const { stringify } = JSON
const sell = (facts: object = {}) => order({ client_id: 'client-B', side: 'sell', ...facts })
const bodies = (replies: readonly Reply[]) =>
  new Set(replies.map(({ body }) => stringify({ ...body, request_id: null })))
const statuses: Record<string, number> = { later: 202, poor: 422 }

t.test('[OE-1] fifty at once with one client order id are one order and one answer', async t => {
  const { ask, database } = await testServer(t)
  await ask('POST', '/orders', sell({ quantity: '0.2' }))
  const kinds = {
    plain: order({ client_order_id: 'plain' }),
    stop: order({ type: 'stop', price: null, stop_price: '60000', client_order_id: 'stop' }),
    later: order({ client_order_id: 'later' }),
    poor: order({ quantity: '1000000', client_order_id: 'poor' }),
  }

  for (const [name, body] of Object.entries(kinds)) {
    const headers = name === 'later' ? { Prefer: 'respond-async' } : {}
    const asks = Array.from({ length: 50 }, () => ask('POST', '/orders', body, headers))
    const replies = await Promise.all(asks)

    t.same(new Set(replies.map(({ status }) => status)), new Set([statuses[name] ?? 201]))
    t.equal(bodies(replies).size, 1, name)
    const rows = await database.query(
      'select order_id::text from matching.orders where client_order_id = $1',
      [name],
    )
    t.same(rows, [{ order_id: replies[0]?.body.order_id }])
  }
  t.same(await audit(database), [])
})

t.test('[OE-7] a second cancel gives the same final state, and holds nothing back', async t => {
  const { ask, database } = await testServer(t)
  const before = await balances(database, 'client-A')
  const bodies = [
    order(),
    order({ type: 'stop_limit', stop_price: '50000' }),
    order({ display_quantity: '0.1' }),
  ]
  for (const body of bodies) {
    const { order_id } = (await ask('POST', '/orders', body)).body

    const first = await ask('DELETE', `/orders/${order_id}`)
    const second = await ask('DELETE', `/orders/${order_id}`)

    t.match(first, { status: 200, body: { status: 'CANCELLED', end_reason: 'USER' } })
    t.same(second.body, first.body)
  }
  t.same(await balances(database, 'client-A'), before)
})

t.test('[OE-7] a cancel of a filled order is answered with its fills', async t => {
  const { ask } = await testServer(t)
  await ask('POST', '/orders', sell())
  const { order_id, fills } = (await ask('POST', '/orders', order())).body

  const reply = await ask('DELETE', `/orders/${order_id}`)

  t.equal(fills.length, 1)
  t.match(reply, { status: 409, body: { code: 'ORDER_FILLED', order_id } })
  t.same(reply.body.fills, fills)
  const entry = { op: 'cancel', symbol: 'BTC-USD', order_id }
  const batch = await ask('POST', '/orders/batch', { orders: [entry] })
  t.same(batch.body.results[0].problem.fills, fills)
})

t.test('[OE-13] who buys for an amount spends no more, and hears what is left of it', async t => {
  const { ask, database } = await testServer(t)
  await ask('POST', '/orders', sell({ price: '97', quantity: '0.4' }))
  await ask('POST', '/orders', sell({ price: '98', quantity: '1' }))

  const { body } = await ask('POST', '/orders', {
    ...order({ type: 'market', price: undefined, quantity: undefined }),
    quote_quantity: '100',
  })

  // 0.4 x 97 and 0.623 x 98, and 0.002 of both: another lot of 0.001 would cost 0.098196.
  t.match(body, {
    status: 'FILLED',
    quote_quantity: '100',
    quantity: '1.022',
    filled_quantity: '1.022',
    fee: '0.199512',
    unspent_amount: '0.044488',
  })
  t.equal((await ask('GET', `/orders/${body.order_id}`)).body.unspent_amount, body.unspent_amount)
  const { USD } = await balances(database, 'client-A')
  t.match(USD, /^9999900\.044488 99\.955512 /, 'the rest is available, the cost is held')
})

t.test('[OE-9] a mass cancel answers in book order, those that wait behind', async t => {
  const server = await testServer(t)
  const { ask, database } = server
  const id = async (body: object) => (await ask('POST', '/orders', body)).body.order_id
  const stop = { type: 'stop_limit', stop_price: '60000' }
  const last = await id(order({ ...stop, price: '59000' }))
  const bids = [await id(order({ price: '100' })), await id(order({ price: '102' }))]
  const own = { side: 'sell', stp: 'none' }
  const asks = [
    await id(order({ ...own, price: '205' })),
    await id(order({ ...own, price: '201' })),
  ]
  bids.push(await id(order({ price: '102', display_quantity: '0.1' })))
  const list = { type: 'OTO', orders: [order({ price: '101' }), order({ ...own, price: '300' })] }
  const [entry, exit] = (await ask('POST', '/order-lists', list)).body.orders

  const { body } = await ask('DELETE', '/orders?client_id=client-A')

  const [low, high, later] = bids
  const inBook = [high, later, entry.order_id, low, asks[1], asks[0]]
  t.same(body.cancelled, [...inBook, last, exit.order_id])
  t.match((await balances(database, 'client-A')).USD, / 0 0 0$/)
  t.same((await ask('GET', '/symbols/BTC-USD/book')).body.bids, [])
  t.same((await ask('DELETE', '/orders?client_id=client-A')).body.cancelled, [])
  t.same(await audit(database), [])
})

t.test('an acceptance among other orders is answered as such, and matched in its turn', async t => {
  const { ask, database } = await testServer(t)
  await ask('POST', '/orders', sell({ quantity: '10' }))
  const later = { Prefer: 'respond-async' }

  const replies = await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      ask('POST', '/orders', order({ quantity: '0.1' }), index % 3 === 0 ? later : {}),
    ),
  )

  const expected = replies.map((_, index) => (index % 3 === 0 ? 'MATCH' : null))
  t.same(
    replies.map(({ body }) => body.pending_reason),
    expected,
  )
  await ask('DELETE', `/orders/${replies[0]?.body.order_id}`)
  const { items } = (await ask('GET', '/orders?client_id=client-A&status=FILLED')).body
  t.equal(items.length, 60)
  const trades = await database.query(
    'select taker_order_id as id from matching.trades order by seq',
  )
  const ids = trades.map(row => BigInt(row.id))
  t.same(
    ids,
    [...ids].sort((a, b) => Number(a - b)),
    'in the order of acceptance',
  )
  t.same(await audit(database), [])
})
