-- Up to which number a pass of the check goes, from one behind p_after_no on and not past
-- p_last_no: so many events of a symbol; as many journals as have so many transfers, but at least
-- one. Reads only.
create or replace function ops.part_end(
  p_segment_id int,
  p_part_id int,
  p_after_no bigint,
  p_last_no bigint,
  p_limit bigint
) returns bigint
language plpgsql stable
as $$
declare
  v_end bigint;
begin
  if p_part_id > 0 or p_after_no >= p_last_no then
    return least(p_after_no + p_limit, p_last_no);
  end if;

  select max(c.finality_no) into v_end
  from (
    select j.finality_no, sum(j.transfer_count) over (order by j.finality_no) as lines
    from ledger.journals as j
    where j.segment_id = p_segment_id
      and j.finality_no > p_after_no
      and j.finality_no <= p_last_no
    order by j.finality_no
    limit p_limit
  ) as c
  where c.lines <= p_limit;
  -- Where journals are gone, there is nothing to count: the next one, or all of them.
  return coalesce(v_end, p_after_no + 1);
end;
$$;
comment on function ops.part_end is 'up to which number a pass of the check of breaks goes';
