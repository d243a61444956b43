import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { noon, type Queryable } from '../helpers/market.ts'

type Options = Record<string, string | number | boolean | string[]>

const create = (db: Queryable, symbol: string, tick: string, lot: string, options: Options = {}) =>
  db.query('select * from ops.create_symbol($1, $2, $3, $4, 1, $5)', [
    symbol,
    tick,
    lot,
    JSON.stringify(options),
    noon,
  ])

/** What a refused symbol must not leave: a symbol, an asset, or a state. */
const traces = async (db: Queryable) => {
  const [row] = await db.query(`select
    (select count(*)::int from reference.symbols) as symbols,
    (select count(*)::int from reference.assets) as assets,
    (select count(*)::int from matching.symbol_state) as states`)
  return row
}

const database = async (t: Test): Promise<TestDatabase> => {
  const db = await testDatabase(t)
  await create(db, 'BTC-USD', '0.01', '0.00001')
  return db
}

t.test('create_symbol() lists a symbol, with its assets, tradable at once', async t => {
  const db = await testDatabase(t)

  const [row] = await create(db, 'btc-usd', '0.01', '0.00001', { quote_decimals: '7' })

  t.match(row, {
    symbol_id: 1,
    segment_id: 1,
    symbol: 'BTC-USD',
    status: 'ACTIVE',
    tick_size: '0.01',
    lot_size: '0.00001',
    min_quantity: '0.00001',
    max_quantity: null,
    min_notional: '0',
    max_notional: null,
    protection_rate: '0.05',
    protection_ticks: 10,
    maker_rate: '0.001',
    taker_rate: '0.002',
    base_decimals: 8,
    quote_decimals: 7,
  })
  t.strictSame(await traces(db), { symbols: 1, assets: 2, states: 1 })
})

t.test('what the options do not say is what is usual', async t => {
  const db = await testDatabase(t)
  const [row] = await create(db, 'BTC-USD', '0.01', '0.00001')

  t.match(row, {
    default_stp: 'CANCEL_TAKER',
    allowed_stps: '{NONE,CANCEL_TAKER,CANCEL_MAKER,CANCEL_BOTH,DECREMENT}',
    protection_rests: false,
    collar_rate: null,
    max_open_orders: null,
    max_position: null,
    max_iceberg_parts: 100,
    min_trailing_bips: 1,
    max_trailing_bips: 5000,
    max_cascade: 100,
    band_rate: null,
    band_action: 'AUCTION',
    accept_when_closed: true,
    auction_extension_rate: null,
    auction_max_extensions: 1,
  })
})

t.test('an asset keeps the decimals that it was made with', async t => {
  const db = await database(t)

  const [row] = await create(db, 'USD-JPY', '0.01', '1', {
    base_decimals: '2',
    quote_decimals: '3',
  })

  t.match(row, { base_decimals: 8, quote_decimals: 3 }, 'USD was there already')
})

t.test('a symbol is listed once, whatever the case of its letters', async t => {
  const db = await database(t)
  const before = await traces(db)

  const again = create(db, 'btc-USD', '1', '1')

  await t.rejects(again, { code: 'STSYM', hint: 'SYMBOL_EXISTS', column: 'symbol' })
  t.strictSame(await traces(db), before)
})

t.test('a name is base, dash, quote', async t => {
  const db = await database(t)
  const before = await traces(db)

  const names = [
    'BTC',
    'BTC-',
    '-USD',
    'BTC/USD',
    'A-B-C',
    'BTC-USD;',
    'BTC USD',
    '',
    'ABCDEFGHIJKLMNOPQ-USD',
  ]
  for (const name of names) {
    await t.rejects(create(db, name, '1', '1'), { code: 'IVSYM', hint: 'BAD_SYMBOL' }, name)
  }
  await t.rejects(create(db, 'USD-USD', '1', '1'), { code: 'IVSYM', message: /base_is_not_quote/ })
  t.strictSame(await traces(db), before)
})

t.test('an option takes the words that it knows', async t => {
  const db = await testDatabase(t)

  const listing = create(db, 'ETH-USD', '0.01', '0.00001', { band_action: 'HALT' })

  await t.rejects(listing, { code: '22P02' })
})

