import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import {
  buy,
  createMarket,
  execute,
  noon,
  type Queryable,
  sell,
  settle,
} from '../helpers/market.ts'
import { openSession } from '../helpers/session.ts'

const second = 1000
const at = (ms: number) => new Date(Date.parse(noon) + ms).toISOString()

async function withInstructions(t: Test, count: number): Promise<TestDatabase> {
  const db = await testDatabase(t)
  await createMarket(db, { traders: { alice: { USD: '100000' }, bob: { BTC: '1000' } } })
  const asks = Array.from({ length: count }, () => sell('bob', '1', '1'))
  await execute(db, 'BTC-USD', [...asks, buy('alice', String(count), '1')])
  return db
}

async function claim(db: Queryable, limit: number, now: string = noon, after = '0') {
  const text = 'select settlement.claim_instructions(1, $1, $2, $3) as ids'
  const [row] = await db.query<{ ids: string[] }>(text, [now, limit, after])
  return row?.ids ?? []
}

const nestedLoop = 'enable_hashjoin enable_mergejoin enable_material enable_hashagg enable_sort'
/** Ways of planning that are pressed upon a claim, whatever the statistics say. */
const plannings = [
  'enable_seqscan',
  'enable_indexscan enable_bitmapscan',
  'enable_hashjoin enable_mergejoin',
  'enable_hashjoin enable_mergejoin enable_material',
  nestedLoop,
  'enable_hashjoin enable_nestloop',
  'enable_sort enable_seqscan',
  'enable_indexscan enable_indexonlyscan enable_hashjoin enable_mergejoin enable_material',
]

t.test('[SET-001] a claim is never more than its limit, however it is planned', async t => {
  const db = await withInstructions(t, 200)

  for (const planning of plannings) {
    const off = planning.split(' ').map(name => `-c ${name}=off`)
    const session = await openSession(t, db.url, off.join(' '))
    for (const limit of [1, 5, 199]) {
      await session.query('begin')
      const ids = await claim(session, limit)
      t.equal(new Set(ids).size, limit, `limit ${limit} without ${planning}`)
      await session.query('rollback')
    }
  }
})

t.test('a claim that is no materialized CTE does claim more: this is how it shows', async t => {
  const db = await withInstructions(t, 200)
  const off = nestedLoop.split(' ').map(name => `-c ${name}=off`)
  const session = await openSession(t, db.url, off.join(' '))

  await session.query('begin')
  const claimed = await session.query(`
    update settlement.pending_instructions set attempts = 1
    where instruction_id in (
      select instruction_id from settlement.pending_instructions
      order by instruction_id limit 5 for update skip locked
    ) returning 1`)
  await session.query('rollback')

  t.ok(claimed.length > 5, `${claimed.length} for a limit of 5`)
})

t.test('[SET-001] nor is a whole pass, and it settles what it claimed', async t => {
  const db = await withInstructions(t, 100)

  for (const [n, planning] of plannings.entries()) {
    const off = planning.split(' ').map(name => `-c ${name}=off`)
    const session = await openSession(t, db.url, off.join(' '))
    t.match(await settle(session, { limit: 7 }), { claimed: 7, settled: 7 }, planning)
    const [row] = await db.query('select count(*)::int from settlement.pending_instructions')
    t.equal(row?.count, 100 - 7 * (n + 1))
  }
})

t.test('[SET-001] what a worker has claimed others pass over until it ends', async t => {
  const db = await withInstructions(t, 12)
  const workers = await Promise.all([1, 2, 3].map(() => openSession(t, db.url)))
  for (const worker of workers) await worker.query('begin')

  const claims: string[][] = []
  for (const worker of workers) claims.push(await claim(worker, 5))

  t.same(
    claims.map(ids => ids.length),
    [5, 5, 2],
  )
  t.equal(new Set(claims.flat()).size, 12)
  t.same(await claim(db, 5), [], 'and nobody waits')
  await workers[0]?.query('rollback')
  t.same(await claim(db, 5), claims[0], 'those of a worker that gave up are free again')
})

t.test('what is not due yet, failed, or before the last id is not claimed', async t => {
  const db = await withInstructions(t, 4)
  const [a = '', b = '', c = '', d = ''] = await claim(db, 4)
  const set = (id: string, change: string, ...values: string[]) =>
    db.query(
      `update settlement.pending_instructions set ${change} where instruction_id = ${id}`,
      values,
    )

  await set(a, 'next_attempt_at = $1', at(second))
  await set(b, "status = 'FAILED'")

  t.same(await claim(db, 9), [c, d])
  t.same(await claim(db, 9, at(second - 1)), [c, d])
  t.same(await claim(db, 9, at(second)), [a, c, d], 'due when its time has come')
  t.same(await claim(db, 9, at(second), c), [d])
})
