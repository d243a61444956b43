-- Settles an instruction BEFORE or AFTER another, or WITH it, both or neither.
-- Raises: NFINS, STINS, STLNK, IVLNK.
create or replace function ops.link_settlements(
  p_id bigint,
  p_link text,
  p_other_id bigint,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  case upper(p_link)
    when 'AFTER' then
      perform settlement.link_instructions(p_segment_id, p_id, 'AFTER', p_other_id, p_now);
    when 'BEFORE' then
      perform settlement.link_instructions(p_segment_id, p_other_id, 'AFTER', p_id, p_now);
    when 'WITH' then
      perform settlement.link_instructions(p_segment_id, p_id, 'WITH', p_other_id, p_now);
    else
      raise exception 'a link is BEFORE, AFTER or WITH, not %', p_link
        using errcode = 'IVLNK', hint = 'BAD_LINK', column = 'link';
  end case;
end;
$$;
comment on function ops.link_settlements is
  'link_settlements(id, link, other): settles one BEFORE, AFTER or WITH another';
revoke execute on function ops.link_settlements from public;
grant execute on function ops.link_settlements to pgsettle_operator;
