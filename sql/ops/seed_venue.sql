-- Fills an empty venue so that it can be tried at once: the ten default symbols and the funded
-- participants client-A and client-B. Returns whether it did: a venue that has a symbol is left as
-- it is. Safe to call by several at once. Locks: an advisory lock of its own.
create or replace function ops.seed_venue(
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns boolean
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_lock_space constant int := 3;
begin
  perform pg_advisory_xact_lock(c_lock_space, p_segment_id);
  perform from reference.symbols as s where s.segment_id = p_segment_id;
  if found then
    return false;
  end if;

  perform matching.create_symbol(
    p_segment_id, s.symbol, s.tick_size, s.lot_size, jsonb_build_object('min_notional', s.least),
    p_now
  )
  from (
    values
      (1, 'BTC-USDT', 0.01, 0.00001, 1), (2, 'ETH-USDT', 0.01, 0.0001, 1),
      (3, 'BNB-USDT', 0.01, 0.001, 1), (4, 'SOL-USDT', 0.01, 0.001, 1),
      (5, 'XRP-USDT', 0.0001, 0.1, 1), (6, 'ADA-USDT', 0.0001, 0.1, 1),
      (7, 'DOGE-USDT', 0.00001, 1, 1), (8, 'LTC-USDT', 0.01, 0.001, 1),
      (9, 'ETH-BTC', 0.00001, 0.001, 0.00001), (10, 'BTC-USD', 0.01, 0.00001, 1)
  ) as s (n, symbol, tick_size, lot_size, least)
  order by s.n;

  insert into reference.participants (client_id, name, created_at)
  values ('client-A', 'Client A', p_now), ('client-B', 'Client B', p_now)
  on conflict do nothing;

  perform ledger.deposit(p_segment_id, c.client_id, d.asset, d.amount, 'seed-' || d.asset, p_now)
  from (values ('client-A'), ('client-B')) as c (client_id)
  cross join (
    values
      ('USD', 1000000), ('USDT', 1000000), ('BTC', 100), ('ETH', 1000), ('BNB', 1000),
      ('SOL', 10000), ('XRP', 1000000), ('ADA', 1000000), ('DOGE', 5000000), ('LTC', 10000)
  ) as d (asset, amount);

  return true;
end;
$$;
comment on function ops.seed_venue is
  'seed_venue(): the ten default symbols and two funded participants, in an empty venue';
revoke execute on function ops.seed_venue from public;
grant execute on function ops.seed_venue to pgsettle_operator;
