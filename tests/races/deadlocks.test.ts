import t, { type Test } from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { createFullFlow } from '../helpers/full-flow.ts'
import {
  audit,
  buy,
  createMarket,
  execute,
  fund,
  noon,
  type Queryable,
  sell,
  settle,
} from '../helpers/market.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'
import { openSession, untilBlocked } from '../helpers/session.ts'
import { until } from '../helpers/until.ts'

const traders = ['alice', 'bob', 'carol', 'dave']

t.test(
  `the same traders on eight symbols, settled meanwhile: no deadlock (seed ${seed})`,
  async t => {
    const db = await testDatabase(t)
    // Each asset is base here and quote there, so that no order of symbols is an order of accounts.
    const assets = ['AAA', 'BBB', 'CCC', 'USD']
    const names = ['AAA-BBB', 'BBB-CCC', 'CCC-AAA', 'AAA-USD', 'USD-BBB', 'CCC-USD', 'BBB-AAA']
    names.push('USD-CCC')
    const symbols = Object.fromEntries(names.map(name => [name, { lot: '0.01' }]))
    await createMarket(db, {
      symbols,
      traders: Object.fromEntries(traders.map(name => [name, {}])),
    })
    for (const trader of traders) {
      for (const asset of assets) await fund(db, trader, asset, '200')
    }
    const errors: string[] = []
    const guard = (work: Promise<unknown>) => work.catch(error => errors.push(String(error)))

    const trade = names.map(async (symbol, n) => {
      const session = await openSession(t, db.appUrl)
      const random = randomNumbers(seed + n)
      const next = createFullFlow({ random, traders, middle: 10, lotDecimals: 2, name: symbol })
      for (let i = 0; i < 20; i++) {
        const now = new Date(Date.parse(noon) + i * 1000)
        await guard(execute(session, symbol, next(12, now), { now: now.toISOString() }))
      }
    })
    const settling = [1, 2].map(async () => {
      const session = await openSession(t, db.workerUrl)
      for (let i = 0; i < 30; i++) await guard(settle(session, { limit: 20 }))
    })
    const others = [
      async (session: Queryable) => fund(session, 'bob', 'CCC', '1'),
      async (session: Queryable) =>
        session.query('select api.cancel_orders(1, $1, null, null, $2)', ['alice', noon]),
    ].map(async act => {
      const session = await openSession(t, db.appUrl)
      for (let i = 0; i < 15; i++) await guard(act(session))
    })
    await Promise.all([...trade, ...settling, ...others])

    t.same(errors, [])
    t.same(await audit(db), [])
    const [row] = await db.query('select count(*)::int as trades from matching.trades')
    t.ok(row?.trades > 100, `${row?.trades} trades`)
  },
)

t.test('a mass cancel locks the accounts of all its symbols in their one order', async t => {
  const db = await testDatabase(t)
  // The second symbol has the first accounts: AAA is older than CCC.
  for (const asset of ['AAA', 'BBB', 'CCC', 'DDD']) {
    await db.query('select api.create_asset(1, $1, 8, $2)', [asset, noon])
  }
  const symbols = { 'CCC-DDD': {}, 'AAA-BBB': {} }
  await createMarket(db, { symbols, traders: { alice: { AAA: '10', CCC: '10' }, bob: {} } })
  await fund(db, 'bob', 'BBB', '100')
  await execute(db, 'CCC-DDD', [sell('alice', '1', '1')])
  await execute(db, 'AAA-BBB', [sell('alice', '2', '1'), buy('bob', '1', '1')])
  const holder = await openSession(t, db.url)
  const cancelling = await openSession(t, db.appUrl)
  await holder.query('begin')
  await holder.query(`select from ledger.accounts as a
    join reference.assets as s using (asset_id) join reference.participants using (participant_id)
    where s.asset = 'AAA' and client_id = 'alice' for no key update of a`)

  const text = "select api.cancel_orders(1, 'alice', null, null, $1) as id"
  const cancelled = cancelling.query(text, [noon])
  await untilBlocked(db, cancelling.pid)

  const later = `select from ledger.accounts as a
    join reference.assets as s using (asset_id) join reference.participants using (participant_id)
    where s.asset = 'CCC' and client_id = 'alice' for no key update of a nowait`
  await t.resolves(db.query(later), 'who waits for AAA does not hold CCC')
  await holder.query('commit')
  t.equal((await cancelled).length, 2)
  t.same(await audit(db), [])
})

/** A batch in BTC-USD whose outcome changes while it waits: alice's money goes to ETH-USD. */
async function outrun(t: Test) {
  const db = await testDatabase(t)
  await createMarket(db, {
    symbols: { 'BTC-USD': {}, 'ETH-USD': {}, 'BTC-EUR': {}, 'LTC-USD': {} },
    traders: {
      bob: { BTC: '1', EUR: '100', USD: '100' },
      maker: { BTC: '10' },
      alice: { BTC: '5', USD: '11' },
    },
  })
  await execute(db, 'BTC-USD', [sell('maker', '1', '10')])
  const spending = await openSession(t, db.appUrl)
  const matching = await openSession(t, db.appUrl)
  await spending.query('begin')
  await execute(spending, 'ETH-USD', [buy('alice', '1', '10')])
  // Bob gets nothing, and nothing of his is locked, as long as alice can pay.
  const late = { time_in_force: 'IOC' }
  const answers = execute(matching, 'BTC-USD', [
    buy('alice', '1', '10'),
    buy('bob', '1', '10', late),
  ])
  answers.catch(() => {})
  await untilBlocked(db, matching.pid)
  return { db, answers, alicePaysElsewhere: () => spending.query('commit') }
}

t.test('a batch that is computed again takes its accounts in order, too', async t => {
  const { db, answers, alicePaysElsewhere } = await outrun(t)
  const other = await openSession(t, db.appUrl)
  const trade = [sell('alice', '1', '10'), buy('bob', '1', '10')]
  const others = execute(other, 'BTC-EUR', trade)
  others.catch(() => {})
  await untilBlocked(db, other.pid)

  await alicePaysElsewhere()

  t.match(await answers, [{ reject_code: 'INSUFFICIENT_FUNDS' }, { status: 'FILLED' }])
  t.match(await others, [{ status: 'OPEN' }, { status: 'FILLED' }], 'and no ring is closed')
  t.same(await audit(db), [])
})

t.test('whose money is spent while a batch is computed again is refused, not an error', async t => {
  const { db, answers, alicePaysElsewhere } = await outrun(t)
  const bobs = await openSession(t, db.appUrl)
  await bobs.query('begin')
  await execute(bobs, 'LTC-USD', [buy('bob', '9.5', '10')])

  await alicePaysElsewhere()
  // It waits for bob's account now, which it did not need the first time.
  await until(async () => {
    const text = `select from pg_stat_activity where $1 = any (pg_blocking_pids(pid))`
    return (await db.query(text, [bobs.pid])).length > 0
  })
  await bobs.query('commit')

  const refused = { reject_code: 'INSUFFICIENT_FUNDS' }
  t.match((await answers)[0], refused)
  t.match((await answers)[1], { status: /REJECTED|EXPIRED/, fills: [] })
  t.same(await audit(db), [])
})
