import t from 'tap'
import { hasTopic, keyOf, parsePosition, printPosition } from '../../../app/events/position.ts'
import { parseTopics } from '../../../app/events/topics.ts'

t.test('an id says where each topic stands, and reads back as it was', async t => {
  const position = new Map([
    [keyOf('trades', 1), 5],
    [keyOf('book', 1), 123_456_789_012],
    [keyOf('orders', 12), 0],
    [keyOf('ticker', 3), 7],
    ['j', 99],
  ])

  const id = printPosition(position)

  t.match(id, /^[a-z0-9._]+$/, 'fit for a header and a URL')
  t.same([...parsePosition(id)], [...position])
  t.ok(hasTopic(position, 'orders'))
  t.notOk(hasTopic(new Map([['t1', 1]]), 'orders'))
})

t.test('what is no id is refused', async t => {
  const wrong = [
    '',
    '_',
    't1',
    't1.',
    't1.5.6',
    't1.-5',
    't01.5',
    'x1.5',
    't1.5_t1.6',
    't99999999999.1',
    't1.zzzzzzzzzzzz',
    "t1.5'; drop table orders; --",
    Array(3000).fill('j.1').join('_'),
  ]
  for (const id of wrong) {
    t.throws(() => parsePosition(id), { status: 400, code: 'BAD_EVENT_ID' }, id.slice(0, 40))
  }
})

t.test('topics are read, symbols in any case', async t => {
  const topics = parseTopics('trades:btc-usd,book:BTC-USD,ticker,settlements,orders:client-A')

  t.same([...topics.trades], ['BTC-USD'])
  t.same([...topics.book], ['BTC-USD'])
  t.same([topics.ticker, topics.settlements], [true, true])
  t.same(topics.orders, new Set(['client-A']))
  t.equal(parseTopics('orders,orders:client-A').orders, 'ALL')
  t.equal(parseTopics('ticker').orders, undefined)
})

t.test('a topic that is none is refused', async t => {
  const wrong = [
    undefined,
    '',
    ',',
    'trades',
    'book:',
    'ticker:BTC-USD',
    'candles:BTC-USD',
    'orders:a b',
  ]
  for (const text of wrong) {
    t.throws(() => parseTopics(text), { status: 400, code: 'BAD_TOPIC' }, String(text))
  }
})
