import t from 'tap'
import { audit, balances, fund } from '../helpers/market.ts'
import { openSession, untilBlocked } from '../helpers/session.ts'
import { monday, waitingMarket } from './waiting-market.ts'

t.test('[SET-006] an instruction settles when both sides can pay, and holds nothing', async t => {
  const market = await waitingMarket(t, { alice: { USD: '1000' }, bob: { BTC: '5' } })
  const id = await market.instruct({ quantity: '2', amount: '300' })
  t.same(await balances(market.db, 'alice'), { USD: '1000 0 0 0' }, 'nothing is held')

  t.match(await market.pass(), { claimed: 1, settled: 1 })

  t.same(await market.states(id), ['SETTLED 2'])
  t.same(await balances(market.db, 'alice'), { BTC: '2 0 0 0', USD: '700 0 0 0' })
  t.same(await balances(market.db, 'bob'), { BTC: '3 0 0 0', USD: '300 0 0 0' })
  t.same(await audit(market.db), [])
})

t.test('[SET-006] who lacks assets or cash waits, and is woken when they come', async t => {
  const market = await waitingMarket(t, { alice: { USD: '50' }, bob: { ETH: '1' } })
  const { db } = market
  const id = await market.instruct()
  await market.pass()
  t.same(await market.states(id), ['PENDING LACK_ASSET'])

  t.match(await market.pass(), { claimed: 0 }, 'it is not tried again for nothing')
  await fund(db, 'bob', 'ETH', '1', monday)
  t.match(await market.pass(), { claimed: 0 }, 'nor when something else comes')
  await fund(db, 'bob', 'BTC', '1', monday)
  t.match(await market.pass(), { claimed: 1, settled: 0 })
  t.same(await market.states(id), ['PENDING LACK_CASH'])
  await fund(db, 'alice', 'USD', '49', monday)
  t.match(await market.pass(), { claimed: 1, settled: 0 })
  await fund(db, 'alice', 'USD', '1', monday)
  t.match(await market.pass(), { claimed: 1, settled: 1 })
  t.same(await market.states(id), ['SETTLED 1'])
  t.same(await db.query('select * from ledger.waits'), [])
  t.same(await audit(db), [])
})

t.test('[SET-006] what one instruction brings pays the next in the same pass', async t => {
  const market = await waitingMarket(t, { alice: { USD: '100' }, bob: { BTC: '1' }, carol: {} })
  const second = await market
    .instruct({ seller: 'carol', buyer: 'dave', amount: '0' })
    .catch(() => null)
  t.equal(second, null, 'there is no dave')
  const onward = await market.instruct({ seller: 'alice', buyer: 'carol', amount: '0' })
  const first = await market.instruct()
  t.match(await market.pass(), { settled: 2 })
  t.same(await market.states(onward, first), ['SETTLED 1', 'SETTLED 1'])
})

t.test('[SET-006] by priority, then value date, then age', async t => {
  const market = await waitingMarket(t, { alice: { USD: '100' }, bob: { BTC: '9' } })
  const ids = [
    await market.instruct({ priority: 4 }),
    await market.instruct({ priority: 2, value_date: '2026-03-02' }),
    await market.instruct({ priority: 2, value_date: '2026-03-01' }),
    await market.instruct({ priority: 3 }),
  ]
  const settled: number[] = []
  for (let i = 0; i < 4; i++) {
    await market.pass()
    const states = await market.states(...ids)
    settled.push(states.findIndex((state, n) => state.startsWith('SET') && !settled.includes(n)))
    await fund(market.db, 'alice', 'USD', '100', monday)
  }
  t.same(settled, [2, 1, 3, 0])

  const late = await market.instruct({ priority: 4 })
  const raised = await market.instruct({ priority: 4 })
  await market.db.query('select ops.set_settlement_priority($1, 1, 1, $2)', [raised, monday])
  await market.pass()
  t.same(await market.states(late, raised), ['PENDING LACK_CASH', 'SETTLED 1'])
})

t.test('[SET-009] a ring settles of which none could alone, if each can pay its net', async t => {
  const names = ['p1', 'p2', 'p3', 'p4', 'p5']
  const market = await waitingMarket(
    t,
    Object.fromEntries(names.map(name => [name, name === 'p1' ? { BTC: '4' } : {}])),
  )
  const ring = (quantity: string) =>
    Promise.all(
      names.map((seller, i) =>
        market.instruct({ seller, buyer: names[(i + 1) % 5] ?? '', quantity, amount: '0' }),
      ),
    )
  const ids = await ring('10')
  // One bitcoin each goes round alone; ten only together.
  t.match(await market.pass(), { claimed: 5, settled: 5 })
  t.same(await market.states(...ids), Array(5).fill('SETTLED 10'))
  t.same(await balances(market.db, 'p1'), { BTC: '4 0 0 0' })
  const [journals] = await market.db.query(
    "select count(*)::int from ledger.journals where kind = 'SETTLEMENT'",
  )
  t.equal(journals?.count, 1, 'in one journal')
  t.same(await audit(market.db), [])
})

