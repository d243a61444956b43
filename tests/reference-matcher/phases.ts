import { time } from './commands.ts'
import { isMarket, type Market, type Order, type Refusal } from './market.ts'

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
function refuseByPhase(market: Market, order: Order): Refusal | null {
  const { timeInForce } = order
  const isForCalls = timeInForce === 'OPG' || timeInForce === 'CLS' || timeInForce === 'GFA'
  const waits = order.trigger !== null
  const isAtOnce = !waits && (isMarket(order) || timeInForce === 'IOC' || timeInForce === 'FOK')
  if (market.phase === 'CLOSED') {
    const isTaken =
      market.rules.acceptWhenClosed && !isAtOnce && (timeInForce === 'GTC' || timeInForce === 'GTD')
    return isTaken ? null : 'SYMBOL_CLOSED'
  }
  if (market.phase === 'CONTINUOUS') return isForCalls ? 'NOT_IN_CALL' : null
  if (isForCalls) return null
  return isAtOnce || timeInForce === 'GTX' ? 'CALL_PHASE' : null
}

/** Of an amendment: while only cancels are taken, one that makes an order smaller as well. */
export function refuseAmendment(market: Market, isDownOnly: boolean): Refusal | null {
  if (market.status === 'MAINTENANCE' && isDownOnly) return null
  return refuseByStatus(market)
}

function refuseByStatus({ status }: Market): Refusal | null {
  if (status === 'DELISTED') return 'SYMBOL_DELISTED'
  if (status === 'HALTED') return 'SYMBOL_HALTED'
  return status === 'MAINTENANCE' ? 'CANCEL_ONLY' : null
}
