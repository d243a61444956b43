import t, { type Test } from 'tap'
import { testDatabase } from '../helpers/database.ts'
import {
  audit,
  balances,
  buy,
  command,
  createMarket,
  execute,
  noon,
  type Queryable,
  sell,
} from '../helpers/market.ts'
import { openSession, untilBlocked } from '../helpers/session.ts'

const after = (seconds: number) => new Date(Date.parse(noon) + seconds * 1000).toISOString()

const arm = async (db: Queryable, seconds: number | null, now = noon, client = 'alice') => {
  const values = [client, seconds, now]
  const [row] = await db.query<{ at: Date | null }>(
    'select api.cancel_after(1, $1, $2, $3) as at',
    values,
  )
  return row?.at?.toISOString() ?? null
}

const fire = async (db: Queryable, now: string, limit = 100) => {
  const [row] = await db.query('select * from matching.fire_timers(1, $1, $2)', [now, limit])
  return row
}

const nothing = { fired: 0, cancelled: 0 }

/** Orders of every kind at two symbols: open, a stop, a parked one, an entry with its exits. */
const stop = command({
  client_id: 'alice',
  side: 'SELL',
  type: 'STOP',
  quantity: '1',
  stop_price: '5',
  time_in_force: 'IOC',
})
const listed = [
  buy('alice', '1', '8', { list_no: 1, list_role: 'ENTRY' }),
  sell('alice', '1', '20', { list_no: 1, list_role: 'EXIT' }),
]

async function market(t: Test) {
  const db = await testDatabase(t)
  const funds = { USD: '10000', BTC: '100', ETH: '100' }
  await createMarket(db, {
    symbols: { 'BTC-USD': {}, 'ETH-USD': {} },
    traders: { alice: funds, bob: funds, carol: funds },
  })
  await execute(db, 'BTC-USD', [buy('alice', '1', '10'), sell('bob', '1', '30'), stop])
  await execute(db, 'ETH-USD', [sell('alice', '1', '40'), ...listed])
  return db
}

const statuses = async (db: Queryable, client: string) => {
  const rows = await db.query(
    `select o.status, o.end_reason from orders as o join participants as p using (participant_id)
    where p.client_id = $1 order by o.order_id`,
    [client],
  )
  return rows.map(row => row.end_reason ?? row.status)
}

/** How the orders of alice ended: an exit ends with its entry. */
const ended = (reason: string) => [...Array(4).fill(reason), 'OTO_PHASE_ONE_EXPIRED']

t.test('[MAT-067] without a renewal all orders are cancelled when the time is over', async t => {
  const db = await market(t)

  t.equal(await arm(db, 60), after(60))
  t.same(await fire(db, after(59.999)), nothing)
  t.same(await statuses(db, 'alice'), ['OPEN', 'PENDING', 'OPEN', 'OPEN', 'PENDING'])
  t.same(await fire(db, after(60)), { fired: 1, cancelled: 5 })

  t.same(await statuses(db, 'alice'), ended('DEADMAN'))
  t.same(await statuses(db, 'bob'), ['OPEN'])
  t.same(await balances(db, 'alice'), {
    BTC: '100 0 0 0',
    ETH: '100 0 0 0',
    USD: '10000 0 0 0',
  })
  const [event] = await db.query(
    "select at, kind from events where reason = 'DEADMAN' order by at desc limit 1",
  )
  t.match(event, { at: new Date(after(60)), kind: 'CANCELLED' })
  t.same(await audit(db), [])
})

t.test('[MAT-067] it fires once, and is off then', async t => {
  const db = await market(t)
  await arm(db, 60)
  await fire(db, after(60.5))

  await execute(db, 'BTC-USD', [buy('alice', '1', '10')], { now: after(61) })

  t.same(await fire(db, after(1000)), nothing)
  t.same(
    (await statuses(db, 'alice')).filter(word => word === 'OPEN'),
    ['OPEN'],
  )
})

