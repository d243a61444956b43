/** The seed of this run, printed by it; TEST_SEED=… repeats a run. */
export const seed = Number(process.env.TEST_SEED ?? 1)

/** Random numbers in [0, 1) that a seed repeats exactly (mulberry32). */
export function randomNumbers(from: number = seed): () => number {
  let state = from >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
