import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { audit, buy, createMarket, execute, sell } from '../helpers/market.ts'
import { after, eventsAfter, phaseOf, setPhase } from './sessions.ts'

const round = { tick: '1', lot: '1', maker_rate: '0', taker_rate: '0' }
const traders = { alice: { USD: '10000', BTC: '10' }, bob: { BTC: '100' }, carol: { USD: '10000' } }

/** A symbol whose band is a tenth wide. */
async function market(t: Test, action: 'AUCTION' | 'EXPIRE'): Promise<TestDatabase> {
  const db = await testDatabase(t)
  const symbol = { ...round, band_rate: '0.1', band_action: action }
  await createMarket(db, { symbols: { 'BTC-USD': symbol }, traders })
  return db
}

/** A trade at a price. */
const print = (db: TestDatabase, price: string) =>
  execute(db, 'BTC-USD', [sell('bob', '1', price), buy('carol', '1', price)])

t.test('[MAT-080] the first trade sets the band for the next command of its batch', async t => {
  const commands = [
    sell('bob', '1', '100'),
    buy('alice', '1', '100'),
    sell('bob', '1', '111'),
    buy('alice', '1', '111'),
  ]
  const whole = await market(t, 'EXPIRE')
  const answers = await execute(whole, 'BTC-USD', commands)

  const single = await market(t, 'EXPIRE')
  const singly = []
  for (const one of commands) singly.push(...(await execute(single, 'BTC-USD', [one])))

  const statuses = ['OPEN', 'FILLED', 'OPEN', 'EXPIRED']
  t.strictSame(
    answers.map(({ status }) => status),
    statuses,
  )
  t.strictSame(
    singly.map(({ status }) => status),
    statuses,
  )
  t.same(await audit(whole), [])
})

t.test('[MAT-080] a buyer does not trade below the band, a seller not above it', async t => {
  const db = await market(t, 'EXPIRE')
  await execute(db, 'BTC-USD', [buy('alice', '1', '100'), sell('bob', '3', '85')])

  const [below] = await execute(db, 'BTC-USD', [buy('carol', '1', '95')])
  t.match(below, { status: 'EXPIRED', end_reason: 'EXECUTION_RULE_PRICE_RANGE_EXCEEDED' })
  t.match(below, { filled_quantity: '0' }, 'the seller at 85 has traded at 100 before')

  const above = await market(t, 'EXPIRE')
  await execute(above, 'BTC-USD', [sell('bob', '1', '100'), buy('alice', '3', '115')])
  const [seller] = await execute(above, 'BTC-USD', [sell('bob', '1', '105')])
  t.match(seller, { status: 'EXPIRED', filled_quantity: '0' })
  t.same(await audit(above), [])
})

t.test('[MAT-080] [MAT-045] a post-only order is refused, and begins no call', async t => {
  const db = await market(t, 'AUCTION')
  await print(db, '100')
  await execute(db, 'BTC-USD', [sell('bob', '1', '111')])

  const [refused, slid] = await execute(db, 'BTC-USD', [
    { ...buy('alice', '1', '120'), post_only: true },
    { ...buy('alice', '1', '120'), post_only: true, slide: true },
  ])

  t.match(refused, { status: 'REJECTED', reject_code: 'WOULD_TAKE' })
  t.match(slid, { status: 'OPEN', price: '110' })
  t.equal(await phaseOf(db), 'CONTINUOUS')
  t.same(await audit(db), [])
})

t.test('[MAT-082] an order for continuous trading only begins no call: its rest ends', async t => {
  const db = await market(t, 'AUCTION')
  await print(db, '100')
  await execute(db, 'BTC-USD', [sell('bob', '1', '110'), sell('bob', '1', '111')])

  const [taken, next] = await execute(db, 'BTC-USD', [
    buy('alice', '5', '120', { time_in_force: 'GTX' }),
    buy('carol', '1', '90', { time_in_force: 'GTX' }),
  ])

  const end = { status: 'EXPIRED', end_reason: 'EXECUTION_RULE_PRICE_RANGE_EXCEEDED' }
  t.match(taken, { ...end, filled_quantity: '1' })
  t.match(next, { status: 'OPEN' })
  t.equal(await phaseOf(db), 'CONTINUOUS')
  t.same(await audit(db), [])
})

t.test('[MAT-081] what is due meets the band of its own time', async t => {
  const db = await market(t, 'EXPIRE')
  await print(db, '100')
  await execute(db, 'BTC-USD', [sell('bob', '2', '109'), buy('carol', '2', '109')])
  await execute(db, 'BTC-USD', [sell('bob', '1', '111')], { now: after(1) })
  await setPhase(db, 'CONTINUOUS', { now: after(2), until: after(4), next: 'CLOSED' })
  const later = { ...buy('alice', '1', '111'), is_async: true }
  await execute(db, 'BTC-USD', [later], { now: after(3) })

  await execute(db, 'BTC-USD', [buy('carol', '1', '80')], { now: after(6) })

  const told = await eventsAfter(db, 0)
  t.equal(told.filter(event => event.kind === 'TRADE').length, 2, 'it was about 100 until 12:05')
  t.match(
    told.find(event => event.kind === 'EXPIRED'),
    { reason: 'EXECUTION_RULE_PRICE_RANGE_EXCEEDED', at: new Date(after(4)) },
  )
  t.equal(await phaseOf(db), 'CLOSED')
  t.same(await audit(db), [])
})

t.test(
  '[MAT-082] [MAT-053] a call that an entry begins does not part it from its exit',
  async t => {
    const db = await market(t, 'AUCTION')
    await print(db, '100')
    await execute(db, 'BTC-USD', [sell('bob', '1', '111')])

    const list = { list_no: 1 }
    await execute(db, 'BTC-USD', [
      { ...buy('alice', '1', '120'), ...list, list_role: 'ENTRY' },
      { ...sell('alice', '1', '130'), ...list, list_role: 'EXIT' },
    ])

    t.equal(await phaseOf(db), 'CALL CONTINUOUS')
    t.match(await db.query('select entry_order_id is null as is_apart from matching.order_lists'), [
      { is_apart: false },
    ])
    await setPhase(db, 'CONTINUOUS', { now: after(1) })
    t.equal((await eventsAfter(db, 0)).filter(({ kind }) => kind === 'RELEASED').length, 1)
    t.same(await audit(db), [])
  },
)

t.test('[MAT-043] [MAT-082] what the band ends needs no funds to rest', async t => {
  const db = await testDatabase(t)
  const rests = { protection_rests: 'true', protection_rate: '0.3' }
  const symbol = { ...round, ...rests, band_rate: '0.1', band_action: 'EXPIRE' }
  await createMarket(db, { symbols: { 'BTC-USD': symbol }, traders })
  await print(db, '100')
  await execute(db, 'BTC-USD', [sell('bob', '1', '100'), sell('bob', '1', '120')])

  const market = { type: 'MARKET', price: null, time_in_force: 'IOC' }
  const [answer] = await execute(db, 'BTC-USD', [buy('alice', '200', '', market)])

  t.match(answer, { end_reason: 'EXECUTION_RULE_PRICE_RANGE_EXCEEDED', filled_quantity: '1' })
  t.same(await audit(db), [])
})
