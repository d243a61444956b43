import { multiply, one, toUnits } from '../replay/decimals.ts'
import type { Command } from './commands.ts'
import type { ChangeIntent } from './intents.ts'
import type { Phase, PhaseEnd, Rules, Side, Status, Trader } from './market.ts'
import type { Sequence, Terms } from './sequences.ts'
import { createWriter } from './writing.ts'

/** A symbol of the comparison. They differ in how much is rounded, and in who pays. */
export interface SymbolPlan {
  readonly name: string
  readonly tick: string
  readonly lot: string
  readonly quoteDecimals: number
  readonly makerRate: string
  readonly takerRate: string
}

export const symbolPlans: readonly [SymbolPlan, ...SymbolPlan[]] = [
  plan('AAA-USA', '0.01', '0.001', 8, '0.001', '0.002'),
  plan('BBB-USB', '1', '1', 0, '0.0033', '0.0125'),
  plan('CCC-USC', '0.05', '0.01', 4, '-0.0015', '0.0027'),
]

export const people = ['ann', 'abe', 'bob', 'cat'] as const
/** Those who may be of one trade group. */
const family: readonly string[] = ['ann', 'abe']

/** What a trader has, in lots, and in lots at the middle price, by how wealthy it is. */
export const wealthInLots = [1_000_000, 12, 4] as const

/** In ticks. Prices lie around it, so low that protection and bands are a few ticks wide. */
export const middle = 40

export const startMs = Date.parse('2026-03-02T12:00:00Z')

/** A sequence in the words of one symbol: what both matchers are given. */
export interface Play {
  readonly symbol: SymbolPlan
  readonly rules: Rules
  readonly traders: readonly Trader[]
  readonly steps: readonly PlayStep[]
}

export type PlayStep =
  | { do: 'batch'; nowMs: number; isAtomic: boolean; commands: readonly PlayCommand[] }
  | { do: 'cancel all'; nowMs: number; client_id: string; side: Side | null }
  | { do: 'status'; nowMs: number; to: Status; callMs?: number | null | undefined }
  | { do: 'phase'; nowMs: number; to: Phase; end: PhaseEnd | null }
  | { do: 'fees'; nowMs: number; client_id: string; makerRate: string; takerRate: string }
  | { do: 'sweep'; nowMs: number }

/** A command, and how it is to name an order that stands already. */
export interface PlayCommand {
  readonly command: Command
  readonly by: ChangeIntent['by']
}

/** How a trader is called, which says how wealthy it is. */
export function clientId(person: string, wealth: number): string {
  return `${person}-${wealth}`
}

/** So many lots, and what so many lots cost at the middle price. */
export function fundsOf({ tick, lot }: SymbolPlan, wealth: number) {
  const base = toUnits(lot) * BigInt(wealthInLots[wealth] ?? 0)
  return { base, quote: multiply(base, toUnits(tick) * BigInt(middle)) }
}

export function toPlay(sequence: Sequence): Play {
  const symbol = symbolPlans[sequence.symbol] ?? symbolPlans[0]
  const traders = people.map((person, who) => {
    const wealth = sequence.wealth[who] ?? 0
    const group = sequence.isGrouped && family.includes(person) ? 'family' : null
    return { name: clientId(person, wealth), group, ...fundsOf(symbol, wealth) }
  })
  const write = createWriter(symbol, traders)
  let nowMs = startMs
  const steps = sequence.steps.map(step => {
    nowMs += step.afterMs
    return write(step, nowMs)
  })
  return { symbol, rules: rulesOf(symbol, sequence.terms), traders, steps }
}

function plan(
  name: string,
  tick: string,
  lot: string,
  quoteDecimals: number,
  makerRate: string,
  takerRate: string,
): SymbolPlan {
  return { name, tick, lot, quoteDecimals, makerRate, takerRate }
}

function rulesOf({ tick, lot, quoteDecimals, ...rates }: SymbolPlan, terms: Terms): Rules {
  const notional = (ticksTimesLots: number | null) =>
    ticksTimesLots === null ? null : multiply(toUnits(tick), toUnits(lot)) * BigInt(ticksTimesLots)
  const rate = (text: string | null) => (text === null ? null : toUnits(text))
  return {
    tick: toUnits(tick),
    lot: toUnits(lot),
    quoteUnit: one / 10n ** BigInt(quoteDecimals),
    minQuantity: toUnits(lot) * BigInt(terms.minLots),
    maxQuantity: terms.maxLots === null ? null : toUnits(lot) * BigInt(terms.maxLots),
    minNotional: notional(terms.minNotional) ?? 0n,
    maxNotional: notional(terms.maxNotional),
    protectionRate: toUnits(terms.protection.rate),
    protectionTicks: terms.protection.ticks,
    protectionRests: terms.protectionRests,
    makerRate: toUnits(rates.makerRate),
    takerRate: toUnits(rates.takerRate),
    defaultStp: terms.stp,
    allowedStps: ['NONE', 'CANCEL_TAKER', 'CANCEL_MAKER', 'CANCEL_BOTH', 'DECREMENT'],
    collarRate: rate(terms.collarRate),
    maxIcebergParts: terms.maxIcebergParts,
    minTrailingBips: 100,
    maxTrailingBips: 5000,
    bandRate: rate(terms.bandRate),
    bandAction: terms.bandAction,
    acceptWhenClosed: terms.acceptWhenClosed,
    extensionRate: rate(terms.calls?.extensionRate ?? null),
    extensionMs: terms.calls?.extensionMs ?? 120_000,
    maxExtensions: terms.calls?.maxExtensions ?? 1,
    cancelLockMs: terms.calls?.cancelLockMs ?? 0,
    bandAuctionMs: terms.bandCallMs ?? 300_000,
  }
}
