import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { createMarket, execute, fund, noon, type Queryable, settle } from '../helpers/market.ts'
import { createFlow } from '../helpers/random-flow.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'
import { openSession } from '../helpers/session.ts'

const traders = ['alice', 'bob', 'carol']
const everybody = [...traders, 'house', 'external', 'clearing']
const at = (minute: number) => `2026-03-02T12:${String(minute).padStart(2, '0')}:00Z`

/** 30 minutes of trading, with fees, rebates, netting, deposits and withdrawals. */
async function trade(t: Test): Promise<TestDatabase> {
  const db = await testDatabase(t)
  const funds = { USD: '100000', BTC: '1000', ETH: '1000' }
  const each = Object.fromEntries(traders.map(name => [name, funds]))
  const symbols = { 'BTC-USD': {}, 'ETH-USD': { maker_rate: '-0.001' } }
  await createMarket(db, { symbols, traders: each })
  await db.query("select create_netting_set('day', 'NET', p_now => $1)", [noon])
  await db.query("select set_netting('ETH-USD', 'day')")
  const next = createFlow({ random: randomNumbers(), traders, middle: 100 })
  for (let minute = 1; minute <= 30; minute++) {
    const now = at(minute)
    for (const symbol of Object.keys(symbols)) await execute(db, symbol, next(8), { now })
    await settle(db, { now, limit: 5 })
    await fund(db, 'bob', 'USD', '0.01', now)
    if (minute % 7 === 0) {
      const ask = "select api.request_withdrawal(1, 'carol', 'USD', 3, $1, 'ann', $2)"
      await db.query(ask, [`out-${minute}`, now])
      await db.query('select api.approve_withdrawal(1, $1, $2, $3)', [minute / 7, 'bea', now])
      await db.query("select ops.close_window('day', 1, $1)", [now])
      await db.query('select clearing.run_windows(1, $1)', [now])
    }
    if (minute === 12) await db.query("select ops.close_period($1, 'ann', 1, $2)", [at(9), now])
    if (minute === 15) await db.query('select ops.seal_periods(1, $1)', [now])
  }
  return db
}

/** An amount of at most 18 decimals in units of the last, so that it is added exactly. */
function units(amount: string): bigint {
  const [whole = '', part = ''] = amount.replace('-', '').split('.')
  const value = BigInt(whole + part.padEnd(18, '0'))
  return amount.startsWith('-') ? -value : value
}
const sum = (amounts: string[]) => amounts.map(units).reduce((all, one) => all + one, 0n)

const statement = (db: Queryable, client: string, from: string, to: string) =>
  db.query<{ asset: string; line: string; amount: string }>('select * from statement($1, $2, $3)', [
    client,
    from,
    to,
  ])

t.test(`opening and all lines add up to closing, to the unit [LED-033] (seed ${seed})`, async t => {
  const db = await trade(t)
  let lines = 0
  for (const client of everybody) {
    const cuts = ['-infinity', at(5), at(9), at(20), 'infinity']
    const closings = new Map<string, string>()
    for (const [i, to] of cuts.slice(1).entries()) {
      const rows = await statement(db, client, cuts[i] ?? '', to)
      for (const asset of new Set(rows.map(row => row.asset))) {
        const own = rows.filter(row => row.asset === asset)
        const [opening, closing] = [own[0], own.at(-1)]
        t.same([opening?.line, closing?.line], ['OPENING', 'CLOSING'])
        t.equal(opening?.amount, closings.get(asset) ?? '0', `${client} ${asset} goes on`)
        const moved = own.slice(0, -1).map(row => row.amount)
        t.equal(sum(moved), units(closing?.amount ?? ''), `${client} ${asset} until ${to}`)
        closings.set(asset, closing?.amount ?? '')
        lines += own.length - 2
      }
    }
    const kept = await db.query('select asset, posted from v_balances where client_id = $1', [
      client,
    ])
    for (const { asset, posted } of kept) {
      t.equal(units(closings.get(asset) ?? '0'), units(posted), `${client} has that ${asset}`)
    }
  }
  const [all] = await db.query('select count(*)::int as transfers from transfers')
  t.equal(lines, all?.transfers * 2, 'every transfer is a line of two statements')
  const kinds = await statement(db, 'alice', '-infinity', 'infinity')
  for (const kind of ['DEPOSIT', 'DELIVERY', 'PAYMENT', 'NET', 'BUYER_FEE']) {
    t.ok(
      kinds.some(row => row.line === kind),
      kind,
    )
  }
})

t.test(`a statement is of one moment, in whatever pages [LED-033] (seed ${seed})`, async t => {
  const db = await trade(t)
  const app = await openSession(t, db.appUrl)
  const sums = () =>
    app.query("select * from api.statement_sums(1, 'alice', null, $1, null)", [at(3)])
  const first = await sums()
  const whole = (await statement(db, 'alice', at(3), 'infinity')).filter(
    row => !/ING$/.test(row.line),
  ).length

  const rows: { asset: string; amount: string; cursor: string; transfer_id: string }[] = []
  for (let cursor = first[0]?.last_finality_no; cursor !== undefined; ) {
    const page = await app.query<(typeof rows)[number]>(
      "select * from api.statement_lines(1, 'alice', null, $1, null, $2, 3)",
      [at(3), cursor],
    )
    rows.push(...page)
    cursor = page.length < 3 ? undefined : page.at(-1)?.cursor
    await fund(db, 'alice', 'USD', '1', at(31))
  }

  t.equal(rows.length, whole)
  t.equal(new Set(rows.map(row => row.transfer_id)).size, whole, 'each line once')
  for (const { asset, opening, incoming, outgoing, closing } of first) {
    const own = rows.filter(row => row.asset === asset).map(row => row.amount)
    t.equal(sum([opening, ...own]), units(closing), asset)
    t.equal(sum([opening, incoming, `-${outgoing}`]), units(closing))
  }
  t.notSame(await sums(), first, 'something was posted meanwhile')
})

t.test('a statement that cannot be is refused', async t => {
  const db = await trade(t)
  const [one, two] = [at(1), at(2)]
  await t.rejects(statement(db, 'nobody', one, two), { code: 'NFPAR' })
  await t.rejects(statement(db, 'alice', two, one), { code: 'IVPER', hint: 'BAD_PERIOD' })
  await t.rejects(statement(db, 'alice', one, one), { code: 'IVPER' })
  t.same(await statement(db, 'alice', 'infinity', at(1)).catch(error => error.code), 'IVPER')
  const lines = await statement(db, 'alice', '2026-03-01', '2026-03-02')
  t.same(lines, [], 'before anything was posted')
  await t.rejects(db.query('select * from lots($1)', ['nobody']), { code: 'NFPAR' })
})
