import { setTimeout as pause } from 'node:timers/promises'
import type pg from 'pg'
import { randomNumbers } from '../helpers/seed.ts'
import { addBatch, clock, connect, executeBatches, prepareBatches } from './batches.ts'
import { participants } from './market.ts'
import { randomCommands } from './orders.ts'
import { settleBatch } from './settlement.ts'

/** Orders of a batch, and batches of each symbol: to warm up, at full load, paced. */
const size = 1000
const counts = { warm: 10, full: 30, paced: 120 }
const workers = 2
const offeredShare = 0.7
/** How often it is looked who waits for the account of the fees. */
const lookMs = 10
/** As a bell wakes a worker that has nothing to do. */
const idleMs = 2

export interface TogetherFigures {
  /** Trades a second that are made and settled, both as fast as they can. */
  capacity: number
  /** Trades a second that were to be made in the paced part, that were, and that were settled. */
  offered: number
  traded: number
  settled: number
  /** How late batches were done, at most and the last ones, by the time between two. */
  late: { most: number; last: number }
  /** Trades that were not settled yet: at most, and the mean of each half. */
  backlog: { most: number; first: number; second: number }
  /** Looks, and those that found a session of the matcher, or a worker, at the fees' account. */
  looks: { all: number; matcher: number; workers: number }
}

/** What is made and settled, as it goes on. */
interface Tally {
  startedAt: number
  traded: number
  settled: number
  /** Of each batch, by how many milliseconds it was done after its time. */
  late: number[]
  seen: { at: number; backlog: number }[]
}

/** Matcher and settlement workers at once: first as fast as they can, then at 70 % of that. */
export async function benchTogether(url: string, symbolIds: number[]): Promise<TogetherFigures> {
  const matchers = await Promise.all(symbolIds.map(() => connect(url)))
  const settlers = await Promise.all(Array.from({ length: workers }, () => connect(url)))
  const looker = await connect(url)
  const lay = await createBatches(looker, symbolIds)
  const run = async (times: Date[], everyMs: number) => {
    const tally: Tally = {
      ...{ startedAt: performance.now(), traded: 0, settled: 0 },
      ...{ late: [], seen: [] },
    }
    const matching = Promise.all(
      matchers.map((client, i) => match(client, symbolIds[i] ?? 0, times, everyMs, tally)),
    )
    const isOver = createEnd(matching)
    const [looks] = await Promise.all([
      look(looker, { matchers, settlers }, isOver),
      ...settlers.map(client => settle(client, isOver, tally)),
      matching,
    ])
    return { tally, looks, seconds: (performance.now() - tally.startedAt) / 1000 }
  }

  await run(await lay(counts.warm), 0)
  const full = await run(await lay(counts.full), 0)
  const capacity = full.tally.settled / full.seconds
  const offered = capacity * offeredShare
  const everyMs = (1000 * full.tally.traded) / counts.full / offered
  const { tally, looks, seconds } = await run(await lay(counts.paced), everyMs)
  await Promise.all([...matchers, ...settlers, looker].map(client => client.end()))
  const late = tally.late.map(ms => ms / everyMs)
  return {
    ...{ capacity, offered, looks, backlog: backlogs(tally) },
    ...{ traded: tally.traded / seconds, settled: tally.settled / seconds },
    late: { most: Math.max(...late), last: late.at(-1) ?? 0 },
  }
}

/** Batches of random orders, laid into the database before they are timed. */
async function createBatches(client: pg.Client, symbolIds: number[]) {
  await prepareBatches(client)
  const nextTimes = clock(Date.now())
  const random = randomNumbers(1)
  return async (count: number): Promise<Date[]> => {
    const times = nextTimes(count)
    for (const id of symbolIds) {
      for (const at of times) {
        const flow = { random, participants, spreadTicks: 400 }
        await addBatch(client, id, at, randomCommands(size, flow, `${id}-${at.getTime()}`))
      }
    }
    return times
  }
}

/** The batches of a symbol, one every so many milliseconds, or as fast as it can. */
async function match(
  client: pg.Client,
  symbolId: number,
  times: Date[],
  everyMs: number,
  tally: Tally,
): Promise<void> {
  for (const [i, time] of times.entries()) {
    const dueAt = tally.startedAt + i * everyMs
    await pause(Math.max(0, dueAt - performance.now()))
    const trades = await executeBatches(client, symbolId, [time])
    tally.traded += trades
    tally.late.push(performance.now() - dueAt)
    note(tally)
  }
}

/** A worker: settles until all batches are done and nothing is left. */
async function settle(client: pg.Client, isOver: () => boolean, tally: Tally): Promise<void> {
  for (let after = 0; ; ) {
    const wasOver = isOver()
    const { rows } = await client.query(
      "select * from settlement.settle_batch(1, now() + interval '1 hour', $1, $2)",
      [settleBatch, after],
    )
    tally.settled += rows[0].settled
    note(tally)
    if (rows[0].claimed === 0 && wasOver) return
    if (rows[0].claimed < settleBatch) await pause(idleMs)
    after = rows[0].last_symbol_id
  }
}

function note(tally: Tally): void {
  const backlog = Math.max(0, tally.traded - tally.settled)
  tally.seen.push({ at: performance.now(), backlog })
}

/** Whoever waits for the row of an account queues at it: a lock of the tuple. */
async function look(
  client: pg.Client,
  sessions: { matchers: pg.Client[]; settlers: pg.Client[] },
  isOver: () => boolean,
): Promise<TogetherFigures['looks']> {
  const pids = async (clients: pg.Client[]) =>
    Promise.all(clients.map(async one => (await one.query(pidOf)).rows[0].pid))
  const matchers = await pids(sessions.matchers)
  const settlers = await pids(sessions.settlers)
  const looks = { all: 0, matcher: 0, workers: 0 }
  while (!isOver()) {
    const { rows } = await client.query(waiting, [matchers, settlers])
    looks.all++
    if (rows[0].matcher) looks.matcher++
    if (rows[0].workers) looks.workers++
    await pause(lookMs)
  }
  return looks
}

const pidOf = 'select pg_backend_pid() as pid'
const waiting = `
  select coalesce(bool_or(l.pid = any ($1)), false) as matcher,
    coalesce(bool_or(l.pid = any ($2)), false) as workers
  from pg_locks as l
  join ledger.accounts as a on a.ctid = format('(%s,%s)', l.page, l.tuple)::tid
  where l.locktype = 'tuple' and l.relation = 'ledger.accounts'::regclass
    and a.participant_id = reference.house_id()`

function createEnd(work: Promise<unknown>): () => boolean {
  let isOver = false
  const end = () => {
    isOver = true
  }
  work.then(end, end)
  return () => isOver
}

/** At most, and the mean of each half of the time. */
function backlogs({ seen, startedAt }: Tally): TogetherFigures['backlog'] {
  const middle = (startedAt + (seen.at(-1)?.at ?? startedAt)) / 2
  const mean = (some: Tally['seen']) =>
    some.reduce((sum, { backlog }) => sum + backlog, 0) / Math.max(1, some.length)
  return {
    most: Math.max(...seen.map(({ backlog }) => backlog)),
    first: mean(seen.filter(({ at }) => at < middle)),
    second: mean(seen.filter(({ at }) => at >= middle)),
  }
}
