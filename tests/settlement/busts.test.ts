import t from 'tap'
import { balances, execute, fund, sell, settle } from '../helpers/market.ts'
import { bust, bustMarket, earned, faults, funds, monday, outcome, trade } from './bust-market.ts'

t.test('[BST-005] what is not settled is cancelled, and its holds end', async t => {
  const db = await bustMarket(t)
  const id = await trade(db)
  t.same(await balances(db, 'alice'), { BTC: '0 0 1 0', USD: '8998 1002 0 1002' })

  t.equal(await bust(db, id), '', 'nothing takes its place')

  t.same(await balances(db, 'alice'), { BTC: '0 0 0 0', USD: '10000 0 0 0' })
  t.same(await balances(db, 'bob'), { BTC: '10 0 0 0', USD: '0 0 0 0' })
  t.same(await outcome(db, id), ['CANCELLED'])
  t.match(await settle(db, { now: monday }), { claimed: 0 })
  t.same(await faults(db), [])
})

t.test(
  '[BST-006] what is settled is given back by a journal that names it, and the fees',
  async t => {
    const db = await bustMarket(t)
    const id = await trade(db)
    await settle(db, { now: monday })
    t.equal(await earned(db), '3')
    t.same(await balances(db, 'bob'), { BTC: '9 0 0 0', USD: '999 0 0 0' })

    await bust(db, id)

    t.equal(await earned(db), '0')
    t.same(await balances(db, 'alice'), { BTC: '0 0 0 0', USD: '10000 0 0 0' })
    t.same(await balances(db, 'bob'), { BTC: '10 0 0 0', USD: '0 0 0 0' })
    t.same(await outcome(db, id), ['SETTLED', 'SETTLED'])
    const moved = await db.query(
      `select j.kind as journal, t.kind, t.instruction_id, count(*)::int as transfers
    from ledger.journals as j join ledger.transfers as t using (journal_id)
    where t.instruction_id = $1 group by 1, 2, 3 order by 1, 2`,
      [id],
    )
    t.same(
      moved.map(row => `${row.journal} ${row.kind} ${row.transfers}`),
      [
        ...['DELIVERY', 'PAYMENT', 'BUYER_FEE', 'SELLER_FEE'].map(kind => `SETTLEMENT ${kind} 1`),
        'BUST REVERSAL 4',
      ],
    )
    t.same(await faults(db), [])
  },
)

t.test('[BST-006] a rebate goes back to the house', async t => {
  const db = await bustMarket(t, funds, { maker_rate: '-0.0005', taker_rate: '0.002' })
  const id = await trade(db)
  await settle(db, { now: monday })
  t.equal(await earned(db), '1.5')
  t.same(await balances(db, 'bob'), { BTC: '9 0 0 0', USD: '1000.5 0 0 0' })

  await bust(db, id)

  t.equal(await earned(db), '0')
  t.same(await balances(db, 'bob'), { BTC: '10 0 0 0', USD: '0 0 0 0' })
  t.same(await faults(db), [])
})

t.test('[BST-006] who lacks what is to be given back never goes below zero: it waits', async t => {
  const db = await bustMarket(t, { ...funds, carl: {} })
  const id = await trade(db)
  await settle(db, { now: monday })
  await execute(db, 'BTC-USD', [sell('alice', '0.4', '900')], { now: monday })

  await bust(db, id)

  t.same(await outcome(db, id), ['SETTLED', 'PENDING LACK_ASSET'])
  t.same(await balances(db, 'alice'), { BTC: '0.6 0.4 0 0', USD: '8998 0 0 0' })
  t.equal(await earned(db), '3', 'all or nothing')
  t.same(await faults(db), [])
  await t.rejects(db.query("select ops.cancel_settlement(1, 'both', 'olga')"), { code: 'STTRD' })

  await fund(db, 'alice', 'BTC', '0.4', monday)
  await db.query('select settlement.settle_waiting(1, $1, 100)', [monday])

  t.same(await outcome(db, id), ['SETTLED', 'SETTLED'])
  t.same(await balances(db, 'alice'), { BTC: '0 0.4 0 0', USD: '10000 0 0 0' })
  t.equal(await earned(db), '0')
  t.same(await faults(db), [])
})
