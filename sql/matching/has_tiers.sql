-- Whether a schedule of fees that has begun by a time has tiers by volume at a symbol. Reads only.
create or replace function matching.has_tiers(
  p_symbol reference.symbols,
  p_at timestamptz
) returns boolean
language sql volatile
as $$
  select exists (
    select
    from reference.fee_schedules as s
    join reference.fee_rates as r
      on r.segment_id = s.segment_id
      and r.schedule_id = s.schedule_id
      and r.min_volume > 0
    where s.segment_id = p_symbol.segment_id
      and (s.symbol_id = p_symbol.symbol_id or s.group_id = p_symbol.group_id
        or num_nonnulls(s.symbol_id, s.group_id) = 0)
      and s.effective_from <= p_at
  )
$$;
comment on function matching.has_tiers is 'whether fees at a symbol have tiers by volume';
