import { loadModule, type ScanToken, scanSync } from 'libpg-query'

await loadModule()

/** One token of SQL as PostgreSQL's own scanner sees it, with the line it starts on. */
export type SqlToken = { text: string; line: number }

/** The text between the dollar quotes of a function or a `do` block. */
export type SqlBody = { text: string; line: number }

/** The schemas of sql/, lowest first: a file may use its own schema and those before it. */
export const schemas: readonly string[] = [
  'reference',
  'ledger',
  'settlement',
  'clearing',
  'matching',
  'ops',
  'api',
]

/** `sql/<schema>/<name>.sql` taken apart, or nothing for any other path. */
export function sqlPath(path: string): { schema: string; name: string } | undefined {
  const match = /^sql\/([^/]+)\/([^/]+)\.sql$/.exec(path)
  const [, schema, name] = match ?? []
  return schema === undefined || name === undefined ? undefined : { schema, name }
}

export function isMigration(path: string): boolean {
  return /^migrations\/.*\.sql$/.test(path)
}

/** graphile-migrate's placeholders are no SQL; a word of the same length stands in for them. */
export function withoutPlaceholders(text: string): string {
  return text.replace(/:DATABASE_(NAME|OWNER)\b/g, word =>
    word.slice(1).toLowerCase().padEnd(word.length),
  )
}

/** All tokens but comments; the bodies of functions and `do` blocks are scanned in place. */
export function sqlTokens(text: string): SqlToken[] {
  return scan(text).flatMap(token => {
    if (!token.isBody) return [token]
    return sqlTokens(withoutQuotes(token.text)).map(inner => ({
      text: inner.text,
      line: token.line + inner.line - 1,
    }))
  })
}

export function sqlBodies(text: string): SqlBody[] {
  return scan(text)
    .filter(token => token.isBody)
    .map(token => ({ text: withoutQuotes(token.text), line: token.line }))
}

function scan(text: string): (SqlToken & { isBody: boolean })[] {
  const bytes = Buffer.from(withoutPlaceholders(text))
  let line = 1
  let position = 0
  let before = ''
  const found: (SqlToken & { isBody: boolean })[] = []
  for (const token of scannedTokens(bytes.toString())) {
    for (; position < token.start; position += 1) if (bytes[position] === 10) line += 1
    if (token.tokenName.endsWith('COMMENT')) continue
    const isBody = token.text.startsWith('$') && /^(as|do|plpgsql)$/i.test(before)
    found.push({ text: token.text, line, isBody })
    before = token.text
  }
  return found
}

/** A text that cannot be scanned has no tokens: the parser reports it, with its place. */
function scannedTokens(text: string): ScanToken[] {
  try {
    return scanSync(text).tokens
  } catch {
    return []
  }
}

function withoutQuotes(quoted: string): string {
  const tag = quoted.indexOf('$', 1) + 1
  return quoted.slice(tag, -tag)
}
