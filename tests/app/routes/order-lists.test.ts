import t from 'tap'
import { fakeServer, orderRow, refusedRow } from '../fake-database.ts'
import { order } from '../test-server.ts'

const entry = order()
const profit = order({ side: 'sell', price: '60000' })
const loss = order({ side: 'sell', type: 'STOP', price: undefined, stop_price: '40000' })

t.test('[OT-10] [OT-11] the orders of a list say what they are to each other', async t => {
  const { ask, asked } = await fakeServer(t, ({ commands }) =>
    commands.length === 0
      ? undefined
      : commands.map((_, index) => orderRow({ order_id: `${7 + index}`, list_id: '7' })),
  )
  const lists: [body: object, roles: string[]][] = [
    [{ type: 'oco', orders: [profit, loss] }, ['OCO', 'OCO']],
    [{ type: 'OTO', orders: [entry, loss] }, ['ENTRY', 'EXIT']],
    [{ type: 'BRACKET', orders: [entry, profit, loss] }, ['ENTRY', 'EXIT', 'EXIT']],
  ]

  for (const [body, roles] of lists) {
    const { status, body: reply } = await ask('POST', '/order-lists', body)

    t.equal(status, 201)
    t.match(reply, { list_id: '7', type: /^(OCO|OTO|BRACKET)$/ })
    t.same(
      reply.orders.map((one: { order_id: string }) => one.order_id),
      roles.map((_, index) => `${7 + index}`),
    )
    const { commands = [], values = [] } = asked.at(-1) ?? {}
    t.same(
      commands.map(command => [command.list_no, command.list_role, command.list_is_partial]),
      roles.map(role => [1, role, undefined]),
    )
    t.equal(values[4], true, 'all or none')
  }
})

t.test('[OT-11] partial, keys and deadline are for all orders of the list', async t => {
  const { ask, asked } = await fakeServer(t)
  const deadline = '2030-01-01T00:00:00Z'
  const orders = [entry, { ...profit, idempotency_key: 'own' }, loss]
  const body = { type: 'BRACKET', partial: true, orders, deadline, idempotency_key: 'list-1' }

  await ask('POST', '/order-lists', body)

  const own = { list_is_partial: true, deadline }
  t.match(asked.at(-1)?.commands, [
    { ...own, idempotency_key: 'list-1:0' },
    { ...own, idempotency_key: 'own' },
    { ...own, idempotency_key: 'list-1:2' },
  ])
})

t.test('an order of a list that is refused refuses the list, by its own name', async t => {
  const refusals = [
    refusedRow('LIST_REFUSED'),
    refusedRow('WOULD_TRIGGER', { error_field: 'stop_price', error_bound: '40000' }),
  ]
  const { ask } = await fakeServer(t, ({ commands }) =>
    commands.length > 0 ? refusals : undefined,
  )

  const reply = await ask('POST', '/order-lists', { type: 'OCO', orders: [profit, loss] })

  t.match(reply, {
    status: 422,
    body: { code: 'WOULD_TRIGGER', field: 'orders.1.stop_price', bound: '40000' },
  })
})

t.test('a list has as many orders as its type, of one symbol and participant', async t => {
  const { ask, asked } = await fakeServer(t)
  const wrong: [body: object, code: string, field: string][] = [
    [{ type: 'OCO', orders: [profit, loss, entry] }, 'INVALID_FIELD', 'orders'],
    [{ type: 'BRACKET', orders: [entry, loss] }, 'INVALID_FIELD', 'orders'],
    [{ type: 'OTO', orders: [entry] }, 'INVALID_FIELD', 'orders'],
    [{ type: 'OTO', orders: [] }, 'INVALID_FIELD', 'orders'],
    [{ type: 'OTO', orders: 'both' }, 'INVALID_FIELD', 'orders'],
    [{ type: 'OTO' }, 'MISSING_FIELD', 'orders'],
    [{ orders: [entry, loss] }, 'MISSING_FIELD', 'type'],
    [{ type: 'OCO', partial: true, orders: [profit, loss] }, 'INVALID_FIELD', 'partial'],
    [
      { type: 'OCO', orders: [profit, { ...loss, symbol: 'ETH-USD' }] },
      'SEVERAL_SYMBOLS',
      'orders',
    ],
    [
      { type: 'OCO', orders: [profit, { ...loss, client_id: 'client-B' }] },
      'SEVERAL_CLIENTS',
      'orders',
    ],
    [{ type: 'OCO', orders: [profit, { ...loss, price: '1' }] }, 'INVALID_FIELD', 'orders.1.price'],
    [
      { type: 'OCO', orders: [profit, { ...loss, quantity: 'x' }] },
      'NOT_A_NUMBER',
      'orders.1.quantity',
    ],
  ]

  for (const [body, code, field] of wrong) {
    const reply = await ask('POST', '/order-lists', body)
    t.match(reply, { status: 400, body: { code, field } }, JSON.stringify(body))
  }
  t.same(asked, [])
})
