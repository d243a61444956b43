import type { Logger } from 'pino'
import type { Calls } from '../calls.ts'
import { advance, type Cursor, isEmpty, type Page, readPage } from './page.ts'

/** Who is told each page, in order. */
export interface Sink {
  readonly wantsTickers: boolean
  accept(page: Page): void
}

/**
 * The process's one reader of events: it reads once for everybody who listens, and only while
 * somebody does. A sink that joins gets every page from then on.
 */
export interface Feed {
  /** Keeps the feed going until the returned function is called. Resolves when it has its place. */
  hold(): Promise<() => void>
  /** The id of a symbol, also of one that was created a moment ago. */
  findSymbolId(symbol: string): Promise<number | undefined>
  symbolName(symbolId: number): string | undefined
  /** Up to where everything was told to the sinks. A copy. */
  cursor(): Cursor
  /** Joins at once, unless the cursor is behind the feed: then something would be lost. */
  join(sink: Sink, cursor: Cursor): boolean
  leave(sink: Sink): void
  /** Reads on from any cursor, for a sink that is still behind. Does not move the feed. */
  readFrom(cursor: Cursor): Promise<Page>
  /** Somebody rang: there may be something to read. */
  wake(): void
}

export interface FeedOptions {
  calls: Pick<Calls, 'readPositions' | 'eventsAfter' | 'journalsAfter' | 'readTickers'>
  log: Logger
  /** What a lost ring costs. */
  pollMs?: number
  /** Tickers are told at most this often. */
  tickerMs?: number
}

export function createFeed({ calls, log, pollMs = 1000, tickerMs = 250 }: FeedOptions): Feed {
  const symbols = createDirectory(calls)
  const { cursor } = symbols
  const sinks = new Set<Sink>()
  const tickers = createTimer(tickerMs, log, () => tellTickers(calls, symbols.idOf, sinks))

  const loop = createLoop(log, async () => {
    const page = await readPage(calls, cursor)
    if (isEmpty(page)) return false
    advance(cursor, page)
    for (const sink of sinks) sink.accept(page)
    if (page.groups.length > 0) tickers.start()
    return true
  })
  const holding = createHolding({
    start: async () => {
      await symbols.read(true)
      loop.start(pollMs, () => symbols.read(false))
    },
    stop: () => {
      loop.stop()
      tickers.stop()
    },
  })

  return {
    hold: holding.hold,
    findSymbolId: symbols.find,
    symbolName: symbols.nameOf,
    cursor: () => ({ seqs: new Map(cursor.seqs), finalityNo: cursor.finalityNo }),
    join(sink, from) {
      const isBehind = [...from.seqs].some(([id, seq]) => seq < (cursor.seqs.get(id) ?? 0))
      if (isBehind || from.finalityNo < cursor.finalityNo) return false
      sinks.add(sink)
      if (sink.wantsTickers) tickers.start()
      return true
    },
    leave: sink => void sinks.delete(sink),
    readFrom: from => readPage(calls, from),
    wake: loop.wake,
  }
}

/** The symbols, and the cursor over them. One that is new later begins at its first event. */
function createDirectory(calls: Pick<Calls, 'readPositions'>) {
  const ids = new Map<string, number>()
  const cursor: Cursor = { seqs: new Map(), finalityNo: 0 }

  async function read(isStart: boolean): Promise<void> {
    for (const { symbol_id, symbol, seq } of await calls.readPositions()) {
      if (symbol_id === 0) {
        if (isStart) cursor.finalityNo = Number(seq)
        continue
      }
      if (symbol !== null) ids.set(symbol, symbol_id)
      if (isStart) cursor.seqs.set(symbol_id, Number(seq))
      else if (!cursor.seqs.has(symbol_id)) cursor.seqs.set(symbol_id, 0)
    }
  }

  return {
    cursor,
    read,
    idOf: (symbol: string) => ids.get(symbol),
    nameOf: (symbolId: number) => [...ids].find(([, id]) => id === symbolId)?.[0],
    async find(symbol: string): Promise<number | undefined> {
      if (!ids.has(symbol)) await read(false)
      return ids.get(symbol)
    },
  }
}

/** Runs something while at least one holds it. */
function createHolding({ start, stop }: { start(): Promise<void>; stop(): void }) {
  let holders = 0
  let started: Promise<void> | undefined

  function release(): void {
    holders -= 1
    if (holders > 0) return
    started = undefined
    stop()
  }

  return {
    async hold(): Promise<() => void> {
      holders += 1
      started ??= start()
      const mine = started
      try {
        await mine
      } catch (error) {
        if (started === mine) started = undefined
        release()
        throw error
      }
      return release
    },
  }
}

/**
 * Takes steps, one at a time, until one finds nothing; again after each wake, and after `pollMs`
 * for the wake that got lost.
 */
function createLoop(log: Logger, step: () => Promise<boolean>) {
  let isRunning = false
  let isStepping = false
  let isWanted = false
  let stopPolling = () => {}

  async function stepOn(): Promise<void> {
    isStepping = true
    try {
      while (isWanted && isRunning) {
        isWanted = false
        if (await step()) isWanted = true
      }
    } catch (error) {
      log.warn({ err: error }, 'cannot read the feed')
    } finally {
      isStepping = false
    }
  }

  function wake(): void {
    isWanted = true
    if (isRunning && !isStepping) void stepOn()
  }

  /** Returns what ends it: also while it prepares, however soon another begins. */
  function poll(pollMs: number, prepare: () => Promise<void>): () => void {
    let isOver = false
    let timer: NodeJS.Timeout
    const next = () => {
      timer = setTimeout(() => {
        prepare()
          .then(wake, error => log.warn({ err: error }, 'cannot read the feed'))
          .finally(() => {
            if (!isOver) next()
          })
      }, pollMs)
    }
    next()
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }

  return {
    wake,
    start(pollMs: number, prepare: () => Promise<void>): void {
      isRunning = true
      stopPolling = poll(pollMs, prepare)
    },
    stop(): void {
      isRunning = false
      stopPolling()
    },
  }
}

/** Reads the tickers once for all sinks that want them. */
async function tellTickers(
  calls: Pick<Calls, 'readTickers'>,
  idOf: (symbol: string) => number | undefined,
  sinks: ReadonlySet<Sink>,
): Promise<void> {
  if (![...sinks].some(sink => sink.wantsTickers)) return
  const rows = await calls.readTickers()
  const tickers = rows.flatMap(row => {
    const symbolId = idOf(row.symbol)
    return symbolId === undefined ? [] : [{ symbolId, row }]
  })
  for (const sink of sinks) {
    if (sink.wantsTickers) sink.accept({ groups: [], journals: [], tickers })
  }
}

/** The share of the time that a delayed action may take: its cost grows with the day's trades. */
const dutyShare = 0.1

/**
 * Runs the action some time after the first start, once for all starts until then. An action that
 * takes long comes less often.
 */
function createTimer(delayMs: number, log: Logger, action: () => Promise<void>) {
  let timer: NodeJS.Timeout | undefined
  let pauseMs = delayMs

  async function run(): Promise<void> {
    const startMs = performance.now()
    await action().catch(error => log.warn({ err: error }, 'cannot read the tickers'))
    pauseMs = Math.max(delayMs, (performance.now() - startMs) / dutyShare)
  }

  return {
    start(): void {
      timer ??= setTimeout(() => {
        timer = undefined
        void run()
      }, pauseMs)
    },
    stop(): void {
      clearTimeout(timer)
      timer = undefined
    },
  }
}
