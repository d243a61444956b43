-- Takes in a settlement instruction that no trade of the venue made; see clearing.instruct.
--   select instruct('BTC-USD', 'client-A', 'client-B', 1.5, 60000);
-- Returns its id. Raises: NFSYM, NFPAR, IVAMT, IVPAR, IVPRI.
create or replace function ops.instruct(
  p_symbol text,
  p_seller text,
  p_buyer text,
  p_quantity numeric,
  p_amount numeric,
  p_value_date date default null,
  p_priority int default 4,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns bigint
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return clearing.instruct(
    reference.get_symbol(p_segment_id, p_symbol),
    (reference.get_participant(p_seller)).participant_id,
    (reference.get_participant(p_buyer)).participant_id,
    p_quantity, p_amount, p_value_date, p_priority, p_now
  );
end;
$$;
comment on function ops.instruct is
  'instruct(symbol, seller, buyer, quantity, amount): settles a trade that was done elsewhere';
revoke execute on function ops.instruct from public;
grant execute on function ops.instruct to pgsettle_operator;
