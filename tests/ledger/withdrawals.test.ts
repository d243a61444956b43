import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import {
  audit,
  balances,
  buy,
  createMarket,
  execute,
  noon,
  type Queryable,
} from '../helpers/market.ts'
import { openSession, untilBlocked } from '../helpers/session.ts'

async function market(t: Test): Promise<TestDatabase> {
  const db = await testDatabase(t)
  await createMarket(db, { traders: { alice: { USD: '100', BTC: '1' }, bob: { USD: '100' } } })
  return db
}

const request = (
  db: Queryable,
  { client = 'alice', asset = 'USD', amount = '40', key = 'first', by = 'ann', now = noon } = {},
) => {
  const text = 'select * from api.request_withdrawal(1, $1, $2, $3, $4, $5, $6)'
  return db.query(text, [client, asset, amount, key, by, now])
}
const approve = (db: Queryable, id: string, by = 'bea', now = noon) =>
  db.query('select * from api.approve_withdrawal(1, $1, $2, $3)', [id, by, now])
const reject = (db: Queryable, id: string, by = 'bea', reason = 'not known', now = noon) =>
  db.query('select * from api.reject_withdrawal(1, $1, $2, $3, $4)', [id, by, reason, now])

const hours = (count: number, more = 0) =>
  new Date(Date.parse(noon) + count * 3_600_000 + more).toISOString()

t.test('[LED-020] what is asked for is held, and leaves when another approves', async t => {
  const db = await market(t)

  const [asked] = await request(db)

  t.match(asked, {
    withdrawal_id: '1',
    client_id: 'alice',
    asset: 'USD',
    amount: '40',
    idempotency_key: 'first',
    status: 'PENDING',
    requested_by: 'ann',
    decided_by: null,
    transfer_id: null,
  })
  t.match(await balances(db, 'alice'), { USD: '60 40 0 0' })
  t.match(await db.query("select * from v_holds where cause = 'WITHDRAWAL'"), [
    { cause_id: '1', amount: '40' },
  ])
  t.same(await audit(db), [])
  const [order] = await execute(db, 'BTC-USD', [buy('alice', '1', '60')])
  t.equal(order?.reject_code, 'INSUFFICIENT_FUNDS', 'what is held cannot be spent')

  const [posted] = await approve(db, '1', 'bea', hours(1))

  t.match(posted, {
    status: 'POSTED',
    decided_by: 'bea',
    decided_at: new Date(hours(1)),
    transfer_id: /^\d+-1$/,
  })
  t.match(await balances(db, 'alice'), { USD: '60 0 0 0' })
  t.match(await balances(db, 'external'), { USD: '-160 0 0 0' })
  const transfers = await db.query(`
    select t.kind, d.client_id as debit, c.client_id as credit, t.amount, j.kind as journal
    from ledger.transfers as t join ledger.journals as j using (segment_id, journal_id)
    join reference.participants as d on d.participant_id = t.debit_participant_id
    join reference.participants as c on c.participant_id = t.credit_participant_id
    where t.kind = 'WITHDRAWAL'`)
  t.same(transfers, [
    { kind: 'WITHDRAWAL', debit: 'alice', credit: 'external', amount: '40', journal: 'WITHDRAWAL' },
  ])
  t.same(await audit(db), [])
  t.same(await db.query('select * from verify_chain()'), [])
})

t.test('[LED-020] what is rejected is available again; nothing was posted', async t => {
  const db = await market(t)
  await request(db)

  const [rejected] = await reject(db, '1')

  t.match(rejected, { status: 'REJECTED', decided_by: 'bea', reject_reason: 'not known' })
  t.match(await balances(db, 'alice'), { USD: '100 0 0 0' })
  t.same(await db.query("select from ledger.transfers where kind = 'WITHDRAWAL'"), [])
  await request(db, { key: 'taken back', amount: '100' })
  await reject(db, '2', 'ann')
  t.match(await balances(db, 'alice'), { USD: '100 0 0 0' }, 'who asked may take it back')
  await t.rejects(reject(db, '2', 'ann', ' '), { code: 'IVRSN', column: 'reason' })
  t.same(await audit(db), [])
})

