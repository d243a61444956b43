--! Previous: sha1:8e99aaf84d7ff619b8dc0b81aa2b169de34e19af
--! Hash: sha1:cbc8fd2fe9e9d46b87270e360decc7193eb9d288
--! Message: create the api and the operators' schema

-- An order in a list, with the cursor that goes on behind it.
create type api.order_item as (
  order_id bigint,
  client_id text,
  symbol text,
  side matching.order_side_enum,
  type matching.order_type_enum,
  time_in_force matching.time_in_force_enum,
  price numeric,
  quantity numeric,
  client_order_id text,
  idempotency_key text,
  status matching.order_status_enum,
  pending_reason matching.pending_reason,
  end_reason matching.end_reason,
  reject_code matching.refusal,
  filled_quantity numeric,
  remaining_quantity numeric,
  average_price numeric,
  fee numeric,
  seq bigint,
  created_at timestamptz,
  updated_at timestamptz,
  fills json,
  cursor text
);

create table ops.partition_retention_config (
  table_name text primary key,
  schema_name text not null,
  part text not null constraint part_is_month_or_day check (part in ('month', 'day')),
  ahead int not null constraint ahead_not_negative check (ahead >= 0),
  retention_months int not null default 60
    constraint retention_is_positive check (retention_months > 0)
);
comment on table ops.partition_retention_config is
  'how each partitioned table is cut, how many parts are made ahead, how long they are kept';
insert into ops.partition_retention_config (table_name, schema_name, part, ahead)
values
  ('orders', 'matching', 'month', 3),
  ('events', 'matching', 'month', 3),
  ('trades', 'matching', 'day', 7),
  ('transfers', 'ledger', 'month', 3),
  ('settled_instructions', 'settlement', 'month', 3);

create materialized view ops.mv_order_book_snapshot as
select
  s.symbol,
  b.side,
  row_number() over (partition by b.symbol_id, b.side order by b.sort_price) as level_no,
  abs(b.sort_price) as price,
  sum(b.remaining_quantity) as quantity,
  count(*) as orders
from matching.book as b
join reference.symbols as s
  on s.symbol_id = b.symbol_id
group by s.symbol, b.symbol_id, b.side, b.sort_price;
comment on materialized view ops.mv_order_book_snapshot is
  'the books by price level, best first, as of the last refresh_order_book_snapshot()';
-- Lets it be refreshed while it is read.
create unique index mv_order_book_snapshot_idx on ops.mv_order_book_snapshot (symbol, side, level_no);

--! Included api/symbols.sql
-- The symbols as the outside sees them: filters, fees, status. segment_id and symbol_id are for the
-- service itself.
create or replace view api.symbols as
select
  s.segment_id,
  s.symbol_id,
  s.symbol,
  b.asset as base_asset,
  q.asset as quote_asset,
  s.status,
  s.status_reason,
  trim_scale(s.tick_size::numeric) as tick_size,
  trim_scale(s.lot_size::numeric) as lot_size,
  trim_scale(s.min_quantity::numeric) as min_quantity,
  trim_scale(s.max_quantity::numeric) as max_quantity,
  trim_scale(s.min_notional) as min_notional,
  trim_scale(s.max_notional) as max_notional,
  trim_scale(s.protection_rate::numeric) as protection_rate,
  s.protection_ticks,
  trim_scale(s.maker_rate::numeric) as maker_rate,
  trim_scale(s.taker_rate::numeric) as taker_rate,
  s.base_decimals,
  s.quote_decimals,
  s.created_at
from reference.symbols as s
join reference.assets as b
  on b.asset_id = s.base_asset_id
join reference.assets as q
  on q.asset_id = s.quote_asset_id;
comment on view api.symbols is 'symbols with their filters, fees and status';
grant select on api.symbols to pgsettle_app;
--! EndIncluded api/symbols.sql
--! Included api/execute_commands.sql
-- Executes commands of one symbol in their order and answers each: the way in for orders.
-- Takes an array of objects with op (PLACE, CANCEL, AMEND) and the other fields of
-- matching.command.
-- Returns a row a command, in their order: error_state is null when all is well, else five letters
-- whose class decides the HTTP status; then the order, as it stood right after its own command
-- when that placed it (a repeat of a key answers as the first time), else as it stands now.
-- Locks and writes: see matching.execute_batch. Raises: NFSYM; 22P02 for a word it does not know.
create or replace function api.execute_commands(
  p_segment_id int,
  p_symbol text,
  p_now timestamptz,
  p_commands jsonb,
  p_atomic boolean
) returns setof matching.command_answer
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_symbol reference.symbols := reference.get_symbol(p_segment_id, p_symbol);
  v_commands matching.command[];
begin
  select array_agg(c) into v_commands
  from jsonb_populate_recordset(null::matching.command, p_commands) as c;

  return query
  select a.*
  from matching.command_answers(
    v_symbol, v_commands,
    matching.execute_batch(v_symbol.symbol_id, p_now, v_commands, p_atomic)
  ) as a;
end;
$$;
comment on function api.execute_commands is
  'executes commands of one symbol in their order and answers each';
revoke execute on function api.execute_commands from public;
grant execute on function api.execute_commands to pgsettle_app;
--! EndIncluded api/execute_commands.sql
--! Included api/cancel_orders.sql
-- Cancels all open orders of a participant, of one symbol or one side when given, in one
-- transaction. Returns their ids in book order. Locks and writes: see matching.cancel_orders.
-- Raises: NFPAR, NFSYM.
create or replace function api.cancel_orders(
  p_segment_id int,
  p_client_id text,
  p_symbol text,
  p_side text,
  p_now timestamptz
) returns setof bigint -- order ids
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_participant_id int := (reference.get_participant(p_client_id)).participant_id;
  v_symbol_id int;
begin
  if p_symbol is not null then
    v_symbol_id := (reference.get_symbol(p_segment_id, p_symbol)).symbol_id;
  end if;

  return query
  select c.order_id
  from matching.cancel_orders(
    p_segment_id, v_participant_id, v_symbol_id, upper(p_side)::matching.order_side_enum, p_now
  ) as c (order_id);
end;
$$;
comment on function api.cancel_orders is
  'cancels all open orders of a participant in one transaction';
revoke execute on function api.cancel_orders from public;
grant execute on function api.cancel_orders to pgsettle_app;
--! EndIncluded api/cancel_orders.sql
--! Included api/find_order.sql
-- One order as it stands, with all its fills. Reads only. Raises NFORD.
create or replace function api.find_order(
  p_segment_id int,
  p_order_id bigint
) returns matching.order_row
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_order matching.order_row;
begin
  select o.* into v_order
  from matching.order_rows(p_segment_id, array[p_order_id]) as o;

  if not found then
    raise exception 'there is no order %', p_order_id
      using errcode = 'NFORD', hint = 'UNKNOWN_ORDER', column = 'order_id';
  end if;
  return v_order;
end;
$$;
comment on function api.find_order is
  'one order as it stands, with its fills; NFORD when there is none';
revoke execute on function api.find_order from public;
grant execute on function api.find_order to pgsettle_app;
--! EndIncluded api/find_order.sql
--! Included api/list_orders.sql
-- Orders as they stand, newest first: of a participant, of a symbol, in a status, when given.
-- Takes the cursor of the last row seen (its time and id) to go on behind it. Without a participant
-- each symbol gives its newest by id, which is in the order of time within a symbol.
-- Reads only. Raises: NFPAR, NFSYM; 22P02 for a status it does not know.
create or replace function api.list_orders(
  p_segment_id int,
  p_client_id text,
  p_symbol text,
  p_status text,
  p_cursor text,
  p_limit int
) returns setof api.order_item
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_participant_id int;
  v_symbol_id int;
  v_status matching.order_status_enum := upper(p_status);
  v_at timestamptz := coalesce(split_part(p_cursor, '_', 1)::timestamptz, 'infinity');
  v_id bigint := coalesce(split_part(p_cursor, '_', 2)::bigint, 0);
  v_ids bigint[];
