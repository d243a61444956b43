import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import t from 'tap'
import { createFake, serveFake } from './dashboard-fake.ts'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const executablePath = places.find(place => existsSync(place))
const waitMs = 10_000
const desktop = { width: 1440, height: 900 }

type Visit = {
  fake: ReturnType<typeof createFake>
  page: Page
  complaints: string[]
  foreign: string[]
}

/** Opens a fake service's dashboard in a page of its own; hears what the browser complains of. */
async function visit(
  browser: Browser,
  act: (visit: Visit) => Promise<void>,
  { prepare = fund, viewport = desktop } = {},
) {
  const fake = createFake()
  prepare(fake)
  const { origin, close } = await serveFake(fake)
  const page = await browser.newPage({ viewport })
  page.setDefaultTimeout(waitMs)
  const complaints: string[] = []
  const foreign: string[] = []
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(error.message))
  page.on('request', request => {
    if (!request.url().startsWith(`${origin}/`)) foreign.push(request.url())
  })
  try {
    await page.goto(`${origin}/`)
    await page
      .getByTestId('connection')
      .filter({ hasText: /^live$/ })
      .waitFor()
    await act({ fake, page, complaints, foreign })
  } finally {
    await page.close()
    await close()
  }
}

/** A small market: two levels a side and one trade. */
function fund(fake: Visit['fake']) {
  fake.rest('BUY', '49999.5', '2')
  fake.rest('BUY', '49990', '1')
  fake.rest('SELL', '50000', '1.25')
  fake.rest('SELL', '50010', '3')
  fake.trade('BUY', '50000', '0.25', '1')
}

async function rows(page: Page, table: string) {
  const texts = await page.getByTestId(table).locator('tbody tr').allInnerTexts()
  return texts.map(text => text.replace(/\s+/g, ' ').trim())
}

/** Waits until the condition holds; the value that it was last found at is in the failure. */
async function until<T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const end = Date.now() + waitMs
  for (;;) {
    const value = await read()
    if (holds(value) || Date.now() > end) return value
    await new Promise(resolve => setImmediate(resolve))
  }
}

const untilRows = (page: Page, table: string, count: number) =>
  until(
    () => rows(page, table),
    all => all.length === count,
  )

