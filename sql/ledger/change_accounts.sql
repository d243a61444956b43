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
declare
  v_found int;
  v_short int;
begin
  -- Missing ones are opened before any is locked: see ledger.open_accounts.
  select count(*) into v_found
  from ledger.account_changes(p_segment_id, p_changes) as c
  join ledger.accounts as a
    on a.segment_id = c.segment_id
    and a.participant_id = c.participant_id
    and a.asset_id = c.asset_id;
  if v_found < cardinality(p_changes) then
    perform ledger.open_accounts(p_segment_id, p_changes);
  end if;

  with locked as materialized (
    select a.posted, a.held, a.may_be_negative, c.posted as more_posted, c.held as more_held
    from ledger.account_changes(p_segment_id, p_changes) as c
    join ledger.accounts as a
      on a.segment_id = c.segment_id
      and a.participant_id = c.participant_id
      and a.asset_id = c.asset_id
    order by a.participant_id, a.asset_id
    for no key update of a
  )
  select
    count(*),
    count(*) filter (
      where not l.may_be_negative
        and l.more_held > l.more_posted
        and l.held + l.more_held > l.posted + l.more_posted
    )
  into v_found, v_short
  from locked as l;

  if v_found <> cardinality(p_changes) then
    raise exception 'an account of nobody, or of no asset' using errcode = 'NVACC';
  end if;
  if v_short > 0 then
    return false;
  end if;

  update ledger.accounts as a
  set posted = a.posted + c.posted,
    held = a.held + c.held,
    unsettled_in = a.unsettled_in + c.unsettled_in,
    unsettled_out = a.unsettled_out + c.unsettled_out
  from ledger.account_changes(p_segment_id, p_changes) as c
  where a.segment_id = c.segment_id
    and a.participant_id = c.participant_id
    and a.asset_id = c.asset_id;

  if exists (select from ledger.waits as w where w.segment_id = p_segment_id) then
    perform ledger.tell_waits(p_segment_id, p_changes);
  end if;
  return true;
end;
$$;
comment on function ledger.change_accounts is
  'adds changes to accounts, all or none; false when one would hold more than it has';
