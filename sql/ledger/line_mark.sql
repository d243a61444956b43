-- What a journal keeps of the content of each of its lines, to name the one that was changed: the
-- first 4 bytes of its sha-256. That something was changed is shown by the link. Is inlined.
create or replace function ledger.line_mark(
  p_content bytea
) returns bytea
language sql immutable parallel safe
as $$
  select substr(sha256(p_content), 1, 4)
$$;
comment on function ledger.line_mark is 'names a line of a journal by the begin of its digest';
