-- The outcome of a batch's own commands so far, with that of one more part, which began with
-- p_system commands of the venue's own; and with all fills. Reads nothing.
create or replace function matching.add_outcome(
  p_total matching.outcome,
  p_part matching.outcome,
  p_system int
) returns matching.outcome
language plpgsql immutable
as $$
declare
  v_total matching.outcome := p_total;
begin
  v_total.last_seq := p_part.last_seq;
  v_total.last_price := p_part.last_price;
  v_total.refusals := coalesce(p_total.refusals, '{}') || p_part.refusals[1 + p_system:p_part.done];
  if p_part.done > p_system then
    v_total.closings := coalesce(p_total.closings, '{}') || matching.padded_closings(
      p_part.closings[1 + p_system:p_part.done], p_part.done - p_system
    );
  end if;
  v_total.fills := p_total.fills || p_part.fills;
  v_total.prevented := p_total.prevented || p_part.prevented;
  return v_total;
end;
$$;
comment on function matching.add_outcome is 'the outcome of a batch so far, with one more part';
