import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import {
  audit,
  balances,
  buy,
  createMarket,
  execute,
  type Queryable,
  sell,
  settle,
} from '../helpers/market.ts'
import { mutateFunction } from '../helpers/mutation.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'
import { openSession, type Session } from '../helpers/session.ts'

const symbols = ['AAA-USD', 'BBB-USD', 'CCC-USD', 'DDD-USD']
const funds = 1000
const clients = 64

/** Nothing costs a fee and all costs 1, so that what is accepted adds up to the last unit. */
async function venue(t: Test): Promise<{ db: TestDatabase; crowd: Session[] }> {
  const db = await testDatabase(t)
  const free = { maker_rate: '0', taker_rate: '0' }
  const stock = Object.fromEntries(symbols.map(name => [name.slice(0, 3), String(funds)]))
  await createMarket(db, {
    symbols: Object.fromEntries(symbols.map(name => [name, free])),
    traders: { alice: { USD: String(funds) }, bob: stock },
  })
  // Of each symbol a third of what alice can pay: some of her orders trade, the others rest.
  for (const symbol of symbols) await execute(db, symbol, [sell('bob', '80', '1')])
  const crowd = await Promise.all(Array.from({ length: clients }, () => openSession(t, db.appUrl)))
  return { db, crowd }
}

interface Outcome {
  accepted: number
  refused: Set<string>
}

/** As the service does it: what a deadlock has undone is asked for again. */
async function placed(session: Session, symbol: string, order: ReturnType<typeof buy>) {
  for (;;) {
    try {
      const [answer] = await execute(session, symbol, [order])
      return answer
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === '40P01')) throw error
    }
  }
}

/** Every client buys for alice, each time less, until not even the least is left for it. */
async function drain(crowd: Session[]): Promise<Outcome> {
  const outcome: Outcome = { accepted: 0, refused: new Set() }
  const take = async (session: Session, n: number) => {
    const random = randomNumbers(seed + n)
    for (let most = 16; most > 0; ) {
      const halves = Math.min(most, 1 + Math.floor(random() * 16))
      const order = buy('alice', String(halves / 2), '1')
      const answer = await placed(session, symbols[n % symbols.length] ?? '', order)
      const refusal = answer?.reject_code ?? answer?.error_code
      if (!refusal) {
        outcome.accepted += halves / 2
        continue
      }
      outcome.refused.add(refusal)
      most = Math.floor(halves / 2)
    }
  }
  await Promise.all(crowd.map(take))
  return outcome
}

/** Runs it over and over until the work is done. */
async function meanwhile(work: Promise<unknown>, again: () => Promise<unknown>): Promise<void> {
  let isDone = false
  const end = () => {
    isDone = true
  }
  work.then(end, end)
  while (!isDone) await again()
}

/** The least that any participant has, has free or holds, in one snapshot. */
async function least(db: Queryable): Promise<number> {
  const [row] = await db.query(
    `select min(least(b.available, b.held, b.available + b.held))::float8 as least
    from ops.v_balances as b
    where b.client_id in ('alice', 'bob')`,
  )
  return Number(row?.least)
}

t.test(`64 clients drain one account by trades that settle meanwhile (seed ${seed})`, async t => {
  const { db, crowd } = await venue(t)
  const workers = await Promise.all([1, 2].map(() => openSession(t, db.workerUrl)))
  const seen = { least: funds, snapshots: 0 }

  const work = drain(crowd)
  const watching = meanwhile(work, async () => {
    seen.least = Math.min(seen.least, await least(db))
    seen.snapshots++
  })
  const settling = workers.map(worker => meanwhile(work, () => settle(worker, { limit: 5 })))
  await Promise.all([work, watching, ...settling])

  const { accepted, refused } = await work
  t.equal(accepted, funds, 'what was accepted is what there was')
  t.same([...refused], ['INSUFFICIENT_FUNDS'])
  t.ok(seen.least >= 0, `never below zero in ${seen.snapshots} snapshots: ${seen.least}`)
  const [row] = await db.query(`select
    (select sum(quantity) from trades)::float8 as traded,
    (select sum(remaining_quantity) from v_active_orders where side = 'BUY')::float8 as resting,
    (select count(*) from settled_instructions)::int as settled`)
  t.equal(Number(row?.traded) + Number(row?.resting), funds)
  t.ok(Number(row?.traded) > 0 && Number(row?.settled) > 0, `${row?.settled} trades are settled`)
  while ((await settle(db)).claimed > 0);
  const left = await balances(db, 'alice')
  t.equal(left.USD, `0 ${row?.resting} 0 0`, 'nothing is left but for what rests')
  t.same(await audit(db), [])
})

t.test('the control: without the look at locked accounts more is taken than there is', async t => {
  const { db, crowd } = await venue(t)
  await db.query('alter table ledger.accounts drop constraint held_not_over_posted')
  await mutateFunction(db, 'ledger.apply_changes', [['elsif v_short > 0', 'elsif false']])
  // Funds are read, then somebody else spends: a pause makes it certain.
  await mutateFunction(db, 'matching.record_outcome', [
    ['begin\n', 'begin perform pg_sleep(0.02);\n'],
  ])
  const seen: number[] = []

  const orders = crowd.map((session, n) =>
    execute(session, symbols[n % symbols.length] ?? '', [buy('alice', '30', '1')]),
  )
  const work = Promise.all(orders)
  await meanwhile(work, async () => seen.push(await least(db)))

  const taken = (await work).flat().filter(answer => answer.status !== 'REJECTED')
  t.ok(taken.length * 30 > funds, `${taken.length * 30} was taken`)
  t.ok((await least(db)) < 0 || Math.min(...seen) < 0, 'and seen')
})
