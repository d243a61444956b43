import { extend, goesOn, isInClose } from './calls.ts'
import { amend, cancel, cancelAll, findLive } from './changing.ts'
import {
  type Answer,
  answered,
  bodyOf,
  type Command,
  keyOf,
  type PlaceCommand,
} from './commands.ts'
import { end, plainWays, type Ways } from './entering.ts'
import { refuseByFilter } from './filters.ts'
import { isList, listNo } from './list-shapes.ts'
import { cancelLosers, cancelSiblings, nextExit, retryExits } from './lists.ts'
import {
  createList,
  createMarket,
  isLive,
  type Market,
  type Order,
  type OrderList,
  type Phase,
  type PhaseEnd,
  type Rates,
  type Refusal,
  type Rules,
  type Side,
  type Status,
  type Trader,
} from './market.ts'
import { interrupt, moveToPhase, moveToStatus } from './moving.ts'
import { isForAll, refuseByPhase } from './phases.ts'
import { place, reject, release, withdraw } from './placing.ts'
import { watchTrades } from './triggers.ts'

/** The plainest matcher imaginable: the rules one after the other, in memory, slow. */
export interface Matcher {
  readonly market: Market
  /** Commands that are executed together, and what each is answered. */
  execute(commands: readonly Command[], batch: { nowMs: number; isAtomic?: boolean }): Answer[]
  /** Cancels all orders of a participant, or of one side: their numbers. */
  cancelAll(owner: string, side: Side | null, nowMs: number): number[]
  /** Does what is due, without a command. */
  sweep(nowMs: number): void
  /** What somebody is charged from now on. */
  setFees(owner: string, rates: Rates, nowMs: number): void
  /** Takes the market into a phase: for a time, with what follows then, or for good. */
  moveToPhase(phase: Phase, nowMs: number, end?: PhaseEnd | null): void
  /** Into another status: an active one through a call, when it says how long that lasts. */
  moveToStatus(status: Status, nowMs: number, callMs?: number | null): void
}

export function createMatcher(
  rules: Rules,
  traders: readonly Trader[],
  nowMs: number,
  ways: Ways = plainWays,
): Matcher {
  const market = createMarket(rules, traders, nowMs)
  const begin = (atMs: number) => doDue(market, atMs, ways)
  return {
    market,
    execute: (commands, batch) => execute(market, commands, batch, ways),
    cancelAll(owner, side, atMs) {
      // Who has nothing to cancel makes no batch.
      if (findLive(market, owner, side).length === 0) return []
      begin(atMs)
      const orders = cancelAll(market, owner, side, () => followUp(market, ways))
      return orders.map(({ no }) => no)
    },
    sweep(atMs) {
      const follow = () => followUp(market, ways)
      retryExits(market, ways, () => begin(atMs), follow)
    },
    setFees(owner, rates, atMs) {
      market.fees.push({ owner, ...rates, atMs })
    },
    moveToPhase(phase, atMs, end = null) {
      if (market.status !== 'ACTIVE') return
      begin(atMs)
      moveToPhase(market, phase, end)
      followUp(market, ways)
      begin(atMs)
    },
    moveToStatus(status, atMs, callMs = null) {
      if (market.status === 'DELISTED') return
      doDue(market, atMs, ways, { isStopping: status !== 'ACTIVE' })
      moveToStatus(market, status)
      if (status === 'ACTIVE' && callMs !== null) {
        moveToPhase(market, 'CALL', { atMs: market.nowMs + callMs, next: 'CONTINUOUS' })
      }
      followUp(market, ways)
      begin(atMs)
    },
  }
}

type Result = { refusal: Refusal | null; order: Order | null; isRepeat?: boolean }

