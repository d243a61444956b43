-- Checks that the house pays on no trade more than it gets: at each symbol, from a time on, the
-- lowest rate of a maker and the lowest of a taker are not below 0 together, whoever meets whom
-- [LED-045]. Reads only.
-- Raises: IVFEE, with the first symbol where it is not so.
create or replace function reference.check_rebates(
  p_segment_id int,
  p_from timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_worst record;
begin
  select s.symbol, least(min(r.maker_rate), s.maker_rate) as maker_rate,
    least(min(r.taker_rate), s.taker_rate) as taker_rate
  into v_worst
  from reference.symbols as s
  join (
    select
      f.*, lead(f.effective_from) over (
        partition by f.participant_id, f.symbol_id, f.group_id
        order by f.effective_from, f.schedule_id
      ) as effective_until
    from reference.fee_schedules as f
    where f.segment_id = p_segment_id
  ) as f
    on f.symbol_id = s.symbol_id
    or f.group_id = s.group_id
    or num_nonnulls(f.symbol_id, f.group_id) = 0
  join reference.fee_rates as r
    on r.segment_id = f.segment_id
    and r.schedule_id = f.schedule_id
  where s.segment_id = p_segment_id
    and (f.effective_until > p_from) is not false
  group by s.symbol_id
  having least(min(r.maker_rate), s.maker_rate) + least(min(r.taker_rate), s.taker_rate) < 0
  order by s.symbol_id
  limit 1;
  if found then
    raise exception 'at % a maker could get more than a taker pays: % and %', v_worst.symbol,
      trim_scale(v_worst.maker_rate), trim_scale(v_worst.taker_rate)
      using errcode = 'IVFEE', hint = 'BAD_FEES', column = 'tiers';
  end if;
end;
$$;
comment on function reference.check_rebates is
  'checks that the house pays on no trade more than it gets';
