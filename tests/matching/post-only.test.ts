import { buy, command, sell, type TestCommand } from '../helpers/market.ts'
import { marketTest } from './market-test.ts'

const post = (more: TestCommand = {}) => ({ post_only: true, client_order_id: 'post', ...more })

marketTest('[MAT-045] what would trade is refused whole, a part too', {}, async (t, market) => {
  await market.run([sell('alice', '1', '100')])
  const before = await market.hash('bob')

  const answers = await market.run([
    buy('bob', '1', '100', post()),
    buy('bob', '5', '101', post({ client_order_id: 'more' })),
  ])

  const refused = { status: 'REJECTED', reject_code: 'WOULD_TAKE', error_state: 'RJTAK' }
  t.match(answers, [refused, refused])
  t.equal(await market.hash('bob'), before)
  t.match(await market.run([buy('bob', '1', '99.99', post({ client_order_id: 'inside' }))]), [
    { status: 'OPEN', price: '99.99' },
  ])
})

marketTest(
  '[MAT-045] it slides to one tick inside, and never pays as taker',
  {},
  async (t, market) => {
    await market.run([sell('alice', '1', '100'), buy('alice', '1', '90')])

    const answers = await market.run([
      buy('bob', '1', '105', post({ slide: true })),
      sell('carol', '1', '80', post({ slide: true, client_order_id: 'seller' })),
    ])

    t.match(answers, [
      { status: 'OPEN', price: '99.99', fills: [] },
      { status: 'OPEN', price: '100', fills: [] },
    ])
    t.same(await market.book(), [
      'SELL 100 1 alice',
      'SELL 100 1 carol',
      'BUY 99.99 1 bob',
      'BUY 90 1 alice',
    ])
    const { USD } = await market.balances('bob')
    t.equal(USD?.split(' ')[1], '100.18998', 'held at the price that it has')
    await market.run([sell('dave', '1', '99')])
    t.match(await market.order('post'), { status: 'FILLED', fee_amount: '0.09999' }, 'as maker')
  },
)

marketTest('[MAT-045] who would slide to nothing is refused', {}, async (t, market) => {
  await market.run([sell('alice', '1', '0.01')])

  t.match(await market.run([buy('bob', '1', '1', post({ slide: true }))]), [
    { status: 'REJECTED', reject_code: 'WOULD_TAKE' },
  ])
})

marketTest('[MAT-045] its own order on the other side is in the way too', {}, async (t, market) => {
  await market.run([sell('bob', '1', '100')])

  t.match(await market.run([buy('bob', '1', '100', post({ stp: 'CANCEL_MAKER' }))]), [
    { status: 'REJECTED', reject_code: 'WOULD_TAKE' },
  ])
  t.same(await market.book(), ['SELL 100 1 bob'])
})

marketTest('[MAT-044] [MAT-045] an amendment may not make it take', {}, async (t, market) => {
  await market.run([sell('alice', '1', '100'), buy('bob', '1', '95', post())])
  const before = await market.hash()

  const [answer] = await market.run([
    command({ op: 'AMEND', client_id: 'bob', client_order_id: 'post', price: '100' }),
  ])

  t.match(answer, { error_code: 'WOULD_TAKE' })
  t.equal(await market.hash(), before, 'it stands as it stood')
})

for (const more of [
  { time_in_force: 'IOC' },
  { time_in_force: 'FOK' },
  { type: 'MARKET', price: null, time_in_force: 'IOC' },
  { type: 'STOP_LIMIT', stop_price: '110' },
  { post_only: false, slide: true },
]) {
  marketTest(`[MAT-045] not for ${JSON.stringify(more)}`, {}, async (t, market) => {
    const [answer] = await market.run([buy('bob', '1', '100', post(more))])
    t.match(answer, { error_code: 'POST_ONLY_NOT_ALLOWED', order_id: null })
  })
}
