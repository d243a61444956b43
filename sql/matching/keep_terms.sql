-- Keeps what a symbol is like, once for each way it has been [MAT-091]. Returns the hash of its
-- row: that is made in no time, where the row as jsonb would be made and written with every batch.
-- Writes: matching.symbol_terms. Under the lock of the symbol.
create or replace function matching.keep_terms(
  p_symbol reference.symbols,
  p_now timestamptz
) returns bigint -- hash
language plpgsql volatile
as $$
declare
  v_hash bigint := hash_record_extended(p_symbol, 0);
begin
  if not exists (
    select
    from matching.symbol_terms as t
    where t.segment_id = p_symbol.segment_id
      and t.symbol_id = p_symbol.symbol_id
      and t.terms_hash = v_hash
  ) then
    insert into matching.symbol_terms (segment_id, symbol_id, terms_hash, since, terms)
    values (p_symbol.segment_id, p_symbol.symbol_id, v_hash, p_now, to_jsonb(p_symbol));
  end if;
  return v_hash;
end;
$$;
comment on function matching.keep_terms is 'keeps what a symbol is like, once for each way';
