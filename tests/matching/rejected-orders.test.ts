import { buy, command, noon, sell, type TestCommand } from '../helpers/market.ts'
import { type Market, marketTest } from './market-test.ts'

const past = new Date(Date.parse(noon) - 1000).toISOString()
const market_ = { type: 'MARKET', price: null, time_in_force: 'IOC' }
const stop = { ...market_, type: 'STOP' }
const quote = { ...market_, quantity: null }
const oco = { list_no: 1, list_role: 'OCO' }

/** Some of everything: levels, an iceberg, stop orders of each kind, a last price. */
const standing: TestCommand[] = [
  sell('alice', '1', '100'),
  buy('carol', '1', '100'),
  sell('alice', '5', '101', { display_quantity: '1' }),
  sell('carol', '2', '102', { client_order_id: 'carols' }),
  buy('alice', '3', '99'),
  buy('bob', '1', '98', { client_order_id: 'mine' }),
  buy('dave', '1', '', { ...stop, stop_price: '101' }),
  sell('dave', '1', '', { ...stop, stop_price: '99' }),
  sell('dave', '1', '', { ...stop, type: 'TRAILING_STOP', trailing_offset: '1' }),
]

/** Every refusal that an order of bob's can meet, what he asks then, and whether a row is kept. */
const refusals: [
  code: string,
  orders: TestCommand[],
  more?: { symbol?: Record<string, string> },
][] = [
  ['UNKNOWN_PARTICIPANT', [buy('nobody', '1', '101')]],
  ['TIME_IN_FORCE', [buy('bob', '1', '', { ...market_, time_in_force: 'GTC' })]],
  ['PRICE_MISSING', [buy('bob', '1', '', { price: null })]],
  ['PRICE_NOT_ALLOWED', [buy('bob', '1', '101', { type: 'MARKET', time_in_force: 'IOC' })]],
  ['QUANTITY_MISSING', [buy('bob', '', '101', { quantity: null })]],
  ['QUANTITY_NOT_ALLOWED', [buy('bob', '1', '', { ...market_, quote_quantity: '100' })]],
  ['STOP_PRICE_MISSING', [buy('bob', '1', '', stop)]],
  ['STOP_PRICE_NOT_ALLOWED', [buy('bob', '1', '101', { stop_price: '101' })]],
  ['TRAILING_MISSING', [sell('bob', '1', '', { ...stop, type: 'TRAILING_STOP' })]],
  ['TRAILING_NOT_ALLOWED', [buy('bob', '1', '101', { trailing_offset: '1' })]],
  ['POST_ONLY_NOT_ALLOWED', [buy('bob', '1', '', { ...market_, post_only: true })]],
  ['DISPLAY_NOT_ALLOWED', [buy('bob', '1', '101', { display_quantity: '2' })]],
  ['EXPIRE_AT', [buy('bob', '1', '101', { time_in_force: 'GTD', expire_at: past })]],
  ['STP_NOT_ALLOWED', [buy('bob', '1', '101', { stp: 'NONE' })]],
  ['BAD_LIST', [buy('bob', '1', '101', oco)]],
  ['PRICE_TICK', [buy('bob', '1', '101.001')]],
  ['STOP_PRICE_TICK', [buy('bob', '1', '', { ...stop, stop_price: '105.001' })]],
  ['LOT_SIZE', [buy('bob', '1.0001', '101')]],
  ['DISPLAY_LOT', [buy('bob', '1', '101', { display_quantity: '0.0001' })]],
  ['MIN_QUANTITY', [buy('bob', '0.001', '101')]],
  ['MAX_QUANTITY', [buy('bob', '1001', '101')]],
  ['MIN_NOTIONAL', [buy('bob', '0.01', '1')]],
  ['MAX_NOTIONAL', [buy('bob', '999', '101')]],
  [
    'TRAILING_DELTA',
    [sell('bob', '1', '', { ...stop, type: 'TRAILING_STOP', trailing_bips: 9999 })],
  ],
  ['ICEBERG_PARTS', [buy('bob', '1', '101', { display_quantity: '0.001' })]],
  ['PRICE_COLLAR', [buy('bob', '1', '111')]],
  ['EXPIRED_REQUEST', [buy('bob', '1', '101', { deadline: past })]],
  ['NOT_IN_CALL', [buy('bob', '1', '101', { time_in_force: 'GFA' })]],
  ['WOULD_TRIGGER', [buy('bob', '1', '', { ...stop, stop_price: '100' })]],
  ['WOULD_TAKE', [buy('bob', '1', '101', { post_only: true })]],
  ['QUOTE_QUANTITY', [buy('bob', '', '', { ...quote, quote_quantity: '0.5' })]],
  ['INSUFFICIENT_FUNDS', [buy('bob', '400', '101')]],
  ['INSUFFICIENT_FUNDS', [buy('bob', '6', '', market_)], { symbol: { protection_rate: '0.5' } }],
  ['INSUFFICIENT_FUNDS', [sell('bob', '3', '', market_)]],
  ['INSUFFICIENT_FUNDS', [sell('bob', '3', '120', { stp: 'DECREMENT' })]],
  [
    'LIST_REFUSED',
    [sell('bob', '1', '120.001', oco), sell('bob', '1', '', { ...stop, ...oco, stop_price: '90' })],
  ],
  ['SYMBOL_HALTED', [buy('bob', '1', '101')], { symbol: { status: 'HALTED' } }],
  ['CANCEL_ONLY', [buy('bob', '1', '101')], { symbol: { status: 'MAINTENANCE' } }],
  ['SYMBOL_DELISTED', [buy('bob', '1', '101')], { symbol: { status: 'DELISTED' } }],
]

