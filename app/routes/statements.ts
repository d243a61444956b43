import { Hono } from 'hono'
import { z } from 'zod'
import { describe } from '../openapi.ts'
import type { Listed } from '../rows.ts'
import type { LotQuery, StatementQuery } from '../statement-calls.ts'
import type { LotRow, StatementLineRow, StatementSumRow } from '../statement-rows.ts'
import { type Cell, type Row, tableResponse } from '../tables.ts'
import type { Deps, Env } from './context.ts'
import { assetCode, codeInPath, parse, symbolCode, time, word } from './fields.ts'
import { pageQuery, printPage } from './lists.ts'

/** Lines of one call while a table is made: a call is a moment, and what it holds is memory. */
const tablePage = 5000

const lineCursor = z
  .string()
  .regex(/^\d{1,18}_\d{1,18}_\d{1,9}$/, 'is not a cursor of this statement')
const lotCursor = z
  .string()
  .regex(/^[A-Z0-9-]{1,33}_\d{1,30}(\.\d{1,18})?$/, 'is not a cursor of this list')

const period = {
  from: time.optional(),
  to: time.optional(),
  format: word('JSON', 'CSV', 'HTML').default('JSON'),
}
const statementQuery = z.strictObject({
  asset: assetCode.optional(),
  ...period,
  ...pageQuery(lineCursor),
})
const lotQuery = z.strictObject({
  symbol: symbolCode.optional(),
  state: word('OPEN', 'CLOSED').default('CLOSED'),
  ...period,
  ...pageQuery(lotCursor),
})

export function statementRoutes({ calls }: Deps): Hono<Env> {
  const app = new Hono<Env>()

  app.get(
    '/participants/:client_id/statement',
    describe(stating, async c => {
      const asked = parse(statementQuery, c.req.query())
      const { asset = null, from = null, to = null, format, limit } = asked
      const clientId = codeInPath(c.req.param('client_id'), 'client_id')
      const query = { clientId, asset, from, to }
      const sums = asked.cursor === undefined ? await calls.readStatementSums(query) : []
      if (format !== 'JSON') {
        return tableResponse(format, {
          name: `statement-${clientId}`,
          title: `Statement of ${clientId}${printPeriod(asked)}`,
          columns: statementColumns,
          rows: statementRows(calls, query, sums),
        })
      }
      const cursor = asked.cursor ?? firstCursor(sums)
      const rows = cursor === null ? [] : await calls.listStatementLines(query, cursor, limit)
      const balances = sums.map(({ last_finality_no: _, ...sum }) => sum)
      const page = printPage(rows, limit, printLine)
      return Response.json({ client_id: clientId, from, to, balances, ...page })
    }),
  )

  app.get(
    '/participants/:client_id/lots',
    describe(listing, async c => {
      const asked = parse(lotQuery, c.req.query())
      const { symbol = null, from = null, to = null, state, format } = asked
      const clientId = codeInPath(c.req.param('client_id'), 'client_id')
      const query = { clientId, symbol, from, to, isOpen: state === 'OPEN' }
      if (format !== 'JSON') {
        const first = await calls.listLots(query, null, tablePage)
        return tableResponse(format, {
          name: `lots-${clientId}`,
          title: `${state === 'OPEN' ? 'Open' : 'Closed'} lots of ${clientId}${printPeriod(asked)}`,
          columns: lotColumns,
          rows: lotRows(calls, query, first),
        })
      }
      const rows = await calls.listLots(query, asked.cursor ?? null, asked.limit)
      return Response.json(printPage(rows, asked.limit, printLot))
    }),
  )

  return app
}

function printLine({ cursor: _, ...line }: Listed<StatementLineRow>) {
  return line
}

function printLot({ cursor: _, ...lot }: Listed<LotRow>) {
  return lot
}

/** Null for a participant that never had anything. */
function firstCursor([sum]: readonly StatementSumRow[]): string | null {
  return sum?.last_finality_no ?? null
}

const statementColumns = [
  ...['line', 'asset', 'posted_at', 'effective_at', 'transfer_id', 'finality_no'],
  ...['counterparty', 'settlement_id', 'amount'],
]

/** Each asset's OPENING, all lines, each asset's CLOSING: a statement without them is not whole. */
async function* statementRows(
  calls: Deps['calls'],
  query: StatementQuery,
  sums: readonly StatementSumRow[],
): AsyncGenerator<Row[], undefined> {
  const edge = (line: string, asset: string, at: string | null, amount: string): Row => [
    ...[line, asset, at, null, null, null, null, null, amount],
  ]
  yield sums.map(({ asset, opening }) => edge('OPENING', asset, query.from, opening))
  let cursor = firstCursor(sums)
  while (cursor !== null) {
    const lines: Listed<StatementLineRow>[] = await calls.listStatementLines(
      query,
      cursor,
      tablePage,
    )
    yield lines.map(statementRow)
    cursor = lines.length < tablePage ? null : (lines.at(-1)?.cursor ?? null)
  }
  yield sums.map(({ asset, closing }) => edge('CLOSING', asset, query.to, closing))
}

function statementRow(line: StatementLineRow): Row {
  return [
    ...[line.kind, line.asset, line.posted_at, line.effective_at, line.transfer_id],
    ...[line.finality_no, line.counterparty, line.settlement_id, line.amount],
  ]
}

const lotColumns = [
  ...['symbol', 'side', 'quantity', 'opened_at', 'closed_at', 'bought_trade_id'],
  ...['sold_trade_id', 'cost', 'proceeds', 'gain', 'fees', 'net_gain'],
] as const

async function* lotRows(
  calls: Deps['calls'],
  query: LotQuery,
  first: readonly Listed<LotRow>[],
): AsyncGenerator<Row[], undefined> {
  let lots = first
  for (;;) {
    yield lots.map(lot => lotColumns.map((column): Cell => lot[column]))
    const cursor = lots.at(-1)?.cursor
    if (lots.length < tablePage || cursor === undefined) return
    lots = await calls.listLots(query, cursor, tablePage)
  }
}

/** As a title says it; the end is not in it. */
function printPeriod({ from, to }: { from?: string | undefined; to?: string | undefined }): string {
  return (from ? ` from ${from}` : '') + (to ? ` until ${to}` : '')
}

const stating = {
  summary: 'An account statement: balances at the begin and the end, and every transfer between',
  tag: 'participants',
  query: statementQuery,
  answers: {
    200: 'balances (on the first page) and lines, oldest first; as CSV or HTML all of it',
    400: 'a wrong field, or an end that is not behind the begin',
    404: 'unknown participant or asset',
  },
} as const
const listing = {
  summary: 'What was bought against what was sold, first in, first out: cost, proceeds and fees',
  tag: 'participants',
  query: lotQuery,
  answers: {
    200: 'a page of lots, or as CSV or HTML all of them',
    400: 'a wrong field, or an end that is not behind the begin',
    404: 'unknown participant or symbol',
  },
} as const
