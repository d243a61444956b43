--! Previous: sha1:5c6607c94fb5b9c53649353eddf086fd036c2637
--! Hash: sha1:8e99aaf84d7ff619b8dc0b81aa2b169de34e19af
--! Message: create matching

create type matching.order_side_enum as enum ('BUY', 'SELL');
create type matching.order_type_enum as enum
  ('MARKET', 'LIMIT', 'STOP', 'STOP_LIMIT', 'TAKE_PROFIT', 'TAKE_PROFIT_LIMIT', 'TRAILING_STOP');
create type matching.order_status_enum as enum
  ('PENDING', 'OPEN', 'PARTIALLY_FILLED', 'FILLED', 'CANCELLED', 'REJECTED', 'EXPIRED');
create type matching.time_in_force_enum as enum
  ('GTC', 'GTD', 'DAY', 'IOC', 'FOK', 'OPG', 'CLS', 'GFA', 'GTX');
create type matching.pending_reason as enum ('MATCH', 'TRIGGER', 'PARENT');
create type matching.end_reason as enum
  ('USER', 'OPERATOR', 'UNFILLED_IOC', 'UNFILLED_FOK', 'INSUFFICIENT_LIQUIDITY', 'PROTECTION',
    'STP_TAKER');
create type matching.event_kind as enum
  ('OPENED', 'FILLED', 'CANCELLED', 'EXPIRED', 'REJECTED', 'AMENDED', 'TRADE');

-- Why a command was refused, in order of precedence: the first that holds is the answer.
create type matching.refusal as enum (
  'UNKNOWN_PARTICIPANT', 'UNKNOWN_ORDER', 'ORDER_TYPE', 'TIME_IN_FORCE', 'PRICE_MISSING',
  'PRICE_NOT_ALLOWED', 'PRICE_TICK', 'LOT_SIZE', 'MIN_QUANTITY', 'MAX_QUANTITY', 'MIN_NOTIONAL',
  'MAX_NOTIONAL', 'NOTHING_TO_AMEND', 'REPEATED', 'KEY_REUSED', 'SYMBOL_HALTED',
  'ORDER_FILLED',
  'ALREADY_CANCELLED', 'ORDER_NOT_OPEN', 'NO_LIQUIDITY', 'INSUFFICIENT_FUNDS', 'BATCH_ROLLED_BACK'
);

create type matching.operation as enum ('PLACE', 'CANCEL', 'AMEND');

create type matching.command as (
  op matching.operation,
  client_id text,
  side matching.order_side_enum,
  type matching.order_type_enum,
  time_in_force matching.time_in_force_enum,
  price numeric,
  quantity numeric,
  client_order_id text,
  idempotency_key text,
  order_id bigint
);

-- Orders in the matcher's memory, one element an order; see matching.match_batch.
create type matching.slots as (
  order_id bigint[],
  owner_id int[],
  party_no int[],
  sort_price numeric[],
  priority_no bigint[],
  remaining numeric[],
  hold numeric[],
  fee_exact numeric[],
  fee numeric[],
  quantity numeric[],
  created_at timestamptz[],
  book_tid tid[]
);

-- What a batch asks, one element a command, and the orders it knows from the start.
create type matching.batch as (
  ops matching.operation[],
  refusals matching.refusal[],
  targets int[],
  is_buy boolean[],
  is_market boolean[],
  rests boolean[],
  probes boolean[],
  kills boolean[],
  sort_prices numeric[],
  quantities numeric[],
  order_ids bigint[],
  repeat_of bigint[],
  slots matching.slots,
  party_ids int[],
  target_ids bigint[]
);

-- What came of it: the closing event of each command, the fills, and the slots as they ended.
create type matching.outcome as (
  last_seq bigint,
  refusals matching.refusal[],
  kinds matching.event_kind[],
  seqs bigint[],
  order_ids bigint[],
  owner_ids int[],
  sort_prices numeric[],
  quantities numeric[],
  lefts numeric[],
  reasons matching.end_reason[],
  from_prices numeric[],
  from_lefts numeric[],
  from_seqs bigint[],
  fill_seqs bigint[],
  fill_prices numeric[],
  fill_quantities numeric[],
  fill_takers bigint[],
  fill_makers bigint[],
  fill_taker_ids int[],
  fill_maker_ids int[],
  fill_bought boolean[],
  fill_taker_fees numeric[],
  fill_maker_fees numeric[],
  fill_maker_lefts numeric[],
  slots matching.slots,
  holds_before numeric[],
  ends matching.end_reason[],
  filled numeric[],
  paid numeric[],
  last_seqs bigint[]
);

-- An order as a batch leaves it; quantity is null where the batch could not change it.
create type matching.final_order as (
  order_id bigint,
  filled numeric,
  notional numeric,
  last_seq bigint,
  owner_id int,
  sort_price numeric,
  priority_no bigint,
  remaining numeric,
  hold numeric,
  fee_exact numeric,
  fee numeric,
  quantity numeric,
  created_at timestamptz,
  end_reason matching.end_reason,
  book_tid tid
);

create type matching.executed as (
  batch matching.batch,
  outcome matching.outcome,
  executed_at timestamptz
);

-- An order as the outside sees it.
create type matching.order_row as (
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
  fills json
);

-- The answer to one command: error_state is null when all is well.
create type matching.command_answer as (
  command_no int,
  error_state text,
  error_code text,
  error_detail text,
  error_field text,
  error_bound text,
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
  fills json
);

create table matching.symbol_state (
  segment_id int not null,
  symbol_id int not null references reference.symbols on delete restrict,
  last_seq bigint not null default 0,
  last_order_no bigint not null default 0,
  last_at timestamptz not null default '-infinity',
  last_price reference.price,
  primary key (segment_id, symbol_id)
) with (fillfactor = 50);
comment on table matching.symbol_state is
  'one row a symbol: its counters, given out under its lock; the lock of the symbol';
comment on column matching.symbol_state.last_seq is 'the number of the last event, dense';

-- Resting orders only. The walk index reads a side best first: sort_price is the price of an ask and
-- the negative price of a bid, so that smaller is better on both sides.
create table matching.book (
  segment_id int not null,
  symbol_id int not null,
  side matching.order_side_enum not null,
  sort_price numeric not null,
  priority_no bigint not null,
  order_id bigint not null,
  participant_id int not null,
  created_at timestamptz not null,
  remaining_quantity numeric not null constraint remaining_is_positive check (remaining_quantity > 0),
  hold_amount numeric not null constraint hold_not_negative check (hold_amount >= 0),
  fee_exact numeric not null,
  fee_amount numeric not null,
  primary key (segment_id, order_id)
) with (
  fillfactor = 70,
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_cost_delay = 0
);
comment on table matching.book is 'the resting orders, each with its place, what is left and held';
comment on column matching.book.priority_no is 'the event number at which it took its place';
comment on column matching.book.hold_amount is 'quote for a bid (cost and fee), base for an ask';
comment on column matching.book.fee_exact is 'fees of all fills so far before rounding up';
-- matching.match_batch walks a side in this order.
create index book_side_price_idx on matching.book
  (segment_id, symbol_id, side, sort_price, priority_no);
-- Open orders and mass cancel of one participant.
create index book_participant_idx on matching.book (segment_id, participant_id, symbol_id);

create table matching.orders (
  segment_id int not null,
  order_id bigint not null,
  created_at timestamptz not null,
  symbol_id int not null,
  participant_id int not null,
  side matching.order_side_enum not null,
  type matching.order_type_enum not null,
  time_in_force matching.time_in_force_enum not null,
  status matching.order_status_enum not null,
  pending_reason matching.pending_reason,
  end_reason matching.end_reason,
  refusal matching.refusal,
  price numeric,
  quantity reference.quantity not null,
  filled_quantity numeric not null,
  remaining_quantity numeric not null,
  cancelled_quantity numeric not null,
  filled_notional numeric not null,
  fee_amount numeric not null,
  entry_seq bigint not null,
  last_seq bigint not null,
  updated_at timestamptz not null,
  client_order_id text,
  idempotency_key text,
  primary key (segment_id, order_id, created_at),
  constraint quantity_is_accounted_for
    check (quantity = filled_quantity + remaining_quantity + cancelled_quantity),
  constraint remaining_not_negative check (remaining_quantity >= 0)
) partition by range (created_at);
comment on table matching.orders is 'every order, with its state after the last batch that touched it';
comment on column matching.orders.entry_seq is
  'the event that closed its own command: the first answer is rebuilt from it';
comment on column matching.orders.cancelled_quantity is 'what was cancelled, expired or refused';
-- Orders of one participant, newest first.
create index orders_participant_idx on matching.orders
  (segment_id, participant_id, created_at desc, order_id desc);
create table matching.orders_default partition of matching.orders default;

-- A client key is unique over all partitions of orders, so it has a table of its own.
create table matching.order_keys (
  segment_id int not null,
  participant_id int not null,
  kind "char" not null constraint kind_is_known check (kind in ('I', 'C')),
  client_key text not null constraint key_is_not_too_long check (length(client_key) between 1 and 255),
  order_id bigint not null,
  fingerprint bigint not null,
  created_at timestamptz not null,
  primary key (segment_id, participant_id, kind, client_key)
);
comment on table matching.order_keys is 'which order a client key named first';
comment on column matching.order_keys.kind is 'I: idempotency key, C: client order id';
comment on column matching.order_keys.fingerprint is 'hash of what was asked: another body is refused';

create table matching.trades (
  segment_id int not null,
  trade_id bigint not null,
  traded_at timestamptz not null,
  symbol_id int not null,
  seq bigint not null,
  price reference.price not null,
  quantity reference.quantity not null constraint trade_is_positive check (quantity > 0),
  taker_side matching.order_side_enum not null,
  taker_order_id bigint not null,
  maker_order_id bigint not null,
  taker_id int not null,
  maker_id int not null,
  taker_fee ledger.amount not null,
  maker_fee ledger.amount not null,
  primary key (segment_id, trade_id, traded_at),
  constraint taker_is_not_maker check (taker_order_id <> maker_order_id)
) partition by range (traded_at);
comment on table matching.trades is 'one fill; insert only; trade_id is symbol_id x 10^12 + seq';
-- The fills of an order.
create index trades_taker_order_idx on matching.trades (segment_id, taker_order_id);
create index trades_maker_order_idx on matching.trades (segment_id, maker_order_id);
create table matching.trades_default partition of matching.trades default;

create table matching.events (
  segment_id int not null,
  symbol_id int not null,
  seq bigint not null,
  at timestamptz not null,
  kind matching.event_kind not null,
  order_id bigint not null,
  participant_id int not null,
  side matching.order_side_enum not null,
  price numeric,
  quantity numeric,
  remaining numeric,
  prior_price numeric,
  prior_remaining numeric,
  maker_order_id bigint,
  maker_id int,
  maker_remaining numeric,
  reason text,
  primary key (segment_id, symbol_id, seq, at)
) partition by range (at);
comment on table matching.events is
  'what happened, dense by symbol: the feed, the book and the trades can be rebuilt from it; insert only';
create table matching.events_default partition of matching.events default;

create table matching.stop_orders_watchlist (
  segment_id int not null,
  symbol_id int not null,
  order_id bigint not null,
  side matching.order_side_enum not null,
  type matching.order_type_enum not null,
  stop_price reference.price not null,
  entry_seq bigint not null,
  participant_id int not null,
  created_at timestamptz not null,
  primary key (segment_id, order_id)
);
comment on table matching.stop_orders_watchlist is
  'orders that wait for a trade to reach their stop price; empty until stop orders are accepted';

create table matching.order_book_snapshots (
  segment_id int not null,
  symbol_id int not null,
  seq bigint not null,
  taken_at timestamptz not null,
  bids jsonb not null,
  asks jsonb not null,
  primary key (segment_id, symbol_id, seq)
);
comment on table matching.order_book_snapshots is
  'the whole book of a symbol at an event number, best first: [[price, quantity, orders], ...]';

--! Included matching/buy_hold.sql
-- What a buy order must hold, in quote: what the rest costs at its limit, and the fees of all its
-- fills, done and to come at the rate of holds, rounded up once, less those charged already
-- [MAT-030]. Takes the cost of the rest, the fees so far before rounding and as
-- charged, the rate, how many units make one of the quote asset, and the unit (multiplied by,
-- because a quotient of numerics is not exact). Reads nothing; is inlined.
create or replace function matching.buy_hold(
  p_cost numeric,
  p_fee_exact numeric,
  p_fee numeric,
  p_rate numeric,
  p_units numeric,
  p_unit numeric
) returns numeric
language sql immutable parallel safe
as $$
  select p_cost - p_fee + ceil((p_fee_exact + p_cost * p_rate) * p_units) * p_unit
