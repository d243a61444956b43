-- Says that withdrawals of an asset leave through an adapter [SET-040], and when what was taken
-- without an answer is sent again. No adapter: they are posted as they are approved. What is on its
-- way goes on as it began. Writes: settlement.outside_assets. Raises: IVOUT.
create or replace function settlement.set_outside_asset(
  p_segment_id int,
  p_asset_id int,
  p_adapter text,
  p_answer_within interval
) returns void
language plpgsql volatile
as $$
begin
  if p_adapter is null then
    delete from settlement.outside_assets as o
    where o.segment_id = p_segment_id
      and o.asset_id = p_asset_id;
    return;
  end if;

  if (p_adapter ~ '^[a-z][a-z0-9_]{0,31}$') is not true then
    raise exception 'an adapter is 1 to 32 lower case letters, digits or _, not %', p_adapter
      using errcode = 'IVOUT', hint = 'BAD_ADAPTER', column = 'adapter';
  elsif (p_answer_within between '1 second' and '30 days') is not true then
    raise exception 'an answer comes within 1 second to 30 days, not %', p_answer_within
      using errcode = 'IVOUT', hint = 'BAD_TIME_OUT', column = 'answer_within';
  end if;
  insert into settlement.outside_assets (segment_id, asset_id, adapter, answer_within)
  values (p_segment_id, p_asset_id, p_adapter, p_answer_within)
  on conflict (segment_id, asset_id) do update
  set adapter = excluded.adapter,
    answer_within = excluded.answer_within;
end;
$$;
comment on function settlement.set_outside_asset is
  'says that withdrawals of an asset leave through an adapter';
