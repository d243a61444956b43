import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { audit, buy, command, createMarket, execute, noon, sell } from '../helpers/market.ts'

/** A market whose last price is 100, with bids at 90 and asks at 110. */
async function marketAt100(t: Test): Promise<TestDatabase> {
  const db = await testDatabase(t)
  const rich = { BTC: '100', USD: '100000' }
  await createMarket(db, { traders: { alice: rich, bob: rich, carol: rich } })
  await execute(db, 'BTC-USD', [buy('alice', '1', '100'), sell('bob', '1', '100')])
  await execute(db, 'BTC-USD', [buy('alice', '5', '90'), sell('bob', '5', '110')])
  return db
}

const stop = (side: 'BUY' | 'SELL', stop_price: string, trigger_source: 'MARK' | 'INDEX') =>
  command({
    client_id: 'carol',
    side,
    type: 'STOP',
    time_in_force: 'GTC',
    quantity: '1',
    stop_price,
    trigger_source,
  })

async function statusOf(db: TestDatabase, orderId: string | undefined) {
  const [row] = await db.query('select status from orders where order_id = $1', [orderId])
  return row?.status
}

const publish = (db: TestDatabase, source: string, price: string, now = noon) =>
  db.query("select ops.publish_price('BTC-USD', $1, $2, 1, $3) as fired", [source, price, now])

t.test('[MAT-052] a stop order fires on the mark or index price that it follows', async t => {
  const db = await marketAt100(t)
  await publish(db, 'MARK', '100')
  await publish(db, 'INDEX', '100')
  const [onMark, onIndex] = await execute(db, 'BTC-USD', [
    stop('SELL', '95', 'MARK'),
    stop('SELL', '95', 'INDEX'),
  ])
  t.same([onMark?.status, onIndex?.status], ['PENDING', 'PENDING'])

  t.same(await publish(db, 'MARK', '95.01'), [{ fired: 0 }])
  t.same(await publish(db, 'MARK', '95'), [{ fired: 1 }])

  t.equal(await statusOf(db, onMark?.order_id), 'FILLED')
  t.equal(await statusOf(db, onIndex?.order_id), 'PENDING')
  t.same(await audit(db), [])
})

t.test('[MAT-052] it is compared with that price at its entry', async t => {
  const db = await marketAt100(t)
  await publish(db, 'MARK', '120')

  const [met, notMet] = await execute(db, 'BTC-USD', [
    stop('BUY', '120', 'MARK'),
    stop('BUY', '121', 'MARK'),
  ])

  t.equal(met?.reject_code, 'WOULD_TRIGGER')
  t.equal(notMet?.status, 'PENDING')
})

t.test('[MAT-052] a trade does not fire it while its price is fresh, and does later', async t => {
  const db = await marketAt100(t)
  await publish(db, 'MARK', '100')
  const [order] = await execute(db, 'BTC-USD', [stop('SELL', '95', 'MARK')])
  await execute(db, 'BTC-USD', [sell('bob', '1', '90')])
  t.equal(await statusOf(db, order?.order_id), 'PENDING', 'the last price is 90')

  const later = '2026-03-02T12:01:00Z'
  await execute(db, 'BTC-USD', [sell('bob', '1', '90')], { now: later })

  t.equal(await statusOf(db, order?.order_id), 'FILLED')
  t.same(await audit(db), [])
})

t.test('a price from outside is above zero, and of a source that there is', async t => {
  const db = await marketAt100(t)
  for (const [source, price] of [
    ['MARK', '0'],
    ['MARK', 'NaN'],
    ['LAST', '100'],
  ] as const) {
    await t.rejects(publish(db, source, price), { code: 'IVPRC' })
  }
})
