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
