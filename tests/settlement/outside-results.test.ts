import t, { type Test } from 'tap'
import { audit, balances, noon } from '../helpers/market.ts'
import { answer, claim, legs, letGo, outsideVenue, report, seconds } from '../helpers/outside.ts'
import { openSession, untilBlocked } from '../helpers/session.ts'

/** A venue with a withdrawal of 40 that a worker has sent. */
async function sent(t: Test) {
  const venue = await outsideVenue(t)
  await letGo(venue.app)
  const [leg] = await claim(venue.worker)
  if (leg === undefined) throw new Error('nothing was claimed')
  const decide = (verb: string, by = 'cid', reason = 'statement 12', now = seconds(60)) =>
    venue.operator.query(`select ${verb}_outside_leg(1, $1, $2, p_now => $3)`, [by, reason, now])
  return { ...venue, leg, decide }
}

t.test('[SET-044] the receiver says the result, once or again', async t => {
  const { db, app, worker, leg } = await sent(t)

  t.equal(await answer(app, leg.external_id, 'CONFIRMED', { reference: 'wire 7' }), 'CONFIRMED')
  t.equal(await answer(app, leg.external_id, 'CONFIRMED', { now: seconds(9) }), 'CONFIRMED')
  t.equal(await report(worker, leg, 'CONFIRMED', { now: seconds(9) }), 'CONFIRMED')
  t.equal(await report(worker, leg, 'RETRY', { now: seconds(9) }), 'CONFIRMED', 'it had ended')

  t.match(await balances(db, 'alice'), { USD: '60 0 0 0' })
  t.match(await legs(db), [{ status: 'CONFIRMED', reference: 'wire 7', disputed_at: null }])
  const count = "select count(*)::int from ledger.transfers where kind = 'WITHDRAWAL'"
  t.same(await db.query(count), [{ count: 1 }])
  t.same(await audit(db), [])
})

t.test('[SET-044] the first result stands; another marks the leg as disputed', async t => {
  const { db, app, worker, leg } = await sent(t)
  await answer(app, leg.external_id, 'VOIDED', { reason: 'closed' })

  t.equal(await answer(app, leg.external_id, 'CONFIRMED', { now: seconds(5) }), 'VOIDED')
  t.equal(await report(worker, leg, 'CONFIRMED', { now: seconds(6) }), 'VOIDED')

  t.match(await balances(db, 'alice'), { USD: '100 0 0 0' })
  t.match(await legs(db), [{ status: 'VOIDED', disputed_at: new Date(seconds(5)) }])
  const kinds = 'select kind from outside_leg_events order by event_id'
  const told = (await db.query(kinds)).map(row => row.kind)
  t.same(told, ['RESERVED', 'SENT', 'VOIDED', 'DISPUTED'])
  t.same(await audit(db), [])
})

t.test('[SET-044] nothing is taken for what was never sent, or is not known', async t => {
  const { db, app } = await outsideVenue(t)
  await letGo(app)
  const [leg] = await legs(db)

  const early = { code: 'STLEG', hint: 'NOT_SENT' }
  await t.rejects(answer(app, leg?.external_id, 'CONFIRMED'), early)
  const unknown = { code: 'NFLEG', hint: 'UNKNOWN_OUTSIDE_LEG' }
  await t.rejects(answer(app, '00000000-0000-4000-8000-000000000000', 'CONFIRMED'), unknown)
  await claim(db)
  await t.rejects(answer(app, leg?.external_id, 'ACCEPTED'), { code: 'IVOUT' })
  t.match(await legs(db), [{ status: 'SENT' }])
  t.same(await audit(db), [])
})

