import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { createMarket, type Queryable } from '../helpers/market.ts'
import { openSession, untilBlocked } from '../helpers/session.ts'

/** What is added to one account. */
interface Change {
  client: string
  asset?: string
  posted?: string
  held?: string
  unsettled_in?: string
  unsettled_out?: string
}

/** Asks ledger.change_accounts as the owner may: with the changes in the order they are given. */
async function change(db: Queryable, ...changes: Change[]): Promise<boolean> {
  const zero = { asset: 'USD', posted: '0', held: '0', unsettled_in: '0', unsettled_out: '0' }
  const text = `
    select ledger.change_accounts(1, array_agg(jsonb_populate_record(
      null::ledger.account_change,
      c || jsonb_build_object(
        'participant_id', coalesce(p.participant_id, 999), 'asset_id', a.asset_id
      )
    ) order by n)) as is_done
    from jsonb_array_elements($1) with ordinality as e (c, n)
    join reference.assets as a on a.asset = c ->> 'asset'
    left join reference.participants as p on p.client_id = c ->> 'client'`
  const values = [JSON.stringify(changes.map(one => ({ ...zero, ...one })))]
  const [row] = await db.query<{ is_done: boolean }>(text, values)
  if (row === undefined) throw new Error('no answer')
  return row.is_done
}

const accounts = async (db: Queryable) => {
  const rows = await db.query(`
    select p.client_id || ' ' || s.asset as account, concat_ws(' ', trim_scale(a.posted::numeric),
      trim_scale(a.held::numeric), trim_scale(a.unsettled_in::numeric),
      trim_scale(a.unsettled_out::numeric)) as amounts
    from ledger.accounts as a
    join reference.participants as p using (participant_id)
    join reference.assets as s using (asset_id)
    where p.kind <> 'EXTERNAL'`)
  return Object.fromEntries(rows.map(row => [row.account, row.amounts]))
}

async function funded(t: Test): Promise<TestDatabase> {
  const db = await testDatabase(t)
  await createMarket(db, { traders: { alice: { USD: '100' }, bob: { USD: '50' }, carol: {} } })
  return db
}

t.test('[LED-001] changes add up, in as many accounts as they name', async t => {
  const db = await funded(t)

  const isDone = await change(
    db,
    { client: 'bob', posted: '-10.5', held: '20', unsettled_out: '20' },
    { client: 'alice', posted: '10.5', unsettled_in: '3' },
  )

  t.ok(isDone)
  t.same(await accounts(db), { 'alice USD': '110.5 0 3 0', 'bob USD': '39.5 20 0 20' })
})

t.test('[LED-001] all or none: an account that is short leaves every other as it was', async t => {
  const db = await funded(t)
  const before = await accounts(db)

  const isDone = await change(
    db,
    { client: 'alice', posted: '1' },
    { client: 'bob', held: '50.00000001' },
    { client: 'carol', posted: '1', asset: 'BTC' },
  )

  t.notOk(isDone)
  t.same(
    await accounts(db),
    { ...before, 'carol BTC': '0 0 0 0' },
    'one opened, with nothing on it',
  )
})

t.test('[LED-001] all that there is may be held, and not one unit more', async t => {
  const db = await funded(t)

  t.ok(await change(db, { client: 'bob', held: '50' }))
  t.notOk(await change(db, { client: 'bob', held: '0.00000001' }))
  t.notOk(await change(db, { client: 'bob', posted: '-0.00000001' }), 'nor taken away below it')
  t.ok(await change(db, { client: 'bob', held: '-1', posted: '-1' }), 'but both together')
  t.same((await accounts(db))['bob USD'], '49 49 0 0')
})

t.test('accounts that are missing are opened, below zero only for the world outside', async t => {
  const db = await funded(t)

  t.ok(await change(db, { client: 'carol', asset: 'BTC', posted: '1' }))
  t.notOk(await change(db, { client: 'carol', posted: '-1' }))
  t.ok(await change(db, { client: 'external', asset: 'BTC', posted: '-1' }))

  const rows = await db.query(`
    select p.client_id, a.may_be_negative from ledger.accounts as a
    join reference.participants as p using (participant_id)
    join reference.assets as s using (asset_id) where s.asset = 'BTC' order by 1`)
  t.same(rows, [
    { client_id: 'carol', may_be_negative: false },
    { client_id: 'external', may_be_negative: true },
  ])
})

t.test('an account of nobody is an error, and moves nothing', async t => {
  const db = await funded(t)
  const before = await accounts(db)

  const moved = change(db, { client: 'alice', posted: '-1' }, { client: 'nobody', posted: '1' })

  await t.rejects(moved, { code: 'NVACC' })
  t.same(await accounts(db), before)
})

