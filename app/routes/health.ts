import { Hono } from 'hono'
import { describe } from '../openapi.ts'
import type { Deps, Env } from './context.ts'

const alive = {
  summary: 'The process is alive',
  tag: 'service',
  answers: { 200: 'status and version' },
} as const
const ready = {
  summary: 'Whether the venue can work, dependency by dependency',
  tag: 'service',
  answers: { 200: 'ready', 503: 'not ready: some check is not ok' },
} as const

interface Check {
  ok: boolean
  [fact: string]: unknown
}

export function healthRoutes(deps: Deps): Hono<Env> {
  const app = new Hono<Env>()
  const health = describe(alive, () => Response.json({ status: 'ok', version: deps.version }))

  app.get('/health', health)
  app.get('/healthz', health)

  app.get(
    '/ready',
    describe(ready, async () => {
      const checks = {
        ...(await checkDatabase(deps)),
        listener: { ok: deps.doorbell.isListening() },
      }
      const isReady = Object.values(checks).every(check => check.ok)
      const body = { status: isReady ? 'ready' : 'not ready', version: deps.version, checks }
      return Response.json(body, { status: isReady ? 200 : 503 })
    }),
  )

  return app
}

/** How long a batch may take, and what is due may wait, while the matcher gets on. */
const longestBatchMs = 10_000
/** How old the oldest due instruction may be while settlement gets on. */
const mostLateMs = 60_000

async function checkDatabase(deps: Deps): Promise<Record<string, Check>> {
  const { calls, batches, log, schemaVersion } = deps
  try {
    const row = await calls.readStatus()
    const oldest = row.oldest_created_at
    const lateMs = msSince(oldest)
    const dueMs = msSince(row.oldest_due_at)
    return {
      database: { ok: true },
      migrations: {
        ok: schemaVersion === undefined || row.schema_version === schemaVersion,
        version: row.schema_version,
      },
      matcher: {
        ok: Math.max(batches.longestRunMs(), dueMs) <= longestBatchMs,
        waiting: batches.waiting(),
        oldest_due_at: row.oldest_due_at,
      },
      settlement: {
        ok: lateMs <= mostLateMs,
        pending: Number(row.pending),
        failed: Number(row.failed),
        oldest_created_at: oldest,
      },
    }
  } catch (error) {
    log.warn({ err: error }, 'database is not ready')
    return { database: { ok: false } }
  }
}

function msSince(time: string | null): number {
  return time === null ? 0 : Date.now() - Date.parse(time)
}
