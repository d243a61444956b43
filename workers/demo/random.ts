/** Random numbers that a seed and a name repeat exactly, on every machine. */
export interface Random {
  /** In [0, 1). */
  next(): number
  /** Around 0, with a standard deviation of 1. */
  normal(): number
  /** One of them, each as likely. */
  pick<Item>(items: readonly [Item, ...Item[]]): Item
}

/** A stream of its own for each name, so that one bot's draws do not move another's. */
export function createRandom(seed: number, name: string): Random {
  let state = hash(name, seed)
  // mulberry32
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return {
    next,
    // A sum of twelve, and no logarithm, whose last digit differs between machines.
    normal: () => Array.from({ length: 12 }, next).reduce((sum, value) => sum + value, -6),
    pick: items => items[Math.floor(next() * items.length)] ?? items[0],
  }
}

/** FNV-1a. */
function hash(text: string, seed: number): number {
  let value = (2166136261 ^ seed) >>> 0
  for (const char of text) value = Math.imul(value ^ (char.codePointAt(0) ?? 0), 16777619) >>> 0
  return value
}
