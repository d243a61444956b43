import t from 'tap'
import { printUnits, toUnits } from '../replay/decimals.ts'
import type { PlaceCommand } from './commands.ts'
import type { Order } from './market.ts'
import { createTrigger, limitBehind, watch } from './triggers.ts'
import {
  buy,
  createWorkedMarket,
  plainRules,
  sell,
  state,
  type WorkedMarket,
} from './worked-market.ts'

const trailing = (side: 'BUY' | 'SELL', more: Partial<PlaceCommand>): PlaceCommand => ({
  op: 'PLACE',
  client_id: 'ann',
  side,
  type: 'TRAILING_STOP',
  time_in_force: 'IOC',
  quantity: '1',
  ...more,
})

/** Shows the prices one after the other: the one that fires it, and the level it fired at. */
function fires(command: PlaceCommand, [last, ...prices]: readonly (string | null)[]) {
  const { market } = createWorkedMarket()
  market.lastPrice = last === null || last === undefined ? null : toUnits(last)
  const trigger = createTrigger(market, command)
  if (!trigger) throw new Error('a trailing stop has a trigger')
  const at = prices.find(price => price !== null && watch(trigger, toUnits(price))) ?? null
  return { at, level: trigger.level === null ? null : printUnits(trigger.level) }
}

t.test('a trailing stop follows by a rate, and fires at its level and not before', async t => {
  const table = [
    ['SELL', 500, ['50', '60', '58', '57'], '57', '57'],
    ['SELL', 2500, ['50', '60', '50', '57', '46', '45'], '45', '45'],
    ['BUY', 500, ['43000', '42000', '44099', '44100'], '44100', '44100'],
    ['SELL', 1000, ['40000', '41000', '37000', '36900'], '36900', '36900'],
    ['BUY', 850, ['38000', '37000', '40144', '40145'], '40145', '40145'],
    ['SELL', 750, ['45000', '46500', '43013', '43012'], '43012', '43012.5'],
    ['SELL', 700, ['45000', '45500', '42316', '42315'], '42315', '42315'],
    ['SELL', 5, ['1.2345', '1.2339', '1.23388'], '1.23388', '1.23388275'],
  ] as const
  for (const [side, trailing_bips, prices, at, level] of table) {
    const name = `${side} ${trailing_bips}: ${prices.join(' ')}`
    t.strictSame(fires(trailing(side, { trailing_bips }), prices), { at, level }, name)
  }
})

t.test('a trailing stop follows by an offset, in the favourable direction only', async t => {
  const command = trailing('SELL', { trailing_offset: '10' })

  t.strictSame(fires(command, ['100', '120', '111', '115', '110']), { at: '110', level: '110' })
  t.strictSame(fires(command, ['100', '91', '90']), { at: '90', level: '90' })
  t.strictSame(fires(command, [null, '100', '91', '95', '90']), { at: '90', level: '90' })
})

t.test('a trailing stop with an activation price follows from the trade that meets it', async t => {
  const up = trailing('SELL', { trailing_offset: '10', activation_price: '110' })
  const down = trailing('SELL', { trailing_offset: '10', activation_price: '90' })
  const bought = trailing('BUY', { trailing_bips: 1000, activation_price: '90' })

  t.strictSame(fires(up, ['100', '80', '112', '103', '102']), { at: '102', level: '102' })
  t.strictSame(fires(down, ['100', '150', '89', '80', '79']), { at: '79', level: '79' })
  t.strictSame(fires(bought, ['100', '120', '90', '98', '99']), { at: '99', level: '99' })
  t.strictSame(fires(up, ['110', '105', '100']), { at: '100', level: '100' }, 'met at once')
})

t.test('the limit of a trailing stop is rounded to the tick, away from the market', async t => {
  const limit = (side: 'BUY' | 'SELL', level: string) => {
    const { market } = createWorkedMarket()
    const command = trailing(side, { trailing_offset: '1', limit_offset: '2' })
    const trigger = createTrigger(market, command)
    return trigger && printUnits(limitBehind(plainRules, trigger, toUnits(level)) ?? 0n)
  }

  t.equal(limit('SELL', '43012.5'), '43010')
  t.equal(limit('BUY', '43012.5'), '43015')
  t.equal(limit('BUY', '43012'), '43014')
})

/** A market with a last price of 100 and one order a side, far away. */
function at100(): WorkedMarket {
  const market = createWorkedMarket({ protectionTicks: 1000 })
  market.play(buy('b', 'bob 1@100'))
  market.play(sell('s', 'cat 1@100'))
  market.play(buy('low', 'bob 50@50'))
  market.play(sell('high', 'bob 50@150'))
  return market
}

