-- The trade that takes the place of another at another price [BST-003]: the same orders, quantity
-- and time, so that it counts where the other one did, and the fees of that notional at the rates
-- that held for the trade, rounded up by itself. Its number comes when it is written. Reads only.
create or replace function matching.replacement_of(
  p_symbol reference.symbols,
  p_trade matching.trades,
  p_price numeric
) returns matching.trades
language plpgsql stable
as $$
declare
  c_one constant numeric := reference.units_in_one(p_symbol.quote_decimals);
  c_unit constant numeric := reference.asset_unit(p_symbol.quote_decimals);
  v_rates record := matching.rates_of(p_symbol, p_trade);
  v_trade matching.trades := p_trade;
begin
  v_trade.price := p_price;
  v_trade.taker_fee := ledger.round_up(p_price * p_trade.quantity * v_rates.taker, c_one, c_unit);
  v_trade.maker_fee := ledger.round_up(p_price * p_trade.quantity * v_rates.maker, c_one, c_unit);
  return v_trade;
end;
$$;
comment on function matching.replacement_of is
  'the trade that takes the place of another at another price';
