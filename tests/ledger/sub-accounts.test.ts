import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import {
  audit,
  balances,
  buy,
  createMarket,
  execute,
  fund,
  noon,
  type Queryable,
  sell,
  settle,
} from '../helpers/market.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'
import { openSession } from '../helpers/session.ts'

const open = (db: Queryable, parent: string, client: string, custody = 'SEGREGATED') =>
  db.query('select ops.open_sub_account($1, $2, $3, null, $4)', [parent, client, custody, noon])

let keys = 0
const move = (
  db: Queryable,
  from: string,
  to: string,
  { amount = '1', asset = 'USD', key = `move-${keys++}`, now = noon } = {},
) => {
  const text = 'select * from api.transfer_internal(1, $1, $2, $3, $4, $5, $6)'
  return db.query(text, [from, to, asset, amount, key, now])
}

/**
 * alice has two desks, one of which has a book below it; broker keeps for clients in an OMNIBUS
 * account, below which dora and emil have accounts of their own, and dora one below hers.
 */
async function market(t: Test): Promise<TestDatabase> {
  const db = await testDatabase(t)
  const traders = { alice: { USD: '1000', BTC: '10' }, broker: { USD: '500' }, bob: { USD: '9' } }
  await createMarket(db, { traders })
  await open(db, 'alice', 'alice:1')
  await open(db, 'alice', 'alice:2')
  await open(db, 'alice:1', 'alice:1:book')
  await open(db, 'broker', 'broker:clients', 'OMNIBUS')
  for (const client of ['dora', 'emil']) await open(db, 'broker:clients', client)
  await open(db, 'dora', 'dora:2')
  for (const client of ['broker:clients', 'dora', 'emil']) await fund(db, client, 'USD', '100')
  return db
}

t.test(
  '[LED-035] money moves between accounts of one owner at once, free, and once a key',
  async t => {
    const db = await market(t)

    const [done] = await move(db, 'alice', 'alice:1:book', { amount: '999.5', key: 'k' })

    t.match(done, { transfer_id: /^\d+-1$/, amount: '999.5', idempotency_key: 'k', asset: 'USD' })
    t.match(await balances(db, 'alice'), { USD: '0.5 0 0 0' })
    t.match(await balances(db, 'alice:1:book'), { USD: '999.5 0 0 0' })
    t.same((await move(db, 'alice', 'alice:1:book', { amount: '999.5', key: 'k' }))[0], done)
    const reused = { code: 'RJKEY', hint: 'KEY_REUSED' }
    await t.rejects(move(db, 'alice', 'alice:1:book', { amount: '0.5', key: 'k' }), reused)
    await t.rejects(move(db, 'alice', 'alice:2', { amount: '999.5', key: 'k' }), reused)
    t.match(await balances(db, 'alice:1:book'), { USD: '999.5 0 0 0' }, 'once')
    await move(db, 'alice:1:book', 'alice:2', { amount: '999.5' })
    const lines =
      "select line, amount, counterparty from statement('alice:2') where finality_no > 0"
    t.same(await db.query(lines), [
      { line: 'INTERNAL', amount: '999.5', counterparty: 'alice:1:book' },
    ])
    const short = { code: 'RJFND', hint: 'INSUFFICIENT_FUNDS' }
    await t.rejects(move(db, 'alice:1:book', 'alice'), short)
    await execute(db, 'BTC-USD', [buy('alice:2', '1', '900')])
    await t.rejects(move(db, 'alice:2', 'alice', { amount: '100' }), short, 'what is held stays')

    await execute(db, 'BTC-USD', [sell('alice', '0.5', '900')])
    t.match(await settle(db), { settled: 1 }, 'a sub-account trades like anybody')
    t.same(await audit(db), [])
    t.same(await db.query('select * from verify_chain()'), [])
  },
)

t.test('[LED-035] and to nobody else', async t => {
  const db = await market(t)
  const before = await db.query('select * from v_balances')
  const other = { code: 'RJOWN', hint: 'OTHER_OWNER' }
  for (const [from, to] of [
    ['alice', 'bob'],
    ['alice', 'house'],
    ['alice', 'external'],
    ['external', 'alice'],
    ['alice:1', 'dora'],
    ['dora', 'emil'],
    ['broker', 'broker:clients'],
    ['broker:clients', 'broker'],
    ['broker:clients', 'dora'],
    ['dora:2', 'broker'],
  ] as const) {
    await t.rejects(move(db, from, to), other, `${from} to ${to}`)
  }
  await t.rejects(move(db, 'alice', 'alice'), { code: 'IVPAR', hint: 'SAME_PARTICIPANT' })
  await t.rejects(move(db, 'alice', 'nobody'), { code: 'NFPAR' })
  await t.rejects(move(db, 'alice', 'alice:1', { asset: 'XYZ' }), { code: 'NFAST' })
  for (const amount of ['0', '-1', 'NaN', 'Infinity', '0.000000001']) {
    await t.rejects(move(db, 'alice', 'alice:1', { amount }), { code: 'IVAMT' }, amount)
  }
  t.same(await db.query('select * from v_balances'), before)
  await move(db, 'dora', 'dora:2')
  t.match(await balances(db, 'dora:2'), { USD: '1 0 0 0' }, 'her own')

  await db.query("select ops.close_period('2026-03-02T13:00Z', 'ann', 1, '2026-03-02T14:00Z')")
  await t.rejects(move(db, 'dora', 'dora:2'), { code: 'STPER' }, 'into a closed period')
})

