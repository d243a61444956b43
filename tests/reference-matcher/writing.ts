import { multiply, printUnits, toUnits } from '../replay/decimals.ts'
import type { AmendCommand, CancelCommand, PlaceCommand } from './commands.ts'
import type { ChangeIntent, CommandIntent, PlaceIntent } from './intents.ts'
import type { Trader } from './market.ts'
import { middle, type PlayCommand, type PlayStep, type SymbolPlan } from './plays.ts'
import { ratePlans, type Step } from './sequences.ts'

/** Writes steps in the words of a symbol; remembers what was placed, to name it later. */
export function createWriter(symbol: SymbolPlan, traders: readonly Trader[]) {
  const words = { symbol, traders, figures: createFigures(symbol) }
  const placed: PlaceCommand[] = []
  const earlier = (count: number) => placed[count % Math.max(1, placed.length)]

  function write(intent: CommandIntent, nowMs: number): PlayCommand[] {
    if (intent.do === 'repeat') {
      const repeated = earlier(intent.of)
      return repeated ? [{ command: repeated, by: 'key' }] : []
    }
    if (intent.do !== 'place') {
      return [{ command: writeChange(words, intent, earlier(intent.of), nowMs), by: intent.by }]
    }
    const command = spoil(words, writePlace(words, intent, `k${placed.length}`, nowMs), intent.flaw)
    placed.push(command)
    return [{ command, by: 'key' }]
  }

  return (step: Step, nowMs: number): PlayStep => {
    const { afterMs: _, ...what } = step
    if (what.do === 'cancel all') {
      return { do: 'cancel all', nowMs, client_id: traders[what.who]?.name ?? '', side: what.side }
    }
    if (what.do === 'phase') {
      const { to, forMs, next } = what
      return { do: 'phase', nowMs, to, end: forMs === null ? null : { atMs: nowMs + forMs, next } }
    }
    if (what.do === 'fees') {
      const [makerRate, takerRate] = ratePlans[what.rates] ?? ['0', '0']
      return { do: 'fees', nowMs, client_id: traders[what.who]?.name ?? '', makerRate, takerRate }
    }
    if (what.do !== 'batch') return { ...what, nowMs }
    return { ...what, nowMs, commands: what.commands.flatMap(intent => write(intent, nowMs)) }
  }
}

interface Words {
  readonly symbol: SymbolPlan
  readonly traders: readonly Trader[]
  readonly figures: ReturnType<typeof createFigures>
}

function writePlace(
  { figures, traders }: Words,
  intent: PlaceIntent,
  client_order_id: string,
  nowMs: number,
): PlaceCommand {
  const { price, ticks, lots, cost } = figures
  const { quoteLots, list } = intent
  return {
    op: 'PLACE',
    client_id: intent.flaw === 'nobody' ? 'nobody' : (traders[intent.who]?.name ?? ''),
    client_order_id,
    side: intent.side,
    type: intent.type,
    time_in_force: intent.time,
    price: price(intent.at),
    quantity: quoteLots === undefined ? lots(intent.lots) : undefined,
    quote_quantity: cost(quoteLots),
    stop_price: price(intent.stopAt),
    trigger_immediately: intent.atOnce,
    trailing_offset: ticks(intent.behindTicks),
    trailing_bips: intent.behindBips,
    activation_price: price(intent.activeAt),
    limit_offset: ticks(intent.limitBehind),
    post_only: intent.postOnly,
    slide: intent.slide,
    display_quantity: lots(intent.displayLots),
    expire_at: timeAfter(nowMs, intent.expireInMs),
    deadline: timeAfter(nowMs, intent.deadlineInMs),
    stp: intent.stp,
    is_async: intent.isAsync,
    list_no: list?.no,
    list_role: list?.role,
    list_is_partial: list?.isPartial,
  }
}

function spoil(words: Words, command: PlaceCommand, flaw: PlaceIntent['flaw']): PlaceCommand {
  const { symbol, figures } = words
  const { price = figures.price(0) ?? '', quantity } = command
  if (flaw === 'half a tick') return { ...command, price: plusHalf(price, symbol.tick) }
  if (flaw === 'no price') return { ...command, price: undefined }
  if (quantity === undefined) return command
  if (flaw === 'nothing') return { ...command, quantity: '0' }
  return flaw === 'half a lot' ? { ...command, quantity: plusHalf(quantity, symbol.lot) } : command
}

function writeChange(
  { figures, traders }: Words,
  intent: ChangeIntent,
  target: PlaceCommand | undefined,
  nowMs: number,
): AmendCommand | CancelCommand {
  const owner = target?.client_id ?? traders[0]?.name ?? ''
  const stranger = traders.find(({ name }) => name !== owner)?.name
  const named = {
    client_id: intent.by === 'stranger' ? stranger : owner,
    client_order_id: target?.client_order_id ?? 'none',
    deadline: timeAfter(nowMs, intent.deadlineInMs),
  }
  if (intent.do === 'cancel') {
    return { op: 'CANCEL', ...named, only_if: intent.ifNew ? 'NEW' : undefined }
  }
  return {
    op: 'AMEND',
    ...named,
    price: figures.price(intent.at),
    quantity: figures.lots(intent.lots),
    expire_at: timeAfter(nowMs, intent.expireInMs),
    time_in_force: intent.time,
  }
}

/** Counts of ticks and lots as the symbol writes them. */
function createFigures(symbol: SymbolPlan) {
  const tick = toUnits(symbol.tick)
  const lot = toUnits(symbol.lot)
  const times = (unit: bigint, count: number | undefined) =>
    count === undefined ? undefined : printUnits(unit * BigInt(count))
  return {
    /** So many ticks from the middle. */
    price: (at: number | undefined) => (at === undefined ? undefined : times(tick, middle + at)),
    ticks: (count: number | undefined) => times(tick, count),
    lots: (count: number | undefined) => times(lot, count),
    /** What so many lots cost at the middle, and a little more. */
    cost: (count: number | undefined) =>
      count === undefined ? undefined : times(multiply(tick, lot), middle * count + 1),
  }
}

function plusHalf(value: string, step: string): string {
  return printUnits(toUnits(value) + toUnits(step) / 2n)
}

function timeAfter(nowMs: number, ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(nowMs + ms).toISOString()
}
