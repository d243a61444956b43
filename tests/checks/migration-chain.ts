import { createHash } from 'node:crypto'
import { type Copy, copiesIn, lastDrop } from './migration-copies.ts'
import { checkOverloads } from './migration-overloads.ts'
import type { SourceFile } from './source-files.ts'
import { sqlPath } from './sql-text.ts'
import { lineAt, type Violation } from './violation.ts'

const committedPath = /^migrations\/committed\/(\d+)(-[a-z0-9-]+)?\.sql$/
const currentPath = 'migrations/current.sql'

/**
 * Does the chain of migrations bring a database to the text of sql/? Each file must be equal to
 * its last committed copy, each copy must still have its file or be dropped, no committed
 * migration may have been edited, and nothing may be left uncommitted (unless it is allowed,
 * while one works on it: then what current.sql includes counts as up to date).
 */
export function checkMigrationChain(
  files: readonly SourceFile[],
  allowCurrent: boolean,
): Violation[] {
  const migrations = files.filter(({ path }) => committedPath.test(path) || path === currentPath)
  const current = migrations.find(({ path }) => path === currentPath)
  const committed = migrations.filter(file => file !== current)
  const chain = allowCurrent && current ? [...committed, current] : committed
  return [
    ...checkHashes(committed),
    ...(current && !allowCurrent ? checkEmpty(current) : []),
    ...checkFilesCarried(files, chain),
    ...checkGoneFiles(files, chain),
    ...checkOverloads(files, chain),
  ]
}

function checkEmpty({ path, text }: SourceFile): Violation[] {
  const rest = text.split('\n').findIndex(line => !/^\s*(--(?!!\s*include\b).*)?$/.test(line))
  if (rest === -1) return []
  const message = 'not committed yet: run graphile-migrate commit (CHECK_ALLOW_CURRENT=1 allows it)'
  return [{ path, line: rest + 1, rule: 'migration-uncommitted', message }]
}

/** The hash that graphile-migrate gave each file covers its text and the hash before it. */
function checkHashes(committed: readonly SourceFile[]): Violation[] {
  let previous = '-'
  return committed.flatMap(({ path, text }) => {
    const [head = '', ...parts] = text.split('\n\n')
    const stated = { previous: header(head, 'Previous'), hash: header(head, 'Hash') }
    const chained = previous === '-' ? '' : previous
    const body = `${`${chained}\n${parts.join('\n\n').trim()}`.trim()}\n`
    const hash = `sha1:${createHash('sha1').update(body).digest('hex')}`
    const isWhole = stated.previous === previous && stated.hash === hash
    previous = stated.hash
    const message = 'a committed migration was edited or is out of order: write a new one instead'
    return isWhole ? [] : [{ path, line: 1, rule: 'migration-hash', message }]
  })
}

function header(head: string, name: string): string {
  return new RegExp(`^--! ${name}: (.*)$`, 'm').exec(head)?.[1]?.trim() ?? ''
}

function checkFilesCarried(
  files: readonly SourceFile[],
  chain: readonly SourceFile[],
): Violation[] {
  const text = chain.map(migration => migration.text).join('\n')
  const copies = new Map(copiesIn(text).map(copy => [copy.include, copy]))
  return files.flatMap(file => {
    const parts = sqlPath(file.path)
    if (!parts) return []
    const copy = copies.get(file.path.slice('sql/'.length))
    const name = `${parts.schema}.${parts.name}`
    const message = carriedProblem(file, copy, lastDrop(text, name))
    return message ? [{ path: file.path, line: 1, rule: 'migration-include', message }] : []
  })
}

function carriedProblem(
  file: SourceFile,
  copy: Copy | undefined,
  droppedAt: number,
): string | undefined {
  if (!copy) return 'no migration includes this file'
  if (droppedAt > copy.position) return 'dropped after it was last included: include it again'
  if (copy.text === undefined || copy.text === file.text.trim()) return undefined
  return 'differs from its last committed copy: include it in current.sql'
}

function checkGoneFiles(files: readonly SourceFile[], chain: readonly SourceFile[]): Violation[] {
  const here = new Set(files.map(({ path }) => path))
  const text = chain.map(migration => migration.text).join('\n')
  const gone = [...new Map(copiesIn(text).map(copy => [copy.include, copy])).values()].filter(
    ({ include }) => !here.has(`sql/${include}`),
  )
  return gone.flatMap(({ include, position }) => {
    const name = include.replace(/\.sql$/, '').replace('/', '.')
    if (lastDrop(text, name) > position) return []
    const message = `sql/${include} is gone, and no migration drops ${name}`
    return [{ ...placeOf(chain, include), rule: 'migration-gone', message }]
  })
}

function placeOf(chain: readonly SourceFile[], include: string): { path: string; line: number } {
  const last = chain.findLast(({ text }) => copiesIn(text).some(copy => copy.include === include))
  const copy = copiesIn(last?.text ?? '').find(each => each.include === include)
  return { path: last?.path ?? '', line: lineAt(last?.text ?? '', copy?.position ?? 0) }
}
