import type { Calls } from '../calls.ts'
import type { EventRow, JournalRow, TickerRow } from '../rows.ts'
import { type BookChange, bookChanges } from './book-changes.ts'
import { type Message, messagesOf } from './messages.ts'

/** Events of one symbol without a hole between `from` and `to`, as they were read. */
export interface EventGroup {
  readonly symbolId: number
  readonly symbol: string
  /** The number after the event that was read before. */
  readonly from: number
  /** The number of the first event here: greater than `from` where events are gone. */
  readonly first: number
  readonly to: number
  /** Both are made once, for all who are told. */
  messages(): readonly Message[]
  changes(): readonly BookChange[]
}

/** What one reading of the tables brought. */
export interface Page {
  readonly groups: readonly EventGroup[]
  readonly journals: readonly JournalRow[]
  readonly tickers: readonly Ticker[]
}

export interface Ticker {
  readonly symbolId: number
  readonly row: TickerRow
}

/** How far a reader has come: the last event of each symbol, and the last finality number. */
export interface Cursor {
  readonly seqs: Map<number, number>
  finalityNo: number
}

/** Events of a symbol, and journals, read in one call. */
const pageSize = 1000

export async function readPage(
  calls: Pick<Calls, 'eventsAfter' | 'journalsAfter'>,
  { seqs, finalityNo }: Cursor,
): Promise<Page> {
  const before = new Map(seqs)
  const [rows, journals] = await Promise.all([
    before.size > 0 ? calls.eventsAfter([...before.keys()], [...before.values()], pageSize) : [],
    calls.journalsAfter(finalityNo, pageSize),
  ])
  return { groups: toGroups(rows, before), journals, tickers: [] }
}

export function isEmpty({ groups, journals }: Page): boolean {
  return groups.length === 0 && journals.length === 0
}

export function advance(cursor: Cursor, { groups, journals }: Page): void {
  for (const { symbolId, to } of groups) cursor.seqs.set(symbolId, to)
  const last = journals.at(-1)
  if (last) cursor.finalityNo = Number(last.finality_no)
}

/** The rows come ordered by symbol, then seq. */
export function toGroups(
  rows: readonly EventRow[],
  before: ReadonlyMap<number, number>,
): EventGroup[] {
  const groups: EventGroup[] = []
  let start = 0
  for (const [index, last] of rows.entries()) {
    if (rows[index + 1]?.symbol_id === last.symbol_id) continue
    const events = rows.slice(start, index + 1)
    groups.push({
      symbolId: last.symbol_id,
      symbol: last.symbol,
      from: (before.get(last.symbol_id) ?? 0) + 1,
      first: Number((events[0] ?? last).seq),
      to: Number(last.seq),
      messages: once(() => events.flatMap(messagesOf)),
      changes: once(() => events.flatMap(bookChanges)),
    })
    start = index + 1
  }
  return groups
}

function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
