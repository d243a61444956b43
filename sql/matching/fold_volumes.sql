-- Sums up what participants traded at a symbol since it was last done, where a schedule has tiers
-- there; the first time, what they traded in the days that count. Returns whether one has. A trade
-- counts for both of its sides, with its notional: matching.volume_legs says which. One that is
-- busted later is taken out by matching.correct_volumes. Writes: matching.volumes,
-- matching.volume_marks. Under the lock of the symbol.
create or replace function matching.fold_volumes(
  p_symbol reference.symbols,
  p_at timestamptz
) returns boolean
language plpgsql volatile
as $$
declare
  v_mark matching.volume_marks;
  v_last_seq bigint;
begin
  if not matching.has_tiers(p_symbol, p_at) then
    return false;
  end if;
  select m.* into v_mark
  from matching.volume_marks as m
  where m.segment_id = p_symbol.segment_id
    and m.symbol_id = p_symbol.symbol_id;
  if not found then
    v_mark.since_on := matching.first_volume_day(p_at);
    v_mark.last_seq := 0;
    v_mark.last_at := v_mark.since_on::timestamp at time zone 'UTC';
  end if;

  with legs as materialized (
    select l.* from matching.volume_legs(p_symbol, v_mark.last_seq, v_mark.last_at) as l
  ), added as (
    insert into matching.volumes as v (segment_id, symbol_id, participant_id, traded_on, volume)
    select
      p_symbol.segment_id, p_symbol.symbol_id, l.participant_id, l.traded_on, sum(l.notional)
    from legs as l
    group by l.participant_id, l.traded_on
    on conflict (segment_id, symbol_id, participant_id, traded_on) do update
    set volume = v.volume + excluded.volume
  )
  select max(l.seq) into v_last_seq from legs as l;
  if v_last_seq is null then
    return true;
  end if;

  insert into matching.volume_marks (segment_id, symbol_id, last_seq, last_at, since_on)
  values (p_symbol.segment_id, p_symbol.symbol_id, v_last_seq, p_at, v_mark.since_on)
  on conflict (segment_id, symbol_id) do update
  set last_seq = excluded.last_seq,
    last_at = excluded.last_at;
  return true;
end;
$$;
comment on function matching.fold_volumes is
  'sums up what participants traded at a symbol since it was last done';
