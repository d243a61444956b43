import t from 'tap'
import { fakeServer, orderRow, refusedRow } from '../fake-database.ts'
import { order } from '../test-server.ts'

const prevented = {
  stp: 'DECREMENT',
  price: '50000',
  maker_order_id: '1000000000009',
  taker_quantity: '0.1',
  maker_quantity: '0.1',
}
const tried = orderRow({
  order_id: '1000000000010',
  seq: '12',
  status: 'PARTIALLY_FILLED',
  fills: [
    { trade_id: '1000000000011', price: '50000', quantity: '0.2', fee: '20', liquidity: 'TAKER' },
  ],
  hold_asset: 'USD',
  hold_amount: '10020',
  prevented: [prevented],
})

t.test(
  '[OE-5] an order that is tried is told with its hold, and without what it is not',
  async t => {
    const { ask, asked } = await fakeServer(t, ({ name }) =>
      name === 'test_commands' ? [tried] : undefined,
    )

    const body = order({ idempotency_key: 'once', client_order_id: 'mine' })
    const reply = await ask('POST', '/orders/test', body, { 'Idempotency-Key': 'other' })

    t.match(reply, {
      status: 200,
      body: {
        order_id: null,
        seq: null,
        status: 'PARTIALLY_FILLED',
        fills: [{ trade_id: null, price: '50000', quantity: '0.2', fee: '20', liquidity: 'TAKER' }],
        hold: { asset: 'USD', amount: '10020' },
        prevented_matches: [prevented],
      },
    })
    t.same(
      asked.map(({ name }) => name),
      ['test_commands'],
      'nothing that could change anything is called',
    )
    t.match(asked[0]?.commands, [{ idempotency_key: null, client_order_id: 'mine' }])
  },
)

t.test('[OE-5] a refusal names no order: it was undone', async t => {
  const refused = refusedRow('INSUFFICIENT_FUNDS', { order_id: '1000000000010' })
  const { ask } = await fakeServer(t, ({ name }) =>
    name === 'test_commands' ? [refused] : undefined,
  )

  const reply = await ask('POST', '/orders/test', order())

  t.match(reply, { status: 422, body: { code: 'INSUFFICIENT_FUNDS' } })
  t.notOk('order_id' in reply.body)
})

t.test('[OE-5] orders are tried one at a time, and do not see each other', async t => {
  const { ask, asked } = await fakeServer(t)

  await Promise.all([1, 2, 3, 4].map(price => ask('POST', '/orders/test', order({ price }))))

  t.same(
    asked.map(({ commands }) => commands.length),
    [1, 1, 1, 1],
  )
})

t.test('[OE-5] what is misshapen is told as when it is placed', async t => {
  const { ask, asked } = await fakeServer(t)

  const reply = await ask('POST', '/orders/test', order({ stop_price: '1' }))

  t.match(reply, { status: 400, body: { code: 'INVALID_FIELD', field: 'stop_price' } })
  t.same(asked, [])
})
