import t from 'tap'
import { balances, fund, type Queryable, settle } from '../helpers/market.ts'
import { bust, bustMarket, earned, faults, funds, monday, outcome, trade } from './bust-market.ts'

const pass = (db: Queryable, now = monday) =>
  db.query('select settlement.settle_waiting(1, $1, 100)', [now])

t.test(
  '[BST-003] a trade that is not settled settles at the other price, with its fees',
  async t => {
    for (const price of ['900', '1100']) {
      const db = await bustMarket(t)
      const id = await trade(db)

      const other = await bust(db, id, price)

      t.same(await outcome(db, id), ['CANCELLED'])
      const [cost, fee] = price === '900' ? ['901.8', '2.7'] : ['1102.2', '3.3']
      const free = String(10000 - Number(cost))
      t.same(await balances(db, 'alice'), { BTC: '0 0 1 0', USD: `${free} ${cost} 0 ${cost}` })
      t.same(await faults(db), [])

      await settle(db, { now: monday })
      t.same(await outcome(db, other), ['SETTLED'])
      t.same(await balances(db, 'alice'), { BTC: '1 0 0 0', USD: `${free} 0 0 0` })
      t.equal(await earned(db), fee)
      t.same(await faults(db), [])
    }
  },
)

t.test('[BST-007] of a settled trade only the differences move, in one journal', async t => {
  const db = await bustMarket(t)
  const id = await trade(db)
  await settle(db, { now: monday })
  // The bitcoin are gone: they need not come back.
  await db.query("select api.request_withdrawal(1, 'alice', 'BTC', 1, 'w', 'ann', $1)", [monday])
  await db.query("select api.approve_withdrawal(1, 1, 'bea', $1)", [monday])

  const other = await bust(db, id, '1100')

  t.same(await outcome(db, id), ['SETTLED', 'SETTLED'])
  t.same(await outcome(db, other), ['SETTLED'])
  t.match(await balances(db, 'alice'), { USD: '8897.8 0 0 0' })
  t.same(await balances(db, 'bob'), { BTC: '9 0 0 0', USD: '1098.9 0 0 0' })
  t.equal(await earned(db), '3.3')
  const [journal] = await db.query(
    'select kind, transfer_count from ledger.journals order by finality_no desc limit 1',
  )
  t.same(journal, { kind: 'BUST', transfer_count: 8 })
  t.same(await faults(db), [])
})

t.test(
  '[BST-007] who cannot pay the difference is waited for, and nothing moves before',
  async t => {
    const db = await bustMarket(t, { alice: { USD: '1002' }, bob: { BTC: '1' } })
    const id = await trade(db)
    await settle(db, { now: monday })

    const other = await bust(db, id, '1100')

    t.same(await outcome(db, id), ['SETTLED', 'PENDING LINKED'])
    t.same(await outcome(db, other), ['PENDING LACK_CASH'])
    t.same(await balances(db, 'alice'), { BTC: '1 0 0 0', USD: '0 0 0 0' })
    t.same(await faults(db), [])

    await fund(db, 'alice', 'USD', '100.1', monday)
    await pass(db)
    t.same(await outcome(db, other), ['PENDING LACK_CASH'], 'a tenth is missing')
    await fund(db, 'alice', 'USD', '0.1', monday)
    await pass(db)
    t.same(await outcome(db, other), ['SETTLED'])
    t.same(await balances(db, 'alice'), { BTC: '1 0 0 0', USD: '0 0 0 0' })
    t.same(await balances(db, 'bob'), { BTC: '0 0 0 0', USD: '1098.9 0 0 0' })
    t.same(await faults(db), [])
  },
)

t.test('[BST-003] who cannot hold the higher price is waited for', async t => {
  const db = await bustMarket(t, { alice: { USD: '1002' }, bob: { BTC: '1' } })
  const id = await trade(db)

  const other = await bust(db, id, '1100')

  t.same(await balances(db, 'alice'), { BTC: '0 0 0 0', USD: '1002 0 0 0' })
  await pass(db)
  t.same(await outcome(db, other), ['PENDING LACK_CASH'])
  t.same(await faults(db), [])
  await fund(db, 'alice', 'USD', '100.2', monday)
  await pass(db)
  t.same(await outcome(db, other), ['SETTLED'])
  t.same(await balances(db, 'alice'), { BTC: '1 0 0 0', USD: '0 0 0 0' })
  t.same(await faults(db), [])
})

