import t from 'tap'
import { audit } from '../../helpers/market.ts'
import { randomNumbers } from '../../helpers/seed.ts'
import { fingerprint } from '../fingerprint.ts'
import { type RandomOrders, randomOrders } from '../random-orders.ts'
import { type TestServer, testServer } from '../test-server.ts'

const funds = { USD: '10000', BTC: '100' }
const market = {
  now: '2026-03-02T12:00:00Z',
  symbols: { 'BTC-USD': {} },
  traders: { 'client-A': funds, 'client-B': funds, 'client-C': { USD: '1000', BTC: '10' } },
}

type Entry = Record<string, unknown>
interface Result {
  status: number
  order?: Entry
  problem?: Entry
}

/** An entry of a batch: an order, often under a key, or a change of one of the orders placed. */
function randomEntry(orders: RandomOrders, names: string[], keys: Entry[]): Entry {
  const { next, pick, chance, tenths, price } = orders
  if (names.length > 0 && chance(0.35)) {
    const client_order_id = pick(names.slice(-20))
    const [client_id] = client_order_id.split(':')
    const of = { symbol: 'BTC-USD', client_id, client_order_id }
    return pick<Entry>([
      { op: 'cancel', ...of },
      { op: 'cancel', ...of, only_if: 'NEW' },
      { op: 'amend', ...of, quantity: tenths(1, 9) },
      { op: 'amend', ...of, price: price() },
    ])
  }
  if (keys.length > 0 && chance(0.15)) return pick(keys)
  const order = next()
  const client_order_id = `${order.client_id}:${names.length}`
  names.push(client_order_id)
  if (chance(0.5)) return { ...order, client_order_id }
  const keyed = { ...order, client_order_id, idempotency_key: `key-${keys.length}` }
  keys.push(keyed)
  return keyed
}

/** One request for each entry: what it would have been in a batch. */
async function askSingly({ ask }: TestServer, entry: Entry): Promise<Result> {
  const { body } = await ask('POST', '/orders/batch', { orders: [entry] })
  return body.results[0]
}

/**
 * An order as its own command left it; of a change only that it was made. An amendment of an order
 * that the same batch placed is held against the filters first, so why it is refused may differ.
 */
function comparable({ status, order, problem }: Result, entry: Entry | undefined) {
  if (problem && entry?.op === 'amend') return 'refused'
  if (problem) return { status, problem: { ...problem, request_id: null } }
  return status === 201 ? { status, order } : { status }
}

async function allOrders({ ask }: TestServer): Promise<unknown> {
  return (await ask('GET', '/orders?limit=1000')).body.items
}

t.test('[OE-12] a batch comes to what its entries come to one by one', async t => {
  let now = new Date('2026-03-02T12:00:00Z')
  const clock = () => now
  const batched = await testServer(t, market, { clock })
  const single = await testServer(t, market, { clock })
  const orders = randomOrders(randomNumbers(), 'BTC-USD', clock)
  const names: string[] = []
  const keys: Entry[] = []
  const known = new Set<unknown>()
  const outcomes = { done: 0, undone: 0 }

  for (let round = 0; round < 30; round += 1) {
    now = new Date(now.getTime() + 1000)
    const mode = round % 2 === 0 ? 'each' : 'atomic'
    const length = mode === 'each' ? 12 : 3
    const entries = Array.from({ length }, () => randomEntry(orders, names, keys))
    const before = await fingerprint(batched.database)
    const { status, body } = await batched.ask('POST', '/orders/batch', { mode, orders: entries })

    if (mode === 'atomic' && (status !== 200 || body.results.some((one: Result) => one.problem))) {
      outcomes.undone += 1
      for (const { order } of body.results ?? []) {
        const isNone = !order || known.has(order.order_id)
        t.ok(isNone, 'none of them, but a repeat of what stood before')
      }
      t.same(await fingerprint(batched.database), before, 'and no trace')
      continue
    }
    outcomes.done += 1
    const singly: Result[] = []
    for (const entry of entries) singly.push(await askSingly(single, entry))
    for (const { order } of singly) known.add(order?.order_id)
    const outcome = (results: Result[]) => results.map((one, at) => comparable(one, entries[at]))
    t.same(outcome(body.results), outcome(singly), JSON.stringify(entries))
  }

  t.same(await allOrders(batched), await allOrders(single))
  t.ok(outcomes.undone > 0 && outcomes.done > 15, JSON.stringify(outcomes))
  t.same(await audit(batched.database), [])
})
