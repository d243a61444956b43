import { posix } from 'node:path'
import ts from 'typescript'
import { descendants, isScript, lineOf, parseScript } from './script-tree.ts'
import type { SourceFile } from './source-files.ts'
import type { Violation } from './violation.ts'

/** What a folder may not import from: workers/ know app/, and nobody but tests knows tests/. */
const forbidden: Readonly<Record<string, readonly string[]>> = {
  app: ['workers', 'tests'],
  workers: ['tests'],
}

/** Imports that point the wrong way between app/, workers/ and tests/. */
export function checkImports(file: SourceFile): Violation[] {
  const [room = ''] = file.path.split('/')
  const rooms = forbidden[room]
  if (!rooms || !isScript(file.path)) return []
  return importsOf(file).flatMap(({ target, line }) => {
    const [other = ''] = posix.join(posix.dirname(file.path), target).split('/')
    if (!target.startsWith('.') || !rooms.includes(other)) return []
    const message = `${room}/ may not import from ${other}/ ("${target}")`
    return [{ path: file.path, line, rule: 'import-direction', message }]
  })
}

function importsOf(file: SourceFile): { target: string; line: number }[] {
  const found: { target: string; line: number }[] = []
  for (const node of descendants(parseScript(file))) {
    const target = importTarget(node)
    if (target && ts.isStringLiteralLike(target)) {
      found.push({ target: target.text, line: lineOf(node) })
    }
  }
  return found
}

/** `import … from`, `export … from`, `import(…)`, and the URL a worker thread is started from. */
function importTarget(node: ts.Node): ts.Expression | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return node.arguments[0]
  }
  if (ts.isNewExpression(node) && node.expression.getText() === 'URL') return node.arguments?.[0]
  return undefined
}
