import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely'
import type { SymbolRow } from './rows.ts'

/** The views of the api schema; its functions are called by name in calls.ts. */
interface ApiViews {
  'api.symbols': SymbolRow & { segment_id: number }
}

/**
 * Builds typed queries and runs none: they run where every other statement does, with its retries
 * (statements.ts).
 */
export const queries = new Kysely<ApiViews>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: db => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
})
