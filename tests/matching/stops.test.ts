import { buy, command, sell, type TestCommand } from '../helpers/market.ts'
import { marketTest } from './market-test.ts'

const id = (client_order_id: string, more: TestCommand = {}) => ({ client_order_id, ...more })

/** A stop order that becomes a market order, or a limit order when it has a price. */
function stop(side: 'BUY' | 'SELL', name: string, stop_price: string, more: TestCommand = {}) {
  const type = more.price === undefined ? 'STOP' : 'STOP_LIMIT'
  const time_in_force = more.price === undefined ? 'IOC' : 'GTC'
  const fields = { client_id: 'carol', side, type, time_in_force, quantity: '1', price: null }
  return { op: 'PLACE', ...fields, stop_price, client_order_id: name, ...more }
}

/** A trade at a price, between alice and bob. */
const trade = (price: string): TestCommand[] => [sell('alice', '1', price), buy('bob', '1', price)]

marketTest(
  '[MAT-057] a stop to buy fires at its price or above, one to sell at it or below',
  {},
  async (t, market) => {
    await market.run([
      ...trade('100'),
      stop('BUY', 'up', '105', { price: '1' }),
      stop('SELL', 'down', '95', { price: '900' }),
      stop('BUY', 'dip', '96', { price: '1', type: 'TAKE_PROFIT_LIMIT' }),
      stop('SELL', 'peak', '104', { price: '900', type: 'TAKE_PROFIT_LIMIT' }),
    ])
    const still = async () => (await market.events()).filter(line => /TRIGGERED/.test(line))

    await market.run([...trade('103.99'), ...trade('96.01')])
    t.same(await still(), [], 'a tick before nothing fires')

    await market.run(trade('104'))
    t.match(await still(), [/peak/], 'equal is met')
    await market.run(trade('96'))
    t.match(await still(), [/peak/, /dip/])
    await market.run(trade('105'))
    t.match(await still(), [/peak/, /dip/, /up/])
    await market.run(trade('95'))
    t.match(await still(), [/peak/, /dip/, /up/, /down/])
  },
)

marketTest(
  '[MAT-057] an untriggered order holds its funds, is not in the book, and can be cancelled',
  { symbol: { protection_rate: '0.02', protection_ticks: 10 } },
  async (t, market) => {
    const before = await market.balances('carol')
    await market.run(trade('100'))
    const [bought, sold, limited] = await market.run([
      stop('BUY', 'up', '110'),
      stop('SELL', 'down', '90'),
      stop('BUY', 'limit', '110', { price: '111' }),
    ])

    t.match(
      [bought, sold, limited],
      [
        { status: 'PENDING', pending_reason: 'TRIGGER', price: null, remaining_quantity: '1' },
        { status: 'PENDING', price: null },
        { status: 'PENDING', price: '111' },
      ],
    )
    t.same(await market.book(), [])
    // 110 and 2 % beyond, then the limit of the other, each with a fee of 0.2 %.
    const held = await market.balances('carol')
    t.equal(held.USD?.split(' ')[1], String(112.2 * 1.002 + 111 * 1.002))
    t.equal(held.BTC?.split(' ')[1], '1')

    await market.run([
      command({ op: 'CANCEL', client_id: 'carol', client_order_id: 'up' }),
      command({ op: 'CANCEL', client_id: 'carol', client_order_id: 'down' }),
      command({ op: 'CANCEL', client_id: 'carol', client_order_id: 'limit' }),
    ])
    t.same(await market.balances('carol'), before, 'all is back')
    await market.run([...trade('111'), ...trade('89')])
    t.same(
      (await market.events()).filter(line => /TRIGGERED/.test(line)),
      [],
    )
  },
)

marketTest(
  '[MAT-057] the hold of a stop to buy is as wide as the wider protection, in ticks too',
  { symbol: { protection_rate: '0.0001', protection_ticks: 100 } },
  async (t, market) => {
    await market.run([...trade('100'), stop('BUY', 'up', '110')])

    const { USD } = await market.balances('carol')
    t.equal(USD?.split(' ')[1], '111.222', '110 and 100 ticks of 0.01, with the fee')
  },
)

marketTest(
  '[MAT-057] what is met at entry is refused, or fires at once where it says so',
  {},
  async (t, market) => {
    const orders = [
      stop('BUY', 'a', '100'),
      stop('SELL', 'b', '100'),
      stop('BUY', 'c', '100', { type: 'TAKE_PROFIT' }),
      stop('SELL', 'd', '101', { type: 'TAKE_PROFIT' }),
    ]
    t.match(await market.run([orders[0] ?? {}]), [{ status: 'PENDING' }], 'no last price: not met')
    await market.run([command({ op: 'CANCEL', client_id: 'carol', client_order_id: 'a' })])
    await market.run([...trade('100'), sell('dave', '5', '100')])

    const again = orders.map(order => ({ ...order, client_order_id: `2${order.client_order_id}` }))
    const refused = { status: 'REJECTED', reject_code: 'WOULD_TRIGGER', error_state: 'RJTRG' }
    t.match(await market.run(again), [refused, refused, refused, { status: 'PENDING' }])
    t.match(await market.run([stop('BUY', 'now', '100', { trigger_immediately: true })]), [
      { status: 'FILLED', filled_quantity: '1', average_price: '100' },
    ])
  },
)