t.test(
  '[LED-020] a withdrawal is decided once; the same decision again changes nothing',
  async t => {
    const db = await market(t)
    await request(db)
    const [posted] = await approve(db, '1')

    t.strictSame((await approve(db, '1', 'bea', hours(1)))[0], posted)
    await t.rejects(approve(db, '1', 'cid'), { code: 'STWDR', hint: 'ALREADY_DECIDED' })
    await t.rejects(reject(db, '1'), { code: 'STWDR' })
    await request(db, { key: 'second' })
    const [rejected] = await reject(db, '2')
    t.strictSame((await reject(db, '2', 'bea', 'again', hours(1)))[0], rejected)
    await t.rejects(approve(db, '2'), { code: 'STWDR' })
    await t.rejects(approve(db, '3'), { code: 'NFWDR', hint: 'UNKNOWN_WITHDRAWAL' })
    t.match(await balances(db, 'alice'), { USD: '60 0 0 0' })
    t.same(await audit(db), [])
  },
)

t.test('[LED-020] of an approval and a rejection at once, the first counts', async t => {
  const db = await market(t)
  await request(db)
  await request(db, { key: 'second', amount: '10' })
  const [first, second] = [await openSession(t, db.url), await openSession(t, db.url)]
  for (const [id, early, late] of [
    ['1', approve, reject],
    ['2', reject, approve],
  ] as const) {
    await first.query('begin')
    await early(first, id)
    const answer = late(second, id, 'cid').catch(error => error.code)
    await untilBlocked(db, second.pid)

    await first.query('commit')

    t.equal(await answer, 'STWDR')
  }
  t.match(await balances(db, 'alice'), { USD: '60 0 0 0' })
  t.same(await audit(db), [])
})

t.test('[LED-022] who asked may not approve, also not the table by itself', async t => {
  const db = await market(t)
  await request(db)
  await request(db, { key: 'second', by: 'alice' })

  const refused = { code: 'RJSLF', hint: 'SAME_OPERATOR', column: 'operator' }
  await t.rejects(approve(db, '1', 'ann'), refused)
  await t.rejects(approve(db, '1', 'ANN'), refused, 'in any case')
  await t.rejects(approve(db, '2', 'alice'), refused)
  for (const by of ['', 'ann ', 'a b', 'x'.repeat(65)]) {
    await t.rejects(approve(db, '1', by), { code: 'IVOPR', hint: 'BAD_OPERATOR' }, `"${by}"`)
  }
  const force = `update ledger.withdrawals set status = 'POSTED', decided_by = requested_by,
    decided_at = now(), journal_id = 1`
  await t.rejects(db.query(force), { code: '23514', constraint: 'approved_by_another' })
  t.match(await db.query('select distinct status from v_withdrawals'), [{ status: 'PENDING' }])

  await db.query("select approve_withdrawal(1, 'bea'), reject_withdrawal(2, 'bea', 'why')")
  t.match(await db.query('select status from v_withdrawals order by withdrawal_id'), [
    { status: 'POSTED' },
    { status: 'REJECTED' },
  ])
})

t.test('a repeat of the key answers with the withdrawal as it is, and holds nothing', async t => {
  const db = await market(t)
  const [first] = await request(db)

  t.strictSame((await request(db, { amount: '40.00', now: hours(1), by: 'cid' }))[0], first)
  t.match(await balances(db, 'alice'), { USD: '60 40 0 0' })
  const refused = { code: 'RJKEY', hint: 'KEY_REUSED', column: 'idempotency_key' }
  await t.rejects(request(db, { amount: '41' }), refused)
  await t.rejects(request(db, { asset: 'BTC' }), refused)
  await request(db, { client: 'bob' })
  const [approved] = await approve(db, '1')
  t.strictSame((await request(db))[0], approved)
  t.match(await balances(db, 'alice'), { USD: '60 0 0 0' })
})

