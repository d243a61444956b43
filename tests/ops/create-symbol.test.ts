import t from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { noon, type Queryable } from '../helpers/market.ts'

/** Each option, not as it is usual, as a row of reference.symbols tells it as JSON. */
const options = {
  min_quantity: 0.1,
  max_quantity: 50,
  min_notional: 1,
  max_notional: 100000,
  protection_rate: 0.07,
  protection_ticks: 3,
  maker_rate: -0.0001,
  taker_rate: 0.0005,
  default_stp: 'DECREMENT',
  allowed_stps: ['DECREMENT', 'CANCEL_BOTH'],
  protection_rests: true,
  collar_rate: 0.1,
  max_open_orders: 200,
  max_position: 1000.5,
  max_iceberg_parts: 50,
  min_trailing_bips: 10,
  max_trailing_bips: 2000,
  max_cascade: 7,
  band_rate: 0.05,
  band_action: 'EXPIRE',
  accept_when_closed: false,
  auction_random: '00:00:30',
  auction_extension_rate: 0.02,
  auction_extension_time: '00:03:00',
  auction_max_extensions: 4,
  cancel_lock_time: '00:00:10',
  band_auction_time: '00:01:00',
  settlement_days: 2,
  partial_unit: 5,
  partial_minimum: 10,
}

/** What is no option: what the symbol is, and what other calls set. Not what it is here. */
const others = {
  symbol_id: 77,
  segment_id: 2,
  symbol: 'ETH-EUR',
  base_asset_id: 77,
  quote_asset_id: 78,
  tick_size: 0.05,
  lot_size: 0.07,
  created_at: '2020-01-01T00:00:00+00:00',
  status: 'HALTED',
  status_reason: 'an option',
  calendar_id: 1,
  group_id: 1,
  settlement_calendar_id: 1,
  netting_set: 'day',
}
/** Options, but of the assets: when these are new, the symbol has their decimals. */
const ofAssets = { base_decimals: 6, quote_decimals: 7 }

async function create(db: Queryable, given: object): Promise<Record<string, unknown>> {
  const [row] = await db.query<{ symbol: Record<string, unknown> }>(
    `select to_jsonb(s) as symbol
     from ops.create_symbol('BTC-USD', 0.01, 0.001, $1, p_now => $2) as s`,
    [JSON.stringify(given), noon],
  )
  return row?.symbol ?? {}
}

t.test('create_symbol() can set each column that is an option', async t => {
  const db = await testDatabase(t)

  const symbol = await create(db, { ...options, ...ofAssets })

  t.match(symbol, { ...options, ...ofAssets })
  const known = Object.keys({ ...options, ...others, ...ofAssets }).sort()
  t.strictSame(Object.keys(symbol).sort(), known, 'a new column is an option, or is not')
})

t.test('create_symbol() sets no other column by an option', async t => {
  const usual = await create(await testDatabase(t), {})
  for (const [name, value] of Object.entries(options)) t.notMatch(usual, { [name]: value }, name)

  t.strictSame(await create(await testDatabase(t), others), usual)
})
