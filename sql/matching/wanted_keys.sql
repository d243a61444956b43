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
declare
  c_ids_per_symbol constant bigint := 1000000000000;
  v_symbol_id bigint := (
    select i.id / c_ids_per_symbol from unnest(p_batch.order_ids) as i (id)
    where i.id is not null limit 1
  );
  -- What most ask for is hashed once.
  v_buy bigint := hashtextextended(concat_ws(' ', 'BUY', 'LIMIT', 'GTC', v_symbol_id), 0);
  v_sell bigint := hashtextextended(concat_ws(' ', 'SELL', 'LIMIT', 'GTC', v_symbol_id), 0);
  v_kinds "char"[] := case
    when exists (select from unnest(p_commands) as c where c.client_order_id is not null)
      then '{I,C}' else '{I}' end;
begin
  return query
  select
    c.n, c.owner_id, k.kind, w.client_key, c.new_id,
    hash_numeric_extended(
      coalesce(c.price, 0), hash_numeric_extended(coalesce(c.quantity, 0), case
        when c.type = 'LIMIT' and c.time_in_force = 'GTC' and c.client_order_id is null
          and not p_batch.is_special then case c.side when 'BUY' then v_buy else v_sell end
        else hashtextextended(
          concat_ws(' ', c.side, c.type, c.time_in_force, v_symbol_id, c.client_order_id),
          case when p_batch.is_special then matching.terms_hash(to_jsonb(c)) else 0 end
        )
      end)
    )
  from matching.command_rows(p_commands, p_batch, null) as c
  cross join unnest(v_kinds) as k (kind)
  cross join lateral (
    select case k.kind when 'I' then c.idempotency_key else c.client_order_id end as client_key
  ) as w
  where c.new_id is not null
    and w.client_key is not null;
end;
$$;
comment on function matching.wanted_keys is 'the keys that the new orders of a batch come with';
