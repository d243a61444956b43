import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { audit, createMarket, fund, type Queryable } from '../helpers/market.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'
import { openSession, untilBlocked } from '../helpers/session.ts'

const clients = ['alice', 'bob', 'external']
/** A minute of the day. */
const at = (minute: number) =>
  new Date(Date.parse('2026-03-02T00:00:00Z') + minute * 60_000).toISOString()
const later = at(10_000)

async function market(t: Test): Promise<TestDatabase> {
  const db = await testDatabase(t)
  await createMarket(db, { now: at(0), traders: { alice: { USD: '1000' }, bob: { USD: '1000' } } })
  return db
}

interface Adjustment {
  from?: string
  to?: string
  asset?: string
  amount?: string
  since?: string
  reason?: string | null
  by?: string
  now?: string
}
async function ask(db: Queryable, adjustment: Adjustment = {}): Promise<string> {
  const { from = 'alice', to = 'bob', asset = 'USD', amount = '5', since = at(10) } = adjustment
  const { reason = 'booked late', by = 'ann', now = at(100) } = adjustment
  const text = 'select ops.adjust($1, $2, $3, $4, $5, $6, $7, 1, $8) as id'
  const values = [from, to, asset, amount, since, reason, by, now]
  return (await db.query(text, values))[0]?.id
}
const approve = async (db: Queryable, id: string, by: string, now = at(100)): Promise<string> => {
  const text = 'select ops.approve_adjustment($1, $2, 1, $3) as status'
  return (await db.query(text, [id, by, now]))[0]?.status
}
const reject = (db: Queryable, id: string, reason = 'no', by = 'bea') =>
  db.query('select ops.reject_adjustment($1, $2, $3, 1, $4)', [id, reason, by, at(100)])

const balance = async (db: Queryable, client: string, time: string, known: string) => {
  const text = "select ops.balance_as_of($1, 'USD', $2, $3, 1, $4) as amount"
  return (await db.query(text, [client, time, known, later]))[0]?.amount
}

t.test('[LED-034] a correction is posted when two others have approved it', async t => {
  const db = await openSession(t, (await market(t)).url)
  const id = await ask(db)
  const own = { code: 'RJSLF', hint: 'SAME_OPERATOR' }

  t.equal(await balance(db, 'bob', later, later), '1000', 'asking moves nothing')
  await t.rejects(approve(db, id, 'Ann'), own, 'who asked')
  t.equal(await approve(db, id, 'bea'), 'PENDING')
  t.equal(await balance(db, 'bob', later, later), '1000', 'one is not enough')
  await t.rejects(approve(db, id, 'BEA'), own, 'who approved')
  t.equal(await approve(db, id, 'cid'), 'POSTED')

  t.equal(await balance(db, 'bob', later, later), '1005')
  const decided = { code: 'STADJ', hint: 'ALREADY_DECIDED' }
  await t.rejects(approve(db, id, 'dan'), decided)
  await t.rejects(reject(db, id), decided)
  t.match(await db.query('select * from v_adjustments'), [
    { status: 'POSTED', requested_by: 'ann', approved_by: 'bea', decided_by: 'cid' },
  ])
  const lines = await db.query("select * from statement('bob') where line = 'ADJUSTMENT'")
  t.match(lines, [{ amount: '5', counterparty: 'alice' }])
  t.equal(new Date(lines[0]?.effective_at).toISOString(), at(10))
  t.equal(new Date(lines[0]?.posted_at).toISOString(), at(100))

  const other = await ask(db, { amount: '7' })
  await approve(db, other, 'bea')
  await reject(db, other, 'it was right')
  await t.rejects(approve(db, other, 'cid'), decided)
  t.equal(await balance(db, 'bob', later, later), '1005')
  t.same(await audit(db), [])
  t.same(await db.query('select * from verify_chain()'), [])
})

