import { pathWith } from './api.js'

/**
 * The live stream. The browser reconnects by itself and says where it stopped (Last-Event-ID).
 * Only when it gives up, as it does after an HTTP error, a new stream is opened here from that id.
 *
 * @typedef {{ onPhase: (phase: 'connecting' | 'live' | 'reconnecting') => void,
 *   onMessage: (name: string, data: any) => void }} Listener
 */

const names = [
  ...['trade', 'bust', 'correction', 'phase'],
  ...['book', 'ticker', 'settlement', 'order', 'reset'],
]
const slowestRetryMs = 10_000

/**
 * @param {string[]} topics
 * @param {Listener} listener
 * @returns {{ close: () => void }}
 */
export function openStream(topics, listener) {
  let lastId = ''
  let failures = 0
  let closed = false
  /** @type {EventSource | null} */
  let source = null
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer

  /** @param {MessageEvent} event */
  const receive = event => {
    if (closed) return
    if (event.lastEventId) lastId = event.lastEventId
    listener.onMessage(event.type, event.data ? JSON.parse(event.data) : null)
  }
  const open = () => {
    /** @type {Record<string, string>} */
    const query = { topics: topics.join(',') }
    if (lastId) query.last_event_id = lastId
    source = new EventSource(pathWith('stream', query))
    for (const name of names) source.addEventListener(name, receive)
    source.onopen = () => {
      failures = 0
      if (!closed) listener.onPhase('live')
    }
    source.onerror = () => {
      if (closed) return
      listener.onPhase('reconnecting')
      if (source?.readyState !== EventSource.CLOSED) return
      failures += 1
      timer = setTimeout(open, Math.min(slowestRetryMs, 500 * 2 ** failures))
    }
  }

  listener.onPhase('connecting')
  open()
  return {
    close() {
      closed = true
      clearTimeout(timer)
      source?.close()
    },
  }
}
