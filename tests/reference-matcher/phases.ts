import { isMarket, type Market, type Order, type Refusal } from './market.ts'

/** What the symbol's status and phase refuse of a new order: the table of phases. */
export function refuseEntry(market: Market, order: Order): Refusal | null {
  const halt = refuseByStatus(market)
  if (halt !== null) return halt
  const { timeInForce: time } = order
  const isForCalls = time === 'OPG' || time === 'CLS' || time === 'GFA'
  const waits = order.trigger !== null
  const isAtOnce = !waits && (isMarket(order) || time === 'IOC' || time === 'FOK')
  if (market.phase === 'CLOSED') {
    const isTaken = market.rules.acceptWhenClosed && !isAtOnce && !isForCalls && time !== 'GTX'
    return isTaken ? null : 'SYMBOL_CLOSED'
  }
  if (market.phase === 'CONTINUOUS') return isForCalls ? 'NOT_IN_CALL' : null
  if (isForCalls) return null
  return isAtOnce || time === 'GTX' ? 'CALL_PHASE' : null
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
