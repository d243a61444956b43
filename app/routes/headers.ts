import { Problem } from '../errors.ts'
import type { RequestContext } from './context.ts'
import { isTime, keyRule, keyShape } from './fields.ts'

/** What a request says in its headers beside its body. */

export const keyHeader = {
  'Idempotency-Key':
    'in place of idempotency_key: a repeat of the key answers with the first answer',
}
export const batchKeyHeader = {
  'Idempotency-Key': 'makes the key KEY:N of each entry without one of its own, from KEY:0 on',
}
export const deadlineHeader = {
  'X-Deadline': 'in place of deadline: past this time the request is refused, EXPIRED_REQUEST',
}
export const preferHeader = {
  Prefer: 'respond-async: answers 202 when the order is kept, and matches it later',
}

/** The caller's key from the header or the body, which must agree where both are given. */
export function keyOf(c: RequestContext, inBody: string | null | undefined): string | null {
  return either(c, inBody, {
    header: 'Idempotency-Key',
    field: 'idempotency_key',
    isGood: text => keyShape.test(text),
    rule: keyRule,
  })
}

/** The moment after which the caller does not want it done, from the header or the body. */
export function deadlineOf(
  c: RequestContext,
  inBody: string | null | undefined,
): string | undefined {
  const deadline = either(c, inBody, {
    header: 'X-Deadline',
    field: 'deadline',
    isGood: isTime,
    rule: 'is not a time such as 2026-01-31T12:00:00Z',
  })
  return deadline ?? undefined
}

/** Whether the caller rather has the answer before the order is matched (RFC 7240). */
export function prefersAsync(c: RequestContext): boolean {
  const { prefer } = c.env.incoming.headers
  if (typeof prefer !== 'string') return false
  return prefer.split(',').some(one => /^\s*respond-async\s*(;|$)/i.test(one))
}

interface Twofold {
  header: string
  field: string
  isGood(text: string): boolean
  rule: string
}

function either(
  c: RequestContext,
  inBody: string | null | undefined,
  { header, field, isGood, rule }: Twofold,
): string | null {
  const inHeader = c.env.incoming.headers[header.toLowerCase()]
  if (typeof inHeader !== 'string') return inBody ?? null
  if (!isGood(inHeader)) {
    throw new Problem(400, 'INVALID_FIELD', `the ${header} header ${rule}`, { field })
  }
  if (typeof inBody === 'string' && inBody !== inHeader) {
    const detail = `${field} and the ${header} header differ`
    throw new Problem(400, 'INVALID_FIELD', detail, { field })
  }
  return inHeader
}
