import t from 'tap'
import { toGroups } from '../../../app/events/page.ts'
import { type Position, parsePosition } from '../../../app/events/position.ts'
import { createSubscription, positionAt, type Subjects } from '../../../app/events/subscription.ts'
import type { EventRow, JournalRow } from '../../../app/rows.ts'
import { eventRow } from './event-row.ts'

const everything: Subjects = {
  trades: new Set([1]),
  book: new Set([1]),
  ticker: true,
  settlements: true,
  orders: 'ALL',
}

/** Four events: two orders rest, a third trades with one and ends. */
const story: EventRow[] = [
  eventRow({ seq: '1', kind: 'OPENED', side: 'BUY', price: '10', remaining: '3' }),
  eventRow({ seq: '2', kind: 'OPENED', side: 'BUY', price: '9', remaining: '1', client_id: 'B' }),
  eventRow({
    seq: '3',
    kind: 'TRADE',
    side: 'SELL',
    price: '10',
    quantity: '2',
    client_id: 'C',
    maker_order_id: '7',
    maker_client_id: 'client-A',
    maker_remaining: '1',
  }),
  eventRow({ seq: '4', kind: 'FILLED', side: 'SELL', price: '10', remaining: '0', client_id: 'C' }),
]

function journal(no: number, ids: string[] = ['5']): JournalRow {
  const posted_at = '2026-11-20T08:00:00.000000Z'
  return {
    finality_no: String(no),
    journal_id: String(no),
    posted_at,
    kind: 'SETTLEMENT',
    settlement_ids: ids,
  }
}

function page(events: readonly EventRow[], behind: number, journals: JournalRow[] = []) {
  return { groups: toGroups(events, new Map([[1, behind]])), journals, tickers: [] }
}

function read(text: string) {
  return text
    .split('\n\n')
    .filter(block => block !== '')
    .map(block => ({
      event: /^event: (.*)$/m.exec(block)?.[1] ?? '',
      id: /^id: (.*)$/m.exec(block)?.[1] ?? '',
      data: JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? 'null'),
    }))
}

/** A message as the client knows it, without the range of a book message, which may be cut. */
const facts = (text: string) =>
  read(text).flatMap(({ event, data }) =>
    event === 'book'
      ? data.changes.map((change: unknown) => JSON.stringify(change))
      : [`${event} ${JSON.stringify(data)}`],
  )

const startOf = (subjects: Subjects, id?: string): Position =>
  positionAt(subjects, id === undefined ? undefined : parsePosition(id), {
    seqs: new Map([[1, 0]]),
    finalityNo: 0,
  })

t.test('a page is told in order: trades and orders by event, then the book', async t => {
  const subscription = createSubscription(everything, startOf(everything))

  const told = read(subscription.tell(page(story, 0, [journal(1), journal(2, [])])))

  t.same(
    told.map(({ event }) => event),
    ['order', 'order', 'trade', 'order', 'order', 'order', 'book', 'settlement'],
  )
  t.same(told[6]?.data, {
    symbol: 'BTC-USD',
    first_seq: 1,
    last_seq: 4,
    changes: [
      [1, 'BUY', '10', '3', 1],
      [2, 'BUY', '9', '1', 1],
      [3, 'BUY', '10', '-2', 0],
    ],
  })
  t.equal(subscription.tell(page(story, 0, [journal(1), journal(2, [])])), '', 'never twice')
  t.same(subscription.cursor({ seqs: new Map([[1, 0]]), finalityNo: 0 }), {
    seqs: new Map([[1, 4]]),
    finalityNo: 2,
  })
})

t.test('from any id on, what comes is exactly what had not come', async t => {
  const journals = [journal(1), journal(2)]
  const whole = createSubscription(everything, startOf(everything)).tell(page(story, 0, journals))
  const told = read(whole)

  for (const [index, { id }] of told.entries()) {
    const before = facts(blocks(whole, 0, index + 1))
    const resumed = createSubscription(everything, startOf(everything, id))
    const { seqs, finalityNo } = resumed.cursor({ seqs: new Map([[1, 0]]), finalityNo: 0 })
    const behind = seqs.get(1) ?? 0
    const rest = resumed.tell(
      page(
        story.filter(event => Number(event.seq) > behind),
        behind,
        journals.filter(({ finality_no }) => Number(finality_no) > finalityNo),
      ),
    )

    t.same([...before, ...facts(rest)].sort(), facts(whole).sort(), `after message ${index}`)
  }
})

const blocks = (text: string, from: number, to: number) =>
  text.split('\n\n').slice(from, to).join('\n\n')

t.test('pages may be cut anywhere: the ranges of the book follow each other', async t => {
  for (const cut of [1, 2, 3]) {
    const subscription = createSubscription(everything, startOf(everything))
    const text =
      subscription.tell(page(story.slice(0, cut), 0)) +
      subscription.tell(page(story.slice(cut), cut))
    const ranges = read(text).filter(({ event }) => event === 'book')

    t.same(
      ranges.map(({ data }) => [data.first_seq, data.last_seq]),
      [
        [1, cut],
        [cut + 1, 4],
      ],
    )
  }
})

t.test('a stream that is ahead of a page hears only the rest of it', async t => {
  const subscription = createSubscription(everything, startOf(everything))
  subscription.tell(page(story.slice(0, 3), 0))

  const told = read(subscription.tell(page(story, 0)))

  t.same(
    told.map(({ event }) => event),
    ['order', 'book'],
  )
  t.match(told[1]?.data, { first_seq: 4, last_seq: 4, changes: [] })
})

t.test("a participant's orders are told without anybody else's", async t => {
  const subjects: Subjects = { ...everything, trades: new Set(), book: new Set() }
  const mine = { ...subjects, orders: new Set(['client-A']) }

  const told = read(createSubscription(mine, startOf(mine)).tell(page(story, 0)))

  t.same(
    told.map(({ event, data }) => [event, data.seq, data.client_id]),
    [
      ['order', 1, 'client-A'],
      ['order', 3, 'client-A'],
    ],
  )
})

t.test('a new stream begins now; in a resumed one only what is new to it does', async t => {
  const feed = {
    seqs: new Map([
      [1, 10],
      [2, 20],
    ]),
    finalityNo: 5,
  }

  t.same(Object.fromEntries(positionAt(everything, undefined, feed)), {
    t1: 10,
    b1: 10,
    o1: 21,
    o2: 41,
    j: 5,
  })
  t.same(
    Object.fromEntries(positionAt(everything, parsePosition('t1.4_o1.9_j.3'), feed)),
    { t1: 4, b1: 10, o1: 9, o2: 0, j: 3 },
    'symbol 2 did not exist when its orders were last told',
  )
})

t.test('events that are gone are not passed over in silence', async t => {
  const subscription = createSubscription(everything, startOf(everything))

  const told = read(subscription.tell(page(story.slice(2), 0)))
  t.match(told[0], { event: 'reset', data: { symbol: 'BTC-USD' } })

  const feed = { seqs: new Map([[1, 9]]), finalityNo: 4 }
  const skipped = read(subscription.skipTo(feed, () => 'BTC-USD'))
  t.match(skipped, [{ event: 'reset', data: { symbol: 'BTC-USD' } }])
  t.same(subscription.cursor(feed), feed)
})
