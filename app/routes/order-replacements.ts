import { Hono } from 'hono'
import type { Command } from '../commands.ts'
import { Problem, problemDocument } from '../errors.ts'
import { describe } from '../openapi.ts'
import type { CommandRow, OrderRow } from '../rows.ts'
import { readJson } from './body.ts'
import type { Deps, Env } from './context.ts'
import { parse } from './fields.ts'
import { deadlineHeader, deadlineOf, keyHeader, keyOf } from './headers.ts'
import { orderIdOf, toPlace } from './order-bodies.ts'
import { replacementBody } from './order-fields.ts'
import { outcomeOf, refusedAmong } from './order-json.ts'

/**
 * One order for another. Both commands run in one transaction, so there is no moment at which both
 * orders are open, and none at which the old one is gone and the new one not yet there.
 */
export function orderReplacementRoutes({ batches, calls }: Deps): Hono<Env> {
  const app = new Hono<Env>()

  app.post(
    '/orders/:order_id/replace',
    describe(replacing, async c => {
      const order_id = orderIdOf(c.req.param('order_id'))
      const { mode, only_if, ...order } = parse(replacementBody, await readJson(c))
      const { symbol, command } = toPlace(order)
      command.idempotency_key = keyOf(c, command.idempotency_key)
      command.deadline = deadlineOf(c, command.deadline)
      mustAgree(await calls.findOrder(order_id), command.client_id, symbol)
      const { deadline } = command
      const commands: Command[] = [
        { op: 'CANCEL', order_id, only_if: only_if ?? undefined, deadline },
        command,
      ]
      if (mode === 'STOP_ON_FAILURE') {
        return answerAll(await batches.submitAtomic(symbol, commands))
      }
      return answerEach(await batches.submitTogether(symbol, commands), c.env.requestId)
    }),
  )

  return app
}

/** Whose an order is and what it trades never changes, so it may be read before. */
function mustAgree(old: OrderRow, clientId: string, symbol: string): void {
  if (clientId === old.client_id && symbol === old.symbol) return
  const field = clientId === old.client_id ? 'symbol' : 'client_id'
  const detail = `${field} is another one than that of the order to replace`
  throw new Problem(400, 'INVALID_FIELD', detail, { field })
}

/** Both happened, or none did. */
function answerAll(rows: readonly CommandRow[]): Response {
  const outcomes = rows.map(outcomeOf)
  const refused = refusedAmong(outcomes)
  if (refused) throw refused.problem
  const [cancelled, placed] = outcomes
  return Response.json({ cancelled, placed })
}

/** Says of each what became of it; it is a success only when the new order is there. */
function answerEach(rows: readonly CommandRow[], requestId: string): Response {
  const [cancelled, placed] = rows.map(outcomeOf)
  const isGone = !(cancelled instanceof Problem)
  if (placed instanceof Problem) {
    const { status, code, message, facts } = placed
    throw new Problem(status, code, message, { ...facts, cancelled: isGone ? cancelled : null })
  }
  if (isGone) return Response.json({ cancelled, placed })
  return Response.json({ cancelled: null, problem: problemDocument(cancelled, requestId), placed })
}

const replacing = {
  summary:
    'Cancel an order and place another in one transaction. STOP_ON_FAILURE: both or none. ' +
    'ALLOW_FAILURE: the new order is placed even when the old one cannot be cancelled',
  tag: 'orders',
  body: replacementBody,
  headers: { ...keyHeader, ...deadlineHeader },
  answers: {
    200:
      '{cancelled, placed}; with ALLOW_FAILURE cancelled may be null, and problem then says why ' +
      'the old order still stands or had ended',
    400: 'a wrong field, or another participant or symbol than the old order',
    404: 'no such order',
    409: 'the old order cannot be cancelled: nothing is changed',
    422:
      'the new order is refused by a rule. STOP_ON_FAILURE: nothing is changed. ALLOW_FAILURE: ' +
      'cancelled in the problem is the old order if it was cancelled, else null',
  },
} as const