$$;
comment on function matching.buy_hold is 'what a buy order must hold, in quote';
--! EndIncluded matching/buy_hold.sql
--! Included matching/hold_of.sql
-- What an open order must hold: a sell order its remaining quantity, in base; a buy order what
-- matching.buy_hold says, in quote. Takes its price as sorted by (negative for a bid). Reads
-- nothing.
create or replace function matching.hold_of(
  p_symbol reference.symbols,
  p_sort_price numeric,
  p_remaining numeric,
  p_fee_exact numeric,
  p_fee numeric
) returns numeric
language sql immutable parallel safe
as $$
  select case when p_sort_price > 0 then p_remaining else matching.buy_hold(
    -p_sort_price * p_remaining, p_fee_exact, p_fee,
    greatest(p_symbol.maker_rate, p_symbol.taker_rate, 0),
    reference.units_in_one(p_symbol.quote_decimals), reference.asset_unit(p_symbol.quote_decimals)
  ) end
$$;
comment on function matching.hold_of is 'what an open order must hold';
--! EndIncluded matching/hold_of.sql
--! Included matching/refuse_command.sql
-- Why a command must be refused by the symbol's filters, or null: the first that holds, in the
-- order of matching.refusal. Needs no lock and reads nothing: what it refuses leaves no trace
-- [MAT-010].
-- Takes a price in quote per base and a quantity in base; of an amendment, those it would result
-- in.
create or replace function matching.refuse_command(
  p_symbol reference.symbols,
  p_op matching.operation,
  p_type matching.order_type_enum,
  p_time_in_force matching.time_in_force_enum,
  p_price numeric,
  p_quantity numeric
) returns matching.refusal
language sql immutable parallel safe
as $$
  select case
    when p_op = 'PLACE' and p_type not in ('LIMIT', 'MARKET') then 'ORDER_TYPE'::matching.refusal
    when p_op = 'PLACE' and p_time_in_force not in ('IOC', 'FOK')
      and (p_type = 'MARKET' or p_time_in_force <> 'GTC') then 'TIME_IN_FORCE'
    when p_op = 'PLACE' and p_type = 'LIMIT' and p_price is null then 'PRICE_MISSING'
    when p_op = 'PLACE' and p_type = 'MARKET' and p_price is not null then 'PRICE_NOT_ALLOWED'
    when p_price <= 0 or p_price % p_symbol.tick_size <> 0 then 'PRICE_TICK'
    when p_quantity <= 0 or p_quantity % p_symbol.lot_size <> 0 then 'LOT_SIZE'
    when p_quantity < p_symbol.min_quantity then 'MIN_QUANTITY'
    when p_quantity > p_symbol.max_quantity then 'MAX_QUANTITY'
    when p_price * p_quantity < p_symbol.min_notional then 'MIN_NOTIONAL'
    when p_price * p_quantity > p_symbol.max_notional then 'MAX_NOTIONAL'
    when p_op = 'AMEND' and p_price is null and p_quantity is null then 'NOTHING_TO_AMEND'
  end
$$;
comment on function matching.refuse_command is
  'why the filters of a symbol refuse a command, or null';
--! EndIncluded matching/refuse_command.sql
--! Included matching/refuse_ended.sql
-- Why a command on an order that is not in the book must be refused: it never was, or how it ended.
-- Takes the participant who asks, null when that is not known. Reads only.
create or replace function matching.refuse_ended(
  p_symbol reference.symbols,
  p_op matching.operation,
  p_order_id bigint,
  p_participant_id int
) returns matching.refusal
language sql stable
as $$
  select coalesce((
    select case
      when o.status = 'FILLED' then 'ORDER_FILLED'::matching.refusal
      when o.status = 'CANCELLED' and p_op = 'CANCEL' then 'ALREADY_CANCELLED'
      else 'ORDER_NOT_OPEN' end
    from matching.orders as o
    where o.segment_id = p_symbol.segment_id
      and o.order_id = p_order_id
      and o.symbol_id = p_symbol.symbol_id
      and o.participant_id = coalesce(p_participant_id, o.participant_id)
  ), 'UNKNOWN_ORDER')
$$;
comment on function matching.refuse_ended is
  'why a command on an order that does not rest is refused';
--! EndIncluded matching/refuse_ended.sql
--! Included matching/append_slots.sql
-- Slots behind slots. Reads nothing.
create or replace function matching.append_slots(
  p_slots matching.slots,
  p_more matching.slots
) returns matching.slots
language sql immutable parallel safe
as $$
  select row(
    p_slots.order_id || p_more.order_id,
    p_slots.owner_id || p_more.owner_id,
    p_slots.party_no || p_more.party_no,
    p_slots.sort_price || p_more.sort_price,
    p_slots.priority_no || p_more.priority_no,
    p_slots.remaining || p_more.remaining,
    p_slots.hold || p_more.hold,
    p_slots.fee_exact || p_more.fee_exact,
    p_slots.fee || p_more.fee,
    p_slots.quantity || p_more.quantity,
    p_slots.created_at || p_more.created_at,
    p_slots.book_tid || p_more.book_tid
  )::matching.slots
$$;
comment on function matching.append_slots is 'slots behind slots';
--! EndIncluded matching/append_slots.sql
--! Included matching/read_orders.sql
-- The resting orders of a symbol with these ids (each once), as slots. Reads only.
create or replace function matching.read_orders(
  p_symbol reference.symbols,
  p_order_ids bigint[]
) returns matching.slots
language plpgsql volatile
set enable_nestloop = on  -- whatever the caller has set
as $$
declare
  v_slots matching.slots;
begin
  select
    array_agg(r.order_id), array_agg(r.participant_id), array_agg(r.sort_price),
    array_agg(r.priority_no), array_agg(r.remaining_quantity), array_agg(r.hold_amount),
    array_agg(r.fee_exact), array_agg(r.fee_amount), array_agg(r.quantity), array_agg(r.created_at),
    array_agg(r.book_tid)
  into
    v_slots.order_id, v_slots.owner_id, v_slots.sort_price, v_slots.priority_no, v_slots.remaining,
    v_slots.hold, v_slots.fee_exact, v_slots.fee, v_slots.quantity, v_slots.created_at,
    v_slots.book_tid
  from (
    select b.*, b.ctid as book_tid, o.quantity
    from reference.ids(p_symbol.segment_id, p_order_ids) as i
    join matching.book as b
      on b.segment_id = i.segment_id
      and b.order_id = i.id
    join matching.orders as o
      on o.segment_id = b.segment_id
      and o.order_id = b.order_id
      and o.created_at = b.created_at
    where b.symbol_id = p_symbol.symbol_id
    order by b.order_id
  ) as r;
  return v_slots;
end;
$$;
comment on function matching.read_orders is 'resting orders by id, as slots of the matcher';
--! EndIncluded matching/read_orders.sql
--! Included matching/lock_symbol.sql
-- Takes the lock of a symbol to the end of the transaction and returns its state, read after the
-- lock was given. First the advisory lock, then the row: writers of one symbol wait in line on the
-- first, and the second holds where the first does not reach (another node of a spread venue).
-- READ COMMITTED only: under REPEATABLE READ the read after the lock would be a stale one, and the
-- book would cross (measured elsewhere: within 32 orders of two clients) [MAT-002].
-- Locks: advisory (1, symbol_id), then the row of matching.symbol_state.
-- Raises: STISO at any other isolation level.
create or replace function matching.lock_symbol(
  p_segment_id int,
  p_symbol_id int
) returns matching.symbol_state
language plpgsql volatile
as $$
declare
  c_lock_space constant int := 1;
  v_state matching.symbol_state;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'matching needs READ COMMITTED, not %', current_setting('transaction_isolation')
      using errcode = 'STISO', hint = 'WRONG_ISOLATION';
  end if;

  perform pg_advisory_xact_lock(c_lock_space, p_symbol_id);

  select s.* into strict v_state
  from matching.symbol_state as s
  where s.segment_id = p_segment_id
    and s.symbol_id = p_symbol_id
  for no key update;

  return v_state;
end;
$$;
comment on function matching.lock_symbol is 'takes the lock of a symbol and returns its state';
--! EndIncluded matching/lock_symbol.sql
--! Included matching/parse_commands.sql
-- Turns commands into a batch: who asks, and what the filters refuse. Before the lock.
-- Reads only.
create or replace function matching.parse_commands(
  p_symbol reference.symbols,
  p_commands matching.command[]
) returns matching.batch
language plpgsql stable
as $$
declare
  v_batch matching.batch;
  v_slots matching.slots;
begin
  select
    array_agg(c.op), array_agg(c.refusal), array_agg(c.side = 'BUY'), array_agg(c.type = 'MARKET'),
    array_agg(c.op = 'AMEND' or c.time_in_force = 'GTC'),
    array_agg(c.time_in_force = 'FOK' or c.type = 'MARKET' and c.side = 'BUY'),
    array_agg(c.time_in_force = 'FOK'), array_agg(c.sort_price), array_agg(c.quantity),
    array_agg(c.participant_id), array_agg(case when c.op = 'PLACE' then c.quantity end),
    array_agg(c.zero), array_fill(null::bigint, array[count(*)::int])
  into
    v_batch.ops, v_batch.refusals, v_batch.is_buy, v_batch.is_market, v_batch.rests, v_batch.probes,
    v_batch.kills, v_batch.sort_prices, v_batch.quantities, v_slots.owner_id, v_slots.remaining,
    v_slots.hold, v_batch.repeat_of
  from (
    select
      a.op, a.side, a.type, a.time_in_force, a.quantity, p.participant_id, 0::numeric as zero,
      case when a.side = 'BUY' then -a.price else a.price end as sort_price,
      case
        when p.participant_id is null and a.client_id is not null
          then 'UNKNOWN_PARTICIPANT'::matching.refusal
        when a.op <> 'CANCEL'
          then matching.refuse_command(
            p_symbol, a.op, a.type, a.time_in_force, a.price, a.quantity
          )
      end as refusal
    from unnest(p_commands) with ordinality as a (
      op, client_id, side, type, time_in_force, price, quantity, client_order_id, idempotency_key,
      order_id, n
    )
    left join reference.participants as p
      on p.client_id = a.client_id
      and p.kind = 'CUSTOMER'
    order by a.n
  ) as c;

  v_slots.sort_price := v_batch.sort_prices;
  v_slots.quantity := v_slots.remaining;
  v_slots.fee_exact := v_slots.hold;
  v_slots.fee := v_slots.hold;
  v_batch.slots := v_slots;
  return v_batch;
end;
$$;
comment on function matching.parse_commands is
  'turns commands into a batch and checks them against the filters';
--! EndIncluded matching/parse_commands.sql
--! Included matching/wanted_keys.sql
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
    c.n, o.owner_id, k.kind, k.client_key, o.order_id,
    hash_numeric_extended(
      coalesce(c.price, 0), hash_numeric_extended(c.quantity, hashtextextended(concat_ws(
        ' ', c.side, c.type, c.time_in_force, o.order_id / 1000000000000, c.client_order_id
      ), 0))
    )
  from unnest(p_commands) with ordinality as c (
    op, client_id, side, type, time_in_force, price, quantity, client_order_id, idempotency_key,
    order_id, n
  )
  join unnest(p_batch.order_ids, (p_batch.slots).owner_id) with ordinality
    as o (order_id, owner_id, n)
    on o.n = c.n
  cross join lateral (
    values ('I'::"char", c.idempotency_key), ('C', c.client_order_id)
  ) as k (kind, client_key)
  where o.order_id is not null
    and k.client_key is not null;
end;
$$;
comment on function matching.wanted_keys is 'the keys that the new orders of a batch come with';
--! EndIncluded matching/wanted_keys.sql
--! Included matching/claim_keys.sql
-- Claims the keys of a batch's orders. A key that stands already makes its command a repeat, which
-- is answered with the first answer, or, when it asks for something else, refuses it [MAT-020].
-- Another transaction that claims the same key is waited for: whoever is first is the order.
-- Keys are claimed in their order, so that two batches cannot wait for each other in a ring.
-- Returns the batch with repeat_of and refusals filled in. Writes: matching.order_keys.
create or replace function matching.claim_keys(
  p_segment_id int,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch
) returns matching.batch
language plpgsql volatile
as $$
declare
  v_key record;
