-- Rejects a bust: the trade stands; see matching.reject_bust. Raises: NFBST, IVOPR, IVRSN, STBST.
create or replace function ops.reject_bust(
  p_id bigint,
  p_by text,
  p_reason text,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform matching.reject_bust(p_segment_id, p_id, p_by, p_reason, p_now);
end;
$$;
comment on function ops.reject_bust is 'reject_bust(id, by, reason): the trade stands';
revoke execute on function ops.reject_bust from public;
grant execute on function ops.reject_bust to pgsettle_operator;
