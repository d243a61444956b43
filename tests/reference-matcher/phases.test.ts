import t from 'tap'
import type { Command } from './commands.ts'
import type { Phase, Status } from './market.ts'
import { buy, createWorkedMarket, noonMs, sell, state, type WorkedMarket } from './worked-market.ts'

const inAnHour = '2026-03-02T13:00:00Z'

/** An order at rest, a stop order, and a market that is moved to a status or a phase. */
function moved(to: Status | Phase, rules = {}): WorkedMarket {
  const market = createWorkedMarket(rules)
  market.play(sell('a', 'cat 1@100'))
  market.play(buy('b', 'bob 1@100'))
  market.play(buy('rests', 'ann 5@90'))
  if (to === 'HALTED' || to === 'MAINTENANCE' || to === 'DELISTED') market.moveToStatus(to, 0)
  else if (to !== 'ACTIVE') market.moveToPhase(to, 0)
  return market
}

const amend = (change: object): Command => ({
  op: 'AMEND',
  client_id: 'ann',
  client_order_id: 'rests',
  ...change,
})
const crossing = (more = {}) => buy('new', 'bob 1@101', more)

const commands: Record<string, Command> = {
  limit: crossing(),
  'good till': crossing({ time_in_force: 'GTD', expire_at: inAnHour }),
  day: crossing({ time_in_force: 'DAY' }),
  'post-only': buy('new', 'bob 1@80', { post_only: true }),
  IOC: crossing({ time_in_force: 'IOC' }),
  FOK: crossing({ time_in_force: 'FOK' }),
  GTX: crossing({ time_in_force: 'GTX' }),
  auction: crossing({ time_in_force: 'GFA' }),
  market: buy('new', 'bob 1'),
  'stop order': buy('new', 'bob 1', { type: 'STOP', stop_price: '120', time_in_force: 'GTC' }),
  'amend up': amend({ quantity: '6' }),
  'amend down': amend({ quantity: '4' }),
  'amend price': amend({ price: '91' }),
  cancel: { op: 'CANCEL', client_id: 'ann', client_order_id: 'rests' },
}

const places = ['limit', 'good till', 'day', 'post-only', 'IOC', 'FOK', 'GTX', 'auction', 'market']
const table: [Phase | Status, Record<string, string>][] = [
  ['CONTINUOUS', { auction: 'NOT_IN_CALL', market: 'NO_LIQUIDITY' }],
  ['PRE_OPEN', refuse('CALL_PHASE', ['IOC', 'FOK', 'GTX', 'market'])],
  ['CALL', refuse('CALL_PHASE', ['IOC', 'FOK', 'GTX', 'market'])],
  ['CLOSED', refuse('SYMBOL_CLOSED', ['IOC', 'FOK', 'GTX', 'auction', 'market'])],
  ['MAINTENANCE', refuse('CANCEL_ONLY', [...places, 'stop order', 'amend up', 'amend price'])],
  [
    'HALTED',
    refuse('SYMBOL_HALTED', [...places, 'stop order', 'amend up', 'amend down', 'amend price']),
  ],
  [
    'DELISTED',
    {
      ...refuse('SYMBOL_DELISTED', [...places, 'stop order']),
      ...refuse('ORDER_NOT_OPEN', ['amend up', 'amend down', 'amend price']),
    },
  ],
]

function refuse(code: string, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map(name => [name, code]))
}

t.test('each command in each phase is taken or refused as the table says', async t => {
  for (const [phase, refusals] of table) {
    const found: Record<string, string> = {}
    for (const [name, command] of Object.entries(commands)) {
      const { errorCode } = moved(phase).play(command)
      if (errorCode !== null) found[name] = errorCode
    }
    t.strictSame(found, refusals, phase)
  }
})

t.test('nothing matches and no stop order fires but in continuous trading', async t => {
  for (const phase of ['PRE_OPEN', 'CALL', 'CLOSED'] as const) {
    const market = moved(phase)
    market.play(sell('seller', 'cat 1@90'))
    market.play(buy('buyer', 'bob 1@95'))

    t.strictSame(market.queue('BUY'), ['buyer 1@95', 'rests 5@90'], phase)
    t.strictSame(market.queue('SELL'), ['seller 1@90'])
  }
})

