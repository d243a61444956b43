import type { Logger } from 'pino'

/** What a problem document may say besides status, code and detail. */
export interface ProblemFacts {
  readonly field?: string | undefined
  readonly bound?: string | undefined
  readonly orderId?: string | undefined
  /** Of an order that cannot be cancelled because it is filled. */
  readonly fills?: readonly object[] | undefined
  readonly retryAfterSeconds?: number | undefined
  /** What was done all the same: the order that was cancelled, or null when none was. */
  readonly cancelled?: object | null | undefined
}

/** An answer that is an error: thrown anywhere behind a route, it becomes a problem document. */
export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly facts: ProblemFacts

  constructor(status: number, code: string, detail: string, facts: ProblemFacts = {}) {
    super(detail)
    this.name = 'Problem'
    this.status = status
    this.code = code
    this.facts = facts
  }
}

/**
 * The connection to the database failed. When the statement was already sent, nobody knows whether
 * it was committed: that is an outcome of its own, which a client resolves by its key.
 */
export class LostConnection extends Error {
  readonly isSent: boolean

  constructor(isSent: boolean, cause: unknown) {
    super(isSent ? 'connection lost during a statement' : 'no connection', { cause })
    this.name = 'LostConnection'
    this.isSent = isSent
  }
}

/** What our SQL raises, by the first two letters of the SQLSTATE. */
const statusByClass: Readonly<Record<string, number>> = {
  IV: 400,
  NF: 404,
  ST: 409,
  RJ: 422,
  LK: 503,
  NV: 500,
}

/** The code word of an SQLSTATE whose error carries none, by state or else by class. */
const wordByState: Readonly<Record<string, string>> = {
  NFSYM: 'UNKNOWN_SYMBOL',
  NFPAR: 'UNKNOWN_PARTICIPANT',
  NFORD: 'UNKNOWN_ORDER',
  NFINS: 'UNKNOWN_SETTLEMENT',
  NFAST: 'UNKNOWN_ASSET',
  NFWDR: 'UNKNOWN_WITHDRAWAL',
  NFLEG: 'UNKNOWN_OUTSIDE_LEG',
  STPAR: 'PARTICIPANT_EXISTS',
  STSYM: 'SYMBOL_EXISTS',
  STAST: 'ASSET_EXISTS',
  STFIL: 'ORDER_FILLED',
  RJKEY: 'KEY_REUSED',
  RJATM: 'BATCH_ROLLED_BACK',
  IV: 'INVALID_ARGUMENT',
  NF: 'NOT_FOUND',
  ST: 'WRONG_STATE',
  RJ: 'REFUSED',
  LK: 'BUSY',
}

/** Postgres's own ways to say: not now. Nothing was done; the same request may come again. */
const passing = new Set(['40001', '40P01', '53200', '53300', '55P03', '57014'])

const unavailable = 'the database does not answer at the moment; nothing was done'
const unknownOutcome =
  'the connection was lost before the answer came, so the outcome is not known; send the same ' +
  'request again with the same idempotency key, which answers with the first outcome'
const busy = 'the database is busy with conflicting work; nothing was done'
const failed = 'the service failed; its log has the cause under this request id'

/** An error that PostgreSQL reported, by its SQLSTATE. */
export interface SqlError {
  readonly state: string
  readonly severity: string
  readonly message: string
  readonly detail: string | undefined
  readonly hint: string | undefined
  readonly column: string | undefined
}

/** The error as PostgreSQL's, or undefined when it is not one. */
export function sqlErrorOf(error: unknown): SqlError | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('severity' in error)) return undefined
  if (typeof error.code !== 'string' || typeof error.severity !== 'string') return undefined
  return {
    state: error.code,
    severity: error.severity,
    message: error.message,
    detail: 'detail' in error ? textOf(error.detail) : undefined,
    hint: 'hint' in error ? textOf(error.hint) : undefined,
    column: 'column' in error ? textOf(error.column) : undefined,
  }
}

/** Whether a failed statement took its connection with it, and so perhaps its answer. */
export function isConnectionFailure(error: unknown): boolean {
  const sql = sqlErrorOf(error)
  if (!sql) return true
  return sql.severity !== 'ERROR' || /^(08|57P)/.test(sql.state)
}

/** The problem that a client is told. Never passes on the text of an error that is not ours. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof LostConnection) {
    return error.isSent
      ? new Problem(503, 'UNKNOWN_OUTCOME', unknownOutcome, { retryAfterSeconds: 1 })
      : new Problem(503, 'DATABASE_UNAVAILABLE', unavailable, { retryAfterSeconds: 1 })
  }
  const sql = sqlErrorOf(error)
  if (sql && passing.has(sql.state)) return new Problem(503, 'BUSY', busy, { retryAfterSeconds: 1 })
  const status = sql && statusByClass[sql.state.slice(0, 2)]
  if (!sql || !status || status === 500) return new Problem(500, 'INTERNAL', failed)
  const detail = sql.detail === undefined ? sql.message : `${sql.message}: ${sql.detail}`
  return refusal(sql.state, sql.hint, detail, { field: sql.column })
}

/**
 * The problem of an error that ends a request, logged once, with its cause if we failed. What is
 * logged as fatal has to reach a person at once.
 */
export function logProblem(error: unknown, log: Logger, requestId: string): Problem {
  const problem = toProblem(error)
  const { status, code } = problem
  if (isBroken(error)) log.fatal({ requestId, err: error }, 'invariant broken')
  else if (status === 500) log.error({ requestId, err: error }, 'request failed')
  else if (status === 503) log.warn({ requestId, code, err: error }, 'request not served')
  else log.debug({ requestId, status, code }, 'request refused')
  return problem
}

/** Whether our SQL found something that can never be: whoever looks after the venue is called. */
function isBroken(error: unknown): boolean {
  return sqlErrorOf(error)?.state.startsWith('NV') === true
}

/** The problem of a command that SQL refused in its result row rather than by an exception. */
export function refusal(
  state: string,
  code: string | null | undefined,
  detail: string | null,
  facts: ProblemFacts,
): Problem {
  const group = state.slice(0, 2)
  const status = statusByClass[group] ?? 500
  if (status === 500) return new Problem(500, 'INTERNAL', failed)
  const word = code || wordByState[state] || wordByState[group] || 'REFUSED'
  const retry = status === 503 ? { retryAfterSeconds: 1 } : {}
  return new Problem(status, word, detail ?? titleOf(word), { ...facts, ...retry })
}

/** The members of a problem document, RFC 9457. */
export function problemDocument(problem: Problem, requestId: string): Record<string, unknown> {
  const { field, bound, orderId, fills, cancelled } = problem.facts
  return {
    type: `urn:pgsettle:problem:${problem.code.toLowerCase().replaceAll('_', '-')}`,
    title: titleOf(problem.code),
    status: problem.status,
    detail: problem.message,
    code: problem.code,
    request_id: requestId,
    ...(field === undefined ? {} : { field }),
    ...(bound === undefined ? {} : { bound }),
    ...(orderId === undefined ? {} : { order_id: orderId }),
    ...(fills === undefined ? {} : { fills }),
    ...(cancelled === undefined ? {} : { cancelled }),
  }
}

export function problemResponse(problem: Problem, requestId: string): Response {
  const retryAfter = problem.facts.retryAfterSeconds
  return new Response(JSON.stringify(problemDocument(problem, requestId)), {
    status: problem.status,
    headers: {
      'content-type': 'application/problem+json',
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    },
  })
}

/** LOT_SIZE is titled "Lot size". */
function titleOf(code: string): string {
  const words = code.toLowerCase().replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