begin
  if p_symbol is not null then
    v_symbol_id := (reference.get_symbol(p_segment_id, p_symbol)).symbol_id;
  end if;

  if p_client_id is not null then
    v_participant_id := (reference.get_participant(p_client_id)).participant_id;
    select array_agg(r.order_id) into v_ids
    from matching.participant_orders(
      p_segment_id, v_participant_id, v_symbol_id, v_status, v_at, v_id, p_limit
    ) as r (order_id);
  else
    select array_agg(r.order_id) into v_ids
    from (
      select n.order_id
      from reference.symbols as s
      cross join lateral (
        select o.order_id, o.created_at
        from matching.orders as o
        where o.segment_id = p_segment_id
          and o.order_id > s.symbol_id * 1000000000000
          and o.order_id < (s.symbol_id + 1) * 1000000000000
          and (o.created_at, o.order_id) < (v_at, v_id)
          and o.status = coalesce(v_status, o.status)
        order by o.order_id desc
        limit p_limit
      ) as n
      where s.segment_id = p_segment_id
        and s.symbol_id = coalesce(v_symbol_id, s.symbol_id)
      order by n.created_at desc, n.order_id desc
      limit p_limit
    ) as r;
  end if;

  return query
  select o.*, to_char(o.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    || '_' || o.order_id
  from matching.order_rows(p_segment_id, v_ids) as o
  order by o.created_at desc, o.order_id desc;
end;
$$;
comment on function api.list_orders is 'orders as they stand, newest first';
revoke execute on function api.list_orders from public;
grant execute on function api.list_orders to pgsettle_app;
--! EndIncluded api/list_orders.sql
--! Included api/book.sql
-- The book of a symbol, best first, by price level: [price, quantity, orders], with the number of
-- the last event that it contains. One statement, so one snapshot: the levels and the number belong
-- together. Reads only. Raises NFSYM.
create or replace function api.book(
  p_segment_id int,
  p_symbol text,
  p_depth int
) returns table (
  symbol text,
  seq bigint,
  bids json,
  asks json
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_symbol reference.symbols := reference.get_symbol(p_segment_id, p_symbol);
begin
  return query
  select
    v_symbol.symbol, s.last_seq,
    matching.levels_json(p_segment_id, v_symbol.symbol_id, 'BUY', p_depth)::json,
    matching.levels_json(p_segment_id, v_symbol.symbol_id, 'SELL', p_depth)::json
  from matching.symbol_state as s
  where s.segment_id = p_segment_id
    and s.symbol_id = v_symbol.symbol_id;
end;
$$;
comment on function api.book is 'the book of a symbol by price level, best first';
revoke execute on function api.book from public;
grant execute on function api.book to pgsettle_app;
--! EndIncluded api/book.sql
--! Included api/trades.sql
-- The trades of a symbol, newest first. Takes the cursor of the last row seen: its trade id.
-- Reads only. Raises NFSYM.
create or replace function api.trades(
  p_segment_id int,
  p_symbol text,
  p_cursor text,
  p_limit int
) returns table (
  trade_id bigint,
  symbol text,
  seq bigint,
  price numeric,
  quantity numeric,
  taker_side matching.order_side_enum,
  traded_at timestamptz,
  cursor text
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
  v_symbol reference.symbols := reference.get_symbol(p_segment_id, p_symbol);
begin
  return query
  select
    t.trade_id, v_symbol.symbol, t.seq, trim_scale(t.price::numeric),
    trim_scale(t.quantity::numeric), t.taker_side, t.traded_at, t.trade_id::text
  from matching.trades as t
  where t.segment_id = p_segment_id
    and t.trade_id > v_symbol.symbol_id * c_ids_per_symbol
    and t.trade_id < coalesce(p_cursor::bigint, (v_symbol.symbol_id + 1) * c_ids_per_symbol)
  order by t.trade_id desc
  limit p_limit;
end;
$$;
comment on function api.trades is 'the trades of a symbol, newest first';
revoke execute on function api.trades from public;
grant execute on function api.trades to pgsettle_app;
--! EndIncluded api/trades.sql
--! Included api/tickers.sql
-- The state of symbols at a glance: last trade, touch, and the 24 hours up to p_now, by trade, not
-- by candle [MAT-050]. One symbol, or all when null. Reads only. Raises NFSYM.
create or replace function api.tickers(
  p_segment_id int,
  p_symbol text,
  p_now timestamptz
) returns table (
  symbol text,
  seq bigint,
  last_price numeric,
  bid numeric,
  ask numeric,
  open_24h numeric,
  high_24h numeric,
  low_24h numeric,
  change_24h numeric,
  volume_24h numeric,
  quote_volume_24h numeric,
  trades_24h bigint
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_symbol_id int;
begin
  if p_symbol is not null then
    v_symbol_id := (reference.get_symbol(p_segment_id, p_symbol)).symbol_id;
  end if;

  return query
  select
    s.symbol, st.last_seq, trim_scale(st.last_price::numeric),
    (matching.levels_json(p_segment_id, s.symbol_id, 'BUY', 1) -> 0 ->> 0)::numeric,
    (matching.levels_json(p_segment_id, s.symbol_id, 'SELL', 1) -> 0 ->> 0)::numeric,
    trim_scale(d.open), trim_scale(d.high), trim_scale(d.low), trim_scale(st.last_price - d.open),
    coalesce(trim_scale(d.volume), 0), coalesce(trim_scale(d.quote_volume), 0), d.trades
  from reference.symbols as s
  join matching.symbol_state as st
    on st.segment_id = p_segment_id
    and st.symbol_id = s.symbol_id
  cross join lateral (
    select
      (array_agg(t.price::numeric order by t.seq))[1] as open, max(t.price::numeric) as high,
      min(t.price::numeric) as low, sum(t.quantity) as volume,
      sum(t.price * t.quantity) as quote_volume, count(*) as trades
    from matching.trades as t
    where t.segment_id = p_segment_id
      and t.trade_id > s.symbol_id * 1000000000000
      and t.trade_id < (s.symbol_id + 1) * 1000000000000
      and t.traded_at > p_now - interval '24 hours'
      and t.traded_at <= p_now
  ) as d
  where s.segment_id = p_segment_id
    and s.symbol_id = coalesce(v_symbol_id, s.symbol_id)
  order by s.symbol_id;
end;
$$;
comment on function api.tickers is 'last trade, touch and 24 hours of one symbol or all';
revoke execute on function api.tickers from public;
grant execute on function api.tickers to pgsettle_app;
--! EndIncluded api/tickers.sql
--! Included api/create_participant.sql
-- Makes a participant: a trading customer. Writes: reference.participants.
-- Raises: STPAR when there is one with this code; 23514 when the code is not one.
create or replace function api.create_participant(
  p_segment_id int,
  p_client_id text,
  p_name text,
  p_now timestamptz
) returns table (
  client_id text,
  name text,
  kind reference.participant_kind,
  created_at timestamptz
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  insert into reference.participants as p (client_id, name, created_at)
  values (p_client_id, coalesce(p_name, p_client_id), p_now)
  on conflict do nothing
  returning p.client_id, p.name, p.kind, p.created_at;

  if not found then
    raise exception 'there is a participant % already', p_client_id
      using errcode = 'STPAR', hint = 'PARTICIPANT_EXISTS', column = 'client_id';
  end if;
end;
$$;
comment on function api.create_participant is
  'makes a participant; STPAR when there is one already';
revoke execute on function api.create_participant from public;
grant execute on function api.create_participant to pgsettle_app;
--! EndIncluded api/create_participant.sql
--! Included api/find_participant.sql
-- One participant by code. Reads only. Raises NFPAR.
create or replace function api.find_participant(
  p_segment_id int,
  p_client_id text
) returns table (
  client_id text,
  name text,
  kind reference.participant_kind,
  created_at timestamptz
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.client_id, p.name, p.kind, p.created_at
  from reference.get_participant(p_client_id) as p
$$;
comment on function api.find_participant is 'one participant by code; NFPAR when there is none';
revoke execute on function api.find_participant from public;
grant execute on function api.find_participant to pgsettle_app;
--! EndIncluded api/find_participant.sql
--! Included api/balances.sql
-- What a participant has, by asset: available to trade, held (for open orders, and for trades not
-- settled yet), and what unsettled trades will bring and take. Reads only. Raises NFPAR.
create or replace function api.balances(
  p_segment_id int,
  p_client_id text
) returns table (
  asset text,
  available numeric,
  held numeric,
  unsettled_in numeric,
  unsettled_out numeric
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_participant_id int := (reference.get_participant(p_client_id)).participant_id;
begin
  return query
  select
    s.asset, trim_scale(a.posted - a.held), trim_scale(a.held::numeric),
    trim_scale(a.unsettled_in::numeric), trim_scale(a.unsettled_out::numeric)
  from ledger.accounts as a
  join reference.assets as s
    on s.asset_id = a.asset_id
  where a.segment_id = p_segment_id
    and a.participant_id = v_participant_id
  order by s.asset;
end;
$$;
comment on function api.balances is 'what a participant has, by asset';
revoke execute on function api.balances from public;
grant execute on function api.balances to pgsettle_app;
--! EndIncluded api/balances.sql
--! Included api/deposit.sql
-- Books money that came in from outside; see ledger.deposit. A repeat of the key answers as the
-- first time. The transfer id is the journal's and the line's.
-- Raises: NFPAR, NFAST, IVAMT, RJKEY.
create or replace function api.deposit(
  p_segment_id int,
  p_client_id text,
  p_asset text,
  p_amount numeric,
  p_key text,
  p_now timestamptz
) returns table (
  transfer_id text,
  client_id text,
  asset text,
  amount numeric,
  idempotency_key text,
  created_at timestamptz
)
language sql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    d.journal_id || '-1', p_client_id, upper(p_asset), trim_scale(d.amount::numeric),
    d.idempotency_key, d.created_at
  from ledger.deposit(p_segment_id, p_client_id, p_asset, p_amount, p_key, p_now) as d
$$;
comment on function api.deposit is 'books money from outside to a participant, once a key';
revoke execute on function api.deposit from public;
grant execute on function api.deposit to pgsettle_app;
--! EndIncluded api/deposit.sql
--! Included api/create_asset.sql
-- Makes an asset. Writes: reference.assets. Raises: STAST when there is one with this code.
create or replace function api.create_asset(
  p_segment_id int,
  p_asset text,
  p_decimals int,
  p_now timestamptz
) returns table (
  asset text,
  decimals int,
  created_at timestamptz
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  insert into reference.assets as a (asset, decimals, created_at)
  values (upper(p_asset), p_decimals, p_now)
  on conflict do nothing
  returning a.asset, a.decimals, a.created_at;

  if not found then
    raise exception 'there is an asset % already', upper(p_asset)
      using errcode = 'STAST', hint = 'ASSET_EXISTS', column = 'asset';
  end if;
end;
$$;
comment on function api.create_asset is 'makes an asset; STAST when there is one already';
revoke execute on function api.create_asset from public;
grant execute on function api.create_asset to pgsettle_app;
--! EndIncluded api/create_asset.sql
--! Included api/create_symbol.sql
-- Lists a symbol; see matching.create_symbol. Raises: STSYM, IVSYM, NFAST.
create or replace function api.create_symbol(
  p_segment_id int,
  p_symbol text,
  p_tick_size numeric,
  p_lot_size numeric,
  p_options jsonb,
  p_now timestamptz
) returns setof api.symbols
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_symbol_id int := matching.create_symbol(
    p_segment_id, p_symbol, p_tick_size, p_lot_size, p_options, p_now
  );
begin
  return query
  select s.* from api.symbols as s where s.symbol_id = v_symbol_id;
end;
$$;
comment on function api.create_symbol is 'lists a symbol: tradable when this commits';
revoke execute on function api.create_symbol from public;
grant execute on function api.create_symbol to pgsettle_app;
--! EndIncluded api/create_symbol.sql
--! Included api/settlements.sql
-- Settlement instructions as the outside sees them, with their legs; newest first within a symbol.
-- Of a status, symbol, participant when given; p_cursor is the id of the last row seen.
-- Pending ones come before settled ones only by their id: this is one list. Reads only.
-- Raises: NFSYM, NFPAR; 22P02 for a status it does not know.
create or replace function api.settlements(
  p_segment_id int,
  p_status text,
  p_symbol text,
  p_client_id text,
  p_cursor text,
  p_limit int
) returns setof settlement.instruction_row
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_status settlement.instruction_status := upper(p_status);
  v_symbol_id int;
  v_participant_id int;
begin
  if p_symbol is not null then
    v_symbol_id := (reference.get_symbol(p_segment_id, p_symbol)).symbol_id;
  end if;
  if p_client_id is not null then
    v_participant_id := (reference.get_participant(p_client_id)).participant_id;
  end if;

  return query
  select r.*
  from settlement.instruction_rows(
    p_segment_id,
    array(
      select i.instruction_id
      from settlement.instructions as i
      where i.segment_id = p_segment_id
        and i.instruction_id < coalesce(p_cursor::bigint, 9223372036854775807)
        and i.status = coalesce(v_status, i.status)
        and i.symbol_id = coalesce(v_symbol_id, i.symbol_id)
        and (v_participant_id is null or v_participant_id in (i.buyer_id, i.seller_id))
      order by i.instruction_id desc
      limit p_limit
    )
  ) as r
  order by r.settlement_id desc;
end;
$$;
comment on function api.settlements is 'settlement instructions with their legs';
revoke execute on function api.settlements from public;
grant execute on function api.settlements to pgsettle_app;
--! EndIncluded api/settlements.sql
--! Included api/find_settlement.sql
-- One settlement instruction with its legs. Reads only. Raises NFINS.
create or replace function api.find_settlement(
  p_segment_id int,
  p_settlement_id bigint
) returns settlement.instruction_row
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_row settlement.instruction_row;
begin
  select r.* into v_row
  from settlement.instruction_rows(p_segment_id, array[p_settlement_id]) as r;

  if not found then
    raise exception 'there is no settlement instruction %', p_settlement_id
      using errcode = 'NFINS', hint = 'UNKNOWN_SETTLEMENT', column = 'settlement_id';
  end if;
  return v_row;
end;
$$;
comment on function api.find_settlement is 'one settlement instruction; NFINS when there is none';
revoke execute on function api.find_settlement from public;
grant execute on function api.find_settlement to pgsettle_app;
--! EndIncluded api/find_settlement.sql
--! Included api/retry_settlement.sql
-- Puts an instruction that failed back in line and returns it. Raises: NFINS, STINS.
create or replace function api.retry_settlement(
  p_segment_id int,
  p_settlement_id bigint,
  p_now timestamptz
) returns settlement.instruction_row
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform settlement.retry_instruction(p_segment_id, p_settlement_id, p_now);
  return api.find_settlement(p_segment_id, p_settlement_id);
end;
$$;
comment on function api.retry_settlement is 'puts a failed settlement instruction back in line';
revoke execute on function api.retry_settlement from public;
grant execute on function api.retry_settlement to pgsettle_app;
--! EndIncluded api/retry_settlement.sql
--! Included api/settlement_backlog.sql
-- How settlement stands: what is pending and since when, what failed, what the last minute
-- settled.
-- Reads only; the queue holds only what is not settled, so counting it is cheap while it is
-- healthy.
create or replace function api.settlement_backlog(
  p_segment_id int,
  p_now timestamptz
) returns table (
  pending bigint,
  failed bigint,
  oldest_created_at timestamptz,
  settled_last_minute bigint
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    count(*) filter (where i.status <> 'FAILED'), count(*) filter (where i.status = 'FAILED'),
    min(i.created_at),
    (
      select coalesce(sum(cardinality(j.instruction_ids)), 0)
      from (
        select n.instruction_ids, n.posted_at
        from ledger.journals as n
        where n.segment_id = p_segment_id
        order by n.finality_no desc
        limit 5000
      ) as j
      where j.posted_at > p_now - interval '1 minute'
    )
  from settlement.pending_instructions as i
  where i.segment_id = p_segment_id
$$;
comment on function api.settlement_backlog is
  'how settlement stands: pending, failed, oldest, rate';
revoke execute on function api.settlement_backlog from public;
grant execute on function api.settlement_backlog to pgsettle_app;
--! EndIncluded api/settlement_backlog.sql
--! Included api/feed_positions.sql
-- The last event number of each symbol, and as symbol 0 the last finality number of the journals:
-- where a feed that begins now begins. Reads only.
create or replace function api.feed_positions(
  p_segment_id int
) returns table (
  symbol_id int,
  symbol text,
  seq bigint
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select st.symbol_id, s.symbol, st.last_seq
  from matching.symbol_state as st
  join reference.symbols as s
    on s.symbol_id = st.symbol_id
  where st.segment_id = p_segment_id
  union all
  select 0, null, l.last_finality_no
  from ledger.segment_state as l
  where l.segment_id = p_segment_id
  order by 1
$$;
comment on function api.feed_positions is
  'the last event number of each symbol and of the journals';
revoke execute on function api.feed_positions from public;
grant execute on function api.feed_positions to pgsettle_app;
--! EndIncluded api/feed_positions.sql
--! Included api/status.sql
-- How the database stands, for readiness: the newest migration, and what settlement has before it:
-- the oldest of what was not tried yet, because one that was put aside is no reason to take the
-- venue out of service. Reads only.
create or replace function api.status(
  p_segment_id int,
  p_now timestamptz
) returns table (
  schema_version text,
  pending bigint,
  failed bigint,
  oldest_created_at timestamptz
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    (select max(m.filename) from graphile_migrate.migrations as m),
    count(*) filter (where i.status <> 'FAILED'), count(*) filter (where i.status = 'FAILED'),
    min(i.created_at) filter (where i.attempts = 0)
  from settlement.pending_instructions as i
  where i.segment_id = p_segment_id
    and i.created_at <= p_now
$$;
comment on function api.status is 'how the database stands, for readiness';
revoke execute on function api.status from public;
grant execute on function api.status to pgsettle_app;
--! EndIncluded api/status.sql
--! Included api/events_after.sql
-- The events behind given numbers, by symbol, in order and without a gap: at most p_limit a symbol.
-- Numbers are given under the lock of the symbol and commit in their order, so what is read up to a
-- number is complete. Reads only.
create or replace function api.events_after(
  p_segment_id int,
  p_symbol_ids int[],
  p_seqs bigint[],
  p_limit int
) returns table (
  symbol_id int,
  symbol text,
  seq bigint,
  at timestamptz,
  kind matching.event_kind,
  order_id bigint,
  client_id text,
  side matching.order_side_enum,
  price numeric,
  quantity numeric,
  remaining numeric,
  prior_price numeric,
  prior_remaining numeric,
  trade_id bigint,
  maker_order_id bigint,
  maker_client_id text,
  maker_remaining numeric,
  reason text
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    c.symbol_id, s.symbol, e.seq, e.at, e.kind, e.order_id, p.client_id, e.side,
    trim_scale(e.price), trim_scale(e.quantity), trim_scale(e.remaining),
    trim_scale(e.prior_price), trim_scale(e.prior_remaining),
    case when e.kind = 'TRADE' then c.symbol_id * 1000000000000 + e.seq end, e.maker_order_id,
    m.client_id, trim_scale(e.maker_remaining), e.reason
  from unnest(p_symbol_ids, p_seqs) as c (symbol_id, seq)
  join reference.symbols as s
    on s.symbol_id = c.symbol_id
  cross join lateral (
    select v.*
    from matching.events as v
    where v.segment_id = p_segment_id
      and v.symbol_id = c.symbol_id
      and v.seq > c.seq
    order by v.seq
    limit p_limit
  ) as e
  join reference.participants as p
    on p.participant_id = e.participant_id
  left join reference.participants as m
    on m.participant_id = e.maker_id
  order by c.symbol_id, e.seq
$$;
comment on function api.events_after is 'the events behind given numbers, by symbol, in order';
revoke execute on function api.events_after from public;
grant execute on function api.events_after to pgsettle_app;
--! EndIncluded api/events_after.sql
--! Included api/journals_after.sql
-- What was posted behind a finality number, in order and without a gap. Reads only.
create or replace function api.journals_after(
  p_segment_id int,
  p_finality_no bigint,
  p_limit int
) returns table (
  finality_no bigint,
  journal_id bigint,
  posted_at timestamptz,
  kind ledger.journal_kind,
  settlement_ids bigint[]
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select j.finality_no, j.journal_id, j.posted_at, j.kind, j.instruction_ids
  from ledger.journals as j
  where j.segment_id = p_segment_id
    and j.finality_no > p_finality_no
  order by j.finality_no
  limit p_limit
$$;
comment on function api.journals_after is 'what was posted behind a finality number';
revoke execute on function api.journals_after from public;
grant execute on function api.journals_after to pgsettle_app;
--! EndIncluded api/journals_after.sql

--! Included ops/set_search_path.sql
-- Makes the tables and functions that operators use work unqualified after psql "$DATABASE_URL",
-- and keeps everyone but the owner from making temporary objects: the schema of those comes first
-- on every search path that does not name it, so a type made there stood in for one of
-- PostgreSQL's. What is set for a database is not copied with a template: the service calls this
-- at each start.
create or replace function ops.set_search_path() returns void
language plpgsql volatile
as $$
begin
  execute format(
    'alter database %I set search_path = '
      'ops, matching, clearing, settlement, ledger, reference, public',
    current_database()
  );
  execute format('revoke temporary on database %I from public', current_database());
end;
$$;
comment on function ops.set_search_path is 'makes tables and functions work unqualified in psql';
--! EndIncluded ops/set_search_path.sql
--! Included ops/wanted_partitions.sql
-- The partitions that should stand at p_now: from the current month or day to as far ahead as the
-- configuration says. Names end in _YYYY_MM or _YYYY_MM_DD, bounds are in UTC. Reads only.
create or replace function ops.wanted_partitions(
  p_now timestamptz
) returns table (
  schema_name text,
  table_name text,
  partition_name text,
  from_at timestamptz,
  to_at timestamptz
)
language sql stable
as $$
  select
    c.schema_name, c.table_name,
    c.table_name || to_char(
      u.starts_on, case c.part when 'month' then '_YYYY_MM' else '_YYYY_MM_DD' end
    ),
    u.starts_on at time zone 'UTC', (u.starts_on + c.step) at time zone 'UTC'
  from (
    select r.*, ('1 ' || r.part)::interval as step
    from ops.partition_retention_config as r
  ) as c
  cross join lateral generate_series(0, c.ahead) as n (i)
  cross join lateral (
    select date_trunc(c.part, p_now at time zone 'UTC') + n.i * c.step as starts_on
  ) as u
$$;
comment on function ops.wanted_partitions is 'the partitions that should stand now';
--! EndIncluded ops/wanted_partitions.sql
--! Included ops/move_from_default.sql
-- Moves the rows of a time range out of a table's default partition into a new partition that is
-- not attached yet; without that it could not be attached. The partition key is the last column of
-- the table's primary key. Writes: both. Locks: the default partition, to the end of the
-- transaction.
create or replace function ops.move_from_default(
  p_schema text,
  p_table text,
  p_partition text,
  p_from timestamptz,
  p_to timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_key text := pg_catalog.pg_get_partkeydef(format('%I.%I', p_schema, p_table)::regclass);
begin
  v_key := substring(v_key from '\((.*)\)');
  execute format('lock table %I.%I in exclusive mode', p_schema, p_table || '_default');
  execute format(
    'with moved as (delete from %1$I.%2$I where %3$s >= %5$L and %3$s < %6$L returning *) '
      'insert into %1$I.%4$I select * from moved',
    p_schema, p_table || '_default', v_key, p_partition, p_from, p_to
  );
end;
$$;
comment on function ops.move_from_default is 'moves rows out of a default partition into a new one';
--! EndIncluded ops/move_from_default.sql
--! Included ops/maintain_partitions.sql
-- Makes the partitions that are missing: orders and events three months ahead, trades seven days,
-- as ops.partition_retention_config says. Safe to run at any time and by several at once; rows
-- that fell into a default partition meanwhile are moved where they belong.
-- Returns the partitions it made. Locks: an advisory lock of its own; each parent while it
-- attaches, and for at most two seconds: it gives up with 55P03 rather than hold up orders.
create or replace function ops.maintain_partitions(
  p_now timestamptz default now()
) returns setof text
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  c_lock_space constant int := 2;
  v_part record;
begin
  perform pg_advisory_xact_lock(c_lock_space, 0);

  for v_part in
    select w.*
    from ops.wanted_partitions(p_now) as w
    where to_regclass(format('%I.%I', w.schema_name, w.partition_name)) is null
    order by w.schema_name, w.table_name, w.from_at
  loop
    execute format(
      'create table %1$I.%2$I (like %1$I.%3$I including all)',
      v_part.schema_name, v_part.partition_name, v_part.table_name
    );
    perform ops.move_from_default(
      v_part.schema_name, v_part.table_name, v_part.partition_name, v_part.from_at, v_part.to_at
    );
    execute format(
      'alter table %1$I.%2$I attach partition %1$I.%3$I for values from (%4$L) to (%5$L)',
      v_part.schema_name, v_part.table_name, v_part.partition_name, v_part.from_at, v_part.to_at
    );
    return next v_part.partition_name;
  end loop;
end;
$$;
comment on function ops.maintain_partitions is
  'makes missing partitions: orders 3 months ahead, trades 7 days ahead; safe at any time';
revoke execute on function ops.maintain_partitions from public;
grant execute on function ops.maintain_partitions to pgsettle_worker, pgsettle_operator;
--! EndIncluded ops/maintain_partitions.sql
--! Included ops/check_partition_health.sql
-- How the partitions stand: a row a partitioned table, with what is missing ahead, what fell into
-- the default partition, and the command that mends it. Reads only.
create or replace function ops.check_partition_health(
  p_now timestamptz default now()
) returns table (
  status text,
  table_name text,
  partitions bigint,
  missing bigint,
  last_partition text,
  default_rows bigint,
  next_command text
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table record;
  v_default bigint;
begin
  for v_table in
    select
      w.schema_name, w.table_name, max(w.partition_name) as last_name,
      count(*) filter (
        where to_regclass(format('%I.%I', w.schema_name, w.partition_name)) is null
      ) as missing,
      min(w.from_at) as from_at,
      (
        select count(*)
        from pg_catalog.pg_inherits as i
        where i.inhparent = format('%I.%I', w.schema_name, w.table_name)::regclass
      ) as parts
    from ops.wanted_partitions(p_now) as w
    group by w.schema_name, w.table_name
    order by w.schema_name, w.table_name
  loop
    execute format(
      'select count(*) from (select from %I.%I limit 100000) as d',
      v_table.schema_name, v_table.table_name || '_default'
    ) into v_default;
    table_name := v_table.table_name;
    partitions := v_table.parts;
    missing := v_table.missing;
    last_partition := v_table.last_name;
    default_rows := v_default;
    status := case when v_default > 0 then 'CRIT' when missing > 0 then 'WARN' else 'OK' end;
    next_command := case when status <> 'OK' then 'select maintain_partitions();' end;
    return next;
  end loop;
end;
$$;
comment on function ops.check_partition_health is
  'what partitions are missing, what fell into a default one, and how to mend it';
revoke execute on function ops.check_partition_health from public;
grant execute on function ops.check_partition_health
  to pgsettle_worker, pgsettle_operator, pgsettle_auditor;
--! EndIncluded ops/check_partition_health.sql
--! Included ops/check_table_sizes.sql
-- The sizes of the tables, partitions summed up, the largest first, with dead rows. Reads only.
create or replace function ops.check_table_sizes() returns table (
  status text,
  table_name text,
  total_size text,
  live_rows bigint,
  dead_rows bigint,
  next_command text
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    case when t.dead > 10000 and t.dead > t.live then 'WARN' else 'OK' end, t.name,
    pg_catalog.pg_size_pretty(t.bytes), t.live, t.dead,
    case when t.dead > 10000 and t.dead > t.live then format('vacuum %s;', t.name) end
  from (
    select
      coalesce(i.inhparent::regclass, c.oid::regclass)::text as name,
      sum(pg_catalog.pg_total_relation_size(c.oid))::bigint as bytes,
      coalesce(sum(s.n_live_tup), 0)::bigint as live,
      coalesce(sum(s.n_dead_tup), 0)::bigint as dead
    from pg_catalog.pg_class as c
    left join pg_catalog.pg_inherits as i
      on i.inhrelid = c.oid
    left join pg_catalog.pg_stat_user_tables as s
      on s.relid = c.oid
    where c.relkind in ('r', 'm')
      and c.relnamespace in (
        'reference'::regnamespace, 'ledger'::regnamespace, 'settlement'::regnamespace,
        'matching'::regnamespace, 'ops'::regnamespace
      )
    group by 1
  ) as t
  order by t.bytes desc
$$;
comment on function ops.check_table_sizes is 'the sizes of the tables, with dead rows';
revoke execute on function ops.check_table_sizes from public;
grant execute on function ops.check_table_sizes to pgsettle_operator, pgsettle_auditor;
--! EndIncluded ops/check_table_sizes.sql
--! Included ops/check_db_connections.sql
-- Who is connected to this database and what it does, by role, application and state. A transaction
-- that is idle holds back the vacuum of the queue: more than a minute is CRIT. Reads only.
create or replace function ops.check_db_connections() returns table (
  status text,
  role_name text,
  application text,
  state text,
  connections bigint,
  oldest_transaction interval,
  next_command text
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    case
      when a.state like 'idle in transaction%' and a.oldest > interval '1 minute' then 'CRIT'
      when a.oldest > interval '5 minutes' then 'WARN'
      else 'OK' end,
    a.usename, a.application_name, a.state, a.connections, a.oldest,
    case when a.state like 'idle in transaction%' and a.oldest > interval '1 minute'
      then format('select pg_terminate_backend(%s);', a.pid) end
  from (
    select
      s.usename::text, s.application_name, s.state, count(*) as connections,
      max(clock_timestamp() - s.xact_start) as oldest,
      (array_agg(s.pid order by s.xact_start nulls last))[1] as pid
    from pg_catalog.pg_stat_activity as s
    where s.datname = current_database()
    group by s.usename, s.application_name, s.state
  ) as a
  order by a.usename, a.application_name, a.state
$$;
comment on function ops.check_db_connections is 'who is connected and what it does';
revoke execute on function ops.check_db_connections from public;
grant execute on function ops.check_db_connections to pgsettle_operator, pgsettle_auditor;
--! EndIncluded ops/check_db_connections.sql
--! Included ops/set_symbol_status.sql
-- Sets the status of a symbol under its lock, so that it holds from the next batch on.
-- Raises: NFSYM. Locks: the symbol. Writes: reference.symbols.
create or replace function ops.set_symbol_status(
  p_segment_id int,
  p_symbol text,
  p_status reference.symbol_status_enum,
  p_reason text
) returns void
language plpgsql volatile
as $$
declare
  v_symbol_id int := (reference.get_symbol(p_segment_id, p_symbol)).symbol_id;
begin
  perform matching.lock_symbol(p_segment_id, v_symbol_id);

  update reference.symbols as s
  set status = p_status,
    status_reason = p_reason
  where s.symbol_id = v_symbol_id;
end;
$$;
comment on function ops.set_symbol_status is 'sets the status of a symbol under its lock';
--! EndIncluded ops/set_symbol_status.sql
--! Included ops/halt_symbol.sql
-- Stops trading in a symbol before the next match: orders are refused, cancels still work. Waits
-- for the batch that is running. Raises: NFSYM. Locks: the symbol. Writes: reference.symbols.
create or replace function ops.halt_symbol(
  p_symbol text,
  p_reason text,
  p_segment_id int default 1
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform ops.set_symbol_status(p_segment_id, p_symbol, 'HALTED', p_reason);
end;
$$;
comment on function ops.halt_symbol is
  'halt_symbol(symbol, reason): stops trading before the next match';
revoke execute on function ops.halt_symbol from public;
grant execute on function ops.halt_symbol to pgsettle_operator;
--! EndIncluded ops/halt_symbol.sql
--! Included ops/resume_symbol.sql
-- Opens a halted symbol for trading again. Raises: NFSYM. Locks: the symbol.
-- Writes: reference.symbols.
create or replace function ops.resume_symbol(
  p_symbol text,
  p_segment_id int default 1
) returns void
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform ops.set_symbol_status(p_segment_id, p_symbol, 'ACTIVE', null);
end;
$$;
comment on function ops.resume_symbol is 'resume_symbol(symbol): opens a halted symbol again';
revoke execute on function ops.resume_symbol from public;
grant execute on function ops.resume_symbol to pgsettle_operator;
--! EndIncluded ops/resume_symbol.sql
--! Included ops/create_symbol.sql
-- Lists a symbol; see matching.create_symbol for the options. Returns its row.
-- Raises: STSYM, IVSYM.
create or replace function ops.create_symbol(
  p_symbol text,
  p_tick_size numeric,
  p_lot_size numeric,
  p_options jsonb default '{}',
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns setof reference.symbols
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_symbol_id int := matching.create_symbol(
    p_segment_id, p_symbol, p_tick_size, p_lot_size, p_options, p_now
  );
begin
  return query
  select s.* from reference.symbols as s where s.symbol_id = v_symbol_id;
end;
$$;
comment on function ops.create_symbol is
  'create_symbol(symbol, tick_size, lot_size, options): lists a symbol, tradable at once';
revoke execute on function ops.create_symbol from public;
grant execute on function ops.create_symbol to pgsettle_operator;
--! EndIncluded ops/create_symbol.sql
--! Included ops/retry_settlement.sql
-- Puts a settlement instruction that failed back in line. Raises: NFINS, STINS.
create or replace function ops.retry_settlement(
  p_id bigint,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns bigint
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return settlement.retry_instruction(p_segment_id, p_id, p_now);
end;
$$;
comment on function ops.retry_settlement is
  'retry_settlement(id): puts a failed instruction back in line';
revoke execute on function ops.retry_settlement from public;
grant execute on function ops.retry_settlement to pgsettle_operator;
--! EndIncluded ops/retry_settlement.sql
--! Included ops/refresh_order_book_snapshot.sql
-- Refreshes mv_order_book_snapshot, without locking out its readers, and keeps a snapshot of each
-- book that has changed since its last one. Returns how many books it kept.
-- Writes: ops.mv_order_book_snapshot, matching.order_book_snapshots.
create or replace function ops.refresh_order_book_snapshot(
  p_now timestamptz default now()
) returns int
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_kept int;
begin
  refresh materialized view concurrently ops.mv_order_book_snapshot;

  insert into matching.order_book_snapshots (segment_id, symbol_id, seq, taken_at, bids, asks)
  select
    st.segment_id, st.symbol_id, st.last_seq, p_now,
    matching.levels_json(st.segment_id, st.symbol_id, 'BUY', null),
    matching.levels_json(st.segment_id, st.symbol_id, 'SELL', null)
  from matching.symbol_state as st
  where st.last_seq > 0
  on conflict do nothing;

  get diagnostics v_kept = row_count;
  return v_kept;
end;
$$;
comment on function ops.refresh_order_book_snapshot is
  'refreshes mv_order_book_snapshot and keeps a snapshot of each book that changed';
revoke execute on function ops.refresh_order_book_snapshot from public;
grant execute on function ops.refresh_order_book_snapshot to pgsettle_worker, pgsettle_operator;
--! EndIncluded ops/refresh_order_book_snapshot.sql
--! Included ops/v_active_orders.sql
-- The orders that are open, with what is left, held, and their place in line at their price.
create or replace view ops.v_active_orders as
select
  b.order_id,
  s.symbol,
  p.client_id,
  b.side,
  o.type,
  o.time_in_force,
  o.status,
  abs(b.sort_price) as price,
  o.quantity,
  o.filled_quantity,
  b.remaining_quantity,
  b.hold_amount,
  row_number() over (
    partition by b.segment_id, b.symbol_id, b.side, b.sort_price order by b.priority_no
  ) as place_in_line,
  b.created_at,
  o.updated_at
from matching.book as b
join matching.orders as o
  on o.segment_id = b.segment_id
  and o.order_id = b.order_id
  and o.created_at = b.created_at
join reference.symbols as s
  on s.symbol_id = b.symbol_id
join reference.participants as p
  on p.participant_id = b.participant_id;
comment on view ops.v_active_orders is
  'open orders with what is left, held, and their place in line';
--! EndIncluded ops/v_active_orders.sql
--! Included ops/v_trade_volume_24h.sql
-- What traded in the last 24 hours, by symbol: every symbol has a row.
create or replace view ops.v_trade_volume_24h as
select
  s.symbol,
  count(t.trade_id) as trades,
  coalesce(sum(t.quantity), 0) as volume,
  coalesce(sum(t.price * t.quantity), 0) as quote_volume,
  min(t.price::numeric) as low,
  max(t.price::numeric) as high,
  sum(t.price * t.quantity) / nullif(sum(t.quantity), 0) as vwap
from reference.symbols as s
left join matching.trades as t
  on t.segment_id = s.segment_id
  and t.symbol_id = s.symbol_id
  and t.traded_at > now() - interval '24 hours'
group by s.symbol_id, s.symbol
order by s.symbol_id;
comment on view ops.v_trade_volume_24h is 'what traded in the last 24 hours, by symbol';
--! EndIncluded ops/v_trade_volume_24h.sql
--! Included ops/v_order_status_distribution.sql
-- How many orders are in each status, by symbol, with their share.
create or replace view ops.v_order_status_distribution as
select
  s.symbol,
  o.status,
  count(*) as orders,
  round(100.0 * count(*) / sum(count(*)) over (partition by s.symbol), 2) as percent
from matching.orders as o
join reference.symbols as s
  on s.symbol_id = o.symbol_id
group by s.symbol, o.status
order by s.symbol, o.status;
comment on view ops.v_order_status_distribution is 'how many orders are in each status, by symbol';
--! EndIncluded ops/v_order_status_distribution.sql
--! Included ops/v_balances.sql
-- Every account with what it has, holds and has available.
create or replace view ops.v_balances as
select
  p.client_id,
  s.asset,
  a.posted,
  a.held,
  a.posted - a.held as available,
  a.unsettled_in,
  a.unsettled_out
from ledger.accounts as a
join reference.participants as p
  on p.participant_id = a.participant_id
join reference.assets as s
  on s.asset_id = a.asset_id
order by p.client_id, s.asset;
comment on view ops.v_balances is 'every account with what it has, holds and has available';
--! EndIncluded ops/v_balances.sql
--! Included ops/v_holds.sql
-- Every hold with its cause: an open order, or a trade that is not settled yet. Their sum by
-- account is what the account holds.
create or replace view ops.v_holds as
select
  b.segment_id, b.participant_id,
  case b.side when 'BUY' then s.quote_asset_id else s.base_asset_id end as asset_id,
  'ORDER' as cause, b.order_id as cause_id, b.hold_amount as amount
from matching.book as b
join reference.symbols as s
  on s.symbol_id = b.symbol_id
union all
select i.segment_id, i.buyer_id, i.quote_asset_id, 'SETTLEMENT', i.instruction_id,
  i.notional + i.buyer_fee
from settlement.pending_instructions as i
union all
select i.segment_id, i.seller_id, i.base_asset_id, 'SETTLEMENT', i.instruction_id, i.quantity
from settlement.pending_instructions as i;
comment on view ops.v_holds is 'every hold with its cause';
--! EndIncluded ops/v_holds.sql
--! Included ops/v_settlement_backlog.sql
-- What is not settled, by symbol and status, and since when.
create or replace view ops.v_settlement_backlog as
select
  s.symbol,
  i.status,
  i.reason,
  count(*) as instructions,
  min(i.created_at) as oldest_created_at,
  min(i.next_attempt_at) as next_attempt_at,
  max(i.attempts) as most_attempts
from settlement.pending_instructions as i
join reference.symbols as s
  on s.symbol_id = i.symbol_id
group by s.symbol, i.status, i.reason
order by s.symbol, i.status, i.reason;
comment on view ops.v_settlement_backlog is 'what is not settled, by symbol and status';
--! EndIncluded ops/v_settlement_backlog.sql
--! Included ops/v_fails.sql
-- Settlement instructions that could not be posted: put aside and waiting, or given up.
create or replace view ops.v_fails as
select
  i.instruction_id,
  s.symbol,
  i.status,
  i.reason,
  i.problem,
  i.attempts,
  i.next_attempt_at,
  i.created_at
from settlement.pending_instructions as i
join reference.symbols as s
  on s.symbol_id = i.symbol_id
where i.attempts > 0
order by i.status desc, i.created_at;
comment on view ops.v_fails is 'settlement instructions that could not be posted';
--! EndIncluded ops/v_fails.sql
--! Included ops/v_fees.sql
-- What the house earned, by asset: fees less rebates.
create or replace view ops.v_fees as
select
  s.asset,
  e.kind,
  count(*) as fees,
  sum(e.amount) as amount
from ledger.entries as e
join reference.participants as p
  on p.participant_id = e.participant_id
  and p.kind = 'HOUSE'
join reference.assets as s
  on s.asset_id = e.asset_id
group by s.asset, e.kind
order by s.asset, e.kind;
comment on view ops.v_fees is 'what the house earned, by asset';
--! EndIncluded ops/v_fees.sql
--! Included ops/seed_venue.sql
-- Fills an empty venue so that it can be tried at once: the ten default symbols and the funded
-- participants client-A and client-B. Returns whether it did: a venue that has a symbol is left as
-- it is. Safe to call by several at once. Locks: an advisory lock of its own.
create or replace function ops.seed_venue(
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns boolean
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_lock_space constant int := 3;
begin
  perform pg_advisory_xact_lock(c_lock_space, p_segment_id);
  perform from reference.symbols as s where s.segment_id = p_segment_id;
  if found then
    return false;
  end if;

  perform matching.create_symbol(
    p_segment_id, s.symbol, s.tick_size, s.lot_size, jsonb_build_object('min_notional', s.least),
    p_now
  )
  from (
    values
      (1, 'BTC-USDT', 0.01, 0.00001, 1), (2, 'ETH-USDT', 0.01, 0.0001, 1),
      (3, 'BNB-USDT', 0.01, 0.001, 1), (4, 'SOL-USDT', 0.01, 0.001, 1),
      (5, 'XRP-USDT', 0.0001, 0.1, 1), (6, 'ADA-USDT', 0.0001, 0.1, 1),
      (7, 'DOGE-USDT', 0.00001, 1, 1), (8, 'LTC-USDT', 0.01, 0.001, 1),
      (9, 'ETH-BTC', 0.00001, 0.001, 0.00001), (10, 'BTC-USD', 0.01, 0.00001, 1)
  ) as s (n, symbol, tick_size, lot_size, least)
  order by s.n;

  insert into reference.participants (client_id, name, created_at)
  values ('client-A', 'Client A', p_now), ('client-B', 'Client B', p_now)
  on conflict do nothing;

  perform ledger.deposit(p_segment_id, c.client_id, d.asset, d.amount, 'seed-' || d.asset, p_now)
  from (values ('client-A'), ('client-B')) as c (client_id)
  cross join (
    values
      ('USD', 1000000), ('USDT', 1000000), ('BTC', 100), ('ETH', 1000), ('BNB', 1000),
      ('SOL', 10000), ('XRP', 1000000), ('ADA', 1000000), ('DOGE', 5000000), ('LTC', 10000)
  ) as d (asset, amount);

  return true;
end;
$$;
comment on function ops.seed_venue is
  'seed_venue(): the ten default symbols and two funded participants, in an empty venue';
revoke execute on function ops.seed_venue from public;
grant execute on function ops.seed_venue to pgsettle_operator;
--! EndIncluded ops/seed_venue.sql
--! Included ops/audit_balances.sql
-- Balances against their facts: posted = the sum of the account's entries; held = the sum of the
-- holds with a cause; unsettled in and out = what pending instructions will move; each asset sums
-- to zero. Returns what differs. Reads only.
create or replace function ops.audit_balances() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  with derived as (
    select
      d.segment_id, d.participant_id, d.asset_id, sum(d.posted) as posted, sum(d.held) as held,
      sum(d.due_in) as due_in, sum(d.due_out) as due_out
    from (
      select e.segment_id, e.participant_id, e.asset_id, e.amount, 0.0, 0.0, 0.0
      from ledger.entries as e
      union all
      select h.segment_id, h.participant_id, h.asset_id, 0, h.amount, 0,
        case when h.cause = 'SETTLEMENT' then h.amount else 0 end
      from ops.v_holds as h
      union all
      select i.segment_id, i.buyer_id, i.base_asset_id, 0, 0, i.quantity, 0
      from settlement.pending_instructions as i
      union all
      select i.segment_id, i.seller_id, i.quote_asset_id, 0, 0, i.notional - i.seller_fee, 0
      from settlement.pending_instructions as i
    ) as d (segment_id, participant_id, asset_id, posted, held, due_in, due_out)
    group by d.segment_id, d.participant_id, d.asset_id
  ), compared as (
    select
      coalesce(a.segment_id, d.segment_id) as segment_id,
      coalesce(a.participant_id, d.participant_id) as participant_id,
      coalesce(a.asset_id, d.asset_id) as asset_id,
      v.check_name, coalesce(v.kept, 0) as kept, coalesce(v.derived, 0) as derived
    from ledger.accounts as a
    full join derived as d
      on d.segment_id = a.segment_id
      and d.participant_id = a.participant_id
      and d.asset_id = a.asset_id
    cross join lateral (
      values
        ('balance posted', a.posted::numeric, d.posted),
        ('balance held', a.held, d.held),
        ('balance unsettled_in', a.unsettled_in, d.due_in),
        ('balance unsettled_out', a.unsettled_out, d.due_out)
    ) as v (check_name, kept, derived)
  )
  select c.check_name, p.client_id || ' ' || s.asset, c.kept::text, c.derived::text
  from compared as c
  join reference.participants as p
    on p.participant_id = c.participant_id
  join reference.assets as s
    on s.asset_id = c.asset_id
  where c.kept <> c.derived
  union all
  select 'asset sums to zero', s.asset, sum(a.posted)::text, '0'
  from ledger.accounts as a
  join reference.assets as s
    on s.asset_id = a.asset_id
  group by a.segment_id, s.asset
  having sum(a.posted) <> 0
$$;
comment on function ops.audit_balances is 'balances against their facts; returns what differs';
--! EndIncluded ops/audit_balances.sql
--! Included ops/audit_orders.sql
-- Orders against their facts: filled = the sum of the order's trades, with its notional and fee;
-- the book holds exactly the orders with something left, with what their price, quantity and fees
-- need held; no book is crossed; event numbers are dense. Returns what differs. Reads only.
create or replace function ops.audit_orders() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  with fills as (
    select
      f.segment_id, f.order_id, sum(f.quantity) as quantity, sum(f.notional) as notional,
      sum(f.fee) as fee
    from (
      select t.segment_id, l.order_id, t.quantity, t.price * t.quantity as notional, l.fee
      from matching.trades as t
      cross join lateral (
        values (t.taker_order_id, t.taker_fee), (t.maker_order_id, t.maker_fee)
      ) as l (order_id, fee)
    ) as f
    group by f.segment_id, f.order_id
  )
  select v.check_name, coalesce(o.order_id, f.order_id)::text, v.kept::text, v.derived::text
  from matching.orders as o
  full join fills as f
    on f.segment_id = o.segment_id
    and f.order_id = o.order_id
  cross join lateral (
    values
      ('order filled', coalesce(o.filled_quantity, -1), coalesce(f.quantity, 0)),
      ('order notional', coalesce(o.filled_notional, -1), coalesce(f.notional, 0)),
      ('order fee', coalesce(o.fee_amount, -1), coalesce(f.fee, 0))
  ) as v (check_name, kept, derived)
  where v.kept <> v.derived
  union all
  select 'order status', o.order_id::text, o.status::text, w.status::text
  from matching.orders as o
  cross join lateral (
    select matching.status_of(o.remaining_quantity, o.filled_quantity, o.end_reason, o.refusal)
  ) as w (status)
  where o.status <> w.status
  union all
  select 'book remaining', coalesce(o.order_id, b.order_id)::text,
    b.remaining_quantity::text, o.remaining_quantity::text
  from (select r.* from matching.orders as r where r.remaining_quantity > 0) as o
  full join matching.book as b
    on b.segment_id = o.segment_id
    and b.order_id = o.order_id
  where b.remaining_quantity is distinct from o.remaining_quantity
    or abs(b.sort_price) <> o.price
    or b.fee_amount <> o.fee_amount
    or (b.symbol_id, b.participant_id, b.side) <> (o.symbol_id, o.participant_id, o.side)
  union all
  select 'book hold', b.order_id::text, b.hold_amount::text, h.amount::text
  from matching.book as b
  join reference.symbols as s
    on s.symbol_id = b.symbol_id
  cross join lateral (
    select matching.hold_of(s, b.sort_price, b.remaining_quantity, b.fee_exact, b.fee_amount)
  ) as h (amount)
  where b.hold_amount <> h.amount
  union all
  select 'book crossed', s.symbol, t.bid::text, t.ask::text
  from (
    select
      b.symbol_id, max(-b.sort_price) filter (where b.side = 'BUY') as bid,
      min(b.sort_price) filter (where b.side = 'SELL') as ask
    from matching.book as b
    group by b.segment_id, b.symbol_id
  ) as t
  join reference.symbols as s
    on s.symbol_id = t.symbol_id
  where t.bid >= t.ask
$$;
comment on function ops.audit_orders is
  'orders and the book against their facts; returns what differs';
--! EndIncluded ops/audit_orders.sql
--! Included ops/audit_events.sql
-- Events against their facts: the numbers of a symbol are dense, up to the last that was given;
-- each trade was told as it is, in one event, and nothing else was. Returns what differs. Reads
-- only.
create or replace function ops.audit_events() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select 'events dense', s.symbol, st.last_seq::text, count(e.seq)::text
  from matching.symbol_state as st
  join reference.symbols as s
    on s.symbol_id = st.symbol_id
  left join matching.events as e
    on e.segment_id = st.segment_id
    and e.symbol_id = st.symbol_id
  group by s.symbol, st.segment_id, st.symbol_id, st.last_seq
  having count(e.seq) <> st.last_seq or coalesce(max(e.seq), 0) <> st.last_seq
  union all
  select 'trade event', coalesce(t.symbol_id, e.symbol_id) || ' ' || coalesce(t.seq, e.seq),
    e.terms, t.terms
  from (
    select
      d.segment_id, d.symbol_id, d.seq,
      concat_ws(' ', d.taker_order_id, d.taker_side, d.maker_order_id, trim_scale(d.price::numeric),
        trim_scale(d.quantity::numeric)) as terms
    from matching.trades as d
  ) as t
  full join (
    select
      v.segment_id, v.symbol_id, v.seq,
      concat_ws(' ', v.order_id, v.side, v.maker_order_id, trim_scale(v.price),
        trim_scale(v.quantity)) as terms
    from matching.events as v
    where v.kind = 'TRADE'
  ) as e
    on e.segment_id = t.segment_id
    and e.symbol_id = t.symbol_id
    and e.seq = t.seq
  where e.terms is distinct from t.terms
$$;
comment on function ops.audit_events is 'events against their facts; returns what differs';
--! EndIncluded ops/audit_events.sql
--! Included ops/audit_settlements.sql
-- Settlements against their facts: each trade has exactly one instruction, of the same parties and
-- amounts; each settled one has exactly its transfers, in the journal that settled it, a pending
-- one none. Returns what differs. Reads only.
create or replace function ops.audit_settlements() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select 'trade instruction', coalesce(t.trade_id, i.instruction_id)::text, i.terms, t.terms
  from (
    select
      d.segment_id, d.trade_id,
      concat_ws(' ', case d.taker_side when 'BUY' then d.taker_id else d.maker_id end,
        case d.taker_side when 'BUY' then d.maker_id else d.taker_id end,
        trim_scale(d.quantity::numeric), trim_scale(d.price * d.quantity),
        trim_scale(case d.taker_side when 'BUY' then d.taker_fee else d.maker_fee end),
        trim_scale(case d.taker_side when 'BUY' then d.maker_fee else d.taker_fee end)) as terms
    from matching.trades as d
  ) as t
  full join (
    select
      n.segment_id, n.instruction_id,
      concat_ws(' ', n.buyer_id, n.seller_id, trim_scale(n.quantity::numeric),
        trim_scale(n.notional), trim_scale(n.buyer_fee), trim_scale(n.seller_fee)) as terms
    from settlement.instructions as n
  ) as i
    on i.segment_id = t.segment_id
    and i.instruction_id = t.trade_id
  where i.terms is distinct from t.terms
  union all
  select 'instruction settled once', i.instruction_id::text, count(*)::text, '1'
  from settlement.instructions as i
  group by i.segment_id, i.instruction_id
  having count(*) > 1
  union all
  select 'settlement transfers', coalesce(x.instruction_id, s.instruction_id)::text, x.amounts,
    s.amounts
  from (
    select
      t.segment_id, t.instruction_id,
      string_agg(concat_ws(' ', t.journal_id, t.kind, t.asset_id, t.debit_participant_id,
        t.credit_participant_id, trim_scale(t.amount::numeric)), ', ' order by t.kind) as amounts
    from ledger.transfers as t
    where t.instruction_id is not null
    group by t.segment_id, t.instruction_id
  ) as x
  full join (
    select
      i.segment_id, i.instruction_id,
      string_agg(concat_ws(' ', i.journal_id, l.kind, l.asset_id, l.debit_id, l.credit_id,
        trim_scale(l.amount::numeric)), ', ' order by l.kind) as amounts
    from settlement.settled_instructions as i
    cross join lateral settlement.legs(
      i.base_asset_id, i.quote_asset_id, i.buyer_id, i.seller_id, i.quantity, i.notional,
      i.buyer_fee, i.seller_fee
    ) as l
    group by i.segment_id, i.instruction_id
  ) as s
    on s.segment_id = x.segment_id
    and s.instruction_id = x.instruction_id
  where x.amounts is distinct from s.amounts
$$;
comment on function ops.audit_settlements is
  'settlements against their facts; returns what differs';
--! EndIncluded ops/audit_settlements.sql
--! Included ops/audit_journals.sql
-- Journals against their facts: each counts its transfers and names the instructions that it
-- settled; their numbers are dense. Returns what differs. Reads only.
create or replace function ops.audit_journals() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select 'journal transfers', j.journal_id::text, j.transfer_count::text, count(t.line_no)::text
  from ledger.journals as j
  left join ledger.transfers as t
    on t.segment_id = j.segment_id
    and t.journal_id = j.journal_id
  group by j.segment_id, j.journal_id, j.transfer_count
  having count(t.line_no) <> j.transfer_count
  union all
  select 'journal instructions', coalesce(j.journal_id, s.journal_id)::text,
    j.instruction_id::text, s.instruction_id::text
  from (
    select n.segment_id, n.journal_id, i.instruction_id
    from ledger.journals as n
    cross join lateral unnest(n.instruction_ids) as i (instruction_id)
  ) as j
  full join settlement.settled_instructions as s
    on s.segment_id = j.segment_id
    and s.journal_id = j.journal_id
    and s.instruction_id = j.instruction_id
  where j.instruction_id is null
    or s.instruction_id is null
  union all
  select 'journals dense', l.segment_id::text, l.last_finality_no::text, count(j.journal_id)::text
  from ledger.segment_state as l
  left join ledger.journals as j
    on j.segment_id = l.segment_id
  group by l.segment_id, l.last_finality_no
  having count(j.journal_id) <> l.last_finality_no
$$;
comment on function ops.audit_journals is 'journals against their facts; returns what differs';
--! EndIncluded ops/audit_journals.sql
--! Included ops/audit.sql
-- Re-derives what the venue keeps from the facts that it never changes, and returns what differs:
-- no rows is healthy. One statement a check, each in one snapshot. Reads only.
create or replace function ops.audit() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select a.* from ops.audit_balances() as a
  union all
  select a.* from ops.audit_orders() as a
  union all
  select a.* from ops.audit_events() as a
  union all
  select a.* from ops.audit_settlements() as a
  union all
  select a.* from ops.audit_journals() as a
$$;
comment on function ops.audit is
  'audit(): re-derives balances, holds, fills, book and settlements; no rows is healthy';
revoke execute on function ops.audit from public;
grant execute on function ops.audit to pgsettle_operator, pgsettle_auditor, pgsettle_worker;
--! EndIncluded ops/audit.sql
--! Included ops/help.sql
-- What an operator can call, with a sentence each. Reads only.
create or replace function ops.help() returns table (
  call text,
  does text
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    p.proname || '(' || pg_catalog.pg_get_function_arguments(p.oid) || ')',
    pg_catalog.obj_description(p.oid, 'pg_proc')
  from pg_catalog.pg_proc as p
  where p.pronamespace = 'ops'::regnamespace
    and p.prosecdef
  union all
  select c.relname, pg_catalog.obj_description(c.oid, 'pg_class')
  from pg_catalog.pg_class as c
  where c.relnamespace = 'ops'::regnamespace
    and c.relkind in ('v', 'm')
  order by 1
$$;
comment on function ops.help is 'help(): what an operator can call';
revoke execute on function ops.help from public;
grant execute on function ops.help to pgsettle_operator, pgsettle_auditor;
--! EndIncluded ops/help.sql

select ops.set_search_path();
select ops.maintain_partitions();

grant select on all tables in schema reference, ledger, settlement, clearing, matching, ops
  to pgsettle_operator, pgsettle_auditor;
