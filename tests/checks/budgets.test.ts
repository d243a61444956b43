import t from 'tap'
import { checkBudgets } from './budgets.ts'

const lines = (count: number, line: string) => `${line}\n`.repeat(count)
const body = (count: number) =>
  `-- It counts.\ncreate function a.b() returns int language plpgsql volatile as $$\n${lines(
    count,
    '  select 1;',
  )}$$;\n`
const rules = (path: string, text: string) => checkBudgets({ path, text }).map(v => v.rule)

t.test('a TypeScript file has at most 300 lines, a test 400', async t => {
  t.same(rules('app/long.ts', lines(301, 'const a = 1')), ['file-length'])
  t.same(rules('app/fits.ts', lines(300, 'const a = 1')), [])
  t.same(rules('tests/long.test.ts', lines(401, 'const a = 1')), ['test-file-length'])
  t.same(rules('tests/fits.test.ts', lines(400, 'const a = 1')), [])
})

t.test('a TypeScript function has at most 70 lines', async t => {
  const named = (count: number) => `function f() {\n${lines(count - 2, '  g()')}}\n`
  const arrow = (count: number) => `export const f = () => {\n${lines(count - 2, '  g()')}}\n`
  const method = (count: number) => `const o = {\n  f() {\n${lines(count - 2, '  g()')}  },\n}\n`
  for (const make of [named, arrow, method]) {
    t.same(rules('app/a.ts', make(71)), ['function-length'])
    t.same(rules('app/a.ts', make(70)), [])
  }
})

t.test('an SQL file has at most 120 lines, a body 70', async t => {
  t.same(rules('sql/ledger/b.sql', lines(121, '-- a')), ['sql-file-length'])
  t.same(rules('sql/ledger/b.sql', lines(120, '-- a')), [])
  t.same(rules('sql/ledger/b.sql', body(71)), ['sql-body-length'])
  t.same(rules('sql/ledger/b.sql', body(70)), [])
})

t.test('the batch matcher alone may have a body of 250 lines in a file of 300', async t => {
  t.same(rules('sql/matching/match_batch.sql', body(250)), [])
  t.same(rules('sql/matching/match_batch.sql', body(251)), ['sql-body-length'])
  t.same(rules('sql/matching/match_batch.sql', lines(301, '-- a')), ['sql-file-length'])
  t.same(rules('sql/matching/match_orders.sql', body(100)), ['sql-body-length'])
})

t.test('a line has at most 100 columns, counted in characters', async t => {
  const wide = `// ${'é'.repeat(98)}\n`
  const fits = `// ${'é'.repeat(97)}\n`
  for (const path of ['app/a.ts', 'app/dashboard/a.js', 'app/dashboard/a.css']) {
    t.same(rules(path, wide), ['line-width'])
    t.same(rules(path, fits), [])
  }
  t.same(rules('sql/ledger/a.sql', `-- ${'é'.repeat(98)}\n`), ['line-width'])
  t.same(rules('migrations/current.sql', `-- ${'é'.repeat(98)}\n`), ['line-width'])
})

t.test('the place is the line of the function, and of the first line too many', async t => {
  const text = `const a = 1\n\nfunction f() {\n${lines(70, '  g()')}}\n`

  t.match(checkBudgets({ path: 'app/a.ts', text }), [{ path: 'app/a.ts', line: 3 }])
  t.match(checkBudgets({ path: 'app/a.ts', text: lines(301, 'a') }), [{ line: 301 }])
})
