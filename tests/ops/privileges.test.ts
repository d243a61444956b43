import t, { type Test } from 'tap'
import { fingerprint } from '../app/fingerprint.ts'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import {
  audit,
  buy,
  createMarket,
  execute,
  noon,
  type Queryable,
  sell,
  settle,
} from '../helpers/market.ts'
import { openSession, type Session } from '../helpers/session.ts'
import { facts, hostile } from './hostile-statements.ts'

const roles = ['pgsettle_app', 'pgsettle_worker', 'pgsettle_operator', 'pgsettle_auditor'] as const
type Role = (typeof roles)[number]

/** What a role may call: all of it. */
const calls: Record<Role, RegExp | string[]> = {
  pgsettle_app: /^api\./,
  pgsettle_worker: [
    'clearing.run_windows',
    'matching.due_symbols',
    'matching.fire_timers',
    'matching.has_waiting_exits',
    'matching.sweep_symbol',
    'ops.audit',
    'ops.check_breaks',
    'ops.check_partition_health',
    'ops.maintain_partitions',
    'ops.refresh_order_book_snapshot',
    'ops.seal_periods',
    'settlement.claim_outside_legs',
    'settlement.report_outside_leg',
    'settlement.settle_batch',
    'settlement.settle_waiting',
  ],
  pgsettle_operator: [
    'ops.account_tree',
    'ops.adjust',
    'ops.approve_adjustment',
    'ops.approve_bust',
    'ops.approve_withdrawal',
    'ops.audit',
    'ops.balance_as_of',
    'ops.bust_trade',
    'ops.cancel_settlement',
    'ops.chain_export',
    'ops.check_breaks',
    'ops.check_db_connections',
    'ops.check_partition_health',
    'ops.check_table_sizes',
    'ops.close_period',
    'ops.close_window',
    'ops.confirm_outside_leg',
    'ops.correct_trade',
    'ops.create_calendar',
    'ops.create_netting_set',
    'ops.create_symbol',
    'ops.create_symbol_group',
    'ops.day_pack',
    'ops.delist_symbol',
    'ops.explain_net',
    'ops.halt_symbol',
    'ops.help',
    'ops.hold_settlement',
    'ops.instruct',
    'ops.instruct_outside',
    'ops.link_settlements',
    'ops.lots',
    'ops.maintain_partitions',
    'ops.open_sub_account',
    'ops.pack_checksum',
    'ops.preview_netting',
    'ops.publish_index',
    'ops.publish_price',
    'ops.refresh_order_book_snapshot',
    'ops.reject_adjustment',
    'ops.reject_bust',
    'ops.reject_withdrawal',
    'ops.release_settlement',
    'ops.reopen_period',
    'ops.restrict_symbol',
    'ops.resume_symbol',
    'ops.retry_outside_leg',
    'ops.retry_settlement',
    'ops.seed_venue',
    'ops.set_calendar',
    'ops.set_calendar_day',
    'ops.set_cut_off',
    'ops.set_fee_tiers',
    'ops.set_fees',
    'ops.set_netting',
    'ops.set_outside_asset',
    'ops.set_partial_windows',
    'ops.set_phase',
    'ops.set_settlement',
    'ops.set_settlement_priority',
    'ops.set_symbol_group',
    'ops.set_trade_group',
    'ops.set_withdrawal_limit',
    'ops.show_fees',
    'ops.statement',
    'ops.trial_balance',
    'ops.verify_chain',
    'ops.verify_replay',
    'ops.void_outside_leg',
  ],
  pgsettle_auditor: [
    'ops.account_tree',
    'ops.audit',
    'ops.balance_as_of',
    'ops.chain_export',
    'ops.check_db_connections',
    'ops.check_partition_health',
    'ops.check_table_sizes',
    'ops.day_pack',
    'ops.explain_net',
    'ops.help',
    'ops.lots',
    'ops.pack_checksum',
    'ops.preview_netting',
    'ops.show_fees',
    'ops.statement',
    'ops.trial_balance',
    'ops.verify_chain',
    'ops.verify_replay',
  ],
}

const names = async (db: Queryable, text: string, values: unknown[]) =>
  (await db.query(text, values)).map(row => row.name)

/** Not those of PostgreSQL itself. */
const ours = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"

t.test('a role may call its functions, and no other', async t => {
  const db = await testDatabase(t)
  const text = `
    select distinct n.nspname || '.' || p.proname as name
    from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
    where ${ours} and has_function_privilege($1, p.oid, 'execute') order by 1`

  for (const role of roles) {
    const allowed = calls[role]
    const found = await names(db, text, [role])
    if (Array.isArray(allowed)) t.same(found, allowed, role)
    else t.ok(found.length > 15 && found.every(name => allowed.test(name)), role, { found })
  }
  t.same(await names(db, text, ['public']), [], 'everybody else may call nothing')
})

