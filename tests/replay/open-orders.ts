import { toUnits } from './decimals.ts'
import type { Submit } from './order-flow.ts'

/** An order that the file may still name: it rests, or its answer is not there yet. */
export interface OpenOrder {
  /** The file's id, which is the client order id. */
  readonly id: string
  readonly side: 'BUY' | 'SELL'
  /** The service's id, once it answered. */
  orderId: string | undefined
  /** The total quantity, as it was sent last. */
  quantity: bigint
  /** What is not filled, as far as trades were checked. */
  left: bigint
}

/** Forgets what has ended, so that a long replay holds no more than the book does. */
export interface OpenOrders {
  submit(step: Submit): OpenOrder
  find(id: string): OpenOrder | undefined
  /** The answer gave it an order id. */
  name(order: OpenOrder, orderId: string): void
  findNamed(orderId: string): OpenOrder | undefined
  /** Less is left of it; with nothing left it is forgotten. */
  reduce(order: OpenOrder, quantity: bigint): void
  forget(order: OpenOrder): void
  count(): number
}

export function createOpenOrders(): OpenOrders {
  const byId = new Map<string, OpenOrder>()
  const byOrderId = new Map<string, OpenOrder>()

  function forget(order: OpenOrder): void {
    byId.delete(order.id)
    if (order.orderId !== undefined) byOrderId.delete(order.orderId)
  }

  return {
    submit({ id, side, qty }) {
      const quantity = toUnits(qty)
      const order: OpenOrder = {
        id,
        side: side === 'buy' ? 'BUY' : 'SELL',
        orderId: undefined,
        quantity,
        left: quantity,
      }
      byId.set(id, order)
      return order
    },
    find: id => byId.get(id),
    name(order, orderId) {
      order.orderId = orderId
      byOrderId.set(orderId, order)
    },
    findNamed: orderId => byOrderId.get(orderId),
    reduce(order, quantity) {
      order.left -= quantity
      if (order.left <= 0n) forget(order)
    },
    forget,
    count: () => byId.size,
  }
}
