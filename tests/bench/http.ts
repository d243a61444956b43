import { Worker } from 'node:worker_threads'
import { pino } from 'pino'
import { createDatabase } from '../../app/database/connect.ts'
import { roleUrl } from '../../app/database/logins.ts'
import { createServer } from '../../app/server.ts'
import type { ClientResult, ClientTask } from './http-client.ts'

export interface HttpFigures {
  constant: ClientResult
  orders: ClientResult
}

const boot = new URL('../../workers/boot.mjs', import.meta.url)
const entry = new URL('http-client.ts', import.meta.url).href

/**
 * Single orders over HTTP with keep-alive connections, each durable before it is answered, beside
 * the same server answering a constant; client, server and database on the same cores.
 */
export async function benchHttp(ownerUrl: string, connections: number): Promise<HttpFigures> {
  const log = pino({ level: 'warn' })
  const appUrl = roleUrl(ownerUrl, 'pgsettle_app')
  const { pool } = createDatabase(appUrl, { name: 'bench', log })
  const server = createServer({ pool, listenUrl: appUrl, log, version: 'bench' })
  const { port } = await server.listen(0, '127.0.0.1')
  const run = (path: ClientTask['path'], ms: number) =>
    runClient({ entry, port, connections, ms, path })
  await run('/orders', 1500)
  const constant = await run('/health', 3000)
  const orders = await run('/orders', 8000)
  await server.close()
  return { constant, orders }
}

function runClient(task: ClientTask): Promise<ClientResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(boot, { workerData: task })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}
