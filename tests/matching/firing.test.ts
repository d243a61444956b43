import t from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { audit, buy, createMarket, execute, sell } from '../helpers/market.ts'

t.test('[MAT-050] an order that fires again while its release is in line fires once', async t => {
  const db = await testDatabase(t)
  const funds = { USD: '10000', BTC: '10' }
  await createMarket(db, { traders: { alice: funds, bob: funds, carol: funds } })
  const stop = { type: 'STOP_LIMIT', stop_price: '100' }
  await execute(db, 'BTC-USD', [
    sell('bob', '1', '100'),
    sell('bob', '1', '101'),
    sell('bob', '1', '102'),
    buy('alice', '1', '101', stop),
    buy('carol', '3', '102', stop),
  ])

  // It fires both; what alice's trades at reaches carol's a second time.
  await execute(db, 'BTC-USD', [buy('bob', '1', '100', { stp: 'NONE' })])

  const rows = await db.query(`
    select kind from matching.events where order_id = 1000000000005 order by seq`)
  t.same(
    rows.map(row => row.kind),
    ['PARKED', 'TRIGGERED', 'TRADE', 'OPENED'],
  )
  const [book] = await db.query('select remaining_quantity::int as left from matching.book')
  t.same(book, { left: 2 })
  t.same(await audit(db), [])
})

t.test('[MAT-051] a price that is put on a tick has no more decimals than the tick', async t => {
  const db = await testDatabase(t)

  // The price of a trade is the level of the next stop: they would grow from one to the next.
  const [row] = await db.query(`
    select matching.tick_inside(9.9750250001, 0.01)::text as ask,
      matching.tick_inside(-9.97000000, 0.01)::text as bid`)

  t.same(row, { ask: '9.98', bid: '-9.97' })
})
