import { LostConnection, Problem, sqlErrorOf } from './errors.ts'

/**
 * Natural batching: one batch of a symbol is in the database at a time, and while it is, the next
 * one forms. A lone command goes at once; a thousand concurrent ones share a commit.
 */
export interface Batches<Command, Result> {
  /** Runs one command, with whatever its symbol's next batch holds. Rejects as that one failed. */
  submit(symbol: string, command: Command): Promise<Result>
  /** Runs the commands as one transaction of their own: all or none. */
  submitAtomic(symbol: string, commands: readonly Command[]): Promise<readonly Result[]>
  /** Runs the commands in one transaction, nothing between them, each for itself. */
  submitTogether(symbol: string, commands: readonly Command[]): Promise<readonly Result[]>
  /** Commands that wait, without those in the database. */
  waiting(): number
  /** How long the batch that is longest in the database has been there; 0 when none is. */
  longestRunMs(): number
}

export interface BatchOptions<Command, Result> {
  /** One transaction: a result a command, in order. */
  execute(
    symbol: string,
    commands: readonly Command[],
    isAtomic: boolean,
  ): Promise<readonly Result[]>
  /** Whether a second run of the command does no harm and answers as the first did. */
  isRepeatable(command: Command): boolean
  /**
   * Whether the command is only to be accepted, and matched later. Such commands form batches of
   * their own: nothing may be matched before what was accepted earlier, so beside others they would
   * be matched at once.
   */
  isDeferred?(command: Command): boolean
  /** Called after each commit, before anyone is answered. */
  onCommitted?(symbol: string, results: readonly Result[]): void
  /** The bound of one batch: what one transaction holds the symbol's lock for. */
  maxBatch?: number
  /** The bound of the queue over all symbols: behind it the answer is 503. */
  maxWaiting?: number
  /** Starts the first batch of an idle symbol: after the requests that stand at the door. */
  start?(run: () => void): void
  /** The wait before commands of unknown outcome are sent again. */
  pause?(): Promise<void>
}

interface Unit<Command, Result> {
  readonly commands: readonly Command[]
  readonly isAtomic: boolean
  readonly isDeferred: boolean
  resolve(results: readonly Result[]): void
  reject(error: unknown): void
}

const repeatAfterMs = 250

export function createBatches<Command, Result>(
  options: BatchOptions<Command, Result>,
): Batches<Command, Result> {
  const { maxBatch = 500, maxWaiting = 20_000, start = setImmediate } = options
  const isDeferred = options.isDeferred ?? (() => false)
  const lanes = new Map<string, Unit<Command, Result>[]>()
  const startedMs = new Map<string, number>()
  const runUnits = createRunner(options)
  let waiting = 0

  async function drain(symbol: string, lane: Unit<Command, Result>[]): Promise<void> {
    while (lane.length > 0) {
      const units = takeBatch(lane, maxBatch)
      waiting -= countCommands(units)
      startedMs.set(symbol, performance.now())
      await runUnits(symbol, units)
    }
    startedMs.delete(symbol)
    lanes.delete(symbol)
  }

  function enqueue(symbol: string, unit: Unit<Command, Result>): void {
    if (waiting + unit.commands.length > maxWaiting) {
      const detail = `${maxWaiting} commands wait already`
      unit.reject(new Problem(503, 'QUEUE_FULL', detail, { retryAfterSeconds: 1 }))
      return
    }
    waiting += unit.commands.length
    const lane = lanes.get(symbol)
    if (lane) {
      lane.push(unit)
      return
    }
    const opened = [unit]
    lanes.set(symbol, opened)
    start(() => void drain(symbol, opened))
  }

  return {
    submit(symbol, command) {
      return new Promise((resolve, reject) => {
        const answer = ([result]: readonly Result[]) => {
          if (result === undefined) reject(new Error('a command without a result'))
          else resolve(result)
        }
        const facts = { isAtomic: false, isDeferred: isDeferred(command) }
        enqueue(symbol, { commands: [command], ...facts, resolve: answer, reject })
      })
    },
    submitAtomic(symbol, commands) {
      return new Promise((resolve, reject) => {
        enqueue(symbol, { commands, isAtomic: true, isDeferred: false, resolve, reject })
      })
    },
    submitTogether(symbol, commands) {
      return new Promise((resolve, reject) => {
        enqueue(symbol, { commands, isAtomic: false, isDeferred: false, resolve, reject })
      })
    },
    waiting: () => waiting,
    longestRunMs: () =>
      startedMs.size === 0 ? 0 : performance.now() - Math.min(...startedMs.values()),
  }
}

