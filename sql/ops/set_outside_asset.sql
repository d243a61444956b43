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