t.test('[SET-044] a person may say what became of it, but not who asked for it', async t => {
  for (const verb of ['confirm', 'void']) {
    const { db, decide } = await sent(t)
    const own = { code: 'RJSLF', hint: 'SAME_OPERATOR', column: 'operator' }
    await t.rejects(decide(verb, 'Ann'), own)
    await t.rejects(decide(verb, 'c d'), { code: 'IVOPR' })
    await t.rejects(decide(verb, 'cid', ' '), { code: 'IVRSN' })
    t.match(await balances(db, 'alice'), { USD: '60 40 0 0' })

    await decide(verb)
    await decide(verb, 'dan', 'again')

    t.match(await balances(db, 'alice'), { USD: verb === 'void' ? '100 0 0 0' : '60 0 0 0' })
    const status = verb === 'void' ? 'VOIDED' : 'CONFIRMED'
    t.match(await legs(db), [{ status, ended_by: 'cid', reason: 'statement 12' }])
    const [other] = ['confirm', 'void'].filter(word => word !== verb)
    await t.rejects(decide(other ?? ''), { code: 'STLEG', hint: 'ALREADY_ENDED' })
    t.same(await audit(db), [])
  }
})

t.test('[SET-044] a late result does not undo what a person decided', async t => {
  const { db, app, worker, leg, decide } = await sent(t)
  await decide('void')

  t.equal(await report(worker, leg, 'CONFIRMED', { now: seconds(61) }), 'VOIDED')
  t.equal(await answer(app, leg.external_id, 'CONFIRMED', { now: seconds(62) }), 'VOIDED')

  t.match(await balances(db, 'alice'), { USD: '100 0 0 0' })
  t.match(await legs(db), [{ status: 'VOIDED', disputed_at: new Date(seconds(61)) }])
  t.same(await audit(db), [])
})

t.test('[SET-044] what is being sent is not voided, what was never sent is taken back', async t => {
  const { db, app, operator, decide } = await sent(t)
  const busy = { code: 'STLEG', hint: 'BEING_SENT' }
  await t.rejects(decide('void', 'cid', 'why', seconds(29)), busy)
  await decide('void', 'cid', 'why', seconds(30))

  await letGo(app, { client: 'bob' })
  const take = "select void_outside_leg(2, 'ann', 'not needed', p_now => $1)"
  const confirm = "select confirm_outside_leg(2, 'ann', 'by hand', p_now => $1)"
  await t.rejects(operator.query(confirm, [noon]), { code: 'RJSLF' })
  await operator.query(take, [noon])

  t.match(await balances(db, 'bob'), { USD: '100 0 0 0' })
  t.same(await claim(db, { now: seconds(1e6) }), [])
  t.same(await audit(db), [])
})

t.test('[SET-044] of a confirmation and a void at once, the first stands', async t => {
  const { db, leg } = await sent(t)
  const [first, second] = [await openSession(t, db.url), await openSession(t, db.url)]
  await first.query('begin')
  await answer(first, leg.external_id, 'CONFIRMED')
  const void_ = "select void_outside_leg(1, 'cid', 'late', p_now => $1)"
  const late = second.query(void_, [seconds(60)]).catch(error => error.code)
  await untilBlocked(db, second.pid)

  await first.query('commit')

  t.equal(await late, 'STLEG')
  t.match(await balances(db, 'alice'), { USD: '60 0 0 0' })
  t.same(await audit(db), [])
})

t.test('an adapter and a time-out that cannot be are refused', async t => {
  const { operator } = await outsideVenue(t)
  const set = (more: string) => operator.query(`select set_outside_asset(${more})`)

  await t.rejects(set("'XAU'"), { code: 'NFAST' })
  await t.rejects(set("'USD', 'Web hook'"), { code: 'IVOUT', hint: 'BAD_ADAPTER' })
  for (const within of ['0 seconds', '31 days', '-1 hour']) {
    const wrong = { code: 'IVOUT', hint: 'BAD_TIME_OUT' }
    await t.rejects(set(`'USD', 'webhook', '${within}'`), wrong, within)
  }
  await t.rejects(set("'USD', 'webhook', null"), { code: 'IVOUT' })
})
