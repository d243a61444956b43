import t from 'tap'
import type { Command } from './commands.ts'
import { buy, createWorkedMarket, noonMs, sell, state, type WorkedMarket } from './worked-market.ts'

const named = (key: string) => ({ client_id: 'ann', client_order_id: key })
const amend = (key: string, change: object): Command => ({ op: 'AMEND', ...named(key), ...change })
const inAnHour = '2026-03-02T13:00:00Z'

/** Ann's order before bob's at one price, 3 of her 10 filled. */
function queued(more = {}): WorkedMarket {
  const market = createWorkedMarket()
  market.play(buy('x', 'ann 10@100', more))
  market.play(sell('taker', 'cat 3@100'))
  market.play(buy('behind', 'bob 1@100'))
  market.play(sell('ask', 'cat 1@105'))
  return market
}

t.test('[MAT-044] what an amendment does to an order and to its place', async t => {
  const table: [string, object, string, string[]][] = [
    ['less', { quantity: '8' }, 'PARTIALLY_FILLED 3 0 5 0', ['x 5@100', 'behind 1@100']],
    ['more', { quantity: '11' }, 'PARTIALLY_FILLED 3 0 8 0', ['behind 1@100', 'x 8@100']],
    ['lower', { price: '99' }, 'PARTIALLY_FILLED 3 0 7 0', ['behind 1@100', 'x 7@99']],
    ['higher', { price: '101' }, 'PARTIALLY_FILLED 3 0 7 0', ['x 7@101', 'behind 1@100']],
    ['crossing', { price: '105' }, 'PARTIALLY_FILLED 4 0 6 0', ['x 6@105', 'behind 1@100']],
    ['as filled', { quantity: '3' }, 'CANCELLED USER 3 0 0 7', ['behind 1@100']],
    ['less than filled', { quantity: '2' }, 'CANCELLED USER 3 0 0 7', ['behind 1@100']],
    ['nothing', { quantity: '10' }, 'PARTIALLY_FILLED 3 0 7 0', ['x 7@100', 'behind 1@100']],
    ['its time', { expire_at: inAnHour }, 'PARTIALLY_FILLED 3 0 7 0', ['x 7@100', 'behind 1@100']],
  ]
  for (const [name, change, end, queue] of table) {
    const market = queued()

    const { errorCode } = market.play(amend('x', change))

    t.equal(errorCode, null)
    t.equal(state(market.order('x')), end, name)
    t.strictSame(market.queue('BUY'), queue)
  }
})

t.test('an amendment that fails leaves the order as it was', async t => {
  const table: [object, string][] = [
    [{}, 'NOTHING_TO_AMEND'],
    [{ price: '100.5' }, 'PRICE_TICK'],
    [{ quantity: '0' }, 'LOT_SIZE'],
    [{ quantity: '99999999999' }, 'INSUFFICIENT_FUNDS'],
    [{ expire_at: '2026-03-02T12:00:00Z' }, 'EXPIRE_AT'],
    [{ time_in_force: 'GTC', expire_at: inAnHour }, 'EXPIRE_AT'],
    [{ time_in_force: 'GTD' }, 'EXPIRE_AT'],
  ]
  for (const [change, code] of table) {
    const market = queued()
    const before = structuredClone(market.order('x'))

    const { errorCode } = market.play(amend('x', change))

    t.equal(errorCode, code)
    t.strictSame(structuredClone(market.order('x')), before)
  }
  const day = queued({ time_in_force: 'DAY' })
  t.equal(day.play(amend('x', { expire_at: inAnHour })).errorCode, 'TIME_IN_FORCE')
})

t.test('an order may be good till a time, and good till cancelled again', async t => {
  const market = queued()
  market.play(amend('x', { expire_at: inAnHour }))
  t.match(market.order('x'), { timeInForce: 'GTD', expireAtMs: Date.parse(inAnHour) })

  market.play(amend('x', { time_in_force: 'GTC' }))

  t.match(market.order('x'), { timeInForce: 'GTC', expireAtMs: null })
})

t.test('who has ended cannot be changed, and is told how it ended', async t => {
  const market = queued()
  market.play(buy('ioc', 'ann 1@90', { time_in_force: 'IOC' }))
  market.play(buy('filled', 'ann 1@105'))
  const cancel = (key: string, more = {}): Command => ({ op: 'CANCEL', ...named(key), ...more })

  t.equal(market.play(cancel('filled')).errorCode, 'ORDER_FILLED')
  t.equal(market.play(cancel('ioc')).errorCode, 'ORDER_NOT_OPEN')
  t.equal(market.play(cancel('x', { only_if: 'NEW' })).errorCode, 'CONDITION_FAILED')
  t.equal(market.play(cancel('x')).errorCode, null)
  t.equal(market.play(cancel('x')).errorCode, null, 'cancelled once or twice')
  t.equal(market.play(amend('x', { quantity: '9' })).errorCode, 'ORDER_NOT_OPEN')
  t.equal(market.play(cancel('behind')).errorCode, 'UNKNOWN_ORDER', "somebody else's")
})

