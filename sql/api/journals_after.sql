-- What was posted behind a finality number, in order and without a gap. Reads only.
create or replace function api.journals_after(
  p_segment_id int,
  p_finality_no bigint,
  p_limit int
) returns table (
  finality_no bigint,
  journal_id bigint,
  posted_at timestamptz,
  kind ledger.journal_kind,
  settlement_ids bigint[]
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select j.finality_no, j.journal_id, j.posted_at, j.kind, j.instruction_ids
  from ledger.journals as j
  where j.segment_id = p_segment_id
    and j.finality_no > p_finality_no
  order by j.finality_no
  limit p_limit
$$;
comment on function api.journals_after is 'what was posted behind a finality number';
revoke execute on function api.journals_after from public;
grant execute on function api.journals_after to pgsettle_app;
