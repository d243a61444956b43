import { buy, command, noon, sell, settle, type TestCommand } from '../helpers/market.ts'
import { type Market, marketTest } from './market-test.ts'

const id = (client_order_id: string, more: TestCommand = {}) => ({ client_order_id, ...more })
const cancel = (client_id: string, client_order_id: string) =>
  command({ op: 'CANCEL', client_id, client_order_id })
const trade = (price: string): TestCommand[] => [sell('alice', '1', price), buy('bob', '1', price)]

const exit = { list_no: 1, list_role: 'EXIT' }
const stop = { type: 'STOP', time_in_force: 'IOC', price: null }

/** Carol, who has money only, buys at 100, then takes her profit at 110 or stops her loss at 90. */
function bracket(quantity: string, isPartial = false): TestCommand[] {
  const list = { list_no: 1, list_role: 'ENTRY', list_is_partial: isPartial }
  return [
    buy('carol', quantity, '100', id('entry', list)),
    sell('carol', quantity, '110', id('profit', exit)),
    sell('carol', quantity, '', id('loss', { ...exit, ...stop, stop_price: '90' })),
  ]
}

const plan = { funds: { carol: { USD: '1000' } } }
const waits = { status: 'PENDING', pending_reason: 'PARENT' }

/** Whether something is due, and what a sweep makes of it. */
async function sweep({ db }: Market): Promise<{ isDue: boolean; hasNews: boolean }> {
  const due = await db.query('select * from matching.due_symbols(1, $1)', [noon])
  const [row] = await db.query('select matching.sweep_symbol(1, 1, $1) as news', [noon])
  return { isDue: due.length > 0, hasNews: row?.news === true }
}

const nothing = { isDue: false, hasNews: false }
const inVain = { isDue: true, hasNews: false }
const live = { isDue: true, hasNews: true }

async function replays(t: { same(a: unknown, b: unknown, m: string): void }, { db }: Market) {
  t.same(await db.query("select * from ops.verify_replay('BTC-USD')"), [], '[MAT-091]')
}

marketTest('[MAT-053] exits of what was bought live when it is settled', plan, async (t, m) => {
  await m.run([...bracket('2'), sell('bob', '2', '100')])
  t.match(await m.order('entry'), { status: 'FILLED' })
  t.match(await m.order('profit'), waits)
  t.match(await m.order('loss'), waits)
  t.match(await m.balances('carol'), { BTC: '0 0 2 0' })

  t.same(await sweep(m), inVain, 'looked at once')
  t.same(await sweep(m), nothing, 'and not again')
  await settle(m.db)
  t.same(await sweep(m), live)

  t.match(await m.order('profit'), { status: 'OPEN', quantity: '2' })
  t.match(await m.order('loss'), { pending_reason: 'TRIGGER', quantity: '2' })
  t.match(await m.balances('carol'), { BTC: '0 2 0 0' })
  await sweep(m)
  t.same(await sweep(m), nothing)
  await m.run([buy('dave', '5', '80'), ...trade('90')])
  t.match(await m.order('loss'), { status: 'FILLED' })
  t.match(await m.order('profit'), { end_reason: 'OCO_TRIGGER' })
  await replays(t, m)
})

marketTest('[MAT-053] what was sold meanwhile has no exits any more', plan, async (t, m) => {
  await m.run([...bracket('2'), sell('bob', '2', '100')])
  await settle(m.db)
  await m.run([sell('carol', '1', '120', id('other'))])

  t.same(await sweep(m), live)

  t.match(await m.order('profit'), { status: 'REJECTED', refusal: 'INSUFFICIENT_FUNDS' })
  t.match(await m.order('loss'), { status: 'CANCELLED', end_reason: 'OCO_TRIGGER' })
  t.match(await m.balances('carol'), { BTC: '1 1 0 0' })
  t.same(await sweep(m), nothing)
  await replays(t, m)
})

marketTest('[MAT-053] as long as more is to come, exits wait', plan, async (t, m) => {
  await m.run([...bracket('2'), buy('carol', '1', '99', id('more')), sell('bob', '2', '100')])
  await settle(m.db)
  await m.run([sell('bob', '1', '99')])
  await m.run([sell('carol', '1', '120', id('other'))])

  t.same(await sweep(m), inVain, '1 is there, 2 are needed')
  t.match(await m.order('profit'), waits)
  await m.run([cancel('carol', 'other')])
  t.same(await sweep(m), live)

  t.match(await m.order('profit'), { status: 'OPEN' })
  await replays(t, m)
})