/** One trade at a price. */
function print(market: WorkedMarket, price: number): void {
  market.play(sell(`maker-${market.market.clock}`, `cat 1@${price}`))
  market.play(buy(`taker-${market.market.clock}`, `bob 1@${price}`))
}

t.test('a stop order fires at its price or beyond, in its direction', async t => {
  const table = [
    ['BUY', 'STOP', '105', 104, 105],
    ['SELL', 'STOP', '95', 96, 95],
    ['BUY', 'TAKE_PROFIT', '95', 96, 94],
    ['SELL', 'TAKE_PROFIT', '105', 104, 106],
  ] as const
  for (const [side, type, stop_price, before, after] of table) {
    const market = at100()
    const place = side === 'BUY' ? buy : sell
    market.play(place('stop', 'ann 1', { type, stop_price }))

    print(market, before)
    t.equal(state(market.order('stop')), 'PENDING 0 0 1 0', `${side} ${type} waits`)
    print(market, after)
    t.equal(state(market.order('stop')), 'FILLED 1 0 0 0', `${side} ${type} fires`)
  }
})

t.test('a stop order that is met at entry is refused, unless it may fire at once', async t => {
  const table = [
    ['BUY', 'STOP', '100'],
    ['SELL', 'STOP', '100'],
    ['BUY', 'TAKE_PROFIT', '101'],
    ['SELL', 'TAKE_PROFIT', '99'],
  ] as const
  for (const [side, type, stop_price] of table) {
    const place = side === 'BUY' ? buy : sell
    const market = at100()
    const refused = market.play(place('refused', 'ann 1', { type, stop_price }))
    t.equal(refused.errorCode, 'WOULD_TRIGGER')

    market.play(place('at once', 'ann 1', { type, stop_price, trigger_immediately: true }))
    t.equal(state(market.order('at once')), 'FILLED 1 0 0 0')
  }
  const quiet = createWorkedMarket()
  quiet.play(buy('stop', 'ann 1', { type: 'STOP', stop_price: '1' }))
  t.equal(state(quiet.order('stop')), 'PENDING 0 0 1 0', 'without a last price it waits')
})

t.test('a sweep through a trigger counts, also when its last trade is back', async t => {
  const market = at100()
  market.play(buy('stop', 'ann 1@140', { type: 'STOP_LIMIT', stop_price: '110' }))
  market.play(sell('a', 'cat 1@105'))
  market.play(sell('b', 'cat 1@110'))

  market.play(buy('sweep', 'bob 2@120'))

  t.strictSame(market.queue('BUY')[0], 'stop 1@140')
  t.equal(state(market.order('stop')), 'OPEN 0 0 1 0')
})

t.test('several fire by the trade that reached them, then by price, then as they came', async t => {
  const market = at100()
  const stop = (key: string, side: 'BUY' | 'SELL', stop_price: string, more = {}) => {
    const place = side === 'BUY' ? buy : sell
    const limit = side === 'BUY' ? '149' : '51'
    market.play(
      place(key, `ann 1@${limit}`, { type: 'STOP_LIMIT', stop_price, stp: 'NONE', ...more }),
    )
  }
  stop('second', 'BUY', '110')
  stop('third', 'BUY', '110')
  stop('first', 'BUY', '109')
  stop('last', 'BUY', '115')
  stop('sold', 'SELL', '112', { type: 'TAKE_PROFIT_LIMIT' })
  market.play(sell('a', 'cat 1@111'))
  market.play(sell('b', 'cat 1@120'))

  market.play(buy('sweep', 'bob 2@120'))

  const byPlace = (a: Order, b: Order) => a.place - b.place
  const keys = ['last', 'third', 'second', 'first']
  const placed = keys.map(key => market.order(key)).sort(byPlace)
  t.strictSame(
    placed.map(({ key, status }) => `${key} ${status}`),
    ['first FILLED', 'second OPEN', 'third OPEN', 'last OPEN'],
  )
  t.equal(market.tape().at(-1), '1@149 first sold', 'those that sell after those that buy')
})

t.test('a stop order that is refused when it fires is rejected, and holds nothing', async t => {
  const market = createWorkedMarket()
  market.play(buy('b', 'bob 1@100'))
  market.play(sell('s', 'cat 1@100'))
  market.play(buy('stop', 'ann 1', { type: 'STOP', stop_price: '105' }))

  market.play(sell('maker', 'cat 1@106'))
  market.play(buy('taker', 'bob 1@106'))

  t.equal(state(market.order('stop')), 'REJECTED NO_LIQUIDITY 0 0 0 1')
})
