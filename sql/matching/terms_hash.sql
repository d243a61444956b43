-- A hash of what an order asks beyond a plain one: 0 when it asks nothing more. Equal amounts hash
-- equal, however they are written. Takes the command as an object. Reads nothing.
create or replace function matching.terms_hash(
  p_command jsonb
) returns bigint
language sql immutable parallel safe
as $$
  select coalesce(jsonb_hash_extended(nullif(
    jsonb_strip_nulls(p_command) - array[
      'op', 'client_id', 'side', 'type', 'time_in_force', 'price', 'quantity', 'client_order_id',
      'idempotency_key', 'order_id', 'deadline', 'is_async', 'new_id', 'owner_id', 'seq', 'n'
    ], '{}'
  ), 0), 0)
$$;
comment on function matching.terms_hash is 'a hash of what an order asks beyond a plain one';
