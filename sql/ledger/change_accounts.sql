-- Adds changes to accounts, all or none: the only writer of balances.
-- Takes at most one change an account: what to add to posted, held, unsettled_in and
-- unsettled_out, in the asset. Accounts that do not stand yet are opened. Returns false, with
-- nothing changed, when an account would hold more than it has; the accounts stay locked, so that
-- what the caller reads next stays true [LED-001]. Whoever waits for one of them is told.
-- Locks: where one is to be opened, advisory (5, segment); the accounts, in the order (participant,
-- asset), to the end of the transaction.
-- Raises, when the caller broke an invariant: NVACC when a change is for nobody's account, 23514
-- when it breaks another rule of the table.
create or replace function ledger.change_accounts(
  p_segment_id int,
  p_changes ledger.account_change[]
) returns boolean
language plpgsql volatile
as $$
begin
  for v_try in 1..2 loop
    begin
      if not ledger.apply_changes(p_segment_id, p_changes) then
        return false;
      end if;
      exit;
    exception when sqlstate 'NVACC' then
      if v_try = 2 then
        raise;
      end if;
    end;
    -- What was locked has gone with the block: they are opened before any is locked.
    perform ledger.open_accounts(p_segment_id, p_changes);
  end loop;

  if exists (select from ledger.waits as w where w.segment_id = p_segment_id) then
    perform ledger.tell_waits(p_segment_id, p_changes);
  end if;
  return true;
end;
$$;
comment on function ledger.change_accounts is
  'adds changes to accounts, all or none; false when one would hold more than it has';