begin
  -- Nearly always all keys are new, and a plain insert takes half the time of one that looks for
  -- conflicts (7 ms against 13 for 2,000).
  begin
    insert into matching.order_keys (
      segment_id, participant_id, kind, client_key, order_id, fingerprint, created_at
    )
    select p_segment_id, w.owner_id, w.kind, w.client_key, w.order_id, w.fingerprint, p_now
    from matching.wanted_keys(p_commands, p_batch) as w
    order by w.owner_id, w.kind, w.client_key, w.n;
    return p_batch;
  exception when unique_violation then
    insert into matching.order_keys (
      segment_id, participant_id, kind, client_key, order_id, fingerprint, created_at
    )
    select p_segment_id, w.owner_id, w.kind, w.client_key, w.order_id, w.fingerprint, p_now
    from matching.wanted_keys(p_commands, p_batch) as w
    order by w.owner_id, w.kind, w.client_key, w.n
    on conflict do nothing;
  end;

  for v_key in
    select
      w.n, w.owner_id, w.order_id, k.order_id as first_id, k.fingerprint = w.fingerprint as same
    from matching.wanted_keys(p_commands, p_batch) as w
    cross join lateral (
      select o.order_id, o.fingerprint
      from matching.order_keys as o
      where o.segment_id = p_segment_id
        and o.participant_id = w.owner_id
        and o.kind = w.kind
        and o.client_key = w.client_key
    ) as k
    where k.order_id <> w.order_id
    order by w.n
  loop
    p_batch.repeat_of[v_key.n] := v_key.first_id;
    p_batch.refusals[v_key.n] := case
      when v_key.same then 'REPEATED'::matching.refusal
      else 'KEY_REUSED' end;

    -- Its other key, if it was new, would name an order that never comes to be.
    delete from matching.order_keys as k
    where k.segment_id = p_segment_id
      and k.participant_id = v_key.owner_id
      and k.order_id = v_key.order_id;
  end loop;
  return p_batch;
end;
$$;
comment on function matching.claim_keys is 'claims client keys; marks the commands that repeat one';
--! EndIncluded matching/claim_keys.sql
--! Included matching/find_targets.sql
-- Finds the orders that a batch cancels or amends, by order id or by the owner's client order id,
-- among the batch's own orders and in the book, and gives each of the latter a slot behind the
-- commands' own. What cannot be found, is somebody else's or has ended refuses the command.
-- Call it under the lock of the symbol. Reads only; returns the batch.
create or replace function matching.find_targets(
  p_symbol reference.symbols,
  p_commands matching.command[],
  p_batch matching.batch
) returns matching.batch
language plpgsql volatile
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
declare
  v_count int := cardinality(p_batch.ops);
  v_found matching.slots;
begin
  select array_agg(
    coalesce(c.order_id, (
      select k.order_id
      from matching.order_keys as k
      where k.segment_id = p_symbol.segment_id
        and k.participant_id = c.owner_id
        and k.kind = 'C'
        and k.client_key = c.client_order_id
        and c.op <> 'PLACE'
    )) order by c.n
  )
  into p_batch.target_ids
  from (
    select a.op, a.order_id, a.client_order_id, o.owner_id, a.n
    from unnest(p_commands) with ordinality as a (
      op, client_id, side, type, time_in_force, price, quantity, client_order_id, idempotency_key,
      order_id, n
    )
    join unnest((p_batch.slots).owner_id) with ordinality as o (owner_id, n)
      on o.n = a.n
  ) as c;

  v_found := matching.read_orders(
    p_symbol, array(select distinct i.id from unnest(p_batch.target_ids) as i (id))
  );

  select
    array_agg(t.slot order by t.n), array_agg(t.refusal order by t.n),
    array_agg(case when t.is_buy then -abs(t.price) else t.price end order by t.n)
  into p_batch.targets, p_batch.refusals, p_batch.sort_prices
  from (
    select
      c.n, s.slot, s.is_buy, b.price,
      case
        when b.refusal is not null or b.op = 'PLACE' then b.refusal
        when s.slot is null then matching.refuse_ended(p_symbol, b.op, c.order_id, b.owner_id)
        when b.owner_id <> s.owner_id then 'UNKNOWN_ORDER'
        when b.op = 'AMEND' then matching.refuse_command(
          p_symbol, b.op, null, null, coalesce(b.price, s.price),
          coalesce(b.quantity, s.quantity)
        )
      end as refusal
    from unnest(p_batch.target_ids) with ordinality as c (order_id, n)
    join unnest(
      p_batch.ops, p_batch.refusals, p_batch.sort_prices, p_batch.quantities,
      (p_batch.slots).owner_id
    ) with ordinality as b (op, refusal, price, quantity, owner_id, n)
      on b.n = c.n
    left join (
      select o.order_id, o.n as slot, o.is_buy, abs(o.price) as price, o.quantity, o.owner_id
      from unnest(
        p_batch.order_ids, p_batch.is_buy, p_batch.sort_prices, p_batch.quantities,
        (p_batch.slots).owner_id
      ) with ordinality as o (order_id, is_buy, price, quantity, owner_id, n)
      union all
      select o.order_id, v_count + o.n, o.price < 0, abs(o.price), o.quantity, o.owner_id
      from unnest(v_found.order_id, v_found.sort_price, v_found.quantity, v_found.owner_id)
        with ordinality as o (order_id, price, quantity, owner_id, n)
    ) as s
      on s.order_id = c.order_id
  ) as t;

  p_batch.slots := matching.append_slots(p_batch.slots, v_found);
  return p_batch;
end;
$$;
comment on function matching.find_targets is 'finds the orders that a batch cancels or amends';
--! EndIncluded matching/find_targets.sql
--! Included matching/prepare_batch.sql
-- Makes a parsed batch ready to match: order ids for what passed the filters, keys claimed, the
-- orders it names found, its parties numbered. Under the lock of the symbol.
-- Returns the batch. Writes: matching.order_keys.
create or replace function matching.prepare_batch(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch
) returns matching.batch
language plpgsql volatile
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
  v_count int := cardinality(p_batch.ops);
  v_slots int;
  v_party_nos int[];
begin
  select array_agg(c.order_id order by c.n) into p_batch.order_ids
  from (
    select
      b.n,
      case when b.is_new then p_symbol.symbol_id * c_ids_per_symbol + p_state.last_order_no
        + count(*) filter (where b.is_new) over (order by b.n) end as order_id
    from (
      select a.n, a.op = 'PLACE' and a.refusal is null as is_new
      from unnest(p_batch.ops, p_batch.refusals) with ordinality as a (op, refusal, n)
    ) as b
  ) as c;
  p_batch.slots.order_id := p_batch.order_ids;
  p_batch.slots.created_at := array_fill(p_now, array[v_count]);
  p_batch.slots.priority_no := array_fill(0::bigint, array[v_count]);
  p_batch.slots.book_tid := array_fill(null::tid, array[v_count]);

  if exists (
    select from unnest(p_commands) as c
    where c.op = 'PLACE'
      and (c.idempotency_key is not null or c.client_order_id is not null)
  ) then
    p_batch := matching.claim_keys(p_symbol.segment_id, p_now, p_commands, p_batch);
  end if;

  if p_batch.ops && array['CANCEL', 'AMEND']::matching.operation[] then
    p_batch := matching.find_targets(p_symbol, p_commands, p_batch);
  end if;

  -- Parties are numbered in the order of their ids: the rank of an owner is its party's number.
  select array_agg(distinct o.owner_id) into p_batch.party_ids
  from unnest((p_batch.slots).owner_id) as o (owner_id)
  where o.owner_id is not null;

  select array_agg(r.party_no order by r.n) into v_party_nos
  from (
    select o.n, case when o.owner_id is not null then dense_rank() over (order by o.owner_id) end
      as party_no
    from unnest((p_batch.slots).owner_id) with ordinality as o (owner_id, n)
  ) as r;
  p_batch.slots.party_no := v_party_nos;

  -- The two empty slots from which the reading of each side of the book starts.
  v_slots := cardinality((p_batch.slots).order_id);
  p_batch.slots := matching.append_slots(
    p_batch.slots,
    row(
      array[0::bigint, 0], array[0, 0], array[null::int, null],
      array['-Infinity'::numeric, '-Infinity'], array[0::bigint, 0], array[0.0, 0], array[0.0, 0],
      array[0.0, 0], array[0.0, 0], array[0.0, 0], array[p_now, p_now],
      array[null::tid, null]
    )::matching.slots
  );
  return p_batch;
end;
$$;
comment on function matching.prepare_batch is 'makes a parsed batch ready to match';
--! EndIncluded matching/prepare_batch.sql
--! Included matching/read_book.sql
-- The next p_limit resting orders that a buyer (or seller) would meet, best first, behind a price
-- and priority: a chunk of slots for matching.match_batch. An order that the batch names itself is
-- given with nothing remaining: it has a slot already. An open cursor would be as fast here, but on
-- a spread venue it reads the whole side first (measured: 150 ms against 0.6 ms on 300,000 rows).
-- Reads only.
create or replace function matching.read_book(
  p_symbol reference.symbols,
  p_for_buyer boolean,
  p_after_price numeric,
  p_after_priority bigint,
  p_limit int,
  p_batch matching.batch
) returns matching.slots
language plpgsql volatile
set enable_seqscan = off     -- a plan made while the book was small must walk it in its order
set enable_bitmapscan = off  -- when it is large
set enable_sort = off
as $$
declare
  v_side matching.order_side_enum := case when p_for_buyer then 'SELL' else 'BUY' end;
  v_slots matching.slots;
begin
  select
    coalesce(array_agg(r.order_id), '{}'), array_agg(r.participant_id), array_agg(r.party_no),
    array_agg(r.sort_price), array_agg(r.priority_no), array_agg(r.remaining),
    array_agg(r.hold_amount), array_agg(r.fee_exact), array_agg(r.fee_amount),
    array_agg(r.created_at), array_agg(r.book_tid)
  into
    v_slots.order_id, v_slots.owner_id, v_slots.party_no, v_slots.sort_price, v_slots.priority_no,
    v_slots.remaining, v_slots.hold, v_slots.fee_exact, v_slots.fee, v_slots.created_at,
    v_slots.book_tid
  from (
    select
      c.*, p.party_no,
      case when c.order_id = any (p_batch.target_ids) then 0 else c.remaining_quantity end
        as remaining
    from (
      select b.*, b.ctid as book_tid
      from matching.book as b
      where b.segment_id = p_symbol.segment_id
        and b.symbol_id = p_symbol.symbol_id
        and b.side = v_side
        and (b.sort_price, b.priority_no) > (p_after_price, p_after_priority)
      order by b.sort_price, b.priority_no
      limit p_limit
    ) as c
    left join unnest(p_batch.party_ids) with ordinality as p (participant_id, party_no)
      on p.participant_id = c.participant_id
    order by c.sort_price, c.priority_no
  ) as r;
  return v_slots;
end;
$$;
comment on function matching.read_book is 'the next resting orders of a side, best first, as slots';
--! EndIncluded matching/read_book.sql
--! Included matching/match_batch.sql
-- Matches a batch of commands in their order, by price, then time, and writes nothing: it reads the
-- book and computes what happens, so that a dry run and the real run are one code, and a batch can
-- be computed again when the funds it was computed with have changed [MAT-001].
--
-- A slot is an order in memory: first one for each command (a placed order, or an amended one that
-- lost its place), then the orders that commands name, two empty ones, then makers as they are
-- read. sort_price makes both sides alike: the price of an ask, the negative price of a bid;
-- smaller is better, and an order reaches makers up to its own negative one. A side's queue is the
-- book, read in chunks, merged with a heap of what came to rest or was named in this batch. Who
-- leaves a queue stays in place with nothing left, and is passed over.
--
-- Takes the symbol, its last event number, the batch, and what each party has in base and quote.
-- Returns the closing event of each command, the fills, and the slots as they end.
-- Call it under the lock of the symbol. Reads only.
-- Keeps [MAT-040] time in force, [MAT-041] fill or kill, [MAT-042] no trade with oneself, [MAT-043]
-- market protection, [MAT-044] amend, [MAT-030] holds, [LED-002] fees.
create or replace function matching.match_batch(
  p_symbol reference.symbols,
  p_last_seq bigint,
  p_batch matching.batch,
  p_base_funds numeric[],
  p_quote_funds numeric[]
) returns matching.outcome
language plpgsql volatile
as $$
declare
  c_units constant numeric := reference.units_in_one(p_symbol.quote_decimals);
  c_unit constant numeric := reference.asset_unit(p_symbol.quote_decimals);
  c_hold_rate constant numeric := greatest(p_symbol.taker_rate, p_symbol.maker_rate, 0);
  c_count constant int := cardinality(p_batch.ops);
  -- The batch, taken apart: an element of a field of a record costs a copy of it.
  b_op matching.operation[] := p_batch.ops;               b_target int[] := p_batch.targets;
  b_buy boolean[] := p_batch.is_buy;                      b_rests boolean[] := p_batch.rests;
  b_probe boolean[] := p_batch.probes;                    b_kill boolean[] := p_batch.kills;
  b_market boolean[] := p_batch.is_market;                b_key numeric[] := p_batch.sort_prices;
  b_quantity numeric[] := p_batch.quantities;
  v_base numeric[] := p_base_funds;                       v_quote numeric[] := p_quote_funds;
  -- The slots.
  s_order bigint[] := (p_batch.slots).order_id;           s_owner int[] := (p_batch.slots).owner_id;
  s_party int[] := (p_batch.slots).party_no;   s_key numeric[] := (p_batch.slots).sort_price;
  s_place bigint[] := (p_batch.slots).priority_no; s_left numeric[] := (p_batch.slots).remaining;
  s_hold numeric[] := (p_batch.slots).hold;               s_hold0 numeric[] := s_hold;
  s_exact numeric[] := (p_batch.slots).fee_exact;         s_fee numeric[] := (p_batch.slots).fee;
  s_quantity numeric[] := (p_batch.slots).quantity;       s_end matching.end_reason[];
  s_created timestamptz[] := (p_batch.slots).created_at; s_tid tid[] := (p_batch.slots).book_tid;
  s_next int[];                  -- the slot read after this one, where it is not the next number
  s_moved int[]; s_first int[];  -- where an amended order went on, by where it was first; and back
  s_filled numeric[]; s_paid numeric[]; s_seq bigint[];  -- what this batch did to it
  v_top int := cardinality(s_order);
  -- The queues, 1 the asks, 2 the bids. Of the book: the last slot passed, the last one read, and
  -- whether there is more. The heaps: node k of side x is h_slot[2 * k + x]; what is to be pushed.
  q_passed int[] := array[v_top - 1, v_top]; q_read int[] := q_passed;
  q_more boolean[] := array[true, true]; h_slot int[] := '{0}'; h_count int[] := array[0, 0];
  v_push int[] := array(select g from generate_series(c_count + 1, v_top - 2) as g);
  -- The fills, and the closing event of each command (with what it changed, at which event).
  f_seq bigint[]; f_price numeric[]; f_quantity numeric[]; f_taker bigint[]; f_maker bigint[];
  f_taker_id int[]; f_maker_id int[]; f_bought boolean[]; f_taker_fee numeric[];
  f_maker_fee numeric[]; f_maker_left numeric[]; v_fills int := 0;
  e_refusal matching.refusal[] := p_batch.refusals; e_kind matching.event_kind[]; e_seq bigint[];
  e_order bigint[]; e_key numeric[]; e_quantity numeric[]; e_left numeric[]; e_from numeric[];
  e_from_left numeric[]; e_from_seq bigint[]; e_owner int[]; e_reason matching.end_reason[];
  -- The command at hand.
  v_op matching.operation; v_refusal matching.refusal; v_end matching.end_reason; v_buy boolean;
  v_probe boolean; v_self boolean; v_chunk matching.slots; v_seq bigint := p_last_seq; v_party int;
  v_key numeric; v_reach numeric; v_left numeric; v_had numeric; v_q numeric; v_cost numeric;
  v_due numeric; v_had_fee numeric; v_hold numeric; v_freed numeric; v_sum numeric;
  v_sum_cost numeric; v_book int; v_heap int; v_at int; v_skip int; t int; m int; p int; x int;
  y int; k int; n int; lo int;
