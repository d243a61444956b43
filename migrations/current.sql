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
  primary key (segment_id, instruction_id),
  constraint buyer_is_not_seller check (buyer_id <> seller_id)
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

--!include settlement/instructions.sql
--!include api/settlement_backlog.sql
--!include api/status.sql
--!include clearing/value_date.sql
--!include clearing/capture_trades.sql
--!include clearing/obligations.sql
--!include settlement/open_queue.sql
--!include matching/open_symbol.sql
--!include matching/symbol_terms.sql
--!include matching/create_symbol.sql
--!include ops/v_holds.sql
--!include ops/audit_balances.sql
--!include reference/set_settlement.sql
--!include ops/set_settlement.sql
--!include ops/v_fails.sql
--!include ops/v_settlement_backlog.sql
--!include settlement/bring_back.sql
--!include settlement/raise_mark.sql
--!include settlement/claim_instructions.sql
--!include settlement/claim_waiting.sql
--!include settlement/make_wait.sql
--!include settlement/put_aside.sql
--!include settlement/retry_instruction.sql
--!include settlement/settle_batch.sql
