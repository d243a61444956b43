-- Closed periods, newest first, with the checksum that their packs had when they were sealed, and
-- who opened which of them again and why.
create or replace view ops.v_periods as
select
  p.period_no,
  p.starts_at,
  p.ends_at,
  p.closed_at,
  p.closed_by,
  p.last_finality_no,
  p.sealed_at,
  encode(p.checksum, 'hex') as checksum,
  p.reopened_at,
  p.reopened_by,
  p.reopen_reason
from ledger.periods as p
order by p.period_no desc;
comment on view ops.v_periods is 'closed periods, their checksums, and who opened them again';
