import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * Signatures of messages between the venue and who settles outside it, by Standard Webhooks
 * (https://www.standardwebhooks.com): HMAC-SHA256 over the id, the time and the body. Both sides
 * have the secret; a message says in its body which way it goes, so that none can be sent back.
 */
export interface SignatureHeaders {
  'webhook-id': string
  /** Seconds since 1970. */
  'webhook-timestamp': string
  /** `v1,` and the signature in base64; several, while a secret is being changed. */
  'webhook-signature': string
}

/** How old, or how far ahead, the time of a message may be. */
const toleranceSeconds = 300
/** More signatures than that on one message are not looked at. */
const mostSignatures = 8

/** The secret's bytes, or null when it is not `whsec_` and 24 to 64 bytes in base64. */
export function readSecret(text: string): Buffer | null {
  const [, encoded = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? []
  const secret = Buffer.from(encoded, 'base64')
  return secret.length >= 24 && secret.length <= 64 ? secret : null
}

/** The headers of a message that is sent at that time. */
export function signMessage(secret: Buffer, id: string, body: string, at: Date): SignatureHeaders {
  const timestamp = String(Math.floor(at.getTime() / 1000))
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature(secret, id, timestamp, body).toString('base64')}`,
  }
}

/** Whether who has the secret signed this body, at a time that is about now. */
export function isSigned(
  secret: Buffer,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: string,
  now: Date,
): boolean {
  const id = headers['webhook-id']
  const timestamp = headers['webhook-timestamp']
  const signatures = headers['webhook-signature']
  if (typeof id !== 'string' || typeof timestamp !== 'string') return false
  if (typeof signatures !== 'string' || !/^\d{1,12}$/.test(timestamp)) return false
  if (Math.abs(now.getTime() / 1000 - Number(timestamp)) > toleranceSeconds) return false

  const wanted = signature(secret, id, timestamp, body)
  const given = signatures.split(' ', mostSignatures).map(readSignature)
  // Each is compared to its end: the time it takes says nothing of where one differs.
  return given
    .map(one => one.length === wanted.length && timingSafeEqual(one, wanted))
    .includes(true)
}

function readSignature(text: string): Buffer {
  return text.startsWith('v1,') ? Buffer.from(text.slice(3), 'base64') : Buffer.alloc(0)
}

function signature(secret: Buffer, id: string, timestamp: string, body: string): Buffer {
  return createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest()
}
