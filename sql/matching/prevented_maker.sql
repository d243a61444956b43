-- What a maker loses to a prevented match, in base: nothing, what would have traded, or all that it
-- has left. Reads nothing; is inlined. [MAT-042].
create or replace function matching.prevented_maker(
  p_stp reference.stp_mode,
  p_quantity numeric,
  p_left numeric
) returns numeric
language sql immutable parallel safe
as $$
  select case p_stp when 'CANCEL_TAKER' then 0 when 'DECREMENT' then p_quantity else p_left end
$$;
comment on function matching.prevented_maker is 'what a maker loses to a prevented match';
