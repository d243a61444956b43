-- The rates of fees that held for a trade: its own, where it says them; else those of the symbol in
-- its batch, which the log says; where that is gone, those of today. Of one that took another's
-- place: the other's. Reads only.
create or replace function matching.rates_of(
  p_symbol reference.symbols,
  p_trade matching.trades,
  out maker numeric,
  out taker numeric
)
language plpgsql stable
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
  v_id bigint := p_trade.trade_id;
  v_before_id bigint;
begin
  loop
    select b.trade_id into v_before_id
    from matching.trade_busts as b
    where b.segment_id = p_trade.segment_id
      and b.replacement_id = v_id;
    exit when not found;
    v_id := v_before_id;
  end loop;

  select (t.terms ->> 'maker_rate')::numeric, (t.terms ->> 'taker_rate')::numeric
  into maker, taker
  from matching.command_log as l
  join matching.symbol_terms as t
    on t.segment_id = l.segment_id
    and t.symbol_id = l.symbol_id
    and t.terms_hash = l.terms_hash
  where l.segment_id = p_trade.segment_id
    and l.symbol_id = p_trade.symbol_id
    and l.at >= p_trade.traded_at
    and v_id % c_ids_per_symbol between l.first_seq and l.last_seq
  order by l.log_no
  limit 1;
  maker := coalesce((to_jsonb(p_trade) ->> 'maker_rate')::numeric, maker, p_symbol.maker_rate);
  taker := coalesce((to_jsonb(p_trade) ->> 'taker_rate')::numeric, taker, p_symbol.taker_rate);
end;
$$;
comment on function matching.rates_of is 'the rates of fees that held for a trade';
