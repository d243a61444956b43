import ts from 'typescript'
import { descendants, isScript, lineOf, parseScript } from './script-tree.ts'
import type { SourceFile } from './source-files.ts'
import type { Violation } from './violation.ts'

/**
 * The driver seam: where a library hands over values whose types it does not know, and one cast
 * says what they are. Everywhere else an unknown value is parsed, not believed.
 */
export const driverSeam: ReadonlySet<string> = new Set(['app/database/connect.ts'])

/** Places where the compiler is told to believe: `any`, `!`, `as` and its switched-off errors. */
export function checkAssertions(file: SourceFile): Violation[] {
  if (!isScript(file.path)) return []
  const tree = parseScript(file)
  const found: Violation[] = []
  for (const node of descendants(tree)) {
    const message = assertion(node, driverSeam.has(file.path))
    if (message) found.push({ path: file.path, line: lineOf(node), rule: 'assertion', message })
  }
  return [...found, ...switchedOff(file)]
}

function assertion(node: ts.Node, isSeam: boolean): string | undefined {
  if (node.kind === ts.SyntaxKind.AnyKeyword) return '`any` is not allowed: take `unknown`'
  if (ts.isNonNullExpression(node)) return '`!` is not allowed: test for the missing value'
  if (ts.isTypeAssertionExpression(node)) return '`<T>value` is not allowed: parse the value'
  if (!ts.isAsExpression(node) || isSeam || isConst(node.type)) return undefined
  return '`as` is allowed only at the driver seam: parse the value'
}

function isConst(type: ts.TypeNode): boolean {
  return ts.isTypeReferenceNode(type) && type.getText() === 'const'
}

function switchedOff({ path, text }: SourceFile): Violation[] {
  return text.split('\n').flatMap((line, index) => {
    const [word] = /@ts-(ignore|nocheck|expect-error)/.exec(line) ?? []
    if (word === undefined || !/^\s*(\/\/|\/?\*)/.test(line)) return []
    return [{ path, line: index + 1, rule: 'assertion', message: `${word} is not allowed` }]
  })
}
