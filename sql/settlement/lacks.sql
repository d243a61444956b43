-- Whether an account has less available than an amount, in the asset. Reads only.
create or replace function settlement.lacks(
  p_segment_id int,
  p_participant_id int,
  p_asset_id int,
  p_amount numeric
) returns boolean
language sql stable
as $$
  select not exists (
    select
    from ledger.accounts as a
    where a.segment_id = p_segment_id
      and a.participant_id = p_participant_id
      and a.asset_id = p_asset_id
      and (a.may_be_negative or a.posted - a.held >= p_amount)
  )
$$;
comment on function settlement.lacks is 'whether an account has less available than an amount';
