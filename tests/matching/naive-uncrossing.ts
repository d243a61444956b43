/** An order of a call in whole numbers, in the order in which they came. */
export interface CallOrder {
  id: string
  side: 'BUY' | 'SELL'
  price: bigint
  quantity: bigint
}

export interface Fill {
  buy: string
  sell: string
  quantity: bigint
}

/** Rules [MAT-071] and [MAT-072] as they are said, tick by tick and unit by unit. */
export function naiveUncrossing(orders: readonly CallOrder[], reference: bigint | null) {
  const limits = orders.map(({ price }) => price)
  const ticks = range(least(limits), most(limits))
  const tried = ticks.map(price => {
    const demand = total(orders.filter(order => trades(order, 'BUY', price)))
    const supply = total(orders.filter(order => trades(order, 'SELL', price)))
    return { price, volume: demand < supply ? demand : supply, net: demand - supply }
  })
  const volume = most(tried.map(each => each.volume))
  if (volume === 0n) return { price: null, volume, net: 0n, fills: [] }
  const full = tried.filter(each => each.volume === volume)
  const surplus = least(full.map(({ net }) => size(net)))
  const best = full.filter(({ net }) => size(net) === surplus)
  const { price, net } = chosen(best, nearest(best, reference ?? middle(orders)))
  return { price, volume, net, fills: allocate(orders, price, volume) }
}

type Tried = { price: bigint; net: bigint }

function chosen(best: readonly Tried[], near: Tried): Tried {
  if (best.every(({ net }) => net > 0n)) return best.at(-1) ?? near
  if (best.every(({ net }) => net < 0n)) return best[0] ?? near
  return near
}

function nearest(best: readonly Tried[], reference: bigint): Tried {
  const distance = ({ price }: Tried) => size(price - reference)
  const [first = { price: 0n, net: 0n }] = best
  return best.reduce((near, each) => (distance(each) < distance(near) ? each : near), first)
}

/** Of the best bid and the best ask, rounded up; of one where the other is not there. */
function middle(orders: readonly CallOrder[]): bigint {
  const prices = (side: string) =>
    orders.filter(order => order.side === side).map(({ price }) => price)
  const [bids, asks] = [prices('BUY'), prices('SELL')]
  const bid = bids.length > 0 ? most(bids) : least(asks)
  const ask = asks.length > 0 ? least(asks) : most(bids)
  return (bid + ask + 1n) / 2n
}

function allocate(orders: readonly CallOrder[], price: bigint, volume: bigint): Fill[] {
  const units = (side: 'BUY' | 'SELL') =>
    orders
      .map((order, place) => ({ ...order, place }))
      .filter(order => trades(order, side, price))
      .sort((a, b) => rank(a) - rank(b) || a.place - b.place)
      .flatMap(({ id, quantity }) => Array<string>(Number(quantity)).fill(id))
      .slice(0, Number(volume))
  const sellers = units('SELL')
  const fills: Fill[] = []
  for (const [n, buy] of units('BUY').entries()) {
    const sell = sellers[n] ?? ''
    const last = fills.at(-1)
    if (last?.buy === buy && last.sell === sell) last.quantity += 1n
    else fills.push({ buy, sell, quantity: 1n })
  }
  return fills
}

/** Smaller is better on its side. */
function rank({ side, price }: CallOrder): number {
  return Number(side === 'BUY' ? -price : price)
}

function trades(order: CallOrder, side: 'BUY' | 'SELL', price: bigint): boolean {
  if (order.side !== side) return false
  return side === 'BUY' ? order.price >= price : order.price <= price
}

const size = (value: bigint) => (value < 0n ? -value : value)
const least = (values: readonly bigint[]) => values.reduce((a, b) => (a < b ? a : b))
const most = (values: readonly bigint[]) => values.reduce((a, b) => (a > b ? a : b), 0n)
const total = (orders: readonly CallOrder[]) => orders.reduce((sum, o) => sum + o.quantity, 0n)
const range = (from: bigint, to: bigint) =>
  Array.from({ length: Number(to - from) + 1 }, (_, n) => from + BigInt(n))
