-- Adds changes to accounts, all or none, one change an account: the only writer of balances.
-- Takes pairs of (participant, asset), each once, and what to add to posted, held, unsettled_in and
-- unsettled_out, in the asset. Returns false, with nothing written, when an account would hold more
-- than it has; the accounts stay locked, so that what the caller reads next stays true [LED-001].
-- Locks: the accounts, in the order (participant, asset), to the end of the transaction.
-- Raises: 23514 when a change breaks another rule of the table: a broken invariant of the caller.
create or replace function ledger.change_accounts(
  p_segment_id int,
  p_participant_ids int[],
  p_asset_ids int[],
  p_posted numeric[],
  p_held numeric[],
  p_unsettled_in numeric[],
  p_unsettled_out numeric[]
) returns boolean
language plpgsql volatile
as $$
declare
  v_found int;
begin
  for v_try in 1..2 loop
    with locked as materialized (
      select a.participant_id
      from unnest(p_participant_ids, p_asset_ids) as c (participant_id, asset_id)
      join ledger.accounts as a
        on a.segment_id = p_segment_id
        and a.participant_id = c.participant_id
        and a.asset_id = c.asset_id
      order by a.participant_id, a.asset_id
      for no key update of a
    )
    select count(*) into v_found
    from locked as l;

    exit when v_found = cardinality(p_participant_ids);
    perform ledger.open_accounts(p_segment_id, p_participant_ids, p_asset_ids);
  end loop;

  perform
  from unnest(p_participant_ids, p_asset_ids, p_posted, p_held)
    as c (participant_id, asset_id, posted, held)
  join ledger.accounts as a
    on a.segment_id = p_segment_id
    and a.participant_id = c.participant_id
    and a.asset_id = c.asset_id
  where not a.may_be_negative
    and a.held + c.held > a.posted + c.posted
    and c.held > c.posted;

  if found then
    return false;
  end if;

  update ledger.accounts as a
  set posted = a.posted + c.posted,
    held = a.held + c.held,
    unsettled_in = a.unsettled_in + c.unsettled_in,
    unsettled_out = a.unsettled_out + c.unsettled_out
  from unnest(
    p_participant_ids, p_asset_ids, p_posted, p_held, p_unsettled_in, p_unsettled_out
  ) as c (participant_id, asset_id, posted, held, unsettled_in, unsettled_out)
  where a.segment_id = p_segment_id
    and a.participant_id = c.participant_id
    and a.asset_id = c.asset_id;

  return true;
end;
$$;
comment on function ledger.change_accounts is
  'adds changes to accounts, all or none; false when one would hold more than it has';
