import t from 'tap'
import { bookChanges } from '../../../app/events/book-changes.ts'
import { lastNo, messagesOf, seqOf } from '../../../app/events/messages.ts'
import type { EventRow } from '../../../app/rows.ts'
import { eventRow } from './event-row.ts'

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

const dataOf = (facts: Partial<EventRow>) =>
  messagesOf(eventRow({ seq: '7', ...facts })).map(({ topic, no, clientId, name, data }) => {
    return { topic, no, clientId, name, ...JSON.parse(data) }
  })

t.test('an order that is parked, fires or is refused then is told to its owner', async t => {
  for (const kind of ['PARKED', 'TRIGGERED', 'RELEASED', 'REJECTED', 'EXPIRED']) {
    t.match(
      dataOf({ kind, price: '10', quantity: '3', remaining: '3', reason: 'TRIGGER' }),
      [{ topic: 'orders', no: 14, clientId: 'client-A', kind, side: 'BUY', reason: 'TRIGGER' }],
      kind,
    )
  }
})

t.test('a prevented match is told to both orders, and to no one as a trade', async t => {
  const prevented = {
    kind: 'PREVENTED',
    side: 'BUY',
    price: '10',
    quantity: '2',
    remaining: '1',
    maker_order_id: '20',
    maker_client_id: 'client-M',
    maker_remaining: '0',
  } as const

  t.match(dataOf({ ...prevented, reason: 'CANCEL_MAKER' }), [
    { topic: 'orders', no: 14, side: 'BUY', quantity: '2', remaining: '1', reason: 'CANCEL_MAKER' },
    { topic: 'orders', no: 15, clientId: 'client-M', side: 'SELL', quantity: null, remaining: '0' },
  ])
  t.match(dataOf({ ...prevented, reason: 'DECREMENT' }), [{ quantity: '2' }, { quantity: '2' }])
})

t.test('what is said of a symbol goes to those who follow its trades', async t => {
  const market = { order_id: null, client_id: null, side: null }

  t.same(dataOf({ ...market, kind: 'PHASE', phase: 'CALL', reason: 'VOLATILITY' }), [
    {
      topic: 'trades',
      no: 7,
      clientId: undefined,
      name: 'phase',
      symbol: 'BTC-USD',
      seq: 7,
      phase: 'CALL',
      reason: 'VOLATILITY',
      ends_at: null,
      at: eventRow({}).at,
    },
  ])
  const found = { price: '10', quantity: '5', remaining: '2', side: 'SELL' } as const
  for (const [kind, name] of [
    ['INDICATIVE', 'indicative'],
    ['UNCROSSED', 'uncrossed'],
  ] as const) {
    t.match(
      dataOf({ ...market, ...found, kind }),
      [{ topic: 'trades', name, price: '10', quantity: '5', surplus: '2', surplus_side: 'SELL' }],
      kind,
    )
  }
})

t.test('[BST-002] a bust and what takes the place are told to all, and to both sides', async t => {
  const trade = {
    side: 'SELL',
    price: '10',
    quantity: '2',
    order_id: '21',
    client_id: 'client-T',
    maker_order_id: '20',
    maker_client_id: 'client-M',
  } as const
  const orders = { maker_order_id: '20', taker_order_id: '21' }
  const said = { trade_id: '1000000000003', reason: 'a mistake' }
  t.match(dataOf({ ...trade, ...said, kind: 'BUST' }), [
    { topic: 'trades', no: 7, clientId: undefined, name: 'bust', ...said, ...orders, price: '10' },
    { topic: 'orders', no: 14, clientId: 'client-T', kind: 'BUST', side: 'SELL', ...said },
    { topic: 'orders', no: 15, clientId: 'client-M', kind: 'BUST', side: 'BUY', ...said },
  ])
  const made = { trade_id: '1000000000007', reason: '1000000000003' }
  const shown = { trade_id: '1000000000007', corrects: '1000000000003' }
  t.match(dataOf({ ...trade, ...made, kind: 'CORRECTED' }), [
    { topic: 'trades', name: 'correction', ...shown, ...orders, taker_side: 'SELL' },
    { topic: 'orders', clientId: 'client-T', kind: 'CORRECTED', liquidity: 'TAKER', ...shown },
    { topic: 'orders', clientId: 'client-M', kind: 'CORRECTED', liquidity: 'MAKER', ...shown },
  ])
  t.same(bookChanges(eventRow({ ...trade, kind: 'BUST' })), [], 'the book is as it was')
  t.same(bookChanges(eventRow({ ...trade, kind: 'CORRECTED' })), [])
})
