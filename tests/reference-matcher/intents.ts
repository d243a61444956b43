import fc from 'fast-check'
import type { Features } from './features.ts'
import type { OrderType, Side, StpMode, TimeInForce } from './market.ts'

/**
 * What a command is to ask, in ticks from the middle and in lots, so that one sequence can be
 * played on every symbol, and stays itself when a part of it is left out.
 */
export type CommandIntent = PlaceIntent | ChangeIntent | { do: 'repeat'; of: number }

export interface PlaceIntent {
  do: 'place'
  who: number
  side: Side
  lots: number
  type: OrderType
  time: TimeInForce
  /** The limit, in ticks from the middle. */
  at?: number | undefined
  quoteLots?: number | undefined
  stopAt?: number | undefined
  atOnce?: boolean | undefined
  behindTicks?: number | undefined
  behindBips?: number | undefined
  activeAt?: number | undefined
  limitBehind?: number | undefined
  postOnly?: boolean | undefined
  slide?: boolean | undefined
  displayLots?: number | undefined
  expireInMs?: number | undefined
  deadlineInMs?: number | undefined
  stp?: StpMode | undefined
  isAsync?: boolean | undefined
  list?: { no: number; role: 'OCO' | 'ENTRY' | 'EXIT'; isPartial?: true | undefined } | undefined
  flaw?: Flaw | undefined
}
export type Flaw = 'half a tick' | 'half a lot' | 'nothing' | 'no price' | 'nobody'

export interface ChangeIntent {
  do: 'cancel' | 'amend'
  /** Which of the orders placed before, and how it is named. */
  of: number
  by: 'key' | 'id' | 'id of an owner' | 'stranger'
  at?: number | undefined
  lots?: number | undefined
  expireInMs?: number | undefined
  time?: 'GTC' | 'GTD' | undefined
  ifNew?: boolean | undefined
  deadlineInMs?: number | undefined
}

type Weighted<Value> = fc.WeightedArbitrary<Value>

const ticks = fc.integer({ min: -6, max: 6 })
const lots = fc.integer({ min: 1, max: 9 })
const side = fc.constantFrom<Side[]>('BUY', 'SELL')
const soon = fc.constantFrom(1, 0, 1000, 60_000)
const modes: StpMode[] = ['NONE', 'CANCEL_TAKER', 'CANCEL_MAKER', 'CANCEL_BOTH', 'DECREMENT']

export function commandIntents(on: Features): fc.Arbitrary<CommandIntent> {
  const choices: Weighted<CommandIntent>[] = [{ arbitrary: limitOrder(on), weight: 12 }]
  const add = (isOn: boolean, weight: number, arbitrary: fc.Arbitrary<CommandIntent>) => {
    if (isOn) choices.push({ arbitrary, weight })
  }
  add(on.market, 3, marketOrder(on))
  add(on.stops, 5, stopOrder(on))
  add(on.trailing, 3, trailingStop(on))
  add(on.cancels, 2, change(on, 'cancel'))
  add(on.amendments, 3, change(on, 'amend'))
  add(on.repeats, 1, fc.record({ do: fc.constant('repeat'), of: fc.nat(40) }))
  return fc.oneof(...choices)
}

/** What any order says; `rare` is what most do not. */
function anyOrder(on: Features) {
  return {
    do: fc.constant('place' as const),
    who: fc.nat(3),
    side,
    lots,
    stp: rare(on.selfTradeModes, 4, fc.constantFrom(...modes)),
    deadlineInMs: rare(on.deadlines, 20, fc.constantFrom(0, -1, 1000)),
    flaw: rare(
      true,
      40,
      fc.constantFrom<Flaw[]>('half a tick', 'half a lot', 'nothing', 'no price', 'nobody'),
    ),
  }
}

/** Each value as often as its weight says; the first is the simplest. */
export function weighted<Value>(...values: [value: Value, weight: number][]): fc.Arbitrary<Value> {
  return fc.constantFrom(...values.flatMap(([value, weight]) => Array(weight).fill(value)))
}

/** A value that one in so many has; nobody while it is off. */
function rare<Value>(
  isOn: boolean,
  oneIn: number,
  value: fc.Arbitrary<Value>,
): fc.Arbitrary<Value | undefined> {
  if (!isOn) return fc.constant(undefined)
  const has = weighted([false, oneIn - 1], [true, 1])
  return fc.tuple(has, value).map(([isThere, found]) => (isThere ? found : undefined))
}

