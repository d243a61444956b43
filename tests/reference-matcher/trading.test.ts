import t from 'tap'
import { toUnits } from '../replay/decimals.ts'
import { spokenFor } from './money.ts'
import { buy, createWorkedMarket, sell, state } from './worked-market.ts'

t.test('self-trade: the taker decides, and each quantity is accounted for', async t => {
  const table = [
    // mode, taker 5, maker 3, then bob's 4 behind it
    ['NONE', 'FILLED 5 0 0 0', 'FILLED 3 0 0 0', 'PARTIALLY_FILLED 2 0 2 0'],
    ['CANCEL_TAKER', 'CANCELLED STP_TAKER 0 5 0 0', 'OPEN 0 0 3 0', 'OPEN 0 0 4 0'],
    ['CANCEL_MAKER', 'PARTIALLY_FILLED 4 0 1 0', 'CANCELLED STP_MAKER 0 3 0 0', 'FILLED 4 0 0 0'],
    ['CANCEL_BOTH', 'CANCELLED STP_TAKER 0 5 0 0', 'CANCELLED STP_MAKER 0 3 0 0', 'OPEN 0 0 4 0'],
    ['DECREMENT', 'FILLED 2 3 0 0', 'CANCELLED STP_DECREMENT 0 3 0 0', 'PARTIALLY_FILLED 2 0 2 0'],
  ] as const
  for (const [stp, taker, maker, other] of table) {
    for (const owner of ['ann', 'abe']) {
      const market = createWorkedMarket()
      market.play(sell('maker', `${owner} 3@100`))
      market.play(sell('other', 'bob 4@100'))

      market.play(buy('taker', 'ann 5@100', { stp }))

      const found = ['taker', 'maker', 'other'].map(key => state(market.order(key)))
      t.strictSame(found, [taker, maker, other], `${stp}, ${owner}`)
    }
  }
})

t.test('self-trade: equal quantities end both orders when they are decremented', async t => {
  const market = createWorkedMarket({ defaultStp: 'DECREMENT' })
  market.play(sell('maker', 'ann 3@100'))

  market.play(buy('taker', 'ann 3@100'))

  t.equal(state(market.order('maker')), 'CANCELLED STP_DECREMENT 0 3 0 0')
  t.equal(state(market.order('taker')), 'CANCELLED STP_DECREMENT 0 3 0 0')
})

t.test('self-trade: those with a better price trade first, and their fills stand', async t => {
  const market = createWorkedMarket()
  market.play(sell('other', 'bob 2@99'))
  market.play(sell('maker', 'ann 3@100'))

  market.play(buy('taker', 'ann 5@100'))

  t.strictSame(market.tape(), ['2@99 other taker'])
  t.equal(state(market.order('taker')), 'CANCELLED STP_TAKER 2 3 0 0')
})

t.test('[MAT-041] a fill-or-kill that cannot fill leaves no trace but its own row', async t => {
  const market = createWorkedMarket()
  market.play(sell('last', 'bob 1@90'))
  market.play(buy('first', 'cat 1@90'))
  market.play(sell('iceberg', 'bob 9@100', { display_quantity: '2' }))
  market.play(sell('own', 'ann 5@101'))
  market.play(buy('stop', 'cat 1', { type: 'STOP', stop_price: '100' }))
  const before = structuredClone(market.market)

  for (const stp of ['CANCEL_TAKER', 'CANCEL_MAKER', 'CANCEL_BOTH', 'DECREMENT'] as const) {
    const { order } = market.play(buy(stp, 'ann 10@101', { time_in_force: 'FOK', stp }))

    t.match(order, { status: 'EXPIRED', endReason: 'UNFILLED_FOK', filled: 0n })
  }
  const { book, trades, lastPrice, fired } = market.market
  t.strictSame(structuredClone({ book, trades, lastPrice, fired }), {
    book: before.book,
    trades: before.trades,
    lastPrice: before.lastPrice,
    fired: before.fired,
  })

  const filled = market.play(
    buy('filled', 'ann 9@101', { time_in_force: 'FOK', stp: 'CANCEL_MAKER' }),
  )
  t.match(filled.order, { status: 'FILLED' }, 'hidden parts count')
  t.equal(market.order('own').prevented, 0n, 'who is not met is not cancelled')
})

t.test('an iceberg shows itself in parts, each at the back of its level', async t => {
  const market = createWorkedMarket()
  market.play(sell('iceberg', 'ann 7@100', { display_quantity: '2' }))
  market.play(sell('other', 'bob 2@100'))

  market.play(buy('taker', 'cat 5@100'))

  t.strictSame(market.tape(), ['2@100 iceberg taker', '2@100 other taker', '1@100 iceberg taker'])
  t.match(market.order('iceberg'), { remaining: toUnits('4'), visible: toUnits('1') })
})