begin
  -- Each from element 1 on: an array that began elsewhere would not line up with the others.
  e_kind[1] := null; e_seq[1] := null; e_order[1] := null; e_owner[1] := null; e_key[1] := null;
  e_quantity[1] := null; e_left[1] := null; e_reason[1] := null; e_from[1] := null;
  e_from_left[1] := null; e_from_seq[1] := null; s_filled[1] := null; s_paid[1] := null;
  s_seq[1] := null; s_end[1] := null;
  for i in 1..c_count loop
    continue when e_refusal[i] is not null;
    t := i; v_op := b_op[i]; v_refusal := null; v_end := null; v_self := false; v_freed := 0;

    -- 1. What is asked for: t is the slot, v_left its quantity, v_hold what it must hold at most.
    if v_op = 'PLACE' then
      v_buy := b_buy[i]; v_left := s_left[i]; v_key := s_key[i];
      v_refusal := case
        when p_symbol.status <> 'ACTIVE' then 'SYMBOL_HALTED'::matching.refusal end;
    else
      lo := coalesce(s_moved[b_target[i]], b_target[i]); v_left := s_left[lo];
      v_refusal := case
        when lo > i and lo <= c_count then 'UNKNOWN_ORDER'::matching.refusal
        when v_left > 0 and v_op = 'AMEND' and p_symbol.status <> 'ACTIVE' then 'SYMBOL_HALTED'
        when v_left > 0 then null
        when s_end[lo] is null then 'ORDER_FILLED'
        when v_op = 'CANCEL' and s_end[lo] in ('USER', 'STP_TAKER') then 'ALREADY_CANCELLED'
        else 'ORDER_NOT_OPEN' end;
      v_key := coalesce(b_key[i], s_key[lo]); v_buy := v_key < 0; v_freed := s_hold[lo];
      v_left := case when v_op = 'CANCEL' then 0
        else greatest(coalesce(b_quantity[i] - s_quantity[lo], 0) + v_left, 0) end;
      s_owner[i] := s_owner[lo]; s_party[i] := s_party[lo]; s_key[i] := v_key;
      s_exact[i] := s_exact[lo]; s_fee[i] := s_fee[lo];
    end if;
    v_party := s_party[t]; v_had := v_left; v_had_fee := s_fee[t];
    v_reach := -v_key;  -- null for a market order, until the touch is known
    v_hold := case when v_buy then matching.buy_hold(coalesce(v_reach * v_left, 0), s_exact[t],
      s_fee[t], c_hold_rate, c_units, c_unit) else v_left end;
    if v_hold - v_freed > (case when v_buy then v_quote[v_party] else v_base[v_party] end) then
      v_refusal := coalesce(v_refusal, 'INSUFFICIENT_FUNDS');
    end if;
    if v_op <> 'PLACE' then
      e_refusal[i] := v_refusal;
      continue when v_refusal is not null;
      v_seq := v_seq + 1;
      e_from[i] := s_key[lo]; e_from_seq[i] := v_seq; e_from_left[i] := s_left[lo];
      if v_left = 0 then
        t := lo; e_kind[i] := 'CANCELLED'; s_end[lo] := 'USER'; v_hold := 0;
      elsif v_key = s_key[lo] and v_left <= s_left[lo] then
        t := lo; e_kind[i] := 'AMENDED';
        s_quantity[lo] := s_quantity[lo] - s_left[lo] + v_left;
      else
        k := coalesce(s_first[lo], lo);
        s_moved[k] := i; s_first[i] := k; s_order[i] := s_order[lo]; s_tid[i] := s_tid[lo];
        s_filled[i] := s_filled[lo]; s_paid[i] := s_paid[lo]; s_created[i] := s_created[lo];
        s_quantity[i] := s_quantity[lo] - s_left[lo] + v_left;
        s_order[lo] := null; s_left[lo] := 0; s_hold[lo] := 0;
      end if;
    end if;

    -- 2. Take, best first. A fill-or-kill and a market buy walk twice: first to see what they would
    -- get and what that costs, then, when all is right, to trade.
    x := case when v_buy then 1 else 2 end; v_probe := b_probe[i]; v_sum_cost := 0;
    while v_refusal is null and v_end is null and e_kind[i] is null loop
      foreach m in array v_push loop
        y := case when s_key[m] < 0 then 2 else 1 end;
        k := h_count[y] + 1; h_count[y] := k;
        while k > 1 loop
          n := h_slot[k / 2 * 2 + y];
          exit when s_key[n] < s_key[m] or s_key[n] = s_key[m] and s_place[n] < s_place[m];
          h_slot[2 * k + y] := n; k := k / 2;
        end loop;
        h_slot[2 * k + y] := m;
      end loop;
      v_push := '{}'; v_at := q_passed[x]; v_skip := 0; v_sum := 0; v_sum_cost := 0;
      while v_left > v_sum loop
        loop  -- the best of the book
          v_book := null;
          if v_at = q_read[x] then exit when not q_more[x];
            k := least(512, greatest(16, v_top / 8));  -- more, the more was needed so far
            v_chunk := matching.read_book(p_symbol, v_buy, s_key[v_at], s_place[v_at], k, p_batch);
            q_more[x] := cardinality(v_chunk.order_id) = k;
            exit when cardinality(v_chunk.order_id) = 0;
            s_order := s_order || v_chunk.order_id;       s_owner := s_owner || v_chunk.owner_id;
            s_party := s_party || v_chunk.party_no;       s_key := s_key || v_chunk.sort_price;
            s_place := s_place || v_chunk.priority_no;    s_left := s_left || v_chunk.remaining;
            s_hold := s_hold || v_chunk.hold;             s_hold0 := s_hold0 || v_chunk.hold;
            s_exact := s_exact || v_chunk.fee_exact;      s_fee := s_fee || v_chunk.fee;
            s_created := s_created || v_chunk.created_at; s_tid := s_tid || v_chunk.book_tid;
            s_next[v_at] := v_top + 1; v_top := cardinality(s_order); q_read[x] := v_top;
          end if;
          v_book := coalesce(s_next[v_at], v_at + 1);
          exit when s_left[v_book] > 0; v_at := v_book;
        end loop;
        loop  -- the best of the heap
          n := h_count[x]; v_heap := case when n > 0 then h_slot[2 + x] end;
          exit when n = 0 or s_left[v_heap] > 0 and v_heap <> v_skip;
          -- It leaves; one that was only looked at comes back later.
          v_push := case when v_heap = v_skip then v_push || v_heap else v_push end;
          y := h_slot[2 * n + x]; n := n - 1; h_count[x] := n; k := 1;
          loop
            lo := 2 * k;
            exit when lo > n;
            p := h_slot[2 * lo + x]; m := h_slot[2 * lo + 2 + x];
            if lo < n
              and (s_key[m] < s_key[p] or s_key[m] = s_key[p] and s_place[m] < s_place[p]) then
              p := m; lo := lo + 1;
            end if;
            exit when s_key[y] < s_key[p] or s_key[y] = s_key[p] and s_place[y] < s_place[p];
            h_slot[2 * k + x] := p; k := lo;
          end loop;
          h_slot[2 * k + x] := y;
        end loop;
        m := case when s_key[v_heap] < s_key[v_book] or s_key[v_heap] = s_key[v_book]
          and s_place[v_heap] < s_place[v_book] then v_heap else coalesce(v_book, v_heap) end;
        exit when m is null;
        v_key := s_key[m];
        if v_reach is null then
          v_reach := v_key + greatest(abs(v_key) * p_symbol.protection_rate,
            p_symbol.protection_ticks * p_symbol.tick_size);
        end if;
        exit when v_key > v_reach;
        v_self := s_owner[m] = s_owner[t]; exit when v_self;
        v_q := least(v_left - v_sum, s_left[m]); v_cost := abs(v_key) * v_q;
        v_sum_cost := v_sum_cost + v_cost;
        if v_probe then
          v_sum := v_sum + v_q;
          if m = v_book then v_at := m; else v_skip := m; end if;
          continue;
        end if;
        v_left := v_left - v_q; v_fills := v_fills + 1; v_seq := v_seq + 1;
        f_seq[v_fills] := v_seq; f_price[v_fills] := abs(v_key); f_quantity[v_fills] := v_q;
        f_taker[v_fills] := s_order[t]; f_taker_id[v_fills] := s_owner[t];
        f_maker[v_fills] := s_order[m]; f_maker_id[v_fills] := s_owner[m];
        f_bought[v_fills] := v_buy; s_seq[t] := v_seq; s_seq[m] := v_seq;
        s_filled[t] := coalesce(s_filled[t], 0) + v_q; s_paid[t] := coalesce(s_paid[t], 0) + v_cost;
        s_filled[m] := coalesce(s_filled[m], 0) + v_q; s_paid[m] := coalesce(s_paid[m], 0) + v_cost;
        s_exact[t] := s_exact[t] + v_cost * p_symbol.taker_rate;
        v_due := ledger.round_up(s_exact[t], c_units, c_unit);
        f_taker_fee[v_fills] := v_due - s_fee[t]; s_fee[t] := v_due;
        -- And the maker: first what it has left, then its hold.
        v_hold := s_left[m] - v_q; s_left[m] := v_hold; f_maker_left[v_fills] := v_hold;
        s_exact[m] := s_exact[m] + v_cost * p_symbol.maker_rate;
        v_due := ledger.round_up(s_exact[m], c_units, c_unit);
        f_maker_fee[v_fills] := v_due - s_fee[m];
        if not v_buy then
          v_hold := matching.buy_hold(
            -v_key * v_hold, s_exact[m], v_due, c_hold_rate, c_units, c_unit);
          lo := s_party[m];
          if lo is not null then
            v_quote[lo] := v_quote[lo] + s_hold[m] - v_hold - v_cost - v_due + s_fee[m];
          end if;
        end if;
        s_fee[m] := v_due; s_hold[m] := v_hold;
      end loop;
      if v_reach is null then v_refusal := 'NO_LIQUIDITY';
      elsif not v_probe then q_passed[x] := v_at; exit;
      elsif b_kill[i] and v_sum < v_left then
        v_end := case when v_self then 'STP_TAKER'::matching.end_reason else 'UNFILLED_FOK' end;
        v_sum_cost := 0;
      elsif v_buy and b_market[i] and v_quote[v_party]
        < v_sum_cost + ledger.round_up(v_sum_cost * p_symbol.taker_rate, c_units, c_unit) then
        v_refusal := 'INSUFFICIENT_FUNDS';
      end if;
      v_probe := false;
    end loop;

    -- 3. Close: what is left comes to rest or ends, and the hold with it.
    e_order[i] := s_order[t]; e_owner[i] := s_owner[t]; e_key[i] := s_key[t];
    e_quantity[i] := s_quantity[t]; e_left[i] := v_left;
    if e_kind[i] is null then
      v_seq := v_seq + 1;
      e_kind[i] := case
        when v_refusal is not null then 'REJECTED'::matching.event_kind
        when v_left = 0 then 'FILLED'
        when v_self then 'CANCELLED'
        when v_end is null and b_rests[i] then 'OPENED'
        else 'EXPIRED' end;
    end if;
    e_seq[i] := v_seq; s_seq[t] := v_seq;
    if e_kind[i] = 'REJECTED' then
      e_refusal[i] := v_refusal; s_left[t] := 0; continue;
    elsif e_kind[i] in ('CANCELLED', 'EXPIRED') then
      s_end[t] := coalesce(s_end[t], v_end, case
        when v_self then 'STP_TAKER'::matching.end_reason
        when not b_market[i] then 'UNFILLED_IOC'
        when m is null then 'INSUFFICIENT_LIQUIDITY'
        else 'PROTECTION' end); e_reason[i] := s_end[t];
    elsif e_kind[i] = 'OPENED' then
      s_place[t] := v_seq; v_push := v_push || t;
      v_hold := case when v_buy then matching.buy_hold(
        -s_key[t] * v_left, s_exact[t], s_fee[t], c_hold_rate, c_units, c_unit) else v_left end;
    end if;
    v_hold := case when e_kind[i] in ('OPENED', 'AMENDED') then v_hold else 0 end;
    s_hold[t] := v_hold;
    s_left[t] := case when e_kind[i] in ('OPENED', 'AMENDED') then v_left else 0 end;
    if v_buy then
      v_quote[v_party] := v_quote[v_party] + v_freed - v_hold - v_sum_cost - s_fee[t] + v_had_fee;
    else
      v_base[v_party] := v_base[v_party] + v_freed - v_hold - v_had + v_left;
    end if;
  end loop;

  return row(
    v_seq, e_refusal, e_kind, e_seq, e_order, e_owner, e_key, e_quantity, e_left, e_reason, e_from,
    e_from_left, e_from_seq, f_seq, f_price, f_quantity, f_taker, f_maker, f_taker_id, f_maker_id,
    f_bought, f_taker_fee, f_maker_fee, f_maker_left, row(s_order, s_owner, s_party, s_key, s_place,
      s_left, s_hold, s_exact, s_fee, s_quantity, s_created, s_tid),
    s_hold0, s_end, s_filled, s_paid, s_seq)::matching.outcome;
