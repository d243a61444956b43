import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import {
  audit,
  balances,
  buy,
  createMarket,
  execute,
  fund,
  type MarketPlan,
  noon,
  type Queryable,
  sell,
  settle,
} from '../helpers/market.ts'
import { openSession, untilBlocked } from '../helpers/session.ts'

const later = '2026-03-02T12:00:05Z'

async function market(t: Test, symbols?: MarketPlan['symbols']): Promise<TestDatabase> {
  const db = await testDatabase(t)
  const traders = { alice: { USD: '100000' }, bob: { BTC: '10' } }
  await createMarket(db, { traders, ...(symbols && { symbols }) })
  return db
}

/** Trades between alice, who buys, and bob, one instruction each. */
async function trade(db: Queryable, count: number): Promise<void> {
  const pair = [sell('bob', '0.01', '50000'), buy('alice', '0.01', '50000')]
  await execute(db, 'BTC-USD', Array.from({ length: count }, () => pair).flat())
}

const transfers = (db: Queryable) =>
  db.query(`
    select t.line_no, t.kind, a.asset, d.client_id as debit, c.client_id as credit,
      trim_scale(t.amount)::text as amount
    from ledger.transfers as t
    join reference.assets as a using (asset_id)
    join reference.participants as d on d.participant_id = t.debit_participant_id
    join reference.participants as c on c.participant_id = t.credit_participant_id
    where t.instruction_id is not null
    order by t.instruction_id, t.kind`)

const house = async (db: Queryable) => (await balances(db, 'house')).USD

t.test('[SET-002] a trade settles as delivery against payment, to the last digit', async t => {
  const db = await market(t)
  await execute(db, 'BTC-USD', [sell('bob', '2', '50000'), buy('alice', '0.5', '50000')])
  t.same(await balances(db, 'alice'), { USD: '74950 25050 0 25050', BTC: '0 0 0.5 0' })
  t.same(await balances(db, 'bob'), { BTC: '8 2 0 0.5', USD: '0 0 24975 0' })

  const pass = await settle(db, { now: later })

  t.strictSame(pass, { claimed: 1, settled: 1, put_aside: 0, last_symbol_id: 1 })
  t.same(await balances(db, 'alice'), { USD: '74950 0 0 0', BTC: '0.5 0 0 0' })
  t.same(await balances(db, 'bob'), { BTC: '8 1.5 0 0', USD: '24975 0 0 0' })
  t.equal(await house(db), '75 0 0 0', '50 from the taker, 25 from the maker')
  t.strictSame(
    (await transfers(db)).map(({ line_no: _, ...row }) => row),
    [
      { kind: 'DELIVERY', asset: 'BTC', debit: 'bob', credit: 'alice', amount: '0.5' },
      { kind: 'PAYMENT', asset: 'USD', debit: 'alice', credit: 'bob', amount: '25000' },
      { kind: 'BUYER_FEE', asset: 'USD', debit: 'alice', credit: 'house', amount: '50' },
      { kind: 'SELLER_FEE', asset: 'USD', debit: 'bob', credit: 'house', amount: '25' },
    ],
  )
  const [settled] = await db.query(`
    select s.attempts, s.created_at, s.settled_at, j.kind, j.transfer_count, j.finality_no,
      j.instruction_ids, j.posted_at
    from settlement.settled_instructions as s
    join ledger.journals as j using (segment_id, journal_id)`)
  t.strictSame(settled, {
    attempts: 1,
    created_at: new Date(noon),
    settled_at: new Date(later),
    kind: 'SETTLEMENT',
    transfer_count: 4,
    finality_no: '3',
    instruction_ids: ['1000000000002'],
    posted_at: new Date(later),
  })
  t.same(await audit(db), [])
})

t.test('[SET-002] a fee is rounded up to the unit once, over all fills of an order', async t => {
  const db = await testDatabase(t)
  // 0.07 x 0.001 = 0.00007; the unit of JPY is 1, so one fill costs 1 and ten cost 1.
  const symbols = {
    'BTC-JPY': { tick: '1', lot: '1', quote_decimals: '0', maker_rate: '0.01', taker_rate: '0.02' },
  }
  const traders = { alice: { JPY: '1000' }, bob: { BTC: '10' } }
  await db.query("select api.create_asset(1, 'JPY', 0, $1)", [noon])
  await createMarket(db, { symbols, traders })
  const asks = Array.from({ length: 3 }, () => sell('bob', '1', '7'))
  await execute(db, 'BTC-JPY', [...asks, buy('alice', '3', '7')])

  await settle(db)

  t.same(await balances(db, 'alice'), { BTC: '3 0 0 0', JPY: '978 0 0 0' }, '3 x 7 and ceil(0.42)')
  t.same(await balances(db, 'bob'), { BTC: '7 0 0 0', JPY: '18 0 0 0' }, 'three orders, ceil(0.07)')
  t.same(await balances(db, 'house'), { JPY: '4 0 0 0' })
  const fees = (await transfers(db)).filter(row => row.kind === 'BUYER_FEE')
  t.match(fees, [{ amount: '1' }], 'the second and third fill owe nothing more')
  t.same(await audit(db), [])
})