/** How long an order that is no market order is good. */
function timesInForce(on: Features): fc.Arbitrary<TimeInForce> {
  const times: [TimeInForce, number][] = [['GTC', 8]]
  const add = (isOn: boolean, time: TimeInForce) => {
    if (isOn) times.push([time, 1])
  }
  add(on.immediateOrCancel, 'IOC')
  add(on.fillOrKill, 'FOK')
  add(on.goodTillTime, 'GTD')
  for (const time of ['DAY', 'GTX'] as const) add(on.phases, time)
  for (const time of ['GFA', 'OPG', 'CLS'] as const) add(on.auctions, time)
  return weighted(...times)
}

function limitOrder(on: Features): fc.Arbitrary<CommandIntent> {
  return fc
    .record({
      ...anyOrder(on),
      type: fc.constant<OrderType>('LIMIT'),
      time: timesInForce(on),
      at: ticks,
      expireInMs: soon,
      postOnly: rare(on.postOnly, 6, fc.constant(true)),
      slide: rare(on.slide, 2, fc.constant(true)),
      displayLots: rare(on.icebergs, 5, fc.integer({ min: 1, max: 4 })),
      isAsync: rare(on.asynchronous, 8, fc.constant(true)),
    })
    .map(tidy)
}

function marketOrder(on: Features): fc.Arbitrary<CommandIntent> {
  const times: [TimeInForce, number][] = [['IOC', 4]]
  if (on.fillOrKill) times.push(['FOK', 2])
  if (on.auctions) times.push(['OPG', 1], ['CLS', 1])
  return fc
    .record({
      ...anyOrder(on),
      type: fc.constant<OrderType>('MARKET'),
      time: weighted(...times),
      isAsync: rare(on.asynchronous, 8, fc.constant(true)),
      quoteLots: rare(on.quoteSized, 3, fc.integer({ min: 0, max: 12 })),
    })
    .map(tidy)
}

function stopOrder(on: Features): fc.Arbitrary<CommandIntent> {
  const types: OrderType[] = ['STOP', 'STOP_LIMIT']
  if (on.takeProfits) types.push('TAKE_PROFIT', 'TAKE_PROFIT_LIMIT')
  return fc
    .record({
      ...anyOrder(on),
      type: fc.constantFrom(...types),
      time: timesInForce(on),
      expireInMs: soon,
      isAsync: rare(on.asynchronous, 8, fc.constant(true)),
      at: ticks,
      stopAt: ticks,
      atOnce: rare(on.triggerImmediately, 3, fc.constant(true)),
    })
    .map(tidy)
}

function trailingStop(on: Features): fc.Arbitrary<CommandIntent> {
  const distance = fc.oneof(
    fc.record({ behindTicks: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ behindBips: fc.constantFrom(100, 250, 700, 1234, 5001) }),
  )
  const order = fc.record({
    ...anyOrder(on),
    type: fc.constant<OrderType>('TRAILING_STOP'),
    time: timesInForce(on),
    expireInMs: soon,
    activeAt: rare(on.activation, 2, ticks),
    limitBehind: rare(on.limitOffset, 2, fc.integer({ min: 1, max: 3 })),
  })
  return fc.tuple(order, distance).map(([fields, by]) => tidy({ ...fields, ...by }))
}

function change(on: Features, what: 'cancel' | 'amend'): fc.Arbitrary<CommandIntent> {
  const isAmend = what === 'amend'
  return fc.record({
    do: fc.constant(what),
    of: fc.nat(40),
    by: fc.constantFrom<ChangeIntent['by'][]>('key', 'key', 'id', 'id of an owner', 'stranger'),
    at: rare(isAmend, 2, ticks),
    lots: rare(isAmend, 2, fc.integer({ min: 0, max: 12 })),
    expireInMs: rare(isAmend && on.amendedTimes, 4, soon),
    time: rare(isAmend && on.amendedTimes, 6, fc.constantFrom<('GTC' | 'GTD')[]>('GTC', 'GTD')),
    ifNew: rare(!isAmend && on.conditionalCancels, 3, fc.constant(true)),
    deadlineInMs: rare(on.deadlines, 10, fc.constantFrom(0, -1)),
  })
}

