-- Netting windows, newest first: how many instructions wait in each, and how many it settled.
create or replace view ops.v_windows as
select
  w.window_id,
  w.netting_set,
  w.opened_at,
  w.closed_at,
  w.settled_at,
  w.journal_id,
  w.problem,
  (
    select count(*)
    from settlement.waiting_instructions as i
    where i.segment_id = w.segment_id
      and i.window_id = w.window_id
  ) as waiting,
  (
    select count(*)
    from settlement.cancelled_instructions as c
    where c.segment_id = w.segment_id
      and c.netted_into = w.window_id
  ) as settled
from clearing.windows as w
order by w.window_id desc;
comment on view ops.v_windows is 'netting windows, newest first';
