import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import {
  audit,
  balances,
  buy,
  createMarket,
  execute,
  fund,
  noon,
  type Queryable,
  sell,
  settle,
} from '../helpers/market.ts'
import { openSession, untilBlocked } from '../helpers/session.ts'
import { monday, waitingMarket } from './waiting-market.ts'

const at = (ms: number) => new Date(Date.parse(noon) + ms).toISOString()

/** Ten trades of alice with bob, one of them made impossible to settle. */
async function poisoned(t: Test, poison: string): Promise<{ db: TestDatabase; id: string }> {
  const db = await testDatabase(t)
  await createMarket(db, { traders: { alice: { USD: '100000' }, bob: { BTC: '10' } } })
  await db.query("select api.create_asset(1, 'XAU', 8, $1)", [noon])
  const asks = Array.from({ length: 10 }, () => sell('bob', '0.1', '1000'))
  const answers = await execute(db, 'BTC-USD', [...asks, buy('alice', '1', '1000')])
  const id = answers[10]?.fills[4]?.trade_id ?? ''
  await change(db, id, poison)
  return { db, id }
}

/** Changes an instruction, in line or waiting. */
async function change(db: Queryable, id: string, set: string): Promise<void> {
  for (const table of ['pending', 'waiting']) {
    const text = `update settlement.${table}_instructions set ${set} where instruction_id = $1`
    if (table === 'waiting' || !set.includes('status')) await db.query(text, [id])
  }
}

const read = async (db: Queryable, id: string) => {
  const [row] = await db.query('select * from api.find_settlement(1, $1)', [id])
  return row
}

async function instruct(db: Queryable): Promise<string> {
  const [row] = await db.query("select ops.instruct('BTC-USD', 'bob', 'alice', 1, 100) as id")
  return row?.id
}

const poisons: Record<string, [poison: string, problem: RegExp]> = {
  'a payment beyond what was held': ["notional = '1e12'", /^(23514|NVACC) /],
  'a delivery of what nobody has': [
    "base_asset_id = (select asset_id from reference.assets where asset = 'XAU')",
    /^23514 .*_not_negative"/,
  ],
  'a payment that was never reserved': ['seller_fee = -99999', /^(23514|NVACC) /],
  'a buyer whom nobody knows': ['buyer_id = 999', /^NVACC /],
}

for (const [name, [poison, problem]] of Object.entries(poisons)) {
  t.test(`[SET-003] ${name} is put aside, and the others settle`, async t => {
    const { db, id } = await poisoned(t, poison)

    const pass = await settle(db)

    t.match(pass, { claimed: 10, settled: 9, put_aside: 1 })
    const aside = await db.query('select * from waiting_instructions')
    t.match(aside, [{ status: 'PENDING', reason: 'SYSTEM', problem, attempts: 1 }])
    const [row] = await db.query(
      'select count(*)::int from ledger.transfers where instruction_id = $1',
      [id],
    )
    t.equal(row?.count, 0, 'nothing of it was posted')
  })
}

t.test('[SET-003] what was put aside waits, each time twice as long, then has FAILED', async t => {
  const { db, id } = await poisoned(t, "notional = '1e12'")
  const waited: number[] = []
  let now = 0

  for (let attempt = 1; attempt <= 8; attempt++) {
    t.match(await settle(db, { now: at(now) }), { put_aside: 1 }, `attempt ${attempt}`)
    const row = await read(db, id)
    t.match(row, { attempts: attempt, status: attempt < 8 ? 'PENDING' : 'FAILED' })
    if (attempt === 8) {
      t.equal(row?.next_attempt_at, null, 'nothing is to come')
      break
    }
    const next = new Date(row?.next_attempt_at).getTime() - Date.parse(noon)
    waited.push((next - now) / 1000)
    t.match(await settle(db, { now: at(next - 1) }), { claimed: 0 }, 'not a moment too early')
    now = next
  }

  const more = 1 + (Number(id) % 100) / 400
  t.ok(more > 1, 'its id adds some, so that not all come back together')
  t.same(
    waited,
    [2, 4, 8, 16, 32, 64, 128].map(seconds => seconds * more),
  )
  t.match(await settle(db, { now: at(now + 86_400_000) }), { claimed: 0 }, 'FAILED is not tried')
  const problem = /^(23514|NVACC) /
  t.match(await db.query('select * from ops.v_fails'), [{ status: 'FAILED', attempts: 8, problem }])
})

