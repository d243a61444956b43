import t from 'tap'
import { audit, balances, noon, settle } from '../helpers/market.ts'
import { claim, legs, outsideVenue, report, seconds } from '../helpers/outside.ts'

/** A venue whose bitcoins leave through an adapter, too: alice buys 0.5 of bob's. */
async function delivering(...args: Parameters<typeof outsideVenue>) {
  const venue = await outsideVenue(...args)
  const { operator, db } = venue
  await operator.query("select set_outside_asset('BTC')")
  await db.query("select api.deposit(1, 'bob', 'BTC', 2, 'more', $1)", [noon])
  const instruct = async (leg = 'DELIVERY', quantity = '0.5', amount = '60') => {
    const text =
      "select instruct_outside('BTC-USD', 'bob', 'alice', $1, $2, $3, 'ann', 1, $4) as id"
    const [row] = await operator.query<{ id: string }>(text, [quantity, amount, leg, noon])
    return row?.id ?? ''
  }
  const status = (id: string) =>
    db.query('select status, reason, next_attempt_at from instructions where instruction_id = $1', [
      id,
    ])
  const all = async () => [await balances(db, 'alice'), await balances(db, 'bob')]
  return { ...venue, instruct, status, all }
}

t.test('[SET-040] both sides are held until the delivery outside is confirmed', async t => {
  const { db, worker, instruct, status, all } = await delivering(t)

  const id = await instruct()

  t.match(await status(id), [{ status: 'PENDING', reason: 'EXTERNAL', next_attempt_at: Infinity }])
  const held = [
    { USD: '40 60 0 60', BTC: '1 0 0.5 0' },
    { USD: '100 0 60 0', BTC: '1.5 0.5 0 0.5' },
  ]
  t.match(await all(), held)
  t.match(await settle(db, { now: seconds(1e6) }), { claimed: 0 }, 'no worker settles it')
  t.same(await audit(db), [])

  const [leg] = await claim(worker)
  t.match(leg, {
    kind: 'DELIVERY',
    settlement_id: id,
    withdrawal_id: null,
    from_client_id: 'bob',
    to_client_id: 'alice',
    asset: 'BTC',
    amount: '0.5',
  })
  if (leg) await report(worker, leg, 'CONFIRMED', { now: seconds(5) })

  t.match(await status(id), [{ status: 'SETTLED' }])
  t.match(await all(), [
    { USD: '40 0 0 0', BTC: '1.5 0 0 0' },
    { USD: '160 0 0 0', BTC: '1.5 0 0 0' },
  ])
  const posted = 'select kind, amount from ledger.transfers where instruction_id = $1 order by kind'
  t.same(await db.query(posted, [id]), [
    { kind: 'DELIVERY', amount: '0.5' },
    { kind: 'PAYMENT', amount: '60' },
  ])
  t.same(await audit(db), [])
  t.same(await db.query('select * from verify_chain()'), [])
})

t.test('[SET-040] a payment outside that is voided cancels it and frees both sides', async t => {
  const { db, worker, instruct, status, all } = await delivering(t)
  const before = await all()
  const id = await instruct('payment')
  const [leg] = await claim(worker)
  t.match(leg, { kind: 'PAYMENT', from_client_id: 'alice', asset: 'USD', amount: '60' })

  if (leg) await report(worker, leg, 'VOIDED', { reason: 'no such account' })

  t.match(await status(id), [{ status: 'CANCELLED' }])
  t.same(await all(), before)
  t.match(await legs(db), [{ status: 'VOIDED', reason: 'no such account' }])
  t.same(await audit(db), [])
})

t.test('[SET-040] nothing but its leg ends an instruction that waits for it', async t => {
  const { db, operator, worker, instruct, status } = await delivering(t)
  const id = await instruct()
  const other = await instruct('PAYMENT', '0.1', '10')
  const acts = [
    `hold_settlement(${id}, 'SELLER')`,
    `release_settlement(${id}, 'SELLER')`,
    `set_settlement_priority(${id}, 1)`,
    `cancel_settlement(${id}, 'why')`,
    `link_settlements(${id}, 'AFTER', ${other})`,
  ]

  for (const act of acts) {
    const refused = { code: 'STLEG', hint: 'HAS_OUTSIDE_LEG' }
    await t.rejects(operator.query(`select ${act}`), refused, act)
  }
  await operator.query('select retry_settlement($1)', [id])
  t.match(await settle(db, { now: seconds(1e6) }), { claimed: 0 })
  await db.query('select * from settlement.settle_waiting(1, $1, 100)', [seconds(1e6)])

  t.match(await status(id), [{ status: 'PENDING', reason: 'EXTERNAL' }])
  await claim(worker)
  const confirm = "select confirm_outside_leg(1, 'cid', 'seen', p_now => $1)"
  await operator.query(confirm, [seconds(60)])
  t.match(await status(id), [{ status: 'SETTLED' }])
  const over = { code: 'STINS', hint: 'ALREADY_SETTLED' }
  await t.rejects(operator.query(`select cancel_settlement(${id}, 'why')`), over)
  t.same(await audit(db), [])
})

t.test('what cannot be is refused and holds nothing', async t => {
  const { db, operator, instruct, all } = await delivering(t)
  const before = await all()

  await t.rejects(instruct('DELIVERY', '3'), { code: 'RJFND' }, 'more than bob has')
  await t.rejects(instruct('DELIVERY', '1', '101'), { code: 'RJFND' }, 'more than alice has')
  await t.rejects(instruct('FEE'), { code: 'IVOUT', hint: 'BAD_LEG' })
  await t.rejects(instruct('PAYMENT', '1', '0'), { code: 'IVOUT', hint: 'BAD_LEG' })
  await t.rejects(instruct('DELIVERY', '0'), { code: 'IVAMT' })
  await operator.query("select set_outside_asset('BTC', null)")
  await t.rejects(instruct(), { code: 'IVOUT', hint: 'NOT_OUTSIDE' })

  t.same(await all(), before)
  t.same(await legs(db), [])
  t.same(await db.query('select from waiting_instructions'), [])
  t.same(await audit(db), [])
})
