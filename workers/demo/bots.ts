import { Decimal } from 'decimal.js'
import { type Done, nothing } from './done.ts'
import { createFairPrices } from './fair-prices.ts'
import { createMaker } from './maker.ts'
import { createPurse } from './purse.ts'
import { createRandom } from './random.ts'
import type { DemoSettings } from './settings.ts'
import { createTrader } from './trader.ts'
import type { Market, VenueClient } from './venue-client.ts'

/** The market of the demo: each turn is one thing that one bot does in one market. */
export interface Bots {
  symbols: readonly string[]
  turn(): Promise<Done>
  /** Takes every order of theirs out of the books. */
  leave(): Promise<void>
}

/** Where the demo trades, and what it creates where there is no such symbol yet. */
const demoMarkets = [
  { symbol: 'BTC-USD', tickSize: '0.01', lotSize: '0.00001' },
  { symbol: 'BTC-USDT', tickSize: '0.01', lotSize: '0.00001' },
  { symbol: 'ETH-USDT', tickSize: '0.01', lotSize: '0.0001' },
  { symbol: 'SOL-USDT', tickSize: '0.01', lotSize: '0.001' },
] as const
/** What an asset is worth in dollars where it has never traded. */
const startPrices: ReadonlyMap<string, Decimal> = new Map([
  ['BTC', new Decimal(60_000)],
  ['ETH', new Decimal(3000)],
  ['SOL', new Decimal(150)],
])
const traderCount = 6
const tradersInTurn = 3
/** What a full purse is worth in dollars, in each asset. */
const makerDollars = 2_000_000
const traderDollars = 500_000
/** Rounds of all markets between two looks into the traders' purses. */
const purseRounds = 50

/** Creates what is missing, funds the bots, and cancels what an earlier run left behind. */
export async function gatherBots(
  client: VenueClient,
  { seed }: Pick<DemoSettings, 'seed'>,
  runId: string,
): Promise<Bots> {
  const markets = await openMarkets(client)
  const prices = createFairPrices(seed, await startOf(client, markets))
  const join = async (clientId: string, name: string, dollars: number) => {
    await client.ensureParticipant(clientId, name)
    await client.cancelAll(clientId)
    const purse = createPurse({ client, clientId, full: purseOf(markets, dollars), runId })
    await purse.review()
    return { client, clientId, prices, purse, random: createRandom(seed, clientId) }
  }
  const making = await join('maker-1', 'Market maker of the demo', makerDollars)
  const trading: Awaited<ReturnType<typeof join>>[] = []
  for (let no = 1; no <= traderCount; no++) {
    trading.push(await join(`trader-${no}`, `Trader ${no} of the demo`, traderDollars))
  }

  const maker = createMaker(making)
  const traders = trading.map(createTrader)
  const random = createRandom(seed, 'turns')
  const turns = takeTurns()
  return {
    symbols: markets.map(market => market.symbol),
    async turn() {
      return (await turns.next().value?.()) ?? nothing
    },
    async leave() {
      for (const { clientId } of [making, ...trading]) await client.cancelAll(clientId)
    },
  }

  function* takeTurns(): Generator<() => Promise<Done>> {
    let earned: ReadonlyMap<string, Decimal> = new Map()
    for (let round = 0; ; round++) {
      yield async () => {
        earned = await making.purse.review()
        if (round % purseRounds === 0) for (const { purse } of trading) await purse.review()
        return nothing
      }
      for (const market of markets) {
        prices.move(market.base_asset)
        yield () => maker.quote(market, earned)
        for (let n = 0; n < tradersInTurn; n++) {
          const trader = traders[Math.floor(random.next() * traders.length)]
          if (trader) yield () => trader.act(market)
        }
      }
    }
  }
}

async function openMarkets(client: VenueClient): Promise<Market[]> {
  const known = new Set((await client.markets()).map(market => market.symbol))
  for (const { symbol, tickSize, lotSize } of demoMarkets) {
    if (!known.has(symbol)) await client.createMarket(symbol, tickSize, lotSize)
  }
  const names: ReadonlySet<string> = new Set(demoMarkets.map(market => market.symbol))
  return (await client.markets()).filter(market => names.has(market.symbol))
}

/** Goes on where trading ended, unless that is nowhere near what the asset is worth. */
async function startOf(
  client: VenueClient,
  markets: readonly Market[],
): Promise<ReadonlyMap<string, Decimal>> {
  const start = new Map(startPrices)
  for (const { symbol, base_asset } of markets) {
    const usual = startPrices.get(base_asset)
    const last = await client.lastPrice(symbol)
    if (usual === undefined || last === null) continue
    if (usual.div(last).gt(0.5) && usual.div(last).lt(2)) start.set(base_asset, new Decimal(last))
  }
  return start
}

function purseOf(markets: readonly Market[], dollars: number): ReadonlyMap<string, Decimal> {
  const assets = new Set(markets.flatMap(market => [market.base_asset, market.quote_asset]))
  return new Map(
    [...assets].map(asset => {
      const worth = startPrices.get(asset) ?? new Decimal(1)
      return [asset, new Decimal(dollars).div(worth).toDecimalPlaces(2)]
    }),
  )
}
