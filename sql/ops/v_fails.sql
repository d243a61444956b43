-- Settlement instructions that could not be posted: put aside and waiting, or given up.
create or replace view ops.v_fails as
select
  i.instruction_id,
  s.symbol,
  i.status,
  i.reason,
  i.problem,
  i.attempts,
  i.next_attempt_at,
  i.created_at
from settlement.waiting_instructions as i
join reference.symbols as s
  on s.symbol_id = i.symbol_id
where i.attempts > 0
order by i.status desc, i.created_at;
comment on view ops.v_fails is 'settlement instructions that could not be posted';
