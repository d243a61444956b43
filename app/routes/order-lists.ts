import { Hono } from 'hono'
import type { z } from 'zod'
import type { PlaceCommand } from '../commands.ts'
import { Problem } from '../errors.ts'
import { describe } from '../openapi.ts'
import { readJson } from './body.ts'
import type { Deps, Env } from './context.ts'
import { parse } from './fields.ts'
import { batchKeyHeader, deadlineHeader, deadlineOf, keyOf } from './headers.ts'
import { inEntry, toPlace, withDefaults } from './order-bodies.ts'
import { listBody } from './order-fields.ts'
import { outcomeOf, refusedAmong } from './order-json.ts'

/** What the orders of a list are to each other, in their order. */
const roles = {
  OCO: ['OCO', 'OCO'],
  OTO: ['ENTRY', 'EXIT'],
  BRACKET: ['ENTRY', 'EXIT', 'EXIT'],
} as const

export function orderListRoutes({ batches }: Deps): Hono<Env> {
  const app = new Hono<Env>()

  app.post(
    '/order-lists',
    describe(placing, async c => {
      const body = parse(listBody, await readJson(c))
      const key = keyOf(c, body.idempotency_key)
      const deadline = deadlineOf(c, body.deadline)
      const { symbol, commands } = toCommands(body)
      const entries = commands.map((command, index) =>
        withDefaults(command, { key, deadline, index }),
      )
      const outcomes = (await batches.submitAtomic(symbol, entries)).map(outcomeOf)
      const refused = refusedAmong(outcomes)
      if (refused) throw inEntry(refused.index, refused.problem)
      const [first] = outcomes
      const list_id = first instanceof Problem ? null : first?.list_id
      return Response.json({ list_id, type: body.type, orders: outcomes }, { status: 201 })
    }),
  )

  return app
}

function toCommands({ type, partial, orders }: z.output<typeof listBody>) {
  const places = roles[type]
  if (orders.length !== places.length) {
    throw wrong('INVALID_FIELD', `orders has ${orders.length} orders, ${type} has ${places.length}`)
  }
  if (partial && type === 'OCO') {
    const detail = 'partial is for OTO and BRACKET only'
    throw new Problem(400, 'INVALID_FIELD', detail, { field: 'partial' })
  }
  const addressed = orders.map((order, index) => readOrder(order, index))
  const [symbol = '', ...others] = new Set(addressed.map(one => one.symbol))
  if (others.length > 0) throw wrong('SEVERAL_SYMBOLS', 'the orders of a list are of one symbol')
  if (new Set(addressed.map(one => one.command.client_id)).size > 1) {
    throw wrong('SEVERAL_CLIENTS', 'the orders of a list are of one participant')
  }
  const commands = addressed.map(
    ({ command }, index): PlaceCommand => ({
      ...command,
      list_no: 1,
      list_role: places[index],
      list_is_partial: partial || undefined,
    }),
  )
  return { symbol, commands }
}

function readOrder(order: z.output<typeof listBody>['orders'][number], index: number) {
  try {
    return toPlace(order)
  } catch (error) {
    throw inEntry(index, error)
  }
}

function wrong(code: string, detail: string): Problem {
  return new Problem(400, code, detail, { field: 'orders' })
}

const placing = {
  summary: 'Place orders that are linked: all of them or none',
  tag: 'orders',
  body: listBody,
  headers: { ...batchKeyHeader, ...deadlineHeader },
  answers: {
    201: '{list_id, type, orders}, the orders as they stand after the taker phase of all',
    400: 'a wrong field, a wrong number of orders, a second symbol or participant',
    404: 'unknown symbol or participant',
    422: 'an order is refused by a rule: field begins with orders.N; none of them is placed',
    503: 'the queue is full, or the outcome is unknown: send the same key again',
  },
} as const
