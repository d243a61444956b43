import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import {
  audit,
  buy,
  command,
  createMarket,
  execute,
  fund,
  sell,
  type TestCommand,
} from '../helpers/market.ts'
import { openSession, untilBlocked } from '../helpers/session.ts'

type Options = Record<string, string>

const traders = {
  alice: { USD: '10000000', BTC: '100' },
  bob: { USD: '10000000', BTC: '1000' },
}

/** A market of one symbol with these options, and what happened there before. */
async function market(t: Test, options: Options, before: TestCommand[] = []) {
  const db = await testDatabase(t)
  await createMarket(db, { symbols: { 'BTC-USD': options }, traders })
  if (before.length > 0) await execute(db, 'BTC-USD', before)
  return db
}

/** Trades once at 100, so that there is a last price. */
const traded = [sell('bob', '1', '100'), buy('alice', '1', '100')]
const stop = (side: 'BUY' | 'SELL', price: string, stop_price: string) =>
  command({ client_id: 'alice', side, type: 'STOP_LIMIT', quantity: '1', price, stop_price })
const trailing = (trailing_bips: number) =>
  command({ client_id: 'alice', side: 'SELL', type: 'TRAILING_STOP', quantity: '1', trailing_bips })

interface Filter {
  options: Options
  before?: TestCommand[]
  /** The value on the bound, and the one a step outside. */
  on: TestCommand
  outside: TestCommand
  code: string
  bound: string
}

const filters: Filter[] = [
  {
    options: { tick: '0.05' },
    on: buy('alice', '1', '10.05'),
    outside: buy('alice', '1', '10.06'),
    code: 'PRICE_TICK',
    bound: '0.05',
  },
  {
    options: { lot: '0.005', min_quantity: '0.01' },
    on: buy('alice', '0.015', '10'),
    outside: buy('alice', '0.016', '10'),
    code: 'LOT_SIZE',
    bound: '0.005',
  },
  {
    options: { min_quantity: '0.01' },
    on: buy('alice', '0.01', '10'),
    outside: buy('alice', '0.009', '10'),
    code: 'MIN_QUANTITY',
    bound: '0.01',
  },
  {
    options: { max_quantity: '5' },
    on: buy('alice', '5', '10'),
    outside: buy('alice', '5.001', '10'),
    code: 'MAX_QUANTITY',
    bound: '5',
  },
  {
    options: { min_notional: '10' },
    on: buy('alice', '0.1', '100'),
    outside: buy('alice', '0.099', '100'),
    code: 'MIN_NOTIONAL',
    bound: '10',
  },
  {
    options: { max_notional: '1000' },
    on: buy('alice', '10', '100'),
    outside: buy('alice', '10', '100.01'),
    code: 'MAX_NOTIONAL',
    bound: '1000',
  },
  {
    options: { collar_rate: '0.05' },
    before: traded,
    on: buy('alice', '1', '105'),
    outside: buy('alice', '1', '105.01'),
    code: 'PRICE_COLLAR',
    bound: '105',
  },
  {
    options: { collar_rate: '0.05' },
    before: traded,
    on: sell('alice', '1', '95'),
    outside: sell('alice', '1', '94.99'),
    code: 'PRICE_COLLAR',
    bound: '95',
  },
  {
    // A bound between two ticks: 100 x 1.0333, and 100 x 0.9667.
    options: { collar_rate: '0.0333', tick: '0.5' },
    before: traded,
    on: buy('alice', '1', '103'),
    outside: buy('alice', '1', '103.5'),
    code: 'PRICE_COLLAR',
    bound: '103',
  },
  {
    options: { collar_rate: '0.0333', tick: '0.5' },
    before: traded,
    on: sell('alice', '1', '97'),
    outside: sell('alice', '1', '96.5'),
    code: 'PRICE_COLLAR',
    bound: '97',
  },
  {
    // A stop order is near its own price.
    options: { collar_rate: '0.05' },
    before: traded,
    on: stop('BUY', '210', '200'),
    outside: stop('BUY', '210.01', '200'),
    code: 'PRICE_COLLAR',
    bound: '210',
  },
  {
    options: { max_open_orders: '3' },
    before: [buy('alice', '1', '10'), stop('SELL', '5', '5')],
    on: sell('alice', '1', '200'),
    outside: command({ client_id: 'alice', side: 'SELL', quantity: '1', price: '201' }),
    code: 'MAX_OPEN_ORDERS',
    bound: '3',
  },
  {
    // 100 BTC, 1 bought, 2 in an open order, 1 in a parked one.
    options: { max_position: '110' },
    before: [...traded, buy('alice', '2', '90'), stop('BUY', '120', '110')],
    on: buy('alice', '6', '10'),
    outside: buy('alice', '6.001', '10'),
    code: 'MAX_POSITION',
    bound: '110',
  },
  {
    options: { max_iceberg_parts: '4' },
    on: buy('alice', '4', '10', { display_quantity: '1' }),
    outside: buy('alice', '4.001', '10', { display_quantity: '1' }),
    code: 'ICEBERG_PARTS',
    bound: '4',
  },
  {
    options: { min_trailing_bips: '10' },
    on: trailing(10),
    outside: trailing(9),
    code: 'TRAILING_DELTA',
    bound: '10',
  },
  {
    options: { max_trailing_bips: '500' },
    on: trailing(500),
    outside: trailing(501),
    code: 'TRAILING_DELTA',
    bound: '500',
  },
]

