import type pg from 'pg'
import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { playMarket } from '../helpers/full-market.ts'
import { audit, buy, noon, type Queryable, sell, type TestCommand } from '../helpers/market.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'
import { type Market, marketTest, symbol } from './market-test.ts'

/** From 1,000 on the half, from 3,000 on nothing for makers and a tenth for takers. */
const tiers = '{{0, 0.001, 0.002}, {1000, 0.0005, 0.001}, {3000, 0, 0.0002}}'

async function setTiers({ db }: { db: TestDatabase }, now: string, client: string | null = null) {
  await db.query('select ops.set_fee_tiers($1, null, $2, p_now => $3)', [tiers, client, now])
}

/** What was charged, trade by trade: the rates of maker and taker. */
async function rates({ db }: Market): Promise<string[]> {
  const rows = await db.query<{ line: string }>(
    `select concat(min(rate) filter (where liquidity = 'MAKER'), ' ',
      min(rate) filter (where liquidity = 'TAKER')) as line
    from ops.v_trade_fees group by trade_id order by trade_id`,
  )
  return rows.map(row => row.line)
}

/** What a participant is shown: its rates, its volume and where the next tier begins. */
async function shown({ db }: { db: TestDatabase }, client: string, at: string) {
  const [row] = await db.query<{ line: string }>(
    `select concat_ws(' ', maker_rate, taker_rate, coalesce(volume_30d::text, '-'),
      coalesce(next_volume::text, '-')) as line
    from ops.show_fees($1, 1, $2) where symbol = $3`,
    [client, at, symbol],
  )
  return row?.line
}

async function isReplayed(t: Test, { db }: { db: TestDatabase }): Promise<void> {
  t.same(await db.query('select * from ops.verify_replay($1)', [symbol]), [], 'replayed')
}

const trade = (quantity: string, seller = 'alice', buyer = 'bob'): TestCommand[] => [
  sell(seller, quantity, '100'),
  buy(buyer, quantity, '100'),
]
const day = (n: number, time = '12:00:00') => {
  const date = new Date(Date.parse('2026-03-02T00:00:00Z') + n * 86_400_000)
  return `${date.toISOString().slice(0, 10)}T${time}Z`
}
const soon = '2026-03-02T12:00:01Z'

marketTest('[LED-042] what crosses a limit is charged at the old tier', {}, async (t, market) => {
  await setTiers(market, noon)
  await market.run(
    ['6', '6', '1', '30', '1'].flatMap(size => trade(size)),
    soon,
  )

  t.same(await rates(market), [
    '0.001 0.002', // 600
    '0.001 0.002', // 1,200: this one crosses 1,000
    '0.0005 0.001', // 1,300
    '0.0005 0.001', // 4,300: crosses 3,000
    '0 0.0002',
  ])
  t.equal(await shown(market, 'alice', soon), '0 0.0002 4400 -')
  t.equal(await shown(market, 'carol', soon), '0.001 0.002 0 1000')
  await isReplayed(t, market)
})

marketTest('[LED-042] from exactly its limit on a tier holds', {}, async (t, market) => {
  await setTiers(market, noon)
  await market.run([...trade('9.999'), ...trade('0.001'), ...trade('1')], soon)

  t.same(await rates(market), ['0.001 0.002', '0.001 0.002', '0.0005 0.001'])
})

marketTest('[LED-042] all of one command is charged alike', {}, async (t, market) => {
  await setTiers(market, noon)
  const asks = [sell('alice', '6', '100'), sell('alice', '6', '100'), sell('alice', '6', '100')]
  await market.run([...asks, buy('bob', '18', '100'), ...trade('1')], soon)

  t.same((await rates(market)).at(-1), '0.0005 0.001')
  t.same(new Set((await rates(market)).slice(0, 3)), new Set(['0.001 0.002']))
})

marketTest('[LED-042] each counts its own trades, as maker and taker', {}, async (t, market) => {
  await setTiers(market, noon)
  await market.run([...trade('12', 'alice', 'bob'), ...trade('1', 'carol', 'alice')], soon)
  await market.run([...trade('1', 'alice', 'dave'), ...trade('1', 'carol', 'bob')], soon)

  t.same(await rates(market), ['0.001 0.002', '0.001 0.001', '0.0005 0.002', '0.001 0.001'])
})

marketTest('[LED-042] tiers count what was traded before they were set', {}, async (t, market) => {
  await market.run(trade('20'), noon)
  await setTiers(market, noon, 'bob')
  t.equal(await shown(market, 'bob', soon), '0.0005 0.001 2000 3000')
  await market.run(trade('1'), soon)

  t.same((await rates(market)).at(-1), '0.001 0.001', 'for bob only')
  t.equal(await shown(market, 'alice', soon), '0.001 0.002 - -', 'who has no tiers')
  await isReplayed(t, market)
})

