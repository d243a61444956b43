import t from 'tap'
import { testDatabase } from '../helpers/database.ts'
import {
  audit,
  buy,
  createMarket,
  execute,
  type Queryable,
  sell,
  settle,
} from '../helpers/market.ts'
import { openSession, untilBlocked } from '../helpers/session.ts'

const maintain = async (db: Queryable, now: string) => {
  const rows = await db.query('select ops.maintain_partitions($1) as name', [now])
  return rows.map(row => row.name)
}

/** The partitions of a table with the range of each, in UTC. */
const partitions = (db: Queryable, table: string) =>
  db.query(
    `select i.inhrelid::regclass::text as name,
      pg_get_expr(c.relpartbound, c.oid) as bounds
    from pg_inherits as i join pg_class as c on c.oid = i.inhrelid
    where i.inhparent = $1::regclass order by 1`,
    [table],
  )

const monthly = ['command_log', 'events', 'orders', 'settled_instructions', 'transfers']

t.test('partitions are made for months and days ahead, and no second time', async t => {
  const db = await testDatabase(t)

  const made = await maintain(db, '2031-11-30T23:59:59.999999Z')

  const months = ['2031_11', '2031_12', '2032_01', '2032_02']
  const days = ['11_30', '12_01', '12_02', '12_03', '12_04', '12_05', '12_06', '12_07']
  t.same(
    made.sort(),
    [
      ...monthly.flatMap(table => months.map(month => `${table}_${month}`)),
      ...days.map(day => `trades_2031_${day}`),
    ].sort(),
  )
  t.same(await maintain(db, '2031-11-30T23:59:59.999999Z'), [])
  t.same((await maintain(db, '2031-12-01T00:00:00Z')).sort(), [
    'command_log_2032_03',
    'events_2032_03',
    'orders_2032_03',
    'settled_instructions_2032_03',
    'trades_2031_12_08',
    'transfers_2032_03',
  ])
})

t.test('bounds are midnights of UTC, whatever the time zone of the session', async t => {
  const db = await testDatabase(t)
  const far = await openSession(t, db.url, '-c timezone=Pacific/Kiritimati')

  await maintain(far, '2031-12-31T23:00:00Z')

  const utc = await openSession(t, db.url, '-c timezone=UTC')
  const orders = await partitions(utc, 'matching.orders')
  t.match(
    orders.find(row => row.name === 'orders_2031_12'),
    { bounds: "FOR VALUES FROM ('2031-12-01 00:00:00+00') TO ('2032-01-01 00:00:00+00')" },
  )
  const trades = await partitions(utc, 'matching.trades')
  t.match(
    trades.find(row => row.name === 'trades_2031_12_31'),
    { bounds: "FOR VALUES FROM ('2031-12-31 00:00:00+00') TO ('2032-01-01 00:00:00+00')" },
  )
})

t.test('leap days, ends of years and years far off are days like others', async t => {
  const db = await testDatabase(t)

  for (const day of ['2028-02-28', '2032-02-29', '2099-12-31', '2100-02-28', '2400-02-27']) {
    await maintain(db, `${day}T12:00:00Z`)
    t.same(await maintain(db, `${day}T12:00:00Z`), [], day)
  }
  const names = (await partitions(db, 'matching.trades')).map(row => row.name)
  t.ok(names.includes('trades_2028_02_29'))
  t.ok(names.includes('trades_2032_03_01'))
  t.ok(names.includes('trades_2100_01_01'))
  t.notOk(names.includes('trades_2100_02_29'), '2100 has none')
})

t.test('configuration decides how far ahead', async t => {
  const db = await testDatabase(t)
  await db.query("update partition_retention_config set ahead = 0 where table_name <> 'trades'")
  await db.query("update partition_retention_config set ahead = 1 where table_name = 'trades'")

  const made = await maintain(db, '2031-05-05T00:00:00Z')

  const names = [...monthly.map(table => `${table}_2031_05`)]
  t.same(made.sort(), [...names, 'trades_2031_05_05', 'trades_2031_05_06'].sort())
})