/** The order that fills the place that was left, before the one outside comes. */
const takesPlace = (filter: Filter) => filter.code === 'MAX_OPEN_ORDERS'

for (const filter of filters) {
  const { options, code, bound, on, outside } = filter
  const name = `[MAT-010] ${code} of ${JSON.stringify(options)}: on the bound, and a step outside`
  t.test(name, async t => {
    const db = await market(t, options, filter.before)
    if (takesPlace(filter)) await execute(db, 'BTC-USD', [on])
    const holder = await openSession(t, db.url)
    await holder.query('begin')
    await holder.query('select pg_advisory_xact_lock(1, 1)')

    const [refused] = await execute(db, 'BTC-USD', [outside])

    t.match(refused, { error_code: code, error_bound: bound, order_id: null }, 'before the lock')
    if (!takesPlace(filter)) await acceptAfter(t, db, on, () => holder.query('commit'))
    else await holder.query('commit')
    t.same(await audit(db), [])
  })
}

/** Expects an order to wait for the symbol until it is let in, and then to be taken. */
async function acceptAfter(
  t: Test,
  db: TestDatabase,
  order: TestCommand,
  letIn: () => Promise<unknown>,
) {
  const session = await openSession(t, db.url)
  const accepting = execute(session, 'BTC-USD', [order])
  await untilBlocked(db, session.pid)
  await letIn()
  const [accepted] = await accepting
  t.match(accepted, { error_code: null, order_id: /./ }, 'behind the lock')
}

const codes = (answers: { error_code: string | null }[]) => answers.map(one => one.error_code)

t.test('[MAT-061] the collar is off until there is a last price', async t => {
  const db = await market(t, { collar_rate: '0.05' })

  t.same(codes(await execute(db, 'BTC-USD', [buy('alice', '1', '100'), sell('bob', '1', '1')])), [
    null,
    null,
  ])
  t.same(codes(await execute(db, 'BTC-USD', [sell('bob', '1', '1')])), ['PRICE_COLLAR'])
})

t.test('[MAT-061] an amendment may not leave the collar either', async t => {
  const db = await market(t, { collar_rate: '0.05' }, traded)
  const [order] = await execute(db, 'BTC-USD', [buy('alice', '1', '90')])
  const amend = (price: string) => command({ op: 'AMEND', order_id: order?.order_id ?? '', price })

  const answers = await execute(db, 'BTC-USD', [amend('105.01'), amend('105')])

  t.match(answers, [
    { error_code: 'PRICE_COLLAR', error_bound: '105', price: '105' },
    { error_code: null, price: '105' },
  ])
})

