import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { z } from 'zod'
import { testDatabase } from '../helpers/database.ts'

const symbols = ['BTC-USD', 'BTC-USDT', 'ETH-USDT', 'SOL-USDT']
/** Far more than it takes; a demo that does not come to it has failed. */
const patienceMs = 60_000

t.test('a demo opens a venue, trades on each symbol, settles, and leaves clean books', async t => {
  const { url: databaseUrl, query } = await testDatabase(t)
  const demo = startDemo(t, { DATABASE_URL: databaseUrl, PORT: '0' })
  const url = await demo.printed(/dashboard {3}(http:\S+)\//)
  t.match(demo.output(), /DEMO_SEED=11 makes the same market again/)
  for (const symbol of symbols) await tradesOn(url, symbol, 10)

  t.equal(await demo.end('SIGTERM'), 0)

  t.equal(demo.errors(), '')
  t.match(demo.output(), /orders \d+ \(0 refused\), trades \d+;.* pending 0, failed 0\n$/)
  const [trades] = await query(`select count(*)::int as made,
    count(distinct i.instruction_id) filter (where i.status = 'SETTLED')::int as settled
    from matching.trades as t
    left join settlement.instructions as i on i.instruction_id = t.trade_id`)
  t.ok(trades?.made >= 40)
  t.equal(trades?.settled, trades?.made, 'each trade is settled')
  t.strictSame(await query('select b.order_id from matching.book as b'), [], 'no order is left')
  const met = await query(`select o.order_id
    from matching.orders as o
    join reference.participants as p on p.participant_id = o.participant_id
    where o.end_reason = 'STP_TAKER' and p.client_id = 'maker-1'`)
  t.strictSame(met, [], 'the maker has never met its own orders')
  t.strictSame(await query('select * from ops.audit()'), [])
})

t.test('a demo uses the venue that answers on its port, and leaves it running', async t => {
  const { url: databaseUrl, query } = await testDatabase(t)
  const venue = start(t, 'workers/main.ts', { DATABASE_URL: databaseUrl, PORT: '0' })
  const url = await venue.printed(/dashboard {3}(http:\S+)\//)

  const demo = startDemo(t, { DATABASE_URL: databaseUrl, PORT: new URL(url).port })
  t.equal(await demo.printed(/Using the pgsettle \S+ that runs at (http:\S+)/), url)
  await demo.printed(/(The demo trades BTC-USD)/)
  await tradesOn(url, 'ETH-USDT', 1)
  t.equal(await demo.end('SIGINT'), 0)

  t.strictSame(await query('select b.order_id from matching.book as b'), [], 'no order is left')
  t.equal((await fetch(`${url}/health`)).status, 200, 'the venue still serves')
  t.equal(await venue.end('SIGTERM'), 0)
})

t.test('a venue that goes away is waited for, and does not keep the demo from ending', async t => {
  const { url: databaseUrl } = await testDatabase(t)
  const venue = start(t, 'workers/main.ts', { DATABASE_URL: databaseUrl, PORT: '0' })
  const url = await venue.printed(/dashboard {3}(http:\S+)\//)
  const demo = startDemo(t, { DATABASE_URL: databaseUrl, PORT: new URL(url).port })
  await demo.printed(/(The demo trades)/)

  await venue.end('SIGTERM')

  await demo.printed(/(trying again)/)
  t.equal(await demo.end('SIGTERM'), 0)
  t.match(demo.output(), /The bots could not cancel their orders/)
})

t.test('a setting that is none stops the start with one line', async t => {
  for (const [name, value, allowed] of [
    ['DEMO_RATE', '1001', '1 to 1000'],
    ['DEMO_RATE', 'fast', '1 to 1000'],
    ['DEMO_SEED', '0', '1 to 2147483647'],
  ] as const) {
    const demo = startDemo(t, { [name]: value })

    t.equal(await demo.ended(), 1)

    t.equal(demo.errors(), `${name} is '${value}'; allowed: whole numbers from ${allowed}\n`)
  }
})

function startDemo(t: Test, env: Record<string, string>) {
  return start(t, 'workers/demo/main.ts', { DEMO_RATE: '400', DEMO_SEED: '11', ...env })
}

function start(t: Test, file: string, env: Record<string, string>) {
  const child = spawn(process.execPath, ['--import', 'tsx', file], {
    env: { ...process.env, AUTH_MODE: 'off', LOG_LEVEL: 'error', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = collect(child.stdout)
  const errors = collect(child.stderr)
  const closed = once(child, 'close')
  t.teardown(() => void child.kill('SIGKILL'))
  return {
    output,
    errors,
    printed: (what: RegExp) => printed(child, output, errors, what),
    async ended(): Promise<unknown> {
      const [code] = await closed
      return code
    },
    async end(signal: NodeJS.Signals): Promise<unknown> {
      child.kill(signal)
      const [code] = await closed
      return code
    },
  }
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    text += chunk
  })
  return () => text
}

async function printed(
  child: ChildProcess,
  output: () => string,
  errors: () => string,
  what: RegExp,
): Promise<string> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const found = what.exec(output())?.[1]
    if (found !== undefined) return found
    if (child.exitCode !== null || performance.now() > deadline) {
      throw new Error(`${what} was not printed:\n${output()}${errors()}`)
    }
    await wait(20)
  }
}

const page = z.object({ items: z.array(z.object({ trade_id: z.string() })) })

async function tradesOn(url: string, symbol: string, count: number): Promise<void> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const reply = await fetch(`${url}/symbols/${symbol}/trades?limit=${count}`)
    const found = page.parse(await reply.json()).items.length
    if (found >= count) return
    if (performance.now() > deadline) throw new Error(`${found} trades on ${symbol}`)
    await wait(50)
  }
}
