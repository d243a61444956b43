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

-- Lists whose exits wait for the money that their entry's trades bring.
alter table matching.order_lists add column if not exists funds_tried numeric;
comment on column matching.order_lists.funds_tried is
  'what there was when it did not do for the exits; -Infinity: not tried since; null: none waits';
create index if not exists order_lists_funds_tried_idx on matching.order_lists
  (segment_id, symbol_id)
  where funds_tried is not null;

--!include ledger/withdrawal_rows.sql
--!include api/find_withdrawal.sql
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
--!include api/withdrawals.sql
--!include ledger/deposit.sql
--!include ledger/set_withdrawal_limit.sql
--!include matching/amend_terms.sql
--!include matching/bar_filled.sql
--!include matching/cancel_orders.sql
--!include matching/symbol_terms.sql
--!include matching/create_symbol.sql
--!include matching/funded_lists.sql
--!include matching/due_symbols.sql
--!include matching/record_tries.sql
--!include matching/execute_due.sql
--!include matching/exit_command.sql
--!include matching/exposure.sql
--!include matching/fire_stops.sql
--!include matching/has_waiting_exits.sql
--!include matching/limited_changes.sql
--!include matching/limited_orders.sql
--!include matching/list_commands.sql
--!include matching/start_change.sql
--!include matching/match_batch.sql
--!include matching/parse_commands.sql
--!include matching/prepare_part.sql
--!include matching/record_shortage.sql
--!include matching/record_outcome.sql
--!include matching/sweep_symbol.sql
--!include ops/approve_withdrawal.sql
--!include ops/audit_withdrawals.sql
--!include ops/audit.sql
--!include ops/chain_lines.sql
--!include ops/chain_changes.sql
--!include ops/chain_export.sql
--!include ops/chain_journals.sql
--!include ops/reject_withdrawal.sql
--!include ops/set_withdrawal_limit.sql
--!include ops/v_holds.sql
--!include ops/v_withdrawals.sql
--!include ops/verify_chain.sql
--!include settlement/settle_instructions.sql
