import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import { openStream, type StreamClient, type StreamMessage } from '../app/events/stream-client.ts'

/** A client of the event stream that comes back with its last id whenever it is cut off. */
export interface Follower {
  /** All that it was told, over all its connections. */
  messages(): StreamMessage[]
  /** How often it connected. */
  connections(): number
  stop(): Promise<void>
}

/** Resolves when it has its place. Cuts its own connection every `patience` messages, too. */
export async function follow(
  t: Test,
  url: () => string,
  topics: string,
  patience: number,
): Promise<Follower> {
  const taken: StreamMessage[] = []
  const stopped = new AbortController()
  let connections = 0
  let lastId = ''
  let current: StreamClient | undefined

  async function connect(): Promise<void> {
    const headers = lastId === '' ? {} : { 'last-event-id': lastId }
    const stream = await openStream(`${url()}/stream?topics=${topics}`, headers)
    if (stream.status !== 200) return stream.close()
    connections++
    current = stream
    const isCut = () => stopped.signal.aborted || stream.isEnded()
    await pauseUntil(() => isCut() || stream.lastId() !== '')
    if (stream.lastId() !== '') isThere()
    await pauseUntil(() => isCut() || stream.messages.length >= patience)
    // What comes in from here on is not taken: it has to come again, behind the last id.
    taken.push(...stream.messages)
    // One that was cut before its first id has told nothing, and leaves the place as it was.
    lastId = stream.lastId() || lastId
    current = undefined
    stream.close()
  }

  let isThere = () => {}
  const there = new Promise<void>(resolve => {
    isThere = resolve
  })
  const work = (async () => {
    while (!stopped.signal.aborted) {
      await connect().catch(() => {})
      await pause(20)
    }
  })()
  const stop = async () => {
    stopped.abort()
    await work
  }
  t.teardown(stop)
  await there
  return {
    messages: () => [...taken, ...(current?.messages ?? [])],
    connections: () => connections,
    stop,
  }
}

async function pauseUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(5)
}
