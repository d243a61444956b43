import t from 'tap'
import { audit, balances, buy, execute, fund, sell, settle } from '../helpers/market.ts'
import { openSession, untilBlocked } from '../helpers/session.ts'
import { monday, type WaitingMarket, waitingMarket } from './waiting-market.ts'

const rich = { alice: { USD: '100000' }, bob: { BTC: '1000' } }
const parts = { partial_unit: '10', partial_minimum: '20' }

const hold = (market: WaitingMarket, id: string, side: string, now = monday) =>
  market.db.query('select ops.hold_settlement($1, $2, 1, $3)', [id, side, now])
const release = (
  market: WaitingMarket,
  id: string,
  side: string,
  quantity: string | null = null,
  now = monday,
) => market.db.query('select ops.release_settlement($1, $2, $3, 1, $4)', [id, side, quantity, now])
const link = (market: WaitingMarket, id: string, word: string, other: string) =>
  market.db.query('select ops.link_settlements($1, $2, $3, 1, $4)', [id, word, other, monday])

t.test('[SET-007] with 70 of 100 available 70 settle, with their cash, and 30 stay', async t => {
  const market = await waitingMarket(t, { alice: { USD: '9999' }, bob: { BTC: '79' } }, parts)
  const id = await market.instruct({ quantity: '100', amount: '333.33' })

  t.match(await market.pass(), { settled: 1 })

  t.same(await market.states(id), ['PARTIALLY_SETTLED LACK_ASSET 70'])
  t.same(await balances(market.db, 'alice'), { BTC: '70 0 0 0', USD: '9765.67 0 0 0' })
  t.same(await audit(market.db), [])

  await fund(market.db, 'bob', 'BTC', '10', monday)
  t.match(await market.pass(), { claimed: 1, settled: 0 }, '19 are below the minimum')
  await fund(market.db, 'bob', 'BTC', '11', monday)
  t.match(await market.pass(), { claimed: 1, settled: 1 })
  t.same(await market.states(id), ['SETTLED 100'])
  t.same(await balances(market.db, 'alice'), { BTC: '100 0 0 0', USD: '9665.67 0 0 0' })
  t.same(await balances(market.db, 'bob'), { BTC: '0 0 0 0', USD: '333.33 0 0 0' })
  t.same(await audit(market.db), [])
})

t.test(
  '[SET-007] a symbol without a unit settles all or nothing, and cash is never in part',
  async t => {
    const whole = await waitingMarket(t, { alice: { USD: '9999' }, bob: { BTC: '70' } })
    const id = await whole.instruct({ quantity: '100' })
    t.match(await whole.pass(), { settled: 0 })
    t.same(await whole.states(id), ['PENDING LACK_ASSET'])

    const poor = await waitingMarket(t, { alice: { USD: '99' }, bob: { BTC: '100' } }, parts)
    const unpaid = await poor.instruct({ quantity: '100' })
    t.match(await poor.pass(), { settled: 0 })
    t.same(await poor.states(unpaid), ['PENDING LACK_CASH'])
  },
)

t.test('[SET-007] in its windows only, and it is tried when the next begins', async t => {
  const market = await waitingMarket(t, { alice: { USD: '9999' }, bob: { BTC: '70' } }, parts)
  await market.db.query(`select ops.set_partial_windows('BTC-USD', '[["10:00", "10:30"]]')`)
  const id = await market.instruct({ quantity: '100' })
  t.match(await market.pass(), { settled: 0 })
  t.same(await market.states(id), ['PENDING LACK_ASSET'])
  t.match(await market.pass('2026-03-02T09:59:59Z'), { claimed: 0 })
  t.match(await market.pass('2026-03-02T10:00:00Z'), { settled: 1 })
  t.same(await market.states(id), ['PARTIALLY_SETTLED LACK_ASSET 70'])
  await fund(market.db, 'bob', 'BTC', '20', monday)
  t.match(await market.pass('2026-03-02T10:30:00Z'), { claimed: 1, settled: 0 }, 'it is over')
  t.match(await market.pass('2026-03-03T10:00:00Z'), { claimed: 1, settled: 1 })
  t.same(await market.states(id), ['PARTIALLY_SETTLED LACK_ASSET 90'])
  await t.rejects(market.db.query(`select ops.set_partial_windows('BTC-USD', '[["9:00"]]')`), {
    code: 'IVWIN',
  })
})

