import { Decimal } from 'decimal.js'

/** Which amounts a field takes. */
export type Sign = 'POSITIVE' | 'NOT_NEGATIVE' | 'ANY'

/** Why a value is no amount: the code of the problem, and the rule as the end of a sentence. */
export interface AmountFault {
  readonly code: 'MISSING_FIELD' | 'INVALID_FIELD' | 'NOT_A_NUMBER' | 'PRECISION' | 'NOT_POSITIVE'
  readonly rule: string
}

/** Digits before and after the point. Wide enough for every asset, and exact in SQL. */
const shape = /^(-?)(\d{1,20})(?:\.(\d{1,18}))?$/
const anyLength = /^-?\d+(?:\.\d+)?$/
/** A double carries this many decimal digits for certain; more may already be another number. */
const exactDigits = 15

/**
 * An amount as it came in JSON, as the one decimal string that stands for it from here on: without
 * exponent and without needless zeros.
 */
export function readAmount(value: unknown, sign: Sign = 'POSITIVE'): string | AmountFault {
  if (typeof value === 'string') return readText(value, sign)
  if (value === undefined) return missing
  if (typeof value !== 'number') return notText
  if (!Number.isFinite(value)) return tooLarge
  const decimal = new Decimal(value)
  return decimal.precision() > exactDigits ? inexact : readText(decimal.toFixed(), sign)
}

function readText(text: string, sign: Sign): string | AmountFault {
  const parts = shape.exec(text)
  if (!parts) return anyLength.test(text) ? tooManyDigits : notDecimal
  const whole = (parts[2] ?? '').replace(/^0+(?=\d)/, '')
  const fraction = (parts[3] ?? '').replace(/0+$/, '')
  const amount = fraction === '' ? whole : `${whole}.${fraction}`
  const isNegative = parts[1] === '-' && amount !== '0'
  if (isNegative && sign !== 'ANY') return sign === 'POSITIVE' ? notPositive : negative
  if (amount === '0' && sign === 'POSITIVE') return notPositive
  return isNegative ? `-${amount}` : amount
}

const missing = { code: 'MISSING_FIELD', rule: 'is missing' } as const
const tooLarge = { code: 'PRECISION', rule: 'is too large for a number' } as const
const notText = { code: 'INVALID_FIELD', rule: 'is not a decimal string or a number' } as const
const notDecimal = { code: 'NOT_A_NUMBER', rule: 'is not a decimal number such as "0.25"' } as const
const notPositive = { code: 'NOT_POSITIVE', rule: 'is not greater than zero' } as const
const negative = { code: 'NOT_POSITIVE', rule: 'is less than zero' } as const
const tooManyDigits = {
  code: 'PRECISION',
  rule: 'has more than 20 digits before or 18 after the decimal point',
} as const
const inexact = {
  code: 'PRECISION',
  rule: `has more than ${exactDigits} significant digits: send it as a string`,
} as const

/**
 * The first field of a JSON text whose number has more digits than a double carries, if any. It has
 * to be found in the text: once parsed it is another number, and looks innocent.
 */
export function findInexactNumber(json: string): string | undefined {
  if (!manyDigits.test(json)) return undefined
  let name = ''
  for (const [, text = '', colon, digits = ''] of json.matchAll(stringOrNumber)) {
    if (colon) name = text
    const significant = digits.replace('.', '').replace(/^0+/, '').replace(/0+$/, '')
    if (significant.length > exactDigits) return name
  }
  return undefined
}
const manyDigits = /\d[\d.]{15}/
/** Strings are taken whole, with the colon behind a name, so that digits in them are no number. */
const stringOrNumber = /"((?:[^"\\]|\\.)*)"(\s*:)?|(\d[\d.]*)/g

/** The amount with the other sign: what is taken away, as a change. */
export function negated(amount: string): string {
  if (isZeroAmount(amount)) return '0'
  return amount.startsWith('-') ? amount.slice(1) : `-${amount}`
}

/** What is left of an amount when another is taken away. */
export function difference(amount: string, other: string): string {
  return new Exact(amount).minus(other).toFixed()
}
/** Digits enough for any two amounts: as the library comes, it rounds to 20. */
const Exact = Decimal.clone({ precision: 60 })

/** What is left of an amount of money after these fills and their fees. */
export function leftAfter(
  amount: string,
  fills: readonly { price: string; quantity: string; fee: string }[],
): string {
  const spent = fills.map(fill => new Exact(fill.price).times(fill.quantity).plus(fill.fee))
  return spent.reduce((left, one) => left.minus(one), new Exact(amount)).toFixed()
}

export function isZeroAmount(amount: string): boolean {
  return /^-?0+(?:\.0+)?$/.test(amount)
}
