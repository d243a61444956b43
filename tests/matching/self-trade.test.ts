import { buy, command, sell, settle, type TestCommand } from '../helpers/market.ts'
import { type Market, marketTest } from './market-test.ts'

const id = (client_order_id: string, more: TestCommand = {}) => ({ client_order_id, ...more })
const noPrevention = { stp: 'NONE' }

/** What of an order ended how: `status reason filled prevented remaining`. */
async function fate(market: Market, name: string): Promise<string> {
  const o = await market.order(name)
  const quantities = [o.filled_quantity, o.prevented_quantity, o.remaining_quantity]
  return [o.status, o.end_reason ?? '-', ...quantities].join(' ')
}

async function prevented(market: Market, name: string): Promise<string[]> {
  const { order_id } = await market.order(name)
  const rows = await market.db.query(
    `select concat_ws(' ', m.stp, m.price, t.client_order_id, k.client_order_id, m.taker_quantity,
      m.maker_quantity) as line
    from api.prevented_matches(1, $1) as m
    join matching.orders as t on t.order_id = m.taker_order_id
    join matching.orders as k on k.order_id = m.maker_order_id`,
    [order_id],
  )
  return rows.map(row => String(row.line))
}

interface Row {
  stp: string
  taker: string
  own: string
  behind: string
  row: string[]
}

/**
 * The table of modes: bob's order of 5 meets alice's 1 at 99, his own 2 at 100, alice's 4 at 101.
 */
const table: Row[] = [
  {
    stp: 'NONE',
    taker: 'FILLED - 5 0 0',
    own: 'FILLED - 2 0 0',
    behind: 'PARTIALLY_FILLED - 2 0 2',
    row: [],
  },
  {
    stp: 'CANCEL_TAKER',
    taker: 'CANCELLED STP_TAKER 1 4 0',
    own: 'OPEN - 0 0 2',
    behind: 'OPEN - 0 0 4',
    row: ['CANCEL_TAKER 100 taker own 4 0'],
  },
  {
    stp: 'CANCEL_MAKER',
    taker: 'FILLED - 5 0 0',
    own: 'CANCELLED STP_MAKER 0 2 0',
    behind: 'FILLED - 4 0 0',
    row: ['CANCEL_MAKER 100 taker own 0 2'],
  },
  {
    stp: 'CANCEL_BOTH',
    taker: 'CANCELLED STP_TAKER 1 4 0',
    own: 'CANCELLED STP_MAKER 0 2 0',
    behind: 'OPEN - 0 0 4',
    row: ['CANCEL_BOTH 100 taker own 4 2'],
  },
  {
    stp: 'DECREMENT',
    taker: 'FILLED - 3 2 0',
    own: 'CANCELLED STP_DECREMENT 0 2 0',
    behind: 'PARTIALLY_FILLED - 2 0 2',
    row: ['DECREMENT 100 taker own 2 2'],
  },
]

for (const { stp, taker, own, behind, row } of table) {
  for (const [whose, owner, plan] of [
    ['one owner', 'bob', {}],
    ['one group', 'dave', { groups: { bob: 'family', dave: 'family' } }],
  ] as const) {
    marketTest(`[MAT-042] ${stp}, ${whose}`, plan, async (t, market) => {
      await market.run([
        sell('alice', '1', '99', id('better')),
        sell(owner, '2', '100', id('own', { stp: 'CANCEL_TAKER' })),
        sell('alice', '4', '101', id('behind')),
        buy('bob', '5', '101', id('taker', { stp })),
      ])

      t.equal(await fate(market, 'taker'), taker)
      t.equal(await fate(market, 'own'), own)
      t.equal(await fate(market, 'behind'), behind)
      t.equal(await fate(market, 'better'), 'FILLED - 1 0 0', 'better prices trade first')
      t.same(await prevented(market, 'taker'), row)
      t.same(await prevented(market, 'own'), row, 'listed for both')
      for (const name of ['taker', 'own', 'behind']) {
        const o = await market.order(name)
        const parts = [o.filled_quantity, o.prevented_quantity, o.remaining_quantity]
        const sum = parts.reduce((total, part) => total + Number(part), 0)
        t.equal(sum + Number(o.cancelled_quantity), Number(o.quantity), 'all is accounted for')
      }
    })
  }
}

marketTest('[MAT-042] the mode of the maker says nothing', {}, async (t, market) => {
  await market.run([
    sell('bob', '2', '100', id('own', { stp: 'CANCEL_MAKER' })),
    buy('bob', '2', '100', id('taker', noPrevention)),
  ])

  t.equal(await fate(market, 'taker'), 'FILLED - 2 0 0')
})

