import { get, type IncomingMessage } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'

export interface StreamMessage {
  readonly name: string
  readonly data: string
}

export interface StreamOptions {
  url: URL
  topics: readonly string[]
  /** Called with each message in order. What it throws ends the stream. */
  onMessage(message: StreamMessage): void
  /** How long it is tried again when the stream ends or cannot be opened. */
  patienceMs: number
  signal: AbortSignal
}

const repeatAfterMs = 200
/** Far above the pages of events that the service sends at once. */
const longestMessage = 8 * 1024 * 1024

/**
 * Listens to the service's event stream. When it ends, it goes on with the last id, so that no
 * message is lost or told twice. `opened` resolves when the stream stands for the first time;
 * `ended` rejects when it cannot go on, and resolves when the signal ended it.
 */
export function listen(options: StreamOptions): { opened: Promise<void>; ended: Promise<void> } {
  let opened = () => {}
  const whenOpened = new Promise<void>(resolve => {
    opened = resolve
  })
  return { opened: whenOpened, ended: listenOn(options, opened) }
}

async function listenOn(options: StreamOptions, opened: () => void): Promise<void> {
  const { url, topics, patienceMs, signal } = options
  const parser = createParser(options.onMessage)
  let sinceMs = performance.now()
  while (!signal.aborted) {
    const target = new URL(`/stream?topics=${topics.join(',')}`, url)
    const incoming = await open(target, parser.lastId(), signal)
    if (typeof incoming === 'string') {
      if (signal.aborted) return
      if (performance.now() - sinceMs > patienceMs) throw new Error(`the stream: ${incoming}`)
      await wait(repeatAfterMs)
      continue
    }
    opened()
    parser.restart()
    for await (const text of texts(incoming)) parser.take(text)
    sinceMs = performance.now()
  }
}

/** The text of a stream until it ends, however that came about. */
async function* texts(incoming: IncomingMessage): AsyncGenerator<string> {
  incoming.setEncoding('utf8')
  const parts = incoming[Symbol.asyncIterator]()
  for (;;) {
    const part = await parts.next().catch(() => ({ done: true, value: undefined }))
    if (part.done) return
    yield String(part.value)
  }
}

/** The open stream, or why there is none. */
function open(
  url: URL,
  lastId: string | undefined,
  signal: AbortSignal,
): Promise<IncomingMessage | string> {
  const headers = lastId === undefined ? {} : { 'last-event-id': lastId }
  return new Promise(resolve => {
    const sent = get(url, { agent: false, headers, signal }, incoming => {
      if (incoming.statusCode === 200) return resolve(incoming)
      incoming.resume()
      resolve(`${incoming.statusCode} for ${url}`)
    })
    sent.once('error', error => resolve(error.message))
  })
}

/** Server-sent events, as far as the service writes them: one `data` line a message. */
export function createParser(onMessage: (message: StreamMessage) => void) {
  let rest = ''
  let lastId: string | undefined

  function takeBlock(block: string): void {
    let name = 'message'
    let data: string | undefined
    for (const line of block.split('\n')) {
      if (line.startsWith('event: ')) name = line.slice(7)
      else if (line.startsWith('data: ')) data = line.slice(6)
      else if (line.startsWith('id: ')) lastId = line.slice(4)
    }
    if (data !== undefined) onMessage({ name, data })
  }

  return {
    lastId: () => lastId,
    take(text: string): void {
      const blocks = (rest + text).split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) takeBlock(block)
      if (rest.length > longestMessage) throw new Error('a message of the stream has no end')
    },
    /** Forgets the half message with which a stream broke off. */
    restart(): void {
      rest = ''
    },
  }
}
