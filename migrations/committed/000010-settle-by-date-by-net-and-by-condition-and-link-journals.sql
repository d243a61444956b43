--! Previous: sha1:289336847185eccdeee2c8ed9d7d48647fc34d5e
--! Hash: sha1:dadacd0e10586d4eb4a79be5d417edcc3f041092
--! Message: Settle by date by net and by condition and link journals

-- What is due at once and what waits for something stand apart: the queue that every trade goes
-- through is narrow, and a claim of it begins at a mark, not at rows that are gone.

alter table reference.symbols
  add column settlement_days int not null default 0
    constraint settlement_days_between_0_and_30 check (settlement_days between 0 and 30),
  add column settlement_calendar_id int references reference.calendars on delete restrict;
comment on column reference.symbols.settlement_days is
  'business days from the trade to its value date: 0 settles at once';
comment on column reference.symbols.settlement_calendar_id is
  'whose business days count; null: those of the calendar that it trades by';

create table settlement.queues (
  segment_id int not null,
  symbol_id int not null,
  low_id bigint not null,
  high_id bigint not null,
  primary key (segment_id, symbol_id),
  constraint low_id_not_over_high_id check (low_id <= high_id)
) with (fillfactor = 20);
comment on table settlement.queues is
  'where in pending_instructions the claims of a symbol begin: at or below low_id nothing is left';
comment on column settlement.queues.high_id is 'the last id that a trade of the symbol can have';
insert into settlement.queues
select s.segment_id, s.symbol_id, s.symbol_id * 1000000000000, (s.symbol_id + 1) * 1000000000000 - 1
from reference.symbols as s;

create table settlement.waiting_instructions (
  segment_id int not null,
  instruction_id bigint not null,
  symbol_id int not null,
  buyer_id int not null,
  seller_id int not null,
  base_asset_id int not null,
  quote_asset_id int not null,
  quantity reference.quantity not null,
  notional ledger.amount not null,
  buyer_fee ledger.amount not null,
  seller_fee ledger.amount not null,
  value_date date not null,
  attempts int not null default 0,
  created_at timestamptz not null,
  status settlement.instruction_status not null default 'PENDING'
    constraint waiting_instruction_is_not_final
    check (status in ('PENDING', 'PARTIALLY_SETTLED', 'FAILED')),
  reason settlement.pending_reason not null,
  problem text,
  next_attempt_at timestamptz not null,
  primary key (segment_id, instruction_id)
) with (
  fillfactor = 80,
  autovacuum_vacuum_scale_factor = 0.01,
  autovacuum_vacuum_cost_delay = 0
);
comment on table settlement.waiting_instructions is
  'what is not next in line: reason says what each waits for';
comment on column settlement.waiting_instructions.problem is
  'the error that put it aside, if one did';
comment on column settlement.waiting_instructions.next_attempt_at is
  'when it is tried next; infinity: when what it waits for happens';
-- What is due, and what an operator looks for.
create index waiting_instructions_due_idx on settlement.waiting_instructions
  (segment_id, next_attempt_at, instruction_id)
  where status <> 'FAILED';

insert into settlement.waiting_instructions
select
  i.segment_id, i.instruction_id, i.symbol_id, i.buyer_id, i.seller_id, i.base_asset_id,
  i.quote_asset_id, i.quantity, i.notional, i.buyer_fee, i.seller_fee, i.value_date, i.attempts,
  i.created_at, i.status, coalesce(i.reason, 'SYSTEM'), i.problem, i.next_attempt_at
from settlement.pending_instructions as i
where i.attempts > 0
  or i.status <> 'PENDING';
delete from settlement.pending_instructions as i
where i.attempts > 0
  or i.status <> 'PENDING';

-- Functions and views that knew the old columns come back below, or are gone.
drop view ops.v_holds, ops.v_settlement_backlog, ops.v_fails, settlement.instructions;
drop function settlement.claim_instructions(int, timestamptz, int, bigint);
drop function settlement.settle_batch(int, timestamptz, int, bigint);

alter table settlement.pending_instructions
  drop column status,
  drop column reason,
  drop column problem,
  drop column next_attempt_at;
comment on table settlement.pending_instructions is
  'what is next in line to be settled; instruction_id is the trade_id it settles';

-- Instructions with conditions: not funded beforehand, on hold, linked, in parts, by priority.

alter table settlement.waiting_instructions
  add column due_at timestamptz,
  add column is_prefunded boolean not null default true,
  add column is_conditional boolean not null default false,
  add column priority int not null default 4
    constraint priority_between_1_and_4 check (priority between 1 and 4),
  add column buyer_released numeric,
  add column seller_released numeric,
  add column settled_quantity numeric not null default 0,
  add column settled_notional numeric not null default 0,
  add column settled_buyer_fee numeric not null default 0,
  add column settled_seller_fee numeric not null default 0,
  add constraint released_is_a_part check (
    coalesce(buyer_released between 0 and quantity, true)
    and coalesce(seller_released between 0 and quantity, true)
  ),
  add constraint settled_is_a_part check (settled_quantity >= 0 and settled_quantity < quantity);
update settlement.waiting_instructions set due_at = created_at;
alter table settlement.waiting_instructions alter column due_at set not null;
comment on column settlement.waiting_instructions.due_at is 'when its value date begins';
comment on column settlement.waiting_instructions.is_prefunded is
  'what it takes is held in the accounts already, as for every trade of the venue';
comment on column settlement.waiting_instructions.is_conditional is
  'considered together with others: not prefunded, released in part, linked, of its own priority';
comment on column settlement.waiting_instructions.buyer_released is
  'how much of quantity the buyer lets settle; null: all';
comment on column settlement.waiting_instructions.settled_quantity is
  'what is final already: see settlement.parts';
create index waiting_instructions_lack_idx on settlement.waiting_instructions
  (segment_id, priority, value_date, instruction_id)
  where is_conditional and reason in ('LACK_ASSET', 'LACK_CASH');

alter table reference.symbols
  add column partial_unit numeric
    constraint partial_unit_is_positive check (partial_unit > 0 and partial_unit < 'Infinity'),
  add column partial_minimum numeric
    constraint partial_minimum_is_positive
    check (partial_minimum > 0 and partial_minimum < 'Infinity');
comment on column reference.symbols.partial_unit is
  'parts of an instruction settle in multiples of this, in base; null: all or nothing';
comment on column reference.symbols.partial_minimum is 'no part is smaller than this, in base';

create type settlement.link_kind as enum ('AFTER', 'WITH');
create table settlement.links (
  segment_id int not null,
  instruction_id bigint not null,
  link settlement.link_kind not null,
  other_id bigint not null,
  primary key (segment_id, instruction_id, other_id),
  constraint link_is_to_another check (instruction_id <> other_id)
);
comment on table settlement.links is
  'AFTER: settles once the other has; WITH: both in one journal, or none; WITH stands twice';
create index links_other_idx on settlement.links (segment_id, other_id);

create table settlement.parts (
  segment_id int not null,
  instruction_id bigint not null,
  part_no int not null,
  quantity reference.quantity not null,
  notional ledger.amount not null,
  buyer_fee ledger.amount not null,
  seller_fee ledger.amount not null,
  settled_at timestamptz not null,
  journal_id bigint not null,
  primary key (segment_id, instruction_id, part_no)
);
comment on table settlement.parts is
  'what of an instruction with conditions is final, a row each time; insert only';

create table settlement.cancelled_instructions (
  like settlement.settled_instructions,
  reason text not null,
  cancelled_by text not null
);
alter table settlement.cancelled_instructions
  drop column journal_id,
  add primary key (segment_id, instruction_id);
alter table settlement.cancelled_instructions rename column settled_at to cancelled_at;
comment on table settlement.cancelled_instructions is
  'what will never settle, and on whose word; insert only';

create table reference.cut_offs (
  asset_id int primary key references reference.assets on delete restrict,
  calendar_id int not null references reference.calendars on delete restrict,
  cut_off time not null
);
comment on table reference.cut_offs is
  'after this local time of a business day an asset settles on the next one';

create table reference.partial_windows (
  symbol_id int not null references reference.symbols on delete restrict,
  starts_at time not null,
  ends_at time not null,
  primary key (symbol_id, starts_at),
  constraint window_has_a_length check (ends_at > starts_at)
);
comment on table reference.partial_windows is
  'when instructions settle in part, UTC; a symbol without windows does so always';

-- Ids of instructions that no trade made: below those of every symbol.
create sequence settlement.instruction_ids maxvalue 999999999999;

create table settlement.instruction_events (
  segment_id int not null,
  event_id bigint generated always as identity,
  instruction_id bigint not null,
  at timestamptz not null,
  kind text not null,
  reason settlement.pending_reason,
  detail text,
  primary key (segment_id, event_id)
);
comment on table settlement.instruction_events is
  'what happened to instructions between their trade and their journal; insert only';
create index instruction_events_instruction_idx on settlement.instruction_events
  (segment_id, instruction_id);

-- Whoever waits for money or assets to come to an account.
create table ledger.waits (
  segment_id int not null,
  participant_id int not null,
  asset_id int not null,
  waiter_id bigint not null,
  has_come boolean not null default false,
  primary key (segment_id, participant_id, asset_id, waiter_id)
);
comment on table ledger.waits is
  'which instruction waits for which account; has_come: something came there since';
create index waits_come_idx on ledger.waits (segment_id, waiter_id) where has_come;

-- What settles now of an instruction, all or a part.
create type settlement.part as (
  instruction_id bigint,
  symbol_id int,
  buyer_id int,
  seller_id int,
  base_asset_id int,
  quote_asset_id int,
  quantity numeric,
  notional numeric,
  buyer_fee numeric,
  seller_fee numeric,
  is_prefunded boolean,
  is_last boolean
);
-- An instruction that is considered: what of it could settle now, with which others, or why not.
create type settlement.candidate as (
  instruction_id bigint,
  unit_no int,
  reason settlement.pending_reason,
  next_attempt_at timestamptz,
  part settlement.part,
  part_unit numeric,
  part_minimum numeric
);
-- What a unit (an instruction, or several that settle together) changes on one account.
create type settlement.unit_move as (
  unit_no int,
  account_no int,
  amount numeric
);

-- Netting: trades of some symbols settle in windows, by what each participant owes in the end.

-- The account through which windows settle: it gives what it gets, in the same journal.
insert into reference.participants (client_id, name, kind, created_at)
select c.code, 'The clearing account of netting windows', 'CLEARING', now()
from (values (1, 'clearing'), (2, 'pgsettle:clearing')) as c (n, code)
where not exists (select from reference.participants as p where p.client_id = c.code)
order by c.n
limit 1;

create type clearing.netting_mode as enum ('NET', 'NET_CASH');
comment on type clearing.netting_mode is
  'NET: assets and cash by net (DvP model 3); NET_CASH: assets by trade, cash by net (model 2)';
create type clearing.netting_scope as enum ('MULTILATERAL', 'BILATERAL');
comment on type clearing.netting_scope is
  'MULTILATERAL: each with all others, by the clearing account; BILATERAL: each pair by itself';

create table clearing.netting_sets (
  segment_id int not null references reference.segments on delete restrict,
  netting_set text not null
    constraint netting_set_is_a_code check (netting_set ~ '^[A-Za-z0-9._:-]{1,64}$'),
  mode clearing.netting_mode not null,
  scope clearing.netting_scope not null,
  window_length interval constraint window_length_is_positive check (window_length > '0'),
  created_at timestamptz not null,
  primary key (segment_id, netting_set)
);
comment on table clearing.netting_sets is 'symbols that are netted together';
comment on column clearing.netting_sets.window_length is
  'a window closes by itself after so long; null: by close_window() only';

create table clearing.windows (
  segment_id int not null,
  window_id bigint generated always as identity,
  netting_set text not null,
  opened_at timestamptz not null,
  closed_at timestamptz,
  settled_at timestamptz,
  journal_id bigint,
  problem text,
  next_attempt_at timestamptz not null default '-infinity',
  primary key (segment_id, window_id),
  foreign key (segment_id, netting_set) references clearing.netting_sets on delete restrict,
  constraint settled_when_closed check (settled_at is null or closed_at is not null)
);
comment on column clearing.windows.problem is 'the error that put its settlement off, if one did';
comment on table clearing.windows is 'what is netted together: one open window a set';
create unique index windows_open_idx on clearing.windows (segment_id, netting_set)
  where closed_at is null;
create index windows_due_idx on clearing.windows (segment_id, closed_at)
  where settled_at is null;

create table clearing.nets (
  segment_id int not null,
  net_id bigint generated always as identity,
  window_id bigint not null,
  participant_id int not null,
  counterparty_id int,
  asset_id int not null,
  amount ledger.amount not null,
  gross_in ledger.amount not null,
  gross_out ledger.amount not null,
  primary key (segment_id, net_id),
  unique nulls not distinct (segment_id, window_id, participant_id, counterparty_id, asset_id),
  constraint net_is_in_less_out check (amount = gross_in - gross_out)
);
comment on table clearing.nets is
  'what a window left to give (negative) or to get, of each asset; insert only';
comment on column clearing.nets.counterparty_id is
  'the other of a pair; null: the clearing account stands for all others';

alter table reference.symbols add column netting_set text;
comment on column reference.symbols.netting_set is
  'its trades settle in the windows of this set; null: each by itself';

alter table settlement.waiting_instructions
  add column netting_set text,
  add column window_id bigint;
comment on column settlement.waiting_instructions.netting_set is
  'it goes into a window of this set when it is due';
create index waiting_instructions_window_idx on settlement.waiting_instructions
  (segment_id, window_id)
  where window_id is not null;

alter table settlement.cancelled_instructions add column netted_into bigint;
comment on column settlement.cancelled_instructions.netted_into is
  'the window that took it up: settled by its nets';
create index cancelled_instructions_window_idx on settlement.cancelled_instructions
  (segment_id, netted_into)
  where netted_into is not null;
alter table settlement.cancelled_instructions add column is_prefunded boolean not null default true;

-- What a journal's link is made from of its lines: their numbers, in the order of the digest, 4
-- bytes to know each by, and the digest of all their contents.
create type ledger.journal_lines as (
  line_nos int[],
  line_marks bytea,
  digest bytea
);

alter table ledger.segment_state add column last_link bytea not null default '';
comment on column ledger.segment_state.last_link is
  'the link of the last journal; empty before the first';

alter table ledger.journals
  add column line_nos int[],
  add column line_marks bytea,
  add column link bytea;
-- Digests cannot be compressed, and the attempt takes time while others wait.
alter table ledger.journals
  alter column line_nos set storage external,
  alter column line_marks set storage external;
comment on column ledger.journals.line_nos is
  'the numbers of its lines, in the order of the digest';
comment on column ledger.journals.line_marks is
  'the first 4 bytes of the digest of each line: names the one that was changed';
comment on column ledger.journals.link is
  'sha-256 over the link before it, the number, the journal and its transfers';

drop function ledger.post_journal(int, bigint, ledger.journal_kind, timestamptz, bigint[], int);

-- Links for the journals that stand already, as ledger.post_journal gives them.
do $$
declare
  v_journal ledger.journals;
  v_segment_id int := 0;
  v_link bytea;
  v_lines ledger.journal_lines;
begin
  for v_journal in select j.* from ledger.journals as j order by j.segment_id, j.finality_no loop
    if v_journal.segment_id <> v_segment_id then
      v_segment_id := v_journal.segment_id;
      v_link := '';
    end if;

    select
      coalesce(array_agg(l.line_no order by l.line_no), '{}'),
      coalesce(string_agg(substr(sha256(l.content), 1, 4), '' order by l.line_no), ''),
      sha256(coalesce(string_agg(l.content, '' order by l.line_no), ''))
    into v_lines
    from (
      select
        t.line_no,
        int8send((t.debit_participant_id::bigint << 32) + t.credit_participant_id)
          || int8send(coalesce(t.instruction_id, 0)) || int4send(t.asset_id)
          || numeric_send(t.amount) || enum_send(t.kind) as content
      from ledger.transfers as t
      where t.segment_id = v_journal.segment_id
        and t.journal_id = v_journal.journal_id
    ) as l;

    v_link := sha256(v_link || int8send(v_journal.finality_no) || sha256(
      convert_to(
        row(v_journal.segment_id, v_journal.journal_id, v_journal.kind,
          (extract(epoch from v_journal.posted_at) * 1000000)::bigint,
          v_journal.transfer_count, v_journal.instruction_ids)::text, 'UTF8'
      ) || array_send(v_lines.line_nos) || v_lines.digest
    ));
    update ledger.journals as j
    set line_nos = v_lines.line_nos,
      line_marks = v_lines.line_marks,
      link = v_link
    where j.segment_id = v_journal.segment_id
      and j.journal_id = v_journal.journal_id;
    update ledger.segment_state as s
    set last_link = v_link
    where s.segment_id = v_journal.segment_id;
  end loop;
end
$$;

alter table ledger.journals
  alter column line_nos set not null,
  alter column line_marks set not null,
  alter column link set not null;

-- PostgreSQL lets everybody make large objects. Who does not own the server gets a warning here.
revoke execute on function pg_catalog.lo_create(oid), pg_catalog.lo_creat(int),
  pg_catalog.lo_from_bytea(oid, bytea) from public;

create type ledger.withdrawal_status as enum ('PENDING', 'POSTED', 'REJECTED');

create sequence ledger.withdrawal_ids;

create table ledger.withdrawals (
  segment_id int not null,
  withdrawal_id bigint not null,
  participant_id int not null references reference.participants on delete restrict,
  asset_id int not null references reference.assets on delete restrict,
  amount ledger.amount not null constraint withdrawal_is_positive check (amount > 0),
  idempotency_key text not null
    constraint withdrawal_key_is_not_too_long check (length(idempotency_key) between 1 and 255),
  status ledger.withdrawal_status not null default 'PENDING',
  requested_by text not null,
  created_at timestamptz not null,
  decided_by text,
  decided_at timestamptz,
  reject_reason text,
  journal_id bigint,
  primary key (segment_id, withdrawal_id),
  constraint withdrawal_key_is_used_once unique (segment_id, participant_id, idempotency_key),
  constraint decision_is_whole check (
    (status = 'PENDING') = (decided_by is null)
    and (status = 'PENDING') = (decided_at is null)
    and (status = 'POSTED') = (journal_id is not null)
    and (status = 'REJECTED') = (reject_reason is not null)
  ),
  constraint approved_by_another
    check (status <> 'POSTED' or lower(decided_by) <> lower(requested_by))
) with (fillfactor = 90);
comment on table ledger.withdrawals is
  'one row a withdrawal, held from its request until it is posted or rejected';
comment on column ledger.withdrawals.requested_by is
  'who asked: an operator, or the participant''s own code; may not approve it';
comment on column ledger.withdrawals.journal_id is 'what posted it; null while it is not';
-- ops.v_holds, ledger.withdrawn_amount: what is pending is held, and counts however old it is.
create index withdrawals_pending_idx
  on ledger.withdrawals (segment_id, participant_id, asset_id) where status = 'PENDING';
-- ledger.withdrawn_amount: what was posted in the last 24 hours.
create index withdrawals_posted_idx
  on ledger.withdrawals (segment_id, participant_id, asset_id, decided_at) where status = 'POSTED';

create table ledger.withdrawal_limits (
  segment_id int not null,
  asset_id int not null references reference.assets on delete restrict,
  participant_id int references reference.participants on delete restrict,
  day_amount ledger.amount not null constraint limit_not_negative check (day_amount >= 0),
  constraint limit_is_set_once unique nulls not distinct (segment_id, asset_id, participant_id)
);
comment on table ledger.withdrawal_limits is
  'what may be withdrawn of an asset in 24 hours; no row: any amount';
comment on column ledger.withdrawal_limits.participant_id is
  'whose limit it is; null: of everybody who has none of their own';

-- A withdrawal as the outside sees it.
create type ledger.withdrawal_row as (
  withdrawal_id bigint,
  client_id text,
  asset text,
  amount numeric,
  idempotency_key text,
  status ledger.withdrawal_status,
  requested_by text,
  created_at timestamptz,
  decided_by text,
  decided_at timestamptz,
  reject_reason text,
  transfer_id text
);

-- What is for continuous trading only begins no call.
drop function if exists matching.rest_end(
  numeric, boolean, boolean, boolean, boolean, reference.band_action
);

-- An amendment is judged at its turn: it says for how long the order is to be good, and gives the
-- order as it is then.
alter type matching.asked add attribute time_in_force matching.time_in_force_enum,
  add attribute expire_at timestamptz;
alter type matching.started drop attribute quantity, drop attribute end_reason,
  add attribute slot matching.slot;

drop function matching.start_change(
  matching.asked, matching.slot, numeric, numeric, numeric, boolean
);
drop function matching.refuse_time(
  reference.symbols, bigint, matching.time_in_force_enum, matching.time_in_force_enum, timestamptz
);
drop function matching.named_orders(matching.command[], matching.batch);
-- The first answer is given again to the byte, also when its order is good for another time since.
alter table matching.orders add column first_time_in_force matching.time_in_force_enum,
  add column first_expire_at timestamptz;
comment on column matching.orders.first_time_in_force is
  'what it was placed with, where an amendment changed how long it is good';
comment on column matching.orders.first_expire_at is
  'what it was placed with, where an amendment changed how long it is good';

-- Lists whose exits wait for the money that their entry's trades bring.
alter table matching.order_lists add column if not exists funds_tried numeric;
comment on column matching.order_lists.funds_tried is
  'what there was when it did not do for the exits; -Infinity: not tried since; null: none waits';
create index if not exists order_lists_funds_tried_idx on matching.order_lists
  (segment_id, symbol_id)
  where funds_tried is not null;

--! Included ledger/withdrawal_rows.sql
-- Withdrawals as the outside sees them, by id. Reads only.
create or replace function ledger.withdrawal_rows(
  p_segment_id int,
  p_withdrawal_ids bigint[]
) returns setof ledger.withdrawal_row
language sql stable
as $$
  select
    w.withdrawal_id, p.client_id, a.asset, trim_scale(w.amount::numeric), w.idempotency_key,
    w.status, w.requested_by, w.created_at, w.decided_by, w.decided_at, w.reject_reason,
    w.journal_id || '-1'
  from unnest(p_withdrawal_ids) as i (withdrawal_id)
  join ledger.withdrawals as w
    on w.segment_id = p_segment_id
    and w.withdrawal_id = i.withdrawal_id
  join reference.participants as p
    on p.participant_id = w.participant_id
  join reference.assets as a
    on a.asset_id = w.asset_id
$$;
comment on function ledger.withdrawal_rows is 'withdrawals as the outside sees them, by id';
--! EndIncluded ledger/withdrawal_rows.sql
--! Included api/find_withdrawal.sql
-- One withdrawal. Reads only. Raises: NFWDR when there is none.
create or replace function api.find_withdrawal(
  p_segment_id int,
  p_withdrawal_id bigint
) returns ledger.withdrawal_row
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_row ledger.withdrawal_row;
begin
  select r.* into v_row
  from ledger.withdrawal_rows(p_segment_id, array[p_withdrawal_id]) as r;

  if not found then
    raise exception 'there is no withdrawal %', p_withdrawal_id
      using errcode = 'NFWDR', hint = 'UNKNOWN_WITHDRAWAL';
  end if;
  return v_row;
end;
$$;
comment on function api.find_withdrawal is 'one withdrawal; NFWDR when there is none';
revoke execute on function api.find_withdrawal from public;
grant execute on function api.find_withdrawal to pgsettle_app;
--! EndIncluded api/find_withdrawal.sql
--! Included ledger/open_accounts.sql
-- Opens the accounts of these changes that do not stand yet, with nothing on them. Call it before
-- any account is locked [LED-004]: who has to wait for an account that another is opening holds
-- none then. Else one could hold A and wait for the new X, which a second, who waits for A, has
-- locked as soon as it stood.
-- Locks: advisory (5, segment), to the end of the transaction. Writes ledger.accounts.
create or replace function ledger.open_accounts(
  p_segment_id int,
  p_changes ledger.account_change[]
) returns void
language plpgsql volatile
as $$
declare
  c_lock_space constant int := 5;
begin
  perform pg_advisory_xact_lock(c_lock_space, p_segment_id);

  insert into ledger.accounts (segment_id, participant_id, asset_id, may_be_negative)
  select p_segment_id, c.participant_id, c.asset_id, p.kind = 'EXTERNAL'
  from ledger.account_changes(p_segment_id, p_changes) as c
  join reference.participants as p
    on p.participant_id = c.participant_id
  order by c.participant_id, c.asset_id
  on conflict do nothing;
end;
$$;
comment on function ledger.open_accounts is 'opens the accounts of changes where they are missing';
--! EndIncluded ledger/open_accounts.sql
--! Included ledger/tell_waits.sql
-- Marks those who wait for accounts to which something came: more is available there than before
-- [LED-003]. The caller has the accounts locked. Writes: ledger.waits.
create or replace function ledger.tell_waits(
  p_segment_id int,
  p_changes ledger.account_change[]
) returns void
language sql volatile
as $$
  update ledger.waits as w
  set has_come = true
  from unnest(p_changes) as c
  where w.segment_id = p_segment_id
    and w.participant_id = c.participant_id
    and w.asset_id = c.asset_id
    and c.posted > c.held
    and not w.has_come
$$;
comment on function ledger.tell_waits is 'marks those who wait for accounts that something came to';
--! EndIncluded ledger/tell_waits.sql
--! Included ledger/change_accounts.sql
-- Adds changes to accounts, all or none: the only writer of balances.
-- Takes at most one change an account: what to add to posted, held, unsettled_in and
-- unsettled_out, in the asset. Accounts that do not stand yet are opened. Returns false, with
-- nothing changed, when an account would hold more than it has; the accounts stay locked, so that
-- what the caller reads next stays true [LED-001]. Whoever waits for one of them is told.
-- Locks: where one is to be opened, advisory (5, segment); the accounts, in the order (participant,
-- asset), to the end of the transaction.
-- Raises, when the caller broke an invariant: NVACC when a change is for nobody's account, 23514
-- when it breaks another rule of the table.
create or replace function ledger.change_accounts(
  p_segment_id int,
  p_changes ledger.account_change[]
) returns boolean
language plpgsql volatile
as $$
declare
  v_found int;
  v_short int;
begin
  -- Missing ones are opened before any is locked: see ledger.open_accounts.
  select count(*) into v_found
  from ledger.account_changes(p_segment_id, p_changes) as c
  join ledger.accounts as a
    on a.segment_id = c.segment_id
    and a.participant_id = c.participant_id
    and a.asset_id = c.asset_id;
  if v_found < cardinality(p_changes) then
    perform ledger.open_accounts(p_segment_id, p_changes);
  end if;

  with locked as materialized (
    select a.posted, a.held, a.may_be_negative, c.posted as more_posted, c.held as more_held
    from ledger.account_changes(p_segment_id, p_changes) as c
    join ledger.accounts as a
      on a.segment_id = c.segment_id
      and a.participant_id = c.participant_id
      and a.asset_id = c.asset_id
    order by a.participant_id, a.asset_id
    for no key update of a
  )
  select
    count(*),
    count(*) filter (
      where not l.may_be_negative
        and l.more_held > l.more_posted
        and l.held + l.more_held > l.posted + l.more_posted
    )
  into v_found, v_short
  from locked as l;

  if v_found <> cardinality(p_changes) then
    raise exception 'an account of nobody, or of no asset' using errcode = 'NVACC';
  end if;
  if v_short > 0 then
    return false;
  end if;

  update ledger.accounts as a
  set posted = a.posted + c.posted,
    held = a.held + c.held,
    unsettled_in = a.unsettled_in + c.unsettled_in,
    unsettled_out = a.unsettled_out + c.unsettled_out
  from ledger.account_changes(p_segment_id, p_changes) as c
  where a.segment_id = c.segment_id
    and a.participant_id = c.participant_id
    and a.asset_id = c.asset_id;

  if exists (select from ledger.waits as w where w.segment_id = p_segment_id) then
    perform ledger.tell_waits(p_segment_id, p_changes);
  end if;
  return true;
end;
$$;
comment on function ledger.change_accounts is
  'adds changes to accounts, all or none; false when one would hold more than it has';
--! EndIncluded ledger/change_accounts.sql
--! Included ledger/refuse_operator.sql
-- Refuses what is no name of an operator: 1 to 64 letters, digits or . _ : -, as a participant's
-- code. Raises: IVOPR. Reads nothing.
create or replace function ledger.refuse_operator(
  p_by text
) returns void
language plpgsql stable
as $$
begin
  if (p_by ~ '^[A-Za-z0-9._:-]{1,64}$') is not true then
    raise exception 'an operator''s name is 1 to 64 letters, digits or . _ : -'
      using errcode = 'IVOPR', hint = 'BAD_OPERATOR', column = 'operator';
  end if;
end;
$$;
comment on function ledger.refuse_operator is 'refuses what is no name of an operator';
--! EndIncluded ledger/refuse_operator.sql
--! Included ledger/lock_withdrawal.sql
-- The row of a withdrawal, locked to the end of the transaction, for whoever decides about it:
-- the second one sees what the first one did. Raises: NFWDR when there is none, IVOPR.
create or replace function ledger.lock_withdrawal(
  p_segment_id int,
  p_withdrawal_id bigint,
  p_by text
) returns ledger.withdrawals
language plpgsql volatile
as $$
declare
  v_withdrawal ledger.withdrawals;
begin
  perform ledger.refuse_operator(p_by);
  select w.* into v_withdrawal
  from ledger.withdrawals as w
  where w.segment_id = p_segment_id
    and w.withdrawal_id = p_withdrawal_id
  for no key update of w;

  if not found then
    raise exception 'there is no withdrawal %', p_withdrawal_id
      using errcode = 'NFWDR', hint = 'UNKNOWN_WITHDRAWAL';
  end if;
  return v_withdrawal;
end;
$$;
comment on function ledger.lock_withdrawal is 'the row of a withdrawal, locked to be decided about';
--! EndIncluded ledger/lock_withdrawal.sql
--! Included ledger/journal_digest.sql
-- What a journal's link is made from but its place: the journal as PostgreSQL prints a row, with
-- the time in microseconds since 1970, the numbers of its lines and their digest [LED-010].
-- Reads nothing.
create or replace function ledger.journal_digest(
  p_segment_id int,
  p_journal_id bigint,
  p_kind ledger.journal_kind,
  p_posted_at timestamptz,
  p_transfer_count int,
  p_instruction_ids bigint[],
  p_lines ledger.journal_lines
) returns bytea
language sql stable
as $$
  select
    sha256(
      convert_to(
        row(p_segment_id, p_journal_id, p_kind,
          (extract(epoch from p_posted_at) * 1000000)::bigint, p_transfer_count,
          p_instruction_ids)::text, 'UTF8'
      ) || array_send(p_lines.line_nos) || p_lines.digest
    )
$$;
comment on function ledger.journal_digest is 'digest of a journal and its lines, without its place';
--! EndIncluded ledger/journal_digest.sql
--! Included ledger/next_link.sql
-- The link of a journal: over the link before it (empty for the first), its finality number and
-- its digest [LED-010]. Is inlined.
create or replace function ledger.next_link(
  p_link bytea,
  p_finality_no bigint,
  p_digest bytea
) returns bytea
language sql immutable parallel safe
as $$
  select sha256(p_link || int8send(p_finality_no) || p_digest)
$$;
comment on function ledger.next_link is
  'the link of a journal: over the one before it and its digest';
--! EndIncluded ledger/next_link.sql
--! Included ledger/post_journal.sql
-- Closes a posting transaction: gives it its finality number and writes its journal. Call it last:
-- the number is given under the row lock of ledger.segment_state, which is held over the commit, so
-- that numbers are dense and in the order of commits, and no reader can skip one.
-- The journal is linked to the one before it, over all its lines [LED-010]. The caller makes the
-- digest of those before it locks accounts; under the lock there is only the link to be made.
-- Locks: the segment's row of ledger.segment_state. Writes: ledger.segment_state, ledger.journals.
create or replace function ledger.post_journal(
  p_segment_id int,
  p_journal_id bigint,
  p_kind ledger.journal_kind,
  p_now timestamptz,
  p_instruction_ids bigint[],
  p_lines ledger.journal_lines
) returns bigint -- finality number
language plpgsql volatile
as $$
declare
  v_count int := cardinality(p_lines.line_nos);
  v_digest bytea := ledger.journal_digest(
    p_segment_id, p_journal_id, p_kind, p_now, v_count, p_instruction_ids, p_lines
  );
  v_finality_no bigint;
  v_link bytea;
begin
  update ledger.segment_state as s
  set last_finality_no = s.last_finality_no + 1,
    last_link = ledger.next_link(s.last_link, s.last_finality_no + 1, v_digest)
  where s.segment_id = p_segment_id
  returning s.last_finality_no, s.last_link into strict v_finality_no, v_link;

  insert into ledger.journals (
    segment_id, journal_id, finality_no, kind, posted_at, instruction_ids, transfer_count,
    line_nos, line_marks, link
  )
  values (
    p_segment_id, p_journal_id, v_finality_no, p_kind, p_now, p_instruction_ids, v_count,
    p_lines.line_nos, p_lines.line_marks, v_link
  );

  return v_finality_no;
end;
$$;
comment on function ledger.post_journal is
  'numbers, links and writes the journal of a posting transaction; call it last';
--! EndIncluded ledger/post_journal.sql
--! Included ledger/line_mark.sql
-- What a journal keeps of the content of each of its lines, to name the one that was changed: the
-- first 4 bytes of its sha-256. That something was changed is shown by the link. Is inlined.
create or replace function ledger.line_mark(
  p_content bytea
) returns bytea
language sql immutable parallel safe
as $$
  select substr(sha256(p_content), 1, 4)
$$;
comment on function ledger.line_mark is 'names a line of a journal by the begin of its digest';
--! EndIncluded ledger/line_mark.sql
--! Included ledger/transfer_content.sql
-- What a journal's link covers of a transfer but its line number, its journal and its time, which
-- are those of the journal: its columns one after another, as PostgreSQL sends them. As text it
-- took twice the time. Is inlined. Reads nothing.
create or replace function ledger.transfer_content(
  p_kind ledger.transfer_kind,
  p_asset_id int,
  p_debit_participant_id int,
  p_credit_participant_id int,
  p_amount numeric,
  p_instruction_id bigint
) returns bytea
language sql stable
as $$
  select
    int8send((p_debit_participant_id::bigint << 32) + p_credit_participant_id)
      || int8send(coalesce(p_instruction_id, 0)) || int4send(p_asset_id) || numeric_send(p_amount)
      || enum_send(p_kind)
$$;
comment on function ledger.transfer_content is 'what a journal''s link covers of a transfer';
--! EndIncluded ledger/transfer_content.sql
--! Included ledger/posted_lines.sql
-- What a journal's link covers of the transfers that this transaction has posted under it, read
-- back from where they stand: for ledger.post_journal. Who posts thousands makes it on the way
-- instead, as settlement does. Reads only.
create or replace function ledger.posted_lines(
  p_segment_id int,
  p_journal_id bigint,
  p_now timestamptz
) returns ledger.journal_lines
language sql volatile
as $$
  select
    row(
      coalesce(array_agg(l.line_no order by l.line_no), '{}'),
      coalesce(string_agg(ledger.line_mark(l.content), '' order by l.line_no), ''),
      sha256(coalesce(string_agg(l.content, '' order by l.line_no), ''))
    )::ledger.journal_lines
  from (
    select
      t.line_no,
      ledger.transfer_content(
        t.kind, t.asset_id, t.debit_participant_id, t.credit_participant_id, t.amount,
        t.instruction_id
      ) as content
    from ledger.transfers as t
    where t.segment_id = p_segment_id
      and t.journal_id = p_journal_id
      and t.posted_at = p_now
  ) as l
$$;
comment on function ledger.posted_lines is
  'what a journal''s link covers of the transfers posted under it';
--! EndIncluded ledger/posted_lines.sql
--! Included ledger/approve_withdrawal.sql
-- Approves a withdrawal: the amount leaves for the world outside, once [LED-020]. Takes who
-- approves, which may not be who asked [LED-022]. The same approval again answers as the first
-- time.
-- Writes: ledger.withdrawals, transfers, accounts, journals. Locks: the withdrawal, the two
-- accounts, segment_state. Raises: NFWDR, IVOPR, RJSLF (who asked), STWDR (it is decided already).
create or replace function ledger.approve_withdrawal(
  p_segment_id int,
  p_withdrawal_id bigint,
  p_by text,
  p_now timestamptz
) returns ledger.withdrawals
language plpgsql volatile
as $$
declare
  v_withdrawal ledger.withdrawals := ledger.lock_withdrawal(p_segment_id, p_withdrawal_id, p_by);
  v_external_id int := reference.external_id();
  v_journal_id bigint;
begin
  if v_withdrawal.status = 'POSTED' and lower(v_withdrawal.decided_by) = lower(p_by) then
    return v_withdrawal;
  elsif v_withdrawal.status <> 'PENDING' then
    raise exception 'withdrawal % is %', p_withdrawal_id, v_withdrawal.status
      using errcode = 'STWDR', hint = 'ALREADY_DECIDED';
  elsif lower(v_withdrawal.requested_by) = lower(p_by) then
    raise exception 'who asked for a withdrawal may not approve it'
      using errcode = 'RJSLF', hint = 'SAME_OPERATOR', column = 'operator';
  end if;

  v_journal_id := nextval('ledger.journal_ids');
  insert into ledger.transfers
  values (
    p_segment_id, v_journal_id, 1, 'WITHDRAWAL', v_withdrawal.asset_id,
    v_withdrawal.participant_id, v_external_id, v_withdrawal.amount, null, p_now
  );
  update ledger.withdrawals as w
  set status = 'POSTED',
    decided_by = p_by,
    decided_at = p_now,
    journal_id = v_journal_id
  where w.segment_id = p_segment_id
    and w.withdrawal_id = p_withdrawal_id
  returning w.* into strict v_withdrawal;

  if not ledger.change_accounts(p_segment_id, array[
    row(v_withdrawal.participant_id, v_withdrawal.asset_id, -v_withdrawal.amount,
      -v_withdrawal.amount, 0, 0),
    row(v_external_id, v_withdrawal.asset_id, v_withdrawal.amount, 0, 0, 0)
  ]::ledger.account_change[]) then
    raise exception 'an account cannot pay what was held for it' using errcode = 'NVACC';
  end if;
  perform ledger.post_journal(
    p_segment_id, v_journal_id, 'WITHDRAWAL', p_now, '{}',
    ledger.posted_lines(p_segment_id, v_journal_id, p_now)
  );
  return v_withdrawal;
end;
$$;
comment on function ledger.approve_withdrawal is
  'pays out a withdrawal that another person asked for, once';
--! EndIncluded ledger/approve_withdrawal.sql
--! Included api/approve_withdrawal.sql
-- Pays out a withdrawal and returns it; see ledger.approve_withdrawal.
-- Raises: NFWDR, IVOPR, RJSLF, STWDR.
create or replace function api.approve_withdrawal(
  p_segment_id int,
  p_withdrawal_id bigint,
  p_by text,
  p_now timestamptz
) returns ledger.withdrawal_row
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform ledger.approve_withdrawal(p_segment_id, p_withdrawal_id, p_by, p_now);
  return api.find_withdrawal(p_segment_id, p_withdrawal_id);
end;
$$;
comment on function api.approve_withdrawal is 'pays out a withdrawal that another person asked for';
revoke execute on function api.approve_withdrawal from public;
grant execute on function api.approve_withdrawal to pgsettle_app;
--! EndIncluded api/approve_withdrawal.sql
--! Included ledger/reject_withdrawal.sql
-- Rejects a withdrawal: what was held for it is available again, once [LED-020]. Takes who rejects
-- (who asked may take it back) and why. The same rejection again answers as the first time.
-- Writes: ledger.withdrawals, accounts. Locks: the withdrawal, the account.
-- Raises: NFWDR, IVOPR, IVRSN (no reason), STWDR (it is decided already).
create or replace function ledger.reject_withdrawal(
  p_segment_id int,
  p_withdrawal_id bigint,
  p_by text,
  p_reason text,
  p_now timestamptz
) returns ledger.withdrawals
language plpgsql volatile
as $$
declare
  v_withdrawal ledger.withdrawals := ledger.lock_withdrawal(p_segment_id, p_withdrawal_id, p_by);
begin
  if (length(trim(p_reason)) between 1 and 500) is not true then
    raise exception 'a rejection has a reason of 1 to 500 characters'
      using errcode = 'IVRSN', hint = 'REASON_MISSING', column = 'reason';
  elsif v_withdrawal.status = 'REJECTED' and lower(v_withdrawal.decided_by) = lower(p_by) then
    return v_withdrawal;
  elsif v_withdrawal.status <> 'PENDING' then
    raise exception 'withdrawal % is %', p_withdrawal_id, v_withdrawal.status
      using errcode = 'STWDR', hint = 'ALREADY_DECIDED';
  end if;

  update ledger.withdrawals as w
  set status = 'REJECTED',
    decided_by = p_by,
    decided_at = p_now,
    reject_reason = p_reason
  where w.segment_id = p_segment_id
    and w.withdrawal_id = p_withdrawal_id
  returning w.* into strict v_withdrawal;

  if not ledger.change_accounts(p_segment_id, array[
    row(v_withdrawal.participant_id, v_withdrawal.asset_id, 0, -v_withdrawal.amount, 0, 0)
  ]::ledger.account_change[]) then
    raise exception 'an account does not hold what was held for it' using errcode = 'NVACC';
  end if;
  return v_withdrawal;
end;
$$;
comment on function ledger.reject_withdrawal is 'gives back what was held for a withdrawal, once';
--! EndIncluded ledger/reject_withdrawal.sql
--! Included api/reject_withdrawal.sql
-- Rejects a withdrawal and returns it; see ledger.reject_withdrawal.
-- Raises: NFWDR, IVOPR, IVRSN, STWDR.
create or replace function api.reject_withdrawal(
  p_segment_id int,
  p_withdrawal_id bigint,
  p_by text,
  p_reason text,
  p_now timestamptz
) returns ledger.withdrawal_row
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform ledger.reject_withdrawal(p_segment_id, p_withdrawal_id, p_by, p_reason, p_now);
  return api.find_withdrawal(p_segment_id, p_withdrawal_id);
end;
$$;
comment on function api.reject_withdrawal is 'gives back what was held for a withdrawal';
revoke execute on function api.reject_withdrawal from public;
grant execute on function api.reject_withdrawal to pgsettle_app;
--! EndIncluded api/reject_withdrawal.sql
--! Included ledger/refuse_amount.sql
-- Refuses an amount that is not a positive multiple of the unit of its asset. Not a number,
-- infinity and null have no scale: what is not known to be right is refused. Raises: IVAMT.
-- Reads nothing.
create or replace function ledger.refuse_amount(
  p_amount numeric,
  p_decimals int
) returns void
language plpgsql stable
as $$
begin
  if (p_amount > 0 and scale(trim_scale(p_amount)) <= p_decimals) is not true then
    raise exception 'amount % is not a positive multiple of %',
      p_amount, reference.asset_unit(p_decimals)
      using errcode = 'IVAMT', hint = 'AMOUNT_UNIT', column = 'amount';
  end if;
end;
$$;
comment on function ledger.refuse_amount is
  'refuses an amount that is not a positive multiple of its asset''s unit';
--! EndIncluded ledger/refuse_amount.sql
--! Included ledger/withdrawal_limit.sql
-- What a participant may withdraw of an asset in 24 hours: its own limit, or else the asset's; null
-- when there is none. Reads only.
create or replace function ledger.withdrawal_limit(
  p_segment_id int,
  p_participant_id int,
  p_asset_id int
) returns numeric
language sql stable
as $$
  select l.day_amount
  from ledger.withdrawal_limits as l
  where l.segment_id = p_segment_id
    and l.asset_id = p_asset_id
    and (l.participant_id = p_participant_id or l.participant_id is null)
  order by l.participant_id nulls last
  limit 1
$$;
comment on function ledger.withdrawal_limit is
  'what a participant may withdraw of an asset in 24 hours; null: no limit';
--! EndIncluded ledger/withdrawal_limit.sql
--! Included ledger/withdrawn_amount.sql
-- What of an asset counts against a participant's limit of 24 hours [LED-021]: all that is pending,
-- however old, and what was posted in the last 24 hours. So no 24 hours ever post more than the
-- limit, in whichever order requests and approvals come. Reads only.
create or replace function ledger.withdrawn_amount(
  p_segment_id int,
  p_participant_id int,
  p_asset_id int,
  p_now timestamptz
) returns numeric
language sql stable
as $$
  select coalesce(sum(w.amount), 0)
  from ledger.withdrawals as w
  where w.segment_id = p_segment_id
    and w.participant_id = p_participant_id
    and w.asset_id = p_asset_id
    and (
      w.status = 'PENDING'
      or (w.status = 'POSTED' and w.decided_at > p_now - interval '24 hours')
    )
$$;
comment on function ledger.withdrawn_amount is
  'what counts against a participant''s limit of 24 hours: pending, and posted in them';
--! EndIncluded ledger/withdrawn_amount.sql
--! Included ledger/request_withdrawal.sql
-- Asks for money to be paid out: holds it until the withdrawal is posted or rejected [LED-020].
-- Takes the amount in the asset, the caller's key and who asks (null: the participant). A repeat of
-- the key answers with the withdrawal as it is now; with another asset or amount it is refused.
-- The limit is looked at behind the account's lock, so that two requests cannot both have the last
-- of it [LED-021].
-- Writes: ledger.withdrawals, accounts. Locks: the withdrawal's key, the account.
-- Raises: NFPAR (for the world outside too), NFAST, IVAMT, IVOPR, RJKEY, RJFND (more than is
-- available), RJLIM (more than the limit of 24 hours leaves).
create or replace function ledger.request_withdrawal(
  p_segment_id int,
  p_client_id text,
  p_asset text,
  p_amount numeric,
  p_key text,
  p_by text,
  p_now timestamptz
) returns ledger.withdrawals
language plpgsql volatile
as $$
declare
  v_participant reference.participants := reference.get_participant(p_client_id);
  v_asset reference.assets := reference.get_asset(p_asset);
  v_withdrawal ledger.withdrawals;
  v_left numeric;
begin
  if v_participant.participant_id = reference.external_id() then
    raise exception 'the world outside cannot pay itself'
      using errcode = 'NFPAR', hint = 'UNKNOWN_PARTICIPANT', column = 'client_id';
  end if;
  perform ledger.refuse_amount(p_amount, v_asset.decimals);
  perform ledger.refuse_operator(coalesce(p_by, p_client_id));

  insert into ledger.withdrawals (
    segment_id, withdrawal_id, participant_id, asset_id, amount, idempotency_key, requested_by,
    created_at
  )
  values (
    p_segment_id, nextval('ledger.withdrawal_ids'), v_participant.participant_id, v_asset.asset_id,
    p_amount, p_key, coalesce(p_by, p_client_id), p_now
  )
  on conflict on constraint withdrawal_key_is_used_once do nothing
  returning * into v_withdrawal;

  if not found then
    select w.* into strict v_withdrawal
    from ledger.withdrawals as w
    where w.segment_id = p_segment_id
      and w.participant_id = v_participant.participant_id
      and w.idempotency_key = p_key;

    if v_withdrawal.asset_id <> v_asset.asset_id or v_withdrawal.amount <> p_amount then
      raise exception 'key % was used for another withdrawal', p_key
        using errcode = 'RJKEY', hint = 'KEY_REUSED', column = 'idempotency_key';
    end if;
    return v_withdrawal;
  end if;

  if not ledger.change_accounts(p_segment_id, array[
    row(v_participant.participant_id, v_asset.asset_id, 0, p_amount, 0, 0)
  ]::ledger.account_change[]) then
    raise exception 'less than % is available', p_amount
      using errcode = 'RJFND', hint = 'INSUFFICIENT_FUNDS', column = 'amount';
  end if;

  v_left := ledger.withdrawal_limit(p_segment_id, v_participant.participant_id, v_asset.asset_id)
    - ledger.withdrawn_amount(
      p_segment_id, v_participant.participant_id, v_asset.asset_id, p_now
    );
  if v_left < 0 then
    raise exception 'the limit of 24 hours is passed by %', -v_left
      using errcode = 'RJLIM', hint = 'WITHDRAWAL_LIMIT', column = 'amount';
  end if;

  return v_withdrawal;
end;
$$;
comment on function ledger.request_withdrawal is
  'asks for money to be paid out and holds it, once a key';
--! EndIncluded ledger/request_withdrawal.sql
--! Included api/request_withdrawal.sql
-- Asks for money to be paid out and holds it; see ledger.request_withdrawal. A repeat of the key
-- answers with the withdrawal as it is now.
-- Raises: NFPAR, NFAST, IVAMT, IVOPR, RJKEY, RJFND, RJLIM.
create or replace function api.request_withdrawal(
  p_segment_id int,
  p_client_id text,
  p_asset text,
  p_amount numeric,
  p_key text,
  p_by text,
  p_now timestamptz
) returns ledger.withdrawal_row
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_withdrawal ledger.withdrawals := ledger.request_withdrawal(
    p_segment_id, p_client_id, p_asset, p_amount, p_key, p_by, p_now
  );
begin
  return api.find_withdrawal(p_segment_id, v_withdrawal.withdrawal_id);
end;
$$;
comment on function api.request_withdrawal is 'asks for money to be paid out, once a key';
revoke execute on function api.request_withdrawal from public;
grant execute on function api.request_withdrawal to pgsettle_app;
--! EndIncluded api/request_withdrawal.sql
--! Included settlement/instructions.sql
-- Every instruction, one row each, wherever it stands: next in line, waiting, settled or cancelled.
-- status and reason tell which.
create or replace view settlement.instructions as
select
  p.segment_id, p.instruction_id, p.symbol_id, p.buyer_id, p.seller_id, p.base_asset_id,
  p.quote_asset_id, p.quantity, p.notional, p.buyer_fee, p.seller_fee, p.value_date,
  'PENDING'::settlement.instruction_status as status, null::settlement.pending_reason as reason,
  null as problem, p.attempts, p.created_at as next_attempt_at, p.created_at,
  null::timestamptz as settled_at, null::bigint as journal_id
from settlement.pending_instructions as p
union all
select
  w.segment_id, w.instruction_id, w.symbol_id, w.buyer_id, w.seller_id, w.base_asset_id,
  w.quote_asset_id, w.quantity, w.notional, w.buyer_fee, w.seller_fee, w.value_date, w.status,
  w.reason, w.problem, w.attempts, w.next_attempt_at, w.created_at, null, null
from settlement.waiting_instructions as w
union all
select
  s.segment_id, s.instruction_id, s.symbol_id, s.buyer_id, s.seller_id, s.base_asset_id,
  s.quote_asset_id, s.quantity, s.notional, s.buyer_fee, s.seller_fee, s.value_date,
  'SETTLED'::settlement.instruction_status, null, null, s.attempts, null, s.created_at,
  s.settled_at, s.journal_id
from settlement.settled_instructions as s
union all
select
  c.segment_id, c.instruction_id, c.symbol_id, c.buyer_id, c.seller_id, c.base_asset_id,
  c.quote_asset_id, c.quantity, c.notional, c.buyer_fee, c.seller_fee, c.value_date,
  'CANCELLED'::settlement.instruction_status, null, c.reason, c.attempts, null, c.created_at,
  null, null
from settlement.cancelled_instructions as c;
comment on view settlement.instructions is
  'all settlement instructions: next in line, waiting, settled, cancelled';
--! EndIncluded settlement/instructions.sql
--! Included api/settlement_backlog.sql
-- How settlement stands: what is pending and since when, what failed, what the last minute
-- settled.
-- Reads only; the queue holds only what is not settled, so counting it is cheap while it is
-- healthy.
create or replace function api.settlement_backlog(
  p_segment_id int,
  p_now timestamptz
) returns table (
  pending bigint,
  failed bigint,
  oldest_created_at timestamptz,
  settled_last_minute bigint
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    count(*) filter (where i.status <> 'FAILED'), count(*) filter (where i.status = 'FAILED'),
    min(i.created_at),
    (
      select coalesce(sum(cardinality(j.instruction_ids)), 0)
      from (
        select n.instruction_ids, n.posted_at
        from ledger.journals as n
        where n.segment_id = p_segment_id
        order by n.finality_no desc
        limit 5000
      ) as j
      where j.posted_at > p_now - interval '1 minute'
    )
  from settlement.instructions as i
  where i.segment_id = p_segment_id
    and i.status not in ('SETTLED', 'CANCELLED')
$$;
comment on function api.settlement_backlog is
  'how settlement stands: pending, failed, oldest, rate';
revoke execute on function api.settlement_backlog from public;
grant execute on function api.settlement_backlog to pgsettle_app;
--! EndIncluded api/settlement_backlog.sql
--! Included matching/funded_lists.sql
-- The lists of a symbol whose exits wait for what their entry has traded, for which there is more
-- by now than when that did not do; or nothing more to come, which is the last time. None while
-- the symbol is not active. Reads only.
create or replace function matching.funded_lists(
  p_segment_id int,
  p_symbol_id int
) returns table (
  list_id bigint,
  entry_id bigint,
  entry_at timestamptz,
  is_partial boolean,
  is_last boolean
)
language sql volatile
rows 1
as $$
  select
    l.list_id, l.entry_order_id, l.created_at, l.is_partial, a.unsettled_in = 0
  from matching.order_lists as l
  join reference.symbols as s
    on s.symbol_id = l.symbol_id
  join matching.orders as e
    on e.segment_id = l.segment_id
    and e.order_id = l.entry_order_id
    and e.created_at = l.created_at
  join ledger.accounts as a
    on a.segment_id = e.segment_id
    and a.participant_id = e.participant_id
    and a.asset_id = case e.side when 'BUY' then s.base_asset_id else s.quote_asset_id end
  where l.segment_id = p_segment_id
    and l.symbol_id = p_symbol_id
    and l.funds_tried is not null
    and s.status = 'ACTIVE'
    and (a.unsettled_in = 0 or a.posted - a.held > l.funds_tried)
  order by l.list_id
$$;
comment on function matching.funded_lists is 'the lists whose exits wait and that have more';
--! EndIncluded matching/funded_lists.sql
--! Included matching/due_symbols.sql
-- The symbols at which something is due: an order expires, a phase ends, or orders that were
-- accepted wait for the matcher, or exits whose funds have come [MAT-053], all of which go on to
-- wait while their symbol is not active. Reads only.
create or replace function matching.due_symbols(
  p_segment_id int,
  p_now timestamptz
) returns setof int -- symbol ids
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.symbol_id
  from matching.symbol_state as s
  join reference.symbols as y
    on y.symbol_id = s.symbol_id
  where s.segment_id = p_segment_id
    and (
      s.next_due_at <= p_now
      or s.pending_count > 0 and y.status = 'ACTIVE'
      or exists (select from matching.funded_lists(s.segment_id, s.symbol_id))
    )
  order by s.symbol_id
$$;
comment on function matching.due_symbols is 'the symbols at which something is due';
revoke execute on function matching.due_symbols from public;
grant execute on function matching.due_symbols to pgsettle_worker;
--! EndIncluded matching/due_symbols.sql
--! Included api/status.sql
-- How the database stands, for readiness: the newest migration, and what settlement has before it:
-- the oldest of what is next in line, because one that waits or was put aside is no reason to take
-- the venue out of service. And since when something is due that the matcher's worker should have
-- done: an expiry, a phase, an order that was accepted, a timer. Reads only.
create or replace function api.status(
  p_segment_id int,
  p_now timestamptz
) returns table (
  schema_version text,
  pending bigint,
  failed bigint,
  oldest_created_at timestamptz,
  oldest_due_at timestamptz
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    (select max(m.filename) from graphile_migrate.migrations as m),
    count(*) filter (where i.status <> 'FAILED'), count(*) filter (where i.status = 'FAILED'),
    min(i.created_at) filter (where i.reason is null), (
      select min(d.due_at)
      from (
        select least(s.next_due_at, (
          select min(k.created_at)
          from matching.parked_orders as k
          where k.segment_id = s.segment_id
            and k.symbol_id = s.symbol_id
            and k.pending_reason = 'MATCH'
        )) as due_at
        from matching.due_symbols(p_segment_id, p_now) as d (symbol_id)
        join matching.symbol_state as s
          on s.segment_id = p_segment_id
          and s.symbol_id = d.symbol_id
        union all
        select t.cancel_at
        from matching.cancel_timers as t
        where t.segment_id = p_segment_id
          and t.cancel_at <= p_now
      ) as d
    )
  from settlement.instructions as i
  where i.segment_id = p_segment_id
    and i.status not in ('SETTLED', 'CANCELLED')
    and i.created_at <= p_now
$$;
comment on function api.status is 'how the database stands, for readiness';
revoke execute on function api.status from public;
grant execute on function api.status to pgsettle_app;
--! EndIncluded api/status.sql
--! Included api/withdrawals.sql
-- Withdrawals as the outside sees them, newest first. Of a participant, of a status when given;
-- p_cursor is the id of the last row seen. Reads only. Raises: NFPAR; 22P02 for a status that it
-- does not know.
create or replace function api.withdrawals(
  p_segment_id int,
  p_client_id text,
  p_status text,
  p_cursor text,
  p_limit int
) returns setof ledger.withdrawal_row
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_status ledger.withdrawal_status := upper(p_status);
  v_participant_id int;
begin
  if p_client_id is not null then
    v_participant_id := (reference.get_participant(p_client_id)).participant_id;
  end if;

  return query
  select r.*
  from ledger.withdrawal_rows(p_segment_id, array(
    select w.withdrawal_id
    from ledger.withdrawals as w
    where w.segment_id = p_segment_id
      and w.withdrawal_id < coalesce(p_cursor::bigint, 9223372036854775807)
      and w.status = coalesce(v_status, w.status)
      and w.participant_id = coalesce(v_participant_id, w.participant_id)
    order by w.withdrawal_id desc
    limit p_limit
  )) as r
  order by r.withdrawal_id desc;
end;
$$;
comment on function api.withdrawals is 'withdrawals, newest first';
revoke execute on function api.withdrawals from public;
grant execute on function api.withdrawals to pgsettle_app;
--! EndIncluded api/withdrawals.sql
--! Included clearing/open_window.sql
-- The open window of a netting set, locked so that it does not close before this transaction ends:
-- what joins it is in it, and in no other [CLR-004]. The first to come after a close opens the
-- next. Locks: the window's row, for share. Writes: clearing.windows.
create or replace function clearing.open_window(
  p_segment_id int,
  p_netting_set text,
  p_now timestamptz
) returns bigint -- window id
language plpgsql volatile
as $$
declare
  v_window_id bigint;
begin
  loop
    select w.window_id into v_window_id
    from clearing.windows as w
    where w.segment_id = p_segment_id
      and w.netting_set = p_netting_set
      and w.closed_at is null
    for share;
    if found then
      return v_window_id;
    end if;

    insert into clearing.windows (segment_id, netting_set, opened_at)
    values (p_segment_id, p_netting_set, p_now)
    on conflict do nothing;
  end loop;
end;
$$;
comment on function clearing.open_window is 'the open window of a netting set, kept from closing';
--! EndIncluded clearing/open_window.sql
--! Included clearing/value_date.sql
-- When a trade of a symbol settles: so many business days of its settlement calendar, or else of
-- the one that it trades by, behind the local date of the trade; a trade on a day that is none
-- counts for the next one [CLR-002]. Without a calendar days are of UTC, and each is a business
-- day.
-- Returns the value date, and the moment when it begins. Reads only.
-- Raises: IVCAL when the calendar has no such day.
create or replace function clearing.value_date(
  p_symbol reference.symbols,
  p_at timestamptz,
  out value_date date,
  out due_at timestamptz
)
language plpgsql stable
as $$
declare
  v_calendar_id int := coalesce(p_symbol.settlement_calendar_id, p_symbol.calendar_id);
  v_time_zone text := 'UTC';
begin
  if v_calendar_id is null then
    value_date := (p_at at time zone 'UTC')::date + p_symbol.settlement_days;
  else
    select c.time_zone into strict v_time_zone
    from reference.calendars as c
    where c.calendar_id = v_calendar_id;
    value_date := reference.add_business_days(
      v_calendar_id, (p_at at time zone v_time_zone)::date, p_symbol.settlement_days
    );
    if value_date is null then
      raise exception 'the calendar of % has no % business days to come', p_symbol.symbol,
        p_symbol.settlement_days using errcode = 'IVCAL', hint = 'BAD_CALENDAR';
    end if;
  end if;
  due_at := value_date::timestamp at time zone v_time_zone;
end;
$$;
comment on function clearing.value_date is 'when a trade of a symbol settles';
--! EndIncluded clearing/value_date.sql
--! Included clearing/capture_trades.sql
-- Turns trades into settlement instructions, one a trade, in the transaction that made the trades:
-- none can be missing, none can be there twice [CLR-001]. What is due today is next in line, or
-- joins the window of its netting set [CLR-004]; what is due later waits for its date [CLR-002].
-- Takes the trades: quantities in base, notionals and fees in quote.
-- Locks: the open window of a netting set, for share.
-- Writes: settlement.pending_instructions or waiting_instructions, clearing.windows.
create or replace function clearing.capture_trades(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_trades clearing.captured_trade[]
) returns void
language plpgsql volatile
as $$
declare
  v_value record := clearing.value_date(p_symbol, p_now);
  v_is_due boolean := v_value.due_at <= p_now;
  v_window_id bigint;
begin
  if v_is_due and p_symbol.netting_set is null then
    insert into settlement.pending_instructions (
      segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
      quantity, notional, buyer_fee, seller_fee, value_date, created_at
    )
    select
      p_symbol.segment_id, t.trade_id, p_symbol.symbol_id, t.buyer_id, t.seller_id,
      p_symbol.base_asset_id, p_symbol.quote_asset_id, t.quantity, t.notional, t.buyer_fee,
      t.seller_fee, v_value.value_date, p_now
    from unnest(p_trades) as t;
    return;
  end if;

  if v_is_due then
    v_window_id := clearing.open_window(p_symbol.segment_id, p_symbol.netting_set, p_now);
  end if;
  insert into settlement.waiting_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, created_at, reason, next_attempt_at,
    due_at, netting_set, window_id
  )
  select
    p_symbol.segment_id, t.trade_id, p_symbol.symbol_id, t.buyer_id, t.seller_id,
    p_symbol.base_asset_id, p_symbol.quote_asset_id, t.quantity, t.notional, t.buyer_fee,
    t.seller_fee, v_value.value_date, p_now,
    case when v_is_due then 'NETTING'::settlement.pending_reason else 'FUTURE_DATE' end,
    case when v_is_due then 'infinity' else v_value.due_at end, v_value.due_at,
    p_symbol.netting_set, v_window_id
  from unnest(p_trades) as t;
end;
$$;
comment on function clearing.capture_trades is
  'one settlement instruction a trade, in the same transaction';
--! EndIncluded clearing/capture_trades.sql
--! Included clearing/close_window.sql
-- Closes the open window of a netting set. Who was about to join it has joined before; who comes
-- later finds another [CLR-004]. Returns its id, null when none is open.
-- Locks: the window's row; waits for those who join it. Writes: clearing.windows.
create or replace function clearing.close_window(
  p_segment_id int,
  p_netting_set text,
  p_now timestamptz
) returns bigint -- window id
language sql volatile
as $$
  update clearing.windows as w
  set closed_at = p_now
  where w.segment_id = p_segment_id
    and w.netting_set = p_netting_set
    and w.closed_at is null
  returning w.window_id
$$;
comment on function clearing.close_window is 'closes the open window of a netting set';
--! EndIncluded clearing/close_window.sql
--! Included settlement/part_of.sql
-- So much of what is left of a waiting instruction: the cash and the fees in proportion, rounded
-- half up to the unit of the quote asset; the last part takes what is left of them [SET-007].
-- Takes the quantity, in base, at most what is left, and the decimals of the quote asset.
create or replace function settlement.part_of(
  p_instruction settlement.waiting_instructions,
  p_quantity numeric,
  p_decimals int
) returns settlement.part
language sql immutable parallel safe
as $$
  select row(
    i.instruction_id, i.symbol_id, i.buyer_id, i.seller_id, i.base_asset_id, i.quote_asset_id,
    p_quantity,
    case when l.is_last then i.notional - i.settled_notional else least(
      round(i.notional * p_quantity / i.quantity, p_decimals), i.notional - i.settled_notional
    ) end,
    case when l.is_last then i.buyer_fee - i.settled_buyer_fee
      else round(i.buyer_fee * p_quantity / i.quantity, p_decimals) end,
    case when l.is_last then i.seller_fee - i.settled_seller_fee
      else round(i.seller_fee * p_quantity / i.quantity, p_decimals) end,
    i.is_prefunded, l.is_last
  )::settlement.part
  from (select (p_instruction).*) as i
  cross join lateral (select p_quantity >= i.quantity - i.settled_quantity as is_last) as l
$$;
comment on function settlement.part_of is 'so much of what is left of a waiting instruction';
--! EndIncluded settlement/part_of.sql
--! Included clearing/window_parts.sql
-- The instructions of a window that is not settled, each with all that is left of it, in the order
-- of their ids. Reads only.
create or replace function clearing.window_parts(
  p_segment_id int,
  p_window_id bigint
) returns settlement.part[]
language sql stable
as $$
  select array_agg(
    settlement.part_of(i, i.quantity - i.settled_quantity, s.quote_decimals)
    order by i.instruction_id
  )
  from settlement.waiting_instructions as i
  join reference.symbols as s
    on s.symbol_id = i.symbol_id
  where i.segment_id = p_segment_id
    and i.window_id = p_window_id
$$;
comment on function clearing.window_parts is 'the instructions of a window, with all that is left';
--! EndIncluded clearing/window_parts.sql
--! Included settlement/part_changes.sql
-- What settling these parts changes on the accounts, one change an account. What was prefunded is
-- taken from what is held, the rest from what is available. Reads nothing.
create or replace function settlement.part_changes(
  p_parts settlement.part[]
) returns ledger.account_change[]
language sql stable
as $$
  select ledger.sum_changes(array_agg(
    row(c.participant_id, c.asset_id, c.posted, c.held, c.due_in, c.held)::ledger.account_change
  ))
  from unnest(p_parts) as p
  cross join lateral (
    values
      (p.seller_id, p.base_asset_id, -p.quantity, -p.quantity, 0.0),
      (p.buyer_id, p.base_asset_id, p.quantity, 0, -p.quantity),
      (p.buyer_id, p.quote_asset_id, -p.notional - p.buyer_fee, -p.notional - p.buyer_fee, 0),
      (p.seller_id, p.quote_asset_id, p.notional - p.seller_fee, 0, p.seller_fee - p.notional),
      (reference.house_id(), p.quote_asset_id, p.buyer_fee + p.seller_fee, 0, 0)
  ) as m (participant_id, asset_id, posted, held, due_in)
  cross join lateral (
    select
      m.participant_id, m.asset_id, m.posted,
      case when p.is_prefunded then m.held else 0 end as held,
      case when p.is_prefunded then m.due_in else 0 end as due_in
  ) as c
  where m.posted <> 0
$$;
comment on function settlement.part_changes is 'what settling parts changes on the accounts';
--! EndIncluded settlement/part_changes.sql
--! Included clearing/funding_gaps.sql
-- Which accounts cannot pay what a window that is not settled leaves them to pay, and how much is
-- missing, in the asset: what is given and not held for it, less what comes, over what is
-- available. Reads only.
create or replace function clearing.funding_gaps(
  p_segment_id int,
  p_window_id bigint
) returns table (
  participant_id int,
  asset_id int,
  gap numeric
)
language sql stable
as $$
  select c.participant_id, c.asset_id, -g.available
  from unnest(
    settlement.part_changes(clearing.window_parts(p_segment_id, p_window_id))
  ) as c
  left join ledger.accounts as a
    on a.segment_id = p_segment_id
    and a.participant_id = c.participant_id
    and a.asset_id = c.asset_id
  cross join lateral (
    select coalesce(a.posted - a.held, 0) + c.posted - c.held as available
  ) as g
  where g.available < 0
    and not coalesce(a.may_be_negative, false)
  order by c.participant_id, c.asset_id
$$;
comment on function clearing.funding_gaps is 'which accounts cannot pay their net, and how much';
--! EndIncluded clearing/funding_gaps.sql
--! Included clearing/instruct.sql
-- Takes in a settlement instruction that no trade of the venue made: a trade done elsewhere, or a
-- delivery free of payment. Nothing is held for it: it settles when both sides can pay, from its
-- value date on [SET-006]. Both sides have agreed: it is matched.
-- Takes the symbol, whose assets move, the quantity in base, the amount in quote (0: free of
-- payment), the value date (null: that of a trade made now) and a priority of 1 to 4.
-- Returns its id. Writes: settlement.waiting_instructions, events.
-- Raises: NFSYM, NFPAR; IVAMT for an amount that is not a multiple of its unit, IVPAR for one that
-- would deliver to itself, IVPRI.
create or replace function clearing.instruct(
  p_symbol reference.symbols,
  p_seller_id int,
  p_buyer_id int,
  p_quantity numeric,
  p_notional numeric,
  p_value_date date,
  p_priority int,
  p_now timestamptz
) returns bigint
language plpgsql volatile
as $$
declare
  v_id bigint := nextval('settlement.instruction_ids');
  v_value record := clearing.value_date(p_symbol, p_now);
  v_due_at timestamptz := v_value.due_at;
begin
  if (
    p_quantity > 0 and scale(trim_scale(p_quantity)) <= p_symbol.base_decimals
    and p_notional >= 0 and scale(trim_scale(p_notional)) <= p_symbol.quote_decimals
  ) is not true then
    raise exception 'quantity % and amount % are not multiples of their units', p_quantity,
      p_notional using errcode = 'IVAMT', hint = 'AMOUNT_UNIT', column = 'quantity';
  end if;
  if p_seller_id = p_buyer_id then
    raise exception 'nobody delivers to itself'
      using errcode = 'IVPAR', hint = 'SAME_PARTICIPANT', column = 'buyer';
  end if;
  if (p_priority between 1 and 4) is not true then
    raise exception 'a priority is 1 to 4, not %', p_priority
      using errcode = 'IVPRI', hint = 'BAD_PRIORITY', column = 'priority';
  end if;
  if p_value_date is not null then
    v_due_at := v_due_at + (p_value_date - v_value.value_date) * interval '1 day';
  end if;

  insert into settlement.waiting_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, created_at, reason, next_attempt_at,
    due_at, is_prefunded, is_conditional, priority, netting_set
  )
  values (
    p_symbol.segment_id, v_id, p_symbol.symbol_id, p_buyer_id, p_seller_id, p_symbol.base_asset_id,
    p_symbol.quote_asset_id, p_quantity, p_notional, 0, 0,
    coalesce(p_value_date, v_value.value_date), p_now,
    case when v_due_at > p_now then 'FUTURE_DATE'::settlement.pending_reason
      when p_symbol.netting_set is null then 'LACK_ASSET' else 'NETTING' end,
    greatest(v_due_at, p_now), v_due_at, false, p_symbol.netting_set is null,
    p_priority, p_symbol.netting_set
  );
  insert into settlement.instruction_events (segment_id, instruction_id, at, kind)
  values (p_symbol.segment_id, v_id, p_now, 'INSTRUCTED');
  return v_id;
end;
$$;
comment on function clearing.instruct is
  'takes in a settlement instruction that no trade of the venue made';
--! EndIncluded clearing/instruct.sql
--! Included clearing/join_windows.sql
-- Lets what is due by its date join the open window of its netting set. Returns how many joined.
-- Locks: the rows, SKIP LOCKED, and the windows. Writes: settlement.waiting_instructions.
create or replace function clearing.join_windows(
  p_segment_id int,
  p_now timestamptz
) returns int
language plpgsql volatile
as $$
declare
  v_set text;
  v_window_id bigint;
  v_some int;
  v_count int := 0;
begin
  for v_set in
    select distinct i.netting_set
    from settlement.waiting_instructions as i
    where i.segment_id = p_segment_id
      and i.status <> 'FAILED'
      and i.next_attempt_at <= p_now
      and i.netting_set is not null
  loop
    v_window_id := clearing.open_window(p_segment_id, v_set, p_now);
    with due as (
      select i.instruction_id
      from settlement.waiting_instructions as i
      where i.segment_id = p_segment_id
        and i.status <> 'FAILED'
        and i.next_attempt_at <= p_now
        and i.netting_set = v_set
      for update skip locked
    )
    update settlement.waiting_instructions as i
    set window_id = v_window_id,
      reason = 'NETTING',
      next_attempt_at = 'infinity'
    from due as d
    where i.segment_id = p_segment_id
      and i.instruction_id = d.instruction_id;
    get diagnostics v_some = row_count;
    v_count := v_count + v_some;
  end loop;
  return v_count;
end;
$$;
comment on function clearing.join_windows is 'lets what is due join its window';
--! EndIncluded clearing/join_windows.sql
--! Included clearing/leave_out.sql
-- Takes a participant that cannot pay out of a window: all of its instructions that are not
-- prefunded go into the set's next window, with their dates [CLR-006]. What is prefunded stays: it
-- can be paid. Returns how many went.
-- Locks: the next window. Writes: settlement.waiting_instructions, events, clearing.windows.
create or replace function clearing.leave_out(
  p_window clearing.windows,
  p_participant_id int,
  p_now timestamptz
) returns int
language plpgsql volatile
as $$
declare
  v_next_id bigint := clearing.open_window(p_window.segment_id, p_window.netting_set, p_now);
  v_count int;
begin
  with moved as (
    update settlement.waiting_instructions as i
    set window_id = v_next_id,
      attempts = i.attempts + 1
    where i.segment_id = p_window.segment_id
      and i.window_id = p_window.window_id
      and p_participant_id in (i.buyer_id, i.seller_id)
      and not i.is_prefunded
    returning i.instruction_id
  ), told as (
    insert into settlement.instruction_events (segment_id, instruction_id, at, kind, detail)
    select p_window.segment_id, m.instruction_id, p_now, 'LEFT_OUT', 'window ' || p_window.window_id
    from moved as m
  )
  select count(*) into v_count
  from moved as m;
  return v_count;
end;
$$;
comment on function clearing.leave_out is 'takes a participant that cannot pay out of a window';
--! EndIncluded clearing/leave_out.sql
--! Included ledger/lock_accounts.sql
-- Locks accounts and says what each has available, in the asset; infinity for one that may be
-- negative. Takes them in the order of their locks, each once; those that do not stand yet are
-- opened. Locks: where one is to be opened, advisory (5, segment); the accounts, in the order
-- (participant, asset), to the end of the transaction.
create or replace function ledger.lock_accounts(
  p_segment_id int,
  p_participant_ids int[],
  p_asset_ids int[]
) returns numeric[]
language plpgsql volatile
as $$
declare
  v_missing ledger.account_change[];
  v_available numeric[];
begin
  v_missing := array(
    select row(w.participant_id, w.asset_id, 0, 0, 0, 0)::ledger.account_change
    from unnest(p_participant_ids, p_asset_ids) as w (participant_id, asset_id)
    where not exists (
      select
      from ledger.accounts as a
      where a.segment_id = p_segment_id
        and a.participant_id = w.participant_id
        and a.asset_id = w.asset_id
    )
  );
  if v_missing <> '{}' then
    perform ledger.open_accounts(p_segment_id, v_missing);
  end if;

  with locked as materialized (
    select a.participant_id, a.asset_id, a.posted - a.held as available, a.may_be_negative
    from unnest(p_participant_ids, p_asset_ids) as w (participant_id, asset_id)
    join ledger.accounts as a
      on a.segment_id = p_segment_id
      and a.participant_id = w.participant_id
      and a.asset_id = w.asset_id
    order by a.participant_id, a.asset_id
    for no key update of a
  )
  select array_agg(
    case when l.may_be_negative then 'Infinity'::numeric else l.available end
    order by l.participant_id, l.asset_id
  )
  into v_available
  from locked as l;
  return coalesce(v_available, '{}');
end;
$$;
comment on function ledger.lock_accounts is 'locks accounts and says what each has available';
--! EndIncluded ledger/lock_accounts.sql
--! Included clearing/lock_window.sql
-- Makes a closed window payable: locks the accounts of all that it moves, and leaves out, one at a
-- time in their order, participants that cannot pay their net, until all others can [CLR-006].
-- Locks: the accounts in key order. Writes: settlement.waiting_instructions, events.
-- Raises: NVACC when one cannot pay what is held for it: a broken invariant.
create or replace function clearing.lock_window(
  p_window clearing.windows,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_accounts record;
  v_short_id int;
begin
  select
    array_agg(c.participant_id order by c.participant_id, c.asset_id) as participant_ids,
    array_agg(c.asset_id order by c.participant_id, c.asset_id) as asset_ids
  into v_accounts
  from unnest(settlement.part_changes(
    clearing.window_parts(p_window.segment_id, p_window.window_id)
  )) as c;
  perform ledger.lock_accounts(
    p_window.segment_id, v_accounts.participant_ids, v_accounts.asset_ids
  );

  loop
    select g.participant_id into v_short_id
    from clearing.funding_gaps(p_window.segment_id, p_window.window_id) as g
    order by g.participant_id
    limit 1;
    exit when v_short_id is null;

    if clearing.leave_out(p_window, v_short_id, p_now) = 0 then
      raise exception 'participant % cannot pay what is held for it', v_short_id
        using errcode = 'NVACC';
    end if;
  end loop;
end;
$$;
comment on function clearing.lock_window is 'leaves out of a window who cannot pay';
--! EndIncluded clearing/lock_window.sql
--! Included clearing/window_flows.sql
-- What the instructions of a window that is not settled move: each to give (negative) and to get,
-- by account, with whom, and whether what is given is held for it. Fees go to the house. Reads
-- only.
create or replace function clearing.window_flows(
  p_segment_id int,
  p_window_id bigint
) returns table (
  instruction_id bigint,
  kind ledger.transfer_kind,
  participant_id int,
  counterparty_id int,
  asset_id int,
  amount numeric,
  is_prefunded boolean
)
language sql stable
as $$
  select
    i.instruction_id, l.kind, f.participant_id, f.counterparty_id, l.asset_id, f.amount,
    i.is_prefunded
  from settlement.waiting_instructions as i
  cross join lateral settlement.legs(
    i.base_asset_id, i.quote_asset_id, i.buyer_id, i.seller_id, i.quantity - i.settled_quantity,
    i.notional - i.settled_notional, i.buyer_fee - i.settled_buyer_fee,
    i.seller_fee - i.settled_seller_fee
  ) as l
  cross join lateral (
    values (l.debit_id, l.credit_id, -l.amount), (l.credit_id, l.debit_id, l.amount)
  ) as f (participant_id, counterparty_id, amount)
  where i.segment_id = p_segment_id
    and i.window_id = p_window_id
$$;
comment on function clearing.window_flows is 'what the instructions of a window move';
--! EndIncluded clearing/window_flows.sql
--! Included clearing/net_transfers.sql
-- What moves by net in a window: each account against the clearing account, or each pair once. In
-- mode NET_CASH only cash: the quote assets and what is owed in them. Reads only.
create or replace function clearing.net_transfers(
  p_window clearing.windows,
  p_mode clearing.netting_mode,
  p_clearing_id int
) returns table (
  participant_id int,
  counterparty_id int,
  asset_id int,
  amount numeric
)
language sql stable
as $$
  select n.participant_id, coalesce(n.other_id, p_clearing_id), n.asset_id, n.amount
  from (
    select
      f.participant_id, case s.scope when 'BILATERAL' then f.counterparty_id end as other_id,
      f.asset_id, sum(f.amount) as amount
    from clearing.netting_sets as s
    cross join lateral clearing.window_flows(p_window.segment_id, p_window.window_id) as f
    where s.segment_id = p_window.segment_id
      and s.netting_set = p_window.netting_set
      and (p_mode = 'NET' or f.kind <> 'DELIVERY')
    group by 1, 2, 3
  ) as n
  where n.amount <> 0
    and (n.other_id is null or n.participant_id < n.other_id)
$$;
comment on function clearing.net_transfers is 'what moves by net in a window';
--! EndIncluded clearing/net_transfers.sql
--! Included clearing/obligations.sql
-- Who owes what to whom, of all trades, settled or not: each trade has exactly four, two of
-- delivery and two of payment [CLR-003]. What a participant gives is negative, what it gets
-- positive; each trade's sum to zero in each asset. Fees are not among them: see instructions.
create or replace view clearing.obligations as
select
  i.segment_id,
  i.instruction_id as trade_id,
  o.kind,
  o.participant_id,
  o.counterparty_id,
  o.asset_id,
  o.amount,
  i.value_date,
  i.status,
  i.symbol_id
from settlement.instructions as i
cross join lateral (
  values
    ('DELIVERY', i.seller_id, i.buyer_id, i.base_asset_id, -i.quantity::numeric),
    ('DELIVERY', i.buyer_id, i.seller_id, i.base_asset_id, i.quantity::numeric),
    ('PAYMENT', i.buyer_id, i.seller_id, i.quote_asset_id, -i.notional::numeric),
    ('PAYMENT', i.seller_id, i.buyer_id, i.quote_asset_id, i.notional::numeric)
) as o (kind, participant_id, counterparty_id, asset_id, amount);
comment on view clearing.obligations is 'who owes what to whom: four a trade';
--! EndIncluded clearing/obligations.sql
--! Included clearing/window_nets.sql
-- The nets of a window that is not settled: one an account, or one a pair and asset in a bilateral
-- set [CLR-005]. Their sum is zero in each asset. Reads only.
create or replace function clearing.window_nets(
  p_segment_id int,
  p_window_id bigint
) returns table (
  participant_id int,
  counterparty_id int,
  asset_id int,
  amount numeric,
  gross_in numeric,
  gross_out numeric
)
language sql stable
as $$
  select
    f.participant_id, case s.scope when 'BILATERAL' then f.counterparty_id end, f.asset_id,
    sum(f.amount), coalesce(sum(f.amount) filter (where f.amount > 0), 0),
    -coalesce(sum(f.amount) filter (where f.amount < 0), 0)
  from clearing.windows as w
  join clearing.netting_sets as s
    on s.segment_id = w.segment_id
    and s.netting_set = w.netting_set
  cross join lateral clearing.window_flows(w.segment_id, w.window_id) as f
  where w.segment_id = p_segment_id
    and w.window_id = p_window_id
  group by 1, 2, 3
$$;
comment on function clearing.window_nets is 'the nets of a window that is not settled';
--! EndIncluded clearing/window_nets.sql
--! Included reference/clearing_id.sql
-- The participant id of the clearing account, through which windows settle. Reads only.
create or replace function reference.clearing_id() returns int
language sql stable
as $$
  select p.participant_id
  from reference.participants as p
  where p.kind = 'CLEARING'
$$;
comment on function reference.clearing_id is 'the participant id of the clearing account';
--! EndIncluded reference/clearing_id.sql
--! Included clearing/post_window.sql
-- Writes the nets of a window, and the transfers that settle it: by trade where its mode says so,
-- of each net to or from the clearing account, or of a pair from one to the other.
-- Writes: clearing.nets, ledger.transfers.
create or replace function clearing.post_window(
  p_window clearing.windows,
  p_journal_id bigint,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_mode clearing.netting_mode;
  v_clearing_id int := reference.clearing_id();
begin
  select s.mode into strict v_mode
  from clearing.netting_sets as s
  where s.segment_id = p_window.segment_id
    and s.netting_set = p_window.netting_set;

  insert into clearing.nets (
    segment_id, window_id, participant_id, counterparty_id, asset_id, amount, gross_in, gross_out
  )
  select
    p_window.segment_id, p_window.window_id, n.participant_id, n.counterparty_id, n.asset_id,
    n.amount, n.gross_in, n.gross_out
  from clearing.window_nets(p_window.segment_id, p_window.window_id) as n;

  insert into ledger.transfers
  select
    p_window.segment_id, p_journal_id, row_number() over (order by t.kind, t.debit_id, t.credit_id,
      t.asset_id, t.instruction_id), t.kind, t.asset_id, t.debit_id, t.credit_id, t.amount,
    t.instruction_id, p_now
  from (
    select
      f.kind, f.asset_id, f.participant_id as debit_id, f.counterparty_id as credit_id,
      -f.amount as amount, f.instruction_id
    from clearing.window_flows(p_window.segment_id, p_window.window_id) as f
    where v_mode = 'NET_CASH'
      and f.kind = 'DELIVERY'
      and f.amount < 0
    union all
    select
      'NET', c.asset_id,
      case when c.amount < 0 then c.participant_id else c.counterparty_id end,
      case when c.amount < 0 then c.counterparty_id else c.participant_id end, abs(c.amount), null
    from clearing.net_transfers(p_window, v_mode, v_clearing_id) as c
  ) as t (kind, asset_id, debit_id, credit_id, amount, instruction_id);
end;
$$;
comment on function clearing.post_window is 'writes the nets of a window and their transfers';
--! EndIncluded clearing/post_window.sql
--! Included clearing/take_up.sql
-- Ends the instructions of a window: the window settles them by its nets.
-- Writes: settlement.waiting_instructions, cancelled_instructions.
create or replace function clearing.take_up(
  p_window clearing.windows,
  p_now timestamptz
) returns void
language sql volatile
as $$
  with gone as (
    delete from settlement.waiting_instructions as i
    where i.segment_id = p_window.segment_id
      and i.window_id = p_window.window_id
    returning i.*
  )
  insert into settlement.cancelled_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, attempts, created_at, cancelled_at,
    reason, cancelled_by, netted_into, is_prefunded
  )
  select
    g.segment_id, g.instruction_id, g.symbol_id, g.buyer_id, g.seller_id, g.base_asset_id,
    g.quote_asset_id, g.quantity, g.notional, g.buyer_fee, g.seller_fee, g.value_date,
    g.attempts + 1, g.created_at, p_now, 'NETTED', 'clearing', p_window.window_id, g.is_prefunded
  from gone as g
$$;
comment on function clearing.take_up is 'ends the instructions of a window';
--! EndIncluded clearing/take_up.sql
--! Included clearing/settle_window.sql
-- Settles a closed window: all that is left of it in one journal, or nothing [CLR-006]. Assets and
-- cash go by net, or, in a set of mode NET_CASH, assets by trade and cash by net; by the clearing
-- account, or between each pair. Each instruction is taken up: CANCELLED, netted into the window.
-- Returns how many instructions were taken up; null when there is nothing to settle here, or
-- another does it.
-- Locks: the window's row, its instructions, the next window, accounts in key order, last the
-- segment's counter. Writes: clearing.windows, nets, ledger.*, settlement.waiting_instructions,
-- cancelled_instructions, events.
create or replace function clearing.settle_window(
  p_segment_id int,
  p_window_id bigint,
  p_now timestamptz
) returns int
language plpgsql volatile
as $$
declare
  v_window clearing.windows;
  v_journal_id bigint := nextval('ledger.journal_ids');
  v_parts settlement.part[];
begin
  select w.* into v_window
  from clearing.windows as w
  where w.segment_id = p_segment_id
    and w.window_id = p_window_id
    and w.closed_at is not null
    and w.settled_at is null
  for update skip locked;
  if not found then
    return null;
  end if;

  perform
  from settlement.waiting_instructions as i
  where i.segment_id = p_segment_id
    and i.window_id = p_window_id
  order by i.instruction_id
  for update;
  perform clearing.lock_window(v_window, p_now);

  v_parts := clearing.window_parts(p_segment_id, p_window_id);
  perform clearing.post_window(v_window, v_journal_id, p_now);
  perform clearing.take_up(v_window, p_now);
  if v_parts is not null
    and not ledger.change_accounts(p_segment_id, settlement.part_changes(v_parts)) then
    raise exception 'an account cannot pay its net' using errcode = 'NVACC';
  end if;

  update clearing.windows as w
  set settled_at = p_now,
    journal_id = v_journal_id
  where w.segment_id = p_segment_id
    and w.window_id = p_window_id;
  perform ledger.post_journal(
    p_segment_id, v_journal_id, 'NETTING', p_now, '{}',
    ledger.posted_lines(p_segment_id, v_journal_id, p_now)
  );
  return coalesce(cardinality(v_parts), 0);
end;
$$;
comment on function clearing.settle_window is 'settles a closed window by its nets';
--! EndIncluded clearing/settle_window.sql
--! Included clearing/run_windows.sql
-- What a worker does for netting, one transaction: closes windows whose time is over, lets what is
-- due join its window, and settles one closed window, the oldest. One that cannot be posted is put
-- off for a minute with its problem. Returns how many joined and how many instructions were
-- settled. Locks and writes: as clearing.settle_window.
create or replace function clearing.run_windows(
  p_segment_id int,
  p_now timestamptz,
  out joined int,
  out settled int
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_window_id bigint;
begin
  joined := clearing.join_windows(p_segment_id, p_now);

  perform clearing.close_window(p_segment_id, w.netting_set, p_now)
  from clearing.windows as w
  join clearing.netting_sets as s
    on s.segment_id = w.segment_id
    and s.netting_set = w.netting_set
  where w.segment_id = p_segment_id
    and w.closed_at is null
    and w.opened_at + s.window_length <= p_now;

  select w.window_id into v_window_id
  from clearing.windows as w
  where w.segment_id = p_segment_id
    and w.closed_at is not null
    and w.settled_at is null
    and w.next_attempt_at <= p_now
  order by w.closed_at, w.window_id
  limit 1;
  begin
    settled := coalesce(clearing.settle_window(p_segment_id, v_window_id, p_now), 0);
  exception when integrity_constraint_violation or data_exception or raise_exception
    or sqlstate 'NVACC' then
    settled := 0;
    update clearing.windows as w
    set problem = left(sqlstate || ' ' || sqlerrm, 500),
      next_attempt_at = p_now + interval '1 minute'
    where w.segment_id = p_segment_id
      and w.window_id = v_window_id;
  end;
end;
$$;
comment on function clearing.run_windows is 'closes windows that are over, and settles one';
revoke execute on function clearing.run_windows from public;
grant execute on function clearing.run_windows to pgsettle_worker;
--! EndIncluded clearing/run_windows.sql
--! Included clearing/set_netting.sql
-- Says in which netting set the trades of a symbol settle from now on; null: each by itself.
-- Writes: reference.symbols. Raises: NFNET.
create or replace function clearing.set_netting(
  p_symbol reference.symbols,
  p_netting_set text
) returns void
language plpgsql volatile
as $$
begin
  if p_netting_set is not null and not exists (
    select
    from clearing.netting_sets as s
    where s.segment_id = p_symbol.segment_id
      and s.netting_set = p_netting_set
  ) then
    raise exception 'there is no netting set %', p_netting_set
      using errcode = 'NFNET', hint = 'UNKNOWN_NETTING_SET', column = 'netting_set';
  end if;

  update reference.symbols as s
  set netting_set = p_netting_set
  where s.symbol_id = p_symbol.symbol_id;
end;
$$;
comment on function clearing.set_netting is 'says in which netting set a symbol settles';
--! EndIncluded clearing/set_netting.sql
--! Included ledger/deposit.sql
-- Books money that came in from outside: a transfer from the outside world to the participant.
-- Takes the amount in the asset and the caller's key. A repeat of the key answers with the first
-- deposit; with another asset or amount it is refused.
-- Writes: ledger.deposits, transfers, accounts, journals. Locks: the two accounts, segment_state.
-- Raises: NFPAR (for the world outside too), NFAST, IVAMT (not a positive multiple of the unit),
-- RJKEY (key used for another).
create or replace function ledger.deposit(
  p_segment_id int,
  p_client_id text,
  p_asset text,
  p_amount numeric,
  p_key text,
  p_now timestamptz
) returns ledger.deposits
language plpgsql volatile
as $$
declare
  v_participant reference.participants := reference.get_participant(p_client_id);
  v_asset reference.assets := reference.get_asset(p_asset);
  v_external_id int := reference.external_id();
  v_deposit ledger.deposits;
begin
  if v_participant.participant_id = v_external_id then
    raise exception 'the world outside cannot pay itself'
      using errcode = 'NFPAR', hint = 'UNKNOWN_PARTICIPANT', column = 'client_id';
  end if;

  perform ledger.refuse_amount(p_amount, v_asset.decimals);

  insert into ledger.deposits
  values (
    p_segment_id, v_participant.participant_id, p_key, v_asset.asset_id, p_amount,
    nextval('ledger.journal_ids'), p_now
  )
  on conflict do nothing
  returning * into v_deposit;

  if not found then
    select d.* into strict v_deposit
    from ledger.deposits as d
    where d.segment_id = p_segment_id
      and d.participant_id = v_participant.participant_id
      and d.idempotency_key = p_key;

    if v_deposit.asset_id <> v_asset.asset_id or v_deposit.amount <> p_amount then
      raise exception 'key % was used for another deposit', p_key
        using errcode = 'RJKEY', hint = 'KEY_REUSED', column = 'idempotency_key';
    end if;
    return v_deposit;
  end if;

  insert into ledger.transfers
  values (
    p_segment_id, v_deposit.journal_id, 1, 'DEPOSIT', v_asset.asset_id, v_external_id,
    v_participant.participant_id, p_amount, null, p_now
  );
  perform ledger.change_accounts(p_segment_id, array[
    row(v_participant.participant_id, v_asset.asset_id, p_amount, 0, 0, 0),
    row(v_external_id, v_asset.asset_id, -p_amount, 0, 0, 0)
  ]::ledger.account_change[]);
  perform ledger.post_journal(
    p_segment_id, v_deposit.journal_id, 'DEPOSIT', p_now, '{}',
    ledger.posted_lines(p_segment_id, v_deposit.journal_id, p_now)
  );

  return v_deposit;
end;
$$;
comment on function ledger.deposit is 'books money from outside to a participant, once a key';
--! EndIncluded ledger/deposit.sql
--! Included ledger/set_withdrawal_limit.sql
-- Sets what may be withdrawn of an asset in 24 hours: by one participant, or (null) by each of
-- those who have no limit of their own. A null amount takes the limit away. What is pending stays.
-- Writes: ledger.withdrawal_limits. Raises: NFAST, NFPAR, 23514 (below zero).
create or replace function ledger.set_withdrawal_limit(
  p_segment_id int,
  p_asset text,
  p_amount numeric,
  p_client_id text
) returns void
language plpgsql volatile
as $$
declare
  v_asset_id int := (reference.get_asset(p_asset)).asset_id;
  v_participant_id int;
begin
  if p_client_id is not null then
    v_participant_id := (reference.get_participant(p_client_id)).participant_id;
  end if;

  if p_amount is null then
    delete from ledger.withdrawal_limits as l
    where l.segment_id = p_segment_id
      and l.asset_id = v_asset_id
      and l.participant_id is not distinct from v_participant_id;
    return;
  end if;

  insert into ledger.withdrawal_limits (segment_id, asset_id, participant_id, day_amount)
  values (p_segment_id, v_asset_id, v_participant_id, p_amount)
  on conflict on constraint limit_is_set_once do update
  set day_amount = excluded.day_amount;
end;
$$;
comment on function ledger.set_withdrawal_limit is
  'sets what may be withdrawn of an asset in 24 hours';
--! EndIncluded ledger/set_withdrawal_limit.sql
--! Included matching/refuse_time.sql
-- Why an amendment of how long an order is good is refused, or null: good till cancelled and good
-- till a time may become each other, and the time another [MAT-044]. Takes the order, its time in
-- force where it is one of this batch, and the one that is asked for. Reads only.
create or replace function matching.refuse_time(
  p_symbol reference.symbols,
  p_order_id bigint,
  p_from matching.time_in_force_enum,
  p_time_in_force matching.time_in_force_enum
) returns matching.refusal
language plpgsql stable
as $$
declare
  v_from matching.time_in_force_enum := coalesce(p_from, (
    select o.time_in_force
    from matching.orders as o
    where o.segment_id = p_symbol.segment_id
      and o.order_id = p_order_id
  ));
begin
  return case when v_from not in ('GTC', 'GTD') or p_time_in_force not in ('GTC', 'GTD')
    then 'TIME_IN_FORCE'::matching.refusal end;
end;
$$;
comment on function matching.refuse_time is
  'why an amendment of how long an order is good is refused';
--! EndIncluded matching/refuse_time.sql
--! Included matching/amend_terms.sql
-- Gives the amendments of a batch the terms of the orders that they amend: they may trade as those
-- would; where a symbol only cancels, more quantity or another price than the order has is refused
-- [MAT-070]; and orders of a list know the one that they share a hold with, which gets the same
-- quantity, and where that is refused, neither does [MAT-053]. Returns what each command asks.
-- Reads only.
create or replace function matching.amend_terms(
  p_symbol reference.symbols,
  p_batch matching.batch
) returns matching.asked[]
language plpgsql stable
as $$
declare
  v_asked matching.asked[] := p_batch.asked;
  v_slot matching.slot;
  v_other matching.slot;
begin
  for v_no in 1..cardinality(v_asked) loop
    continue when v_asked[v_no].op not in ('AMEND', 'RELEASE') or p_batch.targets[v_no] is null;
    v_slot := p_batch.slots[p_batch.targets[v_no]];
    if v_slot.list_id is not null then
      v_asked[v_no].sibling := matching.sibling_slot(p_symbol, p_batch, v_slot);
    end if;
    continue when v_asked[v_no].op <> 'AMEND';
    if num_nonnulls(v_asked[v_no].time_in_force, v_asked[v_no].expire_at) > 0 then
      v_asked[v_no].refusal := matching.refuse_time(
        p_symbol, v_slot.order_id, v_asked[p_batch.targets[v_no]].time_in_force,
        v_asked[v_no].time_in_force
      );
    end if;
    if p_symbol.status = 'MAINTENANCE' and (
      v_asked[v_no].quantity > v_slot.quantity
      or p_batch.sort_prices[v_no] <>
        (p_batch.found).sort_prices[p_batch.targets[v_no] - cardinality(v_asked)]
    ) then
      v_asked[v_no].bar := coalesce(v_asked[v_no].bar, 'CANCEL_ONLY');
    end if;
    if v_asked[v_no].sibling is not null and v_asked[v_no].quantity is not null
      and v_asked[v_no].end_reason is null then
      v_other := p_batch.slots[v_asked[v_no].sibling];
      v_asked[v_no].bar := coalesce(v_asked[v_no].bar, matching.refuse_command(
        p_symbol, 'AMEND', null, null,
        case when v_other.type not in ('STOP', 'TAKE_PROFIT', 'TRAILING_STOP') then
          abs((p_batch.found).sort_prices[v_asked[v_no].sibling - cardinality(v_asked)]) end,
        v_asked[v_no].quantity
      ));
    end if;
    v_asked[v_no].stp := coalesce(v_slot.stp, p_symbol.default_stp);
    v_asked[v_no].is_post_only := v_slot.is_post_only;
    v_asked[v_no].is_sliding := v_slot.is_sliding;
    v_asked[v_no].mate_ids := (
      select array_agg(g.participant_id)
      from reference.participants as p
      join reference.participants as g
        on g.trade_group = p.trade_group
      where p.participant_id = v_slot.owner_id
    );
  end loop;
  return v_asked;
end;
$$;
comment on function matching.amend_terms is
  'gives amendments the terms of the orders that they amend';
--! EndIncluded matching/amend_terms.sql
--! Included matching/band_wall.sql
-- How far a taker may go before the band of its symbol, as sorted by: to its own reach or to the
-- end of the band, and nowhere when the first that it meets is outside already, on either side
-- [MAT-080]. A post-only order takes nothing, and is judged by its reach alone [MAT-045].
-- Takes the place of the first maker. Reads nothing; is inlined.
create or replace function matching.band_wall(
  p_is_buy boolean,
  p_is_post_only boolean,
  p_key numeric,
  p_reach numeric,
  p_state matching.symbol_state
) returns numeric
language sql immutable parallel safe
as $$
  select case
    when p_is_post_only then p_reach
    when p_key < case when p_is_buy then p_state.band_low else -p_state.band_high end
      then '-Infinity'
    else least(p_reach, case when p_is_buy then p_state.band_high else -p_state.band_low end)
  end
$$;
comment on function matching.band_wall is 'how far a taker may go before the band of its symbol';
--! EndIncluded matching/band_wall.sql
--! Included matching/bar_commands.sql
-- Says of each command why the time or the phase of the symbol bars it: a deadline that has passed,
-- an expiry that is not in the future, or what matching.refuse_in_phase says. Such an order has
-- reached the matcher, and is kept as a rejected one. [MAT-054], [MAT-070]. Whether an amendment
-- asks for a price or quantity other than the order's is for matching.amend_terms.
--
-- A market order for a call becomes a limit order at the bound of the symbol's protection about the
-- last price, on a tick; without one it is refused [MAT-086]. Outside of continuous trading a stop
-- order whose price is met is refused where it would fire at once, and an exit waits; one that
-- fired before waits on.
-- Reads nothing; returns the batch.
create or replace function matching.bar_commands(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch
) returns matching.batch
language plpgsql immutable
as $$
declare
  v_asked matching.asked[] := p_batch.asked;
  v_is_locked boolean := matching.are_cancels_locked(p_symbol, p_state, p_now);
  v_command matching.command;
  v_no int := 0;
begin
  foreach v_command in array p_commands loop
    v_no := v_no + 1;
    -- What the venue itself does is barred by nothing, but a release by the phase.
    continue when v_command.end_reason <> 'USER';
    v_asked[v_no].bar := case
      when v_command.op = 'RELEASE' then null
      when v_command.op <> 'CANCEL' and v_command.time_in_force is distinct from 'DAY'
        and v_command.expire_at <= p_now then 'EXPIRE_AT'::matching.refusal
      when v_command.deadline <= p_now then 'EXPIRED_REQUEST'
    end;
    v_asked[v_no].bar := coalesce(v_asked[v_no].bar, matching.refuse_in_phase(
      p_symbol, p_state.phase, p_state.phase_next, v_is_locked, v_command.op, v_command.type,
      v_command.time_in_force,
      num_nulls(v_command.expire_at, v_command.time_in_force) = 2
    ));
    if v_command.op = 'RELEASE' and p_state.phase <> 'CONTINUOUS'
      and v_command.type not in ('LIMIT', 'MARKET') and not v_asked[v_no].is_stop then
      p_batch.refusals[v_no] := 'CALL_PHASE';
    elsif v_asked[v_no].is_stop and p_state.phase <> 'CONTINUOUS' then
      v_asked[v_no].waits := v_command.op = 'RELEASE';
      v_asked[v_no].fires_at_once := false;
    elsif v_asked[v_no].is_stop and v_command.op = 'PLACE' then
      v_asked[v_no].fires_at_once := coalesce(v_command.trigger_immediately, false);
    elsif v_command.type = 'MARKET' and v_command.time_in_force in ('OPG', 'CLS') then
      p_batch.sort_prices[v_no] := case when v_asked[v_no].bar is null then
        matching.call_bound(p_symbol, v_command.side, p_state.last_price) end;
      v_asked[v_no].is_market := p_batch.sort_prices[v_no] is null;
      v_asked[v_no].rests := true;
      v_asked[v_no].probes := false;
      if v_asked[v_no].is_market then
        v_asked[v_no].bar := coalesce(v_asked[v_no].bar, 'NO_LIQUIDITY');
      end if;
    end if;
  end loop;
  p_batch.asked := v_asked;
  return p_batch;
end;
$$;
comment on function matching.bar_commands is
  'says of each command why the time or the phase of the symbol bars it';
--! EndIncluded matching/bar_commands.sql
--! Included matching/bar_filled.sql
-- Bars the commands of a batch that are only for new orders from those of which a part was filled
-- before; what fills in the batch itself is seen by matching.start_change. What was prevented of an
-- order is not filled [MAT-044]. Returns what each command asks. Reads only.
create or replace function matching.bar_filled(
  p_symbol reference.symbols,
  p_batch matching.batch
) returns matching.asked[]
language plpgsql stable
as $$
declare
  v_asked matching.asked[] := p_batch.asked;
  v_slot matching.slot;
begin
  for v_no in 1..cardinality(v_asked) loop
    continue when v_asked[v_no].is_only_if_new is not true or v_asked[v_no].op = 'RELEASE'
      or p_batch.targets[v_no] is null;
    v_slot := p_batch.slots[p_batch.targets[v_no]];
    if exists (
      select from matching.orders as o
      where o.segment_id = p_symbol.segment_id
        and o.order_id = v_slot.order_id
        and o.created_at = v_slot.created_at
        and o.filled_quantity > 0
    ) then
      v_asked[v_no].bar := coalesce(v_asked[v_no].bar, 'CONDITION_FAILED');
    end if;
  end loop;
  return v_asked;
end;
$$;
comment on function matching.bar_filled is
  'bars commands that are only for new orders from those that traded';
--! EndIncluded matching/bar_filled.sql
--! Included matching/lock_funds.sql
-- Locks, in their one order, the accounts that any outcome of a batch could change: base and quote
-- of its parties and of everyone with an order in the book. That is more than the batch will need,
-- and so for one that has to be computed again only; what is read next stays true.
-- Those that do not stand yet are opened before.
-- Locks: advisory (5, segment); ledger.accounts, by (participant, asset), to the end of the
-- transaction.
create or replace function matching.lock_funds(
  p_symbol reference.symbols,
  p_party_ids int[]
) returns void
language plpgsql volatile
as $$
declare
  v_party_ids int[] := array(
    select unnest(p_party_ids)
    union
    select b.participant_id
    from matching.book as b
    where b.segment_id = p_symbol.segment_id
      and b.symbol_id = p_symbol.symbol_id
  );
begin
  perform ledger.open_accounts(p_symbol.segment_id, array(
    select row(p.id, s.asset_id, 0, 0, 0, 0)::ledger.account_change
    from unnest(v_party_ids) as p (id)
    cross join (
      values (p_symbol.base_asset_id), (p_symbol.quote_asset_id)
    ) as s (asset_id)
  ));

  perform
  from ledger.accounts as a
  where a.segment_id = p_symbol.segment_id
    and a.asset_id in (p_symbol.base_asset_id, p_symbol.quote_asset_id)
    and a.participant_id = any (v_party_ids)
  order by a.participant_id, a.asset_id
  for no key update;
end;
$$;
comment on function matching.lock_funds is
  'locks the accounts that any outcome of a batch could change';
--! EndIncluded matching/lock_funds.sql
--! Included matching/find_owners.sql
-- Who asks, by command, null where nobody does or is known; and who of them has a group. A
-- statement of its own, because a join loses the order of the commands, and this sorts two columns
-- where matching.parse_commands would sort whole commands.
-- Reads only.
create or replace function matching.find_owners(
  p_commands matching.command[],
  out owner_ids int[],
  out grouped_ids int[]
)
language plpgsql stable
as $$
begin
  select
    array_agg(p.participant_id order by c.n),
    array_agg(p.participant_id) filter (where p.trade_group is not null)
  into owner_ids, grouped_ids
  from (
    select u.client_id, u.ordinality as n from unnest(p_commands) with ordinality as u
  ) as c
  left join reference.participants as p
    on p.client_id = c.client_id
    and p.kind = 'CUSTOMER';
end;
$$;
comment on function matching.find_owners is 'who asks, by command, and who of them has a group';
--! EndIncluded matching/find_owners.sql
--! Included matching/parse_commands.sql
-- Turns commands into a batch: what each asks, who asks, and what the filters refuse. Before the
-- lock. Orders are accepted for later only where all of the batch are limit orders that ask for it:
-- nothing may be matched before what came first [MAT-055].
-- Reads only.
create or replace function matching.parse_commands(
  p_symbol reference.symbols,
  p_commands matching.command[]
) returns matching.batch
language plpgsql stable
as $$
declare
  v_batch matching.batch;
  v_grouped_ids int[];
  v_parks boolean := false;
begin
  v_batch.is_special := matching.has_special(p_commands);
  if v_batch.is_special then
    select bool_and(coalesce(c.is_async and c.type = 'LIMIT' and c.list_no is null, false))
    into v_parks
    from unnest(p_commands) as c;
  end if;

  select o.owner_ids, o.grouped_ids into v_batch.owner_ids, v_grouped_ids
  from matching.find_owners(p_commands) as o;
  select
    array_agg(row(
      c.op, c.side = 'BUY', c.is_market,
      c.op = 'AMEND' or c.time_in_force not in ('IOC', 'FOK') and not c.is_market
        or c.is_market and p_symbol.protection_rests and c.time_in_force <> 'FOK',
      c.kills or c.is_market and c.side = 'BUY' or c.quote_quantity is not null, c.kills,
      c.quantity, c.quote_quantity, coalesce(c.stp, p_symbol.default_stp), c.mate_ids, null,
      c.end_reason, c.op <> 'PLACE' and c.only_if = 'NEW', c.post_only, c.slide,
      case when c.op = 'PLACE' and c.list_role = 'EXIT' then 'PARENT'
        when c.is_stop then 'TRIGGER' when v_parks then 'MATCH' end,
      null, c.is_stop, c.trigger_immediately, null, c.stop_price,
      (c.type in ('STOP', 'STOP_LIMIT', 'TRAILING_STOP')) = (c.side = 'BUY'), c.trailing_offset,
      c.trailing_bips, c.activation_price, null, null, c.limit_offset, null, null, null, null, null,
      c.time_in_force, c.expire_at
    )::matching.asked),
    array_agg(c.refusal), array_agg(c.sort_price),
    array_fill(null::bigint, array[count(*)::int]), coalesce(bool_or(c.op <> 'PLACE'), false),
    coalesce(bool_or(c.op in ('AMEND', 'RELEASE')), false)
  into
    v_batch.asked, v_batch.refusals, v_batch.sort_prices, v_batch.repeat_of, v_batch.has_changes,
    v_batch.has_amendments
  from (
    select
      a.*,
      coalesce(a.type in ('MARKET', 'STOP', 'TAKE_PROFIT', 'TRAILING_STOP')
        and a.price is null, false) as is_market,
      coalesce(a.time_in_force = 'FOK', false) as kills,
      num_nonnulls(a.stop_price, a.trailing_offset, a.trailing_bips) > 0 as is_stop,
      case when a.side = 'BUY' then -a.price else a.price end as sort_price,
      case when a.owner_id = any (v_grouped_ids) then array(
        select g.participant_id
        from reference.participants as p
        join reference.participants as g on g.trade_group = p.trade_group
        where p.participant_id = a.owner_id
      ) end as mate_ids,
      case
        when a.owner_id is null and a.client_id is not null
          then 'UNKNOWN_PARTICIPANT'::matching.refusal
        when a.op = 'AMEND' and num_nonnulls(a.price, a.quantity, a.expire_at) = 0
          and a.time_in_force is null then 'NOTHING_TO_AMEND'
        when a.op = 'PLACE' then
          matching.refuse_command(p_symbol, a.op, a.type, a.time_in_force, a.price, a.quantity)
      end as refusal
    from matching.command_rows(p_commands, v_batch, null) as a
  ) as c;
  if v_batch.is_special then
    v_batch.refusals := matching.refuse_specials(p_symbol, p_commands, v_batch.refusals);
  end if;
  if p_commands = '{}' then
    v_batch.asked := '{}';
    v_batch.refusals := '{}';
    v_batch.owner_ids := '{}';
    v_batch.sort_prices := '{}';
  end if;
  return v_batch;
end;
$$;
comment on function matching.parse_commands is
  'turns commands into a batch and checks them against the filters';
--! EndIncluded matching/parse_commands.sql
--! Included matching/prepare_batch.sql
-- Makes a parsed batch a batch of the symbol, once: order ids for what passed the filters, keys
-- claimed, and what the time and the phase bar. Under the lock of the symbol.
-- Returns the batch. Writes: matching.order_keys.
create or replace function matching.prepare_batch(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch
) returns matching.batch
language plpgsql volatile
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
  v_ops matching.operation[];  -- null: all are orders
begin
  if p_batch.has_changes then
    v_ops := array(select c.op from unnest(p_commands) as c);
  end if;
  select coalesce(array_agg(c.order_id), '{}') into p_batch.order_ids
  from (
    select case when b.is_new then p_symbol.symbol_id * c_ids_per_symbol + p_state.last_order_no
      + count(*) filter (where b.is_new) over (rows unbounded preceding) end as order_id
    from (
      select r.refusal is null and coalesce(r.op, 'PLACE') = 'PLACE' as is_new
      from unnest(p_batch.refusals, v_ops) as r (refusal, op)
    ) as b
  ) as c;

  if exists (
    select from unnest(p_commands) as c
    where c.op = 'PLACE'
      and (c.idempotency_key is not null or c.client_order_id is not null)
  ) then
    p_batch := matching.claim_keys(p_symbol.segment_id, p_now, p_commands, p_batch);
  end if;

  if p_batch.is_special then
    p_batch.asked := matching.source_terms(p_symbol, p_now, p_commands, p_batch.asked);
  end if;
  if p_symbol.status <> 'ACTIVE' or p_state.phase <> 'CONTINUOUS' or p_batch.is_special then
    p_batch := matching.bar_commands(p_symbol, p_state, p_now, p_commands, p_batch);
  end if;
  return p_batch;
end;
$$;
comment on function matching.prepare_batch is 'makes a parsed batch a batch of the symbol';
--! EndIncluded matching/prepare_batch.sql
--! Included matching/exposure.sql
-- What a participant has at a symbol: how many orders are open or parked, and what it may come to
-- own of the base asset: what it has and is to get, with what its buy orders may still bring
-- [MAT-063]: of those of which one cancels the other, only one, the larger. Reads only.
create or replace function matching.exposure(
  p_symbol reference.symbols,
  p_participant_id int,
  out open_orders bigint,
  out owned numeric
)
language sql stable
as $$
  select
    coalesce(sum(o.orders), 0),
    coalesce(sum(o.quantity), 0) + coalesce((
      select a.posted + a.unsettled_in - a.unsettled_out
      from ledger.accounts as a
      where a.segment_id = p_symbol.segment_id
        and a.participant_id = p_participant_id
        and a.asset_id = p_symbol.base_asset_id
    ), 0)
  from (
    select count(*) as orders, max(u.quantity) filter (where u.is_buy) as quantity
    from (
      select b.side = 'BUY' as is_buy, b.remaining_quantity as quantity,
        coalesce(b.list_id, b.order_id) as list_id
      from matching.book as b
      where b.segment_id = p_symbol.segment_id
        and b.participant_id = p_participant_id
        and b.symbol_id = p_symbol.symbol_id
      union all
      select k.side = 'BUY', k.quantity, coalesce(k.list_id, k.order_id)
      from matching.parked_orders as k
      where k.segment_id = p_symbol.segment_id
        and k.participant_id = p_participant_id
        and k.symbol_id = p_symbol.symbol_id
    ) as u
    group by u.list_id
  ) as o
$$;
comment on function matching.exposure is 'what a participant has and may come to have at a symbol';
--! EndIncluded matching/exposure.sql
--! Included matching/limited_amendments.sql
-- What the amendments of a batch mean for the limits of a symbol that are of what the batch itself
-- placed before, as matching.limited_changes says it of orders that stand; placed_n is the command
-- that placed it. Reads only.
create or replace function matching.limited_amendments(
  p_symbol reference.symbols,
  p_commands matching.command[],
  p_batch matching.batch
) returns table (
  n bigint,
  owner_id int,
  is_buy boolean,
  price numeric,
  near_price numeric,
  adds_orders int,
  adds_quantity numeric,
  placed_n bigint
)
language sql stable
as $$
  select
    c.n, c.owner_id, o.side = 'BUY',
    case when o.type in ('STOP', 'TAKE_PROFIT', 'TRAILING_STOP') then null else c.price end,
    o.stop_price, 0,
    case when o.side = 'BUY' then greatest(c.quantity - o.quantity, 0) else 0 end, o.n
  from (
    select u.*, b.owner_id
    from (select u.*, row_number() over () as n from unnest(p_commands) as u) as u
    join unnest(p_batch.owner_ids, p_batch.refusals) with ordinality as b (owner_id, refusal, n)
      on b.n = u.n
    where u.op = 'AMEND'
      and u.order_id is null
      and b.refusal is null
  ) as c
  cross join lateral (
    select u.side, u.type, u.quantity, u.stop_price, u.n
    from (select p.*, row_number() over () as n from unnest(p_commands) as p) as u
    where u.op = 'PLACE'
      and u.client_id = c.client_id
      and u.client_order_id = c.client_order_id
      and u.n < c.n
      and p_batch.refusals[u.n] is null
    order by u.n
    limit 1
  ) as o
  where not exists (
    select from matching.order_keys as k
    where k.segment_id = p_symbol.segment_id
      and k.participant_id = c.owner_id
      and k.kind = 'C'
      and k.client_key = c.client_order_id
  )
$$;
comment on function matching.limited_amendments is
  'what amendments of what a batch placed itself mean for the limits of a symbol';
--! EndIncluded matching/limited_amendments.sql
--! Included matching/limited_changes.sql
-- What the cancels and amendments of a batch mean for the limits of a symbol, as
-- matching.limited_orders says it of new orders. A cancel takes away where nothing can make it
-- fail: not twice, of a list once, not under a condition, and not out of a call, which may have
-- locked it. An order without a limit has no price to hold against the collar.
-- Reads only.
create or replace function matching.limited_changes(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch
) returns table (
  n bigint,
  owner_id int,
  is_buy boolean,
  price numeric,
  near_price numeric,
  adds_orders int,
  adds_quantity numeric
)
language sql stable
as $$
  select
    c.n, o.participant_id, o.side = 'BUY',
    case when w.type in ('STOP', 'TAKE_PROFIT', 'TRAILING_STOP') then null else c.price end,
    w.stop_price, case when c.op = 'CANCEL' then -1 else 0 end,
    case
      when o.side <> 'BUY' then 0
      when c.op = 'CANCEL' then -o.remaining
      else greatest(c.quantity - o.quantity, 0) end
  from (
    select
      u.*, b.owner_id, t.id,
      row_number() over (partition by coalesce(l.list_id, t.id), u.op order by u.n) as time_no
    from (select u.*, row_number() over () as n from unnest(p_commands) as u) as u
    join unnest(p_batch.owner_ids, p_batch.refusals) with ordinality as b (owner_id, refusal, n)
      on b.n = u.n
    cross join lateral (
      select coalesce(u.order_id, (
        select k.order_id
        from matching.order_keys as k
        where k.segment_id = p_symbol.segment_id
          and k.participant_id = b.owner_id
          and k.kind = 'C'
          and k.client_key = u.client_order_id
      )) as id
    ) as t
    left join lateral (
      select b.list_id
      from matching.book as b
      where b.segment_id = p_symbol.segment_id
        and b.order_id = t.id
      union all
      select k.list_id
      from matching.parked_orders as k
      where k.segment_id = p_symbol.segment_id
        and k.order_id = t.id
    ) as l
      on true
    where u.op in ('CANCEL', 'AMEND')
      and b.refusal is null
  ) as c
  cross join lateral matching.standing_order(p_symbol, c.id) as o
  left join matching.stop_orders_watchlist as w
    on w.segment_id = p_symbol.segment_id
    and w.order_id = c.id
  where o.participant_id = coalesce(c.owner_id, o.participant_id)
    and (c.op = 'AMEND' or c.time_no = 1 and c.only_if is null
      and (c.deadline > p_now or c.deadline is null)
      and exists (
        select from matching.symbol_state as s
        where s.segment_id = p_symbol.segment_id
          and s.symbol_id = p_symbol.symbol_id
          and s.phase = 'CONTINUOUS'
      ))
$$;
comment on function matching.limited_changes is
  'what cancels and amendments of a batch mean for the limits of a symbol';
--! EndIncluded matching/limited_changes.sql
--! Included matching/limited_orders.sql
-- What the new orders of a batch mean for the limits of a symbol, those only that passed its
-- filters: the limit price, the price that it is held against where that is not the last one, and
-- what the order adds to the open orders and, a buy, to what its owner may come to own: with a
-- quote quantity, what that buys at the best price there may be; of two of which one cancels the
-- other only the first. An order whose key stands already
-- is a repeat, and left out; first_n is the first order of the batch that comes with the same key.
-- Reads only.
create or replace function matching.limited_orders(
  p_symbol reference.symbols,
  p_commands matching.command[],
  p_batch matching.batch
) returns table (
  n bigint,
  owner_id int,
  is_buy boolean,
  price numeric,
  near_price numeric,
  adds_orders int,
  adds_quantity numeric,
  first_n bigint
)
language sql stable
as $$
  select
    c.n, c.owner_id, c.side = 'BUY', c.price, c.stop_price, (c.rests or c.waits)::int,
    case
      when c.side <> 'BUY' then 0
      when c.list_no is not null
        and row_number() over (partition by c.list_no, c.side order by c.n) > 1 then 0
      when c.quantity is not null then c.quantity
      else coalesce(div(c.quote_quantity, least(
        min(c.price) filter (where c.side = 'SELL') over (), (
          select min(b.sort_price)
          from matching.book as b
          where b.segment_id = p_symbol.segment_id
            and b.symbol_id = p_symbol.symbol_id
            and b.side = 'SELL'
        )
      ) * p_symbol.lot_size) * p_symbol.lot_size, 0) end,
    least(
      case when c.idempotency_key is null then c.n
        else min(c.n) over (partition by c.owner_id, c.idempotency_key) end,
      case when c.client_order_id is null then c.n
        else min(c.n) over (partition by c.owner_id, c.client_order_id) end
    )
  from (
    select u.*, o.owner_id, a.rests, a.pending is not null as waits
    from (select u.*, row_number() over () as n from unnest(p_commands) as u) as u
    join (
      select u.rests, u.pending, row_number() over () as n from unnest(p_batch.asked) as u
    ) as a
      on a.n = u.n
    join unnest(p_batch.owner_ids, p_batch.refusals) with ordinality as o (owner_id, refusal, n)
      on o.n = u.n
    where u.op = 'PLACE'
      and o.refusal is null
      and not exists (
        select from matching.order_keys as k
        where k.segment_id = p_symbol.segment_id
          and k.participant_id = o.owner_id
          and (k.kind, k.client_key) in (('I', u.idempotency_key), ('C', u.client_order_id))
      )
  ) as c
$$;
comment on function matching.limited_orders is
  'what the new orders of a batch mean for the limits of a symbol';
--! EndIncluded matching/limited_orders.sql
--! Included matching/refuse_beyond_limits.sql
-- Refuses the commands of a batch that go beyond what the symbol allows a participant: a limit
-- price outside the collar [MAT-061], more open orders [MAT-062] or a larger position [MAT-063].
-- Each is held against what stands and what came before it in the batch. Called before the lock, so
-- that such an order waits for nobody, and again under it, so that two batches cannot break a limit
-- together. When an order of a list is refused, all are [MAT-053].
-- Returns the batch with its refusals, and in bounds what was gone beyond where that is not a
-- column of the symbol. Reads only.
create or replace function matching.refuse_beyond_limits(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch
) returns matching.batch
language plpgsql volatile
as $$
declare
  v_command record;
  v_owner_id int;
  v_orders bigint;
  v_owned numeric;
  v_bound numeric;
  v_refusal matching.refusal;
begin
  for v_command in
    with c as materialized (
      select o.*, null::bigint as placed_n
      from matching.limited_orders(p_symbol, p_commands, p_batch) as o
      union all
      select h.*, h.n, null
      from matching.limited_changes(p_symbol, p_now, p_commands, p_batch) as h
      union all
      select a.n, a.owner_id, a.is_buy, a.price, a.near_price, a.adds_orders, a.adds_quantity, a.n,
        a.placed_n
      from matching.limited_amendments(p_symbol, p_commands, p_batch) as a
    )
    select c.*, coalesce(c.near_price, s.last_price) as near, e.open_orders, e.owned
    from c
    join (
      select o.owner_id, x.*
      from (select distinct c.owner_id from c) as o
      cross join lateral matching.exposure(p_symbol, o.owner_id) as x
    ) as e
      on e.owner_id = c.owner_id
    join matching.symbol_state as s
      on s.segment_id = p_symbol.segment_id
      and s.symbol_id = p_symbol.symbol_id
    order by c.owner_id, c.n
  loop
    if v_command.owner_id is distinct from v_owner_id then
      v_owner_id := v_command.owner_id;
      v_orders := v_command.open_orders;
      v_owned := v_command.owned;
    end if;
    continue when v_command.first_n < v_command.n
      and p_batch.refusals[v_command.first_n] is null;
    continue when p_batch.refusals[v_command.placed_n] is not null;

    v_bound := matching.collar_bound(p_symbol, v_command.is_buy, v_command.near);
    v_refusal := case
      when v_command.is_buy and v_command.price > v_bound
        or not v_command.is_buy and v_command.price < v_bound then 'PRICE_COLLAR'
      when v_command.adds_orders > 0 and v_orders >= p_symbol.max_open_orders
        then 'MAX_OPEN_ORDERS'
      when v_command.adds_quantity > 0
        and v_owned + v_command.adds_quantity > p_symbol.max_position then 'MAX_POSITION' end;
    if v_refusal is null then
      v_orders := v_orders + v_command.adds_orders;
      v_owned := v_owned + coalesce(v_command.adds_quantity, 0);
    else
      p_batch.refusals[v_command.n] := v_refusal;
      p_batch.bounds[v_command.n] := case when v_refusal = 'PRICE_COLLAR' then v_bound end;
    end if;
  end loop;
  if exists (select from unnest(p_commands) as c where c.list_no is not null) then
    p_batch.refusals := matching.refuse_lists(p_commands, p_batch.refusals);
  end if;
  return p_batch;
end;
$$;
comment on function matching.refuse_beyond_limits is
  'refuses what goes beyond what a symbol allows a participant';
--! EndIncluded matching/refuse_beyond_limits.sql
--! Included matching/roll_back.sql
-- The end of an atomic batch that cannot be taken whole: nothing was written but its keys, which
-- are given back; every command that was fine in itself is refused with BATCH_ROLLED_BACK, but for
-- a repeat of what stood before, which stands as it did, and a repeat of a command of the batch is
-- answered as that is; a second cancel is too late.
-- Writes: matching.order_keys.
create or replace function matching.roll_back(
  p_symbol reference.symbols,
  p_batch matching.batch,
  p_outcome matching.outcome,
  p_now timestamptz
) returns matching.executed
language plpgsql volatile
as $$
begin
  delete from matching.order_keys as k
  using unnest(p_batch.order_ids, p_batch.owner_ids) as o (order_id, owner_id)
  where k.segment_id = p_symbol.segment_id
    and k.participant_id = o.owner_id
    and k.order_id = o.order_id;

  select
    array_agg(
      case
        when r.refusal = 'ALREADY_CANCELLED' then 'ORDER_NOT_OPEN'
        when r.refusal is null then 'BATCH_ROLLED_BACK'
        when f.n is not null then coalesce(p_outcome.refusals[f.n], 'BATCH_ROLLED_BACK')
        else r.refusal end
      order by r.n
    )
  into p_outcome.refusals
  from unnest(p_outcome.refusals, p_batch.repeat_of) with ordinality as r (refusal, repeat_of, n)
  left join unnest(p_batch.order_ids) with ordinality as f (order_id, n)
    on f.order_id = r.repeat_of
    and r.refusal = 'REPEATED';

  p_batch.order_ids := null;
  p_outcome.closings := null;
  return row(p_batch, p_outcome, p_now, null, null)::matching.executed;
end;
$$;
comment on function matching.roll_back is 'the end of an atomic batch that cannot be taken whole';
--! EndIncluded matching/roll_back.sql
--! Included matching/execute_batch.sql
-- Executes the commands of one symbol in their order, in one transaction: what passes the filters
-- is matched under the lock of the symbol, and orders, holds, trades, instructions and events are
-- written together or not at all [MAT-003]. Without commands it does what is due.
--
-- Funds are read without a lock, and the accounts are changed last, so that their locks are held
-- for the commit only, and symbols with the same traders run side by side. When that shows that
-- somebody spent elsewhere meanwhile, what was written is undone, the accounts are locked first,
-- and the batch computed once more.
-- Takes quantities in base, prices in quote per base. An atomic batch is taken whole or not at
-- all.
-- Locks, in this order: the symbol; keys; accounts by (participant, asset).
-- Raises: STISO when not READ COMMITTED; NVFND when funds are short although they are locked; NVBAT
-- when the batch broke an invariant: a rule of a table, or what matching.check_batch looks at.
create or replace function matching.execute_batch(
  p_symbol_id int,
  p_now timestamptz,
  p_commands matching.command[],
  p_atomic boolean default false
) returns matching.executed
language plpgsql volatile
as $$
declare
  v_symbol reference.symbols;
  v_state matching.symbol_state;
  v_batch matching.batch;
  v_done matching.executed;
  v_now timestamptz;
  v_limits boolean;
  v_rule text;
  v_row text;
begin
  select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = p_symbol_id;
  v_batch := matching.parse_commands(v_symbol, p_commands);
  v_limits := matching.has_limits(v_symbol, p_commands);
  if v_limits then
    v_batch := matching.refuse_beyond_limits(v_symbol, p_now, p_commands, v_batch);
  end if;
  if array_position(v_batch.refusals, null) is null and p_commands <> '{}' then
    v_done.outcome.refusals := v_batch.refusals;
    v_done.batch := v_batch;
    v_done.executed_at := p_now;
    return v_done;
  end if;

  v_state := matching.lock_symbol(v_symbol.segment_id, p_symbol_id);
  select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = p_symbol_id;
  v_now := greatest(p_now, v_state.last_at);
  if v_limits then
    v_batch := matching.refuse_beyond_limits(v_symbol, v_now, p_commands, v_batch);
  end if;
  v_batch := matching.prepare_batch(v_symbol, v_state, v_now, p_commands, v_batch);
  -- Behind the keys: a repeat asks for the same, whatever day it is by then.
  if v_batch.is_special then
    p_commands := matching.date_commands(v_symbol, v_state, v_now, p_commands);
  end if;

  for v_try in 1..2 loop
    begin
      v_done := matching.run_batch(v_symbol, v_state, v_now, p_commands, v_batch);
      if p_atomic and matching.breaks_atomic(
        v_symbol.segment_id, v_batch, (v_done.outcome).refusals
      ) then
        raise exception 'a command of an atomic batch is refused' using errcode = 'RJATM';
      end if;
      exit when v_done.changes is null
        or ledger.change_accounts(v_symbol.segment_id, v_done.changes);
      raise exception 'funds are short although they are locked' using errcode = 'NVFND';
    exception
      when sqlstate 'RJATM' then
        return matching.roll_back(v_symbol, v_batch, v_done.outcome, v_now);
      when sqlstate 'NVFND' then
        if v_try = 2 then
          raise;
        end if;
        -- What was written and locked has gone with the block; these are taken in their order.
        perform matching.lock_funds(v_symbol, v_batch.owner_ids);
      when check_violation then
        get stacked diagnostics v_rule = constraint_name, v_row = pg_exception_detail;
        raise exception 'a batch of % breaks the rule %', v_symbol.symbol, v_rule
          using errcode = 'NVBAT', detail = v_row;
    end;
  end loop;

  perform matching.save_state(v_done.state);
  return v_done;
end;
$$;
comment on function matching.execute_batch is
  'executes commands of one symbol in their order, in one transaction';
--! EndIncluded matching/execute_batch.sql
--! Included matching/cancel_orders.sql
-- Cancels the open orders, the parked ones too, of participants, of one symbol, side or range of
-- limit prices when given, for this reason, in one transaction. The locks of all symbols are taken
-- first, in their order, then those of all their accounts.
-- Returns the ids that it cancelled, in book order, parked ones behind [MAT-064].
-- Locks: symbols, then accounts.
create or replace function matching.cancel_orders(
  p_segment_id int,
  p_participant_ids int[],
  p_symbol_id int,
  p_side matching.order_side_enum,
  p_min_price numeric,
  p_max_price numeric,
  p_reason matching.end_reason,
  p_now timestamptz
) returns setof bigint
language plpgsql volatile
as $$
declare
  v_symbol_ids int[];
  v_symbol_id int;
  v_commands matching.command[];
  v_executed matching.executed;
begin
  select array_agg(s.symbol_id order by s.symbol_id) into v_symbol_ids
  from matching.symbol_state as s
  where s.segment_id = p_segment_id
    and s.symbol_id = coalesce(p_symbol_id, s.symbol_id)
    and exists (
      select from matching.standing_orders(p_segment_id, p_participant_ids, s.symbol_id)
    );

  foreach v_symbol_id in array coalesce(v_symbol_ids, '{}') loop
    perform matching.lock_symbol(p_segment_id, v_symbol_id);
  end loop;

  -- All at once and in their order: symbol by symbol, the second could have the first accounts.
  perform
  from ledger.accounts as a
  where a.segment_id = p_segment_id
    and a.participant_id = any (p_participant_ids)
  order by a.participant_id, a.asset_id
  for no key update;

  foreach v_symbol_id in array coalesce(v_symbol_ids, '{}') loop
    select array_agg(
      matching.cancel_command(o.order_id, p_reason)
      order by o.is_parked, o.side, o.sort_price, o.priority_no
    )
    into v_commands
    from matching.standing_orders(p_segment_id, p_participant_ids, v_symbol_id) as o
    where o.side = coalesce(p_side, o.side)
      and (abs(o.sort_price) >= p_min_price or p_min_price is null)
      and (abs(o.sort_price) <= p_max_price or p_max_price is null);

    continue when v_commands is null;
    v_executed := matching.execute_batch(v_symbol_id, p_now, v_commands);
    return query
    select c.order_id
    from (select u.order_id, row_number() over () as n from unnest(v_commands) as u) as c
    join unnest((v_executed.outcome).refusals) with ordinality as r (refusal, n)
      on r.n = c.n
    where coalesce(r.refusal, 'ALREADY_CANCELLED') = 'ALREADY_CANCELLED'
    order by c.n;
  end loop;
end;
$$;
comment on function matching.cancel_orders is
  'cancels the open orders of participants in one transaction';
--! EndIncluded matching/cancel_orders.sql
--! Included settlement/open_queue.sql
-- Opens the queue of a symbol whose trades have ids above p_first_id, up to p_last_id.
-- Writes: settlement.queues.
create or replace function settlement.open_queue(
  p_segment_id int,
  p_symbol_id int,
  p_first_id bigint,
  p_last_id bigint
) returns void
language sql volatile
as $$
  insert into settlement.queues (segment_id, symbol_id, low_id, high_id)
  values (p_segment_id, p_symbol_id, p_first_id, p_last_id)
$$;
comment on function settlement.open_queue is 'opens the queue of a symbol';
--! EndIncluded settlement/open_queue.sql
--! Included matching/open_symbol.sql
-- Opens a symbol for trading: its counters, its lock, and the queue of its trades.
-- Writes: matching.symbol_state, settlement.queues.
create or replace function matching.open_symbol(
  p_segment_id int,
  p_symbol_id int
) returns void
language sql volatile
as $$
  insert into matching.symbol_state (segment_id, symbol_id)
  values (p_segment_id, p_symbol_id);

  select settlement.open_queue(
    p_segment_id, p_symbol_id, p_symbol_id * 1000000000000, (p_symbol_id + 1) * 1000000000000 - 1
  )
$$;
comment on function matching.open_symbol is 'opens a symbol for trading';
--! EndIncluded matching/open_symbol.sql
--! Included matching/symbol_terms.sql
-- What a new symbol is like: the options by the names of the columns of reference.symbols, and what
-- is usual where they say nothing. A new one is active and continuous: its status, calendar and
-- group are set later, by calls of their own. Reads nothing.
create or replace function matching.symbol_terms(
  p_lot_size numeric,
  p_options jsonb
) returns reference.symbols
language sql immutable parallel safe
as $$
  select r
  from jsonb_populate_record(null::reference.symbols, jsonb_build_object(
    'min_quantity', p_lot_size,
    'min_notional', 0,
    'protection_rate', 0.05,
    'protection_ticks', 10,
    'maker_rate', 0.001,
    'taker_rate', 0.002,
    'default_stp', 'CANCEL_TAKER',
    'allowed_stps', enum_range(null::reference.stp_mode),
    'protection_rests', false,
    'max_iceberg_parts', 100,
    'min_trailing_bips', 1,
    'max_trailing_bips', 5000,
    'max_cascade', 100,
    'band_action', 'AUCTION',
    'accept_when_closed', true,
    'auction_random', '0',
    'auction_extension_time', '2 minutes',
    'auction_max_extensions', 1,
    'cancel_lock_time', '0',
    'band_auction_time', '5 minutes',
    'settlement_days', 0
  ) || jsonb_strip_nulls(p_options) || jsonb_build_object(
    'status', 'ACTIVE',
    'status_reason', null,
    'calendar_id', null,
    'group_id', null,
    'settlement_calendar_id', null,
    'netting_set', null
  )) as r
$$;
comment on function matching.symbol_terms is 'what a new symbol is like, by its options';
--! EndIncluded matching/symbol_terms.sql
--! Included matching/create_symbol.sql
-- Lists a symbol: tradable when this commits, no restart. Assets that are not known yet are made,
-- with 8 decimals unless the options say base_decimals or quote_decimals.
-- Takes the symbol (base, dash, quote), tick size in quote per base, lot size in base, and options,
-- see matching.symbol_terms. tick x lot must be a multiple of the quote unit: notionals are exact.
-- Returns the symbol's id. Writes: reference.assets, reference.symbols, matching.symbol_state.
-- Raises: STSYM (there already), IVSYM (not base-quote, or a rule of the table is broken), 22P02
-- for a word that an option does not know.
create or replace function matching.create_symbol(
  p_segment_id int,
  p_symbol text,
  p_tick_size numeric,
  p_lot_size numeric,
  p_options jsonb,
  p_now timestamptz
) returns int -- symbol id
language plpgsql volatile
as $$
declare
  v_name text := upper(p_symbol);
  v_base reference.assets;
  v_quote reference.assets;
  v_terms reference.symbols;
  v_symbol_id int;
  v_rule text;
begin
  if v_name !~ '^[A-Z0-9]{1,16}-[A-Z0-9]{1,16}$' then
    raise exception '% is not base-quote', p_symbol
      using errcode = 'IVSYM', hint = 'BAD_SYMBOL', column = 'symbol';
  end if;

  v_base := reference.ensure_asset(
    split_part(v_name, '-', 1), (p_options ->> 'base_decimals')::int, p_now
  );
  v_quote := reference.ensure_asset(
    split_part(v_name, '-', 2), (p_options ->> 'quote_decimals')::int, p_now
  );

  v_terms := matching.symbol_terms(p_lot_size, p_options);
  v_terms.segment_id := p_segment_id;
  v_terms.symbol := v_name;
  v_terms.base_asset_id := v_base.asset_id;
  v_terms.quote_asset_id := v_quote.asset_id;
  v_terms.base_decimals := v_base.decimals;
  v_terms.quote_decimals := v_quote.decimals;
  v_terms.tick_size := p_tick_size;
  v_terms.lot_size := p_lot_size;
  v_terms.created_at := p_now;

  -- The row as a whole: what symbol_terms takes is written, also of columns to come.
  insert into reference.symbols overriding user value
  select (v_terms).*
  on conflict (symbol) do nothing
  returning symbol_id into v_symbol_id;

  if v_symbol_id is null then
    raise exception 'there is a symbol % already', v_name
      using errcode = 'STSYM', hint = 'SYMBOL_EXISTS', column = 'symbol';
  end if;

  perform matching.open_symbol(p_segment_id, v_symbol_id);
  return v_symbol_id;
exception when check_violation then
  get stacked diagnostics v_rule = constraint_name;
  raise exception 'the symbol % breaks the rule %', v_name, v_rule
    using errcode = 'IVSYM', hint = 'BAD_SYMBOL';
end;
$$;
comment on function matching.create_symbol is 'lists a symbol, with its assets where they are new';
--! EndIncluded matching/create_symbol.sql
--! Included matching/end_siblings.sql
-- The commands that end the other orders of an order's list, because it fires: none when it is the
-- entry, which its exits wait for, or belongs to no list [MAT-053]. One that has traded when its
-- turn comes goes on: then it is this order that has ended. Reads only.
create or replace function matching.end_siblings(
  p_parked matching.parked_orders
) returns matching.command[]
language plpgsql volatile
as $$
declare
  v_commands matching.command[] := '{}';
  v_command matching.command;
begin
  for v_command in
    select c.*
    from matching.order_lists as l
    cross join lateral matching.list_orders(l.segment_id, l.list_id) as o
    cross join lateral matching.cancel_command(o.order_id, 'OCO_TRIGGER') as c
    where l.segment_id = p_parked.segment_id
      and l.list_id = p_parked.list_id
      and p_parked.order_id is distinct from l.entry_order_id
      and o.order_id is distinct from l.entry_order_id
      and o.order_id <> p_parked.order_id
    order by o.order_id
  loop
    v_command.only_if := 'NEW';
    v_commands := v_commands || v_command;
  end loop;
  return v_commands;
end;
$$;
comment on function matching.end_siblings is 'the commands that end the others of an order''s list';
--! EndIncluded matching/end_siblings.sql
--! Included matching/enter_parked.sql
-- What becomes of an order that waits, at its entry: when it is accepted for later, or waits for
-- another order, it is parked as it is (one without a limit at its stop price). A stop order is
-- parked unless the last price has reached its stop price: then it is refused, or fires at once
-- where it says so [MAT-057]. A trailing stop starts from the last price, or is not active until
-- its activation price is met [MAT-051].
-- Takes the command, its limit price as sorted by (null for a market order) and the last price.
-- Returns the command with the price at which it is held (for a market order that buys: its stop
-- price and the symbol's protection beyond), what fires it, and why it is refused; without its
-- pending reason when it fires at once. Where nothing fires, it waits. Reads nothing.
create or replace function matching.enter_parked(
  p_symbol reference.symbols,
  p_asked matching.asked,
  p_sort_price numeric,
  p_last_price numeric
) returns matching.asked
language plpgsql immutable parallel safe
as $$
declare
  v_asked matching.asked := p_asked;
  v_last numeric := coalesce(p_asked.source_price, p_last_price);
  v_stop numeric := p_asked.stop_price;
begin
  v_asked.parked_price := p_sort_price;
  if v_asked.pending <> 'TRIGGER' then
    v_asked.parked_price := coalesce(p_sort_price, case when v_asked.is_buy then -1 else 1 end
      * coalesce(v_stop, p_symbol.tick_size));
    return v_asked;
  end if;

  if v_asked.trailing_offset is not null or v_asked.trailing_bips is not null then
    if v_asked.activation_price is null or v_asked.activation_price = v_last then
      v_asked.watermark_price := v_last;
    else
      v_asked.activation_is_up := coalesce(
        v_asked.activation_price > v_last, not v_asked.is_buy
      );
    end if;
    v_asked.stop_price := matching.stop_level(v_asked.is_buy, v_asked.watermark_price,
      v_asked.trailing_offset, v_asked.trailing_bips);
    v_stop := coalesce(v_asked.stop_price, matching.stop_level(v_asked.is_buy,
      v_asked.activation_price, v_asked.trailing_offset, v_asked.trailing_bips));
    v_asked.fires_above := '-Infinity';
    if v_stop is null and v_asked.is_buy then
      v_asked.refusal := 'TRAILING_MISSING';
    end if;
    v_asked.parked_price := case when v_asked.is_buy then -1 else 1 end * greatest(
      coalesce(v_stop + case when v_asked.is_buy then 1 else -1 end * v_asked.limit_offset,
        v_stop, p_symbol.tick_size),
      p_symbol.tick_size);
  elsif v_asked.waits is not true
    and (v_last >= v_stop and v_asked.is_up or v_last <= v_stop and not v_asked.is_up) then
    if v_asked.fires_at_once then
      v_asked.pending := null;
    else
      v_asked.refusal := 'WOULD_TRIGGER';
    end if;
    return v_asked;
  else
    v_asked.fires_above := case when v_asked.is_up then v_stop end;
    v_asked.fires_below := case when not v_asked.is_up then v_stop end;
    v_asked.parked_price := coalesce(
      p_sort_price, case when v_asked.is_buy then -v_stop else v_stop end);
  end if;

  if v_asked.is_market and v_asked.limit_offset is null and v_asked.is_buy then
    v_asked.parked_price := v_asked.parked_price - greatest(
      v_stop * p_symbol.protection_rate, p_symbol.protection_ticks * p_symbol.tick_size);
  end if;
  -- To the tick, away from the market: the lower number for both sides of sort prices.
  v_asked.parked_price := -matching.tick_inside(-v_asked.parked_price, p_symbol.tick_size);
  return v_asked;
end;
$$;
comment on function matching.enter_parked is 'what becomes of an order that waits, at its entry';
--! EndIncluded matching/enter_parked.sql
--! Included matching/record_tries.sql
-- Writes of lists whose exits waited for their funds what there is now, after these were tried, or
-- that they wait no longer. Writes: matching.order_lists. Under the lock of the symbol.
create or replace function matching.record_tries(
  p_symbol reference.symbols,
  p_tried bigint[],
  p_ended bigint[]
) returns void
language plpgsql volatile
set enable_nestloop = on  -- few, and looked up by key
set enable_seqscan = off
as $$
begin
  update matching.order_lists as l
  set funds_tried = case when l.list_id = any (p_tried) then (
    select a.posted - a.held
    from matching.orders as e
    join ledger.accounts as a
      on a.segment_id = e.segment_id
      and a.participant_id = e.participant_id
      and a.asset_id = case e.side when 'BUY' then p_symbol.base_asset_id
        else p_symbol.quote_asset_id end
    where e.segment_id = l.segment_id
      and e.order_id = l.entry_order_id
      and e.created_at = l.created_at
  ) end
  from reference.ids(p_symbol.segment_id, p_tried || p_ended) as i
  where l.segment_id = i.segment_id
    and l.list_id = i.id;
end;
$$;
comment on function matching.record_tries is
  'writes of lists that were tried what there was, or that they wait no longer';
--! EndIncluded matching/record_tries.sql
--! Included matching/execute_due.sql
-- Does what is due at a symbol: a batch without commands, or of the exits whose funds have come
-- [MAT-053]. These are the commands of the batch, so that the log keeps them: what brings them to
-- life is the ledger, which the log does not know [MAT-091]. When nothing more is to come, what is
-- not enough for an exit refuses it.
-- Returns what came of it. Locks and writes: see matching.execute_batch; matching.order_lists.
-- Under the lock of the symbol.
create or replace function matching.execute_due(
  p_segment_id int,
  p_symbol_id int,
  p_now timestamptz
) returns matching.executed
language plpgsql volatile
as $$
declare
  v_symbol reference.symbols;
  v_list record;
  v_exits matching.command[];
  v_commands matching.command[] := '{}';
  v_tried bigint[] := '{}';
  v_ended bigint[] := '{}';
  v_executed matching.executed;
begin
  select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = p_symbol_id;
  for v_list in select f.* from matching.funded_lists(p_segment_id, p_symbol_id) as f loop
    v_exits := matching.exit_commands(
      v_symbol, v_list.list_id, v_list.entry_id, v_list.entry_at, v_list.is_partial
    );
    if v_list.is_last or v_exits = '{}' then
      v_ended := v_ended || v_list.list_id;
      for v_no in 1..cardinality(v_exits) loop
        v_exits[v_no].only_if := null;
      end loop;
    else
      v_tried := v_tried || v_list.list_id;
    end if;
    v_commands := v_commands || v_exits;
  end loop;

  v_executed := matching.execute_batch(p_symbol_id, p_now, v_commands);
  if v_tried || v_ended <> '{}' then
    perform matching.record_tries(v_symbol, v_tried, v_ended);
  end if;
  return v_executed;
end;
$$;
comment on function matching.execute_due is 'does what is due at a symbol';
--! EndIncluded matching/execute_due.sql
--! Included matching/exit_command.sql
-- The command that brings an exit to life with this quantity: as the order that it was placed as, a
-- stop order to wait for its price, or to fire at once when that is reached already. As long as the
-- funds for it are not there it goes on to wait (only_if). Reads only.
create or replace function matching.exit_command(
  p_order matching.orders,
  p_quantity numeric
) returns matching.command
language sql stable
as $$
  select row(
    'RELEASE', p.client_id, p_order.side, p_order.type, p_order.time_in_force, p_order.price,
    p_quantity, null, null, p_order.order_id, null, p_order.stop_price, true,
    p_order.trigger_source, p_order.trailing_offset, p_order.trailing_bips,
    p_order.activation_price, p_order.limit_offset, p_order.post_only, p_order.slide,
    p_order.display_quantity, p_order.expire_at, p_order.stp, null, null, 'NEW', null, null,
    null, null
  )::matching.command
  from reference.participants as p
  where p.participant_id = p_order.participant_id
$$;
comment on function matching.exit_command is 'the command that brings an exit to life';
--! EndIncluded matching/exit_command.sql
--! Included matching/fill_slots.sql
-- Gives a batch its slots: one for each command, those of the orders that it found, and which of
-- the latter stand in the book; and its parties, numbered in the order of their ids. Reads nothing.
create or replace function matching.fill_slots(
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch
) returns matching.batch
language plpgsql stable
as $$
declare
  v_count int := cardinality(p_batch.asked);
  v_found matching.slot[] := (p_batch.found).slots;
begin
  select coalesce(array_agg(distinct o.owner_id), '{}') into p_batch.party_ids
  from (
    select u.owner_id
    from unnest(p_batch.owner_ids) as u (owner_id)
    union all
    select f.owner_id
    from unnest(v_found) as f
  ) as o
  where o.owner_id is not null;

  select coalesce(array_agg(row(
    c.new_id, c.owner_id, matching.party_no(p_batch.party_ids, c.owner_id), coalesce(c.quantity, 0),
    0, 0, 0, 0, 0, 0, c.display_quantity, null, null, null, p_now, null, null, null, null, c.type,
    c.stp, c.post_only, c.slide, c.expire_at,
    case when c.time_in_force in ('DAY', 'OPG', 'CLS', 'GFA', 'GTX') then c.time_in_force end
  )::matching.slot), '{}')
  into p_batch.slots
  from matching.command_rows(p_commands, p_batch, null) as c;

  p_batch.standing := '{}';
  for v_no in 1..cardinality(v_found) loop
    v_found[v_no].party_no :=
      matching.party_no(p_batch.party_ids, v_found[v_no].owner_id);
    if v_found[v_no].pending is null then
      p_batch.standing := p_batch.standing || (v_count + v_no);
    end if;
  end loop;
  p_batch.slots := p_batch.slots || v_found;
  return p_batch;
end;
$$;
comment on function matching.fill_slots is 'gives a batch its slots and its parties';
--! EndIncluded matching/fill_slots.sql
--! Included matching/prevented_sums.sql
-- What the prevented matches of a batch took, by order. Reads nothing; is inlined.
create or replace function matching.prevented_sums(
  p_prevented matching.prevented_match[]
) returns table (
  order_id bigint,
  quantity numeric
)
language sql immutable
rows 10
as $$
  select o.id, sum(o.lost)
  from unnest(p_prevented) as m
  cross join lateral (
    values (m.taker_order_id, m.taker_quantity), (m.maker_order_id, m.maker_quantity)
  ) as o (id, lost)
  group by o.id
$$;
comment on function matching.prevented_sums is
  'what the prevented matches of a batch took, by order';
--! EndIncluded matching/prevented_sums.sql
--! Included matching/final_orders.sql
-- The orders that an outcome touched, one row each, as they end: what this batch filled of them,
-- what it prevented, their last event and what is left, held and charged. Reads nothing.
create or replace function matching.final_orders(
  p_outcome matching.outcome
) returns setof matching.final_order
language sql immutable
rows 1000
as $$
  select
    s.n::int, s.order_id, s.owner_id, s.sort_price, s.priority_no, s.remaining, s.quantity, s.hold,
    s.hold_before, s.fee_exact, s.fee, s.filled, s.paid,
    coalesce(p.quantity, 0), s.display, s.visible, s.list_id, s.pending, s.created_at, s.book_tid,
    s.last_seq, s.end_reason, s.refusal, s.expire_at, s.session_rule
  from rows from (
    unnest(p_outcome.sort_prices, p_outcome.priority_nos, p_outcome.remaining),
    unnest(p_outcome.slots)
  ) with ordinality as s (
    sort_price, priority_no, remaining, order_id, owner_id, party_no, quantity, hold, hold_before,
    fee_exact, fee, filled, paid, display, visible, list_id, pending, created_at, book_tid,
    last_seq, end_reason, refusal, type, stp, is_post_only, is_sliding, expire_at, session_rule, n
  )
  left join matching.prevented_sums(p_outcome.prevented) as p
    on p.order_id = s.order_id
  where s.last_seq is not null
$$;
comment on function matching.final_orders is 'the orders that an outcome touched, as they end';
--! EndIncluded matching/final_orders.sql
--! Included matching/named_orders.sql
-- The orders that commands of a batch may name: those that it places itself, and those that it
-- found standing, with the number of their slot. Reads nothing.
create or replace function matching.named_orders(
  p_commands matching.command[],
  p_batch matching.batch
) returns table (
  order_id bigint,
  slot bigint,
  is_buy boolean,
  owner_id int
)
language sql stable
rows 100
as $$
  select o.order_id, o.n, c.side = 'BUY', o.owner_id
  from unnest(p_batch.order_ids, p_batch.owner_ids) with ordinality as o (order_id, owner_id, n)
  join (select u.side, row_number() over () as n from unnest(p_commands) as u) as c
    on c.n = o.n
  where o.order_id is not null
  union all
  select f.order_id, cardinality(p_batch.asked) + f.n, f.price < 0, f.owner_id
  from (
    select r.*, row_number() over () as n
    from rows from (
      unnest((p_batch.found).sort_prices), unnest((p_batch.found).slots)
    ) as r (price)
  ) as f
$$;
comment on function matching.named_orders is 'the orders that commands of a batch may name';
--! EndIncluded matching/named_orders.sql
--! Included matching/find_targets.sql
-- Finds the orders that a batch cancels, amends or releases, by order id or by the owner's client
-- order id, among the batch's own orders and those that rest or are parked; the latter get slots
-- behind the commands' own, and so do those that share a hold with one that changes. What cannot be
-- found, is somebody else's or had ended before the batch refuses the command.
-- Call it under the lock of the symbol. Reads only; returns the batch with target_ids, targets,
-- found, and the refusals and prices of amendments.
create or replace function matching.find_targets(
  p_symbol reference.symbols,
  p_commands matching.command[],
  p_batch matching.batch
) returns matching.batch
language plpgsql volatile
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
begin
  select array_agg(
    coalesce(c.order_id, (
      select k.order_id
      from matching.order_keys as k
      where k.segment_id = p_symbol.segment_id
        and k.participant_id = c.owner_id
        and k.kind = 'C'
        and k.client_key = c.client_order_id
        and c.op <> 'PLACE'
    )) order by c.n
  )
  into p_batch.target_ids
  from (
    select a.op, a.order_id, a.client_order_id, o.owner_id, o.n
    from (select u.*, row_number() over () as n from unnest(p_commands) as u) as a
    join unnest(p_batch.owner_ids) with ordinality as o (owner_id, n)
      on o.n = a.n
  ) as c;

  p_batch.found := matching.read_orders(
    p_symbol, case when p_batch.has_amendments
      then matching.with_siblings(p_symbol, p_batch.target_ids)
      else array(select distinct i.id from unnest(p_batch.target_ids) as i (id)) end
  );

  select
    array_agg(t.slot order by t.n), array_agg(t.refusal order by t.n),
    array_agg(case when t.is_buy then -abs(t.price) else t.price end order by t.n)
  into p_batch.targets, p_batch.refusals, p_batch.sort_prices
  from (
    select
      b.n, s.slot, coalesce(s.is_buy, a.side = 'BUY') as is_buy, b.price,
      case
        when b.refusal is not null or a.op = 'PLACE' then b.refusal
        when s.slot is null then matching.refuse_ended(p_symbol, a.op, b.order_id, b.owner_id)
        when b.owner_id <> s.owner_id then 'UNKNOWN_ORDER'
      end as refusal
    from unnest(p_batch.target_ids, p_batch.refusals, p_batch.sort_prices, p_batch.owner_ids)
      with ordinality as b (order_id, refusal, price, owner_id, n)
    join (
      select u.op, u.side, row_number() over () as n from unnest(p_commands) as u
    ) as a
      on a.n = b.n
    left join matching.named_orders(p_commands, p_batch) as s
      on s.order_id = b.order_id
  ) as t;
  if p_batch.has_amendments then  -- behind the commands' own: they are not to be met twice
    p_batch.target_ids := p_batch.target_ids || array(
      select f.order_id from unnest((p_batch.found).slots) as f where f.list_id is not null
    );
  end if;
  return p_batch;
end;
$$;
comment on function matching.find_targets is 'finds the orders that a batch cancels or amends';
--! EndIncluded matching/find_targets.sql
--! Included matching/fire_stops.sql
-- The stop orders that the trades of a part fire, as commands, in their order: by the trade that
-- reached them, then buyers by the lowest stop price and sellers by the highest, then by entry
-- [MAT-057]. Of a list only the first fires, and ends the others. Takes whose orders the prices are
-- for: those that follow the trades, or a price from outside [MAT-052]; and what is to follow
-- already: an order that is to end or has fired does not fire again.
-- Writes: how far trailing stops have come. Under the lock of the symbol.
create or replace function matching.fire_stops(
  p_symbol reference.symbols,
  p_fills matching.fill[],
  p_sources matching.trigger_source[],
  p_queue matching.command[] default '{}'
) returns matching.command[]
language plpgsql volatile
as $$
declare
  v_commands matching.command[] := '{}';
  v_parked matching.parked_orders;
  v_fired record;
  v_low numeric;
  v_high numeric;
begin
  select min(f.price), max(f.price) into v_low, v_high from unnest(p_fills) as f;

  for v_fired in
    select s.*
    from (
      select
        r.order_id, w.limit_offset, r.level, w.side,
        row_number() over (partition by coalesce(k.list_id, k.order_id) order by r.seq, w.side,
          case w.side when 'BUY' then r.level else -r.level end, w.entry_seq) as turn,
        row_number() over (order by r.seq, w.side,
          case w.side when 'BUY' then r.level else -r.level end, w.entry_seq) as rank
      from (
        select w.order_id, min(f.seq) as seq, w.stop_price as level
        from matching.stop_orders_watchlist as w
        join unnest(p_fills) as f
          on f.seq > w.entry_seq
          and (w.is_up and f.price >= w.stop_price or not w.is_up and f.price <= w.stop_price)
        where w.segment_id = p_symbol.segment_id
          and w.symbol_id = p_symbol.symbol_id
          and w.source = any (p_sources)
          and w.type <> 'TRAILING_STOP'
          and (w.is_up and w.stop_price <= v_high or not w.is_up and w.stop_price >= v_low)
        group by w.order_id, w.stop_price
        union all
        select t.order_id, t.seq, t.level
        from matching.trail_stops(p_symbol, p_fills, p_sources) as t
      ) as r
      join matching.stop_orders_watchlist as w
        on w.segment_id = p_symbol.segment_id
        and w.order_id = r.order_id
      join matching.parked_orders as k
        on k.segment_id = p_symbol.segment_id
        and k.order_id = r.order_id
      where r.order_id <> all (array(
        select q.order_id from unnest(p_queue) as q where q.op <> 'AMEND'
      ))
    ) as s
    where s.turn = 1
    order by s.rank
  loop
    select k.* into strict v_parked
    from matching.parked_orders as k
    where k.segment_id = p_symbol.segment_id
      and k.order_id = v_fired.order_id;
    v_commands := v_commands || matching.end_siblings(v_parked)
      || matching.fired_command(p_symbol, v_parked, v_fired.level, v_fired.limit_offset);
  end loop;
  return v_commands;
end;
$$;
comment on function matching.fire_stops is 'the stop orders that trades fire, as commands';
--! EndIncluded matching/fire_stops.sql
--! Included matching/first_answers.sql
-- The first answers to the commands that placed these orders, rebuilt from what they wrote: the
-- event that closed the command and the fills up to it. The same, to the byte, as
-- matching.placed_answers gave then [MAT-021], which did not tell when a day ends. Reads only.
create or replace function matching.first_answers(
  p_segment_id int,
  p_order_ids bigint[]
) returns setof matching.order_row
language plpgsql stable
set plan_cache_mode = force_generic_plan  -- a plan spans all partitions: make it once,
set enable_hashjoin = off                 -- and look up by key in those that matter
set enable_mergejoin = off
set enable_nestloop = on
set enable_seqscan = off
as $$
begin
  return query
  select
    o.order_id, p.client_id, s.symbol, o.side, o.type,
    coalesce(o.first_time_in_force, o.time_in_force), trim_scale(e.price), trim_scale(e.quantity),
    o.client_order_id, o.idempotency_key,
    matching.status_of(r.remaining, coalesce(f.filled, 0), r.end_reason, r.refusal, r.pending),
    r.pending, r.end_reason, r.refusal, trim_scale(coalesce(f.filled, 0)), trim_scale(r.remaining),
    matching.average_price(f.notional, f.filled), trim_scale(coalesce(f.fee, 0)), o.entry_seq,
    o.created_at, o.created_at, coalesce(f.fills, '[]'),
    trim_scale(o.quote_quantity), trim_scale(o.stop_price), o.trigger_source,
    trim_scale(o.trailing_offset), o.trailing_bips, trim_scale(o.activation_price),
    trim_scale(o.limit_offset), o.post_only, o.slide, trim_scale(o.display_quantity),
    case when o.first_time_in_force is not null then o.first_expire_at
      when o.time_in_force <> 'DAY' then o.expire_at end, o.stp, (
      select trim_scale(coalesce(sum(m.taker_quantity), 0))
      from matching.prevented_matches as m
      where m.segment_id = o.segment_id
        and m.taker_order_id = o.order_id
        and m.seq <= o.entry_seq
    ), o.list_id
  from reference.ids(p_segment_id, p_order_ids) as i
  join matching.orders as o
    on o.segment_id = i.segment_id
    and o.order_id = i.id
  join matching.events as e
    on e.segment_id = o.segment_id
    and e.symbol_id = o.symbol_id
    and e.seq = o.entry_seq
    and e.at = o.created_at
  join reference.participants as p
    on p.participant_id = o.participant_id
  join reference.symbols as s
    on s.symbol_id = o.symbol_id
  cross join lateral (
    select
      case when e.kind in ('OPENED', 'PARKED') then e.remaining else 0 end as remaining,
      case when e.kind = 'PARKED' then e.reason::matching.pending_reason end as pending,
      case when e.kind = 'REJECTED' then e.reason::matching.refusal end as refusal,
      case when e.kind in ('CANCELLED', 'EXPIRED') then e.reason::matching.end_reason end
        as end_reason
  ) as r
  left join lateral (
    select
      sum(t.quantity) as filled, sum(t.price * t.quantity) as notional, sum(t.taker_fee) as fee,
      json_agg(matching.fill_json(t.trade_id, t.price, t.quantity, t.taker_fee, true)
        order by t.seq) as fills
    from matching.trades as t
    where t.segment_id = o.segment_id
      and t.taker_order_id = o.order_id
      and t.seq <= o.entry_seq
      and t.traded_at = o.created_at
  ) as f
    on true;
end;
$$;
comment on function matching.first_answers is
  'the first answers to the commands that placed these orders';
--! EndIncluded matching/first_answers.sql
--! Included matching/roll_band.sql
-- The state of a symbol with its reference price and its band as they are at p_at, after trades at
-- these prices [MAT-080], [MAT-081]. Before there is a reference price any trade has consequences:
-- it sets the band for the next command. Reads nothing.
create or replace function matching.roll_band(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_at timestamptz,
  p_prices numeric[]
) returns matching.symbol_state
language plpgsql immutable
as $$
declare
  v_state matching.symbol_state := p_state;
begin
  select r.reference_price, r.reference_at, r.price_sum, r.price_count
  into v_state.reference_price, v_state.reference_at, v_state.price_sum, v_state.price_count
  from matching.roll_reference(p_state, p_at, p_prices) as r;

  v_state.band_low := null;
  v_state.band_high := null;
  if p_symbol.band_rate is not null then
    select b.low, b.high into v_state.band_low, v_state.band_high
    from matching.band_of(p_symbol, v_state, p_at) as b;
    if v_state.reference_price is null then
      v_state.fires_above := '-Infinity';
    end if;
  end if;
  return v_state;
end;
$$;
comment on function matching.roll_band is
  'the state of a symbol with its reference price and its band as they are now';
--! EndIncluded matching/roll_band.sql
--! Included matching/first_step.sql
-- Where a batch begins: the state of its symbol, its orders numbered, whether anything is due or a
-- change of phase is asked for, and if not, its band as it is now. When it is run again, with what
-- was recorded of it [MAT-091]. Reads nothing.
create or replace function matching.first_step(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_batch matching.batch,
  p_plan matching.phase_plan,
  p_recorded matching.command_log
) returns matching.step
language plpgsql immutable
as $$
declare
  v_step matching.step;
begin
  v_step.at := p_now;
  v_step.state := p_state;
  v_step.state.last_order_no := p_state.last_order_no
    + cardinality(array_remove(p_batch.order_ids, null));
  v_step.queue := row('{}', '{}', 0, false);
  v_step.plan := p_plan;
  v_step.plans := '{}';
  v_step.is_replayed := p_recorded.kind is not null;
  v_step.recorded := p_recorded.plans;
  v_step.funds := row(p_recorded.party_ids, p_recorded.base_funds, p_recorded.quote_funds);
  v_step.is_more := p_state.next_due_at <= p_now or p_state.pending_count > 0
    or p_plan.phase is not null;
  if not v_step.is_more and (p_symbol.band_rate is not null or p_state.band_low is not null) then
    v_step.state := matching.roll_band(p_symbol, v_step.state, p_now, null);
  end if;
  return v_step;
end;
$$;
comment on function matching.first_step is 'where a batch begins';
--! EndIncluded matching/first_step.sql
--! Included matching/grow_command.sql
-- The command by which the venue gives an order of a list the quantity that the list asks for, in
-- base. That it says why the order would end tells it from one of its owner: no filter refuses it.
-- Reads nothing.
create or replace function matching.grow_command(
  p_order_id bigint,
  p_quantity numeric
) returns matching.command
language sql immutable parallel safe
as $$
  select row(
    'AMEND', null, null, null, null, null, p_quantity, null, null, p_order_id, null, null, null,
    null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
    'USER'
  )::matching.command
$$;
comment on function matching.grow_command is
  'the command that gives an order of a list its quantity';
--! EndIncluded matching/grow_command.sql
--! Included matching/list_commands.sql
-- What the lists ask for whose orders a part of a batch touched [MAT-053]: when one of two that
-- exclude each other has traded or ended, or has fired and rests, the other ends; when it was
-- amended, the other gets its quantity; when something of it was prevented, the other holds the
-- money that it does not hold any more; when an entry has traded in full (or at all, where the list
-- is partial), its exits come to life with the quantity that it traded; when it has ended before,
-- they end. Who is to end comes first: it must not come to life.
-- Reads only. Under the lock of the symbol.
create or replace function matching.list_commands(
  p_symbol reference.symbols,
  p_outcome matching.outcome
) returns matching.command[]
language plpgsql volatile
as $$
declare
  v_commands matching.command[] := '{}';
  v_touched record;
begin
  for v_touched in
    select
      l.*, f.order_id, f.created_at, t.quantity, f.hold, f.pending, f.last_seq,
      f.hold < f.hold_before as holds_less, f.order_id = l.entry_order_id as is_entry,
      f.filled > 0 or f.remaining = 0 or f.order_id is distinct from l.entry_order_id
        and f.pending is null and t.type not in ('LIMIT', 'MARKET') as is_done
    from matching.final_orders(p_outcome) as f
    join matching.order_lists as l
      on l.segment_id = p_symbol.segment_id
      and l.list_id = f.list_id
    join matching.orders as t
      on t.segment_id = l.segment_id
      and t.order_id = f.order_id
      and t.created_at = f.created_at
    where f.end_reason is null
      or f.end_reason not in ('OCO_TRIGGER', 'OTO_PHASE_ONE_EXPIRED')
    order by coalesce(f.order_id = l.entry_order_id, false), f.last_seq
  loop
    if v_touched.is_entry and v_touched.is_done then
      v_commands := v_commands || matching.exit_commands(
        p_symbol, v_touched.list_id, v_touched.order_id, v_touched.created_at,
        v_touched.is_partial
      );
    elsif v_touched.is_done then
      v_commands := v_commands || array(
        select matching.cancel_command(o.order_id, 'OCO_TRIGGER')
        from matching.list_orders(p_symbol.segment_id, v_touched.list_id) as o
        where o.order_id is distinct from v_touched.entry_order_id
          and o.order_id <> v_touched.order_id
        order by o.order_id
      );
    elsif v_touched.is_entry is not true and v_touched.pending is distinct from 'PARENT' then
      v_commands := v_commands || array(
        select matching.grow_command(o.order_id, v_touched.quantity)
        from matching.list_orders(p_symbol.segment_id, v_touched.list_id) as o
        join matching.orders as r
          on r.segment_id = v_touched.segment_id
          and r.order_id = o.order_id
          and r.created_at = o.created_at
        where o.order_id is distinct from v_touched.entry_order_id
          and o.order_id <> v_touched.order_id
          and o.pending_reason is distinct from 'PARENT'
          and (r.quantity <> v_touched.quantity
            or o.pending_reason is not null and v_touched.holds_less
            or o.pending_reason is not null and o.hold_amount > 0
              and r.last_seq < v_touched.last_seq
              and (v_touched.hold = 0 or v_touched.pending is null))
        order by o.order_id
      );
    end if;
  end loop;
  return v_commands;
end;
$$;
comment on function matching.list_commands is
  'what the lists ask for that a part of a batch touched';
--! EndIncluded matching/list_commands.sql
--! Included matching/follow_ups.sql
-- What follows from a part of a batch, or from a change of phase, as commands of the venue's own,
-- each sequenced for itself: at once what lists ask for, instead of what they asked for of the same
-- order before; then what was to follow already; then the stop orders that fired [MAT-057], as many
-- as a batch may fire [MAT-085]. A trade outside the band keeps these from firing [MAT-082], and so
-- does an uncrossing that closes; its price moves trailing stops as any other does [MAT-051]. At a
-- symbol that is delisted nothing follows.
create or replace function matching.follow_ups(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_outcome matching.outcome,
  p_queue matching.queue
) returns matching.queue
language plpgsql volatile
as $$
declare
  v_queue matching.queue := p_queue;
  v_fired matching.command[];
  v_lists matching.command[];
begin
  if p_symbol.status = 'DELISTED' then
    return v_queue;
  end if;
  if p_outcome.is_linked then
    v_lists := matching.list_commands(p_symbol, p_outcome);
    v_queue.commands := v_lists || array(
      select c
      from unnest(v_queue.commands) as c
      where c.op = 'CANCEL'
        or c.order_id <> all (array(select l.order_id from unnest(v_lists) as l))
    );
  end if;
  if p_outcome.fills is not null and p_state.phase = 'CONTINUOUS' then
    v_fired := matching.fire_stops(
      p_symbol, p_outcome.fills, matching.trade_sources(p_symbol, p_now),
      (v_queue).commands || (v_queue).stops
    );
    v_queue := matching.queue_stops(v_queue, v_fired, p_symbol.max_cascade);
  elsif p_outcome.fills is not null then
    perform matching.trail_stops(
      p_symbol, p_outcome.fills, matching.trade_sources(p_symbol, p_now)
    );
  end if;
  if p_outcome.is_breached then
    v_queue.stops := '{}';
  end if;
  return v_queue;
end;
$$;
comment on function matching.follow_ups is 'what follows from a part of a batch, as commands';
--! EndIncluded matching/follow_ups.sql
--! Included matching/fund_changes.sql
-- What a batch does to its parties' money: holds taken and released, and what its trades will move
-- when they settle. One change an account. Reads nothing.
create or replace function matching.fund_changes(
  p_symbol reference.symbols,
  p_outcome matching.outcome
) returns ledger.account_change[]
language sql stable
as $$
  with f as materialized (
    select
      case when u.bought then u.taker_id else u.maker_id end as buyer_id,
      case when u.bought then u.maker_id else u.taker_id end as seller_id,
      u.quantity, u.price * u.quantity as notional,
      case when u.bought then u.taker_fee else u.maker_fee end as buyer_fee,
      case when u.bought then u.maker_fee else u.taker_fee end as seller_fee
    from unnest(p_outcome.fills) as u
  ), p as (
    -- By participant: base held, to come, to go; quote held, to come, to go.
    select
      c.id, sum(c.bh) + sum(c.bo) as bh, sum(c.bi) as bi, sum(c.bo) as bo,
      sum(c.qh) + sum(c.qo) as qh, sum(c.qi) as qi, sum(c.qo) as qo
    from (
      select
        s.owner_id, sum(case when not s.is_buy then s.hold - s.hold_before else 0 end), 0, 0,
        sum(case when s.is_buy then s.hold - s.hold_before else 0 end), 0, 0
      from (
        select
          u.owner_id, u.hold, u.hold_before,
          case when u.sort_price is null
            then (p_outcome.asked[u.ordinality]).is_buy else u.sort_price < 0 end as is_buy
        from rows from (
          unnest(p_outcome.sort_prices), unnest(p_outcome.slots)
        ) with ordinality as u (sort_price)
      ) as s
      where s.hold <> s.hold_before
      group by s.owner_id
      union all
      select f.buyer_id, 0, sum(f.quantity), 0, 0, 0, sum(f.notional) + sum(f.buyer_fee)
      from f
      group by f.buyer_id
      union all
      select f.seller_id, 0, 0, sum(f.quantity), 0, sum(f.notional) - sum(f.seller_fee), 0
      from f
      group by f.seller_id
    ) as c (id, bh, bi, bo, qh, qi, qo)
    group by c.id
  )
  select array_agg(row(p.id, a.asset_id, 0, a.held, a.due_in, a.due_out)::ledger.account_change)
  from p
  cross join lateral (
    values
      (p_symbol.base_asset_id, p.bh, p.bi, p.bo), (p_symbol.quote_asset_id, p.qh, p.qi, p.qo)
  ) as a (asset_id, held, due_in, due_out)
  where a.held <> 0
    or a.due_in <> 0
    or a.due_out <> 0
$$;
comment on function matching.fund_changes is 'what a batch does to its parties'' money';
--! EndIncluded matching/fund_changes.sql
--! Included matching/has_waiting_exits.sql
-- Whether exits wait for their funds anywhere in a segment: then settling is worth a ring to the
-- matcher. Reads only.
create or replace function matching.has_waiting_exits(
  p_segment_id int
) returns boolean
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from matching.order_lists as l
    where l.segment_id = p_segment_id
      and l.funds_tried is not null
  )
$$;
comment on function matching.has_waiting_exits is 'whether exits wait for their funds';
revoke execute on function matching.has_waiting_exits from public;
grant execute on function matching.has_waiting_exits to pgsettle_worker;
--! EndIncluded matching/has_waiting_exits.sql
--! Included matching/refuse_cost.sql
-- Why an order that has looked at what it would get is refused, or null: a quote quantity that does
-- not buy the least quantity, or funds that do not cover a market order: what it takes, with the
-- fee, and what it leaves at the end of its protection where that rests. [MAT-043], [MAT-047].
-- Takes its last price as sorted by the makers, what it would get and leave together, what it would
-- get and what that costs, and what its owner has: quote for a buy, base for a sell. Reads nothing.
create or replace function matching.refuse_cost(
  p_symbol reference.symbols,
  p_asked matching.asked,
  p_reach numeric,
  p_left numeric,
  p_got numeric,
  p_cost numeric,
  p_funds numeric
) returns matching.refusal
language plpgsql immutable parallel safe
as $$
declare
  v_cost numeric := p_cost;
  v_rests boolean;
begin
  if p_asked.quote_quantity is not null and p_left < p_symbol.min_quantity then
    return 'QUOTE_QUANTITY';
  end if;
  if not p_asked.is_market then
    return null;
  end if;
  v_rests := p_asked.rests and p_left > p_got;
  if v_rests then
    v_cost := v_cost
      + abs(matching.tick_inside(-p_reach, p_symbol.tick_size)) * (p_left - p_got);
  end if;
  if p_funds < (case
    when not p_asked.is_buy then p_left
    when v_rests then matching.hold_of(p_symbol, -v_cost, 1, 0, 0)
    else v_cost + ledger.round_up(
      v_cost * p_symbol.taker_rate, reference.units_in_one(p_symbol.quote_decimals),
      reference.asset_unit(p_symbol.quote_decimals)
    )
  end) then
    return 'INSUFFICIENT_FUNDS';
  end if;
  return null;
end;
$$;
comment on function matching.refuse_cost is
  'why an order that has looked at what it would get is refused';
--! EndIncluded matching/refuse_cost.sql
--! Included matching/rest_end.sql
-- Why what is left of a taker ends instead of resting, or null: it may not rest, or a price band
-- stopped it and bands expire what they stop, or it is for continuous trading only: who takes no
-- part in a call begins none [MAT-082]. Takes whether there was nobody more to meet, and whether a
-- band stood before the next. Reads nothing; is inlined. [MAT-040], [MAT-043].
create or replace function matching.rest_end(
  p_left numeric,
  p_rests boolean,
  p_is_market boolean,
  p_is_alone boolean,
  p_is_banded boolean,
  p_band_action reference.band_action,
  p_session_rule matching.time_in_force_enum
) returns matching.end_reason
language sql immutable parallel safe
as $$
  select case
    when p_left = 0 then null
    when p_rests and not (
      p_is_banded and (p_band_action = 'EXPIRE' or coalesce(p_session_rule = 'GTX', false))
    ) then null
    when p_is_banded then 'EXECUTION_RULE_PRICE_RANGE_EXCEEDED'::matching.end_reason
    when not p_is_market then 'UNFILLED_IOC'
    when p_is_alone then 'INSUFFICIENT_LIQUIDITY'
    else 'PROTECTION'
  end
$$;
comment on function matching.rest_end is 'why what is left of a taker ends instead of resting';
--! EndIncluded matching/rest_end.sql
--! Included matching/refuse_amendment.sql
-- Why an amendment of an order that is open or parked is refused, or null: it would result in one
-- that the filters of the symbol refuse, or that is good for no time [MAT-044]. Judged at its turn,
-- by what the order is by then. Takes the order, its price and the one that is asked for, each as
-- sorted by. Reads nothing.
create or replace function matching.refuse_amendment(
  p_symbol reference.symbols,
  p_asked matching.asked,
  p_slot matching.slot,
  p_from_price numeric,
  p_price numeric
) returns matching.refusal
language plpgsql immutable parallel safe
as $$
declare
  v_has_limit boolean := p_slot.pending is null
    or p_slot.type not in ('STOP', 'TAKE_PROFIT', 'TRAILING_STOP');
  v_quantity numeric := coalesce(p_asked.quantity, p_slot.quantity);
begin
  return coalesce(
    case when p_price is not null and not v_has_limit
      then 'PRICE_NOT_ALLOWED'::matching.refusal end,
    matching.refuse_command(p_symbol, p_asked.op, null, null,
      case when v_has_limit then abs(coalesce(p_price, p_from_price)) end, v_quantity),
    case when ceil(v_quantity / p_slot.display) > p_symbol.max_iceberg_parts
      then 'ICEBERG_PARTS'::matching.refusal end,
    p_asked.refusal,
    case
      when p_asked.time_in_force = 'GTC' and p_asked.expire_at is not null
        or p_asked.time_in_force = 'GTD' and num_nonnulls(p_asked.expire_at, p_slot.expire_at) = 0
        then 'EXPIRE_AT'::matching.refusal
    end
  );
end;
$$;
comment on function matching.refuse_amendment is
  'why an amendment of an order that is open or parked is refused';
--! EndIncluded matching/refuse_amendment.sql
--! Included matching/start_change.sql
-- What a command makes of an order that stands already: a cancel ends it; an amendment that only
-- takes quantity away, or is of an order that is parked, keeps its place; any other, and a release,
-- goes on as a taker (no kind yet) [MAT-044]. Or why it is refused.
-- Takes the command, the order, its price as sorted by, what is left of it, the price that is asked
-- for, and whether the order comes only later in the batch. Returns the order with what changes of
-- it but its price and what is left. Reads nothing.
create or replace function matching.start_change(
  p_symbol reference.symbols,
  p_asked matching.asked,
  p_slot matching.slot,
  p_from_price numeric,
  p_from_left numeric,
  p_price numeric,
  p_is_later boolean
) returns matching.started
language plpgsql immutable parallel safe
as $$
declare
  v_started matching.started;
  v_left numeric;
begin
  v_started.refusal := case
    when p_is_later then 'UNKNOWN_ORDER'::matching.refusal
    when p_from_left > 0 and p_asked.op = 'AMEND' and p_asked.end_reason is null then coalesce(
      matching.refuse_amendment(p_symbol, p_asked, p_slot, p_from_price, p_price), p_asked.bar)
    when p_from_left > 0 and p_asked.bar is not null then p_asked.bar
    when p_from_left > 0 and p_asked.is_only_if_new and p_slot.filled > 0
      then 'CONDITION_FAILED'
    when p_from_left > 0 then null
    when p_slot.end_reason is null and p_slot.refusal is null then 'ORDER_FILLED'
    when p_asked.op = 'CANCEL' and matching.end_kind(p_slot.end_reason) = 'CANCELLED'
      then 'ALREADY_CANCELLED'
    else 'ORDER_NOT_OPEN' end;
  v_started.from_price := case when p_slot.pending is null then p_from_price end;
  v_started.from_visible := p_slot.visible;
  v_started.from_left := p_from_left;
  v_started.sort_price := coalesce(p_price, p_from_price);
  v_started.is_buy := p_from_price < 0;
  v_started.slot := p_slot;
  if p_asked.op = 'RELEASE' then
    v_started.sort_price := p_price;
    v_started.is_buy := p_asked.is_buy;
    -- An exit gets what its entry traded; any other has the quantity that it has by now.
    v_started.remaining := case when p_slot.pending = 'PARENT' then p_asked.quantity
      else p_from_left end;
    v_started.slot.quantity := v_started.remaining;
    return v_started;
  end if;

  v_left := case when p_asked.op = 'CANCEL' then 0
    else greatest(coalesce(p_asked.quantity - p_slot.quantity, 0) + p_from_left, 0) end;
  v_started.remaining := v_left;
  if v_left = 0 then
    v_started.slot.end_reason := coalesce(p_asked.end_reason, 'USER');
    v_started.kind := matching.end_kind((v_started.slot).end_reason);
    v_started.sort_price := p_from_price;
    return v_started;
  end if;
  v_started.slot.quantity := p_slot.quantity + v_left - p_from_left;
  if num_nonnulls(p_asked.time_in_force, p_asked.expire_at) > 0 then
    v_started.slot.expire_at := case when p_asked.time_in_force is distinct from 'GTC'
      then coalesce(p_asked.expire_at, p_slot.expire_at) end;
  end if;
  if p_slot.pending is not null
    or v_started.sort_price = p_from_price and v_left <= p_from_left then
    v_started.kind := 'AMENDED';
  end if;
  return v_started;
end;
$$;
comment on function matching.start_change is
  'what a command makes of an order that stands already';
--! EndIncluded matching/start_change.sql
--! Included matching/match_batch.sql
-- Matches a batch of commands in their order, by price, then time, and writes nothing: it reads the
-- book and computes what happens, so that a batch can be computed again when the funds it was
-- computed with have changed [MAT-001].
--
-- A slot is an order in memory: first one for each command (a placed order, one released from where
-- it was parked, or an amended one that lost its place), then the orders that commands name, two
-- empty ones, then makers as they are read. sort_price makes both sides alike: the price of an ask,
-- the negative price of a bid; smaller is better, and an order reaches makers up to its own
-- negative one. A side's queue is the book, read in chunks, merged with a heap of what came to
-- rest, was named or was shown anew in this batch. Who leaves a queue stays with nothing left, and
-- is passed.
--
-- It stops early, and says after how many commands, when what follows from a command must come
-- before the next one: a trade that may fire a stop order, an order of a list that was touched, a
-- price band that was reached; not between the orders of a list, which come together.
-- Takes the symbol and its state, the batch, and what each party has in base and quote.
-- Returns the closing event of each command, the fills, and the slots as they end.
-- Call it under the lock of the symbol. Reads only.
-- Keeps [MAT-040] time in force, [MAT-041] fill or kill, [MAT-042] self-trade prevention, [MAT-043]
-- market protection, [MAT-044] amend, [MAT-045] post-only, [MAT-046] icebergs, [MAT-047] quote
-- quantities, [MAT-030] holds, [LED-002] fees.
create or replace function matching.match_batch(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_batch matching.batch,
  p_base_funds numeric[],
  p_quote_funds numeric[]
) returns matching.outcome
language plpgsql volatile
as $$
declare
  c_one constant numeric := reference.units_in_one(p_symbol.quote_decimals);
  c_unit constant numeric := reference.asset_unit(p_symbol.quote_decimals);
  c_rate constant numeric := greatest(p_symbol.taker_rate, p_symbol.maker_rate, 0);
  c_count constant int := cardinality(p_batch.asked); c_lot constant numeric := p_symbol.lot_size;
  -- The batch, taken apart: an element of a field of a record costs a copy of it.
  b_asked matching.asked[] := p_batch.asked;  b_refusal matching.refusal[] := p_batch.refusals;
  b_target int[] := p_batch.targets;
  v_base numeric[] := p_base_funds;           v_quote numeric[] := p_quote_funds;
  -- The slots: what the queues are ordered by, what is left, all else. Where an amended order went
  -- on, by where it was first, and back; the slot read next, where it is not the next number.
  s_key numeric[] := p_batch.sort_prices;     s_place bigint[] := p_batch.priority_nos;
  s_left numeric[] := p_batch.remaining;      s_slot matching.slot[] := p_batch.slots;
  s_moved int[]; s_first int[]; s_next int[]; v_top int := cardinality(s_slot);
  -- The queues, 1 the asks, 2 the bids. Of the book: last slot passed, last one read, its place, is
  -- there more. The heaps: node k of side x is h_slot[2 * k + x]; who is to leave, to come back.
  q_passed int[] := array[v_top - 1, v_top]; q_read int[] := q_passed; q_place bigint[] := '{0,0}';
  q_more boolean[] := '{t,t}'; h_slot int[] := '{0}'; h_count int[] := '{0,0}'; v_skip int := 0;
  v_push int[] := p_batch.standing; v_pushes int := cardinality(v_push); v_back int[] := '{}';
  -- What comes of it.
  v_closings matching.closing[] := '{null}'; v_fills matching.fill[]; v_fill int := 0;
  v_prevented matching.prevented_match[]; v_linked boolean := false; v_breached boolean := false;
  v_above numeric := p_state.fires_above; v_below numeric := p_state.fires_below;
  v_last numeric := p_state.last_price; v_seq bigint := p_state.last_seq; v_done int := c_count;
  -- The command at hand, its order and the maker.
  v_c matching.asked; v_t matching.slot; v_o matching.slot; v_s matching.started;
  v_refusal matching.refusal; v_kind matching.event_kind; v_chunk matching.chunk; v_shared numeric;
  v_buy boolean; v_probe boolean; v_self boolean; v_key numeric; v_reach numeric; v_wall numeric;
  v_left numeric; v_had numeric; v_q numeric; v_m numeric; v_cost numeric; v_due numeric;
  v_fee numeric; v_taker_due numeric; v_hold numeric; v_freed numeric; v_sum numeric := 0;
  v_spent numeric; v_rest numeric := 0; v_level numeric; v_budget numeric; v_from_seq bigint;
  v_first numeric; v_party int; v_was int; v_book int; v_heap int; v_at int; v_own numeric := 0;
  v_cut boolean := false; t int; m int; p int; x int; y int; k int; n int; lo int;
begin
  for i in 1..c_count loop
    continue when b_refusal[i] is not null;
    -- 1. What is asked for: t is the slot, v_left its quantity, v_hold what it must hold at most.
    t := i; v_c := b_asked[i]; v_t := s_slot[i]; v_refusal := v_c.bar; v_kind := null; v_freed := 0;
    v_wall := null; v_first := null; v_from_seq := null; v_buy := v_c.is_buy; v_key := s_key[i];
    v_left := v_c.quantity; v_budget := v_c.quote_quantity; v_spent := 0; v_shared := 0;
    if v_c.op <> 'PLACE' then
      v_was := coalesce(s_moved[b_target[i]], b_target[i]); v_t := s_slot[v_was];
      v_s := matching.start_change(p_symbol, v_c, v_t, s_key[v_was], s_left[v_was], v_key,
        v_was > i and v_was <= c_count); v_buy := v_s.is_buy;
      b_refusal[i] := v_s.refusal; continue when v_s.refusal is not null; v_t := v_s.slot;
      v_freed := v_t.hold; v_kind := v_s.kind; v_key := v_s.sort_price; v_left := v_s.remaining;
    end if;
    if v_c.pending is not null then
      v_c := matching.enter_parked(p_symbol, v_c, v_key, v_last); b_asked[i] := v_c;
      v_refusal := coalesce(v_refusal, v_c.refusal); v_key := v_c.parked_price; s_key[i] := v_key;
    end if;
    v_party := v_t.party_no; v_fee := v_t.fee; v_reach := -v_key;  -- null for a market order yet
    v_hold := case when v_c.pending = 'PARENT' or v_kind = 'AMENDED' and v_t.pending = 'PARENT'
      then 0 else coalesce(matching.order_hold(v_buy, v_reach, v_left, v_t.fee_exact, v_fee, c_rate,
      c_one, c_unit), case when v_buy then v_budget end, 0) end;
    if v_c.sibling > 0 then  -- who waits holds what the other does not
      p := coalesce(s_moved[v_c.sibling], v_c.sibling); v_shared := (s_slot[p]).hold;
      v_m := matching.order_hold(v_buy, -s_key[p], s_left[p] + v_t.quantity
        - (s_slot[p]).quantity, 0, 0, c_rate, c_one, c_unit);
      if v_hold > 0 and num_nonnulls(v_c.pending, v_t.pending) > 0 then
        v_hold := greatest(0, v_hold - v_shared, v_m - v_shared); v_shared := 0;
      elsif v_hold > 0 then v_shared := v_shared - greatest(0, v_m - v_hold); end if; end if;
    if (case when v_c.op = 'PLACE' and v_c.sibling is null then v_hold else v_hold - v_freed
      - v_shared end) > (case when v_buy then v_quote[v_party] else v_base[v_party] end) then
      v_refusal := coalesce(v_refusal, 'INSUFFICIENT_FUNDS'); end if;
    if v_c.op <> 'PLACE' then
      b_refusal[i] := v_refusal; continue when v_refusal is not null and v_c.op <> 'RELEASE';
      v_seq := v_seq + 1; v_from_seq := v_seq; t := case when v_kind is null then i else v_was end;
      s_key[t] := v_key; end if;
    if v_c.pending is not null and v_refusal is null then
      v_seq := v_seq + 1; v_kind := 'PARKED';
      v_above := least(v_above, v_c.fires_above); v_below := greatest(v_below, v_c.fires_below);
    end if;
    if v_budget is not null then v_left := 'Infinity'; end if; v_had := v_left;

    -- 2. Take, best first. Who must know first what it gets or costs walks twice: looks, trades.
    x := case when v_buy then 1 else 2 end; v_probe := v_c.probes; v_self := false; v_cost := null;
    while p_state.phase = 'CONTINUOUS' and v_refusal is null and v_t.end_reason is null
      and v_kind is null loop v_at := q_passed[x];
      while v_left > v_sum or v_skip > 0 loop  -- who is shown anew goes back at once
        while v_pushes > 0 loop
          m := v_push[v_pushes]; v_pushes := v_pushes - 1;
          y := case when s_key[m] < 0 then 2 else 1 end; k := h_count[y] + 1; h_count[y] := k;
          while k > 1 loop
            n := h_slot[k / 2 * 2 + y]; exit when (s_key[n], s_place[n]) < (s_key[m], s_place[m]);
            h_slot[2 * k + y] := n; k := k / 2;
          end loop;
          h_slot[2 * k + y] := m;
        end loop;
        loop  -- the best of the book
          v_book := null; if v_at = q_read[x] then exit when not q_more[x];
            k := least(512, greatest(16, v_top / 8));  -- more, the more was needed so far
            v_chunk := matching.read_book(p_symbol, v_buy, s_key[v_at], q_place[x], k, p_batch);
            q_more[x] := cardinality(v_chunk.slots) = k; exit when cardinality(v_chunk.slots) = 0;
            s_key := s_key || v_chunk.sort_prices;     s_place := s_place || v_chunk.priority_nos;
            s_left := s_left || v_chunk.remaining;     s_slot := s_slot || v_chunk.slots;
            s_next[v_at] := v_top + 1; v_top := cardinality(s_slot); q_read[x] := v_top;
            q_place[x] := s_place[v_top];
          end if;
          v_book := coalesce(s_next[v_at], v_at + 1);
          exit when s_left[v_book] > 0; v_at := v_book;
        end loop;
        loop  -- the best of the heap
          n := h_count[x]; v_heap := case when n > 0 then h_slot[2 + x] end;
          exit when n = 0 or s_left[v_heap] > 0 and v_heap <> abs(v_skip);
          if v_heap = v_skip then v_pushes := v_pushes + 1; v_push[v_pushes] := v_heap; v_skip := 0;
          elsif v_heap = -v_skip then v_back := v_back || v_heap; v_skip := 0; end if;
          y := h_slot[2 * n + x]; n := n - 1; h_count[x] := n; k := 1;
          loop
            lo := 2 * k; exit when lo > n;
            p := h_slot[2 * lo + x]; m := h_slot[2 * lo + 2 + x];
            if lo < n and (s_key[m], s_place[m]) < (s_key[p], s_place[p]) then
              p := m; lo := lo + 1; end if;
            exit when (s_key[y], s_place[y]) < (s_key[p], s_place[p]);
            h_slot[2 * k + x] := p; k := lo;
          end loop;
          h_slot[2 * k + x] := y;
        end loop;
        continue when v_pushes > 0;
        m := case when (s_key[v_heap], s_place[v_heap]) < (s_key[v_book], s_place[v_book])
          then v_heap else coalesce(v_book, v_heap) end;
        if v_probe and v_rest > 0 and s_key[m] is distinct from v_level then  -- what it hid
          v_q := least(v_left - v_sum, v_rest, div(v_budget, v_cost * c_lot) * c_lot);
          if v_q < v_rest then v_left := v_sum + v_q; end if; v_budget := v_budget - v_q * v_cost;
          v_spent := v_spent + abs(v_level) * least(v_q, v_rest - v_own); v_rest := 0; v_own := 0;
          v_sum := v_sum + v_q; continue;
        end if;
        exit when m is null; v_key := s_key[m];
        if v_wall is null then
          v_reach := coalesce(v_reach, v_key + greatest(abs(v_key) * p_symbol.protection_rate,
            p_symbol.protection_ticks * p_symbol.tick_size));
          v_wall := matching.band_wall(v_buy, v_c.is_post_only, v_key, v_reach, p_state);
        end if;
        exit when v_key > v_wall;
        if v_c.is_post_only then
          v_refusal := matching.refuse_take(v_c.is_sliding, v_buy, v_key, p_symbol.tick_size);
          if v_refusal is null then s_key[t] := p_symbol.tick_size - v_key; end if; exit;
        end if;
        v_o := s_slot[m]; v_self := v_c.stp <> 'NONE'
          and (v_o.owner_id = v_t.owner_id or coalesce(v_o.owner_id = any (v_c.mate_ids), false));
        v_q := least(v_left - v_sum, s_left[m], v_o.visible);
        if v_probe then
          v_cost := abs(v_key) * case when v_buy then 1 + p_symbol.taker_rate else 1 end;
          exit when v_self and v_c.stp <> 'CANCEL_MAKER' and (v_c.kills or v_c.stp <> 'DECREMENT');
          if v_self and v_c.stp = 'CANCEL_MAKER' then v_q := 0;
          else
            v_m := v_q; v_q := least(v_q, div(v_budget, v_cost * c_lot) * c_lot);
            if v_q < v_m then v_left := v_sum + v_q; end if; v_budget := v_budget - v_q * v_cost;
            v_m := s_left[m] - least(s_left[m], v_o.visible); v_rest := v_rest + v_m;
            if v_self then v_own := v_own + v_m; end if;  -- of what is hidden, this is not paid for
          end if;
          v_sum := v_sum + v_q; if not v_self then v_spent := v_spent + abs(v_key) * v_q; end if;
          v_level := v_key; if m = v_book then v_at := m; else v_skip := -m; end if; continue;
        end if;
        v_m := v_q;
        if v_self then v_cost := 0; v_m := matching.prevented_maker(v_c.stp, v_q, s_left[m]);
          v_q := matching.prevented_taker(v_c.stp, v_q, v_left);
        else v_last := abs(v_key); v_cost := v_last * v_q; v_spent := v_spent + v_cost; end if;
        v_left := v_left - v_q; v_hold := s_left[m] - v_m; s_left[m] := v_hold; v_seq := v_seq + 1;
        if v_o.visible > v_m then v_o.visible := v_o.visible - v_m;
        elsif v_o.visible <= v_m then  -- shown anew, behind all others of its price
          v_o.visible := least(v_o.display, v_hold); s_place[m] := v_seq;
          if m = v_book then v_pushes := v_pushes + 1; v_push[v_pushes] := m; v_at := m;
          else v_skip := m; end if;
        end if;
        v_o.fee_exact := v_o.fee_exact + v_cost * p_symbol.maker_rate;
        v_due := ledger.round_up(v_o.fee_exact, c_one, c_unit);
        if v_self then
          v_prevented := v_prevented || row(v_seq, v_c.stp, abs(v_key), v_buy, v_t.order_id,
            v_o.order_id, v_t.owner_id, v_o.owner_id, v_q, v_m, v_hold, v_o.visible,
            coalesce((s_slot[m]).visible, v_hold + v_m))::matching.prevented_match;
          v_had := v_had - v_q;
          v_t.end_reason := matching.prevented_end(v_c.stp, v_left, 'STP_TAKER');
          v_o.end_reason := matching.prevented_end(v_c.stp, v_hold, 'STP_MAKER');
        else
          v_fill := v_fill + 1; v_first := coalesce(v_first, v_last);
          v_t.fee_exact := v_t.fee_exact + v_cost * p_symbol.taker_rate;
          v_taker_due := ledger.round_up(v_t.fee_exact, c_one, c_unit);
          v_fills[v_fill] := row(v_seq, v_last, v_q, v_buy, v_t.order_id, v_o.order_id,
            v_t.owner_id, v_o.owner_id, v_taker_due - v_t.fee, v_due - v_o.fee, v_hold, v_o.visible,
            case when v_o.visible is not null then (s_slot[m]).visible end)::matching.fill;
          v_t.fee := v_taker_due; v_o.filled := v_o.filled + v_q; v_o.paid := v_o.paid + v_cost;
        end if;
        lo := v_o.party_no;
        if not v_buy then
          v_hold := matching.buy_hold(-v_key * v_hold, v_o.fee_exact, v_due, c_rate, c_one, c_unit);
          if lo is not null then
            v_quote[lo] := v_quote[lo] + v_o.hold - v_hold - v_cost - v_due + v_o.fee;
          end if;
        elsif v_self and lo is not null then v_base[lo] := v_base[lo] + v_m; end if;
        v_o.fee := v_due; v_o.hold := v_hold; v_o.last_seq := v_seq; s_slot[m] := v_o;
        v_linked := v_linked or v_o.list_id is not null;
      end loop;
      if v_reach is null then v_refusal := 'NO_LIQUIDITY';
      elsif not v_probe then q_passed[x] := v_at; exit;
      elsif v_c.kills and v_sum < v_left and coalesce(v_budget >= v_cost * c_lot, true) then
        v_t.end_reason := 'UNFILLED_FOK';
      else
        if v_budget is not null then v_left := v_sum; v_had := v_sum; v_t.quantity := v_sum; end if;
        v_refusal := matching.refuse_cost(p_symbol, v_c, v_reach, case when v_self and v_c.stp in
          ('CANCEL_TAKER', 'CANCEL_BOTH') or v_key > v_wall and v_key <= v_reach
          and p_symbol.band_action = 'EXPIRE' then v_sum else v_left end, v_sum, v_spent,
          v_freed + v_shared + case when v_buy then v_quote[v_party] else v_base[v_party] end);
        v_budget := null; end if;
      v_probe := false; v_push := v_push[1:v_pushes] || v_back; v_back := '{}'; v_skip := 0;
      v_pushes := cardinality(v_push); v_sum := 0; v_rest := 0; v_own := 0; v_spent := 0; end loop;

    -- 3. Close: what is left comes to rest or ends, and the hold with it.
    if v_c.quote_quantity is not null and v_left = 'Infinity' then v_left := 0; v_had := 0; end if;
    if v_kind is null then v_seq := v_seq + 1;
      v_breached := coalesce(v_left > 0 and v_key > v_wall and v_key <= v_reach, false);
      v_t.end_reason := case when v_refusal is null then coalesce(v_t.end_reason,
        matching.rest_end(v_left, v_c.rests, v_c.is_market, m is null, v_breached,
        p_symbol.band_action, v_t.session_rule)) end;
      v_breached := v_breached and v_refusal is null and v_t.end_reason is null;
      v_kind := matching.closing_kind(v_refusal, v_t.end_reason, v_left);
    end if;
    if v_kind = 'OPENED' then
      if v_c.is_market then s_key[t] := matching.tick_inside(-v_reach, p_symbol.tick_size); end if;
      s_place[t] := v_seq; v_pushes := v_pushes + 1; v_push[v_pushes] := t;
      v_hold := matching.order_hold(v_buy, -s_key[t], v_left, v_t.fee_exact, v_t.fee, c_rate, c_one,
        c_unit); if v_t.display is not null then v_t.visible := least(v_t.display, v_left); end if;
    elsif v_kind not in ('PARKED', 'AMENDED') then v_hold := 0;
    elsif v_t.visible > v_left then v_t.visible := v_left; end if;
    if v_refusal is not null then b_refusal[i] := v_refusal; v_t.refusal := v_refusal;
      v_spent := 0; v_left := v_had; if v_c.op = 'AMEND' or v_c.is_only_if_new
        and v_refusal = 'INSUFFICIENT_FUNDS' then v_seq := v_from_seq - 1; continue; end if; end if;
    if t = i and v_c.op <> 'PLACE' then  -- it went on in the slot of this command
      k := coalesce(s_first[v_was], v_was); s_moved[k] := i; s_first[i] := k;
      s_slot[v_was] := null; s_left[v_was] := 0; end if;
    v_cost := v_had - v_left; v_t.filled := v_t.filled + v_cost;
    v_t.paid := v_t.paid + v_spent; v_t.hold := v_hold; v_t.last_seq := v_seq;
    v_t.pending := case when t <> i then v_t.pending else v_c.pending end; s_slot[t] := v_t;
    s_left[t] := case when v_kind in ('OPENED', 'PARKED', 'AMENDED') then v_left else 0 end;
    v_closings[i] := row(v_kind, v_seq, v_t.order_id, v_t.owner_id, s_key[t], v_t.quantity, v_left,
      v_t.visible, v_t.end_reason, v_from_seq, v_s.from_price, v_s.from_left, v_s.from_visible,
      v_buy, v_c.is_market, v_t.pending, v_refusal)::matching.closing;
    if v_buy then
      v_quote[v_party] := v_quote[v_party] + v_freed - v_hold - v_spent - v_t.fee + v_fee;
    else v_base[v_party] := v_base[v_party] + v_freed - v_hold - v_cost; end if;
    v_linked := v_linked or v_t.list_id is not null;
    v_cut := v_cut or v_linked or v_breached or v_first is not null
      and (greatest(v_first, v_last) >= v_above or least(v_first, v_last) <= v_below);
    if v_cut and (v_t.list_id = (s_slot[i + 1]).list_id) is not true then
      v_done := i; exit; end if;
  end loop;

  return row(v_done, v_seq, v_last, b_refusal, v_closings, v_fills, v_prevented, s_slot, s_key,
    s_place, s_left, b_asked, v_linked, v_breached)::matching.outcome;
end;
$$;
comment on function matching.match_batch is
  'matches a batch of commands in memory, by price, then time';
--! EndIncluded matching/match_batch.sql
--! Included matching/placed_answers.sql
-- The answers to the commands of a batch that placed an order, as it stood right after its own
-- command: the first answer. From memory: reads nothing.
create or replace function matching.placed_answers(
  p_symbol reference.symbols,
  p_commands matching.command[],
  p_executed matching.executed
) returns setof matching.command_answer
language plpgsql stable
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
declare
  v_outcome matching.outcome := p_executed.outcome;
  v_prevented boolean := v_outcome.prevented is not null;
begin
  return query
  select
    e.n::int, x.state, x.code, x.detail, x.field, x.bound, e.order_id, c.client_id, p_symbol.symbol,
    c.side, c.type, c.time_in_force,
    case when e.is_priced or c.price is not null then trim_scale(abs(e.sort_price)) end,
    trim_scale(e.quantity), c.client_order_id, c.idempotency_key,
    matching.status_of(e.standing, coalesce(f.filled, 0), e.reason, e.refusal, e.pending),
    e.pending, e.reason, e.refusal, trim_scale(coalesce(f.filled, 0)), trim_scale(e.standing),
    matching.average_price(f.notional, f.filled), trim_scale(coalesce(f.fee, 0)), e.seq,
    p_executed.executed_at, p_executed.executed_at, coalesce(f.fills, '[]'),
    trim_scale(c.quote_quantity), trim_scale(c.stop_price), c.trigger_source,
    trim_scale(c.trailing_offset), c.trailing_bips, trim_scale(c.activation_price),
    trim_scale(c.limit_offset), c.post_only, c.slide, trim_scale(c.display_quantity), c.expire_at,
    coalesce(c.stp, p_symbol.default_stp),
    case when v_prevented then matching.prevented_quantity(v_outcome.prevented, e.order_id, e.seq)
      else 0 end,
    case when c.list_no is not null then min(e.order_id) over (partition by c.list_no) end
  from (
    select
      i.order_id, i.n, k.seq, k.reason, k.sort_price, k.quantity, i.refusal,
      case when k.kind in ('OPENED', 'PARKED') then k.remaining else 0 end as standing,
      case when k.kind = 'PARKED' then a.pending end as pending,
      k.kind <> 'PARKED' and (k.kind <> 'REJECTED' or not k.is_market) as is_priced
    from unnest((p_executed.batch).order_ids, v_outcome.refusals) with ordinality
      as i (order_id, refusal, n)
    join (select u.*, row_number() over () as n from unnest(v_outcome.closings) as u) as k
      on k.n = i.n
    join (
      select u.pending, row_number() over () as n from unnest((p_executed.batch).asked) as u
    ) as a
      on a.n = i.n
    where i.order_id is not null
      and k.kind is not null
  ) as e
  join (select u.*, row_number() over () as n from unnest(p_commands) as u) as c
    on c.n = e.n
  left join matching.explain_refusals(p_symbol, v_outcome.refusals) as x
    on x.refusal = e.refusal
  left join matching.taker_fills(p_symbol, p_executed) as f
    on f.order_id = e.order_id;
end;
$$;
comment on function matching.placed_answers is
  'the answers to the commands that placed an order, right after their own command';
--! EndIncluded matching/placed_answers.sql
--! Included matching/placed_slots.sql
-- The slots of an outcome beside the commands that placed their orders; null for a command that
-- placed none. An order has the slot of its command, but for one that was amended since.
-- Reads nothing.
create or replace function matching.placed_slots(
  p_batch matching.batch,
  p_outcome matching.outcome
) returns matching.chunk
language plpgsql stable
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
declare
  v_count int := cardinality(p_outcome.asked);
  v_placed matching.chunk;
begin
  if not p_batch.has_amendments then
    return row(p_outcome.sort_prices[1:v_count], p_outcome.priority_nos[1:v_count],
      p_outcome.remaining[1:v_count], p_outcome.slots[1:v_count]);
  end if;

  select
    array_agg(s.sort_price order by i.n), array_agg(s.priority_no order by i.n),
    array_agg(s.remaining order by i.n), array_agg(s.slot order by i.n)
  into v_placed
  from unnest(p_batch.order_ids) with ordinality as i (id, n)
  left join (
    select
      unnest(p_outcome.sort_prices) as sort_price, unnest(p_outcome.priority_nos) as priority_no,
      unnest(p_outcome.remaining) as remaining, unnest(p_outcome.slots) as slot
  ) as s
    on (s.slot).order_id = i.id
    and (s.slot).last_seq is not null;
  return v_placed;
end;
$$;
comment on function matching.placed_slots is
  'the slots of an outcome beside the commands that placed their orders';
--! EndIncluded matching/placed_slots.sql
--! Included matching/prepare_part.sql
-- Makes commands ready to match, with what of the market they name: their targets found, a slot for
-- each order, parties numbered in the order of their ids, the orders of a list tied together.
-- Under the lock of the symbol. Reads only; returns the batch.
create or replace function matching.prepare_part(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch
) returns matching.batch
language plpgsql volatile
as $$
declare
  c_nothing constant matching.slot := row(null);
  v_count int := cardinality(p_batch.asked);
begin
  p_batch.found := row('{}', '{}', '{}', '{}')::matching.chunk;
  if p_batch.has_changes then
    p_batch := matching.find_targets(p_symbol, p_commands, p_batch);
  end if;
  p_batch := matching.fill_slots(p_now, p_commands, p_batch);
  if p_batch.has_amendments then
    p_batch.asked := matching.amend_terms(p_symbol, p_batch);
  end if;
  if p_batch.is_special and exists (
    select from unnest(p_commands) as c where c.only_if = 'NEW' and c.op in ('CANCEL', 'AMEND')
  ) then
    p_batch.asked := matching.bar_filled(p_symbol, p_batch);
  end if;
  if p_batch.is_special
    and exists (select from unnest(p_commands) as c where c.list_no is not null) then
    p_batch := matching.tie_lists(p_commands, p_batch);
  end if;

  -- The two empty slots from which the reading of each side of the book starts.
  p_batch.sort_prices := p_batch.sort_prices || (p_batch.found).sort_prices
    || array['-Infinity'::numeric, '-Infinity'];
  p_batch.priority_nos := array_fill(0::bigint, array[v_count]) || (p_batch.found).priority_nos
    || array[0::bigint, 0];
  p_batch.remaining := array_fill(0::numeric, array[v_count]) || (p_batch.found).remaining
    || array[0.0, 0.0];
  p_batch.slots := p_batch.slots || c_nothing || c_nothing;
  return p_batch;
end;
$$;
comment on function matching.prepare_part is
  'makes commands ready to match, with what of the market they name';
--! EndIncluded matching/prepare_part.sql
--! Included matching/record_events.sql
-- Writes the events of an outcome, dense by symbol: the trades, for each command that changed
-- something its closing event, and before it what it did to an order that stood.
-- Writes: matching.events.
create or replace function matching.record_events(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_batch matching.batch,
  p_outcome matching.outcome
) returns void
language plpgsql volatile
as $$
begin
  insert into matching.events (
    segment_id, symbol_id, seq, at, kind, order_id, participant_id, side, price, quantity,
    remaining, prior_price, prior_remaining, reason, visible_quantity, prior_visible_quantity
  )
  select
    p_symbol.segment_id, p_symbol.symbol_id, e.seq, p_now, e.kind, e.order_id, e.owner_id,
    case when e.is_buy then 'BUY'::matching.order_side_enum else 'SELL' end,
    case when e.kind not in ('PARKED', 'REJECTED') or not e.is_market then abs(e.sort_price) end,
    e.quantity, e.remaining, case when e.from_seq = e.seq then abs(e.from_price) end,
    case when e.from_seq = e.seq then e.from_remaining end,
    case
      when e.kind = 'AMENDED' and e.from_price is null then 'PARKED'
      when e.kind = 'AMENDED' then 'KEPT'
      when e.kind = 'PARKED' then e.pending::text
      when e.kind not in ('OPENED', 'FILLED') then coalesce(e.refusal::text, e.reason::text)
    end,
    e.visible, case when e.from_seq = e.seq then e.from_visible end
  from unnest(p_outcome.closings) as e
  where e.kind is not null;

  insert into matching.events (
    segment_id, symbol_id, seq, at, kind, order_id, participant_id, side, price, quantity,
    maker_order_id, maker_id, maker_remaining, maker_visible_quantity, maker_prior_visible_quantity
  )
  select
    p_symbol.segment_id, p_symbol.symbol_id, f.seq, p_now, 'TRADE', f.taker_order_id, f.taker_id,
    case when f.bought then 'BUY'::matching.order_side_enum else 'SELL' end, f.price, f.quantity,
    f.maker_order_id, f.maker_id, f.maker_remaining, f.maker_visible, f.maker_prior_visible
  from unnest(p_outcome.fills) as f;

  if exists (select from unnest(p_outcome.closings) as u where u.from_seq < u.seq) then
    perform matching.record_starts(p_symbol, p_now, p_batch, p_outcome);
  end if;
end;
$$;
comment on function matching.record_events is 'writes the events of an outcome';
--! EndIncluded matching/record_events.sql
--! Included matching/record_orders.sql
-- Writes the new orders of an outcome into orders, and what came to rest into the book. Returns the
-- others that it touched, those that stood before, for matching.update_standing: a setting of this
-- function would hold for what it calls, too.
-- Writes: matching.orders, matching.book. Under the lock of the symbol.
create or replace function matching.record_orders(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch,
  p_outcome matching.outcome
) returns matching.final_order[] -- those that stood before
language plpgsql volatile
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
declare
  v_seqs bigint[] := array(select coalesce(c.seq, 0) from unnest(p_outcome.closings) as c);
  v_first_id bigint := (select min(i.id) from unnest(p_batch.order_ids) as i (id));
  v_placed matching.chunk := matching.placed_slots(p_batch, p_outcome);
  v_standing matching.final_order[];
begin
  -- Commands and slots side by side, no join: that took 4 ms of 2,000 orders more.
  insert into matching.orders
  select
    p_symbol.segment_id, f.id, f.placed_at, p_symbol.symbol_id, f.owner_id, f.side, f.type,
    f.time_in_force,
    matching.status_of(f.remaining, f.filled, f.ended, f.refusal, f.pending),
    case when f.remaining > 0 then f.pending end, f.ended, f.refusal,
    case when f.pending is null or f.price is not null then abs(f.sort_price) end, f.size,
    f.filled, f.remaining, f.size - f.filled - f.prevented - f.remaining, f.paid, f.fee, f.seq,
    f.last_seq, p_now, f.client_order_id, f.idempotency_key, f.quote_quantity, f.stop_price,
    f.trigger_source, f.trailing_offset, f.trailing_bips, f.activation_price, f.limit_offset,
    f.post_only, f.slide, f.display, f.expire_at, coalesce(f.stp, p_symbol.default_stp), f.list_id,
    f.prevented
  from (
    select u.*, coalesce(p.quantity, 0) as prevented
    from rows from (
      unnest(p_commands), unnest(v_seqs, v_placed.sort_prices, v_placed.remaining),
      unnest(v_placed.slots)
    ) as u (
      op, client_id, side, type, time_in_force, price, quantity, client_order_id, idempotency_key,
      order_id, quote_quantity, stop_price, trigger_immediately, trigger_source, trailing_offset,
      trailing_bips, activation_price, limit_offset, post_only, slide, display_quantity, expire_at,
      stp, deadline, is_async, only_if, list_no, list_role, list_is_partial, end_reason,
      seq, sort_price, remaining,
      id, owner_id, party_no, size, hold, hold_before, fee_exact, fee, filled, paid, display,
      visible, list_id, pending, placed_at, book_tid, last_seq, ended, refusal, slot_type,
      slot_stp, is_post_only, is_sliding, expires_at, session_rule
    )
    left join matching.prevented_sums(p_outcome.prevented) as p
      on p.order_id = u.id
    where u.last_seq is not null
  ) as f;

  insert into matching.book
  select
    p_symbol.segment_id, p_symbol.symbol_id,
    case when f.sort_price < 0 then 'BUY'::matching.order_side_enum else 'SELL' end, f.sort_price,
    f.priority_no, f.order_id, f.owner_id, f.created_at, f.remaining, f.hold, f.fee_exact, f.fee,
    f.display, f.visible, f.list_id, f.expire_at, f.session_rule
  from rows from (
    unnest(v_placed.sort_prices, v_placed.priority_nos, v_placed.remaining), unnest(v_placed.slots)
  ) as f (sort_price, priority_no, remaining)
  where f.remaining > 0
    and f.last_seq is not null
    and f.pending is null;

  select array_agg(f)
  into v_standing
  from matching.final_orders(p_outcome) as f
  where (f.order_id < v_first_id) is not false;
  return v_standing;
end;
$$;
comment on function matching.record_orders is
  'writes the orders of an outcome, and what of them rests';
--! EndIncluded matching/record_orders.sql
--! Included matching/record_shortage.sql
-- Marks the lists whose exits were to get what their entry has traded, in a part of a batch, and go
-- on without, because it is not there to be held: it comes when the trades are settled [MAT-053].
-- The mark of a list that is tried again stays as it is. Writes: matching.order_lists. Under the
-- lock of the symbol.
create or replace function matching.record_shortage(
  p_symbol reference.symbols,
  p_batch matching.batch,
  p_outcome matching.outcome
) returns void
language plpgsql volatile
set enable_nestloop = on  -- few, and looked up by key
set enable_seqscan = off
as $$
begin
  if array_position(p_outcome.refusals, 'INSUFFICIENT_FUNDS') is null then
    return;
  end if;

  update matching.order_lists as l
  set funds_tried = '-Infinity'
  from (
    select
      (p_batch.slots[b.target]).list_id as list_id,
      (p_outcome.asked[b.n]).quantity as quantity,
      (p_outcome.asked[b.n]).op as op,
      (p_outcome.asked[b.n]).is_only_if_new as is_exit
    from unnest(p_outcome.refusals, p_batch.targets) with ordinality as b (refusal, target, n)
    where b.refusal = 'INSUFFICIENT_FUNDS'
  ) as r
  where l.segment_id = p_symbol.segment_id
    and l.list_id = r.list_id
    and l.funds_tried is null
    and (r.op = 'AMEND' or r.is_exit)
    and r.quantity = (
      select o.filled_quantity
      from matching.orders as o
      where o.segment_id = l.segment_id
        and o.order_id = l.entry_order_id
        and o.created_at = l.created_at
    );
end;
$$;
comment on function matching.record_shortage is 'marks the lists whose exits wait for their funds';
--! EndIncluded matching/record_shortage.sql
--! Included matching/record_times.sql
-- Writes how long orders are good since a batch amended that [MAT-044], and at first what they were
-- placed with, for the answer to a repeat [MAT-021].
-- Writes: matching.orders, matching.book, matching.parked_orders. Under the lock of the symbol.
create or replace function matching.record_times(
  p_symbol reference.symbols,
  p_commands matching.command[],
  p_outcome matching.outcome
) returns void
language plpgsql volatile
as $$
declare
  v_amended record;
begin
  for v_amended in
    select e.order_id, coalesce(c.time_in_force, 'GTD') as time_in_force, c.expire_at
    from (select u.*, row_number() over () as n from unnest(p_commands) as u) as c
    join (select u.*, row_number() over () as n from unnest(p_outcome.closings) as u) as e
      on e.n = c.n
    where c.op = 'AMEND'
      and num_nonnulls(c.time_in_force, c.expire_at) > 0
      and e.kind is not null
    order by c.n
  loop
    update matching.orders as o
    set first_expire_at = case when o.first_time_in_force is null
        then o.expire_at else o.first_expire_at end,
      first_time_in_force = coalesce(o.first_time_in_force, o.time_in_force),
      time_in_force = v_amended.time_in_force,
      expire_at = case when v_amended.time_in_force = 'GTD'
        then coalesce(v_amended.expire_at, o.expire_at) end
    where o.segment_id = p_symbol.segment_id
      and o.order_id = v_amended.order_id;
    update matching.book as b
    set expire_at = case when v_amended.time_in_force = 'GTD'
      then coalesce(v_amended.expire_at, b.expire_at) end
    where b.segment_id = p_symbol.segment_id
      and b.order_id = v_amended.order_id;
    update matching.parked_orders as k
    set time_in_force = v_amended.time_in_force,
      expire_at = case when v_amended.time_in_force = 'GTD'
        then coalesce(v_amended.expire_at, k.expire_at) end
    where k.segment_id = p_symbol.segment_id
      and k.order_id = v_amended.order_id;
  end loop;
end;
$$;
comment on function matching.record_times is 'writes how long orders are good that were amended';
--! EndIncluded matching/record_times.sql
--! Included matching/record_outcome.sql
-- Writes what came of a batch: orders, trades with their instructions, prevented matches, events.
-- Not the accounts: they come last, because others wait for them. Under the lock of the symbol.
create or replace function matching.record_outcome(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch,
  p_outcome matching.outcome
) returns void
language plpgsql volatile
as $$
declare
  v_standing matching.final_order[];
begin
  if p_batch.has_amendments then
    perform matching.record_shortage(p_symbol, p_batch, p_outcome);
  end if;
  if p_outcome.last_seq = p_state.last_seq then
    return;
  end if;
  v_standing := matching.record_orders(p_symbol, p_now, p_commands, p_batch, p_outcome);
  if v_standing is not null then
    perform matching.update_standing(p_symbol.segment_id, p_now, v_standing);
  end if;
  if matching.has_parked(p_batch, p_outcome, v_standing) then
    perform matching.record_parked(p_symbol, p_commands, p_outcome, v_standing);
  end if;
  if p_batch.is_special
    and exists (select from unnest(p_commands) as c where c.list_no is not null) then
    perform matching.record_lists(p_symbol, p_now, p_commands, p_batch);
  end if;
  if p_batch.has_amendments then
    perform matching.record_times(p_symbol, p_commands, p_outcome);
  end if;
  if p_outcome.fills is not null then
    perform matching.record_trades(p_symbol, p_now, p_outcome);
  end if;
  if p_outcome.prevented is not null then
    perform matching.record_prevented(p_symbol, p_now, p_outcome);
  end if;
  perform matching.record_events(p_symbol, p_now, p_batch, p_outcome);
end;
$$;
comment on function matching.record_outcome is
  'writes what came of a batch: orders, trades, instructions, events';
--! EndIncluded matching/record_outcome.sql
--! Included matching/refuse_terms.sql
-- Why an order must be refused for what only some orders say, or null: the first that holds, in the
-- order of matching.refusal [MAT-010]. Takes the command's terms: prices and offsets in quote per
-- base, quantities in base, quote_quantity in quote. Reads nothing.
create or replace function matching.refuse_terms(
  p_symbol reference.symbols,
  p_command matching.command
) returns matching.refusal
language plpgsql immutable parallel safe
as $$
declare
  c constant matching.command := p_command;
  v_trails boolean := c.type = 'TRAILING_STOP';
  v_stops boolean := c.type not in ('LIMIT', 'MARKET', 'TRAILING_STOP');
  v_rests boolean := c.type not in ('MARKET', 'STOP', 'TAKE_PROFIT', 'TRAILING_STOP')
    and c.time_in_force not in ('IOC', 'FOK');
begin
  return case
    when c.quantity is null and c.quote_quantity is null then 'QUANTITY_MISSING'::matching.refusal
    when c.quote_quantity is not null and (
      c.quantity is not null or c.type <> 'MARKET' or c.time_in_force in ('OPG', 'CLS')
    ) then 'QUANTITY_NOT_ALLOWED'
    when v_stops and c.stop_price is null then 'STOP_PRICE_MISSING'
    when not v_stops and c.stop_price is not null then 'STOP_PRICE_NOT_ALLOWED'
    when v_trails and num_nonnulls(c.trailing_offset, c.trailing_bips) <> 1
      then 'TRAILING_MISSING'
    when not v_trails and num_nonnulls(
      c.trailing_offset, c.trailing_bips, c.activation_price, c.limit_offset
    ) > 0 then 'TRAILING_NOT_ALLOWED'
    when c.post_only and (not v_rests or v_stops) or c.slide and c.post_only is not true
      then 'POST_ONLY_NOT_ALLOWED'
    when c.display_quantity is not null and (
      c.display_quantity > c.quantity or not v_rests or c.time_in_force not in ('GTC', 'GTD', 'DAY')
    ) then 'DISPLAY_NOT_ALLOWED'
    when (c.time_in_force = 'GTD') <> (c.expire_at is not null) then 'EXPIRE_AT'
    when c.stp <> all (p_symbol.allowed_stps) then 'STP_NOT_ALLOWED'
    when (c.list_no is null) <> (c.list_role is null) then 'BAD_LIST'
    when least(c.stop_price, c.activation_price, c.trailing_offset) <= 0
      or c.limit_offset < 0
      or c.stop_price % p_symbol.tick_size <> 0
      or c.activation_price % p_symbol.tick_size <> 0
      or c.trailing_offset % p_symbol.tick_size <> 0
      or c.limit_offset % p_symbol.tick_size <> 0 then 'STOP_PRICE_TICK'
    when c.display_quantity <= 0 or c.display_quantity % p_symbol.lot_size <> 0
      then 'DISPLAY_LOT'
    when c.quote_quantity <= 0 or c.quote_quantity < p_symbol.min_notional then 'MIN_NOTIONAL'
    when c.quote_quantity > p_symbol.max_notional then 'MAX_NOTIONAL'
    when c.trailing_bips not between p_symbol.min_trailing_bips and p_symbol.max_trailing_bips
      then 'TRAILING_DELTA'
    when ceil(c.quantity / c.display_quantity) > p_symbol.max_iceberg_parts then 'ICEBERG_PARTS'
  end;
end;
$$;
comment on function matching.refuse_terms is
  'why an order is refused for what only some orders say';
--! EndIncluded matching/refuse_terms.sql
--! Included matching/release_command.sql
-- The command by which the venue takes an order from where it is parked to be matched: as a limit
-- order at this price, as a market order when that is null. Takes the quantity in base that it has
-- by then. Reads nothing.
create or replace function matching.release_command(
  p_parked matching.parked_orders,
  p_client_id text,
  p_price numeric,
  p_quantity numeric
) returns matching.command
language sql immutable parallel safe
as $$
  select row(
    'RELEASE', p_client_id, p_parked.side, p_parked.type, p_parked.time_in_force, p_price,
    p_quantity, null, null, p_parked.order_id, p_parked.quote_quantity, null, null, null, null,
    null, null, null, p_parked.post_only, p_parked.slide,
    p_parked.display_quantity, p_parked.expire_at, p_parked.stp, null, null, null, null, null, null,
    null
  )::matching.command
$$;
comment on function matching.release_command is
  'the command by which the venue takes a parked order to be matched';
--! EndIncluded matching/release_command.sql
--! Included matching/set_status.sql
-- Sets the status of a symbol, so that it holds from the next batch on, and tells it in a PHASE
-- event. While it is not active no phase changes; when it becomes active again it goes where its
-- calendar says, or into a call of p_auction first. Delisted, it closes for good and all its orders
-- end [MAT-084].
-- Takes the symbol and its state as they are under the lock. Returns the changes of accounts, for
-- the caller to make. Writes: reference.symbols and all else that a batch writes.
-- Raises: STACT when the symbol is delisted.
create or replace function matching.set_status(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_status reference.symbol_status_enum,
  p_reason text,
  p_at timestamptz,
  p_auction interval default null
) returns ledger.account_change[]
language plpgsql volatile
as $$
declare
  v_symbol reference.symbols;
  v_due matching.executed;
  v_state matching.symbol_state;
  v_plan matching.phase_plan;
begin
  if p_symbol.status = 'DELISTED' then
    raise exception '% is delisted', p_symbol.symbol
      using errcode = 'STACT', hint = 'SYMBOL_NOT_ACTIVE', column = 'symbol';
  end if;

  v_due := matching.move_symbol(p_symbol, p_state, p_at, null);
  v_state := v_due.state;
  update reference.symbols as s
  set status = p_status,
    status_reason = p_reason
  where s.symbol_id = p_symbol.symbol_id
  returning s.* into v_symbol;

  v_plan := case
    when p_status = 'DELISTED' then
      row('CLOSED', 'DELISTED', null, 'infinity', 'infinity', 0)::matching.phase_plan
    when p_status = 'ACTIVE' and p_auction is not null then
      matching.plan_phase(v_symbol, 'CALL', p_at, 'RESUMED', p_at + p_auction)
    when p_status = 'ACTIVE' and p_symbol.status <> 'ACTIVE' then
      matching.calendar_plan(v_symbol, v_state, p_at, 'RESUMED')
    else row(
      v_state.phase, case p_status when 'MAINTENANCE' then 'CANCEL_ONLY' else p_status::text end,
      v_state.phase_next, v_state.phase_end_at, v_state.phase_until, v_state.extension_count
    )::matching.phase_plan end;
  if p_status = 'ACTIVE' and (p_auction is not null or p_symbol.calendar_id is null) then
    v_state.phase_until := 'infinity';  -- what passed while it was not active: the plan says it
  end if;
  v_state.next_due_at := matching.due_at(v_symbol, v_state);
  return ledger.add_changes(
    v_due.changes, (matching.move_symbol(v_symbol, v_state, p_at, v_plan)).changes
  );
end;
$$;
comment on function matching.set_status is 'sets the status of a symbol under its lock';
--! EndIncluded matching/set_status.sql
--! Included matching/sweep_symbol.sql
-- Does what is due at a symbol, in one transaction [MAT-065]. When the symbol is busy it does
-- nothing: whoever has its lock begins with what is due, or a next sweep finds it. Any number of
-- sweeps may run at once.
-- Returns whether there are new events.
-- Locks and writes: see matching.execute_due. Raises: STISO when not READ COMMITTED.
create or replace function matching.sweep_symbol(
  p_segment_id int,
  p_symbol_id int,
  p_now timestamptz
) returns boolean -- whether there are new events
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_lock_space constant int := 1;  -- as in matching.lock_symbol
  v_state matching.symbol_state;
  v_executed matching.executed;
begin
  if not pg_try_advisory_xact_lock(c_lock_space, p_symbol_id) then
    return false;
  end if;
  v_state := matching.lock_symbol(p_segment_id, p_symbol_id);
  if p_symbol_id not in (select d.id from matching.due_symbols(p_segment_id, p_now) as d (id)) then
    return false;
  end if;

  v_executed := matching.execute_due(p_segment_id, p_symbol_id, p_now);
  return (v_executed.state).last_seq > v_state.last_seq;
end;
$$;
comment on function matching.sweep_symbol is 'does what is due at a symbol, unless it is busy';
revoke execute on function matching.sweep_symbol from public;
grant execute on function matching.sweep_symbol to pgsettle_worker;
--! EndIncluded matching/sweep_symbol.sql
--! Included matching/watch_state.sql
-- The state of a symbol with the prices at which its nearest stop orders fire, or trailing ones
-- move; any price, while its band waits for a first one. Reads only.
create or replace function matching.watch_state(
  p_symbol reference.symbols,
  p_state matching.symbol_state
) returns matching.symbol_state
language plpgsql volatile
as $$
declare
  v_state matching.symbol_state := p_state;
begin
  select
    coalesce(min(case when w.is_up then w.stop_price end), 'Infinity'),
    coalesce(max(case when not w.is_up then w.stop_price end), '-Infinity')
  into v_state.fires_above, v_state.fires_below
  from matching.stop_orders_watchlist as w
  where w.segment_id = p_symbol.segment_id
    and w.symbol_id = p_symbol.symbol_id;

  -- A trailing one also moves: with a new extreme, or when it is activated.
  select
    least(v_state.fires_above, min(case
      when w.watermark_price is not null and w.side = 'SELL' then w.watermark_price
      when w.watermark_price is null and w.activation_is_up is not false
        then coalesce(w.activation_price, '-Infinity')
    end)),
    greatest(v_state.fires_below, max(case
      when w.watermark_price is not null and w.side = 'BUY' then w.watermark_price
      when w.watermark_price is null and w.activation_is_up is false then w.activation_price
    end))
  into v_state.fires_above, v_state.fires_below
  from matching.stop_orders_watchlist as w
  where w.segment_id = p_symbol.segment_id
    and w.symbol_id = p_symbol.symbol_id
    and w.type = 'TRAILING_STOP';
  if p_symbol.band_rate is not null and p_state.reference_price is null then
    v_state.fires_above := '-Infinity';
  end if;
  return v_state;
end;
$$;
comment on function matching.watch_state is
  'the state of a symbol with the prices at which stop orders fire';
--! EndIncluded matching/watch_state.sql
--! Included matching/take_step.sql
-- The next step of a symbol's time up to p_now: what is due before its phase ends, or that change
-- of phase, each at its own time [MAT-075]; or, when nothing is due any more, the change that is
-- asked for. With a reason in the step instead: the interruption of continuous trading [MAT-082].
-- Takes the step before, with what is to follow already: a change of phase drops the stop orders
-- that fired; they wait.
-- Writes: all that matching.enter_phase does. Under the lock of the symbol.
create or replace function matching.take_step(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_step matching.step
) returns matching.step
language plpgsql volatile
as $$
declare
  v_step matching.step := p_step;
  v_state matching.symbol_state := p_step.state;
  v_is_over boolean := p_symbol.status = 'ACTIVE' and v_state.phase_until <= p_now;
  v_plan matching.phase_plan := p_step.plan;
  v_outcome matching.outcome;
begin
  v_step.changes := null;
  if p_step.reason is not null then
    v_plan := matching.plan_phase(
      p_symbol, 'CALL', v_step.at, p_step.reason, v_step.at + p_symbol.band_auction_time
    );
  else
    v_step.at := case when v_is_over then greatest(v_state.phase_until, v_state.last_at)
      else p_now end;
    if p_symbol.band_rate is not null or v_state.band_low is not null then
      v_state := matching.roll_band(p_symbol, v_state, v_step.at, null);
      v_step.state := v_state;
    end if;
    v_step.queue.commands := matching.due_commands(p_symbol, v_state, v_step.at);
    v_step.is_more := v_is_over or v_plan.phase is not null;
    if (v_step.queue).commands <> '{}' then
      return v_step;
    elsif not v_step.is_more then
      v_step.state.next_due_at := matching.due_at(p_symbol, v_state);
      return v_step;
    elsif v_is_over then
      v_plan := matching.next_plan(p_symbol, v_state, v_step.at);
    else
      v_step.plan := null;
    end if;
  end if;

  -- When the batch is run again, what the calendar said and what was drawn [MAT-091].
  v_plan := coalesce(v_step.recorded[1 + cardinality(v_step.plans)], v_plan);
  v_step.plans := v_step.plans || v_plan;
  v_outcome := matching.enter_phase(p_symbol, v_state, v_step.at, v_plan);
  v_state := matching.phase_state(p_symbol, v_state, v_step.at, v_plan, v_outcome);
  perform matching.check_batch(p_symbol, v_state, v_outcome);
  v_step.reason := null;
  v_step.changes := matching.fund_changes(p_symbol, v_outcome);
  v_step.queue.stops := '{}';
  v_step.queue.is_over := false;
  v_step.queue := matching.follow_ups(
    p_symbol, v_state, v_step.at, v_outcome, v_step.queue
  );
  v_step.state := case when v_outcome.fills is null then v_state
    else matching.watch_state(p_symbol, v_state) end;
  if p_symbol.status = 'DELISTED' then
    v_step.queue.commands := array(
      select matching.cancel_command(k.order_id, 'DELISTED')
      from matching.parked_orders as k
      where k.segment_id = p_symbol.segment_id
        and k.symbol_id = p_symbol.symbol_id
      order by k.entry_seq
    );
  elsif p_step.reason is null then
    v_step.queue.commands := (v_step.queue).commands
      || matching.due_commands(p_symbol, v_state, v_step.at);
  end if;
  v_step.is_more := true;
  return v_step;
end;
$$;
comment on function matching.take_step is 'the next step of a symbol''s time';
--! EndIncluded matching/take_step.sql
--! Included matching/wanted_keys.sql
-- The keys that a batch's new orders come with, up to two each: who wants which key for which
-- order, and a hash of what is asked, so that another order under the same key is known. Reads
-- nothing.
create or replace function matching.wanted_keys(
  p_commands matching.command[],
  p_batch matching.batch
) returns table (
  n bigint,
  owner_id int,
  kind "char",
  client_key text,
  order_id bigint,
  fingerprint bigint
)
language plpgsql stable
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
  v_symbol_id bigint := (
    select i.id / c_ids_per_symbol from unnest(p_batch.order_ids) as i (id)
    where i.id is not null limit 1
  );
  -- What most ask for is hashed once.
  v_buy bigint := hashtextextended(concat_ws(' ', 'BUY', 'LIMIT', 'GTC', v_symbol_id), 0);
  v_sell bigint := hashtextextended(concat_ws(' ', 'SELL', 'LIMIT', 'GTC', v_symbol_id), 0);
  v_kinds "char"[] := case
    when exists (select from unnest(p_commands) as c where c.client_order_id is not null)
      then '{I,C}' else '{I}' end;
begin
  return query
  select
    c.n, c.owner_id, k.kind, w.client_key, c.new_id,
    hash_numeric_extended(
      coalesce(c.price, 0), hash_numeric_extended(coalesce(c.quantity, 0), case
        when c.type = 'LIMIT' and c.time_in_force = 'GTC' and c.client_order_id is null
          and not p_batch.is_special then case c.side when 'BUY' then v_buy else v_sell end
        else hashtextextended(
          concat_ws(' ', c.side, c.type, c.time_in_force, v_symbol_id, c.client_order_id),
          case when p_batch.is_special then matching.terms_hash(to_jsonb(c)) else 0 end
        )
      end)
    )
  from matching.command_rows(p_commands, p_batch, null) as c
  cross join unnest(v_kinds) as k (kind)
  cross join lateral (
    select case k.kind when 'I' then c.idempotency_key else c.client_order_id end as client_key
  ) as w
  where c.new_id is not null
    and w.client_key is not null;
end;
$$;
comment on function matching.wanted_keys is 'the keys that the new orders of a batch come with';
--! EndIncluded matching/wanted_keys.sql
--! Included ops/approve_withdrawal.sql
-- Pays out a withdrawal; see ledger.approve_withdrawal. Returns its journal.
-- Raises: NFWDR, IVOPR, RJSLF, STWDR.
create or replace function ops.approve_withdrawal(
  p_id bigint,
  p_by text,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns bigint -- journal id
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (ledger.approve_withdrawal(p_segment_id, p_id, p_by, p_now)).journal_id;
end;
$$;
comment on function ops.approve_withdrawal is
  'approve_withdrawal(id, by): pays out what another person asked for';
revoke execute on function ops.approve_withdrawal from public;
grant execute on function ops.approve_withdrawal to pgsettle_operator;
--! EndIncluded ops/approve_withdrawal.sql
--! Included settlement/prefunded.sql
-- What is still to settle of instructions whose amounts are held: what each side will give, and
-- get.
create or replace view settlement.prefunded as
select
  p.segment_id, p.instruction_id, p.buyer_id, p.seller_id, p.base_asset_id, p.quote_asset_id,
  p.quantity::numeric as quantity, p.notional::numeric as notional,
  p.buyer_fee::numeric as buyer_fee, p.seller_fee::numeric as seller_fee
from settlement.pending_instructions as p
union all
select
  w.segment_id, w.instruction_id, w.buyer_id, w.seller_id, w.base_asset_id, w.quote_asset_id,
  w.quantity - w.settled_quantity, w.notional - w.settled_notional,
  w.buyer_fee - w.settled_buyer_fee, w.seller_fee - w.settled_seller_fee
from settlement.waiting_instructions as w
where w.is_prefunded;
comment on view settlement.prefunded is 'what is still to settle and held for';
--! EndIncluded settlement/prefunded.sql
--! Included ops/v_holds.sql
-- Every hold with its cause: an open order, a trade that is not settled yet, or a withdrawal that
-- is not decided yet. Their sum by account is what the account holds.
create or replace view ops.v_holds as
select
  b.segment_id, b.participant_id,
  case b.side when 'BUY' then s.quote_asset_id else s.base_asset_id end as asset_id,
  'ORDER' as cause, b.order_id as cause_id, b.hold_amount as amount
from matching.book as b
join reference.symbols as s
  on s.symbol_id = b.symbol_id
union all
select
  k.segment_id, k.participant_id,
  case k.side when 'BUY' then s.quote_asset_id else s.base_asset_id end,
  'PARKED', k.order_id, k.hold_amount
from matching.parked_orders as k
join reference.symbols as s
  on s.symbol_id = k.symbol_id
where k.hold_amount > 0
union all
select
  i.segment_id, h.participant_id, h.asset_id, 'SETTLEMENT', i.instruction_id, h.amount
from settlement.prefunded as i
cross join lateral (
  values
    (i.buyer_id, i.quote_asset_id, i.notional + i.buyer_fee),
    (i.seller_id, i.base_asset_id, i.quantity)
) as h (participant_id, asset_id, amount)
union all
select w.segment_id, w.participant_id, w.asset_id, 'WITHDRAWAL', w.withdrawal_id, w.amount
from ledger.withdrawals as w
where w.status = 'PENDING';
comment on view ops.v_holds is 'every hold with its cause';
--! EndIncluded ops/v_holds.sql
--! Included ops/audit_balances.sql
-- Balances against their facts: posted = the sum of the account's entries; held = the sum of the
-- holds with a cause; unsettled in and out = what pending instructions will move; each asset sums
-- to zero. Returns what differs. Reads only.
create or replace function ops.audit_balances() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  with derived as (
    select
      d.segment_id, d.participant_id, d.asset_id, sum(d.posted) as posted, sum(d.held) as held,
      sum(d.due_in) as due_in, sum(d.due_out) as due_out
    from (
      select e.segment_id, e.participant_id, e.asset_id, e.amount, 0.0, 0.0, 0.0
      from ledger.entries as e
      union all
      select h.segment_id, h.participant_id, h.asset_id, 0, h.amount, 0,
        case when h.cause = 'SETTLEMENT' then h.amount else 0 end
      from ops.v_holds as h
      union all
      select i.segment_id, i.buyer_id, i.base_asset_id, 0, 0, i.quantity, 0
      from settlement.prefunded as i
      union all
      select i.segment_id, i.seller_id, i.quote_asset_id, 0, 0, i.notional - i.seller_fee, 0
      from settlement.prefunded as i
    ) as d (segment_id, participant_id, asset_id, posted, held, due_in, due_out)
    group by d.segment_id, d.participant_id, d.asset_id
  ), compared as (
    select
      coalesce(a.segment_id, d.segment_id) as segment_id,
      coalesce(a.participant_id, d.participant_id) as participant_id,
      coalesce(a.asset_id, d.asset_id) as asset_id,
      v.check_name, coalesce(v.kept, 0) as kept, coalesce(v.derived, 0) as derived
    from ledger.accounts as a
    full join derived as d
      on d.segment_id = a.segment_id
      and d.participant_id = a.participant_id
      and d.asset_id = a.asset_id
    cross join lateral (
      values
        ('balance posted', a.posted::numeric, d.posted),
        ('balance held', a.held, d.held),
        ('balance unsettled_in', a.unsettled_in, d.due_in),
        ('balance unsettled_out', a.unsettled_out, d.due_out)
    ) as v (check_name, kept, derived)
  )
  select c.check_name, p.client_id || ' ' || s.asset, c.kept::text, c.derived::text
  from compared as c
  join reference.participants as p
    on p.participant_id = c.participant_id
  join reference.assets as s
    on s.asset_id = c.asset_id
  where c.kept <> c.derived
  union all
  select 'asset sums to zero', s.asset, sum(a.posted)::text, '0'
  from ledger.accounts as a
  join reference.assets as s
    on s.asset_id = a.asset_id
  group by a.segment_id, s.asset
  having sum(a.posted) <> 0
$$;
comment on function ops.audit_balances is 'balances against their facts; returns what differs';
--! EndIncluded ops/audit_balances.sql
--! Included settlement/postings.sql
-- What each journal settled of each instruction: all of it, or a part.
create or replace view settlement.postings as
select
  s.segment_id, s.instruction_id, s.journal_id, s.buyer_id, s.seller_id, s.base_asset_id,
  s.quote_asset_id, s.quantity::numeric as quantity, s.notional::numeric as notional,
  s.buyer_fee::numeric as buyer_fee, s.seller_fee::numeric as seller_fee
from settlement.settled_instructions as s
where not exists (
  select
  from settlement.parts as p
  where p.segment_id = s.segment_id
    and p.instruction_id = s.instruction_id
)
union all
select
  p.segment_id, p.instruction_id, p.journal_id, i.buyer_id, i.seller_id, i.base_asset_id,
  i.quote_asset_id, p.quantity, p.notional, p.buyer_fee, p.seller_fee
from settlement.parts as p
join settlement.instructions as i
  on i.segment_id = p.segment_id
  and i.instruction_id = p.instruction_id;
comment on view settlement.postings is 'what each journal settled of each instruction';
--! EndIncluded settlement/postings.sql
--! Included ops/audit_journals.sql
-- Journals against their facts: each counts its transfers and names the instructions that it
-- settled; their numbers are dense. Returns what differs. Reads only.
create or replace function ops.audit_journals() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select 'journal transfers', j.journal_id::text, j.transfer_count::text, count(t.line_no)::text
  from ledger.journals as j
  left join ledger.transfers as t
    on t.segment_id = j.segment_id
    and t.journal_id = j.journal_id
  group by j.segment_id, j.journal_id, j.transfer_count
  having count(t.line_no) <> j.transfer_count
  union all
  select 'journal instructions', coalesce(j.journal_id, s.journal_id)::text,
    j.instruction_id::text, s.instruction_id::text
  from (
    select n.segment_id, n.journal_id, i.instruction_id
    from ledger.journals as n
    cross join lateral unnest(n.instruction_ids) as i (instruction_id)
  ) as j
  full join settlement.postings as s
    on s.segment_id = j.segment_id
    and s.journal_id = j.journal_id
    and s.instruction_id = j.instruction_id
  where j.instruction_id is null
    or s.instruction_id is null
  union all
  select 'journals dense', l.segment_id::text, l.last_finality_no::text, count(j.journal_id)::text
  from ledger.segment_state as l
  left join ledger.journals as j
    on j.segment_id = l.segment_id
  group by l.segment_id, l.last_finality_no
  having count(j.journal_id) <> l.last_finality_no
$$;
comment on function ops.audit_journals is 'journals against their facts; returns what differs';
--! EndIncluded ops/audit_journals.sql
--! Included ops/audit_parts.sql
-- What is final of instructions that settled in parts against those parts. Returns what differs.
-- Reads only.
create or replace function ops.audit_parts() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select 'settlement parts', i.instruction_id::text,
    concat_ws(' ', trim_scale(i.quantity), trim_scale(i.notional), trim_scale(i.buyer_fee),
      trim_scale(i.seller_fee)),
    concat_ws(' ', trim_scale(p.quantity), trim_scale(p.notional), trim_scale(p.buyer_fee),
      trim_scale(p.seller_fee))
  from (
    select
      s.segment_id, s.instruction_id, s.quantity::numeric as quantity,
      s.notional::numeric as notional, s.buyer_fee::numeric as buyer_fee,
      s.seller_fee::numeric as seller_fee
    from settlement.settled_instructions as s
    union all
    select
      n.segment_id, n.instruction_id, n.settled_quantity, n.settled_notional,
      n.settled_buyer_fee, n.settled_seller_fee
    from settlement.waiting_instructions as n
  ) as i
  join (
    select
      t.segment_id, t.instruction_id, sum(t.quantity) as quantity, sum(t.notional) as notional,
      sum(t.buyer_fee) as buyer_fee, sum(t.seller_fee) as seller_fee
    from settlement.parts as t
    group by t.segment_id, t.instruction_id
  ) as p
    on p.segment_id = i.segment_id
    and p.instruction_id = i.instruction_id
  where (i.quantity, i.notional, i.buyer_fee, i.seller_fee)
    <> (p.quantity, p.notional, p.buyer_fee, p.seller_fee)
$$;
comment on function ops.audit_parts is 'settlement in parts against its parts; what differs';
--! EndIncluded ops/audit_parts.sql
--! Included ops/audit_settlements.sql
-- Settlements against their facts: each trade has exactly one instruction, of the same parties and
-- amounts; each settled one has exactly its transfers, in the journal that settled it, a pending
-- one none. Returns what differs. Reads only.
create or replace function ops.audit_settlements() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select 'trade instruction', coalesce(t.trade_id, i.instruction_id)::text, i.terms, t.terms
  from (
    select
      d.segment_id, d.trade_id,
      concat_ws(' ', case d.taker_side when 'BUY' then d.taker_id else d.maker_id end,
        case d.taker_side when 'BUY' then d.maker_id else d.taker_id end,
        trim_scale(d.quantity::numeric), trim_scale(d.price * d.quantity),
        trim_scale(case d.taker_side when 'BUY' then d.taker_fee else d.maker_fee end),
        trim_scale(case d.taker_side when 'BUY' then d.maker_fee else d.taker_fee end)) as terms
    from matching.trades as d
  ) as t
  full join (
    select
      n.segment_id, n.instruction_id,
      concat_ws(' ', n.buyer_id, n.seller_id, trim_scale(n.quantity::numeric),
        trim_scale(n.notional), trim_scale(n.buyer_fee), trim_scale(n.seller_fee)) as terms
    from settlement.instructions as n
    where n.instruction_id > 1000000000000
  ) as i
    on i.segment_id = t.segment_id
    and i.instruction_id = t.trade_id
  where i.terms is distinct from t.terms
  union all
  select 'instruction settled once', i.instruction_id::text, count(*)::text, '1'
  from settlement.instructions as i
  group by i.segment_id, i.instruction_id
  having count(*) > 1
  union all
  select 'settlement transfers', coalesce(x.instruction_id, s.instruction_id)::text, x.amounts,
    s.amounts
  from (
    select
      t.segment_id, t.instruction_id,
      string_agg(concat_ws(' ', t.journal_id, t.kind, t.asset_id, t.debit_participant_id,
        t.credit_participant_id, trim_scale(t.amount::numeric)), ', '
        order by t.journal_id, t.kind) as amounts
    from ledger.transfers as t
    where t.instruction_id is not null
      and not exists (
        select
        from clearing.windows as w
        where w.segment_id = t.segment_id
          and w.journal_id = t.journal_id
      )
    group by t.segment_id, t.instruction_id
  ) as x
  full join (
    select
      i.segment_id, i.instruction_id,
      string_agg(concat_ws(' ', i.journal_id, l.kind, l.asset_id, l.debit_id, l.credit_id,
        trim_scale(l.amount::numeric)), ', ' order by i.journal_id, l.kind) as amounts
    from settlement.postings as i
    cross join lateral settlement.legs(
      i.base_asset_id, i.quote_asset_id, i.buyer_id, i.seller_id, i.quantity, i.notional,
      i.buyer_fee, i.seller_fee
    ) as l
    group by i.segment_id, i.instruction_id
  ) as s
    on s.segment_id = x.segment_id
    and s.instruction_id = x.instruction_id
  where x.amounts is distinct from s.amounts
$$;
comment on function ops.audit_settlements is
  'settlements against their facts; returns what differs';
--! EndIncluded ops/audit_settlements.sql
--! Included ops/audit_windows.sql
-- Settled windows against their facts: each account's net is the sum of the legs of the
-- instructions that the window took up, and what its journal posted; nets sum to zero. Returns what
-- differs. Reads only.
create or replace function ops.audit_windows() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  with kept as (
    select n.segment_id, n.window_id, n.participant_id, n.asset_id, sum(n.amount) as amount
    from clearing.nets as n
    group by n.segment_id, n.window_id, n.participant_id, n.asset_id
  ), owed as (
    select c.segment_id, c.netted_into as window_id, f.participant_id, l.asset_id,
      sum(f.amount) as amount
    from settlement.cancelled_instructions as c
    cross join lateral settlement.legs(
      c.base_asset_id, c.quote_asset_id, c.buyer_id, c.seller_id, c.quantity, c.notional,
      c.buyer_fee, c.seller_fee
    ) as l
    cross join lateral (
      values (l.debit_id, -l.amount), (l.credit_id, l.amount)
    ) as f (participant_id, amount)
    where c.netted_into is not null
    group by c.segment_id, c.netted_into, f.participant_id, l.asset_id
  ), posted as (
    select e.segment_id, w.window_id, e.participant_id, e.asset_id, sum(e.amount) as amount
    from clearing.windows as w
    join ledger.entries as e
      on e.segment_id = w.segment_id
      and e.journal_id = w.journal_id
    group by e.segment_id, w.window_id, e.participant_id, e.asset_id
  )
  select 'window net', concat_ws(' ', x.window_id, x.participant_id, x.asset_id),
    x.kept::text, x.derived::text
  from (
    select window_id, participant_id, asset_id, coalesce(k.amount, 0) as kept,
      coalesce(o.amount, 0) as derived
    from kept as k
    full join owed as o using (segment_id, window_id, participant_id, asset_id)
  ) as x
  where x.kept <> x.derived
  union all
  select 'window posting', concat_ws(' ', y.window_id, y.participant_id, y.asset_id),
    y.kept::text, y.derived::text
  from (
    select window_id, participant_id, asset_id, coalesce(k.amount, 0) as kept,
      coalesce(p.amount, 0) as derived
    from kept as k
    full join posted as p using (segment_id, window_id, participant_id, asset_id)
  ) as y
  where y.kept <> y.derived
$$;
comment on function ops.audit_windows is 'settled windows against their facts; what differs';
--! EndIncluded ops/audit_windows.sql
--! Included ops/audit_withdrawals.sql
-- Withdrawals against their facts: each that is posted has its transfer, and each such transfer its
-- withdrawal. Returns what differs. Reads only.
create or replace function ops.audit_withdrawals() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select
    'withdrawal transfer', coalesce(w.withdrawal_id, t.journal_id)::text,
    row(w.participant_id, w.asset_id, w.amount, w.decided_at)::text,
    row(t.debit_participant_id, t.asset_id, t.amount, t.posted_at)::text
  from (select v.* from ledger.withdrawals as v where v.status = 'POSTED') as w
  full join (select f.* from ledger.transfers as f where f.kind = 'WITHDRAWAL') as t
    on t.segment_id = w.segment_id
    and t.journal_id = w.journal_id
  where row(w.participant_id, w.asset_id, w.amount, w.decided_at)
    is distinct from row(t.debit_participant_id, t.asset_id, t.amount, t.posted_at)
  union all
  select 'withdrawal journal', min(w.withdrawal_id)::text, count(*)::text, '1'
  from ledger.withdrawals as w
  where w.journal_id is not null
  group by w.segment_id, w.journal_id
  having count(*) > 1
$$;
comment on function ops.audit_withdrawals is
  'withdrawals against their facts; returns what differs';
--! EndIncluded ops/audit_withdrawals.sql
--! Included ops/audit.sql
-- Re-derives what the venue keeps from the facts that it never changes, and returns what differs:
-- no rows is healthy. One statement a check, each in one snapshot. Reads only.
create or replace function ops.audit() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select a.* from ops.audit_balances() as a
  union all
  select a.* from ops.audit_orders() as a
  union all
  select a.* from ops.audit_book() as a
  union all
  select a.* from ops.audit_parked() as a
  union all
  select a.* from ops.audit_events() as a
  union all
  select a.* from ops.audit_settlements() as a
  union all
  select a.* from ops.audit_parts() as a
  union all
  select a.* from ops.audit_windows() as a
  union all
  select a.* from ops.audit_journals() as a
  union all
  select a.* from ops.audit_withdrawals() as a
$$;
comment on function ops.audit is
  'audit(): re-derives balances, holds, fills, book and settlements; no rows is healthy';
revoke execute on function ops.audit from public;
grant execute on function ops.audit to pgsettle_operator, pgsettle_auditor, pgsettle_worker;
--! EndIncluded ops/audit.sql
--! Included settlement/make_wait.sql
-- Takes instructions out of the line, to wait for something; those that are not in it are passed
-- over. The caller says until when. Writes: settlement.pending_instructions, waiting_instructions.
create or replace function settlement.make_wait(
  p_segment_id int,
  p_instruction_ids bigint[],
  p_reason settlement.pending_reason
) returns void
language sql volatile
as $$
  with gone as (
    delete from settlement.pending_instructions as i
    using reference.ids(p_segment_id, p_instruction_ids) as c
    where i.segment_id = c.segment_id
      and i.instruction_id = c.id
    returning i.*
  )
  insert into settlement.waiting_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, attempts, created_at, reason,
    next_attempt_at, due_at
  )
  select
    g.segment_id, g.instruction_id, g.symbol_id, g.buyer_id, g.seller_id, g.base_asset_id,
    g.quote_asset_id, g.quantity, g.notional, g.buyer_fee, g.seller_fee, g.value_date, g.attempts,
    g.created_at, p_reason, 'infinity', g.created_at
  from gone as g
$$;
comment on function settlement.make_wait is 'takes instructions out of the line, to wait';
--! EndIncluded settlement/make_wait.sql
--! Included settlement/find_waiting.sql
-- An instruction that is not final, locked, out of the line, and of its window, so that conditions
-- can be set on it.
-- Whoever settles it ends first. Returns its row.
-- Locks: its row. Writes: settlement.pending_instructions, waiting_instructions.
-- Raises: NFINS when there is none, STINS when it is settled or cancelled.
create or replace function settlement.find_waiting(
  p_segment_id int,
  p_instruction_id bigint,
  p_now timestamptz
) returns settlement.waiting_instructions
language plpgsql volatile
as $$
declare
  v_instruction settlement.waiting_instructions;
  v_status settlement.instruction_status;
begin
  perform settlement.make_wait(p_segment_id, array[p_instruction_id], 'LINKED');
  update settlement.waiting_instructions as i
  set is_conditional = true,
    netting_set = null,
    window_id = null,
    reason = case i.reason when 'NETTING' then 'LINKED' else i.reason end,
    next_attempt_at = greatest(p_now, i.due_at)
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id
  returning i.* into v_instruction;
  if found then
    return v_instruction;
  end if;

  select i.status into v_status
  from settlement.instructions as i
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id
    and i.status in ('SETTLED', 'CANCELLED');
  if found then
    raise exception 'instruction % is %', p_instruction_id, lower(v_status::text)
      using errcode = 'STINS',
        hint = case v_status when 'SETTLED' then 'ALREADY_SETTLED' else 'ALREADY_CANCELLED' end;
  end if;
  raise exception 'there is no instruction %', p_instruction_id
    using errcode = 'NFINS', hint = 'UNKNOWN_SETTLEMENT';
end;
$$;
comment on function settlement.find_waiting is 'an instruction that is not final, locked';
--! EndIncluded settlement/find_waiting.sql
--! Included settlement/cancel_instruction.sql
-- Cancels what is left of an instruction that no trade of the venue made, on the word of both its
-- sides. What is final of it stays. Locks: its row, links. Writes: settlement.waiting_instructions,
-- cancelled_instructions, links, events, ledger.waits.
-- Raises: NFINS, STINS; STTRD for a trade of the venue, which is locked in.
create or replace function settlement.cancel_instruction(
  p_segment_id int,
  p_instruction_id bigint,
  p_reason text,
  p_by text,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_instruction settlement.waiting_instructions :=
    settlement.find_waiting(p_segment_id, p_instruction_id, p_now);
begin
  if v_instruction.is_prefunded then
    raise exception 'instruction % is of a trade of the venue: it is locked in', p_instruction_id
      using errcode = 'STTRD', hint = 'LOCKED_IN';
  end if;

  delete from settlement.waiting_instructions as i
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id;
  delete from ledger.waits as w
  where w.segment_id = p_segment_id
    and w.waiter_id = p_instruction_id;
  insert into settlement.cancelled_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, attempts, created_at, cancelled_at,
    reason, cancelled_by
  )
  values (
    p_segment_id, p_instruction_id, v_instruction.symbol_id, v_instruction.buyer_id,
    v_instruction.seller_id, v_instruction.base_asset_id, v_instruction.quote_asset_id,
    v_instruction.quantity, v_instruction.notional, v_instruction.buyer_fee,
    v_instruction.seller_fee, v_instruction.value_date, v_instruction.attempts,
    v_instruction.created_at, p_now, p_reason, p_by
  );

  -- Nobody waits for what will not come.
  with gone as (
    delete from settlement.links as l
    where l.segment_id = p_segment_id
      and p_instruction_id in (l.instruction_id, l.other_id)
    returning l.instruction_id
  )
  update settlement.waiting_instructions as i
  set next_attempt_at = greatest(p_now, i.due_at)
  from gone as g
  where i.segment_id = p_segment_id
    and i.instruction_id = g.instruction_id
    and i.reason = 'LINKED';
  insert into settlement.instruction_events (segment_id, instruction_id, at, kind, detail)
  values (p_segment_id, p_instruction_id, p_now, 'CANCELLED', p_by || ': ' || p_reason);
end;
$$;
comment on function settlement.cancel_instruction is
  'cancels what is left of an instruction that no trade of the venue made';
--! EndIncluded settlement/cancel_instruction.sql
--! Included ops/cancel_settlement.sql
-- Cancels what is left of an instruction that no trade of the venue made, both sides having said
-- so. Raises: NFINS, STINS, STTRD.
create or replace function ops.cancel_settlement(
  p_id bigint,
  p_reason text,
  p_by text default session_user,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform settlement.cancel_instruction(p_segment_id, p_id, p_reason, p_by, p_now);
end;
$$;
comment on function ops.cancel_settlement is
  'cancel_settlement(id, reason): cancels an instruction that no trade of the venue made';
revoke execute on function ops.cancel_settlement from public;
grant execute on function ops.cancel_settlement to pgsettle_operator;
--! EndIncluded ops/cancel_settlement.sql
--! Included ops/chain_lines.sql
-- The lines of a journal beside its transfers, by line number: what is kept of a line (its place in
-- the digest and its mark; null where the journal has none) and the content of the transfer that
-- stands there (null where none does, a zero where it has another time than its journal).
-- Reads only. PL/pgSQL takes the marks from the disk once, not once a line.
create or replace function ops.chain_lines(
  p_segment_id int,
  p_journal_id bigint,
  p_posted_at timestamptz,
  p_line_nos int[],
  p_line_marks bytea
) returns table (
  line_no int,
  place_no int,
  mark bytea,
  content bytea
)
language plpgsql stable
as $$
begin
  return query
  select
    coalesce(k.line_no, t.line_no), k.place_no::int,
    substr(p_line_marks, k.place_no::int * 4 - 3, 4), t.content
  from unnest(p_line_nos) with ordinality as k (line_no, place_no)
  full join (
    select
      f.line_no,
      case
        when f.posted_at = p_posted_at then ledger.transfer_content(
          f.kind, f.asset_id, f.debit_participant_id, f.credit_participant_id, f.amount,
          f.instruction_id
        )
        else '\x00'::bytea
      end as content
    from ledger.transfers as f
    where f.segment_id = p_segment_id
      and f.journal_id = p_journal_id
  ) as t
    on t.line_no = k.line_no;
end;
$$;
comment on function ops.chain_lines is 'the lines of a journal beside its transfers';
--! EndIncluded ops/chain_lines.sql
--! Included ops/chain_changes.sql
-- What was changed in a journal whose link is not right: the lines that are not those it was
-- linked over, or no line where it is the journal itself. Reads only.
create or replace function ops.chain_changes(
  p_segment_id int,
  p_journal_id bigint
) returns table (
  line_no int,
  problem text
)
language sql stable
as $$
  with lines as materialized (
    select l.line_no, l.mark, l.content, ledger.line_mark(l.content) as made_mark
    from ledger.journals as j
    cross join lateral ops.chain_lines(
      j.segment_id, j.journal_id, j.posted_at, j.line_nos, j.line_marks || ''
    ) as l
    where j.segment_id = p_segment_id
      and j.journal_id = p_journal_id
  ), changed as (
    select
      l.line_no,
      case
        when l.content is null then 'missing'
        when l.mark is null then 'added'
        when exists (select from lines as o where o.mark = l.made_mark and o.line_no <> l.line_no)
          then 'reordered'
        else 'altered'
      end as problem
    from lines as l
    where l.made_mark is distinct from l.mark
  )
  select c.line_no, c.problem
  from changed as c
  union all
  select null, 'altered'
  where not exists (select from changed)
$$;
comment on function ops.chain_changes is 'what was changed in a journal whose link is not right';
--! EndIncluded ops/chain_changes.sql
--! Included ops/chain_export.sql
-- The chain of journals as lines of text, for app/verify-chain.mjs, which needs nothing else
-- [LED-010]: of each journal
-- `journal NUMBER LINK MARKS LINES (segment,journal,kind,microseconds,count,instructions)`
-- and of each of its transfers
-- `transfer LINE KIND ASSET DEBIT CREDIT AMOUNT INSTRUCTION MICROSECONDS`;
-- behind them `orphan JOURNAL LINE` and `end NUMBER LINK`. Reads only.
create or replace function ops.chain_export(
  p_segment_id int default 1
) returns setof text
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select e.line
  from (
    select
      j.finality_no, 0, 0,
      concat_ws(' ', 'journal', j.finality_no, encode(j.link, 'hex'),
        'x' || encode(j.line_marks, 'hex'), 'n' || array_to_string(j.line_nos, ','),
        row(j.segment_id, j.journal_id, j.kind, (extract(epoch from j.posted_at) * 1000000)::bigint,
          j.transfer_count, j.instruction_ids)::text)
    from ledger.journals as j
    where j.segment_id = p_segment_id
    union all
    select
      j.finality_no, case when j.journal_id is null then 2 else 1 end, t.line_no,
      case
        when j.journal_id is null then concat_ws(' ', 'orphan', t.journal_id, t.line_no)
        else concat_ws(' ', 'transfer', t.line_no, t.kind, t.asset_id, t.debit_participant_id,
          t.credit_participant_id, t.amount, coalesce(t.instruction_id, 0),
          (extract(epoch from t.posted_at) * 1000000)::bigint)
      end
    from ledger.transfers as t
    left join ledger.journals as j
      on j.segment_id = t.segment_id
      and j.journal_id = t.journal_id
    where t.segment_id = p_segment_id
    union all
    select null, 3, 0, concat_ws(' ', 'end', s.last_finality_no, 'x' || encode(s.last_link, 'hex'))
    from ledger.segment_state as s
    where s.segment_id = p_segment_id
  ) as e (finality_no, part, line_no, line)
  order by e.finality_no nulls last, e.part, e.line_no
$$;
comment on function ops.chain_export is
  'chain_export(): journals and transfers as text, for node app/verify-chain.mjs FILE';
revoke execute on function ops.chain_export from public;
grant execute on function ops.chain_export to pgsettle_operator, pgsettle_auditor;
--! EndIncluded ops/chain_export.sql
--! Included ops/chain_journals.sql
-- Every journal with its link made again, from the link before it and from what stands there now
-- [LED-010]: whether that is its link, or null where the one before it is missing; whether its
-- lines have their marks. A link that was itself altered is not held against the next journal,
-- which was linked to the right one. Reads only.
create or replace function ops.chain_journals(
  p_segment_id int
) returns table (
  finality_no bigint,
  journal_id bigint,
  previous_no bigint,
  is_linked boolean,
  is_marked boolean
)
language sql stable
as $$
  with made as materialized (
    select
      j.finality_no, j.journal_id, j.link,
      coalesce(lag(j.finality_no) over w, 0) as previous_no,
      case when j.finality_no = 1 then '' else lag(j.link) over w end as previous_link,
      ledger.journal_digest(
        j.segment_id, j.journal_id, j.kind, j.posted_at, j.transfer_count, j.instruction_ids,
        row(j.line_nos, null, m.digest)::ledger.journal_lines
      ) as digest,
      m.is_marked and length(j.line_marks) = cardinality(j.line_nos) * 4 as is_marked
    from ledger.journals as j
    cross join lateral (
      select
        sha256(coalesce(string_agg(l.content, '' order by l.place_no), '')) as digest,
        coalesce(
          bool_and(ledger.line_mark(l.content) is not distinct from l.mark), true
        ) as is_marked
      from ops.chain_lines(
        j.segment_id, j.journal_id, j.posted_at, j.line_nos, j.line_marks || ''
      ) as l
    ) as m
    where j.segment_id = p_segment_id
    window w as (order by j.finality_no)
  ), linked as (
    select
      m.*, ledger.next_link(m.previous_link, m.finality_no, m.digest) as made_link
    from made as m
  ), beside as (
    select n.*, lag(n.made_link) over (order by n.finality_no) as made_before
    from linked as n
  )
  select
    b.finality_no, b.journal_id, b.previous_no,
    case
      when b.previous_no = b.finality_no - 1
        then b.link = b.made_link or coalesce(
          b.link = ledger.next_link(b.made_before, b.finality_no, b.digest), false
        )
    end,
    b.is_marked
  from beside as b
$$;
comment on function ops.chain_journals is
  'every journal, and whether its link and its marks are right';
--! EndIncluded ops/chain_journals.sql
--! Included ops/close_window.sql
-- Closes the open window of a netting set; a worker settles it. Returns its id, null for none.
create or replace function ops.close_window(
  p_netting_set text,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns bigint
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return clearing.close_window(p_segment_id, p_netting_set, p_now);
end;
$$;
comment on function ops.close_window is
  'close_window(set): closes the open window of a netting set; a worker settles it';
revoke execute on function ops.close_window from public;
grant execute on function ops.close_window to pgsettle_operator;
--! EndIncluded ops/close_window.sql
--! Included ops/create_netting_set.sql
-- Makes a set of symbols that settle in windows. NET: assets and cash by net; NET_CASH: assets by
-- trade, cash by net. MULTILATERAL: each with all others; BILATERAL: each pair by itself. Windows
-- close after window_length, null: by close_window().
--   select create_netting_set('equities', 'NET', 'MULTILATERAL', '1 hour');
-- Raises: STNET, IVNET.
create or replace function ops.create_netting_set(
  p_netting_set text,
  p_mode text default 'NET',
  p_scope text default 'MULTILATERAL',
  p_window_length interval default null,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into clearing.netting_sets (
    segment_id, netting_set, mode, scope, window_length, created_at
  )
  values (
    p_segment_id, p_netting_set, upper(p_mode)::clearing.netting_mode,
    upper(p_scope)::clearing.netting_scope, p_window_length, p_now
  );
exception
  when unique_violation then
    raise exception 'there is a netting set % already', p_netting_set
      using errcode = 'STNET', hint = 'NETTING_SET_EXISTS', column = 'netting_set';
  when data_exception or integrity_constraint_violation then
    raise exception 'a netting set cannot be %, % %', p_netting_set, p_mode, p_scope
      using errcode = 'IVNET', hint = 'BAD_NETTING_SET';
end;
$$;
comment on function ops.create_netting_set is
  'create_netting_set(name, mode, scope, window_length): symbols that are netted together';
revoke execute on function ops.create_netting_set from public;
grant execute on function ops.create_netting_set to pgsettle_operator;
--! EndIncluded ops/create_netting_set.sql
--! Included ops/explain_net.sql
-- What makes up a net: every trade and fee, with how often it failed before; the amounts add up to
-- the net exactly. Reads only.
create or replace function ops.explain_net(
  p_net_id bigint,
  p_segment_id int default 1
) returns table (
  instruction_id bigint,
  traded_at timestamptz,
  value_date date,
  kind ledger.transfer_kind,
  counterparty text,
  amount numeric,
  fails int
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    c.instruction_id, c.created_at, c.value_date, l.kind, p.client_id,
    case when l.credit_id = n.participant_id then l.amount else -l.amount end, c.attempts - 1
  from clearing.nets as n
  join settlement.cancelled_instructions as c
    on c.segment_id = n.segment_id
    and c.netted_into = n.window_id
  cross join lateral settlement.legs(
    c.base_asset_id, c.quote_asset_id, c.buyer_id, c.seller_id, c.quantity, c.notional,
    c.buyer_fee, c.seller_fee
  ) as l
  join reference.participants as p
    on p.participant_id = case when l.credit_id = n.participant_id then l.debit_id
      else l.credit_id end
  where n.segment_id = p_segment_id
    and n.net_id = p_net_id
    and l.asset_id = n.asset_id
    and n.participant_id in (l.debit_id, l.credit_id)
    and coalesce(n.counterparty_id = p.participant_id, true)
  order by c.value_date, c.instruction_id, l.leg_no
$$;
comment on function ops.explain_net is
  'explain_net(net): every trade, fee and earlier fail that makes up a net';
revoke execute on function ops.explain_net from public;
grant execute on function ops.explain_net to pgsettle_operator, pgsettle_auditor;
--! EndIncluded ops/explain_net.sql
--! Included reference/is_buyer.sql
-- Whether a word names the buyer of a trade, and not its seller. Raises IVSID for another word.
create or replace function reference.is_buyer(
  p_side text
) returns boolean
language plpgsql immutable
as $$
begin
  case upper(p_side)
    when 'BUYER' then return true;
    when 'SELLER' then return false;
    else
      raise exception 'a side is BUYER or SELLER, not %', p_side
        using errcode = 'IVSID', hint = 'BAD_SIDE', column = 'side';
  end case;
end;
$$;
comment on function reference.is_buyer is 'whether a word names the buyer of a trade';
--! EndIncluded reference/is_buyer.sql
--! Included settlement/next_open.sql
-- When these assets settle next: now, or when the next business day begins on which no cut-off of
-- either has passed [SET-010]. The end of days is never: null. Reads only.
create or replace function settlement.next_open(
  p_asset_ids int[],
  p_now timestamptz
) returns timestamptz
language sql stable
as $$
  select coalesce(max(case
    when l.is_open then p_now
    else reference.add_business_days(c.calendar_id, l.local_date + 1, 0)::timestamp
      at time zone k.time_zone end), p_now)
  from reference.cut_offs as c
  join reference.calendars as k
    on k.calendar_id = c.calendar_id
  cross join lateral (
    select
      (p_now at time zone k.time_zone)::date as local_date,
      reference.is_business_day(c.calendar_id, (p_now at time zone k.time_zone)::date)
        and (p_now at time zone k.time_zone)::time < c.cut_off as is_open
  ) as l
  where c.asset_id = any (p_asset_ids)
$$;
comment on function settlement.next_open is 'when assets settle next, by their cut-offs';
--! EndIncluded settlement/next_open.sql
--! Included settlement/unmet_reason.sql
-- What an instruction waits for, apart from money and assets: its date, a side that holds it, the
-- cut-off of its assets, another instruction; null for nothing. Reads only.
create or replace function settlement.unmet_reason(
  p_instruction settlement.waiting_instructions,
  p_now timestamptz
) returns settlement.pending_reason
language sql stable
as $$
  select case
    when p_instruction.due_at > p_now then 'FUTURE_DATE'::settlement.pending_reason
    when p_instruction.seller_released <= p_instruction.settled_quantity then 'ON_HOLD_PARTY'
    when p_instruction.buyer_released <= p_instruction.settled_quantity
      then 'ON_HOLD_COUNTERPARTY'
    when settlement.next_open(
      array[p_instruction.base_asset_id, p_instruction.quote_asset_id], p_now
    ) > p_now then 'CUTOFF'
    when exists (
      select
      from settlement.links as l
      where l.segment_id = p_instruction.segment_id
        and l.instruction_id = p_instruction.instruction_id
        and l.link = 'AFTER'
        and not exists (
          select
          from settlement.settled_instructions as s
          where s.segment_id = l.segment_id
            and s.instruction_id = l.other_id
        )
    ) then 'LINKED' end
$$;
comment on function settlement.unmet_reason is 'what an instruction waits for, but funds';
--! EndIncluded settlement/unmet_reason.sql
--! Included settlement/release_instruction.sql
-- Says how much more of an instruction a side lets settle: 0 holds it, null releases all of it.
-- What is final stays so. Returns its row. Either side may hold again what is not final yet
-- [SET-011]. Takes the quantity in base, a multiple of the symbol's lot.
-- Locks: its row. Writes: settlement.waiting_instructions, events.
-- Raises: NFINS, STINS, IVQTY for a quantity that is not a multiple of the lot, or more than is
-- left.
create or replace function settlement.release_instruction(
  p_segment_id int,
  p_instruction_id bigint,
  p_is_buyer boolean,
  p_quantity numeric,
  p_now timestamptz
) returns settlement.waiting_instructions
language plpgsql volatile
as $$
declare
  v_instruction settlement.waiting_instructions :=
    settlement.find_waiting(p_segment_id, p_instruction_id, p_now);
  v_lot_size numeric;
  v_released numeric := v_instruction.settled_quantity + p_quantity;
begin
  select s.lot_size into strict v_lot_size
  from reference.symbols as s
  where s.symbol_id = v_instruction.symbol_id;

  if p_quantity is not null and (
    p_quantity >= 0 and p_quantity % v_lot_size = 0 and v_released <= v_instruction.quantity
  ) is not true then
    raise exception 'of instruction % at most % can be released, in lots of %, not %',
      p_instruction_id, v_instruction.quantity - v_instruction.settled_quantity, v_lot_size,
      p_quantity using errcode = 'IVQTY', hint = 'BAD_QUANTITY', column = 'quantity';
  end if;

  update settlement.waiting_instructions as i
  set buyer_released = case when p_is_buyer then v_released else i.buyer_released end,
    seller_released = case when p_is_buyer then i.seller_released else v_released end
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id;
  update settlement.waiting_instructions as i
  set reason = case when i.status = 'FAILED' then i.reason
    else coalesce(settlement.unmet_reason(i, p_now), i.reason) end
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id
  returning i.* into v_instruction;

  insert into settlement.instruction_events (segment_id, instruction_id, at, kind, detail)
  values (
    p_segment_id, p_instruction_id, p_now, case when p_quantity = 0 then 'HELD' else 'RELEASED' end,
    concat_ws(' ', case when p_is_buyer then 'BUYER' else 'SELLER' end, nullif(p_quantity, 0))
  );
  return v_instruction;
end;
$$;
comment on function settlement.release_instruction is
  'says how much of an instruction a side lets settle: 0 holds it, null releases all';
--! EndIncluded settlement/release_instruction.sql
--! Included ops/hold_settlement.sql
-- Stops an instruction on the word of one side, BUYER or SELLER, until that side releases it.
-- Raises: NFINS, STINS, IVSID.
create or replace function ops.hold_settlement(
  p_id bigint,
  p_side text,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns settlement.instruction_status
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (settlement.release_instruction(
    p_segment_id, p_id, reference.is_buyer(p_side), 0, p_now
  )).status;
end;
$$;
comment on function ops.hold_settlement is
  'hold_settlement(id, side): stops an instruction on the word of its buyer or seller';
revoke execute on function ops.hold_settlement from public;
grant execute on function ops.hold_settlement to pgsettle_operator;
--! EndIncluded ops/hold_settlement.sql
--! Included ops/instruct.sql
-- Takes in a settlement instruction that no trade of the venue made; see clearing.instruct.
--   select instruct('BTC-USD', 'client-A', 'client-B', 1.5, 60000);
-- Returns its id. Raises: NFSYM, NFPAR, IVAMT, IVPAR, IVPRI.
create or replace function ops.instruct(
  p_symbol text,
  p_seller text,
  p_buyer text,
  p_quantity numeric,
  p_amount numeric,
  p_value_date date default null,
  p_priority int default 4,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns bigint
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return clearing.instruct(
    reference.get_symbol(p_segment_id, p_symbol),
    (reference.get_participant(p_seller)).participant_id,
    (reference.get_participant(p_buyer)).participant_id,
    p_quantity, p_amount, p_value_date, p_priority, p_now
  );
end;
$$;
comment on function ops.instruct is
  'instruct(symbol, seller, buyer, quantity, amount): settles a trade that was done elsewhere';
revoke execute on function ops.instruct from public;
grant execute on function ops.instruct to pgsettle_operator;
--! EndIncluded ops/instruct.sql
--! Included settlement/link_instructions.sql
-- Links two instructions that are not final: AFTER settles the first once the other has settled,
-- WITH settles both in one journal or neither [SET-008].
-- Locks: both rows, in the order of their ids. Writes: settlement.links, waiting_instructions.
-- Raises: NFINS, STINS; STLNK when the link would make one wait for itself, or is to itself.
create or replace function settlement.link_instructions(
  p_segment_id int,
  p_instruction_id bigint,
  p_link settlement.link_kind,
  p_other_id bigint,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
begin
  perform settlement.find_waiting(p_segment_id, least(p_instruction_id, p_other_id), p_now);
  perform settlement.find_waiting(p_segment_id, greatest(p_instruction_id, p_other_id), p_now);

  if p_instruction_id = p_other_id or exists (
    with recursive needed as (
      select p_other_id as id, p_link = 'AFTER' as is_after
      union
      select l.other_id, n.is_after or l.link = 'AFTER'
      from needed as n
      join settlement.links as l
        on l.segment_id = p_segment_id
        and l.instruction_id = n.id
    )
    select from needed as n where n.id = p_instruction_id and n.is_after
  ) or p_link = 'WITH' and exists (
    with recursive needed as (
      select p_instruction_id as id, false as is_after
      union
      select l.other_id, n.is_after or l.link = 'AFTER'
      from needed as n
      join settlement.links as l
        on l.segment_id = p_segment_id
        and l.instruction_id = n.id
    )
    select from needed as n where n.id = p_other_id and n.is_after
  ) then
    raise exception 'instruction % would wait for itself', p_instruction_id
      using errcode = 'STLNK', hint = 'LINK_CYCLE';
  end if;

  insert into settlement.links (segment_id, instruction_id, link, other_id)
  select p_segment_id, v.id, p_link, v.other_id
  from (
    values (p_instruction_id, p_other_id, true), (p_other_id, p_instruction_id, p_link = 'WITH')
  ) as v (id, other_id, stands)
  where v.stands
  on conflict (segment_id, instruction_id, other_id) do update set link = excluded.link;

  insert into settlement.instruction_events (segment_id, instruction_id, at, kind, detail)
  values (p_segment_id, p_instruction_id, p_now, 'LINKED', p_link || ' ' || p_other_id);
end;
$$;
comment on function settlement.link_instructions is 'links two instructions: AFTER or WITH';
--! EndIncluded settlement/link_instructions.sql
--! Included ops/link_settlements.sql
-- Settles an instruction BEFORE or AFTER another, or WITH it, both or neither.
-- Raises: NFINS, STINS, STLNK, IVLNK.
create or replace function ops.link_settlements(
  p_id bigint,
  p_link text,
  p_other_id bigint,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  case upper(p_link)
    when 'AFTER' then
      perform settlement.link_instructions(p_segment_id, p_id, 'AFTER', p_other_id, p_now);
    when 'BEFORE' then
      perform settlement.link_instructions(p_segment_id, p_other_id, 'AFTER', p_id, p_now);
    when 'WITH' then
      perform settlement.link_instructions(p_segment_id, p_id, 'WITH', p_other_id, p_now);
    else
      raise exception 'a link is BEFORE, AFTER or WITH, not %', p_link
        using errcode = 'IVLNK', hint = 'BAD_LINK', column = 'link';
  end case;
end;
$$;
comment on function ops.link_settlements is
  'link_settlements(id, link, other): settles one BEFORE, AFTER or WITH another';
revoke execute on function ops.link_settlements from public;
grant execute on function ops.link_settlements to pgsettle_operator;
--! EndIncluded ops/link_settlements.sql
--! Included ops/preview_netting.sql
-- What a window would settle now: each net, what is available for it besides what is held, what is
-- missing, and whether its owner would be left out. Changes nothing. Amounts in the asset.
create or replace function ops.preview_netting(
  p_window_id bigint,
  p_segment_id int default 1
) returns table (
  client_id text,
  asset text,
  net numeric,
  available numeric,
  gap numeric,
  fails boolean
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    p.client_id, s.asset, trim_scale(sum(n.amount)),
    trim_scale(coalesce(max(a.posted - a.held), 0)), trim_scale(coalesce(max(g.gap), 0)),
    max(g.gap) is not null
  from clearing.window_nets(p_segment_id, p_window_id) as n
  join reference.participants as p
    on p.participant_id = n.participant_id
  join reference.assets as s
    on s.asset_id = n.asset_id
  left join ledger.accounts as a
    on a.segment_id = p_segment_id
    and a.participant_id = n.participant_id
    and a.asset_id = n.asset_id
  left join clearing.funding_gaps(p_segment_id, p_window_id) as g
    on g.participant_id = n.participant_id
    and g.asset_id = n.asset_id
  group by p.client_id, s.asset
  order by p.client_id, s.asset
$$;
comment on function ops.preview_netting is
  'preview_netting(window): nets, what is missing for them, and who would fail; changes nothing';
revoke execute on function ops.preview_netting from public;
grant execute on function ops.preview_netting to pgsettle_operator, pgsettle_auditor;
--! EndIncluded ops/preview_netting.sql
--! Included ops/reject_withdrawal.sql
-- Rejects a withdrawal; see ledger.reject_withdrawal. Raises: NFWDR, IVOPR, IVRSN, STWDR.
create or replace function ops.reject_withdrawal(
  p_id bigint,
  p_by text,
  p_reason text,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform ledger.reject_withdrawal(p_segment_id, p_id, p_by, p_reason, p_now);
end;
$$;
comment on function ops.reject_withdrawal is
  'reject_withdrawal(id, by, reason): gives back what was held for it';
revoke execute on function ops.reject_withdrawal from public;
grant execute on function ops.reject_withdrawal to pgsettle_operator;
--! EndIncluded ops/reject_withdrawal.sql
--! Included ops/release_settlement.sql
-- Lets an instruction settle again on the word of one side, BUYER or SELLER: all of it, or so much
-- more, in base. Raises: NFINS, STINS, IVSID, IVQTY.
create or replace function ops.release_settlement(
  p_id bigint,
  p_side text,
  p_quantity numeric default null,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns settlement.instruction_status
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (settlement.release_instruction(
    p_segment_id, p_id, reference.is_buyer(p_side), p_quantity, p_now
  )).status;
end;
$$;
comment on function ops.release_settlement is
  'release_settlement(id, side, quantity): lets an instruction settle again, all or so much';
revoke execute on function ops.release_settlement from public;
grant execute on function ops.release_settlement to pgsettle_operator;
--! EndIncluded ops/release_settlement.sql
--! Included settlement/set_cut_off.sql
-- Says until what local time of a business day an asset settles; no calendar: at any time.
-- Writes: reference.cut_offs. Raises: IVCUT for a calendar without a time.
create or replace function settlement.set_cut_off(
  p_asset_id int,
  p_calendar_id int,
  p_cut_off time
) returns void
language plpgsql volatile
as $$
begin
  delete from reference.cut_offs as c
  where c.asset_id = p_asset_id;
  if p_calendar_id is null then
    return;
  end if;

  if p_cut_off is null then
    raise exception 'a cut-off has a time' using errcode = 'IVCUT', hint = 'BAD_CUT_OFF';
  end if;
  insert into reference.cut_offs (asset_id, calendar_id, cut_off)
  values (p_asset_id, p_calendar_id, p_cut_off);
end;
$$;
comment on function settlement.set_cut_off is 'says until what time of a day an asset settles';
--! EndIncluded settlement/set_cut_off.sql
--! Included ops/set_cut_off.sql
-- Says until what local time of a business day an asset settles: later, it does on the next one.
-- Null for the calendar: at any time.
--   select set_cut_off('USD', 'NYSE', '16:00');
-- Raises: NFAST, NFCAL, IVCUT.
create or replace function ops.set_cut_off(
  p_asset text,
  p_calendar text,
  p_cut_off time
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform settlement.set_cut_off(
    (reference.get_asset(p_asset)).asset_id,
    case when p_calendar is not null then (reference.get_calendar(p_calendar)).calendar_id end,
    p_cut_off
  );
end;
$$;
comment on function ops.set_cut_off is
  'set_cut_off(asset, calendar, time): later in the day an asset settles on the next one';
revoke execute on function ops.set_cut_off from public;
grant execute on function ops.set_cut_off to pgsettle_operator;
--! EndIncluded ops/set_cut_off.sql
--! Included ops/set_netting.sql
-- Settles the trades of a symbol, from its next on, in the windows of a netting set; null: each by
-- itself. Raises: NFSYM, NFNET.
create or replace function ops.set_netting(
  p_symbol text,
  p_netting_set text,
  p_segment_id int default 1
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform clearing.set_netting(reference.get_symbol(p_segment_id, p_symbol), p_netting_set);
end;
$$;
comment on function ops.set_netting is
  'set_netting(symbol, set): settles its trades in windows, null for each by itself';
revoke execute on function ops.set_netting from public;
grant execute on function ops.set_netting to pgsettle_operator;
--! EndIncluded ops/set_netting.sql
--! Included settlement/set_partial_windows.sql
-- Says when instructions of a symbol may settle in part: pairs of begin and end, UTC; none: always.
-- Writes: reference.partial_windows. Raises: IVWIN for what is no list of such pairs.
create or replace function settlement.set_partial_windows(
  p_symbol_id int,
  p_windows jsonb
) returns void
language plpgsql volatile
as $$
begin
  delete from reference.partial_windows as w
  where w.symbol_id = p_symbol_id;
  insert into reference.partial_windows (symbol_id, starts_at, ends_at)
  select p_symbol_id, (w.pair ->> 0)::time, (w.pair ->> 1)::time
  from jsonb_array_elements(coalesce(p_windows, '[]')) as w (pair);
exception when data_exception or integrity_constraint_violation then
  raise exception 'windows are pairs of times: %', p_windows
    using errcode = 'IVWIN', hint = 'BAD_WINDOWS', column = 'windows';
end;
$$;
comment on function settlement.set_partial_windows is
  'says when instructions of a symbol may settle in part';
--! EndIncluded settlement/set_partial_windows.sql
--! Included ops/set_partial_windows.sql
-- Says when instructions of a symbol may settle in part, in UTC; none: always.
--   select set_partial_windows('BTC-USD', '[["08:00", "08:30"], ["14:00", "14:30"]]');
-- Raises: NFSYM, IVWIN.
create or replace function ops.set_partial_windows(
  p_symbol text,
  p_windows jsonb,
  p_segment_id int default 1
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform settlement.set_partial_windows(
    (reference.get_symbol(p_segment_id, p_symbol)).symbol_id, p_windows
  );
end;
$$;
comment on function ops.set_partial_windows is
  'set_partial_windows(symbol, windows): when its instructions may settle in part';
revoke execute on function ops.set_partial_windows from public;
grant execute on function ops.set_partial_windows to pgsettle_operator;
--! EndIncluded ops/set_partial_windows.sql
--! Included reference/set_settlement.sql
-- Says how long after the trade a symbol settles, and whose business days count (null: those of the
-- calendar that it trades by). Trades that were made already keep their value dates.
-- Writes: reference.symbols. Raises: IVSYM for days that are not between 0 and 30.
create or replace function reference.set_settlement(
  p_symbol_id int,
  p_days int,
  p_calendar_id int
) returns void
language plpgsql volatile
as $$
begin
  if (p_days between 0 and 30) is not true then
    raise exception 'a symbol settles within 0 to 30 business days, not %', p_days
      using errcode = 'IVSYM', hint = 'BAD_SYMBOL', column = 'settlement_days';
  end if;

  update reference.symbols as s
  set settlement_days = p_days,
    settlement_calendar_id = p_calendar_id
  where s.symbol_id = p_symbol_id;
end;
$$;
comment on function reference.set_settlement is 'says when the trades of a symbol settle';
--! EndIncluded reference/set_settlement.sql
--! Included ops/set_settlement.sql
-- Says how long after the trade a symbol settles, from its next trade on: so many business days of
-- a calendar, null for the one that it trades by. What was traded already keeps its value date.
--   select set_settlement('AAPL-USD', 2, 'NYSE');
-- Raises: NFSYM, NFCAL, IVSYM.
create or replace function ops.set_settlement(
  p_symbol text,
  p_days int,
  p_calendar text default null,
  p_segment_id int default 1
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform reference.set_settlement(
    (reference.get_symbol(p_segment_id, p_symbol)).symbol_id,
    p_days,
    case when p_calendar is not null then (reference.get_calendar(p_calendar)).calendar_id end
  );
end;
$$;
comment on function ops.set_settlement is
  'set_settlement(symbol, days, calendar): so many business days from a trade to its settlement';
revoke execute on function ops.set_settlement from public;
grant execute on function ops.set_settlement to pgsettle_operator;
--! EndIncluded ops/set_settlement.sql
--! Included settlement/set_priority.sql
-- Gives an instruction that is not final its priority among those that compete for the same money
-- or assets: 1 first, 4 as usual [SET-006].
-- Locks: its row. Writes: settlement.waiting_instructions, events. Raises: NFINS, STINS, IVPRI.
create or replace function settlement.set_priority(
  p_segment_id int,
  p_instruction_id bigint,
  p_priority int,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
begin
  if (p_priority between 1 and 4) is not true then
    raise exception 'a priority is 1 to 4, not %', p_priority
      using errcode = 'IVPRI', hint = 'BAD_PRIORITY', column = 'priority';
  end if;

  perform settlement.find_waiting(p_segment_id, p_instruction_id, p_now);
  update settlement.waiting_instructions as i
  set priority = p_priority
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id;
  insert into settlement.instruction_events (segment_id, instruction_id, at, kind, detail)
  values (p_segment_id, p_instruction_id, p_now, 'PRIORITY', p_priority::text);
end;
$$;
comment on function settlement.set_priority is 'gives an instruction its priority';
--! EndIncluded settlement/set_priority.sql
--! Included ops/set_settlement_priority.sql
-- Gives an instruction its priority among those that need the same money or assets: 1 is first, 4
-- usual. Raises: NFINS, STINS, IVPRI.
create or replace function ops.set_settlement_priority(
  p_id bigint,
  p_priority int,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform settlement.set_priority(p_segment_id, p_id, p_priority, p_now);
end;
$$;
comment on function ops.set_settlement_priority is
  'set_settlement_priority(id, priority): 1 settles first, 4 is usual';
revoke execute on function ops.set_settlement_priority from public;
grant execute on function ops.set_settlement_priority to pgsettle_operator;
--! EndIncluded ops/set_settlement_priority.sql
--! Included ops/set_withdrawal_limit.sql
-- Sets what may be withdrawn of an asset in 24 hours; see ledger.set_withdrawal_limit.
-- Raises: NFAST, NFPAR, 23514 (below zero).
create or replace function ops.set_withdrawal_limit(
  p_asset text,
  p_amount numeric,
  p_client_id text default null,
  p_segment_id int default 1
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform ledger.set_withdrawal_limit(p_segment_id, p_asset, p_amount, p_client_id);
end;
$$;
comment on function ops.set_withdrawal_limit is
  'set_withdrawal_limit(asset, amount, client_id): of 24 hours; null: for all, or no limit';
revoke execute on function ops.set_withdrawal_limit from public;
grant execute on function ops.set_withdrawal_limit to pgsettle_operator;
--! EndIncluded ops/set_withdrawal_limit.sql
--! Included ops/v_fails.sql
-- Settlement instructions that fail: past their value date, or not to be posted: put aside, or
-- given up.
create or replace view ops.v_fails as
select
  i.instruction_id,
  s.symbol,
  i.status,
  i.reason,
  i.problem,
  i.attempts,
  i.next_attempt_at,
  i.created_at,
  i.value_date,
  greatest(current_date - i.value_date, 0) as days_late
from settlement.waiting_instructions as i
join reference.symbols as s
  on s.symbol_id = i.symbol_id
where i.attempts > 0
  or i.value_date < current_date
order by i.status desc, i.created_at;
comment on view ops.v_fails is 'settlement instructions that fail: late, put aside, or given up';
--! EndIncluded ops/v_fails.sql
--! Included ops/v_nets.sql
-- The nets of settled windows, and how much of the gross of their asset netting saved in the
-- window: 1 - what moved by net / what would have moved.
create or replace view ops.v_nets as
select
  n.net_id,
  n.window_id,
  p.client_id,
  c.client_id as counterparty,
  s.asset,
  trim_scale(n.amount::numeric) as net,
  trim_scale(n.gross_in::numeric) as gross_in,
  trim_scale(n.gross_out::numeric) as gross_out,
  round(1 - sum(greatest(n.amount, 0)) over by_asset
    / nullif(sum(n.gross_in) over by_asset, 0), 4) as saved
from clearing.nets as n
join reference.participants as p
  on p.participant_id = n.participant_id
left join reference.participants as c
  on c.participant_id = n.counterparty_id
join reference.assets as s
  on s.asset_id = n.asset_id
window by_asset as (partition by n.segment_id, n.window_id, n.asset_id)
order by n.window_id desc, p.client_id, s.asset;
comment on view ops.v_nets is 'the nets of settled windows, and what netting saved';
--! EndIncluded ops/v_nets.sql
--! Included ops/v_settlement_backlog.sql
-- What is not settled, by symbol and status, and since when.
create or replace view ops.v_settlement_backlog as
select
  s.symbol,
  i.status,
  i.reason,
  count(*) as instructions,
  min(i.created_at) as oldest_created_at,
  min(i.next_attempt_at) as next_attempt_at,
  max(i.attempts) as most_attempts
from settlement.instructions as i
join reference.symbols as s
  on s.symbol_id = i.symbol_id
where i.status not in ('SETTLED', 'CANCELLED')
group by s.symbol, i.status, i.reason
order by s.symbol, i.status, i.reason;
comment on view ops.v_settlement_backlog is 'what is not settled, by symbol and status';
--! EndIncluded ops/v_settlement_backlog.sql
--! Included ops/v_windows.sql
-- Netting windows, newest first: how many instructions wait in each, and how many it settled.
create or replace view ops.v_windows as
select
  w.window_id,
  w.netting_set,
  w.opened_at,
  w.closed_at,
  w.settled_at,
  w.journal_id,
  w.problem,
  (
    select count(*)
    from settlement.waiting_instructions as i
    where i.segment_id = w.segment_id
      and i.window_id = w.window_id
  ) as waiting,
  (
    select count(*)
    from settlement.cancelled_instructions as c
    where c.segment_id = w.segment_id
      and c.netted_into = w.window_id
  ) as settled
from clearing.windows as w
order by w.window_id desc;
comment on view ops.v_windows is 'netting windows, newest first';
--! EndIncluded ops/v_windows.sql
--! Included ops/v_withdrawals.sql
-- Withdrawals, those to be decided about first.
create or replace view ops.v_withdrawals as
select
  w.withdrawal_id,
  p.client_id,
  a.asset,
  w.amount,
  w.status,
  w.requested_by,
  w.created_at,
  w.decided_by,
  w.decided_at,
  w.reject_reason,
  j.finality_no
from ledger.withdrawals as w
join reference.participants as p
  on p.participant_id = w.participant_id
join reference.assets as a
  on a.asset_id = w.asset_id
left join ledger.journals as j
  on j.segment_id = w.segment_id
  and j.journal_id = w.journal_id
order by w.status, w.withdrawal_id;
comment on view ops.v_withdrawals is 'withdrawals, those to be decided about first';
--! EndIncluded ops/v_withdrawals.sql
--! Included ops/verify_chain.sql
-- Makes the chain of journals again from what stands in the tables, and names what is not as it was
-- posted [LED-010]: a journal by its number, a transfer by its journal and line; no rows is good.
-- altered, missing, added, reordered (it stands at another line's place), or orphaned (its journal
-- is gone). Whoever can write the whole chain anew can only be told by a link kept elsewhere.
-- Reads only.
create or replace function ops.verify_chain(
  p_segment_id int default 1
) returns table (
  finality_no bigint,
  journal_id bigint,
  line_no int,
  problem text
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  with journals as materialized (
    select j.* from ops.chain_journals(p_segment_id) as j
  ), ends as (
    select
      s.last_finality_no, s.last_link,
      (select coalesce(max(j.finality_no), 0) from journals as j) as found_no
    from ledger.segment_state as s
    where s.segment_id = p_segment_id
  )
  select j.finality_no, j.journal_id, c.line_no, c.problem
  from journals as j
  cross join lateral ops.chain_changes(p_segment_id, j.journal_id) as c
  where j.is_linked is false
    or (j.is_linked is null and not j.is_marked)
  union all
  select j.finality_no, j.journal_id, null, 'altered'
  from journals as j
  where j.is_linked
    and not j.is_marked
  union all
  select n.finality_no, null, null, 'missing'
  from journals as j
  cross join lateral generate_series(j.previous_no + 1, j.finality_no - 1) as n (finality_no)
  union all
  select n.finality_no, null, null, 'missing'
  from ends as e
  cross join lateral generate_series(e.found_no + 1, e.last_finality_no) as n (finality_no)
  union all
  select j.finality_no, j.journal_id, null, 'added'
  from ends as e
  join journals as j
    on j.finality_no > e.last_finality_no
  union all
  select e.last_finality_no, n.journal_id, null, 'altered'
  from ends as e
  left join ledger.journals as n
    on n.segment_id = p_segment_id
    and n.finality_no = e.last_finality_no
  left join journals as j
    on j.finality_no = e.last_finality_no
  where e.found_no = e.last_finality_no
    and e.last_link <> coalesce(n.link, '')
    and coalesce(j.is_linked, j.is_marked, true)
    and coalesce(j.is_marked, true)
  union all
  select null, t.journal_id, t.line_no, 'orphaned'
  from ledger.transfers as t
  left join ledger.journals as j
    on j.segment_id = t.segment_id
    and j.journal_id = t.journal_id
  where t.segment_id = p_segment_id
    and j.journal_id is null
  order by 1, 2, 3
$$;
comment on function ops.verify_chain is
  'verify_chain(): names journals and transfers that are not as they were posted; no rows is good';
revoke execute on function ops.verify_chain from public;
grant execute on function ops.verify_chain to pgsettle_operator, pgsettle_auditor;
--! EndIncluded ops/verify_chain.sql
--! Included settlement/bring_back.sql
-- Brings waiting instructions back in line. Their ids are old: the marks of their queues go down to
-- them, whether or not they seem to be lower, because a mark may be on its way up [SET-005]. Ids
-- that do not wait are passed over. Returns how many came.
-- Locks: the rows, then the queues by symbol. Writes: settlement.queues, waiting_instructions,
-- pending_instructions.
create or replace function settlement.bring_back(
  p_segment_id int,
  p_instruction_ids bigint[]
) returns int
language plpgsql volatile
as $$
declare
  v_count int := 0;
  v_lowest record;
begin
  for v_lowest in
    with gone as (
      delete from settlement.waiting_instructions as i
      using reference.ids(p_segment_id, p_instruction_ids) as c
      where i.segment_id = c.segment_id
        and i.instruction_id = c.id
      returning i.*
    ), back as (
      insert into settlement.pending_instructions
      select
        g.segment_id, g.instruction_id, g.symbol_id, g.buyer_id, g.seller_id, g.base_asset_id,
        g.quote_asset_id, g.quantity, g.notional, g.buyer_fee, g.seller_fee, g.value_date,
        g.attempts, g.created_at
      from gone as g
      returning symbol_id, instruction_id
    )
    select b.symbol_id, min(b.instruction_id) as first_id, count(*) as instructions
    from back as b
    group by b.symbol_id
    order by b.symbol_id
  loop
    v_count := v_count + v_lowest.instructions;
    update settlement.queues as q
    set low_id = least(q.low_id, v_lowest.first_id - 1)
    where q.segment_id = p_segment_id
      and q.symbol_id = v_lowest.symbol_id;
  end loop;
  return v_count;
end;
$$;
comment on function settlement.bring_back is 'brings waiting instructions back in line';
--! EndIncluded settlement/bring_back.sql
--! Included settlement/candidate_moves.sql
-- What candidates that are ready take from accounts and bring to them: rows of account and amount,
-- one a unit and account, in the order of units; accounts are numbered in the order in which they
-- are locked. What is prefunded takes nothing that is available. Reads nothing.
create or replace function settlement.candidate_moves(
  p_candidates settlement.candidate[],
  out moves settlement.unit_move[],
  out participant_ids int[],
  out asset_ids int[]
)
language sql stable
as $$
  with flows as (
    select c.unit_no, f.participant_id, f.asset_id, sum(f.amount) as amount
    from unnest(p_candidates) as c
    cross join lateral (select (c.part).*) as p
    cross join lateral (
      values
        (p.seller_id, p.base_asset_id, case when p.is_prefunded then 0 else -p.quantity end),
        (p.buyer_id, p.base_asset_id, p.quantity),
        (p.buyer_id, p.quote_asset_id,
          case when p.is_prefunded then 0 else -p.notional - p.buyer_fee end),
        (p.seller_id, p.quote_asset_id, p.notional - p.seller_fee),
        (reference.house_id(), p.quote_asset_id, p.buyer_fee + p.seller_fee)
    ) as f (participant_id, asset_id, amount)
    where c.reason is null
      and (f.amount <> 0 or p.is_prefunded)
    group by c.unit_no, f.participant_id, f.asset_id
  ), numbered as (
    select
      f.*,
      dense_rank() over (order by f.participant_id, f.asset_id)::int as account_no
    from flows as f
  )
  select
    (
      select array_agg(row(n.unit_no, n.account_no, n.amount)::settlement.unit_move
        order by n.unit_no, n.account_no)
      from numbered as n
    ),
    array(
      select min(n.participant_id)
      from numbered as n
      group by n.account_no
      order by n.account_no
    ),
    array(select min(n.asset_id) from numbered as n group by n.account_no order by n.account_no)
$$;
comment on function settlement.candidate_moves is 'what candidates take from accounts and bring';
--! EndIncluded settlement/candidate_moves.sql
--! Included settlement/largest_part.sql
-- The largest part of a candidate that so much of its asset can deliver: a multiple of the unit, at
-- least the minimum, and less than all that could settle; null when there is none [SET-007].
-- Reads only.
create or replace function settlement.largest_part(
  p_segment_id int,
  p_candidate settlement.candidate,
  p_available numeric
) returns settlement.part
language plpgsql stable
as $$
declare
  v_quantity numeric := trunc(p_available / p_candidate.part_unit) * p_candidate.part_unit;
  v_part settlement.part;
begin
  if v_quantity is null or v_quantity < p_candidate.part_minimum
    or v_quantity >= (p_candidate.part).quantity then
    return null;
  end if;

  select (settlement.part_of(i, v_quantity, s.quote_decimals)).* into v_part
  from settlement.waiting_instructions as i
  join reference.symbols as s
    on s.symbol_id = i.symbol_id
  where i.segment_id = p_segment_id
    and i.instruction_id = p_candidate.instruction_id;
  return v_part;
end;
$$;
comment on function settlement.largest_part is 'the largest part that so much of an asset delivers';
--! EndIncluded settlement/largest_part.sql
--! Included settlement/choose_parts.sql
-- Of candidates that lack assets and may settle in part: the largest part of each that its seller
-- can deliver and its buyer can pay, in their order; a multiple of the unit, not below the minimum.
-- Cash is never short in part: who cannot pay the part waits [SET-007]. Computes only.
-- Takes which units were chosen already, and what the accounts have available after that.
create or replace function settlement.choose_parts(
  p_segment_id int,
  p_candidates settlement.candidate[],
  p_chosen boolean[],
  p_participant_ids int[],
  p_asset_ids int[],
  p_available numeric[]
) returns settlement.part[]
language plpgsql stable
as $$
declare
  v_left jsonb := coalesce((
    select jsonb_object_agg(a.participant_id || ' ' || a.asset_id, a.available)
    from unnest(p_participant_ids, p_asset_ids, p_available)
      as a (participant_id, asset_id, available)
    where a.available < 'Infinity'
  ), '{}');
  v_parts settlement.part[] := '{}';
  v_part settlement.part;
  v_candidate settlement.candidate;
  v_seller text;
  v_buyer text;
begin
  foreach v_candidate in array p_candidates loop
    continue when v_candidate.reason is not null or p_chosen[v_candidate.unit_no]
      or v_candidate.part_unit is null;
    v_part := v_candidate.part;
    v_seller := v_part.seller_id || ' ' || v_part.base_asset_id;
    v_buyer := v_part.buyer_id || ' ' || v_part.quote_asset_id;
    v_part := settlement.largest_part(
      p_segment_id, v_candidate, (v_left ->> v_seller)::numeric
    );
    continue when v_part is null
      or v_part.notional + v_part.buyer_fee > coalesce((v_left ->> v_buyer)::numeric, 'Infinity');

    v_parts := v_parts || v_part;
    v_left := v_left || jsonb_build_object(
      v_seller, (v_left ->> v_seller)::numeric - v_part.quantity,
      v_buyer, (v_left ->> v_buyer)::numeric - v_part.notional - v_part.buyer_fee
    );
  end loop;
  return v_parts;
end;
$$;
comment on function settlement.choose_parts is 'which parts settle of what cannot settle whole';
--! EndIncluded settlement/choose_parts.sql
--! Included settlement/choose_together.sql
-- Of the units that are left, those that pay for themselves together, and what is available then:
-- all of them, and while an account would be short, the last unit that takes from it is left out.
-- So a ring settles of which none could alone [SET-009]. Computes only.
create or replace function settlement.choose_together(
  p_moves settlement.unit_move[],
  p_available numeric[],
  p_chosen boolean[],
  out chosen boolean[],
  out available numeric[]
)
language plpgsql immutable
as $$
declare
  v_short int;
  v_out int;
begin
  chosen := array(select not c from unnest(p_chosen) as c);
  available := p_available;
  for k in 1..cardinality(p_moves) loop
    continue when not chosen[p_moves[k].unit_no];
    available[p_moves[k].account_no] := available[p_moves[k].account_no] + p_moves[k].amount;
  end loop;

  loop
    select s.n into v_short
    from unnest(available) with ordinality as s (amount, n)
    where s.amount < 0
    order by s.n
    limit 1;
    exit when v_short is null;

    select max(m.unit_no) into v_out
    from unnest(p_moves) as m
    where chosen[m.unit_no]
      and m.account_no = v_short
      and m.amount < 0;
    chosen[v_out] := false;
    for k in 1..cardinality(p_moves) loop
      continue when p_moves[k].unit_no <> v_out;
      available[p_moves[k].account_no] := available[p_moves[k].account_no] - p_moves[k].amount;
    end loop;
  end loop;
end;
$$;
comment on function settlement.choose_together is 'which of the units left pay for themselves';
--! EndIncluded settlement/choose_together.sql
--! Included settlement/choose_units.sql
-- Chooses which units settle with what is available, and says what is available then [SET-009].
-- First each in its order that can be paid, again and again, because what one brings may pay
-- another. Then the largest set of the rest that pays for itself: all of them together, and while
-- an account would be short, its last unit that takes from it is left out. Computes only.
-- Takes how many units there are, their moves in the order of units, and what each account has
-- available.
create or replace function settlement.choose_units(
  p_count int,
  p_moves settlement.unit_move[],
  inout p_available numeric[],
  out chosen boolean[]
)
language plpgsql immutable
as $$
declare
  v_from int[];
  v_to int[];
  v_set boolean[];
  v_sums numeric[];
  v_fits boolean;
  v_progress boolean;
begin
  chosen := array_fill(false, array[p_count]);
  select
    array_agg(coalesce(f.first_n, 1) order by u.n), array_agg(coalesce(f.last_n, 0) order by u.n)
  into v_from, v_to
  from generate_series(1, p_count) as u (n)
  left join (
    select m.unit_no, min(m.n), max(m.n)
    from unnest(p_moves) with ordinality as m (unit_no, account_no, amount, n)
    group by m.unit_no
  ) as f (unit_no, first_n, last_n)
    on f.unit_no = u.n;

  loop
    loop
      v_progress := false;
      for i in 1..p_count loop
        continue when chosen[i];
        v_fits := true;
        for k in v_from[i]..v_to[i] loop
          v_fits := v_fits and (p_moves[k].amount >= 0
            or p_available[p_moves[k].account_no] + p_moves[k].amount >= 0);
        end loop;
        continue when not v_fits;
        chosen[i] := true;
        v_progress := true;
        for k in v_from[i]..v_to[i] loop
          p_available[p_moves[k].account_no] :=
            p_available[p_moves[k].account_no] + p_moves[k].amount;
        end loop;
      end loop;
      exit when not v_progress;
    end loop;

    select r.chosen, r.available into v_set, v_sums
    from settlement.choose_together(p_moves, p_available, chosen) as r;
    exit when not true = any (v_set);
    p_available := v_sums;
    chosen := array(select c or s from unnest(chosen, v_set) as x (c, s));
  end loop;
end;
$$;
comment on function settlement.choose_units is 'chooses which units settle with what is available';
--! EndIncluded settlement/choose_units.sql
--! Included settlement/lock_conditional.sql
-- Claims these instructions, what settles with them, and what lacks money or assets, up to p_limit
-- more. Locks: the claimed rows, SKIP LOCKED, so that an operator's act is not waited for.
create or replace function settlement.lock_conditional(
  p_segment_id int,
  p_limit int,
  p_due_ids bigint[]
) returns bigint[] -- instruction ids
language sql volatile
set enable_seqscan = off
as $$
  with recursive wanted as (
    select d.id
    from unnest(p_due_ids) as d (id)
    union
    (
      select i.instruction_id
      from settlement.waiting_instructions as i
      where i.segment_id = p_segment_id
        and i.is_conditional
        and i.reason in ('LACK_ASSET', 'LACK_CASH')
        and i.status <> 'FAILED'
        and p_due_ids <> '{}'
      order by i.priority, i.value_date, i.instruction_id
      limit p_limit
    )
    union
    select l.other_id
    from wanted as w
    join settlement.links as l
      on l.segment_id = p_segment_id
      and l.instruction_id = w.id
      and l.link = 'WITH'
  ), claimed as materialized (
    select i.instruction_id
    from settlement.waiting_instructions as i
    where i.segment_id = p_segment_id
      and i.instruction_id = any (array(select w.id from wanted as w))
      and i.status <> 'FAILED'
    order by i.instruction_id
    for update skip locked
  )
  select coalesce(array_agg(c.instruction_id), '{}')
  from claimed as c
$$;
comment on function settlement.lock_conditional is 'claims instructions, and what they settle with';
--! EndIncluded settlement/lock_conditional.sql
--! Included settlement/claim_conditional.sql
-- Claims, for one pass, the instructions with conditions that are to be considered: those that are
-- due, or whose account something came to, and with them what lacks money or assets already, since
-- together they may settle [SET-009]; nothing, when nothing is due. At most p_limit, those that are
-- due first, and the groups that settle together whole. One pass at a time: another finds nothing.
-- Locks: advisory (4, segment), then the claimed rows.
create or replace function settlement.claim_conditional(
  p_segment_id int,
  p_now timestamptz,
  p_limit int
) returns bigint[] -- instruction ids
language plpgsql volatile
set enable_seqscan = off
as $$
declare
  c_lock_space constant int := 4;
  v_due_ids bigint[];
begin
  perform
  from settlement.waiting_instructions as i
  where i.segment_id = p_segment_id
    and i.is_conditional
    and i.status <> 'FAILED'
    and i.next_attempt_at <= p_now
  limit 1;
  if not found and not exists (
    select from ledger.waits as w where w.segment_id = p_segment_id and w.has_come
  ) or not pg_try_advisory_xact_lock(c_lock_space, p_segment_id) then
    return '{}';
  end if;

  with due as (
    select i.instruction_id, i.next_attempt_at
    from settlement.waiting_instructions as i
    where i.segment_id = p_segment_id
      and i.is_conditional
      and i.status <> 'FAILED'
      and i.next_attempt_at <= p_now
    union
    select i.instruction_id, i.next_attempt_at
    from ledger.waits as w
    join settlement.waiting_instructions as i
      on i.segment_id = w.segment_id
      and i.instruction_id = w.waiter_id
      and i.status <> 'FAILED'
    where w.segment_id = p_segment_id
      and w.has_come
  )
  select array_agg(d.instruction_id) into v_due_ids
  from (select * from due order by due.next_attempt_at, due.instruction_id limit p_limit) as d;

  return settlement.lock_conditional(p_segment_id, p_limit, coalesce(v_due_ids, '{}'));
end;
$$;
comment on function settlement.claim_conditional is
  'claims the instructions with conditions that are to be considered';
--! EndIncluded settlement/claim_conditional.sql
--! Included settlement/raise_mark.sql
-- Moves the mark of a symbol's queue up to its first instruction that is left, so that later claims
-- do not walk past rows that are gone: while an old transaction is open nothing can remove those
-- [SET-005]. A symbol's trades commit in the order of their ids, under its lock: below one that is
-- seen none can come, but by settlement.bring_back, which moves the mark down under the same lock.
-- Writes and locks: its row of settlement.queues, SKIP LOCKED; read after the lock.
create or replace function settlement.raise_mark(
  p_segment_id int,
  p_symbol_id int
) returns void
language plpgsql volatile
as $$
declare
  v_queue settlement.queues;
  v_first_id bigint;
begin
  select q.* into v_queue
  from settlement.queues as q
  where q.segment_id = p_segment_id
    and q.symbol_id = p_symbol_id
  for update skip locked;
  if not found then
    return;
  end if;

  select i.instruction_id into v_first_id
  from settlement.pending_instructions as i
  where i.segment_id = p_segment_id
    and i.instruction_id > v_queue.low_id
    and i.instruction_id <= v_queue.high_id
  order by i.instruction_id
  limit 1;

  update settlement.queues as q
  set low_id = v_first_id - 1
  where q.segment_id = p_segment_id
    and q.symbol_id = p_symbol_id
    and q.low_id < v_first_id - 1;
end;
$$;
comment on function settlement.raise_mark is 'moves the mark of a queue up to what is left in it';
--! EndIncluded settlement/raise_mark.sql
--! Included settlement/claim_instructions.sql
-- Claims up to p_limit of what is next in line, for this transaction: symbol after symbol, from the
-- one behind p_after_symbol_id on, and round, each in the order of its trades. What another worker
-- has claimed is passed over; the claim ends with the transaction, so a killed worker leaves
-- nothing behind [SET-001].
-- A symbol's walk begins at its mark, not at the first row that is gone [SET-005].
-- Locks: the claimed rows. The CTE is materialized: without it a nested loop can claim more than
-- the limit (measured on PostgreSQL 15: 200 rows for a limit of 5). No sequential scan: the plan
-- may be older than the rows.
create or replace function settlement.claim_instructions(
  p_segment_id int,
  p_limit int,
  p_after_symbol_id int,
  out instruction_ids bigint[],
  out last_symbol_id int
)
language plpgsql volatile
set enable_seqscan = off
as $$
declare
  c_stride constant bigint := 4000;
  v_queue settlement.queues;
  v_ids bigint[];
begin
  instruction_ids := '{}';
  last_symbol_id := p_after_symbol_id;
  for v_queue in
    select q.*
    from settlement.queues as q
    where q.segment_id = p_segment_id
      and exists (
        select
        from settlement.pending_instructions as i
        where i.segment_id = q.segment_id
          and i.instruction_id > q.low_id
          and i.instruction_id <= q.high_id
      )
    order by q.symbol_id <= p_after_symbol_id, q.symbol_id
  loop
    with claimed as materialized (
      select i.instruction_id
      from settlement.pending_instructions as i
      where i.segment_id = v_queue.segment_id
        and i.instruction_id > v_queue.low_id
        and i.instruction_id <= v_queue.high_id
      order by i.instruction_id
      limit p_limit - cardinality(instruction_ids)
      for update skip locked
    )
    select coalesce(array_agg(c.instruction_id order by c.instruction_id), '{}')
    into v_ids
    from claimed as c;

    if v_ids[1] > v_queue.low_id + c_stride then
      perform settlement.raise_mark(p_segment_id, v_queue.symbol_id);
    end if;
    instruction_ids := instruction_ids || v_ids;
    last_symbol_id := v_queue.symbol_id;
    exit when cardinality(instruction_ids) >= p_limit;
  end loop;
end;
$$;
comment on function settlement.claim_instructions is
  'claims what is next in line with FOR UPDATE SKIP LOCKED until the end of the transaction';
--! EndIncluded settlement/claim_instructions.sql
--! Included settlement/claim_waiting.sql
-- Claims up to p_limit of what waits and is due, for this transaction: what waited for its date,
-- and what failed before and is tried alone [SET-001]; not what has conditions. Returns the ids of
-- both.
-- Locks: the claimed rows, SKIP LOCKED.
create or replace function settlement.claim_waiting(
  p_segment_id int,
  p_now timestamptz,
  p_limit int,
  out due_ids bigint[],
  out failed_ids bigint[]
)
language sql volatile
set enable_seqscan = off
as $$
  with claimed as materialized (
    select i.instruction_id, i.reason
    from settlement.waiting_instructions as i
    where i.segment_id = p_segment_id
      and i.status <> 'FAILED'
      and not i.is_conditional
      and i.netting_set is null
      and i.next_attempt_at <= p_now
    order by i.next_attempt_at, i.instruction_id
    limit p_limit
    for update skip locked
  )
  select
    coalesce(array_agg(c.instruction_id) filter (where c.reason <> 'SYSTEM'), '{}'),
    coalesce(array_agg(c.instruction_id) filter (where c.reason = 'SYSTEM'), '{}')
  from claimed as c
$$;
comment on function settlement.claim_waiting is 'claims what waits and is due';
--! EndIncluded settlement/claim_waiting.sql
--! Included settlement/instruction_rows.sql
-- Instructions as the outside sees them, by id, with their legs: who gives whom what. Reads only.
create or replace function settlement.instruction_rows(
  p_segment_id int,
  p_instruction_ids bigint[]
) returns setof settlement.instruction_row
language sql stable
as $$
  select
    i.instruction_id, case when i.instruction_id > 1000000000000 then i.instruction_id end,
    s.symbol, i.status, i.reason, i.problem, i.attempts,
    i.next_attempt_at, i.value_date, i.created_at, i.settled_at, i.journal_id, j.finality_no,
    (
      select json_agg(json_build_object(
        'kind', l.kind, 'asset', l.asset, 'from', l.from_id, 'to', l.to_id,
        'amount', trim_scale(abs(l.amount))::text
      ) order by l.n)
      from (
        values
          (1, 'DELIVERY', b.asset, x.client_id, y.client_id, i.quantity::numeric),
          (2, 'PAYMENT', q.asset, y.client_id, x.client_id, i.notional),
          (3, 'BUYER_FEE', q.asset, y.client_id, 'house', i.buyer_fee),
          (4, 'SELLER_FEE', q.asset, x.client_id, 'house', i.seller_fee)
      ) as l (n, kind, asset, from_id, to_id, amount)
      where l.amount <> 0
    )
  from unnest(p_instruction_ids) as w (instruction_id)
  join settlement.instructions as i
    on i.segment_id = p_segment_id
    and i.instruction_id = w.instruction_id
  join reference.symbols as s
    on s.symbol_id = i.symbol_id
  join reference.assets as b
    on b.asset_id = i.base_asset_id
  join reference.assets as q
    on q.asset_id = i.quote_asset_id
  join reference.participants as x
    on x.participant_id = i.seller_id
  join reference.participants as y
    on y.participant_id = i.buyer_id
  left join ledger.journals as j
    on j.segment_id = p_segment_id
    and j.journal_id = i.journal_id
$$;
comment on function settlement.instruction_rows is 'instructions as the outside sees them, by id';
--! EndIncluded settlement/instruction_rows.sql
--! Included settlement/next_partial.sql
-- When instructions of a symbol may settle in part next: now, inside one of its windows or when it
-- has none, else when the next window begins [SET-007]. Windows are in UTC. Reads only.
create or replace function settlement.next_partial(
  p_symbol_id int,
  p_now timestamptz
) returns timestamptz
language sql stable
as $$
  select coalesce(min(case
    when l.local_time >= w.starts_at and l.local_time < w.ends_at then p_now
    when l.local_time < w.starts_at then l.day_start + w.starts_at::interval
    else l.day_start + w.starts_at::interval + interval '1 day' end), p_now)
  from reference.partial_windows as w
  cross join lateral (
    select
      (p_now at time zone 'UTC')::time as local_time,
      date_trunc('day', p_now at time zone 'UTC') at time zone 'UTC' as day_start
  ) as l
  where w.symbol_id = p_symbol_id
$$;
comment on function settlement.next_partial is 'when instructions of a symbol may settle in part';
--! EndIncluded settlement/next_partial.sql
--! Included settlement/judge_conditions.sql
-- Claimed instructions, in the order in which they settle (priority, value date, id): what of each
-- could settle now, and in which unit, or what it waits for. Those that are linked WITH each other
-- are one unit; one whose unit is not whole, or not ready, waits for it: LINKED [SET-008].
-- Reads only.
create or replace function settlement.judge_conditions(
  p_segment_id int,
  p_now timestamptz,
  p_instruction_ids bigint[]
) returns settlement.candidate[]
language sql stable
as $$
  with recursive reached as (
    select i.id as root_id, i.id
    from unnest(p_instruction_ids) as i (id)
    union
    select r.root_id, l.other_id
    from reached as r
    join settlement.links as l
      on l.segment_id = p_segment_id
      and l.instruction_id = r.id
      and l.link = 'WITH'
  ), judged as materialized (
    select
      i.instruction_id, i as instruction, s.quote_decimals, s.partial_unit, s.partial_minimum,
      i.priority, i.value_date, settlement.unmet_reason(i, p_now) as reason,
      i.quantity - i.settled_quantity as rest,
      least(i.buyer_released, i.seller_released, i.quantity) - i.settled_quantity as free
    from reference.ids(p_segment_id, p_instruction_ids) as w
    join settlement.waiting_instructions as i
      on i.segment_id = w.segment_id
      and i.instruction_id = w.id
    join reference.symbols as s
      on s.symbol_id = i.symbol_id
  ), grouped as (
    select
      r.root_id as instruction_id, min(r.id) as group_id, count(*) > 1 as is_linked,
      coalesce(bool_and(j.reason is null and j.free = j.rest), false)
        and count(*) = count(j.instruction_id) as is_ready
    from reached as r
    left join judged as j
      on j.instruction_id = r.id
    group by r.root_id
  ), ranked as (
    select
      j.*, g.is_linked, settlement.next_partial((j.instruction).symbol_id, p_now) as partial_at,
      coalesce(j.reason, case when g.is_linked and not g.is_ready
        then 'LINKED'::settlement.pending_reason end) as why,
      min(array[j.priority, j.value_date - date '2000-01-01', j.instruction_id])
        over (partition by g.group_id) as rank_of_group
    from judged as j
    join grouped as g
      on g.instruction_id = j.instruction_id
  )
  select array_agg(row(
    r.instruction_id, r.unit_no, r.why,
    case r.why
      when 'FUTURE_DATE' then (r.instruction).due_at
      when 'CUTOFF' then settlement.next_open(
        array[(r.instruction).base_asset_id, (r.instruction).quote_asset_id], p_now
      )
      else case when r.partial_unit is null or r.partial_at <= p_now then 'infinity'::timestamptz
        else r.partial_at end end,
    settlement.part_of(r.instruction, r.free, r.quote_decimals),
    case when not r.is_linked and not (r.instruction).is_prefunded and r.partial_at <= p_now
      then r.partial_unit end,
    coalesce(r.partial_minimum, r.partial_unit)
  )::settlement.candidate order by r.unit_no, r.instruction_id)
  from (
    select k.*, dense_rank() over (order by k.rank_of_group)::int as unit_no
    from ranked as k
  ) as r
$$;
comment on function settlement.judge_conditions is
  'what of claimed instructions could settle now, and with which others';
--! EndIncluded settlement/judge_conditions.sql
--! Included settlement/lacks.sql
-- Whether an account has less available than an amount, in the asset. Reads only.
create or replace function settlement.lacks(
  p_segment_id int,
  p_participant_id int,
  p_asset_id int,
  p_amount numeric
) returns boolean
language sql stable
as $$
  select not exists (
    select
    from ledger.accounts as a
    where a.segment_id = p_segment_id
      and a.participant_id = p_participant_id
      and a.asset_id = p_asset_id
      and (a.may_be_negative or a.posted - a.held >= p_amount)
  )
$$;
comment on function settlement.lacks is 'whether an account has less available than an amount';
--! EndIncluded settlement/lacks.sql
--! Included settlement/note_reasons.sql
-- Writes what considered instructions that are left wait for, and until when. Who lacks money or
-- assets waits for them to come to the account [SET-006]; the accounts are locked, so that nothing
-- can come unseen; what late parts brought came after all was decided, and has come already.
-- Writes: settlement.waiting_instructions, events, ledger.waits.
create or replace function settlement.note_reasons(
  p_segment_id int,
  p_now timestamptz,
  p_candidates settlement.candidate[],
  p_late settlement.part[]
) returns void
language plpgsql volatile
as $$
begin
  with judged as (
    select
      i.instruction_id, i.reason as old_reason, c.next_attempt_at,
      coalesce(c.reason, settlement.unmet_reason(i, p_now), case
        when settlement.lacks(p_segment_id, i.seller_id, i.base_asset_id, r.quantity)
          then 'LACK_ASSET'::settlement.pending_reason
        when settlement.lacks(p_segment_id, i.buyer_id, i.quote_asset_id,
          r.notional + r.buyer_fee) then 'LACK_CASH'
        when (c.part).quantity > r.quantity then 'LACK_ASSET'
        else 'LINKED' end) as reason
    from unnest(p_candidates) as c
    join settlement.waiting_instructions as i
      on i.segment_id = p_segment_id
      and i.instruction_id = c.instruction_id
    join reference.symbols as s
      on s.symbol_id = i.symbol_id
    cross join lateral settlement.part_of(
      i, least(i.buyer_released, i.seller_released, i.quantity) - i.settled_quantity,
      s.quote_decimals
    ) as r
  ), changed as (
    update settlement.waiting_instructions as i
    set reason = j.reason,
      problem = null,
      next_attempt_at = coalesce(j.next_attempt_at, 'infinity')
    from judged as j
    where i.segment_id = p_segment_id
      and i.instruction_id = j.instruction_id
    returning i.*
  ), told as (
    insert into settlement.instruction_events (segment_id, instruction_id, at, kind, reason)
    select p_segment_id, j.instruction_id, p_now, 'WAITS', j.reason
    from judged as j
    where j.reason <> j.old_reason
  )
  insert into ledger.waits (segment_id, participant_id, asset_id, waiter_id, has_come)
  select p_segment_id, a.participant_id, a.asset_id, c.instruction_id, exists (
    select
    from unnest(settlement.part_changes(p_late)) as l
    where l.participant_id = a.participant_id
      and l.asset_id = a.asset_id
      and l.posted > l.held
  )
  from changed as c
  cross join lateral (
    values (c.seller_id, c.base_asset_id), (c.buyer_id, c.quote_asset_id)
  ) as a (participant_id, asset_id)
  where c.reason in ('LACK_ASSET', 'LACK_CASH')
  on conflict do nothing;
end;
$$;
comment on function settlement.note_reasons is 'writes what considered instructions wait for';
--! EndIncluded settlement/note_reasons.sql
--! Included settlement/record_parts.sql
-- Writes what became of instructions of which a part, or the last, was settled.
-- Writes: settlement.waiting_instructions, settled_instructions.
create or replace function settlement.record_parts(
  p_segment_id int,
  p_now timestamptz,
  p_journal_id bigint,
  p_parts settlement.part[]
) returns void
language plpgsql volatile
as $$
begin
  update settlement.waiting_instructions as i
  set settled_quantity = i.settled_quantity + p.quantity,
    settled_notional = i.settled_notional + p.notional,
    settled_buyer_fee = i.settled_buyer_fee + p.buyer_fee,
    settled_seller_fee = i.settled_seller_fee + p.seller_fee,
    status = 'PARTIALLY_SETTLED'
  from unnest(p_parts) as p
  where i.segment_id = p_segment_id
    and i.instruction_id = p.instruction_id
    and not p.is_last;

  with gone as (
    delete from settlement.waiting_instructions as i
    using unnest(p_parts) as p
    where i.segment_id = p_segment_id
      and i.instruction_id = p.instruction_id
      and p.is_last
    returning i.*
  )
  insert into settlement.settled_instructions
  select
    g.segment_id, g.instruction_id, g.symbol_id, g.buyer_id, g.seller_id, g.base_asset_id,
    g.quote_asset_id, g.quantity, g.notional, g.buyer_fee, g.seller_fee, g.value_date,
    g.attempts + 1, g.created_at, p_now, p_journal_id
  from gone as g;

  update settlement.waiting_instructions as i
  set next_attempt_at = p_now
  from settlement.links as l, unnest(p_parts) as p
  where l.segment_id = p_segment_id
    and l.other_id = p.instruction_id
    and p.is_last
    and i.segment_id = l.segment_id
    and i.instruction_id = l.instruction_id
    and i.reason = 'LINKED'
    and i.status <> 'FAILED';
end;
$$;
comment on function settlement.record_parts is
  'writes what became of instructions of which a part was settled';
--! EndIncluded settlement/record_parts.sql
--! Included settlement/post_parts.sql
-- Posts parts of claimed instructions, delivery against payment [SET-002]. An instruction whose
-- last part this is, is settled; another stays, with the rest. The caller writes the journal, last.
-- Locks: the accounts in key order. Writes: ledger.transfers, accounts, settlement.parts,
-- waiting_instructions, settled_instructions.
-- Raises: NVACC when an account cannot pay.
create or replace function settlement.post_parts(
  p_segment_id int,
  p_now timestamptz,
  p_journal_id bigint,
  p_parts settlement.part[]
) returns void
language plpgsql volatile
as $$
begin
  insert into ledger.transfers
  select
    p_segment_id, p_journal_id, 4 * p.n + l.leg_no, l.kind, l.asset_id, l.debit_id, l.credit_id,
    l.amount, p.instruction_id, p_now
  from (select u.*, row_number() over () - 1 as n from unnest(p_parts) as u) as p
  cross join lateral settlement.legs(
    p.base_asset_id, p.quote_asset_id, p.buyer_id, p.seller_id, p.quantity, p.notional,
    p.buyer_fee, p.seller_fee
  ) as l;

  insert into settlement.parts
  select
    p_segment_id, p.instruction_id, 1 + (
      select count(*)
      from settlement.parts as s
      where s.segment_id = p_segment_id
        and s.instruction_id = p.instruction_id
    ), p.quantity, p.notional, p.buyer_fee, p.seller_fee, p_now, p_journal_id
  from unnest(p_parts) as p;

  perform settlement.record_parts(p_segment_id, p_now, p_journal_id, p_parts);

  if not ledger.change_accounts(p_segment_id, settlement.part_changes(p_parts)) then
    raise exception 'an account cannot pay what was chosen to settle' using errcode = 'NVACC';
  end if;
end;
$$;
comment on function settlement.post_parts is 'posts parts of instructions, all or none';
--! EndIncluded settlement/post_parts.sql
--! Included settlement/put_aside.sql
-- Puts a claimed instruction aside after an error: it waits longer after each attempt, and after
-- the last one it is FAILED until an operator retries it [SET-003].
-- Waits 2 s, 4 s, 8 s ... at most 5 min, plus up to a quarter more that its id decides, so that
-- many that failed together do not come back together.
-- Writes: settlement.waiting_instructions, pending_instructions.
create or replace function settlement.put_aside(
  p_segment_id int,
  p_now timestamptz,
  p_instruction_id bigint,
  p_problem text
) returns void
language plpgsql volatile
as $$
declare
  c_max_attempts constant int := 8;
  c_longest constant numeric := 300;
begin
  perform settlement.make_wait(p_segment_id, array[p_instruction_id], 'SYSTEM');

  update settlement.waiting_instructions as i
  set attempts = i.attempts + 1,
    reason = 'SYSTEM',
    problem = left(p_problem, 500),
    status = case when i.attempts + 1 >= c_max_attempts then 'FAILED' else i.status end,
    next_attempt_at = p_now + make_interval(
      secs => least(c_longest, 2 ^ (i.attempts + 1)) * (1 + (i.instruction_id % 100) / 400.0)
    )
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id;
end;
$$;
comment on function settlement.put_aside is
  'records a failed attempt at an instruction and when to try next';
--! EndIncluded settlement/put_aside.sql
--! Included settlement/retry_instruction.sql
-- Puts a FAILED or waiting instruction back in line, with all its attempts before it again.
-- Returns its id. What waits for a date goes on to wait for it; what is in line already, stays.
-- Writes: settlement.waiting_instructions. Locks: its row.
-- Raises: NFINS when there is none, STINS when it is settled already.
create or replace function settlement.retry_instruction(
  p_segment_id int,
  p_instruction_id bigint,
  p_now timestamptz
) returns bigint
language plpgsql volatile
as $$
begin
  -- Whoever has it claimed ends first; it may be put aside meanwhile, and wait then.
  for v_try in 1..2 loop
    update settlement.waiting_instructions as i
    set status = 'PENDING',
      attempts = case i.reason when 'SYSTEM' then 0 else i.attempts end,
      next_attempt_at = case
        when i.is_conditional or i.reason = 'SYSTEM' then p_now else i.next_attempt_at end
    where i.segment_id = p_segment_id
      and i.instruction_id = p_instruction_id;
    if found then
      return p_instruction_id;
    end if;

    perform
    from settlement.pending_instructions as i
    where i.segment_id = p_segment_id
      and i.instruction_id = p_instruction_id
    for update;
    if found then
      return p_instruction_id;
    end if;
  end loop;

  perform
  from settlement.settled_instructions as s
  where s.segment_id = p_segment_id
    and s.instruction_id = p_instruction_id;
  if found then
    raise exception 'instruction % is settled', p_instruction_id
      using errcode = 'STINS', hint = 'ALREADY_SETTLED';
  end if;
  raise exception 'there is no instruction %', p_instruction_id
    using errcode = 'NFINS', hint = 'UNKNOWN_SETTLEMENT';
end;
$$;
comment on function settlement.retry_instruction is 'puts an instruction that failed back in line';
--! EndIncluded settlement/retry_instruction.sql
--! Included settlement/settle_instructions.sql
-- Settles claimed instructions, delivery against payment: all legs and fees of all of them are
-- posted as one journal, or none [SET-002]. Each gives up to four transfers: the base from the
-- seller to the buyer, the notional from the buyer to the seller, and a fee from each to the house
-- (a negative fee is a rebate from the house).
-- Takes the claimed ids. Returns how many it settled: an id that is no longer pending is passed
-- over.
-- Locks: the accounts in key order, last the segment's counter. Writes: all of the settlement.
-- Raises: NVACC when an account cannot pay what was held for it: a broken invariant.
create or replace function settlement.settle_instructions(
  p_segment_id int,
  p_now timestamptz,
  p_instruction_ids bigint[]
) returns int
language plpgsql volatile
as $$
declare
  v_journal_id bigint := nextval('ledger.journal_ids');
  v_settled int;
  v_lines ledger.journal_lines;
  v_gone settlement.pending_instructions[];
begin
  with gone as (
    delete from settlement.pending_instructions as i
    using reference.ids(p_segment_id, p_instruction_ids) as c
    where i.segment_id = c.segment_id
      and i.instruction_id = c.id
    returning i.*
  ), settled as (
    insert into settlement.settled_instructions
    select
      g.segment_id, g.instruction_id, g.symbol_id, g.buyer_id, g.seller_id, g.base_asset_id,
      g.quote_asset_id, g.quantity, g.notional, g.buyer_fee, g.seller_fee, g.value_date,
      g.attempts + 1, g.created_at, p_now, v_journal_id
    from gone as g
  ), posted as (
    insert into ledger.transfers
    select
      g.segment_id, v_journal_id, 4 * g.n + l.leg_no, l.kind, l.asset_id, l.debit_id, l.credit_id,
      l.amount, g.instruction_id, p_now
    from (select o.*, row_number() over () - 1 as n from gone as o) as g
    cross join lateral settlement.legs(
      g.base_asset_id, g.quote_asset_id, g.buyer_id, g.seller_id, g.quantity, g.notional,
      g.buyer_fee, g.seller_fee
    ) as l
    returning line_no, ledger.transfer_content(kind, asset_id, debit_participant_id,
      credit_participant_id, amount, instruction_id) as content
  )
  select d.gone, d.settled, l.line_nos, l.line_marks, l.digest
  into v_gone, v_settled, v_lines.line_nos, v_lines.line_marks, v_lines.digest
  from (select array_agg(g) as gone, count(*) as settled from gone as g) as d
  cross join (
    select
      coalesce(array_agg(p.line_no), '{}') as line_nos,
      coalesce(string_agg(ledger.line_mark(p.content), ''), '') as line_marks,
      sha256(coalesce(string_agg(p.content, ''), '')) as digest
    from posted as p
  ) as l;

  if v_settled = 0 then
    return 0;
  end if;

  if not ledger.change_accounts(p_segment_id, settlement.account_changes(v_gone)) then
    raise exception 'an account cannot pay what was held for it' using errcode = 'NVACC';
  end if;

  perform ledger.post_journal(
    p_segment_id, v_journal_id, 'SETTLEMENT', p_now, p_instruction_ids, v_lines
  );
  return v_settled;
end;
$$;
comment on function settlement.settle_instructions is
  'posts the legs and fees of claimed instructions as one journal';
--! EndIncluded settlement/settle_instructions.sql
--! Included settlement/settle_singly.sql
-- Settles claimed instructions one by one; one that cannot be posted is put aside with its reason,
-- and what it did is undone [SET-003]. Returns how many settled and how many were put aside.
-- Locks and writes: as settlement.settle_instructions.
create or replace function settlement.settle_singly(
  p_segment_id int,
  p_now timestamptz,
  p_instruction_ids bigint[],
  out settled int,
  out put_aside int
)
language plpgsql volatile
as $$
declare
  v_id bigint;
begin
  settled := 0;
  put_aside := 0;
  foreach v_id in array p_instruction_ids loop
    begin
      perform settlement.bring_back(p_segment_id, array[v_id]);
      settled := settled + settlement.settle_instructions(p_segment_id, p_now, array[v_id]);
    exception when integrity_constraint_violation or data_exception or raise_exception
      or sqlstate 'NVACC' then
      perform settlement.put_aside(p_segment_id, p_now, v_id, sqlstate || ' ' || sqlerrm);
      put_aside := put_aside + 1;
    end;
  end loop;
end;
$$;
comment on function settlement.settle_singly is 'settles instructions one by one';
--! EndIncluded settlement/settle_singly.sql
--! Included settlement/settle_batch.sql
-- One pass of a settlement worker, one transaction: claims up to p_limit instructions that are next
-- in line, as many that waited and are due, and those with conditions that something may have
-- changed for, and settles them. When one of them cannot be posted, they are done again one by one:
-- the others settle, that one is put aside with its reason [SET-003]. What failed before is tried
-- alone.
-- Takes the symbol to go on after (0 to begin). Returns how many were claimed, settled and put
-- aside, and the symbol after which the next call goes on. Fewer claimed than p_limit: there was no
-- more.
-- Locks: the claimed rows, marks of queues, accounts in key order, last the segment's counter.
-- Raises: STISO when the transaction is not READ COMMITTED.
create or replace function settlement.settle_batch(
  p_segment_id int,
  p_now timestamptz,
  p_limit int,
  p_after_symbol_id int,
  out claimed int,
  out settled int,
  out put_aside int,
  out last_symbol_id int
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_waiting record;
  v_ids bigint[];
  v_done record;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'settle_batch needs READ COMMITTED' using errcode = 'STISO';
  end if;

  v_waiting := settlement.claim_waiting(p_segment_id, p_now, p_limit);
  if v_waiting.due_ids <> '{}' then
    perform settlement.bring_back(p_segment_id, v_waiting.due_ids);
  end if;
  select c.instruction_ids, c.last_symbol_id
  into v_ids, last_symbol_id
  from settlement.claim_instructions(p_segment_id, p_limit, p_after_symbol_id) as c;
  claimed := cardinality(v_ids) + cardinality(v_waiting.failed_ids);
  settled := 0;
  put_aside := 0;

  begin
    if v_ids <> '{}' then
      settled := settlement.settle_instructions(p_segment_id, p_now, v_ids);
    end if;
    v_ids := '{}';
  exception when integrity_constraint_violation or data_exception or raise_exception
    or sqlstate 'NVACC' then
    settled := 0;
  end;

  v_done := settlement.settle_singly(p_segment_id, p_now, v_ids || v_waiting.failed_ids);
  settled := settled + v_done.settled;
  put_aside := put_aside + v_done.put_aside;
end;
$$;
comment on function settlement.settle_batch is
  'one pass of a settlement worker: claim, settle, put aside what cannot be posted';
revoke execute on function settlement.settle_batch from public;
grant execute on function settlement.settle_batch to pgsettle_worker;
--! EndIncluded settlement/settle_batch.sql
--! Included settlement/settle_conditional.sql
-- Settles what can be settled of claimed instructions with conditions, as one journal, and writes
-- what the others wait for [SET-006]. Returns how many settled, in whole or in part.
-- Locks: the accounts of all of them in key order, last the segment's counter. Writes: all of the
-- settlement, ledger.waits.
create or replace function settlement.settle_conditional(
  p_segment_id int,
  p_now timestamptz,
  p_instruction_ids bigint[]
) returns int
language plpgsql volatile
as $$
declare
  v_candidates settlement.candidate[] :=
    settlement.judge_conditions(p_segment_id, p_now, p_instruction_ids);
  v_moves record := settlement.candidate_moves(v_candidates);
  v_available numeric[] := ledger.lock_accounts(
    p_segment_id, v_moves.participant_ids, v_moves.asset_ids
  );
  v_units record;
  v_parts settlement.part[];
  v_late settlement.part[];
  v_journal_id bigint;
begin
  delete from ledger.waits as w
  using unnest(p_instruction_ids) as c (id)
  where w.segment_id = p_segment_id
    and w.waiter_id = c.id;

  v_units := settlement.choose_units(
    (select coalesce(max(c.unit_no), 0) from unnest(v_candidates) as c),
    coalesce(v_moves.moves, '{}'), v_available
  );
  v_late := settlement.choose_parts(
    p_segment_id, v_candidates, v_units.chosen, v_moves.participant_ids, v_moves.asset_ids,
    v_units.p_available
  );
  v_parts := array(
    select c.part
    from unnest(v_candidates) as c
    where c.reason is null
      and v_units.chosen[c.unit_no]
  ) || v_late;
  if cardinality(v_parts) > 0 then
    v_journal_id := nextval('ledger.journal_ids');
    perform settlement.post_parts(p_segment_id, p_now, v_journal_id, v_parts);
  end if;
  perform settlement.note_reasons(p_segment_id, p_now, v_candidates, v_late);
  if cardinality(v_parts) > 0 then
    perform ledger.post_journal(
      p_segment_id, v_journal_id, 'SETTLEMENT', p_now,
      array(select p.instruction_id from unnest(v_parts) as p),
      ledger.posted_lines(p_segment_id, v_journal_id, p_now)
    );
  end if;
  return cardinality(v_parts);
end;
$$;
comment on function settlement.settle_conditional is
  'settles what can be settled of instructions with conditions';
--! EndIncluded settlement/settle_conditional.sql
--! Included settlement/settle_waiting.sql
-- One pass over the instructions with conditions, one transaction: claims those that something may
-- have changed for, and settles what can be settled of them. When one cannot be posted, each is
-- considered alone, and that one is put aside with its reason [SET-003].
-- Returns how many were considered, how many settled in whole or in part, and how many were put
-- aside. Nothing is considered while another does so.
-- Locks: advisory (4, segment), the claimed rows, accounts in key order, last the segment's
-- counter. Raises: STISO when the transaction is not READ COMMITTED.
create or replace function settlement.settle_waiting(
  p_segment_id int,
  p_now timestamptz,
  p_limit int,
  out claimed int,
  out settled int,
  out put_aside int
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids bigint[];
  v_id bigint;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'settle_waiting needs READ COMMITTED' using errcode = 'STISO';
  end if;

  v_ids := settlement.claim_conditional(p_segment_id, p_now, p_limit);
  claimed := cardinality(v_ids);
  settled := 0;
  put_aside := 0;
  if claimed = 0 then
    return;
  end if;

  begin
    settled := settlement.settle_conditional(p_segment_id, p_now, v_ids);
    return;
  exception when integrity_constraint_violation or data_exception or raise_exception
    or sqlstate 'NVACC' then
    settled := 0;
  end;

  foreach v_id in array v_ids loop
    begin
      settled := settled + settlement.settle_conditional(p_segment_id, p_now, array[v_id]);
    exception when integrity_constraint_violation or data_exception or raise_exception
      or sqlstate 'NVACC' then
      perform settlement.put_aside(p_segment_id, p_now, v_id, sqlstate || ' ' || sqlerrm);
      put_aside := put_aside + 1;
    end;
  end loop;
end;
$$;
comment on function settlement.settle_waiting is
  'one pass over the instructions with conditions: what can be settled of them';
revoke execute on function settlement.settle_waiting from public;
grant execute on function settlement.settle_waiting to pgsettle_worker;
--! EndIncluded settlement/settle_waiting.sql
