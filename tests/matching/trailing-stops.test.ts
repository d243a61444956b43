import { buy, sell, type TestCommand } from '../helpers/market.ts'
import { type Market, marketTest } from './market-test.ts'

const trade = (price: string): TestCommand[] => [sell('alice', '1', price), buy('bob', '1', price)]
const trades = (...prices: string[]) => prices.flatMap(trade)

function trailing(side: string, more: TestCommand): TestCommand {
  const type = 'TRAILING_STOP'
  const plain = { op: 'PLACE', client_id: 'carol', client_order_id: 'trail', quantity: '1' }
  return { ...plain, side, type, time_in_force: 'IOC', price: null, ...more }
}

async function fires(market: Market): Promise<boolean> {
  return (await market.events()).some(line => /^TRIGGERED trail/.test(line))
}

/** What fires it last, after what does not; the level that it had then, not rounded. */
interface Run {
  side: 'BUY' | 'SELL'
  bips: number
  activation?: string
  start: string
  path: string[]
  /** A tick before the level. */
  almost: string
  level: string
}

const runs: Record<string, Run> = {
  'A: up to the activation, up, down, then 5 % up from 42,000': {
    side: 'BUY',
    bips: 500,
    activation: '44000',
    start: '40000',
    path: ['37000', '40500', '44000', '45000', '46000', '42000'],
    almost: '44099.99',
    level: '44100',
  },
  'B: down to the activation, then 10 % down from 41,000': {
    side: 'SELL',
    bips: 1000,
    activation: '39000',
    start: '40000',
    path: ['41500', '39000', '37000', '41000', '37000'],
    almost: '36900.01',
    level: '36900',
  },
  'C: down to the activation, then 8.5 % up from 37,000': {
    side: 'BUY',
    bips: 850,
    activation: '38000',
    start: '40000',
    path: ['42000', '38000', '37000', '39000', '38000'],
    almost: '40144.99',
    level: '40145',
  },
  'D: up to the activation, then 7.5 % down from 46,500': {
    side: 'SELL',
    bips: 750,
    activation: '42000',
    start: '40000',
    path: ['41500', '39000', '42000', '45000', '44000', '46500'],
    almost: '43012.51',
    level: '43012.5',
  },
  'E: from the last price on, then 7 % down from 45,500': {
    side: 'SELL',
    bips: 700,
    start: '40000',
    path: ['42000', '39500', '45500'],
    almost: '42315.01',
    level: '42315',
  },
  '5 % on 50, then 60: at 57, not at 58': {
    side: 'SELL',
    bips: 500,
    start: '50',
    path: ['60', '58'],
    almost: '57.01',
    level: '57',
  },
  '25 % with 50, 60, 50, 57: at 45, not at 46': {
    side: 'SELL',
    bips: 2500,
    start: '50',
    path: ['60', '50', '57', '46'],
    almost: '45.01',
    level: '45',
  },
  'a buyer, 10 % with 50, 40, 43: at 44': {
    side: 'BUY',
    bips: 1000,
    start: '50',
    path: ['40', '43'],
    almost: '43.99',
    level: '44',
  },
}

for (const [name, run] of Object.entries(runs)) {
  marketTest(`[MAT-051] ${name}`, {}, async (t, market) => {
    const { side, bips, activation, start, path, almost, level } = run
    await market.run([
      ...trade(start),
      trailing(side, { trailing_bips: bips, activation_price: activation }),
    ])

    await market.run(trades(...path))
    t.notOk(await fires(market), 'not on the way')
    const [{ at } = { at: null }] = await market.db.query<{ at: string }>(
      'select trim_scale(w.stop_price) as at from matching.stop_orders_watchlist as w',
    )
    t.equal(at, level)
    await market.run(trade(almost))
    t.notOk(await fires(market), `not at ${almost}`)
    await market.run(trade(level))
    t.ok(await fires(market), `at ${level}`)
  })
}

