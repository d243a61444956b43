import { Decimal } from 'decimal.js'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { createDatabase } from '../../app/database/connect.ts'
import { createServer } from '../../app/server.ts'
import { gatherBots } from '../../workers/demo/bots.ts'
import { createFairPrices } from '../../workers/demo/fair-prices.ts'
import { createMaker } from '../../workers/demo/maker.ts'
import { createRandom } from '../../workers/demo/random.ts'
import { createVenueClient } from '../../workers/demo/venue-client.ts'
import { testDatabase } from '../helpers/database.ts'

/** Some rounds of all markets. */
const turns = 75

t.test('the same seed makes the same market on an empty venue, another one another', async t => {
  const first = await tradesOf(t, 5)
  const again = await tradesOf(t, 5)
  const other = await tradesOf(t, 6)

  t.ok(first.length > 10, `${first.length} trades`)
  t.strictSame(again, first)
  t.notSame(other, first)
})

t.test('the maker quotes both sides, and lower when it holds too much', async t => {
  const { client } = await openVenue(t)
  await gatherBots(client, { seed: 1 }, 'run-1')
  const market = (await client.markets()).find(each => each.symbol === 'SOL-USDT')
  if (market === undefined) throw new Error('SOL-USDT is missing')
  const prices = createFairPrices(1, new Map([['SOL', new Decimal(150)]]))
  const random = createRandom(1, 'maker-1')
  const maker = createMaker({ client, clientId: 'maker-1', prices, random })
  const touch = async () => {
    const open = await client.openOrders('maker-1', 'SOL-USDT')
    const side = (name: string) =>
      open.filter(order => order.side === name).map(order => new Decimal(order.price ?? 0))
    const [bids, asks] = [side('BUY'), side('SELL')]
    t.equal(bids.length, 10)
    t.equal(asks.length, 10)
    return { bid: Decimal.max(...bids), ask: Decimal.min(...asks) }
  }

  const placed = await maker.quote(market, new Map())
  const level = await touch()
  const still = await maker.quote(market, new Map())
  await maker.quote(market, new Map([['SOL', new Decimal(10_000)]]))
  const long = await touch()
  await maker.quote(market, new Map([['SOL', new Decimal(-10_000)]]))
  const short = await touch()

  t.strictSame(placed, { orders: 20, refused: 0, trades: 0 })
  t.strictSame(still, { orders: 0, refused: 0, trades: 0 }, 'nothing moved, nothing sent')
  t.strictSame([level.bid.toFixed(), level.ask.toFixed()], ['149.98', '150.02'])
  t.ok(long.bid.lt(level.bid) && long.ask.lt(level.ask), 'too much: sells sooner')
  t.ok(short.bid.gt(level.bid) && short.ask.gt(level.ask), 'too little: buys sooner')
})

t.test('bots that find orders of an earlier run cancel them', async t => {
  const { client, query } = await openVenue(t)
  const killed = await gatherBots(client, { seed: 1 }, 'run-1')
  for (let turn = 0; turn < 20; turn++) await killed.turn()
  const book = () => query('select b.order_id from matching.book as b')
  t.not((await book()).length, 0)

  const bots = await gatherBots(client, { seed: 2 }, 'run-2')

  t.strictSame(await book(), [])
  t.strictSame(bots.symbols, ['BTC-USD', 'BTC-USDT', 'ETH-USDT', 'SOL-USDT'])
})

t.test('a bot whose money runs low gets more, once', async t => {
  const { client, query } = await openVenue(t)
  await gatherBots(client, { seed: 1 }, 'run-1')
  const deposits = () =>
    query("select count(*)::int as n from ledger.journals as j where j.kind = 'DEPOSIT'")
  const [before] = await deposits()

  await gatherBots(client, { seed: 1 }, 'run-2')

  t.strictSame(await deposits(), [before], 'full purses get nothing')
  t.equal(before?.n, 5 * 7, 'five assets for each of seven bots')
})

async function tradesOf(t: Test, seed: number): Promise<unknown[]> {
  const { client, query } = await openVenue(t)
  const bots = await gatherBots(client, { seed }, 'run-1')
  for (let turn = 0; turn < turns; turn++) await bots.turn()
  return query(`select t.trade_id, t.price, t.quantity, t.taker_side, t.taker_fee, t.maker_fee
    from matching.trades as t order by t.trade_id`)
}

async function openVenue(t: Test) {
  const database = await testDatabase(t)
  const log = pino({ level: 'error' })
  const { pool } = createDatabase(database.appUrl, { name: 'demo test', log })
  const server = createServer({ pool, listenUrl: database.appUrl, log, version: 'test' })
  const { port } = await server.listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  return { client: createVenueClient(`http://127.0.0.1:${port}`), query: database.query }
}
