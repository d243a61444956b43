-- The lots of a participant, first in, first out, closed and open: when they were opened and
-- closed, what they cost, brought and paid in fees, in quote [MAT-097]. The gains of the closed
-- ones add up to what the participant has realised.
--   select symbol, sum(gain), sum(net_gain) from lots('client-A') group by 1;
-- Reads only. Raises: NFPAR.
create or replace function ops.lots(
  p_client_id text,
  p_segment_id int default 1
) returns table (
  symbol text,
  side text,
  quantity numeric,
  opened_at timestamptz,
  closed_at timestamptz,
  bought_trade_id bigint,
  sold_trade_id bigint,
  cost numeric,
  proceeds numeric,
  gain numeric,
  fees numeric,
  net_gain numeric
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
    l.symbol, l.side, l.quantity, l.opened_at, l.closed_at, l.bought_trade_id, l.sold_trade_id,
    l.cost, l.proceeds, l.gain, l.fees, l.net_gain
  from unnest(array[false, true]) as o (is_open)
  cross join lateral matching.lot_rows(
    p_segment_id, v_participant_id, null, o.is_open, '-infinity', 'infinity', '', 0, null
  ) as l
  order by l.symbol, l.lot_end;
end;
$$;
comment on function ops.lots is
  'lots(client): what was bought against what was sold, FIFO, with cost, proceeds and fees';
revoke execute on function ops.lots from public;
grant execute on function ops.lots to pgsettle_operator, pgsettle_auditor;
