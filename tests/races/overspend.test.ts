import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { audit, buy, createMarket, execute, type Queryable, sell } from '../helpers/market.ts'
import { mutateFunction } from '../helpers/mutation.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'
import { openSession, type Session } from '../helpers/session.ts'

const symbols = ['AAA-USD', 'BBB-USD', 'CCC-USD', 'DDD-USD']
const funds = 1000

/** Alice has one account for four symbols, in each of which bob sells something. */
async function venue(t: Test): Promise<{ db: TestDatabase; crowd: Session[] }> {
  const db = await testDatabase(t)
  const stock = Object.fromEntries(symbols.map(name => [name.slice(0, 3), '1000']))
  await createMarket(db, {
    symbols: Object.fromEntries(symbols.map(name => [name, {}])),
    traders: { alice: { USD: String(funds) }, bob: stock },
  })
  for (const symbol of symbols) await execute(db, symbol, [sell('bob', '2', '10')])
  const crowd = await Promise.all(
    symbols.flatMap(() => [1, 2].map(() => openSession(t, db.appUrl))),
  )
  return { db, crowd }
}

interface Spending {
  /** What all accepted orders cost or hold together. */
  accepted: number
  refused: number
  errors: string[]
}

/** Every session buys for alice as fast as it can, until she has been refused often enough. */
async function spend(crowd: Session[]): Promise<Spending> {
  const spending: Spending = { accepted: 0, refused: 0, errors: [] }
  const buyAll = async (session: Session, n: number) => {
    const random = randomNumbers(seed + n)
    for (let i = 0; i < 12; i++) {
      const orders = Array.from({ length: 1 + Math.floor(random() * 4) }, () =>
        buy('alice', (0.5 + Math.floor(random() * 40) / 10).toFixed(1), '10'),
      )
      const symbol = symbols[n % symbols.length] ?? ''
      try {
        for (const answer of await execute(session, symbol, orders)) {
          if (answer.reject_code !== null) spending.refused++
          // Bought at 10 with a fee of 0.002: the same whether it traded or rests.
          else spending.accepted += Number(answer.quantity) * 10.02
        }
      } catch (error) {
        spending.errors.push(String(error))
      }
    }
  }
  await Promise.all(crowd.map(buyAll))
  return spending
}

/** Looks at alice's account, over and over, until the work is done: the least she had left. */
async function watch(db: Queryable, work: Promise<unknown>): Promise<number> {
  let isDone = false
  void work.finally(() => {
    isDone = true
  })
  let least = funds
  while (!isDone) {
    const rows = await db.query<{ available: string }>("select * from api.balances(1, 'alice')")
    for (const { available } of rows) least = Math.min(least, Number(available))
    await new Promise(resolve => setTimeout(resolve, 2))
  }
  return least
}

t.test(`one account, spent down by eight sessions on four symbols (seed ${seed})`, async t => {
  const { db, crowd } = await venue(t)

  const work = spend(crowd)
  const least = await watch(db, work)

  const { accepted, refused, errors } = await work
  t.same(errors, [])
  t.ok(least >= 0, `never below zero: ${least}`)
  t.ok(accepted <= funds, `${accepted} was accepted`)
  t.ok(accepted > funds - 5.1, 'down to what buys no smallest order any more')
  t.ok(refused > 10, `${refused} orders were refused`)
  const [row] = await db.query(`select held, posted from ledger.accounts
    join reference.participants using (participant_id) join reference.assets using (asset_id)
    where client_id = 'alice' and asset = 'USD'`)
  t.ok(Math.abs(Number(row?.held) - accepted) < 1e-6, 'what was accepted is what is held')
  t.equal(row?.posted, String(funds))
  t.same(await audit(db), [])
})

t.test('the control: without the look at locked accounts more is spent than there is', async t => {
  const { db, crowd } = await venue(t)
  await db.query('alter table ledger.accounts drop constraint held_not_over_posted')
  await mutateFunction(db, 'ledger.apply_changes', [['elsif v_short > 0', 'elsif false']])
  // Funds are read, then somebody else spends: a pause makes it certain.
  await mutateFunction(db, 'matching.record_outcome', [
    ['begin\n', 'begin perform pg_sleep(0.01);\n'],
  ])

  const work = spend(crowd)
  const least = await watch(db, work)

  const { accepted } = await work
  t.ok(accepted > funds, `${accepted} was accepted`)
  t.ok(least < 0, `${least} was left`)
})

t.test(
  'who spent elsewhere meanwhile is refused in this batch, and the others are not',
  async t => {
    const { db } = await venue(t)
    const first = await openSession(t, db.appUrl)
    const second = await openSession(t, db.appUrl)
    await first.query('begin')
    t.match(await execute(first, 'AAA-USD', [buy('alice', '90', '9')]), [{ status: 'OPEN' }])

    const answers = execute(second, 'BBB-USD', [
      buy('alice', '50', '9'),
      sell('bob', '1', '11'),
      buy('alice', '20', '9'),
    ])
    await first.query('commit')

    t.match(await answers, [
      { status: 'REJECTED', reject_code: 'INSUFFICIENT_FUNDS' },
      { status: 'OPEN' },
      { status: 'OPEN' },
    ])
    t.same(await audit(db), [])
  },
)