t.test('[BST-003] a window, a date, a hold and a link go over to what takes the place', async t => {
  const db = await bustMarket(t)
  await db.query("select ops.create_netting_set('day', 'NET', 'MULTILATERAL', null, 1, $1)", [
    monday,
  ])
  await db.query("select ops.set_netting('BTC-USD', 'day')")
  const netted = await bust(db, await trade(db), '900')
  await db.query("select ops.close_window('day', 1, $1)", [monday])
  await db.query('select clearing.run_windows(1, $1)', [monday])
  t.same(await outcome(db, netted), ['CANCELLED'])
  t.same(await balances(db, 'alice'), { BTC: '1 0 0 0', USD: '9098.2 0 0 0' })

  await db.query("select ops.set_netting('BTC-USD', null)")
  const [held, after] = [await trade(db), await trade(db)]
  await db.query("select ops.hold_settlement($1, 'BUYER', 1, $2)", [held, monday])
  await db.query("select ops.link_settlements($1, 'AFTER', $2, 1, $3)", [after, held, monday])
  const other = await bust(db, held, '900')
  await pass(db)
  t.same(await outcome(db, other), ['PENDING ON_HOLD_COUNTERPARTY'])
  t.same(await outcome(db, after), ['PENDING LINKED'])
  await db.query("select ops.release_settlement($1, 'BUYER', null, 1, $2)", [other, monday])
  await pass(db)
  await pass(db)
  t.same([await outcome(db, other), await outcome(db, after)], [['SETTLED'], ['SETTLED']])
  t.same(await faults(db), [])

  await db.query("select ops.set_settlement('BTC-USD', 2)")
  const future = await bust(db, await trade(db), '900')
  t.same(await outcome(db, future), ['PENDING FUTURE_DATE'])
  t.same(await faults(db), [])
})

t.test('[BST-003] what takes a place can be busted, and corrected, in its turn', async t => {
  const db = await bustMarket(t, funds, { maker_rate: '0.0001', taker_rate: '0.0003' })
  const first = await trade(db)
  await db.query("select ops.set_fees(0.0001, 0.01, 'BTC-USD', p_now => $1)", [monday])
  const second = await bust(db, first, '900')
  await settle(db, { now: monday })
  await settle(db, { now: monday })
  t.equal(await earned(db), '0.36', 'at the rates of the trade')
  const third = await bust(db, second, '800')
  t.equal(await earned(db), '0.32')
  t.same(await balances(db, 'bob'), { BTC: '9 0 0 0', USD: '799.92 0 0 0' })
  await bust(db, third)

  t.equal(await earned(db), '0')
  t.same(await balances(db, 'alice'), { BTC: '0 0 0 0', USD: '10000 0 0 0' })
  t.same(await balances(db, 'bob'), { BTC: '10 0 0 0', USD: '0 0 0 0' })
  t.same(await faults(db), [])
})

t.test('[BST-007] of what was settled in part nothing moves until it may move whole', async t => {
  const db = await bustMarket(t, funds, { partial_unit: '0.1' })
  const id = await trade(db)
  await db.query("select ops.hold_settlement($1, 'SELLER', 1, $2)", [id, monday])
  await db.query("select ops.release_settlement($1, 'SELLER', 0.4, 1, $2)", [id, monday])
  await pass(db)
  t.same(await balances(db, 'bob'), { BTC: '9 0.6 0 0.6', USD: '399.6 0 599.4 0' })

  const other = await bust(db, id, '900')

  t.same(await outcome(db, id), ['CANCELLED', 'PENDING LINKED'])
  t.same(await outcome(db, other), ['PENDING LINKED'])
  t.same(await balances(db, 'bob'), { BTC: '9.6 0 0 0', USD: '399.6 0 0 0' })
  t.same(await faults(db), [])

  await db.query("select ops.release_settlement($1, 'SELLER', null, 1, $2)", [other, monday])
  await pass(db)
  t.same([await outcome(db, id), await outcome(db, other)], [['CANCELLED', 'SETTLED'], ['SETTLED']])
  t.same(await balances(db, 'bob'), { BTC: '9 0 0 0', USD: '899.1 0 0 0' })
  t.same(await balances(db, 'alice'), { BTC: '1 0 0 0', USD: '9098.2 0 0 0' })
  t.equal(await earned(db), '2.7')
  t.same(await faults(db), [])
})
