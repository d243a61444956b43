--! Previous: sha1:dadacd0e10586d4eb4a79be5d417edcc3f041092
--! Hash: sha1:3791793c352d92471ddde4f3844748ce0c430b5d
--! Message: Bust trades, set fees, close periods and settle outside

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

-- Periods: what is closed takes no posting any more, and can be reckoned again at any time.

alter table ledger.segment_state
  add column closed_until timestamptz not null default '-infinity';
comment on column ledger.segment_state.closed_until is
  'nothing is posted with an earlier time: the end of the last closed period';

create table ledger.periods (
  segment_id int not null references reference.segments on delete restrict,
  period_no int not null,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  last_finality_no bigint not null,
  closed_at timestamptz not null,
  closed_by text not null,
  sealed_at timestamptz,
  checksum bytea,
  reopened_at timestamptz,
  reopened_by text,
  reopen_reason text,
  primary key (segment_id, period_no),
  constraint period_has_a_length check (ends_at > starts_at),
  constraint seal_is_whole check ((sealed_at is null) = (checksum is null)),
  constraint reopening_is_whole check (
    (reopened_at is null) = (reopened_by is null)
    and (reopened_at is null) = (reopen_reason is null)
  )
);
comment on table ledger.periods is
  'each close of a period, and who opened it again and why; closed again it is another row';
comment on column ledger.periods.ends_at is 'not in it: the next period starts here';
comment on column ledger.periods.last_finality_no is 'the last journal when it was closed';
comment on column ledger.periods.checksum is 'sha-256 of its pack, once that was made';

create table ledger.period_balances (
  segment_id int not null,
  period_no int not null,
  participant_id int not null,
  asset_id int not null,
  posted ledger.amount not null,
  primary key (segment_id, period_no, participant_id, asset_id),
  foreign key (segment_id, period_no) references ledger.periods on delete restrict
);
comment on table ledger.period_balances is
  'what was posted to each account before the end of a sealed period: sums begin there';

create table ops.period_cuts (
  segment_id int not null,
  period_no int not null,
  symbol_id int not null,
  after_seq bigint not null,
  last_seq bigint not null,
  primary key (segment_id, period_no, symbol_id),
  foreign key (segment_id, period_no) references ledger.periods on delete restrict
);
comment on table ops.period_cuts is
  'the last event of each symbol when a period was closed: trades behind it are of a later one';
comment on column ops.period_cuts.after_seq is 'the last event when the period before was closed';

alter table ledger.journals add column effective_at timestamptz;
comment on column ledger.journals.effective_at is
  'since when it counts, where it was posted later; null: since it was posted';
alter table ledger.journals
  add constraint effective_before_posting check (effective_at <= posted_at);
-- ledger.balances_as_of: what was posted behind a time and counts before it.
create index journals_effective_idx on ledger.journals
  (segment_id, posted_at) where effective_at is not null;

-- What the continuous check of trades, obligations and journals found.
create table ops.breaks (
  segment_id int not null,
  break_id bigint generated always as identity,
  kind text not null,
  part_id int not null,
  first_no bigint not null,
  key text not null,
  kept text,
  derived text,
  found_at timestamptz not null,
  closed_at timestamptz,
  primary key (segment_id, break_id),
  constraint break_closes_after_it_was_found check (closed_at >= found_at)
);
comment on table ops.breaks is
  'where trades, obligations and journals did not agree, since when, and until when';
comment on column ops.breaks.part_id is 'a symbol; 0: the journals; -1: what accounts hold';
comment on column ops.breaks.first_no is 'the event of the trade, or the finality number';
comment on column ops.breaks.kept is 'what stands there; null: nothing';
comment on column ops.breaks.derived is 'what should, as the others say; null: nothing';
create unique index breaks_open_idx on ops.breaks (segment_id, kind, key)
  where closed_at is null;

create table ops.break_cursors (
  segment_id int not null,
  part_id int not null,
  checked_no bigint not null default 0,
  again_no bigint not null default 0,
  again_until bigint not null default 0,
  writes text not null default '',
  primary key (segment_id, part_id)
);
comment on table ops.break_cursors is
  'how far the continuous check has come in each symbol, and (0) in the journals';
comment on column ops.break_cursors.checked_no is 'the last number that was checked when new';
comment on column ops.break_cursors.again_no is 'where the check of what is old goes on';
comment on column ops.break_cursors.again_until is
  'up to here it goes on at once: a table that is only added to was changed';
comment on column ops.break_cursors.writes is
  'what ops.fact_writes said when that was looked for last';

-- The chain of a part of the journals: two more arguments.
drop function if exists ops.chain_journals(int);

-- Postings that count since an earlier time.

create sequence ledger.adjustment_ids;
create table ledger.adjustments (
  segment_id int not null,
  adjustment_id bigint not null,
  asset_id int not null references reference.assets on delete restrict,
  from_id int not null references reference.participants on delete restrict,
  to_id int not null references reference.participants on delete restrict,
  amount ledger.amount not null constraint adjustment_is_positive check (amount > 0),
  effective_at timestamptz not null,
  reason text not null,
  status text not null default 'PENDING'
    constraint adjustment_status_is_known check (status in ('PENDING', 'POSTED', 'REJECTED')),
  requested_by text not null,
  created_at timestamptz not null,
  approved_by text,
  approved_at timestamptz,
  decided_by text,
  decided_at timestamptz,
  reject_reason text,
  journal_id bigint,
  primary key (segment_id, adjustment_id),
  constraint adjustment_is_to_another check (from_id <> to_id),
  constraint adjustment_decision_is_whole check (
    (status = 'PENDING') = (decided_by is null)
    and (status = 'PENDING') = (decided_at is null)
    and (status = 'POSTED') = (journal_id is not null)
    and (status = 'REJECTED') = (reject_reason is not null)
    and (approved_by is null) = (approved_at is null)
  ),
  constraint approved_by_two_others check (
    lower(approved_by) <> lower(requested_by)
    and (
      status <> 'POSTED'
      or (
        approved_by is not null
        and lower(decided_by) <> lower(requested_by)
        and lower(decided_by) <> lower(approved_by)
      )
    )
  )
) with (fillfactor = 90);
comment on table ledger.adjustments is
  'corrections that count since an earlier time: who asked, which two approved, or who rejected';
comment on column ledger.adjustments.approved_by is 'the first of two who approve';
comment on column ledger.adjustments.decided_by is 'the second, or who rejected';

-- A journal may count since an earlier time: one more argument, at the end.
drop function if exists ledger.post_journal(
  int, bigint, ledger.journal_kind, timestamptz, bigint[], ledger.journal_lines
);
drop function if exists ledger.journal_digest(
  int, bigint, ledger.journal_kind, timestamptz, int, bigint[], ledger.journal_lines
);

-- Accounts below accounts.

alter table reference.participants
  add column parent_id int references reference.participants on delete restrict,
  add column custody text not null default 'SEGREGATED'
    constraint custody_is_known check (custody in ('SEGREGATED', 'OMNIBUS'));
comment on column reference.participants.parent_id is
  'whose sub-account it is; null: nobody''s; is never changed';
comment on column reference.participants.custody is
  'SEGREGATED: of its parent''s owner; OMNIBUS: kept for others, as is each right below it';
-- reference.account_tree walks down.
create index participants_parent_idx on reference.participants (parent_id)
  where parent_id is not null;

create table ledger.internal_transfers (
  segment_id int not null,
  from_id int not null references reference.participants on delete restrict,
  idempotency_key text not null
    constraint internal_key_is_not_too_long check (length(idempotency_key) between 1 and 255),
  to_id int not null references reference.participants on delete restrict,
  asset_id int not null references reference.assets on delete restrict,
  amount ledger.amount not null constraint internal_transfer_is_positive check (amount > 0),
  journal_id bigint not null,
  created_at timestamptz not null,
  primary key (segment_id, from_id, idempotency_key),
  constraint internal_transfer_is_to_another check (from_id <> to_id)
);
comment on table ledger.internal_transfers is
  'transfers between accounts of one owner, and the key each came with; insert only';

-- Assets that leave by a bank, a chain or a custodian.
create table settlement.outside_assets (
  segment_id int not null,
  asset_id int not null references reference.assets on delete restrict,
  adapter text not null
    constraint adapter_is_a_name check (adapter ~ '^[a-z][a-z0-9_]{0,31}$'),
  answer_within interval not null
    constraint answer_takes_its_time check (answer_within between '1 second' and '30 days'),
  primary key (segment_id, asset_id)
);
comment on table settlement.outside_assets is
  'through which adapter an asset leaves; no row: a withdrawal is posted as it is approved';
comment on column settlement.outside_assets.answer_within is
  'when what was taken without an answer is sent again';

create sequence settlement.outside_leg_ids;

create table settlement.outside_legs (
  segment_id int not null,
  leg_id bigint not null,
  kind text not null
    constraint leg_kind_is_known check (kind in ('WITHDRAWAL', 'DELIVERY', 'PAYMENT')),
  withdrawal_id bigint,
  instruction_id bigint,
  requested_by text not null,
  external_id uuid not null default gen_random_uuid(),
  adapter text not null,
  answer_within interval not null,
  status text not null default 'RESERVED' constraint leg_status_is_known
    check (status in ('RESERVED', 'SENT', 'FAILED', 'CONFIRMED', 'VOIDED')),
  attempts int not null default 0,
  token bigint not null default 0,
  worker text,
  leased_until timestamptz,
  next_attempt_at timestamptz,
  reason text,
  reference text,
  created_at timestamptz not null,
  ended_at timestamptz,
  ended_by text,
  disputed_at timestamptz,
  primary key (segment_id, leg_id),
  constraint withdrawal_has_one_leg unique (segment_id, withdrawal_id),
  constraint instruction_has_one_leg unique (segment_id, instruction_id),
  constraint leg_has_one_cause check (
    (kind = 'WITHDRAWAL') = (withdrawal_id is not null)
    and (withdrawal_id is null) = (instruction_id is not null)
  ),
  constraint external_id_is_used_once unique (segment_id, external_id),
  constraint leg_is_of_a_withdrawal foreign key (segment_id, withdrawal_id)
    references ledger.withdrawals on delete restrict,
  constraint what_is_sent_has_a_token check (status not in ('SENT', 'FAILED') or token > 0),
  constraint lease_is_whole
    check ((worker is null) = (leased_until is null) and (worker is null or status = 'SENT')),
  constraint what_goes_on_is_tried
    check ((status in ('RESERVED', 'SENT')) = (next_attempt_at is not null)),
  constraint end_is_whole check (
    (status in ('CONFIRMED', 'VOIDED')) = (ended_at is not null)
    and (ended_at is null) = (ended_by is null)
  )
) with (fillfactor = 80);
comment on table settlement.outside_legs is
  'what leaves the database: of a withdrawal or an instruction, held until confirmed or voided';
comment on column settlement.outside_legs.requested_by is
  'who asked for what it is of; may not say what became of it';
comment on column settlement.outside_legs.external_id is
  'what the receiver knows it by, the same however often it is sent';
comment on column settlement.outside_legs.status is
  'RESERVED: never sent; SENT: may have left; FAILED: a person decides; CONFIRMED, VOIDED: the end';
comment on column settlement.outside_legs.token is
  'grows with each claim: an answer with an older one is refused';
comment on column settlement.outside_legs.leased_until is
  'how long the worker has to answer; null: nobody is sending it';
comment on column settlement.outside_legs.next_attempt_at is
  'when it is claimed next, if no result comes before; null: it has ended, or a person decides';
comment on column settlement.outside_legs.reference is 'what the receiver calls it';
comment on column settlement.outside_legs.ended_by is
  'the operator who decided, or outside: and the adapter whose receiver did';
comment on column settlement.outside_legs.disputed_at is
  'when its receiver said the other of confirmed and voided; what was done stands';
-- settlement.claim_outside_legs: what is due.
create index outside_legs_due_idx
  on settlement.outside_legs (segment_id, next_attempt_at) where next_attempt_at is not null;
-- ops.v_holds: what is held for legs.
create index outside_legs_open_idx
  on settlement.outside_legs (segment_id, leg_id) where ended_at is null;

create table settlement.outside_leg_events (
  segment_id int not null,
  event_id bigint generated always as identity,
  leg_id bigint not null,
  at timestamptz not null,
  kind text not null,
  token bigint not null,
  by text not null,
  detail text,
  primary key (segment_id, event_id)
);
comment on table settlement.outside_leg_events is
  'what happened to outside legs, who did it and why; insert only';
create index outside_leg_events_leg_idx
  on settlement.outside_leg_events (segment_id, leg_id);

-- A withdrawal that is approved, and on its way outside.
alter table ledger.withdrawals
  add column if not exists approved_by text,
  add column if not exists approved_at timestamptz;
alter table ledger.withdrawals drop constraint if exists approval_is_whole;
alter table ledger.withdrawals
  add constraint approval_is_whole check ((approved_by is null) = (approved_at is null));
alter table ledger.withdrawals drop constraint if exists let_go_by_another;
alter table ledger.withdrawals
  add constraint let_go_by_another check (lower(approved_by) <> lower(requested_by));
comment on column ledger.withdrawals.approved_by is
  'who let it leave through an outside leg; null: nobody yet, or it was posted at once';

-- Who let it leave, and when: with the new text of ledger.withdrawal_rows only.
alter type ledger.withdrawal_row
  add attribute approved_by text,
  add attribute approved_at timestamptz;

-- What the outside sees of an instruction with conditions, or taken up by a window.
alter type settlement.instruction_row
  add attribute settled_quantity numeric,
  add attribute netted_into bigint,
  add attribute links json,
  add attribute holds json;

-- Trades that are busted or corrected, on the word of two operators.

create sequence matching.bust_ids;
create type matching.bust_status as enum ('PENDING', 'DONE', 'REJECTED');

create table matching.trade_busts (
  segment_id int not null,
  bust_id bigint not null,
  trade_id bigint not null,
  symbol_id int not null references reference.symbols on delete restrict,
  new_price reference.price,
  reason text not null
    constraint bust_reason_is_a_sentence check (length(trim(reason)) between 1 and 500),
  status matching.bust_status not null default 'PENDING',
  requested_by text not null,
  created_at timestamptz not null,
  decided_by text,
  decided_at timestamptz,
  reject_reason text,
  seq bigint,
  replacement_id bigint,
  primary key (segment_id, bust_id),
  constraint bust_decision_is_whole check (
    (status = 'PENDING') = (decided_by is null)
    and (status = 'PENDING') = (decided_at is null)
    and (status = 'DONE') = (seq is not null)
    and (status = 'DONE' and new_price is not null) = (replacement_id is not null)
    and (status = 'REJECTED') = (reject_reason is not null)
  ),
  constraint bust_approved_by_another
    check (status <> 'DONE' or lower(decided_by) <> lower(requested_by))
) with (fillfactor = 90);
comment on table matching.trade_busts is
  'one row a wish to bust a trade; those that are DONE stand in the view busted_trades';
comment on column matching.trade_busts.new_price is
  'the price of the trade that takes its place; null: none does';
comment on column matching.trade_busts.requested_by is
  'who asked, and so approved first: may not approve it again';
comment on column matching.trade_busts.seq is 'the BUST event';
comment on column matching.trade_busts.replacement_id is 'the trade that took its place';
-- A trade is asked to be busted by one at a time, and busted once.
create unique index trade_busts_trade_idx
  on matching.trade_busts (segment_id, trade_id) where status <> 'REJECTED';
create unique index trade_busts_replacement_idx
  on matching.trade_busts (segment_id, replacement_id) where replacement_id is not null;
create index trade_busts_seq_idx
  on matching.trade_busts (segment_id, symbol_id, seq) where status = 'DONE';

alter table matching.events add column trade_id bigint;
comment on column matching.events.trade_id is
  'the trade that is busted (BUST) or that this one takes the place of (CORRECTED)';

create table settlement.reversals (
  segment_id int not null,
  reversal_id bigint not null,
  instruction_id bigint not null,
  primary key (segment_id, reversal_id),
  constraint instruction_is_reversed_once unique (segment_id, instruction_id)
);
comment on table settlement.reversals is
  'the instruction that gives back what another had made final; insert only';

-- Trades say whether they are busted.
drop function if exists api.trades(int, text, text, int);

-- What is charged, by whom it is for and where, from when on: a row a schedule, appended only.
create table reference.fee_schedules (
  segment_id int not null references reference.segments on delete restrict,
  schedule_id bigint generated by default as identity,
  participant_id int references reference.participants on delete restrict,
  symbol_id int references reference.symbols on delete restrict,
  group_id int references reference.symbol_groups on delete restrict,
  effective_from timestamptz not null,
  set_by text not null,
  reason text,
  created_at timestamptz not null,
  primary key (segment_id, schedule_id),
  constraint schedule_is_of_a_symbol_or_a_group check (num_nonnulls(symbol_id, group_id) < 2)
);
comment on table reference.fee_schedules is
  'from when on which fees hold, for whom and where; insert only; one without rates takes back';
comment on column reference.fee_schedules.participant_id is 'whose fees; null: everybody''s';
comment on column reference.fee_schedules.symbol_id is
  'where; null, and no group: at all symbols of the segment';
-- reference.schedules_of reads those of participants of a batch, and of everybody.
create index fee_schedules_participant_idx
  on reference.fee_schedules (segment_id, participant_id, effective_from);

create table reference.fee_rates (
  segment_id int not null,
  fee_id bigint generated by default as identity,
  schedule_id bigint not null,
  min_volume numeric not null
    constraint min_volume_not_negative check (min_volume >= 0 and min_volume < 'Infinity'),
  maker_rate reference.rate not null,
  taker_rate reference.rate not null,
  primary key (segment_id, fee_id),
  foreign key (segment_id, schedule_id) references reference.fee_schedules on delete restrict,
  constraint one_rate_a_volume unique (segment_id, schedule_id, min_volume)
);
comment on table reference.fee_rates is
  'the rates of a schedule, a row a tier; insert only; fee_id is what trades name';
comment on column reference.fee_rates.min_volume is
  'from which volume of 30 days on, in quote; a schedule has one from 0 on';
comment on column reference.fee_rates.maker_rate is 'of the notional; negative is a rebate';

-- What participants traded at a symbol, by day: kept where a tier asks for it.
create table matching.volumes (
  segment_id int not null,
  symbol_id int not null,
  participant_id int not null,
  traded_on date not null,
  volume numeric not null,
  primary key (segment_id, symbol_id, participant_id, traded_on)
);
comment on table matching.volumes is
  'the notional that a participant traded at a symbol on a day, by UTC; of trades up to the mark';
create table matching.volume_marks (
  segment_id int not null,
  symbol_id int not null,
  last_seq bigint not null,
  last_at timestamptz not null,
  since_on date not null,
  primary key (segment_id, symbol_id)
);
comment on table matching.volume_marks is
  'up to which trade the volumes of a symbol are summed, and from which day on';

-- What is charged to an order: null where it is what the symbol itself says.
create type matching.charge as (
  fee_id bigint,
  maker_rate numeric,
  taker_rate numeric,
  hold_rate numeric,
  volume_left numeric
);
comment on type matching.charge is
  'rates of an order, by which row of reference.fee_rates, and how far its owner is from a tier';
alter type matching.slot add attribute charge matching.charge;
alter type matching.batch
  add attribute fees_at timestamptz,
  add attribute has_tiers boolean;
alter type matching.fill
  add attribute taker_charge matching.charge,
  add attribute maker_charge matching.charge;
alter type matching.final_order add attribute hold_rate numeric;
alter type matching.call_order add attribute hold_rate numeric;
alter type matching.call_fill
  add attribute buyer_charge matching.charge,
  add attribute seller_charge matching.charge;
alter type matching.session_order add attribute hold_rate numeric;

alter table matching.book add column hold_rate numeric;
comment on column matching.book.hold_rate is
  'the rate of fees that a bid holds for; null: the symbol''s own';
alter table matching.parked_orders add column hold_rate numeric;
comment on column matching.parked_orders.hold_rate is
  'the rate of fees that an order to buy holds for; null: the symbol''s own';
alter table matching.trades
  add column taker_rate numeric,
  add column maker_rate numeric,
  add column taker_fee_id bigint,
  add column maker_fee_id bigint;
comment on column matching.trades.taker_rate is
  'the rate that the taker was charged; null: the symbol''s own';
comment on column matching.trades.maker_rate is
  'the rate that the maker was charged, a rebate below 0; null: the symbol''s own';
comment on column matching.trades.taker_fee_id is
  'the row of reference.fee_rates in force for the taker; null: none was';
comment on column matching.trades.maker_fee_id is
  'the row of reference.fee_rates in force for the maker; null: none was';

-- These take the rate of holds now, or return it.
drop function if exists matching.hold_of(reference.symbols, numeric, numeric, numeric, numeric);
drop function if exists matching.refuse_cost(
  reference.symbols, matching.asked, numeric, numeric, numeric, numeric, numeric
);
drop function if exists matching.book_rows(int, bigint[]);

drop function if exists settlement.account_changes(settlement.pending_instructions[]);

--! Included ledger/posted_before.sql
-- What was posted to accounts before a time, in the asset: of one participant, or (null) of all.
-- The sum begins at the last sealed period that had ended by then. Reads only.
create or replace function ledger.posted_before(
  p_segment_id int,
  p_participant_id int,
  p_before timestamptz
) returns table (
  participant_id int,
  asset_id int,
  posted numeric
)
language plpgsql stable
as $$
declare
  v_base record;
begin
  select p.period_no, p.ends_at into v_base
  from ledger.periods as p
  where p.segment_id = p_segment_id
    and p.sealed_at is not null
    and p.reopened_at is null
    and p.ends_at <= p_before
  order by p.ends_at desc
  limit 1;

  return query
  select s.participant_id, s.asset_id, sum(s.posted)
  from (
    select b.participant_id, b.asset_id, b.posted::numeric as posted
    from ledger.period_balances as b
    where b.segment_id = p_segment_id
      and b.period_no = v_base.period_no
      and b.participant_id = coalesce(p_participant_id, b.participant_id)
    union all
    select e.participant_id, t.asset_id, e.amount
    from ledger.transfers as t
    cross join lateral (
      values (t.debit_participant_id, -t.amount), (t.credit_participant_id, t.amount)
    ) as e (participant_id, amount)
    where t.segment_id = p_segment_id
      and t.posted_at >= coalesce(v_base.ends_at, '-infinity')
      and t.posted_at < p_before
      and (
        p_participant_id is null
        or p_participant_id in (t.debit_participant_id, t.credit_participant_id)
      )
      and e.participant_id = coalesce(p_participant_id, e.participant_id)
  ) as s
  group by s.participant_id, s.asset_id;
end;
$$;
comment on function ledger.posted_before is 'what was posted to accounts before a time';
--! EndIncluded ledger/posted_before.sql
--! Included ledger/balances_as_of.sql
-- What each account had at a time, as far as it was known at another, in the asset [LED-031]: what
-- counts since p_at or before, and was posted at p_known_at or before. Both are in the past, so the
-- answer stays the same. Of one participant, or (null) of all. Reads only.
create or replace function ledger.balances_as_of(
  p_segment_id int,
  p_participant_id int,
  p_at timestamptz,
  p_known_at timestamptz
) returns table (
  participant_id int,
  asset_id int,
  posted numeric
)
language sql stable
as $$
  select s.participant_id, s.asset_id, sum(s.posted)
  from (
    select b.participant_id, b.asset_id, b.posted
    from ledger.posted_before(
      p_segment_id, p_participant_id, least(p_at, p_known_at) + interval '1 microsecond'
    ) as b
    union all
    select e.participant_id, e.asset_id, e.amount
    from ledger.journals as j
    join ledger.entries as e
      on e.segment_id = j.segment_id
      and e.journal_id = j.journal_id
      and e.posted_at = j.posted_at
    where j.segment_id = p_segment_id
      and j.effective_at is not null
      and j.effective_at <= p_at
      and j.posted_at > p_at
      and j.posted_at <= p_known_at
      and e.participant_id = coalesce(p_participant_id, e.participant_id)
  ) as s
  group by s.participant_id, s.asset_id
$$;
comment on function ledger.balances_as_of is
  'what each account had at a time, as far as it was known at another';
--! EndIncluded ledger/balances_as_of.sql
--! Included reference/account_tree.sql
-- An account and all below it, with the way down to each: the ids from the first to its own.
-- Reads only.
create or replace function reference.account_tree(
  p_participant_id int
) returns table (
  participant_id int,
  parent_id int,
  way int[]
)
language sql stable
as $$
  with recursive down as (
    select p.participant_id, p.parent_id, array[p.participant_id] as way
    from reference.participants as p
    where p.participant_id = p_participant_id
    union all
    select c.participant_id, c.parent_id, d.way || c.participant_id
    from down as d
    join reference.participants as c
      on c.parent_id = d.participant_id
  )
  select d.participant_id, d.parent_id, d.way
  from down as d
$$;
comment on function reference.account_tree is 'an account and all below it, with the way to each';
--! EndIncluded reference/account_tree.sql
--! Included ledger/roll_up.sql
-- What an account and each one below it has of each asset, its own and with all that is below it,
-- in one snapshot [LED-035]: what stands now, or (p_at) what it had then as far as it was known at
-- p_known_at, where nothing is held. Reads only.
create or replace function ledger.roll_up(
  p_segment_id int,
  p_participant_id int,
  p_at timestamptz,
  p_known_at timestamptz
) returns table (
  participant_id int,
  asset_id int,
  own numeric,
  own_held numeric,
  total numeric,
  total_held numeric
)
language sql stable
as $$
  with tree as materialized (
    select t.* from reference.account_tree(p_participant_id) as t
  ), had as (
    select a.participant_id, a.asset_id, a.posted::numeric as posted, a.held::numeric as held
    from tree as t
    join ledger.accounts as a
      on a.segment_id = p_segment_id
      and a.participant_id = t.participant_id
    where p_at is null
    union all
    select b.participant_id, b.asset_id, b.posted, 0
    from tree as t
    cross join lateral ledger.balances_as_of(
      p_segment_id, t.participant_id, p_at, p_known_at
    ) as b
    where p_at is not null
  )
  select
    w.participant_id, h.asset_id,
    coalesce(sum(h.posted) filter (where h.participant_id = w.participant_id), 0),
    coalesce(sum(h.held) filter (where h.participant_id = w.participant_id), 0),
    sum(h.posted), sum(h.held)
  from tree as t
  join had as h
    on h.participant_id = t.participant_id
  cross join lateral unnest(t.way) as w (participant_id)
  group by w.participant_id, h.asset_id
$$;
comment on function ledger.roll_up is
  'what an account and each one below it has, its own and with all below it';
--! EndIncluded ledger/roll_up.sql
--! Included api/account_tree.sql
-- A participant and all its sub-accounts, those below those too, each with what it has by asset:
-- its own, and with all that is below it, in one snapshot [LED-035]. Reads only. Raises: NFPAR.
create or replace function api.account_tree(
  p_segment_id int,
  p_client_id text
) returns table (
  client_id text,
  parent text,
  custody text,
  balances json
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_participant_id int := (reference.get_participant(p_client_id)).participant_id;
begin
  return query
  select
    p.client_id, o.client_id, p.custody,
    coalesce(
      json_agg(json_build_object(
        'asset', a.asset,
        'available', trim_scale(r.own - r.own_held)::text,
        'held', trim_scale(r.own_held)::text,
        'total_available', trim_scale(r.total - r.total_held)::text,
        'total_held', trim_scale(r.total_held)::text
      ) order by a.asset) filter (where a.asset is not null), '[]'
    )
  from reference.account_tree(v_participant_id) as t
  join reference.participants as p
    on p.participant_id = t.participant_id
  left join reference.participants as o
    on o.participant_id = p.parent_id
  left join ledger.roll_up(p_segment_id, v_participant_id, null, null) as r
    on r.participant_id = t.participant_id
  left join reference.assets as a
    on a.asset_id = r.asset_id
  group by t.way, p.client_id, o.client_id, p.custody
  order by t.way;
end;
$$;
comment on function api.account_tree is 'a participant and all below it, with what each has';
revoke execute on function api.account_tree from public;
grant execute on function api.account_tree to pgsettle_app;
--! EndIncluded api/account_tree.sql
--! Included ledger/apply_changes.sql
-- Locks the accounts of these changes and adds the changes. Returns false, with nothing changed and
-- the accounts locked, when one would hold more than it has. For ledger.change_accounts.
-- The accounts are written by place, as they were locked: nobody else can have moved them.
-- Locks: the accounts, in the order (participant, asset). Writes: ledger.accounts.
-- Raises: NVACC when one of them does not stand; 23514 when a rule of the table is broken.
create or replace function ledger.apply_changes(
  p_segment_id int,
  p_changes ledger.account_change[]
) returns boolean
language plpgsql volatile
set enable_seqscan = off     -- by place, however few rows there seem to be
set enable_hashjoin = off
set enable_mergejoin = off
set enable_bitmapscan = off  -- by the greatest version first: a plan that sorts reads all that an
set enable_sort = off        -- old transaction keeps (183 ms instead of 3 for 400 accounts)
as $$
declare
  v_found int;
  v_short int;
  v_rows tid[];
  v_posted numeric[];
  v_held numeric[];
  v_in numeric[];
  v_out numeric[];
begin
  with locked as materialized (
    select
      a.tid, a.posted + c.posted as posted, a.held + c.held as held,
      a.unsettled_in + c.unsettled_in as unsettled_in,
      a.unsettled_out + c.unsettled_out as unsettled_out,
      not a.may_be_negative and c.held > c.posted as is_at_risk
    from ledger.account_changes(p_segment_id, p_changes) as c
    cross join lateral (
      select b.ctid as tid, b.posted, b.held, b.unsettled_in, b.unsettled_out, b.may_be_negative
      from ledger.accounts as b
      where b.segment_id = c.segment_id
        and b.participant_id = c.participant_id
        and b.asset_id = c.asset_id
      order by b.version_no desc
      limit 1
      for no key update
    ) as a
  )
  select
    count(*), count(*) filter (where l.is_at_risk and l.held > l.posted),
    array_agg(l.tid), array_agg(l.posted), array_agg(l.held), array_agg(l.unsettled_in),
    array_agg(l.unsettled_out)
  into v_found, v_short, v_rows, v_posted, v_held, v_in, v_out
  from locked as l;
  if v_found < cardinality(p_changes) then
    raise exception 'an account of nobody, or of no asset' using errcode = 'NVACC';
  elsif v_short > 0 then
    return false;
  end if;

  update ledger.accounts as a
  set posted = n.posted,
    held = n.held,
    unsettled_in = n.unsettled_in,
    unsettled_out = n.unsettled_out,
    changes = a.changes + 1
  from (
    select
      unnest(v_rows) as tid, unnest(v_posted) as posted, unnest(v_held) as held,
      unnest(v_in) as unsettled_in, unnest(v_out) as unsettled_out
  ) as n
  where a.ctid = n.tid;
  get diagnostics v_found = row_count;
  if v_found < cardinality(v_rows) then
    raise exception 'an account is not where it was locked' using errcode = 'NVACC';
  end if;
  return true;
end;
$$;
comment on function ledger.apply_changes is
  'locks accounts and adds changes; false when one would hold more than it has';
--! EndIncluded ledger/apply_changes.sql
--! Included ledger/find_account.sql
-- The account of a participant in an asset; no row where it does not stand. Reads without a lock.
-- Each look-up of an account goes by this order: while an old transaction keeps what is gone, the
-- key leads to every earlier version of the row, and the newest is first [LED-005]. Who calls it
-- often switches off plans that read them all and sort: enable_bitmapscan, enable_sort.
create or replace function ledger.find_account(
  p_segment_id int,
  p_participant_id int,
  p_asset_id int
) returns setof ledger.accounts
language sql stable
rows 1
as $$
  select a.*
  from ledger.accounts as a
  where a.segment_id = p_segment_id
    and a.participant_id = p_participant_id
    and a.asset_id = p_asset_id
  order by a.version_no desc
  limit 1
$$;
comment on function ledger.find_account is 'the account of a participant in an asset';
--! EndIncluded ledger/find_account.sql
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
  where not exists (select from ledger.find_account(p_segment_id, c.participant_id, c.asset_id))
  order by c.participant_id, c.asset_id;
end;
$$;
comment on function ledger.open_accounts is 'opens the accounts of changes where they are missing';
--! EndIncluded ledger/open_accounts.sql
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
begin
  for v_try in 1..2 loop
    begin
      if not ledger.apply_changes(p_segment_id, p_changes) then
        return false;
      end if;
      exit;
    exception when sqlstate 'NVACC' then
      if v_try = 2 then
        raise;
      end if;
    end;
    -- What was locked has gone with the block: they are opened before any is locked.
    perform ledger.open_accounts(p_segment_id, p_changes);
  end loop;

  if exists (select from ledger.waits as w where w.segment_id = p_segment_id) then
    perform ledger.tell_waits(p_segment_id, p_changes);
  end if;
  return true;
end;
$$;
comment on function ledger.change_accounts is
  'adds changes to accounts, all or none; false when one would hold more than it has';
--! EndIncluded ledger/change_accounts.sql
--! Included settlement/hold_changes.sql
-- What holding the amounts of an instruction changes on the accounts, one change an account: each
-- side's are held and to go, the other's to come. Takes 1 to hold, -1 to give back. Reads nothing.
create or replace function settlement.hold_changes(
  p_instruction settlement.waiting_instructions,
  p_sign int
) returns ledger.account_change[]
language sql immutable
as $$
  select ledger.sum_changes(array_agg(
    row(c.participant_id, c.asset_id, 0, p_sign * c.due_out, p_sign * c.due_in, p_sign * c.due_out)
      ::ledger.account_change
  ))
  from (
    values
      (p_instruction.buyer_id, p_instruction.quote_asset_id,
        p_instruction.notional::numeric + p_instruction.buyer_fee, 0.0),
      (p_instruction.seller_id, p_instruction.base_asset_id, p_instruction.quantity::numeric, 0.0),
      (p_instruction.buyer_id, p_instruction.base_asset_id, 0, p_instruction.quantity::numeric),
      (p_instruction.seller_id, p_instruction.quote_asset_id, 0,
        p_instruction.notional::numeric - p_instruction.seller_fee)
  ) as c (participant_id, asset_id, due_out, due_in)
$$;
comment on function settlement.hold_changes is
  'what holding the amounts of an instruction changes on the accounts';
--! EndIncluded settlement/hold_changes.sql
--! Included settlement/remove_instruction.sql
-- Takes an instruction that will never settle out of what waits. What is final of it stays, and
-- nobody waits for it any longer. Takes its row, which the caller has locked, who says so and why.
-- Writes: settlement.waiting_instructions, cancelled_instructions, links, events, ledger.waits.
create or replace function settlement.remove_instruction(
  p_instruction settlement.waiting_instructions,
  p_reason text,
  p_by text,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
begin
  delete from settlement.waiting_instructions as i
  where i.segment_id = p_instruction.segment_id
    and i.instruction_id = p_instruction.instruction_id;
  delete from ledger.waits as w
  where w.segment_id = p_instruction.segment_id
    and w.waiter_id = p_instruction.instruction_id;
  insert into settlement.cancelled_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, attempts, created_at, cancelled_at,
    reason, cancelled_by
  )
  values (
    p_instruction.segment_id, p_instruction.instruction_id, p_instruction.symbol_id,
    p_instruction.buyer_id, p_instruction.seller_id, p_instruction.base_asset_id,
    p_instruction.quote_asset_id,
    p_instruction.quantity, p_instruction.notional, p_instruction.buyer_fee,
    p_instruction.seller_fee, p_instruction.value_date, p_instruction.attempts,
    p_instruction.created_at, p_now, p_reason, p_by
  );

  -- Nobody waits for what will not come.
  with gone as (
    delete from settlement.links as l
    where l.segment_id = p_instruction.segment_id
      and p_instruction.instruction_id in (l.instruction_id, l.other_id)
    returning l.instruction_id
  )
  update settlement.waiting_instructions as i
  set next_attempt_at = greatest(p_now, i.due_at)
  from gone as g
  where i.segment_id = p_instruction.segment_id
    and i.instruction_id = g.instruction_id
    and i.reason = 'LINKED';
  insert into settlement.instruction_events (segment_id, instruction_id, at, kind, detail)
  values (
    p_instruction.segment_id, p_instruction.instruction_id, p_now, 'CANCELLED',
    p_by || ': ' || p_reason
  );
end;
$$;
comment on function settlement.remove_instruction is
  'takes an instruction that will never settle out of what waits';
--! EndIncluded settlement/remove_instruction.sql
--! Included ledger/journal_digest.sql
-- What a journal's link is made from but its place: the journal as PostgreSQL prints a row, with
-- the time in microseconds since 1970 (and behind it, where it counts since an earlier time, that
-- one), the numbers of its lines and their digest [LED-010].
-- Reads nothing.
create or replace function ledger.journal_digest(
  p_segment_id int,
  p_journal_id bigint,
  p_kind ledger.journal_kind,
  p_posted_at timestamptz,
  p_transfer_count int,
  p_instruction_ids bigint[],
  p_lines ledger.journal_lines,
  p_effective_at timestamptz default null
) returns bytea
language sql stable
as $$
  select
    sha256(
      convert_to(
        row(p_segment_id, p_journal_id, p_kind,
          (extract(epoch from p_posted_at) * 1000000)::bigint, p_transfer_count,
          p_instruction_ids)::text
          || coalesce(' ' || (extract(epoch from p_effective_at) * 1000000)::bigint, ''), 'UTF8'
      ) || array_send(p_lines.line_nos) || p_lines.digest
    )
$$;
comment on function ledger.journal_digest is 'digest of a journal and its lines, without its place';
--! EndIncluded ledger/journal_digest.sql
--! Included ledger/post_journal.sql
-- Closes a posting transaction: gives it its finality number and writes its journal. Call it last:
-- the number is given under the row lock of ledger.segment_state, which is held over the commit, so
-- that numbers are dense and in the order of commits, and no reader can skip one.
-- The journal is linked to the one before it, over all its lines [LED-010]. The caller makes the
-- digest of those before it locks accounts; under the lock there is only the link to be made.
-- Nothing is posted into a closed period [LED-030]: its end stands in the row that is locked
-- anyway. Takes since when it counts, where that is not p_now [LED-034].
-- Locks: the segment's row of ledger.segment_state. Writes: ledger.segment_state, ledger.journals.
-- Raises: STPER.
create or replace function ledger.post_journal(
  p_segment_id int,
  p_journal_id bigint,
  p_kind ledger.journal_kind,
  p_now timestamptz,
  p_instruction_ids bigint[],
  p_lines ledger.journal_lines,
  p_effective_at timestamptz default null
) returns bigint -- finality number
language plpgsql volatile
as $$
declare
  v_count int := cardinality(p_lines.line_nos);
  v_digest bytea := ledger.journal_digest(
    p_segment_id, p_journal_id, p_kind, p_now, v_count, p_instruction_ids, p_lines,
    p_effective_at
  );
  v_finality_no bigint;
  v_link bytea;
  v_closed_until timestamptz;
begin
  update ledger.segment_state as s
  set last_finality_no = s.last_finality_no + 1,
    last_link = ledger.next_link(s.last_link, s.last_finality_no + 1, v_digest)
  where s.segment_id = p_segment_id
  returning s.last_finality_no, s.last_link, s.closed_until
  into strict v_finality_no, v_link, v_closed_until;
  if least(p_now, p_effective_at) < v_closed_until then
    raise exception 'the period up to % is closed', v_closed_until
      using errcode = 'STPER', hint = 'PERIOD_CLOSED';
  end if;

  insert into ledger.journals (
    segment_id, journal_id, finality_no, kind, posted_at, instruction_ids, transfer_count,
    line_nos, line_marks, link, effective_at
  )
  values (
    p_segment_id, p_journal_id, v_finality_no, p_kind, p_now, p_instruction_ids, v_count,
    p_lines.line_nos, p_lines.line_marks, v_link, p_effective_at
  );

  return v_finality_no;
end;
$$;
comment on function ledger.post_journal is
  'numbers, links and writes the journal of a posting transaction; call it last';
--! EndIncluded ledger/post_journal.sql
--! Included settlement/settle_instructions.sql
-- Settles claimed instructions, delivery against payment: all legs and fees of all of them are
-- posted as one journal, or none [SET-002]. Each gives up to four transfers: the base from the
-- seller to the buyer, the notional from the buyer to the seller, and a fee from each to the house
-- (a negative fee is a rebate from the house); the house has them in one change [LED-060].
-- Takes the claimed ids. Returns how many it settled: an id that is no longer pending is passed
-- over. What it changes is summed by party before it is summed by account: few sums of many rows
-- (5 ms instead of 12 for 2,000), and from the rows where they are deleted (no array of them: 1.3).
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
  v_changes ledger.account_change[];
begin
  with gone as (
    delete from settlement.pending_instructions as i
    using reference.ids(p_segment_id, p_instruction_ids) as c
    where i.segment_id = c.segment_id and i.instruction_id = c.id
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
    cross join lateral settlement.legs(g.base_asset_id, g.quote_asset_id, g.buyer_id, g.seller_id,
      g.quantity, g.notional, g.buyer_fee, g.seller_fee) as l
    returning line_no, ledger.transfer_content(kind, asset_id, debit_participant_id,
      credit_participant_id, amount, instruction_id) as content
  )
  select c.changes, d.settled, l.line_nos, l.line_marks, l.digest
  into v_changes, v_settled, v_lines.line_nos, v_lines.line_marks, v_lines.digest
  from (select count(*) as settled from gone) as d
  cross join (
    select array_agg(p.change) as changes
    from (
      select row(u.id, u.asset_id, sum(u.due_in) - sum(u.due_out) + sum(u.fee), -sum(u.due_out),
        -sum(u.due_in), -sum(u.due_out))::ledger.account_change as change
      from (
        select buyer_id, base_asset_id, sum(quantity), 0, 0 from gone group by 1, 2
        union all select seller_id, base_asset_id, 0, sum(quantity), 0 from gone group by 1, 2
        union all select buyer_id, quote_asset_id, 0, sum(notional + buyer_fee), 0 from gone
          group by 1, 2
        union all select seller_id, quote_asset_id, sum(notional - seller_fee), 0, 0 from gone
          group by 1, 2
        union all select reference.house_id(), quote_asset_id, 0, 0, sum(buyer_fee + seller_fee)
          from gone group by 1, 2
      ) as u (id, asset_id, due_in, due_out, fee)
      group by u.id, u.asset_id
    ) as p
  ) as c
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
  if not ledger.change_accounts(p_segment_id, v_changes) then
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
--! Included settlement/end_outside_instruction.sql
-- Ends the instruction of an outside leg: CONFIRMED settles it, delivery against payment, in one
-- journal [SET-002]; VOIDED cancels it and gives back what was held for both sides. The caller has
-- the leg locked, and it had not ended.
-- Writes: settlement.waiting_instructions, what settling or cancelling writes, ledger.accounts.
-- Locks: the instruction, the accounts, segment_state.
create or replace function settlement.end_outside_instruction(
  p_leg settlement.outside_legs,
  p_status text,
  p_by text,
  p_reason text,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_instruction settlement.waiting_instructions;
begin
  select i.* into strict v_instruction
  from settlement.waiting_instructions as i
  where i.segment_id = p_leg.segment_id
    and i.instruction_id = p_leg.instruction_id
  for update;

  if p_status = 'VOIDED' then
    perform settlement.remove_instruction(
      v_instruction, coalesce(left(p_reason, 500), 'voided'), p_by, p_now
    );
    if not ledger.change_accounts(
      p_leg.segment_id, settlement.hold_changes(v_instruction, -1)
    ) then
      raise exception 'an account does not hold what was held for it' using errcode = 'NVACC';
    end if;
    return;
  end if;

  -- In line for no longer than this transaction: nobody else sees it there.
  delete from settlement.waiting_instructions as i
  where i.segment_id = p_leg.segment_id
    and i.instruction_id = p_leg.instruction_id;
  insert into settlement.pending_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, attempts, created_at
  )
  values (
    v_instruction.segment_id, v_instruction.instruction_id, v_instruction.symbol_id,
    v_instruction.buyer_id, v_instruction.seller_id, v_instruction.base_asset_id,
    v_instruction.quote_asset_id, v_instruction.quantity, v_instruction.notional,
    v_instruction.buyer_fee, v_instruction.seller_fee, v_instruction.value_date,
    v_instruction.attempts, v_instruction.created_at
  );
  perform settlement.settle_instructions(
    p_leg.segment_id, p_now, array[p_leg.instruction_id]
  );
end;
$$;
comment on function settlement.end_outside_instruction is
  'settles the instruction of an outside leg, or cancels it';
--! EndIncluded settlement/end_outside_instruction.sql
--! Included ledger/give_back.sql
-- Ends a withdrawal without paying it: what was held for it is available again [LED-020]. Takes its
-- row, which the caller has locked and found PENDING, who says so and why. Returns it as it is
-- then. Writes: ledger.withdrawals, accounts. Locks: the account. Raises: NVACC.
create or replace function ledger.give_back(
  p_withdrawal ledger.withdrawals,
  p_by text,
  p_reason text,
  p_now timestamptz
) returns ledger.withdrawals
language plpgsql volatile
as $$
declare
  v_withdrawal ledger.withdrawals;
begin
  update ledger.withdrawals as w
  set status = 'REJECTED',
    decided_by = p_by,
    decided_at = p_now,
    reject_reason = p_reason
  where w.segment_id = p_withdrawal.segment_id
    and w.withdrawal_id = p_withdrawal.withdrawal_id
    and w.status = 'PENDING'
  returning w.* into strict v_withdrawal;

  if not ledger.change_accounts(v_withdrawal.segment_id, array[
    row(v_withdrawal.participant_id, v_withdrawal.asset_id, 0, -v_withdrawal.amount, 0, 0)
  ]::ledger.account_change[]) then
    raise exception 'an account does not hold what was held for it' using errcode = 'NVACC';
  end if;
  return v_withdrawal;
end;
$$;
comment on function ledger.give_back is 'ends a withdrawal and gives back what was held for it';
--! EndIncluded ledger/give_back.sql
--! Included ledger/post_withdrawal.sql
-- Posts a withdrawal: its hold ends and its amount leaves for the world outside [LED-020]. Takes
-- its row, which the caller has locked and found PENDING, and who approved it. Returns it as it is
-- then. Writes: ledger.withdrawals, transfers, accounts, journals. Locks: the two accounts,
-- segment_state. Raises: NVACC when the account does not hold what was held for it.
create or replace function ledger.post_withdrawal(
  p_withdrawal ledger.withdrawals,
  p_by text,
  p_now timestamptz
) returns ledger.withdrawals
language plpgsql volatile
as $$
declare
  v_withdrawal ledger.withdrawals;
  v_segment_id int := p_withdrawal.segment_id;
  v_external_id int := reference.external_id();
  v_journal_id bigint := nextval('ledger.journal_ids');
begin
  insert into ledger.transfers
  values (
    v_segment_id, v_journal_id, 1, 'WITHDRAWAL', p_withdrawal.asset_id,
    p_withdrawal.participant_id, v_external_id, p_withdrawal.amount, null, p_now
  );
  update ledger.withdrawals as w
  set status = 'POSTED',
    decided_by = p_by,
    decided_at = p_now,
    journal_id = v_journal_id
  where w.segment_id = v_segment_id
    and w.withdrawal_id = p_withdrawal.withdrawal_id
    and w.status = 'PENDING'
  returning w.* into strict v_withdrawal;

  if not ledger.change_accounts(v_segment_id, array[
    row(v_withdrawal.participant_id, v_withdrawal.asset_id, -v_withdrawal.amount,
      -v_withdrawal.amount, 0, 0),
    row(v_external_id, v_withdrawal.asset_id, v_withdrawal.amount, 0, 0, 0)
  ]::ledger.account_change[]) then
    raise exception 'an account cannot pay what was held for it' using errcode = 'NVACC';
  end if;
  perform ledger.post_journal(
    v_segment_id, v_journal_id, 'WITHDRAWAL', p_now, '{}',
    ledger.posted_lines(v_segment_id, v_journal_id, p_now)
  );
  return v_withdrawal;
end;
$$;
comment on function ledger.post_withdrawal is 'posts a withdrawal that is approved, once';
--! EndIncluded ledger/post_withdrawal.sql
--! Included settlement/end_withdrawal.sql
-- Ends the withdrawal of an outside leg: CONFIRMED posts it, VOIDED gives it back. The caller has
-- the leg locked, and it had not ended. Writes: ledger.withdrawals, transfers, accounts, journals.
-- Locks: the withdrawal, the accounts, segment_state.
create or replace function settlement.end_withdrawal(
  p_leg settlement.outside_legs,
  p_status text,
  p_by text,
  p_reason text,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_withdrawal ledger.withdrawals :=
    ledger.lock_withdrawal(p_leg.segment_id, p_leg.withdrawal_id, p_by);
begin
  if p_status = 'CONFIRMED' then
    perform ledger.post_withdrawal(v_withdrawal, v_withdrawal.approved_by, p_now);
  else
    perform ledger.give_back(v_withdrawal, p_by, coalesce(left(p_reason, 500), 'voided'), p_now);
  end if;
end;
$$;
comment on function settlement.end_withdrawal is
  'posts the withdrawal of an outside leg, or gives it back';
--! EndIncluded settlement/end_withdrawal.sql
--! Included settlement/note_outside_leg.sql
-- Writes down what happened to an outside leg, who did it and why. Takes the leg as it is by then.
-- Writes: settlement.outside_leg_events.
create or replace function settlement.note_outside_leg(
  p_leg settlement.outside_legs,
  p_kind text,
  p_by text,
  p_detail text,
  p_now timestamptz
) returns void
language sql volatile
as $$
  insert into settlement.outside_leg_events (segment_id, leg_id, at, kind, token, by, detail)
  values (p_leg.segment_id, p_leg.leg_id, p_now, p_kind, p_leg.token, p_by, p_detail)
$$;
comment on function settlement.note_outside_leg is 'writes down what happened to an outside leg';
--! EndIncluded settlement/note_outside_leg.sql
--! Included settlement/end_outside_leg.sql
-- Ends an outside leg: CONFIRMED posts what it is of, VOIDED gives back what was held for it, once
-- [SET-040]. Takes its row, which the caller has locked, who says so, why, and what the receiver
-- calls it. The same result again changes nothing; another is refused: the first stands [SET-044].
-- Returns the status.
-- Writes: settlement.outside_legs, its events, what posting or giving back writes.
-- Locks: the withdrawal or the instruction, the accounts, segment_state. Raises: STLEG.
create or replace function settlement.end_outside_leg(
  p_leg settlement.outside_legs,
  p_status text,
  p_by text,
  p_reason text,
  p_reference text,
  p_now timestamptz
) returns text
language plpgsql volatile
as $$
begin
  if p_leg.status = p_status then
    return p_status;
  elsif p_leg.ended_at is not null then
    raise exception 'outside leg % is % already', p_leg.leg_id, p_leg.status
      using errcode = 'STLEG', hint = 'ALREADY_ENDED';
  end if;

  update settlement.outside_legs as l
  set status = p_status,
    reason = left(p_reason, 500),
    reference = left(p_reference, 200),
    worker = null,
    leased_until = null,
    next_attempt_at = null,
    ended_at = p_now,
    ended_by = p_by
  where l.segment_id = p_leg.segment_id
    and l.leg_id = p_leg.leg_id;
  perform settlement.note_outside_leg(
    p_leg, p_status, p_by, concat_ws(' ', left(p_reason, 500), left(p_reference, 200)), p_now
  );

  if p_leg.kind = 'WITHDRAWAL' then
    perform settlement.end_withdrawal(p_leg, p_status, p_by, p_reason, p_now);
  else
    perform settlement.end_outside_instruction(p_leg, p_status, p_by, p_reason, p_now);
  end if;
  return p_status;
end;
$$;
comment on function settlement.end_outside_leg is
  'confirms or voids an outside leg, once: posts what it is of, or gives it back';
--! EndIncluded settlement/end_outside_leg.sql
--! Included settlement/hear_receiver.sql
-- Ends an outside leg on its receiver's word, CONFIRMED or VOIDED. When it has ended otherwise that
-- stands, and the leg is marked as disputed, for a person to look at [SET-044]. Takes its row,
-- which the caller has locked. Returns the status that stands.
-- Writes and locks: as settlement.end_outside_leg. Raises: IVOUT (no such result).
create or replace function settlement.hear_receiver(
  p_leg settlement.outside_legs,
  p_outcome text,
  p_reason text,
  p_reference text,
  p_now timestamptz
) returns text
language plpgsql volatile
as $$
declare
  v_by text := 'outside:' || p_leg.adapter;
begin
  if (p_outcome in ('CONFIRMED', 'VOIDED')) is not true then
    raise exception 'a result is CONFIRMED or VOIDED, not %', p_outcome
      using errcode = 'IVOUT', hint = 'BAD_OUTCOME', column = 'status';
  elsif p_leg.ended_at is null or p_leg.status = p_outcome then
    return settlement.end_outside_leg(p_leg, p_outcome, v_by, p_reason, p_reference, p_now);
  end if;

  if p_leg.disputed_at is null then
    update settlement.outside_legs as l
    set disputed_at = p_now
    where l.segment_id = p_leg.segment_id
      and l.leg_id = p_leg.leg_id;
    perform settlement.note_outside_leg(
      p_leg, 'DISPUTED', v_by, concat_ws(' ', p_outcome, left(p_reason, 500)), p_now
    );
  end if;
  return p_leg.status;
end;
$$;
comment on function settlement.hear_receiver is
  'ends an outside leg on its receiver''s word; what ended otherwise stands, and is disputed';
--! EndIncluded settlement/hear_receiver.sql
--! Included settlement/answer_outside_leg.sql
-- The result of an outside leg that its receiver sends by itself, by the external id: CONFIRMED or
-- VOIDED [SET-044]. The caller has seen that it is the receiver's word. Returns the status that
-- stands. Writes and locks: as settlement.hear_receiver, and the leg before.
-- Raises: NFLEG, IVOUT (no such result), STLEG (never sent).
create or replace function settlement.answer_outside_leg(
  p_segment_id int,
  p_external_id uuid,
  p_outcome text,
  p_reason text,
  p_reference text,
  p_now timestamptz
) returns text
language plpgsql volatile
as $$
declare
  v_leg settlement.outside_legs;
begin
  select l.* into v_leg
  from settlement.outside_legs as l
  where l.segment_id = p_segment_id
    and l.external_id = p_external_id
  for no key update of l;

  if not found then
    raise exception 'there is no outside leg of external id %', p_external_id
      using errcode = 'NFLEG', hint = 'UNKNOWN_OUTSIDE_LEG', column = 'external_id';
  elsif v_leg.status = 'RESERVED' then
    raise exception 'outside leg % was never sent', v_leg.leg_id
      using errcode = 'STLEG', hint = 'NOT_SENT';
  end if;
  return settlement.hear_receiver(v_leg, p_outcome, p_reason, p_reference, p_now);
end;
$$;
comment on function settlement.answer_outside_leg is
  'the result of an outside leg that its receiver sends, by the external id';
--! EndIncluded settlement/answer_outside_leg.sql
--! Included api/answer_outside_leg.sql
-- Takes the result of an outside leg from its receiver, whose signature the caller has verified;
-- see settlement.answer_outside_leg. Returns the status that stands. Raises: NFLEG, IVOUT, STLEG.
create or replace function api.answer_outside_leg(
  p_segment_id int,
  p_external_id uuid,
  p_outcome text,
  p_reason text,
  p_reference text,
  p_now timestamptz
) returns text
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return settlement.answer_outside_leg(
    p_segment_id, p_external_id, p_outcome, p_reason, p_reference, p_now
  );
end;
$$;
comment on function api.answer_outside_leg is
  'takes the result of an outside leg from its receiver';
revoke execute on function api.answer_outside_leg from public;
grant execute on function api.answer_outside_leg to pgsettle_app;
--! EndIncluded api/answer_outside_leg.sql
--! Included ledger/refuse_decided.sql
-- Refuses a withdrawal that is decided, or approved and on its way outside. The caller has its row
-- locked. Raises: STWDR. Reads nothing.
create or replace function ledger.refuse_decided(
  p_withdrawal ledger.withdrawals
) returns void
language plpgsql stable
as $$
begin
  if p_withdrawal.status <> 'PENDING' then
    raise exception 'withdrawal % is %', p_withdrawal.withdrawal_id, p_withdrawal.status
      using errcode = 'STWDR', hint = 'ALREADY_DECIDED';
  elsif p_withdrawal.approved_by is not null then
    raise exception 'withdrawal % is approved, and on its way outside', p_withdrawal.withdrawal_id
      using errcode = 'STWDR', hint = 'ALREADY_APPROVED';
  end if;
end;
$$;
comment on function ledger.refuse_decided is
  'refuses a withdrawal that is decided, or on its way outside';
--! EndIncluded ledger/refuse_decided.sql
--! Included ledger/refuse_approval.sql
-- Refuses to approve a withdrawal that is decided or on its way outside, or that the same person
-- asked for [LED-022]. The caller has its row locked. Raises: STWDR, RJSLF. Reads nothing.
create or replace function ledger.refuse_approval(
  p_withdrawal ledger.withdrawals,
  p_by text
) returns void
language plpgsql stable
as $$
begin
  perform ledger.refuse_decided(p_withdrawal);
  if lower(p_withdrawal.requested_by) = lower(p_by) then
    raise exception 'who asked for a withdrawal may not approve it'
      using errcode = 'RJSLF', hint = 'SAME_OPERATOR', column = 'operator';
  end if;
end;
$$;
comment on function ledger.refuse_approval is
  'refuses to approve a withdrawal twice, or by who asked for it';
--! EndIncluded ledger/refuse_approval.sql
--! Included ledger/approve_withdrawal.sql
-- Approves a withdrawal: the amount leaves for the world outside, once [LED-020]. Takes who
-- approves, which may not be who asked [LED-022]. The same approval again answers as the first
-- time, also when the amount leaves through an outside leg.
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
begin
  if v_withdrawal.status = 'POSTED' and lower(v_withdrawal.decided_by) = lower(p_by)
    or v_withdrawal.status = 'PENDING' and lower(v_withdrawal.approved_by) = lower(p_by)
  then
    return v_withdrawal;
  end if;
  perform ledger.refuse_approval(v_withdrawal, p_by);
  return ledger.post_withdrawal(v_withdrawal, p_by, p_now);
end;
$$;
comment on function ledger.approve_withdrawal is
  'pays out a withdrawal that another person asked for, once';
--! EndIncluded ledger/approve_withdrawal.sql
--! Included ledger/let_withdrawal_go.sql
-- Approves a withdrawal whose amount is to leave through an outside leg: it stays held until that
-- ends [LED-020], and who approves may not be who asked [LED-022]. Returns its row.
-- Writes: ledger.withdrawals. Locks: the withdrawal. Raises: NFWDR, IVOPR, RJSLF, STWDR.
create or replace function ledger.let_withdrawal_go(
  p_segment_id int,
  p_withdrawal_id bigint,
  p_by text,
  p_now timestamptz
) returns ledger.withdrawals
language plpgsql volatile
as $$
declare
  v_withdrawal ledger.withdrawals := ledger.lock_withdrawal(p_segment_id, p_withdrawal_id, p_by);
begin
  perform ledger.refuse_approval(v_withdrawal, p_by);

  update ledger.withdrawals as w
  set approved_by = p_by,
    approved_at = p_now
  where w.segment_id = p_segment_id
    and w.withdrawal_id = p_withdrawal_id
  returning w.* into strict v_withdrawal;
  return v_withdrawal;
end;
$$;
comment on function ledger.let_withdrawal_go is
  'approves a withdrawal that leaves through an outside leg; it stays held';
--! EndIncluded ledger/let_withdrawal_go.sql
--! Included settlement/reserve_outside_leg.sql
-- Makes the outside leg of what the caller has held: a WITHDRAWAL, or the DELIVERY or PAYMENT of an
-- instruction [SET-040]. Takes the cause by its id, through which adapter it leaves, who asked for
-- it and who lets it leave. Writes: settlement.outside_legs, its events.
create or replace function settlement.reserve_outside_leg(
  p_outside settlement.outside_assets,
  p_kind text,
  p_cause_id bigint,
  p_requested_by text,
  p_by text,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_leg settlement.outside_legs;
begin
  insert into settlement.outside_legs (
    segment_id, leg_id, kind, withdrawal_id, instruction_id, requested_by, adapter,
    answer_within, next_attempt_at, created_at
  )
  values (
    p_outside.segment_id, nextval('settlement.outside_leg_ids'), p_kind,
    case when p_kind = 'WITHDRAWAL' then p_cause_id end,
    case when p_kind <> 'WITHDRAWAL' then p_cause_id end,
    p_requested_by, p_outside.adapter, p_outside.answer_within, p_now, p_now
  )
  returning * into strict v_leg;
  perform settlement.note_outside_leg(v_leg, 'RESERVED', p_by, null, p_now);
end;
$$;
comment on function settlement.reserve_outside_leg is 'makes the outside leg of what is held';
--! EndIncluded settlement/reserve_outside_leg.sql
--! Included settlement/approve_withdrawal.sql
-- Approves a withdrawal. Of an asset that settles outside, an outside leg is made for it, and it
-- stays held until that is confirmed, which posts it, or voided, which gives it back [SET-040]. Of
-- any other it is posted. Returns its row. The same approval again answers as the first time.
-- Writes: ledger.withdrawals; settlement.outside_legs and its events, or what posting writes.
-- Locks: the withdrawal; where it is posted the accounts, segment_state.
-- Raises: NFWDR, IVOPR, RJSLF (who asked), STWDR (it is decided, or approved, already).
create or replace function settlement.approve_withdrawal(
  p_segment_id int,
  p_withdrawal_id bigint,
  p_by text,
  p_now timestamptz
) returns ledger.withdrawals
language plpgsql volatile
as $$
declare
  v_withdrawal ledger.withdrawals := ledger.lock_withdrawal(p_segment_id, p_withdrawal_id, p_by);
  v_outside settlement.outside_assets;
begin
  select o.* into v_outside
  from settlement.outside_assets as o
  where o.segment_id = p_segment_id
    and o.asset_id = v_withdrawal.asset_id;

  -- What is decided or on its way already, the ledger answers for.
  if not found or v_withdrawal.status <> 'PENDING' or v_withdrawal.approved_by is not null then
    return ledger.approve_withdrawal(p_segment_id, p_withdrawal_id, p_by, p_now);
  end if;

  v_withdrawal := ledger.let_withdrawal_go(p_segment_id, p_withdrawal_id, p_by, p_now);
  perform settlement.reserve_outside_leg(
    v_outside, 'WITHDRAWAL', p_withdrawal_id, v_withdrawal.requested_by, p_by, p_now
  );
  return v_withdrawal;
end;
$$;
comment on function settlement.approve_withdrawal is
  'approves a withdrawal: posts it, or lets it leave through an outside leg';
--! EndIncluded settlement/approve_withdrawal.sql
--! Included api/approve_withdrawal.sql
-- Pays out a withdrawal, or lets it leave through an outside leg, and returns it; see
-- settlement.approve_withdrawal.
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
  perform settlement.approve_withdrawal(p_segment_id, p_withdrawal_id, p_by, p_now);
  return api.find_withdrawal(p_segment_id, p_withdrawal_id);
end;
$$;
comment on function api.approve_withdrawal is 'pays out a withdrawal that another person asked for';
revoke execute on function api.approve_withdrawal from public;
grant execute on function api.approve_withdrawal to pgsettle_app;
--! EndIncluded api/approve_withdrawal.sql
--! Included api/events_after.sql
-- The events behind given numbers, by symbol, in order and without a gap: at most p_limit a symbol.
-- Numbers are given under the lock of the symbol and commit in their order, so what is read up to a
-- number is complete. The trade of a BUST is the one that is busted; the reason of a CORRECTED one
-- is the trade whose place it takes. Reads only.
create or replace function api.events_after(
  p_segment_id int,
  p_symbol_ids int[],
  p_seqs bigint[],
  p_limit int
) returns table (
  symbol_id int,
  symbol text,
  seq bigint,
  at timestamptz,
  kind matching.event_kind,
  order_id bigint,
  client_id text,
  side matching.order_side_enum,
  price numeric,
  quantity numeric,
  remaining numeric,
  prior_price numeric,
  prior_remaining numeric,
  trade_id bigint,
  maker_order_id bigint,
  maker_client_id text,
  maker_remaining numeric,
  reason text,
  visible numeric,
  prior_visible numeric,
  maker_visible numeric,
  maker_prior_visible numeric,
  phase reference.symbol_phase,
  phase_end_at timestamptz
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    c.symbol_id, s.symbol, e.seq, e.at, e.kind, e.order_id, p.client_id, e.side,
    trim_scale(e.price), trim_scale(e.quantity), trim_scale(e.remaining),
    trim_scale(e.prior_price), trim_scale(e.prior_remaining),
    case when e.kind in ('TRADE', 'CORRECTED') then c.symbol_id * 1000000000000 + e.seq
      else e.trade_id end, e.maker_order_id,
    m.client_id, trim_scale(e.maker_remaining),
    case when e.kind = 'CORRECTED' then e.trade_id::text else e.reason end,
    trim_scale(e.visible_quantity),
    trim_scale(e.prior_visible_quantity), trim_scale(e.maker_visible_quantity),
    trim_scale(e.maker_prior_visible_quantity), e.phase,
    case when isfinite(e.phase_end_at) then e.phase_end_at end
  from unnest(p_symbol_ids, p_seqs) as c (symbol_id, seq)
  join reference.symbols as s
    on s.symbol_id = c.symbol_id
  cross join lateral (
    select v.*
    from matching.events as v
    where v.segment_id = p_segment_id
      and v.symbol_id = c.symbol_id
      and v.seq > c.seq
    order by v.seq
    limit p_limit
  ) as e
  left join reference.participants as p
    on p.participant_id = e.participant_id
  left join reference.participants as m
    on m.participant_id = e.maker_id
  order by c.symbol_id, e.seq
$$;
comment on function api.events_after is 'the events behind given numbers, by symbol, in order';
revoke execute on function api.events_after from public;
grant execute on function api.events_after to pgsettle_app;
--! EndIncluded api/events_after.sql
--! Included matching/first_volume_day.sql
-- The first of the 30 days, by UTC, whose trades count for the tiers of a time: that of the time is
-- the last [LED-042]. Reads nothing.
create or replace function matching.first_volume_day(
  p_at timestamptz
) returns date
language sql immutable parallel safe
as $$
  select (p_at at time zone 'UTC')::date - 29
$$;
comment on function matching.first_volume_day is 'the first of the 30 days that count for a tier';
--! EndIncluded matching/first_volume_day.sql
--! Included matching/busted_trades.sql
-- The trades that are busted: the one place that says so. What is summed over trades (volumes,
-- prices, tiers) leaves these out [BST-004]; what took the place of one is a trade like any.
create or replace view matching.busted_trades as
select
  b.segment_id, b.trade_id, b.symbol_id, b.seq, b.decided_at as busted_at, b.reason,
  b.replacement_id
from matching.trade_busts as b
where b.status = 'DONE';
comment on view matching.busted_trades is 'the trades that are busted';
--! EndIncluded matching/busted_trades.sql
--! Included matching/volume_legs.sql
-- What counts for the tiers of fees at a symbol: of each trade behind a number and from a time on,
-- its notional for its taker and for its maker, by the day of the trade in UTC [LED-042]. By the
-- time, the days before are not looked at. Without what is busted [BST-004]. Reads only.
create or replace function matching.volume_legs(
  p_symbol reference.symbols,
  p_after_seq bigint,
  p_from timestamptz
) returns table (
  seq bigint,
  participant_id int,
  traded_on date,
  notional numeric
)
language plpgsql volatile
set enable_seqscan = off     -- a plan made while a day was young must find the last trades by their
set enable_bitmapscan = off  -- key when it is full: that is the index in the order asked for
set enable_sort = off
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
  v_after_id bigint := p_symbol.symbol_id * c_ids_per_symbol + p_after_seq;
  v_before_id bigint := (p_symbol.symbol_id + 1) * c_ids_per_symbol;
begin
  return query
  select t.seq, l.participant_id, (t.traded_at at time zone 'UTC')::date, t.price * t.quantity
  from (
    select u.*
    from matching.trades as u
    where u.segment_id = p_symbol.segment_id
      and not exists (
        select
        from matching.busted_trades as b
        where b.segment_id = u.segment_id
          and b.trade_id = u.trade_id
      )
      and u.trade_id > v_after_id
      and u.trade_id < v_before_id
      and u.traded_at >= p_from
    order by u.trade_id
  ) as t
  cross join lateral (values (t.taker_id), (t.maker_id)) as l (participant_id);
end;
$$;
comment on function matching.volume_legs is 'what counts for the tiers of fees at a symbol';
--! EndIncluded matching/volume_legs.sql
--! Included matching/volume_of.sql
-- What a participant traded at a symbol in the 30 days that count for the tiers of a time, in
-- quote, as maker and as taker: what is summed up, and what was traded since [LED-042]. Reads
-- only.
create or replace function matching.volume_of(
  p_symbol reference.symbols,
  p_participant_id int,
  p_at timestamptz
) returns numeric
language plpgsql volatile
as $$
declare
  v_from date := matching.first_volume_day(p_at);
  v_to date := (p_at at time zone 'UTC')::date;
  v_mark matching.volume_marks;
  v_volume numeric;
begin
  select m.* into v_mark
  from matching.volume_marks as m
  where m.segment_id = p_symbol.segment_id
    and m.symbol_id = p_symbol.symbol_id;
  select
    coalesce((
      select sum(u.volume)
      from matching.volumes as u
      where u.segment_id = p_symbol.segment_id
        and u.symbol_id = p_symbol.symbol_id
        and u.participant_id = p_participant_id
        and u.traded_on between v_from and v_to
    ), 0) + coalesce(sum(l.notional), 0)
  into v_volume
  from matching.volume_legs(
    p_symbol, coalesce(v_mark.last_seq, 0),
    greatest(v_mark.last_at, v_from::timestamp at time zone 'UTC')
  ) as l
  where l.participant_id = p_participant_id
    and l.traded_on between v_from and v_to;
  return v_volume;
end;
$$;
comment on function matching.volume_of is
  'what a participant traded at a symbol in the days that count for its tier';
--! EndIncluded matching/volume_of.sql
--! Included reference/schedules_of.sql
-- The schedule of fees that counts for each of these participants at a symbol at a time: of those
-- in force the most specific [LED-040]. Of the schedules for the same participant and the same
-- symbols, that is in force which began last, of two that began together the one set last; one
-- without rates is as if there were none. Takes the participants, null for everybody's own.
-- Returns no row for who has none: what counts then is the symbol's own rates. Reads only.
create or replace function reference.schedules_of(
  p_symbol reference.symbols,
  p_at timestamptz,
  p_participant_ids int[]
) returns table (
  participant_id int,
  schedule_id bigint
)
language sql volatile
rows 100
as $$
  with begun as (
    select distinct on (s.participant_id, s.symbol_id, s.group_id)
      s.participant_id, s.schedule_id, s.symbol_id is null as is_wide, s.group_id is null as is_open
    from reference.fee_schedules as s
    where s.segment_id = p_symbol.segment_id
      and (s.participant_id is null or s.participant_id = any (p_participant_ids))
      and (s.symbol_id = p_symbol.symbol_id or s.group_id = p_symbol.group_id
        or num_nonnulls(s.symbol_id, s.group_id) = 0)
      and s.effective_from <= p_at
    order by s.participant_id, s.symbol_id, s.group_id, s.effective_from desc, s.schedule_id desc
  ), best as materialized (
    select distinct on (b.participant_id) b.participant_id, b.schedule_id
    from begun as b
    where exists (
      select
      from reference.fee_rates as r
      where r.segment_id = p_symbol.segment_id
        and r.schedule_id = b.schedule_id
    )
    order by b.participant_id, b.is_wide, b.is_open
  )
  select i.id, coalesce(b.schedule_id, e.schedule_id)
  from (select distinct u.id from unnest(p_participant_ids) as u (id)) as i
  left join best as b
    on b.participant_id = i.id
  left join best as e
    on e.participant_id is null
  where coalesce(b.schedule_id, e.schedule_id) is not null
$$;
comment on function reference.schedules_of is
  'the schedule of fees that counts for each participant at a symbol at a time';
--! EndIncluded reference/schedules_of.sql
--! Included matching/fees_of.sql
-- What a participant is charged at each symbol at a time: the rates of its tier, by which row of
-- reference.fee_rates (null: the symbol's own), and where there are tiers its volume of the days
-- that count, and the volume from which the next tier holds. The volume is what is summed up and
-- what was traded since. Reads only.
create or replace function matching.fees_of(
  p_segment_id int,
  p_participant_id int,
  p_at timestamptz
) returns table (
  symbol text,
  maker_rate numeric,
  taker_rate numeric,
  fee_id bigint,
  volume_30d numeric,
  next_volume numeric
)
language sql volatile
as $$
  select
    s.symbol, trim_scale(coalesce(r.maker_rate, s.maker_rate)::numeric),
    trim_scale(coalesce(r.taker_rate, s.taker_rate)::numeric), r.fee_id,
    trim_scale(case when f.tier_count > 1 then v.volume end), trim_scale(r.next_volume)
  from reference.symbols as s
  left join lateral reference.schedules_of(s, p_at, array[p_participant_id]) as h on true
  left join lateral (
    select count(*) as tier_count
    from reference.fee_rates as t
    where t.segment_id = p_segment_id
      and t.schedule_id = h.schedule_id
  ) as f on true
  left join lateral matching.volume_of(s, p_participant_id, p_at) as v (volume)
    on f.tier_count > 1
  left join lateral (
    select t.*, lead(t.min_volume) over (order by t.min_volume) as next_volume
    from reference.fee_rates as t
    where t.segment_id = p_segment_id
      and t.schedule_id = h.schedule_id
  ) as r
    on r.min_volume <= coalesce(v.volume, 0)
    and (r.next_volume > coalesce(v.volume, 0)) is not false
  where s.segment_id = p_segment_id
    and s.status <> 'DELISTED'
  order by s.symbol
$$;
comment on function matching.fees_of is 'what a participant is charged at each symbol at a time';
--! EndIncluded matching/fees_of.sql
--! Included api/fees.sql
-- What a participant is charged at each symbol, by the name of the symbol; see matching.fees_of.
-- Reads only. Raises: NFPAR.
create or replace function api.fees(
  p_segment_id int,
  p_client_id text,
  p_now timestamptz
) returns table (
  symbol text,
  maker_rate numeric,
  taker_rate numeric,
  fee_id bigint,
  volume_30d numeric,
  next_volume numeric
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select f.*
  from matching.fees_of(
    p_segment_id, (reference.get_participant(p_client_id)).participant_id, p_now
  ) as f;
end;
$$;
comment on function api.fees is 'what a participant is charged at each symbol';
revoke execute on function api.fees from public;
grant execute on function api.fees to pgsettle_app;
--! EndIncluded api/fees.sql
--! Included matching/fee_part.sql
-- The part of a fill's fee that falls on a piece of its quantity, from p_begin to p_end: the
-- difference of two sums rounded to 18 decimals, so that the pieces add up to the fee. Zero for no
-- fill. Is inlined. Reads nothing.
create or replace function matching.fee_part(
  p_fee numeric,
  p_quantity numeric,
  p_begin numeric,
  p_end numeric
) returns numeric
language sql immutable parallel safe
as $$
  select coalesce(
    round(p_fee * p_end / p_quantity, 18) - round(p_fee * p_begin / p_quantity, 18), 0
  )
$$;
comment on function matching.fee_part is 'the part of a fee that falls on a piece of its fill';
--! EndIncluded matching/fee_part.sql
--! Included matching/standing_trades.sql
-- The trades that count: all but those that are busted [BST-004].
create or replace view matching.standing_trades as
select t.*
from matching.trades as t
where not exists (
  select
  from matching.trade_busts as b
  where b.segment_id = t.segment_id
    and b.trade_id = t.trade_id
    and b.status = 'DONE'
);
comment on view matching.standing_trades is 'the trades that count: all but those that are busted';
--! EndIncluded matching/standing_trades.sql
--! Included matching/participant_fills.sql
-- The fills of a participant, of one symbol or (null) of all: what it bought (positive) or sold,
-- and how much of that symbol it had bought, or sold, before. Found by its orders; without those
-- that are busted [BST-004]. Reads only.
-- Not inlined, and said to be many: estimated as one, 15,000 fills were joined in a loop, which
-- took 30 s instead of 0.2 (PostgreSQL 18).
create or replace function matching.participant_fills(
  p_segment_id int,
  p_participant_id int,
  p_symbol_id int
) returns table (
  symbol_id int,
  trade_id bigint,
  traded_at timestamptz,
  is_buy boolean,
  quantity numeric,
  price numeric,
  fee numeric,
  before numeric
)
language plpgsql stable
rows 10000
as $$
begin
  return query
  select
    f.symbol_id, f.trade_id, f.traded_at, f.is_buy, f.quantity, f.price, f.fee,
    sum(f.quantity) over (
      partition by f.symbol_id, f.is_buy
      order by f.traded_at, f.trade_id
    ) - f.quantity
  from (
    select o.symbol_id, t.trade_id, t.traded_at, o.side = 'BUY' as is_buy,
      t.quantity::numeric as quantity, t.price::numeric as price, t.fee::numeric as fee
    from matching.orders as o
    cross join lateral (
      select k.trade_id, k.traded_at, k.quantity, k.price, k.taker_fee as fee
      from matching.standing_trades as k
      where k.segment_id = p_segment_id
        and k.taker_order_id = o.order_id
      union all
      select m.trade_id, m.traded_at, m.quantity, m.price, m.maker_fee
      from matching.standing_trades as m
      where m.segment_id = p_segment_id
        and m.maker_order_id = o.order_id
    ) as t
    where o.segment_id = p_segment_id
      and o.participant_id = p_participant_id
      and o.symbol_id = coalesce(p_symbol_id, o.symbol_id)
      and o.filled_quantity > 0
  ) as f;
end;
$$;
comment on function matching.participant_fills is
  'what a participant bought and sold, and how much before';
--! EndIncluded matching/participant_fills.sql
--! Included matching/lots.sql
-- What a participant bought against what it sold, first in, first out [MAT-097]: the first unit of
-- a symbol that it bought is that which it sold first, whichever came before. So what is closed is
-- a lot: a piece of one fill that opened it and of a later one that closed it; what is left stands
-- open, without a closing fill. LONG was bought first, SHORT was sold first (of what came by
-- deposit). A fee is divided by quantity, each piece the difference of two rounded sums, so that
-- the pieces of a fill are its fee.
-- Takes the participant and one symbol or (null) all. Amounts are in quote, quantities in base.
-- Reads only.
create or replace function matching.lots(
  p_segment_id int,
  p_participant_id int,
  p_symbol_id int
) returns table (
  symbol_id int,
  lot_end numeric,
  quantity numeric,
  bought_id bigint,
  bought_at timestamptz,
  cost numeric,
  sold_id bigint,
  sold_at timestamptz,
  proceeds numeric,
  fees numeric
)
language sql stable
as $$
  with fills as materialized (
    select f.* from matching.participant_fills(p_segment_id, p_participant_id, p_symbol_id) as f
  ), ends as (
    -- A piece ends where a fill of either side does; its own fills are the next to end, and so the
    -- least so far when read from the last on.
    select
      e.symbol_id, e.lot_end,
      lead(e.lot_end, 1, 0) over w as lot_begin,
      min(e.bought_end) over w as bought_end,
      min(e.sold_end) over w as sold_end
    from (
      select
        f.symbol_id, f.before + f.quantity as lot_end,
        min(f.before + f.quantity) filter (where f.is_buy) as bought_end,
        min(f.before + f.quantity) filter (where not f.is_buy) as sold_end
      from fills as f
      group by f.symbol_id, f.before + f.quantity
    ) as e
    window w as (partition by e.symbol_id order by e.lot_end desc)
  )
  select
    e.symbol_id, e.lot_end, e.lot_end - e.lot_begin, b.trade_id, b.traded_at,
    (e.lot_end - e.lot_begin) * b.price, s.trade_id, s.traded_at,
    (e.lot_end - e.lot_begin) * s.price,
    matching.fee_part(b.fee, b.quantity, e.lot_begin - b.before, e.lot_end - b.before)
      + matching.fee_part(s.fee, s.quantity, e.lot_begin - s.before, e.lot_end - s.before)
  from ends as e
  left join fills as b
    on b.symbol_id = e.symbol_id
    and b.is_buy
    and b.before + b.quantity = e.bought_end
  left join fills as s
    on s.symbol_id = e.symbol_id
    and not s.is_buy
    and s.before + s.quantity = e.sold_end
$$;
comment on function matching.lots is 'what a participant bought against what it sold, FIFO';
--! EndIncluded matching/lots.sql
--! Included matching/lot_rows.sql
-- The lots of a participant as the outside sees them [MAT-097]: those that were closed from p_from
-- until before p_to, or (p_is_open) those that stand open; in the order of symbols and of the units
-- in them, behind a symbol and a unit, so many at most. What is open has no gain yet. Reads only.
create or replace function matching.lot_rows(
  p_segment_id int,
  p_participant_id int,
  p_symbol_id int,
  p_is_open boolean,
  p_from timestamptz,
  p_to timestamptz,
  p_after_symbol text,
  p_after_end numeric,
  p_limit int
) returns table (
  symbol text,
  side text,
  quantity numeric,
  opened_at timestamptz,
  closed_at timestamptz,
  bought_trade_id bigint,
  sold_trade_id bigint,
  cost numeric,
  proceeds numeric,
  gain numeric,
  fees numeric,
  net_gain numeric,
  lot_end numeric
)
language sql stable
as $$
  select
    s.symbol, l.side, trim_scale(l.quantity), l.opened_at, l.closed_at, l.bought_id, l.sold_id,
    trim_scale(l.cost), trim_scale(l.proceeds), trim_scale(l.proceeds - l.cost),
    trim_scale(l.fees), trim_scale(l.proceeds - l.cost - l.fees), l.lot_end
  from (
    select
      f.*,
      case
        when f.sold_id is null or (f.bought_at, f.bought_id) <= (f.sold_at, f.sold_id) then 'LONG'
        else 'SHORT'
      end as side,
      least(f.bought_at, f.sold_at) as opened_at,
      case when f.bought_id is not null and f.sold_id is not null
        then greatest(f.bought_at, f.sold_at) end as closed_at
    from matching.lots(p_segment_id, p_participant_id, p_symbol_id) as f
  ) as l
  join reference.symbols as s
    on s.symbol_id = l.symbol_id
  where (s.symbol, l.lot_end) > (p_after_symbol, p_after_end)
    and (l.closed_at is null) = p_is_open
    and (p_is_open or (l.closed_at >= p_from and l.closed_at < p_to))
  order by s.symbol, l.lot_end
  limit p_limit
$$;
comment on function matching.lot_rows is 'the lots of a participant as the outside sees them';
--! EndIncluded matching/lot_rows.sql
--! Included api/lots.sql
-- The lots of a participant [MAT-097]: closed ones by when they were closed, or open ones; of one
-- symbol or (null) of all. Null times are without end. The cursor is that of the last row
-- seen. Reads only. Raises: NFPAR, NFSYM, IVPER (the end is not behind the begin).
create or replace function api.lots(
  p_segment_id int,
  p_client_id text,
  p_symbol text,
  p_is_open boolean,
  p_from timestamptz,
  p_to timestamptz,
  p_cursor text,
  p_limit int
) returns table (
  symbol text,
  side text,
  quantity numeric,
  opened_at timestamptz,
  closed_at timestamptz,
  bought_trade_id bigint,
  sold_trade_id bigint,
  cost numeric,
  proceeds numeric,
  gain numeric,
  fees numeric,
  net_gain numeric,
  cursor text
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_participant_id int := (reference.get_participant(p_client_id)).participant_id;
  v_from timestamptz := coalesce(p_from, '-infinity');
  v_to timestamptz := coalesce(p_to, 'infinity');
  v_symbol_id int;
begin
  if p_symbol is not null then
    v_symbol_id := (reference.get_symbol(p_segment_id, p_symbol)).symbol_id;
  end if;
  if v_from >= v_to then
    raise exception 'a statement ends behind its begin'
      using errcode = 'IVPER', hint = 'BAD_PERIOD', column = 'to';
  end if;

  return query
  select
    l.symbol, l.side, l.quantity, l.opened_at, l.closed_at, l.bought_trade_id, l.sold_trade_id,
    l.cost, l.proceeds, l.gain, l.fees, l.net_gain, l.symbol || '_' || l.lot_end
  from matching.lot_rows(
    p_segment_id, v_participant_id, v_symbol_id, p_is_open, v_from, v_to,
    coalesce(split_part(p_cursor, '_', 1), ''),
    coalesce(nullif(split_part(p_cursor, '_', 2), ''), '0')::numeric, p_limit
  ) as l;
end;
$$;
comment on function api.lots is 'the lots of a participant, closed or open, FIFO';
revoke execute on function api.lots from public;
grant execute on function api.lots to pgsettle_app;
--! EndIncluded api/lots.sql
--! Included reference/open_sub_account.sql
-- Makes a sub-account: a participant below another, for good, so that no tree can bite its own
-- tail. It is in its parent's trade group, so that an owner's accounts are kept apart as its parent
-- is. Takes the parent, the new code and name, and how it is kept: SEGREGATED, of its parent's
-- owner, or OMNIBUS, for others [LED-035].
-- Writes: reference.participants. Raises: NFPAR, IVSUB (below the house or the world outside, or 8
-- deep already; no such custody), STPAR (the code is taken).
create or replace function reference.open_sub_account(
  p_parent text,
  p_client_id text,
  p_name text,
  p_custody text,
  p_now timestamptz
) returns reference.participants
language plpgsql volatile
as $$
declare
  c_most_levels constant int := 8;
  v_parent reference.participants := reference.get_participant(p_parent);
  v_account reference.participants;
  v_levels int;
begin
  if v_parent.kind <> 'CUSTOMER' then
    raise exception 'only a customer has sub-accounts'
      using errcode = 'IVSUB', hint = 'BAD_SUB_ACCOUNT', column = 'client_id';
  elsif (upper(p_custody) in ('SEGREGATED', 'OMNIBUS')) is not true then
    raise exception 'custody is SEGREGATED or OMNIBUS'
      using errcode = 'IVSUB', hint = 'BAD_SUB_ACCOUNT', column = 'custody';
  end if;

  with recursive up as (
    select v_parent.parent_id as participant_id, 1 as level
    union all
    select p.parent_id, u.level + 1
    from up as u
    join reference.participants as p
      on p.participant_id = u.participant_id
  )
  select max(u.level) into v_levels
  from up as u;
  if v_levels >= c_most_levels then
    raise exception 'accounts are at most % deep', c_most_levels
      using errcode = 'IVSUB', hint = 'BAD_SUB_ACCOUNT', column = 'client_id';
  end if;

  insert into reference.participants (
    client_id, name, trade_group, parent_id, custody, created_at
  )
  values (
    p_client_id, coalesce(p_name, p_client_id), v_parent.trade_group, v_parent.participant_id,
    upper(p_custody), p_now
  )
  on conflict do nothing
  returning * into v_account;
  if not found then
    raise exception 'there is a participant % already', p_client_id
      using errcode = 'STPAR', hint = 'PARTICIPANT_EXISTS', column = 'client_id';
  end if;
  return v_account;
end;
$$;
comment on function reference.open_sub_account is
  'makes a sub-account: a participant below another';
--! EndIncluded reference/open_sub_account.sql
--! Included api/open_sub_account.sql
-- Makes a sub-account of a participant; see reference.open_sub_account.
-- Raises: NFPAR, IVSUB, STPAR.
create or replace function api.open_sub_account(
  p_segment_id int,
  p_parent text,
  p_client_id text,
  p_name text,
  p_custody text,
  p_now timestamptz
) returns table (
  client_id text,
  name text,
  parent text,
  custody text,
  trade_group text,
  created_at timestamptz
)
language sql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.client_id, p.name, p_parent, p.custody, p.trade_group, p.created_at
  from reference.open_sub_account(p_parent, p_client_id, p_name, p_custody, p_now) as p
$$;
comment on function api.open_sub_account is 'makes a sub-account of a participant';
revoke execute on function api.open_sub_account from public;
grant execute on function api.open_sub_account to pgsettle_app;
--! EndIncluded api/open_sub_account.sql
--! Included ledger/statement_lines.sql
-- The lines of an account statement, in the order of finality: each transfer of a participant, of
-- whatever kind, with what it added (positive) or took [LED-033]. Those up to the journal that
-- statement_sums named, behind a journal and line, so many at most. Reads only.
create or replace function ledger.statement_lines(
  p_segment_id int,
  p_participant_id int,
  p_asset_id int,
  p_from timestamptz,
  p_to timestamptz,
  p_last_no bigint,
  p_after_no bigint,
  p_after_line int,
  p_limit int
) returns table (
  finality_no bigint,
  journal_id bigint,
  line_no int,
  posted_at timestamptz,
  effective_at timestamptz,
  kind ledger.transfer_kind,
  asset_id int,
  amount numeric,
  counterparty_id int,
  instruction_id bigint
)
language sql stable
as $$
  select
    j.finality_no, j.journal_id, l.line_no, j.posted_at, coalesce(j.effective_at, j.posted_at),
    l.kind, l.asset_id, l.amount, l.counterparty_id, l.instruction_id
  from ledger.journals as j
  cross join lateral (
    select
      t.line_no, t.kind, t.asset_id, t.instruction_id,
      case t.credit_participant_id when p_participant_id then t.amount else -t.amount end as amount,
      case t.credit_participant_id
        when p_participant_id then t.debit_participant_id
        else t.credit_participant_id
      end as counterparty_id
    from ledger.transfers as t
    where t.segment_id = p_segment_id
      and t.journal_id = j.journal_id
      and t.posted_at = j.posted_at
      and p_participant_id in (t.debit_participant_id, t.credit_participant_id)
      and t.asset_id = coalesce(p_asset_id, t.asset_id)
      and (j.finality_no > p_after_no or t.line_no > p_after_line)
  ) as l
  where j.segment_id = p_segment_id
    and j.finality_no >= p_after_no
    and j.finality_no <= p_last_no
    and j.posted_at >= p_from
    and j.posted_at < p_to
  order by j.finality_no, l.line_no
  limit p_limit
$$;
comment on function ledger.statement_lines is 'the lines of an account statement, a page of them';
--! EndIncluded ledger/statement_lines.sql
--! Included api/statement_lines.sql
-- The lines of the account statement of a participant, oldest first [LED-033]: see
-- ledger.statement_lines. The cursor is that of the last row seen; the first is the number that
-- api.statement_sums gives, and no line is behind it. Reads only. Raises: NFPAR, NFAST.
create or replace function api.statement_lines(
  p_segment_id int,
  p_client_id text,
  p_asset text,
  p_from timestamptz,
  p_to timestamptz,
  p_cursor text,
  p_limit int
) returns table (
  transfer_id text,
  finality_no bigint,
  posted_at timestamptz,
  effective_at timestamptz,
  kind text,
  asset text,
  amount numeric,
  counterparty text,
  settlement_id bigint,
  cursor text
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_participant_id int := (reference.get_participant(p_client_id)).participant_id;
  v_asset_id int;
  v_last_no bigint := split_part(p_cursor, '_', 1);
begin
  if p_asset is not null then
    v_asset_id := (reference.get_asset(p_asset)).asset_id;
  end if;

  return query
  select
    s.journal_id || '-' || s.line_no, s.finality_no, s.posted_at, s.effective_at, s.kind::text,
    a.asset, trim_scale(s.amount), p.client_id, s.instruction_id,
    concat_ws('_', v_last_no, s.finality_no, s.line_no)
  from ledger.statement_lines(
    p_segment_id, v_participant_id, v_asset_id, coalesce(p_from, '-infinity'),
    coalesce(p_to, 'infinity'), v_last_no,
    coalesce(nullif(split_part(p_cursor, '_', 2), ''), '0')::bigint,
    coalesce(nullif(split_part(p_cursor, '_', 3), ''), '0')::int, p_limit
  ) as s
  join reference.assets as a
    on a.asset_id = s.asset_id
  join reference.participants as p
    on p.participant_id = s.counterparty_id
  order by s.finality_no, s.line_no;
end;
$$;
comment on function api.statement_lines is 'the lines of an account statement, oldest first';
revoke execute on function api.statement_lines from public;
grant execute on function api.statement_lines to pgsettle_app;
--! EndIncluded api/statement_lines.sql
--! Included ledger/statement_sums.sql
-- The sums of an account statement, by asset: what a participant had before p_from, what came and
-- what went until before p_to, and what it had then, all in one snapshot [LED-033]; and the number
-- of the last journal in it, so that the lines can be read afterwards. By the time of posting. Of
-- one asset, or (null) of all. Reads only. Raises: IVPER (the end is not behind the begin).
create or replace function ledger.statement_sums(
  p_segment_id int,
  p_participant_id int,
  p_asset_id int,
  p_from timestamptz,
  p_to timestamptz
) returns table (
  asset_id int,
  opening numeric,
  incoming numeric,
  outgoing numeric,
  closing numeric,
  last_finality_no bigint
)
language plpgsql stable
as $$
begin
  if (p_from < p_to) is not true then
    raise exception 'a statement ends behind its begin'
      using errcode = 'IVPER', hint = 'BAD_PERIOD', column = 'to';
  end if;

  return query
  select
    m.asset_id, sum(m.opening), sum(m.incoming), sum(m.outgoing),
    sum(m.opening + m.incoming - m.outgoing),
    (
      select s.last_finality_no
      from ledger.segment_state as s
      where s.segment_id = p_segment_id
    )
  from (
    select b.asset_id, b.posted, 0::numeric, 0::numeric
    from ledger.posted_before(p_segment_id, p_participant_id, p_from) as b
    union all
    select
      t.asset_id, 0,
      case t.credit_participant_id when p_participant_id then t.amount else 0 end,
      case t.debit_participant_id when p_participant_id then t.amount else 0 end
    from ledger.transfers as t
    where t.segment_id = p_segment_id
      and t.posted_at >= p_from
      and t.posted_at < p_to
      and p_participant_id in (t.debit_participant_id, t.credit_participant_id)
  ) as m (asset_id, opening, incoming, outgoing)
  where m.asset_id = coalesce(p_asset_id, m.asset_id)
  group by m.asset_id;
end;
$$;
comment on function ledger.statement_sums is
  'opening, what came and went, and closing of an account statement, by asset';
--! EndIncluded ledger/statement_sums.sql
--! Included api/statement_sums.sql
-- The sums of the account statement of a participant, by asset [LED-033]: see
-- ledger.statement_sums. Of one asset, or (null) of all; null times are without end.
-- Reads only. Raises: NFPAR, NFAST, IVPER.
create or replace function api.statement_sums(
  p_segment_id int,
  p_client_id text,
  p_asset text,
  p_from timestamptz,
  p_to timestamptz
) returns table (
  asset text,
  opening numeric,
  incoming numeric,
  outgoing numeric,
  closing numeric,
  last_finality_no bigint
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_participant_id int := (reference.get_participant(p_client_id)).participant_id;
  v_asset_id int;
begin
  if p_asset is not null then
    v_asset_id := (reference.get_asset(p_asset)).asset_id;
  end if;

  return query
  select
    a.asset, trim_scale(s.opening), trim_scale(s.incoming), trim_scale(s.outgoing),
    trim_scale(s.closing), s.last_finality_no
  from ledger.statement_sums(
    p_segment_id, v_participant_id, v_asset_id, coalesce(p_from, '-infinity'),
    coalesce(p_to, 'infinity')
  ) as s
  join reference.assets as a
    on a.asset_id = s.asset_id
  order by a.asset;
end;
$$;
comment on function api.statement_sums is 'the sums of an account statement, by asset';
revoke execute on function api.statement_sums from public;
grant execute on function api.statement_sums to pgsettle_app;
--! EndIncluded api/statement_sums.sql
--! Included api/symbols.sql
-- The symbols as the outside sees them: filters, status, and the fees that are in force now for all
-- who have none of their own. segment_id and symbol_id are for the service itself.
create or replace view api.symbols as
select
  s.segment_id,
  s.symbol_id,
  s.symbol,
  b.asset as base_asset,
  q.asset as quote_asset,
  s.status,
  s.status_reason,
  trim_scale(s.tick_size::numeric) as tick_size,
  trim_scale(s.lot_size::numeric) as lot_size,
  trim_scale(s.min_quantity::numeric) as min_quantity,
  trim_scale(s.max_quantity::numeric) as max_quantity,
  trim_scale(s.min_notional) as min_notional,
  trim_scale(s.max_notional) as max_notional,
  trim_scale(s.protection_rate::numeric) as protection_rate,
  s.protection_ticks,
  trim_scale(coalesce(f.maker_rate, s.maker_rate)::numeric) as maker_rate,
  trim_scale(coalesce(f.taker_rate, s.taker_rate)::numeric) as taker_rate,
  s.base_decimals,
  s.quote_decimals,
  s.created_at,
  st.phase,
  s.default_stp,
  s.allowed_stps::text[] as allowed_stps,
  s.protection_rests,
  trim_scale(s.collar_rate::numeric) as collar_rate,
  s.max_open_orders,
  trim_scale(s.max_position) as max_position,
  s.max_iceberg_parts,
  s.min_trailing_bips,
  s.max_trailing_bips,
  s.max_cascade,
  trim_scale(s.band_rate::numeric) as band_rate,
  s.band_action,
  s.accept_when_closed
from reference.symbols as s
join matching.symbol_state as st
  on st.segment_id = s.segment_id
  and st.symbol_id = s.symbol_id
join reference.assets as b
  on b.asset_id = s.base_asset_id
join reference.assets as q
  on q.asset_id = s.quote_asset_id
left join lateral (
  -- As reference.schedules_of, for everybody: a view calls functions with the rights of its reader.
  select r.maker_rate, r.taker_rate
  from (
    select distinct on (u.symbol_id, u.group_id) u.*
    from reference.fee_schedules as u
    where u.segment_id = s.segment_id
      and u.participant_id is null
      and (u.symbol_id = s.symbol_id or u.group_id = s.group_id
        or num_nonnulls(u.symbol_id, u.group_id) = 0)
      and u.effective_from <= now()
    order by u.symbol_id, u.group_id, u.effective_from desc, u.schedule_id desc
  ) as b
  join reference.fee_rates as r
    on r.segment_id = b.segment_id
    and r.schedule_id = b.schedule_id
    and r.min_volume = 0
  order by b.symbol_id is null, b.group_id is null
  limit 1
) as f on true;
comment on view api.symbols is 'symbols with their filters, fees and status';
grant select on api.symbols to pgsettle_app;
--! EndIncluded api/symbols.sql
--! Included api/tickers.sql
-- The state of symbols at a glance: last trade, touch, and the 24 hours up to p_now, by trade, not
-- by candle [MAT-050], and without what is busted [BST-004]. One symbol, or all when null. Reads
-- only. Raises NFSYM.
create or replace function api.tickers(
  p_segment_id int,
  p_symbol text,
  p_now timestamptz
) returns table (
  symbol text,
  seq bigint,
  last_price numeric,
  bid numeric,
  ask numeric,
  open_24h numeric,
  high_24h numeric,
  low_24h numeric,
  change_24h numeric,
  volume_24h numeric,
  quote_volume_24h numeric,
  trades_24h bigint
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_symbol_id int;
begin
  if p_symbol is not null then
    v_symbol_id := (reference.get_symbol(p_segment_id, p_symbol)).symbol_id;
  end if;

  return query
  select
    s.symbol, st.last_seq, trim_scale(st.last_price::numeric),
    (matching.levels_json(p_segment_id, s.symbol_id, 'BUY', 1) -> 0 ->> 0)::numeric,
    (matching.levels_json(p_segment_id, s.symbol_id, 'SELL', 1) -> 0 ->> 0)::numeric,
    trim_scale(d.open), trim_scale(d.high), trim_scale(d.low), trim_scale(st.last_price - d.open),
    coalesce(trim_scale(d.volume), 0), coalesce(trim_scale(d.quote_volume), 0), d.trades
  from reference.symbols as s
  join matching.symbol_state as st
    on st.segment_id = p_segment_id
    and st.symbol_id = s.symbol_id
  cross join lateral (
    select
      (array_agg(t.price::numeric order by t.traded_at, t.seq))[1] as open,
      max(t.price::numeric) as high, min(t.price::numeric) as low, sum(t.quantity) as volume,
      sum(t.price * t.quantity) as quote_volume, count(*) as trades
    from matching.standing_trades as t
    where t.segment_id = p_segment_id
      and t.trade_id > s.symbol_id * 1000000000000
      and t.trade_id < (s.symbol_id + 1) * 1000000000000
      and t.traded_at > p_now - interval '24 hours'
      and t.traded_at <= p_now
  ) as d
  where s.segment_id = p_segment_id
    and s.symbol_id = coalesce(v_symbol_id, s.symbol_id)
  order by s.symbol_id;
end;
$$;
comment on function api.tickers is 'last trade, touch and 24 hours of one symbol or all';
revoke execute on function api.tickers from public;
grant execute on function api.tickers to pgsettle_app;
--! EndIncluded api/tickers.sql
--! Included api/trades.sql
-- The trades of a symbol, newest first, those that are busted as well, and whose place one took.
-- Takes the cursor of the last row seen: its trade id.
-- Reads only. Raises NFSYM.
create or replace function api.trades(
  p_segment_id int,
  p_symbol text,
  p_cursor text,
  p_limit int
) returns table (
  trade_id bigint,
  symbol text,
  seq bigint,
  price numeric,
  quantity numeric,
  taker_side matching.order_side_enum,
  traded_at timestamptz,
  busted boolean,
  corrects bigint,
  cursor text
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
  v_symbol reference.symbols := reference.get_symbol(p_segment_id, p_symbol);
begin
  return query
  select
    t.trade_id, v_symbol.symbol, t.seq, trim_scale(t.price::numeric),
    trim_scale(t.quantity::numeric), t.taker_side, t.traded_at, b.status is not null,
    r.trade_id, t.trade_id::text
  from matching.trades as t
  left join matching.trade_busts as b
    on b.segment_id = t.segment_id
    and b.trade_id = t.trade_id
    and b.status = 'DONE'
  left join matching.trade_busts as r
    on r.segment_id = t.segment_id
    and r.replacement_id = t.trade_id
  where t.segment_id = p_segment_id
    and t.trade_id > v_symbol.symbol_id * c_ids_per_symbol
    and t.trade_id < coalesce(p_cursor::bigint, (v_symbol.symbol_id + 1) * c_ids_per_symbol)
  order by t.trade_id desc
  limit p_limit;
end;
$$;
comment on function api.trades is 'the trades of a symbol, newest first';
revoke execute on function api.trades from public;
grant execute on function api.trades to pgsettle_app;
--! EndIncluded api/trades.sql
--! Included reference/owner_id.sql
-- Whose an account is [LED-035]: that of the one at the top of its tree, but for an OMNIBUS
-- account, which keeps for others: it is nobody's but its own, and so is each right below it. Reads
-- only.
create or replace function reference.owner_id(
  p_participant_id int
) returns int -- participant id
language sql stable
as $$
  with recursive up as (
    select p.participant_id, p.parent_id, p.custody, 1 as level
    from reference.participants as p
    where p.participant_id = p_participant_id
    union all
    select o.participant_id, o.parent_id, o.custody, u.level + 1
    from up as u
    join reference.participants as o
      on o.participant_id = u.parent_id
      and o.custody = 'SEGREGATED'
    where u.custody = 'SEGREGATED'
  )
  select u.participant_id
  from up as u
  order by u.level desc
  limit 1
$$;
comment on function reference.owner_id is
  'whose an account is: up to the top, or to an OMNIBUS account';
--! EndIncluded reference/owner_id.sql
--! Included ledger/transfer_internal.sql
-- Moves what is available from one account to another of the same owner, at once and free
-- [LED-035]. Takes the amount in the asset and the caller's key; a repeat of the key answers with
-- the first transfer, another under it is refused.
-- Writes: ledger.internal_transfers, transfers, accounts, journals. Locks: the key, the two
-- accounts, segment_state.
-- Raises: NFPAR, IVPAR (to itself), RJOWN (of another owner), NFAST, IVAMT, RJKEY, RJFND, STPER.
create or replace function ledger.transfer_internal(
  p_segment_id int,
  p_from text,
  p_to text,
  p_asset text,
  p_amount numeric,
  p_key text,
  p_now timestamptz
) returns ledger.internal_transfers
language plpgsql volatile
as $$
declare
  v_from_id int := (reference.get_participant(p_from)).participant_id;
  v_to_id int := (reference.get_participant(p_to)).participant_id;
  v_asset reference.assets := reference.get_asset(p_asset);
  v_transfer ledger.internal_transfers;
begin
  if v_from_id = v_to_id then
    raise exception 'a participant cannot give to itself'
      using errcode = 'IVPAR', hint = 'SAME_PARTICIPANT', column = 'to';
  elsif reference.owner_id(v_from_id) <> reference.owner_id(v_to_id) then
    raise exception 'the two accounts are not of one owner'
      using errcode = 'RJOWN', hint = 'OTHER_OWNER', column = 'to';
  end if;
  perform ledger.refuse_amount(p_amount, v_asset.decimals);

  insert into ledger.internal_transfers
  values (
    p_segment_id, v_from_id, p_key, v_to_id, v_asset.asset_id, p_amount,
    nextval('ledger.journal_ids'), p_now
  )
  on conflict do nothing
  returning * into v_transfer;
  if not found then
    select t.* into strict v_transfer
    from ledger.internal_transfers as t
    where t.segment_id = p_segment_id
      and t.from_id = v_from_id
      and t.idempotency_key = p_key;
    if (v_transfer.to_id, v_transfer.asset_id, v_transfer.amount)
      <> (v_to_id, v_asset.asset_id, p_amount) then
      raise exception 'key % was used for another transfer', p_key
        using errcode = 'RJKEY', hint = 'KEY_REUSED', column = 'idempotency_key';
    end if;
    return v_transfer;
  end if;

  insert into ledger.transfers
  values (
    p_segment_id, v_transfer.journal_id, 1, 'INTERNAL', v_asset.asset_id, v_from_id, v_to_id,
    p_amount, null, p_now
  );
  if not ledger.change_accounts(p_segment_id, array[
    row(v_from_id, v_asset.asset_id, -p_amount, 0, 0, 0),
    row(v_to_id, v_asset.asset_id, p_amount, 0, 0, 0)
  ]::ledger.account_change[]) then
    raise exception 'less than % is available', p_amount
      using errcode = 'RJFND', hint = 'INSUFFICIENT_FUNDS', column = 'amount';
  end if;
  perform ledger.post_journal(
    p_segment_id, v_transfer.journal_id, 'INTERNAL', p_now, '{}',
    ledger.posted_lines(p_segment_id, v_transfer.journal_id, p_now)
  );
  return v_transfer;
end;
$$;
comment on function ledger.transfer_internal is
  'moves what is available to another account of the same owner, once a key';
--! EndIncluded ledger/transfer_internal.sql
--! Included api/transfer_internal.sql
-- Moves what is available to another account of the same owner; see ledger.transfer_internal.
-- Raises: NFPAR, IVPAR, RJOWN, NFAST, IVAMT, RJKEY, RJFND, STPER.
create or replace function api.transfer_internal(
  p_segment_id int,
  p_from text,
  p_to text,
  p_asset text,
  p_amount numeric,
  p_key text,
  p_now timestamptz
) returns table (
  transfer_id text,
  from_client_id text,
  to_client_id text,
  asset text,
  amount numeric,
  idempotency_key text,
  created_at timestamptz
)
language sql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    t.journal_id || '-1', p_from, p_to, upper(p_asset), trim_scale(t.amount::numeric),
    t.idempotency_key, t.created_at
  from ledger.transfer_internal(p_segment_id, p_from, p_to, p_asset, p_amount, p_key, p_now) as t
$$;
comment on function api.transfer_internal is
  'moves money between accounts of one owner, once a key';
revoke execute on function api.transfer_internal from public;
grant execute on function api.transfer_internal to pgsettle_app;
--! EndIncluded api/transfer_internal.sql
--! Included clearing/instruction_in_place.sql
-- The instruction of a trade that takes the place of a busted one, as it is to stand: where that
-- stood and with its conditions, as far as it was not final; else alone, from now on.
-- Takes the row that was taken out (null: it was final), what was final of it, and the trade.
-- Computes only.
create or replace function clearing.instruction_in_place(
  p_rest settlement.waiting_instructions,
  p_final settlement.part,
  p_trade clearing.captured_trade,
  p_segment_id int,
  p_now timestamptz
) returns settlement.waiting_instructions
language plpgsql stable
as $$
declare
  v_new settlement.waiting_instructions := p_rest;
begin
  if p_rest.instruction_id is null then
    v_new.segment_id := p_segment_id;
    v_new.symbol_id := p_final.symbol_id;
    v_new.base_asset_id := p_final.base_asset_id;
    v_new.quote_asset_id := p_final.quote_asset_id;
    v_new.value_date := (p_now at time zone 'UTC')::date;
    v_new.due_at := p_now;
    v_new.priority := 1;
    v_new.is_conditional := true;
  end if;
  v_new.instruction_id := p_trade.trade_id;
  v_new.buyer_id := p_trade.buyer_id;
  v_new.seller_id := p_trade.seller_id;
  v_new.quantity := p_trade.quantity;
  v_new.notional := p_trade.notional;
  v_new.buyer_fee := p_trade.buyer_fee;
  v_new.seller_fee := p_trade.seller_fee;
  v_new.attempts := 0;
  v_new.created_at := p_now;
  v_new.status := 'PENDING';
  v_new.problem := null;
  v_new.settled_quantity := 0;
  v_new.settled_notional := 0;
  v_new.settled_buyer_fee := 0;
  v_new.settled_seller_fee := 0;
  v_new.reason := case
    when v_new.due_at > p_now or not v_new.is_conditional and v_new.netting_set is null
      then 'FUTURE_DATE'::settlement.pending_reason
    when v_new.netting_set is not null then 'NETTING'
    else coalesce(nullif(p_rest.reason, 'SYSTEM'), 'LINKED') end;
  v_new.next_attempt_at := case when v_new.window_id is not null then 'infinity'
    else greatest(p_now, v_new.due_at) end;
  return v_new;
end;
$$;
comment on function clearing.instruction_in_place is
  'the instruction of a trade that takes the place of a busted one';
--! EndIncluded clearing/instruction_in_place.sql
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
set enable_bitmapscan = off  -- accounts by their greatest version: ledger.find_account
set enable_sort = off
as $$
declare
  v_missing ledger.account_change[];
  v_available numeric[];
begin
  v_missing := array(
    select row(w.participant_id, w.asset_id, 0, 0, 0, 0)::ledger.account_change
    from unnest(p_participant_ids, p_asset_ids) as w (participant_id, asset_id)
    where not exists (
      select from ledger.find_account(p_segment_id, w.participant_id, w.asset_id)
    )
  );
  if v_missing <> '{}' then
    perform ledger.open_accounts(p_segment_id, v_missing);
  end if;

  with locked as materialized (
    select a.participant_id, a.asset_id, a.posted - a.held as available, a.may_be_negative
    from (
      select u.participant_id, u.asset_id
      from unnest(p_participant_ids, p_asset_ids) as u (participant_id, asset_id)
      order by u.participant_id, u.asset_id
    ) as w
    cross join lateral (
      select b.*
      from ledger.accounts as b
      where b.segment_id = p_segment_id
        and b.participant_id = w.participant_id
        and b.asset_id = w.asset_id
      order by b.version_no desc
      limit 1
      for no key update
    ) as a
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
--! Included clearing/lock_parties.sql
-- Locks the accounts that undoing an instruction may move: of both its sides and of the house, in
-- one ordered pass, since they are moved in several steps. Locks: see ledger.lock_accounts.
create or replace function clearing.lock_parties(
  p_segment_id int,
  p_part settlement.part
) returns void
language plpgsql volatile
as $$
declare
  v_participant_ids int[];
  v_asset_ids int[];
begin
  select array_agg(x.participant_id), array_agg(x.asset_id)
  into v_participant_ids, v_asset_ids
  from (
    select distinct p.participant_id, a.asset_id
    from unnest(array[p_part.buyer_id, p_part.seller_id, reference.house_id()])
      as p (participant_id)
    cross join unnest(array[p_part.base_asset_id, p_part.quote_asset_id]) as a (asset_id)
    where (p.participant_id, a.asset_id) <> (reference.house_id(), p_part.base_asset_id)
  ) as x;
  perform ledger.lock_accounts(p_segment_id, v_participant_ids, v_asset_ids);
end;
$$;
comment on function clearing.lock_parties is
  'locks the accounts that undoing an instruction may move';
--! EndIncluded clearing/lock_parties.sql
--! Included settlement/cancel_rest.sql
-- Writes that what is left of an instruction that was taken out will not settle: its trade is
-- busted. Who was linked to it waits for it no more, or for the instruction that takes its place.
-- Takes its row, who busted it, and that instruction (null: none does).
-- Writes: settlement.cancelled_instructions, links, waiting_instructions, events.
create or replace function settlement.cancel_rest(
  p_instruction settlement.waiting_instructions,
  p_by text,
  p_replacement_id bigint,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_segment_id int := p_instruction.segment_id;
  v_id bigint := p_instruction.instruction_id;
begin
  insert into settlement.cancelled_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, attempts, created_at, cancelled_at,
    reason, cancelled_by, is_prefunded
  )
  select
    v_segment_id, v_id, i.symbol_id, i.buyer_id, i.seller_id, i.base_asset_id, i.quote_asset_id,
    i.quantity, i.notional, i.buyer_fee, i.seller_fee, i.value_date, i.attempts, i.created_at,
    p_now, 'BUST', p_by, i.is_prefunded
  from (select p_instruction.*) as i;

  insert into settlement.links (segment_id, instruction_id, link, other_id)
  select
    v_segment_id, case l.instruction_id when v_id then p_replacement_id else l.instruction_id end,
    l.link, case l.other_id when v_id then p_replacement_id else l.other_id end
  from settlement.links as l
  where l.segment_id = v_segment_id
    and v_id in (l.instruction_id, l.other_id)
    and p_replacement_id is not null;
  with gone as (
    delete from settlement.links as l
    where l.segment_id = v_segment_id
      and v_id in (l.instruction_id, l.other_id)
    returning l.instruction_id
  )
  update settlement.waiting_instructions as i
  set next_attempt_at = greatest(p_now, i.due_at)
  from gone as g
  where i.segment_id = v_segment_id
    and i.instruction_id = g.instruction_id
    and i.reason = 'LINKED';

  insert into settlement.instruction_events (segment_id, instruction_id, at, kind, detail)
  values (v_segment_id, v_id, p_now, 'BUSTED', p_by);
end;
$$;
comment on function settlement.cancel_rest is
  'writes that what is left of the instruction of a busted trade will not settle';
--! EndIncluded settlement/cancel_rest.sql
--! Included settlement/final_part.sql
-- What is final of an instruction: all of it when it is settled, by itself or by the net of a
-- window, or the parts of one that was taken out, whose row is given. A quantity of zero for
-- nothing. Reads only.
create or replace function settlement.final_part(
  p_segment_id int,
  p_instruction_id bigint,
  p_rest settlement.waiting_instructions
) returns settlement.part
language sql stable
as $$
  select row(
    f.instruction_id, f.symbol_id, f.buyer_id, f.seller_id, f.base_asset_id, f.quote_asset_id,
    f.quantity, f.notional, f.buyer_fee, f.seller_fee, f.is_prefunded, true
  )::settlement.part
  from (
    select
      s.instruction_id, s.symbol_id, s.buyer_id, s.seller_id, s.base_asset_id, s.quote_asset_id,
      s.quantity::numeric as quantity, s.notional::numeric as notional,
      s.buyer_fee::numeric as buyer_fee, s.seller_fee::numeric as seller_fee, true as is_prefunded
    from settlement.settled_instructions as s
    where s.segment_id = p_segment_id
      and s.instruction_id = p_instruction_id
    union all
    select
      c.instruction_id, c.symbol_id, c.buyer_id, c.seller_id, c.base_asset_id, c.quote_asset_id,
      c.quantity, c.notional, c.buyer_fee, c.seller_fee, c.is_prefunded
    from settlement.cancelled_instructions as c
    where c.segment_id = p_segment_id
      and c.instruction_id = p_instruction_id
      and c.netted_into is not null
    union all
    select
      i.instruction_id, i.symbol_id, i.buyer_id, i.seller_id, i.base_asset_id, i.quote_asset_id,
      i.settled_quantity, i.settled_notional, i.settled_buyer_fee, i.settled_seller_fee,
      i.is_prefunded
    from (select p_rest.*) as i
    where i.instruction_id = p_instruction_id
  ) as f
$$;
comment on function settlement.final_part is 'what is final of an instruction';
--! EndIncluded settlement/final_part.sql
--! Included settlement/part_holds.sql
-- What it changes on the accounts when the sides of a part begin to hold what they will give and to
-- await what they will get, or no longer do (p_sign -1). Reads nothing.
create or replace function settlement.part_holds(
  p_part settlement.part,
  p_sign int
) returns ledger.account_change[]
language sql immutable parallel safe
as $$
  select array_agg(
    row(c.participant_id, c.asset_id, 0, p_sign * c.due_out, p_sign * c.due_in, p_sign * c.due_out)
      ::ledger.account_change
  )
  from (select (p_part).*) as p
  cross join lateral (
    values
      (p.seller_id, p.base_asset_id, p.quantity, 0.0),
      (p.buyer_id, p.base_asset_id, 0, p.quantity),
      (p.buyer_id, p.quote_asset_id, p.notional + p.buyer_fee, 0),
      (p.seller_id, p.quote_asset_id, 0, p.notional - p.seller_fee)
  ) as c (participant_id, asset_id, due_out, due_in)
  where p.quantity > 0
$$;
comment on function settlement.part_holds is
  'what it changes on the accounts when a part is held for, or no longer';
--! EndIncluded settlement/part_holds.sql
--! Included settlement/put_in_place.sql
-- Takes in the instruction of a trade that takes the place of a busted one: where that was, with
-- its date, window, priority, and what its sides hold or release. Takes it as it is to be.
-- When it is due, the next pass of a worker brings it in line.
-- Writes: settlement.waiting_instructions, events.
create or replace function settlement.put_in_place(
  p_instruction settlement.waiting_instructions,
  p_now timestamptz
) returns void
language sql volatile
as $$
  insert into settlement.waiting_instructions select p_instruction.*;
  insert into settlement.instruction_events (segment_id, instruction_id, at, kind)
  values (
    p_instruction.segment_id, p_instruction.instruction_id, p_now, 'REPLACES'
  )
$$;
comment on function settlement.put_in_place is
  'takes in the instruction of a trade that takes the place of a busted one';
--! EndIncluded settlement/put_in_place.sql
--! Included settlement/reverse.sql
-- Takes in the instruction that gives back what is final of another, of which the trade is busted:
-- the same amounts the other way, the fees from the house [BST-006]. It holds nothing, has
-- priority 1, and waits for what is lacking as any. Takes what was final, as a part. Returns its
-- id.
-- Writes: settlement.waiting_instructions, reversals, events.
create or replace function settlement.reverse(
  p_segment_id int,
  p_final settlement.part,
  p_now timestamptz
) returns bigint -- reversal id
language plpgsql volatile
as $$
declare
  v_id bigint := nextval('settlement.instruction_ids');
begin
  insert into settlement.waiting_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, created_at, reason, next_attempt_at,
    due_at, is_prefunded, is_conditional, priority
  )
  values (
    p_segment_id, v_id, p_final.symbol_id, p_final.seller_id, p_final.buyer_id,
    p_final.base_asset_id, p_final.quote_asset_id, p_final.quantity, p_final.notional,
    -p_final.seller_fee, -p_final.buyer_fee, (p_now at time zone 'UTC')::date, p_now, 'LACK_ASSET',
    p_now, p_now, false, true, 1
  );
  insert into settlement.reversals (segment_id, reversal_id, instruction_id)
  values (p_segment_id, v_id, p_final.instruction_id);
  insert into settlement.instruction_events (segment_id, instruction_id, at, kind, detail)
  values (p_segment_id, v_id, p_now, 'REVERSES', p_final.instruction_id);
  return v_id;
end;
$$;
comment on function settlement.reverse is
  'takes in the instruction that gives back what is final of another';
--! EndIncluded settlement/reverse.sql
--! Included settlement/journal_kind.sql
-- What kind of journal settles these parts: BUST when each gives back what a busted trade moved, or
-- takes its place in the same journal; else SETTLEMENT. Reads only.
create or replace function settlement.journal_kind(
  p_segment_id int,
  p_parts settlement.part[]
) returns ledger.journal_kind
language sql stable
as $$
  select case
    when bool_and(exists (
      select
      from settlement.reversals as r
      where r.segment_id = p_segment_id
        and (r.reversal_id = p.instruction_id or r.reversal_id in (
          select l.other_id
          from settlement.links as l
          where l.segment_id = p_segment_id
            and l.instruction_id = p.instruction_id
            and l.link = 'WITH'
        ))
    )) then 'BUST'::ledger.journal_kind
    else 'SETTLEMENT' end
  from unnest(p_parts) as p
$$;
comment on function settlement.journal_kind is 'what kind of journal settles these parts';
--! EndIncluded settlement/journal_kind.sql
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
      exists (
        select
        from settlement.reversals as v
        where v.segment_id = p_segment_id
          and v.reversal_id = j.instruction_id
      ) as is_reversal,
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
      and not r.is_reversal then r.partial_unit end,
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
set enable_bitmapscan = off  -- accounts by their greatest version: ledger.find_account
set enable_sort = off
as $$
  select not exists (
    select
    from ledger.find_account(p_segment_id, p_participant_id, p_asset_id) as a
    where (a.may_be_negative or a.posted - a.held >= p_amount)
  )
$$;
comment on function settlement.lacks is 'whether an account has less available than an amount';
--! EndIncluded settlement/lacks.sql
--! Included settlement/unit_needs.sql
-- What instructions that settle together need of accounts, between them: what they take there less
-- what they bring [SET-008]. Of units of several only, one row a unit and account. Reads nothing.
create or replace function settlement.unit_needs(
  p_candidates settlement.candidate[]
) returns table (
  unit_no int,
  participant_id int,
  asset_id int,
  amount numeric
)
language sql stable
as $$
  select c.unit_no, f.participant_id, f.asset_id, -sum(f.amount)
  from (
    select u.unit_no, u.part, count(*) over (partition by u.unit_no) as members
    from unnest(p_candidates) as u
    where u.reason is null
  ) as c
  cross join lateral (select (c.part).*) as p
  cross join lateral (
    values
      (p.seller_id, p.base_asset_id, case when p.is_prefunded then 0 else -p.quantity end),
      (p.buyer_id, p.base_asset_id, p.quantity),
      (p.buyer_id, p.quote_asset_id,
        case when p.is_prefunded then 0 else -p.notional - p.buyer_fee end),
      (p.seller_id, p.quote_asset_id, p.notional - p.seller_fee)
  ) as f (participant_id, asset_id, amount)
  where c.members > 1
  group by c.unit_no, f.participant_id, f.asset_id
$$;
comment on function settlement.unit_needs is
  'what instructions that settle together need of accounts';
--! EndIncluded settlement/unit_needs.sql
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
  with needs as materialized (
    select n.* from settlement.unit_needs(p_candidates) as n
  ), judged as (
    select
      i.instruction_id, i.reason as old_reason, c.next_attempt_at,
      coalesce(c.reason, settlement.unmet_reason(i, p_now), case
        when settlement.lacks(p_segment_id, i.seller_id, i.base_asset_id,
          coalesce(b.amount, r.quantity)) then 'LACK_ASSET'::settlement.pending_reason
        when settlement.lacks(p_segment_id, i.buyer_id, i.quote_asset_id,
          coalesce(q.amount, r.notional + r.buyer_fee)) then 'LACK_CASH'
        when r.buyer_fee + r.seller_fee < 0 and settlement.lacks(p_segment_id,
          reference.house_id(), i.quote_asset_id, -r.buyer_fee - r.seller_fee) then 'LACK_CASH'
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
    left join needs as b
      on (b.unit_no, b.participant_id, b.asset_id) = (c.unit_no, i.seller_id, i.base_asset_id)
    left join needs as q
      on (q.unit_no, q.participant_id, q.asset_id) = (c.unit_no, i.buyer_id, i.quote_asset_id)
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
    values
      (c.seller_id, c.base_asset_id), (c.buyer_id, c.quote_asset_id),
      (case when c.buyer_fee + c.seller_fee < 0 then reference.house_id() end, c.quote_asset_id)
  ) as a (participant_id, asset_id)
  where c.reason in ('LACK_ASSET', 'LACK_CASH')
    and a.participant_id is not null
  on conflict do nothing;
end;
$$;
comment on function settlement.note_reasons is 'writes what considered instructions wait for';
--! EndIncluded settlement/note_reasons.sql
--! Included settlement/post_parts.sql
-- Posts parts of claimed instructions, delivery against payment [SET-002]. An instruction whose
-- last part this is, is settled; another stays, with the rest. What a reversal moves names what it
-- reverses [BST-006]. The caller writes the journal, last.
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
    p_segment_id, p_journal_id, 4 * p.n + l.leg_no,
    case when r.reversal_id is null then l.kind else 'REVERSAL' end, l.asset_id, l.debit_id,
    l.credit_id, l.amount, coalesce(r.instruction_id, p.instruction_id), p_now
  from (select u.*, row_number() over () - 1 as n from unnest(p_parts) as u) as p
  left join settlement.reversals as r
    on r.segment_id = p_segment_id
    and r.reversal_id = p.instruction_id
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
      p_segment_id, v_journal_id, settlement.journal_kind(p_segment_id, v_parts), p_now,
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
--! Included settlement/take_out.sql
-- Takes an instruction out of wherever it waits to be settled, a window that is not settled as
-- well, so that it will not be. Whoever settles it ends first. Returns its row as it was among
-- those that wait; null when it is final, or cancelled.
-- The caller has advisory (4, segment): nobody settles what has conditions meanwhile.
-- Locks: its row and those that are linked with it, in the order of their ids.
-- Writes: settlement.pending_instructions, waiting_instructions, ledger.waits. Raises: NFINS.
create or replace function settlement.take_out(
  p_segment_id int,
  p_instruction_id bigint
) returns settlement.waiting_instructions
language plpgsql volatile
as $$
declare
  v_instruction settlement.waiting_instructions;
begin
  -- It may change places while it is looked for.
  for v_try in 1..100 loop
    perform settlement.make_wait(p_segment_id, array[p_instruction_id], 'LINKED');
    perform
    from settlement.waiting_instructions as i
    where i.segment_id = p_segment_id
      and (i.instruction_id = p_instruction_id or i.instruction_id in (
        select l.instruction_id
        from settlement.links as l
        where l.segment_id = p_segment_id
          and l.other_id = p_instruction_id
      ))
    order by i.instruction_id
    for update;

    delete from settlement.waiting_instructions as i
    where i.segment_id = p_segment_id
      and i.instruction_id = p_instruction_id
    returning i.* into v_instruction;
    exit when found or exists (
      select
      from settlement.instructions as i
      where i.segment_id = p_segment_id
        and i.instruction_id = p_instruction_id
        and i.status in ('SETTLED', 'CANCELLED')
    );
    if v_try = 100 then
      raise exception 'there is no instruction %', p_instruction_id
        using errcode = 'NFINS', hint = 'UNKNOWN_SETTLEMENT';
    end if;
  end loop;

  delete from ledger.waits as w
  where w.segment_id = p_segment_id
    and w.waiter_id = p_instruction_id;
  return v_instruction;
end;
$$;
comment on function settlement.take_out is 'takes an instruction out of wherever it waits';
--! EndIncluded settlement/take_out.sql
--! Included clearing/bust_trade.sql
-- Undoes what a trade left to settle, and what it settled, in this transaction [BST-005]: what
-- waits, in a window that is not settled as well, is cancelled and its holds end; what is final, by
-- itself, in part or by the net of a window, is given back by a reversal, at once where everybody
-- can pay. The trade that takes its place, if one does, settles where that was, funded like it if
-- its sides can hold what it takes; and in one journal with a reversal, so that only the
-- differences move [BST-007].
-- The caller has the lock of the symbol, and before that advisory (4, segment).
-- Locks: the instruction and those linked with it; the accounts of both sides and of the house, in
-- key order; last the segment's counter. Writes: all of the settlement.
create or replace function clearing.bust_trade(
  p_segment_id int,
  p_trade_id bigint,
  p_in_place clearing.captured_trade,
  p_by text,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_rest settlement.waiting_instructions := settlement.take_out(p_segment_id, p_trade_id);
  v_final settlement.part := settlement.final_part(p_segment_id, p_trade_id, v_rest);
  v_new settlement.waiting_instructions;
  v_released ledger.account_change[];
  v_reversal_id bigint;
begin
  perform clearing.lock_parties(p_segment_id, v_final);
  if v_rest.instruction_id is not null then
    perform settlement.cancel_rest(v_rest, p_by, p_in_place.trade_id, p_now);
  end if;
  if v_rest.is_prefunded then
    v_released := settlement.part_holds(settlement.part_of(
      v_rest, v_rest.quantity - v_rest.settled_quantity, 0
    ), -1);
  end if;
  if v_final.quantity > 0 then
    v_reversal_id := settlement.reverse(p_segment_id, v_final, p_now);
  end if;

  if p_in_place.trade_id is not null then
    v_new := clearing.instruction_in_place(v_rest, v_final, p_in_place, p_segment_id, p_now);
    v_new.is_prefunded := v_reversal_id is null and ledger.change_accounts(
      p_segment_id, ledger.sum_changes(v_released || settlement.part_holds(
        settlement.part_of(v_new, v_new.quantity, 0), 1
      ))
    );
    if not v_new.is_prefunded then
      v_new.is_conditional := v_new.is_conditional or v_new.netting_set is null;
    end if;
    perform settlement.put_in_place(v_new, p_now);
  end if;

  if v_released is not null and v_new.is_prefunded is not true
    and not ledger.change_accounts(p_segment_id, ledger.sum_changes(v_released)) then
    raise exception 'an account does not hold what was held for it' using errcode = 'NVACC';
  end if;
  if v_reversal_id is not null then
    insert into settlement.links (segment_id, instruction_id, link, other_id)
    select p_segment_id, l.id, 'WITH', l.other_id
    from (values (v_reversal_id, v_new.instruction_id), (v_new.instruction_id, v_reversal_id))
      as l (id, other_id)
    where v_new.instruction_id is not null;
    perform settlement.settle_conditional(
      p_segment_id, p_now, array_remove(array[v_reversal_id, v_new.instruction_id], null)
    );
  end if;
end;
$$;
comment on function clearing.bust_trade is
  'undoes what a trade left to settle, and what it settled';
--! EndIncluded clearing/bust_trade.sql
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
set enable_bitmapscan = off  -- accounts by their greatest version: ledger.find_account
set enable_sort = off
as $$
  select c.participant_id, c.asset_id, -g.available
  from unnest(
    settlement.part_changes(clearing.window_parts(p_segment_id, p_window_id))
  ) as c
  left join lateral ledger.find_account(p_segment_id, c.participant_id, c.asset_id) as a
    on true
  cross join lateral (
    select coalesce(a.posted - a.held, 0) + c.posted - c.held as available
  ) as g
  where g.available < 0
    and not coalesce(a.may_be_negative, false)
  order by c.participant_id, c.asset_id
$$;
comment on function clearing.funding_gaps is 'which accounts cannot pay their net, and how much';
--! EndIncluded clearing/funding_gaps.sql
--! Included clearing/refuse_terms.sql
-- Refuses terms of an instruction that cannot be: amounts that are not multiples of their units, or
-- nobody on the other side. Reads nothing. Raises: IVAMT, IVPAR.
create or replace function clearing.refuse_terms(
  p_symbol reference.symbols,
  p_seller_id int,
  p_buyer_id int,
  p_quantity numeric,
  p_notional numeric
) returns void
language plpgsql stable
as $$
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
end;
$$;
comment on function clearing.refuse_terms is 'refuses terms of an instruction that cannot be';
--! EndIncluded clearing/refuse_terms.sql
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
  perform clearing.refuse_terms(p_symbol, p_seller_id, p_buyer_id, p_quantity, p_notional);
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
--! Included clearing/instruct_outside.sql
-- Takes in a settlement instruction of which the DELIVERY or the PAYMENT is made outside, by a
-- custodian, a chain or a bank. The amounts of both sides are held at once; when who makes the leg
-- has confirmed it, both legs are posted together, and when it is voided, both are free again
-- [SET-040].
-- Takes the symbol, whose assets move, the quantity in base, the amount in quote, the leg and who
-- asks. Returns its id. Writes: settlement.waiting_instructions, events, outside_legs and theirs,
-- ledger.accounts. Locks: the accounts.
-- Raises: IVAMT, IVPAR; IVOUT for a leg that is none, or whose asset has no adapter; IVOPR; RJFND
-- when a side has not what it is to give.
create or replace function clearing.instruct_outside(
  p_symbol reference.symbols,
  p_seller_id int,
  p_buyer_id int,
  p_quantity numeric,
  p_notional numeric,
  p_leg text,
  p_by text,
  p_now timestamptz
) returns bigint
language plpgsql volatile
as $$
declare
  v_outside settlement.outside_assets;
  v_instruction settlement.waiting_instructions;
begin
  perform clearing.refuse_terms(p_symbol, p_seller_id, p_buyer_id, p_quantity, p_notional);
  perform ledger.refuse_operator(p_by);
  if (p_leg = 'DELIVERY' or p_leg = 'PAYMENT' and p_notional > 0) is not true then
    raise exception 'a leg is DELIVERY, or PAYMENT of an amount, not %', p_leg
      using errcode = 'IVOUT', hint = 'BAD_LEG', column = 'leg';
  end if;
  select o.* into v_outside
  from settlement.outside_assets as o
  where o.segment_id = p_symbol.segment_id
    and o.asset_id =
      case p_leg when 'DELIVERY' then p_symbol.base_asset_id else p_symbol.quote_asset_id end;
  if not found then
    raise exception 'the asset of the % leaves through no adapter', p_leg
      using errcode = 'IVOUT', hint = 'NOT_OUTSIDE', column = 'leg';
  end if;

  insert into settlement.waiting_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, created_at, reason, next_attempt_at,
    due_at
  )
  values (
    p_symbol.segment_id, nextval('settlement.instruction_ids'), p_symbol.symbol_id, p_buyer_id,
    p_seller_id, p_symbol.base_asset_id, p_symbol.quote_asset_id, p_quantity, p_notional, 0, 0,
    (p_now at time zone 'UTC')::date, p_now, 'EXTERNAL', 'infinity', p_now
  )
  returning * into strict v_instruction;
  insert into settlement.instruction_events (segment_id, instruction_id, at, kind, detail)
  values (
    p_symbol.segment_id, v_instruction.instruction_id, p_now, 'INSTRUCTED', p_leg || ' outside'
  );
  perform settlement.reserve_outside_leg(
    v_outside, p_leg, v_instruction.instruction_id, p_by, p_by, p_now
  );

  if not ledger.change_accounts(
    p_symbol.segment_id, settlement.hold_changes(v_instruction, 1)
  ) then
    raise exception 'a side has not what it is to give'
      using errcode = 'RJFND', hint = 'INSUFFICIENT_FUNDS';
  end if;
  return v_instruction.instruction_id;
end;
$$;
comment on function clearing.instruct_outside is
  'takes in an instruction of which one leg is made outside; both sides are held';
--! EndIncluded clearing/instruct_outside.sql
--! Included ledger/lock_adjustment.sql
-- The row of an adjustment that is to be decided about, locked to the end of the transaction.
-- Raises: NFADJ when there is none, STADJ when it is decided already, IVOPR.
create or replace function ledger.lock_adjustment(
  p_segment_id int,
  p_adjustment_id bigint,
  p_by text
) returns ledger.adjustments
language plpgsql volatile
as $$
declare
  v_adjustment ledger.adjustments;
begin
  perform ledger.refuse_operator(p_by);
  select a.* into v_adjustment
  from ledger.adjustments as a
  where a.segment_id = p_segment_id
    and a.adjustment_id = p_adjustment_id
  for no key update of a;

  if not found then
    raise exception 'there is no adjustment %', p_adjustment_id
      using errcode = 'NFADJ', hint = 'UNKNOWN_ADJUSTMENT';
  elsif v_adjustment.status <> 'PENDING' then
    raise exception 'adjustment % is %', p_adjustment_id, v_adjustment.status
      using errcode = 'STADJ', hint = 'ALREADY_DECIDED';
  end if;
  return v_adjustment;
end;
$$;
comment on function ledger.lock_adjustment is 'an adjustment, locked to be decided about';
--! EndIncluded ledger/lock_adjustment.sql
--! Included ledger/approve_adjustment.sql
-- Approves an adjustment: the second of two who did not ask for it posts it [LED-034]. It moves the
-- balances of now, and those as of any time since when it counts, as they are known from now on.
-- Returns it as it is then. Writes: ledger.adjustments, transfers, accounts, journals.
-- Locks: the adjustment, the two accounts, segment_state.
-- Raises: NFADJ, STADJ, IVOPR, RJSLF (who asked, or approved), RJFND (less is available than it
-- takes), STPER (the period that it counts in was closed meanwhile).
create or replace function ledger.approve_adjustment(
  p_segment_id int,
  p_adjustment_id bigint,
  p_by text,
  p_now timestamptz
) returns ledger.adjustments
language plpgsql volatile
as $$
declare
  v_adjustment ledger.adjustments :=
    ledger.lock_adjustment(p_segment_id, p_adjustment_id, p_by);
  v_journal_id bigint;
begin
  if lower(p_by) in (lower(v_adjustment.requested_by), lower(v_adjustment.approved_by)) then
    raise exception 'who asked for an adjustment, or approved it, may not approve it'
      using errcode = 'RJSLF', hint = 'SAME_OPERATOR', column = 'operator';
  elsif v_adjustment.approved_by is null then
    update ledger.adjustments as a
    set approved_by = p_by,
      approved_at = p_now
    where a.segment_id = p_segment_id
      and a.adjustment_id = p_adjustment_id
    returning a.* into strict v_adjustment;
    return v_adjustment;
  end if;

  v_journal_id := nextval('ledger.journal_ids');
  insert into ledger.transfers
  values (
    p_segment_id, v_journal_id, 1, 'ADJUSTMENT', v_adjustment.asset_id, v_adjustment.from_id,
    v_adjustment.to_id, v_adjustment.amount, null, p_now
  );
  update ledger.adjustments as a
  set status = 'POSTED',
    decided_by = p_by,
    decided_at = p_now,
    journal_id = v_journal_id
  where a.segment_id = p_segment_id
    and a.adjustment_id = p_adjustment_id
  returning a.* into strict v_adjustment;

  if not ledger.change_accounts(p_segment_id, array[
    row(v_adjustment.from_id, v_adjustment.asset_id, -v_adjustment.amount, 0, 0, 0),
    row(v_adjustment.to_id, v_adjustment.asset_id, v_adjustment.amount, 0, 0, 0)
  ]::ledger.account_change[]) then
    raise exception 'less than % is available', v_adjustment.amount
      using errcode = 'RJFND', hint = 'INSUFFICIENT_FUNDS', column = 'amount';
  end if;
  perform ledger.post_journal(
    p_segment_id, v_journal_id, 'ADJUSTMENT', p_now, '{}',
    ledger.posted_lines(p_segment_id, v_journal_id, p_now), v_adjustment.effective_at
  );
  return v_adjustment;
end;
$$;
comment on function ledger.approve_adjustment is
  'approves an adjustment; the second of two who did not ask for it posts it';
--! EndIncluded ledger/approve_adjustment.sql
--! Included ledger/close_period.sql
-- Closes the period from the end of the last closed one up to p_until [LED-030]. What is posted
-- from now on has a later time; what was, has a number up to last_finality_no. Nothing is counted
-- here, so the lock is held for a moment: see ops.seal_periods.
-- Takes the end, which is not in the period, and who closes it. Returns the period.
-- Locks: the segment's row of ledger.segment_state. Writes: it, ledger.periods.
-- Raises: IVOPR, IVPER (the end is in the future), STPER (it is closed already).
create or replace function ledger.close_period(
  p_segment_id int,
  p_until timestamptz,
  p_by text,
  p_now timestamptz
) returns ledger.periods
language plpgsql volatile
as $$
declare
  v_state ledger.segment_state;
  v_period ledger.periods;
begin
  perform ledger.refuse_operator(p_by);
  if (p_until <= p_now and p_until > '-infinity') is not true then
    raise exception 'a period is closed when it has ended'
      using errcode = 'IVPER', hint = 'BAD_PERIOD', column = 'until';
  end if;

  select s.* into strict v_state
  from ledger.segment_state as s
  where s.segment_id = p_segment_id
  for no key update of s;
  if p_until <= v_state.closed_until then
    raise exception 'the period up to % is closed', v_state.closed_until
      using errcode = 'STPER', hint = 'PERIOD_CLOSED';
  end if;

  update ledger.segment_state as s
  set closed_until = p_until
  where s.segment_id = p_segment_id;
  insert into ledger.periods (
    segment_id, period_no, starts_at, ends_at, last_finality_no, closed_at, closed_by
  )
  select
    p_segment_id, coalesce(max(p.period_no), 0) + 1, v_state.closed_until, p_until,
    v_state.last_finality_no, p_now, p_by
  from ledger.periods as p
  where p.segment_id = p_segment_id
  returning * into strict v_period;
  return v_period;
end;
$$;
comment on function ledger.close_period is
  'closes the period up to a time: nothing is posted with an earlier one';
--! EndIncluded ledger/close_period.sql
--! Included ledger/refuse_reason.sql
-- Refuses what is no reason: 1 to 500 characters. Raises: IVRSN. Reads nothing.
create or replace function ledger.refuse_reason(
  p_reason text
) returns void
language plpgsql stable
as $$
begin
  if (length(trim(p_reason)) between 1 and 500) is not true then
    raise exception 'a decision has a reason of 1 to 500 characters'
      using errcode = 'IVRSN', hint = 'REASON_MISSING', column = 'reason';
  end if;
end;
$$;
comment on function ledger.refuse_reason is 'refuses what is no reason';
--! EndIncluded ledger/refuse_reason.sql
--! Included ledger/reject_adjustment.sql
-- Rejects an adjustment that is not posted [LED-034]. Takes who rejects it (who asked may take it
-- back) and why. Writes: ledger.adjustments. Locks: the adjustment.
-- Raises: NFADJ, STADJ, IVOPR, IVRSN.
create or replace function ledger.reject_adjustment(
  p_segment_id int,
  p_adjustment_id bigint,
  p_by text,
  p_reason text,
  p_now timestamptz
) returns ledger.adjustments
language plpgsql volatile
as $$
declare
  v_adjustment ledger.adjustments;
begin
  perform ledger.refuse_reason(p_reason);
  perform ledger.lock_adjustment(p_segment_id, p_adjustment_id, p_by);
  update ledger.adjustments as a
  set status = 'REJECTED',
    decided_by = p_by,
    decided_at = p_now,
    reject_reason = p_reason
  where a.segment_id = p_segment_id
    and a.adjustment_id = p_adjustment_id
  returning a.* into strict v_adjustment;
  return v_adjustment;
end;
$$;
comment on function ledger.reject_adjustment is 'rejects an adjustment that is not posted';
--! EndIncluded ledger/reject_adjustment.sql
--! Included ledger/reject_withdrawal.sql
-- Rejects a withdrawal: what was held for it is available again, once [LED-020]. Takes who rejects
-- (who asked may take it back) and why. The same rejection again answers as the first time. One
-- that is on its way outside is not rejected: its leg is confirmed or voided.
-- Writes: ledger.withdrawals, accounts. Locks: the withdrawal, the account.
-- Raises: NFWDR, IVOPR, IVRSN (no reason), STWDR (it is decided, or approved, already).
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
  perform ledger.refuse_reason(p_reason);
  if v_withdrawal.status = 'REJECTED' and lower(v_withdrawal.decided_by) = lower(p_by) then
    return v_withdrawal;
  end if;
  perform ledger.refuse_decided(v_withdrawal);
  return ledger.give_back(v_withdrawal, p_by, p_reason, p_now);
end;
$$;
comment on function ledger.reject_withdrawal is 'gives back what was held for a withdrawal, once';
--! EndIncluded ledger/reject_withdrawal.sql
--! Included ledger/reopen_period.sql
-- Opens a closed period again, and all behind it, so that it takes postings [LED-030]. Who did it
-- and why stays with it; closed again it is another period, with another number.
-- Takes the number, who and why. Returns how many periods are open again.
-- Locks: the segment's row of ledger.segment_state. Writes: it, ledger.periods.
-- Raises: IVOPR, IVRSN (no reason), NFPER, STPER (it is open again already).
create or replace function ledger.reopen_period(
  p_segment_id int,
  p_period_no int,
  p_by text,
  p_reason text,
  p_now timestamptz
) returns int
language plpgsql volatile
as $$
declare
  v_period ledger.periods;
  v_count int;
begin
  perform ledger.refuse_operator(p_by);
  perform ledger.refuse_reason(p_reason);
  perform
  from ledger.segment_state as s
  where s.segment_id = p_segment_id
  for no key update of s;
  select p.* into v_period
  from ledger.periods as p
  where p.segment_id = p_segment_id
    and p.period_no = p_period_no;
  if not found then
    raise exception 'there is no period %', p_period_no
      using errcode = 'NFPER', hint = 'UNKNOWN_PERIOD', column = 'period_no';
  elsif v_period.reopened_at is not null then
    raise exception 'period % was opened again', p_period_no
      using errcode = 'STPER', hint = 'PERIOD_OPEN';
  end if;

  update ledger.periods as p
  set reopened_at = p_now,
    reopened_by = p_by,
    reopen_reason = p_reason
  where p.segment_id = p_segment_id
    and p.ends_at >= v_period.ends_at
    and p.reopened_at is null;
  get diagnostics v_count = row_count;
  update ledger.segment_state as s
  set closed_until = v_period.starts_at
  where s.segment_id = p_segment_id;
  return v_count;
end;
$$;
comment on function ledger.reopen_period is
  'opens a closed period and all behind it again; who did and why stays with it';
--! EndIncluded ledger/reopen_period.sql
--! Included ledger/request_adjustment.sql
-- Asks for a transfer that corrects the books since an earlier time [LED-034]: nothing is held or
-- moved until two others have approved it. Takes who gives and who gets, the amount in the asset,
-- since when it counts, why and who asks.
-- Writes: ledger.adjustments. Raises: NFPAR, IVPAR (to oneself), NFAST, IVAMT, IVADJ (the time is
-- in the future), STPER (it is in a closed period), IVRSN, IVOPR.
create or replace function ledger.request_adjustment(
  p_segment_id int,
  p_from text,
  p_to text,
  p_asset text,
  p_amount numeric,
  p_effective_at timestamptz,
  p_reason text,
  p_by text,
  p_now timestamptz
) returns ledger.adjustments
language plpgsql volatile
as $$
declare
  v_from_id int := (reference.get_participant(p_from)).participant_id;
  v_to_id int := (reference.get_participant(p_to)).participant_id;
  v_asset reference.assets := reference.get_asset(p_asset);
  v_closed_until timestamptz;
  v_adjustment ledger.adjustments;
begin
  perform ledger.refuse_operator(p_by);
  perform ledger.refuse_reason(p_reason);
  perform ledger.refuse_amount(p_amount, v_asset.decimals);
  if v_from_id = v_to_id then
    raise exception 'a participant cannot give to itself'
      using errcode = 'IVPAR', hint = 'SAME_PARTICIPANT';
  elsif (p_effective_at <= p_now and p_effective_at > '-infinity') is not true then
    raise exception 'an adjustment counts since a time that has been'
      using errcode = 'IVADJ', hint = 'BAD_ADJUSTMENT', column = 'effective_at';
  end if;
  select s.closed_until into strict v_closed_until
  from ledger.segment_state as s
  where s.segment_id = p_segment_id;
  if p_effective_at < v_closed_until then
    raise exception 'the period up to % is closed', v_closed_until
      using errcode = 'STPER', hint = 'PERIOD_CLOSED', column = 'effective_at';
  end if;

  insert into ledger.adjustments (
    segment_id, adjustment_id, asset_id, from_id, to_id, amount, effective_at, reason,
    requested_by, created_at
  )
  values (
    p_segment_id, nextval('ledger.adjustment_ids'), v_asset.asset_id, v_from_id, v_to_id, p_amount,
    p_effective_at, p_reason, p_by, p_now
  )
  returning * into strict v_adjustment;
  return v_adjustment;
end;
$$;
comment on function ledger.request_adjustment is
  'asks for a transfer that corrects the books since an earlier time';
--! EndIncluded ledger/request_adjustment.sql
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
    w.journal_id || '-1', w.approved_by, w.approved_at
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
--! Included matching/captured.sql
-- A trade as clearing takes it: by buyer and seller. Reads nothing.
create or replace function matching.captured(
  p_trade matching.trades
) returns clearing.captured_trade
language sql immutable
as $$
  select row(
    t.trade_id, case when t.bought then t.taker_id else t.maker_id end,
    case when t.bought then t.maker_id else t.taker_id end, t.quantity, t.price * t.quantity,
    case when t.bought then t.taker_fee else t.maker_fee end,
    case when t.bought then t.maker_fee else t.taker_fee end
  )::clearing.captured_trade
  from (select (p_trade).*, (p_trade).taker_side = 'BUY' as bought) as t
$$;
comment on function matching.captured is 'a trade as clearing takes it';
--! EndIncluded matching/captured.sql
--! Included matching/find_trade.sql
-- A trade by its id. Reads only. Raises: NFTRD when there is none.
create or replace function matching.find_trade(
  p_segment_id int,
  p_trade_id bigint
) returns matching.trades
language plpgsql stable
as $$
declare
  v_trade matching.trades;
begin
  select t.* into v_trade
  from matching.trades as t
  where t.segment_id = p_segment_id
    and t.trade_id = p_trade_id;
  if not found then
    raise exception 'there is no trade %', p_trade_id
      using errcode = 'NFTRD', hint = 'UNKNOWN_TRADE';
  end if;
  return v_trade;
end;
$$;
comment on function matching.find_trade is 'a trade by its id';
--! EndIncluded matching/find_trade.sql
--! Included matching/lock_bust.sql
-- The row of a bust, locked to the end of the transaction, for whoever decides about it: the second
-- one sees what the first one did. The same decision again by the same operator finds it decided so
-- and is answered as the first time. Raises: NFBST when there is none, IVOPR, STBST when it is
-- decided otherwise.
create or replace function matching.lock_bust(
  p_segment_id int,
  p_bust_id bigint,
  p_by text,
  p_status matching.bust_status
) returns matching.trade_busts
language plpgsql volatile
as $$
declare
  v_bust matching.trade_busts;
begin
  perform ledger.refuse_operator(p_by);
  select b.* into v_bust
  from matching.trade_busts as b
  where b.segment_id = p_segment_id
    and b.bust_id = p_bust_id
  for no key update of b;

  if not found then
    raise exception 'there is no bust %', p_bust_id
      using errcode = 'NFBST', hint = 'UNKNOWN_BUST';
  elsif v_bust.status <> 'PENDING'
    and (v_bust.status <> p_status or lower(v_bust.decided_by) <> lower(p_by)) then
    raise exception 'bust % is %', p_bust_id, v_bust.status
      using errcode = 'STBST', hint = 'ALREADY_DECIDED';
  end if;
  return v_bust;
end;
$$;
comment on function matching.lock_bust is 'the row of a bust, locked to be decided about';
--! EndIncluded matching/lock_bust.sql
--! Included matching/correct_volumes.sql
-- Takes a trade that is busted out of the volumes of tiers, and puts what takes its place there, as
-- far as they are summed up [LED-042], [BST-004]. What is not, is left to matching.fold_volumes: a
-- trade that is new by its number and not older than the mark.
-- Takes the trade and what takes its place (without a price: nothing does). Under the lock of the
-- symbol. Writes: matching.volumes.
create or replace function matching.correct_volumes(
  p_trade matching.trades,
  p_replacement matching.trades
) returns void
language plpgsql volatile
as $$
declare
  v_mark matching.volume_marks;
  v_more numeric := -p_trade.price * p_trade.quantity;
begin
  select m.* into v_mark
  from matching.volume_marks as m
  where m.segment_id = p_trade.segment_id
    and m.symbol_id = p_trade.symbol_id;
  if not found or p_trade.seq > v_mark.last_seq and p_trade.traded_at >= v_mark.last_at then
    return;
  end if;

  if p_replacement.traded_at < v_mark.last_at then
    v_more := v_more + p_replacement.price * p_replacement.quantity;
  end if;
  update matching.volumes as v
  set volume = v.volume + l.more
  from (
    select u.participant_id, count(*) * v_more as more
    from unnest(array[p_trade.taker_id, p_trade.maker_id]) as u (participant_id)
    group by u.participant_id
  ) as l
  where v.segment_id = p_trade.segment_id
    and v.symbol_id = p_trade.symbol_id
    and v.participant_id = l.participant_id
    and v.traded_on = (p_trade.traded_at at time zone 'UTC')::date;
end;
$$;
comment on function matching.correct_volumes is
  'takes a trade that is busted out of the volumes of tiers';
--! EndIncluded matching/correct_volumes.sql
--! Included matching/record_bust.sql
-- Tells that a trade is busted: a BUST event that names it, and where another takes its place, that
-- trade and its CORRECTED event [BST-002]. The orders, the book, stop orders, the last price and
-- the phase stay as the trade left them: but for the numbers, the matcher does not know of a bust.
-- Takes the trade and the one that takes its place (null: none does), which it returns with its
-- number. Under the lock of the symbol.
-- Writes: matching.events, matching.trades, matching.symbol_state, matching.volumes.
create or replace function matching.record_bust(
  p_trade matching.trades,
  p_replacement matching.trades,
  p_reason text,
  p_at timestamptz
) returns matching.trades
language plpgsql volatile
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
  v_count int := case when p_replacement.price is null then 1 else 2 end;
  v_seq bigint;
begin
  update matching.symbol_state as s
  set last_seq = s.last_seq + v_count
  where s.segment_id = p_trade.segment_id
    and s.symbol_id = p_trade.symbol_id
  returning s.last_seq into strict v_seq;

  insert into matching.events (
    segment_id, symbol_id, seq, at, kind, order_id, participant_id, side, price, quantity,
    maker_order_id, maker_id, reason, trade_id
  )
  select
    t.segment_id, t.symbol_id, v_seq - v_count + e.n, p_at, e.kind, t.taker_order_id, t.taker_id,
    t.taker_side, e.price, t.quantity, t.maker_order_id, t.maker_id, e.reason, t.trade_id
  from (select p_trade.*) as t
  cross join lateral (
    values (1, 'BUST'::matching.event_kind, t.price::numeric, p_reason),
      (2, 'CORRECTED', p_replacement.price, null)
  ) as e (n, kind, price, reason)
  where e.n <= v_count;

  if v_count = 2 then
    p_replacement.seq := v_seq;
    p_replacement.trade_id := p_trade.symbol_id * c_ids_per_symbol + v_seq;
    insert into matching.trades select p_replacement.*;
  end if;
  perform matching.correct_volumes(p_trade, p_replacement);
  return p_replacement;
end;
$$;
comment on function matching.record_bust is
  'tells that a trade is busted, and what takes its place';
--! EndIncluded matching/record_bust.sql
--! Included matching/rates_of.sql
-- The rates of fees that held for a trade: its own, where it says them; else those of the symbol in
-- its batch, which the log says; where that is gone, those of today. Of one that took another's
-- place: the other's. Reads only.
create or replace function matching.rates_of(
  p_symbol reference.symbols,
  p_trade matching.trades,
  out maker numeric,
  out taker numeric
)
language plpgsql stable
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
  v_id bigint := p_trade.trade_id;
  v_before_id bigint;
begin
  loop
    select b.trade_id into v_before_id
    from matching.trade_busts as b
    where b.segment_id = p_trade.segment_id
      and b.replacement_id = v_id;
    exit when not found;
    v_id := v_before_id;
  end loop;

  select (t.terms ->> 'maker_rate')::numeric, (t.terms ->> 'taker_rate')::numeric
  into maker, taker
  from matching.command_log as l
  join matching.symbol_terms as t
    on t.segment_id = l.segment_id
    and t.symbol_id = l.symbol_id
    and t.terms_hash = l.terms_hash
  where l.segment_id = p_trade.segment_id
    and l.symbol_id = p_trade.symbol_id
    and l.at >= p_trade.traded_at
    and v_id % c_ids_per_symbol between l.first_seq and l.last_seq
  order by l.log_no
  limit 1;
  maker := coalesce((to_jsonb(p_trade) ->> 'maker_rate')::numeric, maker, p_symbol.maker_rate);
  taker := coalesce((to_jsonb(p_trade) ->> 'taker_rate')::numeric, taker, p_symbol.taker_rate);
end;
$$;
comment on function matching.rates_of is 'the rates of fees that held for a trade';
--! EndIncluded matching/rates_of.sql
--! Included matching/replacement_of.sql
-- The trade that takes the place of another at another price [BST-003]: the same orders, quantity
-- and time, so that it counts where the other one did, and the fees of that notional at the rates
-- that held for the trade, rounded up by itself. Its number comes when it is written. Reads only.
create or replace function matching.replacement_of(
  p_symbol reference.symbols,
  p_trade matching.trades,
  p_price numeric
) returns matching.trades
language plpgsql stable
as $$
declare
  c_one constant numeric := reference.units_in_one(p_symbol.quote_decimals);
  c_unit constant numeric := reference.asset_unit(p_symbol.quote_decimals);
  v_rates record := matching.rates_of(p_symbol, p_trade);
  v_trade matching.trades := p_trade;
begin
  v_trade.price := p_price;
  v_trade.taker_fee := ledger.round_up(p_price * p_trade.quantity * v_rates.taker, c_one, c_unit);
  v_trade.maker_fee := ledger.round_up(p_price * p_trade.quantity * v_rates.maker, c_one, c_unit);
  return v_trade;
end;
$$;
comment on function matching.replacement_of is
  'the trade that takes the place of another at another price';
--! EndIncluded matching/replacement_of.sql
--! Included matching/approve_bust.sql
-- Busts a trade that another operator asked to bust, or corrects it, all in this transaction: the
-- events, the trade that takes its place, what it left to settle and what it settled [BST-001]. The
-- same approval again is answered as the first time.
-- Locks: the row of the bust, advisory (4, segment), the symbol, then as clearing.bust_trade.
-- Writes: matching.trade_busts, events, trades, symbol_state, and all of the settlement.
-- Raises: NFBST, IVOPR, RJSLF (who asked), STBST (it is decided already), STISO when the
-- transaction is not READ COMMITTED.
create or replace function matching.approve_bust(
  p_segment_id int,
  p_bust_id bigint,
  p_by text,
  p_now timestamptz
) returns matching.trade_busts
language plpgsql volatile
as $$
declare
  c_settlement_space constant int := 4;
  v_bust matching.trade_busts := matching.lock_bust(p_segment_id, p_bust_id, p_by, 'DONE');
  v_symbol reference.symbols;
  v_trade matching.trades;
  v_replacement matching.trades;
  v_in_place clearing.captured_trade;
begin
  if v_bust.status = 'DONE' then
    return v_bust;
  elsif lower(v_bust.requested_by) = lower(p_by) then
    raise exception 'who asked for a bust may not approve it'
      using errcode = 'RJSLF', hint = 'SAME_OPERATOR', column = 'operator';
  end if;
  perform pg_advisory_xact_lock(c_settlement_space, p_segment_id);
  perform matching.lock_symbol(p_segment_id, v_bust.symbol_id);

  v_trade := matching.find_trade(p_segment_id, v_bust.trade_id);
  if v_bust.new_price is not null then
    select s.* into strict v_symbol from reference.symbols as s
    where s.symbol_id = v_bust.symbol_id;
    v_replacement := matching.replacement_of(v_symbol, v_trade, v_bust.new_price);
  end if;
  v_replacement := matching.record_bust(v_trade, v_replacement, v_bust.reason, p_now);

  update matching.trade_busts as b
  set status = 'DONE',
    decided_by = p_by,
    decided_at = p_now,
    seq = coalesce(v_replacement.seq - 1, (
      select s.last_seq
      from matching.symbol_state as s
      where s.segment_id = p_segment_id
        and s.symbol_id = b.symbol_id
    )),
    replacement_id = v_replacement.trade_id
  where b.segment_id = p_segment_id
    and b.bust_id = p_bust_id
  returning b.* into strict v_bust;

  if v_replacement.trade_id is not null then
    v_in_place := matching.captured(v_replacement);
  end if;
  perform clearing.bust_trade(p_segment_id, v_bust.trade_id, v_in_place, p_by, p_now);
  return v_bust;
end;
$$;
comment on function matching.approve_bust is
  'busts or corrects a trade that another operator asked to bust';
--! EndIncluded matching/approve_bust.sql
--! Included matching/book_rows.sql
-- Resting orders by id (each once), with the place of their row: looked up by key, whatever the
-- caller has set for its joins. Reads only.
create or replace function matching.book_rows(
  p_segment_id int,
  p_order_ids bigint[]
) returns table (
  order_id bigint,
  owner_id int,
  side matching.order_side_enum,
  sort_price numeric,
  priority_no bigint,
  created_at timestamptz,
  book_tid tid,
  remaining numeric,
  hold numeric,
  fee_exact numeric,
  fee numeric,
  display numeric,
  visible numeric,
  list_id bigint,
  hold_rate numeric
)
language plpgsql volatile
set enable_nestloop = on
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  return query
  select
    b.order_id, b.participant_id, b.side, b.sort_price, b.priority_no, b.created_at, b.ctid,
    b.remaining_quantity, b.hold_amount, b.fee_exact, b.fee_amount,
    b.display_quantity, b.visible_quantity, b.list_id, b.hold_rate
  from reference.ids(p_segment_id, p_order_ids) as i
  join matching.book as b
    on b.segment_id = i.segment_id
    and b.order_id = i.id;
end;
$$;
comment on function matching.book_rows is 'resting orders by id';
--! EndIncluded matching/book_rows.sql
--! Included matching/call_orders.sql
-- The orders that can trade in a call: bids that reach p_low or more, asks that reach p_high or
-- less, whose time is not over; with all that remains of them, shown or not. With the lowest ask
-- and the highest bid these are the orders where the book is crossed, however deep it is.
-- Each side is a query of its own: as one condition, or one join, they were planned as a walk of
-- the whole book while it was small, and read all of it when it was large. Reads only.
create or replace function matching.call_orders(
  p_symbol reference.symbols,
  p_low numeric,
  p_high numeric,
  p_in_close boolean,
  p_at timestamptz
) returns setof matching.call_order
language plpgsql volatile
set enable_seqscan = off     -- a plan made while the book was small must look it up by its order
set enable_bitmapscan = off  -- when it is large
as $$
declare
  v_side matching.order_side_enum;
begin
  foreach v_side in array array['BUY', 'SELL']::matching.order_side_enum[] loop
    return query
    select
      b.side, b.order_id, b.participant_id, b.sort_price, b.priority_no, abs(b.sort_price),
      b.remaining_quantity, b.fee_exact, b.fee_amount, b.hold_rate
    from matching.book as b
    where b.segment_id = p_symbol.segment_id
      and b.symbol_id = p_symbol.symbol_id
      and b.side = v_side
      and b.sort_price <= case when v_side = 'BUY' then -p_low else p_high end
      and not matching.is_over(b.expire_at, b.session_rule, p_in_close, p_at);
  end loop;
end;
$$;
comment on function matching.call_orders is 'the orders that can trade in a call';
--! EndIncluded matching/call_orders.sql
--! Included matching/capped_charge.sql
-- What an order that stands is charged: what its owner is, an order to buy at most the rate that it
-- holds for [LED-043]. Takes both, null where they are what the symbol itself says; so is the
-- result. Reads nothing.
create or replace function matching.capped_charge(
  p_symbol reference.symbols,
  p_charge matching.charge,
  p_is_buy boolean,
  p_hold_rate numeric
) returns matching.charge
language sql immutable parallel safe
as $$
  select case
    when p_hold_rate is null and p_charge.hold_rate is null or not p_is_buy then p_charge
    else row(p_charge.fee_id, least(coalesce(p_charge.maker_rate, p_symbol.maker_rate), h.rate),
      least(coalesce(p_charge.taker_rate, p_symbol.taker_rate), h.rate), h.rate,
      p_charge.volume_left)::matching.charge end
  from (
    select coalesce(p_hold_rate, greatest(p_symbol.maker_rate, p_symbol.taker_rate, 0)) as rate
  ) as h
$$;
comment on function matching.capped_charge is 'what an order that stands is charged';
--! EndIncluded matching/capped_charge.sql
--! Included matching/charges_of.sql
-- What these participants are charged at a symbol at a time, by the volumes that are summed up for
-- them so far: the rates of their tier [LED-042], with how much is missing to the next. Returns no
-- row for who is charged what the symbol itself says. Reads only.
create or replace function matching.charges_of(
  p_symbol reference.symbols,
  p_at timestamptz,
  p_participant_ids int[]
) returns table (
  participant_id int,
  charge matching.charge
)
language sql volatile
rows 100
as $$
  select
    s.participant_id,
    row(r.fee_id, r.maker_rate, r.taker_rate, greatest(r.maker_rate, r.taker_rate, 0),
      r.next_volume - v.volume)::matching.charge
  from reference.schedules_of(p_symbol, p_at, p_participant_ids) as s
  cross join lateral (
    select coalesce(sum(u.volume), 0) as volume
    from matching.volumes as u
    where u.segment_id = p_symbol.segment_id
      and u.symbol_id = p_symbol.symbol_id
      and u.participant_id = s.participant_id
      and u.traded_on >= matching.first_volume_day(p_at)
  ) as v
  cross join lateral (
    select
      t.fee_id, t.min_volume, t.maker_rate::numeric as maker_rate,
      t.taker_rate::numeric as taker_rate,
      lead(t.min_volume) over (order by t.min_volume) as next_volume
    from reference.fee_rates as t
    where t.segment_id = p_symbol.segment_id
      and t.schedule_id = s.schedule_id
  ) as r
  where r.min_volume <= v.volume
    and (r.next_volume > v.volume) is not false
$$;
comment on function matching.charges_of is
  'what participants are charged at a symbol at a time, by their tiers';
--! EndIncluded matching/charges_of.sql
--! Included matching/call_fills.sql
-- The trades of an uncrossing at a price: both sides by price, then time, each up to the volume,
-- and laid against each other [MAT-072]. So what is better than the price trades in full, and what
-- is at it by time. Of each pair the order that came later is the taker. Fees are rounded up over
-- all fills of an order [LED-044], each at the rates of its owner [LED-040].
-- Each side is cut into pieces where a queue of the other has an end: piece k is what lies between
-- the ends k - 1 and k, and the order that fills it the first whose own end is not before that.
-- Reads only.
create or replace function matching.call_fills(
  p_symbol reference.symbols,
  p_price numeric,
  p_volume numeric,
  p_in_close boolean,
  p_at timestamptz
) returns setof matching.call_fill
language sql volatile
set enable_nestloop = off  -- the queues are planned as if they were short: always hash them
as $$
  with queues as (
    select
      o.*, sum(o.remaining) over (partition by o.side order by o.sort_price, o.priority_no) as upto
    from matching.call_orders(p_symbol, p_price, p_price, p_in_close, p_at) as o
  ), cut as materialized (
    select q.*, least(q.upto, p_volume) as cut_at
    from queues as q
    where q.upto - q.remaining < p_volume
  ), charges as materialized (
    select c.*
    from matching.charges_of(p_symbol, p_at, array(select o.participant_id from cut as o)) as c
  ), pieces as (
    select
      row_number() over (order by e.cut_at) as n,
      e.cut_at - coalesce(lag(e.cut_at) over (order by e.cut_at), 0) as quantity,
      min(e.buy_at) over (order by e.cut_at desc) as buy_at,
      min(e.sell_at) over (order by e.cut_at desc) as sell_at
    from (
      select
        c.cut_at, min(c.cut_at) filter (where c.side = 'BUY') as buy_at,
        min(c.cut_at) filter (where c.side = 'SELL') as sell_at
      from cut as c
      group by c.cut_at
    ) as e
  ), pairs as (
    select
      p.n, p.quantity, b.order_id as buy_id, s.order_id as sell_id, b.participant_id as buyer_id,
      s.participant_id as seller_id, b.priority_no > s.priority_no as is_buyer_taker,
      b.remaining - sum(p.quantity) over (partition by b.order_id order by p.n) as buy_left,
      s.remaining - sum(p.quantity) over (partition by s.order_id order by p.n) as sell_left,
      b.fee as buy_fee, b.fee_exact as buy_exact, s.fee as sell_fee, s.fee_exact as sell_exact,
      matching.capped_charge(p_symbol, bc.charge, true, b.hold_rate) as buy_charge,
      sc.charge as sell_charge
    from pieces as p
    join cut as b
      on b.side = 'BUY'
      and b.cut_at = p.buy_at
    join cut as s
      on s.side = 'SELL'
      and s.cut_at = p.sell_at
    left join charges as bc
      on bc.participant_id = b.participant_id
    left join charges as sc
      on sc.participant_id = s.participant_id
  ), due as (
    select p.*, ledger.round_up(
        p.buy_exact + sum(p_price * p.quantity * case when p.is_buyer_taker
          then coalesce((p.buy_charge).taker_rate, p_symbol.taker_rate)
          else coalesce((p.buy_charge).maker_rate, p_symbol.maker_rate) end) over (
          partition by p.buy_id order by p.n
        ), reference.units_in_one(p_symbol.quote_decimals),
        reference.asset_unit(p_symbol.quote_decimals)
      ) as buy_due, ledger.round_up(
        p.sell_exact + sum(p_price * p.quantity * case when p.is_buyer_taker
          then coalesce((p.sell_charge).maker_rate, p_symbol.maker_rate)
          else coalesce((p.sell_charge).taker_rate, p_symbol.taker_rate) end) over (
          partition by p.sell_id order by p.n
        ), reference.units_in_one(p_symbol.quote_decimals),
        reference.asset_unit(p_symbol.quote_decimals)
      ) as sell_due
    from pairs as p
  )
  select
    d.n, d.quantity, d.buy_id, d.sell_id, d.buyer_id, d.seller_id, d.is_buyer_taker,
    d.buy_due - coalesce(lag(d.buy_due) over (partition by d.buy_id order by d.n), d.buy_fee),
    d.sell_due - coalesce(lag(d.sell_due) over (partition by d.sell_id order by d.n), d.sell_fee),
    case when d.is_buyer_taker then d.sell_left else d.buy_left end, d.buy_charge, d.sell_charge
  from due as d
  order by d.n
$$;
comment on function matching.call_fills is 'the trades of an uncrossing at a price';
--! EndIncluded matching/call_fills.sql
--! Included matching/charge_slots.sql
-- Slots with what is charged to each: to a new order what its owner is charged now, to one that
-- stands that with its cap. Takes the prices that they are sorted by, the slots, and which is the
-- first of an order that stood before. Reads only; returns the slots.
create or replace function matching.charge_slots(
  p_symbol reference.symbols,
  p_at timestamptz,
  p_sort_prices numeric[],
  p_slots matching.slot[],
  p_first_standing int
) returns matching.slot[]
language plpgsql volatile
as $$
declare
  v_ids int[];
  v_charges matching.charge[];
  v_charge matching.charge;
begin
  select array_agg(c.participant_id order by c.participant_id),
    array_agg(c.charge order by c.participant_id)
  into v_ids, v_charges
  from matching.charges_of(
    p_symbol, p_at, array(
      select distinct s.owner_id from unnest(p_slots) as s where s.owner_id is not null
    )
  ) as c;

  for v_no in 1..cardinality(p_slots) loop
    v_charge := v_charges[matching.party_no(v_ids, p_slots[v_no].owner_id)];
    if v_no >= p_first_standing then
      v_charge := matching.capped_charge(p_symbol, v_charge, p_sort_prices[v_no] < 0,
        (p_slots[v_no].charge).hold_rate);
    end if;
    p_slots[v_no].charge := v_charge;
  end loop;
  return p_slots;
end;
$$;
comment on function matching.charge_slots is 'slots with what is charged to each';
--! EndIncluded matching/charge_slots.sql
--! Included matching/has_tiers.sql
-- Whether a schedule of fees that has begun by a time has tiers by volume at a symbol. Reads only.
create or replace function matching.has_tiers(
  p_symbol reference.symbols,
  p_at timestamptz
) returns boolean
language sql volatile
as $$
  select exists (
    select
    from reference.fee_schedules as s
    join reference.fee_rates as r
      on r.segment_id = s.segment_id
      and r.schedule_id = s.schedule_id
      and r.min_volume > 0
    where s.segment_id = p_symbol.segment_id
      and (s.symbol_id = p_symbol.symbol_id or s.group_id = p_symbol.group_id
        or num_nonnulls(s.symbol_id, s.group_id) = 0)
      and s.effective_from <= p_at
  )
$$;
comment on function matching.has_tiers is 'whether fees at a symbol have tiers by volume';
--! EndIncluded matching/has_tiers.sql
--! Included matching/fold_volumes.sql
-- Sums up what participants traded at a symbol since it was last done, where a schedule has tiers
-- there; the first time, what they traded in the days that count. Returns whether one has. A trade
-- counts for both of its sides, with its notional: matching.volume_legs says which. One that is
-- busted later is taken out by matching.correct_volumes. Writes: matching.volumes,
-- matching.volume_marks. Under the lock of the symbol.
create or replace function matching.fold_volumes(
  p_symbol reference.symbols,
  p_at timestamptz
) returns boolean
language plpgsql volatile
as $$
declare
  v_mark matching.volume_marks;
  v_last_seq bigint;
begin
  if not matching.has_tiers(p_symbol, p_at) then
    return false;
  end if;
  select m.* into v_mark
  from matching.volume_marks as m
  where m.segment_id = p_symbol.segment_id
    and m.symbol_id = p_symbol.symbol_id;
  if not found then
    v_mark.since_on := matching.first_volume_day(p_at);
    v_mark.last_seq := 0;
    v_mark.last_at := v_mark.since_on::timestamp at time zone 'UTC';
  end if;

  with legs as materialized (
    select l.* from matching.volume_legs(p_symbol, v_mark.last_seq, v_mark.last_at) as l
  ), added as (
    insert into matching.volumes as v (segment_id, symbol_id, participant_id, traded_on, volume)
    select
      p_symbol.segment_id, p_symbol.symbol_id, l.participant_id, l.traded_on, sum(l.notional)
    from legs as l
    group by l.participant_id, l.traded_on
    on conflict (segment_id, symbol_id, participant_id, traded_on) do update
    set volume = v.volume + excluded.volume
  )
  select max(l.seq) into v_last_seq from legs as l;
  if v_last_seq is null then
    return true;
  end if;

  insert into matching.volume_marks (segment_id, symbol_id, last_seq, last_at, since_on)
  values (p_symbol.segment_id, p_symbol.symbol_id, v_last_seq, p_at, v_mark.since_on)
  on conflict (segment_id, symbol_id) do update
  set last_seq = excluded.last_seq,
    last_at = excluded.last_at;
  return true;
end;
$$;
comment on function matching.fold_volumes is
  'sums up what participants traded at a symbol since it was last done';
--! EndIncluded matching/fold_volumes.sql
--! Included matching/charge_batch.sql
-- A batch with what its orders are charged [LED-040]: each slot gets its rates, once for the part
-- of a batch, by volumes up to here; makers get them as they are read. Takes the time of the part,
-- which the command log keeps: a replay finds the same schedules [MAT-091].
-- Processor time of a batch by that without schedules, in turn in one run on PostgreSQL 18: 1.1 for
-- 2,000 orders and 1.3 for one; with tiers 1.2 and 1.4.
-- Returns the batch. Writes what matching.fold_volumes does. Under the lock of the symbol.
create or replace function matching.charge_batch(
  p_symbol reference.symbols,
  p_at timestamptz,
  p_batch matching.batch
) returns matching.batch
language plpgsql volatile
as $$
begin
  p_batch.fees_at := p_at;
  p_batch.has_tiers := matching.fold_volumes(p_symbol, p_at);
  p_batch.slots := matching.charge_slots(
    p_symbol, p_at, p_batch.sort_prices || (p_batch.found).sort_prices, p_batch.slots,
    cardinality(p_batch.asked) + 1
  );
  return p_batch;
end;
$$;
comment on function matching.charge_batch is 'a batch with what its orders are charged';
--! EndIncluded matching/charge_batch.sql
--! Included matching/check_batch.sql
-- Checks a part of a batch that is written, before anybody can see it: the book is not crossed, by
-- a look at the best of each side; what the trades moved is what their orders filled; and each
-- order that rests, of those that were touched, has something left and holds what it needs
-- [MAT-090]. The other sums are constraints of matching.orders and matching.book. It looks at what
-- the part touched and nothing else, so that it costs the same on a deep book.
-- Takes the state that the part led to. Reads only, under the lock of the symbol.
-- Raises: NVBAT, and with it the whole batch is undone.
-- Processor time of a batch with it by that without, in turn in one run on PostgreSQL 18: 1.03 for
-- one order, 1.04 for 32, 1.03 for 2,000; the runs of the same lie as far apart.
create or replace function matching.check_batch(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_outcome matching.outcome
) returns void
language plpgsql volatile
set enable_seqscan = off     -- a plan made while the book was small must find its best by the index
set enable_bitmapscan = off  -- when it is large
set enable_sort = off
as $$
declare
  c_one constant numeric := reference.units_in_one(p_symbol.quote_decimals);
  c_unit constant numeric := reference.asset_unit(p_symbol.quote_decimals);
  c_rate constant numeric := greatest(p_symbol.taker_rate, p_symbol.maker_rate, 0);
  v_filled numeric;
  v_traded numeric;
  v_order_id bigint;
  v_bid numeric;
  v_ask numeric;
begin
  -- One statement: beside an order that comes alone, starting another is what would cost.
  select
    sum(u.filled),
    min(u.order_id) filter (
      where u.remaining < 0
        or u.remaining = 0 and u.hold <> 0
        or u.remaining > 0 and u.pending is null and u.hold <> matching.order_hold(
          u.sort_price < 0, -u.sort_price, u.remaining, u.fee_exact, u.fee,
          coalesce((u.charge).hold_rate, c_rate), c_one, c_unit
        )
    ),
    (select coalesce(sum(f.quantity), 0) * 2 from unnest(p_outcome.fills) as f),
    (select -b.sort_price
    from matching.book as b
    where b.segment_id = p_symbol.segment_id
      and b.symbol_id = p_symbol.symbol_id
      and b.side = 'BUY'
    order by b.sort_price, b.priority_no
    limit 1),
    (select b.sort_price
    from matching.book as b
    where b.segment_id = p_symbol.segment_id
      and b.symbol_id = p_symbol.symbol_id
      and b.side = 'SELL'
    order by b.sort_price, b.priority_no
    limit 1)
  into v_filled, v_order_id, v_traded, v_bid, v_ask
  from rows from (
    unnest(p_outcome.sort_prices, p_outcome.remaining), unnest(p_outcome.slots)
  ) as u (sort_price, remaining)
  where u.last_seq is not null;

  if v_bid >= v_ask and p_state.phase = 'CONTINUOUS' and not p_outcome.is_breached then
    raise exception 'the book of % is crossed: % bid, % asked', p_symbol.symbol, v_bid, v_ask
      using errcode = 'NVBAT';
  elsif v_filled <> v_traded then
    raise exception 'the orders of % filled %, its trades moved %', p_symbol.symbol, v_filled,
      v_traded using errcode = 'NVBAT';
  elsif v_order_id is not null then
    raise exception 'order % does not hold what it needs', v_order_id using errcode = 'NVBAT';
  end if;
end;
$$;
comment on function matching.check_batch is 'checks a part of a batch before anybody can see it';
--! EndIncluded matching/check_batch.sql
--! Included reference/check_rebates.sql
-- Checks that the house pays on no trade more than it gets: at each symbol, from a time on, the
-- lowest rate of a maker and the lowest of a taker are not below 0 together, whoever meets whom
-- [LED-045]. Reads only.
-- Raises: IVFEE, with the first symbol where it is not so.
create or replace function reference.check_rebates(
  p_segment_id int,
  p_from timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_worst record;
begin
  select s.symbol, least(min(r.maker_rate), s.maker_rate) as maker_rate,
    least(min(r.taker_rate), s.taker_rate) as taker_rate
  into v_worst
  from reference.symbols as s
  join (
    select
      f.*, lead(f.effective_from) over (
        partition by f.participant_id, f.symbol_id, f.group_id
        order by f.effective_from, f.schedule_id
      ) as effective_until
    from reference.fee_schedules as f
    where f.segment_id = p_segment_id
  ) as f
    on f.symbol_id = s.symbol_id
    or f.group_id = s.group_id
    or num_nonnulls(f.symbol_id, f.group_id) = 0
  join reference.fee_rates as r
    on r.segment_id = f.segment_id
    and r.schedule_id = f.schedule_id
  where s.segment_id = p_segment_id
    and (f.effective_until > p_from) is not false
  group by s.symbol_id
  having least(min(r.maker_rate), s.maker_rate) + least(min(r.taker_rate), s.taker_rate) < 0
  order by s.symbol_id
  limit 1;
  if found then
    raise exception 'at % a maker could get more than a taker pays: % and %', v_worst.symbol,
      trim_scale(v_worst.maker_rate), trim_scale(v_worst.taker_rate)
      using errcode = 'IVFEE', hint = 'BAD_FEES', column = 'tiers';
  end if;
end;
$$;
comment on function reference.check_rebates is
  'checks that the house pays on no trade more than it gets';
--! EndIncluded reference/check_rebates.sql
--! Included matching/create_symbol.sql
-- Lists a symbol: tradable when this commits, no restart. Assets that are not known yet are made,
-- with 8 decimals unless the options say base_decimals or quote_decimals.
-- Takes the symbol (base, dash, quote), tick size in quote per base, lot size in base, and options,
-- see matching.symbol_terms. tick x lot must be a multiple of the quote unit: notionals are exact.
-- Returns the symbol's id. Writes: reference.assets, reference.symbols, matching.symbol_state.
-- Raises: STSYM (there already), IVSYM (not base-quote, or a rule of the table is broken), 22P02
-- for a word that an option does not know, IVFEE where its fees do not pay rebates [LED-045].
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
  perform reference.check_rebates(p_segment_id, p_now);
  return v_symbol_id;
exception when check_violation then
  get stacked diagnostics v_rule = constraint_name;
  raise exception 'the symbol % breaks the rule %', v_name, v_rule
    using errcode = 'IVSYM', hint = 'BAD_SYMBOL';
end;
$$;
comment on function matching.create_symbol is 'lists a symbol, with its assets where they are new';
--! EndIncluded matching/create_symbol.sql
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
    s.last_seq, s.end_reason, s.refusal, s.expire_at, s.session_rule,
    case when s.sort_price < 0 then (s.charge).hold_rate end
  from rows from (
    unnest(p_outcome.sort_prices, p_outcome.priority_nos, p_outcome.remaining),
    unnest(p_outcome.slots)
  ) with ordinality as s (
    sort_price, priority_no, remaining, order_id, owner_id, party_no, quantity, hold, hold_before,
    fee_exact, fee, filled, paid, display, visible, list_id, pending, created_at, book_tid,
    last_seq, end_reason, refusal, type, stp, is_post_only, is_sliding, expire_at, session_rule,
    charge, n
  )
  left join matching.prevented_sums(p_outcome.prevented) as p
    on p.order_id = s.order_id
  where s.last_seq is not null
$$;
comment on function matching.final_orders is 'the orders that an outcome touched, as they end';
--! EndIncluded matching/final_orders.sql
--! Included matching/record_trades.sql
-- Writes the trades of an outcome, and hands them to clearing: an instruction a trade, in the same
-- transaction. Writes: matching.trades, settlement.pending_instructions.
create or replace function matching.record_trades(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_outcome matching.outcome
) returns void
language plpgsql volatile
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
  v_first_id bigint := p_symbol.symbol_id * c_ids_per_symbol;
begin
  insert into matching.trades
  select
    p_symbol.segment_id, v_first_id + f.seq, p_now, p_symbol.symbol_id, f.seq, f.price, f.quantity,
    case when f.bought then 'BUY'::matching.order_side_enum else 'SELL' end, f.taker_order_id,
    f.maker_order_id, f.taker_id, f.maker_id, f.taker_fee, f.maker_fee,
    (f.taker_charge).taker_rate, (f.maker_charge).maker_rate, (f.taker_charge).fee_id,
    (f.maker_charge).fee_id
  from unnest(p_outcome.fills) as f;

  perform clearing.capture_trades(p_symbol, p_now, array(
    select row(
      v_first_id + f.seq, case when f.bought then f.taker_id else f.maker_id end,
      case when f.bought then f.maker_id else f.taker_id end, f.quantity, f.price * f.quantity,
      case when f.bought then f.taker_fee else f.maker_fee end,
      case when f.bought then f.maker_fee else f.taker_fee end
    )::clearing.captured_trade
    from unnest(p_outcome.fills) as f
  ));
end;
$$;
comment on function matching.record_trades is
  'writes the trades of an outcome and their instructions';
--! EndIncluded matching/record_trades.sql
--! Included matching/session_orders.sql
-- The resting orders that a change of phase fills or ends, as they come out of it, with the numbers
-- of the events that tell it: from p_first_seq on, first those filled, then those that end, each in
-- the order of the book. Takes the trades and their price, and the orders that are to end, each as
-- far as something is left of it. Reads only.
create or replace function matching.session_orders(
  p_symbol reference.symbols,
  p_price numeric,
  p_fills matching.call_fill[],
  p_ending_ids bigint[],
  p_first_seq bigint
) returns setof matching.session_order
language sql volatile
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
  with legs as (
    select l.order_id, f.quantity, l.fee, l.rate
    from unnest(p_fills) as f
    cross join lateral (
      values
        (f.buy_order_id, f.buyer_fee,
          case when f.is_buyer_taker then coalesce((f.buyer_charge).taker_rate, p_symbol.taker_rate)
          else coalesce((f.buyer_charge).maker_rate, p_symbol.maker_rate) end),
        (f.sell_order_id, f.seller_fee,
          case when f.is_buyer_taker
          then coalesce((f.seller_charge).maker_rate, p_symbol.maker_rate)
          else coalesce((f.seller_charge).taker_rate, p_symbol.taker_rate) end)
    ) as l (order_id, fee, rate)
  ), touched as materialized (
    select
      t.order_id, sum(t.quantity) as filled, sum(t.fee) as fee,
      sum(p_price * t.quantity * t.rate) as fee_exact, bool_or(t.is_ending) as is_ending
    from (
      select l.order_id, l.quantity, l.fee, l.rate, false
      from legs as l
      union all
      select e.order_id, 0, 0, 0, true
      from unnest(p_ending_ids) as e (order_id)
    ) as t (order_id, quantity, fee, rate, is_ending)
    group by t.order_id
  ), marked as (
    select
      b.*, t.filled, t.fee as more_fee, coalesce(t.fee_exact, 0) as more_exact,
      t.filled > 0 as is_filled, t.is_ending and t.filled < b.remaining as is_ended
    from matching.book_rows(
      p_symbol.segment_id, array(select o.order_id from touched as o)
    ) as b
    join touched as t
      on t.order_id = b.order_id
  )
  select
    m.order_id, m.owner_id, m.side, m.sort_price, m.priority_no, m.created_at, m.book_tid,
    m.remaining, m.hold, m.filled, coalesce(m.filled * p_price, 0), m.fee_exact + m.more_exact,
    m.fee + m.more_fee, m.display, m.visible, m.list_id,
    case when m.is_filled then p_first_seq - 1
      + count(*) filter (where m.is_filled) over (order by m.side, m.sort_price, m.priority_no) end,
    case when m.is_ended then p_first_seq - 1 + count(*) filter (where m.is_filled) over ()
      + count(*) filter (where m.is_ended) over (order by m.side, m.sort_price, m.priority_no) end,
    m.hold_rate
  from marked as m
  where m.is_filled
    or m.is_ended
  order by m.side, m.sort_price, m.priority_no
$$;
comment on function matching.session_orders is
  'the resting orders that a change of phase fills or ends, as they come out of it';
--! EndIncluded matching/session_orders.sql
--! Included matching/held_charge.sql
-- The charge of an order that stands, as far as its row says it: the rate that it holds for. Null
-- where that is the symbol's own. Reads nothing; is inlined.
create or replace function matching.held_charge(
  p_hold_rate numeric
) returns matching.charge
language sql immutable parallel safe
as $$
  select case when p_hold_rate is not null
    then row(null, null, null, p_hold_rate, null)::matching.charge end
$$;
comment on function matching.held_charge is
  'the charge of an order that stands, as far as its row says it';
--! EndIncluded matching/held_charge.sql
--! Included matching/hold_of.sql
-- What an open order must hold: a sell order its remaining quantity, in base; a buy order what
-- matching.buy_hold says, in quote. Takes its price as sorted by (negative for a bid), and the rate
-- that it holds for, null where that is the symbol's own. Reads nothing.
create or replace function matching.hold_of(
  p_symbol reference.symbols,
  p_sort_price numeric,
  p_remaining numeric,
  p_fee_exact numeric,
  p_fee numeric,
  p_hold_rate numeric default null
) returns numeric
language sql immutable parallel safe
as $$
  select case when p_sort_price > 0 then p_remaining else matching.buy_hold(
    -p_sort_price * p_remaining, p_fee_exact, p_fee,
    coalesce(p_hold_rate, greatest(p_symbol.maker_rate, p_symbol.taker_rate, 0)),
    reference.units_in_one(p_symbol.quote_decimals), reference.asset_unit(p_symbol.quote_decimals)
  ) end
$$;
comment on function matching.hold_of is 'what an open order must hold';
--! EndIncluded matching/hold_of.sql
--! Included matching/session_outcome.sql
-- What a change of phase did to resting orders, as an outcome of the matcher, for those who write
-- it: the trades, numbered from p_first_seq on, and the orders as they end. Here, and nowhere else,
-- is it put together. What is left of an iceberg that traded is shown anew, at its place [MAT-072].
-- Takes what matching.call_fills and matching.session_orders gave. Reads nothing.
create or replace function matching.session_outcome(
  p_symbol reference.symbols,
  p_price numeric,
  p_end_reason matching.end_reason,
  p_fills matching.call_fill[],
  p_orders matching.session_order[],
  p_first_seq bigint
) returns matching.outcome
language plpgsql volatile
as $$
declare
  v_outcome matching.outcome;
begin
  select array_agg(row(
    p_first_seq - 1 + f.n, p_price, f.quantity, f.is_buyer_taker,
    case when f.is_buyer_taker then f.buy_order_id else f.sell_order_id end,
    case when f.is_buyer_taker then f.sell_order_id else f.buy_order_id end,
    case when f.is_buyer_taker then f.buyer_id else f.seller_id end,
    case when f.is_buyer_taker then f.seller_id else f.buyer_id end,
    case when f.is_buyer_taker then f.buyer_fee else f.seller_fee end,
    case when f.is_buyer_taker then f.seller_fee else f.buyer_fee end,
    f.maker_left, null, null,
    case when f.is_buyer_taker then f.buyer_charge else f.seller_charge end,
    case when f.is_buyer_taker then f.seller_charge else f.buyer_charge end
  )::matching.fill order by f.n)
  into v_outcome.fills
  from unnest(p_fills) as f;

  select
    array_agg(row(
      o.order_id, o.owner_id, null, null,
      case when o.rest > 0
        then matching.hold_of(
          p_symbol, o.sort_price, o.rest, o.fee_exact, o.fee, o.hold_rate
        ) else 0 end,
      o.hold_before, o.fee_exact, o.fee, o.filled, o.paid, o.display,
      case when o.rest > 0 and o.filled > 0 and o.display is not null
        then least(o.display, o.rest) else o.visible_before end,
      o.list_id, null, o.created_at, o.book_tid, coalesce(o.ended_seq, o.uncrossed_seq),
      case when o.ended_seq is not null then p_end_reason end, null, null, null, null, null, null,
      null, matching.held_charge(o.hold_rate)
    )::matching.slot),
    array_agg(o.sort_price), array_agg(o.priority_no), array_agg(o.rest),
    coalesce(bool_or(o.list_id is not null), false)
  into
    v_outcome.slots, v_outcome.sort_prices, v_outcome.priority_nos, v_outcome.remaining,
    v_outcome.is_linked
  from (
    select
      s.*, case when s.ended_seq is null then s.remaining_before - s.filled else 0 end as rest
    from unnest(p_orders) as s
  ) as o;
  v_outcome.asked := '{}';
  v_outcome.is_breached := false;
  v_outcome.last_price := case when v_outcome.fills is not null then p_price end;
  return v_outcome;
end;
$$;
comment on function matching.session_outcome is
  'what a change of phase did to resting orders, as an outcome of the matcher';
--! EndIncluded matching/session_outcome.sql
--! Included matching/uncrossing.sql
-- The price at which a call would uncross now, and how much would trade [MAT-071]: of all ticks
-- from the lowest to the highest limit in the part of the book that is crossed, those with (1) the
-- most volume, of them those with (2) the least surplus. If at all of these (3) buyers are left
-- over, the highest; if sellers, the lowest; else (4) the nearest to the reference price: the one
-- given, or else the middle between the best bid and the best ask, rounded to the tick.
--
-- Demand falls just above a bid and supply rises at an ask, so both are the same from one of their
-- prices (or the tick beside it) to the next, and only those have to be looked at.
-- Takes a reference price, or null. Returns the price (null when nothing trades), the volume, and
-- what is left over at that price, on which side. Reads only.
create or replace function matching.uncrossing(
  p_symbol reference.symbols,
  p_reference numeric,
  p_in_close boolean,
  p_at timestamptz
) returns matching.indication
language plpgsql volatile
as $$
declare
  v_low numeric := matching.best_reach(p_symbol, 'SELL', p_in_close, p_at);
  v_high numeric := matching.best_reach(p_symbol, 'BUY', p_in_close, p_at);
  v_levels matching.call_order[];
  v_middle numeric;
  v_best record;
  v_result matching.indication;
  v_net numeric;
begin
  v_result.volume := 0;
  if v_low is null or v_high is null or v_low > v_high then
    return v_result;
  end if;

  select
    array_agg(l.level),
    (v_low + v_high) / 2
  into v_levels, v_middle
  from (
    select
      row(
        o.side, null, null, max(o.sort_price), null, o.reach, sum(o.remaining), null, null,
        null
      )::matching.call_order as level
    from matching.call_orders(p_symbol, v_low, v_high, p_in_close, p_at) as o
    group by o.side, o.reach
  ) as l;

  v_middle := p_symbol.tick_size * round(
    coalesce(p_reference, v_middle) / p_symbol.tick_size
  );
  select b.* into strict v_best
  from matching.best_prices(p_symbol.tick_size, v_levels, v_middle) as b;
  if v_best.volume is null then
    return v_result;
  end if;

  v_result.price := case
    when v_best.is_bought then v_best.highest
    when v_best.is_sold then v_best.lowest
    else greatest(v_best.lowest, least(v_best.highest, v_middle)) end;
  v_result.volume := v_best.volume;
  select coalesce(sum(case
    when l.side = 'BUY' and l.reach >= v_result.price then l.remaining
    when l.side = 'SELL' and l.reach <= v_result.price then -l.remaining end), 0)
  into v_net
  from unnest(v_levels) as l;
  v_result.surplus := abs(v_net);
  v_result.surplus_side := case when v_net > 0 then 'BUY'::matching.order_side_enum
    when v_net < 0 then 'SELL' end;
  return v_result;
end;
$$;
comment on function matching.uncrossing is
  'the price at which a call would uncross now, and how much would trade';
--! EndIncluded matching/uncrossing.sql
--! Included matching/enter_phase.sql
-- Takes a symbol into a phase, or only into a new plan for the one it is in, and writes all of it
-- but its state and the accounts.
-- A call that leads to CONTINUOUS or CLOSED is uncrossed first, and so is whatever rests crossed
-- when CONTINUOUS begins, because orders came while it was closed; but not a call whose time passed
-- while the symbol was halted and that would only have closed [MAT-074]. With that, orders for
-- calls end; orders for continuous trading end when a call begins, or what is before one. In a
-- symbol that is delisted all orders end [MAT-084].
-- Takes the state as it is under the lock. Returns what became of orders, as an outcome of the
-- matcher. What follows from it (stop orders, lists) is the caller's, and so is
-- matching.phase_state.
-- Writes: all that a batch writes.
create or replace function matching.enter_phase(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_at timestamptz,
  p_plan matching.phase_plan
) returns matching.outcome
language plpgsql volatile
as $$
declare
  v_in_close boolean := p_plan.phase = 'CLOSED';
  v_is_crossing boolean := p_symbol.status = 'ACTIVE' and p_plan.phase <> p_state.phase and (
    p_plan.phase = 'CONTINUOUS'
    or v_in_close and p_state.phase = 'CALL' and p_at <= p_state.phase_until
  );
  v_is_over boolean := p_symbol.status = 'DELISTED';
  v_end_reason matching.end_reason := case when v_is_over then 'DELISTED' else 'AUCTION_ONLY' end;
  v_ending_ids bigint[];
  v_indication matching.indication;
  v_fills matching.call_fill[] := '{}';
  v_orders matching.session_order[];
  v_outcome matching.outcome;
  v_first_seq bigint := p_state.last_seq + 1;
begin
  if v_is_crossing then
    perform matching.fold_volumes(p_symbol, p_at);
    v_indication := matching.uncrossing(
      p_symbol, coalesce(p_state.last_price, p_state.reference_price), v_in_close, p_at
    );
    v_fills := array(
      select f
      from matching.call_fills(
        p_symbol, v_indication.price, v_indication.volume, v_in_close, p_at
      ) as f
    );
    if p_state.phase <> 'CALL' and v_indication.volume = 0 then
      v_indication := null;
    else
      v_first_seq := v_first_seq + 1;
    end if;
  end if;

  v_ending_ids := matching.ending_orders(p_symbol, case
    when v_is_over then null
    when p_plan.phase = p_state.phase then '{}'
    when p_plan.phase in ('PRE_OPEN', 'CALL') then '{GTX}'
    else '{OPG,CLS,GFA}' end::matching.time_in_force_enum[]);
  v_orders := array(
    select o
    from matching.session_orders(
      p_symbol, v_indication.price, v_fills, v_ending_ids, v_first_seq + cardinality(v_fills)
    ) as o
  );
  v_outcome := matching.session_outcome(
    p_symbol, v_indication.price, v_end_reason, v_fills, v_orders, v_first_seq
  );
  v_outcome.last_seq := matching.record_session_events(
    p_symbol, p_state, p_at, p_plan, v_indication, v_end_reason, v_fills, v_orders
  );
  perform matching.update_standing(p_symbol.segment_id, p_at, array(
    select f from matching.final_orders(v_outcome) as f
  ));
  if v_outcome.fills is not null then
    perform matching.record_trades(p_symbol, p_at, v_outcome);
  end if;
  return v_outcome;
end;
$$;
comment on function matching.enter_phase is 'takes a symbol into a phase, and writes all of it';
--! EndIncluded matching/enter_phase.sql
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
set enable_bitmapscan = off  -- accounts by their greatest version: ledger.find_account
set enable_sort = off
as $$
  select
    coalesce(sum(o.orders), 0),
    coalesce(sum(o.quantity), 0) + coalesce((
      select a.posted + a.unsettled_in - a.unsettled_out
      from ledger.find_account(
        p_symbol.segment_id, p_participant_id, p_symbol.base_asset_id
      ) as a
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
    case when c.time_in_force in ('DAY', 'OPG', 'CLS', 'GFA', 'GTX') then c.time_in_force end, null
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
set enable_bitmapscan = off  -- accounts by their greatest version: ledger.find_account
set enable_sort = off
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
  cross join lateral ledger.find_account(
    e.segment_id, e.participant_id,
    case e.side when 'BUY' then s.base_asset_id else s.quote_asset_id end
  ) as a
  where l.segment_id = p_segment_id
    and l.symbol_id = p_symbol_id
    and l.funds_tried is not null
    and s.status = 'ACTIVE'
    and (a.unsettled_in = 0 or a.posted - a.held > l.funds_tried)
  order by l.list_id
$$;
comment on function matching.funded_lists is 'the lists whose exits wait and that have more';
--! EndIncluded matching/funded_lists.sql
--! Included matching/marked_fill_json.sql
-- One fill of an order, as matching.fill_json shows it, with what became of it: whether it is
-- busted, and the trade whose place it took [BST-004]; each is left out where it is not so.
create or replace function matching.marked_fill_json(
  p_trade_id bigint,
  p_price numeric,
  p_quantity numeric,
  p_fee numeric,
  p_is_taker boolean,
  p_is_busted boolean,
  p_corrects bigint
) returns json
language sql stable parallel safe
as $$
  select case
    when not p_is_busted and p_corrects is null
      then matching.fill_json(p_trade_id, p_price, p_quantity, p_fee, p_is_taker)
    else json_strip_nulls(json_build_object(
      'trade_id', p_trade_id::text,
      'price', trim_scale(p_price)::text,
      'quantity', trim_scale(p_quantity)::text,
      'fee', trim_scale(p_fee)::text,
      'liquidity', case when p_is_taker then 'TAKER' else 'MAKER' end,
      'busted', case when p_is_busted then true end,
      'corrects', p_corrects::text
    )) end
$$;
comment on function matching.marked_fill_json is
  'one fill of an order, and whether it is busted or took a place';
--! EndIncluded matching/marked_fill_json.sql
--! Included matching/pair_holds.sql
-- What two orders hold of which one cancels the other: the money for both once [MAT-053]. Who
-- waits holds what the other does not; else it takes over what the other holds for both.
-- Takes the side of both, what the order must hold, whether it waits, its quantity, and the other
-- one, with its price as sorted by and what is left of it. Returns what the order holds, and what
-- of the other's hold it may use. Reads nothing.
create or replace function matching.pair_holds(
  p_symbol reference.symbols,
  p_is_buy boolean,
  p_hold numeric,
  p_waits boolean,
  p_quantity numeric,
  p_other matching.slot,
  p_other_price numeric,
  p_other_left numeric
) returns numeric[] -- hold, shared
language plpgsql immutable parallel safe
as $$
declare
  v_shared numeric := p_other.hold;
  v_left numeric := p_other_left + p_quantity - p_other.quantity;  -- both have one quantity
  v_other numeric := case when not p_is_buy then v_left else matching.hold_of(
    p_symbol, p_other_price, v_left, 0, 0, (p_other.charge).hold_rate
  ) end;
begin
  if p_hold <= 0 then
    return array[p_hold, v_shared];
  elsif p_waits then
    return array[greatest(0, p_hold - v_shared, v_other - v_shared), 0];
  end if;
  return array[p_hold, v_shared - greatest(0, v_other - p_hold)];
end;
$$;
comment on function matching.pair_holds is
  'what two orders hold of which one cancels the other: the money for both once';
--! EndIncluded matching/pair_holds.sql
--! Included matching/read_book.sql
-- The next p_limit resting orders that a buyer (or seller) would meet, best first, behind a price
-- and priority: a chunk of slots for matching.match_batch. An order that the batch names itself is
-- given with nothing remaining: it has a slot already. An open cursor would be as fast here, but on
-- a spread venue it reads the whole side first (measured: 150 ms against 0.6 ms on 300,000 rows).
-- Reads only.
create or replace function matching.read_book(
  p_symbol reference.symbols,
  p_for_buyer boolean,
  p_after_price numeric,
  p_after_priority bigint,
  p_limit int,
  p_batch matching.batch
) returns matching.chunk
language plpgsql volatile
set enable_seqscan = off     -- a plan made while the book was small must walk it in its order
set enable_bitmapscan = off  -- when it is large
set enable_sort = off
as $$
declare
  v_side matching.order_side_enum := case when p_for_buyer then 'SELL' else 'BUY' end;
  v_chunk matching.chunk;
begin
  select
    array_agg(r.sort_price), array_agg(r.priority_no), array_agg(r.remaining),
    coalesce(array_agg(r.slot), '{}')
  into v_chunk
  from (
    select
      c.sort_price, c.priority_no,
      case when c.order_id = any (p_batch.target_ids) then 0 else c.remaining_quantity end
        as remaining,
      row(c.order_id, c.participant_id, matching.party_no(p_batch.party_ids, c.participant_id),
        null, c.hold_amount, c.hold_amount, c.fee_exact, c.fee_amount, 0, 0, c.display_quantity,
        c.visible_quantity, c.list_id, null, c.created_at, c.book_tid, null, null, null, null, null,
        null, null, null, null, matching.held_charge(c.hold_rate))::matching.slot as slot
    from (
      select b.*, b.ctid as book_tid
      from matching.book as b
      where b.segment_id = p_symbol.segment_id
        and b.symbol_id = p_symbol.symbol_id
        and b.side = v_side
        and (b.sort_price, b.priority_no) > (p_after_price, p_after_priority)
      order by b.sort_price, b.priority_no
      limit p_limit
    ) as c
    order by c.sort_price, c.priority_no
  ) as r;
  if p_batch.fees_at is not null then
    v_chunk.slots := matching.charge_slots(
      p_symbol, p_batch.fees_at, v_chunk.sort_prices, v_chunk.slots, 1
    );
  end if;
  return v_chunk;
end;
$$;
comment on function matching.read_book is 'the next resting orders of a side, best first, as slots';
--! EndIncluded matching/read_book.sql
--! Included matching/refuse_cost.sql
-- Why an order that has looked at what it would get is refused, or null: a quote quantity that
-- does not buy the least quantity, or funds that do not cover a market order: what it takes, with
-- the fee, and what it leaves at the end of its protection where that rests. [MAT-043], [MAT-047].
-- Takes what it is charged, its last price as sorted by the makers, what it would get and leave
-- together, what it would get and what that costs, and what its owner has: quote for a buy, base
-- for a sell. Reads nothing.
create or replace function matching.refuse_cost(
  p_symbol reference.symbols,
  p_charge matching.charge,
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
    when v_rests then matching.hold_of(p_symbol, -v_cost, 1, 0, 0, p_charge.hold_rate)
    else v_cost + ledger.round_up(
      v_cost * coalesce(p_charge.taker_rate, p_symbol.taker_rate),
      reference.units_in_one(p_symbol.quote_decimals),
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
-- price band that was reached, trades that may have brought somebody to the next tier of fees; not
-- between the orders of a list, which come together.
-- Takes the symbol and its state, the batch, and what each party has in base and quote.
-- Returns the closing event of each command, the fills, and the slots as they end.
-- Call it under the lock of the symbol. Reads only.
-- Keeps [MAT-040] time in force, [MAT-041] fill or kill, [MAT-042] self-trade prevention, [MAT-043]
-- market protection, [MAT-044] amend, [MAT-045] post-only, [MAT-046] icebergs, [MAT-047] quote
-- quantities, [MAT-030] holds, [LED-002], [LED-044] fees, [LED-042] tiers, [LED-043] caps.
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
  v_rate numeric; v_taker numeric; v_until numeric := 'Infinity'; v_pair numeric[];
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
    v_rate := coalesce((v_t.charge).hold_rate, c_rate);
    v_taker := coalesce((v_t.charge).taker_rate, p_symbol.taker_rate);
    v_hold := case when v_c.pending = 'PARENT' or v_kind = 'AMENDED' and v_t.pending = 'PARENT'
      then 0 else coalesce(matching.order_hold(v_buy, v_reach, v_left, v_t.fee_exact, v_fee, v_rate,
      c_one, c_unit), case when v_buy then v_budget end, 0) end;
    if v_c.sibling > 0 then p := coalesce(s_moved[v_c.sibling], v_c.sibling);
      v_pair := matching.pair_holds(p_symbol, v_buy, v_hold, v_c.pending is not null
        or v_t.pending is not null, v_t.quantity, s_slot[p], s_key[p], s_left[p]);
      v_hold := v_pair[1]; v_shared := v_pair[2]; end if;
    if (case when v_c.op = 'PLACE' and v_c.sibling is null then v_hold else v_hold - v_freed
      - v_shared end) > (case when v_buy then v_quote[v_party] else v_base[v_party] end) then
      v_refusal := coalesce(v_refusal, 'INSUFFICIENT_FUNDS'); end if;
    if v_c.op <> 'PLACE' then
      b_refusal[i] := v_refusal; continue when v_refusal is not null and v_c.op <> 'RELEASE';
      v_seq := v_seq + 1; v_from_seq := v_seq; t := case when v_kind is null then i else v_was end;
      s_key[t] := v_key; end if;
    if v_c.pending is not null and v_refusal is null then v_seq := v_seq + 1; v_kind := 'PARKED';
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
            q_place[x] := s_place[v_top]; end if;
          v_book := coalesce(s_next[v_at], v_at + 1);
          exit when s_left[v_book] > 0; v_at := v_book; end loop;
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
          v_sum := v_sum + v_q; continue; end if;
        exit when m is null; v_key := s_key[m];
        if v_wall is null then
          v_reach := coalesce(v_reach, v_key + greatest(abs(v_key) * p_symbol.protection_rate,
            p_symbol.protection_ticks * p_symbol.tick_size));
          v_wall := matching.band_wall(v_buy, v_c.is_post_only, v_key, v_reach, p_state);
        end if;
        exit when v_key > v_wall;
        if v_c.is_post_only then
          v_refusal := matching.refuse_take(v_c.is_sliding, v_buy, v_key, p_symbol.tick_size);
          if v_refusal is null then s_key[t] := p_symbol.tick_size - v_key; end if; exit; end if;
        v_o := s_slot[m]; v_self := v_c.stp <> 'NONE'
          and (v_o.owner_id = v_t.owner_id or coalesce(v_o.owner_id = any (v_c.mate_ids), false));
        v_q := least(v_left - v_sum, s_left[m], v_o.visible);
        if v_probe then
          v_cost := abs(v_key) * case when v_buy then 1 + v_taker else 1 end;
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
        v_o.fee_exact := v_o.fee_exact
          + v_cost * coalesce((v_o.charge).maker_rate, p_symbol.maker_rate);
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
          v_t.fee_exact := v_t.fee_exact + v_cost * v_taker;
          v_taker_due := ledger.round_up(v_t.fee_exact, c_one, c_unit);
          v_fills[v_fill] := row(v_seq, v_last, v_q, v_buy, v_t.order_id, v_o.order_id,
            v_t.owner_id, v_o.owner_id, v_taker_due - v_t.fee, v_due - v_o.fee, v_hold, v_o.visible,
            case when v_o.visible is not null then (s_slot[m]).visible end, v_t.charge,
            v_o.charge)::matching.fill;
          if p_batch.has_tiers then v_until := least(v_until,
            (v_t.charge).volume_left, (v_o.charge).volume_left) - 2 * v_cost; end if;
          v_t.fee := v_taker_due; v_o.filled := v_o.filled + v_q; v_o.paid := v_o.paid + v_cost;
        end if;
        lo := v_o.party_no;
        if not v_buy then
          v_hold := matching.buy_hold(-v_key * v_hold, v_o.fee_exact, v_due,
            coalesce((v_o.charge).hold_rate, c_rate), c_one, c_unit);
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
        v_refusal := matching.refuse_cost(p_symbol, v_t.charge, v_c, v_reach, case when v_self
          and v_c.stp in ('CANCEL_TAKER', 'CANCEL_BOTH') or v_key > v_wall and v_key <= v_reach
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
      v_hold := matching.order_hold(v_buy, -s_key[t], v_left, v_t.fee_exact, v_t.fee, v_rate, c_one,
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
    v_cut := v_cut or v_linked or v_breached or v_until <= 0 or v_first is not null
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
--! Included matching/order_rows.sql
-- Orders as the outside sees them now, with all their fills, by id. What was filled, at what
-- average price and fee, is what was matched: a bust is said of the fill [BST-002]. Reads only.
create or replace function matching.order_rows(
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
    o.order_id, p.client_id, s.symbol, o.side, o.type, o.time_in_force, trim_scale(o.price),
    trim_scale(o.quantity), o.client_order_id, o.idempotency_key, o.status, o.pending_reason,
    o.end_reason, o.refusal, trim_scale(o.filled_quantity), trim_scale(o.remaining_quantity),
    matching.average_price(o.filled_notional, o.filled_quantity), trim_scale(o.fee_amount),
    o.last_seq, o.created_at, o.updated_at,
    (
      select coalesce(json_agg(matching.marked_fill_json(
        t.trade_id, t.price, t.quantity,
        case when t.taker_order_id = o.order_id then t.taker_fee else t.maker_fee end,
        t.taker_order_id = o.order_id, b.status is not null, r.trade_id
      ) order by t.seq), '[]')
      from matching.trades as t
      left join matching.trade_busts as b
        on b.segment_id = t.segment_id
        and b.trade_id = t.trade_id
        and b.status = 'DONE'
      left join matching.trade_busts as r
        on r.segment_id = t.segment_id
        and r.replacement_id = t.trade_id
      where t.segment_id = o.segment_id
        and o.filled_quantity > 0
        and (t.taker_order_id = o.order_id or t.maker_order_id = o.order_id)
        and t.traded_at >= o.created_at
    ),
    trim_scale(o.quote_quantity), trim_scale(o.stop_price), o.trigger_source,
    trim_scale(o.trailing_offset), o.trailing_bips, trim_scale(o.activation_price),
    trim_scale(o.limit_offset), o.post_only, o.slide, trim_scale(o.display_quantity), o.expire_at,
    o.stp, trim_scale(o.prevented_quantity), o.list_id
  from reference.ids(p_segment_id, p_order_ids) as i
  join matching.orders as o
    on o.segment_id = i.segment_id
    and o.order_id = i.id
  join reference.participants as p
    on p.participant_id = o.participant_id
  join reference.symbols as s
    on s.symbol_id = o.symbol_id;
end;
$$;
comment on function matching.order_rows is 'orders as the outside sees them now, by id';
--! EndIncluded matching/order_rows.sql
--! Included matching/prepare_part.sql
-- Makes commands ready to match, with what of the market they name: their targets found, a slot
-- for each order, parties numbered in the order of their ids, what each is charged, the orders of
-- a list tied together. Under the lock of the symbol. Returns the batch. Writes what
-- matching.fold_volumes does.
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
  -- While a segment has no schedules of fees, all is charged at the symbols' own rates.
  if exists (
    select from reference.fee_schedules as f where f.segment_id = p_symbol.segment_id
  ) then
    p_batch := matching.charge_batch(p_symbol, p_now, p_batch);
  end if;
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
--! Included matching/read_funds.sql
-- What parties of a batch have available, base and quote of the symbol, 0 where there is no
-- account. Each is read once a batch: takes what was read so far, and adds who is missing there. So
-- a batch is decided by one reading of each, which the command log keeps [MAT-091]; the accounts
-- are changed at its end, and say whether it still holds. Reads without a lock, in a snapshot of
-- its own.
create or replace function matching.read_funds(
  p_symbol reference.symbols,
  p_party_ids int[],
  p_known matching.funds
) returns matching.funds
language plpgsql volatile
set enable_bitmapscan = off  -- accounts by their greatest version: ledger.find_account
set enable_sort = off
as $$
declare
  v_funds matching.funds;
begin
  if p_party_ids <@ p_known.party_ids then
    return p_known;
  end if;
  v_funds.party_ids := case when p_known.party_ids is null then p_party_ids
    else array(select unnest(p_party_ids) except select unnest(p_known.party_ids)) end;

  select
    array_agg(coalesce(b.posted - b.held, 0) order by p.n),
    array_agg(coalesce(q.posted - q.held, 0) order by p.n)
  into v_funds.base, v_funds.quote
  from reference.ids(p_symbol.segment_id, v_funds.party_ids::bigint[]) as p
  left join lateral ledger.find_account(
    p.segment_id, p.id::int, p_symbol.base_asset_id
  ) as b
    on true
  left join lateral ledger.find_account(
    p.segment_id, p.id::int, p_symbol.quote_asset_id
  ) as q
    on true;

  if p_known.party_ids is not null then
    v_funds.party_ids := p_known.party_ids || v_funds.party_ids;
    v_funds.base := p_known.base || v_funds.base;
    v_funds.quote := p_known.quote || v_funds.quote;
  end if;
  return v_funds;
end;
$$;
comment on function matching.read_funds is 'what parties of a batch have available';
--! EndIncluded matching/read_funds.sql
--! Included matching/read_orders.sql
-- The resting and the parked orders of a symbol with these ids (each once), as slots. Reads only.
create or replace function matching.read_orders(
  p_symbol reference.symbols,
  p_order_ids bigint[]
) returns matching.chunk
language plpgsql volatile
set enable_nestloop = on  -- whatever the caller has set
as $$
declare
  v_chunk matching.chunk;
begin
  select
    coalesce(array_agg(r.sort_price), '{}'), coalesce(array_agg(r.priority_no), '{}'),
    coalesce(array_agg(r.remaining), '{}'), coalesce(array_agg(r.slot), '{}')
  into v_chunk
  from (
    select
      b.order_id, b.sort_price, b.priority_no, b.remaining_quantity as remaining,
      row(b.order_id, b.participant_id, null, o.quantity, b.hold_amount, b.hold_amount, b.fee_exact,
        b.fee_amount, 0, 0, b.display_quantity, b.visible_quantity, b.list_id, null, b.created_at,
        b.ctid, null, null, null, o.type, o.stp, o.post_only, o.slide,
        b.expire_at, b.session_rule, matching.held_charge(b.hold_rate))::matching.slot as slot
    from reference.ids(p_symbol.segment_id, p_order_ids) as i
    join matching.book as b
      on b.segment_id = i.segment_id
      and b.order_id = i.id
    join matching.orders as o
      on o.segment_id = b.segment_id
      and o.order_id = b.order_id
      and o.created_at = b.created_at
    where b.symbol_id = p_symbol.symbol_id
    union all
    select
      k.order_id, k.sort_price, k.entry_seq, k.quantity,
      row(k.order_id, k.participant_id, null, k.quantity, k.hold_amount, k.hold_amount, 0, 0, 0, 0,
        k.display_quantity, null, k.list_id, k.pending_reason, k.created_at, null, null, null, null,
        k.type, k.stp, k.post_only, k.slide, k.expire_at,
        case when k.time_in_force in ('DAY', 'OPG', 'CLS', 'GFA', 'GTX') then k.time_in_force end,
        matching.held_charge(k.hold_rate))::matching.slot
    from reference.ids(p_symbol.segment_id, p_order_ids) as i
    join matching.parked_orders as k
      on k.segment_id = i.segment_id
      and k.order_id = i.id
    where k.symbol_id = p_symbol.symbol_id
    order by 1
  ) as r;
  return v_chunk;
end;
$$;
comment on function matching.read_orders is
  'resting and parked orders by id, as slots of the matcher';
--! EndIncluded matching/read_orders.sql
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
    f.display, f.visible, f.list_id, f.expire_at, f.session_rule,
    case when f.sort_price < 0 then (f.charge).hold_rate end
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
--! Included matching/record_parked.sql
-- Writes what an outcome did to the orders that wait: those that came to wait, with what fires
-- them, those that were amended, and those that wait no longer: they leave, and rest in the book
-- where something of them is left.
-- Writes: matching.parked_orders, matching.stop_orders_watchlist, matching.book. Under the lock of
-- the symbol.
create or replace function matching.record_parked(
  p_symbol reference.symbols,
  p_commands matching.command[],
  p_outcome matching.outcome,
  p_standing matching.final_order[]
) returns void
language plpgsql volatile
set enable_nestloop = on  -- few, and looked up by key
set enable_seqscan = off
as $$
begin
  insert into matching.book
  select
    k.segment_id, k.symbol_id, k.side, (f.final).sort_price, (f.final).priority_no, k.order_id,
    k.participant_id, k.created_at, (f.final).remaining, (f.final).hold, (f.final).fee_exact,
    (f.final).fee, k.display_quantity, (f.final).visible, k.list_id, (f.final).expire_at,
    (f.final).session_rule, k.hold_rate
  from matching.touched_orders(p_symbol.segment_id, p_standing) as f
  join matching.parked_orders as k
    on k.segment_id = f.segment_id
    and k.order_id = (f.final).order_id
  where (f.final).remaining > 0
    and (f.final).pending is null;

  -- One that waits anew, too: what it waits for is written below.
  delete from matching.stop_orders_watchlist as w
  using matching.touched_orders(p_symbol.segment_id, p_standing) as f
  where w.segment_id = f.segment_id
    and w.order_id = (f.final).order_id
    and ((f.final).remaining = 0 or (f.final).pending is null
      or (f.final).slot <= cardinality(p_outcome.asked));

  delete from matching.parked_orders as k
  using matching.touched_orders(p_symbol.segment_id, p_standing) as f
  where k.segment_id = f.segment_id
    and k.order_id = (f.final).order_id
    and ((f.final).remaining = 0 or (f.final).pending is null);

  update matching.parked_orders as k
  set sort_price = (f.final).sort_price,
    quantity = (f.final).remaining,
    hold_amount = (f.final).hold,
    pending_reason = (f.final).pending
  from matching.touched_orders(p_symbol.segment_id, p_standing) as f
  where k.segment_id = f.segment_id
    and k.order_id = (f.final).order_id;

  insert into matching.parked_orders
  select
    p_symbol.segment_id, p_symbol.symbol_id, f.order_id, f.owner_id, f.created_at, c.side, c.type,
    c.time_in_force, f.sort_price, f.remaining, c.quote_quantity, f.hold, f.pending, z.seq,
    f.display, c.post_only, c.slide, c.stp, c.expire_at, f.list_id, f.hold_rate
  from matching.parked_slots(p_outcome) as f
  join (select u.*, row_number() over () as n from unnest(p_commands) as u) as c
    on c.n = f.slot
  join (select u.seq, row_number() over () as n from unnest(p_outcome.closings) as u) as z
    on z.n = f.slot
  where c.op = 'PLACE';

  insert into matching.stop_orders_watchlist
  select
    p_symbol.segment_id, p_symbol.symbol_id, f.order_id, c.side, c.type,
    coalesce(c.trigger_source, 'LAST'), a.is_up, a.stop_price, z.seq, f.owner_id, f.created_at,
    a.trailing_offset, a.trailing_bips, a.activation_price, a.activation_is_up, a.watermark_price,
    a.limit_offset
  from matching.parked_slots(p_outcome) as f
  join (select u.*, row_number() over () as n from unnest(p_commands) as u) as c
    on c.n = f.slot
  join (select u.*, row_number() over () as n from unnest(p_outcome.asked) as u) as a
    on a.n = f.slot
  join (select u.seq, row_number() over () as n from unnest(p_outcome.closings) as u) as z
    on z.n = f.slot
  where f.pending = 'TRIGGER';
end;
$$;
comment on function matching.record_parked is
  'writes what an outcome did to the orders that wait';
--! EndIncluded matching/record_parked.sql
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
set enable_bitmapscan = off  -- accounts by their greatest version: ledger.find_account
set enable_sort = off
as $$
begin
  update matching.order_lists as l
  set funds_tried = case when l.list_id = any (p_tried) then (
    select a.posted - a.held
    from matching.orders as e
    cross join lateral ledger.find_account(
      e.segment_id, e.participant_id,
      case e.side when 'BUY' then p_symbol.base_asset_id else p_symbol.quote_asset_id end
    ) as a
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
--! Included matching/reject_bust.sql
-- Rejects a bust: the trade stands. Takes who rejects (who asked may take it back) and why.
-- Writes and locks: the row. Raises: NFBST, IVOPR, IVRSN (no reason), STBST (it is decided
-- already).
create or replace function matching.reject_bust(
  p_segment_id int,
  p_bust_id bigint,
  p_by text,
  p_reason text,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_bust matching.trade_busts :=
    matching.lock_bust(p_segment_id, p_bust_id, p_by, 'REJECTED');
begin
  perform ledger.refuse_reason(p_reason);
  if v_bust.status = 'REJECTED' then
    return;
  end if;

  update matching.trade_busts as b
  set status = 'REJECTED',
    decided_by = p_by,
    decided_at = p_now,
    reject_reason = p_reason
  where b.segment_id = p_segment_id
    and b.bust_id = p_bust_id;
end;
$$;
comment on function matching.reject_bust is 'rejects a bust: the trade stands';
--! EndIncluded matching/reject_bust.sql
--! Included matching/request_bust.sql
-- Asks for a trade to be busted, or corrected to another price (quote per base); another operator
-- approves it [BST-001]. Nothing is changed until then. Returns the id of the bust.
-- Writes: matching.trade_busts. Raises: IVOPR, IVRSN (no reason), NFTRD, STBST (it is busted, or
-- somebody asked already), RJTCK (the price is no positive multiple of the tick), IVPRC (it is the
-- price that it has).
create or replace function matching.request_bust(
  p_segment_id int,
  p_trade_id bigint,
  p_new_price numeric,
  p_reason text,
  p_by text,
  p_now timestamptz
) returns bigint -- bust id
language plpgsql volatile
as $$
declare
  v_trade matching.trades := matching.find_trade(p_segment_id, p_trade_id);
  v_tick numeric;
  v_bust_id bigint;
begin
  perform ledger.refuse_operator(p_by);
  perform ledger.refuse_reason(p_reason);
  if p_new_price is not null then
    select s.tick_size into strict v_tick
    from reference.symbols as s
    where s.symbol_id = v_trade.symbol_id;
    if (p_new_price > 0 and p_new_price < 'Infinity' and p_new_price % v_tick = 0) is not true then
      raise exception 'price % is not a positive multiple of %', p_new_price, v_tick
        using errcode = 'RJTCK', hint = 'PRICE_TICK', column = 'price';
    elsif p_new_price = v_trade.price then
      raise exception 'trade % has that price', p_trade_id
        using errcode = 'IVPRC', hint = 'INVALID_PRICE', column = 'price';
    end if;
  end if;

  insert into matching.trade_busts (
    segment_id, bust_id, trade_id, symbol_id, new_price, reason, requested_by, created_at
  )
  values (
    p_segment_id, nextval('matching.bust_ids'), p_trade_id, v_trade.symbol_id, p_new_price,
    p_reason, p_by, p_now
  )
  on conflict (segment_id, trade_id) where status <> 'REJECTED' do nothing
  returning bust_id into v_bust_id;

  if not found then
    raise exception 'trade % is busted, or somebody asked for it', p_trade_id
      using errcode = 'STBST', hint = 'ALREADY_BUSTED';
  end if;
  return v_bust_id;
end;
$$;
comment on function matching.request_bust is 'asks for a trade to be busted or corrected';
--! EndIncluded matching/request_bust.sql
--! Included reference/check_fees.sql
-- Checks what a schedule of fees is to be: at a symbol or at a group, from no time that has passed,
-- its tiers each a volume, a maker's and a taker's rate, the first from 0 on, each of more volume
-- than the one before. Reads nothing.
-- Raises: IVFEE, and says which of them is not so.
create or replace function reference.check_fees(
  p_symbol text,
  p_group text,
  p_tiers numeric[],
  p_from timestamptz,
  p_now timestamptz
) returns void
language plpgsql immutable
as $$
declare
  v_wrong text := case
    when num_nonnulls(p_symbol, p_group) = 2 then 'fees are for a symbol or for a group'
    when p_from < p_now then 'fees cannot begin in the past'
    when p_from = 'infinity' then 'fees must begin some time'
    when p_tiers = '{}' then null
    when array_ndims(p_tiers) is distinct from 2 or array_length(p_tiers, 2) <> 3
      then 'a tier of fees is a volume, a maker''s rate and a taker''s'
    when exists (select from unnest(p_tiers) as u (rate) where u.rate is null)
      then 'a tier of fees has no null'
    when p_tiers[1][1] <> 0 then 'the first tier of fees begins at a volume of 0'
    when exists (
      select
      from generate_subscripts(p_tiers, 1) as i (n)
      where p_tiers[i.n][1] <= p_tiers[i.n - 1][1]
        or p_tiers[i.n][1] in ('NaN', 'Infinity')
    ) then 'each tier of fees begins at a greater volume than the one before'
    when exists (
      select
      from generate_subscripts(p_tiers, 1) as i (n)
      cross join generate_series(2, 3) as j (k)
      where not (p_tiers[i.n][j.k] > -1 and p_tiers[i.n][j.k] < 1)
    ) then 'a rate of fees is between -1 and 1'
  end;
begin
  if v_wrong is not null then
    raise exception '%', v_wrong using errcode = 'IVFEE', hint = 'BAD_FEES', column = 'tiers';
  end if;
end;
$$;
comment on function reference.check_fees is 'checks what a schedule of fees is to be';
--! EndIncluded reference/check_fees.sql
--! Included matching/set_fees.sql
-- Sets the fees that hold from a time on: for a participant or everybody (null), at a symbol, a
-- group of symbols, or all of the segment (both null). Nothing is changed: the schedule takes the
-- place of the one for the same participant and the same symbols, and without rates takes it back
-- [LED-041].
-- Takes the rates, a row a tier: from which volume of 30 days on, in quote, the maker's rate, the
-- taker's rate; the first from 0 on. Null: from now on.
-- Returns the schedule. It begins behind all that was traded at its symbols so far, so that what a
-- trade was charged never depends on when its schedule was set. Locks: the symbols, in the order
-- of their ids. Writes: reference.fee_schedules and fee_rates, and what matching.fold_volumes
-- does. Raises: NFSYM, NFGRP, NFPAR, IVFEE.
create or replace function matching.set_fees(
  p_segment_id int,
  p_client_id text,
  p_symbol text,
  p_group text,
  p_tiers numeric[],
  p_from timestamptz,
  p_now timestamptz,
  p_set_by text,
  p_reason text
) returns reference.fee_schedules
language plpgsql volatile
as $$
declare
  v_schedule reference.fee_schedules;
  v_symbol reference.symbols;
begin
  perform reference.check_fees(p_symbol, p_group, p_tiers, p_from, p_now);
  v_schedule.participant_id := (select (reference.get_participant(p_client_id)).participant_id
    where p_client_id is not null);
  v_schedule.symbol_id := (select (reference.get_symbol(p_segment_id, p_symbol)).symbol_id
    where p_symbol is not null);
  v_schedule.group_id := (select (reference.get_symbol_group(p_group)).group_id
    where p_group is not null);

  v_schedule.effective_from := coalesce(p_from, p_now);
  for v_symbol in
    select s.*
    from reference.symbols as s
    where s.segment_id = p_segment_id
      and coalesce(s.symbol_id = v_schedule.symbol_id, s.group_id = v_schedule.group_id,
        num_nonnulls(p_symbol, p_group) = 0)
    order by s.symbol_id
  loop
    v_schedule.effective_from := greatest(v_schedule.effective_from,
      (matching.lock_symbol(p_segment_id, v_symbol.symbol_id)).last_at + interval '1 microsecond');
  end loop;

  insert into reference.fee_schedules (
    segment_id, participant_id, symbol_id, group_id, effective_from, set_by, reason, created_at
  )
  values (
    p_segment_id, v_schedule.participant_id, v_schedule.symbol_id, v_schedule.group_id,
    v_schedule.effective_from, p_set_by, p_reason, p_now
  )
  returning * into strict v_schedule;
  insert into reference.fee_rates (segment_id, schedule_id, min_volume, maker_rate, taker_rate)
  select p_segment_id, v_schedule.schedule_id, p_tiers[i.n][1], p_tiers[i.n][2], p_tiers[i.n][3]
  from generate_subscripts(p_tiers, 1) as i (n)
  order by p_tiers[i.n][1];
  perform reference.check_rebates(p_segment_id, v_schedule.effective_from);
  return v_schedule;
end;
$$;
comment on function matching.set_fees is 'sets the fees that hold from a time on';
--! EndIncluded matching/set_fees.sql
--! Included matching/take_price.sql
-- Takes a price of a symbol from outside. Returns the commands of the stop orders that it fires;
-- none while the symbol does not trade continuously [MAT-052].
-- Writes: matching.published_prices; how far trailing stops have come. Under the symbol's lock.
create or replace function matching.take_price(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_source matching.trigger_source,
  p_price numeric,
  p_now timestamptz
) returns matching.command[]
language plpgsql volatile
as $$
begin
  insert into matching.published_prices as p (segment_id, symbol_id, source, price, published_at)
  values (p_symbol.segment_id, p_symbol.symbol_id, p_source, p_price, p_now)
  on conflict (segment_id, symbol_id, source) do update
  set price = excluded.price,
    published_at = excluded.published_at;

  if p_state.phase <> 'CONTINUOUS' or p_symbol.status <> 'ACTIVE' then
    return '{}';
  end if;
  return matching.fire_stops(
    p_symbol,
    array[row(
      p_state.last_seq + 1, p_price, 0, null, null, null, null, null, null, null, null, null, null,
      null, null
    )::matching.fill],
    array[p_source]
  );
end;
$$;
comment on function matching.take_price is
  'takes a price from outside: the commands of the stop orders that it fires';
--! EndIncluded matching/take_price.sql
--! Included matching/trail_stops.sql
-- Moves the trailing stops of a symbol with the trades of a part, trade by trade: the first that
-- meets the activation price sets the best price, every later one that is better moves it, and the
-- first that is as far from it as the order says fires the order [MAT-051]. Compares unrounded.
-- Where what fires may not, in a call or outside the band, the later trades move it as before.
-- Returns those that fire: at which trade, at which level.
-- Writes: matching.stop_orders_watchlist. Under the lock of the symbol.
create or replace function matching.trail_stops(
  p_symbol reference.symbols,
  p_fills matching.fill[],
  p_sources matching.trigger_source[]
) returns table (
  order_id bigint,
  seq bigint,
  level numeric
)
language plpgsql volatile
as $$
declare
  v_stop matching.stop_orders_watchlist;
  v_fill matching.fill;
  v_fires boolean;
begin
  for v_stop in
    select w.*
    from matching.stop_orders_watchlist as w
    where w.segment_id = p_symbol.segment_id
      and w.symbol_id = p_symbol.symbol_id
      and w.source = any (p_sources)
      and w.type = 'TRAILING_STOP'
    order by w.entry_seq
  loop
    v_fires := false;
    foreach v_fill in array p_fills loop
      continue when v_fill.seq < v_stop.entry_seq;
      if v_stop.watermark_price is null then
        continue when v_stop.activation_is_up and v_fill.price < v_stop.activation_price
          or not v_stop.activation_is_up and v_fill.price > v_stop.activation_price;
        v_stop.watermark_price := v_fill.price;
      end if;
      v_stop.watermark_price := case when v_stop.side = 'BUY'
        then least(v_stop.watermark_price, v_fill.price)
        else greatest(v_stop.watermark_price, v_fill.price) end;
      v_stop.stop_price := matching.stop_level(v_stop.side = 'BUY', v_stop.watermark_price,
        v_stop.trailing_offset, v_stop.trailing_bips);
      if not v_fires and (v_fill.price >= v_stop.stop_price and v_stop.side = 'BUY'
        or v_fill.price <= v_stop.stop_price and v_stop.side = 'SELL') then
        return query select v_stop.order_id, v_fill.seq, v_stop.stop_price;
        v_fires := true;
      end if;
    end loop;

    update matching.stop_orders_watchlist as w
    set watermark_price = v_stop.watermark_price,
      stop_price = v_stop.stop_price
    where w.segment_id = v_stop.segment_id
      and w.order_id = v_stop.order_id
      and w.watermark_price is distinct from v_stop.watermark_price;
  end loop;
end;
$$;
comment on function matching.trail_stops is
  'moves the trailing stops of a symbol with trades; returns those that fire';
--! EndIncluded matching/trail_stops.sql
--! Included ops/account_tree.sql
-- An account and all below it: what each has of each asset, its own and with all below it
-- [LED-035]; now, or at a time as far as it was known at another.
--   select * from account_tree('client-A');
-- Reads only. Raises: NFPAR.
create or replace function ops.account_tree(
  p_client_id text,
  p_at timestamptz default null,
  p_known_at timestamptz default now(),
  p_segment_id int default 1
) returns table (
  client_id text,
  parent text,
  custody text,
  asset text,
  own numeric,
  total numeric
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_participant_id int := (reference.get_participant(p_client_id)).participant_id;
begin
  return query
  select
    p.client_id, o.client_id, p.custody, a.asset, trim_scale(r.own), trim_scale(r.total)
  from reference.account_tree(v_participant_id) as t
  join reference.participants as p
    on p.participant_id = t.participant_id
  left join reference.participants as o
    on o.participant_id = p.parent_id
  left join ledger.roll_up(p_segment_id, v_participant_id, p_at, p_known_at) as r
    on r.participant_id = t.participant_id
  left join reference.assets as a
    on a.asset_id = r.asset_id
  order by t.way, a.asset;
end;
$$;
comment on function ops.account_tree is
  'account_tree(client): an account and all below it, what each has and with all below it';
revoke execute on function ops.account_tree from public;
grant execute on function ops.account_tree to pgsettle_operator, pgsettle_auditor;
--! EndIncluded ops/account_tree.sql
--! Included ops/adjust.sql
-- Asks for a transfer that corrects the books since an earlier time; two others approve it. See
-- ledger.request_adjustment. Returns its number.
--   select adjust('external', 'client-A', 'USD', 12.5, '2026-03-02 15:00Z', 'booked late', 'ann');
-- Raises: NFPAR, IVPAR, NFAST, IVAMT, IVADJ, STPER, IVRSN, IVOPR.
create or replace function ops.adjust(
  p_from text,
  p_to text,
  p_asset text,
  p_amount numeric,
  p_effective_at timestamptz,
  p_reason text,
  p_by text default session_user,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns bigint -- adjustment id
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    ledger.request_adjustment(
      p_segment_id, p_from, p_to, p_asset, p_amount, p_effective_at, p_reason, p_by, p_now
    )
  ).adjustment_id;
end;
$$;
comment on function ops.adjust is
  'adjust(from, to, asset, amount, since, reason): corrects the books once two others approve';
revoke execute on function ops.adjust from public;
grant execute on function ops.adjust to pgsettle_operator;
--! EndIncluded ops/adjust.sql
--! Included ops/approve_adjustment.sql
-- Approves an adjustment; the second of two who did not ask for it posts it. See
-- ledger.approve_adjustment. Returns its status.
-- Raises: NFADJ, STADJ, IVOPR, RJSLF, RJFND, STPER.
create or replace function ops.approve_adjustment(
  p_id bigint,
  p_by text default session_user,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns text
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (ledger.approve_adjustment(p_segment_id, p_id, p_by, p_now)).status;
end;
$$;
comment on function ops.approve_adjustment is
  'approve_adjustment(id, by): the second of two who did not ask for it posts it';
revoke execute on function ops.approve_adjustment from public;
grant execute on function ops.approve_adjustment to pgsettle_operator;
--! EndIncluded ops/approve_adjustment.sql
--! Included ops/approve_bust.sql
-- Busts or corrects a trade; see matching.approve_bust. Returns the id of the trade that takes its
-- place; null where none does. Raises: NFBST, IVOPR, RJSLF, STBST, STISO.
create or replace function ops.approve_bust(
  p_id bigint,
  p_by text,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns bigint -- trade id
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (matching.approve_bust(p_segment_id, p_id, p_by, p_now)).replacement_id;
end;
$$;
comment on function ops.approve_bust is
  'approve_bust(id, by): busts or corrects a trade, as another person asked';
revoke execute on function ops.approve_bust from public;
grant execute on function ops.approve_bust to pgsettle_operator;
--! EndIncluded ops/approve_bust.sql
--! Included ops/approve_withdrawal.sql
-- Pays out a withdrawal; see settlement.approve_withdrawal. Returns its journal, or null when it is
-- on its way through an outside leg. Raises: NFWDR, IVOPR, RJSLF, STWDR.
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
  return (settlement.approve_withdrawal(p_segment_id, p_id, p_by, p_now)).journal_id;
end;
$$;
comment on function ops.approve_withdrawal is
  'approve_withdrawal(id, by): pays out what another person asked for';
revoke execute on function ops.approve_withdrawal from public;
grant execute on function ops.approve_withdrawal to pgsettle_operator;
--! EndIncluded ops/approve_withdrawal.sql
--! Included ops/audit_adjustments.sql
-- Adjustments against their facts: each that is posted has its transfer, counts since its time, and
-- each such transfer its adjustment. Returns what differs. Reads only.
create or replace function ops.audit_adjustments() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select
    'adjustment transfer', coalesce(a.adjustment_id, t.journal_id)::text,
    row(a.from_id, a.to_id, a.asset_id, a.amount, a.decided_at, a.effective_at)::text,
    row(t.debit_participant_id, t.credit_participant_id, t.asset_id, t.amount, t.posted_at,
      t.effective_at)::text
  from (select d.* from ledger.adjustments as d where d.status = 'POSTED') as a
  full join (
    select f.*, j.effective_at
    from ledger.transfers as f
    left join ledger.journals as j
      on j.segment_id = f.segment_id
      and j.journal_id = f.journal_id
    where f.kind = 'ADJUSTMENT'
  ) as t
    on t.segment_id = a.segment_id
    and t.journal_id = a.journal_id
  where row(a.from_id, a.to_id, a.asset_id, a.amount, a.decided_at, a.effective_at)
    is distinct from
    row(t.debit_participant_id, t.credit_participant_id, t.asset_id, t.amount, t.posted_at,
      t.effective_at)
$$;
comment on function ops.audit_adjustments is 'adjustments against their facts; what differs';
--! EndIncluded ops/audit_adjustments.sql
--! Included ops/audit_book.sql
-- The book against the orders: it holds exactly those with something left that do not wait, with
-- what their price, quantity and fees need held; none is crossed that trades continuously. Returns
-- what differs. Reads only.
create or replace function ops.audit_book() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select 'book remaining', coalesce(o.order_id, b.order_id)::text,
    b.remaining_quantity::text, o.remaining_quantity::text
  from (
    select r.* from matching.orders as r
    where r.remaining_quantity > 0
      and r.pending_reason is null
  ) as o
  full join matching.book as b
    on b.segment_id = o.segment_id
    and b.order_id = o.order_id
  where b.remaining_quantity is distinct from o.remaining_quantity
    or abs(b.sort_price) <> o.price
    or b.fee_amount <> o.fee_amount
    or (b.symbol_id, b.participant_id, b.side) <> (o.symbol_id, o.participant_id, o.side)
  union all
  select 'book hold', b.order_id::text, b.hold_amount::text, h.amount::text
  from matching.book as b
  join reference.symbols as s
    on s.symbol_id = b.symbol_id
  cross join lateral (
    select matching.hold_of(
      s, b.sort_price, b.remaining_quantity, b.fee_exact, b.fee_amount, b.hold_rate
    )
  ) as h (amount)
  where b.hold_amount <> h.amount
  union all
  select 'book crossed', s.symbol, t.bid::text, t.ask::text
  from (
    select
      b.symbol_id, max(-b.sort_price) filter (where b.side = 'BUY') as bid,
      min(b.sort_price) filter (where b.side = 'SELL') as ask
    from matching.book as b
    group by b.segment_id, b.symbol_id
  ) as t
  join reference.symbols as s
    on s.symbol_id = t.symbol_id
  join matching.symbol_state as st
    on st.symbol_id = t.symbol_id
  where t.bid >= t.ask
    and st.phase = 'CONTINUOUS'
$$;
comment on function ops.audit_book is 'the book against the orders; returns what differs';
--! EndIncluded ops/audit_book.sql
--! Included ops/busted_finals.sql
-- What of each busted trade was final: who had bought and sold, and how much, by itself, in parts,
-- or by the net of a window. Reads only.
create or replace function ops.busted_finals() returns table (
  segment_id int,
  instruction_id bigint,
  terms text
)
language sql stable
as $$
  select
    f.segment_id, f.instruction_id,
    concat_ws(' ', f.buyer_id, f.seller_id, trim_scale(sum(f.quantity)),
      trim_scale(sum(f.notional)), trim_scale(sum(f.buyer_fee)), trim_scale(sum(f.seller_fee)))
  from (
    select p.segment_id, p.instruction_id, p.buyer_id, p.seller_id, p.quantity, p.notional,
      p.buyer_fee, p.seller_fee
    from settlement.postings as p
    union all
    select c.segment_id, c.instruction_id, c.buyer_id, c.seller_id, c.quantity, c.notional,
      c.buyer_fee, c.seller_fee
    from settlement.cancelled_instructions as c
    where c.netted_into is not null
  ) as f
  join matching.busted_trades as b
    on b.segment_id = f.segment_id
    and b.trade_id = f.instruction_id
  group by f.segment_id, f.instruction_id, f.buyer_id, f.seller_id
$$;
comment on function ops.busted_finals is 'what of each busted trade was final';
--! EndIncluded ops/busted_finals.sql
--! Included ops/audit_busts.sql
-- Busts against their facts: each is told by one event that names its trade, and each such event is
-- of one; what took a trade's place is it at the price that was asked for, and is told as that;
-- nothing of a busted trade is still to settle, and what of it was final is what its reversal gives
-- back. Returns what differs. Reads only.
create or replace function ops.audit_busts() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select 'bust event', coalesce(b.bust_id::text, e.symbol_id || ' ' || e.seq), b.terms, e.terms
  from (
    select
      w.segment_id, w.symbol_id, w.seq + k.n as seq, w.bust_id,
      concat_ws(' ', k.kind, w.trade_id, t.taker_order_id, t.maker_order_id, t.taker_side,
        trim_scale(k.price), trim_scale(t.quantity::numeric)) as terms
    from matching.trade_busts as w
    left join matching.trades as t
      on t.segment_id = w.segment_id
      and t.trade_id = w.trade_id
    cross join lateral (
      values (0, 'BUST', t.price::numeric), (1, 'CORRECTED', w.new_price)
    ) as k (n, kind, price)
    where w.status = 'DONE'
      and k.n <= num_nonnulls(w.new_price)
  ) as b
  full join (
    select
      v.segment_id, v.symbol_id, v.seq,
      concat_ws(' ', v.kind, v.trade_id, v.order_id, v.maker_order_id, v.side, trim_scale(v.price),
        trim_scale(v.quantity)) as terms
    from matching.events as v
    where v.kind in ('BUST', 'CORRECTED')
  ) as e
    on e.segment_id = b.segment_id
    and e.symbol_id = b.symbol_id
    and e.seq = b.seq
  where b.terms is distinct from e.terms
  union all
  select 'busted trade to settle', i.instruction_id::text, i.status::text, 'CANCELLED'
  from matching.busted_trades as b
  join settlement.instructions as i
    on i.segment_id = b.segment_id
    and i.instruction_id = b.trade_id
  where i.status not in ('SETTLED', 'CANCELLED')
  union all
  select 'bust reversal', coalesce(f.instruction_id, r.instruction_id)::text, r.terms, f.terms
  from (
    select
      v.segment_id, v.instruction_id,
      concat_ws(' ', i.seller_id, i.buyer_id, trim_scale(i.quantity::numeric),
        trim_scale(i.notional::numeric), trim_scale(-i.seller_fee::numeric),
        trim_scale(-i.buyer_fee::numeric)) as terms
    from settlement.reversals as v
    left join settlement.instructions as i
      on i.segment_id = v.segment_id
      and i.instruction_id = v.reversal_id
  ) as r
  full join ops.busted_finals() as f
    on f.segment_id = r.segment_id
    and f.instruction_id = r.instruction_id
  where f.terms is distinct from r.terms
$$;
comment on function ops.audit_busts is 'busts against their facts; returns what differs';
--! EndIncluded ops/audit_busts.sql
--! Included ops/audit_events.sql
-- Events against their facts: the numbers of a symbol are dense, up to the last that was given;
-- each trade was told as it is, in one event, and nothing else was. Returns what differs. Reads
-- only.
create or replace function ops.audit_events() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select 'events dense', s.symbol, st.last_seq::text, count(e.seq)::text
  from matching.symbol_state as st
  join reference.symbols as s
    on s.symbol_id = st.symbol_id
  left join matching.events as e
    on e.segment_id = st.segment_id
    and e.symbol_id = st.symbol_id
  group by s.symbol, st.segment_id, st.symbol_id, st.last_seq
  having count(e.seq) <> st.last_seq or coalesce(max(e.seq), 0) <> st.last_seq
  union all
  select 'trade event', coalesce(t.symbol_id, e.symbol_id) || ' ' || coalesce(t.seq, e.seq),
    e.terms, t.terms
  from (
    select
      d.segment_id, d.symbol_id, d.seq,
      concat_ws(' ', d.taker_order_id, d.taker_side, d.maker_order_id, trim_scale(d.price::numeric),
        trim_scale(d.quantity::numeric)) as terms
    from matching.trades as d
  ) as t
  full join (
    select
      v.segment_id, v.symbol_id, v.seq,
      concat_ws(' ', v.order_id, v.side, v.maker_order_id, trim_scale(v.price),
        trim_scale(v.quantity)) as terms
    from matching.events as v
    where v.kind in ('TRADE', 'CORRECTED')
  ) as e
    on e.segment_id = t.segment_id
    and e.symbol_id = t.symbol_id
    and e.seq = t.seq
  where e.terms is distinct from t.terms
$$;
comment on function ops.audit_events is 'events against their facts; returns what differs';
--! EndIncluded ops/audit_events.sql
--! Included ops/audit_volumes.sql
-- The volumes of tiers against the trades that they sum up [LED-042], what took the place of
-- another by its time. Returns what differs. Reads only.
create or replace function ops.audit_volumes() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  with traded as (
    select
      t.segment_id, t.symbol_id, l.participant_id,
      (t.traded_at at time zone 'UTC')::date as traded_on, sum(t.price * t.quantity) as volume
    from matching.volume_marks as m
    join matching.standing_trades as t
      on t.segment_id = m.segment_id
      and t.symbol_id = m.symbol_id
      and (t.seq <= m.last_seq or t.traded_at < m.last_at)
      and t.traded_at >= m.since_on::timestamp at time zone 'UTC'
    cross join lateral (values (t.taker_id), (t.maker_id)) as l (participant_id)
    group by t.segment_id, t.symbol_id, l.participant_id, (t.traded_at at time zone 'UTC')::date
  )
  select 'fee volume', concat_ws(' ', coalesce(v.symbol_id, t.symbol_id),
    coalesce(v.participant_id, t.participant_id), coalesce(v.traded_on, t.traded_on)),
    v.volume::text, t.volume::text
  from matching.volumes as v
  full join traded as t
    on t.segment_id = v.segment_id
    and t.symbol_id = v.symbol_id
    and t.participant_id = v.participant_id
    and t.traded_on = v.traded_on
  where coalesce(v.volume, 0) <> coalesce(t.volume, 0)
$$;
comment on function ops.audit_volumes is
  'the volumes of tiers against trades; returns what differs';
--! EndIncluded ops/audit_volumes.sql
--! Included ops/fee_schedule_at.sql
-- The schedule of fees that counted for a participant at a symbol at a time, among those that are
-- not of a group; null when none did. Found another way than reference.schedules_of. Reads only.
create or replace function ops.fee_schedule_at(
  p_segment_id int,
  p_symbol_id int,
  p_participant_id int,
  p_at timestamptz
) returns bigint
language sql stable
as $$
  select f.schedule_id
  from reference.fee_schedules as f
  where f.segment_id = p_segment_id
    and coalesce(f.participant_id = p_participant_id, true)
    and coalesce(f.symbol_id = p_symbol_id, true)
    and f.group_id is null
    and f.effective_from <= p_at
    and exists (
      select
      from reference.fee_rates as r
      where r.segment_id = f.segment_id
        and r.schedule_id = f.schedule_id
    )
    and not exists (
      select
      from reference.fee_schedules as g
      where g.segment_id = f.segment_id
        and (g.participant_id, g.symbol_id, g.group_id)
          is not distinct from (f.participant_id, f.symbol_id, f.group_id)
        and (g.effective_from, g.schedule_id) > (f.effective_from, f.schedule_id)
        and g.effective_from <= p_at
    )
  order by num_nonnulls(f.participant_id) * 2 + num_nonnulls(f.symbol_id) desc
  limit 1
$$;
comment on function ops.fee_schedule_at is
  'the schedule of fees that counted for a participant at a symbol at a time';
--! EndIncluded ops/fee_schedule_at.sql
--! Included ops/audit_fees.sql
-- Fees against their facts: each order was charged the sum of its trades by their rates, rounded
-- up once, what took the place of a trade by itself [LED-044], [BST-003]; each trade names the row
-- of the most specific schedule that was in force for its participant at its symbol, and was
-- charged that rate, or an order to buy less [LED-040], [LED-043]; the volumes of tiers are those
-- of the trades [LED-042]. Where a group has a schedule the row is not judged, because a symbol
-- may have been in another one: ops.verify_replay judges that, and the tier.
-- Returns what differs. Reads only.
create or replace function ops.audit_fees() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  with sides as (
    select
      t.segment_id, t.trade_id, t.symbol_id, t.traded_at, t.price * t.quantity as notional, l.*
    from matching.trades as t
    cross join lateral (
      values
        (t.taker_order_id, t.taker_id, t.taker_fee, t.taker_rate, t.taker_fee_id,
          t.taker_side = 'BUY', true),
        (t.maker_order_id, t.maker_id, t.maker_fee, t.maker_rate, t.maker_fee_id,
          t.taker_side = 'SELL', false)
    ) as l (order_id, participant_id, fee, rate, fee_id, is_buy, is_taker)
  )
  select 'fee by rates', o.order_id::text, o.fee::text, w.due::text
  from (
    select
      d.symbol_id, d.order_id, sum(d.fee) as fee,
      sum(d.notional * coalesce(d.rate, case when d.is_taker then s.taker_rate
        else s.maker_rate end)) as exact_fee
    from sides as d
    join reference.symbols as s
      on s.symbol_id = d.symbol_id
    left join matching.busted_trades as b
      on b.segment_id = d.segment_id
      and b.replacement_id = d.trade_id
    group by d.symbol_id, d.order_id, b.replacement_id
  ) as o
  join reference.symbols as s
    on s.symbol_id = o.symbol_id
  cross join lateral (
    select ledger.round_up(o.exact_fee, reference.units_in_one(s.quote_decimals),
      reference.asset_unit(s.quote_decimals))
  ) as w (due)
  where o.fee <> w.due
  union all
  select 'fee row', concat_ws(' ', d.trade_id, case when d.is_taker then 'TAKER'
    else 'MAKER' end), concat_ws(' ', d.fee_id, trim_scale(d.rate)),
    concat_ws(' ', 'schedule', b.schedule_id, trim_scale(r.rate))
  from sides as d
  cross join lateral (
    select ops.fee_schedule_at(d.segment_id, d.symbol_id, d.participant_id, d.traded_at)
  ) as b (schedule_id)
  left join lateral (
    select u.schedule_id, case when d.is_taker then u.taker_rate else u.maker_rate end as rate
    from reference.fee_rates as u
    where u.segment_id = d.segment_id
      and u.fee_id = d.fee_id
  ) as r on true
  where exists (select from reference.fee_schedules as f where f.segment_id = d.segment_id)
    and not exists (
      select
      from reference.fee_schedules as f
      where f.segment_id = d.segment_id
        and f.group_id is not null
    )
    and (r.schedule_id is distinct from b.schedule_id
      or d.rate > r.rate
      or d.rate is distinct from r.rate and r.rate is not null and not d.is_buy)
  union all
  select v.* from ops.audit_volumes() as v
$$;
comment on function ops.audit_fees is 'fees against their facts; returns what differs';
--! EndIncluded ops/audit_fees.sql
--! Included ops/audit_internal.sql
-- Transfers between accounts of one owner against their facts: each has its transfer, and each such
-- transfer its key; both are of one owner. Returns what differs. Reads only.
create or replace function ops.audit_internal() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select
    'internal transfer', coalesce(i.journal_id, t.journal_id)::text,
    row(i.from_id, i.to_id, i.asset_id, i.amount, i.created_at)::text,
    row(t.debit_participant_id, t.credit_participant_id, t.asset_id, t.amount, t.posted_at)::text
  from ledger.internal_transfers as i
  full join (select f.* from ledger.transfers as f where f.kind = 'INTERNAL') as t
    on t.segment_id = i.segment_id
    and t.journal_id = i.journal_id
  where row(i.from_id, i.to_id, i.asset_id, i.amount, i.created_at) is distinct from
    row(t.debit_participant_id, t.credit_participant_id, t.asset_id, t.amount, t.posted_at)
  union all
  select 'internal transfer owner', i.journal_id::text, i.from_id::text, i.to_id::text
  from ledger.internal_transfers as i
  where reference.owner_id(i.from_id) <> reference.owner_id(i.to_id)
$$;
comment on function ops.audit_internal is
  'transfers between accounts of one owner against their facts; what differs';
--! EndIncluded ops/audit_internal.sql
--! Included ops/audit_orders.sql
-- Orders against their facts: filled = the sum of the order's trades as they were matched (busted
-- or not, and not what took a place [BST-002]), with its notional and fee; and the status that
-- follows from what is left and how it ended. Returns what differs. Reads only.
create or replace function ops.audit_orders() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  with fills as (
    select
      f.segment_id, f.order_id, sum(f.quantity) as quantity, sum(f.notional) as notional,
      sum(f.fee) as fee
    from (
      select t.segment_id, l.order_id, t.quantity, t.price * t.quantity as notional, l.fee
      from matching.trades as t
      cross join lateral (
        values (t.taker_order_id, t.taker_fee), (t.maker_order_id, t.maker_fee)
      ) as l (order_id, fee)
      where not exists (
        select
        from matching.trade_busts as b
        where b.segment_id = t.segment_id
          and b.replacement_id = t.trade_id
      )
    ) as f
    group by f.segment_id, f.order_id
  )
  select v.check_name, coalesce(o.order_id, f.order_id)::text, v.kept::text, v.derived::text
  from matching.orders as o
  full join fills as f
    on f.segment_id = o.segment_id
    and f.order_id = o.order_id
  cross join lateral (
    values
      ('order filled', coalesce(o.filled_quantity, -1), coalesce(f.quantity, 0)),
      ('order notional', coalesce(o.filled_notional, -1), coalesce(f.notional, 0)),
      ('order fee', coalesce(o.fee_amount, -1), coalesce(f.fee, 0))
  ) as v (check_name, kept, derived)
  where v.kept <> v.derived
  union all
  select 'order status', o.order_id::text, o.status::text, w.status::text
  from matching.orders as o
  cross join lateral (
    select matching.status_of(
      o.remaining_quantity, o.filled_quantity, o.end_reason, o.refusal, o.pending_reason
    )
  ) as w (status)
  where o.status <> w.status
$$;
comment on function ops.audit_orders is
  'orders against their facts; returns what differs';
--! EndIncluded ops/audit_orders.sql
--! Included ops/audit_outside_legs.sql
-- Outside legs against what they are of: a withdrawal that is approved to leave, or an instruction
-- that waits for outside, has a leg that goes on; one that is posted or settled a leg that was
-- confirmed, at that time; one that is rejected or cancelled a leg that was voided. And no leg has
-- another. Each claim of a leg gave it a token. Returns what differs. Reads only.
create or replace function ops.audit_outside_legs() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  with causes as (
    select
      w.segment_id, 'WITHDRAWAL' as cause, w.withdrawal_id as cause_id,
      case w.status when 'POSTED' then 'CONFIRMED' when 'REJECTED' then 'VOIDED' else 'OPEN' end
        as status,
      w.decided_at as ended_at
    from ledger.withdrawals as w
    where w.approved_by is not null
    union all
    select i.segment_id, 'INSTRUCTION', i.instruction_id, 'OPEN', null
    from settlement.waiting_instructions as i
    where i.reason = 'EXTERNAL'
    union all
    select s.segment_id, 'INSTRUCTION', s.instruction_id, 'CONFIRMED', s.settled_at
    from settlement.outside_legs as l
    join settlement.settled_instructions as s
      on s.segment_id = l.segment_id
      and s.instruction_id = l.instruction_id
    union all
    select c.segment_id, 'INSTRUCTION', c.instruction_id, 'VOIDED', c.cancelled_at
    from settlement.outside_legs as l
    join settlement.cancelled_instructions as c
      on c.segment_id = l.segment_id
      and c.instruction_id = l.instruction_id
  )
  select
    'outside leg', coalesce(l.leg_id::text, c.cause || ' ' || c.cause_id),
    concat_ws(' ', l.status, l.ended_at), concat_ws(' ', c.status, c.ended_at)
  from (
    select
      o.segment_id, o.leg_id, o.ended_at, coalesce(o.withdrawal_id, o.instruction_id) as cause_id,
      case when o.withdrawal_id is null then 'INSTRUCTION' else 'WITHDRAWAL' end as cause,
      case when o.status in ('CONFIRMED', 'VOIDED') then o.status else 'OPEN' end as status
    from settlement.outside_legs as o
  ) as l
  full join causes as c
    on c.segment_id = l.segment_id
    and c.cause = l.cause
    and c.cause_id = l.cause_id
  where row(l.status, l.ended_at) is distinct from row(c.status, c.ended_at)
  union all
  select 'outside leg tokens', l.leg_id::text, l.token::text, count(e.event_id)::text
  from settlement.outside_legs as l
  left join settlement.outside_leg_events as e
    on e.segment_id = l.segment_id
    and e.leg_id = l.leg_id
    and e.kind = 'SENT'
  group by l.segment_id, l.leg_id, l.token
  having count(e.event_id) <> l.token
$$;
comment on function ops.audit_outside_legs is
  'outside legs against what they are of; returns what differs';
--! EndIncluded ops/audit_outside_legs.sql
--! Included ops/audit_periods.sql
-- Closed periods against their facts: what was kept of each account at the end is what was posted
-- before it; nothing was posted into it since; the segment is closed up to the end of the last one.
-- Returns what differs. Reads only.
create or replace function ops.audit_periods() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  with standing as (
    select p.* from ledger.periods as p where p.reopened_at is null
  )
  select
    'period balance',
    concat_ws(' ', x.period_no, x.participant_id, x.asset_id), x.kept::text, x.derived::text
  from (
    select
      b.period_no, b.participant_id, b.asset_id, sum(b.kept) as kept, sum(b.derived) as derived
    from (
      select k.segment_id, k.period_no, k.participant_id, k.asset_id, k.posted, 0.0
      from ledger.period_balances as k
      union all
      select p.segment_id, p.period_no, e.participant_id, e.asset_id, 0, e.amount
      from standing as p
      join ledger.entries as e
        on e.segment_id = p.segment_id
        and e.posted_at < p.ends_at
      where p.sealed_at is not null
    ) as b (segment_id, period_no, participant_id, asset_id, kept, derived)
    join standing as s
      on s.segment_id = b.segment_id
      and s.period_no = b.period_no
    group by b.segment_id, b.period_no, b.participant_id, b.asset_id
  ) as x
  where x.kept <> x.derived
  union all
  select 'posted into a closed period', j.journal_id::text, j.posted_at::text, p.ends_at::text
  from standing as p
  join ledger.journals as j
    on j.segment_id = p.segment_id
    and j.finality_no > p.last_finality_no
    and least(j.posted_at, j.effective_at) < p.ends_at
  union all
  select 'closed until', s.segment_id::text, s.closed_until::text, c.ends_at::text
  from ledger.segment_state as s
  cross join lateral (
    select coalesce(max(p.ends_at), '-infinity') as ends_at
    from standing as p
    where p.segment_id = s.segment_id
  ) as c
  where s.closed_until <> c.ends_at
$$;
comment on function ops.audit_periods is 'closed periods against their facts; what differs';
--! EndIncluded ops/audit_periods.sql
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
        order by t.journal_id, t.kind, t.asset_id, t.debit_participant_id,
        t.credit_participant_id, t.amount) as amounts
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
      i.segment_id, k.instruction_id,
      string_agg(concat_ws(' ', i.journal_id, k.kind, l.asset_id, l.debit_id, l.credit_id,
        trim_scale(l.amount::numeric)), ', ' order by i.journal_id, k.kind, l.asset_id, l.debit_id,
        l.credit_id, l.amount) as amounts
    from settlement.postings as i
    left join settlement.reversals as r
      on r.segment_id = i.segment_id
      and r.reversal_id = i.instruction_id
    cross join lateral settlement.legs(
      i.base_asset_id, i.quote_asset_id, i.buyer_id, i.seller_id, i.quantity, i.notional,
      i.buyer_fee, i.seller_fee
    ) as l
    cross join lateral (
      select coalesce(r.instruction_id, i.instruction_id) as instruction_id,
        case when r.reversal_id is null then l.kind else 'REVERSAL' end as kind
    ) as k
    group by i.segment_id, k.instruction_id
  ) as s
    on s.segment_id = x.segment_id
    and s.instruction_id = x.instruction_id
  where x.amounts is distinct from s.amounts
$$;
comment on function ops.audit_settlements is
  'settlements against their facts; returns what differs';
--! EndIncluded ops/audit_settlements.sql
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
  select a.* from ops.audit_busts() as a
  union all
  select a.* from ops.audit_journals() as a
  union all
  select a.* from ops.audit_withdrawals() as a
  union all
  select a.* from ops.audit_periods() as a
  union all
  select a.* from ops.audit_adjustments() as a
  union all
  select a.* from ops.audit_internal() as a
  union all
  select a.* from ops.audit_fees() as a
  union all
  select a.* from ops.audit_outside_legs() as a
$$;
comment on function ops.audit is
  'audit(): re-derives balances, holds, fills, book and settlements; no rows is healthy';
revoke execute on function ops.audit from public;
grant execute on function ops.audit to pgsettle_operator, pgsettle_auditor, pgsettle_worker;
--! EndIncluded ops/audit.sql
--! Included ops/balance_as_of.sql
-- What a participant had of an asset at a time, as far as it was known at another [LED-031]: what
-- counts since p_at or before, and was posted at p_known_at or before. What is corrected later
-- changes the answer for a later p_known_at only. A posting that was under way at p_known_at counts
-- once it is committed.
--   select balance_as_of('client-A', 'USD', '2026-03-02', '2026-03-05');
-- Takes the times. Returns the amount in the asset. Reads only. Raises: NFPAR, NFAST, IVPER (it is
-- not known yet).
create or replace function ops.balance_as_of(
  p_client_id text,
  p_asset text,
  p_at timestamptz,
  p_known_at timestamptz default now(),
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns numeric
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_participant_id int := (reference.get_participant(p_client_id)).participant_id;
  v_asset_id int := (reference.get_asset(p_asset)).asset_id;
begin
  if p_at is null or (p_known_at <= p_now) is not true then
    raise exception 'what will be known is not known yet'
      using errcode = 'IVPER', hint = 'BAD_PERIOD', column = 'known_at';
  end if;
  return coalesce((
    select trim_scale(b.posted)
    from ledger.balances_as_of(p_segment_id, v_participant_id, p_at, p_known_at) as b
    where b.asset_id = v_asset_id
  ), 0);
end;
$$;
comment on function ops.balance_as_of is
  'balance_as_of(client, asset, at, known_at): what it had then, as far as it was known then';
revoke execute on function ops.balance_as_of from public;
grant execute on function ops.balance_as_of to pgsettle_operator, pgsettle_auditor;
--! EndIncluded ops/balance_as_of.sql
--! Included ops/bust_trade.sql
-- Asks for a trade to be busted; it is once another operator approves that. The reason is told to
-- everybody who follows the symbol. See matching.request_bust. Returns the id of the bust.
--   select bust_trade(10000000000002, 'entered by mistake', 'ann');
-- Raises: IVOPR, IVRSN, NFTRD, STBST.
create or replace function ops.bust_trade(
  p_trade_id bigint,
  p_reason text,
  p_by text,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns bigint -- bust id
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return matching.request_bust(p_segment_id, p_trade_id, null, p_reason, p_by, p_now);
end;
$$;
comment on function ops.bust_trade is
  'bust_trade(trade, reason, by): asks for a trade to be undone; another operator approves';
revoke execute on function ops.bust_trade from public;
grant execute on function ops.bust_trade to pgsettle_operator;
--! EndIncluded ops/bust_trade.sql
--! Included ops/chain_export.sql
-- The chain of journals as lines of text, for app/verify-chain.mjs, which needs nothing else
-- [LED-010]: of each journal
-- `journal NUMBER LINK MARKS LINES (segment,journal,kind,microseconds,count,instructions)`,
-- with the microseconds since when it counts behind it where that is not when it was posted;
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
          j.transfer_count, j.instruction_ids)::text,
        (extract(epoch from j.effective_at) * 1000000)::bigint)
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
-- which was linked to the right one. Of a part of them the first two tell nothing: they know no
-- others. Reads only.
create or replace function ops.chain_journals(
  p_segment_id int,
  p_after_no bigint default 0,
  p_last_no bigint default 9223372036854775807
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
        row(j.line_nos, null, m.digest)::ledger.journal_lines, j.effective_at
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
      and j.finality_no > p_after_no
      and j.finality_no <= p_last_no
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
--! Included ops/part_end.sql
-- Up to which number a pass of the check goes, from one behind p_after_no on and not past
-- p_last_no: so many events of a symbol; as many journals as have so many transfers, but at least
-- one. Reads only.
create or replace function ops.part_end(
  p_segment_id int,
  p_part_id int,
  p_after_no bigint,
  p_last_no bigint,
  p_limit bigint
) returns bigint
language plpgsql stable
as $$
declare
  v_end bigint;
begin
  if p_part_id > 0 or p_after_no >= p_last_no then
    return least(p_after_no + p_limit, p_last_no);
  end if;

  select max(c.finality_no) into v_end
  from (
    select j.finality_no, sum(j.transfer_count) over (order by j.finality_no) as lines
    from ledger.journals as j
    where j.segment_id = p_segment_id
      and j.finality_no > p_after_no
      and j.finality_no <= p_last_no
    order by j.finality_no
    limit p_limit
  ) as c
  where c.lines <= p_limit;
  -- Where journals are gone, there is nothing to count: the next one, or all of them.
  return coalesce(v_end, p_after_no + 1);
end;
$$;
comment on function ops.part_end is 'up to which number a pass of the check of breaks goes';
--! EndIncluded ops/part_end.sql
--! Included ops/v_holds.sql
-- Every hold with its cause: an open order, a trade that is not settled yet, a withdrawal that is
-- not decided yet, or one that is on its way outside. Their sum by account is what the account
-- holds.
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
where w.status = 'PENDING'
  and w.approved_by is null
union all
select w.segment_id, w.participant_id, w.asset_id, 'OUTSIDE', l.leg_id, w.amount
from settlement.outside_legs as l
join ledger.withdrawals as w
  on w.segment_id = l.segment_id
  and w.withdrawal_id = l.withdrawal_id
where l.ended_at is null;
comment on view ops.v_holds is 'every hold with its cause';
--! EndIncluded ops/v_holds.sql
--! Included ops/compare_holds.sql
-- What each account holds for what it is to deliver or pay, against the obligations that stand
-- open: one that is gone or altered shows here, before it is known which. Returns what differs.
-- Reads only.
create or replace function ops.compare_holds(
  p_segment_id int
) returns table (
  kind text,
  seq bigint,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select 'HOLD_DIFFERS', 0::bigint, p.client_id || ' ' || s.asset, trim_scale(sum(h.kept))::text,
    trim_scale(sum(h.derived))::text
  from (
    select a.participant_id, a.asset_id, a.unsettled_out::numeric as kept, 0.0 as derived
    from ledger.accounts as a
    where a.segment_id = p_segment_id
      and a.unsettled_out <> 0
    union all
    select v.participant_id, v.asset_id, 0, v.amount
    from ops.v_holds as v
    where v.segment_id = p_segment_id
      and v.cause = 'SETTLEMENT'
  ) as h
  join reference.participants as p
    on p.participant_id = h.participant_id
  join reference.assets as s
    on s.asset_id = h.asset_id
  group by p.client_id, s.asset
  having sum(h.kept) <> sum(h.derived)
$$;
comment on function ops.compare_holds is
  'what accounts hold for settlement against the obligations that are open; what differs';
--! EndIncluded ops/compare_holds.sql
--! Included ops/settled_parts.sql
-- What stands there as settled by a journal of kind SETTLEMENT of the instructions that it names,
-- the whole or a part of each; with the one that its transfers name, which for a reversal is what
-- it gives back. No row for a journal of another kind. Looked up by whole keys, so that it costs as
-- much in a large ledger as in a small one; in PL/pgSQL, so that it is planned once. Reads only.
create or replace function ops.settled_parts(
  p_segment_id int,
  p_journal_id bigint
) returns table (
  named_id bigint,
  is_reversal boolean,
  buyer_id int,
  seller_id int,
  base_asset_id int,
  quote_asset_id int,
  quantity numeric,
  notional numeric,
  buyer_fee numeric,
  seller_fee numeric
)
language plpgsql stable
rows 1000
as $$
begin
  return query
  with journal as materialized (
    select
      j.segment_id, j.journal_id, j.posted_at, i.instruction_id,
      r.reversal_id is not null as is_reversal,
      coalesce(r.instruction_id, i.instruction_id) as named_id
    from ledger.journals as j
    cross join lateral unnest(j.instruction_ids) as i (instruction_id)
    left join settlement.reversals as r
      on r.segment_id = j.segment_id
      and r.reversal_id = i.instruction_id
    where j.segment_id = p_segment_id
      and j.journal_id = p_journal_id
      and j.kind = 'SETTLEMENT'
  ), parts as materialized (
    select j.named_id, j.is_reversal, p.*,
      p.journal_id = j.journal_id and p.settled_at = j.posted_at as is_own
    from journal as j
    join settlement.parts as p
      on p.segment_id = j.segment_id
      and p.instruction_id = j.instruction_id
  )
  select
    j.named_id, j.is_reversal, s.buyer_id, s.seller_id, s.base_asset_id, s.quote_asset_id,
    s.quantity::numeric, s.notional::numeric, s.buyer_fee::numeric, s.seller_fee::numeric
  from journal as j
  join settlement.settled_instructions as s
    on s.segment_id = j.segment_id
    and s.instruction_id = j.instruction_id
    and s.settled_at = j.posted_at
  where s.journal_id = j.journal_id
    and not exists (select from parts as p where p.instruction_id = j.instruction_id)
  union all
  select
    p.named_id, p.is_reversal, i.buyer_id, i.seller_id, i.base_asset_id, i.quote_asset_id,
    p.quantity::numeric, p.notional::numeric, p.buyer_fee::numeric, p.seller_fee::numeric
  from parts as p
  cross join lateral (
    select n.*
    from settlement.instructions as n
    where n.segment_id = p_segment_id
      and n.instruction_id = p.instruction_id
  ) as i
  where p.is_own;
end;
$$;
comment on function ops.settled_parts is 'what a journal settled, as it stands now';
--! EndIncluded ops/settled_parts.sql
--! Included ops/compare_postings.sql
-- What a journal of kind SETTLEMENT posted for each instruction, beside the legs of what stands
-- there as settled by it. Null: nothing. Nothing is returned for a journal of another kind.
-- PL/pgSQL, so that it is planned once. Reads only.
create or replace function ops.compare_postings(
  p_segment_id int,
  p_journal_id bigint
) returns table (
  instruction_id bigint,
  posted text,
  amounts text
)
language plpgsql stable
as $$
begin
  return query
  select coalesce(p.instruction_id, s.instruction_id), p.amounts, s.amounts
  from (
    select
      t.instruction_id,
      string_agg(concat_ws(' ', t.kind, t.asset_id, t.debit_participant_id,
        t.credit_participant_id, trim_scale(t.amount::numeric)), ', ' order by t.kind::text,
        t.asset_id, t.debit_participant_id, t.credit_participant_id, t.amount) as amounts
    from ledger.journals as j
    join ledger.transfers as t
      on t.segment_id = j.segment_id
      and t.journal_id = j.journal_id
      and t.posted_at = j.posted_at
    where j.segment_id = p_segment_id
      and j.journal_id = p_journal_id
      and j.kind = 'SETTLEMENT'
    group by t.instruction_id
  ) as p
  full join (
    select
      d.named_id as instruction_id,
      string_agg(concat_ws(' ', k.kind, l.asset_id, l.debit_id, l.credit_id,
        trim_scale(l.amount::numeric)), ', ' order by k.kind, l.asset_id, l.debit_id, l.credit_id,
        l.amount) as amounts
    from ops.settled_parts(p_segment_id, p_journal_id) as d
    cross join lateral settlement.legs(
      d.base_asset_id, d.quote_asset_id, d.buyer_id, d.seller_id, d.quantity, d.notional,
      d.buyer_fee, d.seller_fee
    ) as l
    cross join lateral (
      select case when d.is_reversal then 'REVERSAL' else l.kind::text end as kind
    ) as k
    group by d.named_id
  ) as s
    on s.instruction_id = p.instruction_id;
end;
$$;
comment on function ops.compare_postings is
  'what a journal posted for each instruction, beside the legs of what it settled';
--! EndIncluded ops/compare_postings.sql
--! Included ops/compare_journals.sql
-- Journals against what else knows of them, by finality number, behind p_after_no up to p_last_no:
-- none is missing, each has the transfers that it was posted with, and is as it was; and of those
-- that settled, each obligation that one names has exactly the transfers of its legs there
-- [OPS-001]. All in one snapshot. Returns what differs: what stands there, and what should; and
-- nothing of what a journal settled whose own transfers are not right. Reads only.
create or replace function ops.compare_journals(
  p_segment_id int,
  p_after_no bigint,
  p_last_no bigint
) returns table (
  kind text,
  finality_no bigint,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  with journals as materialized (
    select c.*, c.is_linked is not false and c.is_marked as is_right
    from ops.chain_journals(p_segment_id, p_after_no - 2, p_last_no) as c
    where c.finality_no > p_after_no
  )
  select 'JOURNAL_MISSING', n.finality_no, n.finality_no::text, null, 'journal'
  from generate_series(p_after_no + 1, p_last_no) as n (finality_no)
  left join journals as j
    on j.finality_no = n.finality_no
  where j.finality_no is null
  union all
  select
    case when c.line_no is null then 'JOURNAL_' else 'TRANSFER_' end || upper(c.problem),
    j.finality_no, concat_ws('-', j.journal_id, c.line_no),
    (
      select t::text
      from ledger.transfers as t
      where t.segment_id = p_segment_id
        and t.journal_id = j.journal_id
        and t.line_no = c.line_no
      limit 1
    ),
    null
  from journals as j
  cross join lateral ops.chain_changes(p_segment_id, j.journal_id) as c
  where not j.is_right
  union all
  select
    case when s.amounts is null then 'SETTLEMENT_MISSING' else 'SETTLEMENT_ALTERED' end,
    j.finality_no, s.instruction_id::text, s.amounts, s.posted
  from journals as j
  cross join lateral ops.compare_postings(p_segment_id, j.journal_id) as s
  where j.is_right
    and s.amounts is distinct from s.posted
$$;
comment on function ops.compare_journals is
  'journals against their transfers and obligations; what differs';
--! EndIncluded ops/compare_journals.sql
--! Included ops/trade_break.sql
-- What kind of break there is between the terms of a trade, those that its event told, what it has
-- left to be settled, and the obligation that stands there (null: there is none), of which there
-- are p_count; null: no break. The first that holds. Is inlined. Reads nothing.
create or replace function ops.trade_break(
  p_terms text,
  p_told text,
  p_owing text,
  p_owed text,
  p_count bigint
) returns text
language sql immutable parallel safe
as $$
  select case
    when p_terms is null and p_told is null then 'OBLIGATION_ADDED'
    when p_terms is null then 'TRADE_MISSING'
    when p_told is null then 'TRADE_ADDED'
    when p_terms <> p_told then 'TRADE_ALTERED'
    when p_owed is null then 'OBLIGATION_MISSING'
    when p_count > 1 then 'OBLIGATION_TWICE'
    when p_owed <> p_owing then 'OBLIGATION_ALTERED'
  end
$$;
comment on function ops.trade_break is
  'the kind of break between a trade, its event, its obligation';
--! EndIncluded ops/trade_break.sql
--! Included ops/compare_trades.sql
-- Trades of a symbol against what else knows of them, by event number, behind p_after_seq up to
-- p_last_seq: each trade was told in one event, has its terms and has left one obligation, with its
-- terms, wherever that stands now [OPS-001]. All in one snapshot. Returns what differs: what stands
-- there, and what should. Reads only.
create or replace function ops.compare_trades(
  p_segment_id int,
  p_symbol_id int,
  p_after_seq bigint,
  p_last_seq bigint
) returns table (
  kind text,
  seq bigint,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  with first as (
    select p_symbol_id * 1000000000000 as id
  ), traded as (
    select
      t.trade_id,
      concat_ws(' ', t.seq, t.traded_at, t.taker_order_id, t.taker_id, t.taker_side,
        t.maker_order_id, t.maker_id, trim_scale(t.price::numeric),
        trim_scale(t.quantity::numeric)) as terms,
      concat_ws(' ', case t.taker_side when 'BUY' then t.taker_id else t.maker_id end,
        case t.taker_side when 'BUY' then t.maker_id else t.taker_id end,
        trim_scale(t.quantity::numeric), trim_scale(t.price * t.quantity),
        trim_scale(case t.taker_side when 'BUY' then t.taker_fee else t.maker_fee end),
        trim_scale(case t.taker_side when 'BUY' then t.maker_fee else t.taker_fee end)) as owed
    from matching.trades as t
    where t.segment_id = p_segment_id
      and t.trade_id > (select f.id + p_after_seq from first as f)
      and t.trade_id <= (select f.id + p_last_seq from first as f)
  ), told as (
    select
      f.id + e.seq as trade_id,
      concat_ws(' ', e.seq, coalesce(r.traded_at, e.at), e.order_id, e.participant_id, e.side,
        e.maker_order_id, e.maker_id, trim_scale(e.price), trim_scale(e.quantity)) as terms
    from matching.events as e
    cross join first as f
    -- What takes the place of a trade has its time.
    left join matching.trades as r
      on e.kind = 'CORRECTED'
      and r.segment_id = e.segment_id
      and r.trade_id = e.trade_id
    where e.segment_id = p_segment_id
      and e.symbol_id = p_symbol_id
      and e.seq > p_after_seq
      and e.seq <= p_last_seq
      and e.kind in ('TRADE', 'CORRECTED')
  ), owed as (
    select
      i.instruction_id as trade_id, count(*) as n,
      string_agg(concat_ws(' ', i.buyer_id, i.seller_id, trim_scale(i.quantity::numeric),
        trim_scale(i.notional::numeric), trim_scale(i.buyer_fee::numeric),
        trim_scale(i.seller_fee::numeric)), '; ') as owed
    from settlement.instructions as i
    where i.segment_id = p_segment_id
      and i.instruction_id > (select f.id + p_after_seq from first as f)
      and i.instruction_id <= (select f.id + p_last_seq from first as f)
    group by i.instruction_id
  )
  select c.kind, x.trade_id - f.id, x.trade_id::text,
    case when c.kind like 'OBLIGATION%' then x.owed else x.terms end,
    case when c.kind like 'OBLIGATION%' then x.owing else x.told end
  from (
    select trade_id, t.terms, t.owed as owing, e.terms as told, o.owed, o.n
    from traded as t
    full join told as e using (trade_id)
    full join owed as o using (trade_id)
  ) as x
  cross join first as f
  cross join lateral ops.trade_break(x.terms, x.told, x.owing, x.owed, x.n) as c (kind)
  where c.kind is not null
$$;
comment on function ops.compare_trades is
  'trades of a symbol against their events and obligations; what differs';
--! EndIncluded ops/compare_trades.sql
--! Included ops/compare_part.sql
-- A part of the books against what else knows of it: a symbol's trades, the journals (0), or what
-- accounts hold (-1), behind a number up to another. Returns what differs. Reads only.
create or replace function ops.compare_part(
  p_segment_id int,
  p_part_id int,
  p_after_no bigint,
  p_last_no bigint
) returns table (
  kind text,
  first_no bigint,
  key text,
  kept text,
  derived text
)
language plpgsql stable
as $$
begin
  if p_part_id > 0 then
    return query
    select c.* from ops.compare_trades(p_segment_id, p_part_id, p_after_no, p_last_no) as c;
  elsif p_part_id = 0 then
    return query
    select c.* from ops.compare_journals(p_segment_id, p_after_no, p_last_no) as c;
  else
    return query
    select c.* from ops.compare_holds(p_segment_id) as c;
  end if;
end;
$$;
comment on function ops.compare_part is 'a part of the books against what else knows of it';
--! EndIncluded ops/compare_part.sql
--! Included ops/record_breaks.sql
-- Keeps the breaks of a part of the books that are not known yet, at most 1,000 of them. Returns
-- how many. Writes: ops.breaks.
create or replace function ops.record_breaks(
  p_segment_id int,
  p_part_id int,
  p_after_no bigint,
  p_last_no bigint,
  p_now timestamptz
) returns int
language plpgsql volatile
as $$
declare
  v_count int;
begin
  insert into ops.breaks (segment_id, kind, part_id, first_no, key, kept, derived, found_at)
  select p_segment_id, c.kind, p_part_id, c.first_no, c.key, c.kept, c.derived, p_now
  from ops.compare_part(p_segment_id, p_part_id, p_after_no, p_last_no) as c
  limit 1000
  on conflict (segment_id, kind, key) where closed_at is null do nothing;
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function ops.record_breaks is 'keeps the breaks of a part that are not known yet';
--! EndIncluded ops/record_breaks.sql
--! Included ops/check_part.sql
-- One pass over a part of the books [OPS-001]: checks what is new there, and of what is old the
-- next piece in turn; all that is old, piece by piece, once p_writes says that something was
-- changed. Takes where it stands, the last number that there is, and how many numbers to check at
-- most. Returns how many breaks are new, and whether there is more to do at once.
-- Writes: ops.breaks, the cursor, whose row the caller has locked.
create or replace function ops.check_part(
  p_cursor ops.break_cursors,
  p_last_no bigint,
  p_writes text,
  p_now timestamptz,
  p_limit int,
  out opened int,
  out is_behind boolean
)
language plpgsql volatile
as $$
declare
  c_turns constant int := 20; -- a piece of what is old, in turn, is so much smaller
  v_segment_id int := p_cursor.segment_id;
  v_part_id int := p_cursor.part_id;
  v_old_no bigint := p_cursor.checked_no;
  v_checked_no bigint;
  v_again_no bigint := p_cursor.again_no;
  v_again_until bigint := p_cursor.again_until;
  v_end bigint;
begin
  opened := 0;
  v_checked_no := ops.part_end(v_segment_id, v_part_id, v_old_no, p_last_no, p_limit);
  if v_checked_no > v_old_no then
    opened := ops.record_breaks(v_segment_id, v_part_id, v_old_no, v_checked_no, p_now);
  end if;
  v_checked_no := greatest(v_checked_no, v_old_no);

  if p_cursor.writes <> p_writes then
    v_again_no := 0;
    v_again_until := v_old_no;
  elsif v_again_no >= v_old_no then
    v_again_no := 0;
  end if;
  v_end := ops.part_end(
    v_segment_id, v_part_id, v_again_no, v_old_no,
    case when v_again_until > v_again_no then p_limit else greatest(p_limit / c_turns, 1) end
  );
  if v_end > v_again_no then
    opened := opened + ops.record_breaks(v_segment_id, v_part_id, v_again_no, v_end, p_now);
  end if;

  update ops.break_cursors as c
  set checked_no = v_checked_no,
    again_no = v_end,
    again_until = case when v_end < v_again_until then v_again_until else 0 end,
    writes = p_writes
  where c.segment_id = v_segment_id
    and c.part_id = v_part_id;
  is_behind := v_checked_no < p_last_no or v_end < v_again_until;
end;
$$;
comment on function ops.check_part is
  'one pass over a part of the books: what is new, and a piece of what is old';
--! EndIncluded ops/check_part.sql
--! Included ops/close_breaks.sql
-- Closes the breaks that are there no more, with the time. Returns how many. Writes: ops.breaks.
create or replace function ops.close_breaks(
  p_segment_id int,
  p_now timestamptz
) returns int
language plpgsql volatile
as $$
declare
  v_count int;
begin
  update ops.breaks as b
  set closed_at = greatest(p_now, b.found_at)
  where b.segment_id = p_segment_id
    and b.closed_at is null
    and not exists (
      select
      from ops.compare_part(p_segment_id, b.part_id, b.first_no - 1, b.first_no) as c
      where c.kind = b.kind
        and c.key = b.key
    );
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function ops.close_breaks is 'closes the breaks that are there no more';
--! EndIncluded ops/close_breaks.sql
--! Included ops/fact_writes.sql
-- A text that changes when a row of trades, events, settled or cancelled obligations, journals or
-- transfers was changed or deleted, or one of an obligation that is next in line changed: those
-- tables are only added to, and PostgreSQL counts what happens to their rows, also without
-- triggers. It may change when nothing is wrong, behind a crash or when a partition is filled from
-- the default one. Who switches the counting off is found later, in turn [OPS-001]. Reads only.
create or replace function ops.fact_writes() returns text
language sql stable
as $$
  select md5(coalesce(string_agg(concat_ws(' ', s.relid, c.relfilenode, s.n_tup_upd,
    case s.relname when 'pending_instructions' then 0 else s.n_tup_del end), ',' order by s.relid),
    ''))
  from pg_catalog.pg_stat_all_tables as s
  join pg_catalog.pg_class as c
    on c.oid = s.relid
  where (
      (s.schemaname = 'matching' and s.relname ~ '^(trades|events)_')
      or (
        s.schemaname = 'settlement'
        and s.relname ~ '^(settled_instructions_|cancelled_instructions$|parts$|pending_i)'
      )
      or (s.schemaname = 'ledger' and s.relname ~ '^(transfers_|journals$)')
    )
    and (s.n_tup_upd + s.n_tup_del > 0 or c.relfilenode <> c.oid)
$$;
comment on function ops.fact_writes is 'changes when a row that is never changed was';
--! EndIncluded ops/fact_writes.sql
--! Included ops/check_breaks.sql
-- One pass of the continuous check of trades, obligations and journals [OPS-001]: what is new in
-- each symbol and in the journals, what accounts hold for what is open, and of what is old a piece
-- in turn. Where a row was changed that never is, or a hold has no cause, all that is old is
-- checked again: call it until it is not behind. What it finds is in v_breaks, until it is there no
-- more. Takes how many events of a symbol, and transfers, a pass may take. Returns how many breaks
-- are new, and closed. Does nothing while another process is at it.
-- Locks: advisory (6, segment), only tried. Writes: ops.breaks, ops.break_cursors.
create or replace function ops.check_breaks(
  p_segment_id int default 1,
  p_now timestamptz default now(),
  p_limit int default 20000,
  out opened int,
  out closed int,
  out is_behind boolean
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_lock_space constant int := 6;
  v_writes text := ops.fact_writes();
  v_part record;
  v_pass record;
begin
  opened := 0;
  closed := 0;
  is_behind := false;
  if not pg_try_advisory_xact_lock(c_lock_space, p_segment_id) then
    return;
  end if;
  closed := ops.close_breaks(p_segment_id, p_now);
  opened := ops.record_breaks(p_segment_id, -1, 0, 0, p_now);
  if opened > 0 then
    update ops.break_cursors as c
    set again_no = 0,
      again_until = c.checked_no
    where c.segment_id = p_segment_id;
  end if;

  insert into ops.break_cursors (segment_id, part_id, writes)
  select p_segment_id, s.symbol_id, v_writes
  from matching.symbol_state as s
  where s.segment_id = p_segment_id
  union all
  select p_segment_id, 0, v_writes
  on conflict do nothing;
  for v_part in
    select c as cursor, coalesce(s.last_seq, l.last_finality_no) as last_no
    from ops.break_cursors as c
    join ledger.segment_state as l
      on l.segment_id = c.segment_id
    left join matching.symbol_state as s
      on s.segment_id = c.segment_id
      and s.symbol_id = c.part_id
    where c.segment_id = p_segment_id
    order by c.part_id
  loop
    v_pass := ops.check_part(v_part.cursor, v_part.last_no, v_writes, p_now, p_limit);
    opened := opened + v_pass.opened;
    is_behind := is_behind or v_pass.is_behind;
  end loop;
end;
$$;
comment on function ops.check_breaks is
  'check_breaks(): checks what is new of trades, obligations and journals; see v_breaks';
revoke execute on function ops.check_breaks from public;
grant execute on function ops.check_breaks to pgsettle_worker, pgsettle_operator;
--! EndIncluded ops/check_breaks.sql
--! Included ops/close_period.sql
-- Closes the books up to a time, from where they were closed last: nothing is posted into the
-- period any more [LED-030], and its pack is the same at any time [LED-032].
--   select close_period('2026-03-03');
-- Takes the end, which is not in the period. Returns the number of the period.
-- Locks: the segment's row of ledger.segment_state. Writes: ledger.periods, ops.period_cuts.
-- Raises: IVOPR, IVPER, STPER.
create or replace function ops.close_period(
  p_until timestamptz,
  p_by text default session_user,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns int -- period number
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_period ledger.periods := ledger.close_period(p_segment_id, p_until, p_by, p_now);
begin
  insert into ops.period_cuts (segment_id, period_no, symbol_id, after_seq, last_seq)
  select
    p_segment_id, v_period.period_no, s.symbol_id,
    coalesce((
      select c.last_seq
      from ledger.periods as p
      join ops.period_cuts as c
        on c.segment_id = p.segment_id
        and c.period_no = p.period_no
        and c.symbol_id = s.symbol_id
      where p.segment_id = p_segment_id
        and p.ends_at = v_period.starts_at
        and p.reopened_at is null
    ), 0),
    s.last_seq
  from matching.symbol_state as s
  where s.segment_id = p_segment_id;
  return v_period.period_no;
end;
$$;
comment on function ops.close_period is
  'close_period(until): nothing is posted with an earlier time any more; returns the period';
revoke execute on function ops.close_period from public;
grant execute on function ops.close_period to pgsettle_operator;
--! EndIncluded ops/close_period.sql
--! Included settlement/lock_outside_leg.sql
-- The row of an outside leg, locked to the end of the transaction, for whoever decides about it.
-- Lock it before its withdrawal. Raises: NFLEG when there is none.
create or replace function settlement.lock_outside_leg(
  p_segment_id int,
  p_leg_id bigint
) returns settlement.outside_legs
language plpgsql volatile
as $$
declare
  v_leg settlement.outside_legs;
begin
  select l.* into v_leg
  from settlement.outside_legs as l
  where l.segment_id = p_segment_id
    and l.leg_id = p_leg_id
  for no key update of l;

  if not found then
    raise exception 'there is no outside leg %', p_leg_id
      using errcode = 'NFLEG', hint = 'UNKNOWN_OUTSIDE_LEG';
  end if;
  return v_leg;
end;
$$;
comment on function settlement.lock_outside_leg is
  'the row of an outside leg, locked to be decided about';
--! EndIncluded settlement/lock_outside_leg.sql
--! Included settlement/decide_outside_leg.sql
-- Ends an outside leg on a person's word: CONFIRMED when it has left by whatever way, VOIDED when
-- it has not and will not. Takes who says so and why. It is another than who asked for it
-- [SET-044], who may only take back what was never sent. What a worker is sending at the moment is
-- not voided. Returns the status. Writes and locks: as settlement.end_outside_leg, and the leg
-- before. Raises: NFLEG, IVOPR, IVRSN, RJSLF (who asked), STLEG (a worker has it, or it ended
-- otherwise).
create or replace function settlement.decide_outside_leg(
  p_segment_id int,
  p_leg_id bigint,
  p_status text,
  p_by text,
  p_reason text,
  p_now timestamptz
) returns text
language plpgsql volatile
as $$
declare
  v_leg settlement.outside_legs := settlement.lock_outside_leg(p_segment_id, p_leg_id);
begin
  perform ledger.refuse_operator(p_by);
  perform ledger.refuse_reason(p_reason);
  if lower(v_leg.requested_by) = lower(p_by)
    and not (p_status = 'VOIDED' and v_leg.status in ('RESERVED', 'VOIDED'))
  then
    raise exception 'who asked for an outside leg may not say what became of it'
      using errcode = 'RJSLF', hint = 'SAME_OPERATOR', column = 'operator';
  elsif p_status = 'VOIDED' and v_leg.leased_until > p_now then
    raise exception 'outside leg % is being sent until %', p_leg_id, v_leg.leased_until
      using errcode = 'STLEG', hint = 'BEING_SENT';
  end if;
  return settlement.end_outside_leg(v_leg, p_status, p_by, p_reason, null, p_now);
end;
$$;
comment on function settlement.decide_outside_leg is
  'confirms or voids an outside leg on a person''s word';
--! EndIncluded settlement/decide_outside_leg.sql
--! Included ops/confirm_outside_leg.sql
-- Confirms an outside leg on a person's word; see settlement.decide_outside_leg.
-- Raises: NFLEG, IVOPR, IVRSN, RJSLF, STLEG.
create or replace function ops.confirm_outside_leg(
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
  perform settlement.decide_outside_leg(p_segment_id, p_id, 'CONFIRMED', p_by, p_reason, p_now);
end;
$$;
comment on function ops.confirm_outside_leg is
  'confirm_outside_leg(id, by, reason): it has left: posts its withdrawal';
revoke execute on function ops.confirm_outside_leg from public;
grant execute on function ops.confirm_outside_leg to pgsettle_operator;
--! EndIncluded ops/confirm_outside_leg.sql
--! Included ops/correct_trade.sql
-- Asks for a trade to be corrected: busted, and in the same transaction replaced by one at another
-- price; it is once another operator approves that. See matching.request_bust. Returns the id of
-- the bust.
--   select correct_trade(10000000000002, 59990, 'price of another day', 'ann');
-- Raises: IVOPR, IVRSN, IVPRC, NFTRD, RJTCK, STBST.
create or replace function ops.correct_trade(
  p_trade_id bigint,
  p_price numeric,
  p_reason text,
  p_by text,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns bigint -- bust id
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return matching.request_bust(
    p_segment_id, p_trade_id, coalesce(p_price, 'NaN'), p_reason, p_by, p_now
  );
end;
$$;
comment on function ops.correct_trade is
  'correct_trade(trade, price, reason, by): asks for another price; another operator approves';
revoke execute on function ops.correct_trade from public;
grant execute on function ops.correct_trade to pgsettle_operator;
--! EndIncluded ops/correct_trade.sql
--! Included ops/pack_busts.sql
-- The trades that were busted in a closed period, a line each, with what took their place: by the
-- number of the bust's event, as the trades themselves, so that each is in exactly one period
-- [LED-032]. Reads only.
create or replace function ops.pack_busts(
  p_segment_id int,
  p_period_no int
) returns table (
  section text,
  line text
)
language sql stable
as $$
  select
    'BUST', concat_ws(',', s.symbol, b.seq, b.trade_id, coalesce(b.replacement_id::text, ''))
  from ledger.periods as p
  join ops.period_cuts as c
    on c.segment_id = p.segment_id
    and c.period_no = p.period_no
  join matching.busted_trades as b
    on b.segment_id = c.segment_id
    and b.symbol_id = c.symbol_id
    and b.seq <= c.last_seq
    and b.busted_at < p.ends_at
    and (b.busted_at >= p.starts_at or b.seq > c.after_seq)
  join reference.symbols as s
    on s.symbol_id = b.symbol_id
  where p.segment_id = p_segment_id
    and p.period_no = p_period_no
$$;
comment on function ops.pack_busts is 'what was busted in a closed period, a line each';
--! EndIncluded ops/pack_busts.sql
--! Included ops/pack_journals.sql
-- What was posted in a closed period, a line each: the fees by asset and kind, all transfers by
-- kind of journal and asset, and what each account had at the end [LED-032]. Reads only.
create or replace function ops.pack_journals(
  p_segment_id int,
  p_period_no int
) returns table (
  section text,
  line text
)
language plpgsql stable
as $$
declare
  v_period ledger.periods;
begin
  select p.* into strict v_period
  from ledger.periods as p
  where p.segment_id = p_segment_id
    and p.period_no = p_period_no;

  return query
  with lines as (
    select j.kind as journal_kind, t.*
    from ledger.transfers as t
    join ledger.journals as j
      on j.segment_id = t.segment_id
      and j.journal_id = t.journal_id
    where t.segment_id = p_segment_id
      and t.posted_at >= v_period.starts_at
      and t.posted_at < v_period.ends_at
      and j.effective_at is null
      and j.finality_no <= v_period.last_finality_no
    union all
    -- What counts in the period, whenever it was posted.
    select j.kind, t.*
    from ledger.journals as j
    join ledger.transfers as t
      on t.segment_id = j.segment_id
      and t.journal_id = j.journal_id
      and t.posted_at = j.posted_at
    where j.segment_id = p_segment_id
      and j.effective_at >= v_period.starts_at
      and j.effective_at < v_period.ends_at
      and j.finality_no <= v_period.last_finality_no
  ), posted as materialized (
    select
      l.journal_kind, l.kind, s.asset, count(*) as transfers, sum(l.amount) as amount,
      count(*) filter (where reference.house_id() in (l.debit_participant_id,
        l.credit_participant_id)) as fees,
      sum(case reference.house_id()
        when l.credit_participant_id then l.amount
        when l.debit_participant_id then -l.amount
      end) as earned
    from lines as l
    join reference.assets as s
      on s.asset_id = l.asset_id
    group by l.journal_kind, l.kind, s.asset
  )
  select 'FEE', concat_ws(',', o.asset, o.kind, sum(o.fees), trim_scale(sum(o.earned)))
  from posted as o
  where o.fees > 0
  group by o.asset, o.kind
  union all
  select
    'TRANSFER',
    concat_ws(',', o.journal_kind, o.kind, o.asset, o.transfers, trim_scale(o.amount))
  from posted as o
  union all
  select 'BALANCE', concat_ws(',', s.asset, a.client_id, trim_scale(b.posted))
  from ledger.balances_as_of(
    p_segment_id, null, v_period.ends_at - interval '1 microsecond', v_period.closed_at
  ) as b
  join reference.assets as s
    on s.asset_id = b.asset_id
  join reference.participants as a
    on a.participant_id = b.participant_id
  where b.posted <> 0;
end;
$$;
comment on function ops.pack_journals is 'what was posted in a closed period, a line each';
--! EndIncluded ops/pack_journals.sql
--! Included ops/pack_rest.sql
-- The nets of a closed period, what was due by its end and not final, and the breaks that stood
-- open then, a line each [LED-032]. In PL/pgSQL: with the times of the period at hand, only the
-- partitions behind it are read of what is settled. Reads only.
create or replace function ops.pack_rest(
  p_segment_id int,
  p_period_no int
) returns table (
  section text,
  line text
)
language plpgsql stable
as $$
declare
  v_period ledger.periods;
begin
  select p.* into strict v_period
  from ledger.periods as p
  where p.segment_id = p_segment_id
    and p.period_no = p_period_no;

  return query
  select
    'NET',
    concat_ws(',', w.window_id, w.netting_set, a.client_id, coalesce(c.client_id, ''), s.asset,
      trim_scale(n.amount::numeric), trim_scale(n.gross_in::numeric),
      trim_scale(n.gross_out::numeric))
  from clearing.windows as w
  join clearing.nets as n
    on n.segment_id = w.segment_id
    and n.window_id = w.window_id
  join reference.participants as a
    on a.participant_id = n.participant_id
  left join reference.participants as c
    on c.participant_id = n.counterparty_id
  join reference.assets as s
    on s.asset_id = n.asset_id
  where w.segment_id = p_segment_id
    and w.settled_at >= v_period.starts_at
    and w.settled_at < v_period.ends_at
  union all
  select
    'FAIL',
    concat_ws(',', i.instruction_id, s.symbol, b.client_id, l.client_id,
      trim_scale(i.quantity::numeric), trim_scale(i.notional::numeric), i.value_date)
  from settlement.instructions as i
  join ops.period_cuts as k
    on k.segment_id = p_segment_id
    and k.period_no = p_period_no
    and k.symbol_id = i.symbol_id
    and (i.instruction_id < 1000000000000 or i.instruction_id % 1000000000000 <= k.last_seq)
  left join settlement.cancelled_instructions as x
    on x.segment_id = i.segment_id
    and x.instruction_id = i.instruction_id
  join reference.symbols as s
    on s.symbol_id = i.symbol_id
  join reference.participants as b
    on b.participant_id = i.buyer_id
  join reference.participants as l
    on l.participant_id = i.seller_id
  where i.segment_id = p_segment_id
    and i.created_at < v_period.ends_at
    and i.value_date <= (v_period.ends_at - interval '1 microsecond') at time zone 'UTC'
    and (i.settled_at >= v_period.ends_at or i.settled_at is null)
    and (x.cancelled_at >= v_period.ends_at or x.instruction_id is null)
  union all
  select 'BREAK', concat_ws(',', b.break_id, b.kind, b.key, coalesce(b.kept, ''),
    coalesce(b.derived, ''))
  from ops.breaks as b
  where b.segment_id = p_segment_id
    and b.found_at < v_period.ends_at
    and (b.closed_at is null or b.closed_at >= v_period.ends_at);
end;
$$;
comment on function ops.pack_rest is
  'nets of a closed period, its fails and its breaks, a line each';
--! EndIncluded ops/pack_rest.sql
--! Included ops/pack_trades.sql
-- The trades of a closed period, a line each, by id. A trade that was committed only after the
-- period was closed is in the next one, so that each is in exactly one [LED-032]. In PL/pgSQL: with
-- the times of the period at hand, only its partitions are read. Reads only.
create or replace function ops.pack_trades(
  p_segment_id int,
  p_period_no int
) returns table (
  line_no bigint,
  line text
)
language plpgsql stable
as $$
declare
  v_period ledger.periods;
begin
  select p.* into strict v_period
  from ledger.periods as p
  where p.segment_id = p_segment_id
    and p.period_no = p_period_no;

  return query
  select
    t.trade_id,
    concat_ws(',', t.trade_id, s.symbol, (extract(epoch from t.traded_at) * 1000000)::bigint,
      t.taker_side, trim_scale(t.price::numeric), trim_scale(t.quantity::numeric), k.client_id,
      m.client_id, trim_scale(t.taker_fee::numeric), trim_scale(t.maker_fee::numeric))
  from (
    select d.*
    from ops.period_cuts as c
    join matching.trades as d
      on d.segment_id = c.segment_id
      and d.symbol_id = c.symbol_id
      and d.seq <= c.last_seq
    where c.segment_id = p_segment_id
      and c.period_no = p_period_no
      and d.traded_at >= v_period.starts_at
      and d.traded_at < v_period.ends_at
    union all
    -- What was under way when the period before was closed.
    select d.*
    from ops.period_cuts as c
    join matching.trades as d
      on d.segment_id = c.segment_id
      and d.trade_id > c.symbol_id * 1000000000000 + c.after_seq
      and d.trade_id <= c.symbol_id * 1000000000000 + c.last_seq
    where c.segment_id = p_segment_id
      and c.period_no = p_period_no
      and d.traded_at < v_period.starts_at
  ) as t
  join reference.symbols as s
    on s.symbol_id = t.symbol_id
  join reference.participants as k
    on k.participant_id = t.taker_id
  join reference.participants as m
    on m.participant_id = t.maker_id;
end;
$$;
comment on function ops.pack_trades is 'the trades of a closed period, a line each';
--! EndIncluded ops/pack_trades.sql
--! Included ops/day_pack.sql
-- The pack of a closed period: trades, busts, fees, transfers, balances, nets, fails, breaks, a
-- line of values with commas each, in one order. All of it is made from facts that stay, so it is
-- the same whenever it is made [LED-032]. Takes the number of the period. Reads only.
--   \copy (select * from day_pack(7)) to pack.csv csv
-- Raises: NFPER.
create or replace function ops.day_pack(
  p_period_no int,
  p_segment_id int default 1
) returns table (
  section text,
  line_no bigint,
  line text
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select
    from ledger.periods as p
    where p.segment_id = p_segment_id
      and p.period_no = p_period_no
  ) then
    raise exception 'there is no period %', p_period_no
      using errcode = 'NFPER', hint = 'UNKNOWN_PERIOD', column = 'period_no';
  end if;

  return query
  select s.section, row_number() over (partition by s.section order by s.line collate "C"), s.line
  from (
    select j.section, j.line from ops.pack_journals(p_segment_id, p_period_no) as j
    union all
    select r.section, r.line from ops.pack_rest(p_segment_id, p_period_no) as r
    union all
    select b.section, b.line from ops.pack_busts(p_segment_id, p_period_no) as b
  ) as s
  union all
  select 'TRADE', t.line_no, t.line
  from ops.pack_trades(p_segment_id, p_period_no) as t
  order by 1, 2;
end;
$$;
comment on function ops.day_pack is
  'day_pack(period): trades, fees, nets, fails and breaks of a closed period, a line each';
revoke execute on function ops.day_pack from public;
grant execute on function ops.day_pack to pgsettle_operator, pgsettle_auditor;
--! EndIncluded ops/day_pack.sql
--! Included ops/instruct_outside.sql
-- Takes in a settlement instruction of which one leg, DELIVERY or PAYMENT, is made outside; see
-- clearing.instruct_outside. Returns its id.
--   select instruct_outside('BTC-USD', 'client-A', 'client-B', 1.5, 60000, 'DELIVERY');
-- Raises: NFSYM, NFPAR, IVAMT, IVPAR, IVOUT, IVOPR, RJFND.
create or replace function ops.instruct_outside(
  p_symbol text,
  p_seller text,
  p_buyer text,
  p_quantity numeric,
  p_amount numeric,
  p_leg text default 'DELIVERY',
  p_by text default session_user,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns bigint
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return clearing.instruct_outside(
    reference.get_symbol(p_segment_id, p_symbol),
    (reference.get_participant(p_seller)).participant_id,
    (reference.get_participant(p_buyer)).participant_id,
    p_quantity, p_amount, upper(p_leg), p_by, p_now
  );
end;
$$;
comment on function ops.instruct_outside is
  'instruct_outside(symbol, seller, buyer, quantity, amount, leg): that leg is made outside';
revoke execute on function ops.instruct_outside from public;
grant execute on function ops.instruct_outside to pgsettle_operator;
--! EndIncluded ops/instruct_outside.sql
--! Included ops/lots.sql
-- The lots of a participant, first in, first out, closed and open: when they were opened and
-- closed, what they cost, brought and paid in fees, in quote [MAT-097]. The gains of the closed
-- ones add up to what the participant has realised.
--   select symbol, sum(gain), sum(net_gain) from lots('client-A') group by 1;
-- Reads only. Raises: NFPAR.
create or replace function ops.lots(
  p_client_id text,
  p_segment_id int default 1
) returns table (
  symbol text,
  side text,
  quantity numeric,
  opened_at timestamptz,
  closed_at timestamptz,
  bought_trade_id bigint,
  sold_trade_id bigint,
  cost numeric,
  proceeds numeric,
  gain numeric,
  fees numeric,
  net_gain numeric
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_participant_id int := (reference.get_participant(p_client_id)).participant_id;
begin
  return query
  select
    l.symbol, l.side, l.quantity, l.opened_at, l.closed_at, l.bought_trade_id, l.sold_trade_id,
    l.cost, l.proceeds, l.gain, l.fees, l.net_gain
  from unnest(array[false, true]) as o (is_open)
  cross join lateral matching.lot_rows(
    p_segment_id, v_participant_id, null, o.is_open, '-infinity', 'infinity', '', 0, null
  ) as l
  order by l.symbol, l.lot_end;
end;
$$;
comment on function ops.lots is
  'lots(client): what was bought against what was sold, FIFO, with cost, proceeds and fees';
revoke execute on function ops.lots from public;
grant execute on function ops.lots to pgsettle_operator, pgsettle_auditor;
--! EndIncluded ops/lots.sql
--! Included ops/open_replay.sql
-- Opens a place in which the commands of a symbol can be run again: a segment and a symbol of its
-- own, with the same assets and participants, who can owe anything. The caller undoes it. Ids are
-- beyond those that are given, and other ones for each session.
-- Returns the symbol. Writes: reference.segments, reference.symbols, matching.symbol_state,
-- ledger.accounts, reference.fee_schedules, reference.fee_rates.
create or replace function ops.open_replay(
  p_symbol reference.symbols
) returns reference.symbols
language plpgsql volatile
as $$
declare
  c_first_id constant int := 9000000;  -- order ids, of 10^12 times as much, must fit a bigint
  c_ids constant int := 200000;
  v_symbol reference.symbols := p_symbol;
begin
  v_symbol.segment_id := -pg_backend_pid();
  v_symbol.symbol_id := c_first_id + pg_backend_pid() % c_ids;
  v_symbol.symbol := 'REPLAY-' || pg_backend_pid();
  v_symbol.netting_set := null;  -- nothing settles there
  insert into reference.segments (segment_id, name) values (v_symbol.segment_id, v_symbol.symbol);
  insert into reference.symbols overriding system value select (v_symbol).*;
  perform matching.open_symbol(v_symbol.segment_id, v_symbol.symbol_id);

  insert into ledger.accounts (segment_id, participant_id, asset_id, may_be_negative)
  select distinct v_symbol.segment_id, a.participant_id, b.asset_id, true
  from ledger.accounts as a
  cross join unnest(array[p_symbol.base_asset_id, p_symbol.quote_asset_id]) as b (asset_id)
  where a.segment_id = p_symbol.segment_id;
  insert into reference.fee_schedules (
    segment_id, schedule_id, participant_id, symbol_id, group_id, effective_from, set_by, created_at
  )
  select
    v_symbol.segment_id, s.schedule_id, s.participant_id,
    case when s.symbol_id is not null then v_symbol.symbol_id end, s.group_id, s.effective_from,
    s.set_by, s.created_at
  from reference.fee_schedules as s
  where s.segment_id = p_symbol.segment_id
    and coalesce(s.symbol_id, p_symbol.symbol_id) = p_symbol.symbol_id;

  insert into reference.fee_rates (
    segment_id, fee_id, schedule_id, min_volume, maker_rate, taker_rate
  )
  select v_symbol.segment_id, r.fee_id, r.schedule_id, r.min_volume, r.maker_rate, r.taker_rate
  from reference.fee_rates as r
  join reference.fee_schedules as s
    on s.segment_id = v_symbol.segment_id
    and s.schedule_id = r.schedule_id
  where r.segment_id = p_symbol.segment_id;
  return v_symbol;
end;
$$;
comment on function ops.open_replay is
  'opens a place in which the commands of a symbol can be run again';
--! EndIncluded ops/open_replay.sql
--! Included ops/open_sub_account.sql
-- Makes a sub-account; see reference.open_sub_account.
--   select open_sub_account('broker', 'broker:desk', 'OMNIBUS');
-- Raises: NFPAR, IVSUB, STPAR.
create or replace function ops.open_sub_account(
  p_parent text,
  p_client_id text,
  p_custody text default 'SEGREGATED',
  p_name text default null,
  p_now timestamptz default now()
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform reference.open_sub_account(p_parent, p_client_id, p_name, p_custody, p_now);
end;
$$;
comment on function ops.open_sub_account is
  'open_sub_account(parent, client): makes a participant below another';
revoke execute on function ops.open_sub_account from public;
grant execute on function ops.open_sub_account to pgsettle_operator;
--! EndIncluded ops/open_sub_account.sql
--! Included ops/pack_checksum.sql
-- The checksum of the pack of a closed period, made again now [LED-032]: that of v_periods, as long
-- as no fact was changed. It is over the digests of 100,000 lines each, so that no period is too
-- long for it. Takes the number of the period. Reads only. Raises: NFPER.
create or replace function ops.pack_checksum(
  p_period_no int,
  p_segment_id int default 1
) returns text -- sha-256, hex
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    encode(sha256(coalesce(string_agg(c.digest, '' order by c.section, c.chunk_no), '')), 'hex')
  from (
    select
      k.section, k.line_no / 100000 as chunk_no,
      sha256(convert_to(string_agg(k.section || ',' || k.line, E'\n' order by k.line_no), 'UTF8'))
        as digest
    from ops.day_pack(p_period_no, p_segment_id) as k
    group by k.section, k.line_no / 100000
  ) as c
$$;
comment on function ops.pack_checksum is
  'pack_checksum(period): the checksum of its pack, made again; v_periods has what it was';
revoke execute on function ops.pack_checksum from public;
grant execute on function ops.pack_checksum to pgsettle_operator, pgsettle_auditor;
--! EndIncluded ops/pack_checksum.sql
--! Included ops/reject_adjustment.sql
-- Rejects an adjustment that is not posted; see ledger.reject_adjustment.
-- Raises: NFADJ, STADJ, IVOPR, IVRSN.
create or replace function ops.reject_adjustment(
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
  perform ledger.reject_adjustment(p_segment_id, p_id, p_by, p_reason, p_now);
end;
$$;
comment on function ops.reject_adjustment is
  'reject_adjustment(id, reason): it will not be posted';
revoke execute on function ops.reject_adjustment from public;
grant execute on function ops.reject_adjustment to pgsettle_operator;
--! EndIncluded ops/reject_adjustment.sql
--! Included ops/reject_bust.sql
-- Rejects a bust: the trade stands; see matching.reject_bust. Raises: NFBST, IVOPR, IVRSN, STBST.
create or replace function ops.reject_bust(
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
  perform matching.reject_bust(p_segment_id, p_id, p_by, p_reason, p_now);
end;
$$;
comment on function ops.reject_bust is 'reject_bust(id, by, reason): the trade stands';
revoke execute on function ops.reject_bust from public;
grant execute on function ops.reject_bust to pgsettle_operator;
--! EndIncluded ops/reject_bust.sql
--! Included ops/reopen_period.sql
-- Opens a closed period again, and all behind it; see ledger.reopen_period. Returns how many.
--   select reopen_period(7, 'a deposit was booked twice');
-- Raises: IVOPR, IVRSN, NFPER, STPER.
create or replace function ops.reopen_period(
  p_period_no int,
  p_reason text,
  p_by text default session_user,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns int
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return ledger.reopen_period(p_segment_id, p_period_no, p_by, p_reason, p_now);
end;
$$;
comment on function ops.reopen_period is
  'reopen_period(period, reason): opens a closed period and all behind it again';
revoke execute on function ops.reopen_period from public;
grant execute on function ops.reopen_period to pgsettle_operator;
--! EndIncluded ops/reopen_period.sql
--! Included ops/replay_busts.sql
-- Tells the busts of a symbol again, in a place of ops.open_replay, up to an event: those that are
-- next by their numbers. What takes a trade's place is worked out again, and the trade is busted
-- there as well. Takes the symbol and its place.
-- Writes: matching.trade_busts, and see matching.record_bust.
create or replace function ops.replay_busts(
  p_symbol reference.symbols,
  p_place reference.symbols,
  p_to_seq bigint
) returns void
language plpgsql volatile
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
  v_bust matching.trade_busts;
  v_trade matching.trades;
  v_replacement matching.trades;
begin
  for v_bust in
    select b.*
    from matching.trade_busts as b
    where b.segment_id = p_symbol.segment_id
      and b.symbol_id = p_symbol.symbol_id
      and b.status = 'DONE'
      and b.seq <= p_to_seq
      and b.seq > (
        select s.last_seq
        from matching.symbol_state as s
        where s.segment_id = p_place.segment_id
          and s.symbol_id = p_place.symbol_id
      )
    order by b.seq
  loop
    select t.* into v_trade
    from matching.trades as t
    where t.segment_id = p_place.segment_id
      and t.trade_id = p_place.symbol_id * c_ids_per_symbol + v_bust.trade_id % c_ids_per_symbol;
    continue when not found;

    v_replacement := null;
    if v_bust.new_price is not null then
      v_replacement := v_trade;
      select r.price, r.taker_fee, r.maker_fee
      into strict v_replacement.price, v_replacement.taker_fee, v_replacement.maker_fee
      from matching.replacement_of(
        p_symbol, matching.find_trade(p_symbol.segment_id, v_bust.trade_id), v_bust.new_price
      ) as r;
    end if;
    v_replacement :=
      matching.record_bust(v_trade, v_replacement, v_bust.reason, v_bust.decided_at);
    v_bust.segment_id := p_place.segment_id;
    v_bust.symbol_id := p_place.symbol_id;
    v_bust.trade_id := v_trade.trade_id;
    v_bust.replacement_id := v_replacement.trade_id;
    insert into matching.trade_busts select v_bust.*;
  end loop;
end;
$$;
comment on function ops.replay_busts is 'tells the busts of a symbol again, up to an event';
--! EndIncluded ops/replay_busts.sql
--! Included ops/replay_entry.sql
-- Runs an entry of the command log again, in a place of ops.open_replay: a batch, or a price from
-- outside. Takes what the entry before fired, which then are the commands of this one: so that it
-- is tried, too, and not taken from the log.
-- Returns what fired; null when the entry does not begin or end with the number that it should.
-- Writes: all that a batch writes, but the log.
create or replace function ops.replay_entry(
  p_place reference.symbols,
  p_entry matching.command_log,
  p_fired matching.command[]
) returns matching.command[]
language plpgsql volatile
as $$
declare
  v_place reference.symbols;
  v_state matching.symbol_state;
  v_fired matching.command[] := '{}';
begin
  select (jsonb_populate_record(p_place, t.terms
    - '{segment_id,symbol_id,symbol,netting_set}'::text[])).*
  into strict v_place
  from matching.symbol_terms as t
  where t.segment_id = p_entry.segment_id
    and t.symbol_id = p_entry.symbol_id
    and t.terms_hash = p_entry.terms_hash;
  v_state := matching.lock_symbol(p_place.segment_id, p_place.symbol_id);
  if v_state.last_seq + 1 <> p_entry.first_seq then
    return null;
  end if;

  if p_entry.kind = 'BATCH' then
    perform ops.replay_batch(v_place, p_entry, case when p_fired <> '{}' then p_fired
      else ops.replayed_commands(p_entry.commands, v_place.symbol_id) end);
  else
    v_fired := matching.take_price(v_place, v_state, p_entry.source, p_entry.price, p_entry.at);
  end if;

  if p_entry.last_seq <> (
    select s.last_seq
    from matching.symbol_state as s
    where s.segment_id = p_place.segment_id
      and s.symbol_id = p_place.symbol_id
  ) then
    return null;
  end if;
  return v_fired;
end;
$$;
comment on function ops.replay_entry is 'runs an entry of the command log again';
--! EndIncluded ops/replay_entry.sql
--! Included settlement/retry_outside_leg.sql
-- Has an outside leg sent again as soon as nobody is sending it, with all its attempts before it
-- again, under the same external id. Returns when. Takes who says so.
-- Writes: settlement.outside_legs, its events. Locks: the leg. Raises: NFLEG, IVOPR, STLEG (ended).
create or replace function settlement.retry_outside_leg(
  p_segment_id int,
  p_leg_id bigint,
  p_by text,
  p_now timestamptz
) returns timestamptz
language plpgsql volatile
as $$
declare
  v_leg settlement.outside_legs := settlement.lock_outside_leg(p_segment_id, p_leg_id);
begin
  perform ledger.refuse_operator(p_by);
  if v_leg.ended_at is not null then
    raise exception 'outside leg % is % already', p_leg_id, v_leg.status
      using errcode = 'STLEG', hint = 'ALREADY_ENDED';
  end if;

  update settlement.outside_legs as l
  set status = case l.status when 'FAILED' then 'SENT' else l.status end,
    attempts = 0,
    next_attempt_at = greatest(p_now, l.leased_until)
  where l.segment_id = p_segment_id
    and l.leg_id = p_leg_id
  returning l.* into strict v_leg;
  perform settlement.note_outside_leg(v_leg, 'RETRIED', p_by, null, p_now);
  return v_leg.next_attempt_at;
end;
$$;
comment on function settlement.retry_outside_leg is 'has an outside leg sent again, now';
--! EndIncluded settlement/retry_outside_leg.sql
--! Included ops/retry_outside_leg.sql
-- Has an outside leg sent again; see settlement.retry_outside_leg. Returns when.
-- Raises: NFLEG, IVOPR, STLEG.
create or replace function ops.retry_outside_leg(
  p_id bigint,
  p_by text,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns timestamptz
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return settlement.retry_outside_leg(p_segment_id, p_id, p_by, p_now);
end;
$$;
comment on function ops.retry_outside_leg is
  'retry_outside_leg(id, by): sends it again, under the same external id';
revoke execute on function ops.retry_outside_leg from public;
grant execute on function ops.retry_outside_leg to pgsettle_operator;
--! EndIncluded ops/retry_outside_leg.sql
--! Included ops/seal_periods.sql
-- Seals what is closed and not sealed yet: keeps what each account had at the end, where sums begin
-- from then on, and the checksum of the pack [LED-032]. The maintenance worker calls it every
-- 20 seconds. Returns how many it sealed.
-- Locks: the rows of those periods. Writes: ledger.periods, ledger.period_balances.
create or replace function ops.seal_periods(
  p_segment_id int,
  p_now timestamptz
) returns int
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_period ledger.periods;
  v_count int := 0;
begin
  for v_period in
    select p.*
    from ledger.periods as p
    where p.segment_id = p_segment_id
      and p.sealed_at is null
      and p.reopened_at is null
    order by p.period_no
    for no key update of p
  loop
    insert into ledger.period_balances (segment_id, period_no, participant_id, asset_id, posted)
    select p_segment_id, v_period.period_no, b.participant_id, b.asset_id, b.posted
    from ledger.posted_before(p_segment_id, null, v_period.ends_at) as b;

    update ledger.periods as p
    set sealed_at = p_now,
      checksum = decode(ops.pack_checksum(v_period.period_no, p_segment_id), 'hex')
    where p.segment_id = p_segment_id
      and p.period_no = v_period.period_no;
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;
comment on function ops.seal_periods is
  'seal_periods(segment, now): keeps balances and checksums of what is closed';
revoke execute on function ops.seal_periods from public;
grant execute on function ops.seal_periods to pgsettle_worker;
--! EndIncluded ops/seal_periods.sql
--! Included ops/set_fee_tiers.sql
-- Sets fees by tiers, as set_fees sets one: a row a tier, of the volume of 30 days at the symbol
-- from which on it holds, in quote, the maker's rate, the taker's rate; the first from 0 on
-- [LED-042]. Without rates, '{}', it takes back what was set for the same participant and symbols.
-- Returns the schedule. Locks: the symbols. Raises: NFSYM, NFGRP, NFPAR, IVFEE.
create or replace function ops.set_fee_tiers(
  p_tiers numeric[],
  p_symbol text default null,
  p_client_id text default null,
  p_group text default null,
  p_from timestamptz default null,
  p_reason text default null,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns setof reference.fee_schedules
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return next matching.set_fees(
    p_segment_id, p_client_id, p_symbol, p_group, p_tiers, p_from, p_now, session_user::text,
    p_reason
  );
end;
$$;
comment on function ops.set_fee_tiers is
  'set_fee_tiers(''{{0, 0.001, 0.002}, {100000, 0, 0.001}}'', symbol, client_id): {} takes back';
revoke execute on function ops.set_fee_tiers from public;
grant execute on function ops.set_fee_tiers to pgsettle_operator;
--! EndIncluded ops/set_fee_tiers.sql
--! Included ops/set_fees.sql
-- Sets a maker's and a taker's rate from a time on, of the notional, a rebate below 0: for
-- everybody or one participant, at all symbols, one symbol or a group. The most specific schedule
-- counts [LED-040]; this one takes the place of the one for the same participant and symbols.
-- Returns the schedule. Locks: the symbols. Raises: NFSYM, NFGRP, NFPAR, IVFEE.
create or replace function ops.set_fees(
  p_maker_rate numeric,
  p_taker_rate numeric,
  p_symbol text default null,
  p_client_id text default null,
  p_group text default null,
  p_from timestamptz default null,
  p_reason text default null,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns setof reference.fee_schedules
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return next matching.set_fees(
    p_segment_id, p_client_id, p_symbol, p_group, array[array[0, p_maker_rate, p_taker_rate]],
    p_from, p_now, session_user::text, p_reason
  );
end;
$$;
comment on function ops.set_fees is
  'set_fees(maker_rate, taker_rate, symbol, client_id, group, from): null: all; the closest counts';
revoke execute on function ops.set_fees from public;
grant execute on function ops.set_fees to pgsettle_operator;
--! EndIncluded ops/set_fees.sql
--! Included settlement/set_outside_asset.sql
-- Says that withdrawals of an asset leave through an adapter [SET-040], and when what was taken
-- without an answer is sent again. No adapter: they are posted as they are approved. What is on its
-- way goes on as it began. Writes: settlement.outside_assets. Raises: IVOUT.
create or replace function settlement.set_outside_asset(
  p_segment_id int,
  p_asset_id int,
  p_adapter text,
  p_answer_within interval
) returns void
language plpgsql volatile
as $$
begin
  if p_adapter is null then
    delete from settlement.outside_assets as o
    where o.segment_id = p_segment_id
      and o.asset_id = p_asset_id;
    return;
  end if;

  if (p_adapter ~ '^[a-z][a-z0-9_]{0,31}$') is not true then
    raise exception 'an adapter is 1 to 32 lower case letters, digits or _, not %', p_adapter
      using errcode = 'IVOUT', hint = 'BAD_ADAPTER', column = 'adapter';
  elsif (p_answer_within between '1 second' and '30 days') is not true then
    raise exception 'an answer comes within 1 second to 30 days, not %', p_answer_within
      using errcode = 'IVOUT', hint = 'BAD_TIME_OUT', column = 'answer_within';
  end if;
  insert into settlement.outside_assets (segment_id, asset_id, adapter, answer_within)
  values (p_segment_id, p_asset_id, p_adapter, p_answer_within)
  on conflict (segment_id, asset_id) do update
  set adapter = excluded.adapter,
    answer_within = excluded.answer_within;
end;
$$;
comment on function settlement.set_outside_asset is
  'says that withdrawals of an asset leave through an adapter';
--! EndIncluded settlement/set_outside_asset.sql
--! Included ops/set_outside_asset.sql
-- Says that withdrawals of an asset leave through an adapter; see settlement.set_outside_asset.
-- Null for the adapter: they are posted as they are approved.
--   select set_outside_asset('USD', 'webhook', '30 minutes');
-- Raises: NFAST, IVOUT.
create or replace function ops.set_outside_asset(
  p_asset text,
  p_adapter text default 'webhook',
  p_answer_within interval default '1 hour',
  p_segment_id int default 1
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform settlement.set_outside_asset(
    p_segment_id, (reference.get_asset(p_asset)).asset_id, p_adapter, p_answer_within
  );
end;
$$;
comment on function ops.set_outside_asset is
  'set_outside_asset(asset, adapter): its withdrawals leave through it; null: they do not';
revoke execute on function ops.set_outside_asset from public;
grant execute on function ops.set_outside_asset to pgsettle_operator;
--! EndIncluded ops/set_outside_asset.sql
--! Included ops/set_symbol_group.sql
-- Puts a symbol into a group, null for none. Writes: reference.symbols. Raises: NFSYM, NFGRP, IVFEE
-- when the rebates of the group's fees are more than is paid at the symbol [LED-045].
create or replace function ops.set_symbol_group(
  p_symbol text,
  p_symbol_group text,
  p_segment_id int default 1
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update reference.symbols as s
  set group_id = case when p_symbol_group is not null
    then (reference.get_symbol_group(p_symbol_group)).group_id end
  where s.symbol_id = (reference.get_symbol(p_segment_id, p_symbol)).symbol_id;
  perform reference.check_rebates(p_segment_id, now());
end;
$$;
comment on function ops.set_symbol_group is
  'set_symbol_group(symbol, group): whose breaker stops it';
revoke execute on function ops.set_symbol_group from public;
grant execute on function ops.set_symbol_group to pgsettle_operator;
--! EndIncluded ops/set_symbol_group.sql
--! Included ops/show_fees.sql
-- What a participant is charged now at each symbol, its volume and the next tier; see
-- matching.fees_of. Raises: NFPAR.
create or replace function ops.show_fees(
  p_client_id text,
  p_segment_id int default 1,
  p_at timestamptz default now()
) returns table (
  symbol text,
  maker_rate numeric,
  taker_rate numeric,
  fee_id bigint,
  volume_30d numeric,
  next_volume numeric
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select f.*
  from matching.fees_of(
    p_segment_id, (reference.get_participant(p_client_id)).participant_id, p_at
  ) as f;
end;
$$;
comment on function ops.show_fees is
  'show_fees(client_id): what it is charged at each symbol, its volume of 30 days, the next tier';
revoke execute on function ops.show_fees from public;
grant execute on function ops.show_fees to pgsettle_operator, pgsettle_auditor;
--! EndIncluded ops/show_fees.sql
--! Included ops/statement.sql
-- The account statement of a participant: for each asset what it had before p_from, each transfer
-- of whatever kind, and what it had before p_to: OPENING and all lines add up to CLOSING [LED-033].
--   \copy (select * from statement('client-A', '2026-03-01', '2026-04-01')) to a.csv csv header
-- Takes the begin and the end, which is not in it, by the time of posting. Reads only.
-- Raises: NFPAR, IVPER.
create or replace function ops.statement(
  p_client_id text,
  p_from timestamptz default '-infinity',
  p_to timestamptz default 'infinity',
  p_segment_id int default 1
) returns table (
  asset text,
  line text,
  finality_no bigint,
  transfer_id text,
  posted_at timestamptz,
  effective_at timestamptz,
  counterparty text,
  settlement_id bigint,
  amount numeric
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_participant_id int := (reference.get_participant(p_client_id)).participant_id;
begin
  return query
  with sums as materialized (
    select s.* from ledger.statement_sums(p_segment_id, v_participant_id, null, p_from, p_to) as s
  )
  select
    a.asset, u.line, u.finality_no, u.transfer_id, u.posted_at, u.effective_at, p.client_id,
    u.instruction_id, trim_scale(u.amount)
  from (
    select s.asset_id, 1 as place, 'OPENING' as line, null::bigint as finality_no,
      null::int as line_no, null as transfer_id, null::timestamptz as posted_at,
      null::timestamptz as effective_at, null::int as counterparty_id,
      null::bigint as instruction_id, s.opening as amount
    from sums as s
    union all
    select l.asset_id, 2, l.kind::text, l.finality_no, l.line_no, l.journal_id || '-' || l.line_no,
      l.posted_at, l.effective_at, l.counterparty_id, l.instruction_id, l.amount
    from ledger.statement_lines(
      p_segment_id, v_participant_id, null, p_from, p_to,
      (select max(s.last_finality_no) from sums as s), 0, 0, null
    ) as l
    union all
    select s.asset_id, 3, 'CLOSING', null, null, null, null, null, null, null, s.closing
    from sums as s
  ) as u
  join reference.assets as a
    on a.asset_id = u.asset_id
  left join reference.participants as p
    on p.participant_id = u.counterparty_id
  order by a.asset, u.place, u.finality_no, u.line_no;
end;
$$;
comment on function ops.statement is
  'statement(client, from, to): opening, all transfers and closing of each asset';
revoke execute on function ops.statement from public;
grant execute on function ops.statement to pgsettle_operator, pgsettle_auditor;
--! EndIncluded ops/statement.sql
--! Included ops/trial_balance.sql
-- What every account has at a time, as far as it was known at another [LED-031]; and a row without
-- a client for each asset, whose debit and credit are equal.
--   select * from trial_balance('2026-03-03');
-- Takes the times (now, and as known now). Debit is what an account lacks: the world outside owes
-- what came in. Reads only.
create or replace function ops.trial_balance(
  p_at timestamptz default now(),
  p_known_at timestamptz default now(),
  p_segment_id int default 1
) returns table (
  asset text,
  client_id text,
  debit numeric,
  credit numeric,
  balance numeric
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    s.asset, p.client_id, trim_scale(sum(greatest(-b.posted, 0))),
    trim_scale(sum(greatest(b.posted, 0))), trim_scale(sum(b.posted))
  from ledger.balances_as_of(p_segment_id, null, p_at, p_known_at) as b
  join reference.assets as s
    on s.asset_id = b.asset_id
  join reference.participants as p
    on p.participant_id = b.participant_id
  group by grouping sets ((s.asset, p.client_id), (s.asset))
  order by s.asset, p.client_id nulls last
$$;
comment on function ops.trial_balance is
  'trial_balance(at): what every account had; debit and credit of each asset are equal';
revoke execute on function ops.trial_balance from public;
grant execute on function ops.trial_balance to pgsettle_operator, pgsettle_auditor;
--! EndIncluded ops/trial_balance.sql
--! Included ops/v_adjustments.sql
-- Corrections of the books, those to be decided about first: who asked, which two approved.
create or replace view ops.v_adjustments as
select
  a.adjustment_id,
  f.client_id as from_client,
  t.client_id as to_client,
  s.asset,
  trim_scale(a.amount::numeric) as amount,
  a.effective_at,
  a.reason,
  a.status,
  a.requested_by,
  a.created_at,
  a.approved_by,
  a.decided_by,
  a.decided_at,
  a.reject_reason,
  j.finality_no
from ledger.adjustments as a
join reference.participants as f
  on f.participant_id = a.from_id
join reference.participants as t
  on t.participant_id = a.to_id
join reference.assets as s
  on s.asset_id = a.asset_id
left join ledger.journals as j
  on j.segment_id = a.segment_id
  and j.journal_id = a.journal_id
order by a.status <> 'PENDING', a.adjustment_id desc;
comment on view ops.v_adjustments is 'corrections of the books, and who asked and approved';
--! EndIncluded ops/v_adjustments.sql
--! Included ops/v_breaks.sql
-- Where trades, obligations and journals do not agree, and since when; those that are there no more
-- follow, with the time.
create or replace view ops.v_breaks as
select
  b.break_id,
  b.kind,
  s.symbol,
  b.key,
  b.kept,
  b.derived,
  b.found_at,
  b.closed_at
from ops.breaks as b
left join reference.symbols as s
  on s.symbol_id = b.part_id
order by b.closed_at desc nulls first, b.break_id;
comment on view ops.v_breaks is
  'where trades, obligations and journals do not agree, since when and until when';
--! EndIncluded ops/v_breaks.sql
--! Included ops/v_busts.sql
-- Busts and corrections of trades, those to be decided about first: who asked, who decided, the
-- trade that took its place, and what came of the reversal of what was final.
create or replace view ops.v_busts as
select
  b.bust_id,
  s.symbol,
  b.trade_id,
  t.price,
  b.new_price,
  t.quantity,
  b.reason,
  b.status,
  b.requested_by,
  b.created_at,
  b.decided_by,
  b.decided_at,
  b.reject_reason,
  b.seq,
  b.replacement_id,
  r.reversal_id,
  i.status as reversal_status,
  i.reason as reversal_reason
from matching.trade_busts as b
join reference.symbols as s
  on s.symbol_id = b.symbol_id
join matching.trades as t
  on t.segment_id = b.segment_id
  and t.trade_id = b.trade_id
left join settlement.reversals as r
  on r.segment_id = b.segment_id
  and r.instruction_id = b.trade_id
left join settlement.instructions as i
  on i.segment_id = r.segment_id
  and i.instruction_id = r.reversal_id
order by b.status, b.bust_id;
comment on view ops.v_busts is 'busts and corrections of trades, those to be decided about first';
--! EndIncluded ops/v_busts.sql
--! Included ops/v_fee_schedules.sql
-- All fees that were set, a row a tier, and from when to when each is in force; null for whom or
-- where: for all. Where none is in force a symbol's own rates are charged.
create or replace view ops.v_fee_schedules as
select
  f.schedule_id,
  p.client_id,
  s.symbol,
  g.symbol_group,
  r.fee_id,
  trim_scale(r.min_volume) as min_volume,
  trim_scale(r.maker_rate::numeric) as maker_rate,
  trim_scale(r.taker_rate::numeric) as taker_rate,
  f.effective_from,
  f.effective_until,
  f.set_by,
  f.reason,
  f.segment_id
from (
  select
    u.*, lead(u.effective_from) over (
      partition by u.segment_id, u.participant_id, u.symbol_id, u.group_id
      order by u.effective_from, u.schedule_id
    ) as effective_until
  from reference.fee_schedules as u
) as f
left join reference.participants as p
  on p.participant_id = f.participant_id
left join reference.symbols as s
  on s.symbol_id = f.symbol_id
left join reference.symbol_groups as g
  on g.group_id = f.group_id
left join reference.fee_rates as r
  on r.segment_id = f.segment_id
  and r.schedule_id = f.schedule_id
order by f.schedule_id, r.min_volume;
comment on view ops.v_fee_schedules is 'all fees that were set, and from when to when in force';
--! EndIncluded ops/v_fee_schedules.sql
--! Included settlement/outside_moves.sql
-- What each outside leg moves: an asset, how much of it, from whom, to whom.
create or replace view settlement.outside_moves as
select
  l.segment_id, l.leg_id, w.asset_id, w.amount::numeric as amount, w.participant_id as from_id,
  reference.external_id() as to_id
from settlement.outside_legs as l
join ledger.withdrawals as w
  on w.segment_id = l.segment_id
  and w.withdrawal_id = l.withdrawal_id
union all
select l.segment_id, l.leg_id, i.base_asset_id, i.quantity::numeric, i.seller_id, i.buyer_id
from settlement.outside_legs as l
join settlement.instructions as i
  on i.segment_id = l.segment_id
  and i.instruction_id = l.instruction_id
where l.kind = 'DELIVERY'
union all
select l.segment_id, l.leg_id, i.quote_asset_id, i.notional::numeric, i.buyer_id, i.seller_id
from settlement.outside_legs as l
join settlement.instructions as i
  on i.segment_id = l.segment_id
  and i.instruction_id = l.instruction_id
where l.kind = 'PAYMENT';
comment on view settlement.outside_moves is 'what each outside leg moves, from whom to whom';
--! EndIncluded settlement/outside_moves.sql
--! Included ops/v_outside_legs.sql
-- What leaves the database, what a person must decide about first.
create or replace view ops.v_outside_legs as
select
  l.leg_id,
  l.status,
  l.kind,
  f.client_id as from_client_id,
  g.client_id as to_client_id,
  a.asset,
  m.amount,
  l.withdrawal_id,
  l.instruction_id,
  l.adapter,
  l.external_id,
  l.attempts,
  l.next_attempt_at,
  l.worker,
  l.leased_until,
  l.token,
  l.reason,
  l.reference,
  l.requested_by,
  l.created_at,
  l.ended_by,
  l.ended_at,
  l.disputed_at
from settlement.outside_legs as l
join settlement.outside_moves as m
  on m.segment_id = l.segment_id
  and m.leg_id = l.leg_id
join reference.participants as f
  on f.participant_id = m.from_id
join reference.participants as g
  on g.participant_id = m.to_id
join reference.assets as a
  on a.asset_id = m.asset_id
order by l.status <> 'FAILED' and l.disputed_at is null, l.ended_at is not null, l.leg_id;
comment on view ops.v_outside_legs is
  'what leaves the database: what a person must decide about first, then what is on its way';
--! EndIncluded ops/v_outside_legs.sql
--! Included ops/v_periods.sql
-- Closed periods, newest first, with the checksum that their packs had when they were sealed, and
-- who opened which of them again and why.
create or replace view ops.v_periods as
select
  p.period_no,
  p.starts_at,
  p.ends_at,
  p.closed_at,
  p.closed_by,
  p.last_finality_no,
  p.sealed_at,
  encode(p.checksum, 'hex') as checksum,
  p.reopened_at,
  p.reopened_by,
  p.reopen_reason
from ledger.periods as p
order by p.period_no desc;
comment on view ops.v_periods is 'closed periods, their checksums, and who opened them again';
--! EndIncluded ops/v_periods.sql
--! Included ops/v_trade_fees.sql
-- What each side of each trade was charged: at which rate, by which row of v_fee_schedules (null:
-- the symbol's own), exactly and as rounded over the fills of its order.
create or replace view ops.v_trade_fees as
select
  t.segment_id,
  t.trade_id,
  t.traded_at,
  s.symbol,
  p.client_id,
  l.liquidity,
  l.order_id,
  trim_scale(t.price * t.quantity) as notional,
  trim_scale(l.rate) as rate,
  l.fee_id,
  trim_scale(t.price * t.quantity * l.rate) as exact_fee,
  trim_scale(l.fee) as fee
from matching.trades as t
join reference.symbols as s
  on s.symbol_id = t.symbol_id
cross join lateral (
  values
    ('MAKER', t.maker_order_id, t.maker_id, coalesce(t.maker_rate, s.maker_rate::numeric),
      t.maker_fee_id, t.maker_fee::numeric),
    ('TAKER', t.taker_order_id, t.taker_id, coalesce(t.taker_rate, s.taker_rate::numeric),
      t.taker_fee_id, t.taker_fee::numeric)
) as l (liquidity, order_id, participant_id, rate, fee_id, fee)
join reference.participants as p
  on p.participant_id = l.participant_id;
comment on view ops.v_trade_fees is 'what each side of each trade was charged, and by which rate';
--! EndIncluded ops/v_trade_fees.sql
--! Included ops/v_trade_volume_24h.sql
-- What traded in the last 24 hours, by symbol, without what is busted [BST-004]: every symbol has a
-- row.
create or replace view ops.v_trade_volume_24h as
select
  s.symbol,
  count(t.trade_id) as trades,
  coalesce(sum(t.quantity), 0) as volume,
  coalesce(sum(t.price * t.quantity), 0) as quote_volume,
  min(t.price::numeric) as low,
  max(t.price::numeric) as high,
  sum(t.price * t.quantity) / nullif(sum(t.quantity), 0) as vwap
from reference.symbols as s
left join matching.standing_trades as t
  on t.segment_id = s.segment_id
  and t.symbol_id = s.symbol_id
  and t.traded_at > now() - interval '24 hours'
group by s.symbol_id, s.symbol
order by s.symbol_id;
comment on view ops.v_trade_volume_24h is 'what traded in the last 24 hours, by symbol';
--! EndIncluded ops/v_trade_volume_24h.sql
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
  j.finality_no,
  w.approved_by,
  w.approved_at
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
--! Included ops/verify_replay.sql
-- Runs the recorded commands of a symbol again, in a place of their own, and compares all events,
-- trades, orders and the market that comes of them with what is kept, from an event on: no rows is
-- good. Returns the first difference, by the number of its event [MAT-091]. A batch that cannot be
-- run again, because it breaks an invariant now, is a difference, too.
-- It needs the log from the first event on; participants are in the trade groups that they are in
-- now. Nothing is left of it but dead rows: all is undone before it returns. It holds no lock that
-- others want, but is one long transaction: run it when the market is quiet, or on a copy.
-- Raises: NFSYM.
create or replace function ops.verify_replay(
  p_symbol text,
  p_from_seq bigint default 1,
  p_segment_id int default 1
) returns table (
  seq bigint,
  what text,
  kept jsonb,
  replayed jsonb
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_symbol reference.symbols := reference.get_symbol(p_segment_id, p_symbol);
  v_place reference.symbols;
  v_entry matching.command_log;
  v_fired matching.command[] := '{}';
  v_last_seq bigint;
  v_last_no bigint;
  v_digest text;
begin
  -- One statement, so that the digest is of this very moment.
  select s.last_seq, matching.book_digest(v_symbol), (
    select max(l.log_no)
    from matching.command_log as l
    where l.segment_id = s.segment_id
      and l.symbol_id = s.symbol_id
  )
  into strict v_last_seq, v_digest, v_last_no
  from matching.symbol_state as s
  where s.segment_id = v_symbol.segment_id
    and s.symbol_id = v_symbol.symbol_id;

  begin
    v_place := ops.open_replay(v_symbol);
    for v_entry in
      select l.*
      from matching.command_log as l
      where l.segment_id = v_symbol.segment_id
        and l.symbol_id = v_symbol.symbol_id
        and l.log_no <= v_last_no
      order by l.log_no
    loop
      perform ops.replay_busts(v_symbol, v_place, v_entry.first_seq - 1);
      v_fired := ops.replay_entry(v_place, v_entry, v_fired);
      exit when v_fired is null;
    end loop;
    perform ops.replay_busts(v_symbol, v_place, v_last_seq);
    select d.seq, d.what, d.kept, d.replayed
    into seq, what, kept, replayed
    from ops.compare_replay(v_symbol, v_place, p_from_seq, v_last_seq, v_digest) as d;
    raise exception 'tried' using errcode = 'RJTRY';
  exception
    when sqlstate 'RJTRY' then
      null;
    when sqlstate 'NVBAT' then
      seq := v_entry.first_seq;
      what := 'batch';
      replayed := to_jsonb(sqlerrm);
  end;

  if seq is not null then
    return next;
  end if;
end;
$$;
comment on function ops.verify_replay is
  'verify_replay(symbol): runs the recorded commands again; the first difference, no rows is good';
revoke execute on function ops.verify_replay from public;
grant execute on function ops.verify_replay to pgsettle_operator, pgsettle_auditor;
--! EndIncluded ops/verify_replay.sql
--! Included ops/void_outside_leg.sql
-- Voids an outside leg on a person's word; see settlement.decide_outside_leg.
-- Raises: NFLEG, IVOPR, IVRSN, RJSLF, STLEG.
create or replace function ops.void_outside_leg(
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
  perform settlement.decide_outside_leg(p_segment_id, p_id, 'VOIDED', p_by, p_reason, p_now);
end;
$$;
comment on function ops.void_outside_leg is
  'void_outside_leg(id, by, reason): it has not left: gives back what was held';
revoke execute on function ops.void_outside_leg from public;
grant execute on function ops.void_outside_leg to pgsettle_operator;
--! EndIncluded ops/void_outside_leg.sql
--! Included settlement/refuse_outside.sql
-- Refuses an instruction whose leg is on its way outside: nothing but the end of that ends it
-- [SET-040]. It has one from its own transaction on, or never. Reads only. Raises: STLEG.
create or replace function settlement.refuse_outside(
  p_segment_id int,
  p_instruction_id bigint
) returns void
language plpgsql stable
as $$
begin
  if exists (
    select
    from settlement.outside_legs as l
    where l.segment_id = p_segment_id
      and l.instruction_id = p_instruction_id
      and l.ended_at is null
  ) then
    raise exception 'instruction % waits for its outside leg', p_instruction_id
      using errcode = 'STLEG', hint = 'HAS_OUTSIDE_LEG';
  end if;
end;
$$;
comment on function settlement.refuse_outside is
  'refuses an instruction whose leg is on its way outside';
--! EndIncluded settlement/refuse_outside.sql
--! Included settlement/find_waiting.sql
-- An instruction that is not final, locked, out of the line, and of its window, so that conditions
-- can be set on it.
-- Whoever settles it ends first. Returns its row.
-- Locks: its row. Writes: settlement.pending_instructions, waiting_instructions.
-- Raises: NFINS when there is none, STINS when it is settled or cancelled, STLEG when it waits for
-- its outside leg.
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
  perform settlement.refuse_outside(p_segment_id, p_instruction_id);
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
-- Raises: NFINS, STINS; STTRD for a trade of the venue, which is locked in, or its reversal.
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
  c_first_trade_id constant bigint := 1000000000000;
  v_instruction settlement.waiting_instructions :=
    settlement.find_waiting(p_segment_id, p_instruction_id, p_now);
begin
  if v_instruction.is_prefunded or p_instruction_id > c_first_trade_id or exists (
    select
    from settlement.reversals as r
    where r.segment_id = p_segment_id
      and r.reversal_id = p_instruction_id
  ) then
    raise exception 'instruction % is of a trade of the venue: it is locked in', p_instruction_id
      using errcode = 'STTRD', hint = 'LOCKED_IN';
  end if;

  perform settlement.remove_instruction(v_instruction, p_reason, p_by, p_now);
end;
$$;
comment on function settlement.cancel_instruction is
  'cancels what is left of an instruction that no trade of the venue made';
--! EndIncluded settlement/cancel_instruction.sql
--! Included settlement/fail_outside_leg.sql
-- Puts an outside leg aside: it stays held and is not sent again until a person decides [SET-043].
-- Takes its row, which the caller has locked, who gives it up and why.
-- Writes: settlement.outside_legs, its events.
create or replace function settlement.fail_outside_leg(
  p_leg settlement.outside_legs,
  p_by text,
  p_reason text,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
begin
  update settlement.outside_legs as l
  set status = 'FAILED',
    reason = left(p_reason, 500),
    worker = null,
    leased_until = null,
    next_attempt_at = null
  where l.segment_id = p_leg.segment_id
    and l.leg_id = p_leg.leg_id;
  perform settlement.note_outside_leg(p_leg, 'FAILED', p_by, left(p_reason, 500), p_now);
end;
$$;
comment on function settlement.fail_outside_leg is
  'puts an outside leg aside until a person decides; it stays held';
--! EndIncluded settlement/fail_outside_leg.sql
--! Included settlement/claim_outside_legs.sql
-- Claims up to p_limit outside legs that are due, for a worker that has these adapters: each is its
-- own until the lease ends, by a token that no claim before had [SET-042]. Once this is committed
-- they count as sent, so that nobody takes for unsent what has left [SET-041]. Returns what there
-- is to send: amount in the asset. One that was claimed as often as it may be becomes FAILED
-- [SET-043]. Locks: the legs, SKIP LOCKED. Writes: settlement.outside_legs, its events.
create or replace function settlement.claim_outside_legs(
  p_segment_id int,
  p_adapters text[],
  p_worker text,
  p_lease interval,
  p_limit int,
  p_now timestamptz
) returns table (
  leg_id bigint,
  token bigint,
  attempt int,
  adapter text,
  external_id uuid,
  kind text,
  withdrawal_id bigint,
  settlement_id bigint,
  from_client_id text,
  to_client_id text,
  asset text,
  amount numeric
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_max_attempts constant int := 20;
  v_leg settlement.outside_legs;
begin
  for v_leg in
    select l.*
    from settlement.outside_legs as l
    where l.segment_id = p_segment_id
      and l.next_attempt_at <= p_now
      and l.adapter = any (p_adapters)
    order by l.next_attempt_at, l.leg_id
    limit p_limit
    for no key update of l skip locked
  loop
    if v_leg.attempts >= c_max_attempts then
      perform settlement.fail_outside_leg(v_leg, p_worker, 'no answer to the last attempt', p_now);
      continue;
    end if;

    update settlement.outside_legs as l
    set status = 'SENT',
      attempts = l.attempts + 1,
      token = l.token + 1,
      worker = p_worker,
      leased_until = p_now + p_lease,
      next_attempt_at = p_now + p_lease
    where l.segment_id = p_segment_id
      and l.leg_id = v_leg.leg_id
    returning l.* into strict v_leg;
    perform settlement.note_outside_leg(v_leg, 'SENT', p_worker, null, p_now);

    return query
    select
      v_leg.leg_id, v_leg.token, v_leg.attempts, v_leg.adapter, v_leg.external_id, v_leg.kind,
      v_leg.withdrawal_id, v_leg.instruction_id, f.client_id, g.client_id, a.asset,
      trim_scale(m.amount)
    from settlement.outside_moves as m
    join reference.participants as f
      on f.participant_id = m.from_id
    join reference.participants as g
      on g.participant_id = m.to_id
    join reference.assets as a
      on a.asset_id = m.asset_id
    where m.segment_id = p_segment_id
      and m.leg_id = v_leg.leg_id;
  end loop;
end;
$$;
comment on function settlement.claim_outside_legs is
  'claims outside legs that are due, for a worker to send until its lease ends';
revoke execute on function settlement.claim_outside_legs from public;
grant execute on function settlement.claim_outside_legs to pgsettle_worker;
--! EndIncluded settlement/claim_outside_legs.sql
--! Included settlement/hold_list.sql
-- The sides that hold an instruction, as a JSON list of {side, released}: how much of the whole
-- quantity, in base, that side lets settle [SET-011]; 0 is none of it. A side that lets all settle
-- is not listed, and what is final has no holds. Reads only.
create or replace function settlement.hold_list(
  p_segment_id int,
  p_instruction_id bigint
) returns json
language sql stable
as $$
  select coalesce(json_agg(json_build_object(
    'side', h.side, 'released', trim_scale(h.released)::text
  ) order by h.side), '[]')
  from settlement.waiting_instructions as i
  cross join lateral (
    values ('BUYER', i.buyer_released), ('SELLER', i.seller_released)
  ) as h (side, released)
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id
    and h.released < i.quantity
$$;
comment on function settlement.hold_list is 'the sides that hold an instruction, as JSON';
--! EndIncluded settlement/hold_list.sql
--! Included settlement/link_list.sql
-- The links of an instruction, as a JSON list of {link, settlement_id}, by id: AFTER the other it
-- settles, or WITH it [SET-008]. A link stays when both have settled. Reads only.
create or replace function settlement.link_list(
  p_segment_id int,
  p_instruction_id bigint
) returns json
language sql stable
as $$
  select coalesce(json_agg(json_build_object(
    'link', l.link, 'settlement_id', l.other_id::text
  ) order by l.other_id), '[]')
  from settlement.links as l
  where l.segment_id = p_segment_id
    and l.instruction_id = p_instruction_id
$$;
comment on function settlement.link_list is 'the links of an instruction, as JSON';
--! EndIncluded settlement/link_list.sql
--! Included settlement/instruction_rows.sql
-- Instructions as the outside sees them, by id: who gives whom what, how much of the quantity is
-- final, the window that took it up, what each waits for. `holds` are the sides that let only so
-- much of the quantity settle [SET-011], `links` the others it settles after or together with
-- [SET-008]. The trade of a reversal is the one that it reverses. next_attempt_at is null where no
-- time is set: what waits for something to happen, and what failed.
-- Reads only.
create or replace function settlement.instruction_rows(
  p_segment_id int,
  p_instruction_ids bigint[]
) returns setof settlement.instruction_row
language sql stable
as $$
  select
    i.instruction_id,
    case when i.instruction_id > 1000000000000 then i.instruction_id else r.instruction_id end,
    s.symbol, i.status, i.reason, i.problem, i.attempts,
    nullif(i.next_attempt_at, 'infinity'), i.value_date, i.created_at, i.settled_at, i.journal_id,
    j.finality_no,
    (
      select json_agg(json_build_object(
        'kind', l.kind, 'asset', l.asset,
        'from', case when l.amount < 0 then l.to_id else l.from_id end,
        'to', case when l.amount < 0 then l.from_id else l.to_id end,
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
    ),
    case i.status when 'SETTLED' then trim_scale(i.quantity::numeric) else (
      select coalesce(trim_scale(sum(p.quantity::numeric)), 0)
      from settlement.parts as p
      where p.segment_id = p_segment_id
        and p.instruction_id = i.instruction_id
    ) end,
    c.netted_into, k.links, h.holds
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
  left join settlement.reversals as r
    on r.segment_id = p_segment_id
    and r.reversal_id = i.instruction_id
  left join ledger.journals as j
    on j.segment_id = p_segment_id
    and j.journal_id = i.journal_id
  left join settlement.cancelled_instructions as c
    on c.segment_id = p_segment_id
    and c.instruction_id = w.instruction_id
  cross join lateral settlement.link_list(p_segment_id, i.instruction_id) as k (links)
  cross join lateral settlement.hold_list(p_segment_id, i.instruction_id) as h (holds)
$$;
comment on function settlement.instruction_rows is 'instructions as the outside sees them, by id';
--! EndIncluded settlement/instruction_rows.sql
--! Included settlement/retry_delay.sql
-- How long after its n-th failure something is tried again: 2 s, 4 s, 8 s ... at most 5 min, plus
-- up to a quarter more that its id decides, so that many that failed together do not come back
-- together. Reads nothing.
create or replace function settlement.retry_delay(
  p_attempts int,
  p_id bigint
) returns interval
language sql immutable
as $$
  select make_interval(
    secs => least(300, 2 ^ least(p_attempts, 10)) * (1 + (p_id % 100) / 400.0)
  )
$$;
comment on function settlement.retry_delay is
  'how long after its n-th failure something is tried again';
--! EndIncluded settlement/retry_delay.sql
--! Included settlement/put_aside.sql
-- Puts a claimed instruction aside after an error: it waits longer after each attempt
-- (settlement.retry_delay), and after the last one it is FAILED, without a next attempt, until an
-- operator retries it [SET-003].
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
begin
  perform settlement.make_wait(p_segment_id, array[p_instruction_id], 'SYSTEM');

  update settlement.waiting_instructions as i
  set attempts = i.attempts + 1,
    reason = 'SYSTEM',
    problem = left(p_problem, 500),
    status = case when i.attempts + 1 >= c_max_attempts then 'FAILED' else i.status end,
    next_attempt_at = case when i.attempts + 1 >= c_max_attempts then 'infinity'
      else p_now + settlement.retry_delay(i.attempts + 1, i.instruction_id) end
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id;
end;
$$;
comment on function settlement.put_aside is
  'records a failed attempt at an instruction and when to try next';
--! EndIncluded settlement/put_aside.sql
--! Included settlement/report_outside_leg.sql
-- What became of an outside leg that a worker sent: CONFIRMED or VOIDED by the receiver ends it;
-- ACCEPTED waits for the result, and is sent again when none comes in time; RETRY is sent again,
-- later after each attempt; REFUSED is FAILED until a person decides [SET-043].
-- Takes the token of the claim: one that is older than the last is refused, whatever it says, for
-- whoever has the leg now will hear the same [SET-042]. What has ended meanwhile stays so. Returns
-- the status that stands. Writes: settlement.outside_legs, its events, what posting or giving back
-- writes. Locks: the leg; where it ends the withdrawal, the accounts, segment_state.
-- Raises: NFLEG, STTOK (old token), IVOUT (no such outcome).
create or replace function settlement.report_outside_leg(
  p_segment_id int,
  p_leg_id bigint,
  p_token bigint,
  p_outcome text,
  p_reason text,
  p_reference text,
  p_now timestamptz
) returns text
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_leg settlement.outside_legs := settlement.lock_outside_leg(p_segment_id, p_leg_id);
  v_by text := 'outside:' || v_leg.adapter;
begin
  if (v_leg.token = p_token) is not true then
    raise exception 'outside leg % has token %, not %', p_leg_id, v_leg.token, p_token
      using errcode = 'STTOK', hint = 'OLD_TOKEN';
  elsif p_outcome in ('CONFIRMED', 'VOIDED') then
    return settlement.hear_receiver(v_leg, p_outcome, p_reason, p_reference, p_now);
  elsif (p_outcome in ('RETRY', 'REFUSED', 'ACCEPTED')) is not true then
    raise exception 'an outside leg is not %', p_outcome
      using errcode = 'IVOUT', hint = 'BAD_OUTCOME', column = 'outcome';
  elsif v_leg.status <> 'SENT' then
    return v_leg.status;
  elsif p_outcome = 'REFUSED' then
    perform settlement.fail_outside_leg(v_leg, v_by, p_reason, p_now);
    return 'FAILED';
  end if;

  update settlement.outside_legs as l
  set worker = null,
    leased_until = null,
    reason = left(p_reason, 500),
    reference = coalesce(left(p_reference, 200), l.reference),
    next_attempt_at = p_now + case p_outcome
      when 'ACCEPTED' then l.answer_within
      else settlement.retry_delay(l.attempts, l.leg_id) end
  where l.segment_id = p_segment_id
    and l.leg_id = p_leg_id;
  perform settlement.note_outside_leg(v_leg, p_outcome, v_by, left(p_reason, 500), p_now);
  return 'SENT';
end;
$$;
comment on function settlement.report_outside_leg is
  'what became of an outside leg that a worker sent, by the token of its claim';
revoke execute on function settlement.report_outside_leg from public;
grant execute on function settlement.report_outside_leg to pgsettle_worker;
--! EndIncluded settlement/report_outside_leg.sql
--! Included settlement/retry_instruction.sql
-- Puts a FAILED or waiting instruction back in line, with all its attempts before it again.
-- Returns its id. What of it is final stays so. What waits for a date goes on to wait for it; what
-- is in line already, stays.
-- Writes: settlement.waiting_instructions. Locks: its row.
-- Raises: NFINS when there is none, STINS when it is settled already, or cancelled.
create or replace function settlement.retry_instruction(
  p_segment_id int,
  p_instruction_id bigint,
  p_now timestamptz
) returns bigint
language plpgsql volatile
as $$
declare
  v_status settlement.instruction_status;
begin
  -- Whoever has it claimed ends first; it may be put aside meanwhile, and wait then.
  for v_try in 1..2 loop
    update settlement.waiting_instructions as i
    set status = case when i.settled_quantity > 0 then 'PARTIALLY_SETTLED'
        else 'PENDING' end::settlement.instruction_status,
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
comment on function settlement.retry_instruction is 'puts an instruction that failed back in line';
--! EndIncluded settlement/retry_instruction.sql
