-- Says of each command why the time or the phase of the symbol bars it: a deadline that has passed,
-- an expiry that is not in the future, or what matching.refuse_in_phase says. Such an order has
-- reached the matcher, and is kept as a rejected one. [MAT-054], [MAT-070]. Whether an amendment
-- asks for a price or quantity other than the order's is for matching.amend_terms.
--
-- A market order for a call becomes a limit order at the bound of the symbol's protection about the
-- last price, on a tick; without one it is refused [MAT-086]. Outside of continuous trading a stop
-- order whose price is met is refused where it would fire at once, and an exit waits; one that
-- fired before waits on.
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
  v_is_locked boolean := matching.are_cancels_locked(p_symbol, p_state, p_now);
  v_command matching.command;
  v_no int := 0;
begin
  foreach v_command in array p_commands loop
    v_no := v_no + 1;
    -- What the venue itself does is barred by nothing, but a release by the phase.
    continue when v_command.end_reason <> 'USER'
      or v_command.op = 'AMEND' and v_command.end_reason is not null;
    v_asked[v_no].bar := case
      when v_command.op = 'RELEASE' then null
      when v_command.op <> 'CANCEL' and v_command.time_in_force is distinct from 'DAY'
        and v_command.expire_at <= p_now then 'EXPIRE_AT'::matching.refusal
      when v_command.deadline <= p_now then 'EXPIRED_REQUEST'
    end;
    v_asked[v_no].bar := coalesce(v_asked[v_no].bar, matching.refuse_in_phase(
      p_symbol, p_state.phase, p_state.phase_next, v_is_locked, v_command.op, v_command.type,
      v_command.time_in_force,
      num_nulls(v_command.expire_at, v_command.time_in_force) = 2
    ));
    if v_command.op = 'RELEASE' and p_state.phase <> 'CONTINUOUS'
      and v_command.type not in ('LIMIT', 'MARKET') and not v_asked[v_no].is_stop then
      p_batch.refusals[v_no] := 'CALL_PHASE';
    elsif v_asked[v_no].is_stop and p_state.phase <> 'CONTINUOUS' then
      v_asked[v_no].waits := v_command.op = 'RELEASE';
      v_asked[v_no].fires_at_once := false;
    elsif v_asked[v_no].is_stop and v_command.op = 'PLACE' then
      v_asked[v_no].fires_at_once := coalesce(v_command.trigger_immediately, false);
    elsif v_command.type = 'MARKET' and v_command.time_in_force in ('OPG', 'CLS') then
      p_batch.sort_prices[v_no] := case when v_asked[v_no].bar is null then
        matching.call_bound(p_symbol, v_command.side, p_state.last_price) end;
      v_asked[v_no].is_market := p_batch.sort_prices[v_no] is null;
      v_asked[v_no].rests := true;
      v_asked[v_no].probes := false;
      if v_asked[v_no].is_market then
        v_asked[v_no].bar := coalesce(v_asked[v_no].bar, 'NO_LIQUIDITY');
      end if;
    end if;
  end loop;
  p_batch.asked := v_asked;
  return p_batch;
end;
$$;
comment on function matching.bar_commands is
  'says of each command why the time or the phase of the symbol bars it';
