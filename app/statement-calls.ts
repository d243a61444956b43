import type { Listed } from './rows.ts'
import type * as rows from './statement-rows.ts'
import type { Statements } from './statements.ts'

/** Whose statement of when: `to` is not in it; null is without end. */
export interface StatementQuery {
  clientId: string
  asset: string | null
  from: string | null
  to: string | null
}

/** Whose lots, of one symbol or all: what stands open, or what was closed in between. */
export interface LotQuery {
  clientId: string
  symbol: string | null
  isOpen: boolean
  from: string | null
  to: string | null
}

/** The part of the calls that is about statements. */
export function statementCalls({ read }: Statements) {
  return {
    readStatementSums: ({ clientId, asset, from, to }: StatementQuery) =>
      read<rows.StatementSumRow>('select * from api.statement_sums($1, $2, $3, $4, $5)', [
        clientId,
        asset,
        from,
        to,
      ]),

    /** Those after the cursor. The first cursor is the last finality number of the sums. */
    listStatementLines: (
      { clientId, asset, from, to }: StatementQuery,
      cursor: string,
      limit: number,
    ) =>
      read<Listed<rows.StatementLineRow>>(
        'select * from api.statement_lines($1, $2, $3, $4, $5, $6, $7)',
        [clientId, asset, from, to, cursor, limit],
      ),

    listLots: (
      { clientId, symbol, isOpen, from, to }: LotQuery,
      cursor: string | null,
      limit: number,
    ) =>
      read<Listed<rows.LotRow>>('select * from api.lots($1, $2, $3, $4, $5, $6, $7, $8)', [
        clientId,
        symbol,
        isOpen,
        from,
        to,
        cursor,
        limit,
      ]),
  }
}