t.test('a sub-account that cannot be is refused', async t => {
  const db = await market(t)
  for (const [parent, client, custody, code] of [
    ['nobody', 'x', 'SEGREGATED', 'NFPAR'],
    ['house', 'x', 'SEGREGATED', 'IVSUB'],
    ['external', 'x', 'SEGREGATED', 'IVSUB'],
    ['clearing', 'x', 'SEGREGATED', 'IVSUB'],
    ['alice', 'x', 'MINE', 'IVSUB'],
    ['alice', 'bob', 'SEGREGATED', 'STPAR'],
    ['alice', 'a b', 'SEGREGATED', '23514'],
  ] as const) {
    await t.rejects(open(db, parent, client, custody), { code }, `${parent} ${client} ${custody}`)
  }
  for (let level = 2; level <= 8; level++) {
    await open(db, level === 2 ? 'bob' : `bob:${level - 1}`, `bob:${level}`)
  }
  await t.rejects(open(db, 'bob:8', 'bob:9'), { code: 'IVSUB' }, 'too deep')
  await move(db, 'bob', 'bob:8', { amount: '9' })
  const [top] = await db.query("select total from account_tree('bob') where client_id = 'bob'")
  t.same(top, { total: '9' })
  await t.rejects(db.query("select * from account_tree('nobody')"), { code: 'NFPAR' })
})

t.test('a sub-account is in the trade group of its parent', async t => {
  const db = await market(t)
  await db.query("select set_trade_group('alice', 'desk')")
  await open(db, 'alice', 'alice:3')
  const [row] = await db.query("select trade_group from participants where client_id = 'alice:3'")
  t.same(row, { trade_group: 'desk' })
})

t.test(`[LED-035] children roll up to the parent at any time (seed ${seed})`, async t => {
  const db = await market(t)
  const random = randomNumbers()
  const accounts = ['alice', 'alice:1', 'alice:2', 'alice:1:book']
  const pick = () => accounts[Math.floor(random() * accounts.length)] ?? ''
  const sessions = await Promise.all([1, 2, 3, 4].map(() => openSession(t, db.url)))
  let [moved, refused] = [0, 0]
  const hop = async (session: Queryable, minute: number) => {
    const now = new Date(Date.parse(noon) + minute * 60_000).toISOString()
    const [from, to] = [pick(), pick()]
    if (from === to) return
    try {
      await move(session, from, to, { amount: String(1 + Math.floor(random() * 400)), now })
      moved++
    } catch (error) {
      t.match(error, { code: 'RJFND' })
      refused++
    }
  }
  const trees: { now: string; rows: object[] }[] = []
  for (let minute = 1; minute <= 15; minute++) {
    const hops = Promise.all(
      sessions.map(async session => {
        for (let i = 0; i < 4; i++) await hop(session, minute)
      }),
    )
    for (let i = 0; i < 5; i++) check(t, await treeOf(db))
    await hops
    const now = new Date(Date.parse(noon) + minute * 60_000).toISOString()
    trees.push({ now, rows: check(t, await treeOf(db)) })
  }
  t.ok(moved > 20 && refused > 0, `${moved} moved, ${refused} refused`)

  for (const { now, rows } of trees) {
    const then = await db.query<TreeRow>("select * from account_tree('alice', $1)", [now])
    const hasSome = (row: { own?: string }) => row.own !== '0'
    t.same(check(t, then).filter(hasSome), rows.filter(hasSome), `as it was at ${now}`)
  }
  t.same(await audit(db), [])
})

interface TreeRow {
  client_id: string
  parent: string | null
  asset: string | null
  own: string
  total: string
}
const treeOf = (db: Queryable) => db.query<TreeRow>("select * from account_tree('alice')")

/** Each account's total is its own and its children's totals, and the whole is what came in. */
function check(t: Test, rows: TreeRow[]): { client_id: string; own?: string }[] {
  for (const { client_id, asset, own, total } of rows) {
    const children = rows.filter(row => row.parent === client_id && row.asset === asset)
    const sum = children.reduce((all, child) => all + Number(child.total), Number(own))
    if (sum !== Number(total)) t.fail(`${client_id} ${asset} has ${total}, not ${sum}`)
  }
  const whole = rows.find(row => row.client_id === 'alice' && row.asset === 'USD')
  if (whole?.total !== '1000') t.fail(`alice has ${whole?.total}`)
  return rows.filter(row => row.asset === 'USD').map(({ client_id, own }) => ({ client_id, own }))
}

t.test('audit() names a transfer that is not as it was asked for', async t => {
  const db = await market(t)
  await move(db, 'alice', 'alice:1')
  const owner = await openSession(t, db.url)
  for (const [statement, name] of [
    ['update ledger.internal_transfers set amount = 2', 'internal transfer'],
    ['delete from ledger.internal_transfers', 'internal transfer'],
    ['update reference.participants set parent_id = null', 'internal transfer owner'],
  ] as const) {
    await owner.query('begin')
    await owner.query(statement)
    const names = new Set((await audit(owner)).map(row => row.check_name))
    await owner.query('rollback')
    t.same([...names], [name], statement)
  }
})
