import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { z } from 'zod'

/**
 * How a receiver takes what it has not seen before. CONFIRM, VOID: it is done, or will not be, and
 * the answer says so. ACCEPT: the result comes later. DROP: done, and the connection is cut before
 * the answer. HOLD: done, and the answer waits for `release`. FAIL: 500; FAIL_DONE: 500, although
 * it is done. REFUSE: 422. REDIRECT: 307 to the receiver itself.
 */
export type Manner =
  | 'CONFIRM'
  | 'VOID'
  | 'ACCEPT'
  | 'DROP'
  | 'HOLD'
  | 'FAIL'
  | 'FAIL_DONE'
  | 'REFUSE'
  | 'REDIRECT'

const Message = z.strictObject({
  type: z.literal('outside_leg.send'),
  external_id: z.uuid(),
  kind: z.enum(['WITHDRAWAL', 'DELIVERY', 'PAYMENT']),
  withdrawal_id: z.string().nullable(),
  settlement_id: z.string().nullable(),
  from_client_id: z.string(),
  to_client_id: z.string(),
  asset: z.string(),
  amount: z.string(),
  token: z.string(),
  attempt: z.number(),
})
export type Message = z.infer<typeof Message>

interface ResultFacts {
  secret: Buffer
  at?: Date
  type?: string
  reference?: string
}

export interface Receiver {
  url: string
  /** As OUTSIDE_WEBHOOK_SECRET has it. */
  secretText: string
  secret: Buffer
  /** All that came with a good signature, in order. */
  messages: Message[]
  /** How many came without one. */
  unsigned(): number
  /** What it has done, by external id: each once, however often it was told. */
  results: Map<string, { status: 'CONFIRMED' | 'VOIDED' | 'ACCEPTED'; amount: string }>
  /** How it takes what comes next, one each; then again as it was made. */
  next(...manners: Manner[]): void
  /** Answers all that wait. */
  release(): void
  /** The headers and the body of a result that it sends to the venue. */
  result(
    externalId: string,
    status: string,
    more?: Partial<ResultFacts>,
  ): { body: string; headers: Record<string, string> }
}

/** A bank, as far as the venue can tell: verifies signatures, does what it is told once an id. */
export async function startReceiver(t: Test, usual: Manner = 'CONFIRM'): Promise<Receiver> {
  const secret = Buffer.from('a secret of a bank, 32 bytes long')
  const messages: Message[] = []
  const results: Receiver['results'] = new Map()
  const manners: Manner[] = []
  const waiting: (() => void)[] = []
  let unsigned = 0

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await textOf(request)
    if (!isGood(secret, request, body)) {
      unsigned += 1
      answer(response, 401, { error: 'not signed' })
      return
    }
    const message = Message.parse(JSON.parse(body))
    messages.push(message)
    const known = results.get(message.external_id)
    if (known === undefined) treat(manners.shift() ?? usual, message, response)
    else answer(response, 200, { status: known.status })
  }

  /** Something new: what is done is done before it is answered. */
  function treat(manner: Manner, { external_id, amount }: Message, response: ServerResponse): void {
    const status = statuses[manner]
    if (status !== undefined) results.set(external_id, { status, amount })
    const tell = () => answer(response, 200, { status, reference: `wire ${results.size}` })
    if (manner === 'DROP') response.socket?.destroy()
    else if (manner === 'FAIL' || manner === 'FAIL_DONE') answer(response, 500, { error: 'down' })
    else if (manner === 'REFUSE') answer(response, 422, { error: 'no such account' })
    else if (manner === 'REDIRECT') response.writeHead(307, { location: '/' }).end()
    else if (manner === 'HOLD') waiting.push(tell)
    else tell()
  }

  const server = createServer((request, response) => {
    take(request, response).catch(error => answer(response, 400, { error: String(error) }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${portOf(server.address())}/legs`,
    secretText: `whsec_${secret.toString('base64')}`,
    secret,
    messages,
    unsigned: () => unsigned,
    results,
    next: (...next) => void manners.push(...next),
    release: () => {
      for (const tell of waiting.splice(0)) tell()
    },
    result: (externalId, status, more) => resultOf(externalId, status, { secret, ...more }),
  }
}

/** What becomes of something new, by the manner; nothing, where none is said. */
const statuses: Partial<Record<Manner, 'CONFIRMED' | 'VOIDED' | 'ACCEPTED'>> = {
  CONFIRM: 'CONFIRMED',
  VOID: 'VOIDED',
  ACCEPT: 'ACCEPTED',
  DROP: 'CONFIRMED',
  HOLD: 'CONFIRMED',
  FAIL_DONE: 'CONFIRMED',
}

function resultOf(
  externalId: string,
  status: string,
  { at = new Date(), secret, type = 'outside_leg.result', ...facts }: ResultFacts,
): { body: string; headers: Record<string, string> } {
  const body = JSON.stringify({ type, external_id: externalId, status, ...facts })
  const timestamp = String(Math.floor(at.getTime() / 1000))
  const id = `m-${externalId}`
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${sign(secret, id, timestamp, body)}`,
  }
  return { body, headers }
}

/** Its own, not the venue's: what both get wrong would not be found. */
function sign(secret: Buffer, id: string, timestamp: string, body: string): string {
  return createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')
}

function isGood(secret: Buffer, { headers }: IncomingMessage, body: string): boolean {
  const timestamp = String(headers['webhook-timestamp'])
  const wanted = `v1,${sign(secret, String(headers['webhook-id']), timestamp, body)}`
  const isOfNow = Math.abs(Date.now() / 1000 - Number(timestamp)) < 300
  return isOfNow && headers['webhook-signature'] === wanted
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString()
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
