-- Busts or corrects a trade; see matching.approve_bust. Returns the id of the trade that takes its
-- place; null where none does. Raises: NFBST, IVOPR, RJSLF, STBST, STISO.
create or replace function ops.approve_bust(
  p_id bigint,
  p_by text,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns bigint -- trade id
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (matching.approve_bust(p_segment_id, p_id, p_by, p_now)).replacement_id;
end;
$$;
comment on function ops.approve_bust is
  'approve_bust(id, by): busts or corrects a trade, as another person asked';
revoke execute on function ops.approve_bust from public;
grant execute on function ops.approve_bust to pgsettle_operator;
