import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { refusal } from '../../app/errors.ts'

const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'sql/README.md'), 'utf8')
const rows = readme.split('\n').map(line => line.split('|').map(cell => cell.trim()))
const sources = namesIn('sql', '.sql').map(readFile)
const tests = namesIn('tests', '.test.ts').map(readFile)

const ruleShape = /\[[A-Z]{3}-\d{3}\]/g
/** Columns and roles that the READMEs speak of. */
const columns = new Set([
  'client_id',
  'sort_price',
  'unsettled_in',
  'unsettled_out',
  'pgsettle_app',
  'pgsettle_operator',
  'pgsettle_auditor',
])

const stateShape = /'((?:IV|NF|ST|RJ|LK|NV)[A-Z]{3})'/g

t.test('every rule that SQL cites is defined in sql/README.md, once, and the other way', t => {
  const cited = new Set(sources.flatMap(text => text.match(ruleShape) ?? []))
  const defined = [...readme.matchAll(/^- (\[[A-Z]{3}-\d{3}\]) \w/gm)].map(m => m[1] ?? '')

  t.ok(cited.size > 10)
  t.strictSame(defined.toSorted(), [...cited].sort())
  t.equal(new Set(defined).size, defined.length)
  for (const id of tests.flatMap(text => text.match(ruleShape) ?? [])) {
    t.ok(defined.includes(id), `a test cites ${id}`)
  }
  t.end()
})

t.test('every error state that SQL knows is listed with its HTTP status, and no other', t => {
  const known = new Set(sources.flatMap(text => [...text.matchAll(stateShape)].map(m => m[1])))
  const listed = new Map(
    rows.flatMap(row => {
      const state = /^`([A-Z]{5})`$/.exec(row[1] ?? '')?.[1]
      return state === undefined ? [] : [[state, row]]
    }),
  )

  t.ok(known.size > 20)
  t.strictSame([...listed.keys()].sort(), [...known].sort())
  for (const [state, row] of listed) {
    t.equal(row[3], String(refusal(state, null, null, {}).status), state)
  }
  t.end()
})

t.test('the codes beside the states are those that are answered', t => {
  const said = new Map(rows.map(row => [row[1]?.replaceAll('`', ''), row[2]]))
  const raised = sources.flatMap(text => [
    ...[...text.matchAll(/errcode = '(\w{5})', hint = '(\w+)'/g)].map(m => [m[1], m[2]]),
    ...[...text.matchAll(/\('([A-Z_]+)', '([A-Z]{5})', /g)].map(m => [m[2], m[1]]),
  ])

  t.ok(raised.length > 20)
  for (const [state, code] of raised) {
    t.ok(
      said
        .get(state)
        ?.split(', ')
        .includes(code ?? ''),
      `${state} ${code}`,
    )
  }
  t.end()
})

t.test('every link of a README leads somewhere', t => {
  const folders = ['sql', 'app', 'workers', 'tests', 'migrations']
  const names = ['README.md', ...folders.flatMap(folder => namesIn(folder, 'README.md'))]
  t.ok(names.length > 10)
  for (const name of names) {
    const links = [...readFile(name).matchAll(/\]\(([^)#:]+)\)/g)].map(m => m[1] ?? '')
    for (const link of links) t.ok(existsSync(join(root, name, '..', link)), `${name}: ${link}`)
  }
  t.end()
})

t.test('a README names no function, view or table that is gone', t => {
  const written = [...namesIn('migrations/committed', '.sql'), 'migrations/current.sql']
  const migrations = written.map(readFile).join('\n')
  const made = [...migrations.matchAll(/^create [\w ]*?(?:table|view|type) (?:\w+\.)?(\w+)/gm)]
  const objects = new Set([
    ...made.map(m => m[1]),
    ...namesIn('sql', '.sql').map(name => /(\w+)\.sql$/.exec(name)?.[1]),
  ])
  const names = namesIn('sql', 'README.md')
  t.equal(names.length, 8, 'sql and each schema has one')
  for (const name of names) {
    for (const [, word = ''] of readFile(name).matchAll(/`(?:\w+\.)?([a-z]+_[a-z_0-9]+)`/g)) {
      t.ok(objects.has(word) || columns.has(word), `${name} names ${word}`)
    }
  }
  t.end()
})

function namesIn(folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith(ending) && !/checks|fixtures/.test(name))
    .map(name => join(folder, name))
}

function readFile(name: string): string {
  return readFileSync(join(root, name), 'utf8')
}
