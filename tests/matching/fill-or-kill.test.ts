import { buy, sell, type TestCommand } from '../helpers/market.ts'
import { marketTest } from './market-test.ts'

const id = (client_order_id: string, more: TestCommand = {}) => ({ client_order_id, ...more })
const kill = (more: TestCommand = {}) => id('fok', { time_in_force: 'FOK', ...more })
const killed = { status: 'EXPIRED', end_reason: 'UNFILLED_FOK', filled_quantity: '0', fills: [] }

marketTest('[MAT-041] a kill leaves no trace but its own row and event', {}, async (t, market) => {
  await market.run([
    sell('alice', '1', '100'),
    sell('alice', '10', '101', { display_quantity: '1' }),
    sell('bob', '1', '101', id('own')),
    sell('dave', '5', '102'),
    sell('alice', '0.1', '99'),
    buy('carol', '0.1', '99'),
    // Would fire, were anything to print.
    {
      ...sell('dave', '1', '', { type: 'STOP', time_in_force: 'IOC', price: null }),
      stop_price: '98',
    },
    buy('dave', '1', '', { type: 'STOP', time_in_force: 'IOC', price: null, stop_price: '100' }),
  ])
  const before = await market.hash('bob')
  const events = await market.events()

  for (const [more, quantity, price] of [
    [{}, '12.001', '101'],
    [{ stp: 'CANCEL_MAKER' }, '11.001', '101'],
    [{ stp: 'CANCEL_TAKER' }, '2.001', '101'],
    [{ stp: 'CANCEL_BOTH' }, '2.001', '101'],
    [{ stp: 'DECREMENT' }, '2.001', '101'],
    [{ type: 'MARKET', price: null }, '9999', ''],
  ] as const) {
    const order = buy('bob', quantity, price, { ...kill({ client_order_id: null }), ...more })
    t.match(await market.run([order]), [killed], JSON.stringify(more))
    t.equal(await market.hash('bob'), before)
  }
  t.equal((await market.events()).length, events.length + 6, 'one event each')
})

marketTest('[MAT-041] it counts what icebergs hide', {}, async (t, market) => {
  await market.run([
    sell('alice', '5', '100', { display_quantity: '1' }),
    sell('dave', '5', '100', { display_quantity: '2' }),
  ])

  const before = await market.hash('bob')
  t.match(await market.run([buy('bob', '10.001', '100', kill())]), [killed])
  t.equal(await market.hash('bob'), before)
  t.match(await market.run([buy('bob', '10', '100', kill({ client_order_id: 'all' }))]), [
    { status: 'FILLED', filled_quantity: '10' },
  ])
})

marketTest(
  '[MAT-041] [MAT-046] its own order in a level is met before the refills of others',
  {},
  async (t, market) => {
    await market.run([
      sell('alice', '5', '100', { display_quantity: '1' }),
      sell('bob', '1', '100', id('own')),
    ])

    t.match(await market.run([buy('bob', '2', '100', kill({ stp: 'CANCEL_BOTH' }))]), [killed])
    t.match(await market.order('own'), { status: 'OPEN' })
    const one = kill({ client_order_id: 'one', stp: 'CANCEL_BOTH' })
    t.match(await market.run([buy('bob', '1', '100', one)]), [{ status: 'FILLED' }])
  },
)

marketTest(
  '[MAT-041] [MAT-042] with CANCEL_MAKER its own count for nothing, and go if the rest suffices',
  {},
  async (t, market) => {
    await market.run([
      sell('alice', '1', '100'),
      sell('bob', '5', '101', id('own')),
      sell('dave', '1', '102'),
    ])

    const [answer] = await market.run([buy('bob', '2', '102', kill({ stp: 'CANCEL_MAKER' }))])

    t.match(answer, { status: 'FILLED', filled_quantity: '2' })
    t.match(await market.order('own'), { status: 'CANCELLED', end_reason: 'STP_MAKER' })
  },
)

marketTest('[MAT-041] what has expired does not count', {}, async (t, market) => {
  await market.run([
    sell('alice', '5', '100', { time_in_force: 'GTD', expire_at: '2026-03-02T12:00:10Z' }),
  ])

  const answers = await market.run([buy('bob', '5', '100', kill())], '2026-03-02T12:00:10Z')

  t.match(answers, [killed])
})

marketTest('[MAT-041] nor what lies beyond the protection', {}, async (t, market) => {
  await market.run([sell('alice', '1', '100'), sell('alice', '5', '200')])
  const before = await market.hash('bob')

  t.match(await market.run([buy('bob', '2', '', kill({ type: 'MARKET', price: null }))]), [killed])
  t.equal(await market.hash('bob'), before)
})
