import { type CommandAnswer, isRefusal, type Played, readAnswer, readBatch } from './answers.ts'
import type { Checker, Patience } from './checker.ts'
import { printUnits, toUnits } from './decimals.ts'
import type { Market } from './market.ts'
import type { OpenOrder, OpenOrders } from './open-orders.ts'
import type { Line, Replace, Submit } from './order-flow.ts'
import { isNotNow, type VenueClient } from './venue-client.ts'

export interface PlayOptions extends Patience {
  client: VenueClient
  market: Market
  open: OpenOrders
  checker: Checker
  /** Commands in one request; 1 uses the routes of single orders. */
  batch: number
}

/** The service executes this many in one transaction, so an outage cannot split a request. */
export const largestBatch = 500
/** Answers that wait for the stream: the service is not to run away from what is checked. */
const mostUnchecked = 5000

/** A line and the command that it is; undefined when it names an order that is not open. */
interface Command {
  readonly line: Line
  readonly order: OpenOrder | undefined
}

/** Plays the lines in their order, one request at a time, and hands every answer to the checker. */
export async function play(
  lines: AsyncIterable<Line>,
  options: PlayOptions,
): Promise<{ commands: number; ms: number }> {
  const { checker, batch } = options
  let commands = 0
  let startMs: number | undefined
  let pack: Command[] = []

  async function flush(): Promise<void> {
    await checker.caughtUp(mostUnchecked, options)
    startMs ??= performance.now()
    const sent = pack
    pack = []
    for (const played of await send(sent, options)) checker.acknowledge(played)
    commands += sent.length
  }

  for await (const line of lines) {
    const { step } = line
    const order = step.op === 'submit' ? options.open.submit(step) : options.open.find(step.id)
    pack.push({ line, order })
    // An amendment ends its request. When it is repeated after a lost answer, nothing behind it has
    // changed the order meanwhile, so the repeat changes nothing. (Had it filled the order, the
    // repeat is refused, and shows as a difference.)
    if (pack.length >= batch || step.op === 'replace') await flush()
  }
  if (pack.length > 0) await flush()
  return { commands, ms: startMs === undefined ? 0 : performance.now() - startMs }
}

async function send(commands: readonly Command[], options: PlayOptions): Promise<Played[]> {
  const known = commands.filter(command => command.order !== undefined)
  const answers =
    options.batch === 1 ? await sendOne(known, options) : await sendBatch(known, options)
  let next = 0
  return commands.map(({ line, order }) => {
    const answer = order === undefined ? notOpen : (answers[next++] ?? noAnswer)
    if (order && order.orderId === undefined && !isRefusal(answer)) {
      options.open.name(order, answer.order_id)
    }
    return { line, answer }
  })
}

const notOpen = { status: 0, code: 'NOT_SENT', detail: 'the file names an order that is not open' }
const noAnswer = { status: 0, code: 'NO_RESULT', detail: 'the batch has no result for it' }

/**
 * One request. Where the answer says "not now" to any of it, all of it is sent again: orders have
 * keys, a cancel of what is cancelled answers the same.
 */
async function sendBatch(
  commands: readonly Command[],
  { client, market }: PlayOptions,
): Promise<CommandAnswer[]> {
  if (commands.length === 0) return []
  const orders = commands.map(command => toEntry(command, market))
  const sinceMs = performance.now()
  for (;;) {
    const { status, json } = await client.send('POST', '/orders/batch', { mode: 'each', orders })
    if (status !== 200) throw new Error(`POST /orders/batch: ${status} ${JSON.stringify(json)}`)
    const answers = readBatch(json)
    const busy = answers.find(answer => isRefusal(answer) && isNotNow(answer.status))
    if (!busy) return answers
    await client.pause(sinceMs, `POST /orders/batch: ${JSON.stringify(busy)}`)
  }
}

async function sendOne(
  commands: readonly Command[],
  { client, market }: PlayOptions,
): Promise<CommandAnswer[]> {
  const answers: CommandAnswer[] = []
  for (const { line, order } of commands) {
    const { step } = line
    const path = `/orders/${order?.orderId}`
    const { status, json } =
      step.op === 'submit'
        ? await client.send('POST', '/orders', toOrder(step, market), `${market.run}:${step.id}`)
        : step.op === 'cancel'
          ? await client.send('DELETE', path)
          : await client.send('PATCH', path, toChanges(step, order))
    answers.push(readAnswer(status, json))
  }
  return answers
}

/** An entry of a batch. */
function toEntry({ line, order }: Command, market: Market): object {
  const { step } = line
  if (step.op === 'submit') {
    return { ...toOrder(step, market), idempotency_key: `${market.run}:${step.id}` }
  }
  const client_id = order?.side === 'BUY' ? market.buyer : market.seller
  const name = { symbol: market.symbol, client_id, client_order_id: step.id }
  if (step.op === 'cancel') return { op: 'cancel', ...name }
  return { op: 'amend', ...name, ...toChanges(step, order) }
}

function toOrder(step: Submit, market: Market) {
  return {
    client_id: step.side === 'buy' ? market.buyer : market.seller,
    symbol: market.symbol,
    side: step.side,
    type: step.type,
    time_in_force: step.tif ?? (step.type === 'MARKET' ? 'IOC' : 'GTC'),
    price: step.price ?? null,
    quantity: step.qty,
    client_order_id: step.id,
  }
}

/** An amendment states the new total, which a repeat cannot take for a second change. */
function toChanges(step: Replace, order: OpenOrder | undefined) {
  if (!order) return {}
  if (step.qty !== undefined) order.quantity = toUnits(step.qty)
  else if (step.qty_delta !== undefined) order.quantity += toUnits(step.qty_delta)
  return {
    ...(step.price !== undefined && { price: step.price }),
    quantity: printUnits(order.quantity),
  }
}
