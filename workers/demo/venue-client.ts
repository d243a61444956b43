import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'

/** What the bots know of the venue: its public HTTP API, and nothing else. */
export type VenueClient = ReturnType<typeof createVenueClient>

const fill = z.object({ trade_id: z.string(), liquidity: z.enum(['MAKER', 'TAKER']) })
const order = z.object({
  order_id: z.string(),
  status: z.string(),
  side: z.enum(['BUY', 'SELL']),
  price: z.string().nullable(),
  quantity: z.string(),
  remaining_quantity: z.string(),
  fills: z.array(fill),
})
const refusal = z.object({ status: z.number(), code: z.string(), detail: z.string() })
const result = z.object({
  status: z.number(),
  order: order.optional(),
  problem: refusal.optional(),
})
const symbol = z.object({
  symbol: z.string(),
  base_asset: z.string(),
  quote_asset: z.string(),
  tick_size: z.string(),
  lot_size: z.string(),
})
const balance = z.object({
  asset: z.string(),
  available: z.string(),
  held: z.string(),
  unsettled_in: z.string(),
  unsettled_out: z.string(),
})
const backlog = z.object({
  pending: z.number(),
  failed: z.number(),
  settled_last_minute: z.number(),
})
const ticker = z.object({ last_price: z.string().nullable() })
const health = z.object({ status: z.literal('ok'), version: z.string() })

export type Order = z.output<typeof order>
export type Market = z.output<typeof symbol>
export type Balance = z.output<typeof balance>
export type Backlog = z.output<typeof backlog>
export type Result = z.output<typeof result>

export interface Placing {
  client_id: string
  symbol: string
  side: 'BUY' | 'SELL'
  type: 'LIMIT' | 'MARKET'
  price?: string
  quantity: string
  time_in_force?: 'GTC' | 'IOC' | 'FOK'
}
export type Entry =
  | ({ op: 'place' } & Placing)
  | { op: 'cancel'; symbol: string; order_id: string }
  | { op: 'amend'; symbol: string; order_id: string; price: string }

/** An answer that a bot did not expect: neither what it asked for nor a refusal. */
export class UnexpectedAnswer extends Error {
  override name = 'UnexpectedAnswer'
}

/** Longer than the venue takes for anything; a request that hangs is given up. */
const requestMs = 10_000
const healthMs = 1000

/** The version of the pgsettle that answers there, or null when none does. */
export async function findVenue(url: string): Promise<string | null> {
  try {
    const reply = await fetch(`${url}/health`, { signal: AbortSignal.timeout(healthMs) })
    const isOurs = reply.headers.has('x-request-id')
    const read = health.safeParse(await reply.json())
    return isOurs && read.success ? read.data.version : null
  } catch {
    return null
  }
}

/** Keeps its connections alive between requests, as fetch does by itself. */
export function createVenueClient(url: string) {
  const read = readFrom(url)
  return {
    ...marketCalls(read),
    ...orderCalls(read),

    /** Creates the participant where there is none yet. */
    async ensureParticipant(client_id: string, name: string): Promise<void> {
      await read('POST', '/participants', { client_id, name }, [201, 409])
    },

    async balances(clientId: string): Promise<Balance[]> {
      const body = await read('GET', `/participants/${clientId}/balances`)
      return z.object({ items: z.array(balance) }).parse(body).items
    },

    async deposit(client_id: string, asset: string, amount: string, key: string): Promise<void> {
      const idempotency_key = key
      await read('POST', '/deposits', { client_id, asset, amount, idempotency_key }, [201])
    },

    async backlog(): Promise<Backlog> {
      return backlog.parse(await read('GET', '/settlements/backlog'))
    },
  }
}

type Read = ReturnType<typeof readFrom>

function marketCalls(read: Read) {
  return {
    async markets(): Promise<Market[]> {
      const body = await read('GET', '/symbols?limit=1000')
      return z.object({ items: z.array(symbol) }).parse(body).items
    },

    async lastPrice(name: string): Promise<string | null> {
      return ticker.parse(await read('GET', `/symbols/${name}/ticker`)).last_price
    },

    async createMarket(name: string, tick_size: string, lot_size: string): Promise<void> {
      await read('POST', '/symbols', { symbol: name, tick_size, lot_size }, [201, 409])
    },
  }
}

function orderCalls(read: Read) {
  return {
    /** The orders of a participant that rest in the book of a symbol. */
    async openOrders(clientId: string, name: string): Promise<Order[]> {
      const lists = await Promise.all(
        ['OPEN', 'PARTIALLY_FILLED'].map(async status => {
          const query = new URLSearchParams({ client_id: clientId, symbol: name, status })
          const body = await read('GET', `/orders?${query}&limit=1000`)
          return z.object({ items: z.array(order) }).parse(body).items
        }),
      )
      return lists.flat()
    },

    /** Places one order. A refusal by a rule of the venue is an answer, too. */
    async place(placing: Placing): Promise<Result> {
      return single(await read('POST', '/orders', placing, [201, 422]), 201)
    },

    async cancel(orderId: string): Promise<Result> {
      return single(await read('DELETE', `/orders/${orderId}`, undefined, [200, 404, 409]), 200)
    },

    /** The results stand in the order of the entries. */
    async batch(entries: readonly Entry[]): Promise<Result[]> {
      const body = await read('POST', '/orders/batch', { orders: entries })
      return z.object({ results: z.array(result) }).parse(body).results
    },

    async cancelAll(clientId: string): Promise<number> {
      const query = new URLSearchParams({ client_id: clientId })
      const body = await read('DELETE', `/orders?${query}`)
      return z.object({ cancelled: z.array(z.string()) }).parse(body).cancelled.length
    },
  }
}

function single(body: unknown, status: number): Result {
  const read = order.safeParse(body)
  if (read.success) return { status, order: read.data }
  const problem = refusal.parse(body)
  return { status: problem.status, problem }
}

/** How often a venue that says "later" is asked again before it counts as gone. */
const mostAttempts = 3

function readFrom(url: string) {
  return async (
    method: string,
    path: string,
    body?: object,
    expected: readonly number[] = [200],
  ): Promise<unknown> => {
    for (let attempt = 1; ; attempt++) {
      const reply = await fetch(url + path, {
        method,
        signal: AbortSignal.timeout(requestMs),
        ...(body && {
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }),
      })
      const answer: unknown = await reply.json()
      if (expected.includes(reply.status)) return answer
      // Busy means that nothing was done; an unknown outcome is not asked for a second time.
      const code = refusal.safeParse(answer).data?.code ?? 'no problem document'
      if (reply.status !== 503 || code !== 'BUSY' || attempt === mostAttempts) {
        throw new UnexpectedAnswer(`${method} ${path} was answered ${reply.status} ${code}`)
      }
      await wait(1000)
    }
  }
}
