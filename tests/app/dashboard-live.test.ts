import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import t from 'tap'
import { until } from '../helpers/until.ts'
import { startThreads } from '../workers/threads.ts'
import { testServer } from './test-server.ts'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const executablePath = places.find(place => existsSync(place))
const skip = executablePath === undefined && 'no Chromium on this machine'

/** The page on the service itself; dashboard-browser.test.ts has it on a fake one, in detail. */
t.test('a trade and its settlement show without a reload', { skip }, async t => {
  const { url, database, ask } = await testServer(t)
  startThreads(t, { databaseUrl: database.workerUrl, settlementWorkers: 1 })
  const browser = await chromium.launch({
    ...(executablePath && { executablePath }),
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  })
  t.teardown(() => browser.close())
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
  const loads: string[] = []
  page.on('load', () => loads.push(page.url()))
  await page.goto(`${url}/`)
  await page
    .getByTestId('connection')
    .filter({ hasText: /^live$/ })
    .waitFor()
  const text = async (id: string) => (await page.getByTestId(id).allInnerTexts()).join(' ')

  const order = { symbol: 'BTC-USD', type: 'LIMIT', price: '50000', quantity: '0.5' }
  await ask('POST', '/orders', { ...order, client_id: 'client-A', side: 'BUY' })
  await until(async () => (await text('bids')).includes('50,000'))
  await ask('POST', '/orders', { ...order, client_id: 'client-B', side: 'SELL', quantity: '0.2' })

  await until(async () => (await text('tape')).includes('50,000'))
  await until(async () => /0\.3/.test(await text('bids')))
  t.match(await text('tape'), '0.2', 'the trade is on the tape')
  await until(async () => {
    const { body } = await ask('GET', '/participants/client-A/balances')
    return body.items.some(
      (row: { asset: string; available: string }) =>
        row.asset === 'BTC' && row.available === '1000.2',
    )
  })
  await until(async () => (await text('balances')).includes('1,000.2'))
  t.equal(loads.length, 1, 'the page was loaded once')
})
