import t, { type Test } from 'tap'
import { balances, buy, execute, type Queryable, sell } from '../helpers/market.ts'
import { mutateFunction } from '../helpers/mutation.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'
import { openSession, untilBlocked } from '../helpers/session.ts'
import {
  ask,
  bustMarket,
  faults,
  funds,
  monday,
  outcome,
  trade,
} from '../settlement/bust-market.ts'

const approve = (db: Queryable, id: string, by = 'bea') =>
  db.query('select ops.approve_bust($1, $2, 1, $3)', [id, by, monday])
const settleAll = (db: Queryable) =>
  db.query('select * from settlement.settle_batch(1, $1, 100, 0)', [monday])

const clean = { BTC: '0 0 0 0', USD: '10000 0 0 0' }

t.test(
  '[BST-005] a bust that meets the settlement of its trade waits, and gives it back',
  async t => {
    const db = await bustMarket(t)
    const id = await trade(db)
    const asked = await ask(db, id)
    const [worker, operator] = [await openSession(t, db.workerUrl), await openSession(t, db.url)]
    await worker.query('begin')
    t.match(await settleAll(worker), [{ settled: 1 }])

    const busting = approve(operator, asked)
    await untilBlocked(db, operator.pid)
    await worker.query('commit')
    await busting

    t.same(await outcome(db, id), ['SETTLED', 'SETTLED'])
    t.same(await balances(db, 'alice'), clean)
    t.same(await faults(db), [])
  },
)

t.test('[BST-005] a settlement that meets a bust passes its trade over', async t => {
  const db = await bustMarket(t)
  const [id, other] = [await trade(db), await trade(db)]
  const asked = await ask(db, id)
  const operator = await openSession(t, db.url)
  await operator.query('begin')
  await approve(operator, asked)
  const worker = await openSession(t, db.workerUrl)

  const settling = settleAll(worker)
  await untilBlocked(db, worker.pid) // for the accounts of the other trade
  await operator.query('commit')

  t.match(await settling, [{ claimed: 1, settled: 1 }])
  t.same(await outcome(db, id), ['CANCELLED'])
  t.same(await outcome(db, other), ['SETTLED'])
  t.same(await faults(db), [])
})

t.test('[BST-005] a bust that meets the settlement of its window', async t => {
  for (const first of ['window', 'bust']) {
    const db = await bustMarket(t)
    await db.query("select ops.create_netting_set('day', 'NET', 'MULTILATERAL', null, 1, $1)", [
      monday,
    ])
    await db.query("select ops.set_netting('BTC-USD', 'day')")
    const [id] = [await trade(db), await trade(db)]
    const asked = await ask(db, id)
    await db.query("select ops.close_window('day', 1, $1)", [monday])
    const [worker, operator] = [await openSession(t, db.workerUrl), await openSession(t, db.url)]
    const run = () => worker.query('select settled from clearing.run_windows(1, $1)', [monday])
    const [holder, waiter] = first === 'window' ? [worker, operator] : [operator, worker]

    await holder.query('begin')
    await (first === 'window' ? run() : approve(operator, asked))
    const waiting = first === 'window' ? approve(operator, asked) : run()
    await untilBlocked(db, waiter.pid)
    await holder.query('commit')
    const rows = await waiting

    if (first === 'bust') t.same(rows, [{ settled: 1 }])
    const states = first === 'bust' ? ['CANCELLED'] : ['CANCELLED', 'SETTLED']
    t.same(await outcome(db, id), states, first)
    t.same(await balances(db, 'alice'), { BTC: '1 0 0 0', USD: '8998 0 0 0' })
    t.same(await faults(db), [])
  }
})

t.test(
  '[BST-001] of two who ask at once one is asked, of two who approve at once one has',
  async t => {
    const db = await bustMarket(t)
    const id = await trade(db)
    const [one, two] = [await openSession(t, db.url), await openSession(t, db.url)]
    await one.query('begin')
    const asked = await ask(one, id)
    const second = t.rejects(ask(two, id, '900'), { code: 'STBST' })
    await untilBlocked(db, two.pid)
    await one.query('commit')
    await second

    await one.query('begin')
    await approve(one, asked, 'bea')
    const late = t.rejects(approve(two, asked, 'carl'), { code: 'STBST' })
    await untilBlocked(db, two.pid)
    await one.query('commit')
    await late

    t.same(await db.query("select count(*)::int as n from events where kind = 'BUST'"), [{ n: 1 }])
    t.same(await balances(db, 'alice'), clean)
    t.same(await faults(db), [])
  },
)