end;
$$;
comment on function matching.match_batch is
  'matches a batch of commands in memory, by price, then time';
--! EndIncluded matching/match_batch.sql
--! Included matching/fills.sql
-- The fills of an outcome as rows: who bought from whom, at the maker's price, with both fees.
-- Reads nothing.
create or replace function matching.fills(
  p_outcome matching.outcome
) returns table (
  seq bigint,
  price numeric,
  quantity numeric,
  taker_order_id bigint,
  maker_order_id bigint,
  taker_id int,
  maker_id int,
  taker_fee numeric,
  maker_fee numeric,
  maker_left numeric,
  taker_side matching.order_side_enum,
  buyer_id int,
  seller_id int,
  buyer_fee numeric,
  seller_fee numeric
)
language sql immutable
rows 1000
as $$
  select
    f.seq, f.price, f.quantity, f.taker_order_id, f.maker_order_id, f.taker_id, f.maker_id,
    f.taker_fee, f.maker_fee, f.maker_left,
    case when f.bought then 'BUY'::matching.order_side_enum else 'SELL' end,
    case when f.bought then f.taker_id else f.maker_id end,
    case when f.bought then f.maker_id else f.taker_id end,
    case when f.bought then f.taker_fee else f.maker_fee end,
    case when f.bought then f.maker_fee else f.taker_fee end
  from unnest(
    p_outcome.fill_seqs, p_outcome.fill_prices, p_outcome.fill_quantities, p_outcome.fill_takers,
    p_outcome.fill_makers, p_outcome.fill_taker_ids, p_outcome.fill_maker_ids,
    p_outcome.fill_bought, p_outcome.fill_taker_fees, p_outcome.fill_maker_fees,
    p_outcome.fill_maker_lefts
  ) as f (
    seq, price, quantity, taker_order_id, maker_order_id, taker_id, maker_id, bought, taker_fee,
    maker_fee, maker_left
  )
$$;
comment on function matching.fills is 'the fills of an outcome as rows';
--! EndIncluded matching/fills.sql
--! Included matching/change_funds.sql
-- Puts what a batch did to its parties' money on their accounts: holds taken and released, and what
-- its trades will move when they settle. One change an account.
-- Returns false, with nothing written, when somebody's funds are short by now; their accounts are
-- then locked. Locks and writes: ledger.accounts, in key order.
create or replace function matching.change_funds(
  p_symbol reference.symbols,
  p_outcome matching.outcome
) returns boolean
language plpgsql volatile
as $$
declare
  v_changes ledger.account_change[];
begin
  with f as materialized (
    select
      t.buyer_id, t.seller_id, t.quantity, t.price * t.quantity as notional, t.buyer_fee,
      t.seller_fee
    from matching.fills(p_outcome) as t
  ), p as (
    -- By participant: base held, to come, to go; quote held, to come, to go.
    select
      c.id, sum(c.bh) + sum(c.bo) as bh, sum(c.bi) as bi, sum(c.bo) as bo,
      sum(c.qh) + sum(c.qo) as qh, sum(c.qi) as qi, sum(c.qo) as qo
    from (
      select
        s.owner_id, sum(case when s.sort_price > 0 then s.hold - s.hold_before else 0 end), 0, 0,
        sum(case when s.sort_price < 0 then s.hold - s.hold_before else 0 end), 0, 0
      from unnest(
        (p_outcome.slots).owner_id, (p_outcome.slots).sort_price, (p_outcome.slots).hold,
        p_outcome.holds_before
      ) as s (owner_id, sort_price, hold, hold_before)
      where s.hold <> s.hold_before
      group by s.owner_id
      union all
      select f.buyer_id, 0, sum(f.quantity), 0, 0, 0, sum(f.notional) + sum(f.buyer_fee)
      from f
      group by f.buyer_id
      union all
      select f.seller_id, 0, 0, sum(f.quantity), 0, sum(f.notional) - sum(f.seller_fee), 0
      from f
      group by f.seller_id
    ) as c (id, bh, bi, bo, qh, qi, qo)
    group by c.id
  )
  select array_agg(
    row(p.id, a.asset_id, 0, a.held, a.due_in, a.due_out)::ledger.account_change
  )
  into v_changes
  from p
  cross join lateral (
    values
      (p_symbol.base_asset_id, p.bh, p.bi, p.bo), (p_symbol.quote_asset_id, p.qh, p.qi, p.qo)
  ) as a (asset_id, held, due_in, due_out)
  where a.held <> 0
    or a.due_in <> 0
    or a.due_out <> 0;

  return v_changes is null or ledger.change_accounts(p_symbol.segment_id, v_changes);
end;
$$;
comment on function matching.change_funds is
  'puts the holds and obligations of a batch on the accounts';
--! EndIncluded matching/change_funds.sql
--! Included matching/final_orders.sql
-- The orders that an outcome touched, one row each, as they end: what this batch filled of them,
-- their last event and what is left, held and charged. Reads nothing.
create or replace function matching.final_orders(
  p_outcome matching.outcome
) returns setof matching.final_order
language sql immutable
rows 1000
as $$
  select
    s.order_id, coalesce(s.filled, 0), coalesce(s.paid, 0), s.last_seq, s.owner_id, s.sort_price,
    s.priority_no, s.remaining, s.hold, s.fee_exact, s.fee, s.quantity, s.created_at, s.end_reason,
    s.book_tid
  from unnest(
    (p_outcome.slots).order_id, (p_outcome.slots).owner_id, (p_outcome.slots).sort_price,
    (p_outcome.slots).priority_no, (p_outcome.slots).remaining, (p_outcome.slots).hold,
    (p_outcome.slots).fee_exact, (p_outcome.slots).fee, (p_outcome.slots).quantity,
    (p_outcome.slots).created_at, (p_outcome.slots).book_tid, p_outcome.ends, p_outcome.filled,
    p_outcome.paid, p_outcome.last_seqs
  ) as s (
    order_id, owner_id, sort_price, priority_no, remaining, hold, fee_exact, fee, quantity,
    created_at, book_tid, end_reason, filled, paid, last_seq
  )
  where s.last_seq is not null
    and s.order_id is not null
$$;
comment on function matching.final_orders is 'the orders that an outcome touched, as they end';
--! EndIncluded matching/final_orders.sql
--! Included matching/status_of.sql
-- The status of an order that a batch leaves with so much remaining and filled, ended for this
-- reason or refused for that (null where it was not). [MAT-031].
create or replace function matching.status_of(
  p_remaining numeric,
  p_filled numeric,
  p_end_reason matching.end_reason,
  p_refusal matching.refusal
) returns matching.order_status_enum
language sql immutable parallel safe
as $$
  select case
    when p_refusal is not null then 'REJECTED'::matching.order_status_enum
    when p_remaining > 0 and p_filled > 0 then 'PARTIALLY_FILLED'
    when p_remaining > 0 then 'OPEN'
    when p_end_reason is null then 'FILLED'
    when p_end_reason in ('USER', 'OPERATOR', 'STP_TAKER') then 'CANCELLED'
    else 'EXPIRED'
  end
$$;
comment on function matching.status_of is
  'the status of an order from what is left, filled, ended, refused';
--! EndIncluded matching/status_of.sql
--! Included matching/resting_orders.sql
-- Orders that a batch leaves, as rows of a segment; for a look-up by the whole key, as
-- reference.ids says. Reads nothing.
create or replace function matching.resting_orders(
  p_segment_id int,
  p_orders matching.final_order[]
) returns table (
  segment_id int,
  order_id bigint,
  filled numeric,
  notional numeric,
  last_seq bigint,
  sort_price numeric,
  priority_no bigint,
  remaining numeric,
  hold numeric,
  fee_exact numeric,
  fee numeric,
  quantity numeric,
  created_at timestamptz,
  end_reason matching.end_reason,
  book_tid tid
)
language sql volatile
rows 1
as $$
  select
    p_segment_id, o.order_id, o.filled, o.notional, o.last_seq, o.sort_price, o.priority_no,
    o.remaining, o.hold, o.fee_exact, o.fee, o.quantity, o.created_at, o.end_reason, o.book_tid
  from unnest(p_orders) as o
$$;
comment on function matching.resting_orders is 'orders that a batch leaves, as rows of a segment';
--! EndIncluded matching/resting_orders.sql
--! Included matching/update_resting.sql
-- Brings orders that were resting before this batch up to date, in orders and in the book, which
-- they leave when nothing of them is left. In the book by the place where they were read: under the
-- lock of the symbol nobody moves them, and no index can be mistaken for another. (A book that was
-- vacuumed while it was empty had its orders looked up by segment alone: 15 ms for 7 of 1,000.)
-- Writes: matching.orders, matching.book. Under the lock of the symbol.
create or replace function matching.update_resting(
  p_segment_id int,
  p_now timestamptz,
  p_orders matching.final_order[]
) returns void
language plpgsql volatile
set enable_nestloop = on  -- whatever the caller has set; and never by way of
set enable_seqscan = off  -- the whole table, however small it was when this was planned
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  if p_orders is null then
    return;
  end if;

  update matching.orders as o
  set filled_quantity = o.filled_quantity + f.filled,
    filled_notional = o.filled_notional + f.notional,
    remaining_quantity = f.remaining,
    cancelled_quantity = coalesce(f.quantity, o.quantity) - o.filled_quantity - f.filled
      - f.remaining,
    quantity = coalesce(f.quantity, o.quantity),
    price = abs(f.sort_price),
    fee_amount = f.fee,
    end_reason = f.end_reason,
    status = matching.status_of(f.remaining, o.filled_quantity + f.filled, f.end_reason, null),
    last_seq = f.last_seq,
    updated_at = p_now
  from matching.resting_orders(p_segment_id, p_orders) as f
  where o.segment_id = f.segment_id
    and o.order_id = f.order_id
    and o.created_at = f.created_at;

  delete from matching.book as b
  using matching.resting_orders(p_segment_id, p_orders) as f
  where b.ctid = f.book_tid
    and b.segment_id = p_segment_id
    and b.order_id = f.order_id
    and f.remaining = 0;

  update matching.book as b
  set sort_price = f.sort_price,
    priority_no = f.priority_no,
    remaining_quantity = f.remaining,
    hold_amount = f.hold,
    fee_exact = f.fee_exact,
    fee_amount = f.fee
  from matching.resting_orders(p_segment_id, p_orders) as f
  where b.ctid = f.book_tid
    and b.segment_id = p_segment_id
    and b.order_id = f.order_id
    and f.remaining > 0;
