-- Changes as rows, in the order in which accounts are locked; planned as if there were one, for the
-- reason that reference.ids gives.
create or replace function ledger.account_changes(
  p_changes ledger.account_change[]
) returns setof ledger.account_change
language sql volatile
rows 1
as $$
  select c.* from unnest(p_changes) as c order by c.participant_id, c.asset_id
$$;
comment on function ledger.account_changes is 'changes as rows, in lock order';
