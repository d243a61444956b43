import { buy, sell, type TestCommand } from '../helpers/market.ts'
import { marketTest } from './market-test.ts'

const at = (second: number) => new Date(Date.UTC(2026, 2, 2, 12, 0, second)).toISOString()
const till = (second: number, more: TestCommand = {}): TestCommand => ({
  ...{ client_order_id: 'gtd', time_in_force: 'GTD', expire_at: at(second) },
  ...more,
})

marketTest(
  '[MAT-048] at its time or later it never trades, sweeper or none',
  {},
  async (t, market) => {
    const before = await market.balances('alice')
    await market.run([sell('alice', '5', '100', till(10))])

    await market.run([buy('bob', '1', '100', { client_order_id: 'early' })], at(9))
    await market.run([buy('bob', '1', '100', { client_order_id: 'late' })], at(10))

    t.match(await market.order('early'), { status: 'FILLED' })
    t.match(await market.order('late'), { status: 'OPEN', filled_quantity: '0' })
    t.match(await market.order('gtd'), {
      status: 'EXPIRED',
      end_reason: 'GTD',
      filled_quantity: '1',
    })
    t.equal((await market.balances('alice')).BTC, '9999 1 0 1', `held of ${before.BTC}`)
    t.same((await market.events()).slice(-2), ['EXPIRED gtd 0 at 100 GTD', 'OPENED late 1 at 100'])
  },
)

marketTest('[MAT-048] several expire by their time, then as they came', {}, async (t, market) => {
  await market.run([
    sell('alice', '1', '100', till(20, { client_order_id: 'b' })),
    sell('alice', '1', '101', till(20, { client_order_id: 'c' })),
    sell('alice', '1', '102', till(10, { client_order_id: 'a' })),
    sell('alice', '1', '103', till(30, { client_order_id: 'd' })),
  ])

  await market.run([buy('bob', '1', '90')], at(25))

  const expired = (await market.events()).filter(line => /^EXPIRED/.test(line))
  t.same(
    expired.map(line => line.split(' ')[1]),
    ['a', 'b', 'c'],
  )
  t.match(await market.order('d'), { status: 'OPEN' })
})

marketTest('[MAT-048] who waits for a price expires too, with its hold', {}, async (t, market) => {
  const stop = { type: 'STOP_LIMIT', stop_price: '110', client_order_id: 'stop' }
  await market.run([buy('alice', '1', '111', till(10, stop))])

  await market.run([sell('bob', '1', '110'), buy('dave', '1', '110')], at(10))

  t.match(await market.order('stop'), { status: 'EXPIRED', end_reason: 'GTD' })
  t.match(await market.balances('alice'), { USD: '100000000 0 0 0' })
})

marketTest('[MAT-048] one leg that expires ends the other', {}, async (t, market) => {
  const list = { list_no: 1, list_role: 'OCO' }
  const stop = { type: 'STOP', price: null, time_in_force: 'IOC', stop_price: '90' }
  await market.run([
    sell('alice', '1', '110', till(10, list)),
    sell('alice', '1', '', { ...list, ...stop, client_order_id: 'stop' }),
  ])

  await market.run([buy('bob', '1', '80')], at(11))

  t.match(await market.order('gtd'), { status: 'EXPIRED', end_reason: 'GTD' })
  t.match(await market.order('stop'), { status: 'CANCELLED', end_reason: 'OCO_TRIGGER' })
})

marketTest('[MAT-048] without commands what is due is done', {}, async (t, { db, run, order }) => {
  await run([sell('alice', '1', '100', till(10))])

  await db.query("select api.execute_commands(1, 'BTC-USD', $1, '[]', false)", [at(10)])

  t.match(await order('gtd'), { status: 'EXPIRED' })
})

marketTest('[MAT-054] an expiry that is not in the future is refused', {}, async (t, market) => {
  const answers = await market.run([
    sell('alice', '1', '100', till(0)),
    sell('alice', '1', '100', till(-1, { client_order_id: 'past' })),
    sell('alice', '1', '100', till(1, { client_order_id: 'soon' })),
  ])

  const refused = { status: 'REJECTED', reject_code: 'EXPIRE_AT' }
  t.match(answers, [refused, refused, { status: 'OPEN' }])
})

for (const [what, more] of [
  ['GTD without a time', { expire_at: null }],
  ['a time without GTD', { time_in_force: 'GTC' }],
] as const) {
  marketTest(`[MAT-054] ${what} is refused`, {}, async (t, market) => {
    t.match(await market.run([sell('alice', '1', '100', till(10, more))]), [
      { error_code: 'EXPIRE_AT', order_id: null },
    ])
  })
}
