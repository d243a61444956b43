import t from 'tap'
import { order, type TestServer, testServer } from '../test-server.ts'

/** Five trades, settled, and a deposit of each. */
async function trade({ ask, database }: TestServer): Promise<void> {
  for (let i = 0; i < 5; i++) {
    await ask('POST', '/orders', order({ quantity: '0.1', price: `${50000 + i}` }))
    await ask('POST', '/orders', order({ client_id: 'client-B', side: 'sell', quantity: '0.1' }))
  }
  await database.query('select settlement.settle_batch(1, clock_timestamp(), 100, 0)')
}

interface Line {
  asset: string
  amount: string
}
const cents = (amount: string) => Math.round(Number(amount) * 1e8)
const sum = (lines: Line[], asset: string) =>
  lines.filter(line => line.asset === asset).reduce((all, line) => all + cents(line.amount), 0)

t.test('GET /participants/:client_id/statement adds up, page by page and as CSV', async t => {
  const server = await testServer(t)
  const { ask } = server
  await trade(server)

  const { status, body } = await ask('GET', '/participants/client-A/statement')

  t.equal(status, 200)
  t.match(body, { client_id: 'client-A', from: null, to: null, next_cursor: null })
  t.match(body.balances, [
    { asset: 'BTC', opening: '0', incoming: '1000.5', outgoing: '0', closing: '1000.5' },
    { asset: 'USD', opening: '0', incoming: '10000000' },
  ])
  t.equal(body.items.length, 17, 'two deposits, five deliveries, payments and fees')
  t.match(body.items[0], {
    transfer_id: /^\d+-1$/,
    finality_no: '1',
    posted_at: /^\d{4}-\d\d-\d\dT[\d:]+\.\d{6}Z$/,
    kind: 'DEPOSIT',
    asset: 'USD',
    amount: '10000000',
    counterparty: 'external',
    settlement_id: null,
  })
  for (const { asset, closing } of body.balances) t.equal(sum(body.items, asset), cents(closing))

  const pages: Line[] = []
  let path = '/participants/client-A/statement?limit=5'
  for (;;) {
    const { body: page } = await ask('GET', path)
    pages.push(...page.items)
    if (page.next_cursor === null) break
    t.equal(page.items.length, 5)
    path = `/participants/client-A/statement?limit=5&cursor=${page.next_cursor}`
  }
  t.same(pages, body.items)

  const csv = await ask('GET', '/participants/client-A/statement?format=csv&asset=usd')
  t.match(csv.headers.get('content-type'), /^text\/csv/)
  t.match(csv.headers.get('content-disposition'), /statement-client-A\.csv/)
  const [head, ...lines] = csv.body.trimEnd().split('\r\n')
  t.match(head, /^line,asset,posted_at,effective_at,transfer_id,finality_no,counterparty,/)
  t.match(lines[0], /^OPENING,USD,.*,0$/)
  t.match(lines.at(-1), /^CLOSING,USD,/)
  const amounts = lines.map((line: string) => cents(line.split(',').at(-1) ?? ''))
  const closing = amounts.pop()
  t.equal(
    amounts.reduce((all: number, one: number) => all + one, 0),
    closing,
  )
  t.equal(lines.length, 1 + 11 + 1)
})

t.test('GET /participants/:client_id/lots lists what was closed, or stands open', async t => {
  const server = await testServer(t)
  const { ask } = server
  await trade(server)
  await ask('POST', '/orders', order({ side: 'sell', quantity: '0.25', price: '51000' }))
  await ask('POST', '/orders', order({ client_id: 'client-B', quantity: '0.25', price: '51000' }))

  const { body } = await ask('GET', '/participants/client-A/lots')

  t.match(body.items, [
    { symbol: 'BTC-USD', side: 'LONG', quantity: '0.1', cost: '5000', gain: '100' },
    { quantity: '0.1', cost: '5000.1', gain: '99.9' },
    { quantity: '0.05', cost: '2500.1', gain: '49.9', closed_at: /Z$/ },
  ])
  const { body: open } = await ask('GET', '/participants/client-A/lots?state=open')
  t.match(open.items, [
    { quantity: '0.05', cost: '2500.1', proceeds: null, gain: null, closed_at: null },
    { quantity: '0.1' },
    { quantity: '0.1' },
  ])
  const { body: page } = await ask('GET', '/participants/client-A/lots?limit=2&symbol=btc-usd')
  const cursor = encodeURIComponent(page.next_cursor)
  const { body: rest } = await ask('GET', `/participants/client-A/lots?limit=2&cursor=${cursor}`)
  t.same([...page.items, ...rest.items], body.items)
  const csv = await ask('GET', '/participants/client-A/lots?format=csv')
  t.equal(csv.body.trimEnd().split('\r\n').length, 4)
  const late = await ask('GET', '/participants/client-A/lots?to=2001-01-01T00:00:00Z')
  t.same(late.body, { items: [], next_cursor: null })
})