marketTest('[MAT-053] exits grow when what was bought is there', plan, async (t, m) => {
  await m.run([...bracket('5', true), sell('bob', '2', '100')])
  await settle(m.db)
  t.same(await sweep(m), live)
  t.match(await m.order('profit'), { status: 'OPEN', quantity: '2' })

  await m.run([sell('bob', '1', '100')])
  t.match(await m.order('profit'), { quantity: '2' })
  await sweep(m)
  await settle(m.db)
  t.same(await sweep(m), live)

  t.match(await m.order('profit'), { status: 'OPEN', quantity: '3' })
  t.match(await m.order('loss'), { pending_reason: 'TRIGGER', quantity: '3' })
  t.match(await m.balances('carol'), { BTC: '0 3 0 0' })
  await replays(t, m)
})

marketTest('[MAT-053] who cancels an exit that waits ends both', plan, async (t, m) => {
  await m.run([...bracket('2'), sell('bob', '2', '100')])

  await m.run([cancel('carol', 'profit')])

  t.match(await m.order('profit'), { status: 'CANCELLED', end_reason: 'USER' })
  t.match(await m.order('loss'), { status: 'CANCELLED', end_reason: 'OCO_TRIGGER' })
  await settle(m.db)
  t.same(await sweep(m), inVain)
  t.same(await sweep(m), nothing)
  t.match(await m.balances('carol'), { BTC: '2 0 0 0' })
})

marketTest('[MAT-053] at a symbol that is halted exits wait on', plan, async (t, m) => {
  await m.run([...bracket('2'), sell('bob', '2', '100')])
  await settle(m.db)
  await m.db.query("select ops.halt_symbol('BTC-USD', 'test', 1, $1)", [noon])

  t.same(await sweep(m), nothing)
  await m.db.query("select ops.resume_symbol('BTC-USD', null, 1, $1)", [noon])
  t.same(await sweep(m), live)

  t.match(await m.order('profit'), { status: 'OPEN' })
  await replays(t, m)
})

marketTest('[MAT-053] delisting ends exits that wait', plan, async (t, m) => {
  await m.run([...bracket('2'), sell('bob', '2', '100')])
  await m.db.query("select ops.delist_symbol('BTC-USD', 'test', 1, $1)", [noon])
  await settle(m.db)

  t.same(await sweep(m), nothing)
  t.match(await m.order('profit'), { status: 'CANCELLED' })
  t.match(await m.balances('carol'), { BTC: '2 0 0 0' })
})

const poor = { funds: { carol: { BTC: '2', USD: '5' } } }

marketTest('[MAT-053] an exit that fires at once waits for its cost', poor, async (t, m) => {
  await m.run([
    ...trade('100'),
    sell('dave', '2', '101'),
    sell('carol', '2', '100', id('entry', { list_no: 1, list_role: 'ENTRY' })),
    buy('carol', '2', '', id('loss', { ...exit, ...stop, stop_price: '99' })),
    buy('bob', '2', '100'),
  ])
  t.match(await m.order('loss'), waits, 'its price has come, the money has not')

  await settle(m.db)
  t.same(await sweep(m), live)

  t.match(await m.order('loss'), { status: 'FILLED', filled_quantity: '2' })
  await replays(t, m)
})

marketTest('[MAT-053] a trade that is not settled keeps its exits waiting', plan, async (t, m) => {
  await m.run([...bracket('2'), sell('bob', '2', '100')])
  await m.db.query("update settlement.pending_instructions set notional = '1e12'")
  t.match(await settle(m.db), { put_aside: 1 })
  await sweep(m)

  for (let pass = 0; pass < 3; pass++) t.same(await sweep(m), nothing, 'and nobody looks')

  t.match(await m.order('profit'), waits)
  await m.db.query('update settlement.waiting_instructions set notional = 200')
  await m.db.query('select ops.retry_settlement(i.instruction_id) from waiting_instructions as i')
  await settle(m.db, { now: '2100-01-01T00:00:00Z' })
  t.same(await sweep(m), live)
  t.match(await m.order('profit'), { status: 'OPEN' })
})
