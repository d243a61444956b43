import { Hono } from 'hono'
import { z } from 'zod'
import { Problem } from '../errors.ts'
import { describe } from '../openapi.ts'
import { readJson } from './body.ts'
import type { Deps, Env } from './context.ts'
import { amount, assetCode, code, codeInPath, key, parse, word } from './fields.ts'
import { keyHeader, keyOf } from './headers.ts'

const subAccountBody = z
  .strictObject({
    client_id: code,
    name: z
      .string()
      .regex(/^[^\p{Cc}\p{Cs}]{1,200}$/u, 'is not 1 to 200 printable characters')
      .nullish(),
    custody: word('SEGREGATED', 'OMNIBUS')
      .default('SEGREGATED')
      .describe('SEGREGATED: of its parent’s owner; OMNIBUS: kept for others, as is each below it'),
  })
  .meta({ id: 'SubAccountRequest' })

const transferBody = z
  .strictObject({
    from: code,
    to: code,
    asset: assetCode,
    amount: amount(),
    idempotency_key: key.nullish().describe('or the Idempotency-Key header: one of them'),
  })
  .meta({ id: 'TransferRequest' })

export function accountRoutes({ calls, doorbell }: Deps): Hono<Env> {
  const app = new Hono<Env>()

  app.post(
    '/participants/:client_id/sub-accounts',
    describe(opening, async c => {
      const parent = codeInPath(c.req.param('client_id'), 'client_id')
      const { client_id, name = null, custody } = parse(subAccountBody, await readJson(c))
      const row = await calls.openSubAccount(parent, client_id, name, custody)
      return Response.json(row, { status: 201 })
    }),
  )

  app.get(
    '/participants/:client_id/sub-accounts',
    describe(listing, async c => {
      const clientId = codeInPath(c.req.param('client_id'), 'client_id')
      return Response.json({ items: await calls.readAccountTree(clientId), next_cursor: null })
    }),
  )

  app.post(
    '/transfers',
    describe(transferring, async c => {
      const { idempotency_key, ...body } = parse(transferBody, await readJson(c))
      const idempotencyKey = keyOf(c, idempotency_key)
      if (idempotencyKey === null) {
        const field = 'idempotency_key'
        throw new Problem(400, 'MISSING_FIELD', `${field} is missing`, { field })
      }
      const row = await calls.transferInternal({ ...body, key: idempotencyKey })
      doorbell.ring({ settlements: true })
      const { from_client_id: from, to_client_id: to, ...rest } = row
      return Response.json({ ...rest, from, to }, { status: 201 })
    }),
  )

  return app
}

const opening = {
  summary: 'Operator: open a sub-account of a participant',
  tag: 'participants',
  body: subAccountBody,
  answers: {
    201: 'the sub-account, a participant like any other',
    400: 'a wrong field, below the house, or too deep',
    404: 'no such participant',
    409: 'the code is taken',
  },
} as const
const listing = {
  summary: 'A participant and all accounts below it: what each has, and with all below it',
  tag: 'participants',
  answers: { 200: 'the account itself first, then those below it', 404: 'no such participant' },
} as const
const transferring = {
  summary: 'Move money between accounts of one owner, at once and free; once a key',
  tag: 'participants',
  body: transferBody,
  headers: keyHeader,
  answers: {
    201: 'the transfer; the first one when the key is repeated',
    400: 'a wrong field, or to the same account',
    404: 'unknown participant or asset',
    422: 'not of one owner, less is available, or the key was used for another transfer',
  },
} as const
