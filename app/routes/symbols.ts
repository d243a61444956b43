import { Hono } from 'hono'
import { z } from 'zod'
import { stpModes } from '../commands.ts'
import { describe } from '../openapi.ts'
import { type Listed, printTicker, type SymbolRow, type TradeRow } from '../rows.ts'
import { readJson } from './body.ts'
import type { Deps, Env } from './context.ts'
import {
  amount,
  assetCode,
  codeInPath,
  parse,
  symbolCode,
  whole,
  wholeText,
  word,
} from './fields.ts'
import { idCursor, pageQuery, printPage } from './lists.ts'

const listQuery = z.strictObject(pageQuery(symbolCode))
const tradesQuery = z.strictObject(pageQuery(idCursor))
const bookQuery = z.strictObject({ depth: wholeText(1, 1000, 20) })

const symbolBody = z
  .strictObject({
    symbol: symbolCode,
    tick_size: amount(),
    lot_size: amount(),
    min_quantity: amount('NOT_NEGATIVE').optional(),
    max_quantity: amount().optional(),
    min_notional: amount('NOT_NEGATIVE').optional(),
    max_notional: amount().optional(),
    protection_rate: amount('NOT_NEGATIVE').optional(),
    protection_ticks: whole(0, 1_000_000).optional(),
    maker_rate: amount('ANY').optional(),
    taker_rate: amount('ANY').optional(),
    base_decimals: whole(0, 18).optional(),
    quote_decimals: whole(0, 18).optional(),
    default_stp: word(...stpModes)
      .optional()
      .describe('what happens before an order trades with its owner: CANCEL_TAKER when missing'),
    allowed_stps: z
      .array(word(...stpModes), 'is not a list')
      .min(1, 'is empty')
      .optional(),
    protection_rests: z
      .boolean()
      .optional()
      .describe('what a market order leaves at its protection rests there, in place of expiring'),
    collar_rate: amount()
      .optional()
      .describe('how far beyond the last price a limit may be, as a share of it'),
    max_open_orders: whole(1, 2_147_483_647).optional().describe('of a participant'),
    max_position: amount().optional().describe('of a participant, with its open buy orders'),
    max_iceberg_parts: whole(2, 2_147_483_647).optional(),
    min_trailing_bips: whole(1, 9999).optional(),
    max_trailing_bips: whole(1, 9999).optional(),
    max_cascade: whole(1, 2_147_483_647)
      .optional()
      .describe('how many stop orders may fire in one batch before the symbol goes into a call'),
    band_rate: amount()
      .optional()
      .describe('how far from the reference price a trade may print, as a share of it'),
    band_action: word('AUCTION', 'EXPIRE')
      .optional()
      .describe('what happens when one would print outside the band'),
    accept_when_closed: z.boolean().optional(),
  })
  .meta({ id: 'SymbolRequest' })

const assetBody = z
  .strictObject({ asset: assetCode, decimals: whole(0, 18).default(8) })
  .meta({ id: 'AssetRequest' })

export function symbolRoutes({ calls }: Deps): Hono<Env> {
  const app = new Hono<Env>()

  app.get(
    '/symbols',
    describe(listing, async c => {
      const { cursor, limit } = parse(listQuery, c.req.query())
      const rows = await calls.listSymbols(cursor ?? '', limit)
      return Response.json(printPage(rows.map(withCursor), limit, printSymbol))
    }),
  )

  app.get(
    '/symbols/:symbol',
    describe(reading, async c => {
      return Response.json(printSymbol(await calls.findSymbol(nameOf(c.req.param('symbol')))))
    }),
  )

  app.get(
    '/symbols/:symbol/book',
    describe(bookReading, async c => {
      const { depth } = parse(bookQuery, c.req.query())
      const { symbol, seq, bids, asks } = await calls.readBook(nameOf(c.req.param('symbol')), depth)
      return Response.json({ symbol, seq: Number(seq), bids, asks })
    }),
  )

  app.get(
    '/symbols/:symbol/trades',
    describe(tradeListing, async c => {
      const { cursor, limit } = parse(tradesQuery, c.req.query())
      const symbol = nameOf(c.req.param('symbol'))
      const rows = await calls.listTrades(symbol, cursor ?? null, limit)
      return Response.json(printPage(rows, limit, printTrade))
    }),
  )

  app.get(
    '/symbols/:symbol/ticker',
    describe(tickerReading, async c => {
      return Response.json(printTicker(await calls.readTicker(nameOf(c.req.param('symbol')))))
    }),
  )

  app.post(
    '/symbols',
    describe(creating, async c => {
      const { symbol, tick_size, lot_size, ...rest } = parse(symbolBody, await readJson(c))
      const sizes = { tickSize: tick_size, lotSize: lot_size }
      const row = await calls.createSymbol({ symbol, ...sizes, options: rest })
      return Response.json(printSymbol(row), { status: 201 })
    }),
  )

  app.post(
    '/assets',
    describe(assetCreating, async c => {
      const { asset, decimals } = parse(assetBody, await readJson(c))
      return Response.json(await calls.createAsset(asset, decimals), { status: 201 })
    }),
  )

  return app
}

