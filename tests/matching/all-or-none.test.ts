import t from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { audit, buy, createMarket, execute, noon } from '../helpers/market.ts'

t.test('[MAT-020] in a batch that is undone a repeat is answered as what it repeats', async t => {
  const db = await testDatabase(t)
  await createMarket(db, { traders: { alice: { USD: '10000' } } })
  const late = buy('alice', '1', '100', { client_order_id: 'late', deadline: noon })
  const good = buy('alice', '1', '100', { client_order_id: 'good' })

  const answers = await execute(db, 'BTC-USD', [late, late, good, good], { atomic: true })

  t.same(
    answers.map(({ error_code, order_id }) => [error_code, order_id]),
    [
      ['EXPIRED_REQUEST', null],
      ['EXPIRED_REQUEST', null],
      ['BATCH_ROLLED_BACK', null],
      ['BATCH_ROLLED_BACK', null],
    ],
  )
  t.same(await audit(db), [])
})
