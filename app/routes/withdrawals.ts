import { Hono } from 'hono'
import { z } from 'zod'
import { Problem } from '../errors.ts'
import { describe } from '../openapi.ts'
import { readJson } from './body.ts'
import type { Deps, Env } from './context.ts'
import { amount, assetCode, code, key, parse, word } from './fields.ts'
import { keyHeader, keyOf } from './headers.ts'
import { idCursor, pageQuery, printPage } from './lists.ts'
import { isId } from './order-bodies.ts'

const operator = code.describe('the name of who asks or decides')

const withdrawalBody = z
  .strictObject({
    client_id: code,
    asset: assetCode,
    amount: amount(),
    idempotency_key: key.nullish().describe('or the Idempotency-Key header: one of them'),
    operator: operator.nullish().describe('who asks; without it the participant does'),
  })
  .meta({ id: 'WithdrawalRequest' })

const approvalBody = z.strictObject({ operator }).meta({ id: 'WithdrawalApproval' })

const rejectionBody = z
  .strictObject({
    operator,
    reason: z.string().regex(/^[^\p{Cc}\p{Cs}]{1,500}$/u, 'is not 1 to 500 printable characters'),
  })
  .meta({ id: 'WithdrawalRejection' })

const listQuery = z.strictObject({
  client_id: code.optional(),
  status: word('PENDING', 'POSTED', 'REJECTED').optional(),
  ...pageQuery(idCursor),
})

export function withdrawalRoutes({ calls, doorbell }: Deps): Hono<Env> {
  const app = new Hono<Env>()

  app.post(
    '/withdrawals',
    describe(asking, async c => {
      const body = parse(withdrawalBody, await readJson(c))
      const idempotencyKey = keyOf(c, body.idempotency_key)
      if (idempotencyKey === null) {
        const field = 'idempotency_key'
        throw new Problem(400, 'MISSING_FIELD', `${field} is missing`, { field })
      }
      const row = await calls.requestWithdrawal({
        clientId: body.client_id,
        asset: body.asset,
        amount: body.amount,
        key: idempotencyKey,
        by: body.operator ?? null,
      })
      return Response.json(row, { status: 201 })
    }),
  )

  app.get(
    '/withdrawals',
    describe(listing, async c => {
      const { client_id, status, cursor, limit } = parse(listQuery, c.req.query())
      const rows = await calls.listWithdrawals(
        client_id ?? null,
        status ?? null,
        cursor ?? null,
        limit,
      )
      const listed = rows.map(row => ({ ...row, cursor: row.withdrawal_id }))
      return Response.json(printPage(listed, limit, ({ cursor: _, ...row }) => row))
    }),
  )

  app.get(
    '/withdrawals/:withdrawal_id',
    describe(reading, async c => {
      return Response.json(await calls.findWithdrawal(idOf(c.req.param('withdrawal_id'))))
    }),
  )

  app.post(
    '/withdrawals/:withdrawal_id/approve',
    describe(approving, async c => {
      const withdrawalId = idOf(c.req.param('withdrawal_id'))
      const body = parse(approvalBody, await readJson(c))
      const row = await calls.approveWithdrawal(withdrawalId, body.operator)
      doorbell.ring({ settlements: true })
      return Response.json(row)
    }),
  )

  app.post(
    '/withdrawals/:withdrawal_id/reject',
    describe(rejecting, async c => {
      const withdrawalId = idOf(c.req.param('withdrawal_id'))
      const body = parse(rejectionBody, await readJson(c))
      return Response.json(await calls.rejectWithdrawal(withdrawalId, body.operator, body.reason))
    }),
  )

  return app
}

function idOf(text: string | undefined): string {
  if (text !== undefined && isId(text)) return text
  const detail = 'there is no such withdrawal'
  throw new Problem(404, 'UNKNOWN_WITHDRAWAL', detail, { field: 'withdrawal_id' })
}

const asking = {
  summary: 'Operator: ask for money to be paid out; held at once, once a key',
  tag: 'participants',
  body: withdrawalBody,
  headers: keyHeader,
  answers: {
    201: 'the withdrawal, PENDING; as it is now when the key is repeated',
    400: 'a wrong field',
    404: 'unknown participant or asset',
    422: 'not enough is available, the limit of 24 hours is passed, or another used the key',
  },
} as const
const listing = {
  summary: 'Withdrawals, newest first',
  tag: 'participants',
  query: listQuery,
  answers: { 200: 'a page of withdrawals', 400: 'a wrong parameter' },
} as const
const reading = {
  summary: 'One withdrawal',
  tag: 'participants',
  answers: { 200: 'the withdrawal', 404: 'no such withdrawal' },
} as const
const approving = {
  summary: 'A second operator: pay out a withdrawal, or let it leave through an outside leg',
  tag: 'participants',
  body: approvalBody,
  answers: {
    200: 'the withdrawal: POSTED, or PENDING with approved_by while it is on its way outside',
    400: 'a wrong field',
    404: 'no such withdrawal',
    409: 'it is decided, or approved by another, already',
    422: 'who asked may not approve',
  },
} as const
const rejecting = {
  summary: 'Operator: reject a withdrawal; what was held is available again',
  tag: 'participants',
  body: rejectionBody,
  answers: {
    200: 'the withdrawal, REJECTED',
    400: 'a wrong field',
    404: 'no such withdrawal',
    409: 'it is decided, or on its way outside, already',
  },
} as const
