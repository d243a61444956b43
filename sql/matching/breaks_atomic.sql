-- Whether a batch that is all or none cannot be taken whole: a command of it is refused, or repeats
-- one that was refused when it came first; or an order is to be cancelled for another, and was
-- cancelled before: two that replace one order would both place theirs. Takes what refused its
-- commands. Reads only.
create or replace function matching.breaks_atomic(
  p_segment_id int,
  p_batch matching.batch,
  p_refusals matching.refusal[]
) returns boolean
language plpgsql volatile
as $$
begin
  if exists (
    select from unnest(p_refusals) as r (refusal)
    where r.refusal not in ('REPEATED', 'ALREADY_CANCELLED')
  )
  or array_position(p_refusals, 'ALREADY_CANCELLED') is not null and exists (
    select
    from unnest(p_refusals, p_batch.order_ids) as r (refusal, order_id)
    where r.refusal is null
      and r.order_id is not null
  ) then
    return true;
  end if;
  if array_position(p_refusals, 'REPEATED') is null then
    return false;
  end if;
  return exists (
    select
    from matching.first_answers(
      p_segment_id,
      array(select distinct r.id from unnest(p_batch.repeat_of) as r (id) where r.id is not null)
    ) as f
    where f.reject_code is not null
  );
end;
$$;
comment on function matching.breaks_atomic is
  'whether a batch that is all or none cannot be taken whole';
