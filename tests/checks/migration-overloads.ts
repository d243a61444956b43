import { type Copy, copiesIn, lastDrop } from './migration-copies.ts'
import { list, record } from './plain-json.ts'
import type { SourceFile } from './source-files.ts'
import { functionsIn } from './sql-function.ts'
import { nameParts } from './sql-tree.ts'
import type { Violation } from './violation.ts'

/**
 * `create or replace` with other argument types makes a second function beside the first, and the
 * old one stays callable. So a changed signature needs a drop between the two copies.
 */
export function checkOverloads(
  files: readonly SourceFile[],
  chain: readonly SourceFile[],
): Violation[] {
  const text = chain.map(migration => migration.text).join('\n')
  const before = new Map<string, Copy>()
  return copiesIn(text).flatMap(copy => {
    const path = `sql/${copy.include}`
    const own = { ...copy, text: copy.text ?? files.find(file => file.path === path)?.text }
    const old = before.get(copy.include)
    before.set(copy.include, own)
    if (!old || signature(old.text) === signature(own.text)) return []
    const name = copy.include.replace(/\.sql$/, '').replace('/', '.')
    const between = text.slice(old.position, copy.position)
    if (lastDrop(between, name) !== -1) return []
    const message = `the arguments changed to (${signature(own.text)}): drop the old function first`
    return [{ path, line: 1, rule: 'migration-overload', message }]
  })
}

/** The types of the arguments that tell two functions of one name apart. */
function signature(text: string | undefined): string {
  const [code] = functionsIn(text ?? '')
  return list(code?.node.parameters)
    .map(entry => record(record(entry).FunctionParameter))
    .filter(({ mode }) => mode !== 'FUNC_PARAM_TABLE' && mode !== 'FUNC_PARAM_OUT')
    .map(({ argType }) => {
      const type = record(argType)
      return nameParts(type.names).join('.') + '[]'.repeat(list(type.arrayBounds).length)
    })
    .join(', ')
}
