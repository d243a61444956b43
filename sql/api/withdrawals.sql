-- Withdrawals as the outside sees them, newest first. Of a participant, of a status when given;
-- p_cursor is the id of the last row seen. Reads only. Raises: NFPAR; 22P02 for a status that it
-- does not know.
create or replace function api.withdrawals(
  p_segment_id int,
  p_client_id text,
  p_status text,
  p_cursor text,
  p_limit int
) returns setof ledger.withdrawal_row
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_status ledger.withdrawal_status := upper(p_status);
  v_participant_id int;
begin
  if p_client_id is not null then
    v_participant_id := (reference.get_participant(p_client_id)).participant_id;
  end if;

  return query
  select r.*
  from ledger.withdrawal_rows(p_segment_id, array(
    select w.withdrawal_id
    from ledger.withdrawals as w
    where w.segment_id = p_segment_id
      and w.withdrawal_id < coalesce(p_cursor::bigint, 9223372036854775807)
      and w.status = coalesce(v_status, w.status)
      and w.participant_id = coalesce(v_participant_id, w.participant_id)
    order by w.withdrawal_id desc
    limit p_limit
  )) as r
  order by r.withdrawal_id desc;
end;
$$;
comment on function api.withdrawals is 'withdrawals, newest first';
revoke execute on function api.withdrawals from public;
grant execute on function api.withdrawals to pgsettle_app;