function execute(
  market: Market,
  given: readonly Command[],
  { nowMs, isAtomic = false }: { nowMs: number; isAtomic?: boolean },
  ways: Ways,
): Answer[] {
  const commands = isForLater(given) ? given : given.map(atOnce)
  const filtered = refuseByFilters(Object.assign({}, market, { nowMs }), commands)
  const isEmpty = filtered.every(refusal => refusal !== null)
  if (isEmpty) return filtered.map(errorCode => ({ errorCode, order: null }))
  const before = isAtomic ? structuredClone(market) : null
  doDue(market, nowMs, ways)
  const results = runAll(market, commands, filtered, ways)
  if (before && breaksAtomic(commands, results)) {
    for (const note of market.notes) before.notes.add(note)
    Object.assign(market, before)
    return results.map(result => undo(market, result))
  }
  return results.map(({ refusal, order, isRepeat }, index) => {
    const isPlace = commands[index]?.op === 'PLACE'
    const told = isPlace || isRepeat ? (order?.first ?? null) : order && answered(order)
    return { errorCode: refusal === 'ALREADY_CANCELLED' ? null : refusal, order: told }
  })
}

/** Orders are accepted for later only where nothing of the batch would have to come after them. */
function isForLater(commands: readonly Command[]): boolean {
  return commands.every(
    command =>
      command.op === 'PLACE' &&
      command.type === 'LIMIT' &&
      command.is_async &&
      command.list_no === undefined,
  )
}

function atOnce(command: Command): Command {
  return command.op === 'PLACE' ? { ...command, is_async: undefined } : command
}

/**
 * The answer to a command of a batch that is not done after all. What had been done before the
 * batch is still so: the order that a repeat asks for, and the end of one that is cancelled again.
 */
function undo(market: Market, { refusal, order, isRepeat }: Result): Answer {
  const isOwn = isFailure(refusal) && refusal !== 'LIST_REFUSED'
  const errorCode = isOwn ? refusal : 'BATCH_ROLLED_BACK'
  const stands = order ? market.orders[order.no] : undefined
  if (isRepeat && stands) return { errorCode: stands.first?.refusal ?? null, order: stands.first }
  if (refusal === 'ALREADY_CANCELLED') return { errorCode: 'ORDER_NOT_OPEN', order: null }
  return { errorCode, order: null }
}

/** All or none: and an order that is gone already is not replaced by a new one. */
function breaksAtomic(commands: readonly Command[], results: readonly Result[]): boolean {
  if (results.some(({ refusal }) => isFailure(refusal))) return true
  const isNew = ({ refusal, isRepeat }: Result, index: number) =>
    refusal === null && !isRepeat && commands[index]?.op === 'PLACE'
  return results.some(({ refusal }) => refusal === 'ALREADY_CANCELLED') && results.some(isNew)
}

/** A list whose one order is refused is refused; the collar looks at what nothing else refuses. */
function refuseByFilters(market: Market, commands: readonly Command[]): (Refusal | null)[] {
  const refusals: (Refusal | null)[] = []
  for (const command of commands) {
    const earlier = commands.filter((_, index) => refusals[index] === null).filter(isPlace)
    refusals.push(refuseByFilter(market, command, earlier))
  }
  const nos = commands.map(listNo)
  return commands.map((_, index) => {
    const no = nos[index]
    const refusal = refusals[index] ?? null
    if (no === undefined) return refusal
    const isMild = (refusal ?? 'PRICE_COLLAR') === 'PRICE_COLLAR'
    if (!isList(commands, no) && isMild) return 'BAD_LIST'
    const found = refusals.filter((one, at) => one !== null && nos[at] === no)
    if (isMild && found.some(one => one !== 'PRICE_COLLAR')) return 'LIST_REFUSED'
    if (refusal !== null) return refusal
    return found.length > 0 ? 'LIST_REFUSED' : null
  })
}

function runAll(
  market: Market,
  commands: readonly Command[],
  filtered: readonly (Refusal | null)[],
  ways: Ways,
): Result[] {
  const lists = new Map<number, OrderList>()
  return commands.map((command, index) => {
    const filter = filtered[index] ?? null
    if (filter !== null) return { refusal: filter, order: null }
    const no = listNo(command)
    const list = no === undefined ? null : (lists.get(no) ?? createList())
    if (no !== undefined && list) lists.set(no, list)
    const result = run(market, command, list, ways)
    // The orders of a list come together: nothing follows before the last of them.
    const next = commands[index + 1]
    if (no === undefined || !next || listNo(next) !== no) followUp(market, ways)
    return result
  })
}

