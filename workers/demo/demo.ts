import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { type Bots, gatherBots } from './bots.ts'
import { type Done, nothing, sum } from './done.ts'
import type { DemoSettings } from './settings.ts'
import type { VenueClient } from './venue-client.ts'

export interface Demo {
  symbols: readonly string[]
  /** Ends the turn that runs, takes the bots out of the market, and waits for settlement. */
  stop(): Promise<void>
}

const reportMs = 10_000
/** After a turn that failed: the venue may be away for a moment. */
const retryMs = 1000
/** How long a stop waits for the last trades to settle. */
const settleMs = 2000
const settlePollMs = 50

/** Lets the bots trade, turn after turn, no faster than the rate; says a line now and then. */
export async function startDemo(
  client: VenueClient,
  settings: DemoSettings,
  print: (line: string) => void,
): Promise<Demo> {
  const bots = await gatherBots(client, settings, randomBytes(6).toString('hex'))
  const stopping = new AbortController()
  let total = nothing
  const running = run(bots, settings.rate, stopping.signal, print, done => {
    total = sum(total, done)
  })
  const report = async () => print(await reportOf(client, total))
  const timer = setInterval(() => void report().catch(() => {}), reportMs)

  return {
    symbols: bots.symbols,
    async stop() {
      clearInterval(timer)
      stopping.abort()
      await running
      try {
        await bots.leave()
        await settled(client)
        await report()
      } catch (error) {
        print(`The bots could not cancel their orders: ${reasonOf(error)}`)
      }
    },
  }
}

async function run(
  bots: Bots,
  rate: number,
  signal: AbortSignal,
  print: (line: string) => void,
  count: (done: Done) => void,
): Promise<void> {
  let isAway = false
  let nextAt = performance.now()
  while (!signal.aborted) {
    try {
      const done = await bots.turn()
      count(done)
      isAway = false
      // From now on, not from when it was due: a pause is not made up for by a burst.
      nextAt = Math.max(nextAt, performance.now()) + (done.orders * 1000) / rate
    } catch (error) {
      if (!isAway) print(`${reasonOf(error)}; trying again`)
      isAway = true
      nextAt = performance.now() + retryMs
    }
    await pause(nextAt - performance.now(), signal)
  }
}

async function settled(client: VenueClient): Promise<void> {
  const deadline = performance.now() + settleMs
  while ((await client.backlog()).pending > 0 && performance.now() < deadline) {
    await wait(settlePollMs)
  }
}

async function reportOf(client: VenueClient, { orders, refused, trades }: Done): Promise<string> {
  const { pending, failed, settled_last_minute } = await client.backlog()
  const time = new Date().toTimeString().slice(0, 8)
  return (
    `${time}  orders ${orders} (${refused} refused), trades ${trades}; ` +
    `settled in the last minute ${settled_last_minute}, pending ${pending}, failed ${failed}`
  )
}

/** `fetch failed` has its cause inside. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await wait(ms, undefined, { signal }).catch(() => {})
}
