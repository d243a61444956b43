-- What a participant traded at a symbol in the 30 days that count for the tiers of a time, in
-- quote, as maker and as taker: what is summed up, and what was traded since [LED-042]. Reads
-- only.
create or replace function matching.volume_of(
  p_symbol reference.symbols,
  p_participant_id int,
  p_at timestamptz
) returns numeric
language plpgsql volatile
as $$
declare
  v_from date := matching.first_volume_day(p_at);
  v_to date := (p_at at time zone 'UTC')::date;
  v_mark matching.volume_marks;
  v_volume numeric;
begin
  select m.* into v_mark
  from matching.volume_marks as m
  where m.segment_id = p_symbol.segment_id
    and m.symbol_id = p_symbol.symbol_id;
  select
    coalesce((
      select sum(u.volume)
      from matching.volumes as u
      where u.segment_id = p_symbol.segment_id
        and u.symbol_id = p_symbol.symbol_id
        and u.participant_id = p_participant_id
        and u.traded_on between v_from and v_to
    ), 0) + coalesce(sum(l.notional), 0)
  into v_volume
  from matching.volume_legs(
    p_symbol, coalesce(v_mark.last_seq, 0),
    greatest(v_mark.last_at, v_from::timestamp at time zone 'UTC')
  ) as l
  where l.participant_id = p_participant_id
    and l.traded_on between v_from and v_to;
  return v_volume;
end;
$$;
comment on function matching.volume_of is
  'what a participant traded at a symbol in the days that count for its tier';
