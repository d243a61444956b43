import { EventEmitter } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { createRinger } from '../../../app/events/doorbell.ts'
import { createFeed } from '../../../app/events/feed.ts'
import { createStreams } from '../../../app/events/streams.ts'
import { parseTopics } from '../../../app/events/topics.ts'
import type { EventRow, JournalRow, PositionRow } from '../../../app/rows.ts'
import { eventRow } from './event-row.ts'

const log = pino({ level: 'silent' })

/** Tables of events that the test writes; reading them is counted, and may fail. */
function fakeTables() {
  const events: EventRow[] = []
  const tables = {
    events,
    reads: 0,
    positionReads: 0,
    positionMs: 0,
    isDown: false,
    write(...facts: Partial<EventRow>[]) {
      for (const fact of facts) {
        const seq = String(events.filter(row => row.symbol_id === (fact.symbol_id ?? 1)).length + 1)
        events.push(eventRow({ seq, kind: 'OPENED', price: '1', remaining: '1', ...fact }))
      }
    },
    calls: {
      readPositions: async (): Promise<PositionRow[]> => {
        tables.positionReads += 1
        if (tables.isDown) throw new Error('down')
        await new Promise(resolve => setTimeout(resolve, tables.positionMs))
        const last = String(events.length)
        return [
          { symbol_id: 0, symbol: null, seq: '0' },
          { symbol_id: 1, symbol: 'BTC-USD', seq: last },
        ]
      },
      eventsAfter: async (ids: readonly number[], seqs: readonly number[], limit: number) => {
        tables.reads += 1
        if (tables.isDown) throw new Error('down')
        return events
          .filter(row => Number(row.seq) > (seqs[ids.indexOf(row.symbol_id)] ?? Number.MAX_VALUE))
          .slice(0, limit)
      },
      journalsAfter: async (): Promise<JournalRow[]> => [],
      readTickers: async () => [],
    },
  }
  return tables
}

/** A response that is not read unless the test does, and what was written to it. */
function fakeResponse() {
  const socket = new Socket()
  const outgoing = new ServerResponse(new IncomingMessage(socket))
  const written: string[] = []
  let buffered = 0
  const told = new EventEmitter()
  Object.defineProperties(outgoing, {
    write: {
      value: (text: string) => {
        written.push(text)
        buffered += text.length
        told.emit('text')
        return false
      },
    },
    writableLength: { get: () => buffered },
    writableNeedDrain: { get: () => buffered > 0 },
  })
  return {
    outgoing,
    text: () => written.join(''),
    drain() {
      buffered = 0
      outgoing.emit('drain')
    },
    async until(condition: () => boolean) {
      while (!condition()) await new Promise(resolve => setTimeout(resolve, 1))
    },
  }
}

function started(t: Test, options: object = {}) {
  const tables = fakeTables()
  const feed = createFeed({ calls: tables.calls, log, pollMs: 20, tickerMs: 5 })
  const streams = createStreams({ feed, log, ...options })
  const open = async (topics: string, lastEventId?: string) => {
    const response = fakeResponse()
    t.teardown(() => response.outgoing.emit('close'))
    await streams.open(response.outgoing, parseTopics(topics), lastEventId)
    return response
  }
  return { tables, feed, streams, open }
}

t.test('a lost ring costs one poll, and nobody is read for while nobody listens', async t => {
  const { tables, streams, open } = started(t)
  tables.write({}, {})
  const response = await open('orders')

  tables.write({ order_id: '77' })
  await response.until(() => response.text().includes('"order_id":"77"'))

  t.notMatch(response.text(), '"seq":2', 'it began now')
  response.outgoing.emit('close')
  t.equal(streams.count(), 0)
  const { reads } = tables
  await new Promise(resolve => setTimeout(resolve, 60))
  t.equal(tables.reads, reads)
})

