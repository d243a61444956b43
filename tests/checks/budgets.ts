import ts from 'typescript'
import { descendants, isScript, lastLineOf, lineOf, parseScript } from './script-tree.ts'
import type { SourceFile } from './source-files.ts'
import { sqlBodies, sqlPath } from './sql-text.ts'
import type { Violation } from './violation.ts'

/** The budgets are only ever tightened. The batch matcher's one loop is the stated exception. */
const budgets = { script: 300, test: 400, function: 70, sql: 120, sqlBody: 70, columns: 100 }
const batchMatcher = { path: 'sql/matching/match_batch.sql', file: 300, body: 250 }

/** Files, functions and bodies that are longer than their budget, and lines wider than theirs. */
export function checkBudgets(file: SourceFile): Violation[] {
  if (isScript(file.path)) return [...scriptLength(file), ...longFunctions(file), ...wide(file)]
  if (sqlPath(file.path)) return [...sqlLength(file), ...longBodies(file), ...wide(file)]
  if (file.path === 'migrations/current.sql' || /\.(css|html)$/.test(file.path)) return wide(file)
  return []
}

function scriptLength(file: SourceFile): Violation[] {
  const isTest = file.path.endsWith('.test.ts')
  return isTest
    ? tooLong(file, 'test-file-length', lineCount(file.text), budgets.test)
    : tooLong(file, 'file-length', lineCount(file.text), budgets.script)
}

function sqlLength(file: SourceFile): Violation[] {
  const budget = file.path === batchMatcher.path ? batchMatcher.file : budgets.sql
  return tooLong(file, 'sql-file-length', lineCount(file.text), budget)
}

function longBodies(file: SourceFile): Violation[] {
  const budget = file.path === batchMatcher.path ? batchMatcher.body : budgets.sqlBody
  return sqlBodies(file.text).flatMap(body =>
    tooLong({ ...file, line: body.line }, 'sql-body-length', lineCount(body.text.trim()), budget),
  )
}

function longFunctions(file: SourceFile): Violation[] {
  const found: Violation[] = []
  for (const node of descendants(parseScript(file))) {
    if (!ts.isFunctionLike(node)) continue
    const lines = lastLineOf(node) - lineOf(node) + 1
    const place = { ...file, line: lineOf(node) }
    found.push(...tooLong(place, 'function-length', lines, budgets.function))
  }
  return found
}

function wide({ path, text }: SourceFile): Violation[] {
  return text.split('\n').flatMap((content, index) => {
    const columns = [...content].length
    if (columns <= budgets.columns) return []
    const message = `${columns} columns, ${budgets.columns} are allowed`
    return [{ path, line: index + 1, rule: 'line-width', message }]
  })
}

function tooLong(
  place: { path: string; line?: number },
  rule: string,
  lines: number,
  allowed: number,
): Violation[] {
  if (lines <= allowed) return []
  const message = `${lines} lines, ${allowed} are allowed`
  return [{ path: place.path, line: place.line ?? allowed + 1, rule, message }]
}

function lineCount(text: string): number {
  return text.replace(/\n$/, '').split('\n').length
}
