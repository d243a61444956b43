-- The sources whose stop orders follow the trades of a symbol: the last price itself, and each
-- other source that has published no price, or none for the last minute [MAT-052]. Reads only.
create or replace function matching.trade_sources(
  p_symbol reference.symbols,
  p_now timestamptz
) returns matching.trigger_source[]
language sql stable
as $$
  select array_agg(s.source)
  from unnest(enum_range(null::matching.trigger_source)) as s (source)
  where not exists (
    select
    from matching.published_prices as p
    where p.segment_id = p_symbol.segment_id
      and p.symbol_id = p_symbol.symbol_id
      and p.source = s.source
      and p.published_at > p_now - interval '1 minute'
  )
$$;
comment on function matching.trade_sources is 'the sources whose stop orders follow the trades';
