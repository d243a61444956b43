import type { ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import { Problem } from '../errors.ts'
import type { Feed, Sink } from './feed.ts'
import type { Page } from './page.ts'
import { parsePosition } from './position.ts'
import { createSubscription, positionAt, type Subjects, type Subscription } from './subscription.ts'
import type { Topics } from './topics.ts'

/** The open event streams of this process. */
export interface Streams {
  /** Answers with a stream, from the id on or from now. Throws a Problem before it answers. */
  open(outgoing: ServerResponse, topics: Topics, lastEventId: string | undefined): Promise<void>
  count(): number
  /** Ends every stream with its last id. */
  closeAll(): void
}

export interface StreamsOptions {
  feed: Feed
  log: Logger
  heartbeatMs?: number
  /** What a client may be behind before it is dropped: it comes back with its last id. */
  maxBufferedBytes?: number
  /** How long a client that catches up may take over what it was sent. */
  patienceMs?: number
}

const headers = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
}

export function createStreams({
  feed,
  log,
  heartbeatMs = 15_000,
  maxBufferedBytes = 1024 * 1024,
  patienceMs = 30_000,
}: StreamsOptions): Streams {
  const streams = new Set<Stream>()

  return {
    async open(outgoing, topics, lastEventId) {
      const last = lastEventId === undefined ? undefined : parsePosition(lastEventId)
      const release = await feed.hold()
      let subscription: Subscription
      try {
        const subjects = await resolve(topics, feed)
        subscription = createSubscription(subjects, positionAt(subjects, last, feed.cursor()))
      } catch (error) {
        release()
        throw error
      }
      if (outgoing.destroyed) return release()
      outgoing.writeHead(200, headers)
      outgoing.write(`retry: 1000\nid: ${subscription.lastEventId()}\n\n`)
      const stream = createStream(outgoing, subscription, maxBufferedBytes, log)
      const sink: Sink = { wantsTickers: topics.ticker, accept: stream.tell }
      const heartbeat = setInterval(stream.beat, heartbeatMs)
      streams.add(stream)
      outgoing.once('close', () => {
        clearInterval(heartbeat)
        streams.delete(stream)
        feed.leave(sink)
        release()
      })
      catchUp(feed, subscription, sink, stream, patienceMs).catch(error => {
        log.warn({ err: error }, 'stream ended while it caught up')
        stream.end()
      })
    },
    count: () => streams.size,
    closeAll() {
      for (const stream of streams) stream.end()
    },
  }
}

async function resolve(topics: Topics, feed: Feed): Promise<Subjects> {
  const idsOf = async (symbols: ReadonlySet<string>) => {
    const ids = new Set<number>()
    for (const symbol of symbols) {
      const id = await feed.findSymbolId(symbol)
      if (id === undefined) {
        const detail = `there is no symbol ${symbol}`
        throw new Problem(404, 'UNKNOWN_SYMBOL', detail, { field: 'topics' })
      }
      ids.add(id)
    }
    return ids
  }
  return { ...topics, trades: await idsOf(topics.trades), book: await idsOf(topics.book) }
}

/** Tells what the tables have since the subscription's place, and joins the feed there. */
async function catchUp(
  feed: Feed,
  subscription: Subscription,
  sink: Sink,
  stream: Stream,
  patienceMs: number,
): Promise<void> {
  while (stream.isOpen()) {
    const cursor = subscription.cursor(feed.cursor())
    if (feed.join(sink, cursor)) return
    const page = await feed.readFrom(cursor)
    sink.accept(page)
    if (page.groups.length === 0 && page.journals.length === 0) {
      stream.write(subscription.skipTo(feed.cursor(), feed.symbolName))
    }
    await stream.drained(patienceMs)
  }
}

type Stream = ReturnType<typeof createStream>

function createStream(
  outgoing: ServerResponse,
  subscription: Subscription,
  maxBufferedBytes: number,
  log: Logger,
) {
  // A client that goes away in the middle of a write is no failure of ours.
  outgoing.on('error', error => log.debug({ err: error }, 'stream broke'))
  const isOpen = () => !outgoing.writableEnded && !outgoing.destroyed

  function write(text: string): void {
    if (text === '' || !isOpen()) return
    outgoing.write(text)
    if (outgoing.writableLength <= maxBufferedBytes) return
    log.warn({ bufferedBytes: outgoing.writableLength }, 'slow stream dropped')
    outgoing.destroy()
  }

  return {
    isOpen,
    write,
    /** A failure here ends this stream and no other: it comes back with its last id. */
    tell(page: Page): void {
      try {
        write(subscription.tell(page))
      } catch (error) {
        log.error({ err: error }, 'stream failed')
        outgoing.destroy()
      }
    },
    /** Keeps the connection, and the client's id up to date when nothing was for it. */
    beat: () => write(`: heartbeat\nid: ${subscription.lastEventId()}\n\n`),
    end(): void {
      if (!isOpen()) return
      const id = subscription.lastEventId()
      write(`event: closing\nid: ${id}\ndata: ${JSON.stringify({ last_event_id: id })}\n\n`)
      outgoing.end()
    },
    /** Waits until the client took what it was sent, and drops one that does not. */
    drained: (patienceMs: number) =>
      new Promise<void>(resolve => {
        if (!isOpen() || !outgoing.writableNeedDrain) return resolve()
        const timer = setTimeout(() => outgoing.destroy(), patienceMs)
        const done = () => {
          clearTimeout(timer)
          outgoing.off('drain', done).off('close', done)
          resolve()
        }
        outgoing.on('drain', done).on('close', done)
      }),
  }
}