marketTest(
  '[MAT-051] [MAT-082] what does not fire, as the band was reached, is moved by later trades',
  { symbol: { band_rate: '0.1' } },
  async (t, market) => {
    await market.run([
      ...trade('100'),
      trailing('SELL', { trailing_offset: '2' }),
      sell('alice', '1', '97', { client_order_id: 'meets' }),
      sell('alice', '1', '103', { client_order_id: 'moves' }),
      sell('alice', '1', '111', { client_order_id: 'outside' }),
    ])

    await market.run([buy('bob', '3', '120', { client_order_id: 'sweep' })])

    t.notOk(await fires(market))
    const rows = await market.db.query(
      'select trim_scale(w.stop_price) as at from matching.stop_orders_watchlist as w',
    )
    t.same(rows, [{ at: '101' }], '2 below the trade at 103')
  },
)

marketTest('[MAT-051] a path in one sweep moves and fires it, in order', {}, async (t, market) => {
  await market.run([
    ...trade('50'),
    trailing('BUY', { trailing_offset: '5' }),
    sell('alice', '1', '48', { client_order_id: 'a' }),
    sell('alice', '1', '52', { client_order_id: 'b' }),
    sell('alice', '1', '54', { client_order_id: 'c' }),
  ])

  await market.run([buy('bob', '2', '52', { client_order_id: 'sweep' })])
  t.notOk(await fires(market), '52 is not 5 above 48')
  await market.run([sell('alice', '1', '53'), buy('bob', '1', '53')])
  t.ok(await fires(market), 'equal is met')
})

marketTest('[MAT-051] it starts before the first trade of a symbol', {}, async (t, market) => {
  await market.run([trailing('SELL', { trailing_offset: '5' }), ...trades('50', '46', '51')])
  t.notOk(await fires(market))
  await market.run(trade('46'))
  t.ok(await fires(market), '5 below 51')
})

marketTest(
  '[MAT-051] a buyer without any price to start from is refused',
  {},
  async (t, market) => {
    const order = trailing('BUY', { trailing_offset: '5' })

    t.match(await market.run([order]), [{ status: 'REJECTED', reject_code: 'TRAILING_MISSING' }])
  },
)

for (const [side, path, price] of [
  // 50.55 x 0.9667 = 48.866685, x 1.0333 = 52.233315.
  ['SELL', ['48.87', '48.86'], '46.86'],
  ['BUY', ['52.23', '52.24'], '54.24'],
] as const) {
  marketTest(
    `[MAT-051] with a limit offset a ${side} becomes a limit order, on a tick away from the market`,
    {},
    async (t, market) => {
      const limit = { limit_offset: '2', time_in_force: 'GTC', trailing_bips: 333 }
      await market.run([...trade('50.55'), trailing(side, limit), ...trade(path[0])])
      t.notOk(await fires(market), 'compared as it is, not rounded')
      await market.run(trade(path[1]))
      t.match(await market.order('trail'), { status: 'OPEN', price })
    },
  )
}

marketTest(
  '[MAT-051] what it holds: a buy what it may cost where it would fire, a sell its quantity',
  { symbol: { protection_rate: '0.1', protection_ticks: 1 } },
  async (t, market) => {
    await market.run([
      ...trade('50'),
      trailing('BUY', { trailing_bips: 1000 }),
      trailing('SELL', { trailing_bips: 1000, client_order_id: 'sell' }),
    ])

    const { USD, BTC } = await market.balances('carol')
    t.equal(USD?.split(' ')[1], '60.621')
    t.equal(BTC?.split(' ')[1], '1')
  },
)

marketTest('[MAT-051] how far it has come survives until it fires', {}, async (t, market) => {
  await market.run([...trade('50'), trailing('SELL', { trailing_offset: '5' }), ...trade('60')])

  // Later, in a session of its own: only the table can have kept it.
  await market.run(trade('55'), '2026-03-02T18:00:00Z')

  t.ok(await fires(market))
})