/** The orders of a list, which is taken as a whole. */
export function lists(on: Features): fc.Arbitrary<CommandIntent[]>[] {
  return [on.oco ? [ocoList(on)] : [], on.oto ? [otoList(on)] : []].flat()
}

/** Two orders of which one takes the profit and the other cuts the loss. */
function ocoList(on: Features): fc.Arbitrary<CommandIntent[]> {
  return fc.record(exitTerms(on)).map(list => exits(list, { no: list.no, role: 'OCO' }))
}

/** An entry with one exit, or with two of which one cancels the other. */
function otoList(on: Features): fc.Arbitrary<CommandIntent[]> {
  const more = {
    at: ticks,
    count: fc.constantFrom(1, 2),
    isPartial: rare(true, 2, fc.constant(true)),
  }
  return fc.record({ ...exitTerms(on), ...more }).map(list => {
    const { who, side: entrySide, lots: size, no, at, count, isPartial } = list
    const entry: PlaceIntent = {
      do: 'place',
      who,
      side: entrySide,
      lots: size,
      type: 'LIMIT',
      time: 'GTC',
      at,
      list: { no, role: 'ENTRY', isPartial },
    }
    const exitSide = entrySide === 'BUY' ? 'SELL' : 'BUY'
    return [entry, ...exits({ ...list, side: exitSide }, { no, role: 'EXIT' }).slice(0, count)]
  })
}

type Cut = 'at a limit' | 'at any price' | 'behind the market' | 'behind it at a limit'

interface ExitTerms {
  who: number
  side: Side
  lots: number
  profit: number
  loss: number
  cut: Cut
}

function exitTerms({ stops, trailing }: Features) {
  const apart = fc.integer({ min: 1, max: 5 })
  const cut = weighted<Cut>(
    ['at a limit', 3],
    ['at any price', stops ? 2 : 0],
    ['behind the market', trailing ? 1 : 0],
    ['behind it at a limit', trailing ? 1 : 0],
  )
  return { who: fc.nat(3), side, lots, no: fc.nat(1000), profit: apart, loss: apart, cut }
}

function exits({ who, side, lots, ...terms }: ExitTerms, list: PlaceIntent['list'] & {}) {
  const at = side === 'SELL' ? terms.profit : -terms.profit
  const leg: PlaceIntent = { do: 'place', who, side, lots, type: 'LIMIT', time: 'GTC', list }
  return [
    { ...leg, at },
    { ...leg, ...cutLoss(terms, side) },
  ] satisfies PlaceIntent[]
}

function cutLoss({ cut, loss }: Pick<ExitTerms, 'cut' | 'loss'>, side: Side): Partial<PlaceIntent> {
  const sign = side === 'SELL' ? -1 : 1
  if (cut === 'at a limit') {
    return { type: 'STOP_LIMIT', stopAt: sign * loss, at: sign * (loss + 1) }
  }
  if (cut === 'at any price') return { type: 'STOP', time: 'IOC', stopAt: sign * loss }
  const rests = cut === 'behind it at a limit'
  return {
    type: 'TRAILING_STOP',
    behindTicks: loss,
    ...(rests ? { limitBehind: 1 } : { time: 'IOC' }),
  }
}

/** Takes out what the order cannot have: most of what is drawn makes an order that is taken. */
function tidy(intent: PlaceIntent): PlaceIntent {
  const { expireInMs, displayLots, postOnly, slide, at, ...order } = intent
  const isMarket = ['MARKET', 'STOP', 'TAKE_PROFIT'].includes(order.type)
  const isTrailing = order.type === 'TRAILING_STOP'
  const takesAtOnce = order.time === 'IOC' || order.time === 'FOK'
  return {
    ...order,
    ...(!isMarket && !isTrailing && at !== undefined && { at }),
    ...(order.time === 'GTD' && { expireInMs: expireInMs ?? 1000 }),
    ...(displayLots !== undefined && !takesAtOnce && { displayLots }),
    ...(postOnly && !takesAtOnce && { postOnly }),
    ...(postOnly && slide && !takesAtOnce && { slide }),
  }
}
