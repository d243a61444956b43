import { setTimeout as wait } from 'node:timers/promises'
import { isRefusal, type Played } from './answers.ts'
import { createBookMirror, type PrintedLevel } from './book-mirror.ts'
import { compareBook, compareFills, compareLevels, compareTrades } from './comparisons.ts'
import { multiply, toUnits } from './decimals.ts'
import { createFeed, type Feed, type ToldTrade } from './feed.ts'
import type { OpenOrders } from './open-orders.ts'
import type { Line, StatedTrade } from './order-flow.ts'

/** What of: trades and books by the file, answers by the stream and by not being refused. */
export type DifferenceKind = 'trades' | 'books' | 'answers'

/** What was traded, from the stream. */
export interface Turnover {
  trades: number
  quantity: bigint
  notional: bigint
}

/** A book as GET answers it. */
export interface ShownBook {
  seq: number
  bids: PrintedLevel[]
  asks: PrintedLevel[]
}

/** Compares what the service did with what the file says, command by command. */
export interface Checker {
  readonly feed: Feed
  readonly turnover: Readonly<Turnover>
  readonly differences: Readonly<Record<DifferenceKind, number>>
  /** The first differences in words; all are counted. */
  readonly words: readonly string[]
  /** An answer came: it is checked as soon as the stream has told all events up to it. */
  acknowledge(played: Played): void
  /** Waits until at most so many answers are not checked. Throws when there is no progress. */
  caughtUp(atMost: number, patience: Patience): Promise<void>
  /** Compares the book as the stream told it with what GET shows at the end, down to a depth. */
  checkBook(shown: ShownBook, depth: number, patience: Patience): Promise<void>
}

/** How long the stream may stand still, and what ends the wait for it. */
export interface Patience {
  patienceMs: number
  signal: AbortSignal
}

const mostWords = 10

export function createChecker(open: OpenOrders): Checker {
  const waiting: Played[] = []
  const feed = createFeed(advance)
  const report = createReport()
  const turnover: Turnover = { trades: 0, quantity: 0n, notional: 0n }
  const { book, check } = createStepCheck(feed, open, turnover, report.add)

  /** Waits for the stream. Throws when it stands still longer than the patience. */
  async function untilTold(isEnough: () => boolean, { patienceMs, signal }: Patience) {
    let told = feed.toldSeq()
    let sinceMs = performance.now()
    while (!isEnough()) {
      if (told !== feed.toldSeq()) sinceMs = performance.now()
      told = feed.toldSeq()
      if (performance.now() - sinceMs > patienceMs) {
        throw new Error(`the stream stands still behind event ${told}`)
      }
      await wait(2)
      signal.throwIfAborted()
    }
  }

  function advance(): void {
    const end = waiting.findIndex(({ answer }) => !isRefusal(answer) && answer.seq > feed.toldSeq())
    for (const played of waiting.splice(0, end === -1 ? waiting.length : end)) check(played)
  }

  return {
    feed,
    turnover,
    differences: report.differences,
    words: report.words,
    acknowledge(played) {
      waiting.push(played)
      advance()
    },
    caughtUp: (atMost, patience) => untilTold(() => waiting.length <= atMost, patience),
    async checkBook({ seq, bids, asks }, depth, patience) {
      await untilTold(() => feed.toldSeq() >= seq, patience)
      const add = (texts: readonly string[]) => report.add('books', 'GET book', texts)
      const [stray] = feed.takeTrades(seq)
      add(stray ? [`trade ${stray.trade_id} belongs to no command`] : [])
      add(compareLevels('bids', book.levels('BUY', depth), bids))
      add(compareLevels('asks', book.levels('SELL', depth), asks))
    },
  }
}

type Add = (kind: DifferenceKind, where: string, texts: readonly string[]) => void

function createReport() {
  const differences = { trades: 0, books: 0, answers: 0 }
  const words: string[] = []
  const add: Add = (kind, where, texts) => {
    differences[kind] += texts.length
    words.push(...texts.slice(0, mostWords - words.length).map(text => `${where}: ${text}`))
  }
  return { differences, words, add }
}

/** Checks one command after the other, each with the events up to its own last one. */
function createStepCheck(feed: Feed, open: OpenOrders, turnover: Turnover, add: Add) {
  const book = createBookMirror()
  let lastSeq = 0

  /** The trades of a command, with the book brought up to date. */
  function takeEvents({ line, answer }: Played, where: string): ToldTrade[] {
    if (isRefusal(answer)) {
      const { status, code, detail } = answer
      const isStated = line.step.expect?.accepted === false
      add('answers', where, isStated ? [] : [`refused: ${status} ${code}, ${detail}`])
      return []
    }
    if (line.step.expect?.accepted === false) add('answers', where, ['it is not refused'])
    if (answer.seq <= lastSeq) add('answers', where, [`event ${answer.seq} is an old one`])
    lastSeq = Math.max(lastSeq, answer.seq)
    const trades = feed.takeTrades(lastSeq)
    for (const [, side, price, quantity, orders] of feed.takeChanges(lastSeq)) {
      book.change(side, price, quantity, orders)
    }
    add('answers', where, compareFills(line.step, answer, trades))
    return trades
  }

  return {
    book,
    check(played: Played): void {
      const { line } = played
      const where = placeOf(line)
      const trades = takeEvents(played, where)
      const inTheFilesWords = trades.map(trade => named(trade, open))
      add('trades', where, compareTrades(line.step, inTheFilesWords))
      add('books', where, compareBook(line.step, book))
      takeAmendment(played, trades, open)
      for (const trade of trades) count(trade, turnover, open)
      forgetEnded(played, open)
    },
  }
}

function placeOf({ lineNo, step }: Line): string {
  const row = step.row === undefined ? '' : `, row ${step.row}`
  return `line ${lineNo}${row}, ${step.op} ${step.id}`
}

/** A trade in the file's words: its ids instead of the service's. */
function named(trade: ToldTrade, open: OpenOrders): StatedTrade {
  const { maker_order_id: maker, taker_order_id: taker, price, quantity } = trade
  const idOf = (orderId: string) => open.findNamed(orderId)?.id ?? `order ${orderId}`
  return { maker: idOf(maker), taker: idOf(taker), price, qty: quantity }
}

function count(trade: ToldTrade, turnover: Turnover, open: OpenOrders): void {
  const quantity = toUnits(trade.quantity)
  turnover.trades += 1
  turnover.quantity += quantity
  turnover.notional += multiply(toUnits(trade.price), quantity)
  for (const orderId of [trade.maker_order_id, trade.taker_order_id]) {
    const order = open.findNamed(orderId)
    if (order) open.reduce(order, quantity)
  }
}

/** What an amended order had left before its own trades, which are counted next. */
function takeAmendment(
  { line, answer }: Played,
  trades: readonly ToldTrade[],
  open: OpenOrders,
): void {
  const order = open.find(line.step.id)
  if (line.step.op !== 'replace' || isRefusal(answer) || !order) return
  order.left = trades.reduce(
    (left, trade) => left + toUnits(trade.quantity),
    toUnits(answer.remaining_quantity),
  )
}

/** What has ended by its answer need not be known any longer. */
function forgetEnded({ line, answer }: Played, open: OpenOrders): void {
  const order = open.find(line.step.id)
  if (!order) return
  const isOver = isRefusal(answer)
    ? line.step.op === 'submit'
    : answer.status !== 'OPEN' && answer.status !== 'PARTIALLY_FILLED'
  if (isOver) open.forget(order)
}
