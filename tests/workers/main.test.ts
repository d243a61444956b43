import { readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import t from 'tap'
import { z } from 'zod'
import { findEmbedded, startEmbedded } from '../../app/database/embedded.ts'
import { ask, emptyDataDir, serverPid } from '../app/database/embedded-helpers.ts'
import { openStream } from '../app/events/stream-client.ts'
import { quietLog, TEST_SETTINGS } from '../helpers/cluster.ts'
import { type Service, startService } from '../helpers/service.ts'
import { until } from '../helpers/until.ts'

const Balances = z.object({ items: z.array(z.looseObject({ asset: z.string() })) })
const Order = z.looseObject({ idempotency_key: z.string().nullish() })

const place = (url: string, facts: object) =>
  fetch(`${url}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ symbol: 'BTC-USD', type: 'limit', ...facts }),
  })

/** One of the orders that a stop meets: status 0 when nobody takes it any more. */
async function placeLast(url: string, idempotency_key: string) {
  const order = { client_id: 'client-A', side: 'buy', price: '100', quantity: '0.1' }
  try {
    const answer = await place(url, { ...order, idempotency_key })
    return { status: answer.status, body: Order.parse(await answer.json()) }
  } catch {
    return { status: 0, body: Order.parse({}) }
  }
}

/** The call of the README, as it stands. */
const readmeOrder =
  '{"idempotency_key":"a-unique-uuid-12345","client_id":"client-A","instrument":"BTC-USD",' +
  '"side":"buy","type":"limit","price":50000.0,"quantity":0.5}'

t.test('npm start opens a venue that trades and settles; SIGTERM ends it in order', async t => {
  const dataDir = emptyDataDir(t)
  const service = startService(t, { DATA_DIR: dataDir })
  const { url, databaseUrl } = await service.open()
  const stream = await openStream(`${url}/stream?topics=trades:BTC-USD,settlements`)

  const first = await fetch(`${url}/orders`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: readmeOrder,
  })
  t.equal(first.status, 201)
  t.match(await first.json(), { status: 'OPEN', client_id: 'client-A', quantity: '0.5' })
  const crossing = { client_id: 'client-B', side: 'sell', price: '50000', quantity: '0.5' }
  t.match(await (await place(url, crossing)).json(), { status: 'FILLED' })
  await stream.until(() => stream.messages.some(message => message.event === 'settlement'))
  const reply = await fetch(`${url}/participants/client-A/balances`)
  const { items } = Balances.parse(await reply.json())
  t.match(
    items.filter(item => ['BTC', 'USD'].includes(item.asset)),
    [
      { asset: 'BTC', available: '100.5', held: '0', unsettled_in: '0' },
      { asset: 'USD', available: '974975', held: '0', unsettled_out: '0' },
    ],
  )
  t.same(await ask(databaseUrl, 'select * from audit()'), [])

  // Twenty orders are on their way when it is told to stop.
  const running = Array.from({ length: 20 }, (_, n) => placeLast(url, `last-${n}`))
  await Promise.race(running)
  const start = performance.now()
  service.kill('SIGTERM')
  const answers = await Promise.all(running)
  const code = await service.ended

  t.equal(code, 0)
  t.ok(performance.now() - start < 10_000, 'within ten seconds')
  t.equal(await findEmbedded(dataDir), null, 'its server is stopped')
  t.equal(service.stderr(), '')
  t.match(stream.messages.at(-1), { event: 'closing' })
  t.equal(stream.messages.at(-1)?.data.last_event_id, stream.lastId())
  const statuses = new Set(answers.map(answer => answer.status))
  t.same(
    [...statuses].filter(status => ![201, 503, 0].includes(status)),
    [],
  )
  t.ok(statuses.has(201))

  const server = await startEmbedded({ dataDir, log: quietLog, settings: TEST_SETTINGS })
  t.teardown(server.stop)
  const kept = await ask(
    server.url,
    "select idempotency_key from orders where idempotency_key like 'last-%' order by 1",
  )
  const acknowledged = answers.filter(answer => answer.status === 201)
  t.same(
    kept.flat(),
    acknowledged.map(answer => answer.body.idempotency_key).sort(),
    'what was answered was done, and nothing else',
  )
})

t.test('two services share one data folder; the last one stops its server', async t => {
  const dataDir = emptyDataDir(t)
  const first = startService(t, { DATA_DIR: dataDir })
  const one = await first.open()
  const second = startService(t, { DATA_DIR: dataDir })
  const two = await second.open()
  const stream = await openStream(`${two.url}/stream?topics=trades:BTC-USD`)

  const half = { price: '100', quantity: '0.5' }
  await place(one.url, { ...half, client_id: 'client-A', side: 'buy' })
  await place(two.url, { ...half, client_id: 'client-B', side: 'sell' })
  await place(two.url, { ...half, client_id: 'client-A', side: 'buy' })
  await place(one.url, { ...half, client_id: 'client-B', side: 'sell' })
  await stream.until(() => stream.messages.length === 2)
  t.same(one.databaseUrl, two.databaseUrl)
  t.match(stream.messages, [{ event: 'trade' }, { event: 'trade' }], 'each hears the other')

  // A third one is told to use the port of the first: it says so, and harms nobody.
  const { port } = new URL(one.url)
  const third = startService(t, { DATA_DIR: dataDir, PORT: port })
  t.equal(await third.ended, 1)
  t.match(third.stderr(), new RegExp(`^[^\\n]*${port}[^\\n]*\\n$`))
  t.equal(third.stdout(), '')

  first.kill('SIGTERM')
  t.equal(await first.ended, 0)
  t.not(await findEmbedded(dataDir), null, 'the second one still uses the server')
  const answer = await place(two.url, { ...half, client_id: 'client-A', side: 'buy' })
  t.equal(answer.status, 201)
  second.kill('SIGTERM')
  t.equal(await second.ended, 0)
  t.equal(await findEmbedded(dataDir), null)
})

t.test('told to stop while it starts, it stops, and leaves no server behind', async t => {
  const moments: Record<string, (dataDir: string, service: Service) => boolean> = {
    'makes its data folder': dataDir => readdirSync(dataDir).length > 0,
    'starts its server': dataDir => serverPid(dataDir) !== null,
    migrates: (_, service) => service.stdout().includes('PostgreSQL runs'),
  }
  for (const [moment, isThere] of Object.entries(moments)) {
    const dataDir = emptyDataDir(t)
    const service = startService(t, { DATA_DIR: dataDir, LOG_LEVEL: 'info' })
    await until(() => isThere(dataDir, service))

    service.kill('SIGTERM')

    t.equal(await service.ended, 0, `while it ${moment}`)
    t.equal(await findEmbedded(dataDir), null)
    t.equal(service.stderr(), '')
    t.notMatch(service.stdout(), /pgsettle is open/)
  }
})

/** The tests' own server, as somebody else would come to it. */
function elsewhere(user: string, password: string, path = '/postgres'): Record<string, string> {
  const url = new URL(process.env.TEST_ADMIN_URL ?? '')
  if (password !== '') Object.assign(url, { username: user, password })
  url.pathname = path
  return { AUTH_MODE: 'off', DATABASE_URL: url.href }
}

t.test('what stands in the way of a start is one line, and exit code 1', async t => {
  const occupied = createServer().listen(0, '127.0.0.1')
  await until(() => occupied.listening)
  t.teardown(() => occupied.close())
  const address = occupied.address()
  const port = typeof address === 'object' ? address?.port : 0
  const nowhere = { AUTH_MODE: 'off', DATABASE_URL: `postgres://owner:secret@127.0.0.1:${port}/x` }
  occupied.close()
  const wrong: [env: Record<string, string>, line: RegExp][] = [
    [{ PORT: 'http' }, /^PORT is 'http'; allowed: whole numbers/],
    [{ SETTLEMENT_WORKERS: '0' }, /^SETTLEMENT_WORKERS is '0'; allowed: /],
    [{ LOG_LEVEL: 'loud' }, /^LOG_LEVEL is 'loud'; allowed: fatal, error/],
    [{ HOST: '0.0.0.0', AUTH_MODE: 'off' }, /^AUTH_MODE is 'off'; allowed: required/],
    [
      { DATABASE_URL: 'mysql://u:hidden@h/d' },
      /^DATABASE_URL is 'mysql:[^\n]*; allowed: postgres:/,
    ],
    [nowhere, /^the database cannot be reached: [^\n]*127\.0\.0\.1:\d+/],
    [elsewhere('owner', 'guessed'), /^the database cannot be reached: password auth/],
    [elsewhere('', '', '/nobody-made-it'), /^the database cannot be reached: .*not exist/],
  ]

  const ends = wrong.map(async ([env, line]) => {
    const service = startService(t, env)
    t.equal(await service.ended, 1, JSON.stringify(env))
    t.match(service.stderr(), line)
    t.match(service.stderr(), /^[^\n]+\n$/, 'one line')
    t.notMatch(service.stderr(), /secret|hidden|guessed/, 'without passwords')
    t.equal(service.stdout(), '')
  })
  await Promise.all(ends)
})
