import { writeFileSync } from 'node:fs'

/** Random order flow, with what the plainest price-time book imaginable makes of it. */
export function writeNaiveFlow(file: string, count: number, random: () => number): void {
  const book: Book = []
  const steps = Array.from({ length: count }, (_, index) => {
    const step = createStep(book, random, `flow-${index}`)
    const outcome = step.op === 'submit' ? submit(book, step) : change(book, step)
    return { ...step, row: index + 1, expect: { ...outcome, ...look(book) } }
  })
  const lines = [{ meta: { symbol: 'RANDOM', seed_orders: 0 } }, ...steps]
  writeFileSync(file, lines.map(line => JSON.stringify(line)).join('\n'))
}

type Step =
  | { op: 'submit'; id: string; side: Side; type: string; tif: string; price?: string; qty: string }
  | { op: 'cancel'; id: string }
  | { op: 'replace'; id: string; price?: string; qty_delta?: string }
type Side = 'buy' | 'sell'

/** The resting orders in the order of their arrival. */
type Book = Resting[]

interface Resting {
  id: string
  side: Side
  /** In ticks of 0.01. */
  price: number
  left: number
}

/** Prices lie so close together that about half of the orders trade. */
function createStep(book: Book, random: () => number, id: string): Step {
  const upTo = (most: number) => 1 + Math.floor(random() * most)
  const price = () => printPrice(9980 + upTo(40))
  const what = random()
  const named = book[Math.floor(random() * book.length)]
  if (named && what < 0.1) return { op: 'cancel', id: named.id }
  if (named && what < 0.15) return { op: 'replace', id: named.id, price: price() }
  if (named && what < 0.25 && named.left > 1) {
    return { op: 'replace', id: named.id, qty_delta: `-${upTo(named.left - 1)}` }
  }
  const order = { op: 'submit', id, side: random() < 0.5 ? 'buy' : 'sell' } as const
  const qty = String(upTo(20))
  if (what < 0.3) return { ...order, type: 'MARKET', tif: 'IOC', qty }
  const tif = what < 0.35 ? 'IOC' : what < 0.45 ? 'FOK' : 'GTC'
  return { ...order, type: 'LIMIT', tif, price: price(), qty }
}

function submit(book: Book, step: Step & { op: 'submit' }) {
  const limit = step.side === 'buy' ? Number.MAX_SAFE_INTEGER : 0
  const price = step.price === undefined ? limit : readPrice(step.price)
  const taker = { id: step.id, side: step.side, price, left: Number(step.qty) }
  const contra = book.filter(order => order.side !== step.side)
  if (step.type === 'MARKET' && contra.length === 0) return { accepted: false, trades: [] }
  const reachable = contra.filter(order => crosses(taker, order))
  const available = reachable.reduce((sum, order) => sum + order.left, 0)
  if (step.tif === 'FOK' && available < taker.left) return { trades: [] }
  const trades = take(book, taker)
  if (step.tif === 'GTC' && taker.left > 0) book.push(taker)
  return { trades }
}

/** A cancel, less of an order, which keeps its place, or another price, which does not. */
function change(book: Book, step: Exclude<Step, { op: 'submit' }>) {
  const index = book.findIndex(order => order.id === step.id)
  const [order] = book.splice(index, 1)
  if (step.op === 'cancel' || !order) return { trades: [] }
  order.left += Number(step.qty_delta ?? 0)
  if (step.price === undefined || readPrice(step.price) === order.price) {
    book.splice(index, 0, order)
    return { trades: [] }
  }
  order.price = readPrice(step.price)
  const trades = take(book, order)
  if (order.left > 0) book.push(order)
  return { trades }
}

function take(book: Book, taker: Resting) {
  const trades = []
  for (;;) {
    const maker = nextInLine(book, taker.side)
    if (!maker || taker.left === 0 || !crosses(taker, maker)) return trades
    const quantity = Math.min(taker.left, maker.left)
    taker.left -= quantity
    maker.left -= quantity
    if (maker.left === 0) book.splice(book.indexOf(maker), 1)
    const price = printPrice(maker.price)
    trades.push({ maker: maker.id, taker: taker.id, price, qty: String(quantity) })
  }
}

/** The best price on the other side, and there who came first. */
function nextInLine(book: Book, side: Side): Resting | undefined {
  const sign = side === 'buy' ? 1 : -1
  let best: Resting | undefined
  for (const order of book) {
    if (order.side === side) continue
    if (best === undefined || sign * order.price < sign * best.price) best = order
  }
  return best
}

/** The whole book, and its top. */
function look(book: Book) {
  const bids = levels(book.filter(order => order.side === 'buy')).reverse()
  const asks = levels(book.filter(order => order.side === 'sell'))
  return { top: { bid: bids[0] ?? null, ask: asks[0] ?? null }, book: { bids, asks } }
}

/** By price, the lowest first. */
function levels(orders: readonly Resting[]): [string, string][] {
  const quantities = new Map<number, number>()
  for (const { price, left } of orders) quantities.set(price, (quantities.get(price) ?? 0) + left)
  return [...quantities]
    .sort(([a], [b]) => a - b)
    .map(([price, quantity]) => [printPrice(price), String(quantity)])
}

function crosses(taker: Resting, maker: Resting): boolean {
  return taker.side === 'buy' ? maker.price <= taker.price : maker.price >= taker.price
}

function printPrice(ticks: number): string {
  return `${Math.floor(ticks / 100)}.${String(ticks % 100).padStart(2, '0')}`
}

function readPrice(text: string): number {
  return Number(text.replace('.', ''))
}
