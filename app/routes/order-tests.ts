import { Hono } from 'hono'
import { Problem } from '../errors.ts'
import { describe } from '../openapi.ts'
import { readJson } from './body.ts'
import type { Deps, Env } from './context.ts'
import { parse } from './fields.ts'
import { deadlineHeader, deadlineOf } from './headers.ts'
import { toPlace } from './order-bodies.ts'
import { orderBody } from './order-fields.ts'
import { outcomeOf, printTest } from './order-json.ts'

export function orderTestRoutes({ dryRuns }: Deps): Hono<Env> {
  const app = new Hono<Env>()

  app.post(
    '/orders/test',
    describe(testing, async c => {
      const { symbol, command } = toPlace(parse(orderBody, await readJson(c)))
      command.idempotency_key = null
      command.deadline = deadlineOf(c, command.deadline)
      const row = await dryRuns.submit(symbol, command)
      const outcome = outcomeOf(row)
      if (outcome instanceof Problem) throw withoutOrder(outcome)
      return Response.json(printTest(outcome, row))
    }),
  )

  return app
}

/** The order that a refusal names was undone with everything else. */
function withoutOrder({ status, code, message, facts }: Problem): Problem {
  return new Problem(status, code, message, { ...facts, orderId: undefined })
}

const testing = {
  summary:
    'Try an order: what placing it now would come to, its hold and prevented matches. Nothing is ' +
    'changed, no key is taken',
  tag: 'orders',
  body: orderBody,
  headers: deadlineHeader,
  answers: {
    200: 'the order, without an id, as it would stand; hold; prevented_matches',
    400: 'a wrong field',
    404: 'unknown symbol or participant',
    422: 'it would be refused by this rule',
    503: 'too many are tried at the moment',
  },
} as const
