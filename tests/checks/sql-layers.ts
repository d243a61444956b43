import type { SourceFile } from './source-files.ts'
import { schemas, sqlPath, sqlTokens } from './sql-text.ts'
import type { Violation } from './violation.ts'

/** The two entrances stand side by side on top: each may use every domain, not the other. */
const entrances: ReadonlySet<string> = new Set(['api', 'ops'])

/** The stated exceptions, as `file: schema.object`; each with its reason beside it. */
const crossings: ReadonlySet<string> = new Set([])

/** Names of a schema above the file's own: calls go downwards only. */
export function checkSqlLayers({ path, text }: SourceFile): Violation[] {
  const own = sqlPath(path)
  if (!own) return []
  return qualifiedNames(text).flatMap(({ schema, name, line }) => {
    if (isBelow(schema, own.schema) || crossings.has(`${path}: ${schema}.${name}`)) return []
    const message = `${own.schema} may not use ${schema}.${name}: calls go downwards only`
    return [{ path, line, rule: 'sql-layers', message }]
  })
}

function isBelow(schema: string, own: string): boolean {
  if (schema === own) return true
  if (entrances.has(own) && entrances.has(schema)) return false
  return schemas.indexOf(schema) < schemas.indexOf(own)
}

function qualifiedNames(text: string): { schema: string; name: string; line: number }[] {
  const tokens = sqlTokens(text)
  return tokens.flatMap((token, index) => {
    const isSchema = schemas.includes(token.text)
    const name = tokens[index + 2]?.text
    if (!isSchema || name === undefined || tokens[index + 1]?.text !== '.') return []
    if (tokens[index - 1]?.text === '.') return []
    return [{ schema: token.text, name, line: token.line }]
  })
}
