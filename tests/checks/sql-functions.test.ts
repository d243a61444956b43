import t from 'tap'
import { checkSqlFunctions } from './sql-functions.ts'

const create = (body: string, head = 'volatile', p = 'p_order_id bigint') =>
  `-- It does.
create or replace function ops.halt(${p}) returns int
language plpgsql ${head}
as $$
begin
  ${body}
  return 1;
end;
$$;
`
const definer = "volatile security definer set search_path = ''"
const revoke = 'revoke execute on function ops.halt from public;\n'
const found = (text: string, path = 'sql/ops/halt.sql') =>
  checkSqlFunctions({ path, text }).map(v => `${v.rule}:${v.line}`)

t.test('a function states its volatility', async t => {
  t.same(found(create('null;', '')), ['sql-volatility:2'])
  for (const word of ['immutable', 'stable', 'volatile']) t.same(found(create('null;', word)), [])
})

t.test(
  'security definer sets search_path, revokes from public, and is for api and ops',
  async t => {
    t.same(found(create('null;', definer) + revoke), [])
    t.same(found(create('null;', `${definer} set jit = off`) + revoke), [])
    t.same(found(create('null;', definer)), ['sql-definer:2'])
    t.same(found(create('null;', 'volatile security definer') + revoke), ['sql-definer:2'])
    t.same(found((create('null;', definer) + revoke).replaceAll('ops.', 'ledger.')), [
      'sql-definer:2',
    ])
    t.same(
      found((create('null;', definer) + revoke).replaceAll('ops.halt', 'settlement.settle_batch')),
      [],
      'the entrance of the workers is a stated exception',
    )
  },
)

t.test('arguments are called p_…, results are not', async t => {
  t.same(found(create('null;', 'volatile', 'order_id bigint')), ['sql-argument:2'])
  t.same(found(create('null;', 'volatile', 'variadic a int[]')), ['sql-argument:2'])
  t.same(
    found(
      create('null;')
        .replace('(p_order_id bigint) returns int', '(out b int)')
        .replace('return 1;', ''),
    ),
    [],
  )
})

t.test('a body parses in its own language', async t => {
  t.same(found(create('retrun 2;')), ['sql-body-syntax:2'])
  t.same(found(create('perform 1 fromm ledger.accounts;')), ['sql-body-syntax:2'])
  t.same(found(create('if 1 > case when true then 2 end then null; end if;')), [
    'sql-body-syntax:2',
  ])
  const sql = (body: string) =>
    `create or replace function ops.a() returns int language sql stable as $$ ${body} $$;\n`
  t.same(found(sql('select from from b')), ['sql-body-syntax:1'])
  t.same(found(sql('select 1')), [])
})

t.test('bodies in migrations parse too, those of do blocks as well', async t => {
  const path = 'migrations/current.sql'
  t.same(found(create('retrun 2;'), path), ['sql-body-syntax:2'])
  t.same(found('select 1;\ndo $$ begin perfom 1; end $$;\n', path), ['sql-body-syntax:2'])
  t.same(found('do $$ begin perform 1; end $$;\n', path), [])
})

t.test('an exception says its errcode, of a known class', async t => {
  t.same(found(create("raise exception 'no';")), ['sql-errcode:6'])
  t.same(found(create("raise exception 'no' using detail = 'x';")), ['sql-errcode:6'])
  t.same(found(create("raise exception 'no' using errcode = 'ZZABC';")), ['sql-errcode:6'])
  t.same(found(create("raise exception 'no' using errcode = 'STORD';")), [])
  t.same(found(create("raise notice 'no';")), [])
})
