import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkBiome } from './biome.ts'
import { checkFloatingPromises, checkTypes, createProgram } from './compiler.ts'
import { readSourceFiles } from './source-files.ts'
import { lineAt, printViolation } from './violation.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** A project of two files under the real configuration. */
function project(t: Tap, planted: string): string {
  return t.testdir({
    'biome.json': read('biome.json')
      .replace('./node_modules', join(root, 'node_modules'))
      .replace(/ *"!!\*\*\/\.tap",\n/, ''), // where this project itself is
    '.gitignore': read('.gitignore'),
    'tsconfig.json': read('tsconfig.json').replace('"types": ["node"]', '"types": []'),
    node_modules: t.fixture('symlink', join(root, 'node_modules')),
    app: { 'planted.ts': planted, 'other.ts': 'export async function other(): Promise<void> {}\n' },
  })
}

type Tap = { testdir: typeof t.testdir; fixture: typeof t.fixture }

const clean = "import { other } from './other.ts'\n\nexport const a = 'b'\n\nawait other()\n"

t.test('biome.json: no findings in clean text', async t => {
  t.same(checkBiome(project(t, clean)), [])
})

t.test('biome.json: format and the rules that the style names', async t => {
  const rules = (planted: string) => checkBiome(project(t, planted)).map(v => v.rule)
  t.match(rules('export const a = "b";\n'), ['format'])
  t.match(rules('export const a = (b: any) => b\n'), ['lint/suspicious/noExplicitAny'])
  t.match(rules('export const a = (b?: string) => b!.length\n'), ['lint/style/noNonNullAssertion'])
  t.match(rules('export enum A {\n  B = 1,\n}\n'), ['lint/style/noEnum'])
  t.match(rules(clean.replace('await other', 'other')), ['lint/nursery/noFloatingPromises'])
})

t.test('biome: a finding names file and line', async t => {
  const [finding] = checkBiome(project(t, `${clean}export const c = (b: any) => b\n`))
  t.match(finding, { path: 'app/planted.ts', line: 6 })
})

t.test('types: clean text passes, an error is found with its line', async t => {
  const dir = project(t, clean)
  t.same(checkTypes(createProgram(dir), dir), [])
  const broken = project(t, `${clean}export const c: string[] = [1]\n`)
  t.match(checkTypes(createProgram(broken), broken), [
    { path: 'app/planted.ts', line: 6, rule: 'TS2322' },
  ])
})

t.test('floating promises: those of libraries too, but not void, await and catch', async t => {
  const use = (statement: string) =>
    `declare const pool: { query(sql: string): Promise<number> }\nexport {}\n${statement}\n`
  const lines = (statement: string) => {
    const dir = project(t, use(statement))
    return checkFloatingPromises(createProgram(dir), dir).map(v => v.line)
  }
  t.same(lines("pool.query('a')"), [3])
  t.same(lines("pool.query('a').then(a => a)"), [3])
  t.same(lines("await pool.query('a')"), [])
  t.same(lines("void pool.query('a')"), [])
  t.same(lines("pool.query('a').catch(() => 0)"), [])
  t.same(lines("pool.query('a').catch(() => 0).finally(() => 0)"), [])
  t.same(lines("pool.query('a').finally(() => 0)"), [3])
})

t.test('source files: what people write, not what is installed, hidden or private', async t => {
  const dir = t.testdir({
    'README.md': '',
    '.env': '',
    '.env.example': '',
    '.data': { 'a.sql': '' },
    '.ci': { run: '' },
    node_modules: { 'a.ts': '' },
    app: { 'a.ts': '', 'b.png': '', vendor: { 'c.js': '' } },
    fixtures: t.fixture('symlink', 'app'),
  })
  const paths = readSourceFiles(dir).map(({ path }) => path)
  t.same(paths.sort(), ['.ci/run', '.env.example', 'README.md', 'app/a.ts'])
})

t.test('a violation is printed as an editor can follow it', async t => {
  t.equal(lineAt('a\nb\nc', 4), 3)
  t.equal(lineAt('a\nb\nc', 0), 1)
  const violation = { path: 'app/a.ts', line: 3, rule: 'line-width', message: 'too wide' }
  t.equal(printViolation(violation), '  app/a.ts:3  [line-width] too wide')
})
