import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One file of the project: its path from the root, with forward slashes, and its text. */
export type SourceFile = { path: string; text: string }

const skippedNames = new Set(['node_modules', 'vendor', 'package-lock.json', '.env'])
const keptDotNames = new Set(['.ci', '.gmrc', '.editorconfig', '.gitattributes', '.env.example'])
const textEndings = /\.(ts|js|mjs|css|html|sql|md|json|ya?ml)$/

/**
 * Every text file of the project that people write, sorted by path. It walks the folder and does
 * not ask git, so that a copy without its history is checked as well; links are not followed.
 */
export function readSourceFiles(root: string): SourceFile[] {
  return pathsBelow(root, '')
    .filter(path => textEndings.test(path) || keptDotNames.has(path.split('/')[0] ?? ''))
    .map(path => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

function pathsBelow(root: string, folder: string): string[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true })
  const kept = entries.filter(entry => !skippedNames.has(entry.name) && !isHidden(entry.name))
  return kept
    .flatMap(entry => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) return pathsBelow(root, path)
      return entry.isFile() ? [path] : []
    })
    .sort()
}

function isHidden(name: string): boolean {
  return name.startsWith('.') && !keptDotNames.has(name)
}
