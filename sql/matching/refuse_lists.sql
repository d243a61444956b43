-- The refusals of a batch with those of its lists [MAT-053]. A list is two orders of one side of
-- which one cancels the other, or an entry and behind it one or two exits of the other side: of one
-- participant, one quantity, and in one piece. Of two that exclude each other one at most may be
-- a limit order: one taker could meet both. When an order of a list is refused, all are.
-- Reads nothing.
create or replace function matching.refuse_lists(
  p_commands matching.command[],
  p_refusals matching.refusal[]
) returns matching.refusal[]
language plpgsql immutable
as $$
declare
  v_refusals matching.refusal[] := p_refusals;
  v_list record;
  v_no int;
begin
  for v_list in
    select
      array_agg(c.n order by c.n) as nos, bool_or(p_refusals[c.n] is not null) as is_refused,
      coalesce(max(c.n) - min(c.n) + 1 = count(*)
        and count(distinct c.client_id) = 1
        and count(c.quantity) = count(*)
        and count(distinct c.quantity) = 1
        and count(*) filter (where c.list_role <> 'ENTRY' and c.type = 'LIMIT') < 2
        and count(*) filter (where c.list_role <> 'ENTRY' and (
          c.type = 'MARKET' or c.type = 'LIMIT' and c.time_in_force in ('IOC', 'FOK'))) = 0
        and case count(*) filter (where c.list_role = 'OCO')
          when 0 then count(*) in (2, 3)
            and array_agg(c.list_role order by c.n) = array_prepend(
              'ENTRY'::matching.list_role,
              array_fill('EXIT'::matching.list_role, array[count(*)::int - 1]))
            and min(c.side) filter (where c.list_role = 'EXIT')
              = max(c.side) filter (where c.list_role = 'EXIT')
            and count(distinct c.side) = 2
          else count(*) = 2
            and count(*) filter (where c.list_role = 'OCO') = 2
            and count(distinct c.side) = 1
        end, false) as is_good
    from (select u.*, row_number() over ()::int as n from unnest(p_commands) as u) as c
    where c.list_no is not null
      and c.op = 'PLACE'
    group by c.list_no
  loop
    foreach v_no in array v_list.nos loop
      v_refusals[v_no] := coalesce(v_refusals[v_no], case
        when not v_list.is_good then 'BAD_LIST'::matching.refusal
        when v_list.is_refused then 'LIST_REFUSED' end);
    end loop;
  end loop;
  return v_refusals;
end;
$$;
comment on function matching.refuse_lists is 'the refusals of a batch with those of its lists';
