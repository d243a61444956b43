import { buy, command, sell, type TestCommand } from '../helpers/market.ts'
import { marketTest } from './market-test.ts'

const id = (client_order_id: string, more: TestCommand = {}) => ({ client_order_id, ...more })
const amend = (name: string, more: TestCommand, client_id = 'alice'): TestCommand => ({
  ...command({ op: 'AMEND', client_id, client_order_id: name }),
  ...more,
})

const two = [sell('alice', '5', '100', id('first')), sell('bob', '5', '100', id('second'))]

/** The table: what is changed, who is first then, what has become of it. */
const table: [what: string, change: TestCommand, first: string, is: Record<string, string>][] = [
  ['less', { quantity: '3' }, 'alice', { quantity: '3', remaining_quantity: '3' }],
  ['more', { quantity: '7' }, 'bob', { quantity: '7', remaining_quantity: '7' }],
  ['another price', { price: '100.01' }, 'bob', { price: '100.01' }],
  ['a price and less', { price: '100.01', quantity: '1' }, 'bob', { quantity: '1' }],
  ['the same price', { price: '100' }, 'alice', { price: '100', status: 'OPEN' }],
  ['the same quantity', { quantity: '5' }, 'alice', { quantity: '5', status: 'OPEN' }],
]

for (const [what, change, first, is] of table) {
  marketTest(`[MAT-044] ${what}: first is ${first}`, {}, async (t, market) => {
    await market.run([...two, amend('first', change)])

    t.match(await market.order('first'), is)
    await market.run([buy('carol', '0.1', '101', id('taker'))])
    t.match(
      (await market.events()).filter(line => /^TRADE/.test(line)),
      [first === 'alice' ? /first$/ : /second$/],
    )
  })
}

marketTest('[MAT-044] what is not more than filled cancels the rest', {}, async (t, market) => {
  await market.run([...two, buy('carol', '2', '100'), amend('first', { quantity: '2' })])

  t.match(await market.order('first'), {
    status: 'CANCELLED',
    end_reason: 'USER',
    filled_quantity: '2',
    remaining_quantity: '0',
  })
  t.match(await market.balances('alice'), { BTC: '9998 2 0 2' }, 'only what is sold')
})

marketTest('[MAT-044] another price may trade at once', {}, async (t, market) => {
  await market.run([buy('carol', '2', '90', id('bid')), ...two, amend('first', { price: '89' })])

  t.match(await market.order('first'), { status: 'PARTIALLY_FILLED', filled_quantity: '2' })
  t.match(await market.order('first'), { price: '89', fee_amount: '0.36' }, 'as taker')
})

marketTest(
  '[MAT-044] what is refused leaves the order unchanged',
  { symbol: { min_notional: 1 } },
  async (t, market) => {
    await market.run(two)
    const before = await market.hash()
    const events = await market.events()

    for (const [what, change, error_code] of [
      ['off the tick', { price: '100.001' }, 'PRICE_TICK'],
      ['off the lot', { quantity: '0.0001' }, 'LOT_SIZE'],
      ['too small', { price: '1', quantity: '0.001' }, 'MIN_NOTIONAL'],
      ['more than there is', { quantity: '20000' }, 'INSUFFICIENT_FUNDS'],
      ['nothing', {}, 'NOTHING_TO_AMEND'],
    ] as const) {
      t.match(await market.run([amend('first', change)]), [{ error_code }], what)

      t.equal(await market.hash(), before, what)
      t.same(await market.events(), events)
    }
  },
)

marketTest('[MAT-044] the history of an order lists them all', {}, async (t, market) => {
  await market.run([
    ...two,
    amend('first', { quantity: '4' }),
    amend('first', { price: '101' }),
    amend('first', { price: '102', quantity: '6' }),
  ])
  const { order_id } = await market.order('first')

  const rows = await market.db.query('select * from api.amendments(1, $1)', [order_id])

  t.match(rows, [
    { price: '100', quantity: '4', remaining: '4', prior_price: '100', prior_remaining: '5' },
    { price: '101', quantity: '4', prior_price: '100', prior_remaining: '4', keeps_place: false },
    { price: '102', quantity: '6', prior_price: '101', prior_remaining: '4', keeps_place: false },
  ])
  t.equal(rows[0]?.keeps_place, true)
})

