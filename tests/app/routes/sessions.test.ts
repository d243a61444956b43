import t from 'tap'
import { until } from '../../helpers/until.ts'
import { openStream, type StreamClient } from '../events/stream-client.ts'
import { order, startServer, type TestServer, testServer } from '../test-server.ts'

const path = '/stream?topics=ticker&cod=true&client_id=client-A'

/** When the orders are cancelled if nothing puts that off, by session. */
const timers = async ({ database }: Pick<TestServer, 'database'>) => {
  const rows = await database.query<{ session_id: string; cancel_at: Date }>(
    'select session_id, cancel_at from matching.cancel_timers order by session_id',
  )
  return rows.map(row => [row.session_id, row.cancel_at.getTime()] as const)
}

const timeOf = async (server: Pick<TestServer, 'database'>) => (await timers(server))[0]?.[1] ?? 0
const sessionMessages = (stream: StreamClient) =>
  stream.messages.filter(({ event }) => event === 'session').map(({ data }) => data)

/** Waits until a stream's session is armed. */
async function openSession(url: string): Promise<StreamClient> {
  const stream = await openStream(url)
  await stream.until(() => sessionMessages(stream).length > 0)
  return stream
}

t.test(
  '[MAT-068] a stream puts off the end of its orders, which begins when it is lost',
  async t => {
    const server = await testServer(t)
    await server.ask('POST', '/orders', order())
    const stream = await openSession(`${server.url}${path}&grace_seconds=5&session_id=mine`)
    t.teardown(stream.close)

    t.same(sessionMessages(stream), [
      { client_id: 'client-A', session_id: 'mine', grace_seconds: 5, armed: true },
    ])
    const first = await timeOf(server)
    t.ok(first > Date.now() + 4000)
    await until(async () => (await timeOf(server)) > first)
    const lostAt = Date.now()
    stream.close()

    let cancelAt = await timeOf(server)
    await until(async () => {
      const before = cancelAt
      cancelAt = await timeOf(server)
      return before === cancelAt && cancelAt < Date.now() + 5000
    })
    t.ok(cancelAt >= lostAt + 5000, 'not before the grace time is over')
    t.ok(cancelAt <= Date.now() + 5000, 'and no later')
    const { body: before } = await server.ask('GET', '/orders?client_id=client-A')
    t.equal(before.items[0].status, 'OPEN')
    await server.database.query('select matching.fire_timers(1, $1, 9)', [new Date(cancelAt)])
    const { body: orders } = await server.ask('GET', '/orders?client_id=client-A')
    t.match(orders.items, [{ status: 'CANCELLED', end_reason: 'DISCONNECT' }])
  },
)

t.test('[MAT-068] who logs out keeps the orders', async t => {
  const server = await testServer(t)
  const stream = await openSession(server.url + path)
  t.teardown(stream.close)
  const logOut = () => server.ask('DELETE', '/participants/client-A/sessions/stream')

  const { status, body } = await logOut()

  t.same([status, body], [200, { client_id: 'client-A', session_id: 'stream', was_open: true }])
  await stream.until(() => sessionMessages(stream).length === 2)
  t.match(sessionMessages(stream)[1], { session_id: 'stream', armed: false })
  t.notOk(stream.isEnded(), 'the stream goes on')
  stream.close()
  t.match((await logOut()).body, { was_open: false })
  t.same(await timers(server), [])
})

t.test('[MAT-068] a stream that comes back takes its session over, at any process', async t => {
  const server = await testServer(t)
  const second = await startServer(t, server.database)
  const lost = await openSession(`${server.url}${path}&session_id=a&grace_seconds=5`)
  lost.close()
  const back = await openSession(`${second.url}${path}&session_id=a&grace_seconds=30`)
  t.teardown(back.close)

  const taken = await timeOf(server)
  await until(async () => (await timeOf(server)) > Math.max(taken, Date.now() + 20_000))
  t.equal((await timers(server)).length, 1)
  await second.close()

  await back.until(back.isEnded)
  const cancelAt = await timeOf(server)
  t.ok(cancelAt > Date.now() + 20_000 && cancelAt <= Date.now() + 30_700, 'it has its grace time')
})

t.test('a stream whose session has fired is told so, and is not armed again', async t => {
  const server = await testServer(t)
  const stream = await openSession(server.url + path)
  t.teardown(stream.close)

  await server.database.query("select matching.fire_timers(1, now() + interval '1 h', 9)")

  await stream.until(() => sessionMessages(stream).length === 2)
  t.match(sessionMessages(stream)[1], { armed: false })
  t.same(await timers(server), [])
})

t.test('a session needs a participant, and plain streams have none', async t => {
  const server = await testServer(t)
  const cases: [query: string, status: number, field: string][] = [
    ['cod=true', 400, 'client_id'],
    ['cod=yes', 400, 'cod'],
    ['cod=true&client_id=nobody', 404, 'client_id'],
    ['cod=true&client_id=client-A&grace_seconds=0', 400, 'grace_seconds'],
    ['cod=true&client_id=client-A&grace_seconds=3601', 400, 'grace_seconds'],
    ['cod=true&client_id=client-A&session_id=a b', 400, 'session_id'],
  ]

  for (const [query, status, field] of cases) {
    const reply = await server.ask('GET', `/stream?topics=ticker&${query}`)
    t.match(reply, { status, body: { field } }, query)
  }
  const wrong = await server.ask('GET', path.replace('ticker', 'trades:NO-NE'))
  t.equal(wrong.status, 404)
  const plain = await openStream(`${server.url}/stream?topics=ticker&client_id=client-A&cod=false`)
  t.teardown(plain.close)
  await plain.until(() => plain.messages.length > 0)
  t.same(sessionMessages(plain), [])
  t.same(await timers(server), [])
  t.match(await server.ask('DELETE', '/participants/nobody/sessions/a'), { status: 404 })
  t.match(await server.ask('DELETE', '/participants/client-A/sessions/a%20b'), { status: 400 })
})