if (!executablePath) {
  void t.test('the page works', { skip: `no Chromium at ${places.join(', ')}` }, async () => {})
} else {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  t.teardown(() => browser.close())
  t.jobs = 1

  void t.test('a trade of the stream shows in tape and book without a reload', t =>
    visit(browser, async ({ fake, page, complaints, foreign }) => {
      await page.getByTestId('tape').waitFor()
      t.equal((await rows(page, 'tape')).length, 1)
      t.same(await rows(page, 'asks'), ['50,010.00 3 4', '50,000.00 1 1'])
      const loadedAt = await page.evaluate('performance.timeOrigin')

      fake.trade('BUY', '50000', '0.4', '0.6')

      const tape = await untilRows(page, 'tape', 2)
      t.match(tape[0], /^▲ ?bought ?50,000\.00 0\.40? /)
      t.same(await rows(page, 'asks'), ['50,010.00 3.0 3.6', '50,000.00 0.6 0.6'])
      t.match(await page.getByTestId('last-price').textContent(), /^50,000\.00/)
      t.equal(await page.title(), '50,000 · BTC-USD · pgsettle')
      t.equal(
        await page.evaluate('performance.timeOrigin'),
        loadedAt,
        'the page was not loaded again',
      )
      t.same(complaints, [], 'the browser has nothing to complain of')
      t.same(foreign, [], 'no request left the origin')
    }),
  )

  void t.test('a lost stream comes back by itself and misses nothing', t =>
    visit(browser, async ({ fake, page }) => {
      fake.trade('SELL', '49999.5', '0.5', '1.5')
      await untilRows(page, 'tape', 2)

      fake.dropStreams()
      fake.trade('SELL', '49999.5', '0.5', '1')
      await page.getByTestId('connection').filter({ hasText: 'reconnecting…' }).waitFor()
      await page
        .getByTestId('connection')
        .filter({ hasText: /^live$/ })
        .waitFor()
      fake.trade('SELL', '49999.5', '0.5', '0.5')

      t.equal((await untilRows(page, 'tape', 4)).length, 4)
      t.match((await rows(page, 'bids'))[0], '49,999.50 0.5 0.5')
    }),
  )

  void t.test('a refused stream is opened again from where it stopped', t =>
    visit(browser, async ({ fake, page }) => {
      fake.trade('SELL', '49999.5', '0.5', '1.5')
      await untilRows(page, 'tape', 2)
      const resumed = page.waitForRequest(/stream.*last_event_id=\d+/)

      fake.market.refusedStreams = 1
      fake.dropStreams()
      fake.trade('SELL', '49999.5', '0.5', '1')
      await resumed
      await page
        .getByTestId('connection')
        .filter({ hasText: /^live$/ })
        .waitFor()

      const tape = await untilRows(page, 'tape', 3)
      t.equal(tape.length, 3)
    }),
  )

  void t.test('a book that misses a message is read again', t =>
    visit(browser, async ({ fake, page }) => {
      fake.market.seq += 5
      fake.market.bids.unshift(['49999.75', '7', 1])
      fake.rest('BUY', '49000', '1')

      const bids = await untilRows(page, 'bids', 4)
      t.match(bids[0], /^49,999\.75 7 7$/)
    }),
  )

  void t.test('the ticket places an order, which can be cancelled', t =>
    visit(browser, async ({ fake, page, complaints }) => {
      await page.getByRole('textbox', { name: 'Price' }).fill('49980.5')
      await page.getByRole('textbox', { name: 'Quantity' }).fill('0.5')
      await page.getByRole('button', { name: 'Buy BTC' }).click()

      await page.locator('.ticket .reply.good', { hasText: 'OPEN' }).waitFor()
      const sent = fake.received.find(one => one.method === 'POST')?.body
      t.match(sent, { client_id: 'client-A', symbol: 'BTC-USD', side: 'BUY', type: 'LIMIT' })
      t.match(sent, { time_in_force: 'GTC', price: '49980.5', quantity: '0.5' })
      const bids = await untilRows(page, 'bids', 3)
      t.match(bids[2], /^49,980\.50 0\.5 /)

      await page.getByRole('button', { name: /^Cancel order 700/ }).click()
      await page.locator('.orders .reply.good', { hasText: 'CANCELLED' }).waitFor()
      await page.locator('.orders .empty').waitFor()
      t.same(complaints, [])
    }),
  )

  void t.test('a refusal shows its code, detail, field and bound', t =>
    visit(browser, async ({ page }) => {
      await page.locator('input[name=price]').fill('1.005')
      await page.locator('input[name=quantity]').fill('1')
      await page.getByRole('button', { name: 'Buy BTC' }).click()

      const reply = await page.locator('.ticket .reply.bad').textContent()
      t.match(reply, '422 PRICE_TICK')
      t.match(reply, 'price is not a multiple of 0.01')
      t.match(reply, 'Field price: 0.01')
      t.match(reply, 'Request r-1')
    }),
  )

  void t.test('an order whose outcome is unknown is sent again under the same key', t =>
    visit(browser, async ({ fake, page }) => {
      const sent: unknown[] = []
      await page.route('**/orders', route => {
        if (route.request().method() !== 'POST') return route.continue()
        sent.push(route.request().postDataJSON())
        if (sent.length === 1) return route.abort()
        const problem = { title: 'Unavailable', status: 503, code: 'OUTCOME_UNKNOWN' }
        return sent.length === 2 ? route.fulfill({ status: 503, json: problem }) : route.continue()
      })
      const press = () => page.getByRole('button', { name: 'Buy BTC' }).click()
      const unknown = page.locator('.ticket .reply.unknown')
      await page.locator('input[name=price]').fill('49000')
      await page.locator('input[name=quantity]').fill('1')

      await press()
      await unknown.filter({ hasText: 'No answer' }).waitFor()
      await press()
      await unknown.filter({ hasText: '503 OUTCOME_UNKNOWN' }).waitFor()
      await press()
      await page.locator('.ticket .reply.good').waitFor()
      await press()
      await until(
        async () => sent.length,
        count => count === 4,
      )

      t.same(sent[1], sent[0])
      t.same(sent[2], sent[0])
      t.notSame(sent[3], sent[0], 'after an answer the next order has a key of its own')
      t.same(fake.received.find(one => one.method === 'POST')?.body, sent[0])
    }),
  )

  void t.test('the settlement figures move, and a failed instruction can be put back', t =>
    visit(
      browser,
      async ({ fake, page }) => {
        fake.settle(50)
        const settled = page.getByTestId('tile-settled')
        const text = await until(
          () => settled.textContent(),
          value => !/Settled0\/s/.test(value ?? ''),
        )
        t.match(text, /Settled\d+(\.\d)?\/s/)
        await page.getByTestId('tile-pending').filter({ hasText: '1,234' }).waitFor()

        await page.getByTestId('tile-failed').getByRole('button', { name: 'Show' }).click()
        await page.getByRole('dialog').getByText('the account is closed').waitFor()
        t.pass('what failed is listed, with its reason')
        await page.getByRole('button', { name: 'Retry instruction 9123' }).click()
        await page.getByText('Instruction 9123 is put back.').waitFor()
        await page.keyboard.press('Escape')
        await page.getByRole('dialog').waitFor({ state: 'detached' })
      },
      {
        prepare: fake => {
          const since = new Date().toISOString()
          Object.assign(fake.market.backlog, { pending: 1234, failed: 1, oldest_created_at: since })
          const why = { reason: 'SYSTEM', problem: '23514 the account is closed', attempts: 8 }
          fake.market.failed = [{ settlement_id: '9123', symbol: 'BTC-USD', ...why }]
        },
      },
    ),
  )

  void t.test('an empty venue says how to make the first trade', t =>
    visit(
      browser,
      async ({ page, complaints }) => {
        t.match(await page.locator('.first-steps').textContent(), /curl -X POST http:.*\/orders/)
        t.match(await page.locator('.tape').textContent(), 'No trades yet')
        await page.locator('.market', { hasText: 'ETH-BTC' }).click()
        await page.locator('.quote h2', { hasText: 'ETH-BTC' }).waitFor()
        t.match(await page.locator('.first-steps').textContent(), '"symbol":"ETH-BTC"')
        t.match(page.url(), '?symbol=ETH-BTC&client=client-A')
        t.same(complaints, [])
      },
      { prepare: () => {} },
    ),
  )

  void t.test('the keyboard alone changes the symbol and sends an order', t =>
    visit(browser, async ({ fake, page }) => {
      await page.getByRole('radio', { name: 'BTC-USD', exact: false }).first().focus()
      await page.keyboard.press('ArrowRight')
      await page.locator('.quote h2', { hasText: 'BTC-USDT' }).waitFor()

      await page.getByRole('textbox', { name: 'Price' }).focus()
      await page.keyboard.type('50000')
      await page.keyboard.press('Tab')
      await page.keyboard.type('1')
      await page.keyboard.press('Enter')

      await page.locator('.ticket .reply.good').waitFor()
      const sent = fake.received.find(one => one.method === 'POST')?.body
      t.match(sent, { symbol: 'BTC-USDT', price: '50000', quantity: '1' })
    }),
  )

  void t.test('an order that waits is shown with what it waits for, and can be cancelled', t =>
    visit(
      browser,
      async ({ page, complaints }) => {
        const [shown] = await untilRows(page, 'orders', 1)
        t.match(shown, /^BTC-USD SELL stop 49,000\.00 0\.5 /)
        t.match(await page.locator('tr[title*="waits for TRIGGER"]').count(), 1)

        await page.getByRole('button', { name: /^Cancel order 699/ }).click()
        await page.locator('.orders .empty').waitFor()
        t.same(complaints, [])
      },
      {
        prepare: fake => {
          const what = { symbol: 'BTC-USD', side: 'SELL', type: 'STOP', price: null }
          const how = { stop_price: '49000', quantity: '0.5', remaining_quantity: '0.5' }
          const when = { created_at: new Date().toISOString() }
          const state = { order_id: '699', status: 'PENDING', pending_reason: 'TRIGGER' }
          fake.market.orders.push({ ...what, ...how, ...when, ...state })
        },
      },
    ),
  )

  void t.test('a symbol that goes into an auction says so, and its book may cross', t =>
    visit(browser, async ({ fake, page }) => {
      const badge = page.locator('.quote .badge')
      t.equal(await badge.textContent(), 'ACTIVE')

      fake.market.states.set('BTC-USD', { phase: 'CALL' })
      fake.publish('phase', { symbol: 'BTC-USD', seq: 1, phase: 'CALL' })
      await badge.filter({ hasText: 'CALL' }).waitFor()
      await page.locator('.market.chosen .badge', { hasText: 'CALL' }).waitFor()
      await page.locator('.ticket .hint.warn', { hasText: 'BTC-USD is CALL' }).waitFor()
      const read = fake.received.filter(one => one.path.endsWith('/book')).length
      fake.rest('BUY', '50005', '1')

      const bids = await untilRows(page, 'bids', 3)
      t.match(bids[0], /^50,005\.00 /)
      t.equal(fake.received.filter(one => one.path.endsWith('/book')).length, read)
    }),
  )

  void t.test('an unknown client is named as such', t =>
    visit(browser, async ({ page }) => {
      await page.getByLabel('Client').fill('nobody')
      await page.getByLabel('Client').press('Enter')
      t.match(await page.locator('.balances .empty.bad').textContent(), '404 · UNKNOWN_PARTICIPANT')
    }),
  )

  void t.test('what is typed outlives a paint', t =>
    visit(browser, async ({ fake, page }) => {
      for (const [i, name] of ['client', 'price', 'quantity'].entries()) {
        const field = page.locator(`input[name=${name}]`)
        await field.fill('client')
        fake.trade('BUY', '50000', '0.1', '1')
        await untilRows(page, 'tape', i + 2)
        await field.pressSequentially('-B')
        t.equal(await field.inputValue(), 'client-B')
      }
    }),
  )

  void t.test('what is typed before the symbols are read is for the first of them', t =>
    visit(browser, async ({ page }) => {
      const price = page.locator('input[name=price]')
      await page.route('**/symbols', async route => {
        await price.fill('49000')
        await route.continue()
      })

      await page.reload()

      await page.getByTestId('tape').waitFor()
      t.equal(await price.inputValue(), '49000')
    }),
  )

  void t.test('nothing on a phone is wider than its screen', t =>
    visit(
      browser,
      async ({ page, complaints }) => {
        const width = await page.evaluate('document.documentElement.scrollWidth')
        t.equal(width, 390)
        t.ok(await page.getByRole('button', { name: 'Buy BTC' }).isVisible())
        await page.goto(page.url().replace(/\?.*|$/, '?symbol=ETH-BTC'))
        const chosen = page.locator('.market.chosen', { hasText: 'ETH-BTC' })
        const box = await chosen.boundingBox()
        t.ok(box && box.x >= 0 && box.x + box.width <= 390, 'the chosen symbol is in view')
        t.same(complaints, [])
      },
      { viewport: { width: 390, height: 844 } },
    ),
  )
}
