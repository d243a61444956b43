-- Claimed instructions, in the order in which they settle (priority, value date, id): what of each
-- could settle now, and in which unit, or what it waits for. Those that are linked WITH each other
-- are one unit; one whose unit is not whole, or not ready, waits for it: LINKED [SET-008].
-- Reads only.
create or replace function settlement.judge_conditions(
  p_segment_id int,
  p_now timestamptz,
  p_instruction_ids bigint[]
) returns settlement.candidate[]
language sql stable
as $$
  with recursive reached as (
    select i.id as root_id, i.id
    from unnest(p_instruction_ids) as i (id)
    union
    select r.root_id, l.other_id
    from reached as r
    join settlement.links as l
      on l.segment_id = p_segment_id
      and l.instruction_id = r.id
      and l.link = 'WITH'
  ), judged as materialized (
    select
      i.instruction_id, i as instruction, s.quote_decimals, s.partial_unit, s.partial_minimum,
      i.priority, i.value_date, settlement.unmet_reason(i, p_now) as reason,
      i.quantity - i.settled_quantity as rest,
      least(i.buyer_released, i.seller_released, i.quantity) - i.settled_quantity as free
    from reference.ids(p_segment_id, p_instruction_ids) as w
    join settlement.waiting_instructions as i
      on i.segment_id = w.segment_id
      and i.instruction_id = w.id
    join reference.symbols as s
      on s.symbol_id = i.symbol_id
  ), grouped as (
    select
      r.root_id as instruction_id, min(r.id) as group_id, count(*) > 1 as is_linked,
      coalesce(bool_and(j.reason is null and j.free = j.rest), false)
        and count(*) = count(j.instruction_id) as is_ready
    from reached as r
    left join judged as j
      on j.instruction_id = r.id
    group by r.root_id
  ), ranked as (
    select
      j.*, g.is_linked, settlement.next_partial((j.instruction).symbol_id, p_now) as partial_at,
      coalesce(j.reason, case when g.is_linked and not g.is_ready
        then 'LINKED'::settlement.pending_reason end) as why,
      exists (
        select
        from settlement.reversals as v
        where v.segment_id = p_segment_id
          and v.reversal_id = j.instruction_id
      ) as is_reversal,
      min(array[j.priority, j.value_date - date '2000-01-01', j.instruction_id])
        over (partition by g.group_id) as rank_of_group
    from judged as j
    join grouped as g
      on g.instruction_id = j.instruction_id
  )
  select array_agg(row(
    r.instruction_id, r.unit_no, r.why,
    case r.why
      when 'FUTURE_DATE' then (r.instruction).due_at
      when 'CUTOFF' then settlement.next_open(
        array[(r.instruction).base_asset_id, (r.instruction).quote_asset_id], p_now
      )
      else case when r.partial_unit is null or r.partial_at <= p_now then 'infinity'::timestamptz
        else r.partial_at end end,
    settlement.part_of(r.instruction, r.free, r.quote_decimals),
    case when not r.is_linked and not (r.instruction).is_prefunded and r.partial_at <= p_now
      and not r.is_reversal then r.partial_unit end,
    coalesce(r.partial_minimum, r.partial_unit)
  )::settlement.candidate order by r.unit_no, r.instruction_id)
  from (
    select k.*, dense_rank() over (order by k.rank_of_group)::int as unit_no
    from ranked as k
  ) as r
$$;
comment on function settlement.judge_conditions is
  'what of claimed instructions could settle now, and with which others';
