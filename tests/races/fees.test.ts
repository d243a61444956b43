import t from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { audit, buy, createMarket, execute, sell } from '../helpers/market.ts'
import { openSession, untilBlocked } from '../helpers/session.ts'

t.test('[LED-041] a schedule waits for the trades that it must not hold for', async t => {
  const db = await testDatabase(t)
  const funds = { USD: '1000', BTC: '10' }
  await createMarket(db, { traders: { alice: funds, bob: funds } })
  const trader = await openSession(t, db.url)
  const operator = await openSession(t, db.url)
  const trade = [sell('alice', '1', '100'), buy('bob', '1', '100')]

  // A batch has begun, at a time behind the schedule's, and nobody can see it yet.
  await trader.query('begin')
  await execute(trader, 'BTC-USD', trade, { now: '2026-03-02T12:00:05Z' })
  const setting = operator.query("select ops.set_fees(0.01, 0.02, p_now => '2026-03-02T12:00:01Z')")
  await untilBlocked(db, operator.pid)
  await trader.query('commit')
  await setting
  await execute(db, 'BTC-USD', trade, { now: '2026-03-02T12:00:06Z' })

  const rows = await db.query(
    'select taker_fee_id::int as fee_id from matching.trades order by seq',
  )
  t.same(rows, [{ fee_id: null }, { fee_id: 1 }])
  t.same(await audit(db), [])
  t.same(await db.query("select * from ops.verify_replay('BTC-USD')"), [])
})
