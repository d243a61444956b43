-- Settlement instructions that fail: past their value date, or not to be posted: put aside, or
-- given up.
create or replace view ops.v_fails as
select
  i.instruction_id,
  s.symbol,
  i.status,
  i.reason,
  i.problem,
  i.attempts,
  i.next_attempt_at,
  i.created_at,
  i.value_date,
  greatest(current_date - i.value_date, 0) as days_late
from settlement.waiting_instructions as i
join reference.symbols as s
  on s.symbol_id = i.symbol_id
where i.attempts > 0
  or i.value_date < current_date
order by i.status desc, i.created_at;
comment on view ops.v_fails is 'settlement instructions that fail: late, put aside, or given up';
