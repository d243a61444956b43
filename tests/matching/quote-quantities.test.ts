import { buy, command, sell, type TestCommand } from '../helpers/market.ts'
import { marketTest } from './market-test.ts'

/** A market order for an amount of the quote asset. */
function spend(side: string, quote_quantity: string, more: TestCommand = {}): TestCommand {
  const plain = { op: 'PLACE', client_id: 'bob', type: 'MARKET', time_in_force: 'IOC', price: null }
  return { ...plain, client_order_id: 'spend', side, quantity: null, quote_quantity, ...more }
}

marketTest(
  '[MAT-047] it never spends more than it says, the fee included',
  {},
  async (t, market) => {
    const before = await market.balances('bob')
    const [, answer] = await market.run([sell('alice', '10', '33'), spend('BUY', '100')])

    // 3.024 x 33 x 1.002 = 99.991584; a lot more is 100.02465.
    t.match(answer, {
      status: 'FILLED',
      filled_quantity: '3.024',
      quantity: '3.024',
      fee: '0.199584',
    })
    t.match(answer, { quote_quantity: '100', average_price: '33' })
    const after = await market.balances('bob')
    const [was, is] = [before, after].map(({ USD = '' }) => Number(USD.split(' ')[0]))
    t.equal(((was ?? 0) - (is ?? 0)).toFixed(6), '99.991584', 'the rest is available')
  },
)

const wide = { symbol: { protection_rate: '0.5' } }

marketTest(
  '[MAT-047] over several levels, each as far as the money goes',
  wide,
  async (t, market) => {
    const [, , answer] = await market.run([
      sell('alice', '1', '50'),
      sell('alice', '10', '60'),
      spend('BUY', '100'),
    ])

    // 50.1 for the first; of 49.9 the second takes 0.83 x 60.12 = 49.8996.
    t.match(answer, { filled_quantity: '1.83', status: 'FILLED' })
  },
)

marketTest('[MAT-047] a sell receives at most that much', wide, async (t, market) => {
  const [, , answer] = await market.run([
    buy('alice', '1', '60'),
    buy('alice', '10', '50'),
    spend('SELL', '100'),
  ])

  t.match(answer, { filled_quantity: '1.8', status: 'FILLED', average_price: /^55.5/ })
})

marketTest('[MAT-047] the exact amount is spent whole', {}, async (t, market) => {
  const [, answer] = await market.run([sell('alice', '10', '50'), spend('BUY', '100.2')])
  t.match(answer, { filled_quantity: '2', fee: '0.2' })
})

marketTest(
  '[MAT-047] what does not make the least quantity is refused',
  { symbol: { min_quantity: '0.5' } },
  async (t, market) => {
    const [, answer] = await market.run([sell('alice', '10', '300'), spend('BUY', '100')])

    t.match(answer, { status: 'REJECTED', reject_code: 'QUOTE_QUANTITY', quantity: '0' })
    t.match(await market.run([spend('BUY', '151', { client_order_id: 'b' })]), [
      { status: 'FILLED', filled_quantity: '0.502' },
    ])
  },
)

marketTest(
  '[MAT-047] it needs the funds for what it gets, not more',
  {
    funds: { bob: { USD: '60' } },
  },
  async (t, market) => {
    await market.run([sell('alice', '1', '50')])

    const [less, much] = await market.run([
      spend('BUY', '100'),
      spend('BUY', '100', { client_order_id: 'b' }),
    ])
    t.match(less, { status: 'REJECTED', reject_code: 'INSUFFICIENT_FUNDS' }, 'it may cost so much')
    t.match(much, { status: 'REJECTED' })
  },
)

marketTest(
  '[MAT-041] [MAT-047] as fill or kill: all that the money buys',
  {},
  async (t, market) => {
    await market.run([sell('alice', '1', '50')])
    const before = await market.hash('bob')

    const [killed] = await market.run([spend('BUY', '100', { time_in_force: 'FOK' })])
    t.match(killed, { status: 'EXPIRED', end_reason: 'UNFILLED_FOK', filled_quantity: '0' })
    t.equal(await market.hash('bob'), before)

    const more = { time_in_force: 'FOK', client_order_id: 'b' }
    const [, filled] = await market.run([sell('alice', '1', '51'), spend('BUY', '100', more)])
    t.match(filled, { status: 'FILLED', filled_quantity: '1.976' })
  },
)

marketTest(
  '[MAT-041] [MAT-047] it is all when what is left pays no lot more where it ended',
  { symbol: { taker_rate: 0, maker_rate: 0 } },
  async (t, market) => {
    const kill = (name: string, amount: string) =>
      spend('BUY', amount, { time_in_force: 'FOK', client_order_id: name })
    await market.run([
      sell('alice', '1', '50'),
      sell('bob', '1', '51', { client_order_id: 'own' }),
      sell('alice', '1', '52'),
    ])

    const answers = await market.run([kill('more', '50.051'), kill('less', '50.05')])

    t.match(answers[0], { end_reason: 'UNFILLED_FOK' }, 'a lot of its own is next, and is paid')
    t.match(answers[1], { status: 'FILLED', filled_quantity: '1' }, 'is not')
    const cancel = command({ op: 'CANCEL', client_id: 'bob', client_order_id: 'own' })
    t.match(
      await market.run([cancel, kill('short', '52.052'), kill('exact', '52.051')]),
      [{}, { end_reason: 'UNFILLED_FOK' }, { status: 'FILLED', filled_quantity: '1' }],
      'with nobody left, at the last price',
    )
  },
)

marketTest(
  '[MAT-046] [MAT-047] its own order is met before what others hide at its price',
  { symbol: { taker_rate: 0, maker_rate: 0 } },
  async (t, market) => {
    await market.run([
      sell('alice', '3', '50', { display_quantity: '1' }),
      sell('bob', '1', '50', { client_order_id: 'own' }),
    ])

    const answers = await market.run([
      spend('BUY', '100', { stp: 'CANCEL_TAKER' }),
      spend('BUY', '75', { client_id: 'carol', client_order_id: 'other' }),
      spend('BUY', '1000', { client_id: 'carol', client_order_id: 'rest' }),
    ])

    t.match(answers, [
      { status: 'FILLED', quantity: '1', filled_quantity: '1', prevented_quantity: '0' },
      { status: 'FILLED', quantity: '1.5' },
      { status: 'FILLED', quantity: '1.5' },
    ])
  },
)

const refused: [TestCommand, string][] = [
  [{ quantity: '1' }, 'QUANTITY_NOT_ALLOWED'],
  [{ type: 'LIMIT', price: '100', time_in_force: 'GTC' }, 'QUANTITY_NOT_ALLOWED'],
  [{ quote_quantity: null }, 'QUANTITY_MISSING'],
]
for (const [more, error_code] of refused) {
  marketTest(`[MAT-047] refused: ${JSON.stringify(more)}`, {}, async (t, market) => {
    t.match(await market.run([spend('BUY', '100', more)]), [{ error_code, order_id: null }])
  })
}
