-- Checks what a schedule of fees is to be: at a symbol or at a group, from no time that has passed,
-- its tiers each a volume, a maker's and a taker's rate, the first from 0 on, each of more volume
-- than the one before. Reads nothing.
-- Raises: IVFEE, and says which of them is not so.
create or replace function reference.check_fees(
  p_symbol text,
  p_group text,
  p_tiers numeric[],
  p_from timestamptz,
  p_now timestamptz
) returns void
language plpgsql immutable
as $$
declare
  v_wrong text := case
    when num_nonnulls(p_symbol, p_group) = 2 then 'fees are for a symbol or for a group'
    when p_from < p_now then 'fees cannot begin in the past'
    when p_from = 'infinity' then 'fees must begin some time'
    when p_tiers = '{}' then null
    when array_ndims(p_tiers) is distinct from 2 or array_length(p_tiers, 2) <> 3
      then 'a tier of fees is a volume, a maker''s rate and a taker''s'
    when exists (select from unnest(p_tiers) as u (rate) where u.rate is null)
      then 'a tier of fees has no null'
    when p_tiers[1][1] <> 0 then 'the first tier of fees begins at a volume of 0'
    when exists (
      select
      from generate_subscripts(p_tiers, 1) as i (n)
      where p_tiers[i.n][1] <= p_tiers[i.n - 1][1]
        or p_tiers[i.n][1] in ('NaN', 'Infinity')
    ) then 'each tier of fees begins at a greater volume than the one before'
    when exists (
      select
      from generate_subscripts(p_tiers, 1) as i (n)
      cross join generate_series(2, 3) as j (k)
      where not (p_tiers[i.n][j.k] > -1 and p_tiers[i.n][j.k] < 1)
    ) then 'a rate of fees is between -1 and 1'
  end;
begin
  if v_wrong is not null then
    raise exception '%', v_wrong using errcode = 'IVFEE', hint = 'BAD_FEES', column = 'tiers';
  end if;
end;
$$;
comment on function reference.check_fees is 'checks what a schedule of fees is to be';