function nameOf(text: string | undefined): string {
  return codeInPath(text, 'symbol').toUpperCase()
}

function withCursor(row: SymbolRow) {
  return { ...row, cursor: row.symbol }
}

function printSymbol(row: SymbolRow) {
  return {
    symbol: row.symbol,
    base_asset: row.base_asset,
    quote_asset: row.quote_asset,
    status: row.status,
    status_reason: row.status_reason,
    phase: row.phase,
    tick_size: row.tick_size,
    lot_size: row.lot_size,
    min_quantity: row.min_quantity,
    max_quantity: row.max_quantity,
    min_notional: row.min_notional,
    max_notional: row.max_notional,
    protection_rate: row.protection_rate,
    protection_ticks: row.protection_ticks,
    maker_rate: row.maker_rate,
    taker_rate: row.taker_rate,
    base_decimals: row.base_decimals,
    quote_decimals: row.quote_decimals,
    default_stp: row.default_stp,
    allowed_stps: row.allowed_stps,
    protection_rests: row.protection_rests,
    collar_rate: row.collar_rate,
    max_open_orders: row.max_open_orders,
    max_position: row.max_position,
    max_iceberg_parts: row.max_iceberg_parts,
    min_trailing_bips: row.min_trailing_bips,
    max_trailing_bips: row.max_trailing_bips,
    max_cascade: row.max_cascade,
    band_rate: row.band_rate,
    band_action: row.band_action,
    accept_when_closed: row.accept_when_closed,
    created_at: row.created_at,
  }
}

function printTrade({ cursor, ...row }: Listed<TradeRow>) {
  return { ...row, seq: Number(row.seq) }
}

const listing = {
  summary: 'The symbols with their filters, status, phase and fees',
  tag: 'markets',
  query: listQuery,
  answers: { 200: 'a page of symbols' },
} as const
const reading = {
  summary: 'One symbol',
  tag: 'markets',
  answers: { 200: 'the symbol', 404: 'no such symbol' },
} as const
const bookReading = {
  summary: 'The order book, best first: [price, quantity, orders]',
  tag: 'markets',
  query: bookQuery,
  answers: { 200: 'the book as of seq', 404: 'no such symbol' },
} as const
const tradeListing = {
  summary: 'Trades, newest first; busted ones say so, corrections say of which trade they are',
  tag: 'markets',
  query: tradesQuery,
  answers: { 200: 'a page of trades', 404: 'no such symbol' },
} as const
const tickerReading = {
  summary: 'Last price, touch and the last 24 hours',
  tag: 'markets',
  answers: { 200: 'the ticker', 404: 'no such symbol' },
} as const
const creating = {
  summary: 'Operator: create a symbol, and its assets where they are new',
  tag: 'markets',
  body: symbolBody,
  answers: { 201: 'the symbol', 400: 'a wrong field', 409: 'it exists' },
} as const
const assetCreating = {
  summary: 'Operator: create an asset',
  tag: 'markets',
  body: assetBody,
  answers: { 201: 'the asset', 400: 'a wrong field', 409: 'it exists' },
} as const
