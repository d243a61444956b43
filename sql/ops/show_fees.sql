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
