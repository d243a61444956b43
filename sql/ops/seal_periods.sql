-- Seals what is closed and not sealed yet: keeps what each account had at the end, where sums begin
-- from then on, and the checksum of the pack [LED-032]. The maintenance worker calls it every
-- 20 seconds. Returns how many it sealed.
-- Locks: the rows of those periods. Writes: ledger.periods, ledger.period_balances.
create or replace function ops.seal_periods(
  p_segment_id int,
  p_now timestamptz
) returns int
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_period ledger.periods;
  v_count int := 0;
begin
  for v_period in
    select p.*
    from ledger.periods as p
    where p.segment_id = p_segment_id
      and p.sealed_at is null
      and p.reopened_at is null
    order by p.period_no
    for no key update of p
  loop
    insert into ledger.period_balances (segment_id, period_no, participant_id, asset_id, posted)
    select p_segment_id, v_period.period_no, b.participant_id, b.asset_id, b.posted
    from ledger.posted_before(p_segment_id, null, v_period.ends_at) as b;

    update ledger.periods as p
    set sealed_at = p_now,
      checksum = decode(ops.pack_checksum(v_period.period_no, p_segment_id), 'hex')
    where p.segment_id = p_segment_id
      and p.period_no = v_period.period_no;
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;
comment on function ops.seal_periods is
  'seal_periods(segment, now): keeps balances and checksums of what is closed';
revoke execute on function ops.seal_periods from public;
grant execute on function ops.seal_periods to pgsettle_worker;
