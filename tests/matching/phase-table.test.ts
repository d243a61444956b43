import t from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { buy, command, createMarket, execute, noon, sell } from '../helpers/market.ts'
import { openSession, type Session } from '../helpers/session.ts'
import { after, setPhase } from './sessions.ts'

const words: Record<string, string | null> = {
  '-': null,
  delist: 'SYMBOL_DELISTED',
  halted: 'SYMBOL_HALTED',
  cancel: 'CANCEL_ONLY',
  closed: 'SYMBOL_CLOSED',
  call: 'CALL_PHASE',
  notin: 'NOT_IN_CALL',
  locked: 'CANCELS_LOCKED',
  gone: 'ORDER_NOT_OPEN',
}

const order = (price: string | null, more: object) =>
  command({ client_id: 'alice', side: 'BUY', quantity: '1', price, ...more })
const named = (more: object) => ({ op: 'AMEND', client_id: 'alice', client_order_id: 'o', ...more })
const stop = { stop_price: '103' }

const commands = {
  GTC: order('99', {}),
  GTD: order('99', { time_in_force: 'GTD', expire_at: after(60) }),
  DAY: order('99', { time_in_force: 'DAY' }),
  POST: order('99', { post_only: true }),
  ICE: order('99', { quantity: '2', display_quantity: '1' }),
  IOC: order('105', { time_in_force: 'IOC' }),
  FOK: order('105', { time_in_force: 'FOK' }),
  MARKET: order(null, { type: 'MARKET', time_in_force: 'IOC' }),
  GTX: order('99', { time_in_force: 'GTX' }),
  OPG: order('99', { time_in_force: 'OPG' }),
  MOO: order(null, { type: 'MARKET', time_in_force: 'OPG' }),
  CLS: order('99', { time_in_force: 'CLS' }),
  MOC: order(null, { type: 'MARKET', time_in_force: 'CLS' }),
  GFA: order('99', { time_in_force: 'GFA' }),
  STOP: order(null, { type: 'STOP', ...stop }),
  SLIM: order('104', { type: 'STOP_LIMIT', ...stop }),
  TRAIL: order(null, { type: 'TRAILING_STOP', trailing_offset: '5' }),
  AMEND: named({ price: '98' }),
  UP: named({ quantity: '9' }),
  DOWN: named({ quantity: '2' }),
  CANCEL: named({ op: 'CANCEL' }),
}

type Place = (db: Session) => Promise<unknown>
const until = after(30)
const call = (next: string | null, now = noon): Place => {
  return db => setPhase(db, 'CALL', { now, until: next === null ? null : until, next })
}
const status = (name: string): Place => {
  return db => db.query(`select ops.${name}('BTC-USD', 'why', 1, $1)`, [noon])
}
const set = (columns: string): Place => {
  return db => db.query(`update reference.symbols set ${columns}`)
}

/** The columns of the table. */
const situations: [name: string, ...steps: Place[]][] = [
  ['delisted', status('delist_symbol')],
  ['halted', status('halt_symbol')],
  ['halted in a call', call('CLOSED'), status('halt_symbol')],
  ['cancel only', status('restrict_symbol')],
  ['PRE_OPEN', db => setPhase(db, 'PRE_OPEN', { until, next: 'CALL' })],
  ['CALL to CONTINUOUS', call('CONTINUOUS')],
  ['CALL to CLOSED', call('CLOSED')],
  ['CALL without an end', call(null)],
  ['CALL, locked', set("cancel_lock_time = '30 minutes'"), call('CLOSED')],
  ['CONTINUOUS'],
  ['CLOSED', db => setPhase(db, 'CLOSED')],
  ['CLOSED, refusing', set('accept_when_closed = false'), db => setPhase(db, 'CLOSED')],
]

const table = `
GTC     delist  halted halted cancel -      -      -      -      -      -      -      closed
GTD     delist  halted halted cancel -      -      -      -      -      -      -      closed
DAY     delist  halted halted cancel -      -      -      -      -      -      -      closed
POST    delist  halted halted cancel -      -      -      -      -      -      -      closed
ICE     delist  halted halted cancel -      -      -      -      -      -      -      closed
IOC     delist  halted halted cancel call   call   call   call   call   -      closed closed
FOK     delist  halted halted cancel call   call   call   call   call   -      closed closed
MARKET  delist  halted halted cancel call   call   call   call   call   -      closed closed
GTX     delist  halted halted cancel call   call   call   call   call   -      closed closed
OPG     delist  halted halted cancel -      -      notin  -      notin  notin  closed closed
MOO     delist  halted halted cancel -      -      notin  -      notin  notin  closed closed
CLS     delist  halted halted cancel notin  notin  -      notin  -      notin  closed closed
MOC     delist  halted halted cancel notin  notin  -      notin  -      notin  closed closed
GFA     delist  halted halted cancel -      -      -      -      -      notin  closed closed
STOP    delist  halted halted cancel -      -      -      -      -      -      -      closed
SLIM    delist  halted halted cancel -      -      -      -      -      -      -      closed
TRAIL   delist  halted halted cancel -      -      -      -      -      -      -      closed
AMEND   gone    halted halted cancel -      -      -      -      locked -      -      -
UP      gone    halted halted cancel -      -      -      -      locked -      -      -
DOWN    gone    halted halted -      -      -      -      -      locked -      -      -
CANCEL  -       -      -      -      -      -      -      -      locked -      -      -
`

t.test('[MAT-070] every command in every phase ends as the table says', async t => {
  const db = await testDatabase(t)
  const traders = { alice: { USD: '100000' }, bob: { BTC: '100' } }
  const round = { tick: '1', lot: '1', maker_rate: '0', taker_rate: '0' }
  await createMarket(db, { symbols: { 'BTC-USD': round }, traders })
  await execute(db, 'BTC-USD', [
    sell('bob', '1', '100'),
    buy('alice', '1', '100'),
    sell('bob', '10', '105'),
    buy('alice', '3', '97', { client_order_id: 'o' }),
  ])
  const session = await openSession(t, db.url)
  const rows = table.trim().split('\n')

  for (const [n, [name, ...steps]] of situations.entries()) {
    await session.query('begin')
    for (const step of steps) await step(session)
    for (const row of rows) {
      const [key = '', ...cells] = row.split(/\s+/)
      const asked = Object.entries(commands).find(([known]) => known === key)?.[1] ?? {}
      await session.query('savepoint cell')
      const [said] = await execute(session, 'BTC-USD', [asked], { now: after(1) })
      const refused = said?.error_code ?? said?.reject_code ?? null
      t.equal(refused, words[cells[n] ?? ''], `${name}: ${key}`)
      await session.query('rollback to cell')
    }
    await session.query('rollback')
  }
})
