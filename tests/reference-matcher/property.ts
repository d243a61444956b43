import fc from 'fast-check'
import { compare, type HowToCompare } from './comparison.ts'
import { type Features, features } from './features.ts'
import { type Sequence, sequences } from './sequences.ts'
import type { SqlMarket } from './sql-market.ts'

export interface Run {
  /** As many lanes as sequences are to be played side by side, each on a database of its own. */
  lanes: readonly SqlMarket[]
  sequences: number
  seed: number
  on?: Features
  how?: HowToCompare
  /** Whether a smaller sequence is looked for when two differ. */
  isShrunk?: boolean
  /** Told after each sequence. */
  onProgress?: (total: Totals) => void
}

export interface Totals {
  sequences: number
  commands: number
  trades: number
  /** How many were not compared to their end, by the reason. */
  cut: Map<string, number>
}

export interface Failure {
  seed: number
  path: string
  /** The smallest sequence found on which the two differ, and how they do. */
  sequence: Sequence
  words: string
}

/** How long a smaller sequence is looked for. */
const shrinkMs = 20_000

/** Plays random sequences on both matchers: what was played, and where the two first differed. */
export async function play(run: Run): Promise<{ totals: Totals; failures: Failure[] }> {
  const totals = { sequences: 0, commands: 0, trades: 0, cut: new Map<string, number>() }
  const count = Math.ceil(run.sequences / run.lanes.length)
  const found = await Promise.all(
    run.lanes.map((sql, lane) => playLane(sql, run, run.seed + lane, count, totals)),
  )
  return { totals, failures: found.filter(failure => failure !== null) }
}

async function playLane(
  sql: SqlMarket,
  { on = features, how = {}, isShrunk = true, onProgress }: Run,
  seed: number,
  numRuns: number,
  totals: Totals,
): Promise<Failure | null> {
  let failedAtMs = Number.POSITIVE_INFINITY
  const property = fc.asyncProperty(sequences(on), async sequence => {
    // What is smallest by then is small enough.
    if (performance.now() - failedAtMs > shrinkMs) return
    const { differences, commands, trades, cutBy } = await compare(sql, sequence, how)
    totals.sequences += 1
    totals.commands += commands
    totals.trades += trades
    if (cutBy !== null) totals.cut.set(cutBy, (totals.cut.get(cutBy) ?? 0) + 1)
    onProgress?.(totals)
    if (differences.length === 0) return
    failedAtMs = Math.min(failedAtMs, performance.now())
    throw new Error(differences.join('\n'))
  })
  const details = await fc.check(property, { seed, numRuns, endOnFailure: !isShrunk })
  if (!details.failed) return null
  const [sequence] = details.counterexample ?? []
  const { errorInstance, counterexamplePath } = details
  if (sequence === undefined) throw new Error(`the property stopped: ${errorInstance}`)
  const words = errorInstance instanceof Error ? errorInstance.message : String(errorInstance)
  return { seed, path: counterexamplePath ?? '', sequence, words }
}

/** A failure as a person needs it: how the two differ, and what to keep of it. */
export function printFailure({ seed, path, sequence, words }: Failure): string {
  return `seed ${seed}, path ${path}\n${words}\nto be kept: ${JSON.stringify(sequence)}`
}