end;
$$;
comment on function matching.update_resting is
  'brings orders that were resting before a batch up to date';
--! EndIncluded matching/update_resting.sql
--! Included matching/record_orders.sql
-- Writes the new orders of an outcome into orders, and what of them rests into the book. Returns
-- the others that it touched, those that were resting before, for matching.update_resting: a
-- setting of this function would hold for what it calls, too.
-- Takes the last order id given out before this batch: what is above it is new.
-- Writes: matching.orders, matching.book. Under the lock of the symbol.
create or replace function matching.record_orders(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_last_order_id bigint,
  p_commands matching.command[],
  p_batch matching.batch,
  p_outcome matching.outcome
) returns matching.final_order[] -- those that were resting before
language plpgsql volatile
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
declare
  v_resting matching.final_order[];
begin
  with final as materialized (
    select f.* from matching.final_orders(p_outcome) as f
  ), placed as (
    insert into matching.orders
    select
      p_symbol.segment_id, f.order_id, f.created_at, p_symbol.symbol_id, f.owner_id, c.side, c.type,
      c.time_in_force, matching.status_of(f.remaining, f.filled, f.end_reason, o.refusal), null,
      f.end_reason, o.refusal, abs(f.sort_price), f.quantity, f.filled, f.remaining,
      f.quantity - f.filled - f.remaining, f.notional, f.fee, o.seq, f.last_seq, p_now,
      c.client_order_id, c.idempotency_key
    from unnest(p_batch.order_ids, p_outcome.refusals, p_outcome.seqs) with ordinality
      as o (order_id, refusal, seq, n)
    join final as f
      on f.order_id = o.order_id
    join unnest(p_commands) with ordinality as c (
      op, client_id, side, type, time_in_force, price, quantity, client_order_id, idempotency_key,
      order_id, n
    )
      on c.n = o.n
  ), rested as (
    insert into matching.book
    select
      p_symbol.segment_id, p_symbol.symbol_id,
      case when f.sort_price < 0 then 'BUY'::matching.order_side_enum else 'SELL' end, f.sort_price,
      f.priority_no, f.order_id, f.owner_id, f.created_at, f.remaining, f.hold, f.fee_exact, f.fee
    from final as f
    where f.order_id > p_last_order_id
      and f.remaining > 0
  )
  select array_agg(f::matching.final_order) into v_resting
  from final as f
  where f.order_id <= p_last_order_id;

  return v_resting;
end;
$$;
comment on function matching.record_orders is
  'writes the orders of an outcome, and what of them rests';
--! EndIncluded matching/record_orders.sql
--! Included matching/record_trades.sql
-- Writes the trades of an outcome, and hands them to clearing: an instruction a trade, in the same
-- transaction. Writes: matching.trades, settlement.pending_instructions.
create or replace function matching.record_trades(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_outcome matching.outcome
) returns void
language plpgsql volatile
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
  v_first_id bigint := p_symbol.symbol_id * c_ids_per_symbol;
begin
  insert into matching.trades
  select
    p_symbol.segment_id, v_first_id + f.seq, p_now, p_symbol.symbol_id, f.seq, f.price, f.quantity,
    f.taker_side, f.taker_order_id, f.maker_order_id, f.taker_id, f.maker_id, f.taker_fee,
    f.maker_fee
  from matching.fills(p_outcome) as f;

  perform clearing.capture_trades(p_symbol, p_now, array(
    select row(
      v_first_id + f.seq, f.buyer_id, f.seller_id, f.quantity, f.price * f.quantity, f.buyer_fee,
      f.seller_fee
    )::clearing.captured_trade
    from matching.fills(p_outcome) as f
  ));
end;
$$;
comment on function matching.record_trades is
  'writes the trades of an outcome and their instructions';
--! EndIncluded matching/record_trades.sql
--! Included matching/record_events.sql
-- Writes the events of an outcome, dense by symbol: the trades, for each command that changed
-- something its closing event, and the amendment of an order that gave up its place.
-- Writes: matching.events.
create or replace function matching.record_events(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_batch matching.batch,
  p_outcome matching.outcome
) returns void
language plpgsql volatile
as $$
begin
  insert into matching.events (
    segment_id, symbol_id, seq, at, kind, order_id, participant_id, side, price, quantity,
    remaining, prior_price, prior_remaining, reason
  )
  select
    p_symbol.segment_id, p_symbol.symbol_id, e.seq, p_now, e.kind, e.order_id, e.owner_id,
    case when coalesce(e.is_buy, e.sort_price < 0) then 'BUY'::matching.order_side_enum
      else 'SELL' end,
    abs(e.sort_price), e.quantity, e.remaining,
    case when e.from_seq = e.seq then abs(e.from_price) end,
    case when e.from_seq = e.seq then e.from_left end,
    case when e.kind = 'AMENDED' then 'KEPT' when e.kind not in ('OPENED', 'FILLED')
      then coalesce(e.refusal::text, e.reason::text) end
  from unnest(
    p_outcome.kinds, p_outcome.seqs, p_outcome.order_ids, p_outcome.owner_ids,
    p_outcome.sort_prices, p_outcome.quantities, p_outcome.lefts, p_outcome.from_prices,
    p_outcome.from_lefts, p_outcome.from_seqs, p_outcome.reasons, p_outcome.refusals,
    p_batch.is_buy
  ) as e (
    kind, seq, order_id, owner_id, sort_price, quantity, remaining, from_price, from_left,
    from_seq, reason, refusal, is_buy
  )
  where e.kind is not null;

  insert into matching.events (
    segment_id, symbol_id, seq, at, kind, order_id, participant_id, side, price, quantity,
    maker_order_id, maker_id, maker_remaining
  )
  select
    p_symbol.segment_id, p_symbol.symbol_id, f.seq, p_now, 'TRADE', f.taker_order_id, f.taker_id,
    f.taker_side, f.price, f.quantity, f.maker_order_id, f.maker_id, f.maker_left
  from matching.fills(p_outcome) as f;

  if array_remove(p_outcome.from_seqs, null) <> '{}' then
    insert into matching.events (
      segment_id, symbol_id, seq, at, kind, order_id, participant_id, side, price, quantity,
      remaining, prior_price, prior_remaining, reason
    )
    select
      p_symbol.segment_id, p_symbol.symbol_id, e.from_seq, p_now, 'AMENDED', e.order_id, e.owner_id,
      case when e.sort_price < 0 then 'BUY'::matching.order_side_enum else 'SELL' end,
      abs(e.sort_price), e.quantity, 0, abs(e.from_price), e.from_left, 'LOST'
    from unnest(
      p_outcome.seqs, p_outcome.order_ids, p_outcome.owner_ids, p_outcome.sort_prices,
      p_outcome.quantities, p_outcome.from_prices, p_outcome.from_lefts, p_outcome.from_seqs
    ) as e (seq, order_id, owner_id, sort_price, quantity, from_price, from_left, from_seq)
    where e.from_seq < e.seq;
  end if;
end;
$$;
comment on function matching.record_events is 'writes the events of an outcome';
--! EndIncluded matching/record_events.sql
--! Included matching/read_funds.sql
-- What the parties of a batch have available, in the order of their numbers: base and quote of the
-- symbol, 0 where there is no account. Reads without a lock, in a snapshot of its own.
create or replace function matching.read_funds(
  p_symbol reference.symbols,
  p_party_ids int[],
  out base numeric[],
  out quote numeric[]
)
language plpgsql volatile
as $$
begin
  select
    array_agg(coalesce(b.posted - b.held, 0) order by p.n),
    array_agg(coalesce(q.posted - q.held, 0) order by p.n)
  into base, quote
  from reference.ids(p_symbol.segment_id, p_party_ids::bigint[]) as p
  left join ledger.accounts as b
    on b.segment_id = p.segment_id
    and b.participant_id = p.id
    and b.asset_id = p_symbol.base_asset_id
  left join ledger.accounts as q
    on q.segment_id = p.segment_id
    and q.participant_id = p.id
    and q.asset_id = p_symbol.quote_asset_id;
end;
$$;
comment on function matching.read_funds is 'what the parties of a batch have available';
--! EndIncluded matching/read_funds.sql
--! Included matching/lock_funds.sql
-- Locks, in their one order, the accounts that any outcome of a batch could change: base and quote
-- of its parties and of everyone with an order in the book. That is more than the batch will need,
-- and so for one that has to be computed again only; what is read next stays true.
-- Locks: ledger.accounts, by (participant, asset), to the end of the transaction.
create or replace function matching.lock_funds(
  p_symbol reference.symbols,
  p_party_ids int[]
) returns void
language plpgsql volatile
as $$
begin
  perform
  from ledger.accounts as a
  where a.segment_id = p_symbol.segment_id
    and a.asset_id in (p_symbol.base_asset_id, p_symbol.quote_asset_id)
    and (
      a.participant_id = any (p_party_ids)
      or a.participant_id in (
        select b.participant_id
        from matching.book as b
        where b.segment_id = p_symbol.segment_id
          and b.symbol_id = p_symbol.symbol_id
      )
    )
  order by a.participant_id, a.asset_id
  for no key update;
end;
$$;
comment on function matching.lock_funds is
  'locks the accounts that any outcome of a batch could change';
--! EndIncluded matching/lock_funds.sql
--! Included matching/roll_back.sql
-- The end of an atomic batch that cannot be taken whole: nothing was written but its keys, which
-- are given back; every command that was fine in itself is refused with BATCH_ROLLED_BACK.
-- Writes: matching.order_keys.
create or replace function matching.roll_back(
  p_symbol reference.symbols,
  p_batch matching.batch,
  p_outcome matching.outcome,
  p_now timestamptz
) returns matching.executed
language plpgsql volatile
as $$
begin
  delete from matching.order_keys as k
  using unnest(p_batch.order_ids, (p_batch.slots).owner_id) as o (order_id, owner_id)
  where k.segment_id = p_symbol.segment_id
    and k.participant_id = o.owner_id
    and k.order_id = o.order_id;

  select array_agg(coalesce(r.refusal, 'BATCH_ROLLED_BACK') order by r.n) into p_outcome.refusals
  from unnest(p_outcome.refusals) with ordinality as r (refusal, n);

  p_batch.order_ids := null;
  p_outcome.kinds := null;
  return row(p_batch, p_outcome, p_now)::matching.executed;
end;
$$;
comment on function matching.roll_back is 'the end of an atomic batch that cannot be taken whole';
--! EndIncluded matching/roll_back.sql
--! Included matching/record_outcome.sql
-- Writes what came of a batch: orders, trades with their instructions, events. Not the accounts:
-- they come last, because others wait for them. Under the lock of the symbol.
create or replace function matching.record_outcome(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch,
  p_outcome matching.outcome
) returns void
language plpgsql volatile
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
begin
  perform matching.update_resting(p_symbol.segment_id, p_now, matching.record_orders(
    p_symbol, p_now, p_symbol.symbol_id * c_ids_per_symbol + p_state.last_order_no, p_commands,
    p_batch, p_outcome
  ));
  if p_outcome.fill_seqs is not null then
    perform matching.record_trades(p_symbol, p_now, p_outcome);
  end if;
  if p_outcome.last_seq > p_state.last_seq then
    perform matching.record_events(p_symbol, p_now, p_batch, p_outcome);
  end if;
end;
$$;
comment on function matching.record_outcome is
  'writes what came of a batch: orders, trades, instructions, events';
--! EndIncluded matching/record_outcome.sql
--! Included matching/execute_batch.sql
-- Executes the commands of one symbol in their order, in one transaction: what passes the filters
-- is matched under the lock of the symbol, and orders, holds, trades, instructions and events are
-- written together or not at all [MAT-003].
--
-- Funds are read without a lock, and the accounts are changed last, so that their locks are held
-- for the commit only, and symbols with the same traders run side by side. When that shows that
-- somebody spent elsewhere meanwhile, what was written is undone, the accounts are locked first,
-- and the batch is computed once more.
-- Takes quantities in base, prices in quote per base. An atomic batch is taken whole or not at
-- all.
-- Locks, in this order: the symbol; keys; accounts by (participant, asset).
-- Raises: STISO when not READ COMMITTED; NVFND when funds are short although they are locked.
create or replace function matching.execute_batch(
  p_symbol_id int,
  p_now timestamptz,
  p_commands matching.command[],
  p_atomic boolean default false
) returns matching.executed
language plpgsql volatile
as $$
declare
  v_symbol reference.symbols;
  v_state matching.symbol_state;
  v_batch matching.batch;
  v_outcome matching.outcome;
  v_funds record;
  v_now timestamptz;
