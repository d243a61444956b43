import { randomBytes } from 'node:crypto'
import { createServer, IncomingMessage, type Server, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { Problem, problemResponse } from './errors.ts'
import type { Env } from './routes/context.ts'

/** Every request passes the door, gets its id there, and is counted while it runs. */
export interface Door {
  readonly server: Server
  listen(port: number, host: string): Promise<{ port: number }>
  /** Takes nothing new, and waits for what runs, at most until the deadline. */
  shut(deadline: AbortSignal): Promise<void>
  /** Ends the connections: idle ones at once, the others when they are done or at the deadline. */
  clear(deadline: AbortSignal): Promise<void>
}

/** Longer than the proxies in front keep theirs, so that they never write into a closed one. */
const keepAliveMs = 75_000
const checkMs = 10

export function createDoor(app: Hono<Env>): Door {
  let isShut = false
  let running = 0

  const enter = (request: Request, env: object): Response | Promise<Response> => {
    const { incoming, outgoing } = nodeSides(env)
    const requestId = nameRequest(incoming)
    // On Node's own response, before anything is written: on the web Response it costs a copy.
    outgoing.setHeader('X-Request-Id', requestId)
    if (isShut) {
      outgoing.setHeader('Connection', 'close')
      return problemResponse(closing, requestId)
    }
    running += 1
    const leave = () => {
      running -= 1
    }
    const response = app.fetch(request, { incoming, outgoing, requestId })
    if (response instanceof Promise) return response.finally(leave)
    leave()
    return response
  }

  const listener = getRequestListener(enter, { errorHandler: refuseRequest })
  const server = createServer((incoming, outgoing) => void listener(incoming, outgoing))
  server.keepAliveTimeout = keepAliveMs
  server.headersTimeout = keepAliveMs + 1000

  return {
    server,
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, host, () => {
          server.off('error', reject)
          const address = server.address()
          resolve({ port: typeof address === 'object' && address ? address.port : port })
        })
      }),
    async shut(deadline) {
      isShut = true
      server.close()
      while (running > 0 && !deadline.aborted) await wait(checkMs)
    },
    async clear(deadline) {
      while ((await countConnections(server)) > 0 && !deadline.aborted) {
        server.closeIdleConnections()
        await wait(checkMs)
      }
      server.closeAllConnections()
    },
  }
}

const closing = new Problem(503, 'CLOSING', 'the service is shutting down', {
  retryAfterSeconds: 2,
})

/** The caller's id when it is a plain token, else one that no other process gives. */
function nameRequest(incoming: IncomingMessage): string {
  const given = incoming.headers['x-request-id']
  if (typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given)) return given
  requestCount += 1
  return `${processName}-${requestCount.toString(36)}`
}
const processName = randomBytes(5).toString('hex')
let requestCount = 0

/** A request that never reached the app: a target or a Host header that is none. */
function refuseRequest(): Response {
  requestCount += 1
  const requestId = `${processName}-${requestCount.toString(36)}`
  const problem = new Problem(
    400,
    'BAD_REQUEST',
    'the request line or its Host header is not valid',
  )
  const response = problemResponse(problem, requestId)
  response.headers.set('x-request-id', requestId)
  return response
}

function nodeSides(env: object): { incoming: IncomingMessage; outgoing: ServerResponse } {
  const incoming = 'incoming' in env ? env.incoming : undefined
  const outgoing = 'outgoing' in env ? env.outgoing : undefined
  if (incoming instanceof IncomingMessage && outgoing instanceof ServerResponse) {
    return { incoming, outgoing }
  }
  throw new Error('not a request of the HTTP/1.1 server')
}

function countConnections(server: Server): Promise<number> {
  return new Promise(resolve => {
    server.getConnections((error, count) => resolve(error ? 0 : count))
  })
}
