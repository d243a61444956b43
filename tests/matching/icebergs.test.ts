import { buy, command, sell, type TestCommand } from '../helpers/market.ts'
import { marketTest } from './market-test.ts'

const id = (client_order_id: string, more: TestCommand = {}) => ({ client_order_id, ...more })

marketTest(
  '[MAT-046] only what is displayed is in the book that is shown',
  {},
  async (t, market) => {
    await market.run([
      sell('alice', '10', '100', id('ice', { display_quantity: '3' })),
      sell('bob', '2', '100'),
    ])

    const [row] = await market.db
      .query("select book -> 'asks' as asks from api.book(1, 'BTC-USD', 5) as b (book)")
      .catch(() => market.db.query("select * from api.book(1, 'BTC-USD', 5)"))
    t.match(JSON.stringify(row), /"5"/, 'three and two')
    t.notMatch(JSON.stringify(row), /"12"/)
    t.same(await market.book(), ['SELL 100 3 of 10 alice', 'SELL 100 2 bob'])
    t.match(await market.balances('alice'), { BTC: '9990 10 0 0' }, 'held in full')
  },
)

marketTest('[MAT-046] a refill goes behind the others of its price', {}, async (t, market) => {
  await market.run([
    sell('alice', '10', '100', id('ice', { display_quantity: '3' })),
    sell('bob', '2', '100', id('plain')),
    sell('dave', '1', '101', id('far')),
  ])

  await market.run([buy('carol', '4', '101', id('one'))])
  t.same(await market.book(), ['SELL 100 1 bob', 'SELL 100 3 of 7 alice', 'SELL 101 1 dave'])
  await market.run([buy('carol', '9', '101', id('two'))])
  t.same(
    (await market.events('6')).filter(line => /^TRADE/.test(line)),
    [
      'TRADE two 1 at 100 plain',
      'TRADE two 3 at 100 ice',
      'TRADE two 3 at 100 ice',
      'TRADE two 1 at 100 ice',
      'TRADE two 1 at 101 far',
    ],
  )
})

marketTest(
  '[MAT-046] two icebergs take turns, in one walk and over many',
  {},
  async (t, market) => {
    await market.run([
      sell('alice', '5', '100', id('a', { display_quantity: '2' })),
      sell('bob', '5', '100', id('b', { display_quantity: '1' })),
      buy('carol', '7', '100', id('taker')),
    ])

    t.same(
      (await market.events('2')).filter(line => /^TRADE/.test(line)),
      [
        'TRADE taker 2 at 100 a',
        'TRADE taker 1 at 100 b',
        'TRADE taker 2 at 100 a',
        'TRADE taker 1 at 100 b',
        'TRADE taker 1 at 100 a',
      ],
    )
    t.same(await market.book(), ['SELL 100 1 of 3 bob'])
  },
)

marketTest('[MAT-046] who shows less than all takes its full size first', {}, async (t, market) => {
  await market.run([
    sell('alice', '4', '100'),
    buy('carol', '10', '100', id('ice', { display_quantity: '1' })),
  ])

  t.match(await market.order('ice'), { filled_quantity: '4', remaining_quantity: '6' })
  t.same(await market.book(), ['BUY 100 1 of 6 carol'])
  const { USD } = await market.balances('carol')
  t.equal(USD?.split(' ')[1], String(10 * 100 * 1.002), 'held or spent for all of it')
})

marketTest('[MAT-046] a fee is rounded once, however many refills trade', {}, async (t, market) => {
  await market.run([
    sell('alice', '1', '33.33', id('ice', { display_quantity: '0.01' })),
    buy('bob', '0.03', '33.33', id('many')),
  ])

  t.match(await market.order('many'), { fee_amount: String(0.03 * 33.33 * 0.002) })
})

const refused: [what: string, TestCommand, code: string][] = [
  ['display more than all', { display_quantity: '11' }, 'DISPLAY_NOT_ALLOWED'],
  ['an IOC', { display_quantity: '1', time_in_force: 'IOC' }, 'DISPLAY_NOT_ALLOWED'],
  ['a FOK', { display_quantity: '1', time_in_force: 'FOK' }, 'DISPLAY_NOT_ALLOWED'],
  ['a market order', { display_quantity: '1', type: 'MARKET', price: null }, 'DISPLAY_NOT_ALLOWED'],
  ['off the lot', { display_quantity: '0.0005' }, 'DISPLAY_LOT'],
  ['nothing', { display_quantity: '0' }, 'DISPLAY_LOT'],
  ['one part more than allowed', { display_quantity: '0.999' }, 'ICEBERG_PARTS'],
]

for (const [what, more, error_code] of refused) {
  marketTest(
    `[MAT-046] refused: an iceberg that is ${what}`,
    { symbol: { max_iceberg_parts: 10 } },
    async (t, market) => {
      const [good] = await market.run([sell('alice', '10', '100', { display_quantity: '1' })])
      const [bad] = await market.run([sell('alice', '10', '100', more)])

      t.match(good, { status: 'OPEN' }, 'ten parts are allowed')
      t.match(bad, { error_code, order_id: null })
    },
  )
}

marketTest('[MAT-044] [MAT-046] less keeps the place, and is all shown', {}, async (t, market) => {
  const amend = (quantity: string) =>
    command({ op: 'AMEND', client_id: 'alice', client_order_id: 'ice', quantity })
  await market.run([
    sell('alice', '10', '100', id('ice', { display_quantity: '3' })),
    sell('bob', '2', '100'),
    amend('5'),
  ])
  t.same(await market.book(), ['SELL 100 3 of 5 alice', 'SELL 100 2 bob'])

  await market.run([amend('2')])
  t.same(await market.book(), ['SELL 100 2 of 2 alice', 'SELL 100 2 bob'])

  await market.run([amend('9')])
  t.same(await market.book(), ['SELL 100 2 bob', 'SELL 100 3 of 9 alice'])
})

marketTest(
  '[MAT-044] [MAT-046] an amendment may not make too many parts',
  { symbol: { max_iceberg_parts: 3 } },
  async (t, market) => {
    const amend = (quantity: string) =>
      command({ op: 'AMEND', client_id: 'alice', client_order_id: 'ice', quantity })
    await market.run([sell('alice', '5', '100', id('ice', { display_quantity: '2' }))])

    t.match(await market.run([amend('6.001'), amend('6')]), [
      { error_code: 'ICEBERG_PARTS' },
      { error_code: null, quantity: '6' },
    ])
  },
)