t.test('a change that breaks another rule of the accounts is an error', async t => {
  const db = await funded(t)
  await change(db, { client: 'bob', held: '10', unsettled_out: '10' })
  const before = await accounts(db)

  const broken = (constraint: string) => ({ code: '23514', constraint })
  await t.rejects(change(db, { client: 'alice', held: '-1' }), broken('held_not_negative'))
  await t.rejects(
    change(db, { client: 'alice', unsettled_in: '-1' }),
    broken('unsettled_in_not_negative'),
  )
  await t.rejects(
    change(db, { client: 'bob', unsettled_out: '1' }),
    broken('unsettled_out_is_held'),
  )
  await t.rejects(change(db, { client: 'bob', held: '-1' }), broken('unsettled_out_is_held'))
  t.same(await accounts(db), before)
})

t.test(
  'accounts are locked in the order of their keys, whatever order they are given in',
  async t => {
    const db = await funded(t)
    const holder = await openSession(t, db.url)
    const waiter = await openSession(t, db.url)
    await holder.query('begin')
    await change(holder, { client: 'alice', posted: '1' })

    await waiter.query('begin')
    const changed = change(waiter, { client: 'bob', posted: '1' }, { client: 'alice', posted: '1' })
    await untilBlocked(db, waiter.pid)

    const bob = `select from ledger.accounts where participant_id =
    (select participant_id from reference.participants where client_id = 'bob') for update nowait`
    await t.resolves(db.query(bob), 'bob comes after alice: who waits for alice does not hold bob')
    await holder.query('commit')
    t.ok(await changed)
    await t.rejects(db.query(bob), { code: '55P03' }, 'and afterwards it does')
    await waiter.query('commit')
  },
)

t.test('[LED-001] who finds an account short has locked it: it is true until the end', async t => {
  const db = await funded(t)
  const first = await openSession(t, db.url)
  const second = await openSession(t, db.url)
  await first.query('begin')
  t.notOk(await change(first, { client: 'bob', held: '51' }))

  const deposit = change(second, { client: 'bob', posted: '1' })
  await untilBlocked(db, second.pid)

  t.notOk(await change(first, { client: 'bob', held: '51' }))
  await first.query('commit')
  t.ok(await deposit)
  t.ok(await change(db, { client: 'bob', held: '51' }))
})

t.test('of two who hold more than there is together, the second is told', async t => {
  const db = await funded(t)
  const first = await openSession(t, db.url)
  const second = await openSession(t, db.url)
  await first.query('begin')
  t.ok(await change(first, { client: 'alice', held: '60' }))

  const late = change(second, { client: 'alice', held: '60' })
  await untilBlocked(db, second.pid)
  await first.query('commit')

  t.notOk(await late)
  t.same((await accounts(db))['alice USD'], '100 60 0 0')
})

/** How many blocks a look-up reads: the least of three, as some read the catalog, too. */
async function readBlocks(db: Queryable): Promise<number> {
  const reads: number[] = []
  for (let i = 0; i < 3; i++) {
    const [plan] = await db.query(
      `explain (analyze, buffers, format json, timing off) select a.*
       from ledger.account_changes(1, array(
         select row(p.participant_id, s.asset_id, 0, 0, 0, 0)::ledger.account_change
         from reference.participants as p, reference.assets as s
         where p.client_id = 'alice' and s.asset = 'USD'
       )) as c
       cross join lateral ledger.find_account(c.segment_id, c.participant_id, c.asset_id) as a`,
    )
    reads.push(plan?.['QUERY PLAN'][0].Plan['Shared Hit Blocks'])
  }
  return Math.min(...reads)
}

t.test('[LED-005] what an old transaction keeps does not lengthen the look-up', async t => {
  const db = await funded(t)
  const early = await readBlocks(db)
  const old = await openSession(t, db.url)
  await old.query('begin isolation level repeatable read')
  await old.query('select pg_current_xact_id()')
  for (let i = 0; i < 600; i++) await change(db, { client: 'alice', posted: '1' })

  const late = await readBlocks(db)
  const [row] = await db.query(`select pg_get_functiondef('ledger.find_account'::regproc) as text`)
  await db.query(row?.text.replace('order by a.version_no desc', 'order by a.version_no'))
  const oldestFirst = await readBlocks(db)
  t.comment(`blocks read: ${early}, ${late} late, ${oldestFirst} with the oldest first`)
  t.ok(late <= early + 2)
  t.ok(oldestFirst > early + 4, 'the oldest first, every version is read')
  t.same((await accounts(db))['alice USD'], '700 0 0 0')
})
