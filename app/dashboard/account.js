import { show } from './amounts.js'
import { call, describeProblem, newKey, pathWith, segment } from './api.js'
import { changed, notice, paintNow, state, throttled } from './store.js'

/** The chosen client: its open orders and balances, placing and cancelling. */

const openStatuses = ['PENDING', 'OPEN', 'PARTIALLY_FILLED']
const ordersRead = 200
let loadNo = 0

/** Reads orders and balances again soon, at most once a second however much happens. */
export const accountMayHaveChanged = throttled(loadAccount, 1000)

/** @param {string} client */
export function selectClient(client) {
  if (client === state.client || client === '') return
  state.client = client
  state.orders = null
  state.balances = null
  state.accountProblem = ''
  state.accountReply = null
  paintNow()
  void loadAccount()
}

async function loadAccount() {
  const client = state.client
  loadNo += 1
  const no = loadNo
  try {
    const [balances, ...lists] = await Promise.all([
      call('GET', `participants/${segment(client)}/balances`),
      ...openStatuses.map(status =>
        call('GET', pathWith('orders', { client_id: client, status, limit: ordersRead })),
      ),
    ])
    // An older answer than one that is on its way would show the past.
    if (no !== loadNo) return
    const refused = [balances, ...lists].find(answer => !answer.ok)
    state.accountProblem = refused && !refused.ok ? describeProblem(refused.problem) : ''
    if (balances.ok) state.balances = balances.body.items
    if (lists.every(list => list.ok)) state.orders = newestFirst(lists.map(list => list.body.items))
    notice('account', '')
  } catch {
    notice('account', 'no answer from the service')
  }
  changed()
}

/** @param {any[][]} lists */
function newestFirst(lists) {
  const byId = new Map(lists.flat().map(order => [order.order_id, order]))
  return [...byId.values()].sort((a, b) => (a.created_at < b.created_at ? 1 : -1))
}

/**
 * Sends the ticket. When no answer tells what became of it the key is kept, so sending the same
 * ticket again cannot place a second order.
 */
export async function placeOrder() {
  const { ticket } = state
  if (ticket.sending) return
  ticket.sending = true
  ticket.key ||= newKey()
  ticket.reply = null
  paintNow()
  try {
    const answer = await call('POST', 'orders', ticketBody())
    ticket.reply = answer.ok ? describePlaced(answer.body) : describeRefused(answer.problem)
    if (answer.status < 500) ticket.key = ''
    else ticket.reply = unknownReply(ticket.reply.title, ticket.reply.lines)
  } catch {
    ticket.reply = unknownReply('No answer', [])
  }
  ticket.sending = false
  paintNow()
  await loadAccount()
}

/** @param {{ order_id: string }} order */
export async function cancelOrder(order) {
  state.cancelling.add(order.order_id)
  state.accountReply = null
  paintNow()
  try {
    const answer = await call('DELETE', `orders/${segment(order.order_id)}`)
    state.accountReply = answer.ok
      ? { tone: 'good', title: `Order ${order.order_id} is ${answer.body.status}`, lines: [] }
      : describeRefused(answer.problem)
  } catch {
    const title = `No answer about order ${order.order_id}: cancelling again is harmless`
    state.accountReply = { tone: 'unknown', title, lines: [] }
  }
  state.cancelling.delete(order.order_id)
  paintNow()
  await loadAccount()
}

function ticketBody() {
  const { side, type, timeInForce, price, quantity, key } = state.ticket
  return {
    idempotency_key: key,
    client_id: state.client,
    symbol: state.symbol,
    side,
    type,
    time_in_force: timeInForce,
    ...(type === 'LIMIT' ? { price: price.trim() } : {}),
    quantity: quantity.trim(),
  }
}

/**
 * @param {string} title @param {string[]} lines
 * @returns {import('./store.js').Reply}
 */
function unknownReply(title, lines) {
  const hint = 'It may or may not be placed. Send it again unchanged: its key is kept, so it cannot'
  return { tone: 'unknown', title, lines: [...lines, `${hint} be placed twice.`] }
}

/** @param {any} order @returns {import('./store.js').Reply} */
function describePlaced(order) {
  const trades = order.fills?.length ?? 0
  const filled = `filled ${show(order.filled_quantity)} of ${show(order.quantity)}`
  const average = order.average_price ? ` at ${show(order.average_price)} on average` : ''
  const count = trades ? ` in ${trades} ${trades === 1 ? 'trade' : 'trades'}` : ''
  const lines = [`Order ${order.order_id}: ${filled}${average}${count}`]
  if (trades && order.fee) lines.push(`Fee ${show(order.fee)}`)
  if (order.end_reason) lines.push(`Ended: ${order.end_reason}`)
  const good = ['OPEN', 'FILLED', 'PARTIALLY_FILLED', 'PENDING'].includes(order.status)
  return { tone: good ? 'good' : 'unknown', title: order.status, lines }
}

/** @param {import('./api.js').Problem} problem @returns {import('./store.js').Reply} */
function describeRefused(problem) {
  const lines = [problem.detail ?? problem.title ?? 'refused without a reason']
  if (problem.field)
    lines.push(`Field ${problem.field}${problem.bound ? `: ${problem.bound}` : ''}`)
  if (problem.request_id) lines.push(`Request ${problem.request_id}`)
  return { tone: 'bad', title: `${problem.status} ${problem.code ?? problem.title ?? ''}`, lines }
}
