import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { VenueClient } from './venue-client.ts'

/** A symbol of a replay's own, with a buyer and a seller who have money. */
export interface Market {
  /** A short random name of this run. */
  readonly run: string
  readonly symbol: string
  readonly base: string
  readonly quote: string
  readonly buyer: string
  readonly seller: string
  /** What the buyer got in quote, and the seller in base. */
  readonly deposits: { readonly quote: string; readonly base: string }
}

/** More than any recorded market needs. */
const deposits = { quote: '1000000000000000', base: '1000000000000' }

/**
 * Opens a fresh market. The quote asset is its own, too: so the house's income in it is the fees of
 * this replay alone, whoever else trades meanwhile.
 */
export async function openMarket(
  client: VenueClient,
  { tick, lot }: { tick: string; lot: string },
): Promise<Market> {
  const run = randomBytes(4).toString('hex').toUpperCase()
  const base = `RPL${run}`
  const quote = `USD${run}`
  const market: Market = {
    run,
    symbol: `${base}-${quote}`,
    base,
    quote,
    buyer: `replay-${run}-buyer`,
    seller: `replay-${run}-seller`,
    deposits,
  }
  const { symbol, buyer, seller } = market
  await create(client, '/symbols', { symbol, tick_size: tick, lot_size: lot })
  for (const client_id of [buyer, seller]) await create(client, '/participants', { client_id })
  await deposit(client, buyer, quote, deposits.quote)
  await deposit(client, seller, base, deposits.base)
  return market
}

/** What exists already is ours, from a first try whose answer got lost: its name is random. */
async function create(client: VenueClient, path: string, body: object): Promise<void> {
  const { status, json } = await client.send('POST', path, body)
  if (status !== 201 && status !== 409) throw new Error(`POST ${path}: ${JSON.stringify(json)}`)
}

async function deposit(
  client: VenueClient,
  client_id: string,
  asset: string,
  amount: string,
): Promise<void> {
  const body = { client_id, asset, amount }
  const { status, json } = await client.send('POST', '/deposits', body, `${client_id}:funds`)
  if (status !== 201) throw new Error(`POST /deposits: ${JSON.stringify(json)}`)
}

const levelSchema = z.tuple([z.string(), z.string(), z.number()])
const bookSchema = z.object({
  seq: z.number(),
  bids: z.array(levelSchema),
  asks: z.array(levelSchema),
})

/** As much of a book as one answer shows. */
export const deepestBook = 1000

export async function readBook(client: VenueClient, symbol: string) {
  return bookSchema.parse(await read(client, `/symbols/${symbol}/book?depth=${deepestBook}`))
}

/** Throws when the answer is an error. */
export async function read(client: VenueClient, path: string): Promise<unknown> {
  const { status, json } = await client.send('GET', path)
  if (status !== 200) throw new Error(`GET ${path}: ${status} ${JSON.stringify(json)}`)
  return json
}
