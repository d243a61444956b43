import { setTimeout as pause } from 'node:timers/promises'
import { audit, buy, createMarket, execute, type Queryable, sell } from '../helpers/market.ts'
import { randomNumbers } from '../helpers/seed.ts'

const traders = 8
/** Of one call: each is a sale and a purchase. */
const tradesAtOnce = 500
const pollMs = 5

/** Traders with money for all that they will trade. */
export async function openSettling(db: Queryable): Promise<void> {
  const funds = { USD: '100000000', BTC: '100000000' }
  const names = Array.from({ length: traders }, (_, n) => `trader-${n}`)
  const now = new Date().toISOString()
  await createMarket(db, {
    symbols: { 'BTC-USD': { maker_rate: '0.001', taker_rate: '0.002' } },
    traders: Object.fromEntries(names.map(name => [name, funds])),
    now,
  })
}

/** So many trades, each of which leaves an instruction. */
export async function trade(db: Queryable, count: number, seed: number): Promise<void> {
  const random = randomNumbers(seed)
  for (let left = count; left > 0; left -= tradesAtOnce) {
    const pairs = Array.from({ length: Math.min(left, tradesAtOnce) }, () => {
      const seller = Math.floor(random() * traders)
      const buyer = (seller + 1 + Math.floor(random() * (traders - 1))) % traders
      const quantity = `0.${1 + Math.floor(random() * 9)}`
      return [sell(`trader-${seller}`, quantity, '10'), buy(`trader-${buyer}`, quantity, '10')]
    })
    await execute(db, 'BTC-USD', pairs.flat(), { now: new Date().toISOString() })
  }
}

export async function countPending(db: Queryable): Promise<number> {
  const [row] = await db.query(
    `select (select count(*) from settlement.pending_instructions)
      + (select count(*) from settlement.waiting_instructions) as pending`,
  )
  return Number(row?.pending)
}

/**
 * What sessions of these names have claimed and not committed, by name: rows whose last change is
 * of a transaction, or a part of one, that the session is in.
 */
export async function readHeld(db: Queryable, names: string[]): Promise<Map<string, string[]>> {
  const rows = await db.query<{ name: string; ids: string[] }>(
    `with busy as materialized (
      select a.application_name, l.transactionid
      from pg_stat_activity as a
      join pg_locks as l
        on l.pid = a.pid
        and l.locktype = 'transactionid'
        and l.mode = 'ExclusiveLock'
      where a.datname = current_database()
        and a.application_name = any ($1)
    )
    select b.application_name as name, array_agg(i.instruction_id) as ids
    from busy as b
    join settlement.pending_instructions as i
      on i.xmax = b.transactionid
    group by b.application_name`,
    [names],
  )
  return new Map(rows.map(row => [row.name, row.ids]))
}

/** Waits until none of them is pending any more. Returns the milliseconds since `startedAt`. */
export async function untilRescued(
  db: Queryable,
  ids: string[],
  startedAt: number,
  limitMs: number,
): Promise<number> {
  for (;;) {
    const left = await db.query(
      `select from settlement.pending_instructions where instruction_id = any ($1)
      union all
      select from settlement.waiting_instructions where instruction_id = any ($1)
      limit 1`,
      [ids],
    )
    const ms = performance.now() - startedAt
    if (left.length === 0 || ms > limitMs) return ms
    await pause(pollMs)
  }
}

/** Which of these sessions are there. */
export async function readConnected(db: Queryable, names: string[]): Promise<Set<string>> {
  const rows = await db.query(
    `select a.application_name as name
    from pg_stat_activity as a
    where a.datname = current_database()
      and a.application_name = any ($1)`,
    [names],
  )
  return new Set(rows.map(row => String(row.name)))
}

/**
 * What is wrong when all is settled: each trade has been settled once, by one delivery, one payment
 * and a fee of each side, and all that is kept agrees with it. The worst first, not all of it.
 */
export async function reckonSettling(db: Queryable, trades: number): Promise<string[]> {
  const wrong = await db.query(
    `select concat_ws(' ', 'trade', t.trade_id, 'has', count(x.kind), 'transfers:',
      string_agg(x.kind::text, ' ' order by x.kind)) as what
    from matching.trades as t
    left join ledger.transfers as x
      on x.instruction_id = t.trade_id
    group by t.trade_id
    having (count(*) filter (where x.kind = 'DELIVERY'), count(*) filter (where x.kind = 'PAYMENT'),
      count(*) filter (where x.kind = 'BUYER_FEE'), count(*) filter (where x.kind = 'SELLER_FEE'),
      count(x.kind)) <> (1, 1, 1, 1, 4)
    order by count(x.kind) desc, t.trade_id
    limit 10`,
  )
  const [counts] = await db.query(
    `select
      (select count(*)::int from matching.trades) as trades,
      (select count(*)::int from settlement.settled_instructions) as settled`,
  )
  const changed = await db.query('select * from ops.verify_chain() limit 10')
  return [
    ...wrong.map(row => String(row.what)),
    ...(counts?.trades === trades ? [] : [`${counts?.trades} trades, not ${trades}`]),
    ...(counts?.settled === trades ? [] : [`${counts?.settled} settled, not ${trades}`]),
    ...(await audit(db)).slice(0, 10).map(one => `audit: ${JSON.stringify(one)}`),
    ...changed.map(one => `verify_chain: ${JSON.stringify(one)}`),
  ]
}
