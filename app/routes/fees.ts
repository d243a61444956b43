import { Hono } from 'hono'
import { describe } from '../openapi.ts'
import type { Deps, Env } from './context.ts'
import { codeInPath } from './fields.ts'

export function feeRoutes({ calls }: Deps): Hono<Env> {
  const app = new Hono<Env>()

  app.get(
    '/participants/:client_id/fees',
    describe(reading, async c => {
      const rows = await calls.readFees(codeInPath(c.req.param('client_id'), 'client_id'))
      const items = rows.map(row => {
        const { symbol, maker_rate, taker_rate, fee_id, volume_30d, next_volume } = row
        return { symbol, maker_rate, taker_rate, fee_id, volume_30d, next_volume }
      })
      return Response.json({ items, next_cursor: null })
    }),
  )

  return app
}

const reading = {
  summary: 'What a participant is charged at each symbol, its volume of 30 days and the next tier',
  tag: 'participants',
  answers: {
    200: "maker_rate and taker_rate, of the notional; fee_id null: the symbol's own",
    404: 'no such participant',
  },
} as const
