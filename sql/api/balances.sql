-- What a participant has, by asset: available to trade, held (for open orders, and for trades not
-- settled yet), and what unsettled trades will bring and take. Reads only. Raises NFPAR.
create or replace function api.balances(
  p_segment_id int,
  p_client_id text
) returns table (
  asset text,
  available numeric,
  held numeric,
  unsettled_in numeric,
  unsettled_out numeric
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
    s.asset, trim_scale(a.posted - a.held), trim_scale(a.held::numeric),
    trim_scale(a.unsettled_in::numeric), trim_scale(a.unsettled_out::numeric)
  from ledger.accounts as a
  join reference.assets as s
    on s.asset_id = a.asset_id
  where a.segment_id = p_segment_id
    and a.participant_id = v_participant_id
  order by s.asset;
end;
$$;
comment on function api.balances is 'what a participant has, by asset';
revoke execute on function api.balances from public;
grant execute on function api.balances to pgsettle_app;
