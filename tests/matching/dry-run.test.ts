import { buy, command, noon, sell, type TestCommand } from '../helpers/market.ts'
import { type Market, marketTest, symbol } from './market-test.ts'

const test = ({ db }: Market, commands: TestCommand[]) =>
  db.query('select * from api.test_commands(1, $1, $2, $3)', [
    symbol,
    noon,
    JSON.stringify(commands),
  ])

/** Of every table of the database that has rows. */
async function checksum({ db }: Market): Promise<string> {
  const tables = await db.query<{ name: string }>(`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname in ('reference', 'ledger', 'settlement', 'clearing', 'matching')`)
  const sums: string[] = []
  for (const { name } of tables) {
    const text = `select md5(coalesce(string_agg(r::text, '|' order by r::text), '')) as sum`
    const [row] = await db.query<{ sum: string }>(`${text} from ${name} as r`)
    sums.push(`${name} ${row?.sum}`)
  }
  return sums.join('\n')
}

const market_ = { type: 'MARKET', price: null, time_in_force: 'IOC' }
const orders: [what: string, order: TestCommand][] = [
  ['a limit order', buy('bob', '3', '101')],
  ['one that rests', buy('bob', '3', '90')],
  ['a market order', buy('bob', '1.5', '', market_)],
  ['a quote-sized one', buy('bob', '', '', { ...market_, quantity: null, quote_quantity: '150' })],
  ['fill or kill', buy('bob', '99', '101', { time_in_force: 'FOK' })],
  ['an iceberg', sell('bob', '5', '120', { display_quantity: '1' })],
  ['a stop order', sell('bob', '5', '80', { type: 'STOP_LIMIT', stop_price: '81' })],
  ['self-trade prevention', sell('alice', '1', '95', { stp: 'DECREMENT' })],
  ['one that fires others', buy('bob', '2', '101')],
  ['one that is refused', buy('bob', '1', '100', { post_only: true })],
  ['one off the tick', buy('bob', '1', '100.001')],
  ['one with keys', buy('bob', '1', '100', { client_order_id: 'k', idempotency_key: 'k' })],
]

for (const [what, order] of orders) {
  marketTest(
    `[MAT-056] ${what}: it answers as it would, and does nothing`,
    {},
    async (t, market) => {
      await market.run([
        sell('alice', '1', '100', { client_order_id: 'a' }),
        sell('alice', '1', '101', { client_order_id: 'b' }),
        buy('alice', '1', '95', { client_order_id: 'c' }),
        buy('dave', '1', '', { ...market_, type: 'STOP', stop_price: '100.5' }),
      ])
      const before = await checksum(market)

      const [tried] = await test(market, [order])
      t.equal(await checksum(market), before, 'nothing has changed')
      const [done] = await market.run([order])

      const { hold_amount, hold_asset, prevented, ...answer } = tried ?? {}
      t.strictSame(answer, { ...done }, 'the same to the byte')
      const [held] = await market.db.query(
        `select trim_scale(sum(h.amount)) as amount, min(s.asset) as asset from ops.v_holds as h
      join reference.assets as s using (asset_id) where h.cause <> 'SETTLEMENT' and h.cause_id = $1`,
        [done?.order_id],
      )
      t.equal(hold_amount, held?.amount ?? '0')
      if (held?.asset) t.equal(hold_asset, held.asset)
      if (what === 'self-trade prevention') {
        const match = { stp: 'DECREMENT', price: '95', taker_quantity: '1', maker_quantity: '1' }
        t.match(prevented, [match])
      }
    },
  )
}

marketTest('[MAT-056] several commands are tried as one batch', {}, async (t, market) => {
  const tried = await test(market, [
    sell('alice', '1', '100', { client_order_id: 'a' }),
    buy('bob', '1', '100'),
    command({ op: 'CANCEL', client_id: 'alice', client_order_id: 'a' }),
  ])

  t.match(tried, [{ status: 'OPEN' }, { status: 'FILLED' }, { error_code: 'ORDER_FILLED' }])
  t.same(await market.events(), [])
})
