import type { Test } from 'tap'
import { buy, command, sell, settle, type TestCommand } from '../helpers/market.ts'
import { openSession } from '../helpers/session.ts'
import { type Market, marketTest, symbol } from './market-test.ts'

const id = (client_order_id: string, more: TestCommand = {}) => ({ client_order_id, ...more })

/** A second of the day of the test, behind noon: a schedule holds from just after a trade on. */
const at = (second: number) => `2026-03-02T12:00:${String(second).padStart(2, '0')}Z`

interface Fees {
  symbol?: string
  client?: string
  group?: string
  from?: string
}

/** Sets fees at a second; returns the id of the row that trades name. */
async function setFees(
  { db }: Market,
  second: number,
  maker: string,
  taker: string,
  where: Fees = {},
): Promise<string> {
  const { symbol = null, client = null, group = null, from = null } = where
  await db.query(
    `select ops.set_fees($1, $2, p_symbol => $3, p_client_id => $4, p_group => $5, p_from => $6,
      p_now => $7)`,
    [maker, taker, symbol, client, group, from, at(second)],
  )
  const [row] = await db.query('select max(fee_id) as fee_id from reference.fee_rates')
  return row?.fee_id ?? 'none'
}

const takeBack = ({ db }: Market, second: number, where: Fees = {}) =>
  db.query("select ops.set_fee_tiers('{}', p_symbol => $1, p_client_id => $2, p_now => $3)", [
    where.symbol ?? null,
    where.client ?? null,
    at(second),
  ])

/** What each side of each trade was charged: `MAKER alice 1000 at 0.001 by 3: 1`. */
async function charged({ db }: Market): Promise<string[]> {
  const rows = await db.query<{ line: string }>(
    `select concat(liquidity, ' ', client_id, ' ', notional, ' at ', rate,
      coalesce(' by ' || fee_id, ''), ': ', fee) as line
    from ops.v_trade_fees order by trade_id, liquidity`,
  )
  return rows.map(row => row.line)
}

/** Replayed from the command log, the market is the same, and so are rows, rates and fees. */
async function isReplayed(t: Test, { db }: Market): Promise<void> {
  t.same(await db.query('select * from ops.verify_replay($1)', [symbol]), [], 'replayed')
}

marketTest('[LED-040] a symbol without schedules charges its own rates', {}, async (t, market) => {
  await market.run([sell('alice', '1', '1000'), buy('bob', '1', '1000')])

  t.same(await charged(market), ['MAKER alice 1000 at 0.001: 1', 'TAKER bob 1000 at 0.002: 2'])
})

marketTest('[LED-040] the most specific schedule counts', {}, async (t, market) => {
  const { db } = market
  await db.query("select ops.create_symbol_group('spot', 'UTC', '[]')")
  await db.query("select ops.set_symbol_group($1, 'spot')", [symbol])
  const places: Fees[] = [
    {},
    { group: 'spot' },
    { symbol },
    { client: 'bob' },
    { client: 'bob', group: 'spot' },
    { client: 'bob', symbol },
  ]
  const expected: string[] = []
  for (const [n, place] of places.entries()) {
    const fee = await setFees(market, n, `0.0${n + 1}`, `0.1${n}`, place)
    await market.run([sell('bob', '1', '100'), buy('carol', '1', '100')], at(n + 1))
    expected.push(`MAKER bob 100 at 0.0${n + 1} by ${fee}: ${n + 1}`)
  }

  t.same(
    (await charged(market)).filter(line => /bob/.test(line)),
    expected,
  )
  // Carol, whom nobody named, is charged as all are, by the third schedule since that holds.
  t.match((await charged(market)).at(-1), /^TAKER carol 100 at 0.12 by 3: 12$/)
  await isReplayed(t, market)
})

marketTest('[LED-040] one that is set before a wider one still counts', {}, async (t, market) => {
  const fee = await setFees(market, 0, '0', '0.01', { client: 'bob' })
  await setFees(market, 0, '0.5', '0.5', { symbol })
  await market.run([sell('alice', '1', '100'), buy('bob', '1', '100')], at(1))

  t.match(await charged(market), [/^MAKER alice 100 at 0.5 /, `TAKER bob 100 at 0.01 by ${fee}: 1`])
})

