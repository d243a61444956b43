import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { randomNumbers } from '../helpers/seed.ts'
import { participants, symbols } from './market.ts'
import { randomOrder } from './orders.ts'

/** What the bench asks of its client thread, and what it answers. */
export interface ClientTask {
  entry: string
  port: number
  connections: number
  ms: number
  path: '/health' | '/orders'
}
export interface ClientResult {
  requests: number
  failures: number
  ms: number
  /** Of a request, in milliseconds. */
  p50: number
  p99: number
}

const healthRequest = 'GET /health HTTP/1.1\r\nHost: bench\r\n\r\n'
const task: ClientTask = workerData
/** Keys of this run alone: a repeat would be answered and not placed. */
const run = randomUUID()
const random = randomNumbers(2)
let sent = 0
let failures = 0
const times: number[] = []
const start = performance.now()
await Promise.all(Array.from({ length: task.connections }, runConnection))
times.sort((a, b) => a - b)
const result: ClientResult = {
  requests: times.length,
  failures,
  ms: performance.now() - start,
  p50: times[Math.floor(times.length * 0.5)] ?? 0,
  p99: times[Math.floor(times.length * 0.99)] ?? 0,
}
parentPort?.postMessage(result)

/** One keep-alive connection: a request, its answer, the next. */
function runConnection(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(task.port, '127.0.0.1')
    let sentAt = 0
    let buffered = ''
    socket.setNoDelay(true).setEncoding('latin1')
    socket.on('error', reject)
    socket.on('close', () => resolve())
    socket.on('connect', send)
    socket.on('data', text => {
      buffered += text
      const end = answerEnd(buffered)
      if (end === null) return
      if (!/^HTTP\/1\.1 20/.test(buffered)) failures++
      times.push(performance.now() - sentAt)
      buffered = ''
      if (performance.now() - start < task.ms) send()
      else socket.end()
    })
    function send() {
      sentAt = performance.now()
      socket.write(task.path === '/health' ? healthRequest : orderRequest())
    }
  })
}

/** Where the answer ends, once all of it is there. */
function answerEnd(text: string): number | null {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd < 0) return null
  const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
  const end = headEnd + 4 + length
  return text.length >= end ? end : null
}

function orderRequest(): string {
  const order = randomOrder({ random, participants, spreadTicks: 400 })
  const body = JSON.stringify({
    idempotency_key: `${run}-${sent++}`,
    client_id: order.client,
    symbol: symbols[sent % symbols.length],
    side: order.side,
    type: 'LIMIT',
    time_in_force: order.timeInForce,
    price: order.price,
    quantity: order.quantity,
  })
  return (
    'POST /orders HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n' +
    `Content-Length: ${body.length}\r\n\r\n${body}`
  )
}
