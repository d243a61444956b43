import t from 'tap'
import { audit } from '../../helpers/market.ts'
import { fingerprint } from '../fingerprint.ts'
import { order, testServer } from '../test-server.ts'

const sell = (facts: object = {}) => order({ client_id: 'client-B', side: 'sell', ...facts })

t.test('[OE-5] a dry run is what placing gives, and changes nothing', async t => {
  const server = await testServer(t)
  const { ask } = server
  await ask('POST', '/orders', sell({ quantity: '0.2' }))
  await ask('POST', '/orders', sell({ price: '50010', quantity: '0.2' }))
  const body = order({ price: '50020', idempotency_key: 'once' })
  const before = await fingerprint(server.database)

  const dry = await ask('POST', '/orders/test', body)
  t.same(await fingerprint(server.database), before)
  const real = await ask('POST', '/orders', body)

  const { hold, prevented_matches, ...rest } = dry.body
  const volatile = { order_id: null, seq: null, created_at: null, updated_at: null }
  const fills = real.body.fills.map((fill: object) => ({ ...fill, trade_id: null }))
  t.same({ ...rest, ...volatile, idempotency_key: 'once' }, { ...real.body, ...volatile, fills })
  t.same(hold, { asset: 'USD', amount: '5012.004' }, '0.1 at its limit, and the fee of holds')
  t.same(prevented_matches, [])
  const refused = await ask('POST', '/orders/test', order({ quantity: '1000000' }))
  t.match(refused, { status: 422, body: { code: 'INSUFFICIENT_FUNDS' } })
})

t.test('[OE-5] a dry run names the matches that would be prevented', async t => {
  const { ask } = await testServer(t)
  const own = await ask('POST', '/orders', order({ side: 'sell', quantity: '0.2' }))

  const { body } = await ask('POST', '/orders/test', order({ stp: 'CANCEL_MAKER' }))

  t.match(body.prevented_matches, [
    {
      stp: 'CANCEL_MAKER',
      price: '50000',
      maker_order_id: own.body.order_id,
      maker_quantity: '0.2',
    },
  ])
  t.match((await ask('GET', `/orders/${own.body.order_id}`)).body, { status: 'OPEN' })
})

t.test('prevented matches and amendments of an order are listed', async t => {
  const { ask } = await testServer(t)
  const maker = (await ask('POST', '/orders', order({ side: 'sell', quantity: '0.4' }))).body
  await ask('PATCH', `/orders/${maker.order_id}`, { quantity: '0.3' })
  await ask('PATCH', `/orders/${maker.order_id}`, { price: '50001' })
  const taker = await ask(
    'POST',
    '/orders',
    order({ price: '50001', quantity: '0.1', stp: 'DECREMENT' }),
  )

  t.match(taker.body, {
    status: 'CANCELLED',
    end_reason: 'STP_DECREMENT',
    prevented_quantity: '0.1',
  })
  for (const { order_id } of [maker, taker.body]) {
    t.match((await ask('GET', `/orders/${order_id}/prevented-matches`)).body.items, [
      {
        stp: 'DECREMENT',
        price: '50001',
        taker_order_id: taker.body.order_id,
        maker_order_id: maker.order_id,
        taker_quantity: '0.1',
        maker_quantity: '0.1',
      },
    ])
  }
  t.match((await ask('GET', `/orders/${maker.order_id}/amendments`)).body.items, [
    { price: '50000', quantity: '0.3', prior_remaining: '0.4', keeps_place: true },
    { price: '50001', prior_price: '50000', prior_remaining: '0.3', keeps_place: false },
  ])
  t.equal((await ask('GET', '/orders/1000000000999/amendments')).status, 404)
  t.equal((await ask('GET', '/orders/1000000000999/prevented-matches')).status, 404)
})

t.test('[OE-7] only_if=NEW on a part-filled order changes nothing', async t => {
  const { ask } = await testServer(t)
  const { order_id } = (await ask('POST', '/orders', order({ client_order_id: 'mine' }))).body
  await ask('POST', '/orders', sell({ quantity: '0.1' }))

  const reply = await ask('DELETE', `/orders/${order_id}?only_if=NEW`)

  t.match(reply.body, { code: 'CONDITION_FAILED', order_id })
  t.match((await ask('GET', `/orders/${order_id}`)).body, { status: 'PARTIALLY_FILLED' })
  const named = '/orders/by-client-id/client-A/mine?symbol=BTC-USD'
  t.match(await ask('DELETE', named), { status: 200, body: { order_id, status: 'CANCELLED' } })
})

t.test('[OT-10] of an OCO one order lives, and the money is held once', async t => {
  const { ask, database } = await testServer(t)
  const profit = order({ side: 'sell', price: '60000', quantity: '1' })
  await ask('POST', '/orders', sell({ price: '50000', quantity: '0.001' }))
  await ask('POST', '/orders', order({ quantity: '0.001' }))
  const loss = { ...profit, type: 'STOP', price: undefined, stop_price: '40000' }

  const placed = await ask('POST', '/order-lists', { type: 'OCO', orders: [profit, loss] })

  t.match(placed, { status: 201, body: { type: 'OCO', list_id: /^\d+$/ } })
  t.same(
    placed.body.orders.map((one: { status: string }) => one.status),
    ['OPEN', 'PENDING'],
  )
  const { items } = (await ask('GET', '/participants/client-A/balances')).body
  t.match(
    items.find((one: { asset: string }) => one.asset === 'BTC'),
    { held: '1' },
  )
  await ask('POST', '/orders', order({ client_id: 'client-B', price: '60000', quantity: '1' }))
  const [first, second] = placed.body.orders
  t.match((await ask('GET', `/orders/${first.order_id}`)).body, { status: 'FILLED' })
  t.match((await ask('GET', `/orders/${second.order_id}`)).body, {
    status: 'CANCELLED',
    end_reason: 'OCO_TRIGGER',
    list_id: placed.body.list_id,
  })
  t.same(await audit(database), [])
})

t.test('[OT-11] the exits of a bracket live when its entry has filled', async t => {
  const { ask, database } = await testServer(t)
  const exit = order({ side: 'sell', price: '60000' })
  const loss = { ...exit, type: 'STOP', price: undefined, stop_price: '40000' }

  const placed = await ask('POST', '/order-lists', {
    type: 'BRACKET',
    orders: [order(), exit, loss],
  })
  t.same(
    placed.body.orders.map((one: { pending_reason: string | null }) => one.pending_reason),
    [null, 'PARENT', 'PARENT'],
  )
  await ask('POST', '/orders', sell())

  const [, profit, stop] = placed.body.orders
  t.match((await ask('GET', `/orders/${profit.order_id}`)).body, { status: 'OPEN' })
  t.match((await ask('GET', `/orders/${stop.order_id}`)).body, { pending_reason: 'TRIGGER' })
  const bad = { ...loss, price: undefined, stop_price: '40000.001' }
  const refused = await ask('POST', '/order-lists', { type: 'OCO', orders: [exit, bad] })
  t.match(refused, { status: 422, body: { field: 'orders.1.stop_price' } })
  t.same(await audit(database), [])
})
