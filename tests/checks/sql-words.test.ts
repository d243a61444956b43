import t from 'tap'
import { checkSqlWords } from './sql-words.ts'

const found = (text: string, path = 'sql/ledger/a.sql') =>
  checkSqlWords({ path, text }).map(v => `${v.rule}:${v.line}`)
const body = (text: string) =>
  `create function ledger.a() returns int\nlanguage plpgsql volatile as $$\n${text}\n$$;\n`

t.test('everything is lower case but NEW, OLD, TG_OP, text and comments', async t => {
  t.same(found('SELECT 1;\n'), ['sql-lower-case:1'])
  t.same(found('select a.Id from ledger.accounts as a;\n'), ['sql-lower-case:1'])
  t.same(found(body('begin\n  IF true then return 1; end if;\nend;')), ['sql-lower-case:4'])
  t.same(found('-- A Comment\nselect \'BUY\', "Quoted";\n'), [])
  t.same(found(body("begin\n  if TG_OP = 'INSERT' then return NEW.a - OLD.a; end if;\nend;")), [])
})

t.test('no float and no money, in sql/ and in migrations', async t => {
  for (const type of ['real', 'float', 'float4', 'float8', 'double precision', 'money']) {
    const table = `create table ledger.a (\n  b ${type}\n);\n`
    t.same(found(table, 'migrations/committed/000001-a.sql'), ['sql-float:2'])
    t.same(found(table, 'migrations/current.sql'), ['sql-float:2'])
    t.same(found(`select a.b::${type} from ledger.a as a;\n`), ['sql-float:1'])
    t.same(found(body(`declare\n  v_a ${type};\nbegin\n  return 1;\nend;`)), ['sql-float:4'])
  }
  t.same(found('create table ledger.a (b numeric, c int, d bigint, double_entry text);\n'), [])
})

t.test('no exception handler catches everything', async t => {
  const caught = (name: string) => body(`begin\n  return 1;\nexception when ${name} then\nend;`)
  t.same(found(caught('others')), ['sql-when-others:5'])
  t.same(found(caught('unique_violation')), [])
})

t.test('only the entrances ask for the time', async t => {
  t.same(found(body('begin return now(); end;')), ['sql-clock:3'])
  t.same(found('select clock_timestamp(), current_date;\n'), ['sql-clock:1', 'sql-clock:1'])
  t.same(found('select now();\n', 'sql/ops/a.sql'), [])
  t.same(found('select now();\n', 'sql/matching/wait_for_symbol.sql'), [], 'and who waits')
  t.same(found('select now();\n', 'migrations/current.sql'), [])
  t.same(found('select p_now, a.now from ledger.a as a;\n'), [])
})

t.test('lines are counted right behind letters of several bytes and dollar quotes', async t => {
  t.same(found("-- é §\nselect 'é',\n  $$A\nB$$,\n  a.NAME;\n"), ['sql-lower-case:5'])
})

t.test('other files are not read', async t => {
  t.same(found('SELECT 1', 'tests/fixtures/a.sql'), [])
})