marketTest(
  '[MAT-057] the extremes of a sweep fire, although its last print is back',
  {},
  async (t, market) => {
    await market.run([
      ...trade('100'),
      sell('alice', '1', '101', id('a1')),
      sell('alice', '1', '106', id('a2')),
      stop('BUY', 'up', '105', { price: '105', quantity: '2' }),
    ])

    // Sweeps to 106, then prints 101 within the same batch.
    await market.run([
      buy('bob', '2', '106', id('sweep')),
      sell('alice', '1', '101'),
      buy('bob', '1', '101'),
    ])

    const events = await market.events('6')
    t.match(events.slice(0, 5), [
      'TRADE sweep 1 at 101 a1',
      'TRADE sweep 1 at 106 a2',
      'FILLED sweep 0 at 106',
      'TRIGGERED up 0 at 105 TRIGGER',
      'OPENED up 2 at 105',
    ])
    t.match(events[5], /^TRADE \d+ 1 at 105 up/, 'and is in the book for the next command')
  },
)

marketTest(
  '[MAT-057] several fire by the trade that reached them, then price, then entry',
  {},
  async (t, market) => {
    await market.run([
      ...trade('100'),
      stop('BUY', 'b106', '106', { price: '90' }),
      stop('BUY', 'b103x', '103', { price: '90' }),
      stop('BUY', 'b102', '102', { price: '90' }),
      stop('BUY', 'b103y', '103', { price: '90' }),
      stop('SELL', 's95', '95', { price: '120' }),
      stop('SELL', 's97', '97', { price: '120' }),
      sell('alice', '1', '104'),
      sell('alice', '1', '107'),
      buy('alice', '1', '94'),
    ])

    await market.run([buy('bob', '2', '107'), sell('bob', '1', '94')])

    const fired = (await market.events()).filter(line => /^TRIGGERED/.test(line))
    t.same(
      fired.map(line => line.split(' ')[1]),
      ['b102', 'b103x', 'b103y', 'b106', 's97', 's95'],
    )
  },
)

marketTest(
  '[MAT-057] a fired order fires the next: a cascade, each a command of its own',
  {},
  async (t, market) => {
    await market.run([
      ...trade('100'),
      sell('alice', '1', '101', id('a101')),
      sell('alice', '1', '102', id('a102')),
      sell('alice', '1', '103', id('a103')),
      stop('BUY', 'first', '101'),
      stop('BUY', 'second', '102'),
    ])

    await market.run([buy('bob', '1', '101', id('spark'))])

    t.same(await market.events('8'), [
      'TRADE spark 1 at 101 a101',
      'FILLED spark 0 at 101',
      'TRIGGERED first 0 at market TRIGGER',
      'TRADE first 1 at 102 a102',
      'FILLED first 0 at market',
      'TRIGGERED second 0 at market TRIGGER',
      'TRADE second 1 at 103 a103',
      'FILLED second 0 at market',
    ])
  },
)

marketTest(
  '[MAT-057] refused when it fires: TRIGGERED, then REJECTED, its hold is back',
  {},
  async (t, market) => {
    const before = await market.balances('carol')
    await market.run([...trade('100'), stop('BUY', 'up', '105')])

    await market.run(trade('105'))

    t.same((await market.events()).slice(-2), [
      'TRIGGERED up 0 at market TRIGGER',
      'REJECTED up 1 at market NO_LIQUIDITY',
    ])
    t.match(await market.order('up'), {
      status: 'REJECTED',
      refusal: 'NO_LIQUIDITY',
      end_reason: null,
      remaining_quantity: '0',
    })
    t.same(await market.balances('carol'), before)
  },
)

marketTest(
  '[MAT-057] what a fired order costs more than its hold must be there',
  { funds: { carol: { USD: '106' } }, symbol: { protection_rate: '0.001', protection_ticks: 1 } },
  async (t, market) => {
    await market.run([
      ...trade('100'),
      stop('BUY', 'up', '105'),
      sell('alice', '0.1', '105'),
      sell('alice', '2', '109'),
      buy('bob', '0.1', '105'),
    ])

    t.match(await market.order('up'), { status: 'REJECTED', refusal: 'INSUFFICIENT_FUNDS' })
    t.match(await market.balances('carol'), { USD: '106 0 0 0' })
  },
)

marketTest(
  '[MAT-021] [MAT-057] a stop order without a limit has no price in its refusal either',
  {},
  async (t, market) => {
    await market.run(trade('100'))
    const trailing = { type: 'TRAILING_STOP', stop_price: null, trailing_offset: '1' }
    for (const [refused, reject_code] of [
      [stop('BUY', 'up', '99'), 'WOULD_TRIGGER'],
      [
        stop('BUY', 'trails', '', { ...trailing, quantity: '1e7', limit_offset: '1' }),
        'INSUFFICIENT_FUNDS',
      ],
    ] as const) {
      const [first] = await market.run([refused])
      const [repeat] = await market.run([refused])

      t.match(first, { status: 'REJECTED', reject_code, price: null })
      t.strictSame(repeat, first)
    }
    t.match(await market.order('up'), { price: null })
  },
)

for (const time_in_force of ['OPG', 'CLS', 'GFA', 'GTX']) {
  marketTest(
    `[MAT-057] a stop order of any kind is not ${time_in_force}`,
    {},
    async (t, market) => {
      await market.run(trade('100'))
      const limit = { price: '89', time_in_force }
      const trail = { type: 'TRAILING_STOP', stop_price: null, trailing_offset: '10' }

      const answers = await market.run([
        stop('SELL', 'a', '90', limit),
        stop('SELL', 'b', '110', { ...limit, type: 'TAKE_PROFIT_LIMIT' }),
        stop('SELL', 'c', '90', { time_in_force }),
        stop('SELL', 'd', '110', { type: 'TAKE_PROFIT', time_in_force }),
        stop('SELL', 'e', '', { ...trail, time_in_force }),
        stop('SELL', 'f', '', { ...trail, limit_offset: '1', time_in_force }),
      ])

      const refused = { error_code: 'TIME_IN_FORCE', order_id: null }
      t.match(answers, Array(6).fill(refused))
    },
  )
}
