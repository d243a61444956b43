import { dirname, join, relative } from 'node:path'
import ts from 'typescript'
import { descendants, lineOf } from './script-tree.ts'
import type { Violation } from './violation.ts'

/** Reads tsconfig.json and all it includes, as `tsc --noEmit` does. */
export function createProgram(root: string): ts.Program {
  const path = join(root, 'tsconfig.json')
  const { config, error } = ts.readConfigFile(path, ts.sys.readFile)
  if (error) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, '\n'))
  const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, dirname(path))
  return ts.createProgram(fileNames, { ...options, noEmit: true })
}

/** Everything that `tsc --noEmit` would print. */
export function checkTypes(program: ts.Program, root: string): Violation[] {
  return ts.getPreEmitDiagnostics(program).map(({ file, start, code, messageText }) => ({
    path: file ? relative(root, file.fileName) : 'tsconfig.json',
    line: file ? file.getLineAndCharacterOfPosition(start ?? 0).line + 1 : 1,
    rule: `TS${code}`,
    message: ts.flattenDiagnosticMessageText(messageText, ' '),
  }))
}

/**
 * Promises that nobody awaits in app/ and workers/. Biome sees those of our own functions; this
 * one asks the compiler, and so sees those of libraries as well: a query left alone is lost work.
 */
export function checkFloatingPromises(program: ts.Program, root: string): Violation[] {
  const checker = program.getTypeChecker()
  return program.getSourceFiles().flatMap(file => {
    const path = relative(root, file.fileName)
    if (!/^(app|workers)\//.test(path)) return []
    return [...descendants(file)]
      .filter(node => isFloating(node, checker))
      .map(node => ({
        path,
        line: lineOf(node),
        rule: 'floating-promise',
        message: 'a promise that nobody awaits: await it, return it or say void',
      }))
  })
}

function isFloating(node: ts.Node, checker: ts.TypeChecker): boolean {
  if (!ts.isExpressionStatement(node) || !ts.isCallExpression(node.expression)) return false
  const promise = checker.getTypeAtLocation(node.expression)
  return checker.getPropertyOfType(promise, 'then') !== undefined && !isCaught(node.expression)
}

/** `.catch(…)` or `.then(…, …)` ends the chain; a `.finally(…)` may follow. */
function isCaught({ expression: callee, arguments: given }: ts.CallExpression): boolean {
  if (!ts.isPropertyAccessExpression(callee)) return false
  const { name, expression: before } = callee
  if (name.text === 'finally') return ts.isCallExpression(before) && isCaught(before)
  return name.text === 'catch' || (name.text === 'then' && given.length > 1)
}