t.test('[SET-011] what a side holds does not settle, and 40 of 100 released are 40', async t => {
  const market = await waitingMarket(t, rich)
  const id = await market.instruct({ quantity: '100', amount: '1000' })
  await hold(market, id, 'seller')
  t.match(await market.pass(), { settled: 0 })
  t.same(await market.states(id), ['PENDING ON_HOLD_PARTY'])
  t.match(await market.pass('2026-04-02T09:00:00Z'), { claimed: 0 })

  await release(market, id, 'SELLER', '40')
  t.match(await market.pass(), { settled: 1 })
  t.same(await market.states(id), ['PARTIALLY_SETTLED ON_HOLD_PARTY 40'])
  t.same(await balances(market.db, 'bob'), { BTC: '960 0 0 0', USD: '400 0 0 0' })

  await hold(market, id, 'BUYER')
  await release(market, id, 'SELLER')
  t.match(await market.pass(), { settled: 0 })
  t.same(await market.states(id), ['PARTIALLY_SETTLED ON_HOLD_COUNTERPARTY 40'])
  await release(market, id, 'BUYER')
  t.match(await market.pass(), { settled: 1 })
  t.same(await market.states(id), ['SETTLED 100'])
  t.same(await audit(market.db), [])

  await t.rejects(hold(market, id, 'BUYER'), { code: 'STINS', hint: 'ALREADY_SETTLED' })
  await t.rejects(hold(market, '77', 'BUYER'), { code: 'NFINS' })
  const other = await market.instruct({ quantity: '10' })
  await t.rejects(hold(market, other, 'NOBODY'), { code: 'IVSID' })
  for (const bad of ['11', '-1', '0.5', 'NaN'])
    await t.rejects(release(market, other, 'BUYER', bad), { code: 'IVQTY' }, bad)
})

t.test('[SET-011] a trade of the venue can be held and released in part, too', async t => {
  const market = await waitingMarket(t, rich)
  const { db } = market
  const orders = [sell('bob', '100', '1'), buy('alice', '100', '1')]
  const answers = await execute(db, 'BTC-USD', orders, { now: monday })
  const id = answers[1]?.fills[0]?.trade_id ?? ''
  await hold(market, id, 'BUYER')
  t.match(await settle(db, { now: monday }), { claimed: 0 })
  t.match(await market.pass(), { settled: 0 })
  await release(market, id, 'BUYER', '33')
  t.match(await market.pass(), { settled: 1 })
  t.same(await market.states(id), ['PARTIALLY_SETTLED ON_HOLD_COUNTERPARTY 33'])
  t.same(await balances(db, 'alice'), { BTC: '33 0 67 0', USD: '99899.8 67.13 0 67.13' })
  t.same(await audit(db), [])
  await release(market, id, 'BUYER')
  await market.pass()
  t.same(await market.states(id), ['SETTLED 100'])
  t.same(await balances(db, 'alice'), { BTC: '100 0 0 0', USD: '99899.8 0 0 0' })
  t.same(await audit(db), [])
  await t.rejects(db.query('select ops.cancel_settlement($1, $2)', [id, 'x']), { code: 'STINS' })
})

