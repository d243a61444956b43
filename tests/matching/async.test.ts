import { buy, command, execute, sell, type TestCommand } from '../helpers/market.ts'
import { marketTest, symbol } from './market-test.ts'

const later = (client_order_id: string, more: TestCommand = {}) => ({
  ...{ is_async: true, client_order_id },
  ...more,
})

marketTest('[MAT-055] it is accepted and held, and not matched yet', {}, async (t, market) => {
  await market.run([sell('alice', '1', '100')])

  const [answer] = await market.run([buy('bob', '1', '101', later('late'))])

  t.match(answer, { status: 'PENDING', pending_reason: 'MATCH', price: '101', fills: [] })
  t.match((await market.balances('bob')).USD, / 101.202 /)
  t.same(await market.book(), ['SELL 100 1 alice'])
})

marketTest('[MAT-055] the next batch, or none, matches it first', {}, async (t, market) => {
  await market.run(
    [
      sell('alice', '1', '100'),
      buy('bob', '1', '101', later('first')),
      buy('dave', '1', '101', later('second')),
    ].slice(0, 1),
  )
  await execute(market.db, symbol, [buy('bob', '1', '101', later('first'))])
  await execute(market.db, symbol, [buy('dave', '1', '101', later('second'))])

  await market.run([buy('carol', '1', '101', { client_order_id: 'third' })])

  t.match(await market.order('first'), { status: 'FILLED' })
  t.match(await market.order('second'), { status: 'OPEN' })
  t.same(await market.book(), ['BUY 101 1 dave', 'BUY 101 1 carol'])
  t.match(await market.balances('bob'), { USD: '99999899.8 100.2 0 100.2' }, 'better: released')
  t.ok((await market.events()).includes('RELEASED first 0 at 101 MATCH'))
})

marketTest('[MAT-055] without a command it is matched, too', {}, async (t, { db, run, order }) => {
  await run([sell('alice', '1', '100'), buy('bob', '1', '100', later('late'))].slice(0, 1))
  await execute(db, symbol, [buy('bob', '1', '100', later('late'))])

  await execute(db, symbol, [])

  t.match(await order('late'), { status: 'FILLED', fee_amount: '0.2' })
})

marketTest('[MAT-055] it can be cancelled before, and nothing is held', {}, async (t, market) => {
  await execute(market.db, symbol, [buy('bob', '1', '100', later('late'))])
  const cancel = command({ op: 'CANCEL', client_id: 'bob', client_order_id: 'late' })

  t.match(await market.run([cancel]), [{ error_code: null }])
  t.match(await market.order('late'), { remaining_quantity: '1', status: 'OPEN' })
})

marketTest('[MAT-055] what cannot be paid is refused at once', {}, async (t, market) => {
  t.match(await market.run([buy('bob', '9999999', '100', later('late'))]), [
    { status: 'REJECTED', reject_code: 'INSUFFICIENT_FUNDS' },
  ])
})

marketTest('[MAT-055] a batch that asks it for some only is matched', {}, async (t, { db }) => {
  const answers = await execute(db, symbol, [
    buy('bob', '1', '100', later('late')),
    buy('bob', '1', '99', { client_order_id: 'now' }),
  ])

  t.match(answers, [{ status: 'OPEN' }, { status: 'OPEN' }])
})
