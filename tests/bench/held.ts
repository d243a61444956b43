import type pg from 'pg'
import { randomNumbers } from '../helpers/seed.ts'
import { addBatch, connect, executeBatches, prepareBatches } from './batches.ts'
import { participants } from './market.ts'
import { randomCommands } from './orders.ts'
import { settleBatch } from './settlement.ts'

/** Orders a batch: as full as a busy service's. */
const ordersPerBatch = 1000
/** How long each measurement lasts; three of them make the minute of the old transaction. */
const sliceMs = 20_000

export interface HeldFigures {
  /** Instructions settled a second before, and in each third of the minute. */
  before: number
  during: number[]
  /** Instructions that waited at the end of each slice. */
  backlogs: number[]
}

/**
 * Matching and settling at once, at full load; then the same while another transaction, as old as
 * the slice, keeps every row that is gone from being removed.
 */
export async function benchHeld(url: string, symbolIds: number[]): Promise<HeldFigures> {
  const [matchers, settlers, [holder]] = await Promise.all([
    Promise.all(symbolIds.map(() => connect(url))),
    Promise.all([1, 2].map(() => connect(url))),
    Promise.all([connect(url)]),
  ])
  if (!matchers[0] || !holder) throw new Error('no symbol')
  await matchers[0].query('drop table if exists bench_batches')
  await prepareBatches(matchers[0])
  const random = randomNumbers(2)
  let at = Date.now() + 3_600_000
  const slice = async () => {
    const end = performance.now() + sliceMs
    const match = async (client: pg.Client, symbolId: number) => {
      while (performance.now() < end) {
        at += 1000
        const time = new Date(at)
        const flow = { random, participants, spreadTicks: 400 }
        const commands = randomCommands(ordersPerBatch, flow, `h${symbolId}-${at}`)
        await addBatch(client, symbolId, time, commands)
        await executeBatches(client, symbolId, [time])
        await client.query('delete from bench_batches where symbol_id = $1', [symbolId])
      }
    }
    const counts = await Promise.all([
      ...settlers.map(client => settleUntil(client, end)),
      ...matchers.map((client, i) => match(client, symbolIds[i] ?? 0).then(() => 0)),
    ])
    const { rows } = (await matchers[0]?.query(
      'select count(*)::int from settlement.pending_instructions',
    )) ?? { rows: [] }
    return { settled: counts.reduce((sum, count) => sum + count, 0), backlog: rows[0].count }
  }
  const before = await slice()
  // The service's own setting would end it.
  await holder.query('set idle_in_transaction_session_timeout = 0')
  await holder.query('begin isolation level repeatable read')
  await holder.query('select pg_current_xact_id()')
  const during = [await slice(), await slice(), await slice()]
  await holder.query('commit')
  await Promise.all([...matchers, ...settlers, holder].map(client => client.end()))
  const rate = ({ settled }: { settled: number }) => (settled / sliceMs) * 1000
  return {
    before: rate(before),
    during: during.map(rate),
    backlogs: [before, ...during].map(({ backlog }) => backlog),
  }
}

/** Settles what is due, again and again, and says how much that was. */
async function settleUntil(client: pg.Client, end: number): Promise<number> {
  let settled = 0
  let after = 0
  while (performance.now() < end) {
    const { rows } = await client.query(
      "select * from settlement.settle_batch(1, now() + interval '1 day', $1, $2)",
      [settleBatch, after],
    )
    settled += rows[0].settled
    after = rows[0].last_symbol_id
  }
  return settled
}
