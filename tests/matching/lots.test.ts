import t from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { buy, createMarket, execute, type Queryable, sell } from '../helpers/market.ts'
import { createFlow } from '../helpers/random-flow.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'

interface Lot {
  symbol: string
  side: string
  quantity: string
  closed_at: string | null
  cost: string | null
  proceeds: string | null
  gain: string | null
  fees: string
  net_gain: string | null
}
const lots = (db: Queryable, client: string) => db.query<Lot>('select * from lots($1)', [client])

const decimals = 18
/** An amount in units of its 18th decimal. */
function units(amount: string): bigint {
  const [whole = '', part = ''] = amount.replace('-', '').split('.')
  const value = BigInt(whole + part.padEnd(decimals, '0'))
  return amount.startsWith('-') ? -value : value
}
const one = 10n ** BigInt(decimals)
const sum = (amounts: (string | null)[]) =>
  amounts.reduce((all, amount) => all + units(amount ?? '0'), 0n)

t.test('[MAT-097] buy 10 at 100, 5 at 130, sell 9 at 120, 10 at 90, buy 4 at 80', async t => {
  const db = await testDatabase(t)
  const traders = { alice: { USD: '100000', BTC: '100' }, bob: { USD: '100000', BTC: '100' } }
  await createMarket(db, { traders, symbols: { 'BTC-USD': { maker_rate: '0', taker_rate: '0' } } })
  const realised = async () => {
    const closed = (await lots(db, 'alice')).filter(lot => lot.closed_at !== null)
    return Number(sum(closed.map(lot => lot.gain)) / one)
  }
  const gains: number[] = []
  for (const [order, other] of [
    [buy('alice', '10', '100'), sell('bob', '10', '100')],
    [buy('alice', '5', '130'), sell('bob', '5', '130')],
    [sell('alice', '9', '120'), buy('bob', '9', '120')],
    [sell('alice', '10', '90'), buy('bob', '10', '90')],
    [buy('alice', '4', '80'), sell('bob', '4', '80')],
  ] as const) {
    await execute(db, 'BTC-USD', [order, other])
    gains.push(await realised())
  }

  t.same(gains, [0, 0, 180, -30, 10])
  const all = await lots(db, 'alice')
  t.match(all, [
    { side: 'LONG', quantity: '9', cost: '900', proceeds: '1080', gain: '180' },
    { side: 'LONG', quantity: '1', cost: '100', proceeds: '90', gain: '-10' },
    { side: 'LONG', quantity: '5', cost: '650', proceeds: '450', gain: '-200' },
    { side: 'SHORT', quantity: '4', cost: '320', proceeds: '360', gain: '40' },
  ])
  t.equal(all.length, 4)
})

/** The plainest FIFO there is: a queue of lots, of one sign. */
function createQueue() {
  const queue: { quantity: bigint; price: bigint }[] = []
  let sign = 0n
  let realised = 0n
  return {
    fill(direction: bigint, quantity: bigint, price: bigint) {
      let left = quantity
      while (left > 0n && queue.length > 0 && sign === -direction) {
        const [first] = queue
        if (first === undefined) break
        const met = left < first.quantity ? left : first.quantity
        realised += (price - first.price) * met * sign
        first.quantity -= met
        left -= met
        if (first.quantity === 0n) queue.shift()
      }
      if (left > 0n) {
        sign = direction
        queue.push({ quantity: left, price })
      }
    },
    /** In 36 decimals, and what stands open, with its sign. */
    result: () => ({
      realised,
      open: sign * queue.reduce((all, lot) => all + lot.quantity, 0n),
      cost: sign * queue.reduce((all, lot) => all + lot.quantity * lot.price, 0n),
    }),
  }
}

t.test(
  `[MAT-097] lots are those of a queue, and their fees what was paid (seed ${seed})`,
  async t => {
    const db = await testDatabase(t)
    const traders = ['alice', 'bob', 'carol']
    const funds = { USD: '100000', BTC: '1000', ETH: '1000' }
    const rates = { maker_rate: '-0.0003', taker_rate: '0.0007', default_stp: 'NONE' }
    await createMarket(db, {
      symbols: { 'BTC-USD': rates, 'ETH-USD': rates },
      traders: Object.fromEntries(traders.map(name => [name, funds])),
    })
    const next = createFlow({ random: randomNumbers(), traders, middle: 100 })
    for (let batch = 0; batch < 10; batch++) {
      await execute(db, 'BTC-USD', next(30))
      await execute(db, 'ETH-USD', next(10))
    }

    for (const trader of traders) {
      const all = await lots(db, trader)
      for (const symbol of ['BTC-USD', 'ETH-USD']) {
        const queue = createQueue()
        let fees = 0n
        for (const fill of await fillsOf(db, trader, symbol)) {
          queue.fill(fill.is_buy ? 1n : -1n, units(fill.quantity), units(fill.price))
          fees += units(fill.fee)
        }
        const { realised, open, cost } = queue.result()
        const own = all.filter(lot => lot.symbol === symbol)
        const closed = own.filter(lot => lot.closed_at !== null)
        const left = own.filter(lot => lot.closed_at === null)

        t.ok(closed.length > 3, `${closed.length} lots`)
        t.equal(sum(closed.map(lot => lot.gain)) * one, realised, 'realised')
        const signed = (lot: Lot) => (lot.side === 'LONG' ? lot.quantity : `-${lot.quantity}`)
        t.equal(sum(left.map(signed)), open, 'position')
        const stake = sum(left.map(lot => lot.cost)) - sum(left.map(lot => lot.proceeds))
        t.equal(stake * one, cost, 'what the position cost')
        t.equal(sum(own.map(lot => lot.fees)), fees, 'fees')
        for (const lot of closed) {
          t.equal(sum([lot.gain]) - sum([lot.fees]), sum([lot.net_gain]))
        }
      }
    }
  },
)

const fillsOf = (db: Queryable, trader: string, symbol: string) =>
  db.query<{ is_buy: boolean; quantity: string; price: string; fee: string }>(
    `select f.* from trades as t
    join symbols as s on s.symbol_id = t.symbol_id and s.symbol = $2
    cross join lateral (values
      (t.taker_id, t.taker_side = 'BUY', t.quantity, t.price, t.taker_fee),
      (t.maker_id, t.taker_side = 'SELL', t.quantity, t.price, t.maker_fee)
    ) as f (participant_id, is_buy, quantity, price, fee)
    join participants as p on p.participant_id = f.participant_id and p.client_id = $1
    order by t.seq`,
    [trader, symbol],
  )
