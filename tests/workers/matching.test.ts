import pg from 'pg'
import t, { type Test } from 'tap'
import { channels } from '../../app/events/doorbell.ts'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { audit, buy, createMarket, execute, type Queryable, sell } from '../helpers/market.ts'
import { openSession } from '../helpers/session.ts'
import { until } from '../helpers/until.ts'
import { startThreads } from './threads.ts'

const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString()
const symbols = ['BTC-USD', 'ETH-USD', 'SOL-USD']

async function market(t: Test): Promise<TestDatabase> {
  const db = await testDatabase(t)
  const funds = { USD: '10000000', BTC: '1000', ETH: '1000', SOL: '1000' }
  await createMarket(db, {
    symbols: Object.fromEntries(symbols.map(name => [name, {}])),
    traders: { alice: funds, bob: funds, carol: { USD: '1000' } },
    now: inSeconds(0),
  })
  return db
}

/** The worker threads of a process. */
const start = (t: Test, db: TestDatabase, how: { isFaulty?: boolean } = {}) =>
  startThreads(t, { databaseUrl: db.workerUrl, settlementWorkers: 1 }, how)

/** Counts the rings of a channel. */
async function listen(t: Test, db: TestDatabase, channel: string): Promise<{ count: number }> {
  const rings = { count: 0 }
  const client = new pg.Client(db.url)
  client.on('notification', () => {
    rings.count++
  })
  await client.connect()
  t.teardown(() => client.end())
  await client.query(`listen ${channel}`)
  return rings
}

const later = { is_async: true }
const now = () => ({ now: inSeconds(0) })
const count = async (db: Queryable, text: string) => {
  const [row] = await db.query(`select count(*)::int from ${text}`)
  return Number(row?.count)
}
const pending = (db: Queryable) => count(db, "orders where status = 'PENDING'")

t.test('[MAT-065] an order that was accepted is matched soon, without another', async t => {
  const db = await market(t)
  await execute(db, 'BTC-USD', [sell('bob', '1', '100')], now())
  start(t, db)

  const [accepted] = await execute(db, 'BTC-USD', [buy('alice', '1', '100', later)], now())

  t.match(accepted, { status: 'PENDING', fills: [] })
  await until(async () => (await pending(db)) === 0)
  const [order] = await db.query('select status, fills from api.find_order(1, $1)', [
    accepted?.order_id,
  ])
  t.match(order, { status: 'FILLED', fills: [{ price: '100', quantity: '1', liquidity: 'TAKER' }] })
  await until(async () => (await count(db, 'settled_instructions')) === 1)
  t.same(await audit(db), [])
})

t.test('[MAT-065] in the order of acceptance, with those that do not wait', async t => {
  const db = await market(t)
  await execute(db, 'BTC-USD', [sell('bob', '1', '100')], now())
  const [first] = await execute(db, 'BTC-USD', [buy('alice', '1', '100', later)], now())
  const [second] = await execute(db, 'BTC-USD', [buy('alice', '1', '100', later)], now())

  const [third] = await execute(db, 'BTC-USD', [buy('alice', '1', '100')], now())
  start(t, db)
  await until(async () => (await pending(db)) === 0)
  await execute(db, 'BTC-USD', [sell('bob', '2', '100')], now())

  const trades = await db.query('select maker_order_id, taker_order_id from trades order by seq')
  t.same(
    trades.map(trade => [trade.taker_order_id, trade.maker_order_id].includes(first?.order_id)),
    [true, false, false],
  )
  t.same(
    trades.slice(1).map(trade => trade.maker_order_id),
    [second?.order_id, third?.order_id],
  )
  t.same(await audit(db), [])
})

t.test('[MAT-053] exits live as soon as what their entry bought is settled', async t => {
  const db = await market(t)
  const rings = await listen(t, db, channels.orders)
  const symbol = await openSession(t, db.url)
  const list = { list_no: 1, client_order_id: 'entry', list_role: 'ENTRY' }
  const exit = { list_no: 1, client_order_id: 'exit', list_role: 'EXIT' }
  await execute(
    db,
    'BTC-USD',
    [buy('carol', '1', '100', list), sell('carol', '1', '110', exit), sell('bob', '1', '100')],
    now(),
  )

  // Nobody rings for the trade: the worker finds it, settles it, and says so to the matcher, which
  // cannot have looked before: the symbol is taken.
  await symbol.query('begin')
  await symbol.query('select pg_advisory_xact_lock(1, symbol_id) from reference.symbols')
  start(t, db)
  await until(() => rings.count > 0)
  await symbol.query('rollback')
  const isOpen = "orders where client_order_id = 'exit' and status = 'OPEN'"
  await until(async () => (await count(db, isOpen)) === 1)

  t.same(await audit(db), [])
  t.same(await db.query("select * from ops.verify_replay('BTC-USD')"), [])
  await until(
    async () => (await count(db, 'matching.order_lists where funds_tried is not null')) === 0,
  )
})

