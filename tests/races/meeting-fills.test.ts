import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import {
  type Answer,
  audit,
  buy,
  command,
  createMarket,
  execute,
  sell,
  type TestCommand,
} from '../helpers/market.ts'
import { openSession, untilBlocked } from '../helpers/session.ts'

const amend = (change: object): TestCommand =>
  command({ op: 'AMEND', client_id: 'bob', client_order_id: 'x', ...change })
const cancel = command({ op: 'CANCEL', client_id: 'bob', client_order_id: 'x' })
const take = (quantity: string) => buy('alice', quantity, '100', { time_in_force: 'IOC' })

/**
 * Bob's order of 1 at 100, and two who both want it, of whom the second came while the first waited
 * for the symbol. Returns what each was answered, and what became of the order.
 */
async function meet(t: Test, first: TestCommand, second: TestCommand) {
  const db = await testDatabase(t)
  await createMarket(db, { traders: { alice: { USD: '1000' }, bob: { BTC: '10' } } })
  await execute(db, 'BTC-USD', [sell('bob', '1', '100', { client_order_id: 'x' })])
  const holder = await openSession(t, db.url)
  await holder.query('begin')
  await holder.query('select matching.lock_symbol(1, symbol_id) from symbols')
  const answers = [await wait(t, db, first), await wait(t, db, second)]

  await holder.query('commit')

  const [a, b] = await Promise.all(answers.map(answer => answer()))
  t.same(await audit(db), [])
  const [order] = await db.query(`select status, quantity::float, filled_quantity::float as filled,
    remaining_quantity::float as rest, cancelled_quantity::float as cancelled
    from matching.orders where client_order_id = 'x'`)
  return { first: a?.[0], second: b?.[0], order }
}

/** Sends a command in a session of its own, which then stands in the line for the symbol. */
async function wait(t: Test, db: TestDatabase, one: TestCommand): Promise<() => Promise<Answer[]>> {
  const session = await openSession(t, db.appUrl)
  const answer = execute(session, 'BTC-USD', [one])
  answer.catch(() => {})
  await untilBlocked(db, session.pid)
  return () => answer
}

t.test('a cancel meets a fill: who stands first in line wins, the other is told', async t => {
  const late = await meet(t, take('1'), cancel)
  t.match(late.first, { status: 'FILLED', filled_quantity: '1' })
  t.match(late.second, { error_state: 'STFIL', status: 'FILLED' })
  t.match(late.order, { status: 'FILLED', filled: 1, cancelled: 0 })

  const early = await meet(t, cancel, take('1'))
  t.match(early.first, { error_state: null, status: 'CANCELLED' })
  t.match(early.second, { status: 'EXPIRED', filled_quantity: '0' })
  t.match(early.order, { status: 'CANCELLED', filled: 0, cancelled: 1 })
})

t.test('a cancel meets a fill of a part: the rest is cancelled', async t => {
  const { second, order } = await meet(t, take('0.4'), cancel)

  t.match(second, { error_state: null, status: 'CANCELLED', filled_quantity: '0.4' })
  t.match(order, { status: 'CANCELLED', filled: 0.4, cancelled: 0.6, rest: 0 })
})

t.test('[MAT-044] an amendment meets a fill: it counts from what is filled by then', async t => {
  const price = await meet(t, amend({ price: '101' }), take('1'))
  t.match(price.second, { status: 'EXPIRED', filled_quantity: '0' })
  t.match(price.order, { status: 'OPEN', rest: 1 })

  const more = await meet(t, take('0.4'), amend({ quantity: '2' }))
  t.match(more.second, { error_state: null, filled_quantity: '0.4', remaining_quantity: '1.6' })
  t.match(more.order, { status: 'PARTIALLY_FILLED', quantity: 2, filled: 0.4, rest: 1.6 })

  const less = await meet(t, take('0.4'), amend({ quantity: '0.3' }))
  t.match(less.second, { error_state: null, status: 'CANCELLED', filled_quantity: '0.4' })
  t.match(less.order, { status: 'CANCELLED', filled: 0.4, rest: 0 })

  const late = await meet(t, take('1'), amend({ quantity: '2' }))
  t.match(late.second, { error_state: 'STFIL', status: 'FILLED' })
  t.match(late.order, { status: 'FILLED', quantity: 1, filled: 1 })
})
