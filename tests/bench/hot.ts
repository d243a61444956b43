import type pg from 'pg'
import { connect, median } from './batches.ts'
import { participants } from './market.ts'
import { settleBatch } from './settlement.ts'

const workers = 2
const rounds = 9
/** Of each kind in a round. */
const instructions = 24_000

export interface HotFigures {
  /** Instructions settled a second, all of them with one market maker. */
  instructionsPerSecond: number
  /** Its speed by the speed with participants at random: each round's. */
  shares: number[]
}

/**
 * Settling what one market maker has traded, beside settling what any two of the participants
 * have: in both all fees come to one account. The instructions are put there without their trades.
 */
export async function benchHot(url: string, symbolIds: number[]): Promise<HotFigures> {
  const settlers = await Promise.all(Array.from({ length: workers }, () => connect(url)))
  const [first] = settlers
  if (!first) throw new Error('no worker')
  await first.query(
    `update ledger.accounts set held = held + 1e9, unsettled_out = unsettled_out + 1e9,
       unsettled_in = unsettled_in + 1e9 where not may_be_negative`,
  )
  const shares: number[] = []
  const rates: number[] = []
  let lastNo = 0
  const settled = async (isHot: boolean) => {
    await fill(first, symbolIds, lastNo, isHot)
    lastNo += instructions
    const start = performance.now()
    await Promise.all(settlers.map(settleAll))
    return (instructions / (performance.now() - start)) * 1000
  }
  for (let round = -1; round < rounds; round++) {
    // Each goes first in turn: what a round leaves behind slows down what comes next.
    const spread = round % 2 === 0 ? await settled(false) : 0
    const hot = await settled(true)
    const share = hot / (spread || (await settled(false)))
    if (round < 0) continue // the first warms up: plans, caches, marks
    shares.push(share)
    rates.push(hot)
  }
  await Promise.all(settlers.map(client => client.end()))
  return { instructionsPerSecond: median(rates), shares }
}

async function fill(
  owner: pg.Client,
  symbolIds: number[],
  lastNo: number,
  isHot: boolean,
): Promise<void> {
  await owner.query(
    `insert into settlement.pending_instructions
     select 1, s.symbol_id * 1000000000000 + $2 + n, s.symbol_id,
       case when n % 2 = 0 then i.one else i.other end,
       case when n % 2 = 0 then i.other else i.one end, s.base_asset_id, s.quote_asset_id, 1, 100,
       0.2, 0.1, current_date, 0, now()
     from reference.symbols as s
     cross join generate_series(1, $3::int) as n
     cross join lateral (
       select case when $5 then p.first else p.first + n * 7 % $4 end as one,
         p.first + case when $5 then 1 + n * 7 % ($4 - 1)
           else (n * 7 + 1 + n % ($4 - 1)) % $4 end as other
       from (
         select min(participant_id) as first
         from reference.participants where client_id like 'bench-%'
       ) as p
     ) as i
     where s.symbol_id = any ($1)`,
    [symbolIds, lastNo, instructions / symbolIds.length, participants, isHot],
  )
  await owner.query('vacuum analyze settlement.pending_instructions')
  await owner.query('vacuum ledger.accounts')
}

async function settleAll(client: pg.Client): Promise<void> {
  for (let after = 0; ; ) {
    const { rows } = await client.query(
      "select * from settlement.settle_batch(1, now() + interval '1 hour', $1, $2)",
      [settleBatch, after],
    )
    if (rows[0].claimed === 0) return
    after = rows[0].last_symbol_id
  }
}
