-- Whether an outcome touched an order that waits or came to wait: one that stands, but not in the
-- book, or was left parked. Reads nothing.
create or replace function matching.has_parked(
  p_batch matching.batch,
  p_outcome matching.outcome,
  p_standing matching.final_order[]
) returns boolean
language sql immutable
as $$
  select p_batch.is_special
    and exists (select from unnest(p_outcome.asked) as a where a.pending is not null)
    or exists (select from unnest(p_standing) as s where s.book_tid is null)
$$;
comment on function matching.has_parked is 'whether an outcome touched an order that waits';
