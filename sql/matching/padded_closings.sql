-- Closing events, with empty ones at the end up to a count: the last commands may have had none.
-- Reads nothing.
create or replace function matching.padded_closings(
  p_closings matching.closing[],
  p_count int
) returns matching.closing[]
language sql immutable parallel safe
as $$
  select coalesce(p_closings, '{}')
    || array_fill(null::matching.closing, array[p_count - cardinality(coalesce(p_closings, '{}'))])
$$;
comment on function matching.padded_closings is 'closing events, with empty ones up to a count';
