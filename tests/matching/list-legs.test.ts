import { buy, command, sell, type TestCommand } from '../helpers/market.ts'
import { marketTest } from './market-test.ts'

const id = (client_order_id: string, more: TestCommand = {}) => ({ client_order_id, ...more })
const trade = (price: string): TestCommand[] => [sell('alice', '1', price), buy('bob', '1', price)]
const stop = { type: 'STOP_LIMIT', time_in_force: 'GTC' }

/** Two orders of carol's, of which one cancels the other: a limit, and a stop order. */
function oco(side: 'BUY' | 'SELL', quantity: string, limit: string, stop_price: string) {
  const place = side === 'BUY' ? buy : sell
  const list = { list_no: 1, list_role: 'OCO' }
  return [
    place('carol', quantity, limit, id('limit', list)),
    place('carol', quantity, stop_price, id('stop', { ...list, ...stop, stop_price })),
  ]
}

for (const [side, prices, asset, held] of [
  ['SELL', ['110', '90'], 'BTC', '4'],
  ['BUY', ['90', '110'], 'USD', '440.88'],
] as const) {
  marketTest(
    `[MAT-053] what is prevented of one leg the other holds: ${side}`,
    {},
    async (t, market) => {
      const [limit, stopPrice] = prices
      await market.run([...trade('100'), ...oco(side, '4', limit, stopPrice)])
      t.equal((await market.balances('carol'))[asset]?.split(' ')[1], held)

      const place = side === 'BUY' ? sell : buy
      await market.run([place('carol', '3', limit, id('own', { stp: 'DECREMENT' }))])

      t.match(await market.order('limit'), { prevented_quantity: '3', remaining_quantity: '1' })
      t.match(await market.order('stop'), { quantity: '4', status: 'PENDING' })
      t.equal((await market.balances('carol'))[asset]?.split(' ')[1], held)
    },
  )
}

/** Carol's entry and exits; the loss is a stop order at that price. */
function bracket(entry: TestCommand, profit: TestCommand, loss: TestCommand): TestCommand[] {
  const exit = { list_no: 1, list_role: 'EXIT' }
  return [
    { ...entry, ...id('entry', { list_no: 1, list_role: 'ENTRY' }) },
    { ...profit, ...id('profit', exit) },
    { ...loss, ...id('loss', exit) },
  ]
}

const market = { type: 'STOP', time_in_force: 'IOC', price: null }

marketTest('[MAT-053] an exit that fires at once and rests ends the other', {}, async (t, m) => {
  await m.run([
    ...trade('100'),
    ...bracket(
      buy('carol', '2', '90'),
      sell('carol', '2', '110'),
      sell('carol', '2', '94', { ...stop, stop_price: '95' }),
    ),
    sell('bob', '2', '90'),
  ])

  t.same(await m.book(), ['SELL 94 2 carol'])
  t.match(await m.order('profit'), { status: 'CANCELLED', end_reason: 'OCO_TRIGGER' })
  t.match((await m.balances('carol')).BTC, / 2 2 0$/)
})

marketTest('[MAT-053] who is to end does not come to life before', {}, async (t, m) => {
  const partial = { list_is_partial: true }
  await m.run([
    ...trade('100'),
    buy('dave', '9', '80'),
    sell('alice', '1', '100'),
    ...bracket(
      buy('carol', '3', '105', partial),
      sell('carol', '3', '105', { stp: 'NONE' }),
      sell('carol', '3', '', { ...market, stop_price: '106' }),
    ),
  ])

  t.match(await m.order('profit'), { status: 'FILLED', filled_quantity: '1' }, 'by its own entry')
  t.match(await m.order('loss'), { end_reason: 'OCO_TRIGGER', filled_quantity: '0' })
})

marketTest('[MAT-057] a leg fires whose other was met by its owner', {}, async (t, m) => {
  await m.run([...trade('100'), ...oco('BUY', '4', '90', '110'), buy('dave', '1', '110')])

  await m.run([sell('carol', '4', '80')])

  t.match(await m.order('stop'), { status: 'OPEN', price: '110' })
  t.match(await m.order('limit'), { status: 'CANCELLED', end_reason: 'OCO_TRIGGER' })
})

marketTest('[MAT-053] an exit that grows and fires at once does both', {}, async (t, m) => {
  await m.run([
    ...trade('100'),
    buy('dave', '9', '85'),
    ...bracket(
      buy('carol', '3', '90', { list_is_partial: true }),
      sell('carol', '3', '110'),
      sell('carol', '3', '', { ...market, stop_price: '85' }),
    ),
    sell('bob', '1', '90'),
  ])
  t.match(await m.order('loss'), { pending_reason: 'TRIGGER', quantity: '1' })

  await m.run([sell('bob', '3', '85')])

  t.match(await m.order('loss'), { status: 'FILLED', filled_quantity: '3' })
  t.match(await m.order('profit'), { end_reason: 'OCO_TRIGGER' })
})

