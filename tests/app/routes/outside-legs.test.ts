import t, { type Test } from 'tap'
import { claim, legs } from '../../helpers/outside.ts'
import { startReceiver } from '../../helpers/receiver.ts'
import { ask, testServer } from '../test-server.ts'

const path = '/outside-legs/results'

/** A service that was told the secret of a receiver, and a leg that is sent. */
async function sentLeg(t: Test) {
  const receiver = await startReceiver(t)
  const server = await testServer(t, undefined, { webhookSecret: receiver.secret })
  const { database } = server
  await database.query("select set_outside_asset('USD')")
  const asked = { client_id: 'client-A', asset: 'USD', amount: '250.50', idempotency_key: 'out-1' }
  await server.ask('POST', '/withdrawals', asked)
  const approved = await server.ask('POST', '/withdrawals/1/approve', { operator: 'bea' })
  const [leg] = await claim(database, { now: new Date().toISOString() })
  const tell = (...result: Parameters<typeof receiver.result>) => {
    const { body, headers } = receiver.result(...result)
    return server.ask('POST', path, body, headers)
  }
  const state = async () => [
    (await legs(database))[0]?.status,
    await database.query('select * from audit()'),
  ]
  return { ...server, receiver, approved, id: leg?.external_id ?? '', tell, state }
}

t.test('[SET-040] an approved withdrawal is PENDING until its receiver confirms', async t => {
  const { ask, approved, id, tell, state } = await sentLeg(t)
  t.match(approved, { status: 200, body: { status: 'PENDING', approved_by: 'bea' } })
  t.match(approved.body.approved_at, /^\d{4}-\d\d-\d\dT.*\.\d{6}Z$/)

  const told = await tell(id, 'CONFIRMED', { reference: 'wire 7' })

  t.match(told, { status: 200, body: { external_id: id, status: 'CONFIRMED' } })
  t.same((await tell(id, 'CONFIRMED')).body, told.body, 'once')
  const { body } = await ask('GET', '/withdrawals/1')
  t.match(body, { status: 'POSTED', decided_by: 'bea', transfer_id: /^\d+-1$/ })
  t.match(await tell(id, 'VOIDED'), { status: 409, body: { code: 'ALREADY_ENDED' } })
  t.same(await state(), ['CONFIRMED', []])
})

t.test('[SET-044] a result that is not signed, or not now, changes nothing', async t => {
  const { ask, receiver, id, tell, state } = await sentLeg(t)
  const refused = { status: 401, body: { code: 'BAD_SIGNATURE' } }
  const { body, headers } = receiver.result(id, 'CONFIRMED')

  t.match(await ask('POST', path, body), refused, 'no signature')
  t.match(await ask('POST', path, body.replace('CONF', 'conf'), headers), refused, 'altered')
  const other = Buffer.from('the secret of somebody else ....')
  t.match(await tell(id, 'CONFIRMED', { secret: other }), refused, 'another secret')
  for (const seconds of [-301, 302]) {
    const at = new Date(Date.now() + seconds * 1000)
    t.match(await tell(id, 'CONFIRMED', { at }), refused, `${seconds} s`)
  }
  t.same(await state(), ['SENT', []])
})

t.test('[SET-044] what is signed but wrong is told, and changes nothing', async t => {
  const { id, tell, state } = await sentLeg(t)
  const nobody = '00000000-0000-4000-8000-000000000000'

  t.match(await tell(nobody, 'CONFIRMED'), { status: 404, body: { code: 'UNKNOWN_OUTSIDE_LEG' } })
  t.match(await tell('7', 'CONFIRMED'), { status: 400, body: { field: 'external_id' } })
  t.match(await tell(id, 'ACCEPTED'), { status: 400, body: { field: 'status' } })
  t.match(await tell(id, 'CONFIRMED', { reference: 'a\u0000b' }), { status: 400 })
  t.match(await tell(id, 'CONFIRMED', { reference: 'x'.repeat(201) }), { status: 400 })
  const back = { type: 'outside_leg.send' }
  t.match(await tell(id, 'CONFIRMED', back), { status: 400 }, 'what the venue sent itself')
  t.same(await state(), ['SENT', []])
})

t.test('without a secret there is no such route; with one it is in the document', async t => {
  const { url } = await testServer(t)
  const { ask: other } = await sentLeg(t)
  const document = async (body: { paths: object }) => Object.keys(body.paths).includes(path)

  t.match(await ask(url, 'POST', path, {}), { status: 404, body: { code: 'NO_SUCH_ROUTE' } })
  t.notOk(await document((await ask(url, 'GET', '/openapi.json')).body))
  t.ok(await document((await other('GET', '/openapi.json')).body))
})