const limits = {
  allowed_stps: '{CANCEL_TAKER,CANCEL_MAKER,CANCEL_BOTH,DECREMENT}',
  min_quantity: '0.01',
  max_quantity: '1000',
  min_notional: '0.1',
  max_notional: '50000',
  collar_rate: '0.1',
}
const plan = { symbol: limits, funds: { bob: { USD: '700', BTC: '2' } } }

async function setSymbol({ db }: Market, columns: Record<string, string>): Promise<void> {
  for (const [column, value] of Object.entries(columns)) {
    await db.query(`update reference.symbols set ${column} = $1`, [value])
  }
}

/** Those that are met with the same settings share a market: each leaves it as it was. */
const settings = [...new Set(refusals.map(([, , more]) => JSON.stringify(more?.symbol ?? {})))]

for (const symbol of settings) {
  marketTest(`nothing but its own row: every refusal with ${symbol}`, plan, async (t, market) => {
    await market.run(standing)
    await setSymbol(market, JSON.parse(symbol))
    const before = await market.hash('bob')
    const funds = await market.balances('bob')

    for (const [code, orders, more] of refusals) {
      if (JSON.stringify(more?.symbol ?? {}) !== symbol) continue
      const answers = await market.run(orders)

      const codes = answers.map(answer => answer.error_code ?? answer.reject_code)
      t.ok(codes.includes(code), `${codes.join()} of ${JSON.stringify(orders)}`)
      t.equal(await market.hash('bob'), before, `${code}: others see nothing of it`)
      t.same(await market.balances('bob'), funds)
    }
    const [row] = await market.db.query(
      "select count(*)::int as trades from matching.events where kind = 'TRADE'",
    )
    t.equal(row?.trades, 1, 'no trade')
  })
}

marketTest('nothing at all: what a command on an order refuses', plan, async (t, market) => {
  await market.run(standing)
  const before = await market.hash()
  const events = await market.events()
  const mine = { client_id: 'bob', client_order_id: 'mine' }
  const others = { client_id: 'bob', client_order_id: 'carols' }

  const answers = await market.run([
    command({ op: 'CANCEL', ...others }),
    command({ op: 'AMEND', ...others, price: '99' }),
    command({ op: 'AMEND', ...mine }),
    command({ op: 'AMEND', ...mine, price: '98.001' }),
    command({ op: 'AMEND', ...mine, quantity: '500' }),
    { ...command({ op: 'CANCEL', ...mine }), deadline: past },
  ])

  t.same(
    answers.map(answer => answer.error_code),
    [
      ...['UNKNOWN_ORDER', 'UNKNOWN_ORDER', 'NOTHING_TO_AMEND', 'PRICE_TICK'],
      ...['INSUFFICIENT_FUNDS', 'EXPIRED_REQUEST'],
    ],
  )
  t.equal(await market.hash(), before)
  t.same(await market.events(), events)
})

marketTest('[MAT-042] but prevented matches, which are announced', plan, async (t, market) => {
  await market.run([...standing, sell('bob', '1', '100.5', { client_order_id: 'own' })])

  await market.run([
    buy('bob', '2', '101', { client_order_id: 'both', stp: 'CANCEL_BOTH', time_in_force: 'IOC' }),
  ])

  t.match((await market.events()).slice(-2), [
    'PREVENTED both 2 at 100.5 own CANCEL_BOTH',
    'CANCELLED both 0 at 101 STP_TAKER',
  ])
})
