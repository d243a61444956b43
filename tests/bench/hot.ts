import type pg from 'pg'
import { connect, median } from './batches.ts'
import { participants } from './market.ts'
import { settleBatch } from './settlement.ts'

const workers = 2
const rounds = 9
/** Of each kind in a round. */
const instructions = 60_000

/** The last is paid for in another asset, so that its fees come to another account. */
export const hotSymbols = ['BENCHA-USD', 'BENCHB-USD', 'BENCHC-EUR']

/** Who trades what. */
interface Kind {
  /** Two of the symbols, by number. */
  symbols: [number, number]
  /** Of both symbols one side is always the same participant. */
  hasMaker?: boolean
  /** Each symbol has half of the participants, and a worker, for itself. */
  isSplit?: boolean
}

const random: Kind = { symbols: [0, 1] }
const oneMaker: Kind = { symbols: [0, 1], hasMaker: true }
/** Nothing is shared by both workers; nothing but the account of the fees. */
const nothing: Kind = { symbols: [0, 2], isSplit: true }
const onlyFees: Kind = { symbols: [0, 1], isSplit: true }

export interface HotFigures {
  /** Instructions settled a second, in the median of the rounds. */
  instructionsPerSecond: number
  /** Its speed by that of the other kind: each round's. */
  shares: number[]
}

/**
 * Settling what one market maker has traded, beside settling what any two of the participants
 * have. And settling with one account that takes the fees of both workers, beside an account each.
 * The instructions are put there without their trades.
 */
export async function benchHot(url: string, symbolIds: number[]) {
  const settlers = await Promise.all(Array.from({ length: workers }, () => connect(url)))
  const [first] = settlers
  if (!first) throw new Error('no worker')
  await first.query(
    `update ledger.accounts set held = held + 1e9, unsettled_out = unsettled_out + 1e9,
       unsettled_in = unsettled_in + 1e9 where not may_be_negative`,
  )
  let lastNo = 0
  const settled = async (kind: Kind) => {
    const ids = kind.symbols.map(n => symbolIds[n] ?? 0)
    await fill(first, ids, lastNo, kind)
    lastNo += instructions
    const start = performance.now()
    await Promise.all(
      // After the second symbol comes the first.
      settlers.map((client, i) => settleAll(client, (kind.isSplit && ids[1 - i]) || 0)),
    )
    return (instructions / (performance.now() - start)) * 1000
  }
  const compare = async (hot: Kind, other: Kind): Promise<HotFigures> => {
    const shares: number[] = []
    const rates: number[] = []
    for (let round = -1; round < rounds; round++) {
      // Each goes first in turn: what a round leaves behind slows down what comes next.
      const before = round % 2 === 0 ? await settled(other) : 0
      const rate = await settled(hot)
      const share = rate / (before || (await settled(other)))
      if (round < 0) continue // the first warms up: plans, caches, marks
      shares.push(share)
      rates.push(rate)
    }
    return { instructionsPerSecond: median(rates), shares }
  }
  const figures = {
    maker: await compare(oneMaker, random),
    fees: await compare(onlyFees, nothing),
  }
  await Promise.all(settlers.map(client => client.end()))
  return figures
}

async function fill(owner: pg.Client, symbolIds: number[], lastNo: number, kind: Kind) {
  const size = kind.isSplit ? participants / 2 : participants
  await owner.query(
    `insert into settlement.pending_instructions
     select 1, s.symbol_id * 1000000000000 + $2 + n, s.symbol_id,
       case when n % 2 = 0 then i.one else i.other end,
       case when n % 2 = 0 then i.other else i.one end, s.base_asset_id, s.quote_asset_id, 1, 100,
       0.2, 0.1, current_date, 0, now()
     from unnest($1::int[]) with ordinality as w (id, n_of)
     join reference.symbols as s on s.symbol_id = w.id
     cross join generate_series(1, $3::int) as n
     cross join lateral (
       select case when $5 then p.first else p.first + n * 7 % $4 end as one,
         p.first + case when $5 then 1 + n * 7 % ($4 - 1)
           else (n * 7 + 1 + n % ($4 - 1)) % $4 end as other
       from (
         select min(participant_id) + case when $6 then (w.n_of - 1) * $4 else 0 end as first
         from reference.participants where client_id like 'bench-%'
       ) as p
     ) as i`,
    [
      symbolIds,
      lastNo,
      instructions / symbolIds.length,
      size,
      kind.hasMaker ?? false,
      kind.isSplit ?? false,
    ],
  )
  await owner.query('vacuum analyze settlement.pending_instructions')
  await owner.query('vacuum ledger.accounts')
}

/** Begins behind this symbol; where it is not 0, stays at the next, while something is there. */
async function settleAll(client: pg.Client, behind: number): Promise<void> {
  for (let after = behind; ; ) {
    const { rows } = await client.query(
      "select * from settlement.settle_batch(1, now() + interval '1 hour', $1, $2)",
      [settleBatch, after],
    )
    if (rows[0].claimed === 0) return
    if (behind === 0) after = rows[0].last_symbol_id
  }
}
