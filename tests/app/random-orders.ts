import { order } from './test-server.ts'

/** Orders of every type at random, between few prices, so that much meets, fires and expires. */

type Facts = Record<string, unknown>

const stps = ['NONE', 'CANCEL_TAKER', 'CANCEL_MAKER', 'CANCEL_BOTH', 'DECREMENT'] as const

export type RandomOrders = ReturnType<typeof randomOrders>

export function randomOrders(random: () => number, symbol: string, now: () => Date) {
  const chances = createChances(random)
  const { pick } = chances
  const common = () => ({
    symbol,
    client_id: pick(['client-A', 'client-B', 'client-C']),
    side: pick(['BUY', 'SELL']),
    quantity: chances.tenths(1, 9),
    price: undefined,
    ...(chances.chance(0.7) ? { stp: pick(stps) } : {}),
  })
  const kinds = [limit, limit, limit, limit, limit, market, stop, stop, trailing]

  return {
    ...chances,
    /** The body of one order. */
    next(): Facts {
      return order({ ...common(), ...pick(kinds)(chances, now()) })
    },
    /** The body of a list of orders. */
    list(): Facts {
      const { client_id, quantity } = common()
      const side = { client_id, side: 'SELL', quantity }
      const entry = order({ ...common(), client_id, side: 'BUY', price: chances.price() })
      const profit = order({ ...common(), ...side, price: chances.price() })
      const loss = { ...profit, type: 'STOP', price: undefined, stop_price: chances.price() }
      const partial = chances.chance(0.5)
      return pick<Facts>([
        { type: 'OCO', orders: [profit, loss] },
        { type: 'OTO', partial, orders: [entry, profit] },
        { type: 'BRACKET', partial, orders: [entry, profit, loss] },
      ])
    },
  }
}

type Chances = ReturnType<typeof createChances>

function createChances(random: () => number) {
  const whole = (from: number, to: number) => from + Math.floor(random() * (to - from + 1))
  return {
    whole,
    chance: (of: number) => random() < of,
    price: () => String(whole(98, 104)),
    /** A quantity of less than one. */
    tenths: (from: number, to: number) => `0.${whole(from, to)}`,
    pick<Value>(values: readonly Value[]): Value {
      const picked = values[whole(0, values.length - 1)]
      if (picked === undefined) throw new Error('there is nothing to pick from')
      return picked
    },
  }
}

function limit({ chance, price, pick, whole }: Chances, now: Date): Facts {
  const facts = { price: price() }
  if (chance(0.3)) return { ...facts, display_quantity: '0.1', quantity: `1.${whole(0, 4)}` }
  if (chance(0.15)) return { ...facts, post_only: true, slide: chance(0.5) }
  if (chance(0.15)) return { ...facts, time_in_force: pick(['IOC', 'FOK']) }
  if (chance(0.7)) return facts
  const expire_at = new Date(now.getTime() + whole(-1, 20) * 1000).toISOString()
  return { ...facts, time_in_force: 'GTD', expire_at }
}

function market({ chance, pick, whole }: Chances): Facts {
  const facts = { type: 'MARKET', time_in_force: pick(['IOC', 'FOK']) }
  return chance(0.5) ? facts : { ...facts, quantity: undefined, quote_quantity: `${whole(5, 90)}` }
}

function stop({ chance, pick, price }: Chances): Facts {
  const facts = { stop_price: price(), trigger_immediately: chance(0.5) }
  if (chance(0.5)) return { ...facts, type: pick(['STOP', 'TAKE_PROFIT']) }
  return { ...facts, type: pick(['STOP_LIMIT', 'TAKE_PROFIT_LIMIT']), price: price() }
}

function trailing({ chance, price, whole }: Chances): Facts {
  return {
    type: 'TRAILING_STOP',
    ...(chance(0.5) ? { trailing_offset: `${whole(1, 3)}` } : { trailing_bips: whole(50, 300) }),
    ...(chance(0.3) ? { activation_price: price() } : {}),
    ...(chance(0.4) ? { limit_offset: `${whole(0, 2)}` } : {}),
  }
}
