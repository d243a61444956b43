import type { SourceFile } from './source-files.ts'
import { isMigration, type SqlToken, sqlPath, sqlTokens } from './sql-text.ts'
import type { Violation } from './violation.ts'

const floatTypes = new Set(['real', 'float', 'float4', 'float8', 'money'])
const clocks = new Set([
  'now',
  'current_timestamp',
  'current_date',
  'current_time',
  'localtimestamp',
  'clock_timestamp',
  'statement_timestamp',
  'transaction_timestamp',
])
/** The entry points: their `p_now` may default to the clock, everything below is told the time. */
const mayAskTheClock = new Set(['api', 'ops'])
/** How long a wait took, nobody can be told before it: the one function that measures. */
const measuresAWait = 'sql/matching/wait_for_symbol.sql'

/** Words that the SQL style sheet rules out, wherever they stand, bodies included. */
export function checkSqlWords({ path, text }: SourceFile): Violation[] {
  if (!sqlPath(path) && !isMigration(path)) return []
  const tokens = sqlTokens(text)
  const schema = path === measuresAWait ? undefined : sqlPath(path)?.schema
  return tokens.flatMap((token, index) => {
    const after = tokens[index + 1]
    const problem =
      upperCase(token) ??
      floatType(token, after) ??
      catchAll(token, after) ??
      clock(token, tokens[index - 1], schema)
    return problem ? [{ path, line: token.line, ...problem }] : []
  })
}

type Problem = { rule: string; message: string }

function upperCase({ text }: SqlToken): Problem | undefined {
  if (!/^[A-Za-z_]\w*$/.test(text) || text === text.toLowerCase()) return undefined
  if (/^(NEW|OLD|TG_[A-Z_]+)$/.test(text)) return undefined
  return { rule: 'sql-lower-case', message: `"${text}" is written in lower case` }
}

function floatType(token: SqlToken, after: SqlToken | undefined): Problem | undefined {
  const isFloat = floatTypes.has(token.text)
  if (!isFloat && !(token.text === 'double' && after?.text === 'precision')) return undefined
  return { rule: 'sql-float', message: `"${token.text}": quantities and money are numeric` }
}

function catchAll(token: SqlToken, after: SqlToken | undefined): Problem | undefined {
  if (token.text !== 'when' || after?.text !== 'others') return undefined
  return { rule: 'sql-when-others', message: 'catch a named condition or let it rise' }
}

function clock(
  token: SqlToken,
  before: SqlToken | undefined,
  schema: string | undefined,
): Problem | undefined {
  if (schema === undefined || mayAskTheClock.has(schema)) return undefined
  if (!clocks.has(token.text) || before?.text === '.') return undefined
  return { rule: 'sql-clock', message: `"${token.text}": the time comes in as p_now` }
}
