-- Locks accounts and says what each has available, in the asset; infinity for one that may be
-- negative. Takes them in the order of their locks, each once; those that do not stand yet are
-- opened. Locks: where one is to be opened, advisory (5, segment); the accounts, in the order
-- (participant, asset), to the end of the transaction.
create or replace function ledger.lock_accounts(
  p_segment_id int,
  p_participant_ids int[],
  p_asset_ids int[]
) returns numeric[]
language plpgsql volatile
set enable_bitmapscan = off  -- accounts by their greatest version: ledger.find_account
set enable_sort = off
as $$
declare
  v_missing ledger.account_change[];
  v_available numeric[];
begin
  v_missing := array(
    select row(w.participant_id, w.asset_id, 0, 0, 0, 0)::ledger.account_change
    from unnest(p_participant_ids, p_asset_ids) as w (participant_id, asset_id)
    where not exists (
      select from ledger.find_account(p_segment_id, w.participant_id, w.asset_id)
    )
  );
  if v_missing <> '{}' then
    perform ledger.open_accounts(p_segment_id, v_missing);
  end if;

  with locked as materialized (
    select a.participant_id, a.asset_id, a.posted - a.held as available, a.may_be_negative
    from (
      select u.participant_id, u.asset_id
      from unnest(p_participant_ids, p_asset_ids) as u (participant_id, asset_id)
      order by u.participant_id, u.asset_id
    ) as w
    cross join lateral (
      select b.*
      from ledger.accounts as b
      where b.segment_id = p_segment_id
        and b.participant_id = w.participant_id
        and b.asset_id = w.asset_id
      order by b.version_no desc
      limit 1
      for no key update
    ) as a
  )
  select array_agg(
    case when l.may_be_negative then 'Infinity'::numeric else l.available end
    order by l.participant_id, l.asset_id
  )
  into v_available
  from locked as l;
  return coalesce(v_available, '{}');
end;
$$;
comment on function ledger.lock_accounts is 'locks accounts and says what each has available';