marketTest(
  '[MAT-044] good till cancelled and till a time become each other',
  {},
  async (t, market) => {
    const at = (second: number) => new Date(Date.UTC(2026, 2, 2, 13, 0, second)).toISOString()
    await market.run([...two, amend('first', { expire_at: at(10) })])
    t.same((await market.book()).length, 2)
    await market.run([amend('first', { expire_at: at(20) })], at(0))
    await market.run([], at(10))
    t.match(await market.order('first'), { status: 'OPEN' })
    await market.run([amend('first', { time_in_force: 'GTC' })], at(11))
    await market.run([], at(30))
    t.match(await market.order('first'), { status: 'OPEN' })
    await market.run([amend('first', { time_in_force: 'GTD', expire_at: at(40) })], at(31))
    await market.run([buy('carol', '1', '99')], at(40))
    t.match(await market.order('first'), { status: 'EXPIRED', end_reason: 'GTD' })
    const kept = (await market.events()).filter(line => /^AMENDED first/.test(line))
    t.same(kept, Array(4).fill('AMENDED first 5 at 100 KEPT'), 'each keeps the place')
  },
)

marketTest('[MAT-044] no other time in force is taken', {}, async (t, market) => {
  const until = (expire_at: string) => ({ expire_at })
  await market.run([
    sell('alice', '5', '100', id('first')),
    sell('alice', '5', '100', id('gtx', { time_in_force: 'GTX' })),
  ])

  for (const [what, name, change, error_code] of [
    ['an IOC', 'first', { time_in_force: 'IOC' }, 'TIME_IN_FORCE'],
    ['a day', 'first', { time_in_force: 'DAY' }, 'TIME_IN_FORCE'],
    ['no time', 'first', { time_in_force: 'GTD' }, 'EXPIRE_AT'],
    ['a time that is past', 'first', until('2026-03-02T12:00:00Z'), 'EXPIRE_AT'],
    ['both', 'first', { time_in_force: 'GTC', ...until('2026-03-03T12:00:00Z') }, 'EXPIRE_AT'],
    ['GTX', 'gtx', { time_in_force: 'GTC' }, 'TIME_IN_FORCE'],
  ] as const) {
    t.match(await market.run([amend(name, change)]), [{ error_code }], what)
    t.match(await market.order(name), { status: 'OPEN' }, what)
  }
})

marketTest('[MAT-044] who waits keeps its place and its stop price', {}, async (t, market) => {
  const stop = { type: 'STOP_LIMIT', stop_price: '110', client_order_id: 'stop' }
  await market.run([
    buy('alice', '5', '111', stop),
    amend('stop', { price: '112' }),
    amend('stop', { quantity: '7' }),
    amend('stop', { quantity: '2' }),
  ])

  t.match(await market.order('stop'), { status: 'PENDING', price: '112', quantity: '2' })
  t.match((await market.balances('alice')).USD, / 224.448 /, '2 x 112 and the fee')
  const market_ = { type: 'STOP', stop_price: '110', price: null, time_in_force: 'IOC' }
  await market.run([buy('alice', '1', '', { ...market_, client_order_id: 'm' })])
  t.match(await market.run([amend('m', { price: '100' })]), [{ error_code: 'PRICE_NOT_ALLOWED' }])
})

marketTest('[MAT-044] a cancel only if nothing is filled', {}, async (t, market) => {
  const cancel = { ...command({ op: 'CANCEL', client_id: 'alice', client_order_id: 'first' }) }
  await market.run([...two, buy('carol', '1', '100')])
  const before = await market.hash()

  t.match(await market.run([{ ...cancel, only_if: 'NEW' }]), [
    { error_code: 'CONDITION_FAILED', error_state: 'STCND', status: 'PARTIALLY_FILLED' },
  ])
  t.equal(await market.hash(), before)
  const other = { ...cancel, client_id: 'bob', client_order_id: 'second', only_if: 'NEW' }
  t.match(await market.run([other]), [{ error_code: null, status: 'CANCELLED' }])
})
