-- The answers to the commands of a batch that placed no order: cancels and amendments, with the
-- order as it stands now; repeats, with its first answer, also a refusal [MAT-021]; and what
-- was refused before it was one. Takes the first answers of the orders that are repeated, and the
-- orders that were named as they stand. Reads nothing.
create or replace function matching.other_answers(
  p_symbol reference.symbols,
  p_executed matching.executed,
  p_first matching.order_row[],
  p_now matching.order_row[]
) returns setof matching.command_answer
language plpgsql stable
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
declare
  v_batch matching.batch := p_executed.batch;
  v_refusals matching.refusal[] := (p_executed.outcome).refusals;
begin
  return query
  select
    c.n::int, x.state, x.code, x.detail, x.field,
    coalesce(trim_scale(v_batch.bounds[c.n])::text, x.bound), o.*
  from unnest(v_refusals, v_batch.target_ids) with ordinality as c (refusal, target_id, n)
  join (select u.op, row_number() over () as n from unnest(v_batch.asked) as u) as a
    on a.n = c.n
  left join matching.explain_refusals(p_symbol, v_refusals) as x
    on x.refusal = c.refusal
  left join unnest(p_now) as o
    on o.order_id = c.target_id
  where a.op <> 'PLACE'
  union all
  select
    c.n::int, x.state, x.code, x.detail, x.field,
    coalesce(trim_scale(v_batch.bounds[c.n])::text, case
      when c.refusal = 'TRAILING_DELTA' and a.trailing_bips < p_symbol.min_trailing_bips
        then p_symbol.min_trailing_bips::text end, x.bound), o.*
  from unnest(v_refusals, v_batch.repeat_of) with ordinality as c (refusal, repeat_of, n)
  join (
    select u.op, u.trailing_bips, row_number() over () as n from unnest(v_batch.asked) as u
  ) as a
    on a.n = c.n
  left join (
    select u.kind, row_number() over () as n from unnest((p_executed.outcome).closings) as u
  ) as k
    on k.n = c.n
  left join unnest(p_first) as o
    on o.order_id = c.repeat_of
    and c.refusal = 'REPEATED'
  left join matching.explain_refusals(
    p_symbol, v_refusals || array(select f.reject_code from unnest(p_first) as f)
  ) as x
    on x.refusal = coalesce(o.reject_code, c.refusal)
  where a.op = 'PLACE'
    and k.kind is null;
end;
$$;
comment on function matching.other_answers is
  'the answers to the commands of a batch that placed no order';
