-- What is not settled, by symbol and status, and since when.
create or replace view ops.v_settlement_backlog as
select
  s.symbol,
  i.status,
  i.reason,
  count(*) as instructions,
  min(i.created_at) as oldest_created_at,
  min(i.next_attempt_at) as next_attempt_at,
  max(i.attempts) as most_attempts
from settlement.instructions as i
join reference.symbols as s
  on s.symbol_id = i.symbol_id
where i.status not in ('SETTLED', 'CANCELLED')
group by s.symbol, i.status, i.reason
order by s.symbol, i.status, i.reason;
comment on view ops.v_settlement_backlog is 'what is not settled, by symbol and status';
