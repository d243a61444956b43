import t, { type Test } from 'tap'
import { order, type Reply, testServer } from '../test-server.ts'

const plan = {
  symbols: { 'BTC-USD': { lot: '1', partial_unit: '10', partial_minimum: '10' } },
  traders: { 'client-A': { USD: '1000000' }, 'client-B': { BTC: '70' }, 'client-C': {} },
}

/** A venue of these traders; `instruct` has one deliver to another. */
async function venue(t: Test) {
  const server = await testServer(t, plan)
  const { ask, database } = server
  const instruct = async (quantity: string, { seller = 'client-B', buyer = 'client-A' } = {}) => {
    const text = "select instruct('BTC-USD', $1, $2, $3::numeric, 1000) as id"
    const [row] = await database.query(text, [seller, buyer, quantity])
    return String(row?.id)
  }
  const pass = () => database.query('select * from settlement.settle_waiting(1, now(), 500)')
  const read = async (id: string) => (await ask('GET', `/settlements/${id}`)).body
  return { ...server, instruct, pass, read }
}

t.test('an instruction shows how much of it is final, and what it waits for', async t => {
  const { instruct, pass, read, database } = await venue(t)
  const id = await instruct('100')
  t.match(await read(id), { trade_id: null, settled_quantity: '0', links: [], holds: [] })

  await pass()

  const part = await read(id)
  t.match(part, { status: 'PARTIALLY_SETTLED', reason: 'LACK_ASSET', settled_quantity: '70' })
  t.match(part, { problem: null, attempts: 0, netted_into: null, settled_at: null })
  t.equal(part.next_attempt_at, null, 'it is woken when assets come')
  t.match(part.value_date, /^\d{4}-\d\d-\d\d$/)
  t.match(part.legs, [{ kind: 'DELIVERY', from: 'client-B', to: 'client-A', amount: '100' }, {}])

  await database.query("select api.deposit(1, 'client-B', 'BTC', 30, 'more', now())")
  await pass()
  t.match(await read(id), { status: 'SETTLED', reason: null, settled_quantity: '100' })
})

t.test('[SET-011] [SET-008] it shows who holds it and what it is linked to', async t => {
  const { ask, database, instruct, pass, read } = await venue(t)
  const [first, second] = [await instruct('50'), await instruct('10')]
  await database.query("select hold_settlement($1, 'SELLER')", [first])
  await database.query("select release_settlement($1, 'BUYER', 40)", [first])
  await database.query("select link_settlements($1, 'AFTER', $2)", [second, first])
  await pass()

  t.match(await read(first), {
    reason: 'ON_HOLD_PARTY',
    holds: [
      { side: 'BUYER', released: '40' },
      { side: 'SELLER', released: '0' },
    ],
    links: [],
  })
  const linked = { reason: 'LINKED', links: [{ link: 'AFTER', settlement_id: first }], holds: [] }
  t.match(await read(second), linked)
  const { body } = await ask('GET', '/settlements?status=pending')
  t.match(body.items, [{ settlement_id: second, ...linked }, { settlement_id: first }])

  await database.query("select release_settlement($1, 'BUYER')", [first])
  await database.query("select release_settlement($1, 'SELLER')", [first])
  await pass()
  await pass()
  t.match(await read(first), { status: 'SETTLED', holds: [] })
  t.match(await read(second), { status: 'SETTLED' })
})

t.test('what a window took up names it', async t => {
  const { ask, database, read } = await venue(t)
  await database.query("select create_netting_set('day', 'NET')")
  await database.query("select set_netting('BTC-USD', 'day')")
  const trade: Reply = await ask('POST', '/orders', order({ quantity: '2', price: '10' }))
  t.equal(trade.status, 201)
  const sale = { client_id: 'client-B', side: 'sell', quantity: '2', price: '10' }
  const sold = await ask('POST', '/orders', order(sale))
  const id = sold.body.fills[0].trade_id
  const waiting = { status: 'PENDING', reason: 'NETTING', netted_into: null, next_attempt_at: null }
  t.match(await read(id), waiting)

  const [window] = await database.query("select close_window('day') as id")
  await database.query('select * from clearing.run_windows(1, now())')

  const netted = { status: 'CANCELLED', netted_into: String(window?.id), settled_quantity: '0' }
  t.match(await read(id), netted)
  const refused = await ask('POST', `/settlements/${id}/retry`)
  t.match(refused, { status: 409, body: { code: 'ALREADY_CANCELLED' } })
})

t.test('[SET-003] what FAILED is listed with its problem, and a retry brings it back', async t => {
  const { ask, database, read } = await venue(t)
  await ask('POST', '/orders', order({ quantity: '2', price: '10' }))
  const sold = await ask(
    'POST',
    '/orders',
    order({ client_id: 'client-B', side: 'sell', quantity: '2', price: '10' }),
  )
  const id = sold.body.fills[0].trade_id
  await database.query('update settlement.pending_instructions set notional = 1e12')
  await database.query('select * from settlement.settle_batch(1, now(), 10, 0)')
  const aside = await read(id)
  t.match(aside, { status: 'PENDING', reason: 'SYSTEM', problem: /^(23514|NVACC) /, attempts: 1 })
  t.match(aside.next_attempt_at, /^\d{4}-.*Z$/, 'it is tried again')

  for (let attempt = 2; attempt <= 8; attempt++) {
    const at = `now() + interval '${attempt} days'`
    await database.query(`select * from settlement.settle_batch(1, ${at}, 10, 0)`)
  }

  const failed = { settlement_id: id, status: 'FAILED', reason: 'SYSTEM', attempts: 8 }
  const shown = { ...failed, problem: aside.problem, next_attempt_at: null }
  const { body } = await ask('GET', '/settlements?status=FAILED')
  t.match(body.items, [shown])
  t.match((await ask('GET', '/settlements/backlog')).body, { failed: 1 })
  const { settlement_id, next_attempt_at, ...rest } = shown
  t.match(await database.query('select * from v_fails'), [{ instruction_id: id, ...rest }])

  await database.query('update settlement.waiting_instructions set notional = 20')
  const retried = await ask('POST', `/settlements/${id}/retry`)
  t.match(retried, { status: 200, body: { status: 'PENDING', attempts: 0 } })
  t.match(retried.body.next_attempt_at, /Z$/)
  await database.query('select * from settlement.settle_batch(1, now(), 10, 0)')
  t.match(await read(id), { status: 'SETTLED', problem: null, settled_quantity: '2' })
  t.same(await database.query('select * from audit()'), [])
})
