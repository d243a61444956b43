import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import {
  audit,
  buy,
  createMarket,
  execute,
  fund,
  noon,
  type Queryable,
  sell,
  settle,
} from '../helpers/market.ts'
import { createFlow } from '../helpers/random-flow.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'
import { openSession, untilBlocked } from '../helpers/session.ts'

const traders = ['alice', 'bob', 'carol']
const at = (day: number, time = '12:00:00') => `2026-03-0${day}T${time}Z`
const midnight = (day: number) => at(day, '00:00:00')

async function market(t: Test): Promise<TestDatabase> {
  const db = await testDatabase(t)
  const funds = { USD: '100000', BTC: '1000' }
  await createMarket(db, { traders: Object.fromEntries(traders.map(name => [name, funds])) })
  return db
}

const close = async (db: Queryable, until: string, now = at(9)): Promise<number> => {
  const text = "select ops.close_period($1, 'ann', 1, $2) as period_no"
  return (await db.query(text, [until, now]))[0]?.period_no
}
const reopen = (db: Queryable, period: number, reason = 'a mistake') =>
  db.query("select ops.reopen_period($1, $2, 'bea', 1, $3)", [period, reason, at(9)])
const seal = (db: Queryable) => db.query('select ops.seal_periods(1, $1)', [at(9)])
const checksum = async (db: Queryable, period: number): Promise<string> =>
  (await db.query('select pack_checksum($1) as sum', [period]))[0]?.sum
const pack = (db: Queryable, period: number) =>
  db.query<{ section: string; line: string }>('select * from day_pack($1)', [period])
const closed = { code: 'STPER', hint: 'PERIOD_CLOSED' }

t.test(`the trial balance is zero per asset at any cut [LED-031] (seed ${seed})`, async t => {
  const db = await market(t)
  const next = createFlow({ random: randomNumbers(), traders, middle: 100 })
  const cuts: { now: string; accounts: string }[] = []
  for (let minute = 10; minute < 30; minute++) {
    const now = at(2, `12:${minute}:00`)
    await execute(db, 'BTC-USD', next(15), { now })
    await settle(db, { now })
    cuts.push({ now, accounts: await kept(db) })
    if (minute === 20) await close(db, at(2, '12:15:30'), now)
    if (minute === 22) await seal(db)
  }

  for (const { now, accounts } of cuts) {
    const rows = await db.query('select * from trial_balance($1)', [now])
    const sums = rows.filter(row => row.client_id === null)
    t.equal(sums.length, 2, now)
    for (const { balance, debit, credit } of sums) {
      t.equal(balance, '0')
      t.equal(debit, credit)
    }
    const derived = rows
      .filter(row => row.client_id !== null && row.balance !== '0')
      .map(({ client_id, asset, balance }) => `${client_id} ${asset} ${balance}`)
    t.equal(derived.sort().join('\n'), accounts, `what the accounts had at ${now}`)
  }
  t.ok(new Set(cuts.map(cut => cut.accounts)).size > 10, 'the cuts differ')
  t.same(await audit(db), [])
})

/** What the accounts have now, as they are kept. */
async function kept(db: Queryable): Promise<string> {
  const text = `select client_id || ' ' || asset || ' ' || trim_scale(posted::numeric) as line
    from v_balances where posted <> 0`
  return (await db.query(text))
    .map(row => row.line)
    .sort()
    .join('\n')
}

t.test('a closed period refuses postings until it is opened again [LED-030]', async t => {
  // One session: what was refused has let its locks go before the next call begins.
  const db = await openSession(t, (await market(t)).url)
  await execute(db, 'BTC-USD', [sell('bob', '1', '100'), buy('alice', '1', '100')])
  const period = await close(db, midnight(3))
  const before = await db.query('select * from v_balances')

  await t.rejects(fund(db, 'alice', 'USD', '1', at(2, '23:59:59.999999')), closed)
  await t.rejects(settle(db, { now: at(2) }), closed)
  t.same(await db.query('select * from v_balances'), before)
  t.match(await settle(db, { now: midnight(3) }), { settled: 1 }, 'the first moment behind it')

  for (const reason of ['', ' ', null, 'x'.repeat(501)]) {
    const text = 'select reopen_period($1, $2)'
    await t.rejects(db.query(text, [period, reason]), { code: 'IVRSN', hint: 'REASON_MISSING' })
  }
  await t.rejects(fund(db, 'alice', 'USD', '1', at(2)), closed)
  await reopen(db, period, 'a deposit was forgotten')
  await fund(db, 'alice', 'USD', '1', at(2))
  const again = await close(db, midnight(3))

  await t.rejects(fund(db, 'alice', 'USD', '1', at(2)), closed)
  t.match(await db.query('select * from v_periods'), [
    { period_no: again, closed_by: 'ann', reopened_at: null },
    { period_no: period, reopened_by: 'bea', reopen_reason: 'a deposit was forgotten' },
  ])
  t.same(await audit(db), [])
})

