import type { Result } from './venue-client.ts'

/** What a bot did: commands it sent, how many a rule refused, trades that they made. */
export interface Done {
  orders: number
  refused: number
  trades: number
}

export const nothing: Done = { orders: 0, refused: 0, trades: 0 }

export function sum(a: Done, b: Done): Done {
  return {
    orders: a.orders + b.orders,
    refused: a.refused + b.refused,
    trades: a.trades + b.trades,
  }
}

/** Of one command. A trade is counted at its taker, so that it is counted once. */
export function doneBy({ problem, order }: Result, tradesBefore = 0): Done {
  return {
    orders: 1,
    refused: problem?.status === 422 ? 1 : 0,
    trades: order ? takesOf(order.fills) - tradesBefore : 0,
  }
}

/** How often an order took from the book. */
export function takesOf(fills: readonly { liquidity: string }[]): number {
  return fills.filter(fill => fill.liquidity === 'TAKER').length
}
