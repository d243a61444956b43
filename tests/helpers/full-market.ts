import { createFullFlow } from './full-flow.ts'
import { createMarket, execute, noon, type Queryable } from './market.ts'
import { randomNumbers } from './seed.ts'

const traders = ['alice', 'bob', 'carol']

/**
 * A market in which all happens that can, one call after the other: orders of every type, prices
 * from outside, calls, interruptions and halts of BTC-USD, and the same traders in ETH-USD. Its
 * clock and its random numbers come from the seed of the run.
 */
export async function playMarket(db: Queryable, batches: number): Promise<void> {
  const funds = { USD: '400', BTC: '40', ETH: '40' }
  const terms = { band_rate: '0.012', band_auction_time: '3 seconds', auction_random: '2 seconds' }
  await createMarket(db, {
    symbols: { 'ETH-USD': {}, 'BTC-USD': terms },
    traders: Object.fromEntries(traders.map(name => [name, funds])),
  })
  const random = randomNumbers()
  const plan = { random, traders, middle: 10 }
  const next = createFullFlow(plan)
  const other = createFullFlow({ ...plan, name: 'other' })
  const call = (text: string, ...values: unknown[]) => db.query(`select ops.${text}`, values)
  let ms = Date.parse(noon)
  for (let i = 0; i < batches; i++) {
    ms += Math.floor(random() * 2000)
    const date = new Date(ms)
    const now = date.toISOString()
    const orders = next(1 + Math.floor(random() * 12), date)
    await execute(db, 'BTC-USD', orders, { now, atomic: random() < 0.2 })
    if (random() < 0.3) await execute(db, 'ETH-USD', other(5, date), { now })
    if (random() < 0.1) await execute(db, 'BTC-USD', [], { now })
    if (random() < 0.1) {
      const price = (10 + random() * 0.2 - 0.1).toFixed(2)
      await call("publish_price('BTC-USD', 'MARK', $1, 1, $2)", price, now)
    }
    if (random() < 0.05) {
      await call("set_phase('BTC-USD', 'CALL', '3 seconds', 'CONTINUOUS', 1, $1)", now)
    }
    if (random() < 0.05) {
      await call("halt_symbol('BTC-USD', 'a test', 1, $1)", now)
      await execute(db, 'BTC-USD', next(3, date), { now })
      await call("resume_symbol('BTC-USD', $1, 1, $2)", random() < 0.5 ? '2 seconds' : null, now)
    }
  }
}
