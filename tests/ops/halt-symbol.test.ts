import t from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { audit, buy, command, createMarket, execute, sell } from '../helpers/market.ts'
import { openSession, untilBlocked } from '../helpers/session.ts'

const symbols = { 'BTC-USD': {}, 'ETH-USD': {} }
const traders = { alice: { USD: '10000' }, bob: { BTC: '10', ETH: '10' } }

t.test('in a halted symbol orders are refused and cancels work, until it is resumed', async t => {
  const db = await testDatabase(t)
  await createMarket(db, { symbols, traders })
  const [resting] = await execute(db, 'BTC-USD', [sell('bob', '1', '100')])
  const order_id = resting?.order_id ?? ''

  await db.query("select halt_symbol('btc-usd', 'a bad feed')")

  t.match(await db.query('select symbol, status, status_reason from symbols order by symbol'), [
    { symbol: 'BTC-USD', status: 'HALTED', status_reason: 'a bad feed' },
    { symbol: 'ETH-USD', status: 'ACTIVE', status_reason: null },
  ])
  const answers = await execute(db, 'BTC-USD', [
    buy('alice', '1', '100'),
    buy('alice', '1', '', { type: 'MARKET', price: null, time_in_force: 'IOC' }),
    command({ op: 'AMEND', order_id, price: '99' }),
    command({ op: 'CANCEL', order_id }),
  ])
  const halted = { error_state: 'RJHLT', error_code: 'SYMBOL_HALTED' }
  t.match(answers, [
    { ...halted, status: 'REJECTED', reject_code: 'SYMBOL_HALTED' },
    halted,
    halted,
    { error_state: null, status: 'CANCELLED' },
  ])
  t.match(await execute(db, 'ETH-USD', [sell('bob', '1', '10')]), [{ status: 'OPEN' }])

  await db.query("select resume_symbol('BTC-USD')")

  t.match(await execute(db, 'BTC-USD', [buy('alice', '1', '100')]), [{ status: 'OPEN' }])
  t.match(await db.query("select * from symbols where symbol = 'BTC-USD'"), [
    { status: 'ACTIVE', status_reason: null },
  ])
  t.same(await audit(db), [])
})

t.test('a halt waits for the batch that runs, and holds from the next one on', async t => {
  const db = await testDatabase(t)
  await createMarket(db, { symbols, traders })
  const batch = await openSession(t, db.appUrl)
  const operator = await openSession(t, db.url)
  const next = await openSession(t, db.appUrl)
  await batch.query('begin')
  t.match(await execute(batch, 'BTC-USD', [sell('bob', '1', '100')]), [{ status: 'OPEN' }])

  const halted = operator.query("select halt_symbol('BTC-USD', 'now')")
  await untilBlocked(db, operator.pid)
  const late = execute(next, 'BTC-USD', [buy('alice', '1', '100')])
  await untilBlocked(db, next.pid)
  await batch.query('commit')
  await halted

  t.match(await late, [{ reject_code: 'SYMBOL_HALTED' }])
})

t.test('there is nothing to halt or resume where there is no symbol', async t => {
  const db = await testDatabase(t)

  await t.rejects(db.query("select halt_symbol('BTC-USD', '')"), { code: 'NFSYM' })
  await t.rejects(db.query("select resume_symbol('BTC-USD')"), { code: 'NFSYM' })
})
