import t from 'tap'
import { audit, balances, noon } from '../helpers/market.ts'
import {
  answer,
  type Claim,
  claim,
  legs,
  letGo,
  outsideVenue,
  report,
  seconds,
} from '../helpers/outside.ts'

const one = async (claimed: Promise<Claim[]>): Promise<Claim> => {
  const [first] = await claimed
  if (first === undefined) throw new Error('nothing was claimed')
  return first
}

t.test('[SET-040] what is approved to leave stays held until it is confirmed', async t => {
  const { db, worker, app } = await outsideVenue(t)

  const id = await letGo(app)

  const [withdrawal] = await app.query('select * from api.find_withdrawal(1, $1)', [id])
  t.match(withdrawal, { status: 'PENDING', approved_by: 'bea', decided_by: null })
  t.match(await balances(db, 'alice'), { USD: '60 40 0 0' })
  const holds = "select cause_id, amount from v_holds where cause = 'OUTSIDE'"
  t.same(await db.query(holds), [{ cause_id: '1', amount: '40' }])
  t.match(await legs(db), [{ status: 'RESERVED', attempts: 0, withdrawal_id: id }])
  t.same(await audit(db), [])

  const leg = await one(claim(worker, { now: seconds(1) }))

  t.match(leg, {
    leg_id: '1',
    token: '1',
    attempt: 1,
    adapter: 'webhook',
    external_id: /^[0-9a-f-]{36}$/,
    kind: 'WITHDRAWAL',
    from_client_id: 'alice',
    to_client_id: 'external',
    settlement_id: null,
    asset: 'USD',
    amount: '40',
    withdrawal_id: id,
  })
  t.match(await legs(db), [{ status: 'SENT', worker: 'one', token: '1' }])
  t.same(await audit(db), [])

  t.equal(
    await report(worker, leg, 'CONFIRMED', { reference: 'wire 7', now: seconds(2) }),
    'CONFIRMED',
  )

  t.match(await balances(db, 'alice'), { USD: '60 0 0 0' })
  t.match(await balances(db, 'external'), { USD: '-160 0 0 0' })
  const [posted] = await app.query('select * from api.find_withdrawal(1, $1)', [id])
  t.match(posted, { status: 'POSTED', decided_by: 'bea', decided_at: new Date(seconds(2)) })
  t.match(await legs(db), [
    { status: 'CONFIRMED', reference: 'wire 7', ended_by: 'outside:webhook', leased_until: null },
  ])
  t.same(await db.query(holds), [])
  t.same(await claim(worker, { now: seconds(1e6) }), [], 'it is over')
  t.same(await audit(db), [])
  t.same(await db.query('select * from verify_chain()'), [])
})

t.test('[SET-040] what is voided is available again; nothing was posted', async t => {
  const { db, worker, app } = await outsideVenue(t)
  await letGo(app)
  const leg = await one(claim(worker))

  t.equal(await report(worker, leg, 'VOIDED', { reason: 'no such account' }), 'VOIDED')

  t.match(await balances(db, 'alice'), { USD: '100 0 0 0' })
  t.match(await db.query('select * from v_withdrawals'), [
    { status: 'REJECTED', decided_by: 'outside:webhook', reject_reason: 'no such account' },
  ])
  t.same(await db.query("select from ledger.transfers where kind = 'WITHDRAWAL'"), [])
  t.same(await audit(db), [])
})

t.test('[SET-040] approved once: the same again answers as it is, another is told', async t => {
  const { db, app, operator } = await outsideVenue(t)
  const id = await letGo(app)
  const approve = (by: string) =>
    app.query('select * from api.approve_withdrawal(1, $1, $2, $3)', [id, by, noon])

  t.match(await approve('bea'), [{ status: 'PENDING', approved_by: 'bea' }])
  await t.rejects(approve('cid'), { code: 'STWDR', hint: 'ALREADY_APPROVED' })
  const reject = "select api.reject_withdrawal(1, $1, 'cid', 'why', $2)"
  await t.rejects(app.query(reject, [id, noon]), { code: 'STWDR', hint: 'ALREADY_APPROVED' })
  t.equal((await legs(db)).length, 1)
  const force = 'update ledger.withdrawals set approved_by = requested_by'
  await t.rejects(db.query(force), { code: '23514', constraint: 'let_go_by_another' })

  // The asset is inside again: what is on its way goes on, what comes is posted at once.
  await operator.query("select set_outside_asset('USD', null)")
  t.match(await approve('bea'), [{ status: 'PENDING', approved_by: 'bea' }])
  await letGo(app, { client: 'bob', key: 'second' })
  t.match(await balances(db, 'bob'), { USD: '60 0 0 0' })
  t.match(await legs(db), [{ status: 'RESERVED' }])
  t.same(await audit(db), [])
})

t.test('[SET-041] each attempt has the same external id, no two legs have one', async t => {
  const { app, worker } = await outsideVenue(t)
  await letGo(app)
  await letGo(app, { client: 'bob' })
  const ids = async (now: string) => (await claim(worker, { now })).map(leg => leg.external_id)

  const first = await ids(noon)
  const again = await ids(seconds(30))

  t.equal(new Set(first).size, 2)
  t.same(again, first)
})

t.test('[SET-042] a claim is its worker’s own until the lease ends', async t => {
  const { db, app, worker } = await outsideVenue(t)
  await letGo(app)
  await letGo(app, { client: 'bob' })

  t.equal((await claim(worker, { limit: 1 })).length, 1)
  t.match(await claim(worker, { name: 'two' }), [{ leg_id: '2', token: '1' }])
  t.same(await claim(worker, { now: seconds(29) }), [])
  const late = await claim(worker, { name: 'three', now: seconds(30) })

  t.match(late, [
    { leg_id: '1', token: '2', attempt: 2 },
    { leg_id: '2', token: '2', attempt: 2 },
  ])
  t.match(await legs(db), [{ worker: 'three' }, { worker: 'three' }])
  const none = "select * from settlement.claim_outside_legs(1, '{fax}', 'x', '1 minute', 9, $1)"
  t.same(await worker.query(none, [seconds(900)]), [], 'nobody sends by what it has not')
})

