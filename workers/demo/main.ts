import { pino } from 'pino'
import { type Config, loadEnvironment, parseConfig } from '../../app/config.ts'
import { runUntilStopped } from '../run.ts'
import { startVenue } from '../venue.ts'
import { startDemo } from './demo.ts'
import { parseDemoSettings } from './settings.ts'
import { createVenueClient, findVenue } from './venue-client.ts'

/** `npm run demo`: a venue, or the one that runs already, and a market in it; until stopped. */
await runUntilStopped(async signal => {
  const env = loadEnvironment()
  const settings = parseDemoSettings(env)
  const config = parseConfig(env)
  const version = await findVenue(urlOf(config))
  const venue = version === null ? await openVenue(config, env.LOG_LEVEL, signal) : undefined
  const url = venue?.url ?? urlOf(config)
  try {
    if (version !== null) console.log(`Using the pgsettle ${version} that runs at ${url}`)
    const demo = await startDemo(createVenueClient(url), settings, line => console.log(line))
    console.log(welcome(url, settings.seed, settings.rate, demo.symbols))
    return async () => {
      await demo.stop()
      await venue?.stop()
    }
  } catch (error) {
    await venue?.stop()
    throw error
  }
})

/** Its own lines are what there is to read, so the service is silent unless something is wrong. */
function openVenue(config: Config, logLevel: string | undefined, signal: AbortSignal) {
  return startVenue(config, pino({ level: logLevel ? config.logLevel : 'warn' }), signal)
}

function urlOf({ host, port }: Config): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function welcome(url: string, seed: number, rate: number, symbols: readonly string[]): string {
  return `
The demo trades ${symbols.join(', ')}.

  dashboard   ${url}/
  seed        DEMO_SEED=${seed} makes the same market again, on an empty venue
  rate        at most ${rate} orders a second (DEMO_RATE)
`
}
