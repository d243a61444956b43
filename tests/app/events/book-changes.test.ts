import t from 'tap'
import { bookChanges } from '../../../app/events/book-changes.ts'
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

t.test('[OT-7] of an iceberg only what is shown is told', async t => {
  const iceberg = { side: 'SELL', price: '10', remaining: '7', visible: '2' } as const

  t.same(changes({ kind: 'OPENED', ...iceberg }), [[7, 'SELL', '10', '2', 1]])
  t.same(
    changes({
      kind: 'CANCELLED',
      side: 'SELL',
      prior_price: '10',
      prior_remaining: '7',
      prior_visible: '2',
    }),
    [[7, 'SELL', '10', '-2', -1]],
  )
  const kept = { kind: 'AMENDED', reason: 'KEPT', prior_price: '10', prior_remaining: '9' } as const
  t.same(changes({ ...iceberg, ...kept, prior_visible: '2' }), [
    [7, 'SELL', '10', '-2', -1],
    [7, 'SELL', '10', '2', 1],
  ])
})

t.test('[OT-7] a trade with an iceberg takes what it showed less what it shows anew', async t => {
  const trade = { kind: 'TRADE', side: 'BUY', price: '10' } as const
  const after = (quantity: string, before: string, rest: string, shown: string | null) =>
    changes({
      ...trade,
      quantity,
      maker_prior_visible: before,
      maker_remaining: rest,
      maker_visible: shown,
    })

  t.same(after('1', '2', '6', '1'), [[7, 'SELL', '10', '-1', 0]], 'a part of what it shows')
  t.same(after('2', '2', '5', '2'), [], 'all that it shows, and it shows as much again')
  t.same(after('2', '2', '1', null), [[7, 'SELL', '10', '-1', 0]], 'the last part is smaller')
  t.same(after('1', '1', '4', '2'), [[7, 'SELL', '10', '1', 0]], 'it shows more than before')
  t.same(after('1', '1', '0', null), [[7, 'SELL', '10', '-1', -1]], 'the last of it')
})

t.test('a prevented match takes from the maker what it lost', async t => {
  const prevented = { kind: 'PREVENTED', side: 'BUY', price: '10' } as const

  t.same(
    changes({ ...prevented, reason: 'DECREMENT', quantity: '2', maker_remaining: '1' }),
    [[7, 'SELL', '10', '-2', 0]],
    'both lose the same',
  )
  t.same(
    changes({ ...prevented, reason: 'DECREMENT', quantity: '2', maker_remaining: '0' }),
    [[7, 'SELL', '10', '-2', -1]],
    'and the maker is gone',
  )
  for (const reason of ['CANCEL_MAKER', 'CANCEL_BOTH']) {
    t.same(
      changes({
        ...prevented,
        reason,
        quantity: '9',
        maker_prior_visible: '2',
        maker_remaining: '0',
      }),
      [[7, 'SELL', '10', '-2', -1]],
      reason,
    )
  }
  t.same(
    changes({ ...prevented, reason: 'CANCEL_TAKER', quantity: '9', maker_remaining: '5' }),
    [],
    'the maker stays as it is',
  )
})

t.test('an order that waits is not in the book, whatever becomes of it', async t => {
  const waiting = { price: '10', quantity: '3', remaining: '3' } as const

  for (const kind of ['PARKED', 'TRIGGERED', 'RELEASED', 'REJECTED', 'CANCELLED', 'EXPIRED']) {
    t.same(changes({ kind, ...waiting }), [], kind)
  }
  const amended = {
    kind: 'AMENDED',
    reason: 'PARKED',
    prior_price: '9',
    prior_remaining: '4',
  } as const
  t.same(changes({ ...waiting, ...amended }), [])
})

t.test('[OT-14] an order that expires where it rests leaves its place', async t => {
  const expired = {
    kind: 'EXPIRED',
    reason: 'GTD',
    prior_price: '10',
    prior_remaining: '3',
  } as const

  t.same(changes({ ...expired, price: '10', remaining: '0' }), [[7, 'BUY', '10', '-3', -1]])
})

t.test(
  '[MAT-072] a trade of a call changes no book: each order says what is left of it',
  async t => {
    const trade = { kind: 'TRADE', side: 'BUY', price: '10', quantity: '2' } as const
    const left = { kind: 'UNCROSSED', side: 'BUY', price: '11', prior_price: '11' } as const

    for (const reason of ['AUCTION', 'SELF_AUCTION']) {
      t.same(changes({ ...trade, reason, maker_remaining: '1' }), [], reason)
    }
    t.same(changes({ ...left, remaining: '0', prior_remaining: '2' }), [[7, 'BUY', '11', '-2', -1]])
    t.same(changes({ ...left, remaining: '1', prior_remaining: '3' }), [
      [7, 'BUY', '11', '-3', -1],
      [7, 'BUY', '11', '1', 1],
    ])
    t.same(
      changes({ ...left, remaining: '7', visible: '2', prior_remaining: '9', prior_visible: '1' }),
      [
        [7, 'BUY', '11', '-1', -1],
        [7, 'BUY', '11', '2', 1],
      ],
      'of an iceberg what is shown',
    )
  },
)

t.test('what is said of no order changes no book', async t => {
  for (const kind of ['PHASE', 'INDICATIVE', 'UNCROSSED']) {
    const facts = { kind, order_id: null, client_id: null, price: '10', quantity: '3' }
    t.same(changes({ ...facts, remaining: '2' }), [], kind)
  }
})
