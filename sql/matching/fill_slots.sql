-- Gives a batch its slots: one for each command, those of the orders that it found, and which of
-- the latter stand in the book; and its parties, numbered in the order of their ids. Reads nothing.
create or replace function matching.fill_slots(
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch
) returns matching.batch
language plpgsql stable
as $$
declare
  v_count int := cardinality(p_batch.asked);
  v_found matching.slot[] := (p_batch.found).slots;
begin
  select coalesce(array_agg(distinct o.owner_id), '{}') into p_batch.party_ids
  from (
    select u.owner_id
    from unnest(p_batch.owner_ids) as u (owner_id)
    union all
    select f.owner_id
    from unnest(v_found) as f
  ) as o
  where o.owner_id is not null;

  select coalesce(array_agg(row(
    c.new_id, c.owner_id, matching.party_no(p_batch.party_ids, c.owner_id), coalesce(c.quantity, 0),
    0, 0, 0, 0, 0, 0, c.display_quantity, null, null, null, p_now, null, null, null, null, c.type,
    c.stp, c.post_only, c.slide, c.expire_at,
    case when c.time_in_force in ('DAY', 'OPG', 'CLS', 'GFA', 'GTX') then c.time_in_force end, null
  )::matching.slot), '{}')
  into p_batch.slots
  from matching.command_rows(p_commands, p_batch, null) as c;

  p_batch.standing := '{}';
  for v_no in 1..cardinality(v_found) loop
    v_found[v_no].party_no :=
      matching.party_no(p_batch.party_ids, v_found[v_no].owner_id);
    if v_found[v_no].pending is null then
      p_batch.standing := p_batch.standing || (v_count + v_no);
    end if;
  end loop;
  p_batch.slots := p_batch.slots || v_found;
  return p_batch;
end;
$$;
comment on function matching.fill_slots is 'gives a batch its slots and its parties';
