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

--!include ledger/withdrawal_rows.sql
--!include api/find_withdrawal.sql
--!include ledger/open_accounts.sql
--!include ledger/tell_waits.sql
--!include ledger/change_accounts.sql
--!include ledger/refuse_operator.sql
--!include ledger/lock_withdrawal.sql
--!include ledger/journal_digest.sql
--!include ledger/next_link.sql
--!include ledger/post_journal.sql
--!include ledger/line_mark.sql
--!include ledger/transfer_content.sql
--!include ledger/posted_lines.sql
--!include ledger/approve_withdrawal.sql
--!include api/approve_withdrawal.sql
--!include ledger/reject_withdrawal.sql
--!include api/reject_withdrawal.sql
--!include ledger/refuse_amount.sql
--!include ledger/withdrawal_limit.sql
--!include ledger/withdrawn_amount.sql
--!include ledger/request_withdrawal.sql
--!include api/request_withdrawal.sql
--!include settlement/instructions.sql
--!include api/settlement_backlog.sql
--!include matching/funded_lists.sql
--!include matching/due_symbols.sql
--!include api/status.sql
--!include api/withdrawals.sql
--!include clearing/open_window.sql
--!include clearing/value_date.sql
--!include clearing/capture_trades.sql
--!include clearing/close_window.sql
--!include settlement/part_of.sql
--!include clearing/window_parts.sql
--!include settlement/part_changes.sql
--!include clearing/funding_gaps.sql
--!include clearing/instruct.sql
--!include clearing/join_windows.sql
--!include clearing/leave_out.sql
--!include ledger/lock_accounts.sql
--!include clearing/lock_window.sql
--!include clearing/window_flows.sql
--!include clearing/net_transfers.sql
--!include clearing/obligations.sql
--!include clearing/window_nets.sql
--!include reference/clearing_id.sql
--!include clearing/post_window.sql
--!include clearing/take_up.sql
--!include clearing/settle_window.sql
--!include clearing/run_windows.sql
--!include clearing/set_netting.sql
--!include ledger/deposit.sql
--!include ledger/set_withdrawal_limit.sql
--!include matching/refuse_time.sql
--!include matching/amend_terms.sql
--!include matching/band_wall.sql
--!include matching/bar_commands.sql
--!include matching/bar_filled.sql
--!include matching/lock_funds.sql
--!include matching/find_owners.sql
--!include matching/parse_commands.sql
--!include matching/prepare_batch.sql
--!include matching/exposure.sql
--!include matching/limited_amendments.sql
--!include matching/limited_changes.sql
--!include matching/limited_orders.sql
--!include matching/refuse_beyond_limits.sql
--!include matching/roll_back.sql
--!include matching/execute_batch.sql
--!include matching/cancel_orders.sql
--!include settlement/open_queue.sql
--!include matching/open_symbol.sql
--!include matching/symbol_terms.sql
--!include matching/create_symbol.sql
--!include matching/end_siblings.sql
--!include matching/enter_parked.sql
--!include matching/record_tries.sql
--!include matching/execute_due.sql
--!include matching/exit_command.sql
--!include matching/fill_slots.sql
--!include matching/prevented_sums.sql
--!include matching/final_orders.sql
--!include matching/named_orders.sql
--!include matching/find_targets.sql
--!include matching/fire_stops.sql
--!include matching/first_answers.sql
--!include matching/roll_band.sql
--!include matching/first_step.sql
--!include matching/grow_command.sql
--!include matching/list_commands.sql
--!include matching/follow_ups.sql
--!include matching/fund_changes.sql
--!include matching/has_waiting_exits.sql
--!include matching/refuse_cost.sql
--!include matching/rest_end.sql
--!include matching/refuse_amendment.sql
--!include matching/start_change.sql
--!include matching/match_batch.sql
--!include matching/placed_answers.sql
--!include matching/placed_slots.sql
--!include matching/prepare_part.sql
--!include matching/record_events.sql
--!include matching/record_orders.sql
--!include matching/record_shortage.sql
--!include matching/record_times.sql
--!include matching/record_outcome.sql
--!include matching/refuse_terms.sql
--!include matching/release_command.sql
--!include matching/set_status.sql
--!include matching/sweep_symbol.sql
--!include matching/watch_state.sql
--!include matching/take_step.sql
--!include matching/wanted_keys.sql
--!include ops/approve_withdrawal.sql
--!include settlement/prefunded.sql
--!include ops/v_holds.sql
--!include ops/audit_balances.sql
--!include settlement/postings.sql
--!include ops/audit_journals.sql
--!include ops/audit_parts.sql
--!include ops/audit_settlements.sql
--!include ops/audit_windows.sql
--!include ops/audit_withdrawals.sql
--!include ops/audit.sql
--!include settlement/make_wait.sql
--!include settlement/find_waiting.sql
--!include settlement/cancel_instruction.sql
--!include ops/cancel_settlement.sql
--!include ops/chain_lines.sql
--!include ops/chain_changes.sql
--!include ops/chain_export.sql
--!include ops/chain_journals.sql
--!include ops/close_window.sql
--!include ops/create_netting_set.sql
--!include ops/explain_net.sql
--!include reference/is_buyer.sql
--!include settlement/next_open.sql
--!include settlement/unmet_reason.sql
--!include settlement/release_instruction.sql
--!include ops/hold_settlement.sql
--!include ops/instruct.sql
--!include settlement/link_instructions.sql
--!include ops/link_settlements.sql
--!include ops/preview_netting.sql
--!include ops/reject_withdrawal.sql
--!include ops/release_settlement.sql
--!include settlement/set_cut_off.sql
--!include ops/set_cut_off.sql
--!include ops/set_netting.sql
--!include settlement/set_partial_windows.sql
--!include ops/set_partial_windows.sql
--!include reference/set_settlement.sql
--!include ops/set_settlement.sql
--!include settlement/set_priority.sql
--!include ops/set_settlement_priority.sql
--!include ops/set_withdrawal_limit.sql
--!include ops/v_fails.sql
--!include ops/v_nets.sql
--!include ops/v_settlement_backlog.sql
--!include ops/v_windows.sql
--!include ops/v_withdrawals.sql
--!include ops/verify_chain.sql
--!include settlement/bring_back.sql
--!include settlement/candidate_moves.sql
--!include settlement/largest_part.sql
--!include settlement/choose_parts.sql
--!include settlement/choose_together.sql
--!include settlement/choose_units.sql
--!include settlement/lock_conditional.sql
--!include settlement/claim_conditional.sql
--!include settlement/raise_mark.sql
--!include settlement/claim_instructions.sql
--!include settlement/claim_waiting.sql
--!include settlement/instruction_rows.sql
--!include settlement/next_partial.sql
--!include settlement/judge_conditions.sql
--!include settlement/lacks.sql
--!include settlement/note_reasons.sql
--!include settlement/record_parts.sql
--!include settlement/post_parts.sql
--!include settlement/put_aside.sql
--!include settlement/retry_instruction.sql
--!include settlement/settle_instructions.sql
--!include settlement/settle_singly.sql
--!include settlement/settle_batch.sql
--!include settlement/settle_conditional.sql
--!include settlement/settle_waiting.sql
