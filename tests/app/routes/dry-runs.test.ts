import t from 'tap'
import { audit } from '../../helpers/market.ts'
import { randomNumbers } from '../../helpers/seed.ts'
import { fingerprint } from '../fingerprint.ts'
import { randomOrders } from '../random-orders.ts'
import { type Reply, type TestServer, testServer } from '../test-server.ts'

const funds = { USD: '10000', BTC: '100' }
const market = {
  symbols: { 'BTC-USD': { default_stp: 'DECREMENT' } },
  traders: { 'client-A': funds, 'client-B': funds, 'client-C': { USD: '300', BTC: '3' } },
}
const rounds = 150

/** What an order that was placed holds and was kept from, as the dry run should have said. */
async function factsOf({ ask, database }: TestServer, id: string) {
  const [hold] = await database.query(
    `select trim_scale(coalesce(sum(h.hold_amount), 0))::text as amount
     from (select hold_amount from matching.book where order_id = $1
       union all select hold_amount from matching.parked_orders where order_id = $1) as h`,
    [id],
  )
  const { body } = await ask('GET', `/orders/${id}/prevented-matches`)
  const prevented = body.items
    .filter((one: { taker_order_id: string }) => one.taker_order_id === id)
    .map(({ prevented_match_id, at, taker_order_id, ...rest }: Record<string, unknown>) => rest)
  return { amount: hold?.amount, prevented }
}

const refusal = ({ status, body: { code, field, bound } }: Reply) => ({
  status,
  code,
  field,
  bound,
})

t.test('[OE-5] a dry run of any order is what placing it gives, and leaves no trace', async t => {
  let now = new Date()
  const server = await testServer(t, market, { clock: () => now })
  const { ask } = server
  const orders = randomOrders(randomNumbers(), 'BTC-USD', () => now)
  const outcomes = new Map<string, number>()

  for (let round = 0; round < rounds; round += 1) {
    now = new Date(now.getTime() + 1000)
    const body = orders.next()
    const before = round % 3 === 0 ? await fingerprint(server.database) : undefined
    const dry = await ask('POST', '/orders/test', body)
    if (before) t.same(await fingerprint(server.database), before, 'no trace')
    const real = await ask('POST', '/orders', body)

    const outcome = dry.body.code ?? dry.body.end_reason ?? dry.body.status
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    t.not(real.status, 500, JSON.stringify(body))
    if (real.status !== 201) {
      t.same(refusal(dry), refusal(real), JSON.stringify(body))
      continue
    }
    const { hold, prevented_matches, ...rest } = dry.body
    const fills = real.body.fills.map((fill: object) => ({ ...fill, trade_id: null }))
    t.same(rest, { ...real.body, order_id: null, seq: null, fills }, JSON.stringify(body))
    const { amount, prevented } = await factsOf(server, real.body.order_id)
    t.same(hold, { asset: real.body.side === 'BUY' ? 'USD' : 'BTC', amount })
    t.same(prevented_matches, prevented)
  }

  t.ok(outcomes.size >= 8, JSON.stringify([...outcomes]))
  t.same(await audit(server.database), [])
})
