import t from 'tap'
import { checkSqlTables } from './sql-tables.ts'

const comment = "comment on table ledger.accounts is 'balances';\n"
const table = (elements: string, rest = comment) =>
  `create table ledger.accounts (\n  segment_id int not null,\n  ${elements}\n);\n${rest}`
const found = (text: string, path = 'migrations/current.sql') =>
  checkSqlTables({ path, text }).map(v => `${v.rule}:${v.line}`)

t.test('a table that keeps the rules is fine', async t => {
  const elements = `asset_id int not null references reference.assets on delete restrict,
  held numeric not null constraint held_not_negative check (held >= 0),
  primary key (segment_id, asset_id), unique (segment_id, held)`
  t.same(found(table(elements)), [])
  t.same(found(table(elements), 'migrations/committed/000001-a.sql'), [])
  t.same(found('create table a (b int);\n', 'sql/ledger/a.sql'), [], 'only migrations are read')
})

t.test('tables and types are named: schema, snake_case', async t => {
  t.same(found("create type order_side_enum as enum ('BUY');\n"), ['table-name:1'])
  t.same(found("create type elsewhere.side as enum ('BUY');\n"), ['table-name:1'])
  t.same(found('create domain ledger."Amount" as numeric;\n'), ['table-name:1'])
  t.same(found('create type matching.batch as (a int);\n'), [])
  t.same(found(table('a int', comment.replace('ledger', 'x')).replace('ledger', 'x')), [
    'table-name:1',
  ])
})

t.test('segment_id comes first in every key of a table that is spread', async t => {
  t.same(found(table('a int, primary key (a, segment_id)')), ['segment-first:1'])
  t.same(found(table('a int unique')), ['segment-first:1'])
  t.same(found(table('a int primary key')), ['segment-first:1'])
  t.same(found('select 1;\ncreate unique index a_idx on ledger.accounts (a);\n'), [
    'segment-first:2',
  ])
  t.same(found('create unique index a_idx on ledger.accounts (segment_id, a);\n'), [])
  t.same(found('create index a_idx on ledger.accounts (a);\n'), [])
  t.same(found(table('a int primary key').replaceAll('ledger', 'reference')), [])
})

t.test('checks have names, foreign keys say what a delete does', async t => {
  t.same(found(table('a int check (a > 0)')), ['check-name:1'])
  t.same(found(table('a int references reference.assets')), ['on-delete:1'])
  t.same(found(table('a int, foreign key (a) references reference.assets (a)')), ['on-delete:1'])
})

t.test('a table is explained; its partitions are not asked to be', async t => {
  t.same(found(table('a int', '')), ['table-comment:1'])
  t.same(found('create table ledger.b partition of ledger.accounts default;\n'), [])
})

t.test('a migration parses, with the placeholders of graphile-migrate in it', async t => {
  t.same(found('select 1;\nselct 2;\n'), ['sql-syntax:2'])
  t.same(found('grant connect on database :DATABASE_NAME to pgsettle_app;\n'), [])
})