t.test('[SET-042] an answer with an old token is refused, whatever it says', async t => {
  const { db, app, worker } = await outsideVenue(t)
  await letGo(app)
  const frozen = await one(claim(worker))
  const leg = await one(claim(worker, { name: 'two', now: seconds(30) }))

  for (const outcome of ['CONFIRMED', 'VOIDED', 'ACCEPTED', 'RETRY', 'REFUSED']) {
    const refused = { code: 'STTOK', hint: 'OLD_TOKEN' }
    await t.rejects(report(worker, frozen, outcome, { now: seconds(31) }), refused, outcome)
  }

  t.match(await balances(db, 'alice'), { USD: '60 40 0 0' })
  t.match(await legs(db), [{ status: 'SENT', worker: 'two', token: '2' }])
  t.equal(await report(worker, leg, 'CONFIRMED', { now: seconds(32) }), 'CONFIRMED')
  await t.rejects(report(worker, frozen, 'VOIDED', { now: seconds(33) }), { code: 'STTOK' })
  t.match(await balances(db, 'alice'), { USD: '60 0 0 0' })
  await t.rejects(report(worker, { leg_id: '9', token: '1' }, 'RETRY'), { code: 'NFLEG' })
  await t.rejects(report(worker, leg, 'PAID'), { code: 'IVOUT', hint: 'BAD_OUTCOME' })
  t.same(await audit(db), [])
})

t.test('[SET-043] without an answer it is sent again, later after each attempt', async t => {
  const { db, app, worker } = await outsideVenue(t)
  await letGo(app)
  let now = noon
  const waits: number[] = []

  for (let attempt = 1; attempt <= 20; attempt++) {
    const leg = await one(claim(worker, { now }))
    t.equal(leg.attempt, attempt)
    await report(worker, leg, 'RETRY', { reason: 'HTTP 500', now })
    const [row] = await legs(db)
    waits.push(((row?.next_attempt_at?.getTime() ?? 0) - Date.parse(now)) / 1000)
    now = row?.next_attempt_at?.toISOString() ?? ''
  }

  t.same(waits.slice(0, 3).map(Math.floor), [2, 4, 8])
  t.ok(waits.every((wait, n) => n === 0 || wait >= (waits[n - 1] ?? 0)))
  t.ok(waits.every(wait => wait <= 375))
  t.ok(
    waits.reduce((sum, wait) => sum + wait, 0) > 3600,
    'an hour without the receiver is waited out',
  )
  t.same(await claim(worker, { now }), [])
  t.match(await legs(db), [{ status: 'FAILED', next_attempt_at: null, attempts: 20 }])
  t.match(await balances(db, 'alice'), { USD: '60 40 0 0' }, 'no clock ends it')
  t.same(await audit(db), [])
})

t.test('[SET-043] what was taken without a result is sent again when its time is over', async t => {
  const { db, app, worker } = await outsideVenue(t)
  await letGo(app)
  const first = await one(claim(worker))
  t.equal(await report(worker, first, 'ACCEPTED', { reference: 'wire 7' }), 'SENT')
  t.match(await legs(db), [{ worker: null, reference: 'wire 7' }])

  t.same(await claim(worker, { now: seconds(3599) }), [])
  const again = await one(claim(worker, { now: seconds(3600) }))

  t.match(again, { external_id: first.external_id, attempt: 2 })
  await report(worker, again, 'RETRY', { now: seconds(3600) })
  t.match(await legs(db), [{ reference: 'wire 7' }])
  t.equal(await answer(app, first.external_id, 'CONFIRMED', { now: seconds(3601) }), 'CONFIRMED')
  t.same(await claim(worker, { now: seconds(9999) }), [])
  t.match(await balances(db, 'alice'), { USD: '60 0 0 0' })
  t.same(await audit(db), [])
})

t.test('[SET-043] what is refused is put aside until a person decides', async t => {
  const { db, app, worker, operator } = await outsideVenue(t)
  await letGo(app)
  const leg = await one(claim(worker))
  t.equal(await report(worker, leg, 'REFUSED', { reason: 'HTTP 422 no such account' }), 'FAILED')
  t.same(await claim(worker, { now: seconds(1e6) }), [])
  t.match(await legs(db), [{ status: 'FAILED', reason: 'HTTP 422 no such account' }])
  t.same(await audit(db), [])

  await operator.query("select retry_outside_leg(1, 'cid', p_now => $1)", [seconds(9)])

  const again = await one(claim(worker, { now: seconds(9) }))
  t.match(again, { token: '2', attempt: 1, external_id: leg.external_id })
  await t.rejects(report(worker, leg, 'CONFIRMED'), { code: 'STTOK' })
  const retry = "select retry_outside_leg(1, 'cid', p_now => $1) as at"
  const [soon] = await operator.query(retry, [seconds(10)])
  t.same(soon?.at, new Date(seconds(39)), 'not while a worker is sending it')
  t.equal(await report(worker, again, 'CONFIRMED', { now: seconds(11) }), 'CONFIRMED')
  const over = { code: 'STLEG', hint: 'ALREADY_ENDED' }
  await t.rejects(operator.query("select retry_outside_leg(1, 'cid')"), over)
  await t.rejects(operator.query("select retry_outside_leg(9, 'cid')"), { code: 'NFLEG' })
  t.same(await audit(db), [])
})
