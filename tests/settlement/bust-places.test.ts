import t from 'tap'
import { balances, buy, execute, fund, type Queryable, sell, settle } from '../helpers/market.ts'
import { bust, bustMarket, earned, faults, monday, outcome, trade } from './bust-market.ts'

const later = '2026-03-02T10:00:00Z'
const friday = '2026-03-06T09:00:00Z'

async function nettedMarket(...args: Parameters<typeof bustMarket>) {
  const db = await bustMarket(...args)
  await db.query("select ops.create_netting_set('day', 'NET', 'MULTILATERAL', null, 1, $1)", [
    monday,
  ])
  await db.query("select ops.set_netting('BTC-USD', 'day')")
  return db
}

const close = (db: Queryable) => db.query("select ops.close_window('day', 1, $1)", [later])
const run = async (db: Queryable) =>
  (await db.query('select * from clearing.run_windows(1, $1)', [later]))[0]

/** `client asset net` of all windows. */
const nets = async (db: Queryable) =>
  (await db.query('select client_id, asset, net::text from ops.v_nets order by 1, 2')).map(
    row => `${row.client_id} ${row.asset} ${row.net}`,
  )

t.test(
  '[BST-005] what is in a window that is open or closed leaves it: nets are without it',
  async t => {
    for (const when of ['open', 'closed']) {
      const db = await nettedMarket(t)
      const kept = await trade(db, '1000', '2')
      const gone = await trade(db, '1100', '1')
      if (when === 'closed') await close(db)

      await bust(db, gone)

      if (when === 'open') await close(db)
      t.match(await run(db), { settled: 1 }, when)
      const house = 'house USD 6'
      t.same(await nets(db), [
        'alice BTC 2',
        'alice USD -2004',
        'bob BTC -2',
        'bob USD 1998',
        house,
      ])
      t.same(await outcome(db, gone), ['CANCELLED'])
      t.same(await outcome(db, kept), ['CANCELLED'])
      t.same(await balances(db, 'alice'), { BTC: '2 0 0 0', USD: '7996 0 0 0' })
      t.same(await faults(db), [])
    }
  },
)

t.test('[BST-005] a window that is left empty settles and closes', async t => {
  const db = await nettedMarket(t)
  const id = await trade(db)
  await close(db)
  await bust(db, id)
  t.match(await run(db), { settled: 0 })
  t.same(await db.query('select from clearing.windows where settled_at is null'), [])
  t.same(await faults(db), [])
})

t.test('[BST-006] what a window has settled by net is given back by itself', async t => {
  const db = await nettedMarket(t)
  await trade(db, '1000', '2')
  const id = await trade(db, '1100', '1')
  await close(db)
  t.match(await run(db), { settled: 2 })
  t.equal(await earned(db), '9.3')

  await bust(db, id)

  t.same(await outcome(db, id), ['CANCELLED', 'SETTLED'])
  t.same(await balances(db, 'alice'), { BTC: '2 0 0 0', USD: '7996 0 0 0' })
  t.equal(await earned(db), '6')
  t.same(await faults(db), [])
})

t.test(
  '[BST-005] of what is held and settled in part, the part goes back, the rest ends',
  async t => {
    const db = await bustMarket(t)
    const id = await trade(db, '1000', '1')
    await db.query("select ops.hold_settlement($1, 'SELLER', 1, $2)", [id, monday])
    await db.query("select ops.release_settlement($1, 'SELLER', 0.4, 1, $2)", [id, monday])
    await db.query("update reference.symbols set partial_unit = 0.1 where symbol = 'BTC-USD'")
    await db.query('select settlement.settle_waiting(1, $1, 100)', [monday])
    t.same(await outcome(db, id), ['PARTIALLY_SETTLED ON_HOLD_PARTY'])
    t.same(await balances(db, 'alice'), { BTC: '0.4 0 0.6 0', USD: '8998 601.2 0 601.2' })

    await bust(db, id)

    t.same(await outcome(db, id), ['CANCELLED', 'SETTLED'])
    t.same(await balances(db, 'alice'), { BTC: '0 0 0 0', USD: '10000 0 0 0' })
    t.same(await balances(db, 'bob'), { BTC: '10 0 0 0', USD: '0 0 0 0' })
    t.equal(await earned(db), '0')
    t.same(await faults(db), [])
  },
)

t.test(
  '[BST-005] what waits for its date or was given up ends, and who waited for it goes on',
  async t => {
    const db = await bustMarket(t)
    await db.query("select ops.set_settlement('BTC-USD', 2)")
    const [future, given, other] = [await trade(db), await trade(db), await trade(db)]
    await db.query(
      `update settlement.waiting_instructions set status = 'FAILED', reason = 'SYSTEM'
    where instruction_id = $1`,
      [given],
    )
    await db.query("select ops.link_settlements($1, 'AFTER', $2, 1, $3)", [other, future, monday])

    await bust(db, future)
    await bust(db, given)

    t.same(await outcome(db, future), ['CANCELLED'])
    t.same(await outcome(db, given), ['CANCELLED'])
    t.same(await db.query('select from settlement.links'), [])
    await db.query('select settlement.settle_waiting(1, $1, 100)', [friday])
    t.same(await outcome(db, other), ['SETTLED'])
    t.same(await balances(db, 'alice'), { BTC: '1 0 0 0', USD: '8998 0 0 0' })
    t.same(await faults(db), [])
  },
)

t.test('[BST-006] a house that has paid out the fees gives them back once it can', async t => {
  const db = await bustMarket(t)
  const id = await trade(db)
  await settle(db, { now: monday })
  await db.query("select api.request_withdrawal(1, 'house', 'USD', 2.5, 'w', 'ann', $1)", [monday])
  await db.query("select api.approve_withdrawal(1, 1, 'bea', $1)", [monday])

  await bust(db, id)
  t.same(await outcome(db, id), ['SETTLED', 'PENDING LACK_CASH'])
  t.same(await faults(db), [])

  await db.query("select ops.set_settlement('BTC-USD', 0)")
  await fund(db, 'house', 'USD', '2.5', monday)
  await db.query('select settlement.settle_waiting(1, $1, 100)', [monday])
  t.same(await outcome(db, id), ['SETTLED', 'SETTLED'])
  t.equal(await earned(db), '0')
  t.same(await faults(db), [])
})

t.test('[BST-002] orders, stops and the last price stay as the trade left them', async t => {
  const db = await bustMarket(t, { alice: { USD: '10000' }, bob: { BTC: '10' } })
  const stop = { type: 'STOP_LIMIT', stop_price: '1000' }
  await trade(db, '990', '0.01')
  const [, fired] = await execute(
    db,
    'BTC-USD',
    [sell('bob', '3', '1000'), buy('alice', '1', '1000', stop), buy('alice', '1', '1000')],
    { now: monday },
  )
  const query = `select order_id, status, filled_quantity, remaining_quantity, fee_amount, last_seq
    from matching.orders order by 1`
  const before = await db.query(query)
  t.match(before.find(row => row.order_id === fired?.order_id)?.status, 'FILLED')
  const book = await db.query('select * from matching.book')
  const [last] = await db.query(
    'select trade_id from matching.trades order by seq limit 1 offset 1',
  )

  await bust(db, last?.trade_id)

  t.same(await db.query(query), before)
  t.same(await db.query('select * from matching.book'), book)
  t.same(await db.query('select * from matching.stop_orders_watchlist'), [])
  t.match(
    await db.query("select last_price, trades_24h from api.tickers(1, 'BTC-USD', $1)", [monday]),
    [{ last_price: '1000', trades_24h: '2' }],
  )
  t.same(await faults(db), [])
})
