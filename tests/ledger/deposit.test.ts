import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { audit, balances, createMarket, noon, type Queryable } from '../helpers/market.ts'
import { openSession, untilBlocked } from '../helpers/session.ts'

const later = '2026-03-02T12:00:01Z'

async function market(t: Test): Promise<TestDatabase> {
  const db = await testDatabase(t)
  await createMarket(db, { traders: { alice: {}, bob: {} } })
  await db.query("select api.create_asset(1, 'JPY', 0, $1)", [noon])
  return db
}

const deposit = (
  db: Queryable,
  { client = 'alice', asset = 'USD', amount = '100', key = 'first', now = noon } = {},
) => db.query('select * from api.deposit(1, $1, $2, $3, $4, $5)', [client, asset, amount, key, now])

/** What a refused deposit must not leave: a row anywhere. */
const traces = (db: Queryable) =>
  db.query(`select
    (select count(*)::int from ledger.deposits) as deposits,
    (select count(*)::int from ledger.transfers) as transfers,
    (select count(*)::int from ledger.journals) as journals,
    (select sum(abs(posted))::text from ledger.accounts) as money`)

t.test('a deposit is one transfer from the world outside to the participant', async t => {
  const db = await market(t)

  const [row] = await deposit(db, { amount: '1234.56000000' })

  t.match(row, {
    transfer_id: /^\d+-1$/,
    client_id: 'alice',
    asset: 'USD',
    amount: '1234.56',
    idempotency_key: 'first',
    created_at: new Date(noon),
  })
  t.same(await balances(db, 'alice'), { USD: '1234.56 0 0 0' })
  t.same(await balances(db, 'external'), { USD: '-1234.56 0 0 0' }, 'its debt, below zero')
  const transfers = await db.query(`
    select t.kind, d.client_id as debit, c.client_id as credit,
      trim_scale(t.amount)::text as amount, j.kind as journal, j.finality_no, j.transfer_count
    from ledger.transfers as t
    join ledger.journals as j using (segment_id, journal_id)
    join reference.participants as d on d.participant_id = t.debit_participant_id
    join reference.participants as c on c.participant_id = t.credit_participant_id`)
  t.strictSame(transfers, [
    {
      kind: 'DEPOSIT',
      debit: 'external',
      credit: 'alice',
      amount: '1234.56',
      journal: 'DEPOSIT',
      finality_no: '1',
      transfer_count: 1,
    },
  ])
})

t.test('a repeat of the key answers with the first deposit and books nothing', async t => {
  const db = await market(t)
  const [first] = await deposit(db)
  const before = await traces(db)

  const [again] = await deposit(db, { amount: '100.00', now: later })

  t.strictSame(again, first, 'its first time included')
  t.strictSame(await traces(db), before)
})

t.test('a key that was used for another deposit is refused, and nothing is booked', async t => {
  const db = await market(t)
  await deposit(db)
  const before = await traces(db)

  const refused = { code: 'RJKEY', hint: 'KEY_REUSED', column: 'idempotency_key' }
  await t.rejects(deposit(db, { amount: '101' }), refused, 'another amount')
  await t.rejects(deposit(db, { asset: 'BTC' }), refused, 'another asset')
  t.strictSame(await traces(db), before)

  await deposit(db, { client: 'bob' })
  t.same(
    await balances(db, 'bob'),
    { USD: '100 0 0 0' },
    "another participant's key is another key",
  )
})

t.test('an amount must be a positive multiple of the unit', async t => {
  const db = await market(t)
  const before = await traces(db)
  const refused = { code: 'IVAMT', hint: 'AMOUNT_UNIT', column: 'amount' }

  for (const amount of ['0', '-1', '0.000000001', '1.123456789', 'NaN', 'Infinity', '-Infinity']) {
    await t.rejects(deposit(db, { amount, key: `key ${amount}` }), refused, amount)
  }
  await t.rejects(deposit(db, { asset: 'JPY', amount: '0.5' }), refused, 'no decimals at all')
  await t.rejects(db.query("select api.deposit(1, 'alice', 'USD', null, 'k', now())"), refused)
  t.strictSame(await traces(db), before)

  await deposit(db, { amount: '0.00000001', key: 'the unit itself' })
  await deposit(db, { asset: 'JPY', amount: '1.000', key: 'zeros behind are no decimals' })
  t.same(await balances(db, 'alice'), { JPY: '1 0 0 0', USD: '0.00000001 0 0 0' })
})

t.test('names that nobody has are refused as such', async t => {
  const db = await market(t)
  const before = await traces(db)

  const participant = { code: 'NFPAR', hint: 'UNKNOWN_PARTICIPANT', column: 'client_id' }
  await t.rejects(deposit(db, { client: 'nobody' }), participant)
  await t.rejects(deposit(db, { client: 'Alice' }), participant, 'codes are exact')
  await t.rejects(deposit(db, { client: 'external' }), participant, 'it cannot pay itself')
  await t.rejects(deposit(db, { asset: 'XAU' }), { code: 'NFAST', hint: 'UNKNOWN_ASSET' })
  t.strictSame(await traces(db), before)

  t.match(await deposit(db, { asset: 'usd' }), [{ asset: 'USD' }], 'of an asset, in any case')
})

t.test('of two deposits with one key at the same time, one is booked', async t => {
  const db = await market(t)
  const first = await openSession(t, db.url)
  const second = await openSession(t, db.url)
  await first.query('begin')
  const [booked] = await deposit(first)
  const answer = deposit(second, { now: later })
  await untilBlocked(db, second.pid)

  await first.query('commit')

  t.strictSame(await answer, [booked])
  t.same(await balances(db, 'alice'), { USD: '100 0 0 0' })
  t.same(await audit(db), [])
})

t.test('and the other one is booked when the first is rolled back', async t => {
  const db = await market(t)
  const first = await openSession(t, db.url)
  const second = await openSession(t, db.url)
  await first.query('begin')
  await deposit(first)
  const answer = deposit(second, { now: later })
  await untilBlocked(db, second.pid)

  await first.query('rollback')

  t.match(await answer, [{ created_at: new Date(later) }])
  t.same(await balances(db, 'alice'), { USD: '100 0 0 0' })
  t.same(await audit(db), [])
})