marketTest('[LED-041] a schedule changes nothing before its time', {}, async (t, market) => {
  const both = [sell('alice', '1', '100'), buy('bob', '1', '100')]
  const fee = await setFees(market, 0, '0.01', '0.03', { from: at(20) })
  await market.run(both, at(19))
  await market.run(both, at(20))
  await takeBack(market, 21)
  await market.run(both, at(22))

  t.same(await charged(market), [
    'MAKER alice 100 at 0.001: 0.1',
    'TAKER bob 100 at 0.002: 0.2',
    `MAKER alice 100 at 0.01 by ${fee}: 1`,
    `TAKER bob 100 at 0.03 by ${fee}: 3`,
    'MAKER alice 100 at 0.001: 0.1',
    'TAKER bob 100 at 0.002: 0.2',
  ])
  await isReplayed(t, market)
})

marketTest('[LED-041] a schedule begins behind what was traded', {}, async (t, market) => {
  await market.run([sell('alice', '2', '100'), buy('bob', '1', '100')], at(30))
  // Set by a clock that is behind the market's: no trade of the past comes under it.
  await setFees(market, 10, '0.01', '0.03')
  await market.run([buy('bob', '0.5', '100')], at(30))
  await market.run([buy('bob', '0.5', '100')], at(31))

  t.match(await charged(market), [/0.001/, /0.002/, /0.001/, /0.002/, /0.01 by/, /0.03 by/])
  const [row] = await market.db.query(
    'select effective_from = $1::timestamptz as follows from v_fee_schedules',
    ['2026-03-02T12:00:30.000001Z'],
  )
  t.same(row, { follows: true })
})

marketTest('[LED-041] who sets what cannot be is told so', {}, async (t, market) => {
  const refused = (call: string, message: RegExp) =>
    t.rejects(market.db.query(`select ops.${call}`), { code: 'IVFEE', message })
  await refused("set_fees(0, 0, p_from => now() - interval '1 s')", /past/)
  await refused("set_fees(0, 0, p_from => 'infinity')", /some time/)
  await refused("set_fees(0, 0, 'BTC-USD', p_group => 'x')", /symbol or for a group/)
  await refused('set_fees(0, 1)', /between -1 and 1/)
  await refused("set_fees('NaN', 0)", /between -1 and 1/)
  await refused('set_fees(null, 0)', /null/)
  await refused("set_fee_tiers('{{1, 0, 0}}')", /volume of 0/)
  await refused("set_fee_tiers('{{0, 0, 0}, {5, 0, 0}, {5, 0, 0}}')", /greater volume/)
  await refused("set_fee_tiers('{{0, 0}}')", /a volume, a maker/)
  await refused("set_fee_tiers('{0, 0, 0}')", /a volume, a maker/)
  await refused('set_fee_tiers(null)', /a volume, a maker/)
  await t.rejects(market.db.query("select ops.set_fees(0, 0, 'X-Y')"), { code: 'NFSYM' })
  await t.rejects(market.db.query("select ops.set_fees(0, 0, null, 'x')"), { code: 'NFPAR' })

  t.same(await market.db.query('select from reference.fee_schedules'), [], 'nothing is set')
})

marketTest('[LED-045] no rebate is more than any taker pays', {}, async (t, market) => {
  await setFees(market, 0, '-0.001', '0.003')
  await t.rejects(setFees(market, 1, '0', '0.0005', { client: 'bob' }), { code: 'IVFEE' })
  await t.rejects(setFees(market, 1, '-0.0025', '0.1', { symbol }), { code: 'IVFEE' })
  await setFees(market, 1, '0', '0.001', { client: 'bob' })

  t.equal((await market.db.query('select from reference.fee_schedules')).length, 2)
})

marketTest('[LED-040] a rebate credits the maker, by the house', {}, async (t, market) => {
  await setFees(market, 0, '-0.0005', '0.001')
  await market.run([sell('alice', '3', '100.01'), buy('bob', '3', '100.01')], at(1))
  await settle(market.db, { now: at(1) })

  t.match(await charged(market), [/^MAKER alice .*: -0.150015$/, /^TAKER bob .*: 0.30003$/])
  t.match(await market.balances('alice'), { USD: '100000300.180015 0 0 0' })
  t.match(await market.balances('bob'), { USD: '99999699.66997 0 0 0' })
  const text = 'select asset, trim_scale(sum(amount)) as fees from v_fees group by 1'
  t.same(await market.db.query(text), [{ asset: 'USD', fees: '0.150015' }])
})

