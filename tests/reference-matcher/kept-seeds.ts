import { readFileSync } from 'node:fs'
import type { Sequence } from './sequences.ts'

/** A sequence on which the two matchers differed once, as small as it was found. */
export interface Kept {
  /** What was wrong, and is not any more. */
  why: string
  sequence: Sequence
}

/**
 * Played by every run. A seed makes other sequences as soon as a feature is switched on, so what a
 * seed had found is kept in full: the last line of a failure is to be put there.
 */
export const keptSequences: readonly Kept[] = readFileSync(
  new URL('kept-sequences.jsonl', import.meta.url),
  'utf8',
)
  .split('\n')
  .filter(line => line !== '')
  .map(line => JSON.parse(line))

/** Seeds of runs that found something, played again with the features of today. */
export const keptSeeds: readonly number[] = [95829827, 95835327, 1030860083, 1401894061]
