/**
 * What no role of the venue may do, whoever holds it: each statement with the SQLSTATE that it is
 * answered with, 42501 (permission denied) where none is said. Statements that PostgreSQL answers
 * with a warning only are not here; the test looks whether they did anything.
 */
type Hostile = readonly [statement: string, state?: string]

/** What is never changed, and what only the matcher and the ledger change. */
export const facts = [
  'ledger.transfers',
  'ledger.transfers_default',
  'ledger.transfers_2026_03',
  'ledger.journals',
  'ledger.segment_state',
  'ledger.accounts',
  'ledger.deposits',
  'ledger.withdrawals',
  'ledger.withdrawal_limits',
  'settlement.outside_assets',
  'settlement.outside_legs',
  'settlement.outside_leg_events',
  'matching.trades',
  'matching.trades_default',
  'matching.trades_2026_03_02',
  'matching.events',
  'matching.events_default',
  'matching.events_2026_03',
  'matching.orders',
  'matching.orders_2026_03',
  'matching.book',
  'matching.order_keys',
  'matching.symbol_state',
  'matching.cancel_timers',
  'matching.trade_busts',
  'settlement.settled_instructions',
  'settlement.settled_instructions_default',
  'settlement.settled_instructions_2026_03',
  'settlement.pending_instructions',
  'settlement.reversals',
  'reference.symbols',
  'reference.segments',
] as const

const onEachFact = (table: string): Hostile[] => [
  [`update ${table} set segment_id = 2`],
  [`delete from ${table}`],
  [`truncate ${table}`],
  [`truncate only ${table} cascade`],
  [`insert into ${table} default values`],
  [`insert into ${table} (segment_id) select segment_id from ${table}`],
  [`lock table ${table} in access exclusive mode`],
  [`select from ${table} for update`],
  [`copy ${table} from '/dev/null'`],
  [`copy ${table} from program 'true'`],
  [`merge into ${table} using (select 1) as s on true when matched then delete`],
  [`with gone as (delete from ${table} returning 1) select from gone`],
  [`explain (analyze) delete from ${table}`],
  [`do $$ begin delete from ${table}; end $$`],
  [`alter table ${table} disable trigger all`],
  [`alter table ${table} drop column segment_id cascade`],
  [`alter table ${table} owner to current_user`],
  [`create trigger mine before insert on ${table} execute function trigger_of_mine()`],
  [`create rule mine as on insert to ${table} do instead nothing`],
  [`create index on ${table} (segment_id)`],
  [`create policy mine on ${table} using (true)`],
  [`comment on table ${table} is 'mine'`],
  [`drop table ${table} cascade`],
]

const forged: Hostile[] = [
  [
    `insert into ledger.transfers
    values (1, 1, 9, 'DEPOSIT', 1, 2, 3, 1000000, null, '2026-03-02')`,
  ],
  [
    `insert into ledger.transfers_default
    values (1, 1, 9, 'DEPOSIT', 1, 2, 3, 1000000, null, '2026-03-02')`,
  ],
  [`insert into ledger.journals values (1, 99, 99, 'DEPOSIT', now(), '{}', 0, '{}', '', '')`],
  ['insert into ledger.accounts values (1, 3, 1, 1000000) on conflict do nothing'],
  [
    `insert into ledger.accounts values (1, 3, 1, 1000000)
    on conflict (segment_id, participant_id, asset_id, version_no) do update set posted = 1000000`,
  ],
  [
    `merge into ledger.accounts as a using (select 3) as s (id) on a.participant_id = s.id
    when matched then update set posted = 1000000
    when not matched then insert values (1, 3, 1, 1000000)`,
  ],
  ['refresh materialized view ops.mv_order_book_snapshot'],
  ['alter table ledger.transfers detach partition ledger.transfers_default'],
  ['alter table ledger.transfers_default no inherit ledger.transfers'],
  ['alter table ledger.accounts drop constraint held_not_over_posted'],
  ['alter domain ledger.amount drop constraint amount_has_at_most_18_decimals'],
  ["alter type ledger.transfer_kind add value 'GIFT'"],
  ["select nextval('ledger.journal_ids')"],
  ["select setval('ledger.journal_ids', 1)"],
]

