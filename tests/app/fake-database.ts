import pg from 'pg'
import { pino } from 'pino'
import type { Test } from 'tap'
import { createServer } from '../../app/server.ts'
import { ask, type TestServer } from './test-server.ts'

/** The service over a database that only looks like one: it hears calls and answers as told. */

type Facts = Record<string, unknown>

/** A function of the schema api as it was called. */
export interface Asked {
  name: string
  values: readonly unknown[]
  /** What execute_commands and test_commands were given. */
  commands: Facts[]
}

/** The rows that a call is answered with; undefined for those of an order that went well. */
export type Answers = (asked: Asked) => Facts[] | undefined

export interface FakeServer extends Pick<TestServer, 'ask'> {
  /** The calls that were made, without those that say which symbols there are. */
  asked: Asked[]
  /** The channels that were rung. */
  rung: Set<unknown>
}

export async function fakeServer(t: Test, answers: Answers = () => undefined): Promise<FakeServer> {
  const asked: Asked[] = []
  const rung = new Set<unknown>()
  const pool = new pg.Pool()
  const query = async (text: string, values: readonly unknown[] = []) => {
    const call = readCall(text, values)
    if (call.name === 'pg_notify') for (const channel of [values[0]].flat()) rung.add(channel)
    else if (call.name !== 'feed_positions') asked.push(call)
    return { rows: answers(call) ?? plainAnswers(call) }
  }
  const client = { query, on: () => {}, off: () => {}, release: () => {} }
  Object.assign(pool, { connect: async () => client })
  const server = createServer({
    pool,
    listenUrl: 'postgres://nobody@127.0.0.1:1/none',
    log: pino({ level: 'silent' }),
    version: '0.0.0-test',
  })
  const { port } = await server.listen(0, '127.0.0.1')
  t.teardown(() => server.close(5000))
  const url = `http://127.0.0.1:${port}`
  return { asked, rung, ask: (...request) => ask(url, ...request) }
}

function readCall(text: string, values: readonly unknown[]): Asked {
  const [, name = 'pg_notify'] = /\bapi"?\."?(\w+)/.exec(text) ?? []
  const takesCommands = name === 'execute_commands' || name === 'test_commands'
  return { name, values, commands: takesCommands ? JSON.parse(String(values[3])) : [] }
}

function plainAnswers({ name, commands }: Asked): Facts[] {
  if (name === 'feed_positions') return [{ symbol_id: 1, symbol: 'BTC-USD', seq: '0' }]
  if (name === 'find_order') return [orderRow()]
  return commands.map(command => {
    return orderRow({ status: command.op === 'CANCEL' ? 'CANCELLED' : 'OPEN' })
  })
}

/** The answer to a command that went well, or an order, with what the test says. */
export function orderRow(facts: Facts = {}): Facts {
  return {
    error_state: null,
    order_id: '1000000000001',
    client_id: 'client-A',
    symbol: 'BTC-USD',
    status: 'OPEN',
    pending_reason: null,
    seq: '1',
    fills: [],
    ...facts,
  }
}

/** The answer to a command that is refused. */
export function refusedRow(error_code: string, facts: Facts = {}): Facts {
  const nothing = { order_id: null, status: null, fills: null, seq: null }
  return { ...orderRow(nothing), error_state: 'RJXXX', error_code, error_detail: null, ...facts }
}