t.test('[SET-007] many small parts are charged the fee, and at no time more', async t => {
  const fees = { maker_rate: '-0.0002', taker_rate: '0.002' }
  for (const by of ['BUYER', 'SELLER']) {
    const market = await waitingMarket(t, rich, fees)
    const { db } = market
    await fund(db, 'house', 'USD', '1', monday)
    const pair = [sell('bob', '18', '2.50'), buy('alice', '18', '2.50')]
    const orders = by === 'BUYER' ? pair : pair.reverse()
    const answers = await execute(db, 'BTC-USD', orders, { now: monday })
    const id = answers[1]?.fills[0]?.trade_id ?? ''
    await hold(market, id, 'BUYER')
    for (let i = 0; i < 18; i++) {
      await release(market, id, 'BUYER', '1')
      t.match(await market.pass(), { settled: 1 })
    }

    const [sums] = await db.query(
      `select count(*)::int, sum(buyer_fee)::text as buyer, sum(seller_fee)::text as seller,
        count(*) filter (where buyer_fee * seller_fee > 0 or abs(buyer_fee) > 0.01
          or abs(seller_fee) > 0.01)::int as odd
      from settlement.parts`,
    )
    const wanted = { BUYER: ['0.09', '0.00'], SELLER: ['0.00', '0.09'] }[by] ?? []
    t.match(sums, { count: 18, buyer: wanted[0], seller: wanted[1], odd: 0 }, by)
    t.same(await audit(db), [])
  }
})

t.test('[SET-008] after another, before another, with another', async t => {
  const market = await waitingMarket(t, { alice: { USD: '1000' }, bob: { BTC: '2' }, carol: {} })
  const { db } = market
  const [first, second] = [await market.instruct(), await market.instruct({ seller: 'carol' })]
  await link(market, first, 'AFTER', second)
  t.match(await market.pass(), { settled: 0 })
  t.same(await market.states(first, second), ['PENDING LINKED', 'PENDING LACK_ASSET'])
  await fund(db, 'carol', 'BTC', '1', monday)
  await market.pass()
  await market.pass()
  t.same(await market.states(first, second), ['SETTLED 1', 'SETTLED 1'])

  const pair = [await market.instruct(), await market.instruct({ seller: 'carol' })] as const
  await link(market, pair[0], 'WITH', pair[1])
  t.match(await market.pass(), { settled: 0 })
  t.same(await market.states(...pair), ['PENDING LINKED', 'PENDING LACK_ASSET'])
  await fund(db, 'carol', 'BTC', '1', monday)
  t.match(await market.pass(), { settled: 2 })
  const journals = await db.query(
    'select distinct journal_id from settlement.parts where instruction_id = any ($1)',
    [pair],
  )
  t.equal(journals.length, 1, 'in one journal')

  const [a, b, c] = [await market.instruct(), await market.instruct(), await market.instruct()]
  await link(market, a, 'BEFORE', b)
  await link(market, b, 'BEFORE', c)
  await t.rejects(link(market, c, 'BEFORE', a), { code: 'STLNK', hint: 'LINK_CYCLE' })
  await t.rejects(link(market, c, 'WITH', a), { code: 'STLNK' })
  await t.rejects(link(market, a, 'WITH', a), { code: 'STLNK' })
  await t.rejects(link(market, a, 'NEAR', b), { code: 'IVLNK' })
})

t.test('[SET-008] two that settle together lack what both take, and are woken by it', async t => {
  const db = await waitingMarket(t, { bob: { BTC: '100' }, alice: { USD: '1000' } })
  const one = await db.instruct({ quantity: '60' })
  const two = await db.instruct({ quantity: '60' })
  await link(db, one, 'WITH', two)
  t.match(await db.pass(), { settled: 0 })
  t.same(await db.states(one, two), ['PENDING LACK_ASSET', 'PENDING LACK_ASSET'])

  await fund(db.db, 'bob', 'BTC', '20', monday)

  t.match(await db.pass(), { claimed: 2, settled: 2 })
  t.same(await audit(db.db), [])
})

