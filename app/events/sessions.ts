import type { ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { Calls } from '../calls.ts'

/**
 * Sessions of participants whose orders are to be cancelled when the session is lost. The database
 * has the time when that happens, and each session puts it off while its stream is open; so it
 * happens also when this process is gone.
 */
export interface Sessions {
  /**
   * Begins a session, or takes one of that name over, which lasts as long as the stream. Tells the
   * stream that it is armed, and when it no longer is.
   */
  open(outgoing: ServerResponse, session: Session): Promise<void>
  /** Resolves when the database knows of all streams that are gone. */
  settled(): Promise<void>
}

export interface Session {
  clientId: string
  sessionId: string
  /** How long after the loss of the stream its participant's orders stand. */
  graceSeconds: number
}

export interface SessionsOptions {
  calls: Pick<Calls, 'openSession' | 'renewSessions'>
  log: Logger
  clock: () => Date
  renewMs?: number
  /** How far ahead of the grace time a renewal reaches: more than the next one is away. */
  leadMs?: number
}

/** A peer that is gone without a word is noticed in some 10 s: a probe a second, ten of them. */
const probeMs = 1000

export function createSessions(options: SessionsOptions): Sessions {
  const { calls, log, clock, renewMs = 200, leadMs = 700 } = options
  const streams = new Map<ServerResponse, Session>()
  const leaving = new Set<Promise<void>>()
  let isRenewing = false

  const timeOf = ({ clientId, sessionId, graceSeconds }: Session, moreMs: number) => {
    const cancelAt = new Date(clock().getTime() + graceSeconds * 1000 + moreMs)
    return { clientId, sessionId, cancelAt }
  }

  async function renew(): Promise<void> {
    const asked = [...streams]
    const rows = await calls.renewSessions(asked.map(([, session]) => timeOf(session, leadMs)))
    const open = new Set(rows.map(row => nameOf(row.client_id, row.session_id)))
    for (const [outgoing, session] of asked) {
      if (open.has(nameOf(session.clientId, session.sessionId))) continue
      if (streams.delete(outgoing)) tell(outgoing, session, false)
    }
  }

  /** One after the other, while there are sessions: a slow renewal is not overtaken. */
  async function keepRenewing(): Promise<void> {
    if (isRenewing) return
    isRenewing = true
    while (streams.size > 0) {
      await new Promise(resolve => setTimeout(resolve, renewMs))
      if (streams.size === 0) break
      await renew().catch(error => log.warn({ err: error }, 'cannot renew the sessions'))
    }
    isRenewing = false
  }

  /** From now on it is the grace time alone. */
  function leave(session: Session): void {
    const left = calls.renewSessions([timeOf(session, 0)]).then(
      () => {},
      error => log.warn({ err: error }, 'cannot tell that a stream is gone'),
    )
    leaving.add(left)
    left.finally(() => leaving.delete(left)).catch(() => {})
  }

  return {
    async open(outgoing, session) {
      outgoing.socket?.setKeepAlive(true, probeMs)
      await calls.openSession(timeOf(session, leadMs))
      if (outgoing.writableEnded || outgoing.destroyed) return leave(session)
      streams.set(outgoing, session)
      outgoing.once('close', () => {
        if (streams.delete(outgoing)) leave(session)
      })
      tell(outgoing, session, true)
      void keepRenewing()
    },
    async settled() {
      await Promise.all(leaving)
    },
  }
}

function nameOf(clientId: string, sessionId: string): string {
  return `${clientId} ${sessionId}`
}

/** A message without an id: it is about this stream, and not for one that resumes. */
function tell(outgoing: ServerResponse, session: Session, armed: boolean): void {
  if (outgoing.writableEnded || outgoing.destroyed) return
  const { clientId: client_id, sessionId: session_id, graceSeconds: grace_seconds } = session
  const data = JSON.stringify({ client_id, session_id, grace_seconds, armed })
  outgoing.write(`event: session\ndata: ${data}\n\n`)
}
