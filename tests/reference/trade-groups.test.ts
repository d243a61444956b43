import t, { type Test } from 'tap'
import { testServer } from '../app/test-server.ts'
import { buy, command, execute, type Queryable, sell } from '../helpers/market.ts'

const now = () => ({ now: new Date().toISOString() })

/** Trades of the two, or none where they are of one group: what the buyer got. */
async function meet(db: Queryable): Promise<string[]> {
  const answers = await execute(
    db,
    'BTC-USD',
    [sell('client-A', '1', '100'), buy('client-B', '1', '100', { stp: 'CANCEL_TAKER' })],
    now(),
  )
  await execute(
    db,
    'BTC-USD',
    answers.map(one => command({ op: 'CANCEL', order_id: one.order_id })),
    now(),
  )
  return answers.map(one => one.end_reason ?? one.status)
}

const traded = ['OPEN', 'FILLED']
const prevented = ['OPEN', 'STP_TAKER']

async function server(t: Test) {
  const { ask, database } = await testServer(t)
  const put = (client: string, trade_group: string | null) =>
    ask('PATCH', `/participants/${client}`, { trade_group })
  return { ask, database, put }
}

t.test('[MAT-069] those of one trade group do not trade with each other', async t => {
  const { ask, database, put } = await server(t)
  t.same(await meet(database), traded)

  t.match(await put('client-A', 'desk.1'), { status: 200, body: { trade_group: 'desk.1' } })
  t.same(await meet(database), traded, 'one of them has a group')
  await put('client-B', 'desk.2')
  t.same(await meet(database), traded, 'they have two')
  await put('client-B', 'desk.1')
  t.same(await meet(database), prevented)
  const { body } = await ask('GET', '/participants/client-B')
  t.match(body, { client_id: 'client-B', trade_group: 'desk.1' })
  t.match(await put('client-A', null), { status: 200, body: { trade_group: null } })
  t.same(await meet(database), traded)
})

t.test('[MAT-069] a group holds for orders that stand already', async t => {
  const { database, put } = await server(t)
  await execute(database, 'BTC-USD', [sell('client-A', '1', '100')], now())
  await put('client-A', 'desk')
  await put('client-B', 'desk')

  const [taker] = await execute(database, 'BTC-USD', [buy('client-B', '1', '100')], now())

  t.equal(taker?.end_reason, 'STP_TAKER')
})

t.test('a participant can be made in a group, and put into one from psql', async t => {
  const { ask, database, put } = await server(t)

  const made = await ask('POST', '/participants', { client_id: 'carol', trade_group: 'desk' })
  t.match(made, { status: 201, body: { client_id: 'carol', trade_group: 'desk' } })
  const plain = await ask('POST', '/participants', { client_id: 'dave' })
  t.match(plain, { status: 201, body: { trade_group: null } })
  await database.query("select ops.set_trade_group('dave', 'desk')")
  t.match((await ask('GET', '/participants/dave')).body, { trade_group: 'desk' })
  await database.query("select ops.set_trade_group('dave', null)")
  t.match((await ask('GET', '/participants/dave')).body, { trade_group: null })
  const group = 'group=desk&symbol=BTC-USD'
  t.match(await ask('DELETE', `/orders?${group}`), { status: 200, body: { cancelled: [] } })

  await t.rejects(database.query("select ops.set_trade_group('nobody', 'desk')"), { code: 'NFPAR' })
  await t.rejects(database.query("select ops.set_trade_group('dave', 'a b')"), { code: '23514' })
  t.match(await put('nobody', 'desk'), { status: 404, body: { code: 'UNKNOWN_PARTICIPANT' } })
  const field = 'trade_group'
  t.match(await put('dave', 'a b'), { status: 400, body: { field } })
  t.match(await ask('PATCH', '/participants/dave', {}), { status: 400, body: { field } })
  t.match(await ask('PATCH', '/participants/dave', { name: 'x' }), { status: 400 })
  const wrong = await ask('POST', '/participants', { client_id: 'eve', trade_group: '' })
  t.match(wrong, { status: 400, body: { field } })
})
