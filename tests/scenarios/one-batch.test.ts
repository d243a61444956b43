import t from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { createScenarioMarket, scenarioTime } from './scenario-market.ts'

const sell = { op: 'PLACE', owner: 'SELL', side: 'SELL', type: 'LIMIT' } as const
const buy = { op: 'PLACE', owner: 'BUY', side: 'BUY', type: 'LIMIT' } as const
const placing = { ...buy, time_in_force: 'GTC', price: '9', quantity: '3', client_order_id: 'bid' }
const repricing = { op: 'AMEND', owner: 'BUY', client_order_id: 'bid', price: '11' } as const

t.test('[MAT-021] what an order takes as amended is no part of its first answer', async t => {
  const database = await testDatabase(t)
  await database.query('select ops.maintain_partitions($1)', [scenarioTime])
  const market = await createScenarioMarket(database, 1)
  const ask = { ...sell, time_in_force: 'GTC', price: '10', quantity: '2', client_order_id: 'ask' }
  const keyed = { ...placing, idempotency_key: 'bid' }

  const [, placed, amended] = await market.execute([ask, keyed, repricing])
  const [repeated] = await market.execute([keyed])

  t.match(placed, { status: 'OPEN', fills: [] }, 'it rested before it was repriced')
  t.match(amended, { error_state: null, status: 'PARTIALLY_FILLED' }, 'and took as repriced')
  t.strictSame(repeated, placed, 'a repeat of its key answers as the first time')
})
