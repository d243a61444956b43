-- Settlement instructions as the outside sees them, with their legs; newest first within a symbol.
-- Of a status, symbol, participant when given; p_cursor is the id of the last row seen.
-- Pending ones come before settled ones only by their id: this is one list. Reads only.
-- Raises: NFSYM, NFPAR; 22P02 for a status it does not know.
create or replace function api.settlements(
  p_segment_id int,
  p_status text,
  p_symbol text,
  p_client_id text,
  p_cursor text,
  p_limit int
) returns setof settlement.instruction_row
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_status settlement.instruction_status := upper(p_status);
  v_symbol_id int;
  v_participant_id int;
begin
  if p_symbol is not null then
    v_symbol_id := (reference.get_symbol(p_segment_id, p_symbol)).symbol_id;
  end if;
  if p_client_id is not null then
    v_participant_id := (reference.get_participant(p_client_id)).participant_id;
  end if;

  return query
  select r.*
  from settlement.instruction_rows(
    p_segment_id,
    array(
      select i.instruction_id
      from settlement.instructions as i
      where i.segment_id = p_segment_id
        and i.instruction_id < coalesce(p_cursor::bigint, 9223372036854775807)
        and i.status = coalesce(v_status, i.status)
        and i.symbol_id = coalesce(v_symbol_id, i.symbol_id)
        and (v_participant_id is null or v_participant_id in (i.buyer_id, i.seller_id))
      order by i.instruction_id desc
      limit p_limit
    )
  ) as r
  order by r.settlement_id desc;
end;
$$;
comment on function api.settlements is 'settlement instructions with their legs';
revoke execute on function api.settlements from public;
grant execute on function api.settlements to pgsettle_app;