marketTest('[LED-042] 30 days count, with that of the trade', {}, async (t, market) => {
  const { db } = market
  for (const n of [0, 29, 30]) await db.query('select ops.maintain_partitions($1)', [day(n)])
  await setTiers(market, day(0, '00:00:00'))
  await market.run(trade('12'), day(0, '00:00:01'))
  await market.run(trade('1'), day(29, '23:59:59.999999'))
  await market.run(trade('1'), day(30, '00:00:00'))

  t.same(await rates(market), ['0.001 0.002', '0.0005 0.001', '0.001 0.002'])
  t.equal(await shown(market, 'bob', day(29, '23:59:59')), '0.0005 0.001 1300 3000')
  t.equal(await shown(market, 'bob', day(30)), '0.001 0.002 200 1000')
  await isReplayed(t, market)
})

marketTest('[LED-042] a call charges by the volume before it', {}, async (t, market) => {
  const { db } = market
  await setTiers(market, noon)
  await market.run(trade('9'), soon)
  const phase = (name: string, at: string) =>
    db.query('select ops.set_phase($1, $2, p_now => $3)', [symbol, name, at])
  await phase('CALL', '2026-03-02T12:00:02Z')
  const one = buy('bob', '1', '100')
  for (const command of [sell('alice', '2', '100'), one, one]) {
    await market.run([command], '2026-03-02T12:00:03Z')
  }
  await phase('CONTINUOUS', '2026-03-02T12:00:04Z')
  await market.run(trade('1'), '2026-03-02T12:00:05Z')

  t.same(await rates(market), ['0.001 0.002', '0.001 0.002', '0.001 0.002', '0.0005 0.001'])
  await isReplayed(t, market)
})

/** Busts a trade, or corrects its price, on the word of two. */
async function bust({ db }: Market, n: number, now: string, price: string | null = null) {
  const [row] = await db.query(
    `select ops.${price === null ? 'bust_trade' : 'correct_trade'}(
      t.trade_id, ${price === null ? '' : `${price}, `}'why', 'ann', 1, $2) as id
    from (select * from matching.trades order by seq limit 1 offset $1) as t`,
    [n, now],
  )
  await db.query("select ops.approve_bust($1, 'bea', 1, $2)", [row?.id, now])
}

for (const [when, first] of [
  ['after it was summed up', trade('0.1')],
  ['before it was summed up', []],
] as const) {
  marketTest(`[BST-004] tiers leave out what is busted ${when}`, {}, async (t, market) => {
    await setTiers(market, noon)
    await market.run(trade('12'), soon)
    for (const command of first) await market.run([command], soon)
    await bust(market, 0, soon)
    t.match(await shown(market, 'bob', soon), /^0.001 0.002 (0|10) 1000$/)
    await market.run(trade('8'), '2026-03-02T12:00:02Z')
    t.equal((await rates(market)).at(-1), '0.001 0.002')

    await bust(market, first.length / 2 + 1, '2026-03-02T12:00:03Z', '150')
    t.match(await shown(market, 'bob', soon), /^0.0005 0.001 (1200|1210) 3000$/)
    await market.run(trade('1'), '2026-03-02T12:00:04Z')
    t.equal((await rates(market)).at(-1), '0.0005 0.001')
    await isReplayed(t, market)
  })
}

/** Sets or takes back fees of somebody, somewhere, for soon. */
async function changeFees(db: Queryable, random: () => number, now: unknown): Promise<void> {
  const pick = (values: (string | null)[]) => values[Math.floor(random() * values.length)] ?? null
  const maker = pick(['-0.001', '0', '0.0007', '0.003', '0.01'])
  const values = [
    pick([
      `{{0, ${maker}, 0.002}}`,
      `{{0, ${maker}, 0.01}, {40, 0, 0.004}, {90, 0, 0.001}}`,
      null,
    ]) ?? '{}',
    pick([symbol, 'ETH-USD', null]),
    pick(['alice', 'bob', 'carol', null]),
    Math.floor(random() * 4),
    now,
  ]
  const text = `select ops.set_fee_tiers($1, $2, $3,
    p_from => $5::timestamptz + $4 * interval '1 second', p_now => $5)`
  await db.query(text, values)
}

t.test(`[LED-042] fees of a market in which all happens (seed ${seed})`, async t => {
  const db = await testDatabase(t)
  const random = randomNumbers()
  const market: Queryable = {
    async query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]) {
      const rows = await db.query<Row>(text, values)
      const now = values?.[1]
      if (/execute_commands/.test(text) && random() < 0.1) await changeFees(db, random, now)
      return rows
    },
  }

  await playMarket(market, 150)

  t.same(await audit(db), [])
  await isReplayed(t, { db })
  const [row] = await db.query(`select count(*)::int as trades,
    count(distinct (taker_fee_id, maker_fee_id))::int as pairs
    from matching.trades`)
  t.ok(row?.pairs > 5, `${row?.pairs} pairs of rows in ${row?.trades} trades`)
})
