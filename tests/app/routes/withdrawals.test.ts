import t from 'tap'
import { testServer } from '../test-server.ts'

const body = { client_id: 'client-A', asset: 'usd', amount: '250.50', idempotency_key: 'out-1' }

t.test('a withdrawal is asked for, approved by another and listed', async t => {
  const { ask, database } = await testServer(t)

  const asked = await ask('POST', '/withdrawals', body)

  t.equal(asked.status, 201)
  t.match(asked.body, {
    withdrawal_id: '1',
    client_id: 'client-A',
    asset: 'USD',
    amount: '250.5',
    idempotency_key: 'out-1',
    status: 'PENDING',
    requested_by: 'client-A',
    created_at: /^\d{4}-\d\d-\d\dT.*\.\d{6}Z$/,
    decided_by: null,
    decided_at: null,
    reject_reason: null,
    transfer_id: null,
  })
  const { body: held } = await ask('GET', '/participants/client-A/balances')
  t.match(held.items[1], { asset: 'USD', available: '9999749.5', held: '250.5' })
  t.same((await ask('POST', '/withdrawals', body)).body, asked.body, 'once a key')

  const own = await ask('POST', '/withdrawals/1/approve', { operator: 'client-A' })
  t.match(own, { status: 422, body: { code: 'SAME_OPERATOR', field: 'operator' } })
  const approved = await ask('POST', '/withdrawals/1/approve', { operator: 'bea' })
  t.match(approved, { status: 200, body: { status: 'POSTED', decided_by: 'bea' } })
  t.match(approved.body.transfer_id, /^\d+-1$/)
  t.same((await ask('GET', '/withdrawals/1')).body, approved.body)
  const late = { operator: 'cid', reason: 'too late' }
  const refused = await ask('POST', '/withdrawals/1/reject', late)
  t.match(refused, { status: 409, body: { code: 'ALREADY_DECIDED' } })

  const second = { ...body, idempotency_key: undefined, operator: 'ann', amount: 3 }
  const other = await ask('POST', '/withdrawals', second, { 'idempotency-key': 'out-2' })
  t.match(other, { status: 201, body: { requested_by: 'ann', idempotency_key: 'out-2' } })
  const id = other.body.withdrawal_id
  const taken = { operator: 'ann', reason: 'no' }
  const rejected = await ask('POST', `/withdrawals/${id}/reject`, taken)
  t.match(rejected, { status: 200, body: { status: 'REJECTED', reject_reason: 'no' } })

  const ids = async (query: string) => {
    const { body } = await ask('GET', `/withdrawals${query}`)
    return body.items.map((item: { withdrawal_id: string }) => item.withdrawal_id)
  }
  t.same(await ids(''), [id, '1'])
  t.same(await ids('?status=posted&client_id=client-A'), ['1'])
  t.same(await ids('?client_id=client-B'), [])
  const { body: page } = await ask('GET', '/withdrawals?limit=1')
  t.match(page, { items: [{ withdrawal_id: id }], next_cursor: id })
  t.same(await ids(`?limit=1&cursor=${page.next_cursor}`), ['1'])
  t.same(await database.query('select * from audit()'), [])
})

t.test('what is wrong is told by its code', async t => {
  const { ask, database } = await testServer(t)
  await database.query("select set_withdrawal_limit('USD', 100)")
  const wrong = [
    ['/withdrawals', { ...body, idempotency_key: undefined }, 400, 'MISSING_FIELD'],
    ['/withdrawals', { ...body, by: 'ann' }, 400, 'UNKNOWN_FIELD'],
    ['/withdrawals', { ...body, client_id: 'nobody' }, 404, 'UNKNOWN_PARTICIPANT'],
    ['/withdrawals', { ...body, asset: 'XAU' }, 404, 'UNKNOWN_ASSET'],
    ['/withdrawals', { ...body, amount: '0.000000001' }, 400, 'AMOUNT_UNIT'],
    ['/withdrawals', body, 422, 'WITHDRAWAL_LIMIT'],
    ['/withdrawals', { ...body, asset: 'BTC', amount: '1001' }, 422, 'INSUFFICIENT_FUNDS'],
    ['/withdrawals/7/approve', { operator: 'bea' }, 404, 'UNKNOWN_WITHDRAWAL'],
    ['/withdrawals/seven/approve', { operator: 'bea' }, 404, 'UNKNOWN_WITHDRAWAL'],
    ['/withdrawals/7/approve', {}, 400, 'MISSING_FIELD'],
    ['/withdrawals/7/reject', { operator: 'bea' }, 400, 'MISSING_FIELD'],
  ] as const

  for (const [path, sent, status, code] of wrong) {
    t.match(await ask('POST', path, sent), { status, body: { code } }, code)
  }
  t.match(await ask('GET', '/withdrawals/7'), { status: 404 })
  t.match(await ask('GET', '/withdrawals?client_id=nobody'), { status: 404 })
  t.match(await ask('GET', '/withdrawals?status=lost'), { status: 400 })
  t.same(await database.query('select from ledger.withdrawals'), [])
})
