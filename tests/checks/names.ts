import { isScript } from './script-tree.ts'
import type { SourceFile } from './source-files.ts'
import { schemas, sqlPath } from './sql-text.ts'
import type { Violation } from './violation.ts'

/** Names that say nothing of what is inside, for files and folders alike. */
const emptyNames = new Set(['utils', 'util', 'common', 'lib', 'shared', 'types', 'misc'])

/** Files and folders that are not named as the style asks. */
export function checkNames({ path }: SourceFile): Violation[] {
  const parts = path.split('/')
  const file = parts.at(-1) ?? ''
  const messages = parts
    .filter(part => emptyNames.has(stem(part)))
    .map(part => `"${part}" does not say what is inside`)
  if (isScript(path) && !/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.d)?\.(ts|mjs|js)$/.test(file)) {
    messages.push(`"${file}" is not a kebab-case noun`)
  }
  if (path.startsWith('sql/') && file.endsWith('.sql')) messages.push(...sqlNames(path))
  return messages.map(message => ({ path, line: 1, rule: 'file-name', message }))
}

function sqlNames(path: string): string[] {
  const parts = sqlPath(path)
  if (!parts) return ['an SQL file belongs at sql/<schema>/<object>.sql']
  const messages: string[] = []
  if (!schemas.includes(parts.schema)) {
    messages.push(`"${parts.schema}" is not one of the schemas ${schemas.join(', ')}`)
  }
  if (!/^[a-z][a-z0-9_]*$/.test(parts.name)) messages.push(`"${parts.name}" is not snake_case`)
  return messages
}

function stem(name: string): string {
  return name.replace(/\..*$/, '')
}
