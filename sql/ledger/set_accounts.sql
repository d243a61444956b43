-- Sets accounts to what they come to. Takes where the rows are, as the caller has locked them:
-- nobody else can have moved them. For ledger.change_accounts. Writes: ledger.accounts.
-- Raises, when the caller broke an invariant: 23514, a rule of the table; NVACC, a row has moved.
create or replace function ledger.set_accounts(
  p_rows tid[],
  p_posted numeric[],
  p_held numeric[],
  p_unsettled_in numeric[],
  p_unsettled_out numeric[]
) returns void
language plpgsql volatile
set enable_seqscan = off    -- by place, however few rows there seem to be
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_count int;
begin
  update ledger.accounts as a
  set posted = n.posted,
    held = n.held,
    unsettled_in = n.unsettled_in,
    unsettled_out = n.unsettled_out,
    changes = a.changes + 1
  from (
    select
      unnest(p_rows) as tid, unnest(p_posted) as posted, unnest(p_held) as held,
      unnest(p_unsettled_in) as unsettled_in, unnest(p_unsettled_out) as unsettled_out
  ) as n
  where a.ctid = n.tid;

  get diagnostics v_count = row_count;
  if v_count <> cardinality(p_rows) then
    raise exception 'an account is not where it was locked' using errcode = 'NVACC';
  end if;
end;
$$;
comment on function ledger.set_accounts is 'sets accounts to what they come to';
