-- Why a symbol's status and phase refuse a command, or null: the table of [MAT-060]. Takes whether
-- an amendment changes the quantity only. Reads nothing.
create or replace function matching.refuse_in_phase(
  p_status reference.symbol_status_enum,
  p_phase reference.symbol_phase,
  p_accepts_when_closed boolean,
  p_op matching.operation,
  p_type matching.order_type_enum,
  p_time_in_force matching.time_in_force_enum,
  p_is_quantity_only boolean
) returns matching.refusal
language sql immutable parallel safe
as $$
  select case
    when p_op = 'CANCEL' then null
    when p_status = 'DELISTED' then 'SYMBOL_DELISTED'::matching.refusal
    when p_status = 'HALTED' then 'SYMBOL_HALTED'
    when p_status = 'MAINTENANCE' and not (p_op = 'AMEND' and p_is_quantity_only) then 'CANCEL_ONLY'
    when p_op = 'AMEND' then null
    when p_phase = 'CLOSED' and (
      not p_accepts_when_closed or p_time_in_force not in ('GTC', 'GTD') or p_type = 'MARKET'
    ) then 'SYMBOL_CLOSED'
    when p_phase in ('PRE_OPEN', 'CALL') and (
      p_time_in_force in ('IOC', 'FOK', 'GTX') and p_type in ('LIMIT', 'MARKET')
    ) then 'CALL_PHASE'
    when p_phase = 'CONTINUOUS' and p_time_in_force in ('OPG', 'CLS', 'GFA') then 'NOT_IN_CALL'
  end
$$;
comment on function matching.refuse_in_phase is
  'why a symbol''s status and phase refuse a command';
