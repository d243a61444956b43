-- Executes commands of one symbol in their order and answers each: the way in for orders.
-- Takes an array of objects with op (PLACE, CANCEL, AMEND) and the other fields of matching.command.
-- Returns a row a command, in their order: error_state is null when all is well, else five letters
-- whose class decides the HTTP status; then the order, as it stood right after its own command when
-- that placed it (a repeat of a key answers as the first time), else as it stands now.
-- Locks and writes: see matching.execute_batch. Raises: NFSYM; 22P02 for a word it does not know.
create or replace function api.execute_commands(
  p_segment_id int,
  p_symbol text,
  p_now timestamptz,
  p_commands jsonb,
  p_atomic boolean
) returns setof api.command_answer
language plpgsql volatile
security definer
set search_path = ''
set enable_nestloop = off
as $$
declare
  v_symbol reference.symbols := reference.get_symbol(p_segment_id, p_symbol);
  v_commands matching.command[];
  v_executed matching.executed;
  v_batch matching.batch;
  v_repeated bigint[];
  v_named bigint[];
begin
  select array_agg(c) into v_commands
  from jsonb_populate_recordset(null::matching.command, p_commands) as c;

  v_executed := matching.execute_batch(v_symbol.symbol_id, p_now, v_commands, p_atomic);
  v_batch := v_executed.batch;
  v_repeated := array_remove(v_batch.repeat_of, null);
  if v_batch.ops && array['CANCEL', 'AMEND']::matching.operation[] then
    select array_agg(distinct t.order_id) into v_named
    from unnest(v_batch.ops, v_batch.target_ids, (v_executed.outcome).refusals)
      as t (op, order_id, refusal)
    where t.op <> 'PLACE'
      and t.refusal is distinct from 'UNKNOWN_ORDER';
  end if;

  return query
  select
    c.n::int, x.state, case when x.state is not null then c.refusal::text end, x.detail, x.field,
    x.bound, (coalesce(p.order_row, f.order_row, o.order_row)).*
  from unnest(
    v_batch.ops, (v_executed.outcome).refusals, v_batch.repeat_of, v_batch.target_ids
  ) with ordinality as c (op, refusal, repeat_of, target_id, n)
  left join lateral matching.explain_refusal(v_symbol, c.refusal) as x
    on true
  left join matching.placed_rows(v_symbol, v_commands, v_executed) as p
    on p.n = c.n
  left join (
    select a.order_id, a as order_row
    from matching.first_answers(p_segment_id, v_repeated) as a
  ) as f
    on f.order_id = c.repeat_of
    and c.refusal = 'REPEATED'
  left join (
    select a.order_id, a as order_row
    from matching.order_rows(p_segment_id, v_named) as a
  ) as o
    on o.order_id = c.target_id
    and c.op <> 'PLACE'
  order by c.n;
end;
$$;
comment on function api.execute_commands is 'executes commands of one symbol in their order and answers each';
grant execute on function api.execute_commands to pgsettle_app;