t.test('a role may read what is meant for it, and write nothing', async t => {
  const db = await testDatabase(t)
  const text = `
    select n.nspname || '.' || c.relname as name
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where ${ours} and c.relkind in ('r', 'p', 'v', 'm')
      and (has_table_privilege($1, c.oid, $2) or has_any_column_privilege($1, c.oid, $3))
      and has_schema_privilege($1, n.oid, 'usage')
    order by 1`
  const everything = await names(
    db,
    `select n.nspname || '.' || c.relname as name
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('reference', 'ledger', 'settlement', 'clearing', 'matching', 'ops')
      and c.relkind in ('r', 'p', 'v', 'm') order by 1`,
    [],
  )
  const readable: Record<Role, string[]> = {
    pgsettle_app: ['api.symbols'],
    pgsettle_worker: [],
    pgsettle_operator: everything,
    pgsettle_auditor: everything,
  }

  const write = 'insert, update, references'
  for (const role of [...roles, 'public'] as const) {
    const reads = role === 'public' ? [] : readable[role]
    t.same(await names(db, text, [role, 'select', 'select']), reads, `${role} reads`)
    const all = `${write}, delete, truncate, trigger`
    t.same(await names(db, text, [role, all, write]), [], `${role} writes`)
  }
  t.ok(everything.length > 30)
})

t.test('a role may make nothing and set no counter', async t => {
  const db = await testDatabase(t)
  const schemas = `
    select n.nspname as name from pg_namespace as n
    where ${ours} and has_schema_privilege($1, n.oid, 'create')`
  const sequences = `
    select c.relname as name from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where case when ${ours} and c.relkind = 'S'
      then has_sequence_privilege($1, c.oid, 'usage, update') end`

  for (const role of [...roles, 'public']) {
    t.same(await names(db, schemas, [role]), [], `${role} in schemas`)
    t.same(await names(db, sequences, [role]), [], `${role} on sequences`)
    const [may] = await db.query(
      `select has_database_privilege($1, current_database(), 'create') as schemas,
        has_database_privilege($1, current_database(), 'temporary') as temporary`,
      [role],
    )
    t.same(may, { schemas: false, temporary: false }, `${role} in the database`)
  }
  const attributes = await db.query(
    `select rolname, rolcanlogin from pg_roles where rolname = any ($1) and not (rolsuper
      or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls) order by 1`,
    [roles],
  )
  t.same(attributes, [
    { rolname: 'pgsettle_app', rolcanlogin: true },
    { rolname: 'pgsettle_auditor', rolcanlogin: false },
    { rolname: 'pgsettle_operator', rolcanlogin: false },
    { rolname: 'pgsettle_worker', rolcanlogin: true },
  ])
})

/** All that a role may write to. */
const writable = `
  select n.nspname || '.' || c.relname as name
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where ${ours} and c.relkind in ('r', 'p', 'v', 'm')
    and has_table_privilege($1, c.oid, 'insert, update, delete, truncate, trigger')`

/** Each in a transaction that is rolled back: what should be granted after all does no harm. */
async function refuseAll(
  t: Test,
  session: Queryable,
  statements: readonly (readonly [string, string?])[],
) {
  for (const [statement, state = '42501'] of statements) {
    await session.query('begin')
    await t.rejects(session.query(statement), { code: state }, statement)
    await session.query('rollback')
  }
}

/** A session of a role; of one that cannot log in, by a person who is a member of it. */
async function openRole(t: Test, db: TestDatabase, role: Role): Promise<Session> {
  const url = new URL(db.url)
  if (role === 'pgsettle_app') return openSession(t, db.appUrl)
  if (role === 'pgsettle_worker') return openSession(t, db.workerUrl)
  url.username = `person_${process.pid}_${people++}`
  url.password = 'secret'
  await db.query(`create role ${url.username} login password 'secret' in role ${role}`)
  t.teardown(() => db.query(`drop role ${url.username}`))
  const session = await openSession(t, url.href)
  await session.query(`set role ${role}`)
  return session
}
let people = 0