t.test('without the lock of its row, a bust of two at once is told twice', async t => {
  const db = await bustMarket(t)
  const asked = await ask(db, await trade(db))
  await mutateFunction(db, 'matching.lock_bust', [['for no key update of b', '']])
  const [one, two] = [await openSession(t, db.url), await openSession(t, db.url)]
  await one.query('begin')
  await approve(one, asked, 'bea')
  const second = approve(two, asked, 'carl')
  await untilBlocked(db, two.pid)
  await one.query('commit')
  await second

  t.same(await db.query("select count(*)::int as n from events where kind = 'BUST'"), [{ n: 2 }])
  t.not((await faults(db)).length, 0)
})

t.test('[BST-001] killed in the middle, a bust has done nothing, and can be done', async t => {
  const db = await bustMarket(t)
  const id = await trade(db)
  await settleAll(db)
  const asked = await ask(db, id, '900')
  const before = await db.query('select * from ledger.accounts order by 1, 2, 3')
  const operator = await openSession(t, db.url)
  await operator.query('begin')
  await approve(operator, asked)
  await db.query('select pg_terminate_backend($1, 5000)', [operator.pid])

  t.same(await db.query('select * from ledger.accounts order by 1, 2, 3'), before)
  t.same(await outcome(db, id), ['SETTLED'])
  t.same(await faults(db), [])

  await approve(db, asked)
  t.same(await outcome(db, id), ['SETTLED', 'SETTLED'])
  t.match(await balances(db, 'alice'), { USD: '9098.2 0 0 0' })
  t.same(await faults(db), [])
})

/** Until it is said to stop, one call after the other; any error fails the test. */
async function repeat(t: Test, url: string, isOver: () => boolean, text: string): Promise<void> {
  const session = await openSession(t, url)
  while (!isOver()) await session.query(text, [monday])
}

t.test(`[BST-005] busts beside traders, workers and windows: no deadlock (${seed})`, async t => {
  const traders = { ...funds, p1: { USD: '90000', BTC: '90' }, p2: { USD: '90000', BTC: '90' } }
  const db = await bustMarket(t, traders, { partial_unit: '0.01' })
  await db.query("select ops.create_netting_set('day', 'NET', 'MULTILATERAL', '1 second', 1, $1)", [
    monday,
  ])
  let over = false
  const isOver = () => over
  const working = [
    'select * from settlement.settle_batch(1, $1, 3, 0)',
    'select * from settlement.settle_batch(1, $1, 5, 0)',
    'select * from settlement.settle_waiting(1, $1, 50)',
    'select * from clearing.run_windows(1, $1)',
  ].map(text => repeat(t, db.workerUrl, isOver, text))

  const ids: string[] = []
  async function deal(random: () => number): Promise<void> {
    const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]
    const session = await openSession(t, db.url)
    for (let i = 0; i < 40; i++) {
      const [a = '', b = ''] = ['alice', 'bob', 'p1', 'p2'].sort(() => random() - 0.5)
      const price = String(90 + Math.floor(random() * 20))
      const answers = await execute(
        session,
        'BTC-USD',
        [sell(a, '0.3', price), buy(b, '0.2', price)],
        { now: monday },
      )
      for (const fill of answers[1]?.fills ?? []) ids.push(fill.trade_id)
      if (random() < 0.1) {
        const set = random() < 0.5 ? 'day' : null
        await session.query("select ops.set_netting('BTC-USD', $1)", [set])
      }
      const id = pick(ids.slice(-12))
      if (id === undefined) continue
      try {
        if (random() < 0.3) {
          await session.query("select ops.hold_settlement($1, 'SELLER', 1, $2)", [id, monday])
        }
        await approve(session, await ask(session, id, random() < 0.5 ? '99' : null))
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : ''
        if (!/^(ST|IV)/.test(code)) throw error
      }
    }
  }
  try {
    await Promise.all([1, 2, 3].map(n => deal(randomNumbers(seed + n))))
  } finally {
    over = true
    await Promise.all(working)
  }

  const [row] = await db.query("select count(*)::int as n from trade_busts where status = 'DONE'")
  t.ok(row?.n > 20, `${row?.n} busts`)
  t.same(await faults(db), [])
})
