import t from 'tap'
import { checkSqlObjects } from './sql-objects.ts'

const clean = `-- The name of an asset by its id.
-- Reads only. Raises: NFAST when there is none.
create or replace function reference.asset_name(p_asset_id int) returns text
language sql stable
as $$
  select a.name from reference.assets as a where a.asset_id = p_asset_id;
$$;
comment on function reference.asset_name is 'the name of an asset';
revoke execute on function reference.asset_name from public;
grant execute on function reference.asset_name to pgsettle_app;
`
const view = `-- All assets.
create or replace view reference.asset_names as
select a.name from reference.assets as a;
comment on view reference.asset_names is 'all assets';
grant select on reference.asset_names to pgsettle_auditor;
`

const found = (text: string, path = 'sql/reference/asset_name.sql') =>
  checkSqlObjects({ path, text }).map(v => `${v.rule}: ${v.message}`)

t.test('a function or a view alone in its file, explained, is fine', async t => {
  t.same(found(clean), [])
  t.same(found(view, 'sql/reference/asset_names.sql'), [])
  t.same(found('select nonsense from', 'migrations/fixtures.sql'), [], 'other files are not read')
})

t.test('the file has the name and the schema of its object', async t => {
  t.match(found(clean, 'sql/reference/asset.sql'), [/holds reference.asset_name/, /about/, /about/])
  t.match(found(clean, 'sql/ledger/asset_name.sql')[0], /holds reference.asset_name/)
  t.match(found(view, 'sql/reference/assets.sql')[0], /holds reference.asset_names/)
})

t.test('a file holds one object and nothing of another', async t => {
  const second = clean.replaceAll('asset_name', 'asset_code')
  t.match(found(clean + second)[0], /2 objects/)
  t.match(found(`${clean}create table reference.a (b int);\n`)[0], /2 objects/)
  t.match(found('-- Nothing.\n')[0], /0 objects/)
  t.match(found(`${clean}grant execute on function reference.other to pgsettle_app;\n`), [
    /about reference.other/,
  ])
  t.match(found(clean.replace(/create or[^;]*;[^;]*;/, 'create type reference.a as (b int);')), [
    /only a function, a procedure or a view/,
  ])
})

t.test('it can be run again', async t => {
  t.match(found(clean.replace(' or replace', '')), [/create or replace/])
})

t.test('it is explained above and in the database', async t => {
  t.match(found(clean.replace(/^(--.*\n)+/, '')), [/sql-head-comment/])
  t.match(found(clean.replace(/comment on.*\n/, '')), [/comment on/])
})

t.test('the file ends with one newline', async t => {
  t.match(found(`${clean}\n`), [/sql-last-line/])
  t.match(found(clean.trimEnd()), [/sql-last-line/])
})

t.test('what does not parse is named with its line', async t => {
  const broken = clean.replace('language sql', 'langauge sql')
  const [violation] = checkSqlObjects({ path: 'sql/reference/asset_name.sql', text: broken })

  t.match(violation, { rule: 'sql-syntax', line: 4, message: /langauge/ })
})
