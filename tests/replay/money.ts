import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import type { Turnover } from './checker.ts'
import { printUnits, toUnits } from './decimals.ts'
import { type Market, read } from './market.ts'
import type { VenueClient } from './venue-client.ts'

const settlementSchema = z.object({
  settlement_id: z.string(),
  status: z.string(),
  reason: z.string().nullable(),
  legs: z.array(
    z.object({ asset: z.string(), from: z.string(), to: z.string(), amount: z.string() }),
  ),
})
const pageSchema = z.object({
  items: z.array(settlementSchema),
  next_cursor: z.string().nullable(),
})
const balancesSchema = z.object({
  items: z.array(
    z.object({
      asset: z.string(),
      available: z.string(),
      held: z.string(),
      unsettled_in: z.string(),
      unsettled_out: z.string(),
    }),
  ),
})
type Page = z.output<typeof pageSchema>

export interface Settled {
  /** Instructions that are settled, and what their legs moved, by asset and way. */
  readonly count: number
  readonly moved: ReadonlyMap<string, bigint>
}

/** Waits until no instruction of the market is left to be settled, or says which one is. */
export async function waitUntilSettled(
  client: VenueClient,
  { symbol }: Market,
  withinMs: number,
): Promise<string[]> {
  const sinceMs = performance.now()
  for (;;) {
    const open = await firstUnsettled(client, symbol)
    if (open === undefined) return []
    if (performance.now() - sinceMs > withinMs) {
      const { settlement_id, status, reason } = open
      const what = `settlement ${settlement_id} is ${status}${reason === null ? '' : `, ${reason}`}`
      return [`not all is settled after ${withinMs / 1000} s: ${what}`]
    }
    await wait(50)
  }
}

async function firstUnsettled(client: VenueClient, symbol: string) {
  for (const status of ['PENDING', 'PARTIALLY_SETTLED', 'FAILED', 'CANCELLED']) {
    const { items } = await readPage(client, `symbol=${symbol}&status=${status}&limit=1`)
    if (items[0]) return items[0]
  }
  return undefined
}

/** Adds up all settlements of the market, page by page. */
export async function sumSettlements(client: VenueClient, { symbol }: Market): Promise<Settled> {
  const moved = new Map<string, bigint>()
  let count = 0
  let cursor: string | null = ''
  while (cursor !== null) {
    const from: string = cursor === '' ? '' : `&cursor=${cursor}`
    const page: Page = await readPage(client, `symbol=${symbol}&limit=1000${from}`)
    for (const { status, legs } of page.items) {
      if (status === 'SETTLED') count += 1
      for (const { asset, from: payer, to, amount } of legs) {
        const way = wayOf(asset, payer, to)
        moved.set(way, (moved.get(way) ?? 0n) + toUnits(amount))
      }
    }
    cursor = page.next_cursor
  }
  return { count, moved }
}

async function readPage(client: VenueClient, query: string): Promise<Page> {
  return pageSchema.parse(await read(client, `/settlements?${query}`))
}

function wayOf(asset: string, from: string, to: string): string {
  return `${asset} from ${from} to ${to}`
}

/**
 * Whether the money is where the trades put it, to the last digit: what was delivered and paid is
 * what was traded, every balance is what came in less what went out, and what the participants
 * and the house have is what was deposited. Returns what is not so, in words.
 */
export async function checkMoney(
  client: VenueClient,
  market: Market,
  turnover: Turnover,
  { moved }: Settled,
): Promise<string[]> {
  const { base, quote, buyer, seller, deposits } = market
  const house = 'house'
  const at = (asset: string, from: string, to: string) => moved.get(wayOf(asset, from, to)) ?? 0n
  const buyerFees = at(quote, buyer, house) - at(quote, house, buyer)
  const sellerFees = at(quote, seller, house) - at(quote, house, seller)
  const { quantity, notional } = turnover
  const [buyers, sellers, houses] = [
    await readBalances(client, buyer),
    await readBalances(client, seller),
    await readBalances(client, house),
  ]
  const facts: [what: string, is: bigint, shouldBe: bigint][] = [
    ['delivered', at(base, seller, buyer), quantity],
    ['paid', at(quote, buyer, seller), notional],
    ['base of the buyer', buyers.of(base), quantity],
    ['base of the seller', sellers.of(base), toUnits(deposits.base) - quantity],
    ['quote of the buyer', buyers.of(quote), toUnits(deposits.quote) - notional - buyerFees],
    ['quote of the seller', sellers.of(quote), notional - sellerFees],
    ['quote of the house', houses.of(quote), buyerFees + sellerFees],
    ['not settled', buyers.unsettled() + sellers.unsettled(), 0n],
  ]
  for (const [asset, deposited] of [
    [base, deposits.base],
    [quote, deposits.quote],
  ] as const) {
    const all = buyers.of(asset) + sellers.of(asset) + houses.of(asset)
    facts.push([`sum of ${asset}`, all, toUnits(deposited)])
  }
  return facts
    .filter(([, is, shouldBe]) => is !== shouldBe)
    .map(([what, is, shouldBe]) => `${what}: ${printUnits(is)}, not ${printUnits(shouldBe)}`)
}

async function readBalances(client: VenueClient, clientId: string) {
  const { items } = balancesSchema.parse(await read(client, `/participants/${clientId}/balances`))
  const sum = (amounts: readonly string[]) =>
    amounts.reduce((total, amount) => total + toUnits(amount), 0n)
  return {
    /** What is there, held for orders or not. */
    of: (asset: string) =>
      sum(items.filter(item => item.asset === asset).flatMap(item => [item.available, item.held])),
    unsettled: () => sum(items.flatMap(item => [item.unsettled_in, item.unsettled_out])),
  }
}
