/** Random limit orders around a price. */
export interface FlowOptions {
  random: () => number
  participants: number
  /** How far prices spread to each side, in ticks of 0.01. */
  spreadTicks: number
}

/** A matching.command that places an order: the names are those of its attributes. */
export interface Command {
  op: 'PLACE'
  client_id: string
  side: 'BUY' | 'SELL'
  type: 'LIMIT'
  time_in_force: 'GTC' | 'IOC'
  price: string
  quantity: string
  idempotency_key: string
}

export const middleTicks = 5_000_000

/** A batch of them, each with a key of its own. */
export function randomCommands(count: number, flow: FlowOptions, keyPrefix: string): Command[] {
  return Array.from({ length: count }, (_, i) => {
    const { side, price, quantity, client, timeInForce } = randomOrder(flow)
    return {
      op: 'PLACE',
      client_id: client,
      side,
      type: 'LIMIT',
      time_in_force: timeInForce,
      price,
      quantity,
      idempotency_key: `${keyPrefix}-${i}`,
    }
  })
}

export function randomOrder({ random, participants, spreadTicks }: FlowOptions) {
  const offset = Math.floor((random() + random() - 1) * spreadTicks)
  return {
    client: `bench-${Math.floor(random() * participants)}`,
    side: random() < 0.5 ? ('BUY' as const) : ('SELL' as const),
    timeInForce: random() < 0.1 ? ('IOC' as const) : ('GTC' as const),
    price: priceOf(middleTicks + offset),
    quantity: `0.${String(1 + Math.floor(random() * 9999)).padStart(4, '0')}`,
  }
}

export function priceOf(ticks: number): string {
  return `${Math.floor(ticks / 100)}.${String(ticks % 100).padStart(2, '0')}`
}
