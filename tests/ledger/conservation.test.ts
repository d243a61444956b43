import t from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { audit, createMarket, execute, fund, type Queryable, settle } from '../helpers/market.ts'
import { createFlow } from '../helpers/random-flow.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'

const traders = ['alice', 'bob', 'carol', 'dave']
const symbols = {
  'BTC-USD': {},
  'ETH-USD': { maker_rate: '-0.0005' },
  'ETH-BTC': { tick: '0.0001' },
}

/** By asset: what participants and the house have together, and what is on all accounts. */
const sums = async (db: Queryable) =>
  db.query(`
    select s.asset, trim_scale(sum(a.posted) filter (where p.kind <> 'EXTERNAL'))::text as here,
      trim_scale(sum(a.posted))::text as everywhere
    from ledger.accounts as a
    join reference.participants as p using (participant_id)
    join reference.assets as s using (asset_id)
    group by s.asset order by s.asset`)

t.test(`whatever is traded and settled, each asset keeps its sum (seed ${seed})`, async t => {
  const random = randomNumbers()
  const db = await testDatabase(t)
  await createMarket(db, { symbols, traders: Object.fromEntries(traders.map(name => [name, {}])) })
  for (const trader of traders) {
    for (const asset of ['BTC', 'ETH', 'USD']) await fund(db, trader, asset, '250.5')
  }
  await fund(db, 'house', 'USD', '10')
  const deposited = [
    { asset: 'BTC', here: '1002', everywhere: '0' },
    { asset: 'ETH', here: '1002', everywhere: '0' },
    { asset: 'USD', here: '1012', everywhere: '0' },
  ]
  const flows = Object.keys(symbols).map((symbol, n) => ({
    symbol,
    next: createFlow({ random, traders, middle: 100, tickDecimals: 2, name: `flow${n}` }),
  }))

  for (let round = 0; round < 12; round++) {
    for (const { symbol, next } of flows) {
      await execute(db, symbol, next(1 + Math.floor(random() * 40)))
    }
    if (random() < 0.5) await settle(db, { limit: 1 + Math.floor(random() * 60) })
    t.strictSame(await sums(db), deposited)
  }
  while ((await settle(db)).claimed > 0);

  t.strictSame(await sums(db), deposited)
  const [row] = await db.query('select count(*)::int from settled_instructions')
  t.ok(row?.count > 50, `${row?.count} instructions were settled`)
  t.same(await audit(db), [])
})

t.test(
  'every transfer has two entries that sum to zero; an account is the sum of its own',
  async t => {
    const db = await testDatabase(t)
    await createMarket(db, { traders: { alice: { USD: '1000' }, bob: { BTC: '10' } } })
    const next = createFlow({ random: randomNumbers(), traders: ['alice', 'bob'], middle: 100 })
    await execute(db, 'BTC-USD', next(60))
    await settle(db)

    const lines = await db.query(`
    select count(*)::int as entries, sum(amount)::text as sum from ledger.entries
    group by segment_id, journal_id, line_no, asset_id having count(*) <> 2 or sum(amount) <> 0`)
    const accounts = await db.query(`
    select participant_id, asset_id from ledger.accounts as a
    full join (select segment_id, participant_id, asset_id, sum(amount) as posted
      from ledger.entries group by 1, 2, 3) as e using (segment_id, participant_id, asset_id)
    where a.posted <> coalesce(e.posted, 0) or a.posted is null`)
    const [{ entries } = {}] = await db.query('select count(*)::int as entries from ledger.entries')

    t.same([lines, accounts], [[], []])
    const [{ transfers } = {}] = await db.query(
      'select count(*)::int as transfers from ledger.transfers',
    )
    t.ok(transfers > 10)
    t.equal(entries, 2 * transfers)
  },
)
