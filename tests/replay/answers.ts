import { z } from 'zod'
import type { Line } from './order-flow.ts'

/** What the service answers to a command, as far as it is checked. */

const orderSchema = z.object({
  order_id: z.string(),
  status: z.string(),
  remaining_quantity: z.string(),
  seq: z.number(),
  fills: z.array(z.object({ trade_id: z.string(), price: z.string(), quantity: z.string() })),
})
const problemSchema = z.object({ status: z.number(), code: z.string(), detail: z.string() })
const resultSchema = z.union([
  z.object({ order: orderSchema }),
  z.object({ problem: problemSchema }),
])
const batchSchema = z.object({ results: z.array(resultSchema) })

export type OrderAnswer = z.output<typeof orderSchema>
export type Refusal = z.output<typeof problemSchema>
export type CommandAnswer = OrderAnswer | Refusal

/** A line that was played, and what came of it. */
export interface Played {
  readonly line: Line
  readonly answer: CommandAnswer
}

export function readAnswer(status: number, json: unknown): CommandAnswer {
  return status < 300 ? orderSchema.parse(json) : problemSchema.parse(json)
}

export function readBatch(json: unknown): CommandAnswer[] {
  const { results } = batchSchema.parse(json)
  return results.map(result => ('order' in result ? result.order : result.problem))
}

export function isRefusal(answer: CommandAnswer): answer is Refusal {
  return 'code' in answer
}
