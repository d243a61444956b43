-- Lists a symbol: tradable when this commits, no restart. Assets that are not known yet are made,
-- with 8 decimals unless the options say base_decimals or quote_decimals.
-- Takes the symbol (base, dash, quote), tick size in quote per base, lot size in base, and options,
-- see matching.symbol_terms. tick x lot must be a multiple of the quote unit: notionals are exact.
-- Returns the symbol's id. Writes: reference.assets, reference.symbols, matching.symbol_state.
-- Raises: STSYM (there already), IVSYM (not base-quote, or a rule of the table is broken), 22P02
-- for a word that an option does not know, IVFEE where its fees do not pay rebates [LED-045].
create or replace function matching.create_symbol(
  p_segment_id int,
  p_symbol text,
  p_tick_size numeric,
  p_lot_size numeric,
  p_options jsonb,
  p_now timestamptz
) returns int -- symbol id
language plpgsql volatile
as $$
declare
  v_name text := upper(p_symbol);
  v_base reference.assets;
  v_quote reference.assets;
  v_terms reference.symbols;
  v_symbol_id int;
  v_rule text;
begin
  if v_name !~ '^[A-Z0-9]{1,16}-[A-Z0-9]{1,16}$' then
    raise exception '% is not base-quote', p_symbol
      using errcode = 'IVSYM', hint = 'BAD_SYMBOL', column = 'symbol';
  end if;

  v_base := reference.ensure_asset(
    split_part(v_name, '-', 1), (p_options ->> 'base_decimals')::int, p_now
  );
  v_quote := reference.ensure_asset(
    split_part(v_name, '-', 2), (p_options ->> 'quote_decimals')::int, p_now
  );

  v_terms := matching.symbol_terms(p_lot_size, p_options);
  v_terms.segment_id := p_segment_id;
  v_terms.symbol := v_name;
  v_terms.base_asset_id := v_base.asset_id;
  v_terms.quote_asset_id := v_quote.asset_id;
  v_terms.base_decimals := v_base.decimals;
  v_terms.quote_decimals := v_quote.decimals;
  v_terms.tick_size := p_tick_size;
  v_terms.lot_size := p_lot_size;
  v_terms.created_at := p_now;

  -- The row as a whole: what symbol_terms takes is written, also of columns to come.
  insert into reference.symbols overriding user value
  select (v_terms).*
  on conflict (symbol) do nothing
  returning symbol_id into v_symbol_id;

  if v_symbol_id is null then
    raise exception 'there is a symbol % already', v_name
      using errcode = 'STSYM', hint = 'SYMBOL_EXISTS', column = 'symbol';
  end if;

  perform matching.open_symbol(p_segment_id, v_symbol_id);
  perform reference.check_rebates(p_segment_id, p_now);
  return v_symbol_id;
exception when check_violation then
  get stacked diagnostics v_rule = constraint_name;
  raise exception 'the symbol % breaks the rule %', v_name, v_rule
    using errcode = 'IVSYM', hint = 'BAD_SYMBOL';
end;
$$;
comment on function matching.create_symbol is 'lists a symbol, with its assets where they are new';
