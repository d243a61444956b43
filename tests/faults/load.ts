import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { randomNumbers, seed } from '../helpers/seed.ts'

export const Reply = z.looseObject({
  order_id: z.string().optional(),
  idempotency_key: z.string().nullish(),
  code: z.string().optional(),
})
type Reply = z.infer<typeof Reply>

type Body = Record<string, string>

/** What became of each order that was sent, by its key. */
export interface Outcomes {
  /** Answered 201: done, whatever happens later. */
  acknowledged: Map<string, { body: Body; reply: Reply }>
  /** Nobody knows, unless the same key is sent again: no answer, or one that says so. */
  unknown: Map<string, Body>
  /** Answered that nothing was done. */
  denied: Map<string, string>
  /** Anything else: there must be none. */
  odd: string[]
}

export interface Load extends Outcomes {
  /** Resolves when so many orders more have been acknowledged. */
  untilAcknowledged(more: number): Promise<void>
  stop(): Promise<void>
}

const clients = 8
/** Answers after which nothing was done. */
const deniedCodes = ['DATABASE_UNAVAILABLE', 'QUEUE_FULL', 'BUSY', 'CLOSING']

/**
 * Eight clients that trade with each other as fast as they are answered, every order with a key of
 * its own. They keep trying whatever happens, at the address that `url` says then.
 */
export function startLoad(url: () => string, name: string): Load {
  const outcomes: Outcomes = {
    acknowledged: new Map(),
    unknown: new Map(),
    denied: new Map(),
    odd: [],
  }
  const stopped = new AbortController()
  const random = randomNumbers(seed)
  let count = 0

  async function trade(client: number): Promise<void> {
    while (!stopped.signal.aborted) {
      const key = `${name}-${count++}`
      const body = {
        idempotency_key: key,
        client_id: client % 2 === 0 ? 'client-A' : 'client-B',
        symbol: 'BTC-USD',
        side: client % 2 === 0 ? 'BUY' : 'SELL',
        type: 'LIMIT',
        price: String(100 + Math.floor(random() * 3)),
        quantity: `0.0${1 + Math.floor(random() * 9)}`,
      }
      const isFine = await note(outcomes, key, body, send(url(), body))
      if (!isFine) await pause(20)
    }
  }

  const work = Promise.all(Array.from({ length: clients }, (_, n) => trade(n)))
  return {
    ...outcomes,
    async untilAcknowledged(more) {
      const enough = outcomes.acknowledged.size + more
      const deadline = Date.now() + 30_000
      while (outcomes.acknowledged.size < enough) {
        if (Date.now() > deadline) throw new Error('nothing is acknowledged any more')
        await pause(5)
      }
    },
    async stop() {
      stopped.abort()
      await work
    },
  }
}

/** Sends an order. Rejects when no answer came. */
export async function send(url: string, body: Body): Promise<{ status: number; reply: Reply }> {
  const answer = await fetch(`${url}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  })
  return { status: answer.status, reply: Reply.parse(await answer.json()) }
}

async function note(
  outcomes: Outcomes,
  key: string,
  body: Body,
  sent: ReturnType<typeof send>,
): Promise<boolean> {
  try {
    const { status, reply } = await sent
    const code = reply.code ?? ''
    if (status === 201) outcomes.acknowledged.set(key, { body, reply })
    else if (deniedCodes.includes(code)) outcomes.denied.set(key, code)
    else if (code === 'UNKNOWN_OUTCOME') outcomes.unknown.set(key, body)
    else outcomes.odd.push(`${status} ${JSON.stringify(reply)}`)
    return status === 201
  } catch {
    outcomes.unknown.set(key, body)
    return false
  }
}
