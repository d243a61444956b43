-- A row of a symbol as it would be of any other: without the segment and the symbol, ids by the
-- number behind the symbol's, and without what is null. Reads nothing.
create or replace function matching.symbol_facts(
  p_row jsonb
) returns jsonb
language sql immutable parallel safe
as $$
  select jsonb_object_agg(f.key, case
    when f.key in (
      'order_id', 'maker_order_id', 'taker_order_id', 'list_id', 'trade_id', 'prevented_match_id'
    ) then to_jsonb((f.value #>> '{}')::bigint % 1000000000000)
    else f.value end)
  from jsonb_each(p_row) as f
  where f.key not in ('segment_id', 'symbol_id')
    and f.value <> 'null'
$$;
comment on function matching.symbol_facts is 'a row of a symbol as it would be of any other';
