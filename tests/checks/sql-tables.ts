import { list, record, word } from './plain-json.ts'
import type { SourceFile } from './source-files.ts'
import { isMigration, schemas } from './sql-text.ts'
import {
  nameParts,
  nodesOf,
  parseStatements,
  type SqlNode,
  type SqlStatement,
  SqlSyntaxError,
} from './sql-tree.ts'
import type { Violation } from './violation.ts'

/** The schemas whose tables are spread by segment: it comes first in each of their keys. */
const bySegment = new Set(['ledger', 'settlement', 'clearing', 'matching'])
/** The statements that give a name, and where in their tree it stands. */
const definitions: Readonly<Record<string, (node: SqlNode) => string[]>> = {
  CreateStmt: ({ relation }) => [word(record(relation).schemaname), word(record(relation).relname)],
  CreateEnumStmt: ({ typeName }) => nameParts(typeName),
  CreateDomainStmt: ({ domainname }) => nameParts(domainname),
  CompositeTypeStmt: ({ typevar }) => [
    word(record(typevar).schemaname),
    word(record(typevar).relname),
  ],
}

type Say = (line: number, rule: string, message: string) => void

/** Tables and types as the migrations define them: named, keyed, constrained and explained. */
export function checkSqlTables({ path, text }: SourceFile): Violation[] {
  if (!isMigration(path)) return []
  const found: Violation[] = []
  const say: Say = (line, rule, message) => found.push({ path, line, rule, message })
  const statements = statementsOf(text, say)
  for (const statement of statements) {
    checkName(statement, say)
    checkKeys(statement, say)
    if (statement.kind !== 'CreateStmt' || statement.node.partbound !== undefined) continue
    checkConstraints(statement, say)
    if (!statements.some(other => isCommentOn(other, nameOf(statement)))) {
      say(statement.line, 'table-comment', `${nameOf(statement)} has no "comment on table"`)
    }
  }
  return found
}

function statementsOf(text: string, say: Say): SqlStatement[] {
  try {
    return parseStatements(text)
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error
    say(error.line, 'sql-syntax', error.message)
    return []
  }
}

function checkName(statement: SqlStatement, say: Say): void {
  const name = definitions[statement.kind]?.(statement.node)
  if (!name) return
  const [schema = '', object = ''] = name.length === 1 ? ['', ...name] : name
  if (!schemas.includes(schema)) {
    say(statement.line, 'table-name', `"${schema}.${object}" is in none of the schemas of sql/`)
  }
  if (!/^[a-z][a-z0-9_]*$/.test(object)) {
    say(statement.line, 'table-name', `"${object}" is not snake_case`)
  }
}

function checkKeys(statement: SqlStatement, say: Say): void {
  for (const { table, columns } of keysOf(statement)) {
    const [schema = ''] = table.split('.')
    if (!bySegment.has(schema) || columns[0] === 'segment_id') continue
    say(statement.line, 'segment-first', `the key (${columns.join(', ')}) of ${table}`)
  }
}

function keysOf(statement: SqlStatement): { table: string; columns: string[] }[] {
  const { kind, node } = statement
  if (kind === 'IndexStmt' && node.unique === true) {
    const { schemaname, relname } = record(node.relation)
    const columns = list(node.indexParams).map(entry => word(record(record(entry).IndexElem).name))
    return [{ table: `${word(schemaname)}.${word(relname)}`, columns }]
  }
  if (kind !== 'CreateStmt') return []
  const table = nameOf(statement)
  const ofColumns = [...nodesOf(node, 'ColumnDef')].flatMap(column =>
    [...nodesOf(column, 'Constraint')].filter(isKey).map(() => [word(column.colname)]),
  )
  const ofTable = list(node.tableElts).map(element => record(record(element).Constraint))
  const columns = [...ofColumns, ...ofTable.filter(isKey).map(({ keys }) => nameParts(keys))]
  return columns.map(each => ({ table, columns: each }))
}

function isKey({ contype }: SqlNode): boolean {
  return contype === 'CONSTR_PRIMARY' || contype === 'CONSTR_UNIQUE'
}

function checkConstraints(statement: SqlStatement, say: Say): void {
  for (const { contype, conname, fk_del_action } of nodesOf(statement.node, 'Constraint')) {
    if (contype === 'CONSTR_CHECK' && conname === undefined) {
      say(statement.line, 'check-name', `a check of ${nameOf(statement)} has no name to read`)
    }
    if (contype === 'CONSTR_FOREIGN' && fk_del_action === 'a') {
      say(statement.line, 'on-delete', `a foreign key of ${nameOf(statement)} has no "on delete"`)
    }
  }
}

function nameOf({ kind, node }: SqlStatement): string {
  return definitions[kind]?.(node).join('.') ?? ''
}

function isCommentOn({ kind, node }: SqlStatement, name: string): boolean {
  return kind === 'CommentStmt' && nameParts(node.object).join('.') === name
}
