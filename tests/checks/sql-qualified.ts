import { count, list, record, word } from './plain-json.ts'
import type { SourceFile } from './source-files.ts'
import { asFunction, type SqlFunction, statementsOrNone, treeOrNone } from './sql-function.ts'
import { sqlPath } from './sql-text.ts'
import { nodesOf, type SqlNode } from './sql-tree.ts'
import type { Violation } from './violation.ts'

/** Tables and views that are named without their schema, and so depend on a search_path. */
export function checkQualifiedNames({ path, text }: SourceFile): Violation[] {
  if (!sqlPath(path)) return []
  return queriesIn(text).flatMap(({ tree, line }) =>
    unqualified(tree).map(name => ({
      path,
      line,
      rule: 'sql-qualified',
      message: `"${name}" is named without its schema`,
    })),
  )
}

type Query = { tree: unknown; line: number }

function queriesIn(text: string): Query[] {
  return statementsOrNone(text).flatMap(statement => {
    const code = asFunction(statement)
    return code ? queriesOf(code) : [{ tree: statement.node, line: statement.line }]
  })
}

function queriesOf(code: SqlFunction): Query[] {
  if (code.language === 'sql') {
    return statementsOrNone(code.body).map(({ node, line }) => ({
      tree: node,
      line: code.bodyLine + line - 1,
    }))
  }
  const queries: Query[] = []
  let last = 1
  for (const [key, value] of inOrder(treeOrNone(code))) {
    if (key === 'lineno') last = count(value)
    if (key !== 'PLpgSQL_expr') continue
    queries.push({ tree: expressionTree(record(value)), line: code.bodyLine + last - 1 })
  }
  return queries
}

/** A whole statement, an expression, or an assignment: each is made a statement and parsed. */
function expressionTree({ query, parseMode }: SqlNode): unknown {
  const sql = word(query)
  if (parseMode === 0) return statementsOrNone(sql).map(({ node }) => node)
  const expression = parseMode === 2 ? sql : sql.replace(/^[^:=]*:?=/, '')
  return statementsOrNone(`select ${expression}`).map(({ node }) => node)
}

function* inOrder(value: unknown): Generator<[string, unknown]> {
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value)) {
    yield [key, inner]
    yield* inOrder(inner)
  }
}

function unqualified(query: unknown): string[] {
  const named = new Set([
    ...[...nodesOf(query, 'CommonTableExpr')].map(({ ctename }) => word(ctename)),
    ...[...nodesOf(query, 'LockingClause')].flatMap(lockedAliases),
  ])
  return [...inOrder({ query })]
    .map(([, value]) => record(value))
    .filter(({ relname, schemaname }) => word(relname) !== '' && schemaname === undefined)
    .map(({ relname }) => word(relname))
    .filter(name => !named.has(name))
}

/** `for update of a` names aliases, not tables. */
function lockedAliases({ lockedRels }: SqlNode): string[] {
  return list(lockedRels).map(entry => word(record(record(entry).RangeVar).relname))
}
