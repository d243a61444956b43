import t, { type Test } from 'tap'
import { audit, balances } from '../helpers/market.ts'
import { legs, letGo, outsideVenue } from '../helpers/outside.ts'
import { startReceiver } from '../helpers/receiver.ts'
import { until } from '../helpers/until.ts'
import { startThreads } from './threads.ts'

const now = () => new Date().toISOString()

/** A venue, a receiver, and workers that send to it; `begin` starts some more. */
async function sending(t: Test, { isFaulty = false }: { isFaulty?: boolean } = {}) {
  const venue = await outsideVenue(t, now())
  const receiver = await startReceiver(t, 'CONFIRM')
  const begin = (secret: Uint8Array = receiver.secret) => {
    const outsideWebhook = { url: receiver.url, secret }
    const options = { databaseUrl: venue.db.workerUrl, settlementWorkers: 1, outsideWebhook }
    return startThreads(t, options, { isFaulty })
  }
  const pay = (key: string, amount = '10') => letGo(venue.app, { key, amount, now: now() })
  const statuses = async () => (await legs(venue.db)).map(leg => leg.status)
  /** As if the time had passed until the legs are tried next. */
  const hurry = () =>
    venue.db.query(`update settlement.outside_legs
      set next_attempt_at = now(), leased_until = case when worker is not null then now() end
      where next_attempt_at is not null`)
  return { ...venue, receiver, begin, pay, statuses, hurry }
}

t.test('[SET-040] what is approved is sent, signed, and posted on its confirmation', async t => {
  const { db, receiver, begin, pay, statuses } = await sending(t)
  begin()

  await pay('first')
  await pay('second', '2.5')

  await until(async () => (await statuses()).join() === 'CONFIRMED,CONFIRMED')
  t.match(receiver.messages, [
    { type: 'outside_leg.send', kind: 'WITHDRAWAL', asset: 'USD', amount: '10', attempt: 1 },
    { from_client_id: 'alice', to_client_id: 'external', amount: '2.5', token: '1' },
  ])
  t.equal(receiver.results.size, 2)
  t.match(await balances(db, 'alice'), { USD: '87.5 0 0 0' })
  t.match(await legs(db), [{ reference: /^wire/ }, { reference: /^wire/ }])
  t.same(await audit(db), [])
})

t.test('[SET-041] whatever becomes of the answer, it is paid once', async t => {
  for (const manner of ['DROP', 'FAIL', 'FAIL_DONE', 'ACCEPT'] as const) {
    const { db, receiver, begin, pay, statuses, hurry } = await sending(t)
    receiver.next(manner)
    begin()
    await pay(manner)
    await until(async () => (await legs(db))[0]?.leased_until === null && receiver.messages.length)
    t.same(await statuses(), ['SENT'], manner)
    t.match(await balances(db, 'alice'), { USD: '90 10 0 0' })
    const [{ external_id } = {}] = receiver.messages
    // The result is there when it asks again.
    if (manner === 'ACCEPT')
      receiver.results.set(external_id ?? '', { status: 'CONFIRMED', amount: '10' })

    await hurry()

    await until(async () => (await statuses()).join() === 'CONFIRMED')
    t.ok(receiver.messages.every(message => message.external_id === external_id))
    t.ok(receiver.messages.length >= 2)
    t.equal(receiver.results.size, 1, `${manner}: paid once`)
    t.match(await balances(db, 'alice'), { USD: '90 0 0 0' })
    t.same(await audit(db), [])
  }
})

t.test(
  '[SET-043] a receiver that voids, refuses or redirects: each is as it should be',
  async t => {
    const { db, receiver, begin, pay, statuses, operator } = await sending(t, { isFaulty: true })
    receiver.next('VOID', 'REFUSE', 'REDIRECT')
    begin()

    for (const [n, status] of ['VOIDED', 'FAILED', 'FAILED'].entries()) {
      await pay(String(n))
      await until(async () => (await statuses())[n] === status)
    }

    t.match(await legs(db), [
      { status: 'VOIDED' },
      { reason: 'HTTP 422 {"error":"no such account"}' },
      { reason: 'HTTP 307' },
    ])
    t.equal(receiver.messages.length, 3, 'nobody follows a redirect')
    t.match(await balances(db, 'alice'), { USD: '80 20 0 0' })
    await operator.query("select retry_outside_leg(2, 'cid'), void_outside_leg(3, 'cid', 'no')")
    await until(async () => (await statuses()).join() === 'VOIDED,CONFIRMED,VOIDED')
    t.match(await balances(db, 'alice'), { USD: '90 0 0 0' })
    t.same(await audit(db), [])
  },
)

t.test('[SET-043] a receiver that does not know the signature pays nothing', async t => {
  const { db, receiver, begin, pay, statuses } = await sending(t, { isFaulty: true })
  begin(Buffer.from('a secret that the bank never saw'))

  await pay('first')

  await until(async () => (await statuses()).join() === 'FAILED')
  t.match(await legs(db), [{ reason: /^HTTP 401/ }])
  t.same([receiver.unsigned(), receiver.results.size], [1, 0])
  t.same(await audit(db), [])
})

t.test('[SET-042] an answer that comes when another has the leg changes nothing', async t => {
  const { db, receiver, begin, pay, statuses, hurry } = await sending(t, { isFaulty: true })
  receiver.next('HOLD')
  begin()
  await pay('first')
  await until(() => receiver.messages.length === 1)

  // Its lease is over while the first worker still waits: a second one asks, and hears the same.
  await hurry()
  begin()
  await until(async () => (await statuses()).join() === 'CONFIRMED')
  receiver.release()

  await pay('second')
  await until(async () => (await statuses()).join() === 'CONFIRMED,CONFIRMED')
  t.same(
    receiver.messages.map(message => message.token),
    ['1', '2', '1'],
  )
  t.equal(receiver.results.size, 2)
  const count = "select count(*)::int from ledger.transfers where kind = 'WITHDRAWAL'"
  t.same(await db.query(count), [{ count: 2 }])
  t.match(await balances(db, 'alice'), { USD: '80 0 0 0' })
  t.same(await audit(db), [])
})

t.test('a stop ends what is being sent, and gives the lease back', async t => {
  const { db, receiver, begin, pay, statuses, hurry } = await sending(t)
  receiver.next('HOLD')
  const workers = begin()
  await pay('first')
  await until(() => receiver.messages.length === 1)

  await workers.stop(5000)

  t.match(await legs(db), [{ status: 'SENT', leased_until: null, reason: 'the worker stopped' }])
  await hurry()
  begin()
  await until(async () => (await statuses()).join() === 'CONFIRMED')
  t.equal(receiver.results.size, 1)
  t.same(await audit(db), [])
})
