-- The checksum of the pack of a closed period, made again now [LED-032]: that of v_periods, as long
-- as no fact was changed. It is over the digests of 100,000 lines each, so that no period is too
-- long for it. Takes the number of the period. Reads only. Raises: NFPER.
create or replace function ops.pack_checksum(
  p_period_no int,
  p_segment_id int default 1
) returns text -- sha-256, hex
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    encode(sha256(coalesce(string_agg(c.digest, '' order by c.section, c.chunk_no), '')), 'hex')
  from (
    select
      k.section, k.line_no / 100000 as chunk_no,
      sha256(convert_to(string_agg(k.section || ',' || k.line, E'\n' order by k.line_no), 'UTF8'))
        as digest
    from ops.day_pack(p_period_no, p_segment_id) as k
    group by k.section, k.line_no / 100000
  ) as c
$$;
comment on function ops.pack_checksum is
  'pack_checksum(period): the checksum of its pack, made again; v_periods has what it was';
revoke execute on function ops.pack_checksum from public;
grant execute on function ops.pack_checksum to pgsettle_operator, pgsettle_auditor;
