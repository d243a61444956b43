-- Marks those who wait for accounts to which something came: more is available there than before
-- [LED-003]. The caller has the accounts locked. Writes: ledger.waits.
create or replace function ledger.tell_waits(
  p_segment_id int,
  p_changes ledger.account_change[]
) returns void
language sql volatile
as $$
  update ledger.waits as w
  set has_come = true
  from unnest(p_changes) as c
  where w.segment_id = p_segment_id
    and w.participant_id = c.participant_id
    and w.asset_id = c.asset_id
    and c.posted > c.held
    and not w.has_come
$$;
comment on function ledger.tell_waits is 'marks those who wait for accounts that something came to';
