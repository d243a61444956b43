-- The lots of a participant [MAT-097]: closed ones by when they were closed, or open ones; of one
-- symbol or (null) of all. Null times are without end. The cursor is that of the last row
-- seen. Reads only. Raises: NFPAR, NFSYM, IVPER (the end is not behind the begin).
create or replace function api.lots(
  p_segment_id int,
  p_client_id text,
  p_symbol text,
  p_is_open boolean,
  p_from timestamptz,
  p_to timestamptz,
  p_cursor text,
  p_limit int
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
  net_gain numeric,
  cursor text
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_participant_id int := (reference.get_participant(p_client_id)).participant_id;
  v_from timestamptz := coalesce(p_from, '-infinity');
  v_to timestamptz := coalesce(p_to, 'infinity');
  v_symbol_id int;
begin
  if p_symbol is not null then
    v_symbol_id := (reference.get_symbol(p_segment_id, p_symbol)).symbol_id;
  end if;
  if v_from >= v_to then
    raise exception 'a statement ends behind its begin'
      using errcode = 'IVPER', hint = 'BAD_PERIOD', column = 'to';
  end if;

  return query
  select
    l.symbol, l.side, l.quantity, l.opened_at, l.closed_at, l.bought_trade_id, l.sold_trade_id,
    l.cost, l.proceeds, l.gain, l.fees, l.net_gain, l.symbol || '_' || l.lot_end
  from matching.lot_rows(
    p_segment_id, v_participant_id, v_symbol_id, p_is_open, v_from, v_to,
    coalesce(split_part(p_cursor, '_', 1), ''),
    coalesce(nullif(split_part(p_cursor, '_', 2), ''), '0')::numeric, p_limit
  ) as l;
end;
$$;
comment on function api.lots is 'the lots of a participant, closed or open, FIFO';
revoke execute on function api.lots from public;
grant execute on function api.lots to pgsettle_app;
