import type pg from 'pg'
import { connect } from './batches.ts'
import { copyAccounts } from './floor.ts'

export const settleBatch = 2000

export interface SettlementFigures {
  instructions: number
  instructionsPerSecond: number
  /** Time of the workers by the time of plain writes of the same rows, and of the inserts alone. */
  timesFloor: number
  timesInserts: number
}

/** All that is pending, by as many workers as there are connections, against plain writes. */
export async function benchSettlement(url: string, workers: number): Promise<SettlementFigures> {
  const clients = await Promise.all(Array.from({ length: workers }, () => connect(url)))
  const [first] = clients
  if (!first) throw new Error('no worker')
  await first.query('vacuum analyze settlement.pending_instructions')
  await copyPending(first)
  const start = performance.now()
  const settled = await Promise.all(clients.map(settleAll))
  const ms = performance.now() - start
  const floor = await writeFloor(first, clients)
  await first.query('drop schema floor cascade')
  await Promise.all(clients.map(client => client.end()))
  const instructions = settled.reduce((sum, count) => sum + count, 0)
  return {
    instructions,
    instructionsPerSecond: (instructions / ms) * 1000,
    timesFloor: ms / floor.writes,
    timesInserts: ms / floor.inserts,
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

/** What the workers will delete, for the floor to delete, too. */
async function copyPending(first: pg.Client): Promise<void> {
  await first.query(`create schema floor;
    create table floor.pending_instructions (like settlement.pending_instructions including all);
    insert into floor.pending_instructions select * from settlement.pending_instructions`)
  await first.query('vacuum analyze floor.pending_instructions')
}

/** What a journal inserts; and what it changes or deletes beside it. */
const inserts = ['settled_instructions', 'transfers', 'journals']
const changes = `delete from floor.pending_instructions as f
    using floor.stage_settled_instructions as c
    where c.journal_id = $1 and f.segment_id = c.segment_id
      and f.instruction_id = c.instruction_id;
  update floor.accounts_$2 as f set posted = f.posted + c.posted, changes = f.changes + 1
    from floor.stage_accounts as c
    where c.journal_id = $1 and f.segment_id = c.segment_id
      and f.participant_id = c.participant_id and f.asset_id = c.asset_id`

async function copyTables(first: pg.Client): Promise<void> {
  await first.query(`
    create table floor.settled_instructions (like settlement.settled_instructions including all)
      partition by range (settled_at);
    create table floor.settled_default partition of floor.settled_instructions default;
    create table floor.transfers (like ledger.transfers including all)
      partition by range (posted_at);
    create table floor.transfers_default partition of floor.transfers default;
    create table floor.journals (like ledger.journals including all);
    create unlogged table floor.stage_settled_instructions as
      select * from settlement.settled_instructions;
    create unlogged table floor.stage_transfers as select * from ledger.transfers;
    create unlogged table floor.stage_journals as select * from ledger.journals;
    create unlogged table floor.stage_accounts as
      select segment_id, journal_id, participant_id, asset_id, sum(amount) as posted
      from ledger.entries group by segment_id, journal_id, participant_id, asset_id`)
  for (const name of [...inserts, 'accounts']) {
    await first.query(`create index on floor.stage_${name} (journal_id)`)
    await first.query(`analyze floor.stage_${name}`)
  }
}

/** The writes of each journal again, a journal a commit: milliseconds of inserts, and of all. */
async function writeFloor(first: pg.Client, clients: pg.Client[]) {
  await copyTables(first)
  for (const i of clients.keys()) {
    await copyAccounts(first, `accounts_${i}`)
    await first.query(`update floor.accounts_${i} set may_be_negative = true`)
  }
  const { rows } = await first.query(
    "select journal_id from ledger.journals where kind = 'SETTLEMENT' order by finality_no",
  )
  const ids: string[] = rows.map(row => row.journal_id)
  const ms = { inserts: 0, writes: 0 }
  const start = performance.now()
  await Promise.all(
    clients.map(async (client, i) => {
      for (let id = ids.shift(); id !== undefined; id = ids.shift()) {
        const texts = inserts.map(
          name => `insert into floor.${name} select * from floor.stage_${name}
            where journal_id = ${id}`,
        )
        await client.query(`begin; ${texts.join('; ')}`)
        const changing = performance.now()
        await client.query(changes.replaceAll('$1', id).replace('$2', `${i}`))
        ms.inserts -= (performance.now() - changing) / clients.length
        await client.query('commit')
      }
    }),
  )
  ms.writes = performance.now() - start
  ms.inserts += ms.writes
  return ms
}