t.test(
  'who comes while a poll of the time before is still under way adds no second poll',
  async t => {
    const { tables, open } = started(t)
    for (let time = 0; time < 20; time += 1) {
      const { positionReads } = tables
      tables.positionMs = 0
      const response = await open('orders')
      tables.positionMs = 50
      await response.until(() => tables.positionReads > positionReads + 1)
      response.outgoing.emit('close')
    }
    tables.positionMs = 0
    await open('orders')
    await new Promise(resolve => setTimeout(resolve, 60))

    const { positionReads } = tables
    await new Promise(resolve => setTimeout(resolve, 200))
    const polls = tables.positionReads - positionReads
    t.ok(polls <= 11, `${polls} polls in 200 ms, 20 ms apart`)
  },
)

t.test('a ring is heard at once, and a database that is away is waited for', async t => {
  const { tables, feed, open } = started(t)
  const response = await open('orders')

  tables.isDown = true
  tables.write({ order_id: '77' })
  feed.wake()
  await new Promise(resolve => setTimeout(resolve, 50))
  t.notMatch(response.text(), '77')

  tables.isDown = false
  await response.until(() => response.text().includes('"order_id":"77"'))
})

t.test('who resumes far behind is told page by page, and is not read ahead of', async t => {
  const { tables, open } = started(t)
  tables.write(...Array.from({ length: 2500 }, (_, index) => ({ order_id: String(index) })))
  const response = await open('orders', 'o1.1')

  await response.until(() => response.text().includes('"order_id":"999"'))
  await new Promise(resolve => setTimeout(resolve, 60))
  t.notMatch(response.text(), '"order_id":"1000"', 'it has not taken the first page yet')

  for (const last of ['1999', '2499']) {
    response.drain()
    await response.until(() => response.text().includes(`"order_id":"${last}"`))
  }
  const ids = [...response.text().matchAll(/"order_id":"(\d+)"/g)].map(([, id]) => Number(id))
  t.same(
    ids,
    Array.from({ length: 2500 }, (_, index) => index),
  )
})

t.test('a client that does not read is dropped', async t => {
  const { tables, feed, streams, open } = started(t, { maxBufferedBytes: 10_000 })
  const response = await open('orders')
  response.drain()

  tables.write(...Array.from({ length: 100 }, () => ({})))
  feed.wake()
  await response.until(() => response.outgoing.destroyed)

  response.outgoing.emit('close')
  t.equal(streams.count(), 0)
})

t.test('one that takes too long to catch up is dropped, too', async t => {
  const { tables, open } = started(t, { patienceMs: 20 })
  tables.write(...Array.from({ length: 1500 }, () => ({})))

  const response = await open('orders', 'o1.1')

  await response.until(() => response.outgoing.destroyed)
  t.notMatch(response.text(), '"seq":1200')
})

t.test('a heartbeat keeps the connection, and the id up to date', async t => {
  const { tables, feed, open } = started(t, { heartbeatMs: 20 })
  const response = await open('orders:nobody')
  tables.write({}, {}, {})
  feed.wake()

  await response.until(() => /: heartbeat\nid: o1\.7\n\n/.test(response.text()))
  t.notMatch(response.text(), 'event:', 'nothing was for it')
})

t.test('rings are one in a burst, never two at a time, and none is forgotten', async t => {
  const rung: string[] = []
  let isRinging = false
  const ringer = createRinger({
    log,
    notify: async channels => {
      t.notOk(isRinging)
      isRinging = true
      await new Promise(resolve => setTimeout(resolve, 10))
      isRinging = false
      rung.push(channels.join())
    },
  })

  ringer.ring()
  for (let index = 0; index < 100; index += 1) {
    ringer.ring({ settlements: index === 50, orders: index === 70 })
  }
  await new Promise(resolve => setTimeout(resolve, 100))
  ringer.close()

  t.same(rung, ['pgsettle_events', 'pgsettle_events,pgsettle_settlements,pgsettle_orders'])
})
