import { type describeRoute, resolver, uniqueSymbol } from 'hono-openapi'
import type { z } from 'zod'
import type { RequestContext } from './routes/context.ts'

/** What the OpenAPI document says of a route. */
export interface Description {
  summary: string
  tag: 'orders' | 'markets' | 'participants' | 'settlements' | 'live' | 'service'
  body?: z.ZodType
  query?: z.ZodObject
  /** What each header means, by name. All of them may be left out. */
  headers?: Readonly<Record<string, string>>
  /** What the answers mean, by status; 200 or 201 first. */
  answers: Record<number, string>
}

type DescribeRouteOptions = Parameters<typeof describeRoute>[0]
type Handler = (c: RequestContext) => Response | Promise<Response>

/**
 * Hangs a description on a handler, for the document. Not as a middleware, which is what the
 * library offers for it: a second handler on a route makes every request of it slower.
 */
export function describe(description: Description, handler: Handler): Handler {
  return Object.assign(handler, { [uniqueSymbol]: { spec: toSpec(description) } })
}

function toSpec({
  summary,
  tag,
  body,
  query,
  headers,
  answers,
}: Description): DescribeRouteOptions {
  const problem = { $ref: '#/components/schemas/Problem' }
  const responses = Object.fromEntries(
    Object.entries(answers).map(([status, description]) => {
      const isProblem = Number(status) >= 400
      const content = isProblem ? { 'application/problem+json': { schema: problem } } : undefined
      return [status, content ? { description, content } : { description }]
    }),
  )
  return {
    summary,
    tags: [tag],
    responses,
    ...(query || headers ? { parameters: parametersOf(query, headers) } : {}),
    ...(body ? { requestBody: { required: true, content: jsonContent(body) } } : {}),
  }
}

function jsonContent(body: z.ZodType) {
  return { 'application/json': { schema: resolver(body) } }
}

function parametersOf(
  query: z.ZodObject | undefined,
  headers: Readonly<Record<string, string>> = {},
): NonNullable<DescribeRouteOptions['parameters']> {
  const inQuery = Object.entries(query?.shape ?? {}).map(([name, field]) => ({
    name,
    in: 'query' as const,
    required: !field.safeParse(undefined).success,
    schema: { type: 'string' as const },
  }))
  const inHeaders = Object.entries(headers).map(([name, description]) => ({
    name,
    in: 'header' as const,
    required: false,
    description,
    schema: { type: 'string' as const },
  }))
  return [...inQuery, ...inHeaders]
}

/** The parts of the document that belong to no single route. */
export function documentBase(version: string) {
  return {
    info: {
      title: 'pgsettle',
      version,
      description:
        'A trading venue on PostgreSQL. Amounts are decimal strings, ids are strings, times are ' +
        'RFC 3339 in UTC with microseconds. Every error is a problem document (RFC 9457).',
    },
    components: { schemas: { Problem: problemSchema } },
  }
}

const problemSchema = {
  type: 'object' as const,
  required: ['type', 'title', 'status', 'detail', 'code', 'request_id'],
  properties: {
    type: { type: 'string' as const },
    title: { type: 'string' as const },
    status: { type: 'integer' as const },
    detail: { type: 'string' as const },
    code: { type: 'string' as const, examples: ['PRICE_TICK'] },
    request_id: { type: 'string' as const },
    field: { type: 'string' as const },
    bound: { type: 'string' as const },
    order_id: { type: 'string' as const },
    fills: {
      type: 'array' as const,
      items: { type: 'object' as const },
      description: 'of ORDER_FILLED: the fills of the order',
    },
    cancelled: {
      type: ['object' as const, 'null' as const],
      description: 'of a replacement with ALLOW_FAILURE: the old order if it was cancelled',
    },
  },
}
