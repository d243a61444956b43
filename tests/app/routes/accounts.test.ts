import t from 'tap'
import { testServer } from '../test-server.ts'

t.test('sub-accounts are opened, get money from each other, and roll up', async t => {
  const { ask, database } = await testServer(t)
  const path = '/participants/client-A/sub-accounts'

  const opened = await ask('POST', path, { client_id: 'client-A:1', name: 'Desk' })

  t.match(opened, {
    status: 201,
    body: {
      client_id: 'client-A:1',
      name: 'Desk',
      parent: 'client-A',
      custody: 'SEGREGATED',
      trade_group: null,
      created_at: /Z$/,
    },
  })
  const body = {
    from: 'client-A',
    to: 'client-A:1',
    asset: 'usd',
    amount: 2.5,
    idempotency_key: 'k-1',
  }
  const moved = await ask('POST', '/transfers', body)
  t.match(moved, {
    status: 201,
    body: {
      transfer_id: /^\d+-1$/,
      from: 'client-A',
      to: 'client-A:1',
      asset: 'USD',
      amount: '2.5',
      idempotency_key: 'k-1',
    },
  })
  t.same((await ask('POST', '/transfers', body)).body, moved.body, 'once a key')

  const { body: tree } = await ask('GET', path)
  t.match(tree, { next_cursor: null })
  t.match(tree.items, [
    {
      client_id: 'client-A',
      parent: null,
      balances: [
        { asset: 'BTC' },
        { asset: 'USD', available: '9999997.5', total_available: '10000000', total_held: '0' },
      ],
    },
    {
      client_id: 'client-A:1',
      parent: 'client-A',
      balances: [{ asset: 'USD', available: '2.5', held: '0', total_available: '2.5' }],
    },
  ])
  t.same(await database.query('select * from audit()'), [])
})

t.test('what cannot be is said', async t => {
  const { ask } = await testServer(t)
  const path = '/participants/client-A/sub-accounts'
  await ask('POST', path, { client_id: 'client-A:1' })
  for (const [body, status, code, field] of [
    [{}, 400, 'MISSING_FIELD', 'client_id'],
    [{ client_id: 'a b' }, 400, 'INVALID_FIELD', 'client_id'],
    [{ client_id: 'x', custody: 'MINE' }, 400, 'INVALID_FIELD', 'custody'],
    [{ client_id: 'x', parent: 'y' }, 400, 'UNKNOWN_FIELD', 'parent'],
    [{ client_id: 'client-B' }, 409, 'PARTICIPANT_EXISTS', 'client_id'],
  ] as const) {
    t.match(await ask('POST', path, body), { status, body: { code, field } })
  }
  const house = await ask('POST', '/participants/house/sub-accounts', { client_id: 'x' })
  t.match(house, { status: 400, body: { code: 'BAD_SUB_ACCOUNT' } })
  for (const method of ['GET', 'POST']) {
    const body = method === 'POST' ? { client_id: 'x' } : undefined
    const answer = await ask(method, '/participants/nobody/sub-accounts', body)
    t.match(answer, { status: 404, body: { code: 'UNKNOWN_PARTICIPANT' } })
  }

  const transfer = {
    from: 'client-A',
    to: 'client-A:1',
    asset: 'USD',
    amount: '1',
    idempotency_key: 'k',
  }
  for (const [change, status, code, field] of [
    [{ to: 'client-B' }, 422, 'OTHER_OWNER', 'to'],
    [{ to: 'client-A' }, 400, 'SAME_PARTICIPANT', 'to'],
    [{ to: 'nobody' }, 404, 'UNKNOWN_PARTICIPANT', undefined],
    [{ asset: 'XYZ' }, 404, 'UNKNOWN_ASSET', undefined],
    [{ amount: '10000000.01' }, 422, 'INSUFFICIENT_FUNDS', 'amount'],
    [{ amount: '0.000000001' }, 400, 'AMOUNT_UNIT', 'amount'],
    [{ amount: '-1' }, 400, undefined, 'amount'],
    [{ amount: '1e3' }, 400, undefined, 'amount'],
    [{ idempotency_key: undefined }, 400, 'MISSING_FIELD', 'idempotency_key'],
    [{ colour: 'red' }, 400, 'UNKNOWN_FIELD', 'colour'],
  ] as const) {
    const answer = await ask('POST', '/transfers', { ...transfer, ...change })
    t.equal(answer.status, status, JSON.stringify(change))
    if (code !== undefined) t.equal(answer.body.code, code)
    if (field !== undefined) t.equal(answer.body.field, field)
  }
})