t.test('a batch is taken command by command, an atomic one as a whole or not at all', async t => {
  const commands = [buy('a', 'ann 1@99'), buy('b', 'poor 9@99'), sell('c', 'cat 1@99')]
  const singly = createWorkedMarket()
  const answers = singly.execute(commands, { nowMs: noonMs })
  t.strictSame(
    answers.map(({ errorCode, order }) => [errorCode, order?.status]),
    [
      [null, 'OPEN'],
      ['INSUFFICIENT_FUNDS', 'REJECTED'],
      [null, 'FILLED'],
    ],
  )
  t.equal(state(singly.order('a')), 'FILLED 1 0 0 0')

  const whole = createWorkedMarket()
  const refused = whole.execute(commands, { nowMs: noonMs, isAtomic: true })
  t.strictSame(
    refused.map(({ errorCode }) => errorCode),
    ['BATCH_ROLLED_BACK', 'INSUFFICIENT_FUNDS', 'BATCH_ROLLED_BACK'],
  )
  t.strictSame(whole.market.orders, [])
})

t.test('[MAT-020] a key stands for one order: a repeat is answered as the first time', async t => {
  const market = createWorkedMarket()
  const first = market.play(buy('key', 'ann 5@100'))
  market.play(sell('taker', 'cat 3@100'))

  t.strictSame(market.play(buy('key', 'ann 5@100')), first)
  t.match(market.play(buy('key', 'ann 6@100')), { errorCode: 'KEY_REUSED', order: null })
  t.equal(market.market.orders.length, 2)
})

t.test('an order that is accepted only is matched before the next batch', async t => {
  const market = createWorkedMarket()
  market.play(sell('ask', 'cat 2@100'))

  const { order } = market.play(buy('later', 'ann 2@100', { is_async: true }))
  t.match(order, { status: 'PENDING', pendingReason: 'MATCH' })
  market.play(buy('next', 'bob 2@100'))

  t.equal(state(market.order('later')), 'FILLED 2 0 0 0')
  t.equal(state(market.order('next')), 'OPEN 0 0 2 0')
})

const oco = { list_no: 1, list_role: 'OCO' } as const
const stopLeg = { type: 'STOP_LIMIT', stop_price: '90', ...oco } as const

/** Ann's profit is at 110, her loss at 90; she holds for one of the two. */
function protectedMarket(): WorkedMarket {
  const market = createWorkedMarket()
  market.play(buy('b', 'bob 1@100'))
  market.play(sell('s', 'cat 1@100'))
  const legs = [sell('profit', 'ann 5@110', oco), sell('loss', 'ann 5@80', stopLeg)]
  market.execute(legs, { nowMs: noonMs })
  return market
}

t.test('of two orders that are linked one only does something', async t => {
  const filled = protectedMarket()
  filled.play(buy('taker', 'bob 1@110'))
  t.equal(state(filled.order('loss')), 'CANCELLED OCO_TRIGGER 0 0 0 5')
  t.equal(state(filled.order('profit')), 'PARTIALLY_FILLED 1 0 4 0')

  const triggered = protectedMarket()
  triggered.play(buy('bid', 'bob 1@90'))
  triggered.play(sell('taker', 'cat 1@90'))
  t.equal(state(triggered.order('profit')), 'CANCELLED OCO_TRIGGER 0 0 0 5')
  t.equal(state(triggered.order('loss')), 'OPEN 0 0 5 0')

  const cancelled = protectedMarket()
  cancelled.play({ op: 'CANCEL', ...named('loss') })
  t.equal(state(cancelled.order('profit')), 'CANCELLED OCO_TRIGGER 0 0 0 5')

  const refused = createWorkedMarket()
  refused.play(buy('b', 'bob 1@100'))
  refused.play(sell('s', 'cat 1@100'))
  const late = { ...stopLeg, stop_price: '100' }
  const answers = refused.execute(
    [sell('profit', 'ann 5@110', oco), sell('loss', 'ann 5@80', late)],
    { nowMs: noonMs },
  )
  t.strictSame(
    answers.map(({ errorCode }) => errorCode),
    [null, 'WOULD_TRIGGER'],
  )
  t.equal(state(refused.order('profit')), 'CANCELLED OCO_TRIGGER 0 0 0 5')
})

t.test('exits wait until their entry is filled, and go where it is not', async t => {
  const list = { list_no: 1, list_role: 'EXIT' } as const
  const bracket = [
    buy('entry', 'ann 5@100', { list_no: 1, list_role: 'ENTRY' }),
    sell('profit', 'ann 5@110', list),
    sell('loss', 'ann 5@80', { ...stopLeg, ...list }),
  ]
  const market = createWorkedMarket()
  market.execute(bracket, { nowMs: noonMs })
  t.match(market.order('profit'), { status: 'PENDING', pendingReason: 'PARENT' })

  market.play(sell('part', 'cat 3@100'))
  t.match(market.order('profit'), { pendingReason: 'PARENT' })
  market.play(sell('rest', 'cat 2@100'))

  t.equal(state(market.order('profit')), 'OPEN 0 0 5 0')
  t.match(market.order('loss'), { status: 'PENDING', pendingReason: 'TRIGGER' })

  const unfilled = createWorkedMarket()
  unfilled.execute(bracket, { nowMs: noonMs })
  unfilled.play(sell('part', 'cat 3@100'))
  unfilled.play({ op: 'CANCEL', ...named('entry') })
  t.equal(state(unfilled.order('loss')), 'CANCELLED OTO_PHASE_ONE_EXPIRED 0 0 0 5')
})
