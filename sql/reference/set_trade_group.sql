-- Puts a participant into a trade group, or into none: those of one group do not trade with each
-- other [MAT-069]. Holds from the next batch on, also for the orders that stand.
-- Writes: reference.participants. Raises: NFPAR; 23514 when the group's code is not one.
create or replace function reference.set_trade_group(
  p_client_id text,
  p_trade_group text
) returns void
language plpgsql volatile
as $$
begin
  update reference.participants as p
  set trade_group = p_trade_group
  where p.participant_id = (reference.get_participant(p_client_id)).participant_id;
end;
$$;
comment on function reference.set_trade_group is 'puts a participant into a trade group';
