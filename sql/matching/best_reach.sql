-- How far the best order of a side reaches in a call: the highest bid, the lowest ask; null where
-- nobody is. Reads only.
create or replace function matching.best_reach(
  p_symbol reference.symbols,
  p_side matching.order_side_enum,
  p_in_close boolean,
  p_at timestamptz
) returns numeric -- quote per base
language plpgsql volatile
set enable_seqscan = off     -- a plan made while the book was small must walk it in its order
set enable_bitmapscan = off  -- when it is large
set enable_sort = off
as $$
declare
  v_sort_price numeric;
begin
  select b.sort_price into v_sort_price
  from matching.book as b
  where b.segment_id = p_symbol.segment_id
    and b.symbol_id = p_symbol.symbol_id
    and b.side = p_side
    and not matching.is_over(b.expire_at, b.session_rule, p_in_close, p_at)
  order by b.sort_price, b.priority_no
  limit 1;
  return abs(v_sort_price);
end;
$$;
comment on function matching.best_reach is 'how far the best order of a side reaches in a call';
