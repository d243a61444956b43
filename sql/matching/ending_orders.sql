-- The resting orders of a symbol that a change of phase ends: those of these session rules, all
-- when null. Reads only.
create or replace function matching.ending_orders(
  p_symbol reference.symbols,
  p_rules matching.time_in_force_enum[]
) returns bigint[] -- order ids
language plpgsql volatile
as $$
begin
  if p_rules is null then
    return array(
      select b.order_id
      from matching.book as b
      where b.segment_id = p_symbol.segment_id
        and b.symbol_id = p_symbol.symbol_id
    );
  end if;

  -- Said twice, for the index: nearly no order has such a rule.
  return array(
    select b.order_id
    from matching.book as b
    where b.segment_id = p_symbol.segment_id
      and b.symbol_id = p_symbol.symbol_id
      and b.session_rule <> 'DAY'
      and b.session_rule = any (p_rules)
  );
end;
$$;
comment on function matching.ending_orders is
  'the resting orders that a change of phase ends';