/** The units of the next batch: those that stand first, or one alone that is atomic or too long. */
function takeBatch<C, R>(lane: Unit<C, R>[], maxBatch: number): Unit<C, R>[] {
  const [first] = lane
  if (first?.isAtomic) return lane.splice(0, 1)
  let commands = 0
  const end = lane.findIndex(unit => {
    commands += unit.commands.length
    return unit.isAtomic || unit.isDeferred !== first?.isDeferred || commands > maxBatch
  })
  return lane.splice(0, end === -1 ? lane.length : Math.max(end, 1))
}

function countCommands<C, R>(units: readonly Unit<C, R>[]): number {
  return units.reduce((count, unit) => count + unit.commands.length, 0)
}

type RunUnits<C, R> = (symbol: string, units: readonly Unit<C, R>[]) => Promise<void>

/** Runs a batch and answers every unit of it, whatever happens. Never rejects. */
function createRunner<C, R>(options: BatchOptions<C, R>): RunUnits<C, R> {
  const { pause = () => new Promise(resolve => setTimeout(resolve, repeatAfterMs)) } = options

  async function attempt(symbol: string, units: readonly Unit<C, R>[]): Promise<void> {
    const commands = units.flatMap(unit => unit.commands)
    const results = await options.execute(symbol, commands, units[0]?.isAtomic ?? false)
    if (results.length !== commands.length) {
      throw new Error(`${commands.length} commands gave ${results.length} results`)
    }
    options.onCommitted?.(symbol, results)
    let next = 0
    for (const unit of units) {
      unit.resolve(results.slice(next, next + unit.commands.length))
      next += unit.commands.length
    }
  }

  /** `unknown` is the error of a first run whose outcome nobody knows: it stays the answer. */
  async function run(symbol: string, units: readonly Unit<C, R>[], unknown?: unknown) {
    try {
      await attempt(symbol, units)
    } catch (error) {
      const remedy = remedyFor(error)
      if (remedy === 'SPLIT' && units.length > 1) await split(symbol, units, unknown)
      else if (remedy === 'REPEAT' && unknown === undefined) await repeat(symbol, units, error)
      else rejectAll(units, unknown ?? error)
    }
  }

  /** Sends again what a second run cannot harm; the others hear that their outcome is unknown. */
  async function repeat(symbol: string, units: readonly Unit<C, R>[], unknown: unknown) {
    const isHarmless = (unit: Unit<C, R>) => unit.commands.every(options.isRepeatable)
    rejectAll(
      units.filter(unit => !isHarmless(unit)),
      unknown,
    )
    const again = units.filter(isHarmless)
    if (again.length === 0) return
    await pause()
    await run(symbol, again, unknown)
  }

  /** One poisonous command made the whole batch fail: halving finds it, the others go through. */
  async function split(symbol: string, units: readonly Unit<C, R>[], unknown: unknown) {
    const middle = units.length >> 1
    await run(symbol, units.slice(0, middle), unknown)
    await run(symbol, units.slice(middle), unknown)
  }

  return (symbol, units) => run(symbol, units)
}

function rejectAll<C, R>(units: readonly Unit<C, R>[], error: unknown): void {
  for (const unit of units) unit.reject(error)
}

/**
 * What to do about a batch that failed. Everything rolled back unless the connection was lost, so
 * only then is the outcome unknown. An error that every command would meet alike, such as an
 * unknown symbol or a database that is busy, is not looked for in single commands.
 */
function remedyFor(error: unknown): 'REPEAT' | 'SPLIT' | 'NONE' {
  if (error instanceof LostConnection) return error.isSent ? 'REPEAT' : 'NONE'
  const state = sqlErrorOf(error)?.state
  if (state === undefined || state === 'NFSYM') return 'NONE'
  return /^(IV|NF|ST|RJ|NV|P0|2[23])/.test(state) ? 'SPLIT' : 'NONE'
}
