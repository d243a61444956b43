import { Hono } from 'hono'
import { z } from 'zod'
import { Problem } from '../errors.ts'
import { describe } from '../openapi.ts'
import type { ParticipantRow } from '../rows.ts'
import { readJson } from './body.ts'
import type { Deps, Env } from './context.ts'
import { amount, assetCode, code, codeInPath, key, parse, whole } from './fields.ts'
import { keyHeader, keyOf } from './headers.ts'

const tradeGroup = code.describe('participants of one group do not trade with each other')

const participantBody = z
  .strictObject({
    client_id: code,
    name: z
      .string()
      .regex(/^[^\p{Cc}\p{Cs}]{1,200}$/u, 'is not 1 to 200 printable characters')
      .nullish(),
    trade_group: tradeGroup.nullish(),
  })
  .meta({ id: 'ParticipantRequest' })

const participantChange = z
  .strictObject({ trade_group: tradeGroup.nullable().describe('null: out of its group') })
  .meta({ id: 'ParticipantChange' })

const depositBody = z
  .strictObject({
    client_id: code,
    asset: assetCode,
    amount: amount(),
    idempotency_key: key.nullish().describe('or the Idempotency-Key header: one of them'),
  })
  .meta({ id: 'DepositRequest' })

const cancelAfterBody = z
  .strictObject({ seconds: whole(0, 86_400).describe('0 disarms it') })
  .meta({ id: 'CancelAfterRequest' })

export function participantRoutes({ calls, doorbell }: Deps): Hono<Env> {
  const app = new Hono<Env>()

  app.post(
    '/participants',
    describe(creating, async c => {
      const { client_id, name, trade_group } = parse(participantBody, await readJson(c))
      const row = await calls.createParticipant(client_id, name ?? null, trade_group ?? null)
      return Response.json(printParticipant(row), { status: 201 })
    }),
  )

  app.get(
    '/participants/:client_id',
    describe(reading, async c => {
      const row = await calls.findParticipant(codeInPath(c.req.param('client_id'), 'client_id'))
      return Response.json(printParticipant(row))
    }),
  )

  app.patch(
    '/participants/:client_id',
    describe(changing, async c => {
      const clientId = codeInPath(c.req.param('client_id'), 'client_id')
      const { trade_group } = parse(participantChange, await readJson(c))
      return Response.json(printParticipant(await calls.setTradeGroup(clientId, trade_group)))
    }),
  )

  app.get(
    '/participants/:client_id/balances',
    describe(balanceReading, async c => {
      const rows = await calls.readBalances(codeInPath(c.req.param('client_id'), 'client_id'))
      const items = rows.map(({ asset, available, held, unsettled_in, unsettled_out }) => {
        return { asset, available, held, unsettled_in, unsettled_out }
      })
      return Response.json({ items, next_cursor: null })
    }),
  )

  app.post(
    '/participants/:client_id/cancel-after',
    describe(arming, async c => {
      const clientId = codeInPath(c.req.param('client_id'), 'client_id')
      const { seconds } = parse(cancelAfterBody, await readJson(c))
      const { cancel_at } = await calls.cancelAfter(clientId, seconds)
      return Response.json({ cancel_at })
    }),
  )

  app.post(
    '/deposits',
    describe(depositing, async c => {
      const body = parse(depositBody, await readJson(c))
      const idempotencyKey = keyOf(c, body.idempotency_key)
      if (idempotencyKey === null) {
        const field = 'idempotency_key'
        throw new Problem(400, 'MISSING_FIELD', `${field} is missing`, { field })
      }
      const row = await calls.deposit(body.client_id, body.asset, body.amount, idempotencyKey)
      doorbell.ring({ settlements: true })
      return Response.json(row, { status: 201 })
    }),
  )

  return app
}

function printParticipant({ client_id, name, kind, trade_group, created_at }: ParticipantRow) {
  return { client_id, name, kind, trade_group, created_at }
}

const creating = {
  summary: 'Operator: create a participant',
  tag: 'participants',
  body: participantBody,
  answers: { 201: 'the participant', 400: 'a wrong field', 409: 'it exists' },
} as const
const reading = {
  summary: 'One participant',
  tag: 'participants',
  answers: { 200: 'the participant', 404: 'no such participant' },
} as const
const changing = {
  summary: 'Operator: put a participant into a trade group, or out of it',
  tag: 'participants',
  body: participantChange,
  answers: { 200: 'the participant', 400: 'a wrong field', 404: 'no such participant' },
} as const
const balanceReading = {
  summary: 'What a participant has: available, held, and on its way in and out',
  tag: 'participants',
  answers: { 200: 'a balance for each asset', 404: 'no such participant' },
} as const
const arming = {
  summary:
    'Cancel all orders of a participant after some seconds, unless the call is repeated before',
  tag: 'participants',
  body: cancelAfterBody,
  answers: {
    200: 'cancel_at: when it will happen, null when disarmed',
    400: 'a wrong field',
    404: 'no such participant',
  },
} as const
const depositing = {
  summary: 'Operator: book money that came in; once a key',
  tag: 'participants',
  body: depositBody,
  headers: keyHeader,
  answers: {
    201: 'the deposit; the first one when the key is repeated',
    400: 'a wrong field',
    404: 'unknown participant or asset',
    422: 'the key was used for another deposit',
  },
} as const
