import { buy, command, execute, sell, type TestCommand } from '../helpers/market.ts'
import { marketTest, symbol } from './market-test.ts'

const id = (client_order_id: string, more: TestCommand = {}) => ({ client_order_id, ...more })
const cancel = (client_id: string, client_order_id: string) =>
  command({ op: 'CANCEL', client_id, client_order_id })

/** Carol sells at the limit, or at the stop price if it falls to that: one of the two. */
function oco(quantity: string, limit: string, stop_price: string, more: TestCommand = {}) {
  const list = { list_no: 1, list_role: 'OCO', ...more }
  const stop = { type: 'STOP', time_in_force: 'IOC', price: null, stop_price }
  return [
    sell('carol', quantity, limit, id('limit', list)),
    sell('carol', quantity, '', id('stop', { ...list, ...stop })),
  ]
}

/** Carol buys, then takes her profit or stops her loss. */
function bracket(quantity: string, entry: TestCommand = {}, isPartial = false): TestCommand[] {
  const exit = { list_no: 1, list_role: 'EXIT' }
  const stop = { type: 'STOP', time_in_force: 'IOC', price: null, stop_price: '90' }
  const list = { list_no: 1, list_role: 'ENTRY', list_is_partial: isPartial }
  return [
    buy('carol', quantity, '100', id('entry', { ...list, ...entry })),
    sell('carol', quantity, '110', id('profit', exit)),
    sell('carol', quantity, '', id('loss', { ...exit, ...stop })),
  ]
}

const trade = (price: string): TestCommand[] => [sell('alice', '1', price), buy('bob', '1', price)]

marketTest('[MAT-053] an OCO is held for once', {}, async (t, market) => {
  const [limit, stop] = await market
    .run([...trade('100'), ...oco('3', '110', '95')])
    .then(a => a.slice(2))

  t.match(limit, { status: 'OPEN', list_id: limit?.order_id })
  t.match(stop, { status: 'PENDING', pending_reason: 'TRIGGER', list_id: limit?.order_id })
  t.match(await market.balances('carol'), { BTC: '9997 3 0 0' })
})

marketTest(
  '[MAT-053] what an OCO needs is the larger of the two',
  { symbol: { protection_rate: '0.1', protection_ticks: 1 } },
  async (t, market) => {
    const list = { list_no: 1, list_role: 'OCO' }
    const stop = { type: 'STOP', time_in_force: 'IOC', price: null, stop_price: '110' }
    await market.run([
      ...trade('100'),
      buy('carol', '1', '90', id('limit', list)),
      buy('carol', '1', '', id('stop', { ...list, ...stop })),
    ])

    const { USD } = await market.balances('carol')
    t.equal(USD?.split(' ')[1], '121.242', '110 and 10 % with the fee')
    await market.run([cancel('carol', 'stop')])
    t.match(await market.balances('carol'), { USD: '100000000 0 0 0' })
  },
)

marketTest('[MAT-053] when a leg fills, the other is cancelled with it', {}, async (t, market) => {
  await market.run([...trade('100'), ...oco('3', '110', '95')])

  await market.run([buy('bob', '3', '110', id('taker'))])

  t.same((await market.events()).slice(-3), [
    'TRADE taker 3 at 110 limit',
    'FILLED taker 0 at 110',
    'CANCELLED stop 0 at 95 OCO_TRIGGER',
  ])
  t.match(await market.order('limit'), { status: 'FILLED' })
  t.match(await market.order('stop'), { status: 'CANCELLED', end_reason: 'OCO_TRIGGER' })
})

marketTest('[MAT-053] when a leg fills in part, the other is cancelled', {}, async (t, market) => {
  await market.run([...trade('100'), ...oco('3', '110', '95')])

  await market.run([buy('bob', '1', '110')])

  t.match(await market.order('limit'), { status: 'PARTIALLY_FILLED', remaining_quantity: '2' })
  t.match(await market.order('stop'), { status: 'CANCELLED' })
  t.match(await market.balances('carol'), { BTC: '9997 3 0 1' })
})

marketTest('[MAT-053] when a leg fires, the other is cancelled first', {}, async (t, market) => {
  await market.run([...trade('100'), ...oco('3', '110', '95'), buy('dave', '9', '94', id('bid'))])

  await market.run([sell('alice', '1', '95', id('a')), buy('bob', '1', '95', id('b'))])

  t.same((await market.events('6')).slice(-6), [
    'TRADE b 1 at 95 a',
    'FILLED b 0 at 95',
    'CANCELLED limit 0 at 110 OCO_TRIGGER',
    'TRIGGERED stop 0 at market TRIGGER',
    'TRADE stop 3 at 94 bid',
    'FILLED stop 0 at market',
  ])
})

