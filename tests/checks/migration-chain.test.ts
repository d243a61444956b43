import { createHash } from 'node:crypto'
import t from 'tap'
import { checkMigrationChain } from './migration-chain.ts'
import type { SourceFile } from './source-files.ts'

const balance = (type: string, answer = '1') =>
  `-- A balance.\ncreate or replace function ledger.balance(p_a ${type}) returns int
language sql stable as $$ select ${answer} $$;\n`
const include = 'ledger/balance.sql'
const copy = (text: string) => `--! Included ${include}\n${text.trim()}\n--! EndIncluded ${include}`
const file = (text: string): SourceFile => ({ path: `sql/${include}`, text })
const current = (text: string): SourceFile => ({ path: 'migrations/current.sql', text })

/** Committed migrations as graphile-migrate writes them: headers, an empty line, the body. */
function committed(...bodies: string[]): SourceFile[] {
  let previous = ''
  return bodies.map((body, index) => {
    const hashed = `${`${previous}\n${body.trim()}`.trim()}\n`
    const hash = `sha1:${createHash('sha1').update(hashed).digest('hex')}`
    const head = `--! Previous: ${previous || '-'}\n--! Hash: ${hash}\n--! Message: step`
    previous = hash
    const path = `migrations/committed/00000${index + 1}-step.sql`
    return { path, text: `${head}\n\n${body.trim()}\n` }
  })
}

const found = (files: SourceFile[], allowCurrent = false) =>
  checkMigrationChain(files, allowCurrent).map(v => `${v.rule} ${v.path}:${v.line}`)

t.test('a chain that brings a database to the text of sql/ is fine', async t => {
  const one = balance('int')
  const two = balance('int', '2')
  t.same(found([...committed(copy(one)), file(one)]), [])
  t.same(found([...committed(copy(one), `select 1;\n\n${copy(two)}`), file(two)]), [])
  t.same(found([...committed(copy(one)), file(one), current('-- Enter migration here\n')]), [])
})

t.test('a file that no migration includes is found', async t => {
  t.same(found([...committed('select 1;'), file(balance('int'))]), [
    `migration-include sql/${include}:1`,
  ])
})

t.test('a file that differs from its last committed copy is found, unless included', async t => {
  const chain = committed(copy(balance('int')), copy(balance('int', '2')))
  const files = [...chain, file(balance('int'))]
  t.same(found(files), [`migration-include sql/${include}:1`], 'the first copy does not count')
  t.same(found([...files, current(`--!include ${include}\n`)], true), [])
})

t.test('nothing uncommitted may land, unless it is allowed while one works on it', async t => {
  const chain = [...committed(copy(balance('int'))), file(balance('int'))]
  for (const text of ['-- why\nselect 1;\n', `--\n--!include ${include}\n`]) {
    t.same(found([...chain, current(text)]), ['migration-uncommitted migrations/current.sql:2'])
    t.same(found([...chain, current(text)], true), [])
  }
})

t.test('a file that is gone must be dropped by a migration', async t => {
  const chain = ['select 1;', copy(balance('int'))]
  t.same(found(committed(...chain)), ['migration-gone migrations/committed/000002-step.sql:5'])
  t.same(found(committed(...chain, 'drop function ledger.balance(int);')), [])
  t.same(found(committed(...chain, 'drop function if exists\n  ledger.balance(int);')), [])
  t.equal(found(committed(...chain, 'drop function ledger.balances(int);')).length, 1)
  t.equal(found(committed('drop function ledger.balance(int);', ...chain)).length, 1)
})

t.test('a file that is dropped after its last copy must be included again', async t => {
  const chain = [copy(balance('int')), 'drop function ledger.balance(int);']
  t.same(found([...committed(...chain), file(balance('int'))]), [
    `migration-include sql/${include}:1`,
  ])
  t.same(found([...committed(...chain, copy(balance('int'))), file(balance('int'))]), [])
})

t.test('other argument types need a drop, or the old function stays beside the new', async t => {
  const old = copy(balance('int'))
  const drop = 'drop function ledger.balance(int);\n'
  const bigint = balance('bigint')
  t.same(found([...committed(old, copy(bigint)), file(bigint)]), [
    `migration-overload sql/${include}:1`,
  ])
  t.same(found([...committed(old, `${drop}${copy(bigint)}`), file(bigint)]), [])
  const pending = current(`--!include ${include}\n`)
  t.same(found([...committed(old), file(bigint), pending], true), [
    `migration-overload sql/${include}:1`,
  ])
})

t.test('an edited committed migration breaks the chain', async t => {
  const [first, second] = committed('select 1;', 'select 2;')
  if (!first || !second) return t.fail('two migrations')
  const edited = { ...second, text: second.text.replace('2', '3') }
  t.same(found([first, edited]), ['migration-hash migrations/committed/000002-step.sql:1'])
  t.same(found([second]), ['migration-hash migrations/committed/000002-step.sql:1'])
  t.same(found([first, second]), [])
})
