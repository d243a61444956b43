-- The settlement worker closes windows: clearing.run_windows.
grant usage on schema clearing to pgsettle_worker;

-- A row of an account is changed by each batch. As long as an old transaction can still see them,
-- its earlier versions stay, and a look-up by key walks them all. A key that grows with every 8th
-- change bounds the walk: the newest comes first.
do $$ begin
  if not exists (
    select from pg_attribute where attrelid = 'ledger.accounts'::regclass and attname = 'version_no'
  ) then
    alter table ledger.accounts
      add column changes bigint not null default 0,
      add column version_no bigint generated always as (changes / 8) stored,
      drop constraint accounts_pkey,
      add primary key (segment_id, participant_id, asset_id, version_no);
  end if;
end $$;
comment on column ledger.accounts.changes is 'how often the row was changed';
comment on column ledger.accounts.version_no is
  'what a look-up starts at, the greatest first: ledger.find_account';

--!include ledger/find_account.sql
--!include clearing/funding_gaps.sql
--!include ledger/open_accounts.sql
--!include ledger/set_accounts.sql
--!include ledger/change_accounts.sql
--!include ledger/lock_accounts.sql
--!include matching/exposure.sql
--!include matching/funded_lists.sql
--!include matching/read_funds.sql
--!include matching/record_tries.sql
--!include settlement/lacks.sql
