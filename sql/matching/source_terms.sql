-- Gives stop orders that follow a published price that price, where there is a fresh one: they are
-- compared with it at their entry [MAT-052]. Returns what each command asks. Reads only.
create or replace function matching.source_terms(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_commands matching.command[],
  p_asked matching.asked[]
) returns matching.asked[]
language plpgsql stable
as $$
declare
  v_asked matching.asked[] := p_asked;
  v_price record;
begin
  for v_price in
    select c.n, p.price
    from (select u.trigger_source, row_number() over () as n from unnest(p_commands) as u) as c
    join matching.published_prices as p
      on p.segment_id = p_symbol.segment_id
      and p.symbol_id = p_symbol.symbol_id
      and p.source = c.trigger_source
    where p.published_at > p_now - interval '1 minute'
  loop
    v_asked[v_price.n].source_price := v_price.price;
  end loop;
  return v_asked;
end;
$$;
comment on function matching.source_terms is
  'gives stop orders that follow a published price that price';
