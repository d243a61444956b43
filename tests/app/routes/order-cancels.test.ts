import t from 'tap'
import { fakeServer, refusedRow } from '../fake-database.ts'

t.test('[OE-7] a cancel may be for an order of which nothing is filled', async t => {
  const { ask, asked } = await fakeServer(t)

  const reply = await ask('DELETE', '/orders/1000000000001?only_if=new')

  t.match(reply, { status: 200, body: { status: 'CANCELLED' } })
  t.same(asked.at(-1)?.commands, [{ op: 'CANCEL', order_id: '1000000000001', only_if: 'NEW' }])
  t.equal((await ask('DELETE', '/orders/1000000000001?only_if=old')).status, 400)
  t.equal((await ask('DELETE', '/orders/1000000000001?onlyif=NEW')).status, 400)
  t.equal(asked.length, 1, 'a wrong condition cancels nothing')
})

t.test('[OE-7] a condition that failed is told, with the order', async t => {
  const facts = { error_state: 'STCON', order_id: '1000000000001' }
  const { ask } = await fakeServer(t, ({ commands }) =>
    commands.length > 0 ? [refusedRow('CONDITION_FAILED', facts)] : undefined,
  )

  const reply = await ask('DELETE', '/orders/1000000000001?only_if=NEW')

  t.match(reply, { status: 409, body: { code: 'CONDITION_FAILED', order_id: '1000000000001' } })
})

t.test("[OE-7] an order is cancelled by its client's own id", async t => {
  const { ask, asked } = await fakeServer(t)
  const path = `/orders/by-client-id/client-A/${encodeURIComponent('a/b=1')}`

  const reply = await ask('DELETE', `${path}?symbol=btc-usd&only_if=NEW`)

  t.match(reply, { status: 200, body: { status: 'CANCELLED' } })
  t.same(asked.at(-1)?.values[1], 'BTC-USD')
  t.same(asked.at(-1)?.commands, [
    { op: 'CANCEL', client_id: 'client-A', client_order_id: 'a/b=1', only_if: 'NEW' },
  ])
  t.match(await ask('DELETE', path), { status: 400, body: { field: 'symbol' } })
  t.match(await ask('DELETE', '/orders/by-client-id/client-A/a%20b?symbol=BTC-USD'), {
    status: 400,
    body: { field: 'client_order_id' },
  })
})

t.test('[OE-9] a mass cancel names a participant or a group, and what of theirs', async t => {
  const { ask, asked } = await fakeServer(t, ({ name }) =>
    name === 'cancel_orders' ? [{ order_id: '1' }, { order_id: '2' }] : undefined,
  )
  const called = () => {
    const [segment, client, symbol, side, at, group, least, most] = asked.at(-1)?.values ?? []
    t.match(at, /Z$/)
    return [segment, client, symbol, side, group, least, most]
  }

  const reply = await ask('DELETE', '/orders?client_id=client-A')
  t.match(reply, { status: 200, body: { cancelled: ['1', '2'] } })
  t.same(called(), [1, 'client-A', null, null, null, null, null])

  await ask('DELETE', '/orders?group=desk-1&symbol=btc-usd&side=sell&min_price=1.50&max_price=2')
  t.same(called(), [1, null, 'BTC-USD', 'SELL', 'desk-1', '1.5', '2'])

  const before = asked.length
  for (const query of ['', '?symbol=BTC-USD', '?client_id=client-A&min_price=x', '?group=a b']) {
    t.equal((await ask('DELETE', `/orders${query}`)).status, 400, query)
  }
  t.equal(asked.length, before)
})

t.test('[OE-14] a dead-man switch is armed for some seconds, and disarmed by 0', async t => {
  const { ask, asked } = await fakeServer(t, ({ name, values }) => {
    if (name !== 'cancel_after') return undefined
    return [{ cancel_at: values[2] === 0 ? null : '2026-01-01T00:01:00.000000Z' }]
  })
  const path = '/participants/client-A/cancel-after'

  const armed = await ask('POST', path, { seconds: 60 })
  const disarmed = await ask('POST', path, { seconds: 0 })

  t.match(armed, { status: 200, body: { cancel_at: '2026-01-01T00:01:00.000000Z' } })
  t.same(disarmed.body, { cancel_at: null })
  t.same(asked[0]?.values.slice(0, 3), [1, 'client-A', 60])
  for (const seconds of [-1, 1.5, '60', 86_401, null, undefined]) {
    const reply = await ask('POST', path, { seconds })
    t.match(reply, { status: 400, body: { field: 'seconds' } }, String(seconds))
  }
  t.equal((await ask('POST', '/participants/a%20b/cancel-after', { seconds: 1 })).status, 404)
})
