-- What kind of break there is between the terms of a trade, those that its event told, what it has
-- left to be settled, and the obligation that stands there (null: there is none), of which there
-- are p_count; null: no break. The first that holds. Is inlined. Reads nothing.
create or replace function ops.trade_break(
  p_terms text,
  p_told text,
  p_owing text,
  p_owed text,
  p_count bigint
) returns text
language sql immutable parallel safe
as $$
  select case
    when p_terms is null and p_told is null then 'OBLIGATION_ADDED'
    when p_terms is null then 'TRADE_MISSING'
    when p_told is null then 'TRADE_ADDED'
    when p_terms <> p_told then 'TRADE_ALTERED'
    when p_owed is null then 'OBLIGATION_MISSING'
    when p_count > 1 then 'OBLIGATION_TWICE'
    when p_owed <> p_owing then 'OBLIGATION_ALTERED'
  end
$$;
comment on function ops.trade_break is
  'the kind of break between a trade, its event, its obligation';
