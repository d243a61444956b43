import type pg from 'pg'
import { connect } from './batches.ts'
import { participants } from './market.ts'
import { settleBatch } from './settlement.ts'

/** How long each measurement lasts; three of them make the minute of the old transaction. */
const sliceMs = 20_000
/** How long it runs before that. */
const warmMs = 5000
/** More than can be settled meanwhile. */
const instructions = 9_000_000

export interface HeldFigures {
  /** Instructions settled a second in each third of a minute, by itself. */
  alone: number[]
  /** The same beside the old transaction. */
  beside: number[]
}

/**
 * Settling at full load for a minute; then the same while another transaction, that is as old,
 * keeps every row that is gone from being removed. Both begin with the same rows: what was settled
 * fills tables and indexes, so that the rate falls in a minute without an old transaction, too.
 */
export async function benchHeld(url: string, symbolIds: number[]): Promise<HeldFigures> {
  const holder = await connect(url)
  const workers = await Promise.all([1, 2].map(() => connect(url)))
  const slice = async (ms = sliceMs) => {
    const end = performance.now() + ms
    const counts = await Promise.all(workers.map(client => settleUntil(client, end)))
    return (counts.reduce((sum, count) => sum + count, 0) / ms) * 1000
  }
  const minute = async (isHeld: boolean) => {
    await fill(holder, symbolIds)
    await slice(warmMs) // plans, caches, marks
    if (isHeld) {
      // The service's own setting would end it.
      await holder.query('set idle_in_transaction_session_timeout = 0')
      await holder.query('begin isolation level repeatable read')
      await holder.query('select pg_current_xact_id()')
    }
    const rates = [await slice(), await slice(), await slice()]
    if (isHeld) await holder.query('commit')
    const { rows } = await holder.query('select from settlement.pending_instructions limit 1')
    if (rows.length === 0) throw new Error('there was nothing left to settle')
    return rates
  }
  const alone = await minute(false)
  const beside = await minute(true)
  await Promise.all([...workers, holder].map(client => client.end()))
  return { alone, beside }
}

/**
 * Instructions of random participants of each symbol, and accounts that hold for all of them; what
 * was settled before is gone.
 */
async function fill(owner: pg.Client, symbolIds: number[]): Promise<void> {
  await owner.query(
    `truncate settlement.pending_instructions, settlement.settled_instructions, ledger.transfers,
       ledger.journals`,
  )
  await owner.query('update settlement.queues set low_id = symbol_id * 1000000000000')
  await owner.query(
    `insert into settlement.pending_instructions
     select 1, s.symbol_id * 1000000000000 + n, s.symbol_id, i.buyer, i.seller, s.base_asset_id,
       s.quote_asset_id, 1, 100, 0.2, 0.1, current_date, 0, now()
     from reference.symbols as s
     cross join generate_series(1, $2::int) as n
     cross join lateral (
       select p.first + n * 7 % $3 as buyer, p.first + (n * 7 + 1 + n % ($3 - 1)) % $3 as seller
       from (
         select min(participant_id) as first
         from reference.participants where client_id like 'bench-%'
       ) as p
     ) as i
     where s.symbol_id = any ($1)`,
    [symbolIds, instructions / symbolIds.length, participants],
  )
  await owner.query(
    `update ledger.accounts as a set held = 1e9, unsettled_out = 1e9, unsettled_in = 1e9
     from reference.participants as p
     where p.participant_id = a.participant_id and p.client_id like 'bench-%'`,
  )
  await owner.query('vacuum analyze settlement.pending_instructions')
  await owner.query('vacuum full ledger.accounts, ledger.segment_state, settlement.queues')
  await owner.query('checkpoint')
}

/** Settles what is due, again and again, and says how much that was. */
async function settleUntil(client: pg.Client, end: number): Promise<number> {
  let settled = 0
  let after = 0
  while (performance.now() < end) {
    const { rows } = await client.query('select * from settlement.settle_batch(1, now(), $1, $2)', [
      settleBatch,
      after,
    ])
    settled += rows[0].settled
    after = rows[0].last_symbol_id
  }
  return settled
}
