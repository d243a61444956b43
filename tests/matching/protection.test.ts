import { buy, command, sell, type TestCommand } from '../helpers/market.ts'
import { marketTest } from './market-test.ts'

const market = (side: string, quantity: string, more: TestCommand = {}): TestCommand => ({
  ...{ op: 'PLACE', client_id: 'bob', type: 'MARKET', time_in_force: 'IOC', price: null },
  ...{ client_order_id: 'market', side, quantity, ...more },
})

marketTest(
  '[MAT-043] the bound is the rate of the touch where that is wider',
  { symbol: { protection_rate: '0.05', protection_ticks: 10 } },
  async (t, m) => {
    const [, , , answer] = await m.run([
      sell('alice', '1', '100'),
      sell('alice', '1', '105'),
      sell('alice', '1', '105.01'),
      market('BUY', '3'),
    ])
    t.match(answer, { status: 'EXPIRED', end_reason: 'PROTECTION', filled_quantity: '2' })
    t.same(await m.book(), ['SELL 105.01 1 alice'])
  },
)

marketTest(
  '[MAT-043] and ticks where those are; from the touch of the start, for sellers too',
  { symbol: { protection_rate: '0.0001', protection_ticks: 600 } },
  async (t, m) => {
    const [, , , answer] = await m.run([
      buy('alice', '1', '100'),
      buy('alice', '1', '94'),
      buy('alice', '1', '93.99'),
      market('SELL', '3'),
    ])
    t.match(answer, { status: 'EXPIRED', end_reason: 'PROTECTION', filled_quantity: '2' })
    t.same(await m.book(), ['BUY 93.99 1 alice'])
  },
)

marketTest(
  '[MAT-043] where protection rests, the rest rests at the bound as a limit order',
  { symbol: { protection_rests: true, protection_rate: '0.0333', protection_ticks: 1 } },
  async (t, m) => {
    await m.run([
      sell('alice', '1', '99.99'),
      sell('alice', '1', '110'),
      buy('dave', '1', '90'),
      buy('dave', '1', '80'),
    ])

    const answers = await m.run([
      market('BUY', '3'),
      market('SELL', '3', { client_id: 'carol', client_order_id: 'sell' }),
    ])

    // 99.99 x 1.0333 = 103.319667, towards the touch 103.31; carol then sells to bob first.
    t.match(answers[0], { status: 'PARTIALLY_FILLED', price: '103.31', remaining_quantity: '2' })
    t.match(answers[1], { status: 'PARTIALLY_FILLED', filled_quantity: '2', price: '99.87' })
    const before = await m.balances('carol')
    t.equal(before.BTC?.split(' ')[1], '3', 'what rests is held')
    await m.run([command({ op: 'CANCEL', client_id: 'carol', client_order_id: 'sell' })])
    t.match(await m.order('sell'), { status: 'CANCELLED' })
  },
)

marketTest('[MAT-043] with nobody there it is refused', {}, async (t, m) => {
  t.match(await m.run([market('BUY', '1'), market('SELL', '1', { client_order_id: 's' })]), [
    { status: 'REJECTED', reject_code: 'NO_LIQUIDITY' },
    { status: 'REJECTED', reject_code: 'NO_LIQUIDITY' },
  ])
})

marketTest('[MAT-043] a side that ends before the bound says so', {}, async (t, m) => {
  const [, answer] = await m.run([sell('alice', '1', '100'), market('BUY', '2')])
  t.match(answer, { status: 'EXPIRED', end_reason: 'INSUFFICIENT_LIQUIDITY', filled_quantity: '1' })
})

marketTest('[MAT-043] a fired stop order is protected as it fires', {}, async (t, m) => {
  await m.run([
    sell('alice', '1', '100'),
    buy('dave', '1', '100'),
    { ...market('BUY', '3', { client_order_id: 'stop' }), type: 'STOP', stop_price: '105' },
    sell('alice', '1', '105'),
    sell('alice', '1', '110.25'),
    sell('alice', '1', '110.5'),
    sell('alice', '1', '115.77'),
    buy('dave', '1', '105'),
  ])

  // The touch is 110.25 by then: 5 % beyond it is 115.7625.
  t.match(await m.order('stop'), { end_reason: 'PROTECTION', filled_quantity: '2' })
})

marketTest(
  '[MAT-042] [MAT-043] what its own order ends does not rest, and needs no funds',
  { symbol: { protection_rests: true }, funds: { bob: { USD: '101', BTC: '10' } } },
  async (t, m) => {
    const answers = await m.run([
      sell('alice', '1', '100'),
      sell('bob', '1', '100'),
      market('BUY', '3', { stp: 'CANCEL_TAKER' }),
      sell('alice', '1', '100'),
      market('BUY', '3', { stp: 'CANCEL_MAKER', client_order_id: 'rests' }),
    ])

    t.match(answers[2], { status: 'CANCELLED', end_reason: 'STP_TAKER', filled_quantity: '1' })
    t.match(answers[4], { status: 'REJECTED', reject_code: 'INSUFFICIENT_FUNDS' })
  },
)
