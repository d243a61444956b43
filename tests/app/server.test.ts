import { request } from 'node:http'
import t from 'tap'
import { buy, execute } from '../helpers/market.ts'
import { openStream } from './events/stream-client.ts'
import { order, startServer, testServer } from './test-server.ts'

t.test('health says that the process is alive, ready that it can work', async t => {
  const { ask } = await testServer(t)

  for (const path of ['/health', '/healthz']) {
    const { status, body } = await ask('GET', path)
    t.same([status, body], [200, { status: 'ok', version: '0.0.0-test' }])
  }
  let ready = await ask('GET', '/ready')
  // The listener connects while the first requests are served already.
  for (let tries = 0; tries < 100 && ready.status !== 200; tries += 1) {
    ready = await ask('GET', '/ready')
  }
  t.match(ready, {
    status: 200,
    body: {
      status: 'ready',
      checks: {
        database: { ok: true },
        migrations: { ok: true, version: /./ },
        listener: { ok: true },
        matcher: { ok: true, waiting: 0, oldest_due_at: null },
        settlement: { ok: true, pending: 0, failed: 0, oldest_created_at: null },
      },
    },
  })
})

t.test('a matcher that leaves what is due is not ready', async t => {
  const { ask, database } = await testServer(t)
  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
  const wait = buy('client-A', '1', '10', { time_in_force: 'GTD', expire_at: minutesAgo(5) })
  await database.query('select ops.maintain_partitions($1)', [minutesAgo(10)])
  await execute(database, 'BTC-USD', [wait], { now: minutesAgo(10) })

  const { status, body } = await ask('GET', '/ready')

  t.same([status, body.checks.matcher.ok], [503, false])
  t.equal(Date.parse(body.checks.matcher.oldest_due_at), Date.parse(String(wait.expire_at)))
  await database.query('select matching.sweep_symbol(1, 1, clock_timestamp())')
  t.match((await ask('GET', '/ready')).body.checks.matcher, { ok: true, oldest_due_at: null })
})

t.test('without a database it is alive, not ready, and says so to every request', async t => {
  const { database } = await testServer(t)
  const gone = { ...database, appUrl: 'postgres://nobody@127.0.0.1:1/none' }
  const { ask } = await startServer(t, gone)

  t.equal((await ask('GET', '/health')).status, 200)
  t.match(await ask('GET', '/ready'), {
    status: 503,
    body: { checks: { database: { ok: false }, listener: { ok: false } } },
  })
  const reply = await ask('POST', '/orders', order())
  t.match(reply, { status: 503, body: { code: 'DATABASE_UNAVAILABLE' } })
  t.equal(reply.headers.get('retry-after'), '1')
})

t.test('a database of other migrations than the code knows is not ready', async t => {
  const { ask } = await testServer(t, {}, { schemaVersion: '999999-from-the-future.sql' })

  const { status, body } = await ask('GET', '/ready')

  t.same([status, body.checks.migrations.ok], [503, false])
})

t.test('every reply has a request id: the given one if it is a plain token', async t => {
  const { ask } = await testServer(t)

  const own = await ask('GET', '/nothing', undefined, { 'x-request-id': 'my-id.7' })
  t.match(own.body, { status: 404, code: 'NO_SUCH_ROUTE', request_id: 'my-id.7' })
  t.equal(own.headers.get('x-request-id'), 'my-id.7')

  const paths = ['/', '/health', '/nothing', '/openapi.json', '/docs', '/favicon.ico', '/symbols']
  const ids = new Set<string | null>()
  for (const path of paths) {
    const { headers } = await ask('GET', path, undefined, { 'x-request-id': 'a b\u00ff' })
    ids.add(headers.get('x-request-id'))
  }
  t.equal(ids.size, paths.length)
  t.notOk(ids.has(null))
})

t.test('the OpenAPI document knows every route', async t => {
  const { ask } = await testServer(t)

  const { body: document } = await ask('GET', '/openapi.json')

  t.equal(document.openapi, '3.1.0')
  const routes = Object.entries<object>(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method} ${path}`),
  )
  t.matchOnlyStrict(routes.sort(), [
    'delete /orders',
    'delete /orders/by-client-id/{client_id}/{client_order_id}',
    'delete /orders/{order_id}',
    'delete /participants/{client_id}/sessions/{session_id}',
    'get /health',
    'get /healthz',
    'get /orders',
    'get /orders/{order_id}',
    'get /orders/{order_id}/amendments',
    'get /orders/{order_id}/prevented-matches',
    'get /participants/{client_id}',
    'get /participants/{client_id}/balances',
    'get /participants/{client_id}/fees',
    'get /participants/{client_id}/lots',
    'get /participants/{client_id}/statement',
    'get /participants/{client_id}/sub-accounts',
    'get /ready',
    'get /settlements',
    'get /settlements/backlog',
    'get /settlements/{settlement_id}',
    'get /stream',
    'get /symbols',
    'get /symbols/{symbol}',
    'get /symbols/{symbol}/book',
    'get /symbols/{symbol}/ticker',
    'get /symbols/{symbol}/trades',
    'get /withdrawals',
    'get /withdrawals/{withdrawal_id}',
    'patch /orders/{order_id}',
    'patch /participants/{client_id}',
    'post /assets',
    'post /deposits',
    'post /order-lists',
    'post /orders',
    'post /orders/batch',
    'post /orders/test',
    'post /orders/{order_id}/replace',
    'post /participants',
    'post /participants/{client_id}/cancel-after',
    'post /participants/{client_id}/sub-accounts',
    'post /settlements/{settlement_id}/retry',
    'post /symbols',
    'post /transfers',
    'post /withdrawals',
    'post /withdrawals/{withdrawal_id}/approve',
    'post /withdrawals/{withdrawal_id}/reject',
  ])
})

t.test('the page of the API shows it to people, without a script', async t => {
  const { ask } = await testServer(t)

  const { status, headers, body } = await ask('GET', '/docs')

  t.equal(status, 200)
  t.match(headers.get('content-security-policy'), /default-src 'none'/)
  t.match(body, 'POST /orders/batch')
  t.notMatch(body, '<script')
})

t.test('a stop lets running requests finish and takes no new ones', async t => {
  const { url, database, ask, close } = await testServer(t)
  const holder = await database.ownerPool.connect()
  await holder.query('begin')
  await holder.query('select from matching.symbol_state for update')
  const running = ask('POST', '/orders', order())
  const keptAlive = await openStream(`${url}/stream?topics=ticker`)
  await waitForLock(database)

  const started = Date.now()
  const closing = close()
  const late = await lateRequest(url)
  await holder.query('commit')
  holder.release()

  t.match(await running, { status: 201, body: { status: 'OPEN' } })
  t.ok(late === 503 || late === 'refused', String(late))
  await closing
  await keptAlive.until(keptAlive.isEnded)
  t.ok(Date.now() - started < 4000, 'long before its deadline')
  await t.rejects(fetch(`${url}/health`))
})

async function waitForLock(database: { query(text: string): Promise<{ waits?: number }[]> }) {
  for (let tries = 0; tries < 500; tries += 1) {
    const [row] = await database.query(
      "select count(*)::int as waits from pg_stat_activity where wait_event_type = 'Lock'",
    )
    if (row?.waits) return
  }
  throw new Error('nobody waits for the lock')
}

function lateRequest(url: string): Promise<number | 'refused' | undefined> {
  return new Promise(resolve => {
    request(`${url}/orders`, response => resolve(response.statusCode))
      .on('error', () => resolve('refused'))
      .end()
  })
}
