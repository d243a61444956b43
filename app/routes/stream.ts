import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { Hono } from 'hono'
import { z } from 'zod'
import { parseTopics } from '../events/topics.ts'
import { describe } from '../openapi.ts'
import type { Deps, Env } from './context.ts'
import { parse } from './fields.ts'

const streamQuery = z.strictObject({
  topics: z.string(),
  last_event_id: z.string().optional(),
})

const streaming = {
  summary:
    'Live events (SSE): trades:SYMBOL, book:SYMBOL, ticker, settlements, orders, orders:CLIENT',
  tag: 'live',
  query: streamQuery,
  headers: { 'Last-Event-ID': 'in place of last_event_id, and newer' },
  answers: {
    200:
      'messages trade, phase, indicative and uncrossed of trades:SYMBOL, book, ticker, ' +
      'settlement, order; reset where messages are gone; each id resumes behind it',
    400: 'a wrong topic or last_event_id',
    404: 'unknown symbol',
  },
} as const

export function streamRoutes({ streams }: Deps): Hono<Env> {
  const app = new Hono<Env>()

  app.get(
    '/stream',
    describe(streaming, async c => {
      const { incoming, outgoing } = c.env
      const { topics, last_event_id } = parse(streamQuery, c.req.query())
      const parsed = parseTopics(topics)
      // A browser that reconnects sends the header, which is newer than the id in its URL.
      const header = incoming.headers['last-event-id']
      const lastEventId = (typeof header === 'string' && header) || last_event_id || undefined
      if (incoming.method === 'HEAD') return new Response(null)
      await streams.open(outgoing, parsed, lastEventId)
      return RESPONSE_ALREADY_SENT
    }),
  )

  return app
}