t.test(`[LED-031] a balance as it was known is the same forever (seed ${seed})`, async t => {
  const db = await market(t)
  const random = randomNumbers()
  const postings = clients.flatMap(client => [
    { client, amount: client === 'external' ? -2000 : 1000, since: 0, posted: 0 },
  ])
  const answers: { client: string; time: string; known: string; amount: string }[] = []
  for (let minute = 10; minute < 200; minute += 10) {
    if (random() < 0.4) {
      await fund(db, 'alice', 'USD', '3', at(minute))
      postings.push({ client: 'alice', amount: 3, since: minute, posted: minute })
      postings.push({ client: 'external', amount: -3, since: minute, posted: minute })
    } else {
      const since = 1 + Math.floor(random() * (minute - 1))
      const amount = 1 + Math.floor(random() * 9)
      const [from = '', to = ''] = random() < 0.5 ? ['alice', 'bob'] : ['bob', 'alice']
      const now = at(minute)
      const id = await ask(db, { from, to, amount: String(amount), since: at(since), now })
      await approve(db, id, 'bea', now)
      await approve(db, id, 'cid', now)
      postings.push({ client: from, amount: -amount, since, posted: minute })
      postings.push({ client: to, amount, since, posted: minute })
    }
    if (minute === 100)
      await db.query("select ops.close_period($1, 'ann', 1, $2)", [at(1), at(100)])
    if (minute === 110) await db.query('select ops.seal_periods(1, $1)', [at(110)])

    const [time, known] = [Math.floor(random() * 200), Math.floor(random() * (minute + 1))]
    for (const client of clients) {
      const model = postings
        .filter(one => one.client === client && one.since <= time && one.posted <= known)
        .reduce((sum, one) => sum + one.amount, 0)
      const amount = await balance(db, client, at(time), at(known))
      t.equal(Number(amount), model, `${client} at ${time} as known at ${known}`)
      answers.push({ client, time: at(time), known: at(known), amount })
    }
  }

  for (const { client, time, known, amount } of answers) {
    t.equal(await balance(db, client, time, known), amount, 'asked again')
  }
  const back = postings.filter(posting => posting.since < posting.posted)
  t.ok(back.length > 6, 'some count since an earlier time')
  for (const { client, amount, since, posted } of back) {
    const change = async (time: number) =>
      Number(await balance(db, client, at(time), at(posted))) -
      Number(await balance(db, client, at(time), at(posted - 1)))
    t.equal(await change(since), amount, 'it changes what is known of its time')
    t.equal(await change(since - 1), 0, 'and of no time before')
  }
  t.same(await audit(db), [])
  t.same(await db.query('select * from verify_chain()'), [])
})

t.test(
  '[LED-030] a correction into a closed period is refused, also when it was asked before',
  async t => {
    const db = await openSession(t, (await market(t)).url)
    const id = await ask(db, { since: at(10) })
    await approve(db, id, 'bea')
    const close = "select ops.close_period($1, 'ann', 1, $2) as period"
    const [closed] = await db.query(close, [at(50), at(100)])
    const refused = { code: 'STPER', hint: 'PERIOD_CLOSED' }

    await t.rejects(approve(db, id, 'cid'), refused)
    await t.rejects(ask(db, { since: at(49) }), refused)
    t.equal(await balance(db, 'bob', later, later), '1000')
    const id2 = await ask(db, { since: at(50) })
    await approve(db, id2, 'bea')
    t.equal(await approve(db, id2, 'cid'), 'POSTED', 'the first moment behind it')

    await db.query("select reopen_period($1, 'a correction')", [closed?.period])
    t.equal(await approve(db, id, 'cid', at(105)), 'POSTED')
    const [again] = await db.query(close, [at(50), at(110)])
    await db.query('select ops.seal_periods(1, $1)', [at(110)])
    const pack = await db.query('select line from day_pack($1)', [again?.period])
    const lines = pack.map(row => row.line)
    t.ok(lines.includes('ADJUSTMENT,ADJUSTMENT,USD,1,5'), 'it is in the pack of its period')
    t.ok(lines.includes('USD,bob,1005'))
    const [old] = await db.query('select line from day_pack($1) where line ~ $2', [
      closed?.period,
      '^USD,bob',
    ])
    t.same(old, { line: 'USD,bob,1000' }, 'and not in the one of before')
    t.same(await audit(db), [])
  },
)

