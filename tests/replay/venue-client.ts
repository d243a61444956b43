import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'

/** The public HTTP API of a running service, over one connection that is kept. */
export interface VenueClient {
  readonly url: URL
  /**
   * Sends a request that may be sent again without harm, and does so while the service does not
   * answer or says "not now", until the patience is over.
   */
  send(method: string, path: string, body?: unknown, key?: string): Promise<Answer>
  /** Waits before something is tried again. Throws when the patience is over since `sinceMs`. */
  pause(sinceMs: number, why: string): Promise<void>
  /** How often something had to be sent again. */
  repeats(): number
  close(): void
}

export interface Answer {
  readonly status: number
  readonly json: unknown
}

/** How long after the first failure something is tried again: a service restarts in less. */
export const defaultPatienceMs = 30_000
const repeatAfterMs = 200
const answerMs = 30_000

export function createVenueClient(
  url: string,
  { patienceMs = defaultPatienceMs, signal }: { patienceMs?: number; signal?: AbortSignal } = {},
): VenueClient {
  const base = new URL(url)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  let repeats = 0

  async function pause(sinceMs: number, why: string): Promise<void> {
    if (performance.now() - sinceMs >= patienceMs) {
      throw new Error(`gave up after ${patienceMs / 1000} s: ${why}`)
    }
    repeats += 1
    await wait(repeatAfterMs)
    signal?.throwIfAborted()
  }

  return {
    url: base,
    pause,
    async send(method, path, body, key) {
      const sinceMs = performance.now()
      for (;;) {
        signal?.throwIfAborted()
        const answer = await exchange(agent, new URL(path, base), method, body, key)
        if (typeof answer !== 'string' && !isNotNow(answer.status)) return answer
        const why = typeof answer === 'string' ? answer : JSON.stringify(answer.json)
        await pause(sinceMs, `${method} ${path}: ${why}`)
      }
    },
    repeats: () => repeats,
    close: () => agent.destroy(),
  }
}

/** Answers that say: nothing is wrong with the request, send it again later. */
export function isNotNow(status: number): boolean {
  return status === 503 || status === 429
}

/** One request and its answer, or why none came. */
function exchange(
  agent: Agent,
  url: URL,
  method: string,
  body: unknown,
  key: string | undefined,
): Promise<Answer | string> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const headers = {
    ...(text !== undefined && {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    }),
    ...(key !== undefined && { 'idempotency-key': key }),
  }
  return new Promise(resolve => {
    const sent: ClientRequest = request(url, { agent, method, headers }, incoming => {
      readJson(incoming).then(
        json => resolve({ status: incoming.statusCode ?? 0, json }),
        error => resolve(String(error)),
      )
    })
    sent.setTimeout(answerMs, () => sent.destroy(new Error('no answer')))
    sent.on('error', error => resolve(error.message || error.name))
    sent.end(text)
  })
}

async function readJson(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  return text === '' ? undefined : JSON.parse(text)
}
