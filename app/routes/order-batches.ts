import { Hono } from 'hono'
import type { Batches } from '../batches.ts'
import type { Command } from '../commands.ts'
import { logProblem, Problem, problemDocument } from '../errors.ts'
import { describe } from '../openapi.ts'
import type { CommandRow } from '../rows.ts'
import { readJson } from './body.ts'
import type { Deps, Env } from './context.ts'
import { parse } from './fields.ts'
import { batchKeyHeader, deadlineHeader, deadlineOf, keyOf } from './headers.ts'
import { type Addressed, inEntry, toCommand, withDefaults } from './order-bodies.ts'
import { batchBody, batchDocument } from './order-fields.ts'
import { outcomeOf } from './order-json.ts'

const batching = {
  summary: 'Place, cancel and amend up to 1000 orders; order is kept within a symbol',
  tag: 'orders',
  body: batchDocument,
  headers: { ...batchKeyHeader, ...deadlineHeader },
  answers: {
    200: 'a result for each entry, in the same order: {status, order} or {status, problem}',
    400: 'a wrong body, or in mode atomic a wrong entry or a second symbol',
  },
} as const

type Outcome = [command: Command | undefined, ReturnType<typeof outcomeOf>]
type Entry = () => Addressed<Command>
type CommandBatches = Batches<Command, CommandRow>

export function orderBatchRoutes({ batches, log }: Deps): Hono<Env> {
  const app = new Hono<Env>()

  app.post(
    '/orders/batch',
    describe(batching, async c => {
      const { requestId } = c.env
      const { mode, orders } = parse(batchBody, await readJson(c))
      const defaults = { key: keyOf(c, null), deadline: deadlineOf(c, null) }
      const entries = orders.map((entry, index) => () => {
        const { symbol, command } = toCommand(entry)
        return { symbol, command: withDefaults(command, { ...defaults, index }) }
      })
      const outcomes =
        mode === 'ATOMIC'
          ? await runAtomic(batches, entries)
          : await runEach(batches, entries, error => logProblem(error, log, requestId))
      const results = outcomes.map(([command, outcome]) => {
        if (outcome instanceof Problem) {
          return { status: outcome.status, problem: problemDocument(outcome, requestId) }
        }
        return { status: command?.op === 'PLACE' ? 201 : 200, order: outcome }
      })
      return Response.json({ results })
    }),
  )

  return app
}

/** Each entry for itself: all of a symbol stand in its queue in their order, in one go. */
function runEach(
  batches: CommandBatches,
  entries: readonly Entry[],
  explain: (error: unknown) => Problem,
): Promise<Outcome[]> {
  return Promise.all(
    entries.map(async (entry): Promise<Outcome> => {
      let command: Command | undefined
      try {
        const addressed = entry()
        command = addressed.command
        return [command, outcomeOf(await batches.submit(addressed.symbol, command))]
      } catch (error) {
        return [command, explain(error)]
      }
    }),
  )
}

/** All or none, so of one symbol, and with no entry that cannot even be read. */
async function runAtomic(batches: CommandBatches, entries: readonly Entry[]): Promise<Outcome[]> {
  const addressed = entries.map(readEntry)
  const [symbol = '', ...others] = new Set(addressed.map(entry => entry.symbol))
  if (others.length > 0) {
    const detail = 'an atomic batch is of one symbol'
    throw new Problem(400, 'SEVERAL_SYMBOLS', detail, { field: 'orders' })
  }
  const commands = addressed.map(entry => entry.command)
  const rows = await batches.submitAtomic(symbol, commands)
  return rows.map((row, index) => [commands[index], outcomeOf(row)])
}

function readEntry(entry: Entry, index: number): Addressed<Command> {
  try {
    return entry()
  } catch (error) {
    throw inEntry(index, error)
  }
}
