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