const poor = { funds: { carol: { USD: '210', BTC: '2' } } }

marketTest('[MAT-053] an exit that fires at once has what the other holds', poor, async (t, m) => {
  await m.run([
    ...trade('100'),
    sell('dave', '2', '101'),
    ...bracket(
      sell('carol', '2', '100'),
      buy('carol', '2', '90'),
      buy('carol', '2', '', { ...market, stop_price: '99' }),
    ),
    buy('bob', '2', '100'),
  ])

  t.match(await m.order('loss'), { status: 'FILLED' })
  t.match(await m.order('profit'), { end_reason: 'OCO_TRIGGER' })
})

const small = { symbol: { min_notional: '150' }, funds: { carol: { USD: '250' } } }

marketTest('[MAT-044] [MAT-053] both legs are amended or none', small, async (t, m) => {
  const amend = (client_order_id: string, quantity: string) =>
    m.run([command({ op: 'AMEND', client_id: 'carol', client_order_id, quantity })])
  await m.run([...trade('200'), ...oco('BUY', '2', '90', '210').map(cheap)])

  t.match(await amend('stop', '1.5'), [{ error_code: 'MIN_NOTIONAL' }], '135 of the limit')
  t.match(await amend('limit', '2.5'), [{ error_code: 'INSUFFICIENT_FUNDS' }], '275 of the stop')
  for (const leg of ['limit', 'stop']) t.match(await m.order(leg), { quantity: '2' })

  t.match(await amend('limit', '2.2'), [{ error_code: null }])
  for (const leg of ['limit', 'stop']) t.match(await m.order(leg), { quantity: '2.2' })
})

/** A stop order with a limit of 110. */
function cheap(order: TestCommand): TestCommand {
  return order.stop_price === undefined ? order : { ...order, price: '110' }
}

marketTest('[MAT-053] what trades after the exits have ended has none', {}, async (t, m) => {
  await m.run([
    ...trade('100'),
    ...bracket(
      buy('carol', '5', '100', { list_is_partial: true }),
      sell('carol', '5', '110'),
      sell('carol', '5', '90', { ...stop, stop_price: '90' }),
    ),
    ...[sell('bob', '2', '100'), buy('bob', '2', '110')],
  ])
  t.match(await m.order('profit'), { status: 'FILLED', quantity: '2' })

  await m.run([sell('bob', '3', '100')])

  t.match(await m.order('entry'), { status: 'FILLED' })
  t.match(await m.order('loss'), { status: 'CANCELLED', quantity: '2' })
  t.same(await m.book(), [])
  t.match((await m.balances('carol')).BTC, / 2 5 2$/)
})

const least = { symbol: { min_quantity: '3' } }

marketTest('[MAT-053] exits grow, if to less than the symbol takes', least, async (t, m) => {
  const part = [buy('dave', '3', '101'), sell('bob', '4', '100')]
  await m.run([
    ...bracket(
      buy('carol', '5', '100', { list_is_partial: true }),
      sell('carol', '5', '110'),
      sell('carol', '5', '90', { ...stop, stop_price: '90' }),
    ),
    ...part,
  ])
  for (const leg of ['profit', 'loss']) t.match(await m.order(leg), { quantity: '1' })

  await m.run(part)

  for (const leg of ['profit', 'loss']) t.match(await m.order(leg), { quantity: '2' })
})

marketTest('[MAT-053] a leg that trades before the other fires goes on', {}, async (t, m) => {
  await m.run([
    buy('dave', '1', '', { ...market, stop_price: '90' }),
    ...oco('SELL', '4', '110', '95'),
  ])

  await m.run([sell('alice', '1', '92'), buy('bob', '1', '92')])

  t.match(await m.order('limit'), { status: 'PARTIALLY_FILLED', remaining_quantity: '3' })
  t.match(await m.order('stop'), { status: 'CANCELLED', end_reason: 'OCO_TRIGGER' })
})

marketTest(
  '[MAT-053] an exit that is to get more before its turn gets it once',
  {},
  async (t, m) => {
    await m.run([
      sell('alice', '1', '97', { list_no: 2, list_role: 'ENTRY' }),
      buy('alice', '1', '99', { list_no: 2, list_role: 'EXIT' }),
      ...bracket(
        sell('carol', '8', '97', { list_is_partial: true }),
        buy('carol', '8', '99', { stp: 'DECREMENT' }),
        buy('carol', '8', '120', { ...stop, stop_price: '120' }),
      ),
      buy('dave', '7', '105'),
    ])

    t.match(await m.order('entry'), { filled_quantity: '7', prevented_quantity: '1' })
    const profit = { quantity: '7', prevented_quantity: '1', remaining_quantity: '6' }
    t.match(await m.order('profit'), profit)
    t.match(await m.order('loss'), { quantity: '7' })
  },
)
