import t, { type Test } from 'tap'
import { audit, balances } from '../helpers/market.ts'
import { legs, letGo, outsideVenue } from '../helpers/outside.ts'
import { type Receiver, startReceiver } from '../helpers/receiver.ts'
import { startService } from '../helpers/service.ts'
import { until } from '../helpers/until.ts'

const service = (t: Test, url: string, receiver: Receiver) =>
  startService(t, {
    DATABASE_URL: url,
    AUTH_MODE: 'off',
    LOG_LEVEL: 'silent',
    OUTSIDE_WEBHOOK_URL: receiver.url,
    OUTSIDE_WEBHOOK_SECRET: receiver.secretText,
  })

t.test(
  '[SET-041] killed between sending and reporting, it is sent again and paid once',
  async t => {
    const now = () => new Date().toISOString()
    const { db, app } = await outsideVenue(t, now())
    const receiver = await startReceiver(t, 'HOLD')
    const doomed = service(t, db.url, receiver)
    await doomed.open()
    for (const key of ['first', 'second', 'third'])
      await letGo(app, { key, amount: '10', now: now() })
    await until(() => receiver.results.size === 3)

    doomed.kill('SIGKILL')
    await doomed.ended

    t.match(await legs(db), [{ status: 'SENT' }, { status: 'SENT' }, { status: 'SENT' }])
    t.match(await balances(db, 'alice'), { USD: '70 30 0 0' }, 'it is held, whoever is killed')
    t.same(await audit(db), [])
    // As if the leases were over.
    await db.query(
      'update settlement.outside_legs set next_attempt_at = now(), leased_until = now()',
    )
    const next = service(t, db.url, receiver)
    await next.open()
    await until(async () => (await legs(db)).every(leg => leg.status === 'CONFIRMED'))

    t.equal(receiver.results.size, 3, 'paid once each')
    t.equal(receiver.messages.length, 6)
    t.same(new Set(receiver.messages.map(message => message.external_id)).size, 3)
    t.match(await balances(db, 'alice'), { USD: '70 0 0 0' })
    const posted = "select count(*)::int from ledger.transfers where kind = 'WITHDRAWAL'"
    t.same(await db.query(posted), [{ count: 3 }])
    t.same(await audit(db), [])
    t.same(await db.query('select * from verify_chain()'), [])
  },
)

t.test('[SET-044] a receiver tells the service the result later, signed', async t => {
  const now = new Date().toISOString()
  const { db, app } = await outsideVenue(t, now)
  const receiver = await startReceiver(t, 'ACCEPT')
  const { url } = await service(t, db.url, receiver).open()
  await letGo(app, { now })
  await until(async () => (await legs(db))[0]?.leased_until === null && receiver.results.size === 1)

  const { body, headers } = receiver.result(receiver.messages[0]?.external_id ?? '', 'CONFIRMED')
  const answer = await fetch(`${url}/outside-legs/results`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body,
  })

  t.equal(answer.status, 200)
  t.match(await balances(db, 'alice'), { USD: '60 0 0 0' })
  t.same(await audit(db), [])
})
