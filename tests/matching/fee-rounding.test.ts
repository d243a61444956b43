import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { audit, buy, createMarket, execute, noon, sell, settle } from '../helpers/market.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'

const soon = '2026-03-02T12:00:01Z'

/** Whole coins at whole cents: what a coin costs in fees is less than a cent. */
async function market(t: Test, makerRate: string, takerRate: string): Promise<TestDatabase> {
  const db = await testDatabase(t)
  const funds = { USD: '1000000', BTC: '1000000' }
  const size = { tick: '0.01', lot: '1', quote_decimals: '2' }
  await createMarket(db, {
    symbols: { 'BTC-USD': { ...size, maker_rate: '0.003', taker_rate: '0.003' } },
    traders: { alice: funds, bob: funds },
  })
  await db.query('select ops.set_fees($1, $2, p_now => $3)', [makerRate, takerRate, noon])
  return db
}

/** What alice is charged for 1,000 coins as bob trades them, in pieces of so many. */
async function feeOf(t: Test, side: string, isMaker: boolean, rate: string, pieces: number) {
  const db = await market(t, isMaker ? rate : '0.003', isMaker ? '0.003' : rate)
  const [hers, his] = side === 'BUY' ? [buy, sell] : [sell, buy]
  const order = hers('alice', '1000', '1.37', { client_order_id: 'whole' })
  const parts = Array.from({ length: pieces }, () => his('bob', String(1000 / pieces), '1.37'))
  await execute(db, 'BTC-USD', isMaker ? [order, ...parts] : [...parts, order], { now: soon })
  while ((await settle(db, { now: soon })).claimed > 0);

  const [row] = await db.query(`select trim_scale(o.fee_amount)::text as fee,
      (select count(*)::int from matching.trades) as trades,
      (select trim_scale(sum(f.fee))::text from v_trade_fees as f) as charged,
      (select trim_scale(sum(v.amount))::text from v_fees as v) as earned,
      (select trim_scale(a.posted)::text from ledger.accounts as a
        join reference.participants as p using (participant_id)
        where p.kind = 'HOUSE' and a.posted <> 0) as house
    from matching.orders as o where o.client_order_id = 'whole'`)
  t.equal(row?.trades, pieces)
  t.equal(row?.earned, row?.charged, 'the sum of all fees is what the house earned')
  t.equal(row?.house, row?.charged, 'and has')
  t.same(await audit(db), [])
  return row?.fee
}

// 1.37 x 1,000 = 1,370.00; a coin alone costs 0.001 x 1.37 = 0.00137, rounded up a cent.
const worked: [rate: string, fee: string, why: string][] = [
  ['0.001', '1.37', 'exactly 1.37'],
  ['0.00123', '1.69', '1.6851 rounded up; 1,000 cents by the piece would be 10'],
  ['-0.001', '-1.37', 'a rebate of exactly 1.37'],
  ['-0.00123', '-1.68', 'a rebate of 1.6851 rounded down in its size'],
  ['0', '0', 'nothing'],
]

for (const side of ['BUY', 'SELL']) {
  for (const isMaker of [true, false]) {
    const role = isMaker ? 'maker' : 'taker'
    t.test(`[LED-044] a ${role}'s ${side} in 1,000 pieces costs as in one`, async t => {
      for (const [rate, fee, why] of worked) {
        t.equal(await feeOf(t, side, isMaker, rate, 1), fee, `in one at ${rate}: ${why}`)
        t.equal(await feeOf(t, side, isMaker, rate, 1000), fee, `in 1,000 at ${rate}`)
      }
    })
  }
}

t.test('[LED-044] each fill is charged what all of them come to by then', async t => {
  const db = await market(t, '0.0044', '0.004')
  const asks = Array.from({ length: 5 }, () => sell('bob', '1', '1.00'))
  await execute(db, 'BTC-USD', [...asks, buy('alice', '5', '1.00')], { now: soon })

  const rows = await db.query<{ fee: string }>(
    "select fee::text from v_trade_fees where liquidity = 'TAKER' order by trade_id",
  )
  // Due: 0.004, 0.008, 0.012, 0.016, 0.020; rounded up 0.01, 0.01, 0.02, 0.02, 0.02.
  t.same(
    rows.map(row => row.fee),
    ['0.01', '0', '0.01', '0', '0'],
  )
})

t.test(`[LED-044] at any prices and rates no unit is lost (seed ${seed})`, async t => {
  const db = await market(t, '0.001', '0.002')
  const random = randomNumbers()
  for (let round = 1; round <= 12; round++) {
    const now = new Date(Date.parse(soon) + round * 1000).toISOString()
    const rate = () => (random() * 0.01).toFixed(6)
    await db.query("select ops.set_fees($1, $2, p_client_id => 'alice', p_now => $3)", [
      (random() * 0.01 - 0.001).toFixed(6),
      '0.002',
      now,
    ])
    await db.query('select ops.set_fees($1, $2, p_now => $3)', [rate(), '0.0019', now])
    const orders = Array.from({ length: 60 }, () => {
      const price = (1 + Math.floor(random() * 20) / 100).toFixed(2)
      const quantity = String(1 + Math.floor(random() * 30))
      const isBuy = random() < 0.5
      return isBuy ? buy('alice', quantity, price) : sell('bob', quantity, price)
    })
    const later = new Date(Date.parse(now) + 500).toISOString()
    await execute(db, 'BTC-USD', orders, { now: later })
  }
  const late = new Date(Date.parse(soon) + 60_000).toISOString()
  while ((await settle(db, { now: late })).claimed > 0);

  t.same(await audit(db), [])
  const [row] = await db.query(`select
    (select count(*)::int from matching.trades) as trades,
    (select sum(exact_fee) from v_trade_fees) <= (select sum(fee) from v_trade_fees) as is_covered,
    (select sum(fee) from v_trade_fees) = (select sum(amount) from v_fees) as is_earned`)
  t.ok(row?.trades > 100, `${row?.trades} trades`)
  t.match(row, { is_covered: true, is_earned: true })
})
