import { list, record, word } from './plain-json.ts'
import {
  nameParts,
  nodesOf,
  parseBody,
  parseStatements,
  type SqlNode,
  type SqlStatement,
} from './sql-tree.ts'

/** A function, a procedure or a `do` block; `bodyLine` is the line of the opening dollar quote. */
export type SqlFunction = SqlStatement & {
  name: string
  language: string
  body: string
  bodyLine: number
}

/** What does not parse has no statements here: the checks of syntax report it. */
export function statementsOrNone(text: string): SqlStatement[] {
  try {
    return parseStatements(text)
  } catch {
    return []
  }
}

export function treeOrNone(code: SqlFunction): unknown {
  try {
    return parseBody(code)
  } catch {
    return {}
  }
}

export function functionsIn(text: string): SqlFunction[] {
  return statementsOrNone(text).flatMap(statement => asFunction(statement) ?? [])
}

export function asFunction(statement: SqlStatement): SqlFunction | undefined {
  const { kind, node, line, text } = statement
  if (kind !== 'CreateFunctionStmt' && kind !== 'DoStmt') return undefined
  const [as] = optionsOf(node, 'as')
  const [language] = optionsOf(node, 'language')
  const before = text.slice(0, text.search(/\$\w*\$/))
  return {
    ...statement,
    name: nameParts(node.funcname).join('.'),
    language: word(record(language?.String).sval) || 'plpgsql',
    body: nameParts(as)[0] ?? word(record(as?.String).sval),
    bodyLine: line + before.split('\n').length - 1,
  }
}

/** The values of every option of this name: `volatility`, `security`, `set`, … */
export function optionsOf(node: SqlNode, name: string): SqlNode[] {
  return [...nodesOf([list(node.options), list(node.args)], 'DefElem')]
    .filter(({ defname }) => defname === name)
    .map(({ arg }) => record(arg))
}
