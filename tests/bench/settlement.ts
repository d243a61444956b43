import type pg from 'pg'
import { connect } from './batches.ts'

export const settleBatch = 2000

export interface SettlementFigures {
  instructions: number
  instructionsPerSecond: number
  timesFloor: number
}

/** All that is pending, by as many workers as there are connections, against plain inserts. */
export async function benchSettlement(url: string, workers: number): Promise<SettlementFigures> {
  const clients = await Promise.all(Array.from({ length: workers }, () => connect(url)))
  const [first] = clients
  await first?.query('vacuum analyze settlement.pending_instructions')
  const start = performance.now()
  const settled = await Promise.all(clients.map(settleAll))
  const ms = performance.now() - start
  const floorMs = await writeFloor(clients)
  await first?.query('drop schema floor cascade')
  await Promise.all(clients.map(client => client.end()))
  const instructions = settled.reduce((sum, count) => sum + count, 0)
  return {
    instructions,
    instructionsPerSecond: (instructions / ms) * 1000,
    timesFloor: ms / floorMs,
  }
}

async function settleAll(client: pg.Client): Promise<number> {
  let settled = 0
  let after = 0
  for (;;) {
    const { rows } = await client.query(
      "select * from settlement.settle_batch(1, now() + interval '1 hour', $1, $2)",
      [settleBatch, after],
    )
    settled += rows[0].settled
    if (rows[0].claimed === 0) return settled
    after = rows[0].last_symbol_id
  }
}

/** The rows of each journal again: settled instructions and transfers, a journal a commit. */
async function writeFloor(clients: pg.Client[]): Promise<number> {
  const [first] = clients
  await first?.query(`create schema floor;
    create table floor.settled_instructions (like settlement.settled_instructions including all)
      partition by range (settled_at);
    create table floor.settled_default partition of floor.settled_instructions default;
    create table floor.transfers (like ledger.transfers including all)
      partition by range (posted_at);
    create table floor.transfers_default partition of floor.transfers default`)
  const { rows } = (await first?.query(
    "select journal_id from ledger.journals where kind = 'SETTLEMENT' order by finality_no",
  )) ?? { rows: [] }
  const ids: string[] = rows.map(row => row.journal_id)
  await first?.query(`
    create unlogged table floor.stage_i as select * from settlement.settled_instructions;
    create index on floor.stage_i (journal_id);
    create unlogged table floor.stage_t as select * from ledger.transfers;
    create index on floor.stage_t (journal_id); analyze floor.stage_i; analyze floor.stage_t`)
  const start = performance.now()
  await Promise.all(
    clients.map(async client => {
      for (let id = ids.shift(); id !== undefined; id = ids.shift()) {
        await client.query(`begin;
          insert into floor.settled_instructions
          select * from floor.stage_i where journal_id = ${id};
          insert into floor.transfers
          select * from floor.stage_t where journal_id = ${id};
          commit`)
      }
    }),
  )
  return performance.now() - start
}
