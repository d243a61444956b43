import fc from 'fast-check'
import type { Features } from './features.ts'
import { type CommandIntent, commandIntents, lists, weighted } from './intents.ts'
import type { Phase, Side, Status, StpMode } from './market.ts'

/** A random sequence: what the symbol is like, what the traders have, and what is asked of it. */
export interface Sequence {
  /** Which of the symbols, which differ in their units and fees. */
  symbol: number
  terms: Terms
  /** What each trader has: 0 plenty, 1 enough for some orders, 2 for few. */
  wealth: number[]
  /** Whether ann and abe are of one trade group. */
  isGrouped: boolean
  steps: Step[]
}

export interface Terms {
  protection: { rate: string; ticks: number }
  minLots: number
  maxLots: number | null
  /** In ticks x lots. */
  minNotional: number
  maxNotional: number | null
  stp: StpMode
  protectionRests: boolean
  collarRate: string | null
  bandRate: string | null
  bandAction: 'AUCTION' | 'EXPIRE'
  maxIcebergParts: number
  acceptWhenClosed: boolean
  /** None: as usual. */
  calls?: CallTerms | undefined
  bandCallMs?: number | undefined
}

export interface CallTerms {
  extensionRate: string | null
  extensionMs: number
  maxExtensions: number
  cancelLockMs: number
}

/** What somebody may be charged, as maker and as taker. */
export const ratePlans: readonly [maker: string, taker: string][] = [
  ['0.0004', '0.0031'],
  ['-0.001', '0.0019'],
  ['0.0217', '0.05'],
  ['0.03', '0.0019'],
]

export type Step =
  | { do: 'batch'; afterMs: number; isAtomic: boolean; commands: CommandIntent[] }
  | { do: 'cancel all'; afterMs: number; who: number; side: Side | null }
  | { do: 'status'; afterMs: number; to: Status; callMs?: number | null | undefined }
  | { do: 'phase'; afterMs: number; to: Phase; forMs: number | null; next: Phase }
  | { do: 'fees'; afterMs: number; who: number; rates: number }
  | { do: 'sweep'; afterMs: number }

export function sequences(on: Features): fc.Arbitrary<Sequence> {
  return fc.record({
    symbol: fc.nat(2),
    terms: terms(on),
    wealth: fc.array(weighted([0, 6], [1, 2], [2, 1]), { minLength: 4, maxLength: 4 }),
    isGrouped: on.tradeGroups ? fc.boolean() : fc.constant(false),
    steps: fc.array(step(on), { minLength: 1, maxLength: 10, size: 'max' }),
  })
}

function terms(on: Features): fc.Arbitrary<Terms> {
  const only = <Value>(isOn: boolean, value: fc.Arbitrary<Value>, plain: Value) =>
    isOn ? value : fc.constant(plain)
  return fc.record({
    protection: fc.constantFrom(
      { rate: '0.05', ticks: 10 },
      { rate: '0.05', ticks: 0 },
      { rate: '0.011', ticks: 1 },
      { rate: '0', ticks: 3 },
    ),
    minLots: weighted([1, 5], [2, 1]),
    maxLots: weighted<number | null>([null, 5], [7, 1]),
    minNotional: weighted([0, 5], [70, 1]),
    maxNotional: weighted<number | null>([null, 5], [300, 1]),
    stp: only(
      on.selfTradeModes,
      fc.constantFrom<StpMode[]>(
        'CANCEL_TAKER',
        'NONE',
        'CANCEL_MAKER',
        'CANCEL_BOTH',
        'DECREMENT',
      ),
      'CANCEL_TAKER',
    ),
    protectionRests: only(on.protectionRests, fc.boolean(), false),
    collarRate: only(on.collar, weighted<string | null>([null, 3], ['0.08', 1]), null),
    bandRate: only(on.bands, weighted<string | null>([null, 2], ['0.07', 2], ['0.03', 1]), null),
    bandAction: fc.constantFrom<('AUCTION' | 'EXPIRE')[]>('EXPIRE', 'AUCTION'),
    maxIcebergParts: only(on.icebergs, weighted([100, 3], [3, 1]), 100),
    acceptWhenClosed: only(on.phases, weighted([true, 3], [false, 1]), true),
    calls: only(on.auctions, callTerms, undefined),
    bandCallMs: only(on.bands, weighted([300_000, 1], [1000, 2]), undefined),
  })
}

