import t from 'tap'
import { audit } from '../../helpers/market.ts'
import { randomNumbers } from '../../helpers/seed.ts'
import { bookCopy } from '../events/book-copy.ts'
import { openStream } from '../events/stream-client.ts'
import { order, type TestServer, testServer } from '../test-server.ts'

t.test('[OT-7] the book shows of an iceberg what it shows, and a reply all of it', async t => {
  const { ask } = await testServer(t)
  const iceberg = order({
    client_id: 'client-B',
    side: 'sell',
    quantity: '1',
    display_quantity: '0.2',
  })

  const placed = await ask('POST', '/orders', iceberg)

  t.match(placed.body, { quantity: '1', remaining_quantity: '1', display_quantity: '0.2' })
  const book = async () => (await ask('GET', '/symbols/BTC-USD/book')).body
  t.same((await book()).asks, [['50000', '0.2', 1]])
  await ask('POST', '/orders', order({ quantity: '0.3', time_in_force: 'FOK' }))
  t.same((await book()).asks, [['50000', '0.1', 1]])
})

const stps = ['NONE', 'CANCEL_TAKER', 'CANCEL_MAKER', 'CANCEL_BOTH', 'DECREMENT']

/** Orders of all kinds that change the book, between few prices, so that much meets. */
async function trade({ ask }: Pick<TestServer, 'ask'>, random: () => number, count: number) {
  const pick = <Value>(values: readonly Value[]) => values[Math.floor(random() * values.length)]
  const open: string[] = []
  for (let index = 0; index < count; index += 1) {
    const isIceberg = random() < 0.4
    const facts = {
      client_id: pick(['client-A', 'client-B']),
      side: pick(['buy', 'sell']),
      price: String(100 + Math.floor(random() * 5)),
      quantity: String(0.1 + Math.floor(random() * 9) / 10).slice(0, 3),
      stp: pick(stps),
    }
    const kinds = isIceberg ? { display_quantity: '0.1' } : { post_only: random() < 0.1 }
    const reply = await ask('POST', '/orders', order({ ...facts, ...kinds }))
    if (reply.body.status === 'OPEN') open.push(reply.body.order_id)
    const one = pick(open)
    if (one && random() < 0.2) await ask('DELETE', `/orders/${one}`)
    if (one && random() < 0.2) await ask('PATCH', `/orders/${one}`, { quantity: '0.1' })
    if (one && random() < 0.1) await ask('PATCH', `/orders/${one}`, { price: '102' })
  }
}

t.test('[OT-7] a snapshot and the changes behind it give the book, icebergs and all', async t => {
  const server = await testServer(t)
  const { ask, url } = server
  const random = randomNumbers()
  const stream = await openStream(`${url}/stream?topics=book:BTC-USD`)
  t.teardown(stream.close)
  await trade(server, random, 40)
  const { body: snapshot } = await ask('GET', '/symbols/BTC-USD/book')

  await trade(server, random, 200)

  const { body: book } = await ask('GET', '/symbols/BTC-USD/book')
  await stream.until(() => stream.messages.at(-1)?.data.last_seq === book.seq)
  const { bids, asks } = bookCopy(snapshot, stream.messages)
  t.same({ bids, asks }, { bids: book.bids, asks: book.asks })
  t.same(await audit(server.database), [])
})

t.test('a symbol keeps the options that it was created with', async t => {
  const { ask } = await testServer(t)
  const options = {
    default_stp: 'DECREMENT',
    allowed_stps: ['DECREMENT', 'CANCEL_BOTH'],
    protection_rests: true,
    collar_rate: '0.1',
    max_open_orders: 200,
    max_position: '1000',
    max_iceberg_parts: 50,
    min_trailing_bips: 10,
    max_trailing_bips: 2000,
    band_rate: '0.05',
    band_action: 'EXPIRE',
    accept_when_closed: false,
  }
  const body = { symbol: 'ETH-USD', tick_size: '0.01', lot_size: '0.01', ...options }

  const created = await ask('POST', '/symbols', body)

  t.match(created, { status: 201, body: { phase: 'CONTINUOUS', ...options } })
  t.match((await ask('GET', '/symbols/ETH-USD')).body, options)
})
