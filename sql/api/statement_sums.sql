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
