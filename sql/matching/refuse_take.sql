-- Why a post-only order is refused that could trade at once, or null when it slides to one tick
-- inside the maker it met: it never takes [MAT-045]. Takes the maker's price as sorted by.
-- Reads nothing; is inlined.
create or replace function matching.refuse_take(
  p_is_sliding boolean,
  p_is_buy boolean,
  p_sort_price numeric,
  p_tick_size numeric
) returns matching.refusal
language sql immutable parallel safe
as $$
  select case
    when p_is_sliding and (not p_is_buy or p_sort_price > p_tick_size) then null
    else 'WOULD_TAKE'::matching.refusal
  end
$$;
comment on function matching.refuse_take is 'why a post-only order is refused that could trade';
