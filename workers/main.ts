import { pino } from 'pino'
import { loadEnvironment, parseConfig } from '../app/config.ts'
import { runUntilStopped } from './run.ts'
import { startVenue, type Venue } from './venue.ts'

/** `npm start`: the venue, until SIGTERM or Ctrl-C. */
await runUntilStopped(async signal => {
  const config = parseConfig(loadEnvironment())
  const log = pino({ level: config.logLevel })
  const venue = await startVenue(config, log, signal)
  console.log(welcome(venue))
  return venue.stop
})

function welcome({ url, databaseUrl, isEmbedded, isSeeded }: Venue): string {
  const order =
    '{"idempotency_key":"a-unique-uuid-12345","client_id":"client-A","instrument":"BTC-USD",' +
    '"side":"buy","type":"limit","price":50000.0,"quantity":0.5}'
  return `
pgsettle is open.

  dashboard   ${url}/
  API         ${url}/docs
  database    psql "${databaseUrl}"${isEmbedded ? '   (or: npm run sql)' : ''}
${isSeeded ? '\n  New here: ten symbols, and client-A and client-B with money to trade.\n' : ''}
Try next
  curl -X POST ${url}/orders -H "Content-Type: application/json" -d '${order}'
  npm run demo      a market that moves, on this database
  select * from help();   in psql: what an operator can do
`
}
