import { Hono } from 'hono'
import { z } from 'zod'
import { Problem } from '../errors.ts'
import { describe } from '../openapi.ts'
import type { CommandRow } from '../rows.ts'
import { readJson } from './body.ts'
import type { Deps, Env } from './context.ts'
import { code, isTime, parse, symbolCode, word } from './fields.ts'
import {
  deadlineHeader,
  deadlineOf,
  keyHeader,
  keyOf,
  preferHeader,
  prefersAsync,
} from './headers.ts'
import { pageQuery, printPage } from './lists.ts'
import { orderIdOf, toChanges, toPlace } from './order-bodies.ts'
import { amendBody, orderBody } from './order-fields.ts'
import { outcomeOf, printAmendment, printOrder, printPreventedMatch } from './order-json.ts'
import { createOrderSymbols } from './order-symbols.ts'

const statuses = [
  'PENDING',
  'OPEN',
  'PARTIALLY_FILLED',
  'FILLED',
  'CANCELLED',
  'REJECTED',
  'EXPIRED',
] as const

/** The time and id of an order, as the list gives it. */
const orderCursor = z
  .string()
  .regex(/^[^_]+\.\d{6}Z_\d{1,18}$/, 'is not a cursor of this list')
  .refine(text => isTime(text.split('_')[0] ?? ''), 'is not a cursor of this list')

const listQuery = z.strictObject({
  client_id: code.optional(),
  symbol: symbolCode.optional(),
  status: word(...statuses).optional(),
  ...pageQuery(orderCursor),
})

export function orderRoutes({ batches, calls }: Deps): Hono<Env> {
  const app = new Hono<Env>()
  const findSymbol = createOrderSymbols(calls)

  app.post(
    '/orders',
    describe(placing, async c => {
      const { symbol, command } = toPlace(parse(orderBody, await readJson(c)))
      command.idempotency_key = keyOf(c, command.idempotency_key)
      command.deadline = deadlineOf(c, command.deadline)
      if (!prefersAsync(c)) return answerPlaced(await batches.submit(symbol, command), {})
      const row = await batches.submit(symbol, { ...command, is_async: true })
      return answerPlaced(row, { 'Preference-Applied': 'respond-async' })
    }),
  )

  app.get(
    '/orders',
    describe(listing, async c => {
      const { client_id, symbol, status, cursor, limit } = parse(listQuery, c.req.query())
      const filter = { clientId: client_id ?? null, symbol: symbol ?? null, status: status ?? null }
      const rows = await calls.listOrders(filter, cursor ?? null, limit)
      return Response.json(printPage(rows, limit, printOrder))
    }),
  )

  app.get(
    '/orders/:order_id',
    describe(reading, async c => {
      return Response.json(printOrder(await calls.findOrder(orderIdOf(c.req.param('order_id')))))
    }),
  )

  app.patch(
    '/orders/:order_id',
    describe(amending, async c => {
      const order_id = orderIdOf(c.req.param('order_id'))
      const changes = toChanges(parse(amendBody, await readJson(c)))
      changes.deadline = deadlineOf(c, changes.deadline)
      const symbol = await findSymbol(order_id)
      return answer(await batches.submit(symbol, { op: 'AMEND', order_id, ...changes }))
    }),
  )

  app.get(
    '/orders/:order_id/amendments',
    describe(amendmentListing, async c => {
      const rows = await calls.listAmendments(orderIdOf(c.req.param('order_id')))
      return Response.json({ items: rows.map(printAmendment), next_cursor: null })
    }),
  )

  app.get(
    '/orders/:order_id/prevented-matches',
    describe(preventedListing, async c => {
      const rows = await calls.listPreventedMatches(orderIdOf(c.req.param('order_id')))
      return Response.json({ items: rows.map(printPreventedMatch), next_cursor: null })
    }),
  )

  return app
}

/** The order that a command was about, or the problem it was refused with. */
export function answer(row: CommandRow): Response {
  const outcome = outcomeOf(row)
  if (outcome instanceof Problem) throw outcome
  return Response.json(outcome)
}

/** The order as it was placed, or with the headers as it was accepted to be matched later. */
function answerPlaced(row: CommandRow, headers: Record<string, string>): Response {
  const outcome = outcomeOf(row)
  if (outcome instanceof Problem) throw outcome
  if (outcome.pending_reason !== 'MATCH') return Response.json(outcome, { status: 201 })
  return Response.json(outcome, { status: 202, headers })
}

const placing = {
  summary: 'Place an order; answers after its whole taker phase',
  tag: 'orders',
  body: orderBody,
  headers: { ...keyHeader, ...deadlineHeader, ...preferHeader },
  answers: {
    201: 'the order',
    202: 'the order, PENDING, to be matched in the order of acceptance: see the Prefer header',
    400: 'a wrong field',
    404: 'unknown symbol or participant',
    422: 'refused by a rule; an order_id means that it is kept as a REJECTED order',
    503: 'the queue is full, or the outcome is unknown: send the same key again',
  },
} as const
const listing = {
  summary: 'Orders, newest first',
  tag: 'orders',
  query: listQuery,
  answers: { 200: 'a page of orders', 400: 'a wrong parameter' },
} as const
const reading = {
  summary: 'One order',
  tag: 'orders',
  answers: { 200: 'the order', 404: 'no such order' },
} as const
const amending = {
  summary: 'Change price, quantity or time of expiry of an open order',
  tag: 'orders',
  body: amendBody,
  headers: deadlineHeader,
  answers: {
    200: 'the order',
    400: 'a wrong field, or none',
    404: 'no such order',
    409: 'not open',
    422: 'refused by a rule',
  },
} as const
const amendmentListing = {
  summary: 'How an order was amended, and whether it kept its place, oldest first',
  tag: 'orders',
  answers: { 200: 'all its amendments', 404: 'no such order' },
} as const
const preventedListing = {
  summary: "Trades of an order that were prevented, as they would have been with its owner's own",
  tag: 'orders',
  answers: { 200: 'all of them', 404: 'no such order' },
} as const
