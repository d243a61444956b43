import { pino } from 'pino'
import type { Test } from 'tap'
import { createDatabase } from '../../app/database/connect.ts'
import { createServer, type ServerOptions } from '../../app/server.ts'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { createMarket, type MarketPlan } from '../helpers/market.ts'

export interface Reply {
  status: number
  headers: Headers
  body: ReturnType<typeof JSON.parse>
}

export interface TestServer {
  url: string
  database: TestDatabase
  ask(method: string, path: string, body?: unknown, headers?: object): Promise<Reply>
  close(): Promise<void>
}

/** Symbol, traders and money of a test that says nothing else. */
export const plainMarket: MarketPlan = {
  symbols: { 'BTC-USD': {} },
  traders: {
    'client-A': { USD: '10000000', BTC: '1000' },
    'client-B': { USD: '10000000', BTC: '1000' },
  },
}

/** The service on a market of its own, at a port of its own, gone when the test is over. */
export async function testServer(
  t: Test,
  plan: MarketPlan = plainMarket,
  options: Partial<ServerOptions> = {},
): Promise<TestServer> {
  const database = await testDatabase(t)
  await createMarket(database, { now: new Date().toISOString(), ...plan })
  const server = await startServer(t, database, options)
  return { database, ...server }
}

/** One more process of the same venue, as far as the database can tell. */
export async function startServer(
  t: Test,
  database: TestDatabase,
  options: Partial<ServerOptions> = {},
): Promise<Omit<TestServer, 'database'>> {
  const log = pino({ level: process.env.LOG ?? 'silent' })
  const { pool } = createDatabase(database.appUrl, { name: 'pgsettle test', log })
  const server = createServer({
    pool,
    listenUrl: database.appUrl,
    log,
    version: '0.0.0-test',
    ...options,
  })
  const { port } = await server.listen(0, '127.0.0.1')
  const url = `http://127.0.0.1:${port}`
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= server.close(5000)
    return closing
  }
  t.teardown(close)
  return { url, close, ask: (...request) => ask(url, ...request) }
}

/** A request, and its answer read as what it is. */
export async function ask(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: object = {},
): Promise<Reply> {
  const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body)
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(text === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(text === undefined ? {} : { body: text }),
  })
  const answer = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return {
    status: response.status,
    headers: response.headers,
    body: isJson ? JSON.parse(answer) : answer,
  }
}

/** An order of client-A that rests, with what the test changes. */
export const order = (facts: object = {}) => ({
  client_id: 'client-A',
  symbol: 'BTC-USD',
  side: 'buy',
  type: 'limit',
  price: '50000.00',
  quantity: '0.5',
  ...facts,
})
