import { Hono } from 'hono'
import { z } from 'zod'
import { Problem } from '../errors.ts'
import { describe } from '../openapi.ts'
import type { SettlementRow } from '../settlement-rows.ts'
import type { Deps, Env } from './context.ts'
import { code, parse, symbolCode, word } from './fields.ts'
import { idCursor, pageQuery, printPage } from './lists.ts'
import { isId } from './order-bodies.ts'

const listQuery = z.strictObject({
  status: word('PENDING', 'PARTIALLY_SETTLED', 'SETTLED', 'FAILED', 'CANCELLED').optional(),
  symbol: symbolCode.optional(),
  client_id: code.optional(),
  ...pageQuery(idCursor),
})

export function settlementRoutes({ calls, doorbell }: Deps): Hono<Env> {
  const app = new Hono<Env>()

  app.get(
    '/settlements',
    describe(listing, async c => {
      const { status, symbol, client_id, cursor, limit } = parse(listQuery, c.req.query())
      const filter = { clientId: client_id ?? null, symbol: symbol ?? null, status: status ?? null }
      const rows = await calls.listSettlements(filter, cursor ?? null, limit)
      return Response.json(printPage(rows.map(withCursor), limit, printSettlement))
    }),
  )

  app.get(
    '/settlements/backlog',
    describe(backlogReading, async () => {
      const row = await calls.readBacklog()
      return Response.json({
        pending: Number(row.pending),
        failed: Number(row.failed),
        oldest_created_at: row.oldest_created_at,
        settled_last_minute: Number(row.settled_last_minute),
      })
    }),
  )

  app.get(
    '/settlements/:settlement_id',
    describe(reading, async c => {
      const row = await calls.findSettlement(idOf(c.req.param('settlement_id')))
      return Response.json(printSettlement(row))
    }),
  )

  app.post(
    '/settlements/:settlement_id/retry',
    describe(retrying, async c => {
      const settlementId = idOf(c.req.param('settlement_id'))
      const row = await calls.retrySettlement(settlementId)
      doorbell.ring({ settlements: true })
      return Response.json(printSettlement(row))
    }),
  )

  return app
}

function withCursor(row: SettlementRow) {
  return { ...row, cursor: row.settlement_id }
}

function idOf(text: string | undefined): string {
  if (text !== undefined && isId(text)) return text
  const detail = 'there is no such settlement'
  throw new Problem(404, 'UNKNOWN_SETTLEMENT', detail, { field: 'settlement_id' })
}

function printSettlement(row: SettlementRow) {
  return {
    settlement_id: row.settlement_id,
    trade_id: row.trade_id,
    symbol: row.symbol,
    status: row.status,
    reason: row.reason,
    problem: row.problem,
    attempts: row.attempts,
    next_attempt_at: row.next_attempt_at,
    value_date: row.value_date,
    created_at: row.created_at,
    settled_at: row.settled_at,
    journal_id: row.journal_id,
    finality_no: row.finality_no === null ? null : Number(row.finality_no),
    settled_quantity: row.settled_quantity,
    netted_into: row.netted_into,
    links: row.links,
    holds: row.holds,
    legs: row.legs,
  }
}

const listing = {
  summary: 'Settlement instructions, newest first',
  tag: 'settlements',
  query: listQuery,
  answers: { 200: 'a page of instructions', 400: 'a wrong parameter' },
} as const
const backlogReading = {
  summary: 'How much settlement has before it',
  tag: 'settlements',
  answers: { 200: 'counts, and the age of the oldest' },
} as const
const reading = {
  summary: 'One instruction with its legs',
  tag: 'settlements',
  answers: { 200: 'the instruction', 404: 'no such instruction' },
} as const
const retrying = {
  summary: 'Operator: put a failed instruction back in line',
  tag: 'settlements',
  answers: {
    200: 'the instruction',
    404: 'no such instruction',
    409: 'it is settled or cancelled',
  },
} as const
