import { z } from 'zod'
import type { StreamMessage } from './event-stream.ts'

const tradeSchema = z.object({
  seq: z.number(),
  trade_id: z.string(),
  price: z.string(),
  quantity: z.string(),
  maker_order_id: z.string(),
  taker_order_id: z.string(),
})
const changeSchema = z.tuple([
  z.number(),
  z.enum(['BUY', 'SELL']),
  z.string(),
  z.string(),
  z.number(),
])
const bookSchema = z.object({
  first_seq: z.number(),
  last_seq: z.number(),
  changes: z.array(changeSchema),
})

export type ToldTrade = z.output<typeof tradeSchema>
export type ToldChange = z.output<typeof changeSchema>

/** What the stream told of one symbol and nobody took yet. */
export interface Feed {
  /** Takes a message in. Throws when events are missing between it and the one before. */
  accept(message: StreamMessage): void
  /** All events up to this number were told. */
  toldSeq(): number
  takeTrades(seq: number): ToldTrade[]
  takeChanges(seq: number): ToldChange[]
}

export function createFeed(onNews: () => void): Feed {
  const trades: ToldTrade[] = []
  const changes: ToldChange[] = []
  let told = 0

  return {
    accept({ name, data }) {
      if (name === 'reset') throw new Error('the stream gave events up: reset')
      if (name === 'trade') trades.push(tradeSchema.parse(JSON.parse(data)))
      if (name !== 'book') return
      // The book's message closes a page of events: the trades of the page came before it.
      const page = bookSchema.parse(JSON.parse(data))
      if (page.first_seq !== told + 1) {
        throw new Error(`the stream goes on with event ${page.first_seq} behind event ${told}`)
      }
      for (const change of page.changes) changes.push(change)
      told = page.last_seq
      onNews()
    },
    toldSeq: () => told,
    takeTrades: seq => takeWhile(trades, trade => trade.seq <= seq),
    takeChanges: seq => takeWhile(changes, ([changeSeq]) => changeSeq <= seq),
  }
}

function takeWhile<Item>(items: Item[], isTaken: (item: Item) => boolean): Item[] {
  const end = items.findIndex(item => !isTaken(item))
  return items.splice(0, end === -1 ? items.length : end)
}
