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
