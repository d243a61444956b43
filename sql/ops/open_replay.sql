-- Opens a place in which the commands of a symbol can be run again: a segment and a symbol of its
-- own, with the same assets and participants, who can owe anything. The caller undoes it. Ids are
-- beyond those that are given, and other ones for each session.
-- Returns the symbol. Writes: reference.segments, reference.symbols, matching.symbol_state,
-- ledger.accounts, reference.fee_schedules, reference.fee_rates.
create or replace function ops.open_replay(
  p_symbol reference.symbols
) returns reference.symbols
language plpgsql volatile
as $$
declare
  c_first_id constant int := 9000000;  -- order ids, of 10^12 times as much, must fit a bigint
  c_ids constant int := 200000;
  v_symbol reference.symbols := p_symbol;
begin
  v_symbol.segment_id := -pg_backend_pid();
  v_symbol.symbol_id := c_first_id + pg_backend_pid() % c_ids;
  v_symbol.symbol := 'REPLAY-' || pg_backend_pid();
  v_symbol.netting_set := null;  -- nothing settles there
  insert into reference.segments (segment_id, name) values (v_symbol.segment_id, v_symbol.symbol);
  insert into reference.symbols overriding system value select (v_symbol).*;
  perform matching.open_symbol(v_symbol.segment_id, v_symbol.symbol_id);

  insert into ledger.accounts (segment_id, participant_id, asset_id, may_be_negative)
  select distinct v_symbol.segment_id, a.participant_id, b.asset_id, true
  from ledger.accounts as a
  cross join unnest(array[p_symbol.base_asset_id, p_symbol.quote_asset_id]) as b (asset_id)
  where a.segment_id = p_symbol.segment_id;
  insert into reference.fee_schedules (
    segment_id, schedule_id, participant_id, symbol_id, group_id, effective_from, set_by, created_at
  )
  select
    v_symbol.segment_id, s.schedule_id, s.participant_id,
    case when s.symbol_id is not null then v_symbol.symbol_id end, s.group_id, s.effective_from,
    s.set_by, s.created_at
  from reference.fee_schedules as s
  where s.segment_id = p_symbol.segment_id
    and coalesce(s.symbol_id, p_symbol.symbol_id) = p_symbol.symbol_id;

  insert into reference.fee_rates (
    segment_id, fee_id, schedule_id, min_volume, maker_rate, taker_rate
  )
  select v_symbol.segment_id, r.fee_id, r.schedule_id, r.min_volume, r.maker_rate, r.taker_rate
  from reference.fee_rates as r
  join reference.fee_schedules as s
    on s.segment_id = v_symbol.segment_id
    and s.schedule_id = r.schedule_id
  where r.segment_id = p_symbol.segment_id;
  return v_symbol;
end;
$$;
comment on function ops.open_replay is
  'opens a place in which the commands of a symbol can be run again';
