import t from 'tap'
import { audit } from '../../helpers/market.ts'
import { order, testServer } from '../test-server.ts'

const rounds = 60

t.test('[OE-10] a replacement meets a fill: never both open, never both gone', async t => {
  const { ask, database } = await testServer(t)
  const sell = { client_id: 'client-B', side: 'sell', time_in_force: 'IOC' }
  const statusOf = async (id: string) => (await ask('GET', `/orders/${id}`)).body.status
  const outcomes = new Set<string>()

  for (let round = 0; round < rounds; round += 1) {
    const mode = round % 2 === 0 ? 'STOP_ON_FAILURE' : 'ALLOW_FAILURE'
    const price = round % 5 === 0 ? '49000.001' : '49000'
    const { order_id } = (await ask('POST', '/orders', order())).body
    const replace = () => ask('POST', `/orders/${order_id}/replace`, order({ mode, price }))
    const fill = () => ask('POST', '/orders', order(sell))

    // The one, then the other, then both at once.
    if (round % 3 === 0) await fill()
    const replacing = replace()
    if (round % 3 === 1) await replacing
    const [reply] = await Promise.all([replacing, fill()])

    const status = await statusOf(order_id)
    const { items } = (await ask('GET', '/orders?client_id=client-A&status=OPEN')).body
    const open = items.map((item: { order_id: string }) => item.order_id)
    outcomes.add(`${mode} ${reply.status} ${status}`)
    if (reply.status === 200) {
      t.same(open, [reply.body.placed.order_id], 'the new order is there, and no other')
      t.equal(reply.body.cancelled === null ? 'FILLED' : 'CANCELLED', status)
    } else if (mode === 'STOP_ON_FAILURE') {
      t.same(open, status === 'FILLED' ? [] : [order_id], 'nothing was changed')
      t.not(status, 'CANCELLED')
    } else {
      t.same(open, [])
      t.equal(reply.body.cancelled === null ? 'FILLED' : 'CANCELLED', status)
    }
    for (const id of open) await ask('DELETE', `/orders/${id}`)
  }
  t.ok(outcomes.size > 4, [...outcomes].join(', '))
  t.same(await audit(database), [])
})

t.test('[OE-10] a replacement that is sent again under its key answers as the first', async t => {
  const { ask } = await testServer(t)
  const { order_id } = (await ask('POST', '/orders', order())).body
  const body = order({ price: '49000', idempotency_key: 'once' })

  const first = await ask('POST', `/orders/${order_id}/replace`, body)
  const again = await ask('POST', `/orders/${order_id}/replace`, body)

  t.equal(first.status, 200)
  t.same(again.body, first.body)
  const unknown = await ask('POST', '/orders/1000000000999/replace', order())
  t.match(unknown, { status: 404, body: { code: 'UNKNOWN_ORDER' } })
})

t.test('[OE-10] of two replacements at once, a cancel or a fill, one has the order', async t => {
  const { ask, database } = await testServer(t)
  const winners = new Set<string>()

  for (let round = 0; round < rounds / 2; round += 1) {
    const { order_id } = (await ask('POST', '/orders', order({ stp: 'NONE' }))).body
    const requests = ['48000', '49000'].map(price => () => {
      return ask('POST', `/orders/${order_id}/replace`, order({ price }))
    })
    const sell = { client_id: 'client-B', side: 'sell', time_in_force: 'IOC' }
    if (round % 3 === 1) requests.push(() => ask('DELETE', `/orders/${order_id}`))
    if (round % 3 === 2) requests.push(() => ask('POST', '/orders', order(sell)))
    const turn = round % requests.length
    const replies = await Promise.all(
      [...requests.slice(turn), ...requests.slice(0, turn)].map(request => request()),
    )

    const placed = replies.flatMap(({ body }) => (body.placed ? [body.placed.order_id] : []))
    const { items } = (await ask('GET', '/orders?client_id=client-A&status=OPEN')).body
    const open = items.map((item: { order_id: string }) => item.order_id)
    const { status } = (await ask('GET', `/orders/${order_id}`)).body
    t.ok(placed.length <= 1, 'one at most')
    // The seller may come after the replacement, and meet it.
    t.ok(
      open.every((id: string) => placed.includes(id)),
      'nothing is open but what was placed',
    )
    for (const id of placed) {
      const { body } = await ask('GET', `/orders/${id}`)
      t.match(body.status, /^(OPEN|FILLED)$/, 'a success is there')
    }
    winners.add(placed.length > 0 ? 'replaced' : status)
    for (const id of open) await ask('DELETE', `/orders/${id}`)
  }

  t.ok(winners.has('replaced') && winners.size > 1, [...winners].join(', '))
  t.same(await audit(database), [])
})