marketTest('[MAT-042] two of one size by DECREMENT end both', {}, async (t, market) => {
  await market.run([
    sell('bob', '2', '100', id('own')),
    buy('bob', '2', '100', id('taker', { stp: 'DECREMENT' })),
  ])

  t.equal(await fate(market, 'taker'), 'CANCELLED STP_DECREMENT 0 2 0')
  t.equal(await fate(market, 'own'), 'CANCELLED STP_DECREMENT 0 2 0')
  t.match(await market.balances('bob'), { USD: '100000000 0 0 0', BTC: '10000 0 0 0' })
})

marketTest('[MAT-042] what rests after DECREMENT is held for no more', {}, async (t, market) => {
  await market.run([
    sell('bob', '2', '100', id('own')),
    buy('bob', '5', '100', id('taker', { stp: 'DECREMENT' })),
  ])

  t.equal(await fate(market, 'taker'), 'OPEN - 0 2 3')
  t.match(await market.balances('bob'), { USD: '99999699.4 300.6 0 0', BTC: '10000 0 0 0' })
})

marketTest('[MAT-042] an event tells it, and no trade, price or volume', {}, async (t, market) => {
  await market.run([
    sell('bob', '2', '100', id('own')),
    buy('bob', '5', '100', id('taker', { stp: 'CANCEL_MAKER' })),
  ])

  t.same(await market.events('1'), [
    'PREVENTED taker 0 at 100 own CANCEL_MAKER',
    'OPENED taker 5 at 100',
  ])
  const [state] = await market.db.query('select last_price from matching.symbol_state')
  t.equal(state?.last_price, null)
  t.same(await market.db.query('select from matching.trades'), [])
})

marketTest('[MAT-042] with NONE one settles with itself', {}, async (t, market) => {
  await market.run([
    sell('bob', '2', '100', id('own')),
    buy('bob', '2', '100', id('taker', noPrevention)),
  ])

  t.match(await settle(market.db), { settled: 1, put_aside: 0 })
  t.match(await market.balances('bob'), { USD: '99999999.4 0 0 0', BTC: '10000 0 0 0' }, 'but fees')
})

marketTest(
  '[MAT-042] [MAT-046] a part of an iceberg is prevented at a time',
  {},
  async (t, market) => {
    await market.run([
      sell('bob', '5', '100', id('own', { display_quantity: '2' })),
      buy('bob', '3', '100', id('taker', { stp: 'DECREMENT' })),
    ])

    t.equal(await fate(market, 'taker'), 'CANCELLED STP_DECREMENT 0 3 0')
    t.equal(await fate(market, 'own'), 'OPEN - 0 3 2')
  },
)

marketTest(
  '[MAT-042] a symbol has a default, and takes what it allows',
  { symbol: { default_stp: 'DECREMENT', allowed_stps: '{DECREMENT,CANCEL_BOTH}' } },
  async (t, market) => {
    const [, answer, refused] = await market.run([
      sell('bob', '2', '100', id('own')),
      buy('bob', '2', '100', id('taker')),
      buy('bob', '2', '100', id('none', noPrevention)),
    ])

    t.match(answer, { stp: 'DECREMENT', end_reason: 'STP_DECREMENT' })
    t.match(refused, { error_code: 'STP_NOT_ALLOWED', order_id: null })
  },
)

marketTest(
  '[MAT-042] [MAT-044] an amendment keeps the mode of its order',
  {},
  async (t, market) => {
    await market.run([
      sell('bob', '2', '100', id('own')),
      buy('bob', '2', '90', id('taker', { stp: 'CANCEL_BOTH' })),
      command({ op: 'AMEND', client_id: 'bob', client_order_id: 'taker', price: '100' }),
    ])

    t.equal(await fate(market, 'taker'), 'CANCELLED STP_TAKER 0 2 0')
    t.equal(await fate(market, 'own'), 'CANCELLED STP_MAKER 0 2 0')
  },
)

marketTest('[MAT-044] an order that was prevented in part is still new', {}, async (t, market) => {
  const ifNew = (client_order_id: string) => ({
    ...command({ op: 'CANCEL', client_id: 'carol', client_order_id }),
    only_if: 'NEW',
  })
  await market.run([
    sell('carol', '3', '10', id('ask')),
    buy('carol', '1', '10', { stp: 'DECREMENT' }),
    sell('carol', '3', '11', id('traded')),
  ])
  t.equal(await fate(market, 'ask'), 'OPEN - 0 1 2')

  await market.run([ifNew('ask'), buy('bob', '1', '11')])
  t.match(await market.run([ifNew('traded')]), [{ error_code: 'CONDITION_FAILED' }])

  t.equal(await fate(market, 'ask'), 'CANCELLED USER 0 1 0')
  t.equal(await fate(market, 'traded'), 'PARTIALLY_FILLED - 1 0 2')
  const both = [buy('bob', '1', '11'), ifNew('traded')]
  t.match(await market.run(both), [{}, { error_code: 'CONDITION_FAILED' }])
})
