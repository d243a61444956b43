/** A batch of random limit orders around a price, as the text of a matching.command[]. */
export interface FlowOptions {
  random: () => number
  participants: number
  /** How far prices spread to each side, in ticks of 0.01. */
  spreadTicks: number
}

const middleTicks = 5_000_000

export function commandsLiteral(count: number, flow: FlowOptions, keyPrefix: string): string {
  const commands = Array.from({ length: count }, (_, i) =>
    commandLiteral(flow, `${keyPrefix}-${i}`),
  )
  return `{${commands.map(text => `"${text}"`).join(',')}}`
}

function commandLiteral(flow: FlowOptions, key: string): string {
  const { side, price, quantity, client, timeInForce } = randomOrder(flow)
  return `(PLACE,${client},${side},LIMIT,${timeInForce},${price},${quantity},,${key},)`
}

export function randomOrder({ random, participants, spreadTicks }: FlowOptions) {
  const offset = Math.floor((random() + random() - 1) * spreadTicks)
  const ticks = middleTicks + offset
  return {
    client: `bench-${Math.floor(random() * participants)}`,
    side: random() < 0.5 ? 'BUY' : 'SELL',
    timeInForce: random() < 0.1 ? 'IOC' : 'GTC',
    price: `${Math.floor(ticks / 100)}.${String(ticks % 100).padStart(2, '0')}`,
    quantity: `0.${String(1 + Math.floor(random() * 9999)).padStart(4, '0')}`,
  }
}