for (const role of roles) {
  t.test(`${role} is denied every statement that would go round the rules`, async t => {
    const db = await testDatabase(t)
    await createMarket(db, { traders: { alice: { USD: '1000' }, bob: { BTC: '10' } } })
    await execute(db, 'BTC-USD', [sell('bob', '1', '100'), buy('alice', '0.5', '100')])
    await settle(db)
    const session = await openRole(t, db, role)
    const before = await fingerprint(db)
    await openSession(t, db.url) // the owner's, which nobody may end

    await refuseAll(t, session, hostile)

    const others = roles.filter(other => other !== role)
    await refuseAll(
      t,
      session,
      others.map((other): [string] => [`set role ${other}`]),
    )
    await t.rejects(session.query('alter system set fsync = off'), { code: '42501' })

    // What says no without an error must have done nothing all the same.
    for (const table of facts) {
      const grant = `grant insert, update, delete, truncate on ${table} to ${role}`
      await session.query(grant).catch(() => {})
      await session.query(`vacuum full ${table}`).catch(() => {})
    }
    t.same(await fingerprint(db), before)
    t.same(await names(db, writable, [role]), [])
    t.same(await db.query('select * from verify_chain()'), [])
    t.same(await audit(db), [])
  })
}

t.test('the app may not read tables, the operator’s functions or the workers’', async t => {
  const db = await testDatabase(t)
  await createMarket(db, {})
  const app = await openSession(t, db.appUrl)

  await refuseAll(t, app, [
    ...facts.map((table): [string] => [`select from ${table}`]),
    ['select from ops.v_balances'],
    ['select from graphile_migrate.migrations'],
    ['select ops.audit()'],
    ["select ops.halt_symbol('BTC-USD', 'mine')"],
    ['select ops.maintain_partitions()'],
    ['select settlement.settle_batch(1, now(), 1, 0)'],
    ['select matching.sweep_symbol(1, 1, now())'],
    ['select matching.fire_timers(1, now(), 1)'],
  ])
  const worker = await openSession(t, db.workerUrl)
  await refuseAll(t, worker, [
    ...facts.map((table): [string] => [`select from ${table}`]),
    ['select from api.symbols'],
    ["select api.deposit(1, 'alice', 'USD', 1, 'k', now())"],
    ["select ops.halt_symbol('BTC-USD', 'mine')"],
  ])
})

t.test('a function that runs as its owner takes no type or table from its caller', async t => {
  const db = await testDatabase(t)
  await createMarket(db, { traders: { alice: { USD: '1000' } } })
  const text = `
    select n.nspname || '.' || p.proname as name
    from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
    where ${ours} and p.prosecdef
      and p.proconfig[1] is distinct from 'search_path=pg_catalog, pg_temp'`
  t.same(await names(db, text, []), [], 'temporary objects come last on its path')

  // As when somebody has granted what set_search_path() revokes: type names find the caller's own.
  await db.query(`do $$ begin
    execute format('grant temporary on database %I to public', current_database()); end $$`)
  const app = await openSession(t, db.appUrl)
  await app.query(`
    create function pg_temp.pay(n pg_catalog.timestamptz) returns boolean language plpgsql as $$
    begin update ledger.accounts set posted = posted + 777 where posted = 1000; return true; end $$;
    create domain pg_temp.timestamptz as pg_catalog.timestamptz check (pg_temp.pay(value));
    grant execute on function pg_temp.pay to public;
    grant usage on domain pg_temp.timestamptz to public`)

  await app.query("select * from api.list_orders(1, null, null, null, '2026-01-01T00:00:00Z_5', 9)")
  await execute(app, 'BTC-USD', [buy('alice', '1', '1')])

  const rich = await db.query('select posted from ledger.accounts where posted > 1000')
  t.same(rich, [])
})

t.test('operators can do their work, auditors can look', async t => {
  const db = await testDatabase(t)
  await createMarket(db, { traders: { alice: { USD: '1000' } } })
  const session = await openRole(t, db, 'pgsettle_operator')

  await session.query("select halt_symbol('BTC-USD', 'test')")
  await session.query("select resume_symbol('BTC-USD')")
  await session.query("select create_symbol('ETH-USD', 0.01, 0.01)")
  await session.query('select maintain_partitions($1)', [noon])
  await session.query('select refresh_order_book_snapshot()')
  await t.rejects(session.query('select retry_settlement(5)'), { code: 'NFINS' })

  for (const role of ['pgsettle_operator', 'pgsettle_auditor'] as const) {
    const session = await openRole(t, db, role)
    t.same(await session.query('select * from audit()'), [])
    for (const view of ['v_balances', 'v_active_orders', 'v_fees', 'mv_order_book_snapshot']) {
      await t.resolves(session.query(`select * from ${view}`), `${role} reads ${view}`)
    }
    await t.resolves(session.query('select * from help()'))
    await t.resolves(session.query('select * from orders'))
  }
})
