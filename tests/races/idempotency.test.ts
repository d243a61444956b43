import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { type Answer, audit, buy, createMarket, execute, sell } from '../helpers/market.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'
import { openSession, type Session, untilBlocked } from '../helpers/session.ts'

const symbols = ['BTC-USD', 'ETH-USD']

async function venue(t: Test, size: number): Promise<{ db: TestDatabase; crowd: Session[] }> {
  const db = await testDatabase(t)
  await createMarket(db, {
    symbols: Object.fromEntries(symbols.map(name => [name, {}])),
    traders: { alice: { USD: '1000000' }, bob: { BTC: '100', ETH: '100' } },
  })
  const crowd = await Promise.all(Array.from({ length: size }, () => openSession(t, db.appUrl)))
  return { db, crowd }
}

/** Each session sends the same order at once, every other one to the other symbol. */
const sendAll = (crowd: Session[], key: string): Promise<Answer[][]> =>
  Promise.all(
    crowd.map((session, n) => {
      const order = buy('alice', '1', '100', { idempotency_key: key })
      return execute(session, symbols[n % 2] ?? '', [order])
    }),
  )

t.test('[MAT-020] one key from many sessions on two symbols at once is one order', async t => {
  const { db, crowd } = await venue(t, 12)
  await execute(db, 'BTC-USD', [sell('bob', '0.4', '90')])

  for (let round = 0; round < 5; round++) {
    const answers = (await sendAll(crowd, `key ${round}`)).flat()

    const taken = answers.filter(answer => answer.error_state === null)
    const reused = answers.filter(answer => answer.error_state === 'RJKEY')
    t.equal(taken.length, 6, 'the symbol that was first answers all of its own alike')
    t.equal(new Set(taken.map(answer => JSON.stringify({ ...answer, command_no: 0 }))).size, 1)
    t.equal(reused.length, 6, 'the other one says that the key was used for something else')
    const rows = await db.query('select order_id from orders where idempotency_key = $1', [
      `key ${round}`,
    ])
    t.same(rows, [{ order_id: taken[0]?.order_id }])
  }
  t.same(await audit(db), [])
})

t.test('[MAT-020] a key whose batch is rolled back is free for the next one', async t => {
  const { db, crowd } = await venue(t, 2)
  const [first, second] = crowd
  if (first === undefined || second === undefined) throw new Error('nobody is there')
  const order = buy('alice', '1', '100', { idempotency_key: 'once' })
  await first.query('begin')
  await execute(first, 'BTC-USD', [order])

  const other = execute(second, 'ETH-USD', [order])
  await untilBlocked(db, second.pid)
  await first.query('rollback')

  t.match(await other, [{ error_state: null, status: 'OPEN' }])
  t.match(await execute(first, 'BTC-USD', [order]), [{ error_state: 'RJKEY' }])
  t.same(await audit(db), [])
})

t.test(
  `[MAT-020] batches that share keys in any order never wait in a ring (seed ${seed})`,
  async t => {
    const { db, crowd } = await venue(t, 4)
    const keys = Array.from({ length: 30 }, (_, n) => `key ${n}`)

    const work = crowd.map(async (session, n) => {
      const random = randomNumbers(seed + n)
      for (let round = 0; round < 15; round++) {
        const mine = [...keys].sort(() => random() - 0.5).slice(0, 8)
        const orders = mine.map(key => {
          const more = { idempotency_key: key, client_order_id: `c ${key}` }
          return buy('alice', '1', '1', more)
        })
        await execute(session, symbols[n % 2] ?? '', orders)
      }
    })
    await t.resolves(Promise.all(work))

    const [row] = await db.query(
      'select count(*)::int as orders, count(distinct idempotency_key)::int as keys from orders',
    )
    t.same(row, { orders: 30, keys: 30 })
    t.same(await audit(db), [])
  },
)

t.test('a cancel that meets a fill: one of them has the order, and both are told', async t => {
  const { db, crowd } = await venue(t, 2)
  const [cancelling, taking] = crowd
  if (cancelling === undefined || taking === undefined) throw new Error('nobody is there')
  const ends = { cancelled: 0, filled: 0 }

  for (let round = 0; round < 30; round++) {
    const [resting] = await execute(db, 'BTC-USD', [sell('bob', '1', '100')])
    const order_id = resting?.order_id ?? ''
    const cancel = () => execute(cancelling, 'BTC-USD', [{ op: 'CANCEL', order_id }])
    const take = () =>
      execute(taking, 'BTC-USD', [buy('alice', '1', '100', { time_in_force: 'IOC' })])
    const isCancelFirst = round % 2 === 0
    const early = isCancelFirst ? cancel() : take()
    const late = isCancelFirst ? take() : cancel()
    const [[first], [second]] = await Promise.all([early, late])
    const [cancelled, taken] = isCancelFirst ? [first, second] : [second, first]

    const isFilled = cancelled?.status === 'FILLED'
    ends[isFilled ? 'filled' : 'cancelled']++
    if (isFilled) {
      t.match(cancelled, { error_state: 'STFIL', filled_quantity: '1' })
      t.match(taken, { status: 'FILLED', fills: [{ quantity: '1' }] })
    } else {
      t.match(cancelled, { error_state: null, status: 'CANCELLED', filled_quantity: '0' })
      t.match(taken, { status: 'EXPIRED', end_reason: 'UNFILLED_IOC', fills: [] })
    }
  }
  t.comment(JSON.stringify(ends))
  t.same(await audit(db), [])
})
