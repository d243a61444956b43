-- Opens the accounts of these changes that do not stand yet, with nothing on them.
-- Writes ledger.accounts, in key order, so that two callers cannot wait for each other in a ring.
create or replace function ledger.open_accounts(
  p_segment_id int,
  p_changes ledger.account_change[]
) returns void
language sql volatile
as $$
  insert into ledger.accounts (segment_id, participant_id, asset_id, may_be_negative)
  select p_segment_id, c.participant_id, c.asset_id, p.kind = 'EXTERNAL'
  from ledger.account_changes(p_segment_id, p_changes) as c
  join reference.participants as p
    on p.participant_id = c.participant_id
  order by c.participant_id, c.asset_id
  on conflict do nothing
$$;
comment on function ledger.open_accounts is 'opens the accounts of changes where they are missing';