t.test('retry_settlement() brings back what failed, with all its attempts', async t => {
  const { db, id } = await poisoned(t, "notional = '1e12'")
  await settle(db)
  await change(db, id, "status = 'FAILED', attempts = 8, notional = 100")

  const retried = await db.query('select ops.retry_settlement($1, 1, $2) as id', [id, at(1000)])

  t.strictSame(retried, [{ id }])
  t.match(await read(db, id), { status: 'PENDING', attempts: 0 })
  t.match(await settle(db, { now: at(999) }), { claimed: 0 })
  t.match(await settle(db, { now: at(1000) }), { claimed: 1, settled: 1 })
  t.match(await read(db, id), { status: 'SETTLED', attempts: 1, reason: null, problem: null })
  t.same(await audit(db), [], 'healthy again')
  t.same(await balances(db, 'alice'), { BTC: '1 0 0 0', USD: '98998 0 0 0' })
})

t.test('what had settled in part comes back as such, and settles the rest', async t => {
  const parts = { partial_unit: '10', partial_minimum: '20' }
  const market = await waitingMarket(t, { alice: { USD: '9999' }, bob: { BTC: '70' } }, parts)
  const { db } = market
  const id = await market.instruct({ quantity: '100' })
  await market.pass()
  await change(db, id, "status = 'FAILED', reason = 'SYSTEM', attempts = 8")
  await fund(db, 'bob', 'BTC', '30', monday)
  t.match(await market.pass(), { claimed: 0 })

  await db.query('select ops.retry_settlement($1, 1, $2)', [id, monday])

  t.match(await read(db, id), { status: 'PARTIALLY_SETTLED', attempts: 0, settled_quantity: '70' })
  t.match(await market.pass(), { settled: 1 })
  t.same(await market.states(id), ['SETTLED 100'])
  t.same(await audit(db), [])
})

t.test('it also brings forward what only waits', async t => {
  const { db, id } = await poisoned(t, "notional = '1e12'")
  await settle(db)
  await change(db, id, 'notional = 100')

  await db.query('select ops.retry_settlement($1, 1, $2)', [id, noon])

  t.match(await settle(db), { settled: 1 })
})

t.test('there is nothing to retry where nothing is pending', async t => {
  const { db, id } = await poisoned(t, 'attempts = 0')
  await settle(db)

  const retry = (which: string) => db.query('select ops.retry_settlement($1)', [which])
  await t.rejects(retry(id), { code: 'STINS', hint: 'ALREADY_SETTLED' })
  const outside = await instruct(db)
  await db.query("select ops.cancel_settlement($1, 'both said so', 'olga')", [outside])
  await t.rejects(retry(outside), { code: 'STINS', hint: 'ALREADY_CANCELLED' })
  await t.rejects(retry('1000000099999'), { code: 'NFINS', hint: 'UNKNOWN_SETTLEMENT' })
})

t.test('a retry waits for the worker that has the instruction, and hears how it went', async t => {
  const { db, id } = await poisoned(t, 'attempts = 0')
  const worker = await openSession(t, db.workerUrl)
  const operator = await openSession(t, db.url)
  await worker.query('begin')
  await settle(worker)

  const retry = operator.query('select ops.retry_settlement($1)', [id]).catch(error => error.code)
  await untilBlocked(db, operator.pid)
  await worker.query('commit')

  t.equal(await retry, 'STINS')
})
