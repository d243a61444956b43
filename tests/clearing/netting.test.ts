import { existsSync, readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import {
  audit,
  balances,
  buy,
  createMarket,
  execute,
  fund,
  type Queryable,
  sell,
} from '../helpers/market.ts'
import { openSession, untilBlocked } from '../helpers/session.ts'

const monday = '2026-03-02T09:00:00Z'
const later = '2026-03-02T10:00:00Z'
const shares = { lot: '1', tick: '1', maker_rate: '0', taker_rate: '0' }

type Obligation = [seller: string, buyer: string, quantity: number, amount: number]

async function market(
  t: Test,
  traders: Record<string, Record<string, string>>,
  kind: { mode?: string; scope?: string; rate?: string; length?: string } = {},
): Promise<TestDatabase> {
  const db = await testDatabase(t)
  const fees = { maker_rate: kind.rate ?? '0', taker_rate: kind.rate ?? '0' }
  await createMarket(db, { now: monday, symbols: { 'X-USD': { ...shares, ...fees } }, traders })
  const { mode = 'NET', scope = 'MULTILATERAL', length = null } = kind
  const values = ['day', mode, scope, length, monday]
  await db.query('select ops.create_netting_set($1, $2, $3, $4, 1, $5)', values)
  await db.query("select ops.set_netting('X-USD', 'day')")
  return db
}

const everybody = (names: string[], funds: Record<string, string>) =>
  Object.fromEntries(names.map(name => [name, funds]))

/** Instructions of trades that were done elsewhere, in the open window. */
async function owe(db: Queryable, list: Obligation[], now = monday): Promise<string[]> {
  const ids: string[] = []
  for (const [seller, buyer, quantity, amount] of list) {
    const values = [seller, buyer, quantity, amount, now]
    const [row] = await db.query(
      "select ops.instruct('X-USD', $1, $2, $3, $4, null, 4, 1, $5) as id",
      values,
    )
    ids.push(row?.id)
  }
  await run(db, now)
  return ids
}

const run = async (db: Queryable, now = later) =>
  (await db.query('select * from clearing.run_windows(1, $1)', [now]))[0]

async function close(db: Queryable, now = later): Promise<string> {
  const [row] = await db.query("select ops.close_window('day', 1, $1) as id", [now])
  return row?.id
}

/** By participant: `asset net`, what a window left to give or get. */
async function nets(db: Queryable, window: string): Promise<Record<string, string>> {
  const rows = await db.query(
    `select client_id || ' ' || asset as account, net::text as net from ops.v_nets
    where window_id = $1 order by 1`,
    [window],
  )
  return Object.fromEntries(rows.map(row => [row.account, row.net]))
}

const status = (db: Queryable, ids: string[]) =>
  db.query(
    `select i.status::text || coalesce(' ' || w.window_id, '') as state
    from unnest($1::bigint[]) with ordinality as x (id, n)
    join settlement.instructions as i on i.instruction_id = x.id
    left join settlement.waiting_instructions as w on w.instruction_id = x.id
    order by x.n`,
    [ids],
  )

t.test(
  '[CLR-005] the worked example: 57.1 % of assets and 56.3 % of cash need not move',
  async t => {
    const db = await market(t, everybody(['A', 'B', 'C'], { X: '100', USD: '2000' }))
    const ids = await owe(db, [
      ['B', 'A', 100, 1000],
      ['C', 'B', 60, 660],
      ['A', 'C', 30, 270],
      ['C', 'A', 20, 200],
    ])
    const window = await close(db)
    t.match(await run(db), { settled: 4 })

    t.same(await nets(db, window), {
      'A X': '90',
      'A USD': '-930',
      'B X': '-40',
      'B USD': '340',
      'C X': '-50',
      'C USD': '590',
    })
    const saved = await db.query('select distinct asset, saved::text from ops.v_nets order by 1')
    t.same(saved, [
      { asset: 'USD', saved: '0.5634' },
      { asset: 'X', saved: '0.5714' },
    ])
    t.same(await balances(db, 'A'), { X: '190 0 0 0', USD: '1070 0 0 0' })
    t.same(await status(db, ids), Array(4).fill({ state: 'CANCELLED' }))
    const [journal] = await db.query(
      "select transfer_count from ledger.journals where kind = 'NETTING'",
    )
    t.equal(journal?.transfer_count, 6, 'one transfer an account')
    t.same(await db.query("select * from ops.v_balances where client_id = 'clearing'"), [])
    t.same(await audit(db), [])
  },
)

t.test('[CLR-005] between pairs each pair settles by itself', async t => {
  const db = await market(t, everybody(['A', 'B', 'C'], { X: '100', USD: '2000' }), {
    scope: 'bilateral',
  })
  await owe(db, [
    ['A', 'B', 10, 100],
    ['B', 'A', 4, 50],
    ['B', 'C', 7, 70],
  ])
  await close(db)
  t.match(await run(db), { settled: 3 })
  const transfers = await db.query(
    `select concat(d.client_id, '>', c.client_id, ' ', a.asset, ' ', trim_scale(t.amount)) as moved
    from ledger.transfers as t
    join reference.assets as a using (asset_id)
    join reference.participants as d on d.participant_id = t.debit_participant_id
    join reference.participants as c on c.participant_id = t.credit_participant_id
    where t.kind = 'NET' order by 1`,
  )
  t.same(
    transfers.map(row => row.moved),
    ['A>B X 6', 'B>A USD 50', 'B>C X 7', 'C>B USD 70'],
  )
  t.same(await audit(db), [])
})

t.test('[CLR-006] who cannot pay its net is left out, and goes into the next window', async t => {
  for (const mode of ['NET', 'NET_CASH']) {
    const funds = { A: { X: '10' }, B: { USD: '100' }, C: { USD: '5' }, D: { X: '1' } }
    const db = await market(t, funds, { mode })
    const ids = await owe(db, [
      ['A', 'B', 5, 50],
      ['A', 'C', 5, 50],
      ['C', 'B', 2, 20],
      ['D', 'B', 1, 10],
    ])
    const window = await close(db)
    const preview = await db.query('select * from ops.preview_netting($1)', [window])
    t.match(
      preview.filter(row => row.fails),
      [{ client_id: 'C', asset: 'USD', net: '-30', available: '5', gap: '25' }],
    )
    t.same((await status(db, ids)).length, 4, 'a preview changes nothing')

    t.match(await run(db), { settled: 2 }, mode)

    const next = String(Number(window) + 1)
    t.same(
      (await status(db, ids)).map(row => row.state),
      ['CANCELLED', `PENDING ${next}`, `PENDING ${next}`, 'CANCELLED'],
    )
    t.same(await balances(db, 'B'), { X: '6 0 0 0', USD: '40 0 0 0' })
    t.same(await audit(db), [])

    // The next day the fails are netted with what is new.
    await owe(db, [['B', 'C', 6, 60]], '2026-03-03T09:00:00Z')
    await fund(db, 'C', 'USD', '85', monday)
    t.equal(await close(db, '2026-03-03T10:00:00Z'), next)
    t.match(await run(db, '2026-03-03T10:00:00Z'), { settled: 3 })
    t.match(await nets(db, next), { 'C X': '9', 'C USD': '-90' })
    const [net] = await db.query(
      `select n.net_id from ops.v_nets as n
      where n.window_id = $1 and n.client_id = 'C' and n.asset = 'USD'`,
      [next],
    )
    const explained = await db.query('select * from ops.explain_net($1)', [net?.net_id])
    t.match(explained, [
      { amount: '-50', fails: 1, value_date: new Date('2026-03-02'), counterparty: 'A' },
      { amount: '20', fails: 1, counterparty: 'B' },
      { amount: '-60', fails: 0, counterparty: 'B' },
    ])
    t.same(await audit(db), [])
  }
})

t.test('[CLR-006] a preview names who fails because another does', async t => {
  const db = await market(t, { A: {}, B: { X: '100' }, C: { USD: '5' } })
  const ids = await owe(db, [
    ['B', 'A', 5, 50],
    ['A', 'C', 5, 50],
    ['B', 'C', 1, 1],
  ])
  const window = await close(db)
  const preview = await db.query(
    `select client_id, asset, gap::text from ops.preview_netting($1)
    where fails order by 1, 2`,
    [window],
  )
  t.same(preview, [
    { client_id: 'A', asset: 'USD', gap: '50' },
    { client_id: 'C', asset: 'USD', gap: '46' },
  ])

  t.match(await run(db), { settled: 0 })

  const out = await db.query(
    "select instruction_id from settlement.instruction_events where kind = 'LEFT_OUT' order by 1",
  )
  t.same(
    out.map(row => row.instruction_id),
    ids,
  )
})

t.test('[CLR-006] a window that needs the next one waits for it with no account', async t => {
  const db = await market(t, { A: { X: '20' }, B: { USD: '100' }, C: { USD: '5' } })
  const ids = await owe(db, [
    ['A', 'B', 5, 50],
    ['A', 'C', 5, 50],
  ])
  await close(db)
  const trader = await openSession(t, db.url, '-c lock_timeout=5s')
  const worker = await openSession(t, db.url)
  await trader.query('begin')
  await trader.query("select clearing.open_window(1, 'day', $1)", [later])
  const settling = run(worker)
  await untilBlocked(db, worker.pid)

  const orders = [sell('A', '1', '10'), buy('B', '1', '10')]
  t.match(await execute(trader, 'X-USD', orders, { now: later }), [{}, { status: 'FILLED' }])
  await trader.query('commit')

  t.match(await settling, { settled: 1 })
  t.same(
    (await status(db, ids)).map(row => row.state),
    ['CANCELLED', 'PENDING 2'],
  )
  t.same(await audit(db), [])
})

t.test(
  '[CLR-005] trades of the venue settle by net, with their fees and from their holds',
  async t => {
    const db = await market(
      t,
      { A: { USD: '1000' }, B: { X: '100', USD: '1000' } },
      { rate: '0.01' },
    )
    const trades: [string, string][] = [
      ['B', 'A'],
      ['A', 'B'],
      ['B', 'A'],
    ]
    for (const [seller, buyer] of trades) {
      await execute(db, 'X-USD', [sell(seller, '10', '20'), buy(buyer, '10', '20')], {
        now: monday,
      })
      if (seller === 'B') await fund(db, 'A', 'X', '10', monday)
    }
    t.match(await balances(db, 'A'), { USD: '596 404 198 404', X: '10 10 20 10' })
    const window = await close(db)
    t.match(await run(db), { settled: 3 })
    t.same(await nets(db, window), {
      'A USD': '-206',
      'A X': '10',
      'B USD': '194',
      'B X': '-10',
      'house USD': '12',
    })
    t.same(await balances(db, 'A'), { USD: '794 0 0 0', X: '30 0 0 0' })
    const [sum] = await db.query(`select count(*)::int, sum(e.amount)::text
    from ops.v_nets as n cross join lateral ops.explain_net(n.net_id) as e
    where n.client_id = 'A' and n.asset = 'USD'`)
    t.match(sum, { count: 6, sum: /^-206(\.0+)?$/ })
    t.same(await audit(db), [])
  },
)

t.test('[CLR-004] a window with nothing to pay settles and closes, also an empty one', async t => {
  const db = await market(t, everybody(['A', 'B'], {}), { length: '1 hour' })
  await owe(db, [
    ['A', 'B', 5, 50],
    ['B', 'A', 5, 50],
  ])
  t.match(await run(db, '2026-03-02T09:59:59Z'), { settled: 0 }, 'it is open for an hour')
  t.match(await run(db, later), { settled: 2 })
  await execute(db, 'X-USD', [buy('A', '1', '1')], { now: later })
  t.equal(await close(db), null, 'there is no open one')
  const [row] = await db.query('select count(*)::int from ledger.transfers')
  t.equal(row?.count, 0)
  t.same(await audit(db), [])
  t.same(await db.query('select * from ops.verify_chain()'), [], 'also of an empty journal')
})

t.test('[CLR-004] what trades while a window closes is in exactly one', async t => {
  const db = await market(t, everybody(['A', 'B'], { X: '1000', USD: '100000' }))
  const trader = await openSession(t, db.url)
  const operator = await openSession(t, db.url)
  const trade = (session: Queryable) =>
    execute(session, 'X-USD', [sell('A', '1', '10'), buy('B', '1', '10')], { now: monday })
  await trade(db)
  await trader.query('begin')
  await trade(trader)

  const closing = operator.query("select ops.close_window('day', 1, $1) as id", [later])
  await untilBlocked(db, operator.pid)
  await trader.query('commit')
  const [closed] = await closing
  await trade(db)

  const rows = await db.query(
    'select window_id, count(*)::int from settlement.waiting_instructions group by 1 order by 1',
  )
  t.same(rows, [
    { window_id: closed?.id, count: 2 },
    { window_id: String(Number(closed?.id) + 1), count: 1 },
  ])
})

t.test('[CLR-002] what is due later joins a window on its date', async t => {
  const db = await market(t, everybody(['A', 'B'], { X: '1000', USD: '100000' }))
  await db.query("select ops.set_settlement('X-USD', 1)")
  await execute(db, 'X-USD', [sell('A', '1', '10'), buy('B', '1', '10')], { now: monday })
  t.match(await run(db, '2026-03-02T23:59:59Z'), { joined: 0 })
  t.match(await run(db, '2026-03-03T00:00:00Z'), { joined: 1 })
  await close(db, '2026-03-03T10:00:00Z')
  t.match(await run(db, '2026-03-03T10:00:00Z'), { settled: 1 })
})

t.test('a window that cannot be posted is put off, with its problem', async t => {
  const db = await market(t, everybody(['A', 'B'], { X: '1000', USD: '100000' }))
  await owe(db, [['A', 'B', 5, 50]])
  await close(db)
  await db.query('alter table clearing.nets add constraint trap check (amount <> 50)')
  t.match(await run(db), { settled: 0 })
  t.match(await db.query('select problem from ops.v_windows'), [{ problem: /^23514 .*trap/ }])
  await db.query('alter table clearing.nets drop constraint trap')
  t.match(await run(db), { settled: 0 }, 'not at once')
  t.match(await run(db, '2026-03-02T10:01:00Z'), { settled: 1 })
})

const examples = '../shared/data/ledger/netting.jsonl'
t.test(
  '[CLR-005] published examples',
  { skip: !existsSync(examples) && 'no examples' },
  async t => {
    const lines = readFileSync(examples, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    let tried = 0
    for (const { name, obligations, expected_net, expect_error } of lines) {
      if (obligations === undefined) continue
      const names: string[] = [
        ...new Set<string>(
          obligations.flatMap((o: { from: string; to: string }) => [o.from, o.to]),
        ),
      ]
      const db = await market(t, everybody(names, { X: '10000000' }))
      const list: Obligation[] = obligations.map(
        (o: { from: string; to: string; amount: number }) => [o.from, o.to, o.amount, 0],
      )
      tried++
      if (expect_error) {
        await t.rejects(owe(db, list), name)
        continue
      }
      await owe(db, list)
      const window = await close(db)
      await run(db)
      const found = await nets(db, window)
      const wanted = Object.entries(expected_net).map(([who, net]) => [`${who} X`, String(net)])
      t.same(found, Object.fromEntries(wanted), name)
      t.same(await audit(db), [])
    }
    t.ok(tried >= 9, `${tried} examples`)
  },
)
