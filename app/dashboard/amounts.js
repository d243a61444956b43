/**
 * Exact decimals. An amount is a string as the service sent it ('50000', '-0.25'); sums and
 * products run on BigInt, so no digit is ever lost. Only `toPixels` leaves for floating point.
 */

const pattern = /^([+-]?)(\d+)(?:\.(\d*))?$/

/**
 * @param {string} text
 * @returns {{ units: bigint, scale: number }} the value is units / 10^scale
 */
function parse(text) {
  const match = pattern.exec(text)
  if (!match) throw new RangeError(`not a decimal: ${text}`)
  const [, sign, whole, fraction = ''] = match
  const units = BigInt(`${whole}${fraction}`)
  return { units: sign === '-' ? -units : units, scale: fraction.length }
}

/** @param {bigint} units @param {number} scale @returns {string} without needless zeros */
function print(units, scale) {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0')
  const whole = digits.slice(0, digits.length - scale)
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '')
  return `${units < 0n ? '-' : ''}${whole}${fraction ? `.${fraction}` : ''}`
}

/** @param {string} a @param {string} b @returns {[bigint, bigint, number]} both on one scale */
function align(a, b) {
  const left = parse(a)
  const right = parse(b)
  const scale = Math.max(left.scale, right.scale)
  const lift = (/** @type {{ units: bigint, scale: number }} */ x) =>
    x.units * 10n ** BigInt(scale - x.scale)
  return [lift(left), lift(right), scale]
}

/** @param {string} text whether it can be sent as an amount greater than zero */
export function isPositive(text) {
  return pattern.test(text) && parse(text).units > 0n
}

/** @param {string} a @param {string} b */
export function add(a, b) {
  const [left, right, scale] = align(a, b)
  return print(left + right, scale)
}

/** @param {string} a @param {string} b */
export function subtract(a, b) {
  const [left, right, scale] = align(a, b)
  return print(left - right, scale)
}

/** @param {string} a @param {string} b */
export function multiply(a, b) {
  const left = parse(a)
  const right = parse(b)
  return print(left.units * right.units, left.scale + right.scale)
}

/** @param {string} a @param {string} b @returns {number} -1, 0 or 1 */
export function compare(a, b) {
  const [left, right] = align(a, b)
  return left < right ? -1 : left > right ? 1 : 0
}

/** @param {string} a @param {string} b the exact middle of two amounts */
export function middle(a, b) {
  return multiply(add(a, b), '0.5')
}

/** @param {string} text @returns {-1 | 0 | 1} */
export function sign(text) {
  const { units } = parse(text)
  return units < 0n ? -1 : units > 0n ? 1 : 0
}

/**
 * part / whole in per cent, rounded half away from zero; null when whole is zero.
 * @param {string} part @param {string} whole @param {number} decimals
 */
export function percent(part, whole, decimals = 2) {
  const [numerator, denominator] = align(part, whole)
  if (denominator === 0n) return null
  const scaled = numerator * 10n ** BigInt(decimals + 2) * 2n
  const away = scaled < 0n === denominator < 0n ? denominator : -denominator
  return pad(print((scaled + away) / (denominator * 2n), decimals), decimals)
}

/** @param {string} [text] @returns {number} digits behind the point */
export function decimalsOf(text = '') {
  return text.includes('.') ? text.length - text.indexOf('.') - 1 : 0
}

/** @param {string} text @param {number} decimals fills up with zeros, never cuts */
function pad(text, decimals) {
  const has = decimalsOf(text)
  if (has >= decimals) return text
  return `${text}${has === 0 ? '.' : ''}${'0'.repeat(decimals - has)}`
}

/**
 * For people: thousands apart, at least `decimals` digits behind the point, every digit kept.
 * @param {string} text @param {number} decimals
 */
export function show(text, decimals = 0) {
  const [whole = '', fraction] = pad(print(parse(text).units, parse(text).scale), decimals).split(
    '.',
  )
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',').replace('-', '−')
  return fraction === undefined ? grouped : `${grouped}.${fraction}`
}

/** @param {string} text for the geometry of bars and charts, never for a figure that is read */
export function toPixels(text) {
  return Number(text)
}
