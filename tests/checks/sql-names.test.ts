import t from 'tap'
import { checkSqlLayers } from './sql-layers.ts'
import { checkQualifiedNames } from './sql-qualified.ts'

const plpgsql = (text: string) =>
  `create or replace function ledger.a(p_a int) returns int
language plpgsql volatile as $$
declare
  v_a int;
begin
  ${text}
end;
$$;
`

t.test('layers call downwards only', async t => {
  const order = ['api', 'matching', 'clearing', 'settlement', 'ledger', 'reference']
  for (const [depth, own] of order.entries()) {
    for (const [otherDepth, other] of order.entries()) {
      const text = plpgsql(`perform ${other}.b(1);`)
      const found = checkSqlLayers({ path: `sql/${own}/a.sql`, text })
      const isUpwards = otherDepth < depth
      // The sample itself is ledger.a, which reference alone may not name.
      t.equal(
        found.some(({ message }) => message.includes(`use ${other}.b`)),
        isUpwards,
        `${own} calls ${other}`,
      )
    }
  }
})

t.test('api and ops stand side by side', async t => {
  const found = (own: string, other: string) =>
    checkSqlLayers({ path: `sql/${own}/a.sql`, text: `select a.b from ${other}.c as a;\n` }).length
  t.equal(found('api', 'ops'), 1)
  t.equal(found('ops', 'api'), 1)
  t.equal(found('ops', 'matching'), 0)
  t.equal(found('matching', 'ops'), 1)
})

t.test('layers: types count, columns and comments do not', async t => {
  const found = (text: string) =>
    checkSqlLayers({ path: 'sql/ledger/a.sql', text }).map(v => v.line)
  t.same(found('create or replace function ledger.a(p_a matching.price) returns int as $$$$;'), [1])
  t.same(found(plpgsql('select o.price\n  from matching.orders as o;')), [7])
  t.same(found("-- matching.price\nselect a.matching.price, 'matching.price';\n"), [])
})

t.test('tables are named with their schema', async t => {
  const found = (text: string) =>
    checkQualifiedNames({ path: 'sql/ledger/a.sql', text }).map(v => `${v.line} ${v.message}`)
  t.match(found(plpgsql('select a.b into v_a from accounts as a;')), [/^6 "accounts"/])
  t.match(found(plpgsql('if exists (select from accounts) then return 1; end if;')), [/^6/])
  t.match(found(plpgsql('v_a := (select a.b from accounts as a);')), [/^6/])
  t.match(found(plpgsql('update accounts as a set b = 1;')), [/^6/])
  t.match(found(plpgsql('insert into accounts values (1);')), [/^6/])
  t.match(found(plpgsql('delete from accounts;')), [/^6/])
  t.match(found('create or replace view ledger.a as\nselect b.c from b;\n'), [/^1 "b"/])
  t.match(
    found(
      'create function ledger.a() returns int language sql stable as $$\nselect 1 from b $$;\n',
    ),
    [/^2 "b"/],
  )
})

t.test('names of a with clause, set functions and locked aliases need none', async t => {
  const text = `with held as (
    select a.b from ledger.accounts as a join unnest(array[1]) as u (b) on true for update of a
  )
  select h.b into v_a from held as h;
  v_a := v_a + 1;`
  t.same(checkQualifiedNames({ path: 'sql/ledger/a.sql', text: plpgsql(text) }), [])
})
