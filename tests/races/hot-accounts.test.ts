import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { audit, buy, createMarket, execute, sell, settle } from '../helpers/market.ts'
import { mutateFunction } from '../helpers/mutation.ts'
import { openSession, type Session, untilBlocked } from '../helpers/session.ts'

/** Two markets whose fees all come to one account of the house. */
async function venue(t: Test): Promise<TestDatabase> {
  const db = await testDatabase(t)
  const funds = { USD: '1000', BTC: '10', ETH: '10' }
  await createMarket(db, {
    symbols: { 'BTC-USD': {}, 'ETH-USD': {} },
    traders: { alice: funds, bob: funds, carol: funds, dave: funds },
  })
  return db
}

const trade = (db: Parameters<typeof execute>[0], symbol: string, who: [string, string]) =>
  execute(db, symbol, [sell(who[0], '1', '100'), buy(who[1], '1', '100')])

const feesOf = `select posted::float8 as fees from v_balances
  where client_id = 'house' and asset = 'USD'`

/** Fails what waits, which would else wait until the test is over. */
const impatient = '-c lock_timeout=10s'

/** A session that has the house's accounts, and keeps them until it commits. */
async function holdFees(t: Test, db: TestDatabase): Promise<Session> {
  const holder = await openSession(t, db.url)
  await holder.query('begin')
  await holder.query(`select from ledger.accounts as a
    where a.participant_id = (select participant_id from participants where client_id = 'house')
    for update`)
  return holder
}

t.test('[LED-060] trades do not wait for the account that their fees will come to', async t => {
  const db = await venue(t)
  await trade(db, 'BTC-USD', ['alice', 'bob'])
  await settle(db)
  const holder = await holdFees(t, db)
  const app = await openSession(t, db.appUrl, impatient)

  for (const symbol of ['BTC-USD', 'ETH-USD']) {
    for (let i = 0; i < 3; i++) {
      const answers = await trade(app, symbol, i % 2 ? ['alice', 'bob'] : ['carol', 'dave'])
      t.match(answers, [{ status: 'OPEN' }, { status: 'FILLED', fee: '0.2' }])
    }
  }

  const worker = await openSession(t, db.workerUrl)
  const settling = settle(worker)
  await untilBlocked(db, worker.pid)
  t.pass('who credits it does wait')
  await holder.query('commit')
  t.match(await settling, { settled: 6 })
  t.match(await db.query(feesOf), [{ fees: 2.1 }])
  t.same(await audit(db), [])
})

t.test('[LED-060] who waits to credit fees keeps nobody from trading', async t => {
  const db = await venue(t)
  const first = await openSession(t, db.workerUrl)
  const second = await openSession(t, db.workerUrl)
  await trade(db, 'BTC-USD', ['alice', 'bob'])
  await first.query('begin')
  t.match(await settle(first), { claimed: 1, settled: 1 })
  await trade(db, 'ETH-USD', ['carol', 'dave'])
  const settling = settle(second)
  await untilBlocked(db, second.pid)

  const app = await openSession(t, db.appUrl, impatient)
  t.match(await trade(app, 'ETH-USD', ['carol', 'dave']), [{ status: 'OPEN' }, { fee: '0.2' }])

  await first.query('commit')
  t.match(await settling, { settled: 1 })
  t.match(await settle(db), { settled: 1 })
  t.match(await db.query(feesOf), [{ fees: 0.9 }])
  t.same(await audit(db), [])
})

t.test('the control: a trade that credited the house would wait for its account', async t => {
  const db = await venue(t)
  await trade(db, 'BTC-USD', ['alice', 'bob'])
  await settle(db)
  await mutateFunction(db, 'clearing.capture_trades', [
    [
      'begin\n',
      `begin
      perform from ledger.accounts as a where a.participant_id = reference.house_id()
        for update;\n`,
    ],
  ])
  await holdFees(t, db)
  const app = await openSession(t, db.appUrl, '-c lock_timeout=100ms')

  await t.rejects(trade(app, 'BTC-USD', ['alice', 'bob']), { code: '55P03' })
})
