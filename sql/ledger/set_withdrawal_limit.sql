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
