-- The commands of a batch as rows, numbered, each with the order that it places (new_id), who asks,
-- and the event that closed it (from seqs, if given). In the order of the batch. Reads nothing; is
-- inlined: one scan of the arrays side by side, no join.
create or replace function matching.command_rows(
  p_commands matching.command[],
  p_batch matching.batch,
  p_seqs bigint[]
) returns table (
  op matching.operation,
  client_id text,
  side matching.order_side_enum,
  type matching.order_type_enum,
  time_in_force matching.time_in_force_enum,
  price numeric,
  quantity numeric,
  client_order_id text,
  idempotency_key text,
  order_id bigint,
  quote_quantity numeric,
  stop_price numeric,
  trigger_immediately boolean,
  trigger_source matching.trigger_source,
  trailing_offset numeric,
  trailing_bips int,
  activation_price numeric,
  limit_offset numeric,
  post_only boolean,
  slide boolean,
  display_quantity numeric,
  expire_at timestamptz,
  stp reference.stp_mode,
  deadline timestamptz,
  is_async boolean,
  only_if text,
  list_no int,
  list_role matching.list_role,
  list_is_partial boolean,
  end_reason matching.end_reason,
  new_id bigint,
  owner_id int,
  seq bigint,
  n bigint
)
language sql stable
rows 1000
as $$
  select c.*
  from rows from (
    unnest(p_commands), unnest(p_batch.order_ids, p_batch.owner_ids, p_seqs)
  ) with ordinality as c
$$;
comment on function matching.command_rows is
  'the commands of a batch as rows, with what they place';
