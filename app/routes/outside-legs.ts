import { Hono } from 'hono'
import { z } from 'zod'
import { Problem } from '../errors.ts'
import { describe } from '../openapi.ts'
import { isSigned } from '../webhook-signatures.ts'
import { readJson } from './body.ts'
import type { Deps, Env } from './context.ts'
import { parse, word } from './fields.ts'

const text = (most: number) =>
  z
    .string()
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'has characters that are not printable')
    .max(most, `is longer than ${most} characters`)

const resultBody = z
  .strictObject({
    type: z.literal('outside_leg.result'),
    external_id: z.uuid('is not a UUID').describe('as it was sent'),
    status: word('CONFIRMED', 'VOIDED').describe('it has left; it has not, and will not'),
    reference: text(200).nullish().describe('what the receiver calls it'),
    reason: text(500).nullish(),
  })
  .meta({ id: 'OutsideLegResult' })

/** Where receivers of outside legs say what became of them; there is none without a secret. */
export function outsideLegRoutes({ calls, doorbell, log, webhookSecret, clock }: Deps): Hono<Env> {
  const app = new Hono<Env>()
  if (webhookSecret === null) return app

  app.post(
    '/outside-legs/results',
    describe(answering, async c => {
      const { headers } = c.env.incoming
      const refuseUnsigned = (body: string) => {
        if (isSigned(webhookSecret, headers, body, clock())) return
        const detail = 'the signature is missing, wrong, or not of this time'
        throw new Problem(401, 'BAD_SIGNATURE', detail)
      }
      const result = parse(resultBody, await readJson(c, refuseUnsigned))
      const { status } = await calls.answerOutsideLeg({
        externalId: result.external_id,
        status: result.status,
        reason: result.reason ?? null,
        reference: result.reference ?? null,
      })
      doorbell.ring({ settlements: true })
      if (status !== result.status) {
        log.error({ externalId: result.external_id, status }, 'outside leg disputed')
        throw new Problem(409, 'ALREADY_ENDED', `the leg is ${status} already`)
      }
      return Response.json({ external_id: result.external_id, status })
    }),
  )

  return app
}

const answering = {
  summary: 'The receiver of an outside leg: its result, signed as the leg was',
  tag: 'settlements',
  body: resultBody,
  headers: {
    'webhook-id': 'an id of the message',
    'webhook-timestamp': 'seconds since 1970, not more than five minutes from now',
    'webhook-signature': '`v1,` and the HMAC-SHA256 of id.timestamp.body, base64',
  },
  answers: {
    200: 'the status that stands; again, when the same is said again',
    400: 'a wrong field',
    401: 'the signature is missing, wrong, or not of this time',
    404: 'no such leg',
    409: 'it was never sent, or it ended otherwise: that stands, and an operator will see it',
  },
} as const