t.test('an adjustment that cannot be is refused', async t => {
  const db = await openSession(t, (await market(t)).url)
  for (const [adjustment, code] of [
    [{ from: 'nobody' }, 'NFPAR'],
    [{ to: 'nobody' }, 'NFPAR'],
    [{ to: 'alice' }, 'IVPAR'],
    [{ asset: 'DOGE' }, 'NFAST'],
    [{ amount: '0' }, 'IVAMT'],
    [{ amount: '-1' }, 'IVAMT'],
    [{ amount: 'NaN' }, 'IVAMT'],
    [{ amount: '0.000000001' }, 'IVAMT'],
    [{ since: at(101) }, 'IVADJ'],
    [{ since: '-infinity' }, 'IVADJ'],
    [{ reason: ' ' }, 'IVRSN'],
    [{ reason: null }, 'IVRSN'],
    [{ by: 'a b' }, 'IVOPR'],
  ] as const) {
    await t.rejects(ask(db, adjustment), { code }, JSON.stringify(adjustment))
  }
  await t.rejects(approve(db, '77', 'bea'), { code: 'NFADJ', hint: 'UNKNOWN_ADJUSTMENT' })
  await t.rejects(reject(db, '77'), { code: 'NFADJ' })
  t.same(await db.query('select * from v_adjustments'), [])

  const id = await ask(db, { amount: '1000.01' })
  await approve(db, id, 'bea')
  await t.rejects(approve(db, id, 'cid'), { code: 'RJFND', hint: 'INSUFFICIENT_FUNDS' })
  await t.rejects(approve(db, id, ''), { code: 'IVOPR' })
  await t.rejects(reject(db, id, ''), { code: 'IVRSN' })
  t.match(await db.query('select * from v_adjustments'), [
    { status: 'PENDING', approved_by: 'bea' },
  ])

  const known = 'select ops.balance_as_of($1, $2, $3, $4, 1, $5)'
  for (const [client, asset, time, knownAt, code] of [
    ['nobody', 'USD', at(1), at(1), 'NFPAR'],
    ['alice', 'DOGE', at(1), at(1), 'NFAST'],
    ['alice', 'USD', at(1), later, 'IVPER'],
    ['alice', 'USD', at(1), null, 'IVPER'],
    ['alice', 'USD', null, at(1), 'IVPER'],
  ] as const) {
    await t.rejects(db.query(known, [client, asset, time, knownAt, at(100)]), { code })
  }
  t.same(await audit(db), [])
})

t.test('of two who approve at once the second waits, and the money moves once', async t => {
  const db = await market(t)
  const id = await ask(db)
  await approve(db, id, 'bea')
  const [one, two] = [await openSession(t, db.url), await openSession(t, db.url)]
  await one.query('begin')
  await approve(one, id, 'cid')
  const second = t.rejects(approve(two, id, 'dan'), { code: 'STADJ' })
  await untilBlocked(db, two.pid)
  await one.query('commit')
  await second

  t.equal(await balance(db, 'bob', later, later), '1005')
  t.same(await audit(db), [])
})

t.test('what is changed of an adjustment is named, by audit() and by the chain', async t => {
  const db = await market(t)
  const id = await ask(db)
  await approve(db, id, 'bea')
  await approve(db, id, 'cid')
  const owner = await openSession(t, db.url)
  for (const [statement, name, problem] of [
    [
      "update ledger.journals set effective_at = effective_at + '1 us'",
      'adjustment transfer',
      'altered',
    ],
    ['update ledger.journals set effective_at = null', 'adjustment transfer', 'altered'],
    ['update ledger.adjustments set amount = 6', 'adjustment transfer', undefined],
  ] as const) {
    await owner.query('begin')
    await owner.query(`${statement} where journal_id = (select max(journal_id) from journals)`)
    const names = (await audit(owner)).map(row => row.check_name)
    const problems = (await owner.query('select * from verify_chain()')).map(row => row.problem)
    await owner.query('rollback')
    t.same(names, [name], statement)
    t.same(problems, problem === undefined ? [] : [problem], statement)
  }
})
