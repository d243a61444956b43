-- Whether something follows from a part of a batch: it touched an order of a list, came to wait for
-- a price, reached a band, or traded where an order may fire. Takes the state from before it. Reads
-- nothing.
create or replace function matching.has_consequences(
  p_state matching.symbol_state,
  p_batch matching.batch,
  p_outcome matching.outcome
) returns boolean
language sql immutable
as $$
  select p_outcome.is_linked
    or p_outcome.is_breached
    or p_batch.is_special and exists (select from unnest(p_outcome.asked) as a where a.is_stop)
    or (p_state.fires_above < 'Infinity' or p_state.fires_below > '-Infinity') and exists (
      select from unnest(p_outcome.fills) as f
      where f.price >= p_state.fires_above
        or f.price <= p_state.fires_below
    )
$$;
comment on function matching.has_consequences is 'whether something follows from a part of a batch';
