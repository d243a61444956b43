import { noon, type Queryable } from '../helpers/market.ts'

/** The time so many minutes (and seconds) behind noon. */
export const after = (minutes: number, seconds = 0): string =>
  new Date(Date.parse(noon) + (minutes * 60 + seconds) * 1000).toISOString()

/** A phase by an operator: until a time, and what is to follow. */
export async function setPhase(
  db: Queryable,
  phase: string,
  {
    now = noon,
    until = null,
    next = null,
    draw = null,
  }: { now?: string; until?: string | null; next?: string | null; draw?: string | null } = {},
): Promise<void> {
  const values = [phase, now, until, next, draw]
  await db.query("select matching.set_phase(1, $1, $2, 'OPERATOR', $3, $4, $5)", values)
}

/** Makes what is due by a time. */
export async function passTime(db: Queryable, now: string): Promise<void> {
  await db.query("select matching.execute_batch(1, $1, '{}')", [now])
}

/** phase next_phase, of the first symbol. */
export async function phaseOf(db: Queryable): Promise<string> {
  const [row] = await db.query<{ said: string }>(
    `select concat_ws(' ', phase, phase_next) as said
      from matching.symbol_state where symbol_id = 1`,
  )
  return row?.said ?? ''
}

/** The events behind a number, by kind. */
export const eventsAfter = (db: Queryable, seq: number) =>
  db.query(
    `select kind, order_id::text, side, trim_scale(price) as price,
        trim_scale(quantity) as quantity, trim_scale(remaining) as remaining,
        trim_scale(prior_price) as prior_price, trim_scale(prior_remaining) as prior_remaining,
        maker_order_id::text, trim_scale(maker_remaining) as maker_remaining, reason, phase,
        phase_end_at, at
      from matching.events where symbol_id = 1 and seq > $1 order by seq`,
    [seq],
  )

/** status end_reason filled of an order. */
export async function stateOf(db: Queryable, order_id: string | undefined): Promise<string> {
  const [row] = await db.query<{ said: string }>(
    `select concat_ws(' ', status, end_reason, trim_scale(filled_quantity)) as said
      from matching.orders where order_id = $1`,
    [order_id],
  )
  return row?.said ?? ''
}
