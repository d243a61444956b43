import { hostname } from 'node:os'
import pg from 'pg'
import { channels } from '../app/events/doorbell.ts'
import { openBell } from './bell.ts'
import type { Adapter, Answer, OutsideLeg } from './outside-adapter.ts'
import { openThread, withConnection } from './thread.ts'
import { createWebhook } from './webhook-adapter.ts'

/** What is due by the clock waits this long at most, and a ring that nobody heard costs as much. */
const pollMs = 1000
/** Legs that are sent at the same time. */
const atOnce = 16
/** What a receiver may take to answer. */
const requestMs = 10_000
/** How long a claim is this worker's own: for the longest request, and for reporting it. */
const leaseMs = 30_000

const thread = openThread()
const worker = `${hostname()} ${process.pid}`.slice(0, 100)
const adapters = new Map<string, Adapter>()
if (thread.webhook !== null) adapters.set('webhook', createWebhook(thread.webhook))
await withConnection(thread, sendDue)

interface Sent {
  leg: OutsideLeg
  answer: Answer
}

/**
 * Sends outside legs that are due and reports what became of each. A claim is committed before
 * anything is sent; killed at any line, another claims it when its lease is over, and sends it
 * again under the same external id.
 */
async function sendDue(client: pg.Client): Promise<void> {
  const { stopped } = thread
  const bell = await openBell(client, channels.settlements, stopped)
  while (!stopped.aborted) {
    // Later than this, the lease may be over before the answer is there.
    const sendBefore = performance.now() + leaseMs - requestMs
    const legs = await claim(client)
    const sending = new Map<string, Promise<Sent>>()
    for (const leg of legs) sending.set(leg.leg_id, attempt(leg, sendBefore))
    while (sending.size > 0) {
      const { leg, answer } = await Promise.race(sending.values())
      sending.delete(leg.leg_id)
      await report(client, leg, answer)
    }
    if (legs.length < atOnce) await bell.wait(pollMs)
  }
}

async function claim(client: pg.Client): Promise<OutsideLeg[]> {
  const { rows } = await client.query<OutsideLeg>(
    `select * from settlement.claim_outside_legs(
      $1, $2, $3, $4 * interval '1 millisecond', $5, clock_timestamp())`,
    [thread.segmentId, [...adapters.keys()], worker, leaseMs, atOnce],
  )
  return rows
}

/** One attempt. Whatever goes wrong, the leg may have left: it is tried again, or looked at. */
async function attempt(leg: OutsideLeg, sendBefore: number): Promise<Sent> {
  const adapter = adapters.get(leg.adapter)
  const signal = AbortSignal.any([thread.stopped, AbortSignal.timeout(requestMs)])
  try {
    if (adapter === undefined) throw new Error(`there is no adapter ${leg.adapter}`)
    // This thread was frozen after its claim: by now another may have the leg.
    if (performance.now() > sendBefore) throw new Error('the lease was too short')
    return { leg, answer: await adapter.send(leg, signal) }
  } catch (error) {
    thread.log.debug({ err: error, legId: leg.leg_id }, 'outside leg not sent, or not answered')
    return { leg, answer: { outcome: 'RETRY', reason: reasonOf(error), reference: null } }
  }
}

function reasonOf(error: unknown): string {
  if (thread.stopped.aborted) return 'the worker stopped'
  if (!(error instanceof Error)) return 'failed'
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return `${error.message}${cause}`.slice(0, 500)
}

async function report(client: pg.Client, leg: OutsideLeg, { outcome, ...said }: Answer) {
  const facts = { legId: leg.leg_id, attempt: leg.attempt, outcome, reason: said.reason }
  try {
    const { rows } = await client.query<{ status: string }>(
      `select settlement.report_outside_leg($1, $2, $3, $4, $5, $6, clock_timestamp()) as status`,
      [thread.segmentId, leg.leg_id, leg.token, outcome, said.reason, said.reference],
    )
    const status = rows[0]?.status
    const isEnd = outcome === 'CONFIRMED' || outcome === 'VOIDED'
    if (isEnd && status !== outcome) thread.log.error({ ...facts, status }, 'outside leg disputed')
    else if (status === 'FAILED') thread.log.error(facts, 'outside leg put aside')
    else thread.log.info(facts, 'outside leg sent')
    if (isEnd) await client.query(`notify ${channels.events}`)
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== 'STTOK') throw error
    thread.log.warn(facts, 'outside leg answered too late: another worker has it')
  }
}