begin
  select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = p_symbol_id;
  v_batch := matching.parse_commands(v_symbol, p_commands);
  v_outcome.refusals := v_batch.refusals;
  if array_position(v_batch.refusals, null) is null then
    return row(v_batch, v_outcome, p_now)::matching.executed;
  end if;

  v_state := matching.lock_symbol(v_symbol.segment_id, p_symbol_id);
  select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = p_symbol_id;
  v_now := greatest(p_now, v_state.last_at);
  v_batch := matching.prepare_batch(v_symbol, v_state, v_now, p_commands, v_batch);

  for v_try in 1..2 loop
    v_funds := matching.read_funds(v_symbol, v_batch.party_ids);
    v_outcome := matching.match_batch(
      v_symbol, v_state.last_seq, v_batch, v_funds.base, v_funds.quote
    );
    if p_atomic and exists (
      select from unnest(v_outcome.refusals) as r (refusal)
      where r.refusal not in ('REPEATED', 'ALREADY_CANCELLED')
    ) then
      return matching.roll_back(v_symbol, v_batch, v_outcome, v_now);
    end if;
    begin
      perform matching.record_outcome(v_symbol, v_state, v_now, p_commands, v_batch, v_outcome);
      exit when matching.change_funds(v_symbol, v_outcome);
      raise exception 'funds are short although they are locked' using errcode = 'NVFND';
    exception when sqlstate 'NVFND' then
      if v_try = 2 then
        raise;
      end if;
      -- What was written and locked has gone with the block; these are taken in their order.
      perform matching.lock_funds(v_symbol, v_batch.party_ids);
    end;
  end loop;

  update matching.symbol_state as s
  set last_seq = v_outcome.last_seq,
    last_order_no = s.last_order_no + cardinality(array_remove(v_batch.order_ids, null)),
    last_at = v_now,
    last_price = coalesce(
      v_outcome.fill_prices[cardinality(v_outcome.fill_prices)], s.last_price
    )
  where s.segment_id = v_symbol.segment_id
    and s.symbol_id = p_symbol_id;

  return row(v_batch, v_outcome, v_now)::matching.executed;
end;
$$;
comment on function matching.execute_batch is
  'executes commands of one symbol in their order, in one transaction';
--! EndIncluded matching/execute_batch.sql
--! Included matching/fill_json.sql
-- One fill of an order as the outside sees it: price in quote per base, quantity in base, fee in
-- quote, all as decimal strings.
create or replace function matching.fill_json(
  p_trade_id bigint,
  p_price numeric,
  p_quantity numeric,
  p_fee numeric,
  p_is_taker boolean
) returns json
language sql stable parallel safe  -- as json_build_object is: else it is not inlined
as $$
  select json_build_object(
    'trade_id', p_trade_id::text,
    'price', trim_scale(p_price)::text,
    'quantity', trim_scale(p_quantity)::text,
    'fee', trim_scale(p_fee)::text,
    'liquidity', case when p_is_taker then 'TAKER' else 'MAKER' end
  )
$$;
comment on function matching.fill_json is 'one fill of an order as the outside sees it';
--! EndIncluded matching/fill_json.sql
--! Included matching/average_price.sql
-- The average price of so much notional (quote) for so much quantity (base), rounded half up to ten
-- decimals for show only; null when nothing was filled.
create or replace function matching.average_price(
  p_notional numeric,
  p_quantity numeric
) returns numeric -- quote per base
language sql immutable parallel safe
as $$
  select trim_scale(round(p_notional / nullif(p_quantity, 0), 10))
$$;
comment on function matching.average_price is 'notional by quantity, rounded for show';
--! EndIncluded matching/average_price.sql
--! Included matching/order_rows.sql
-- Orders as the outside sees them now, with all their fills, by id. Reads only.
create or replace function matching.order_rows(
  p_segment_id int,
  p_order_ids bigint[]
) returns setof matching.order_row
language plpgsql stable
set plan_cache_mode = force_generic_plan  -- a plan spans all partitions: make it once,
set enable_hashjoin = off                 -- and look up by key in those that matter
set enable_mergejoin = off
set enable_nestloop = on
set enable_seqscan = off
as $$
begin
  return query
  select
    o.order_id, p.client_id, s.symbol, o.side, o.type, o.time_in_force, trim_scale(o.price),
    trim_scale(o.quantity), o.client_order_id, o.idempotency_key, o.status, o.pending_reason,
    o.end_reason, o.refusal, trim_scale(o.filled_quantity), trim_scale(o.remaining_quantity),
    matching.average_price(o.filled_notional, o.filled_quantity), trim_scale(o.fee_amount),
    o.last_seq, o.created_at, o.updated_at,
    (
      select coalesce(json_agg(matching.fill_json(
        t.trade_id, t.price, t.quantity,
        case when t.taker_order_id = o.order_id then t.taker_fee else t.maker_fee end,
        t.taker_order_id = o.order_id
      ) order by t.seq), '[]')
      from matching.trades as t
      where t.segment_id = o.segment_id
        and o.filled_quantity > 0
        and (t.taker_order_id = o.order_id or t.maker_order_id = o.order_id)
        and t.traded_at >= o.created_at
    )
  from reference.ids(p_segment_id, p_order_ids) as i
  join matching.orders as o
    on o.segment_id = i.segment_id
    and o.order_id = i.id
  join reference.participants as p
    on p.participant_id = o.participant_id
  join reference.symbols as s
    on s.symbol_id = o.symbol_id;
end;
$$;
comment on function matching.order_rows is 'orders as the outside sees them now, by id';
--! EndIncluded matching/order_rows.sql
--! Included matching/participant_orders.sql
-- The ids of a participant's orders, newest first, behind a time and an id: of one symbol and in
-- one status, when given. Orders in a status that rests are looked up in the book, which has no
-- others: a maker's twenty open orders are found without reading its million that have ended
-- (measured on PostgreSQL 18 with 200,000 ended ones: 0.9 ms, among all orders 63 ms).
-- Reads only.
create or replace function matching.participant_orders(
  p_segment_id int,
  p_participant_id int,
  p_symbol_id int,
  p_status matching.order_status_enum,
  p_before_at timestamptz,
  p_before_id bigint,
  p_limit int
) returns setof bigint -- order ids
language plpgsql stable
as $$
begin
  if p_status in ('OPEN', 'PARTIALLY_FILLED') then
    return query
    select o.order_id
    from matching.book as b
    join matching.orders as o
      on o.segment_id = b.segment_id
      and o.order_id = b.order_id
      and o.created_at = b.created_at
    where b.segment_id = p_segment_id
      and b.participant_id = p_participant_id
      and b.symbol_id = coalesce(p_symbol_id, b.symbol_id)
      and (b.created_at, b.order_id) < (p_before_at, p_before_id)
      and o.status = p_status
    order by b.created_at desc, b.order_id desc
    limit p_limit;
  else
    return query
    select o.order_id
    from matching.orders as o
    where o.segment_id = p_segment_id
      and o.participant_id = p_participant_id
      and (o.created_at, o.order_id) < (p_before_at, p_before_id)
      and o.symbol_id = coalesce(p_symbol_id, o.symbol_id)
      and o.status = coalesce(p_status, o.status)
    order by o.created_at desc, o.order_id desc
    limit p_limit;
  end if;
end;
$$;
comment on function matching.participant_orders is
  'the ids of a participant''s orders, newest first';
--! EndIncluded matching/participant_orders.sql
--! Included matching/placed_answers.sql
-- The answers to the commands of a batch that placed an order, as it stood right after its own
-- command: the first answer. From memory: reads nothing.
create or replace function matching.placed_answers(
  p_symbol reference.symbols,
  p_commands matching.command[],
  p_executed matching.executed
) returns setof matching.command_answer
language plpgsql stable
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
declare
  v_outcome matching.outcome := p_executed.outcome;
begin
  return query
  select
    e.n::int, x.state, x.code, x.detail, x.field, x.bound, e.order_id, c.client_id, p_symbol.symbol,
    c.side, c.type, c.time_in_force, trim_scale(c.price), trim_scale(c.quantity), c.client_order_id,
    c.idempotency_key,
    matching.status_of(e.resting, coalesce(f.filled, 0), e.reason, e.refusal),
    null::matching.pending_reason, e.reason, e.refusal, trim_scale(coalesce(f.filled, 0)),
    trim_scale(e.resting), matching.average_price(f.notional, f.filled),
    trim_scale(coalesce(f.fee, 0)), e.seq, p_executed.executed_at, p_executed.executed_at,
    coalesce(f.fills, '[]')
  from (
    select
      a.order_id, a.seq, a.reason, a.refusal, a.n,
      case when a.kind = 'OPENED' then a.remaining else 0 end as resting
    from unnest(
      (p_executed.batch).order_ids, v_outcome.seqs, v_outcome.kinds, v_outcome.lefts,
      v_outcome.reasons, v_outcome.refusals
    ) with ordinality as a (order_id, seq, kind, remaining, reason, refusal, n)
    where a.order_id is not null
      and a.kind is not null
  ) as e
  join unnest(p_commands) with ordinality as c (
    op, client_id, side, type, time_in_force, price, quantity, client_order_id, idempotency_key,
    order_id, n
  )
    on c.n = e.n
  left join matching.explain_refusals(p_symbol, v_outcome.refusals) as x
    on x.refusal = e.refusal
  left join (
    select
      t.taker_order_id, sum(t.quantity) as filled, sum(t.price * t.quantity) as notional,
      sum(t.taker_fee) as fee,
      json_agg(matching.fill_json(
        p_symbol.symbol_id * 1000000000000 + t.seq, t.price, t.quantity, t.taker_fee, true
      ) order by t.seq) as fills
    from matching.fills(v_outcome) as t
    join unnest((p_executed.batch).order_ids, v_outcome.seqs) as b (order_id, seq)
      on b.order_id = t.taker_order_id
    where t.seq < b.seq  -- what it took later, amended in the same batch, is no part of its answer
    group by t.taker_order_id
  ) as f
    on f.taker_order_id = e.order_id;
end;
$$;
comment on function matching.placed_answers is
  'the answers to the commands that placed an order, right after their own command';
--! EndIncluded matching/placed_answers.sql
--! Included matching/first_answers.sql
-- The first answers to the commands that placed these orders, rebuilt from what they wrote: the
-- event that closed the command and the fills up to it. The same, to the byte, as
-- matching.placed_answers gave then [MAT-021]. Reads only.
create or replace function matching.first_answers(
  p_segment_id int,
  p_order_ids bigint[]
) returns setof matching.order_row
language plpgsql stable
set plan_cache_mode = force_generic_plan  -- a plan spans all partitions: make it once,
set enable_hashjoin = off                 -- and look up by key in those that matter
set enable_mergejoin = off
set enable_nestloop = on
set enable_seqscan = off
as $$
begin
  return query
  select
    o.order_id, p.client_id, s.symbol, o.side, o.type, o.time_in_force, trim_scale(e.price),
    trim_scale(e.quantity), o.client_order_id, o.idempotency_key,
    matching.status_of(r.remaining, coalesce(f.filled, 0), r.end_reason, o.refusal),
    null::matching.pending_reason,
    r.end_reason, o.refusal, trim_scale(coalesce(f.filled, 0)), trim_scale(r.remaining),
    matching.average_price(f.notional, f.filled), trim_scale(coalesce(f.fee, 0)), o.entry_seq,
    o.created_at, o.created_at, coalesce(f.fills, '[]')
  from reference.ids(p_segment_id, p_order_ids) as i
  join matching.orders as o
    on o.segment_id = i.segment_id
    and o.order_id = i.id
  join matching.events as e
    on e.segment_id = o.segment_id
    and e.symbol_id = o.symbol_id
    and e.seq = o.entry_seq
    and e.at = o.created_at
  join reference.participants as p
    on p.participant_id = o.participant_id
  join reference.symbols as s
    on s.symbol_id = o.symbol_id
  cross join lateral (
    select
      case when e.kind = 'OPENED' then e.remaining else 0 end as remaining,
      case when e.kind in ('CANCELLED', 'EXPIRED') then e.reason::matching.end_reason end
        as end_reason
  ) as r
  left join lateral (
    select
      sum(t.quantity) as filled, sum(t.price * t.quantity) as notional, sum(t.taker_fee) as fee,
      json_agg(matching.fill_json(t.trade_id, t.price, t.quantity, t.taker_fee, true)
        order by t.seq) as fills
    from matching.trades as t
    where t.segment_id = o.segment_id
      and t.taker_order_id = o.order_id
      and t.seq <= o.entry_seq
      and t.traded_at = o.created_at
  ) as f
    on true;
end;
$$;
comment on function matching.first_answers is
  'the first answers to the commands that placed these orders';
