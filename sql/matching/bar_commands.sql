-- Says of each command why the time or the phase of the symbol bars it: a deadline that has passed,
-- an expiry that is not in the future, or what matching.refuse_in_phase says. Such an order has
-- reached the matcher, and is kept as a rejected one. [MAT-054], [MAT-060].
-- Reads nothing; returns the batch.
create or replace function matching.bar_commands(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch
) returns matching.batch
language plpgsql immutable
as $$
declare
  v_asked matching.asked[] := p_batch.asked;
  v_command matching.command;
  v_no int := 0;
begin
  foreach v_command in array p_commands loop
    v_no := v_no + 1;
    -- What the venue itself does is barred by nothing.
    continue when v_command.op = 'RELEASE' or v_command.end_reason is not null;
    v_asked[v_no].bar := case
      when v_command.op <> 'CANCEL' and v_command.expire_at <= p_now 
        then 'EXPIRE_AT'::matching.refusal
      when v_command.deadline <= p_now then 'EXPIRED_REQUEST'
      else matching.refuse_in_phase(
        p_symbol.status, p_state.phase, p_symbol.accept_when_closed, v_command.op, v_command.type,
        v_command.time_in_force, v_command.price is null and v_command.quantity is not null
      ) end;
  end loop;
  p_batch.asked := v_asked;
  return p_batch;
end;
$$;
comment on function matching.bar_commands is
  'says of each command why the time or the phase of the symbol bars it';
