import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { audit, buy, createMarket, execute, sell } from '../helpers/market.ts'
import { mutateFunction } from '../helpers/mutation.ts'
import { openSession } from '../helpers/session.ts'

const clients = 100
const tradesOfEach = 6
/** Windows with trades in them that are closed meanwhile, at least. */
const windows = 5
const symbols = ['AAA-USD', 'BBB-USD', 'CCC-USD', 'DDD-USD', 'EEE-USD']

interface Closed {
  id: string
  /** How many instructions it had when its close was over. */
  had: number
}

/** Everybody trades, five symbols of one netting set, while its windows are closed. */
async function tradeAndClose(t: Test, spoil?: (db: TestDatabase) => Promise<unknown>) {
  const db = await testDatabase(t)
  const free = { lot: '1', tick: '1', maker_rate: '0', taker_rate: '0' }
  const stock = Object.fromEntries(symbols.map(name => [name.slice(0, 3), '10000']))
  await createMarket(db, {
    symbols: Object.fromEntries(symbols.map(name => [name, free])),
    traders: { alice: { USD: '100000' }, bob: stock },
  })
  await db.query("select ops.create_netting_set('day')")
  for (const name of symbols) await db.query("select ops.set_netting($1, 'day')", [name])
  await spoil?.(db)
  const crowd = await Promise.all(Array.from({ length: clients }, () => openSession(t, db.appUrl)))
  const closer = await openSession(t, db.url)

  let isDone = false
  let trades = 0
  const closed: Closed[] = []
  const isMet = () => closed.filter(({ had }) => had > 0).length >= windows
  const trading = Promise.all(
    crowd.map(async (session, n) => {
      const orders = [sell('bob', '1', '1'), buy('alice', '1', '1')]
      for (let i = 0; i < tradesOfEach || (!isMet() && i < 100); i++) {
        await execute(session, symbols[n % symbols.length] ?? '', orders)
        trades++
      }
    }),
  ).finally(() => {
    isDone = true
  })
  while (!isDone) {
    const [row] = await closer.query<{ id: string | null }>("select ops.close_window('day') as id")
    if (row?.id) closed.push({ id: row.id, had: await countIn(closer, row.id) })
  }
  await trading
  return { db, closed, trades }
}

async function countIn(db: Pick<TestDatabase, 'query'>, window: string): Promise<number> {
  const [row] = await db.query(
    'select count(*)::int from settlement.waiting_instructions where window_id = $1',
    [window],
  )
  return row?.count
}

t.test(`[CLR-004] while ${clients} clients trade, each trade is in exactly one window`, async t => {
  const { db, closed, trades } = await tradeAndClose(t)

  t.ok(closed.filter(window => window.had > 0).length >= windows)
  for (const { id, had } of closed) {
    t.equal(await countIn(db, id), had, 'who was in it when it was closed, and nobody else')
  }
  const [counts] = await db.query(
    `select count(*)::int as trades, count(i.window_id)::int as joined
    from matching.trades as t
    left join settlement.waiting_instructions as i on i.instruction_id = t.trade_id`,
  )
  t.same(counts, { trades, joined: trades })

  await db.query("select ops.close_window('day')")
  for (let i = 0; i <= closed.length; i++) {
    await db.query('select clearing.run_windows(1, now())')
  }
  t.same(await db.query('select from settlement.waiting_instructions'), [])
  t.same(await audit(db), [])
})

t.test('the control: without a lock trades join a window that was closed', async t => {
  const { db, closed } = await tradeAndClose(t, db =>
    mutateFunction(db, 'clearing.open_window', [['\n    for share;', ';']]),
  )

  const now = await Promise.all(closed.map(({ id }) => countIn(db, id)))
  t.ok(
    closed.some(({ had }, n) => had !== now[n]),
    'a settlement of then would have missed some',
  )
})
