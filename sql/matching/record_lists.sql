-- Writes the lists that a batch places. Writes: matching.order_lists. Under the lock of the symbol.
create or replace function matching.record_lists(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch
) returns void
language plpgsql volatile
as $$
begin
  insert into matching.order_lists (
    segment_id, list_id, symbol_id, entry_order_id, is_partial, created_at
  )
  select
    p_symbol.segment_id, min(o.order_id), p_symbol.symbol_id,
    min(o.order_id) filter (where c.list_role = 'ENTRY'),
    coalesce(bool_or(c.list_is_partial), false), p_now
  from (select u.*, row_number() over () as n from unnest(p_commands) as u) as c
  join unnest(p_batch.order_ids) with ordinality as o (order_id, n)
    on o.n = c.n
  where c.list_no is not null
    and o.order_id is not null
  group by c.list_no
  on conflict do nothing;
end;
$$;
comment on function matching.record_lists is 'writes the lists that a batch places';
