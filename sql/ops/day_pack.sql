-- The pack of a closed period: trades, busts, fees, transfers, balances, nets, fails, breaks, a
-- line of values with commas each, in one order. All of it is made from facts that stay, so it is
-- the same whenever it is made [LED-032]. Takes the number of the period. Reads only.
--   \copy (select * from day_pack(7)) to pack.csv csv
-- Raises: NFPER.
create or replace function ops.day_pack(
  p_period_no int,
  p_segment_id int default 1
) returns table (
  section text,
  line_no bigint,
  line text
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select
    from ledger.periods as p
    where p.segment_id = p_segment_id
      and p.period_no = p_period_no
  ) then
    raise exception 'there is no period %', p_period_no
      using errcode = 'NFPER', hint = 'UNKNOWN_PERIOD', column = 'period_no';
  end if;

  return query
  select s.section, row_number() over (partition by s.section order by s.line collate "C"), s.line
  from (
    select j.section, j.line from ops.pack_journals(p_segment_id, p_period_no) as j
    union all
    select r.section, r.line from ops.pack_rest(p_segment_id, p_period_no) as r
    union all
    select b.section, b.line from ops.pack_busts(p_segment_id, p_period_no) as b
  ) as s
  union all
  select 'TRADE', t.line_no, t.line
  from ops.pack_trades(p_segment_id, p_period_no) as t
  order by 1, 2;
end;
$$;
comment on function ops.day_pack is
  'day_pack(period): trades, fees, nets, fails and breaks of a closed period, a line each';
revoke execute on function ops.day_pack from public;
grant execute on function ops.day_pack to pgsettle_operator, pgsettle_auditor;
