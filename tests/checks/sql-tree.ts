import { parsePlPgSQLSync, parseSync } from 'libpg-query'
import { count, isRecord, list, type PlainRecord, record, word } from './plain-json.ts'
import { withoutPlaceholders } from './sql-text.ts'
import { lineAt } from './violation.ts'

/** A node of PostgreSQL's parse tree. */
export type SqlNode = PlainRecord

/** One statement: what kind it is, its node, its own text and the line it starts on. */
export type SqlStatement = { kind: string; node: SqlNode; text: string; line: number }

export class SqlSyntaxError extends Error {
  readonly line: number
  constructor(message: string, line: number) {
    super(message)
    this.line = line
  }
}

/** The statements of a text as PostgreSQL's parser reads them; throws SqlSyntaxError. */
export function parseStatements(text: string): SqlStatement[] {
  const bytes = Buffer.from(withoutPlaceholders(text))
  return parsed(bytes.toString()).flatMap(entry => {
    const [[kind, node] = ['', undefined]] = Object.entries(record(entry.stmt))
    if (!isRecord(node)) return []
    const start = count(entry.stmt_location)
    const end = entry.stmt_len === undefined ? bytes.length : start + count(entry.stmt_len)
    const raw = bytes.subarray(start, end).toString()
    const lead = raw.length - raw.replace(/^(\s|--[^\n]*\n)+/, '').length
    const before = bytes.subarray(0, start).toString()
    return [{ kind, node, text: raw.slice(lead), line: lineAt(text, before.length + lead) }]
  })
}

function parsed(text: string): SqlNode[] {
  try {
    return list(record(parseSync(text)).stmts).map(record)
  } catch (error) {
    const position = isRecord(error) ? count(record(error.sqlDetails).cursorPosition) : 0
    throw new SqlSyntaxError(messageOf(error), lineAt(text, position))
  }
}

/** The tree of a PL/pgSQL function or `do` block; throws SqlSyntaxError. */
export function parseBody(statement: SqlStatement): unknown {
  try {
    return parsePlPgSQLSync(statement.text)
  } catch (error) {
    throw new SqlSyntaxError(messageOf(error), statement.line)
  }
}

/** The words of a qualified name: `[{String: {sval}}, …]`. */
export function nameParts(value: unknown): string[] {
  const parts = isRecord(value) ? list(record(value.List).items) : list(value)
  return parts.map(part => word(record(record(part).String).sval))
}

/** Every node of this kind, anywhere below. */
export function* nodesOf(tree: unknown, kind: string): Generator<SqlNode> {
  for (const [key, value] of entriesOf(tree)) {
    if (key === kind && isRecord(value)) yield value
    yield* nodesOf(value, kind)
  }
}

function entriesOf(tree: unknown): [string, unknown][] {
  if (Array.isArray(tree)) return tree.map((value, index) => [String(index), value])
  return isRecord(tree) ? Object.entries(tree) : []
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
