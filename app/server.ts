import { Hono } from 'hono'
import type { Pool } from 'pg'
import type { Logger } from 'pino'
import { createBatches } from './batches.ts'
import { createCalls } from './calls.ts'
import type { Command } from './commands.ts'
import { createDoor } from './door.ts'
import { logProblem, Problem, problemResponse } from './errors.ts'
import { createDoorbell } from './events/doorbell.ts'
import { createFeed } from './events/feed.ts'
import { createSessions } from './events/sessions.ts'
import { createStreams } from './events/streams.ts'
import { accountRoutes } from './routes/accounts.ts'
import type { Deps, Env } from './routes/context.ts'
import { dashboard } from './routes/dashboard.ts'
import { docsRoutes } from './routes/docs.ts'
import { feeRoutes } from './routes/fees.ts'
import { healthRoutes } from './routes/health.ts'
import { orderBatchRoutes } from './routes/order-batches.ts'
import { orderCancelRoutes } from './routes/order-cancels.ts'
import { orderListRoutes } from './routes/order-lists.ts'
import { orderReplacementRoutes } from './routes/order-replacements.ts'
import { orderTestRoutes } from './routes/order-tests.ts'
import { orderRoutes } from './routes/orders.ts'
import { outsideLegRoutes } from './routes/outside-legs.ts'
import { participantRoutes } from './routes/participants.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { settlementRoutes } from './routes/settlements.ts'
import { statementRoutes } from './routes/statements.ts'
import { streamRoutes } from './routes/stream.ts'
import { symbolRoutes } from './routes/symbols.ts'
import { withdrawalRoutes } from './routes/withdrawals.ts'
import type { CommandRow, TestRow } from './rows.ts'

export interface ServerOptions {
  /** Connections of the app's role. The server ends the pool when it closes. */
  pool: Pool
  /** Where to listen for rings: a connection of its own, direct to PostgreSQL. */
  listenUrl: string
  log: Logger
  version: string
  segmentId?: number
  clock?: () => Date
  /** What results of outside legs are signed with; without it there is no route for them. */
  webhookSecret?: Buffer | null
  /** The newest migration this code knows: when given, /ready compares it with the database's. */
  schemaVersion?: string
}

export interface VenueServer {
  readonly app: Hono<Env>
  /** Begins to serve; port 0 takes a free one. */
  listen(port: number, host: string): Promise<{ port: number }>
  /**
   * Stops in order, within the deadline: nothing new is taken, running requests finish, streams
   * end with their last id, connections close, then the listener and the pool.
   */
  close(deadlineMs?: number): Promise<void>
}

/** Dry runs that wait. Each takes its symbol's lock: they must not stand in the way of orders. */
const mostDryRuns = 200
/** What is left after the running requests: streams whose clients do not read the goodbye. */
const farewellMs = 1000

export function createServer(options: ServerOptions): VenueServer {
  const deps = createDeps(options)
  const app = createApp(deps)
  const door = createDoor(app)

  return {
    app,
    listen: door.listen,
    async close(deadlineMs = 8000) {
      const deadline = AbortSignal.timeout(deadlineMs)
      await door.shut(deadline)
      deps.streams.closeAll()
      await door.clear(AbortSignal.any([deadline, AbortSignal.timeout(farewellMs)]))
      await Promise.race([deps.sessions.settled(), aborted(deadline)])
      await deps.doorbell.close()
      await Promise.race([options.pool.end(), aborted(deadline)])
    },
  }
}

function createDeps(options: ServerOptions): Deps {
  const { pool, log, segmentId = 1, clock = () => new Date() } = options
  const calls = createCalls({ pool, segmentId, clock })
  const feed = createFeed({ calls, log })
  const doorbell = createDoorbell({
    connectionString: options.listenUrl,
    notify: calls.notify,
    onRing: feed.wake,
    log,
  })
  const batches = createBatches<Command, CommandRow>({
    execute: calls.executeCommands,
    isRepeatable,
    isDeferred,
    onCommitted: (_symbol, rows) =>
      doorbell.ring({ settlements: rows.some(hasFills), orders: rows.some(isToBeMatched) }),
  })
  const dryRuns = createBatches<Command, TestRow>({
    execute: calls.testCommands,
    isRepeatable: () => true,
    // One order at a time: they must not see each other.
    maxBatch: 1,
    maxWaiting: mostDryRuns,
  })
  return {
    calls,
    batches,
    dryRuns,
    doorbell,
    streams: createStreams({ feed, log }),
    sessions: createSessions({ calls, log, clock }),
    log,
    clock,
    webhookSecret: options.webhookSecret ?? null,
    version: options.version,
    schemaVersion: options.schemaVersion,
  }
}

function createApp(deps: Deps): Hono<Env> {
  const app = new Hono<Env>()
  app.route('/', healthRoutes(deps))
  app.route('/', symbolRoutes(deps))
  app.route('/', orderRoutes(deps))
  app.route('/', orderCancelRoutes(deps))
  app.route('/', orderBatchRoutes(deps))
  app.route('/', orderTestRoutes(deps))
  app.route('/', orderReplacementRoutes(deps))
  app.route('/', orderListRoutes(deps))
  app.route('/', participantRoutes(deps))
  app.route('/', feeRoutes(deps))
  app.route('/', sessionRoutes(deps))
  app.route('/', settlementRoutes(deps))
  app.route('/', withdrawalRoutes(deps))
  app.route('/', statementRoutes(deps))
  app.route('/', accountRoutes(deps))
  app.route('/', outsideLegRoutes(deps))
  app.route('/', streamRoutes(deps))
  app.route('/', dashboard)

  app.route('/', docsRoutes(app, deps.version))

  app.notFound(c => {
    const detail = `there is no ${c.req.method} ${c.req.path}`
    return problemResponse(new Problem(404, 'NO_SUCH_ROUTE', detail), c.env.requestId)
  })
  app.onError((error, c) => {
    const { requestId } = c.env
    return problemResponse(logProblem(error, deps.log, requestId), requestId)
  })
  return app
}

/** A second run of these answers as the first: a keyed order, and a cancel. */
function isRepeatable(command: Command): boolean {
  return command.op === 'PLACE' ? command.idempotency_key !== null : command.op === 'CANCEL'
}

/** SQL accepts limit orders for later, and no others. */
function isDeferred(command: Command): boolean {
  return command.op === 'PLACE' && command.is_async === true && command.type === 'LIMIT'
}

function isToBeMatched(row: CommandRow): boolean {
  return row.pending_reason === 'MATCH'
}

function hasFills(row: CommandRow): boolean {
  return row.fills !== null && row.fills.length > 0
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