t.test('rows that fell into a default partition are moved where they belong', async t => {
  const db = await testDatabase(t)
  await createMarket(db, { traders: { alice: { USD: '1000' }, bob: { BTC: '10' } } })
  const now = '2033-07-14T10:00:00Z'
  await execute(db, 'BTC-USD', [sell('bob', '1', '100'), buy('alice', '0.5', '100')], { now })
  await settle(db, { now })
  const where = () =>
    db.query(`
      select tableoid::regclass::text as part, count(*)::int from matching.orders group by 1
      union all select tableoid::regclass::text, count(*)::int from matching.trades group by 1
      union all select tableoid::regclass::text, count(*)::int from matching.events group by 1
      union all select tableoid::regclass::text, count(*)::int
      from settlement.settled_instructions group by 1
      union all select tableoid::regclass::text, count(*)::int from ledger.transfers
      where instruction_id is not null group by 1 order by 1`)
  t.same(await where(), [
    { part: 'events_default', count: 3 },
    { part: 'orders_default', count: 2 },
    { part: 'settled_instructions_default', count: 1 },
    { part: 'trades_default', count: 1 },
    { part: 'transfers_default', count: 4 },
  ])

  await maintain(db, now)

  t.same(await where(), [
    { part: 'events_2033_07', count: 3 },
    { part: 'orders_2033_07', count: 2 },
    { part: 'settled_instructions_2033_07', count: 1 },
    { part: 'trades_2033_07_14', count: 1 },
    { part: 'transfers_2033_07', count: 4 },
  ])
  t.same(await audit(db), [])
  await execute(db, 'BTC-USD', [buy('alice', '0.5', '100')], { now })
  t.match(await settle(db, { now }), { settled: 1 }, 'and it goes on from there')
  t.same(await audit(db), [])
})

t.test('a new partition is as its parent: keys, checks, privileges', async t => {
  const db = await testDatabase(t)
  await maintain(db, '2031-05-05T00:00:00Z')

  const shape = (table: string) =>
    db.query(
      `select pg_get_constraintdef(oid) as def, contype from pg_constraint
      where conrelid = $1::regclass and contype in ('p', 'c') order by contype, def`,
      [table],
    )
  const [indexes] = await db.query(`
    select count(*) filter (where indrelid = 'matching.orders'::regclass) as parent,
      count(*) filter (where indrelid = 'matching.orders_2031_05'::regclass) as part
    from pg_index`)
  const [may] = await db.query(`select
    has_table_privilege('pgsettle_app', 'matching.orders_2031_05', 'select') as app,
    has_table_privilege('pgsettle_worker', 'matching.orders_2031_05', 'insert, update, delete')
      as worker,
    has_table_privilege('pgsettle_auditor', 'matching.orders_2031_05', 'select') as auditor,
    has_table_privilege('pgsettle_auditor', 'matching.orders_2031_05', 'update') as auditor_writes`)

  t.same(await shape('matching.orders_2031_05'), await shape('matching.orders'))
  t.equal(indexes?.part, indexes?.parent)
  t.same(may, { app: false, worker: false, auditor: true, auditor_writes: false })
})

t.test('of several at once one makes them, and the others find them there', async t => {
  const db = await testDatabase(t)
  const sessions = await Promise.all(Array.from({ length: 6 }, () => openSession(t, db.url)))

  const made = await Promise.all(sessions.map(one => maintain(one, '2031-05-05T00:00:00Z')))

  t.same(
    made.map(names => names.length).sort((a, b) => a - b),
    [0, 0, 0, 0, 0, 28],
  )
})

t.test(
  'it waits two seconds for orders that run, and gives up rather than hold them up',
  async t => {
    const db = await testDatabase(t)
    await createMarket(db, { traders: { bob: { BTC: '10' } } })
    const trading = await openSession(t, db.url)
    await trading.query('begin')
    // Where no partition stands for it, an order is in the default one, which has to be searched.
    const now = '2031-05-05T00:00:00Z'
    await execute(trading, 'BTC-USD', [sell('bob', '1', '100')], { now })
    const maintaining = await openSession(t, db.workerUrl)

    const made = maintain(maintaining, now).catch(error => error.code)
    await untilBlocked(db, maintaining.pid)

    t.equal(await made, '55P03')
    await trading.query('commit')
    t.equal((await maintain(maintaining, now)).length, 28, 'and next time it can')
  },
)
