import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { audit, buy, createMarket, execute, type Queryable, sell } from '../helpers/market.ts'
import { mutateFunction } from '../helpers/mutation.ts'
import { passedOver } from '../helpers/priority.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'
import { openSession, type Session } from '../helpers/session.ts'

/** Clients on one symbol, each with a pocket deep enough and a connection of its own. */
async function venue(t: Test, sessions = 64): Promise<{ db: TestDatabase; crowd: Session[] }> {
  const db = await testDatabase(t)
  const clients = Array.from({ length: sessions }, (_, n) => `client-${n}`)
  const funds = { USD: '1000000', BTC: '1000' }
  await createMarket(db, { traders: Object.fromEntries(clients.map(name => [name, funds])) })
  const crowd = await Promise.all(Array.from({ length: sessions }, () => openSession(t, db.appUrl)))
  return { db, crowd }
}

/** Every client shouts aggressive prices, its next order as soon as the last was answered. */
async function shout(
  crowd: Session[],
  ordersOfEach: number,
): Promise<{ orders: number; errors: string[] }> {
  const errors: string[] = []
  let orders = 0
  const speak = async (session: Session, n: number) => {
    const random = randomNumbers(seed + n)
    for (let i = 0; i < ordersOfEach; i++) {
      const client = `client-${n}`
      const price = (100 + Math.floor(random() * 7) - 3).toFixed(2)
      const quantity = `0.00${1 + Math.floor(random() * 9)}`
      const order = random() < 0.5 ? buy(client, quantity, price) : sell(client, quantity, price)
      try {
        await execute(session, 'BTC-USD', [order])
        orders++
      } catch (error) {
        errors.push(String(error))
      }
    }
  }
  await Promise.all(crowd.map(speak))
  return { orders, errors }
}

/** Looks at the book, over and over, until the work is done: how often it was crossed. */
async function watch(
  db: Queryable,
  work: Promise<unknown>,
): Promise<{ looks: number; crossed: number }> {
  let isDone = false
  void work.finally(() => {
    isDone = true
  })
  let looks = 0
  let crossed = 0
  while (!isDone) {
    const rows = await db.query(`
      select from matching.book having max(-sort_price) filter (where side = 'BUY')
        >= min(sort_price) filter (where side = 'SELL')`)
    looks++
    crossed += rows.length
    await new Promise(resolve => setTimeout(resolve, 2))
  }
  return { looks, crossed }
}

t.test(
  `[MAT-002] 64 clients never cross a book, nor pass over an order (seed ${seed})`,
  async t => {
    const { db, crowd } = await venue(t)

    const work = shout(crowd, 5)
    const { looks, crossed } = await watch(db, work)

    const { orders, errors } = await work
    t.same(errors, [])
    t.equal(orders, 64 * 5)
    t.equal(crossed, 0, `in ${looks} looks`)
    t.ok(looks > 20)
    t.same(await audit(db), [])
    const [row] = await db.query('select count(*)::int as trades from matching.trades')
    t.ok(row?.trades > 100, `${row?.trades} trades`)
    t.same(await passedOver(db), [], '[MAT-001] no trade passes over an order')
  },
)

t.test('the control: another order of the book is passed over, and found', async t => {
  for (const [from, to] of [
    ['c.sort_price, c.priority_no\n', 'c.sort_price, c.priority_no desc\n'],
    ['c.sort_price, c.priority_no\n', 'c.sort_price desc, c.priority_no\n'],
  ] as const) {
    const { db, crowd } = await venue(t, 16)
    await mutateFunction(db, 'matching.read_book', [[from, to]])

    await shout(crowd, 16)

    t.ok((await passedOver(db)).length > 0, to)
  }
})

t.test('the control: without the lock the book is crossed', async t => {
  const { db, crowd } = await venue(t)
  // Numbers of its own for each batch, so that the lock is all that is missing.
  await db.query('create sequence matching.batches increment 1000')
  await mutateFunction(db, 'matching.lock_symbol', [
    ['perform pg_advisory_xact_lock(c_lock_space, p_symbol_id);', ''],
    ['for no key update', ''],
    [
      'return v_state;',
      `v_state.last_order_no := nextval('matching.batches');
      v_state.last_seq := v_state.last_order_no;
      return v_state;`,
    ],
  ])

  let isCrossed = false
  for (let round = 1; round <= 20 && !isCrossed; round++) {
    const work = shout(crowd, 2)
    const { crossed } = await watch(db, work)
    const { errors } = await work
    const found = await audit(db)
    t.comment(`round ${round}: ${crossed} looks at a crossed book, ${errors.length} errors`)
    isCrossed = crossed > 0 || found.some(row => row.check_name === 'book crossed')
  }

  t.ok(isCrossed)
  t.not((await audit(db)).length, 0, 'and audit() sees that something is wrong')
})

t.test(
  'matching at another isolation level is refused by name, from wherever it is called',
  async t => {
    const { db, crowd } = await venue(t, 2)
    const [session] = crowd
    if (session === undefined) throw new Error('nobody is there')
    const order = JSON.stringify([buy('client-1', '0.001', '100')])
    const calls = [
      "select * from api.execute_commands(1, 'BTC-USD', now(), $1, false)",
      `with seen as (select count(*) from api.symbols), done as (
      select * from api.execute_commands(1, 'BTC-USD', now(), $1, false)
    ) select * from done, seen`,
    ]

    for (const level of ['repeatable read', 'serializable']) {
      for (const call of calls) {
        await session.query(`begin isolation level ${level}`)
        await t.rejects(session.query(call, [order]), { code: 'STISO', hint: 'WRONG_ISOLATION' })
        await session.query('rollback')
      }
    }
    t.same(await db.query('select * from matching.orders'), [])
  },
)
