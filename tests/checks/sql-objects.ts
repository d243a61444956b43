import { list, record, word } from './plain-json.ts'
import type { SourceFile } from './source-files.ts'
import { sqlPath } from './sql-text.ts'
import { nameParts, parseStatements, type SqlStatement, SqlSyntaxError } from './sql-tree.ts'
import type { Violation } from './violation.ts'

/** What may stand in a file besides its object: what is said of it, and who may use it. */
const attachments = new Set(['CommentStmt', 'GrantStmt'])

/** One object a file, named after it, replaceable, explained above and in the database. */
export function checkSqlObjects(file: SourceFile): Violation[] {
  const parts = sqlPath(file.path)
  if (!parts) return []
  const statements = statementsOf(file)
  if ('rule' in statements) return [statements]
  const found = [...headComment(file), ...lastLine(file)]
  const say = (line: number, message: string) =>
    found.push({ path: file.path, line, rule: 'sql-object', message })

  const objects = statements.filter(({ kind }) => !attachments.has(kind))
  if (objects.length !== 1) say(1, `${objects.length} objects: a file holds one`)
  for (const object of objects) {
    const name = createdName(object)
    if (name === undefined) say(object.line, 'only a function, a procedure or a view lives here')
    else if (name !== `${parts.schema}.${parts.name}`) say(object.line, `the file holds ${name}`)
    if (name !== undefined && object.node.replace !== true) say(object.line, 'create or replace')
  }
  for (const { line, other } of statements.flatMap(attachedTo)) {
    if (other !== `${parts.schema}.${parts.name}`) say(line, `this is about ${other}`)
  }
  if (!statements.some(({ kind }) => kind === 'CommentStmt')) {
    say(1, 'there is no "comment on", which \\df+ and \\d+ show')
  }
  return found
}

function statementsOf({ path, text }: SourceFile): SqlStatement[] | Violation {
  try {
    return parseStatements(text)
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error
    return { path, line: error.line, rule: 'sql-syntax', message: error.message }
  }
}

function headComment({ path, text }: SourceFile): Violation[] {
  if (/^-- \S/.test(text)) return []
  return [{ path, line: 1, rule: 'sql-head-comment', message: 'say first what the object does' }]
}

function lastLine({ path, text }: SourceFile): Violation[] {
  if (/[^\n]\n$/.test(text)) return []
  const line = text.split('\n').length
  return [{ path, line, rule: 'sql-last-line', message: 'the file ends with one newline' }]
}

/** The qualified name of the function, procedure or view that the statement creates. */
export function createdName({ kind, node }: SqlStatement): string | undefined {
  if (kind === 'CreateFunctionStmt') return nameParts(node.funcname).join('.')
  if (kind !== 'ViewStmt') return undefined
  const view = record(node.view)
  return [view.schemaname, view.relname].map(word).filter(Boolean).join('.')
}

/** The objects that a comment, a grant or a revoke speaks of. */
function attachedTo({ kind, node, line }: SqlStatement): { line: number; other: string }[] {
  const targets = kind === 'CommentStmt' ? [node.object] : list(node.objects)
  if (!attachments.has(kind)) return []
  return targets.map(target => ({ line, other: targetName(record(target)) }))
}

function targetName(target: Readonly<Record<string, unknown>>): string {
  const relation = record(target.RangeVar)
  if (relation.relname !== undefined) {
    return [relation.schemaname, relation.relname].map(word).filter(Boolean).join('.')
  }
  const object = record(target.ObjectWithArgs).objname ?? target
  return nameParts(object).join('.')
}
