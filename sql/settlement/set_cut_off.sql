-- Says until what local time of a business day an asset settles; no calendar: at any time.
-- Writes: reference.cut_offs. Raises: IVCUT for a calendar without a time.
create or replace function settlement.set_cut_off(
  p_asset_id int,
  p_calendar_id int,
  p_cut_off time
) returns void
language plpgsql volatile
as $$
begin
  delete from reference.cut_offs as c
  where c.asset_id = p_asset_id;
  if p_calendar_id is null then
    return;
  end if;

  if p_cut_off is null then
    raise exception 'a cut-off has a time' using errcode = 'IVCUT', hint = 'BAD_CUT_OFF';
  end if;
  insert into reference.cut_offs (asset_id, calendar_id, cut_off)
  values (p_asset_id, p_calendar_id, p_cut_off);
end;
$$;
comment on function settlement.set_cut_off is 'says until what time of a day an asset settles';
