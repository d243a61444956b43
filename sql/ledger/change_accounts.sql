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
  v_rows tid[];
  v_posted numeric[];
  v_held numeric[];
  v_in numeric[];
  v_out numeric[];
begin
  for v_try in 1..2 loop
    begin
      with locked as materialized (
        select
          a.tid, a.posted + c.posted as posted, a.held + c.held as held,
          a.unsettled_in + c.unsettled_in as unsettled_in,
          a.unsettled_out + c.unsettled_out as unsettled_out,
          not a.may_be_negative and c.held > c.posted as is_at_risk
        from ledger.account_changes(p_segment_id, p_changes) as c
        cross join lateral (
          select
            b.ctid as tid, b.posted, b.held, b.unsettled_in, b.unsettled_out, b.may_be_negative
          from ledger.accounts as b
          where b.segment_id = c.segment_id
            and b.participant_id = c.participant_id
            and b.asset_id = c.asset_id
          order by b.version_no desc
          limit 1
          for no key update
        ) as a
      )
      select
        count(*), count(*) filter (where l.is_at_risk and l.held > l.posted),
        array_agg(l.tid), array_agg(l.posted), array_agg(l.held), array_agg(l.unsettled_in),
        array_agg(l.unsettled_out)
      into v_found, v_short, v_rows, v_posted, v_held, v_in, v_out
      from locked as l;
      if v_found < cardinality(p_changes) then
        raise exception 'an account of nobody, or of no asset' using errcode = 'NVACC';
      elsif v_short > 0 then
        return false;
      end if;
      -- In this block: another transaction id would make each lock a list of lockers.
      perform ledger.set_accounts(v_rows, v_posted, v_held, v_in, v_out);
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
