import type { Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { createMarket, type Queryable } from '../helpers/market.ts'

/** Morning of a Monday. */
export const monday = '2026-03-02T09:00:00Z'

export interface Instructed {
  seller?: string
  buyer?: string
  quantity?: string
  amount?: string
  value_date?: string | null
  priority?: number
  now?: string
}

export interface WaitingMarket {
  db: TestDatabase
  /** Takes in an instruction: bob delivers to alice where it does not say. Returns its id. */
  instruct(more?: Instructed): Promise<string>
  /** One pass over what has conditions. */
  pass(now?: string): Promise<{ claimed: number; settled: number; put_aside: number }>
  /** `STATUS REASON settled` of instructions. */
  states(...ids: string[]): Promise<string[]>
}

/** A market whose participants have so much, and instructions of BTC-USD that no trade made. */
export async function waitingMarket(
  t: Test,
  traders: Record<string, Record<string, string>>,
  options: Record<string, string> = {},
): Promise<WaitingMarket> {
  const db = await testDatabase(t)
  const plain = { lot: '1', tick: '0.01', quote_decimals: '2' }
  const symbols = { 'BTC-USD': { ...plain, ...options }, 'ETH-USD': plain }
  await createMarket(db, { now: monday, symbols, traders })
  return {
    db,
    async instruct(more = {}) {
      const [row] = await db.query<{ id: string }>(
        "select ops.instruct('BTC-USD', $1, $2, $3, $4, $5, $6, 1, $7) as id",
        [
          more.seller ?? 'bob',
          more.buyer ?? 'alice',
          more.quantity ?? '1',
          more.amount ?? '100',
          more.value_date ?? null,
          more.priority ?? 4,
          more.now ?? monday,
        ],
      )
      return row?.id ?? ''
    },
    async pass(now = monday) {
      const [row] = await db.query('select * from settlement.settle_waiting(1, $1, 500)', [now])
      return { claimed: 0, settled: 0, put_aside: 0, ...row }
    },
    states: (...ids) => states(db, ids),
  }
}

async function states(db: Queryable, ids: string[]): Promise<string[]> {
  const rows = await db.query(
    `select concat_ws(' ', i.status, i.reason, (
        select trim_scale(sum(p.quantity))
        from settlement.parts as p
        where p.instruction_id = i.instruction_id
      )) as state
    from unnest($1::bigint[]) with ordinality as w (id, n)
    join settlement.instructions as i on i.instruction_id = w.id
    order by w.n`,
    [ids],
  )
  return rows.map(row => row.state)
}