t.test('[SET-008] who is looked at with what it waits for comes in the next pass', async t => {
  const market = await waitingMarket(t, rich)
  const ids = [await market.instruct(), await market.instruct(), await market.instruct()] as const
  const pair = await market.instruct()
  await link(market, ids[0], 'AFTER', ids[1])
  await link(market, ids[1], 'AFTER', ids[2])
  await link(market, pair, 'WITH', ids[0])

  t.match(await market.pass(), { claimed: 4, settled: 1 })
  t.match(await market.pass(), { claimed: 1, settled: 1 })
  t.match(await market.pass(), { claimed: 2, settled: 2 })

  t.same(await market.states(...ids, pair), Array(4).fill('SETTLED 1'))
  t.same(await audit(market.db), [])
})

t.test('[SET-008] two links at once make no ring', async t => {
  const market = await waitingMarket(t, rich)
  const ids: string[] = []
  for (let i = 0; i < 4; i++) ids.push(await market.instruct())
  const [a = '', b = '', c = '', d = ''] = ids
  await link(market, b, 'AFTER', c)
  await link(market, d, 'AFTER', a)
  const [one, two] = [await openSession(t, market.db.url), await openSession(t, market.db.url)]
  const text = "select ops.link_settlements($1, 'AFTER', $2, 1, $3)"
  await one.query('begin')
  await one.query(text, [a, b, monday])

  const second = t.rejects(two.query(text, [c, d, monday]), { code: 'STLNK' })
  await untilBlocked(market.db, two.pid)
  await one.query('commit')
  await second
  await two.query('select') // the error is told before its locks are let go

  for (let i = 0; i < 4; i++) await market.pass()
  t.same(await market.states(...ids), Array(4).fill('SETTLED 1'))
})

t.test('[SET-010] after its cut-off an instruction waits for the next business day', async t => {
  const market = await waitingMarket(t, rich)
  const week = ['DAY', 'DAY', 'DAY', 'DAY', 'DAY', null, null]
  await market.db.query('select ops.create_calendar($1, $2, $3, $4)', [
    'NY',
    'America/New_York',
    '{"DAY": [["00:00", "CONTINUOUS"]]}',
    week,
  ])
  await market.db.query("select ops.set_cut_off('USD', 'NY', '16:00')")
  const friday = '2026-03-06T21:00:00Z'
  const early = await market.instruct({ now: '2026-03-06T20:59:59Z' })
  t.match(await market.pass('2026-03-06T20:59:59Z'), { settled: 1 })
  const late = await market.instruct({ now: friday })
  t.match(await market.pass(friday), { settled: 0 })
  t.same(await market.states(early, late), ['SETTLED 1', 'PENDING CUTOFF'])
  // Daylight saving begins on the Sunday between.
  t.match(await market.pass('2026-03-09T03:59:59Z'), { claimed: 0 })
  t.match(await market.pass('2026-03-09T04:00:00Z'), { settled: 1 })
  await market.db.query("select ops.set_cut_off('USD', null, null)")
  await market.instruct({ now: friday })
  t.match(await market.pass(friday), { settled: 1 })
})

t.test('what both sides cancel never settles, and nobody waits for it', async t => {
  const market = await waitingMarket(t, { alice: { USD: '1000' }, bob: { BTC: '2' }, carol: {} })
  const [never, after] = [await market.instruct({ seller: 'carol' }), await market.instruct()]
  await link(market, after, 'AFTER', never)
  await market.pass()
  await market.db.query("select ops.cancel_settlement($1, 'both said so', 'olga', 1, $2)", [
    never,
    monday,
  ])
  t.match(await market.pass(), { settled: 1 })
  t.same(await market.states(never, after), ['CANCELLED', 'SETTLED 1'])
  await fund(market.db, 'carol', 'BTC', '5', monday)
  t.match(await market.pass(), { claimed: 0 })
  await t.rejects(hold(market, never, 'BUYER'), { code: 'STINS', hint: 'ALREADY_CANCELLED' })
  t.same(await audit(market.db), [])
})