/** One command; what follows from it comes before the next. */
function run(market: Market, command: Command, list: OrderList | null, ways: Ways): Result {
  if (command.op === 'CANCEL') return cancel(market, command)
  if (command.op === 'AMEND') return amend(market, command, ways)
  const keyed = market.keys.get(keyOf(command.client_id, command.client_order_id ?? ''))
  if (keyed && command.client_order_id !== undefined) {
    const isSame = keyed.body === bodyOf(command)
    return isSame
      ? { refusal: keyed.order.first?.refusal ?? null, order: keyed.order, isRepeat: true }
      : { refusal: 'KEY_REUSED', order: null }
  }
  const placed = place(market, command, list, ways)
  if (placed.order) placed.order.first = answered(placed.order)
  return placed
}

/** Stop orders that were reached, and lists that were touched: each a command of its own. */
function followUp(market: Market, ways: Ways): void {
  for (;;) {
    followLists(market, ways)
    if (market.phase !== 'CONTINUOUS' || market.status !== 'ACTIVE') return
    const next = market.fired.shift()
    if (!next) return
    cancelSiblings(market, next)
    release(market, next, ways)
  }
}

function followLists(market: Market, ways: Ways): void {
  do {
    if (market.isInterrupted) interrupt(market)
    watchTrades(market)
    cancelLosers(market)
  } while (nextExit(market, ways))
}

/**
 * What the time has brought: each end of a phase at its own time, with all that is due before.
 * Before a market stops, what was accepted and not matched yet stays so.
 */
function doDue(market: Market, nowMs: number, ways: Ways, { isStopping = false } = {}): void {
  for (;;) {
    const { phaseEnd: end } = market
    const isOver = end !== null && market.status === 'ACTIVE' && end.atMs <= nowMs
    market.nowMs = Math.max(market.nowMs, isOver ? end.atMs : nowMs)
    doDueOrders(market, ways, isStopping)
    if (!isOver) return
    if (goesOn(market, end)) extend(market, end)
    else moveToPhase(market, end.next, null)
    followUp(market, ways)
  }
}

/**
 * First what expires, by its time, then what was accepted and not matched yet, in the order it
 * came; stop orders that fire meanwhile come behind them.
 */
function doDueOrders(market: Market, ways: Ways, isStopping: boolean): void {
  const inClose = isInClose(market)
  const isDue = ({ expireAtMs, timeInForce }: Order) =>
    expireAtMs !== null && expireAtMs <= market.nowMs && !(inClose && timeInForce === 'DAY')
  const due = market.orders
    .filter(order => isLive(order) && isDue(order))
    .toSorted((one, other) => Number(one.expireAtMs) - Number(other.expireAtMs))
  for (const order of due) {
    if (!isLive(order)) continue
    withdraw(market, order)
    end(order, 'EXPIRED', order.timeInForce === 'DAY' ? 'DAY' : 'GTD')
    followLists(market, ways)
  }
  const isActive = market.status === 'ACTIVE' && !isStopping
  for (const order of market.orders.filter(({ pendingReason }) => pendingReason === 'MATCH')) {
    if (!isActive || order.pendingReason !== 'MATCH') continue
    const refusal = isForAll(order) ? null : refuseByPhase(market, order)
    if (refusal === null) release(market, order, ways)
    else reject(order, refusal)
    followLists(market, ways)
  }
  followUp(market, ways)
}

function isFailure(refusal: Refusal | null): boolean {
  return refusal !== null && refusal !== 'ALREADY_CANCELLED'
}

function isPlace(command: Command): command is PlaceCommand {
  return command.op === 'PLACE'
}