t.test('[SET-009] who cannot pay its net is left out, and the rest settles', async t => {
  const market = await waitingMarket(t, { a: { BTC: '1' }, b: {}, c: {}, d: { USD: '5' } })
  const deliver = (seller: string, buyer: string, quantity: string, amount = '0') =>
    market.instruct({ seller, buyer, quantity, amount })
  const ids = [
    await deliver('a', 'b', '7'),
    await deliver('b', 'c', '7'),
    await deliver('c', 'a', '7'),
    await deliver('c', 'd', '3', '5'),
  ]
  t.match(await market.pass(), { claimed: 4, settled: 3 })
  t.same(await market.states(...ids), ['SETTLED 7', 'SETTLED 7', 'SETTLED 7', 'PENDING LACK_ASSET'])
})

t.test('[SET-006] what comes while a pass looks is not missed', async t => {
  const market = await waitingMarket(t, { alice: { USD: '0.01' }, bob: { BTC: '1' } })
  const id = await market.instruct()
  const worker = await openSession(t, market.db.workerUrl)
  const payer = await openSession(t, market.db.url)
  await worker.query('begin')
  await worker.query('select settlement.settle_waiting(1, $1, 500)', [monday])

  const deposit = payer.query("select api.deposit(1, 'alice', 'USD', 200, 'k', $1)", [monday])
  await untilBlocked(market.db, payer.pid)
  await worker.query('commit')
  await deposit

  t.match(await market.pass(), { claimed: 1, settled: 1 })
  t.same(await market.states(id), ['SETTLED 1'])
})

t.test(
  '[SET-003] an instruction that cannot be posted is put aside, the others settle',
  async t => {
    const market = await waitingMarket(t, { alice: { USD: '1000' }, bob: { BTC: '5' } })
    const ids = [await market.instruct(), await market.instruct(), await market.instruct()]
    await market.db.query(
      `update settlement.waiting_instructions set quantity = 1e20, settled_quantity = 1e20 - 1
    where instruction_id = $1`,
      [ids[1]],
    )
    await market.db.query('alter table settlement.parts add constraint trap check (notional < 500)')
    await market.db.query(
      'update settlement.waiting_instructions set notional = 600 where instruction_id = $1',
      [ids[1]],
    )
    t.match(await market.pass(), { claimed: 3, settled: 2, put_aside: 1 })
    t.same(await market.states(...ids), ['SETTLED 1', 'PENDING SYSTEM', 'SETTLED 1'])
    t.match(await market.db.query('select * from ops.v_fails'), [
      { attempts: 1, reason: 'SYSTEM', problem: /^23514 .*trap/ },
    ])
  },
)

/** What no instruction of 500 or more can be posted by. */
const trap = 'alter table settlement.parts add constraint trap check (notional < 500)'

t.test('[SET-003] beside one that is put aside, pairs and rings settle all the same', async t => {
  const names = ['p1', 'p2', 'p3']
  const funds = { alice: { USD: '1000' }, bob: { BTC: '9' }, p1: { BTC: '4' }, p2: {}, p3: {} }
  const market = await waitingMarket(t, funds)
  const pair = [await market.instruct(), await market.instruct()]
  await market.db.query("select ops.link_settlements($1, 'WITH', $2, 1, $3)", [...pair, monday])
  const ring = await Promise.all(
    names.map((seller, i) =>
      market.instruct({ seller, buyer: names[(i + 1) % 3] ?? '', quantity: '10', amount: '0' }),
    ),
  )
  const poisoned = await market.instruct({ amount: '600' })
  await market.db.query(trap)

  t.match(await market.pass(), { claimed: 6, settled: 5, put_aside: 1 })

  t.same(await market.states(...pair), ['SETTLED 1', 'SETTLED 1'])
  t.same(await market.states(...ring), Array(3).fill('SETTLED 10'))
  t.same(await market.states(poisoned), ['PENDING SYSTEM'])
  t.same(await audit(market.db), [])
})

