import t from 'tap'
import { testServer } from '../test-server.ts'

t.test('[LED-040] a participant sees what it is charged, and everybody what all are', async t => {
  const { ask, database } = await testServer(t)
  const own = await ask('GET', '/participants/client-A/fees')
  t.equal(own.status, 200)
  t.match(own.body.items[0], { maker_rate: '0.001', taker_rate: '0.002', fee_id: null })

  await database.query("select set_fees(0.0005, 0.0015, 'BTC-USD')")
  await database.query(
    "select set_fee_tiers('{{0, 0, 0.001}, {100000, -0.0001, 0.0005}}', 'BTC-USD', 'client-A')",
  )

  const { body } = await ask('GET', '/participants/client-A/fees')
  const at = (items: { symbol: string }[]) => items.find(item => item.symbol === 'BTC-USD')
  t.same(at(body.items), {
    symbol: 'BTC-USD',
    maker_rate: '0',
    taker_rate: '0.001',
    fee_id: '2',
    volume_30d: '0',
    next_volume: '100000',
  })
  t.match(at((await ask('GET', '/participants/client-B/fees')).body.items), {
    maker_rate: '0.0005',
    taker_rate: '0.0015',
    fee_id: '1',
    volume_30d: null,
    next_volume: null,
  })
  const symbol = await ask('GET', '/symbols/BTC-USD')
  t.match(symbol.body, { maker_rate: '0.0005', taker_rate: '0.0015' }, 'what all are charged')

  const unknown = await ask('GET', '/participants/nobody/fees')
  t.match(unknown, { status: 404, body: { code: 'UNKNOWN_PARTICIPANT' } })
})

t.test('[LED-040] an order is charged, and tells, the rates of its owner', async t => {
  const { ask, database } = await testServer(t)
  await database.query("select set_fees(-0.0001, 0.0005, p_client_id => 'client-A')")
  const order = { symbol: 'BTC-USD', type: 'limit', price: '50000', quantity: '0.5' }
  await ask('POST', '/orders', { ...order, client_id: 'client-B', side: 'sell' })

  const { body } = await ask('POST', '/orders', { ...order, client_id: 'client-A', side: 'buy' })

  t.match(body, { status: 'FILLED', fee: '12.5', fills: [{ fee: '12.5' }] })
})
