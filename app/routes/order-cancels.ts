import { Hono } from 'hono'
import { z } from 'zod'
import { sides } from '../commands.ts'
import { Problem } from '../errors.ts'
import { describe } from '../openapi.ts'
import type { Deps, Env } from './context.ts'
import { amount, code, key, parse, symbolCode, word } from './fields.ts'
import { deadlineHeader, deadlineOf } from './headers.ts'
import { orderIdOf } from './order-bodies.ts'
import { createOrderSymbols } from './order-symbols.ts'
import { answer } from './orders.ts'

const onlyIf = word('NEW').optional()
const cancelQuery = z.strictObject({ only_if: onlyIf })
const namedQuery = z.strictObject({ symbol: symbolCode, only_if: onlyIf })
const nameInPath = z.strictObject({ client_id: code, client_order_id: key })

const massQuery = z.strictObject({
  client_id: code.optional(),
  group: code.optional(),
  symbol: symbolCode.optional(),
  side: word(...sides).optional(),
  min_price: amount().optional(),
  max_price: amount().optional(),
})

export function orderCancelRoutes({ batches, calls, doorbell }: Deps): Hono<Env> {
  const app = new Hono<Env>()
  const findSymbol = createOrderSymbols(calls)

  app.delete(
    '/orders/:order_id',
    describe(cancelling, async c => {
      const order_id = orderIdOf(c.req.param('order_id'))
      const { only_if } = parse(cancelQuery, c.req.query())
      const deadline = deadlineOf(c, null)
      const symbol = await findSymbol(order_id)
      return answer(await batches.submit(symbol, { op: 'CANCEL', order_id, only_if, deadline }))
    }),
  )

  app.delete(
    '/orders/by-client-id/:client_id/:client_order_id',
    describe(cancellingByName, async c => {
      const { client_id, client_order_id } = c.req.param()
      const name = parse(nameInPath, { client_id, client_order_id })
      const { symbol, only_if } = parse(namedQuery, c.req.query())
      const deadline = deadlineOf(c, null)
      return answer(await batches.submit(symbol, { op: 'CANCEL', ...name, only_if, deadline }))
    }),
  )

  app.delete(
    '/orders',
    describe(massCancelling, async c => {
      const query = parse(massQuery, c.req.query())
      const clientId = query.client_id ?? null
      const group = query.group ?? null
      if (clientId === null && group === null) {
        const field = 'client_id'
        throw new Problem(400, 'MISSING_FIELD', `${field} is missing, and so is group`, { field })
      }
      const rows = await calls.cancelOrders({
        clientId,
        group,
        symbol: query.symbol ?? null,
        side: query.side ?? null,
        minPrice: query.min_price ?? null,
        maxPrice: query.max_price ?? null,
      })
      doorbell.ring()
      return Response.json({ cancelled: rows.map(row => row.order_id) })
    }),
  )

  return app
}

const cancelling = {
  summary: 'Cancel an order; again on a cancelled one answers with it',
  tag: 'orders',
  query: cancelQuery,
  headers: deadlineHeader,
  answers: {
    200: 'the order',
    404: 'no such order',
    409: 'it is filled: fills are its fills; or with only_if=NEW a part of it is',
    422: 'refused by a rule',
  },
} as const
const cancellingByName = {
  ...cancelling,
  summary: 'Cancel an order of a symbol by the id that its client gave it',
  query: namedQuery,
} as const
const massCancelling = {
  summary:
    'Cancel the open orders of a participant or a trade group in one transaction, all of them or ' +
    'those of a symbol, a side, a range of prices',
  tag: 'orders',
  query: massQuery,
  answers: {
    200: 'the cancelled ids, in book order',
    400: 'a wrong parameter, or nobody is named',
    404: 'unknown participant or symbol',
  },
} as const
