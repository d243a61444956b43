import { buy, command, sell, type TestCommand } from '../helpers/market.ts'
import { marketTest } from './market-test.ts'

const id = (client_order_id: string, more: TestCommand = {}) => ({ client_order_id, ...more })
const amend = (name: string, more: TestCommand): TestCommand => ({
  ...command({ op: 'AMEND', client_id: 'alice', client_order_id: name }),
  ...more,
})
const codes = (answers: { error_code: string | null }[]) =>
  answers.map(({ error_code }) => error_code)

marketTest(
  '[MAT-044] the filters see what the order is by its turn',
  { symbol: { min_notional: 100, max_notional: 1000 } },
  async (t, market) => {
    await market.run([sell('alice', '5', '100', id('first'))])

    const answers = await market.run([
      amend('first', { quantity: '2' }),
      amend('first', { price: '49' }),
      amend('first', { price: '500' }),
      amend('first', { quantity: '2.001' }),
    ])

    t.same(codes(answers), [null, 'MIN_NOTIONAL', null, 'MAX_NOTIONAL'])
    t.match(await market.order('first'), { price: '500', quantity: '2' })
  },
)

marketTest(
  '[MAT-044] an order that has ended by then says that, whatever is asked',
  { symbol: { max_notional: 1000 } },
  async (t, market) => {
    await market.run([sell('alice', '5', '100', id('first'))])

    const answers = await market.run([
      buy('bob', '5', '100'),
      amend('first', { quantity: '5.0001' }),
      buy('alice', '1', '100', id('killed', { time_in_force: 'FOK' })),
      amend('killed', { price: '2000' }),
    ])

    t.same(codes(answers), [null, 'ORDER_FILLED', null, 'ORDER_NOT_OPEN'])
  },
)

marketTest(
  '[MAT-044] a stop order without a limit has no notional to be too large or too small',
  { symbol: { min_notional: 100, max_notional: 1000 } },
  async (t, market) => {
    const stop = { type: 'STOP', time_in_force: 'IOC', price: null, stop_price: '300' }
    await market.run([{ ...buy('alice', '1', ''), ...stop, ...id('stop') }])

    const answers = await market.run([
      amend('stop', { quantity: '5' }),
      amend('stop', { quantity: '0.1' }),
      amend('stop', { price: '100' }),
    ])

    t.same(codes(answers), [null, null, 'PRICE_NOT_ALLOWED'])
    t.match(await market.order('stop'), { quantity: '0.1', price: null })
  },
)

marketTest(
  '[MAT-021] [MAT-044] a repeat tells the time in force of the first answer',
  {},
  async (t, market) => {
    const order = sell('alice', '5', '100', id('first'))
    const [first] = await market.run([order])
    await market.run([
      amend('first', { expire_at: '2026-03-02T13:00:00Z' }),
      amend('first', { expire_at: '2026-03-02T14:00:00Z' }),
    ])

    const [repeat] = await market.run([order])

    t.match(first, { time_in_force: 'GTC', expire_at: null })
    t.strictSame(repeat, first)
  },
)

marketTest('[MAT-044] how long it is good is judged by turn, too', {}, async (t, market) => {
  const expire_at = '2026-03-02T13:00:00Z'
  await market.run([
    sell('alice', '5', '100', id('first')),
    sell('alice', '5', '100', id('second', { time_in_force: 'GTD', expire_at })),
  ])

  const answers = await market.run([
    amend('first', { expire_at }),
    amend('first', { time_in_force: 'GTD' }),
    amend('second', { time_in_force: 'GTC' }),
    amend('second', { time_in_force: 'GTD' }),
  ])

  t.same(codes(answers), [null, null, null, 'EXPIRE_AT'])
  await market.run([buy('carol', '1', '90')], expire_at)
  t.match(await market.order('first'), { status: 'EXPIRED', end_reason: 'GTD' })
  t.match(await market.order('second'), { status: 'OPEN' })
})
