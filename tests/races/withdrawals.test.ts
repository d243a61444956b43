import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { audit, buy, createMarket, execute, noon } from '../helpers/market.ts'
import { mutateFunction } from '../helpers/mutation.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'
import { openSession, type Session } from '../helpers/session.ts'

const funds = 1000
const clients = 64

/** Nothing costs a fee, so that what is accepted adds up to the balance to the last unit. */
async function venue(t: Test): Promise<{ db: TestDatabase; crowd: Session[] }> {
  const db = await testDatabase(t)
  await createMarket(db, {
    symbols: { 'BTC-USD': { maker_rate: '0', taker_rate: '0' } },
    traders: { alice: { USD: String(funds) } },
  })
  const crowd = await Promise.all(Array.from({ length: clients }, () => openSession(t, db.appUrl)))
  return { db, crowd }
}

const ask = (session: Session, amount: number, key: string) => {
  const text = "select * from api.request_withdrawal(1, 'alice', 'USD', $1, $2, 'ann', $3)"
  return session.query<{ withdrawal_id: string }>(text, [amount, key, noon])
}

interface Outcome {
  asked: number
  ordered: number
  refused: Set<string>
}

/** Every client takes what it can, three of four by withdrawals, of which half are paid out. */
async function drain(crowd: Session[]): Promise<Outcome> {
  const outcome: Outcome = { asked: 0, ordered: 0, refused: new Set() }
  const take = async (session: Session, n: number) => {
    const random = randomNumbers(seed + n)
    for (let i = 0, most = 16; most > 0; i++) {
      const halves = Math.min(most, 1 + Math.floor(random() * 16))
      const amount = halves / 2
      let refusal: string | null
      if (n % 4 === 0) {
        const [answer] = await execute(session, 'BTC-USD', [buy('alice', String(amount), '1')])
        refusal = answer?.reject_code ?? null
        if (refusal === null) outcome.ordered += amount
      } else {
        const key = `${n}-${i}`
        const asked = await ask(session, amount, key).catch(error => String(error.hint))
        refusal = typeof asked === 'string' ? asked : null
        if (typeof asked !== 'string') {
          outcome.asked += amount
          const approval = "select api.approve_withdrawal(1, $1, 'bea', $2)"
          if (i % 2 === 0) await session.query(approval, [asked[0]?.withdrawal_id, noon])
        }
      }
      if (refusal !== null) {
        outcome.refused.add(refusal)
        most = Math.floor(halves / 2)
      }
    }
  }
  await Promise.all(crowd.map(take))
  return outcome
}

/** Looks at alice's account, over and over, until the work is done: the least she had left. */
async function watch(db: TestDatabase, work: Promise<unknown>): Promise<number> {
  let isDone = false
  const end = () => {
    isDone = true
  }
  work.then(end, end)
  let least = funds
  while (!isDone) {
    const rows = await db.query<{ least: string }>(
      `select least(min(a.posted), min(a.posted - a.held)) as least from ledger.accounts as a
      where not a.may_be_negative`,
    )
    least = Math.min(least, Number(rows[0]?.least))
  }
  return least
}

t.test(`64 clients drain one account to nothing and not below (seed ${seed})`, async t => {
  const { db, crowd } = await venue(t)

  const work = drain(crowd)
  const least = await watch(db, work)

  const { asked, ordered, refused } = await work
  t.ok(least >= 0, `never below zero: ${least}`)
  t.equal(asked + ordered, funds, `${asked} asked for, ${ordered} in orders`)
  t.ok(asked > 0 && ordered > 0)
  t.same([...refused], ['INSUFFICIENT_FUNDS'])
  const [row] = await db.query(`
    select sum(amount) filter (where status = 'POSTED') as posted, sum(amount) as all_of_them,
      (select sum(amount) from ledger.transfers where kind = 'WITHDRAWAL') as transferred
    from ledger.withdrawals`)
  t.equal(Number(row?.all_of_them), asked)
  t.equal(row?.transferred, row?.posted)
  t.same(await audit(db), [])
  t.same(await db.query('select * from ops.verify_chain()'), [])
})

t.test('the control: without the look at locked accounts more is taken than there is', async t => {
  const { db, crowd } = await venue(t)
  await db.query('alter table ledger.accounts drop constraint held_not_over_posted')
  await mutateFunction(db, 'ledger.apply_changes', [['elsif v_short > 0', 'elsif false']])

  const amounts = crowd.map((session, n) => ask(session, 20, String(n)))
  const taken = (await Promise.allSettled(amounts)).filter(one => one.status === 'fulfilled')

  t.ok(taken.length * 20 > funds, `${taken.length * 20} was taken`)
})

t.test('[LED-021] 64 clients cannot pass the limit of 24 hours together', async t => {
  const { db, crowd } = await venue(t)
  await db.query("select set_withdrawal_limit('USD', 55)")

  const asked = await Promise.allSettled(crowd.map((session, n) => ask(session, 5, String(n))))

  const refusals = asked.flatMap(one => (one.status === 'rejected' ? [one.reason.hint] : []))
  t.equal(asked.length - refusals.length, 11, 'as many as the limit has room for')
  t.same([...new Set(refusals)], ['WITHDRAWAL_LIMIT'])
  t.same(await audit(db), [])
})

t.test('the control: a limit that is read before the account is locked is passed', async t => {
  const { db, crowd } = await venue(t)
  await db.query("select set_withdrawal_limit('USD', 55)")
  await mutateFunction(db, 'ledger.request_withdrawal', [
    [
      'begin\n',
      `begin
      v_left := ledger.withdrawal_limit(1, v_participant.participant_id, v_asset.asset_id)
        - ledger.withdrawn_amount(1, v_participant.participant_id, v_asset.asset_id, p_now)
        - p_amount;
      perform pg_sleep(0.2);\n`,
    ],
    [
      'v_left := ledger.withdrawal_limit(p_segment_id',
      'perform ledger.withdrawal_limit(p_segment_id',
    ],
  ])

  const asked = await Promise.allSettled(crowd.map((session, n) => ask(session, 5, String(n))))

  const taken = asked.filter(one => one.status === 'fulfilled').length
  t.ok(taken > 11, `${taken * 5} was taken`)
})
