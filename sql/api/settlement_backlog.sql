-- How settlement stands: what is pending and since when, what failed, what the last minute
-- settled.
-- Reads only; the queue holds only what is not settled, so counting it is cheap while it is
-- healthy.
create or replace function api.settlement_backlog(
  p_segment_id int,
  p_now timestamptz
) returns table (
  pending bigint,
  failed bigint,
  oldest_created_at timestamptz,
  settled_last_minute bigint
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    count(*) filter (where i.status <> 'FAILED'), count(*) filter (where i.status = 'FAILED'),
    min(i.created_at),
    (
      select coalesce(sum(cardinality(j.instruction_ids)), 0)
      from (
        select n.instruction_ids, n.posted_at
        from ledger.journals as n
        where n.segment_id = p_segment_id
        order by n.finality_no desc
        limit 5000
      ) as j
      where j.posted_at > p_now - interval '1 minute'
    )
  from settlement.instructions as i
  where i.segment_id = p_segment_id
    and i.status not in ('SETTLED', 'CANCELLED')
$$;
comment on function api.settlement_backlog is
  'how settlement stands: pending, failed, oldest, rate';
revoke execute on function api.settlement_backlog from public;
grant execute on function api.settlement_backlog to pgsettle_app;
