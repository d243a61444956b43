import { Hono } from 'hono'
import { z } from 'zod'
import type { AmendCommand, CancelCommand } from '../calls.ts'
import { Problem } from '../errors.ts'
import { describe } from '../openapi.ts'
import type { CommandRow } from '../rows.ts'
import { keyOf, readJson } from './body.ts'
import type { Deps, Env } from './context.ts'
import { code, parse, symbolCode, word } from './fields.ts'
import { pageQuery, printPage } from './lists.ts'
import { amendBody, isId, orderBody, toChanges, toPlace } from './order-bodies.ts'
import { outcomeOf, printOrder } from './order-json.ts'
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
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z_\d{1,18}$/, 'is not a cursor of this list')
  .refine(text => isTime(text.split('_')[0] ?? ''), 'is not a cursor of this list')

const listQuery = z.strictObject({
  client_id: code.optional(),
  symbol: symbolCode.optional(),
  status: word(...statuses).optional(),
  ...pageQuery(orderCursor),
})

const massQuery = z.strictObject({
  client_id: code,
  symbol: symbolCode.optional(),
  side: word('BUY', 'SELL').optional(),
})

export function orderRoutes({ batches, calls, doorbell }: Deps): Hono<Env> {
  const app = new Hono<Env>()
  const symbolOf = createOrderSymbols(calls)

  /** Runs a command on an order that is known by its id only, through the queue of its symbol. */
  async function runOn(orderId: string, command: CancelCommand | AmendCommand) {
    return answer(await batches.submit(await symbolOf(orderId), command), 200)
  }

  app.post(
    '/orders',
    describe(placing, async c => {
      const { symbol, command } = toPlace(parse(orderBody, await readJson(c)))
      command.idempotency_key = keyOf(c, command.idempotency_key)
      return answer(await batches.submit(symbol, command), 201)
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
      return Response.json(printOrder(await calls.findOrder(idOf(c.req.param('order_id')))))
    }),
  )

  app.patch(
    '/orders/:order_id',
    describe(amending, async c => {
      const order_id = idOf(c.req.param('order_id'))
      const changes = toChanges(parse(amendBody, await readJson(c)))
      return runOn(order_id, { op: 'AMEND', order_id, ...changes })
    }),
  )

  app.delete(
    '/orders/:order_id',
    describe(cancelling, async c => {
      const order_id = idOf(c.req.param('order_id'))
      return runOn(order_id, { op: 'CANCEL', order_id })
    }),
  )

  app.delete(
    '/orders',
    describe(massCancelling, async c => {
      const { client_id, symbol, side } = parse(massQuery, c.req.query())
      const rows = await calls.cancelOrders(client_id, symbol ?? null, side ?? null)
      doorbell.ring(false)
      return Response.json({ cancelled: rows.map(row => row.order_id) })
    }),
  )

  return app
}

function answer(row: CommandRow, status: number): Response {
  const outcome = outcomeOf(row)
  if (outcome instanceof Problem) throw outcome
  return Response.json(outcome, { status })
}

/** Whether it is a real day and time: PostgreSQL refuses the 30th of February. */
function isTime(text: string): boolean {
  const date = new Date(text)
  return !Number.isNaN(date.getTime()) && date.toISOString().slice(0, 19) === text.slice(0, 19)
}

function idOf(text: string | undefined): string {
  if (text !== undefined && isId(text)) return text
  throw new Problem(404, 'UNKNOWN_ORDER', 'there is no such order', { field: 'order_id' })
}

const placing = {
  summary: 'Place an order; answers after its whole taker phase',
  tag: 'orders',
  body: orderBody,
  answers: {
    201: 'the order',
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
  summary: 'Change price or quantity of an open order',
  tag: 'orders',
  body: amendBody,
  answers: { 200: 'the order', 404: 'no such order', 409: 'not open', 422: 'refused by a rule' },
} as const
const cancelling = {
  summary: 'Cancel an order; again on a cancelled one answers with it',
  tag: 'orders',
  answers: { 200: 'the order', 404: 'no such order', 409: 'it is filled' },
} as const
const massCancelling = {
  summary: "Cancel a participant's open orders, of one symbol or side if given",
  tag: 'orders',
  query: massQuery,
  answers: { 200: 'the cancelled ids', 400: 'a wrong parameter', 404: 'unknown participant' },
} as const