t.test('[MAT-061] [MAT-063] nor one of an order of the same batch', async t => {
  const db = await market(t, { collar_rate: '0.05', max_position: '110' }, traded)
  const amend = (client_order_id: string, more: object) => ({
    ...command({ op: 'AMEND', client_id: 'alice', client_order_id }),
    ...more,
  })
  const stop = { type: 'STOP_LIMIT', stop_price: '200', client_order_id: 'stop' }

  const answers = await execute(db, 'BTC-USD', [
    buy('alice', '1', '90', { client_order_id: 'plain' }),
    amend('plain', { price: '105.01' }),
    amend('plain', { quantity: '50' }),
    amend('plain', { price: '105' }),
    buy('alice', '1', '200', stop),
    amend('stop', { price: '210.01' }),
    amend('stop', { price: '210' }),
    buy('alice', '1', '200', { client_order_id: 'none' }),
    amend('none', { price: '300' }),
  ])

  const [far, unknown] = ['PRICE_COLLAR', 'UNKNOWN_ORDER']
  t.same(codes(answers), [null, far, 'MAX_POSITION', null, null, far, null, far, unknown])
})

t.test('[MAT-053] [MAT-061] with an order outside the collar its list is refused', async t => {
  const db = await market(t, { collar_rate: '0.05' }, traded)
  const oco = { list_no: 1, list_role: 'OCO' }
  const far = { ...stop('SELL', '80', '90'), ...oco }
  const answers = await execute(db, 'BTC-USD', [sell('alice', '1', '110', oco), far])
  t.same(codes(answers), ['LIST_REFUSED', 'PRICE_COLLAR'])
})

t.test('[MAT-062] orders of the same batch count, and those that cannot rest do not', async t => {
  const db = await market(t, { max_open_orders: '2' })
  const plain = (price: string, more = {}) => buy('alice', '1', price, more)
  const ioc = plain('8', { time_in_force: 'IOC' })

  const answers = await execute(db, 'BTC-USD', [plain('10'), ioc, plain('9'), plain('8'), ioc])

  t.same(codes(answers), [null, null, null, 'MAX_OPEN_ORDERS', null])
  t.same(codes(await execute(db, 'BTC-USD', [sell('bob', '1', '200'), ioc])), [null, null])
})

t.test('[MAT-062] a place that a cancel of the same batch gives back can be taken', async t => {
  const db = await market(t, { max_open_orders: '1' })
  const [first] = await execute(db, 'BTC-USD', [buy('alice', '1', '10', { client_order_id: 'a' })])
  const cancel = (more: object) => ({ op: 'CANCEL', ...more })
  const mine = { client_id: 'alice', client_order_id: 'a' }
  const next = buy('alice', '1', '9')

  const notSure = [cancel({ order_id: first?.order_id, only_if: 'NEW' }), next]
  t.same(codes(await execute(db, 'BTC-USD', notSure, { atomic: true })), [
    'BATCH_ROLLED_BACK',
    'MAX_OPEN_ORDERS',
  ])
  const twice = [cancel(mine), cancel(mine), next, next]
  t.same(codes(await execute(db, 'BTC-USD', twice)), [null, null, null, 'MAX_OPEN_ORDERS'])
})

t.test('[MAT-020] a repeat is answered as at first, whatever the limits say now', async t => {
  const options = { max_open_orders: '1', max_position: '1000', collar_rate: '0.05' }
  const db = await market(t, options, traded)
  const order = buy('bob', '1', '100', { client_order_id: 'mine', idempotency_key: 'k' })

  const [first, again] = await execute(db, 'BTC-USD', [order, order])
  const [later] = await execute(db, 'BTC-USD', [order])
  await execute(db, 'BTC-USD', [sell('alice', '1', '95')])
  await execute(db, 'BTC-USD', [buy('alice', '1', '95'), sell('bob', '1', '95')])
  const [last, other] = await execute(db, 'BTC-USD', [
    order,
    buy('bob', '1', '99', { client_order_id: 'mine' }),
  ])

  t.equal(first?.status, 'OPEN')
  for (const one of [again, later, last])
    t.match(one, { order_id: first?.order_id, seq: first?.seq })
  t.equal(other?.error_code, 'KEY_REUSED')
})

