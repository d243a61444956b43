/**
 * Exact decimals as whole numbers of 10^-18: sums, differences and comparisons cannot round. The
 * checks calculate with these rather than with what they check.
 */
const digits = 18
const shape = /^(-?)(\d+)(?:\.(\d{1,18}))?$/

/** One, in units of 10^-18. */
export const one = 10n ** BigInt(digits)

/** Throws on what is no decimal of at most 18 places. */
export function toUnits(text: string): bigint {
  const [, sign, whole = '', fraction = ''] = shape.exec(text) ?? []
  if (sign === undefined) throw new Error(`${text} is not a decimal of at most 18 places`)
  const units = BigInt(whole + fraction.padEnd(digits, '0'))
  return sign === '-' ? -units : units
}

/** Without exponent and without needless zeros. */
export function printUnits(units: bigint): string {
  const text = (units < 0n ? -units : units).toString().padStart(digits + 1, '0')
  const whole = text.slice(0, -digits)
  const fraction = text.slice(-digits).replace(/0+$/, '')
  return `${units < 0n ? '-' : ''}${whole}${fraction && '.'}${fraction}`
}

/** The product in the same units. Throws when it needs more than 18 places. */
export function multiply(a: bigint, b: bigint): bigint {
  const product = a * b
  if (product % one !== 0n) throw new Error('a product of more than 18 places')
  return product / one
}