const wrong: [why: string, rule: RegExp, tick: string, lot: string, options?: Options][] = [
  ['tick x lot is no multiple of the quote unit', /notional_is_exact/, '0.0001', '0.00001'],
  ['nor with a unit of 1', /notional_is_exact/, '0.1', '1', { quote_decimals: '0' }],
  ['a lot below the base unit', /lot_is_a_multiple/, '1', '0.000000001'],
  ['a tick of zero', /price_is_positive/, '0', '1'],
  ['a negative tick', /price_is_positive/, '-1', '1'],
  ['a tick that is no number', /price_|notional_is_exact/, 'NaN', '1'],
  ['a tick without bound', /price_|notional_is_exact/, 'Infinity', '1'],
  ['a lot of zero', /lot_size_is_positive/, '1', '0'],
  ['a negative lot', /quantity_not_negative/, '1', '-1'],
  ['a lot that is no number', /quantity_|lot_is/, '1', 'NaN'],
  ['a negative least notional', /min_notional_not_negative/, '1', '1', { min_notional: '-1' }],
  ['a least notional that is no number', /min_notional/, '1', '1', { min_notional: 'NaN' }],
  ['a greatest notional of zero', /max_notional_is_positive/, '1', '1', { max_notional: '0' }],
  [
    'a greatest notional below the least',
    /max_notional_not_under/,
    '1',
    '1',
    { min_notional: '10', max_notional: '9' },
  ],
  [
    'a greatest quantity below the least',
    /max_quantity_not_under/,
    '1',
    '2',
    { max_quantity: '1' },
  ],
  ['rebates beyond the fees', /fees_fit/, '1', '1', { maker_rate: '-0.003', taker_rate: '0.002' }],
  ['a fee of all there is', /rate_between/, '1', '1', { taker_rate: '1' }],
  ['a rate that is no number', /rate_between/, '1', '1', { taker_rate: 'NaN' }],
  ['a negative protection', /protection_rate_not/, '1', '1', { protection_rate: '-0.1' }],
  ['negative ticks of protection', /protection_ticks_not/, '1', '1', { protection_ticks: '-1' }],
  ['a default that is not allowed', /default_stp_is/, '1', '1', { allowed_stps: ['NONE'] }],
  ['a collar of nothing', /collar_rate_is/, '1', '1', { collar_rate: '0' }],
  ['a collar of all there is', /rate_between/, '1', '1', { collar_rate: '1' }],
  ['no open orders', /max_open_orders_is/, '1', '1', { max_open_orders: 0 }],
  ['a position of nothing', /max_position_is/, '1', '1', { max_position: '0' }],
  ['a position without bound', /max_position_is/, '1', '1', { max_position: 'Infinity' }],
  ['an iceberg of one part', /max_iceberg_parts/, '1', '1', { max_iceberg_parts: 1 }],
  ['trailing by nothing', /min_trailing_bips/, '1', '1', { min_trailing_bips: 0 }],
  ['trailing by all there is', /max_trailing_bips/, '1', '1', { max_trailing_bips: 10000 }],
  [
    'a range of trailing that is empty',
    /trailing_bips_are/,
    '1',
    '1',
    { min_trailing_bips: 9, max_trailing_bips: 8 },
  ],
  ['a cascade of nothing', /max_cascade_is/, '1', '1', { max_cascade: 0 }],
  ['a band of nothing', /band_rate_is/, '1', '1', { band_rate: '0' }],
  ['a call that ends before it does', /auction_random/, '1', '1', { auction_random: '-1 s' }],
  ['an asset of 19 decimals', /decimals_between/, '1', '1', { quote_decimals: '19' }],
]

t.test('a symbol that breaks a rule of trading is refused, and leaves nothing', async t => {
  const db = await database(t)
  const before = await traces(db)

  for (const [why, rule, tick, lot, options] of wrong) {
    const refused = { code: 'IVSYM', message: rule, hint: 'BAD_SYMBOL' }
    await t.rejects(create(db, 'NEW-FIAT', tick, lot, options), refused, why)
  }
  t.strictSame(await traces(db), before)
  await t.resolves(create(db, 'NEW-FIAT', '0.1', '0.1', { min_notional: '9', max_notional: '9' }))
})

t.test('of two who list the same symbol at once, one does', async t => {
  const db = await testDatabase(t)

  const listings = await Promise.allSettled(
    Array.from({ length: 8 }, () => create(db, 'BTC-USD', '0.01', '0.001')),
  )

  const codes = listings.map(one => (one.status === 'rejected' ? one.reason.code : 'listed')).sort()
  t.strictSame(codes, [...Array(7).fill('STSYM'), 'listed'])
  t.strictSame(await traces(db), { symbols: 1, assets: 2, states: 1 })
})
