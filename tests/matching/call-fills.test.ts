import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { createMarket, noon } from '../helpers/market.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'
import { type CallOrder, naiveUncrossing } from './naive-uncrossing.ts'
import { ask, bid, type Rest, rest } from './resting-orders.ts'

const rich = { USD: '100000000', BTC: '100000' }

async function market(t: Test, symbol = {}): Promise<TestDatabase> {
  const db = await testDatabase(t)
  const options = { tick: '1', lot: '1', quote_decimals: '2', ...symbol }
  const traders = { alice: rich, bob: rich, carol: rich }
  await createMarket(db, { symbols: { 'BTC-USD': options }, traders })
  return db
}

interface CallFill {
  buy: string
  sell: string
  quantity: string
  is_buyer_taker: boolean
  buyer_fee: string
  seller_fee: string
  maker_left: string
}

/** The trades of the uncrossing that the book would have now. */
const fills = (db: TestDatabase, reference: string | null = null) =>
  db.query<CallFill>(
    `select
      f.buy_order_id::text as buy, f.sell_order_id::text as sell,
      trim_scale(f.quantity) as quantity, f.is_buyer_taker, trim_scale(f.buyer_fee) as buyer_fee,
      trim_scale(f.seller_fee) as seller_fee, trim_scale(f.maker_left) as maker_left
    from reference.symbols as s
    cross join lateral matching.uncrossing(s, $1, false, $2) as u
    cross join lateral matching.call_fills(s, u.price, u.volume, false, $2) as f
    order by f.n`,
    [reference, noon],
  )

t.test('[MAT-072] better than the price in full, at the price by time', async t => {
  const db = await market(t)
  const [first, late, better, seller] = await rest(db, 'BTC-USD', [
    bid('alice', '10', '100'),
    bid('carol', '10', '100'),
    bid('alice', '3', '101'),
    ask('bob', '15', '100'),
  ])

  t.match(await fills(db), [
    { buy: better, sell: seller, quantity: '3', is_buyer_taker: false, maker_left: '0' },
    { buy: first, sell: seller, quantity: '10', is_buyer_taker: false, maker_left: '0' },
    { buy: late, sell: seller, quantity: '2', is_buyer_taker: false, maker_left: '8' },
  ])
})

t.test('[MAT-072] of each pair the order that came later is the taker', async t => {
  const db = await market(t)
  const [early, seller, late] = await rest(db, 'BTC-USD', [
    bid('alice', '5', '101'),
    ask('bob', '10', '100'),
    bid('carol', '5', '100'),
  ])

  t.match(await fills(db), [
    { buy: early, sell: seller, is_buyer_taker: false, maker_left: '0' },
    { buy: late, sell: seller, is_buyer_taker: true, maker_left: '0' },
  ])
})

t.test('[LED-002] the fees of an order are rounded up once, over all its fills', async t => {
  const db = await market(t, { maker_rate: '0.001', taker_rate: '0.002' })
  // 0.1 % of 3 x 1 is 0.003: a cent at the first fill, none at the two others.
  await rest(db, 'BTC-USD', [
    ask('bob', '3', '1'),
    bid('alice', '1', '1'),
    bid('carol', '1', '1'),
    bid('alice', '1', '1'),
  ])

  t.match(await fills(db), [
    { seller_fee: '0.01', buyer_fee: '0.01', is_buyer_taker: true },
    { seller_fee: '0', buyer_fee: '0.01' },
    { seller_fee: '0', buyer_fee: '0.01' },
  ])
})

t.test(
  `[MAT-071] [MAT-072] as tick by tick and unit by unit, on random books, ${seed}`,
  async t => {
    const random = randomNumbers()
    const up = (below: number) => Math.floor(random() * below)
    const db = await market(t)

    for (let round = 0; round < 60; round++) {
      await db.query('delete from matching.book')
      const orders = Array.from({ length: 2 + up(12) }, (): Rest => {
        const order = random() < 0.5 ? bid : ask
        return order('alice', String(1 + up(9)), String(95 + up(12)))
      })
      const ids = await rest(db, 'BTC-USD', orders)
      const whole = orders.map(({ side, price, quantity }, n): CallOrder => {
        return { id: ids[n] ?? '', side, price: BigInt(price), quantity: BigInt(quantity) }
      })
      const reference = random() < 0.5 ? String(93 + up(16)) : null

      const naive = naiveUncrossing(whole, reference === null ? null : BigInt(reference))
      const [said] = await db.query(
        `select u.price::text, u.volume::text, u.surplus::text, u.surplus_side
        from reference.symbols as s
        cross join lateral matching.uncrossing(s, $1, false, $2) as u`,
        [reference, noon],
      )

      const net = naive.net < 0n ? -naive.net : naive.net
      const side = naive.net > 0n ? 'BUY' : naive.net < 0n ? 'SELL' : null
      const message = JSON.stringify({ orders, reference })
      t.equal(said?.price ?? null, naive.price === null ? null : String(naive.price), message)
      t.equal(said?.volume, String(naive.volume), message)
      if (naive.price !== null) t.match(said, { surplus: String(net), surplus_side: side }, message)
      const told = (await fills(db, reference)).map(({ buy, sell, quantity }) => [
        buy,
        sell,
        quantity,
      ])
      const meant = naive.fills.map(({ buy, sell, quantity }) => [buy, sell, String(quantity)])
      t.same(told, meant, message)
    }
  },
)
