-- What to answer to each command of a batch that was executed, in their order: how it was refused,
-- if it was, and the order: as it stood right after the command that placed it, else as it stands
-- now.
-- Reads only.
create or replace function matching.command_answers(
  p_symbol reference.symbols,
  p_commands matching.command[],
  p_executed matching.executed
) returns setof matching.command_answer
language plpgsql volatile
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
declare
  v_batch matching.batch := p_executed.batch;
  v_named bigint[];
begin
  if v_batch.ops && array['CANCEL', 'AMEND']::matching.operation[] then
    select array_agg(distinct t.order_id) into v_named
    from unnest(v_batch.ops, v_batch.target_ids, (p_executed.outcome).refusals)
      as t (op, order_id, refusal)
    where t.op <> 'PLACE'
      and t.refusal is distinct from 'UNKNOWN_ORDER';
  end if;

  return query
  select
    c.n::int, x.state, case when x.state is not null then c.refusal::text end, x.detail, x.field,
    x.bound, (coalesce(p.order_row, f.order_row, o.order_row)).*
  from unnest(
    v_batch.ops, (p_executed.outcome).refusals, v_batch.repeat_of, v_batch.target_ids
  ) with ordinality as c (op, refusal, repeat_of, target_id, n)
  left join lateral matching.explain_refusal(p_symbol, c.refusal) as x
    on true
  left join matching.placed_rows(p_symbol, p_commands, p_executed) as p
    on p.n = c.n
  left join (
    select a.order_id, a as order_row
    from matching.first_answers(p_symbol.segment_id, array_remove(v_batch.repeat_of, null)) as a
  ) as f
    on f.order_id = c.repeat_of
    and c.refusal = 'REPEATED'
  left join (
    select a.order_id, a as order_row
    from matching.order_rows(p_symbol.segment_id, v_named) as a
  ) as o
    on o.order_id = c.target_id
    and c.op <> 'PLACE'
  order by c.n;
end;
$$;
comment on function matching.command_answers is
  'what to answer to each command of an executed batch';
