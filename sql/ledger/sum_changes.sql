-- Changes of accounts, one an account: those of the same account added up. Null for none.
-- Reads nothing.
create or replace function ledger.sum_changes(
  p_changes ledger.account_change[]
) returns ledger.account_change[]
language sql immutable
as $$
  select array_agg(s.change)
  from (
    select
      row(c.participant_id, c.asset_id, sum(c.posted), sum(c.held), sum(c.unsettled_in),
        sum(c.unsettled_out))::ledger.account_change as change
    from unnest(p_changes) as c
    group by c.participant_id, c.asset_id
  ) as s
$$;
comment on function ledger.sum_changes is 'changes of accounts, one an account';