marketTest(
  '[MAT-053] a leg that is refused as it fires has ended the other',
  {},
  async (t, market) => {
    await market.run([...trade('100'), ...oco('3', '110', '95')])

    await market.run(trade('95'))

    t.match(await market.order('stop'), { status: 'REJECTED', refusal: 'NO_LIQUIDITY' })
    t.match(await market.order('limit'), { status: 'CANCELLED', end_reason: 'OCO_TRIGGER' })
    t.match(await market.balances('carol'), { BTC: '10000 0 0 0' })
  },
)

for (const [gone, other] of [
  ['limit', 'stop'],
  ['stop', 'limit'],
] as const) {
  marketTest(`[MAT-053] who cancels the ${gone} leg cancels both`, {}, async (t, market) => {
    await market.run([...trade('100'), ...oco('3', '110', '95')])

    await market.run([cancel('carol', gone)])

    t.match(await market.order(gone), { status: 'CANCELLED', end_reason: 'USER' })
    t.match(await market.order(other), { status: 'CANCELLED', end_reason: 'OCO_TRIGGER' })
    t.match(await market.balances('carol'), { BTC: '10000 0 0 0' })
  })
}

marketTest('[MAT-053] both legs can never trade: met in one batch', {}, async (t, market) => {
  await market.run([...trade('100'), ...oco('1', '105', '95'), buy('dave', '9', '90')])

  await market.run([buy('bob', '1', '105'), ...trade('95'), ...trade('106')])

  t.match(await market.order('limit'), { status: 'FILLED' })
  t.match(await market.order('stop'), { status: 'CANCELLED', filled_quantity: '0' })
})

marketTest('[MAT-053] a leg that would trade at once is refused', {}, async (t, market) => {
  const list = await market.run([
    ...trade('100'),
    buy('dave', '1', '110'),
    ...oco('1', '110', '95'),
  ])

  t.match(list.slice(3), [{ status: 'REJECTED', reject_code: 'WOULD_TAKE' }])
  const stop = await market.order('stop')
  t.match(stop, { status: /CANCELLED|REJECTED/ }, 'and so is the other')
  t.match(await market.balances('carol'), { BTC: '10000 0 0 0' })
})

marketTest('[MAT-053] exits wait for the entry and hold nothing', {}, async (t, market) => {
  const answers = await market.run([...trade('100'), ...bracket('2')])

  t.match(answers.slice(2), [
    { status: 'OPEN' },
    { status: 'PENDING', pending_reason: 'PARENT', price: '110' },
    { status: 'PENDING', pending_reason: 'PARENT' },
  ])
  t.match(await market.balances('carol'), { BTC: '10000 0 0 0', USD: '99999799.6 200.4 0 0' })
})

marketTest(
  '[MAT-053] exits come to life when the entry is filled, not before',
  {},
  async (t, market) => {
    await market.run([...trade('100'), ...bracket('2')])

    await market.run([sell('bob', '1', '100')])
    t.match(await market.order('profit'), { status: 'PENDING', pending_reason: 'PARENT' })

    await market.run([sell('bob', '1', '100')])
    t.match(await market.order('profit'), { status: 'OPEN', quantity: '2' })
    t.match(await market.order('loss'), { status: 'PENDING', pending_reason: 'TRIGGER' })
    t.same(await market.book(), ['SELL 110 2 carol'])
    t.match(await market.balances('carol'), { BTC: '9998 2 2 0' })

    await market.run([buy('bob', '2', '110')])
    t.match(await market.order('profit'), { status: 'FILLED' })
    t.match(await market.order('loss'), { status: 'CANCELLED', end_reason: 'OCO_TRIGGER' })
  },
)

marketTest('[MAT-053] a partial list brings exits to life pro rata', {}, async (t, market) => {
  await market.run([...trade('100'), ...bracket('5', {}, true)])

  await market.run([sell('bob', '2', '100')])
  t.match(await market.order('profit'), { status: 'OPEN', quantity: '2' })
  t.match(await market.order('loss'), { pending_reason: 'TRIGGER', quantity: '2' })
  t.match(await market.balances('carol'), { BTC: '9998 2 2 0' })

  await market.run([sell('bob', '1', '100')])
  t.match(await market.order('profit'), { status: 'OPEN', quantity: '3' })
  t.match(await market.order('loss'), { pending_reason: 'TRIGGER', quantity: '3' })
  t.match(await market.balances('carol'), { BTC: '9997 3 3 0' })

  await market.run([cancel('carol', 'entry')])
  t.match(await market.order('profit'), { status: 'OPEN', quantity: '3' }, 'what is bought is kept')
  await market.run([buy('dave', '9', '80'), ...trade('90')])
  t.match(await market.order('loss'), { status: 'FILLED', filled_quantity: '3' })
  t.match(await market.order('profit'), { status: 'CANCELLED', end_reason: 'OCO_TRIGGER' })
})

marketTest('[MAT-053] when the entry ends unfilled, its exits end', {}, async (t, market) => {
  await market.run([...trade('100'), ...bracket('2')])

  await market.run([cancel('carol', 'entry')])

  for (const name of ['profit', 'loss']) {
    t.match(await market.order(name), { status: 'CANCELLED', end_reason: 'OTO_PHASE_ONE_EXPIRED' })
  }
})

