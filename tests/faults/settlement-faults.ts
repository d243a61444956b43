import { setTimeout as pause } from 'node:timers/promises'
import type { Queryable } from '../helpers/market.ts'
import { randomNumbers } from '../helpers/seed.ts'
import { type Crew, type CrewPlan, startCrew } from './crew.ts'
import {
  countPending,
  readConnected,
  readHeld,
  reckonSettling,
  trade,
  untilRescued,
} from './settling.ts'

/** A way in which a worker can be lost. */
export interface Fault {
  name: string
  kind: CrewPlan['kind']
  /** How many workers are struck in a second. */
  perSecond: number
  strike(db: Queryable, crew: Crew, no: number): Promise<void>
  /** Lets a worker go on that was stopped: of a fault that lasts. */
  mend?(crew: Crew, no: number): void
}

export interface FaultPlan {
  workers: number
  instructions: number
  batchSize: number
  /** Strikes come so many times as often as the fault says. */
  haste: number
  /** How long a fault lasts that lasts. */
  lastsMs: number
  /** What is not settled by then is lost. */
  patienceMs: number
  seed: number
  /** Another worker than the product's. */
  entry?: string
}

export interface FaultReport {
  strikes: number
  ms: number
  /** Of each strike that hit a worker with claims: how many, and when all of them were settled. */
  rescues: { held: number; ms: number }[]
  /** What was not as it has to be. */
  wrong: string[]
}

/** What others need at most until they have settled what a lost one had claimed. */
export const rescueLimitMs = 5000
const connectMs = 60_000
/** How long one is looked for that has claims: longer than they sleep that heard no bell. */
const lookMs = 2000

export const kill: Fault = {
  name: 'kill -9',
  kind: 'process',
  perSecond: 1,
  strike: (_, crew, no) => crew.end(no),
}

export const faults: readonly Fault[] = [
  kill,
  { name: 'terminate', kind: 'thread', perSecond: 1, strike: (_, crew, no) => crew.end(no) },
  {
    name: 'SIGSTOP',
    kind: 'process',
    perSecond: 1,
    strike: async (_, crew, no) => crew.freeze(no, true),
    mend: (crew, no) => crew.freeze(no, false),
  },
  {
    name: 'pg_terminate_backend',
    kind: 'process',
    perSecond: 5,
    strike: async (db, crew, no) => {
      await db.query(
        `select pg_terminate_backend(a.pid)
        from pg_stat_activity as a
        where a.datname = current_database()
          and a.application_name = $1`,
        [crew.nameOf(no)],
      )
    },
  },
]

interface Run {
  db: Queryable
  fault: Fault
  plan: FaultPlan
  crew: Crew
  report: FaultReport
}

/** Lets a crew settle so many trades while its workers are struck, and says what came of it. */
export async function runFault(
  db: Queryable,
  databaseUrl: string,
  fault: Fault,
  plan: FaultPlan,
): Promise<FaultReport> {
  const { workers: size, batchSize, entry } = plan
  const crewPlan = { size, kind: fault.kind, databaseUrl, batchSize }
  const crew = startCrew(entry === undefined ? crewPlan : { ...crewPlan, entry })
  const report: FaultReport = { strikes: 0, ms: 0, rescues: [], wrong: [] }
  const run = { db, fault, plan, crew, report }
  try {
    await untilConnected(run)
    const startedAt = performance.now()
    await (fault.mend ? strikeThatLasts(run) : strikeAgainAndAgain(run))
    report.ms = performance.now() - startedAt
  } finally {
    await crew.stop()
  }
  const late = report.rescues.filter(({ ms }) => ms > rescueLimitMs)
  report.wrong.push(
    ...late.map(({ held, ms }) => `${held} that were claimed took ${Math.round(ms)} ms`),
    ...(await reckonSettling(db, plan.instructions)),
    ...(report.rescues.length > 0 ? [] : ['no worker was struck while it had claims']),
  )
  return report
}

