import { get, type IncomingMessage } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

export interface StreamMessage {
  event: string
  id: string
  data: ReturnType<typeof JSON.parse>
}

/** A plain client of the event stream, which keeps all that it was told. */
export interface StreamClient {
  status: number
  headers: IncomingMessage['headers']
  messages: StreamMessage[]
  /** All text, comments included. */
  text(): string
  lastId(): string
  isEnded(): boolean
  /** Resolves when the condition holds; rejects when that takes too long. */
  until(condition: () => boolean): Promise<void>
  /** Stops to read, as a client that hangs does. */
  pause(): void
  close(): void
}

const patienceMs = 10_000
const checkMs = 5

export function openStream(
  url: string,
  headers: Record<string, string> = {},
): Promise<StreamClient> {
  return new Promise((resolve, reject) => {
    const request = get(url, { headers, agent: false }, response => {
      resolve(createClient(response, () => request.destroy()))
    })
    request.on('error', reject)
  })
}

function createClient(response: IncomingMessage, close: () => void): StreamClient {
  const messages: StreamMessage[] = []
  let text = ''
  let rest = ''
  let lastId = ''
  let isEnded = false

  response.setEncoding('utf8')
  response.on('data', (chunk: string) => {
    text += chunk
    rest += chunk
    const blocks = rest.split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      lastId = /^id: (.*)$/m.exec(block)?.[1] ?? lastId
      const data = /^data: (.*)$/m.exec(block)?.[1]
      if (data === undefined) continue
      const event = /^event: (.*)$/m.exec(block)?.[1] ?? 'message'
      messages.push({ event, id: lastId, data: JSON.parse(data) })
    }
  })
  response.on('error', () => {})
  response.on('close', () => {
    isEnded = true
  })

  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    messages,
    text: () => text,
    lastId: () => lastId,
    isEnded: () => isEnded,
    until: async condition => {
      const deadline = Date.now() + patienceMs
      while (!condition()) {
        if (Date.now() > deadline) throw new Error(`waited in vain; the stream so far:\n${text}`)
        await pause(checkMs)
      }
    },
    pause: () => void response.pause(),
    close,
  }
}
