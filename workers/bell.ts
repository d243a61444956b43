import type pg from 'pg'
import { pause } from './thread.ts'

export interface Bell {
  /** Waits for a ring, for that long at most. A ring since the last wait ends this one at once. */
  wait(ms: number): Promise<void>
}

/** Hears a channel on the thread's own connection; a ring while it works is remembered. */
export async function openBell(
  client: pg.Client,
  channel: string,
  stopped: AbortSignal,
): Promise<Bell> {
  let ring = new AbortController()
  client.on('notification', () => ring.abort())
  client.on('end', () => ring.abort())
  await client.query(`listen ${channel}`)
  return {
    async wait(ms) {
      await pause(ms, AbortSignal.any([ring.signal, stopped]))
      ring = new AbortController()
    },
  }
}
