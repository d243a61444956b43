-- The keys that a batch's new orders come with, up to two each: who wants which key for which
-- order, and a hash of what is asked, so that another order under the same key is known. Reads
-- nothing.
create or replace function matching.wanted_keys(
  p_commands matching.command[],
  p_batch matching.batch
) returns table (
  n bigint,
  owner_id int,
  kind "char",
  client_key text,
  order_id bigint,
  fingerprint bigint
)
language plpgsql stable
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
begin
  return query
  select
    c.n, c.owner_id, k.kind, k.client_key, c.new_id,
    hash_numeric_extended(
      coalesce(c.price, 0), hash_numeric_extended(coalesce(c.quantity, 0), hashtextextended(
        concat_ws(
          ' ', c.side, c.type, c.time_in_force, c.new_id / 1000000000000, c.client_order_id
        ),
        case when p_batch.is_special then matching.terms_hash(to_jsonb(c)) else 0 end
      ))
    )
  from matching.command_rows(p_commands, p_batch, null) as c
  cross join lateral (
    values ('I'::"char", c.idempotency_key), ('C', c.client_order_id)
  ) as k (kind, client_key)
  where c.new_id is not null
    and k.client_key is not null;
end;
$$;
comment on function matching.wanted_keys is 'the keys that the new orders of a batch come with';
