-- The answers to commands that are only tried, with what each order that it placed holds by now
-- (quote for a buy, base for a sell) and the matches that were prevented. Reads only.
create or replace function matching.tried_answers(
  p_symbol reference.symbols,
  p_commands matching.command[],
  p_executed matching.executed
) returns setof matching.tried_answer
language plpgsql volatile
as $$
begin
  return query
  select
    a.*, trim_scale(coalesce(b.hold_amount, k.hold_amount, 0)), s.asset,
    (
      select coalesce(json_agg(json_build_object(
        'stp', m.stp, 'price', trim_scale(m.price)::text, 'maker_order_id', m.maker_order_id::text,
        'taker_quantity', trim_scale(m.taker_quantity)::text,
        'maker_quantity', trim_scale(m.maker_quantity)::text
      ) order by m.seq), '[]')
      from unnest((p_executed.outcome).prevented) as m
      where m.taker_order_id = a.order_id
    )
  from matching.command_answers(p_symbol, p_commands, p_executed) as a
  left join matching.book as b
    on b.segment_id = p_symbol.segment_id
    and b.order_id = a.order_id
  left join matching.parked_orders as k
    on k.segment_id = p_symbol.segment_id
    and k.order_id = a.order_id
  left join reference.assets as s
    on s.asset_id = case a.side when 'BUY' then p_symbol.quote_asset_id
      else p_symbol.base_asset_id end
  order by a.command_no;
end;
$$;
comment on function matching.tried_answers is 'the answers to commands that are only tried';