/** Inner functions, and functions that a bare caller has no business with. */
const calls: Hostile[] = [
  ['select matching.execute_batch(1, now(), null)'],
  ['select matching.lock_symbol(1, 1)'],
  ['select ledger.deposit(1, $$alice$$, $$USD$$, 1000000, $$k$$, now())'],
  ['select ledger.request_withdrawal(1, $$alice$$, $$USD$$, 1, $$k$$, null, now())'],
  ['select ledger.approve_withdrawal(1, 1, $$ann$$, now())'],
  ['select settlement.approve_withdrawal(1, 1, $$ann$$, now())'],
  ['select settlement.decide_outside_leg(1, 1, $$CONFIRMED$$, $$ann$$, $$why$$, now())'],
  ['select ledger.set_withdrawal_limit(1, $$USD$$, null, null)'],
  ['select ledger.change_accounts(1, null)'],
  ["select ledger.post_journal(1, 1, 'DEPOSIT', now(), '{}', null)"],
  ["select settlement.settle_instructions(1, now(), '{}')"],
  ["select settlement.put_aside(1, now(), 1, 'no reason')"],
  ['select settlement.retry_instruction(1, 1, now())'],
  ["select ops.move_from_default('matching', 'trades', 'trades_default', now(), now())"],
  ['select ops.set_search_path()'],
  ['alter function api.book owner to current_user'],
  ['alter function ledger.deposit security definer'],
  ['grant execute on function ledger.deposit to current_user'],
  ['create or replace function ledger.round_up(n numeric) returns numeric return 0'],
  ['drop function ledger.post_journal'],
]

/** Objects of one's own, to be found in the place of others. */
const shadows: Hostile[] = [
  ...['api', 'ops', 'ledger', 'matching', 'settlement', 'clearing', 'reference', 'public'].flatMap(
    (schema): Hostile[] => [
      [`create table ${schema}.mine (n int)`],
      [`create view ${schema}.mine as select 1 as n`],
      [`create function ${schema}.mine() returns int language sql as $$ select 1 $$`],
      [`create type ${schema}.mine as (n int)`],
      [`create domain ${schema}.mine as int`],
      [`create sequence ${schema}.mine`],
    ],
  ),
  ['create table pg_catalog.mine (n int)'],
  ['create temporary table transfers (n int)'],
  ['create temporary view transfers as select 1 as n'],
  ['create function pg_temp.mine() returns int language sql as $$ select 1 $$'],
  ['create domain pg_temp.numeric as int'],
  ['set search_path = pg_temp; create table transfers (n int)'],
  ['select 1 as n into temporary transfers'],
  ['create schema mine'],
  ['create schema authorization current_user'],
  ['create extension pg_stat_statements'],
  ['create cast (ledger.amount as text) with inout'],
  ['create language mine handler plpgsql_call_handler'],
  ['create event trigger mine on ddl_command_start execute function trigger_of_mine()'],
  ['create publication mine for table ledger.transfers'],
  ['create foreign data wrapper mine'],
  ['select lo_create(0)'],
  ['select lo_creat(-1)'],
  ["select lo_from_bytea(0, 'mine')"],
]

/** Other roles, and rights over them. */
const roles: Hostile[] = [
  ['set role pgsettle'],
  ['set session authorization pgsettle'],
  ["select set_config('role', 'pgsettle', false)"],
  ['create role mine'],
  ['alter role pgsettle_auditor superuser'],
  ['alter role pgsettle_app bypassrls'],
  ["alter role pgsettle password 'guessed'"],
  ['alter role pgsettle_auditor login'],
  ['alter role all set search_path = pg_temp'],
  ['grant pgsettle to current_user'],
  ['grant pg_write_all_data to current_user'],
  ['grant pg_execute_server_program to current_user'],
  ['reassign owned by pgsettle to current_user'],
  ['drop owned by pgsettle'],
  ['alter default privileges for role pgsettle grant all on tables to current_user'],
  ['alter schema ledger owner to current_user'],
  ['drop schema matching cascade'],
]

/** The server around it. */
const server: Hostile[] = [
  ['set session_replication_role = replica'],
  ["select set_config('session_replication_role', 'replica', true)"],
  ['set local allow_system_table_mods = on'],
  ['set local zero_damaged_pages = on'],
  ["update pg_catalog.pg_class set relowner = 10 where relname = 'transfers'"],
  ["delete from pg_catalog.pg_constraint where conname = 'held_not_over_posted'"],
  ['update pg_catalog.pg_proc set proacl = null'],
  ['checkpoint'],
  ["copy ledger.accounts to '/tmp/accounts'"],
  ["copy (select 1) to program 'id'"],
  ["select pg_read_file('PG_VERSION')"],
  ["select pg_ls_dir('base')"],
  ["select lo_import('PG_VERSION')"],
  ['select pg_reload_conf()'],
  ['select pg_switch_wal()'],
  ['select pg_stat_reset()'],
  ['select * from pg_authid'],
  ["load 'auto_explain'"],
  [
    `select pg_terminate_backend(pid) from pg_stat_activity
      where usename = 'pgsettle' and datname = current_database()`,
  ],
]

export const hostile: readonly Hostile[] = [
  ...facts.flatMap(onEachFact),
  ...forged,
  ...calls,
  ...shadows,
  ...roles,
  ...server,
]
