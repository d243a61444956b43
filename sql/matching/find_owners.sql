-- Who asks, by command, null where nobody does or is known; and who of them has a group. A
-- statement of its own, because a join loses the order of the commands, and this sorts two columns
-- where matching.parse_commands would sort whole commands.
-- Reads only.
create or replace function matching.find_owners(
  p_commands matching.command[],
  out owner_ids int[],
  out grouped_ids int[]
)
language plpgsql stable
as $$
begin
  select
    array_agg(p.participant_id order by c.n),
    array_agg(p.participant_id) filter (where p.trade_group is not null)
  into owner_ids, grouped_ids
  from (
    select u.client_id, u.ordinality as n from unnest(p_commands) with ordinality as u
  ) as c
  left join reference.participants as p
    on p.client_id = c.client_id
    and p.kind = 'CUSTOMER';
end;
$$;
comment on function matching.find_owners is 'who asks, by command, and who of them has a group';