t.test('[SET-003] of two that settle together both are put aside, with their turn', async t => {
  const market = await waitingMarket(t, { alice: { USD: '1000' }, bob: { BTC: '9' } })
  const [one, two] = [await market.instruct(), await market.instruct({ amount: '600' })]
  const late = await market.instruct({ priority: 4, amount: '250' })
  const first = await market.instruct({ priority: 1, amount: '250' })
  await market.db.query("select ops.link_settlements($1, 'WITH', $2, 1, $3)", [one, two, monday])
  await market.db.query(trap)
  await fund(market.db, 'bob', 'USD', '0.01', monday)
  await market.db.query("select api.request_withdrawal(1, 'alice', 'USD', 600, 'w', 'ann', $1)", [
    monday,
  ])
  t.match(await market.pass(), { claimed: 4, settled: 1, put_aside: 0 }, 'nobody can pay the two')
  t.same(await market.states(first, late), ['SETTLED 1', 'PENDING LACK_CASH'])
  await fund(market.db, 'alice', 'USD', '800', monday)

  t.match(await market.pass(), { claimed: 3, settled: 1, put_aside: 2 })

  t.same(await market.states(one, two, late), ['PENDING SYSTEM', 'PENDING SYSTEM', 'SETTLED 1'])
  await market.db.query('alter table settlement.parts drop constraint trap')
  t.match(await market.pass('2026-03-02T09:00:03Z'), { claimed: 2, settled: 2 })
  t.same(await audit(market.db), [])
})

t.test('[SET-003] what comes to its account does not bring it back before its time', async t => {
  const market = await waitingMarket(t, { alice: { USD: '50' }, bob: { BTC: '9' } })
  const id = await market.instruct({ amount: '600' })
  await market.pass()
  t.same(await market.states(id), ['PENDING LACK_CASH'])
  await market.db.query(trap)
  await fund(market.db, 'alice', 'USD', '600', monday)
  t.match(await market.pass(), { claimed: 1, put_aside: 1 })

  t.match(await market.pass(), { claimed: 0 })
  await fund(market.db, 'alice', 'USD', '600', monday)
  t.match(await market.pass('2026-03-02T09:00:01Z'), { claimed: 0 })

  t.match(await market.pass('2026-03-02T09:00:03Z'), { claimed: 1, put_aside: 1 })
})

t.test('[SET-006] what one brings goes first to the earlier one that lacked it', async t => {
  const funds = { alice: { USD: '50', BTC: '1' }, bob: { BTC: '9' }, carol: { USD: '60' } }
  const market = await waitingMarket(t, funds)
  const first = await market.instruct({ priority: 1, amount: '100' })
  const brings = await market.instruct({
    ...{ seller: 'alice', buyer: 'carol', priority: 2, amount: '60' },
  })
  const last = await market.instruct({ priority: 3, amount: '20' })

  t.match(await market.pass(), { settled: 2 })

  t.same(await market.states(first, brings, last), ['SETTLED 1', 'SETTLED 1', 'PENDING LACK_CASH'])
})

t.test('[SET-006] before its value date an instruction is not tried', async t => {
  const market = await waitingMarket(t, { alice: { USD: '1000' }, bob: { BTC: '5' } })
  const id = await market.instruct({ value_date: '2026-03-04' })
  t.match(await market.pass(), { claimed: 0 })
  t.same(await market.states(id), ['PENDING FUTURE_DATE'])
  t.match(await market.pass('2026-03-03T23:59:59Z'), { claimed: 0 })
  t.match(await market.pass('2026-03-04T00:00:00Z'), { settled: 1 })
})

t.test('what cannot be instructed is refused, and changes nothing', async t => {
  const market = await waitingMarket(t, { alice: { USD: '1000' }, bob: { BTC: '5' } })
  const refused = async (more: object, code: string) =>
    t.rejects(market.instruct(more), { code }, JSON.stringify(more))
  await refused({ quantity: '0' }, 'IVAMT')
  await refused({ quantity: '-1' }, 'IVAMT')
  await refused({ quantity: '0.000000001' }, 'IVAMT')
  await refused({ quantity: 'NaN' }, 'IVAMT')
  await refused({ amount: '-1' }, 'IVAMT')
  await refused({ amount: 'Infinity' }, 'IVAMT')
  await refused({ seller: 'alice' }, 'IVPAR')
  await refused({ seller: 'zoe' }, 'NFPAR')
  await refused({ priority: 5 }, 'IVPRI')
  t.same(await market.db.query('select * from settlement.waiting_instructions'), [])
})
