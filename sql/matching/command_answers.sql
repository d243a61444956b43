-- What to answer to each command of a batch that was executed, in their order: how it was refused,
-- if it was, and the order: as it stood right after the command that placed it, else as it stands
-- now. Reads only.
create or replace function matching.command_answers(
  p_symbol reference.symbols,
  p_commands matching.command[],
  p_executed matching.executed
) returns setof matching.command_answer
language plpgsql volatile
as $$
declare
  v_batch matching.batch := p_executed.batch;
  v_refusals matching.refusal[] := (p_executed.outcome).refusals;
  v_targets bigint[] := v_batch.target_ids;
  v_first matching.order_row[];
  v_now matching.order_row[];
begin
  -- Only when there is something to look up: it is planned over all partitions.
  if array_position(v_refusals, 'REPEATED') is not null then
    v_first := array(
      select a
      from matching.first_answers(
        p_symbol.segment_id,
        array(select distinct r.id from unnest(v_batch.repeat_of) as r (id) where r.id is not null)
      ) as a
    );
  end if;
  if array_remove(v_targets, null) <> '{}' then
    v_now := array(
      select a
      from matching.order_rows(p_symbol.segment_id, array(
        select distinct t.id
        from unnest(v_targets, v_refusals) as t (id, refusal)
        where t.id is not null
          and t.refusal is distinct from 'UNKNOWN_ORDER'
      )) as a
    );
  end if;

  return query
  select a.*
  from (
    select p.* from matching.placed_answers(p_symbol, p_commands, p_executed) as p
    union all
    select o.* from matching.other_answers(p_symbol, p_executed, v_first, v_now) as o
  ) as a
  order by a.command_no;
end;
$$;
comment on function matching.command_answers is
  'what to answer to each command of an executed batch';
