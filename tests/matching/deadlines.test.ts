import { buy, command, execute, noon, sell } from '../helpers/market.ts'
import { openSession, untilBlocked } from '../helpers/session.ts'
import { until } from '../helpers/until.ts'
import { marketTest, symbol } from './market-test.ts'

const deadline = (ms: number) => new Date(Date.parse(noon) + ms).toISOString()

marketTest('[MAT-054] a request whose deadline has passed never trades', {}, async (t, market) => {
  await market.run([sell('alice', '1', '100')])
  const before = await market.hash('bob')

  const answers = await market.run([
    buy('bob', '1', '100', { deadline: deadline(-1) }),
    buy('bob', '1', '100', { deadline: deadline(0) }),
  ])

  const refused = { status: 'REJECTED', reject_code: 'EXPIRED_REQUEST', error_state: 'RJDLN' }
  t.match(answers, [refused, refused])
  t.equal(await market.hash('bob'), before)
  t.match(await market.run([buy('bob', '1', '100', { deadline: deadline(1) })]), [
    { status: 'FILLED' },
  ])
})

marketTest('[MAT-054] nor does a cancel or an amendment anything', {}, async (t, market) => {
  await market.run([sell('alice', '1', '100', { client_order_id: 'a' })])
  const before = await market.hash()
  const late = { client_id: 'alice', client_order_id: 'a', deadline: deadline(-1) }

  const answers = await market.run([
    { ...command({ op: 'CANCEL' }), ...late },
    { ...command({ op: 'AMEND', price: '101' }), ...late },
  ])

  t.match(answers, [{ error_code: 'EXPIRED_REQUEST' }, { error_code: 'EXPIRED_REQUEST' }])
  t.equal(await market.hash(), before)
})

marketTest(
  '[MAT-054] what counts is the time of the symbol, once it is locked',
  {},
  async (t, m) => {
    // A batch of a later time went before: this one is of that time, too.
    await m.run([sell('alice', '1', '100')], deadline(5000))

    const [answer] = await m.run([buy('bob', '1', '100', { deadline: deadline(4000) })])

    t.match(answer, { reject_code: 'EXPIRED_REQUEST' })
  },
)

marketTest('[MAT-054] who waits behind a later batch is refused', {}, async (t, market) => {
  const first = await openSession(t, market.db.url)
  const second = await openSession(t, market.db.url)
  await first.query('begin')
  await execute(first, symbol, [sell('alice', '1', '100')], { now: deadline(3000) })

  const waiting = execute(second, symbol, [buy('bob', '1', '100', { deadline: deadline(2000) })])
  await untilBlocked(market.db, second.pid)
  await first.query('commit')

  t.match(await waiting, [{ reject_code: 'EXPIRED_REQUEST' }])
})

marketTest('[MAT-054] so is who waits too long behind any other', {}, async (t, market) => {
  await market.run([sell('alice', '1', '100', { client_order_id: 'ask' })])
  const holder = await openSession(t, market.db.url)
  const waiter = await openSession(t, market.db.url)
  await holder.query('begin')
  await holder.query('select matching.lock_symbol(1, symbol_id) from reference.symbols')
  const cancel = command({ op: 'CANCEL', client_id: 'alice', client_order_id: 'ask' })

  const waiting = execute(waiter, symbol, [
    buy('bob', '0.4', '100', { deadline: deadline(50) }),
    { ...cancel, deadline: deadline(50) },
    buy('bob', '0.3', '100', { deadline: deadline(3_600_000) }),
    buy('bob', '0.2', '100'),
  ])
  await untilBlocked(market.db, waiter.pid)
  const since = performance.now()
  await until(() => performance.now() - since > 60)
  await holder.query('commit')

  const late = 'EXPIRED_REQUEST'
  t.match(await waiting, [
    { status: 'REJECTED', reject_code: late },
    { error_code: late },
    { status: 'FILLED' },
    { status: 'FILLED' },
  ])
  t.match(await market.order('ask'), { status: 'PARTIALLY_FILLED', filled_quantity: '0.5' })
  t.same(await market.db.query("select * from ops.verify_replay('BTC-USD')"), [])
})
