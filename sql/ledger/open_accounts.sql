-- Opens the accounts of these changes that do not stand yet, with nothing on them. Call it before
-- any account is locked [LED-004]: who has to wait for an account that another is opening holds
-- none then. Else one could hold A and wait for the new X, which a second, who waits for A, has
-- locked as soon as it stood.
-- Locks: advisory (5, segment), to the end of the transaction. Writes ledger.accounts.
create or replace function ledger.open_accounts(
  p_segment_id int,
  p_changes ledger.account_change[]
) returns void
language plpgsql volatile
as $$
declare
  c_lock_space constant int := 5;
begin
  perform pg_advisory_xact_lock(c_lock_space, p_segment_id);

  insert into ledger.accounts (segment_id, participant_id, asset_id, may_be_negative)
  select p_segment_id, c.participant_id, c.asset_id, p.kind = 'EXTERNAL'
  from ledger.account_changes(p_segment_id, p_changes) as c
  join reference.participants as p
    on p.participant_id = c.participant_id
  where not exists (select from ledger.find_account(p_segment_id, c.participant_id, c.asset_id))
  order by c.participant_id, c.asset_id;
end;
$$;
comment on function ledger.open_accounts is 'opens the accounts of changes where they are missing';
