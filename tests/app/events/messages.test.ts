import t from 'tap'
import { bookChanges, lastNo, messagesOf, seqOf } from '../../../app/events/messages.ts'
import type { EventRow } from '../../../app/rows.ts'
import { eventRow } from './event-row.ts'

const changes = (facts: Partial<EventRow>) => bookChanges(eventRow({ seq: '7', ...facts }))

t.test('an order that rests adds itself to its level', async t => {
  t.same(changes({ kind: 'OPENED', side: 'BUY', price: '10', remaining: '3' }), [
    [7, 'BUY', '10', '3', 1],
  ])
})

t.test('a trade takes from the other side, and the maker with its last part', async t => {
  const trade = { kind: 'TRADE', side: 'BUY', price: '10', quantity: '2' } as const

  t.same(changes({ ...trade, maker_remaining: '1' }), [[7, 'SELL', '10', '-2', 0]])
  t.same(changes({ ...trade, maker_remaining: '0' }), [[7, 'SELL', '10', '-2', -1]])
})

t.test(
  'a cancelled order takes what was left of it; one that never rested takes nothing',
  async t => {
    const cancelled = { kind: 'CANCELLED', side: 'SELL', price: '10', remaining: '0' } as const

    t.same(changes({ ...cancelled, prior_price: '10', prior_remaining: '1.5' }), [
      [7, 'SELL', '10', '-1.5', -1],
    ])
    t.same(changes(cancelled), [])
  },
)

t.test('an amended order that keeps its place is changed where it stands', async t => {
  const amended = { kind: 'AMENDED', price: '10', prior_price: '10', prior_remaining: '3' } as const

  t.same(changes({ ...amended, remaining: '2', reason: 'KEPT' }), [
    [7, 'BUY', '10', '-3', -1],
    [7, 'BUY', '10', '2', 1],
  ])
})

t.test('one that lost its place only leaves: the events behind it tell the rest', async t => {
  const lost = { kind: 'AMENDED', price: '11', remaining: '0', reason: 'LOST' } as const

  t.same(changes({ ...lost, prior_price: '10', prior_remaining: '3' }), [
    [7, 'BUY', '10', '-3', -1],
  ])
})

t.test('an order that ended in its own command changes no book', async t => {
  for (const kind of ['FILLED', 'EXPIRED', 'REJECTED']) {
    t.same(changes({ kind, price: '10', quantity: '3', remaining: '0' }), [], kind)
  }
})

t.test('a trade is told once to trades, and to orders for both sides', async t => {
  const event = eventRow({
    seq: '7',
    kind: 'TRADE',
    side: 'SELL',
    price: '10',
    quantity: '2',
    order_id: '21',
    client_id: 'client-T',
    trade_id: '1000000000007',
    maker_order_id: '20',
    maker_client_id: 'client-M',
    maker_remaining: '1',
  })

  const messages = messagesOf(event).map(message => ({
    ...message,
    data: JSON.parse(message.data),
  }))

  t.match(messages, [
    {
      topic: 'trades',
      no: 7,
      name: 'trade',
      data: {
        symbol: 'BTC-USD',
        seq: 7,
        trade_id: '1000000000007',
        price: '10',
        quantity: '2',
        taker_side: 'SELL',
        maker_order_id: '20',
        taker_order_id: '21',
        at: event.at,
      },
    },
    {
      topic: 'orders',
      no: 14,
      clientId: 'client-T',
      data: { order_id: '21', kind: 'TRADE', side: 'SELL', liquidity: 'TAKER' },
    },
    {
      topic: 'orders',
      no: 15,
      clientId: 'client-M',
      data: { order_id: '20', side: 'BUY', remaining: '1', liquidity: 'MAKER' },
    },
  ])
})

t.test('the numbers of a topic lead back to the last event that was told in full', async t => {
  for (const seq of [1, 2, 99]) {
    for (const topic of ['trades', 'orders', 'book'] as const) {
      t.equal(seqOf(topic, lastNo(topic, seq)), seq, topic)
    }
    t.equal(seqOf('orders', seq * 2), seq - 1, 'the taker was told, the maker not yet')
  }
  t.equal(seqOf('orders', 0), 0)
})