t.test('an iceberg that takes trades its full size first', async t => {
  const market = createWorkedMarket()
  market.play(sell('maker', 'bob 5@100'))

  market.play(buy('iceberg', 'ann 7@100', { display_quantity: '1' }))

  t.strictSame(market.tape(), ['5@100 maker iceberg'])
  t.match(market.order('iceberg'), { remaining: toUnits('2'), visible: toUnits('1') })
})

t.test('post-only never takes: it is refused, or steps back one tick', async t => {
  const market = createWorkedMarket()
  market.play(sell('maker', 'bob 5@100'))

  const refused = market.play(buy('refused', 'ann 9@101', { post_only: true }))
  market.play(buy('slid', 'ann 9@101', { post_only: true, slide: true }))
  market.play(buy('rests', 'ann 9@98', { post_only: true }))

  t.equal(refused.errorCode, 'WOULD_TAKE')
  t.strictSame(market.tape(), [])
  t.strictSame(market.queue('BUY'), ['slid 9@99', 'rests 9@98'])
})

t.test('[MAT-043] a market order goes no further than its protection from the touch', async t => {
  const market = createWorkedMarket({ protectionRate: 0n, protectionTicks: 2 })
  market.play(sell('near', 'bob 1@100'))
  market.play(sell('edge', 'bob 1@102'))
  market.play(sell('far', 'bob 1@103'))

  t.match(market.play(buy('taker', 'ann 5')).order, {
    status: 'EXPIRED',
    endReason: 'PROTECTION',
    filled: toUnits('2'),
  })
  market.play(buy('sweep', 'ann 5'))
  t.equal(market.order('sweep').endReason, 'INSUFFICIENT_LIQUIDITY')
  t.equal(market.play(buy('nobody', 'ann 5')).errorCode, 'NO_LIQUIDITY')
})

t.test(
  'what a market order leaves at its protection rests there, if the symbol says so',
  async t => {
    const market = createWorkedMarket({ protectionTicks: 2, protectionRests: true })
    market.play(sell('near', 'bob 1@10'))
    market.play(sell('far', 'bob 1@13'))

    market.play(buy('taker', 'ann 5'))

    t.strictSame(market.queue('BUY'), ['taker 4@12'])
    t.equal(state(market.order('taker')), 'PARTIALLY_FILLED 1 0 4 0')
  },
)

t.test(
  'a quote-sized order gets the largest quantity that its amount pays, fee included',
  async t => {
    const market = createWorkedMarket({ takerRate: toUnits('0.01') })
    market.play(sell('a', 'bob 2@100'))
    market.play(sell('b', 'bob 9@101'))
    const what = { quote_quantity: '505' }

    t.match(market.play(buy('buyer', 'ann ', what)).order, {
      status: 'FILLED',
      quantity: toUnits('4'),
      notional: toUnits('402'),
    })
    market.play(buy('c', 'bob 9@101', { stp: 'CANCEL_MAKER' }))
    t.match(market.play(sell('seller', 'ann ', what)).order, { quantity: toUnits('5') })
    const little = market.play(buy('little', 'ann ', { quote_quantity: '50' }))
    t.equal(little.errorCode, 'NO_LIQUIDITY')
  },
)

t.test(
  '[MAT-030] a buy holds its cost and fee, a sell its quantity, and no more is taken',
  async t => {
    const market = createWorkedMarket({ takerRate: toUnits('0.0123'), makerRate: toUnits('-0.01') })

    t.equal(market.play(buy('dear', 'poor 1@99')).errorCode, 'INSUFFICIENT_FUNDS')
    market.play(buy('bid', 'poor 4@24'))
    t.equal(market.play(sell('much', 'poor 101@120')).errorCode, 'INSUFFICIENT_FUNDS')
    market.play(sell('ask', 'poor 100@120'))

    const { base, quote } = spokenFor(market.market, 'poor')
    t.strictSame([base.held, quote.held], [toUnits('100'), toUnits('97.19')])
    market.play(sell('taker', 'ann 1@24'))
    const after = spokenFor(market.market, 'poor')
    t.strictSame(after.quote, {
      held: toUnits('23.76') + toUnits('72') + toUnits('0.24') + toUnits('0.65'),
      unsettledIn: 0n,
      unsettledOut: toUnits('23.76'),
    })
  },
)
