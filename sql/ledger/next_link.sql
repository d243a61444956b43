-- The link of a journal: over the link before it (empty for the first), its finality number and
-- its digest [LED-010]. Is inlined.
create or replace function ledger.next_link(
  p_link bytea,
  p_finality_no bigint,
  p_digest bytea
) returns bytea
language sql immutable parallel safe
as $$
  select sha256(p_link || int8send(p_finality_no) || p_digest)
$$;
comment on function ledger.next_link is
  'the link of a journal: over the one before it and its digest';