for (const entry of [
  { time_in_force: 'IOC' },
  { time_in_force: 'FOK' },
  { type: 'MARKET', price: null, time_in_force: 'IOC' },
]) {
  marketTest(
    `[MAT-053] an entry that does nothing ends its exits: ${JSON.stringify(entry)}`,
    {},
    async (t, market) => {
      await market.run([...trade('100'), ...bracket('2', entry)])

      for (const name of ['profit', 'loss'])
        t.match(await market.order(name), { status: 'CANCELLED' })
    },
  )
}

marketTest('[MAT-053] an entry that fills at once has exits at once', {}, async (t, market) => {
  await market.run([...trade('100'), sell('alice', '2', '100'), ...bracket('2')])

  t.match(await market.order('entry'), { status: 'FILLED' })
  t.match(await market.order('profit'), { status: 'OPEN' })
  t.match(await market.order('loss'), { pending_reason: 'TRIGGER' })
})

marketTest('[MAT-053] an exit whose stop price is reached fires at once', {}, async (t, market) => {
  const list = { list_no: 1, list_role: 'EXIT', type: 'STOP', time_in_force: 'IOC', price: null }
  await market.run([
    ...trade('100'),
    buy('dave', '9', '80', id('bid')),
    buy('carol', '2', '90', id('entry', { list_no: 1, list_role: 'ENTRY' })),
    sell('carol', '2', '', id('loss', { ...list, stop_price: '91' })),
    sell('bob', '2', '90'),
  ])

  t.match(await market.order('loss'), { status: 'FILLED', filled_quantity: '2' })
})

/** Lists that are none, by what is wrong with them. */
const badLists: Record<string, (list: TestCommand[]) => TestCommand[]> = {
  'one leg only': list => list.slice(0, 1),
  'three legs': list => [...list, { ...list[1], client_order_id: 'third' }],
  'two sides': ([one = {}, other = {}]) => [one, { ...other, side: 'BUY' }],
  'two participants': ([one = {}, other = {}]) => [one, { ...other, client_id: 'dave' }],
  'two quantities': ([one = {}, other = {}]) => [one, { ...other, quantity: '2' }],
  'two limit orders': ([one = {}]) => [one, { ...one, client_order_id: 'o', price: '120' }],
  'another order between': ([one = {}, other = {}]) => [one, buy('bob', '1', '90'), other],
  'an entry': ([one = {}, other = {}]) => [{ ...one, list_role: 'ENTRY' }, other],
  'an exit before its entry': ([one = {}, other = {}]) => [
    { ...one, list_role: 'EXIT' },
    { ...other, list_role: 'ENTRY', side: 'BUY' },
  ],
  'an exit of the same side': ([one = {}, other = {}]) => [
    { ...one, list_role: 'ENTRY' },
    { ...other, list_role: 'EXIT' },
  ],
}

for (const [what, spoil] of Object.entries(badLists)) {
  marketTest(`[MAT-053] a list with ${what} is refused, all of it`, {}, async (t, market) => {
    const { db } = market
    const answers = await execute(db, symbol, spoil(oco('1', '110', '95')))

    const ofList = answers.filter(answer => answer.quantity !== null && answer.status === null)
    t.same(
      answers.map(answer => answer.error_code).filter(code => code !== null),
      answers.filter(({ order_id }) => order_id === null).map(() => 'BAD_LIST'),
    )
    t.ok(answers.some(answer => answer.error_code === 'BAD_LIST') && ofList.length === 0)
    t.same(
      (await market.book()).filter(line => /carol/.test(line)),
      [],
    )
  })
}

marketTest('[MAT-053] when one order of a list is refused, all are', {}, async (t, market) => {
  const [one = {}, other = {}] = oco('1', '110', '95')
  const answers = await market.run([{ ...one, price: '110.001' }, other])

  t.match(answers, [
    { error_code: 'PRICE_TICK', order_id: null },
    { error_code: 'LIST_REFUSED', order_id: null },
  ])
})

marketTest('[MAT-044] [MAT-053] who amends a leg amends both', {}, async (t, market) => {
  await market.run([...trade('100'), ...oco('3', '110', '95')])

  for (const [leg, quantity] of [
    ['limit', '5'],
    ['stop', '4'],
    ['stop', '6'],
    ['limit', '2'],
  ] as const) {
    await market.run([command({ op: 'AMEND', client_id: 'carol', client_order_id: leg, quantity })])
    t.match(await market.order('limit'), { quantity, remaining_quantity: quantity })
    t.match(await market.order('stop'), { quantity, pending_reason: 'TRIGGER' })
    const held = (await market.balances('carol')).BTC?.split(' ')[1]
    t.equal(held, quantity, 'held once')
  }
})