/** One worker after another until all is settled. */
async function strikeAgainAndAgain(run: Run): Promise<void> {
  const { db, plan, crew } = run
  const isOver = createEnd(run, trade(db, plan.instructions, plan.seed))
  const all = Array.from({ length: crew.size }, (_, no) => no)
  const random = randomNumbers(plan.seed)
  while (!(await isOver())) {
    const connected = await readConnected(db, all.map(crew.nameOf))
    const among = all.filter(no => connected.has(crew.nameOf(no)))
    const next = pause(strikeMs(run.fault, plan))
    // On a machine that starts them slower than they are struck none would be left to settle.
    if (among.length * 2 >= crew.size) await strike(run, among, random)
    await next
  }
}

/**
 * All workers but two, one after another; the two settle what they had claimed and what comes
 * meanwhile. Then all go on, with the last of the trades.
 */
async function strikeThatLasts(run: Run): Promise<void> {
  const { db, fault, plan, crew } = run
  const random = randomNumbers(plan.seed)
  const last = Math.floor(plan.instructions / 4)
  const isOver = createEnd(run, trade(db, plan.instructions - last, plan.seed))
  while ((await countPending(db)) === 0) await pause(5)
  const free = new Set(Array.from({ length: crew.size }, (_, no) => no))
  const struck: { no: number; at: number }[] = []
  while (free.size > 2) {
    const no = await strike(run, [...free], random)
    free.delete(no)
    struck.push({ no, at: performance.now() })
    await pause(strikeMs(fault, plan))
  }
  await untilOver(isOver)
  for (const { no, at } of struck) {
    await pause(Math.max(0, at + plan.lastsMs - performance.now()))
    fault.mend?.(crew, no)
  }
  await untilOver(createEnd(run, trade(db, last, plan.seed + 1)))
}

/**
 * Strikes one of these workers, if it can one that has just claimed something, and sees its claims
 * settled by whoever settles them. Returns which.
 */
async function strike(
  { db, fault, plan, crew, report }: Run,
  among: number[],
  random: () => number,
): Promise<number> {
  let held = new Map<string, string[]>()
  const looksUntil = performance.now() + lookMs
  while (held.size === 0 && performance.now() < looksUntil) {
    held = await readHeld(db, among.map(crew.nameOf))
  }
  const busy = among.filter(no => held.has(crew.nameOf(no)))
  const choice = busy.length > 0 ? busy : among
  const no = choice[Math.floor(random() * choice.length)] ?? 0
  const at = performance.now()
  await fault.strike(db, crew, no)
  report.strikes++
  const ids = held.get(crew.nameOf(no)) ?? []
  if (ids.length > 0) {
    const ms = await untilRescued(db, ids, at, plan.patienceMs)
    report.rescues.push({ held: ids.length, ms })
  }
  return no
}

const strikeMs = (fault: Fault, plan: FaultPlan) => 1000 / fault.perSecond / plan.haste

/** Whether all trades are made and settled; also when that takes too long. */
function createEnd({ db, plan }: Run, trading: Promise<void>): () => Promise<boolean> {
  const deadline = performance.now() + plan.patienceMs
  let isTraded = false
  const traded = trading.then(() => {
    isTraded = true
  })
  return async () => {
    if (performance.now() > deadline) {
      await traded
      return true
    }
    return isTraded && (await countPending(db)) === 0
  }
}

async function untilOver(isOver: () => Promise<boolean>): Promise<void> {
  while (!(await isOver())) await pause(20)
}

async function untilConnected({ db, crew }: Run): Promise<void> {
  const deadline = performance.now() + connectMs
  const names = Array.from({ length: crew.size }, (_, no) => crew.nameOf(no))
  while ((await readConnected(db, names)).size < names.length) {
    if (performance.now() > deadline) throw new Error('the workers do not connect')
    await pause(20)
  }
}