const callTerms = fc.record({
  extensionRate: weighted<string | null>([null, 1], ['0.02', 1]),
  extensionMs: weighted([1000, 1], [120_000, 1]),
  maxExtensions: fc.nat(2),
  cancelLockMs: weighted([0, 2], [29_000, 1], [60_000, 1]),
})

/** Windows of the reference price are minutes, and days end. */
function waits(on: Features): fc.Arbitrary<number> {
  const longer: [ms: number, weight: number][] = []
  if (on.bands) longer.push([300_000, 2])
  if (on.phases) longer.push([43_190_000, 1])
  return weighted([0, 6], [1, 6], [1000, 6], [60_000, 3], ...longer)
}

function step(on: Features): fc.Arbitrary<Step> {
  const afterMs = waits(on)
  const statuses: Status[] = ['ACTIVE', 'HALTED', 'ACTIVE']
  if (on.maintenance) statuses.push('MAINTENANCE', 'ACTIVE')
  if (on.delisting) statuses.push('DELISTED')
  const phases: Phase[] = ['CONTINUOUS', 'CALL', 'CONTINUOUS', 'PRE_OPEN', 'CLOSED']
  const batch: fc.Arbitrary<Step> = fc.record({
    do: fc.constant('batch' as const),
    afterMs,
    isAtomic: on.atomicBatches ? weighted([false, 5], [true, 1]) : fc.constant(false),
    commands: fc.array(commandIntents(on), { minLength: 1, maxLength: 5, size: 'max' }),
  })
  const cancelAll: fc.Arbitrary<Step> = fc.record({
    do: fc.constant('cancel all' as const),
    afterMs,
    who: fc.nat(3),
    side: fc.constantFrom(null, 'BUY', 'SELL'),
  })
  const status: fc.Arbitrary<Step> = fc.record({
    do: fc.constant('status' as const),
    afterMs,
    to: fc.constantFrom(...statuses),
    callMs: on.auctions
      ? weighted<number | null>([null, 2], [1000, 1], [60_000, 1])
      : fc.constant(null),
  })
  const phase: fc.Arbitrary<Step> = fc.record({
    do: fc.constant('phase' as const),
    afterMs,
    to: fc.constantFrom(...phases),
    // Most end soon: where nothing trades, little is compared.
    forMs: weighted<number | null>([1, 2], [30_000, 2], [null, 1]),
    next: weighted<Phase>(['CONTINUOUS', 3], ['CLOSED', 1], ['CALL', 1]),
  })
  const sweep: fc.Arbitrary<Step> = fc.record({ do: fc.constant('sweep' as const), afterMs })
  const fees: fc.Arbitrary<Step> = fc.record({
    do: fc.constant('fees' as const),
    // Behind all that was done: from then on they hold.
    afterMs: weighted([1, 2], [1000, 1]),
    who: fc.nat(3),
    rates: fc.nat(ratePlans.length - 1),
  })
  const other: { arbitrary: fc.Arbitrary<Step>; weight: number }[] = []
  for (const list of lists(on)) {
    const whole = fc.record({
      do: fc.constant('batch' as const),
      afterMs,
      isAtomic: fc.constant(true),
      commands: list,
    })
    other.push({ arbitrary: whole, weight: 4 })
  }
  if (on.massCancels) other.push({ arbitrary: cancelAll, weight: 1 })
  if (on.halts) other.push({ arbitrary: status, weight: 1 })
  if (on.fees) other.push({ arbitrary: fees, weight: 3 })
  if (on.phases) other.push({ arbitrary: phase, weight: 3 })
  if (on.asynchronous || on.goodTillTime || on.oto) other.push({ arbitrary: sweep, weight: 1 })
  return fc.oneof({ arbitrary: batch, weight: 20 }, ...other)
}
