import { Hono } from 'hono'
import { z } from 'zod'
import { describe } from '../openapi.ts'
import type { Deps, Env } from './context.ts'
import { codeInPath, key, parse } from './fields.ts'

const closing = {
  summary: 'Log out: when the stream of this session ends, no order is cancelled',
  tag: 'participants',
  answers: {
    200: 'was_open: false when there was no such session, or its orders were cancelled already',
    400: 'a wrong session_id',
    404: 'no such participant',
  },
} as const

export function sessionRoutes({ calls }: Deps): Hono<Env> {
  const app = new Hono<Env>()

  app.delete(
    '/participants/:client_id/sessions/:session_id',
    describe(closing, async c => {
      const clientId = codeInPath(c.req.param('client_id'), 'client_id')
      const { session_id } = parse(z.strictObject({ session_id: key }), {
        session_id: c.req.param('session_id'),
      })
      const { was_open } = await calls.closeSession(clientId, session_id)
      return Response.json({ client_id: clientId, session_id, was_open })
    }),
  )

  return app
}
