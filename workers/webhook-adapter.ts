import { z } from 'zod'
import { signMessage } from '../app/webhook-signatures.ts'
import type { Adapter, Answer, OutsideLeg } from './outside-adapter.ts'

export interface WebhookOptions {
  url: string
  secret: Uint8Array
}

/** The longest answer that is read. */
const mostBytes = 16_384

const AnswerBody = z.object({
  status: z.enum(['CONFIRMED', 'VOIDED', 'ACCEPTED']),
  reason: z.string().nullish(),
  reference: z.string().nullish(),
})

/**
 * Sends a leg as a signed POST; see README.md for what its receiver answers. Redirects are not
 * followed: the address is the one that the operator set, and no other.
 */
export function createWebhook({ url, secret }: WebhookOptions): Adapter {
  const key = Buffer.from(secret)
  return {
    name: 'webhook',
    async send(leg, signal) {
      const body = messageOf(leg)
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'manual',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'pgsettle',
          ...signMessage(key, leg.external_id, body, new Date()),
        },
        body,
        signal,
      })
      return answerOf(response.status, await readBounded(response))
    },
  }
}

function messageOf(leg: OutsideLeg): string {
  const { leg_id: _, adapter: __, ...facts } = leg
  return JSON.stringify({ type: 'outside_leg.send', ...facts })
}

/** Not now: 408, 425, 429 and all that says the receiver itself has failed. */
const passing = new Set([408, 425, 429])

export function answerOf(status: number, text: string): Answer {
  if (status >= 200 && status < 300) return taken(text)
  const outcome = status >= 500 || passing.has(status) ? 'RETRY' : 'REFUSED'
  return { outcome, reason: plainText(`HTTP ${status} ${text}`, 500), reference: null }
}

/** It was taken; an answer that says nothing, or nothing that is known, leaves the result open. */
function taken(text: string): Answer {
  const { data } = AnswerBody.safeParse(parseJson(text))
  if (data === undefined) return { outcome: 'ACCEPTED', reason: null, reference: null }
  return {
    outcome: data.status,
    reason: data.reason ? plainText(data.reason, 500) : null,
    reference: data.reference ? plainText(data.reference, 200) : null,
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What the receiver says is kept and shown: without what is no character, and not too long. */
function plainText(text: string, most: number): string {
  return text
    .replace(/[\p{Cc}\p{Cs}]+/gu, ' ')
    .trim()
    .slice(0, most)
}

async function readBounded({ body }: Response): Promise<string> {
  if (body === null) return ''
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > mostBytes) break
  }
  return Buffer.concat(chunks).subarray(0, mostBytes).toString()
}
