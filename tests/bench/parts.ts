import { batchSize, median } from './batches.ts'
import { benchDeep, deepBook } from './deep.ts'
import { benchHeld } from './held.ts'
import { benchHot } from './hot.ts'
import { benchHttp } from './http.ts'
import { benchMatcher } from './matcher.ts'
import { benchParallel } from './parallel.ts'
import { benchSettlement, settleBatch } from './settlement.ts'
import { benchSweep, sweepSizes } from './sweep.ts'
import { benchTogether } from './together.ts'

/** A part of the benchmark, which can be run alone, and the database that it runs on. */
export interface Part {
  name: string
  database: 'venue' | 'parallel' | 'sweep' | 'together' | 'hot' | 'held' | 'deep'
  /** The part whose trades it needs. */
  after?: string
  /** Prints its lines of the table. */
  run(url: string, symbolIds: number[]): Promise<void>
}

const httpConnections = [64, 256]
const settlementWorkers = 2

/** In the order in which they run. The largest comes last: it leaves a checkpoint behind. */
export const parts: readonly Part[] = [
  { name: 'matcher', database: 'venue', run: matcher },
  { name: 'settlement', database: 'venue', after: 'matcher', run: settlement },
  { name: 'http', database: 'venue', run: http },
  { name: 'parallel', database: 'parallel', run: parallel },
  { name: 'sweep', database: 'sweep', run: sweep },
  { name: 'together', database: 'together', run: together },
  { name: 'hot', database: 'hot', run: hot },
  { name: 'held', database: 'held', run: held },
  { name: 'deep', database: 'deep', run: deep },
]

async function matcher(url: string, symbolIds: number[]): Promise<void> {
  const figures = await benchMatcher(url, symbolIds)
  const { ordersPerSecond, tradesPerSecond, timesFloor, timesInserts } = figures
  print(
    `matcher, 2 symbols, batches of ${batchSize}`,
    `${round(ordersPerSecond)} orders, ${round(tradesPerSecond)} trades a second`,
    `${times(median(timesFloor))} the time of plain writes (${range(timesFloor, times)}), ` +
      `${times(median(timesInserts))} of the inserts alone`,
  )
}

async function settlement(url: string): Promise<void> {
  const figures = await benchSettlement(url, settlementWorkers)
  const { instructionsPerSecond, timesFloor, timesInserts } = figures
  print(
    `settlement, ${settlementWorkers} workers, batches of ${settleBatch}`,
    `${round(instructionsPerSecond)} instructions a second`,
    `${times(timesFloor)} the time of plain writes, ${times(timesInserts)} of the inserts alone`,
  )
}

async function http(url: string): Promise<void> {
  for (const connections of httpConnections) {
    const { constant, orders } = await benchHttp(url, connections)
    print(
      `HTTP, single orders, ${connections} connections`,
      `${round((orders.requests / orders.ms) * 1000)} orders a second`,
      `a constant: ${round((constant.requests / constant.ms) * 1000)}; p50 ` +
        `${orders.p50.toFixed(1)} ms, p99 ${orders.p99.toFixed(1)} ms, ${orders.failures} failed`,
    )
  }
}

async function parallel(url: string, symbolIds: number[]): Promise<void> {
  const { ordersPerSecond, timesOne, deadlocks } = await benchParallel(url, symbolIds)
  print(
    `${symbolIds.length} symbols at once, same participants`,
    `${round(ordersPerSecond)} orders a second, ${deadlocks} deadlocks`,
    `${times(median(timesOne))} the speed of one symbol (${range(timesOne, times)})`,
  )
}

async function sweep(url: string, symbolIds: number[]): Promise<void> {
  const figures = await benchSweep(url, symbolIds)
  const sizes = sweepSizes.map((size, i) => `${round(size)}: ${figures.msPerMaker[i]?.toFixed(3)}`)
  print(
    'sweep, one order through 1,000 makers',
    `${round(figures.tradesPerSecond)} trades a second`,
    `ms a maker, by makers: ${sizes.join(', ')}`,
  )
}

async function deep(url: string, symbolIds: number[]): Promise<void> {
  const figures = await benchDeep(url, symbolIds)
  print(
    `deep book, ${round(deepBook.orders)} orders`,
    `${round(figures.ordersPerSecond)} orders, ${round(figures.tradesPerSecond)} trades a second`,
    `${percent(figures.share)} of the speed with ${round(figures.shallowOrders)} orders ` +
      `(${range(figures.shares, percent)})`,
  )
}

async function held(url: string, symbolIds: number[]): Promise<void> {
  const { alone, beside } = await benchHeld(url, symbolIds)
  const thirds = beside.map((rate, i) => rate / (alone[i] ?? 0))
  print(
    'settlement beside an old transaction',
    `${round(mean(beside))} instructions a second in its minute`,
    `${percent(mean(beside) / mean(alone))} of ${round(mean(alone))} in a minute without ` +
      `(${thirds.map(percent).join(', ')} by thirds; ` +
      `the last by the first without: ${percent((beside.at(-1) ?? 0) / (alone[0] ?? 0))})`,
  )
}

async function together(url: string, symbolIds: number[]): Promise<void> {
  const figures = await benchTogether(url, symbolIds)
  const { capacity, offered, traded, settled, late, backlog, looks } = figures
  print(
    'matcher and workers together, at 70 %',
    `${round(traded)} trades made and ${round(settled)} settled a second, of ${round(offered)}; ` +
      `at full load ${round(capacity)}`,
    `not settled: at most ${round(backlog.most)}, ${round(backlog.first)} in the mean of the ` +
      `first half, ${round(backlog.second)} of the second`,
    `batches late by ${late.most.toFixed(1)} of their time at most, ` +
      `${late.last.toFixed(1)} at last`,
    `at the fees' account the matcher waited in ${looks.matcher}, a worker in ${looks.workers} ` +
      `of ${looks.all} looks`,
  )
}

async function hot(url: string, symbolIds: number[]): Promise<void> {
  const { maker, fees } = await benchHot(url, symbolIds)
  print(
    'settlement, one market maker in all',
    `${round(maker.instructionsPerSecond)} instructions a second`,
    `${percent(median(maker.shares))} of the speed with any of 200 ` +
      `(${range(maker.shares, percent)})`,
  )
  print(
    'settlement, one account for all fees',
    `${round(fees.instructionsPerSecond)} instructions a second`,
    `${percent(median(fees.shares))} of the speed with one for each worker ` +
      `(${range(fees.shares, percent)})`,
  )
}

function print(what: string, figure: string, ...beside: string[]): void {
  console.log([`${what.padEnd(40)} ${figure}`, ...beside].join(`\n${' '.repeat(41)}`))
}

/** How far the rounds lie apart. */
function range(values: number[], show: (value: number) => string): string {
  return `${show(Math.min(...values))} to ${show(Math.max(...values))} in ${values.length} rounds`
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function round(figure: number): string {
  return Math.round(figure).toLocaleString('en-US')
}

function times(ratio: number): string {
  return `${ratio.toFixed(2)}x`
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
