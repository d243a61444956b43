import { buy, command, sell, type TestCommand } from './market.ts'

export interface FlowPlan {
  random: () => number
  traders: readonly string[]
  /** Prices lie around it, so close that half of the orders trade. */
  middle: number
  /** What a price and a quantity is a multiple of, and how many decimals it has. */
  tickDecimals?: number
  lotDecimals?: number
  /** Names the orders of this flow; two flows of one trader need two. */
  name?: string
}

/**
 * Orders without end as a market has them: limit, market, IOC and FOK, cancels and amends of what
 * was placed before (and may be gone by then). The same random numbers give the same flow.
 */
export function createFlow(plan: FlowPlan): (count: number) => TestCommand[] {
  const { random, traders, middle, tickDecimals = 2, lotDecimals = 3, name = 'flow' } = plan
  const placed: { client_id: string; client_order_id: string }[] = []
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)]
  const quantity = () => decimal(1 + Math.floor(random() * 20), lotDecimals)
  const price = () =>
    decimal(middle * 10 ** tickDecimals + Math.floor(random() * 41) - 20, tickDecimals)

  function place(): TestCommand {
    const client_id = pick(traders) ?? ''
    const client_order_id = `${name}-${placed.length}`
    placed.push({ client_id, client_order_id })
    const order = random() < 0.5 ? buy : sell
    const what = random()
    if (what < 0.1) {
      const fields = { type: 'MARKET', time_in_force: 'IOC', price: null, client_order_id }
      return order(client_id, quantity(), '', fields)
    }
    const time_in_force = what < 0.2 ? 'IOC' : what < 0.3 ? 'FOK' : 'GTC'
    return order(client_id, quantity(), price(), { time_in_force, client_order_id })
  }

  function change(): TestCommand {
    const named = pick(placed.slice(-50))
    if (named === undefined) return place()
    if (random() < 0.6) return command({ op: 'CANCEL', ...named })
    const changes = random() < 0.5 ? { price: price() } : { quantity: quantity() }
    return command({ op: 'AMEND', ...named, ...changes })
  }

  return count => Array.from({ length: count }, () => (random() < 0.8 ? place() : change()))
}

function decimal(units: number, decimals: number): string {
  const digits = String(Math.round(units)).padStart(decimals + 1, '0')
  const point = digits.length - decimals
  return decimals === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`
}