t.test('[MAT-065] orders expire by the clock, at every symbol', async t => {
  const db = await market(t)
  start(t, db)
  const wait = { time_in_force: 'GTD', expire_at: inSeconds(1) }
  for (const symbol of symbols) await execute(db, symbol, [buy('alice', '1', '10', wait)], now())

  await until(async () => (await count(db, "orders where end_reason = 'GTD'")) === 3)

  const early = await count(db, 'orders where updated_at < expire_at')
  t.equal(early, 0, 'none before its time')
  t.same(await audit(db), [])
})

t.test('[MAT-065] two processes match each order once, also when sessions are cut', async t => {
  const db = await market(t)
  start(t, db, { isFaulty: true })
  start(t, db, { isFaulty: true })
  const sessions = `pg_stat_activity
    where datname = current_database() and application_name = 'pgsettle matching'`
  const rounds = 20

  for (let round = 0; round < rounds; round++) {
    await Promise.all(
      symbols.map(symbol =>
        execute(db, symbol, [sell('bob', '1', '10', later), buy('alice', '1', '10', later)], now()),
      ),
    )
    if (round % 5 === 0) {
      await until(async () => (await count(db, sessions)) === 2)
      await db.query(`select pg_terminate_backend(pid) from ${sessions}`)
    }
  }
  await until(async () => (await pending(db)) === 0)

  t.equal(await count(db, 'trades'), rounds * symbols.length)
  t.equal(await count(db, "orders where status = 'FILLED'"), 2 * rounds * symbols.length)
  await until(async () => (await count(db, 'pending_instructions')) === 0)
  t.same(await audit(db), [])
})

t.test('[MAT-065] a symbol that fails does not keep the others', async t => {
  const db = await market(t)
  await db.query(`
    create function ops.fail() returns trigger language plpgsql as
      $$ begin raise exception 'broken'; end $$;
    create trigger fail before update on matching.symbol_state for each row
      when (new.symbol_id = 1 and new.pending_count = 0) execute function ops.fail()`)
  for (const symbol of symbols) {
    const pair = [sell('bob', '1', '10', later), buy('alice', '1', '10', later)]
    await execute(db, symbol, pair, now())
  }
  const { complaints } = start(t, db, { isFaulty: true })

  await until(async () => (await pending(db)) === 2)
  t.equal(await count(db, 'trades'), 2)
  await until(() => complaints.some(one => one.msg === 'the matcher failed'))
  await db.query('drop trigger fail on matching.symbol_state')
  await until(async () => (await pending(db)) === 0)
  t.same(await audit(db), [])
})

t.test(
  '[MAT-065] at a symbol that is halted nothing is due, and nothing waits behind it',
  async t => {
    const db = await market(t)
    await execute(db, 'BTC-USD', [buy('alice', '1', '10', later)], now())
    await db.query("select ops.halt_symbol('BTC-USD', 'test')")
    const sweep = () => db.query('select matching.sweep_symbol(1, 1, $1)', [inSeconds(0)])

    t.same(await db.query('select * from matching.due_symbols(1, $1)', [inSeconds(0)]), [])
    await db.query("select ops.resume_symbol('BTC-USD')")
    await sweep()
    t.equal(await pending(db), 0)
  },
)

t.test('a sweep does nothing where nothing is due, and waits for nobody', async t => {
  const db = await market(t)
  const [first] = await execute(db, 'BTC-USD', [buy('alice', '1', '10', later)], now())
  const sweep = async () => {
    const text = 'select matching.sweep_symbol(1, 1, $1) as has_news'
    const [row] = await db.query(text, [inSeconds(0)])
    return row?.has_news
  }
  const holder = await openSession(t, db.url)
  await holder.query('begin')
  await holder.query('select pg_advisory_xact_lock(1, 1)')

  t.equal(await sweep(), false, 'somebody has the symbol')
  await holder.query('commit')
  t.equal(await sweep(), true)
  t.equal(await sweep(), false, 'nothing is left')
  t.equal(first?.status, 'PENDING')
  await execute(db, 'BTC-USD', [sell('bob', '1', '10', later)], now())
  t.equal(await sweep(), true)
  const isolated = db.query(`begin isolation level repeatable read;
    select matching.sweep_symbol(1, 1, now()); commit`)
  await t.rejects(isolated, { code: 'STISO' })
})
