/** Amounts are whole numbers of units. */

export function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

export function most(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

/** To the next multiple of the step; a negative amount towards zero. */
export function roundUp(amount: bigint, step: bigint): bigint {
  const rest = amount % step
  return rest > 0n ? amount - rest + step : amount - rest
}

export function roundDown(amount: bigint, step: bigint): bigint {
  return -roundUp(-amount, step)
}