t.test('a statement and lots are pages for a person, too, and nothing in them runs', async t => {
  const server = await testServer(t)
  const { ask } = server
  await trade(server)
  const { body: json } = await ask('GET', '/participants/client-A/statement')

  const { status, headers, body } = await ask('GET', '/participants/client-A/statement?format=html')

  t.equal(status, 200)
  t.equal(headers.get('content-type'), 'text/html; charset=utf-8')
  t.match(headers.get('content-security-policy'), /default-src 'none'; style-src 'self'/)
  t.match(body, '<h1>Statement of client-A</h1>')
  t.equal(body.match(/<tr>/g).length, 1 + 2 + json.items.length + 2, 'head, openings, closings')
  for (const { transfer_id: id } of json.items) t.match(body, `<td>${id}</td>`)
  const { closing } = json.balances[0]
  t.match(body, new RegExp(`<td>CLOSING</td><td>BTC</td>.*<td class="number">${closing}</td></tr>`))
  t.match(body, /<\/html>\n$/, 'and it is whole')
  const styles = /href="([^"]*)"/.exec(body)?.[1] ?? ''
  t.equal(new URL(styles, 'http://x/participants/a/statement').pathname, '/dashboard/table.css')
  t.match(await ask('GET', '/dashboard/table.css'), { status: 200 })
  const lots = await ask('GET', '/participants/client-A/lots?format=html&state=open')
  t.match(lots.body, '<h1>Open lots of client-A</h1>')
  t.equal(lots.body.match(/<tr>/g).length, 1 + 5)
})

t.test('what is wrong with the question is said', async t => {
  const { ask } = await testServer(t)
  const path = '/participants/client-A/statement'
  const [early, late] = ['2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z']
  for (const [query, status, code, field] of [
    ['?from=yesterday', 400, 'INVALID_FIELD', 'from'],
    [`?from=${late}&to=${early}`, 400, 'BAD_PERIOD', 'to'],
    [`?from=${late}&to=${late}`, 400, 'BAD_PERIOD', 'to'],
    [`?format=csv&from=${late}&to=${early}`, 400, 'BAD_PERIOD', 'to'],
    ['?asset=DOGE', 404, 'UNKNOWN_ASSET', 'asset'],
    ['?asset=no-asset', 400, 'INVALID_FIELD', 'asset'],
    ['?format=pdf', 400, 'INVALID_FIELD', 'format'],
    ['?cursor=7', 400, 'INVALID_FIELD', 'cursor'],
    ['?cursor=1_2_3;drop', 400, 'INVALID_FIELD', 'cursor'],
    ['?limit=0', 400, 'INVALID_FIELD', 'limit'],
    ['?limit=1001', 400, 'INVALID_FIELD', 'limit'],
    ['?colour=red', 400, 'UNKNOWN_FIELD', 'colour'],
  ] as const) {
    t.match(await ask('GET', path + query), { status, body: { code, field } }, query)
  }
  for (const unknown of ['/participants/nobody/statement', '/participants/a%20b/statement']) {
    t.match(await ask('GET', unknown), { status: 404, body: { code: 'UNKNOWN_PARTICIPANT' } })
  }
  const lots = '/participants/client-A/lots'
  t.match(await ask('GET', `${lots}?state=HALF`), { status: 400, body: { field: 'state' } })
  t.match(await ask('GET', `${lots}?cursor=BTC-USD`), { status: 400, body: { field: 'cursor' } })
  t.match(await ask('GET', `${lots}?symbol=XXX-YYY`), { body: { code: 'UNKNOWN_SYMBOL' } })
  t.match(await ask('GET', '/participants/nobody/lots'), { status: 404 })
})
