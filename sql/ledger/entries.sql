-- Every transfer as its two entries: what the debited account gave (negative) and what the credited
-- account got. Sums to zero by shape; per account it sums to accounts.posted.
create or replace view ledger.entries as
select
  t.segment_id,
  t.journal_id,
  t.line_no,
  e.participant_id,
  t.asset_id,
  e.amount,
  t.kind,
  t.instruction_id,
  t.posted_at
from ledger.transfers as t
cross join lateral (
  values (t.debit_participant_id, -t.amount), (t.credit_participant_id, t.amount)
) as e (participant_id, amount);
comment on view ledger.entries is 'each transfer as two entries: debit negative, credit positive';
