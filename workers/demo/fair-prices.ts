import type { Decimal } from 'decimal.js'
import { createRandom } from './random.ts'

/** What each asset is worth in the demo's world, in dollars: its bots know, and nobody else. */
export interface FairPrices {
  of(asset: string): Decimal
  /** One step of the walk of an asset. */
  move(asset: string): void
}

/** The standard deviation of a step: some 0.1 % a minute at the default rate. */
const stepSize = 0.0001
/** How much of its distance to the start a price goes back in a step: days pass, it stays near. */
const pull = 0.0002

/** A random walk of each asset, from the given start. */
export function createFairPrices(seed: number, start: ReadonlyMap<string, Decimal>): FairPrices {
  const walks = new Map(
    [...start].map(([asset, value]) => {
      return [asset, { start: value, at: value, random: createRandom(seed, `price of ${asset}`) }]
    }),
  )
  const walkOf = (asset: string) => {
    const walk = walks.get(asset)
    if (walk === undefined) throw new Error(`no fair price of ${asset}`)
    return walk
  }
  return {
    of: asset => walkOf(asset).at,
    move(asset) {
      const walk = walkOf(asset)
      const away = walk.at.div(walk.start).minus(1)
      const change = away.times(-pull).plus(stepSize * walk.random.normal())
      walk.at = walk.at.times(change.plus(1)).toSignificantDigits(12)
    },
  }
}
