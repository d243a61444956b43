import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { Hono } from 'hono'
import { z } from 'zod'
import { Problem } from '../errors.ts'
import type { Session } from '../events/sessions.ts'
import { parseTopics } from '../events/topics.ts'
import { describe } from '../openapi.ts'
import type { Deps, Env } from './context.ts'
import { code, key, parse, wholeText } from './fields.ts'

const streamQuery = z.strictObject({
  topics: z.string(),
  last_event_id: z.string().optional(),
  cod: z.enum(['true', 'false'], 'is not true or false').default('false'),
  client_id: code.optional(),
  session_id: key.default('stream'),
  grace_seconds: wholeText(1, 3600, 10),
})

const streaming = {
  summary:
    'Live events (SSE): trades:SYMBOL, book:SYMBOL, ticker, settlements, orders, orders:CLIENT. ' +
    'With cod=true all orders of client_id are cancelled grace_seconds after the stream is lost, ' +
    'unless one of the same session_id was opened meanwhile, or the session was closed before',
  tag: 'live',
  query: streamQuery,
  headers: { 'Last-Event-ID': 'in place of last_event_id, and newer' },
  answers: {
    200:
      'messages trade, bust, correction, phase, indicative and uncrossed of trades:SYMBOL, book, ' +
      'ticker, settlement, order; reset where messages are gone; each id resumes behind it; ' +
      'session: whether orders are cancelled when this stream is lost',
    400: 'a wrong parameter',
    404: 'unknown symbol or participant',
  },
} as const

export function streamRoutes({ calls, streams, sessions, log }: Deps): Hono<Env> {
  const app = new Hono<Env>()

  app.get(
    '/stream',
    describe(streaming, async c => {
      const { incoming, outgoing } = c.env
      const { topics, last_event_id, ...rest } = parse(streamQuery, c.req.query())
      const parsed = parseTopics(topics)
      const session = sessionOf(rest)
      // A browser that reconnects sends the header, which is newer than the id in its URL.
      const header = incoming.headers['last-event-id']
      const lastEventId = (typeof header === 'string' && header) || last_event_id || undefined
      if (incoming.method === 'HEAD') return new Response(null)
      // A participant that is not there is told before the stream is.
      if (session) await calls.findParticipant(session.clientId)
      await streams.open(outgoing, parsed, lastEventId)
      if (session) {
        sessions.open(outgoing, session).catch(error => {
          log.warn({ err: error }, 'stream ended: its session cannot be opened')
          outgoing.destroy()
        })
      }
      return RESPONSE_ALREADY_SENT
    }),
  )

  return app
}

type SessionQuery = Omit<z.output<typeof streamQuery>, 'topics' | 'last_event_id'>

function sessionOf({ cod, client_id, session_id, grace_seconds }: SessionQuery): Session | null {
  if (cod === 'false') return null
  if (client_id === undefined) {
    const field = 'client_id'
    throw new Problem(400, 'MISSING_FIELD', `cod=true needs ${field}`, { field })
  }
  return { clientId: client_id, sessionId: session_id, graceSeconds: grace_seconds }
}
