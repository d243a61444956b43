import { parseArgs } from 'node:util'
import { loadEnvironment } from '../../app/config.ts'
import { largestBatch } from './player.ts'
import { isClean, type ReplayResult, replay } from './replay.ts'
import { defaultPatienceMs } from './venue-client.ts'

const usage = `npm run replay -- [options] FILE…

Plays recorded order flow (.jsonl or .jsonl.gz) into the service at REPLAY_URL, by default
http://localhost:PORT, and checks every trade, every stated book and all the money.

  --batch N          commands in one request, 1 to ${largestBatch} (100); 1 uses the single routes
  --patience S       seconds that the service may be away (${defaultPatienceMs / 1000})
  --settle-within S  seconds until the last settlement (60)
  --tick T --lot L   of the symbol that a file is played on (0.01 and 1)`

/** `npm run replay`: exit code 0: nothing differs, 1: something does, 2: a wrong call. */
async function main(): Promise<number> {
  const { values, positionals: files } = parseArgs({
    allowPositionals: true,
    options: {
      batch: { type: 'string', default: '100' },
      patience: { type: 'string', default: String(defaultPatienceMs / 1000) },
      'settle-within': { type: 'string', default: '60' },
      tick: { type: 'string', default: '0.01' },
      lot: { type: 'string', default: '1' },
    },
  })
  const batch = readCount('batch', values.batch, 1, largestBatch)
  const patienceMs = readCount('patience', values.patience, 0, 3600) * 1000
  const settleWithinMs = readCount('settle-within', values['settle-within'], 0, 3600) * 1000
  if (files.length === 0) throw new Error('no FILE is given')
  const { REPLAY_URL, PORT } = loadEnvironment()
  const url = REPLAY_URL || `http://localhost:${PORT || 8080}`
  await checkService(url)

  const { tick, lot } = values
  let isAllClean = true
  printRow(columns.map(([name]) => name))
  for (const file of files) {
    const result = await replay({ url, file, batch, patienceMs, settleWithinMs, tick, lot })
    printRow(columns.map(([, cell]) => cell(result)))
    for (const text of result.words) console.log(`  ${text}`)
    isAllClean &&= isClean(result)
  }
  return isAllClean ? 0 : 1
}

const columns: readonly (readonly [string, (result: ReplayResult) => string])[] = [
  ['file', result => result.file],
  ['commands', result => String(result.commands)],
  ['orders/s', result => String(result.commandsPerSecond)],
  ['trades', result => String(result.trades)],
  ['settled', result => String(result.settlements)],
  ['sent again', result => String(result.repeats)],
  ['trades ≠', result => String(result.differences.trades)],
  ['books ≠', result => String(result.differences.books)],
  ['answers ≠', result => String(result.differences.answers)],
  ['money conserved', result => (result.isMoneyConserved ? 'yes' : 'no')],
]

function printRow([file = '', ...cells]: readonly string[]): void {
  const widths = columns.slice(1).map(([name]) => Math.max(8, name.length))
  const padded = cells.map((cell, index) => cell.padStart(widths[index] ?? 0))
  console.log([file.padEnd(32), ...padded].join('  '))
}

function readCount(name: string, text: string, least: number, most: number): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (count >= least && count <= most) return count
  throw new Error(`--${name} is '${text}'; allowed: whole numbers from ${least} to ${most}`)
}

async function checkService(url: string): Promise<void> {
  const answer = await fetch(new URL('/health', url)).catch(() => undefined)
  if (!answer?.ok) throw new Error(`no service answers at ${url}: start one with npm start`)
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  if (isUsageError(error)) console.error(`\n${usage}`)
  process.exitCode = isUsageError(error) ? 2 : 1
}

function isUsageError(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return /^(no FILE|--)/.test(error.message) || ('code' in error && /ARGS/.test(String(error.code)))
}