t.test('a symbol may take no orders while it is closed', async t => {
  const market = moved('CLOSED', { acceptWhenClosed: false })

  t.equal(market.play(crossing()).errorCode, 'SYMBOL_CLOSED')
})

t.test('what is delisted has no orders left, a call none for continuous trading', async t => {
  t.equal(state(moved('DELISTED').order('rests')), 'CANCELLED DELISTED 0 0 0 5')

  const market = createWorkedMarket()
  market.play(buy('continuous', 'bob 1@80', { time_in_force: 'GTX' }))
  market.moveToPhase('CALL', 0)
  t.equal(state(market.order('continuous')), 'EXPIRED AUCTION_ONLY 0 0 0 1')
})

t.test('an order of the day ends with it, also one that waits', async t => {
  const market = createWorkedMarket()
  const day = { time_in_force: 'DAY' } as const
  market.play(buy('day', 'bob 1@80', day))
  market.play(buy('stop', 'bob 1@130', { type: 'STOP_LIMIT', stop_price: '120', ...day }))

  market.sweep(Date.parse('2026-03-02T23:59:59.999Z'))
  t.equal(state(market.order('day')), 'OPEN 0 0 1 0')
  market.sweep(Date.parse('2026-03-03T00:00:00Z'))

  t.equal(state(market.order('day')), 'EXPIRED DAY 0 0 0 1')
  t.equal(state(market.order('stop')), 'EXPIRED DAY 0 0 0 1')
})

t.test('a phase ends at its time, before anything that comes later', async t => {
  const market = createWorkedMarket()
  market.moveToPhase('CALL', noonMs, { atMs: noonMs + 1000, next: 'CONTINUOUS' })
  market.play(buy('bid', 'bob 1@101'))
  market.play(sell('ask', 'cat 1@99'))
  market.execute([sell('later', 'cat 1@98')], { nowMs: noonMs + 2000 })

  t.strictSame(market.tape(), ['1@100 bid ask'])
  t.strictSame(market.queue('SELL'), ['later 1@98'])
})

t.test('outside the band nothing prints: the rest expires, or an auction begins', async t => {
  for (const [bandAction, phase, end] of [
    ['EXPIRE', 'CONTINUOUS', 'EXPIRED EXECUTION_RULE_PRICE_RANGE_EXCEEDED 1 0 0 2'],
    ['AUCTION', 'CALL', 'PARTIALLY_FILLED 1 0 2 0'],
  ] as const) {
    const market = createWorkedMarket({ bandRate: 10n ** 17n, bandAction })
    market.play(sell('ask', 'cat 1@100'))
    market.play(buy('bid', 'bob 1@100'))
    market.play(sell('near', 'cat 1@110'))
    market.play(sell('far', 'cat 1@111'))

    market.play(buy('taker', 'bob 3@120'))

    t.equal(market.market.phase, phase)
    t.equal(state(market.order('taker')), end)
  }
})

t.test('an order good till a time never trades at that time or later', async t => {
  const market = createWorkedMarket()
  const expire_at = new Date(noonMs + 1000).toISOString()
  market.play(sell('till', 'cat 1@100', { time_in_force: 'GTD', expire_at }))
  market.play(sell('stays', 'cat 1@101'))

  market.execute([buy('taker', 'bob 1@101')], { nowMs: noonMs + 1000 })

  t.equal(state(market.order('till')), 'EXPIRED GTD 0 0 0 1')
  t.strictSame(market.tape(), ['1@101 stays taker'])
  const late = market.play(sell('late', 'cat 1@100', { time_in_force: 'GTD', expire_at }))
  t.equal(late.errorCode, 'EXPIRE_AT')
})

t.test('a request whose deadline has come is refused, and its order with it', async t => {
  const market = createWorkedMarket()
  const deadline = new Date(noonMs + 1).toISOString()
  t.equal(market.play(buy('in time', 'bob 1@99', { deadline })).errorCode, null)

  const [answer] = market.execute([buy('late', 'bob 1@99', { deadline })], { nowMs: noonMs + 1 })

  t.match(answer, { errorCode: 'EXPIRED_REQUEST', order: { status: 'REJECTED' } })
})