const exact = { funds: { alice: { USD: '1002' } } }
marketTest('[LED-043] a bid is charged no more than it holds for', exact, async (t, market) => {
  await market.run([buy('alice', '1', '1000', id('bid'))], at(0))
  const fee = await setFees(market, 1, '0.003', '0.004')
  await market.run([sell('bob', '0.4', '1000'), sell('bob', '0.6', '1000')], at(2))
  t.match(await market.balances('alice'), { USD: '0 1002 0 1002' }, 'all of it, and no more')
  await settle(market.db, { now: at(2) })

  // Alice has 0.002, the highest rate that was in force when her order was accepted; Bob all.
  t.same(await charged(market), [
    `MAKER alice 400 at 0.002 by ${fee}: 0.8`,
    `TAKER bob 400 at 0.004 by ${fee}: 1.6`,
    `MAKER alice 600 at 0.002 by ${fee}: 1.2`,
    `TAKER bob 600 at 0.004 by ${fee}: 2.4`,
  ])
  t.match(await market.balances('alice'), { USD: '0 0 0 0', BTC: '1 0 0 0' })
  await isReplayed(t, market)
})

marketTest('[LED-043] a lower rate is charged at once', exact, async (t, market) => {
  await market.run([buy('alice', '1', '1000', id('bid'))], at(0))
  await setFees(market, 1, '0', '0.0001')
  await market.run([sell('bob', '0.5', '1000')], at(2))
  t.match(await market.balances('alice'), { USD: '1 1001 0 500' }, 'it holds for 0.002 to its end')
  await market.run([command({ op: 'CANCEL', client_id: 'alice', client_order_id: 'bid' })], at(3))

  t.match(await market.balances('alice'), { USD: '502 500 0 500' })
})

marketTest('[LED-043] an offer is charged what is in force', {}, async (t, market) => {
  await market.run([sell('alice', '1', '1000')], at(0))
  await setFees(market, 1, '0.03', '0.04')
  await market.run([buy('bob', '1', '1000')], at(2))

  t.match(await charged(market), [/^MAKER alice 1000 at 0.03 .*: 30$/, /: 40$/])
})

marketTest('[LED-043] also when it waits, moves or fires', exact, async (t, market) => {
  const bid = id('bid', { time_in_force: 'GTC' })
  await market.run(
    [
      buy('bob', '1', '500'),
      command({
        client_id: 'alice',
        side: 'BUY',
        type: 'STOP_LIMIT',
        quantity: '1',
        price: '1000',
        stop_price: '900',
        ...bid,
      }),
      sell('carol', '0.1', '500'),
    ],
    at(0),
  )
  await setFees(market, 1, '0.03', '0.04')
  await market.run([sell('bob', '1', '950'), buy('carol', '0.5', '950')], at(2))
  await market.run(
    [command({ op: 'AMEND', client_id: 'alice', client_order_id: 'bid', price: '990' })],
    at(3),
  )
  await market.run([sell('carol', '0.5', '980')], at(4))

  const alice = (await charged(market)).filter(line => /alice/.test(line))
  t.match(alice, [/^TAKER alice 475 at 0.002 /, /^MAKER alice 495 at 0.002 /])
  t.match(await market.order('bid'), { status: 'FILLED', fee_amount: '1.94' })
  await isReplayed(t, market)
})

marketTest('[LED-040] a call charges each side by its own schedule', {}, async (t, market) => {
  const { db } = market
  await db.query("select ops.set_phase($1, 'CALL', '1 minute', p_now => $2)", [symbol, at(0)])
  await market.run([buy('alice', '1', '1000')], at(1))
  await market.run([sell('bob', '2', '900')], at(1))
  const all = await setFees(market, 2, '0.01', '0.02')
  const one = await setFees(market, 2, '0.001', '0.1', { client: 'bob' })
  await market.run([buy('carol', '1', '950')], at(3))
  await db.query("select ops.set_phase($1, 'CONTINUOUS', p_now => $2)", [symbol, at(10)])

  t.same(await charged(market), [
    `MAKER alice 950 at 0.002 by ${all}: 1.9`,
    `TAKER bob 950 at 0.1 by ${one}: 95`,
    `MAKER bob 950 at 0.001 by ${one}: 0.95`,
    `TAKER carol 950 at 0.02 by ${all}: 19`,
  ])
  await isReplayed(t, market)
})

marketTest('[LED-040] the worker that sweeps charges them, too', {}, async (t, market) => {
  await setFees(market, 0, '0.01', '0.02')
  await market.run([sell('alice', '1', '100')], at(1))
  await market.run([buy('bob', '1', '100', { is_async: true })], at(1))
  const worker = await openSession(t, market.db.workerUrl)
  await worker.query('select matching.sweep_symbol(1, 1, $1)', [at(2)])

  t.match(await charged(market), [/^MAKER alice 100 at 0.01 /, /^TAKER bob 100 at 0.02 /])
})
