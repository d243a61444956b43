import type { Test } from 'tap'
import { type TestDatabase, testDatabase } from './database.ts'
import { createMarket, noon, type Queryable } from './market.ts'
import { openSession, type Session } from './session.ts'

/** A row of v_outside_legs. */
export interface LegRow {
  leg_id: string
  status: string
  external_id: string
  withdrawal_id: string | null
  attempts: number
  token: string
  next_attempt_at: Date | null
  leased_until: Date | null
  reason: string | null
  reference: string | null
  ended_by: string | null
  disputed_at: Date | null
}

/** What a worker is given to send. */
export interface Claim {
  leg_id: string
  token: string
  attempt: number
  adapter: string
  external_id: string
  kind: string
  withdrawal_id: string | null
  settlement_id: string | null
  from_client_id: string
  to_client_id: string
  asset: string
  amount: string
}

export interface OutsideVenue {
  db: TestDatabase
  worker: Session
  app: Session
  operator: Session
}

/** A venue whose dollars leave through the adapter `webhook`; each role has its own session. */
export async function outsideVenue(t: Test, now: string = noon): Promise<OutsideVenue> {
  const db = await testDatabase(t)
  const traders = { alice: { USD: '100', BTC: '1' }, bob: { USD: '100' } }
  await createMarket(db, { traders, now })
  const operator = await openSession(t, db.url)
  await operator.query('set role pgsettle_operator')
  await operator.query("select set_outside_asset('USD', 'webhook', '1 hour')")
  const worker = await openSession(t, db.workerUrl)
  return { db, operator, worker, app: await openSession(t, db.appUrl) }
}

/** Asks for a withdrawal of dollars and has it approved: ann asks, bea approves. Its id. */
export async function letGo(
  app: Queryable,
  { client = 'alice', amount = '40', key = 'first', now = noon } = {},
): Promise<string> {
  const ask = "select * from api.request_withdrawal(1, $1, 'USD', $2, $3, 'ann', $4)"
  const [asked] = await app.query<{ withdrawal_id: string }>(ask, [client, amount, key, now])
  const id = asked?.withdrawal_id ?? ''
  await app.query("select * from api.approve_withdrawal(1, $1, 'bea', $2)", [id, now])
  return id
}

export const claim = (
  worker: Queryable,
  { now = noon, limit = 10, name = 'one', lease = '30 seconds' } = {},
): Promise<Claim[]> => {
  const text = "select * from settlement.claim_outside_legs(1, '{webhook}', $1, $2, $3, $4)"
  return worker.query<Claim & Record<string, unknown>>(text, [name, lease, limit, now])
}

/** What a worker says became of a claim; resolves to the status that stands. */
export async function report(
  worker: Queryable,
  { leg_id, token }: Pick<Claim, 'leg_id' | 'token'>,
  outcome: string,
  { reason = null, reference = null, now = noon }: Said = {},
): Promise<string> {
  const text = 'select settlement.report_outside_leg(1, $1, $2, $3, $4, $5, $6) as status'
  const values = [leg_id, token, outcome, reason, reference, now]
  const [row] = await worker.query<{ status: string }>(text, values)
  return row?.status ?? ''
}

/** What the receiver says by itself; resolves to the status that stands. */
export async function answer(
  app: Queryable,
  externalId: string | undefined,
  outcome: string,
  { reason = null, reference = null, now = noon }: Said = {},
): Promise<string> {
  const text = 'select api.answer_outside_leg(1, $1, $2, $3, $4, $5) as status'
  const values = [externalId, outcome, reason, reference, now]
  const [row] = await app.query<{ status: string }>(text, values)
  return row?.status ?? ''
}

interface Said {
  reason?: string | null
  reference?: string | null
  now?: string
}

export const legs = (db: Queryable): Promise<LegRow[]> =>
  db.query<LegRow & Record<string, unknown>>('select * from v_outside_legs order by leg_id')

export const seconds = (count: number, from: string = noon) =>
  new Date(Date.parse(from) + count * 1000).toISOString()
