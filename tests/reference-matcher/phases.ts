import { areCancelsLocked } from './calls.ts'
import { time } from './commands.ts'
import type { Market, Order, Refusal } from './market.ts'

/** What time, status and phase refuse of a new order: it has reached the matcher and is kept. */
export function refuseEntry(market: Market, order: Order, deadline?: string): Refusal | null {
  const isPast = order.expireAtMs !== null && order.expireAtMs <= market.nowMs
  if (isPast) return 'EXPIRE_AT'
  return refuseLate(market, deadline) ?? refuseByStatus(market) ?? refuseByPhase(market, order)
}

/** A request is too late from its deadline on. */
export function refuseLate({ nowMs }: Market, deadline: string | undefined): Refusal | null {
  const deadlineMs = time(deadline)
  return deadlineMs !== null && nowMs >= deadlineMs ? 'EXPIRED_REQUEST' : null
}

/** The table of phases. */
export function refuseByPhase({ rules, phase, phaseEnd }: Market, order: Order): Refusal | null {
  const { timeInForce: time, type } = order
  const isForCalls = time === 'OPG' || time === 'CLS' || time === 'GFA'
  if (phase === 'CLOSED' && !rules.acceptWhenClosed) return 'SYMBOL_CLOSED'
  if (order.trigger !== null) return null
  if (phase === 'CONTINUOUS') return isForCalls ? 'NOT_IN_CALL' : null
  if (phase === 'CLOSED') {
    return type === 'MARKET' || !isForAll(order) ? 'SYMBOL_CLOSED' : null
  }
  const isClosing = phaseEnd?.next === 'CLOSED'
  if ((time === 'OPG' && isClosing) || (time === 'CLS' && !isClosing)) return 'NOT_IN_CALL'
  return time === 'IOC' || time === 'FOK' || time === 'GTX' ? 'CALL_PHASE' : null
}

/** Whether an order is for every phase. */
export function isForAll({ timeInForce: time }: Order): boolean {
  return time === 'GTC' || time === 'GTD' || time === 'DAY'
}

/** Of an amendment: while only cancels are taken, one that makes an order smaller as well. */
export function refuseAmendment(market: Market, isDownOnly: boolean): Refusal | null {
  if (market.status === 'MAINTENANCE' && isDownOnly) return null
  return refuseByStatus(market) ?? (areCancelsLocked(market) ? 'CANCELS_LOCKED' : null)
}

function refuseByStatus({ status }: Market): Refusal | null {
  if (status === 'DELISTED') return 'SYMBOL_DELISTED'
  if (status === 'HALTED') return 'SYMBOL_HALTED'
  return status === 'MAINTENANCE' ? 'CANCEL_ONLY' : null
}
