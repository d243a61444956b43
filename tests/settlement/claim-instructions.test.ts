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
import { openSession, untilBlocked } from '../helpers/session.ts'

const second = 1000
const at = (ms: number) => new Date(Date.parse(noon) + ms).toISOString()

async function withInstructions(t: Test, count: number): Promise<TestDatabase> {
  const db = await testDatabase(t)
  await createMarket(db, { traders: { alice: { USD: '100000' }, bob: { BTC: '100000' } } })
  const asks = Array.from({ length: count }, () => sell('bob', '1', '1'))
  await execute(db, 'BTC-USD', [...asks, buy('alice', String(count), '1')])
  return db
}

async function claim(db: Queryable, limit: number, after = 0) {
  const text = 'select instruction_ids as ids from settlement.claim_instructions(1, $1, $2)'
  const [row] = await db.query<{ ids: string[] }>(text, [limit, after])
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

/** Where the queue of BTC-USD begins, as a number of its trades. */
async function mark(db: Queryable): Promise<number> {
  const [row] = await db.query('select low_id % 1000000000000 as low from settlement.queues')
  return Number(row?.low)
}

/**
 * How many blocks a claim of one reads: the least of three, as some read the catalog, too. It moves
 * the mark; a reading without one sets it back before each.
 */
async function walked(session: Queryable, { hasMark }: { hasMark: boolean }): Promise<number> {
  const reads: number[] = []
  const reset = 'update settlement.queues set low_id = symbol_id * 1000000000000'
  for (let i = 0; i < 3; i++) {
    if (!hasMark) await session.query(reset)
    const [plan] = await session.query(
      `explain (analyze, buffers, format json, timing off) select * from
        settlement.claim_instructions(1, 1, 0)`,
    )
    reads.push(plan?.['QUERY PLAN'][0].Plan['Shared Hit Blocks'])
  }
  return Math.min(...reads)
}

t.test('[SET-005] a claim begins where something is left, while rows cannot go', async t => {
  const db = await withInstructions(t, 12_000)
  const old = await openSession(t, db.url)
  await old.query('begin isolation level repeatable read')
  await old.query('select pg_current_xact_id()')
  const early = await walked(db, { hasMark: true })

  for (let i = 0; i < 5; i++) t.match(await settle(db, { limit: 2000 }), { settled: 2000 })

  t.ok((await mark(db)) > 16_000, `the mark is at ${await mark(db)} of 24,000`)
  const late = await walked(db, { hasMark: true })
  const without = await walked(db, { hasMark: false })
  t.comment(`blocks read: ${early} at first, ${late} late, ${without} without the mark`)
  t.ok(without > 3 * late, 'and without it the walk is long')
})

t.test('[SET-005] an instruction that was put aside is found below the mark', async t => {
  const db = await withInstructions(t, 9000)
  await db.query(`update settlement.pending_instructions set notional = notional * 1e9
    where instruction_id = (select min(instruction_id) from settlement.pending_instructions)`)
  t.match(await settle(db, { limit: 1 }), { claimed: 1, put_aside: 1 })
  for (let i = 0; i < 4; i++) await settle(db, { limit: 2500 })
  t.ok((await mark(db)) > 13_000)
  await db.query('update settlement.waiting_instructions set notional = 1')

  t.match(await settle(db, { now: at(3 * second) }), { claimed: 1, settled: 1 })
  const [row] = await db.query('select count(*)::int from settlement.settled_instructions')
  t.equal(row?.count, 9000)
})

t.test('[SET-005] a mark on its way up does not pass what comes back meanwhile', async t => {
  const db = await withInstructions(t, 9000)
  const ids = await claim(db, 9000)
  const id = ids[0] ?? ''
  await db.query('select settlement.make_wait(1, array[$1::bigint], $2)', [id, 'SYSTEM'])
  const [raiser, back] = [await openSession(t, db.url), await openSession(t, db.url)]
  await settle(db, { limit: 6000 })
  await db.query('update settlement.queues set low_id = symbol_id * 1000000000000')
  await raiser.query('begin')
  await raiser.query('select settlement.raise_mark(1, 1)')

  const coming = back.query('select settlement.bring_back(1, array[$1::bigint])', [id])
  await untilBlocked(db, back.pid)
  await raiser.query('commit')
  await coming

  t.same((await claim(db, 1))[0], id)
})