t.test('of two requests with one key at the same time, one holds', async t => {
  const db = await market(t)
  const [first, second] = [await openSession(t, db.url), await openSession(t, db.url)]
  await first.query('begin')
  const [asked] = await request(first)
  const answer = request(second, { now: hours(1) })
  await untilBlocked(db, second.pid)

  await first.query('commit')

  t.strictSame(await answer, [asked])
  t.match(await balances(db, 'alice'), { USD: '60 40 0 0' })
})

t.test('what cannot be asked for is refused and leaves no trace', async t => {
  const db = await market(t)
  const refusals = [
    [{ amount: '100.00000001' }, 'RJFND'],
    [{ asset: 'ETH', amount: '1' }, 'NFAST'],
    [{ client: 'nobody' }, 'NFPAR'],
    [{ client: 'external' }, 'NFPAR'],
    [{ amount: '0' }, 'IVAMT'],
    [{ amount: '-1' }, 'IVAMT'],
    [{ amount: '0.000000001' }, 'IVAMT'],
    [{ amount: 'NaN' }, 'IVAMT'],
    [{ by: 'a b' }, 'IVOPR'],
  ] as const
  for (const [fields, code] of refusals) await t.rejects(request(db, fields), { code }, code)

  t.same(await db.query('select from ledger.withdrawals'), [])
  t.match(await balances(db, 'alice'), { USD: '100 0 0 0' })
  await request(db, { amount: '100' })
  t.match(await balances(db, 'alice'), { USD: '0 100 0 0' }, 'all of it may be asked for')
})

t.test('[LED-021] no 24 hours post more than the limit', async t => {
  const db = await market(t)
  await db.query("select set_withdrawal_limit('USD', 50)")
  const passed = { code: 'RJLIM', hint: 'WITHDRAWAL_LIMIT', column: 'amount' }

  await t.rejects(request(db, { amount: '50.01' }), passed)
  await request(db, { amount: '30', key: 'a' })
  await t.rejects(request(db, { amount: '20.01', key: 'b' }), passed)
  await request(db, { amount: '20', key: 'b' })
  const late = { key: 'c', amount: '0.01' }
  await t.rejects(request(db, { ...late, now: hours(48) }), passed, 'what is pending counts')
  await reject(db, await idOf(db, 'b'))
  await approve(db, await idOf(db, 'a'), 'bea', hours(48))
  await request(db, { key: 'd', amount: '20', now: hours(49) })
  await approve(db, await idOf(db, 'd'), 'bea', hours(49))

  await t.rejects(request(db, { ...late, now: hours(72, -1) }), passed, 'a millisecond before')
  await request(db, { key: 'e', amount: '30', now: hours(72) })
  await request(db, { key: 'bob', client: 'bob', amount: '50' })
  await request(db, { key: 'btc', asset: 'BTC', amount: '1' })
  t.same(await audit(db), [])
})

const idOf = async (db: Queryable, key: string): Promise<string> => {
  const text = 'select withdrawal_id from ledger.withdrawals where idempotency_key = $1'
  return (await db.query<{ withdrawal_id: string }>(text, [key]))[0]?.withdrawal_id ?? ''
}

t.test('[LED-021] a limit of one’s own comes before that of the asset', async t => {
  const db = await market(t)
  await db.query("select set_withdrawal_limit('USD', 10), set_withdrawal_limit('USD', 60, 'alice')")
  const passed = { code: 'RJLIM' }

  await request(db, { amount: '60' })
  await t.rejects(request(db, { client: 'bob', amount: '10.01' }), passed)
  await db.query(
    "select set_withdrawal_limit('USD', 20), set_withdrawal_limit('USD', null, 'alice')",
  )
  await request(db, { client: 'bob', amount: '20' })
  await t.rejects(request(db, { amount: '0.01', key: 'second' }), passed)
  await db.query("select set_withdrawal_limit('USD', null)")
  await request(db, { amount: '40', key: 'second' })
  await t.rejects(db.query("select set_withdrawal_limit('USD', -1)"), { code: '23514' })
  await t.rejects(db.query("select set_withdrawal_limit('USD', 1, 'nobody')"), { code: 'NFPAR' })
})
