import t from 'tap'
import { openStream } from '../events/stream-client.ts'
import { order, testServer } from '../test-server.ts'

t.test('[BST-004] a bust is told, marked in lists and fills, and counts no more', async t => {
  const { url, ask, database } = await testServer(t)
  const stream = await openStream(`${url}/stream?topics=trades:BTC-USD,orders:client-A`)
  t.teardown(stream.close)
  const { body: made } = await ask('POST', '/orders', order({ quantity: '1' }))
  const taker = { client_id: 'client-B', side: 'sell' }
  await ask('POST', '/orders', order({ ...taker, quantity: '0.4' }))
  const { body: taken } = await ask('POST', '/orders', order({ ...taker, quantity: '0.5' }))
  const trades = async () => (await ask('GET', '/symbols/BTC-USD/trades')).body.items
  const [second, first] = await trades()
  t.match([second, first], [{ busted: false, corrects: null }, { busted: false }])

  const [one] = await database.query("select ops.bust_trade($1, 'why', 'ann') as id", [
    first.trade_id,
  ])
  await database.query("select ops.approve_bust($1, 'bea')", [one?.id])
  const [two] = await database.query("select ops.correct_trade($1, 49000, 'why', 'ann') as id", [
    second.trade_id,
  ])
  const [row] = await database.query("select ops.approve_bust($1, 'bea') as id", [two?.id])
  await stream.until(() => stream.messages.some(({ event }) => event === 'correction'))

  t.match(await trades(), [
    { trade_id: row?.id, price: '49000', busted: false, corrects: second.trade_id },
    { trade_id: second.trade_id, price: '50000', busted: true, corrects: null },
    { trade_id: first.trade_id, busted: true },
  ])
  t.match((await ask('GET', '/symbols/BTC-USD/ticker')).body, {
    last_price: '50000',
    high_24h: '49000',
    volume_24h: '0.5',
    quote_volume_24h: '24500',
    trades_24h: 1,
  })
  const [volume] = await database.query('select trades, volume::text from v_trade_volume_24h')
  t.same(volume, { trades: '1', volume: '0.5' })
  const { body: shown } = await ask('GET', `/orders/${made.order_id}`)
  t.match(shown, { status: 'PARTIALLY_FILLED', filled_quantity: '0.9', average_price: '50000' })
  t.same(
    shown.fills.map((fill: Record<string, unknown>) => [fill.trade_id, fill.busted, fill.corrects]),
    [
      [first.trade_id, true, undefined],
      [second.trade_id, true, undefined],
      [row?.id, undefined, second.trade_id],
    ],
  )
  t.match(
    stream.messages.filter(({ event }) => event === 'bust' || event === 'correction'),
    [
      { event: 'bust', data: { trade_id: first.trade_id, reason: 'why' } },
      { event: 'bust', data: { trade_id: second.trade_id } },
      { event: 'correction', data: { trade_id: row?.id, corrects: second.trade_id } },
    ],
  )
  t.match(
    stream.messages.filter(({ data }) => data.kind === 'BUST'),
    [{ data: { client_id: 'client-A', order_id: made.order_id, trade_id: first.trade_id } }, {}],
  )
  t.match(
    (await ask('POST', '/orders', order({ ...taker, quantity: '0.5', idempotency_key: 'k' })))
      .status,
    201,
  )
  t.match(taken.fills, [{ trade_id: second.trade_id }])
})

t.test('[BST-006] a settlement names the trade that it gives back', async t => {
  const { ask, database } = await testServer(t)
  await ask('POST', '/orders', order({ quantity: '1' }))
  const seller = { client_id: 'client-B', side: 'sell', quantity: '1' }
  const { body } = await ask('POST', '/orders', order(seller))
  const tradeId = body.fills[0].trade_id
  await database.query('select settlement.settle_batch(1, now(), 10, 0)')
  const [row] = await database.query("select ops.bust_trade($1, 'why', 'ann') as id", [tradeId])
  await database.query("select ops.approve_bust($1, 'bea')", [row?.id])

  const { body: list } = await ask('GET', '/settlements')

  const back = list.items.find((item: { settlement_id: string }) => item.settlement_id !== tradeId)
  t.match(back, { trade_id: tradeId, status: 'SETTLED' })
  t.same(
    back.legs.map((leg: Record<string, string>) => [leg.kind, leg.from, leg.to, leg.amount]),
    [
      ['DELIVERY', 'client-A', 'client-B', '1'],
      ['PAYMENT', 'client-B', 'client-A', '50000'],
      ['BUYER_FEE', 'house', 'client-B', '100'],
      ['SELLER_FEE', 'house', 'client-A', '50'],
    ],
  )
})
