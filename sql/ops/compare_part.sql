-- A part of the books against what else knows of it: a symbol's trades, the journals (0), or what
-- accounts hold (-1), behind a number up to another. Returns what differs. Reads only.
create or replace function ops.compare_part(
  p_segment_id int,
  p_part_id int,
  p_after_no bigint,
  p_last_no bigint
) returns table (
  kind text,
  first_no bigint,
  key text,
  kept text,
  derived text
)
language plpgsql stable
as $$
begin
  if p_part_id > 0 then
    return query
    select c.* from ops.compare_trades(p_segment_id, p_part_id, p_after_no, p_last_no) as c;
  elsif p_part_id = 0 then
    return query
    select c.* from ops.compare_journals(p_segment_id, p_after_no, p_last_no) as c;
  else
    return query
    select c.* from ops.compare_holds(p_segment_id) as c;
  end if;
end;
$$;
comment on function ops.compare_part is 'a part of the books against what else knows of it';