t.test('what cannot be closed or opened is said', async t => {
  const db = await market(t)
  const bad = { code: 'IVPER', hint: 'BAD_PERIOD' }
  await t.rejects(close(db, at(9, '12:00:01')), bad, 'the future')
  await t.rejects(close(db, 'infinity'), bad)
  await t.rejects(close(db, '-infinity'), bad)
  await t.rejects(db.query("select ops.close_period(null, 'ann')"), bad)
  await t.rejects(db.query("select ops.close_period($1, '')", [midnight(3)]), { code: 'IVOPR' })
  const first = await close(db, midnight(3))
  const second = await close(db, midnight(4))
  await t.rejects(close(db, midnight(4)), closed)
  await t.rejects(close(db, midnight(3)), closed)
  await t.rejects(reopen(db, 77), { code: 'NFPER', hint: 'UNKNOWN_PERIOD' })
  await t.rejects(db.query('select * from day_pack(77)'), { code: 'NFPER' })
  await t.rejects(checksum(db, 77), { code: 'NFPER' })

  await reopen(db, first)

  const opened = await db.query('select period_no, reopened_by from v_periods order by 1')
  t.same(opened, [
    { period_no: first, reopened_by: 'bea' },
    { period_no: second, reopened_by: 'bea' },
  ])
  await t.rejects(reopen(db, second), { code: 'STPER', hint: 'PERIOD_OPEN' })
  t.same(await audit(db), [])
})

t.test(
  'a posting in flight is in the period, one behind the close is refused [LED-030]',
  async t => {
    const db = await market(t)
    const [early, closer, late] = [
      await openSession(t, db.url),
      await openSession(t, db.url),
      await openSession(t, db.url),
    ]
    await execute(db, 'BTC-USD', [sell('bob', '1', '100'), buy('alice', '1', '100')])
    await early.query('begin')
    await fund(early, 'carol', 'USD', '1', at(2))
    const closing = close(closer, midnight(3))
    await untilBlocked(db, closer.pid)
    const posting = t.rejects(settle(late, { now: at(2) }), closed)
    await untilBlocked(db, late.pid)

    await early.query('commit')

    const period = await closing
    await posting
    const [row] = await db.query('select last_finality_no from v_periods')
    t.same(row, { last_finality_no: '7' })
    t.ok((await pack(db, period)).some(line => line.line === 'DEPOSIT,DEPOSIT,USD,4,300001'))
    t.same(await audit(db), [])
  },
)

/** Three days of trading, netting and late settlement; each closed at its end. */
async function days(db: Queryable): Promise<number[]> {
  const next = createFlow({ random: randomNumbers(), traders, middle: 100 })
  await db.query("select create_netting_set('day', 'NET', p_now => $1)", [noon])
  const options = JSON.stringify({ maker_rate: '-0.001', taker_rate: '0.002' })
  const symbol = "select matching.create_symbol(1, 'ETH-USD', 0.01, 0.001, $1, $2)"
  await db.query(symbol, [options, noon])
  for (const trader of traders) await fund(db, trader, 'ETH', '1000')
  await db.query("select set_netting('ETH-USD', 'day')")
  const periods: number[] = []
  for (const day of [2, 3, 4]) {
    const now = at(day, '13:00:00')
    for (const symbol of ['BTC-USD', 'ETH-USD']) await execute(db, symbol, next(60), { now })
    await settle(db, { now, limit: 10 })
    if (day > 2) {
      await db.query("select ops.close_window('day', 1, $1)", [now])
      await db.query('select clearing.run_windows(1, $1)', [now])
    }
    periods.push(await close(db, midnight(day + 1), at(day + 1, '00:05:00')))
  }
  return periods
}