t.test('[MAT-067] each call begins anew, and 0 disarms', async t => {
  const db = await market(t)
  await arm(db, 60)

  t.equal(await arm(db, 30, after(59)), after(89))
  t.same(await fire(db, after(88)), nothing)
  t.equal(await arm(db, 10, after(88)), after(98))
  t.equal(await arm(db, 0, after(97)), null)
  t.equal(await arm(db, 0, after(97)), null, 'also when it is off')
  t.same(await fire(db, after(1000)), nothing)
  t.equal((await db.query('select from matching.cancel_timers')).length, 0)
})

t.test('[MAT-067] a timer is from 0 seconds to a day, of somebody who is there', async t => {
  const db = await market(t)

  t.equal(await arm(db, 86_400), after(86_400))
  for (const seconds of [-1, 86_401, null]) {
    await t.rejects(arm(db, seconds), { code: 'IVTMR', hint: 'BAD_TIMER' }, String(seconds))
  }
  await t.rejects(arm(db, 1, noon, 'nobody'), { code: 'NFPAR' })
})

t.test('[MAT-066] of two who fire, one does; a renewal meanwhile begins anew', async t => {
  const db = await market(t)
  await arm(db, 60)
  const [first, second, third] = await Promise.all([1, 2, 3].map(() => openSession(t, db.url)))
  if (!first || !second || !third) throw new Error('no session')

  await first.query('begin')
  t.same(await fire(first, after(60)), { fired: 1, cancelled: 5 })
  t.same(await fire(second, after(60)), nothing, 'it does not wait')
  const renewing = arm(third, 60, after(60))
  await untilBlocked(db, third.pid)
  await first.query('commit')

  t.equal(await renewing, after(120))
  t.same(await fire(db, after(119)), nothing)
  t.same(await fire(db, after(120)), { fired: 1, cancelled: 0 })
  t.same(await audit(db), [])
})

t.test('[MAT-066] what is cut off leaves the timer and the orders', async t => {
  const db = await market(t)
  await arm(db, 60)
  const session = await openSession(t, db.url)
  await session.query('begin')
  await fire(session, after(60))
  await session.close()

  t.notOk((await statuses(db, 'alice')).includes('DEADMAN'))
  t.same(await fire(db, after(60.2)), { fired: 1, cancelled: 5 })
  t.same(await audit(db), [])
})

t.test('[MAT-066] many fire together, of one reason, up to a limit, the oldest first', async t => {
  const db = await market(t)
  for (const [client, seconds] of [
    ['alice', 3],
    ['bob', 2],
    ['carol', 1],
  ] as const) {
    await arm(db, seconds, noon, client)
  }
  await db.query("select api.open_session(1, 'bob', 'a', $1)", [after(0.5)])

  t.same(await fire(db, after(9)), { fired: 1, cancelled: 1 }, 'the session of bob')
  t.same(await statuses(db, 'bob'), ['DISCONNECT'])
  t.same(await fire(db, after(9), 2), { fired: 2, cancelled: 0 })
  t.same(await fire(db, after(9), 2), { fired: 1, cancelled: 5 })
  t.same(await audit(db), [])
})

t.test('[MAT-068] a session that is not renewed fires, one that is closed does not', async t => {
  const db = await market(t)
  const open = (id: string, at: string) =>
    db.query("select api.open_session(1, 'alice', $1, $2)", [id, at])
  const renew = async (id: string, at: string) =>
    db.query('select * from api.renew_sessions(1, $1, $2, $3)', [['alice'], [id], [at]])
  const close = async (id: string) => {
    const [row] = await db.query("select api.close_session(1, 'alice', $1) as was_open", [id])
    return row?.was_open
  }

  await open('one', after(5))
  await open('two', after(5))
  t.same(await renew('one', after(9)), [{ client_id: 'alice', session_id: 'one' }])
  t.equal(await close('two'), true)
  t.equal(await close('two'), false)
  t.same(await renew('two', after(9)), [], 'a closed session is not opened by a renewal')
  t.same(await fire(db, after(8)), nothing)
  await open('one', after(7))
  t.same(await fire(db, after(8)), { fired: 1, cancelled: 5 })
  t.same(await statuses(db, 'alice'), ended('DISCONNECT'))
  t.same(await renew('one', after(20)), [], 'nor is one that has fired')
  for (const id of ['', 'a b', 'x'.repeat(129)]) await t.rejects(open(id, noon), { code: '23514' })
  t.same(await audit(db), [])
})
