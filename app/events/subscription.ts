import { type JournalRow, printTicker } from '../rows.ts'
import { lastNo, type Message, seqOf } from './messages.ts'
import type { Cursor, EventGroup, Page, Ticker } from './page.ts'
import {
  hasTopic,
  journalKey,
  keyOf,
  type Position,
  printPosition,
  type Topic,
} from './position.ts'

/** The topics of a stream, its symbols by id. */
export interface Subjects {
  readonly trades: ReadonlySet<number>
  readonly book: ReadonlySet<number>
  readonly ticker: boolean
  readonly settlements: boolean
  readonly orders: 'ALL' | ReadonlySet<string> | undefined
}

/** One stream's part of the feed: it knows what was told, and puts what was not into words. */
export interface Subscription {
  /** The id of the last message. */
  lastEventId(): string
  /** From where on the tables hold what was not told yet. */
  cursor(feed: Cursor): Cursor
  /** What a page has for this stream, as text of the stream; '' for nothing. */
  tell(page: Page): string
  /** Gives up what is behind the feed: it is not in the tables any more. Says so. */
  skipTo(feed: Cursor, nameOf: (symbolId: number) => string | undefined): string
}

const symbolTopics = ['trades', 'book', 'orders'] as const
type SymbolTopic = (typeof symbolTopics)[number]

export function createSubscription(subjects: Subjects, position: Position): Subscription {
  const words = createWords(subjects, position)
  const { at, topicsOf } = words

  return {
    lastEventId: () => printPosition(position),
    cursor({ seqs, finalityNo }) {
      const wanted = [...seqs.keys()].filter(symbolId => topicsOf(symbolId).length > 0)
      const toldSeq = (symbolId: number) =>
        Math.min(...topicsOf(symbolId).map(topic => seqOf(topic, at(topic, symbolId))))
      return {
        seqs: new Map(wanted.map(symbolId => [symbolId, toldSeq(symbolId)])),
        finalityNo: subjects.settlements ? (position.get(journalKey) ?? 0) : finalityNo,
      }
    },
    tell({ groups, journals, tickers }) {
      let text = ''
      for (const group of groups) text += words.ofGroup(group)
      for (const journal of journals) text += words.ofJournal(journal)
      for (const ticker of tickers) text += words.ofTicker(ticker)
      return text
    },
    skipTo({ seqs, finalityNo }, nameOf) {
      let text = ''
      for (const [symbolId, seq] of seqs) {
        const lacks = (topic: SymbolTopic) => at(topic, symbolId) < lastNo(topic, seq)
        if (!topicsOf(symbolId).some(lacks)) continue
        words.raise(symbolId, seq)
        text += words.block('reset', { symbol: nameOf(symbolId) })
      }
      if (subjects.settlements) position.set(journalKey, finalityNo)
      return text
    },
  }
}

/** Puts into words what was not told yet, and moves the position over it. */
function createWords(subjects: Subjects, position: Position) {
  const at = (topic: Topic, symbolId: number) => position.get(keyOf(topic, symbolId)) ?? 0
  const topicsOf = (symbolId: number) =>
    symbolTopics.filter(topic =>
      topic === 'orders' ? subjects.orders !== undefined : subjects[topic].has(symbolId),
    )
  const rawBlock = (name: string, data: string) =>
    `event: ${name}\nid: ${printPosition(position)}\ndata: ${data}\n\n`
  const block = (name: string, data: object) => rawBlock(name, JSON.stringify(data))

  function raise(symbolId: number, seq: number): void {
    for (const topic of topicsOf(symbolId)) {
      const no = Math.max(at(topic, symbolId), lastNo(topic, seq))
      position.set(keyOf(topic, symbolId), no)
    }
  }

  function ofGroup(group: EventGroup): string {
    const { symbolId, symbol, from, first, to } = group
    if (topicsOf(symbolId).length === 0) return ''
    let text = first > from ? block('reset', { symbol }) : ''
    for (const message of group.messages()) {
      if (!wants(subjects, symbolId, message)) continue
      if (message.no <= at(message.topic, symbolId)) continue
      position.set(keyOf(message.topic, symbolId), message.no)
      text += rawBlock(message.name, message.data)
    }
    const told = at('book', symbolId)
    raise(symbolId, to)
    const isNews = subjects.book.has(symbolId) && told < to
    return isNews ? text + block('book', bookData(group, told)) : text
  }

  function ofTicker({ symbolId, row }: Ticker): string {
    const key = keyOf('ticker', symbolId)
    const ticker = printTicker(row)
    if (!subjects.ticker || (position.get(key) ?? -1) >= ticker.seq) return ''
    position.set(key, ticker.seq)
    return block('ticker', ticker)
  }

  function ofJournal(journal: JournalRow): string {
    const no = Number(journal.finality_no)
    if (!subjects.settlements || no <= (position.get(journalKey) ?? 0)) return ''
    position.set(journalKey, no)
    if (journal.settlement_ids.length === 0) return ''
    return block('settlement', { ...journal, finality_no: no })
  }

  return { at, topicsOf, block, raise, ofGroup, ofTicker, ofJournal }
}

/**
 * Where a new stream stands: behind what its last id says, and at the feed's own place in what that
 * id does not mention. All orders were told if any were: a symbol without a number is a new one.
 */
export function positionAt(subjects: Subjects, last: Position | undefined, feed: Cursor): Position {
  const position: Position = new Map()
  const put = (topic: Topic, symbolId: number, otherwise: number) => {
    const key = keyOf(topic, symbolId)
    position.set(key, last?.get(key) ?? otherwise)
  }
  const hadOrders = last !== undefined && hasTopic(last, 'orders')
  for (const [symbolId, seq] of feed.seqs) {
    if (subjects.trades.has(symbolId)) put('trades', symbolId, seq)
    if (subjects.book.has(symbolId)) put('book', symbolId, seq)
    if (subjects.orders) put('orders', symbolId, hadOrders ? 0 : lastNo('orders', seq))
    const told = last?.get(keyOf('ticker', symbolId))
    if (subjects.ticker && told !== undefined) put('ticker', symbolId, told)
  }
  if (subjects.settlements) position.set(journalKey, last?.get(journalKey) ?? feed.finalityNo)
  return position
}

function wants({ trades, orders }: Subjects, symbolId: number, message: Message): boolean {
  if (message.topic === 'trades') return trades.has(symbolId)
  if (orders === 'ALL') return true
  return orders !== undefined && message.clientId !== undefined && orders.has(message.clientId)
}

/** The changes behind `told`: the ranges of a stream's book messages follow each other closely. */
function bookData({ symbol, to, changes }: EventGroup, told: number) {
  const untold = changes().filter(([seq]) => seq > told)
  return { symbol, first_seq: told + 1, last_seq: to, changes: untold }
}
