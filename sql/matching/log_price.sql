-- Keeps a price that was published from outside, before what it fires is done: that is a batch of
-- its own [MAT-091].
-- Writes: matching.command_log, matching.symbol_terms. Under the lock of the symbol.
create or replace function matching.log_price(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_source matching.trigger_source,
  p_price numeric
) returns void
language sql volatile
as $$
  insert into matching.command_log (
    segment_id, symbol_id, log_no, at, kind, first_seq, last_seq, terms_hash, source, price
  )
  values (
    p_symbol.segment_id, p_symbol.symbol_id, nextval('matching.command_log_no'), p_now, 'PRICE',
    p_state.last_seq + 1, p_state.last_seq, matching.keep_terms(p_symbol, p_now), p_source, p_price
  )
$$;
comment on function matching.log_price is 'keeps a price that was published from outside';