t.test(`a pack made later has its checksum [LED-032] (seed ${seed})`, async t => {
  const db = await market(t)
  const periods = await days(db)
  const worker = await openSession(t, db.workerUrl)
  await seal(worker)
  const sealed = await db.query('select period_no, checksum from v_periods order by 1')
  t.equal(new Set(sealed.map(row => row.checksum)).size, 3)
  const lines = (await Promise.all(periods.map(no => pack(db, no)))).flat()
  for (const section of ['TRADE', 'FEE', 'TRANSFER', 'BALANCE', 'NET', 'FAIL']) {
    t.ok(
      lines.some(line => line.section === section),
      section,
    )
  }
  const traded = lines.filter(line => line.section === 'TRADE').map(line => line.line.split(',')[0])
  const [all] = await db.query('select count(*)::int as trades from trades')
  t.equal(traded.length, all?.trades)
  t.equal(new Set(traded).size, all?.trades, 'each trade in one pack')

  // The world goes on: what was pending settles, money leaves, names change.
  for (let claimed = 1; claimed > 0; ) claimed = (await settle(db, { now: at(6) })).claimed
  await db.query("select ops.close_window('day', 1, $1)", [at(6)])
  await db.query('select clearing.run_windows(1, $1)', [at(6)])
  await fund(db, 'alice', 'USD', '5', at(6))
  await execute(db, 'BTC-USD', [sell('bob', '1', '100'), buy('alice', '1', '100')], { now: at(6) })
  await close(db, midnight(7))
  await seal(worker)

  for (const { period_no, checksum: sum } of sealed) t.equal(await checksum(db, period_no), sum)
  t.same(await audit(db), [])

  const owner = await openSession(t, db.url)
  for (const tampering of [
    `update matching.trades set price = price + 0.01 where trade_id = ${traded[0]}`,
    `delete from matching.trades where trade_id = ${traded[0]}`,
    "update ledger.transfers set amount = amount + 1 where kind = 'PAYMENT'",
    'update clearing.nets set amount = 0, gross_in = 0, gross_out = 0',
    "update settlement.settled_instructions set settled_at = '2026-03-02T13:00:00Z'",
    "insert into ops.breaks values (1, default, 'X', 0, 1, 'k', 'a', 'b', '2026-03-02', null)",
  ]) {
    await owner.query('begin')
    await owner.query('set local session_replication_role = replica')
    await owner.query(tampering)
    const sums = await owner.query(
      'select p.period_no, pack_checksum(p.period_no) as checksum from v_periods as p order by 1',
    )
    await owner.query('rollback')
    t.notSame(sums.slice(0, 3), sealed, tampering)
  }
})

t.test('a trade that is committed behind the close is in the next pack [LED-032]', async t => {
  const db = await market(t)
  const slow = await openSession(t, db.url)
  await execute(db, 'BTC-USD', [sell('bob', '2', '100'), buy('alice', '1', '100')])
  await slow.query('begin')
  await execute(slow, 'BTC-USD', [buy('alice', '1', '100')])
  const first = await close(db, midnight(3))
  await slow.query('commit')
  const second = await close(db, midnight(4))

  const count = async (period: number) =>
    (await pack(db, period)).filter(line => line.section === 'TRADE').length
  t.same([await count(first), await count(second)], [1, 1])
  const [sum] = [await checksum(db, first)]
  await settle(db, { now: at(6) })
  t.equal(await checksum(db, first), sum)
})

t.test('audit() names what was done to a closed period', async t => {
  const db = await market(t)
  const period = await close(db, midnight(3))
  await seal(db)
  t.same(await audit(db), [])
  const owner = await openSession(t, db.url)
  for (const [tampering, name] of [
    ['update ledger.period_balances set posted = posted + 1', 'period balance'],
    ['delete from ledger.period_balances', 'period balance'],
    ["update ledger.segment_state set closed_until = '-infinity'", 'closed until'],
    ['update ledger.periods set last_finality_no = 1', 'posted into a closed period'],
  ] as const) {
    await owner.query('begin')
    await owner.query(tampering)
    const names = new Set((await audit(owner)).map(row => row.check_name))
    await owner.query('rollback')
    t.same([...names], [name], tampering)
  }
  await reopen(db, period)
  t.same(await audit(db), [], 'opened again it is nothing that anybody counts on')
})
