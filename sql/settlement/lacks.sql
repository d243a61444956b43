-- Whether an account has less available than an amount, in the asset. Reads only.
create or replace function settlement.lacks(
  p_segment_id int,
  p_participant_id int,
  p_asset_id int,
  p_amount numeric
) returns boolean
language sql stable
set enable_bitmapscan = off  -- accounts by their greatest version: ledger.find_account
set enable_sort = off
as $$
  select not exists (
    select
    from ledger.find_account(p_segment_id, p_participant_id, p_asset_id) as a
    where (a.may_be_negative or a.posted - a.held >= p_amount)
  )
$$;
comment on function settlement.lacks is 'whether an account has less available than an amount';