t.test('a rebate is paid by the house out of the fee', async t => {
  const db = await market(t, { 'BTC-USD': { maker_rate: '-0.0005', taker_rate: '0.002' } })
  await execute(db, 'BTC-USD', [sell('bob', '1', '50000'), buy('alice', '0.5', '50000')])

  await settle(db)

  t.same((await balances(db, 'bob')).USD, '25012.5 0 0 0')
  t.equal(await house(db), '37.5 0 0 0')
  const [rebate] = (await transfers(db)).filter(row => row.kind === 'SELLER_FEE')
  t.match(rebate, { debit: 'house', credit: 'bob', amount: '12.5' })
  t.same(await audit(db), [])
})

t.test('without fees there are two transfers', async t => {
  const db = await market(t, { 'BTC-USD': { maker_rate: '0', taker_rate: '0' } })
  await trade(db, 1)

  await settle(db)

  t.match(await transfers(db), [{ kind: 'DELIVERY' }, { kind: 'PAYMENT' }])
  t.same(await audit(db), [])
})

t.test('[SET-002] a batch is one journal: its transfers are final together', async t => {
  const db = await market(t)
  await trade(db, 30)

  const pass = await settle(db, { limit: 25 })

  t.strictSame([pass.claimed, pass.settled, pass.put_aside], [25, 25, 0])
  const journals = await db.query(
    `select transfer_count, cardinality(instruction_ids) as instructions from ledger.journals
    where kind = 'SETTLEMENT'`,
  )
  t.strictSame(journals, [{ transfer_count: 100, instructions: 25 }])
  t.same(await audit(db), [], 'half settled is healthy too')
})

t.test('[SET-001] what is settled is not settled again', async t => {
  const db = await market(t)
  await trade(db, 3)
  await settle(db)
  const before = [await transfers(db), await balances(db, 'alice')]

  const again = await settle(db)
  const ids = ['1000000000002', '1000000000004']
  const [direct] = await db.query('select settlement.settle_instructions(1, $1, $2) as settled', [
    noon,
    ids,
  ])

  t.strictSame([again.claimed, again.settled], [0, 0])
  t.strictSame(direct, { settled: 0 })
  t.strictSame([await transfers(db), await balances(db, 'alice')], before)
})

t.test('[SET-001] two workers share the work, and each instruction settles once', async t => {
  const db = await market(t)
  await trade(db, 10)
  const first = await openSession(t, db.workerUrl)
  const second = await openSession(t, db.workerUrl)
  await first.query('begin')
  t.match(await settle(first, { limit: 4 }), { claimed: 4, settled: 4, last_symbol_id: 1 })

  const rest = settle(second, { limit: 100 })
  await untilBlocked(db, second.pid)
  await first.query('commit')

  t.match(await rest, { claimed: 6, settled: 6, put_aside: 0 }, 'it waited for the accounts only')
  const [row] = await db.query(
    `select count(*)::int, count(distinct instruction_id)::int as distinct
    from settled_instructions`,
  )
  t.strictSame(row, { count: 10, distinct: 10 })
  t.same(await audit(db), [])
})

t.test('[SET-001] a worker that is killed in its batch leaves all of it to the next', async t => {
  const db = await market(t)
  await trade(db, 10)
  const before = await balances(db, 'alice')
  const killed = await openSession(t, db.workerUrl)
  await killed.query('begin')
  t.match(await settle(killed), { settled: 10 })

  await db.query('select pg_terminate_backend($1, 10000)', [killed.pid])

  t.same(await balances(db, 'alice'), before)
  t.match(await settle(db), { claimed: 10, settled: 10 })
  t.same(await audit(db), [])
})

/** The symbols of each journal's instructions, in the order in which they were settled. */
async function order(db: Queryable): Promise<string[]> {
  const rows = await db.query(`
    select (select string_agg((i / 1000000000000)::text, ' ' order by n)
      from unnest(j.instruction_ids) with ordinality as x (i, n)) as symbols
    from ledger.journals as j where j.kind = 'SETTLEMENT' order by j.finality_no`)
  return rows.map(row => row.symbols)
}

t.test('a worker goes on behind its last symbol, so that each has its turn', async t => {
  const db = await market(t, { 'BTC-USD': {}, 'ETH-USD': {} })
  await fund(db, 'bob', 'ETH', '10')
  await trade(db, 5)
  await execute(db, 'ETH-USD', [sell('bob', '1', '10'), buy('alice', '1', '10')])

  const first = await settle(db, { limit: 3 })
  const second = await settle(db, { limit: 3, after: first.last_symbol_id })

  t.match(first, { settled: 3, last_symbol_id: 1 })
  t.match(second, { settled: 3, last_symbol_id: 1 }, 'one of the other symbol, and round')
  t.same(await order(db), ['1 1 1', '2 1 1'])
  t.match(await settle(db, { limit: 3, after: 1 }), { claimed: 0, last_symbol_id: 1 })
})

t.test('settlement at another isolation level is refused by name', async t => {
  const db = await market(t)
  await trade(db, 1)
  const session = await openSession(t, db.workerUrl)

  for (const level of ['repeatable read', 'serializable']) {
    await session.query(`begin isolation level ${level}`)
    await t.rejects(settle(session), { code: 'STISO' }, level)
    await session.query('rollback')
  }
  t.match(await settle(session), { settled: 1 })
})