--! EndIncluded matching/first_answers.sql
--! Included matching/explain_refusals.sql
-- What to tell those whose commands were refused, a row for each of these refusals: the state (its
-- class decides the HTTP status), the code word, a sentence, the field at fault and the bound it
-- broke. What is no refusal to tell of (a repeat, a second cancel) gives none. Reads nothing.
create or replace function matching.explain_refusals(
  p_symbol reference.symbols,
  p_refusals matching.refusal[]
) returns table (
  refusal matching.refusal,
  state text,
  code text,
  detail text,
  field text,
  bound text
)
language sql stable parallel safe
as $$
  select
    e.refusal::matching.refusal, e.state, e.refusal, e.detail, e.field, trim_scale(e.bound)::text
  from (
    values
      ('UNKNOWN_PARTICIPANT', 'NFPAR', 'client_id', null, 'there is no such participant'),
      ('UNKNOWN_ORDER', 'NFORD', 'order_id', null, 'there is no such order'),
      ('ORDER_TYPE', 'RJTYP', 'type', null, 'this type of order is not taken here'),
      ('TIME_IN_FORCE', 'RJTIF', 'time_in_force', null,
        'this time in force is not taken for this type of order'),
      ('PRICE_MISSING', 'IVPRC', 'price', null, 'a limit order needs a price'),
      ('PRICE_NOT_ALLOWED', 'IVPRC', 'price', null, 'a market order has no price'),
      ('PRICE_TICK', 'RJTCK', 'price', p_symbol.tick_size,
        'the price must be a positive multiple of the tick size'),
      ('LOT_SIZE', 'RJLOT', 'quantity', p_symbol.lot_size,
        'the quantity must be a positive multiple of the lot size'),
      ('MIN_QUANTITY', 'RJMIN', 'quantity', p_symbol.min_quantity, 'the quantity is too small'),
      ('MAX_QUANTITY', 'RJMAX', 'quantity', p_symbol.max_quantity, 'the quantity is too large'),
      ('MIN_NOTIONAL', 'RJMIN', 'quantity', p_symbol.min_notional,
        'price x quantity is too small'),
      ('MAX_NOTIONAL', 'RJMAX', 'quantity', p_symbol.max_notional,
        'price x quantity is too large'),
      ('NOTHING_TO_AMEND', 'IVAMD', null, null, 'give a price or a quantity to amend'),
      ('KEY_REUSED', 'RJKEY', 'idempotency_key', null, 'the key was used for another request'),
      ('SYMBOL_HALTED', 'RJHLT', 'symbol', null, 'the symbol does not trade now'),
      ('ORDER_FILLED', 'STFIL', 'order_id', null, 'the order is filled'),
      ('ORDER_NOT_OPEN', 'STORD', 'order_id', null, 'the order is not open any more'),
      ('NO_LIQUIDITY', 'RJLIQ', null, null, 'nobody is on the other side of the book'),
      ('INSUFFICIENT_FUNDS', 'RJFND', null, null,
        'the available balance does not cover the order and its fee'),
      ('BATCH_ROLLED_BACK', 'RJATM', null, null,
        'another command of this atomic batch was refused')
  ) as e (refusal, state, field, bound, detail)
  where e.refusal = any (p_refusals::text[])
$$;
comment on function matching.explain_refusals is 'what to tell those whose commands were refused';
--! EndIncluded matching/explain_refusals.sql
--! Included matching/other_answers.sql
-- The answers to the commands of a batch that placed no order: cancels and amendments, with the
-- order as it stands now; repeats, with its first answer; and what was refused before it was one.
-- Takes the first answers of the orders that are repeated, and the orders that were named as they
-- stand. Reads nothing.
create or replace function matching.other_answers(
  p_symbol reference.symbols,
  p_executed matching.executed,
  p_first matching.order_row[],
  p_now matching.order_row[]
) returns setof matching.command_answer
language plpgsql stable
set enable_nestloop = off  -- arrays are planned as if they had 10 elements: always hash them
as $$
declare
  v_batch matching.batch := p_executed.batch;
  v_refusals matching.refusal[] := (p_executed.outcome).refusals;
begin
  return query
  select c.n::int, x.state, x.code, x.detail, x.field, x.bound, o.*
  from unnest(v_batch.ops, v_refusals, v_batch.target_ids) with ordinality
    as c (op, refusal, target_id, n)
  left join matching.explain_refusals(p_symbol, v_refusals) as x
    on x.refusal = c.refusal
  left join unnest(p_now) as o
    on o.order_id = c.target_id
  where c.op <> 'PLACE'
  union all
  select c.n::int, x.state, x.code, x.detail, x.field, x.bound, o.*
  from unnest(v_batch.ops, v_refusals, v_batch.repeat_of, (p_executed.outcome).kinds)
    with ordinality as c (op, refusal, repeat_of, kind, n)
  left join matching.explain_refusals(p_symbol, v_refusals) as x
    on x.refusal = c.refusal
  left join unnest(p_first) as o
    on o.order_id = c.repeat_of
    and c.refusal = 'REPEATED'
  where c.op = 'PLACE'
    and c.kind is null;
end;
$$;
comment on function matching.other_answers is
  'the answers to the commands of a batch that placed no order';
--! EndIncluded matching/other_answers.sql
--! Included matching/command_answers.sql
-- What to answer to each command of a batch that was executed, in their order: how it was refused,
-- if it was, and the order: as it stood right after the command that placed it, else as it stands
-- now. Reads only.
create or replace function matching.command_answers(
  p_symbol reference.symbols,
  p_commands matching.command[],
  p_executed matching.executed
) returns setof matching.command_answer
language plpgsql volatile
as $$
declare
  v_batch matching.batch := p_executed.batch;
  v_refusals matching.refusal[] := (p_executed.outcome).refusals;
  v_first matching.order_row[];
  v_now matching.order_row[];
begin
  -- Only when there is something to look up: it is planned over all partitions.
  if array_position(v_refusals, 'REPEATED') is not null then
    v_first := array(
      select a
      from matching.first_answers(
        p_symbol.segment_id,
        array(select distinct r.id from unnest(v_batch.repeat_of) as r (id) where r.id is not null)
      ) as a
    );
  end if;
  if v_batch.ops && array['CANCEL', 'AMEND']::matching.operation[] then
    v_now := array(
      select a
      from matching.order_rows(p_symbol.segment_id, array(
        select distinct t.id
        from unnest(v_batch.target_ids, v_refusals) as t (id, refusal)
        where t.id is not null
          and t.refusal is distinct from 'UNKNOWN_ORDER'
      )) as a
    );
  end if;

  return query
  select a.*
  from (
    select p.* from matching.placed_answers(p_symbol, p_commands, p_executed) as p
    union all
    select o.* from matching.other_answers(p_symbol, p_executed, v_first, v_now) as o
  ) as a
  order by a.command_no;
end;
$$;
comment on function matching.command_answers is
  'what to answer to each command of an executed batch';
--! EndIncluded matching/command_answers.sql
--! Included matching/cancel_orders.sql
-- Cancels all open orders of a participant, of one symbol or side when given, in one transaction.
-- The locks of all symbols are taken first, in their order, then those of all its accounts.
-- Returns the ids that it cancelled, in book order. Locks: symbols, then accounts.
create or replace function matching.cancel_orders(
  p_segment_id int,
  p_participant_id int,
  p_symbol_id int,
  p_side matching.order_side_enum,
  p_now timestamptz
) returns setof bigint
language plpgsql volatile
as $$
declare
  v_symbol_ids int[];
  v_symbol_id int;
  v_commands matching.command[];
  v_executed matching.executed;
begin
  select array_agg(s.symbol_id order by s.symbol_id) into v_symbol_ids
  from matching.symbol_state as s
  where s.segment_id = p_segment_id
    and s.symbol_id = coalesce(p_symbol_id, s.symbol_id)
    and exists (
      select from matching.book as b
      where b.segment_id = p_segment_id
        and b.participant_id = p_participant_id
        and b.symbol_id = s.symbol_id
    );

  foreach v_symbol_id in array coalesce(v_symbol_ids, '{}') loop
    perform matching.lock_symbol(p_segment_id, v_symbol_id);
  end loop;

  -- All at once and in their order: symbol by symbol, the second could have the first accounts.
  perform
  from ledger.accounts as a
  where a.segment_id = p_segment_id
    and a.participant_id = p_participant_id
  order by a.asset_id
  for no key update;

  foreach v_symbol_id in array coalesce(v_symbol_ids, '{}') loop
    select array_agg(
      row('CANCEL', null, null, null, null, null, null, null, null, b.order_id)::matching.command
      order by b.side, b.sort_price, b.priority_no
    )
    into v_commands
    from matching.book as b
    where b.segment_id = p_segment_id
      and b.participant_id = p_participant_id
      and b.symbol_id = v_symbol_id
      and b.side = coalesce(p_side, b.side);

    continue when v_commands is null;
    v_executed := matching.execute_batch(v_symbol_id, p_now, v_commands);
    return query
    select e.order_id
    from unnest((v_executed.outcome).order_ids) with ordinality as e (order_id, n)
    where e.order_id is not null
    order by e.n;
  end loop;
end;
$$;
comment on function matching.cancel_orders is
  'cancels all open orders of a participant in one transaction';
--! EndIncluded matching/cancel_orders.sql
--! Included matching/open_symbol.sql
-- Opens a symbol for trading: its counters and its lock. Writes: matching.symbol_state.
create or replace function matching.open_symbol(
  p_segment_id int,
  p_symbol_id int
) returns void
language sql volatile
as $$
  insert into matching.symbol_state (segment_id, symbol_id)
  values (p_segment_id, p_symbol_id)
$$;
comment on function matching.open_symbol is 'opens a symbol for trading';
--! EndIncluded matching/open_symbol.sql
--! Included matching/create_symbol.sql
-- Lists a symbol: tradable when this commits, no restart. Assets that are not known yet are made,
-- with 8 decimals unless the options say base_decimals or quote_decimals.
-- Takes the symbol (base, dash, quote), tick size in quote per base, lot size in base, and options:
-- min_quantity, max_quantity, min_notional, max_notional, protection_rate, protection_ticks,
-- maker_rate, taker_rate. tick x lot must be a multiple of the quote unit: notionals are exact.
-- Returns the symbol's id. Writes: reference.assets, reference.symbols, matching.symbol_state.
-- Raises: STSYM (there already), IVSYM (not base-quote, or a rule of the table is broken).
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

  insert into reference.symbols (
    segment_id, symbol, base_asset_id, quote_asset_id, base_decimals, quote_decimals, tick_size,
    lot_size, min_quantity, max_quantity, min_notional, max_notional, protection_rate,
    protection_ticks, maker_rate, taker_rate, created_at
  )
  select
    p_segment_id, v_name, v_base.asset_id, v_quote.asset_id, v_base.decimals, v_quote.decimals,
    p_tick_size, p_lot_size, coalesce(o.min_quantity, p_lot_size), o.max_quantity,
    coalesce(o.min_notional, 0), o.max_notional, coalesce(o.protection_rate, 0.05),
    coalesce(o.protection_ticks, 10), coalesce(o.maker_rate, 0.001), coalesce(o.taker_rate, 0.002),
    p_now
  from jsonb_to_record(p_options) as o (
    min_quantity numeric, max_quantity numeric, min_notional numeric, max_notional numeric,
    protection_rate numeric, protection_ticks int, maker_rate numeric, taker_rate numeric
  )
  on conflict (symbol) do nothing
  returning symbol_id into v_symbol_id;

  if v_symbol_id is null then
    raise exception 'there is a symbol % already', v_name
      using errcode = 'STSYM', hint = 'SYMBOL_EXISTS', column = 'symbol';
  end if;

  perform matching.open_symbol(p_segment_id, v_symbol_id);
  return v_symbol_id;
exception when check_violation then
  get stacked diagnostics v_rule = constraint_name;
  raise exception 'the symbol % breaks the rule %', v_name, v_rule
    using errcode = 'IVSYM', hint = 'BAD_SYMBOL';
end;
$$;
comment on function matching.create_symbol is 'lists a symbol, with its assets where they are new';
--! EndIncluded matching/create_symbol.sql
--! Included matching/levels_json.sql
-- The best levels of one side of a book: [[price, quantity, orders], ...], amounts as strings.
-- Reads only, in the snapshot of its caller.
create or replace function matching.levels_json(
  p_segment_id int,
  p_symbol_id int,
  p_side matching.order_side_enum,
  p_depth int
) returns jsonb
language sql stable
as $$
  select coalesce(
    jsonb_agg(jsonb_build_array(
      trim_scale(abs(l.sort_price))::text, trim_scale(l.quantity)::text, l.orders
    ) order by l.sort_price), '[]')
  from (
    select b.sort_price, sum(b.remaining_quantity) as quantity, count(*) as orders
    from matching.book as b
    where b.segment_id = p_segment_id
      and b.symbol_id = p_symbol_id
      and b.side = p_side
    group by b.sort_price
    order by b.sort_price
    limit p_depth
  ) as l
$$;
comment on function matching.levels_json is 'the best levels of one side of a book';
--! EndIncluded matching/levels_json.sql
