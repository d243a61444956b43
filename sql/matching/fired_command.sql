-- The command that a stop order becomes which fires at this level: a market order, or a limit order
-- at its own price, or so far beyond the level as it says, on a tick away from the market
-- [MAT-057], [MAT-051]. Reads only.
create or replace function matching.fired_command(
  p_symbol reference.symbols,
  p_parked matching.parked_orders,
  p_level numeric,
  p_limit_offset numeric
) returns matching.command
language sql stable
as $$
  select matching.release_command(
    p_parked, p.client_id,
    case
      when p_parked.type in ('STOP_LIMIT', 'TAKE_PROFIT_LIMIT') then abs(p_parked.sort_price)
      when p_limit_offset is null then null
      when p_parked.side = 'BUY'
        then matching.tick_inside(p_level + p_limit_offset, p_symbol.tick_size)
      else greatest(-matching.tick_inside(p_limit_offset - p_level, p_symbol.tick_size),
        p_symbol.tick_size)
    end,
    p_parked.quantity
  )
  from reference.participants as p
  where p.participant_id = p_parked.participant_id
$$;
comment on function matching.fired_command is 'the command that a stop order becomes which fires';
