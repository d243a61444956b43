-- Takes in a settlement instruction of which one leg, DELIVERY or PAYMENT, is made outside; see
-- clearing.instruct_outside. Returns its id.
--   select instruct_outside('BTC-USD', 'client-A', 'client-B', 1.5, 60000, 'DELIVERY');
-- Raises: NFSYM, NFPAR, IVAMT, IVPAR, IVOUT, IVOPR, RJFND.
create or replace function ops.instruct_outside(
  p_symbol text,
  p_seller text,
  p_buyer text,
  p_quantity numeric,
  p_amount numeric,
  p_leg text default 'DELIVERY',
  p_by text default session_user,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns bigint
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return clearing.instruct_outside(
    reference.get_symbol(p_segment_id, p_symbol),
    (reference.get_participant(p_seller)).participant_id,
    (reference.get_participant(p_buyer)).participant_id,
    p_quantity, p_amount, upper(p_leg), p_by, p_now
  );
end;
$$;
comment on function ops.instruct_outside is
  'instruct_outside(symbol, seller, buyer, quantity, amount, leg): that leg is made outside';
revoke execute on function ops.instruct_outside from public;
grant execute on function ops.instruct_outside to pgsettle_operator;
