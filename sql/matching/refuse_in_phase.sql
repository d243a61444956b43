-- Why a command is refused by the status and the phase of its symbol, or null [MAT-070]:
--
--   status, phase    limit   IOC FOK market  OPG CLS GFA     GTX     stop    amend    cancel
--   DELISTED         SYMBOL_DELISTED, all of them                            same     taken
--   HALTED           SYMBOL_HALTED, all of them                              same     taken
--   MAINTENANCE      CANCEL_ONLY, all of them                                down     taken
--   PRE_OPEN, CALL   taken   CALL_PHASE      see below       CALL_P. taken   taken *  taken *
--   CONTINUOUS       taken   taken           NOT_IN_CALL     taken   taken   taken    taken
--   CLOSED           taken ! SYMBOL_CLOSED   SYMBOL_CLOSED   S_CL.   taken ! taken    taken
--
-- limit is GTC, GTD, DAY, post-only or not. down: only if nothing but quantity is taken away, else
-- CANCEL_ONLY. * CANCELS_LOCKED in the last part of a call, where the symbol has one. ! if the
-- symbol accepts orders when closed, else SYMBOL_CLOSED. GFA is for any call; OPG is for one that
-- leads to CONTINUOUS, CLS for one that leads to CLOSED, and NOT_IN_CALL in the other.
--
-- An order that was accepted for later is judged again when it is released: a limit order that
-- may rest then does; what is released otherwise is not barred.
--
-- Takes what follows the phase (null: not known), whether cancels are locked, and of an amendment
-- whether it only takes quantity away. Reads nothing.
create or replace function matching.refuse_in_phase(
  p_symbol reference.symbols,
  p_phase reference.symbol_phase,
  p_phase_next reference.symbol_phase,
  p_is_locked boolean,
  p_op matching.operation,
  p_type matching.order_type_enum,
  p_time_in_force matching.time_in_force_enum,
  p_only_reduces boolean
) returns matching.refusal
language sql immutable parallel safe
as $$
  select case
    when p_op = 'RELEASE' and (
      p_symbol.status <> 'ACTIVE' or p_type <> 'LIMIT' or p_time_in_force in ('GTC', 'GTD', 'DAY')
    ) then null
    when p_op = 'CANCEL' and (p_symbol.status <> 'ACTIVE' or not p_is_locked) then null
    when p_op = 'CANCEL' then 'CANCELS_LOCKED'::matching.refusal
    when p_symbol.status = 'DELISTED' then 'SYMBOL_DELISTED'
    when p_symbol.status = 'HALTED' then 'SYMBOL_HALTED'
    when p_symbol.status = 'MAINTENANCE' and p_op = 'AMEND' and p_only_reduces then null
    when p_symbol.status = 'MAINTENANCE' then 'CANCEL_ONLY'
    when p_op = 'AMEND' and p_is_locked then 'CANCELS_LOCKED'
    when p_op = 'AMEND' then null
    when p_phase = 'CLOSED' and not p_symbol.accept_when_closed then 'SYMBOL_CLOSED'
    when p_type not in ('LIMIT', 'MARKET') then null
    when p_phase = 'CONTINUOUS' and p_time_in_force in ('OPG', 'CLS', 'GFA') then 'NOT_IN_CALL'
    when p_phase = 'CONTINUOUS' then null
    when p_phase = 'CLOSED'
      and (p_type = 'MARKET' or p_time_in_force not in ('GTC', 'GTD', 'DAY')) then 'SYMBOL_CLOSED'
    when p_phase = 'CLOSED' then null
    when p_time_in_force = 'OPG' and p_phase_next = 'CLOSED'
      or p_time_in_force = 'CLS' and p_phase_next is distinct from 'CLOSED' then 'NOT_IN_CALL'
    when p_time_in_force in ('IOC', 'FOK', 'GTX') then 'CALL_PHASE'
  end
$$;
comment on function matching.refuse_in_phase is
  'why the status and the phase of a symbol refuse a command, or null';