t.test(
  '[MAT-063] what is bought with a quote quantity counts, and what is sold does not',
  async t => {
    const db = await market(t, { max_position: '110' }, [sell('bob', '50', '10')])
    const spend = (quote_quantity: string) =>
      command({ client_id: 'alice', side: 'BUY', type: 'MARKET', quantity: null, quote_quantity })

    t.same(codes(await execute(db, 'BTC-USD', [sell('alice', '1', '20'), spend('100.01')])), [
      null,
      'MAX_POSITION',
    ])
    t.same(codes(await execute(db, 'BTC-USD', [sell('bob', '1', '9'), spend('99')])), [
      null,
      'MAX_POSITION',
    ])
    t.same(codes(await execute(db, 'BTC-USD', [spend('90')])), [null])
  },
)

t.test('[MAT-063] an amendment that asks for more is held against the position', async t => {
  const db = await market(t, { max_position: '110' })
  const [order] = await execute(db, 'BTC-USD', [buy('alice', '8', '10')])
  const amend = (quantity: string) =>
    command({ op: 'AMEND', order_id: order?.order_id ?? '', quantity })

  t.same(codes(await execute(db, 'BTC-USD', [amend('10.001'), amend('10'), amend('1')])), [
    'MAX_POSITION',
    null,
    null,
  ])
  await fund(db, 'alice', 'BTC', '9.001')
  t.same(codes(await execute(db, 'BTC-USD', [buy('alice', '0.001', '10'), amend('0.999')])), [
    'MAX_POSITION',
    null,
  ])
})

t.test('[MAT-063] of orders of which one cancels the other one counts', async t => {
  const db = await market(t, { max_position: '103' }, traded)
  const oco = (no: number) => [
    buy('alice', '1', '90', { list_no: no, list_role: 'OCO' }),
    { ...stop('BUY', '111', '110'), list_no: no, list_role: 'OCO' },
  ]
  const place = async (commands: TestCommand[]) =>
    (await execute(db, 'BTC-USD', commands)).map(answer => answer.error_code)

  t.same(await place([...oco(1), ...oco(2), buy('alice', '1', '91')]), [
    ...[null, null, null, null],
    'MAX_POSITION',
  ])
  const [limit, other] = await db.query<{ order_id: string }>(
    'select order_id from orders where list_id is not null order by order_id limit 2',
  )
  const cancels = [limit, other].map(order =>
    command({ op: 'CANCEL', order_id: order?.order_id ?? '' }),
  )
  t.same(
    await place([...cancels, buy('alice', '1', '92'), buy('alice', '1', '93')]),
    [null, null, null, 'MAX_POSITION'],
    'two cancels give back one',
  )
  t.same(await audit(db), [])
})

t.test('two processes cannot break a limit together', async t => {
  const limits: Options[] = [{ max_open_orders: '3' }, { max_position: '103' }]
  for (const options of limits) {
    const db = await market(t, options)
    const place = () => execute(db, 'BTC-USD', [buy('alice', '1', '10'), buy('bob', '1', '10')])
    const sessions = await Promise.all(Array.from({ length: 6 }, () => openSession(t, db.url)))
    const holder = await openSession(t, db.url)
    await holder.query('begin')
    await holder.query('select pg_advisory_xact_lock(1, 1)')

    const placing = sessions.map(one => execute(one, 'BTC-USD', [buy('alice', '1', '10')]))
    for (const { pid } of sessions) await untilBlocked(db, pid)
    await holder.query('commit')
    const answers = (await Promise.all(placing)).flat()
    await place()

    t.equal(answers.filter(one => one.error_code === null).length, 3, JSON.stringify(options))
    const [row] = await db.query(`select count(*)::int from matching.book as b
      join reference.participants as p using (participant_id) where p.client_id = 'alice'`)
    t.equal(row?.count, 3)
    t.equal((await db.query('select from matching.orders where refusal is not null')).length, 0)
    t.same(await audit(db), [])
  }
})
