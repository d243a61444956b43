
-- Roles are cluster-wide and may stand already, made by another database of the same server.
-- They get their passwords from the service (app/database/logins.ts), never from a migration.
do $$
declare
  v_role text;
begin
  foreach v_role in array array['pgsettle_app', 'pgsettle_worker', 'pgsettle_operator', 'pgsettle_auditor']
  loop
    begin
      execute format(
        'create role %I %s', v_role,
        case when v_role in ('pgsettle_app', 'pgsettle_worker') then 'login' else 'nologin' end
      );
    exception when duplicate_object or unique_violation then
      raise notice 'role % stands already', v_role;
    end;
  end loop;
end
$$;

-- Domain schemas call downwards only: api, ops -> matching -> clearing -> settlement -> ledger -> reference.
create schema reference;
create schema ledger;
create schema settlement;
create schema clearing;
create schema matching;
create schema api;
create schema ops;

comment on schema reference is 'assets, symbols, participants: what is rarely written';
comment on schema ledger is 'accounts, journals and transfers: where money is';
comment on schema settlement is 'instructions and the functions that settle them';
comment on schema clearing is 'trades to obligations';
comment on schema matching is 'orders in, trades out';
comment on schema api is 'what the service may call';
comment on schema ops is 'what operators call from psql';

-- Nobody may do anything but what a grant below says.
alter default privileges revoke execute on functions from public;
revoke create on schema public from public;

grant usage on schema api to pgsettle_app;
grant usage on schema settlement, ops to pgsettle_worker;
grant usage on schema ops, reference, ledger, settlement, clearing, matching
  to pgsettle_operator, pgsettle_auditor;
alter default privileges in schema reference, ledger, settlement, clearing, matching, ops
  grant select on tables to pgsettle_operator, pgsettle_auditor;


create domain reference.price as numeric
  constraint price_is_positive check (value > 0)
  constraint price_has_at_most_18_decimals check (scale(value) <= 18);
comment on domain reference.price is 'quote units for one unit of base';

create domain reference.quantity as numeric
  constraint quantity_not_negative check (value >= 0)
  constraint quantity_has_at_most_18_decimals check (scale(value) <= 18);
comment on domain reference.quantity is 'units of base';

create domain reference.rate as numeric
  constraint rate_between_minus_one_and_one check (value > -1 and value < 1);
comment on domain reference.rate is 'a fraction: 0.001 is ten basis points';

create type reference.symbol_status_enum as enum ('ACTIVE', 'HALTED', 'MAINTENANCE', 'DELISTED');
create type reference.participant_kind as enum ('CUSTOMER', 'HOUSE', 'EXTERNAL');

create table reference.segments (
  segment_id int primary key,
  name text not null unique
);
comment on table reference.segments is
  'symbols that share one pool of money; the distribution key when a venue is spread over machines';
insert into reference.segments (segment_id, name) values (1, 'main');

create table reference.assets (
  asset_id int generated always as identity primary key,
  asset text not null unique constraint asset_is_a_code check (asset ~ '^[A-Z0-9]{1,16}$'),
  decimals int not null constraint decimals_between_0_and_18 check (decimals between 0 and 18),
  created_at timestamptz not null,
  unique (asset_id, decimals)
);
comment on column reference.assets.decimals is 'the unit is 10^-decimals: every amount is a multiple of it';

create table reference.participants (
  participant_id int generated always as identity primary key,
  client_id text not null unique
    constraint client_id_is_a_code check (client_id ~ '^[A-Za-z0-9._:-]{1,64}$'),
  name text not null,
  kind reference.participant_kind not null default 'CUSTOMER',
  created_at timestamptz not null
);
comment on table reference.participants is
  'trading customers, the house (fees), and the outside world (where deposits come from)';
-- Their ids are 1 and 2: reference.house_id() and reference.external_id().
insert into reference.participants (client_id, name, kind, created_at)
values ('house', 'The house: fee income', 'HOUSE', now()),
  ('external', 'The world outside: banks, chains, custodians', 'EXTERNAL', now());

create table reference.symbols (
  symbol_id int generated always as identity primary key,
  segment_id int not null references reference.segments on delete restrict,
  symbol text not null unique
    constraint symbol_is_base_dash_quote check (symbol ~ '^[A-Z0-9]{1,16}-[A-Z0-9]{1,16}$'),
  base_asset_id int not null,
  quote_asset_id int not null,
  base_decimals int not null,
  quote_decimals int not null,
  status reference.symbol_status_enum not null default 'ACTIVE',
  status_reason text,
  tick_size reference.price not null,
  lot_size reference.quantity not null constraint lot_size_is_positive check (lot_size > 0),
  min_quantity reference.quantity not null,
  max_quantity reference.quantity,
  min_notional numeric not null constraint min_notional_not_negative check (min_notional >= 0),
  max_notional numeric,
  protection_rate reference.rate not null default 0.05
    constraint protection_rate_not_negative check (protection_rate >= 0),
  protection_ticks int not null default 10
    constraint protection_ticks_not_negative check (protection_ticks >= 0),
  maker_rate reference.rate not null,
  taker_rate reference.rate not null,
  created_at timestamptz not null,
  foreign key (base_asset_id, base_decimals)
    references reference.assets (asset_id, decimals) on delete restrict,
  foreign key (quote_asset_id, quote_decimals)
    references reference.assets (asset_id, decimals) on delete restrict,
  constraint base_is_not_quote check (base_asset_id <> quote_asset_id),
  constraint lot_is_a_multiple_of_the_base_unit check (scale(trim_scale(lot_size)) <= base_decimals),
  -- Price x quantity is therefore exact in the quote asset: no rounding of a notional exists.
  constraint notional_is_exact check (scale(trim_scale(tick_size * lot_size)) <= quote_decimals),
  constraint fees_fit_the_proceeds check (maker_rate + taker_rate >= 0)
);
comment on table reference.symbols is 'what can be traded, with its filters and fees';
comment on column reference.symbols.protection_rate is
  'a market order trades no further from the touch than this rate or protection_ticks, the wider';
comment on column reference.symbols.maker_rate is 'of the notional, in quote; negative is a rebate';

--!include reference/asset_unit.sql
--!include reference/get_symbol.sql
--!include reference/get_participant.sql
--!include reference/get_asset.sql
--!include reference/ensure_asset.sql
--!include reference/house_id.sql
--!include reference/external_id.sql


create domain ledger.amount as numeric
  constraint amount_has_at_most_18_decimals check (scale(value) <= 18);
comment on domain ledger.amount is 'units of one asset';

create type ledger.journal_kind as enum ('DEPOSIT', 'WITHDRAWAL', 'SETTLEMENT');
create type ledger.transfer_kind as enum
  ('DEPOSIT', 'WITHDRAWAL', 'DELIVERY', 'PAYMENT', 'BUYER_FEE', 'SELLER_FEE');

-- Rows are updated by every batch that touches them: half-empty pages keep the updates in place.
create table ledger.accounts (
  segment_id int not null,
  participant_id int not null references reference.participants on delete restrict,
  asset_id int not null references reference.assets on delete restrict,
  posted ledger.amount not null default 0,
  held ledger.amount not null default 0,
  unsettled_in ledger.amount not null default 0,
  unsettled_out ledger.amount not null default 0,
  may_be_negative boolean not null default false,
  primary key (segment_id, participant_id, asset_id),
  constraint held_not_negative check (held >= 0),
  constraint held_not_over_posted check (may_be_negative or held <= posted),
  constraint unsettled_in_not_negative check (unsettled_in >= 0),
  constraint unsettled_out_is_held check (unsettled_out between 0 and held)
) with (fillfactor = 50);
comment on table ledger.accounts is 'participant x asset; available = posted - held';
comment on column ledger.accounts.posted is 'the sum of all transfers in, less all out';
comment on column ledger.accounts.held is
  'what open orders could cost, plus what unsettled trades will cost (unsettled_out)';
comment on column ledger.accounts.may_be_negative is
  'the outside world only: what it gave us is its debt';

create table ledger.segment_state (
  segment_id int primary key references reference.segments on delete restrict,
  last_finality_no bigint not null default 0
) with (fillfactor = 50);
comment on table ledger.segment_state is
  'the counter of journals; its row is the last lock a posting transaction takes, held over the commit';
insert into ledger.segment_state (segment_id) values (1);

-- Names a journal and orders nothing: the order of journals is finality_no.
create sequence ledger.journal_ids;

create table ledger.journals (
  segment_id int not null,
  journal_id bigint not null,
  finality_no bigint not null,
  kind ledger.journal_kind not null,
  posted_at timestamptz not null,
  instruction_ids bigint[] not null,
  transfer_count int not null,
  primary key (segment_id, journal_id),
  -- ledger.journals_after: the feed reads what was posted after a number.
  constraint finality_no_is_dense unique (segment_id, finality_no)
);
comment on table ledger.journals is 'one posting transaction: its transfers are final together';

create table ledger.transfers (
  segment_id int not null,
  journal_id bigint not null,
  line_no int not null,
  kind ledger.transfer_kind not null,
  asset_id int not null,
  debit_participant_id int not null,
  credit_participant_id int not null,
  amount ledger.amount not null constraint transfer_is_positive check (amount > 0),
  instruction_id bigint,
  posted_at timestamptz not null,
  primary key (segment_id, journal_id, line_no, posted_at),
  constraint debit_is_not_credit check (debit_participant_id <> credit_participant_id)
) partition by range (posted_at);
comment on table ledger.transfers is
  'one debit account, one credit account, one amount: zero-sum by shape; insert only';
create table ledger.transfers_default partition of ledger.transfers default;

create table ledger.deposits (
  segment_id int not null,
  participant_id int not null,
  idempotency_key text not null
    constraint key_is_not_too_long check (length(idempotency_key) between 1 and 255),
  asset_id int not null,
  amount ledger.amount not null constraint deposit_is_positive check (amount > 0),
  journal_id bigint not null,
  created_at timestamptz not null,
  primary key (segment_id, participant_id, idempotency_key)
);
comment on table ledger.deposits is 'one row a deposit; its key makes a repeat the same deposit';

--!include ledger/entries.sql
--!include ledger/open_accounts.sql
--!include ledger/change_accounts.sql
--!include ledger/post_journal.sql
--!include ledger/deposit.sql


create type settlement.instruction_status as enum
  ('PENDING', 'PARTIALLY_SETTLED', 'SETTLED', 'FAILED', 'CANCELLED');
create type settlement.pending_reason as enum
  ('LACK_ASSET', 'LACK_CASH', 'ON_HOLD_PARTY', 'ON_HOLD_COUNTERPARTY', 'LINKED', 'CUTOFF',
    'FUTURE_DATE', 'LIMIT', 'NETTING', 'SYSTEM');

-- The queue: only what is still to be settled, so that a claim walks no history. Rows come in with
-- their trade and leave with their settlement; autovacuum must keep up with that.
create table settlement.pending_instructions (
  segment_id int not null,
  instruction_id bigint not null,
  symbol_id int not null,
  buyer_id int not null,
  seller_id int not null,
  base_asset_id int not null,
  quote_asset_id int not null,
  quantity reference.quantity not null,
  notional ledger.amount not null,
  buyer_fee ledger.amount not null,
  seller_fee ledger.amount not null,
  value_date date not null,
  status settlement.instruction_status not null default 'PENDING'
    constraint pending_instruction_is_not_final
    check (status in ('PENDING', 'PARTIALLY_SETTLED', 'FAILED')),
  reason settlement.pending_reason,
  problem text,
  attempts int not null default 0,
  next_attempt_at timestamptz not null,
  created_at timestamptz not null,
  primary key (segment_id, instruction_id),
  constraint buyer_is_not_seller check (buyer_id <> seller_id)
) with (
  fillfactor = 80,
  autovacuum_vacuum_scale_factor = 0.01,
  autovacuum_vacuum_cost_delay = 0
);
comment on table settlement.pending_instructions is
  'what is still to be settled; instruction_id is the trade_id it settles';
comment on column settlement.pending_instructions.problem is 'the error that put it aside, if one did';

create table settlement.settled_instructions (
  segment_id int not null,
  instruction_id bigint not null,
  symbol_id int not null,
  buyer_id int not null,
  seller_id int not null,
  base_asset_id int not null,
  quote_asset_id int not null,
  quantity reference.quantity not null,
  notional ledger.amount not null,
  buyer_fee ledger.amount not null,
  seller_fee ledger.amount not null,
  value_date date not null,
  attempts int not null,
  created_at timestamptz not null,
  settled_at timestamptz not null,
  journal_id bigint not null,
  primary key (segment_id, instruction_id, settled_at)
) partition by range (settled_at);
comment on table settlement.settled_instructions is 'final; insert only';
create table settlement.settled_instructions_default
  partition of settlement.settled_instructions default;

-- An instruction as the outside sees it.
create type settlement.instruction_row as (
  settlement_id bigint,
  trade_id bigint,
  symbol text,
  status settlement.instruction_status,
  reason settlement.pending_reason,
  problem text,
  attempts int,
  next_attempt_at timestamptz,
  value_date date,
  created_at timestamptz,
  settled_at timestamptz,
  journal_id bigint,
  finality_no bigint,
  legs json
);

--!include settlement/instructions.sql
--!include settlement/legs.sql
--!include settlement/instruction_rows.sql
--!include settlement/claim_instructions.sql
--!include settlement/settle_instructions.sql
--!include settlement/put_aside.sql
--!include settlement/settle_batch.sql
--!include settlement/retry_instruction.sql
--!include clearing/capture_trades.sql


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
  created_at timestamptz[]
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
  ask_slots int[],
  bid_slots int[],
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
  ends matching.end_reason[]
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
  end_reason matching.end_reason
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

--!include matching/refuse_command.sql
--!include matching/refuse_ended.sql
--!include matching/append_slots.sql
--!include matching/read_orders.sql
--!include matching/lock_symbol.sql
--!include matching/parse_commands.sql
--!include matching/claim_keys.sql
--!include matching/find_targets.sql
--!include matching/prepare_batch.sql
--!include matching/read_book.sql
--!include matching/match_batch.sql
--!include matching/fills.sql
--!include matching/change_funds.sql
--!include matching/final_orders.sql
--!include matching/status_of.sql
--!include matching/update_resting.sql
--!include matching/record_orders.sql
--!include matching/record_trades.sql
--!include matching/record_events.sql
--!include matching/read_funds.sql
--!include matching/roll_back.sql
--!include matching/execute_batch.sql
--!include matching/fill_json.sql
--!include matching/average_price.sql
--!include matching/order_rows.sql
--!include matching/placed_rows.sql
--!include matching/first_answers.sql
--!include matching/explain_refusal.sql
--!include matching/cancel_orders.sql
--!include matching/open_symbol.sql
--!include matching/create_symbol.sql
--!include matching/levels_json.sql
--!include matching/hold_of.sql


-- The answer to one command: error_state is null when all is well.
create type api.command_answer as (
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

--!include api/symbols.sql
--!include api/execute_commands.sql
--!include api/cancel_orders.sql
--!include api/find_order.sql
--!include api/list_orders.sql
--!include api/book.sql
--!include api/trades.sql
--!include api/tickers.sql
--!include api/create_participant.sql
--!include api/find_participant.sql
--!include api/balances.sql
--!include api/deposit.sql
--!include api/create_asset.sql
--!include api/create_symbol.sql
--!include api/settlements.sql
--!include api/find_settlement.sql
--!include api/retry_settlement.sql
--!include api/settlement_backlog.sql
--!include api/feed_positions.sql
--!include api/events_after.sql
--!include api/journals_after.sql

--!include ops/set_search_path.sql
--!include ops/wanted_partitions.sql
--!include ops/move_from_default.sql
--!include ops/maintain_partitions.sql
--!include ops/check_partition_health.sql
--!include ops/check_table_sizes.sql
--!include ops/check_db_connections.sql
--!include ops/set_symbol_status.sql
--!include ops/halt_symbol.sql
--!include ops/resume_symbol.sql
--!include ops/create_symbol.sql
--!include ops/retry_settlement.sql
--!include ops/refresh_order_book_snapshot.sql
--!include ops/v_active_orders.sql
--!include ops/v_trade_volume_24h.sql
--!include ops/v_order_status_distribution.sql
--!include ops/v_balances.sql
--!include ops/v_holds.sql
--!include ops/v_settlement_backlog.sql
--!include ops/v_fails.sql
--!include ops/v_fees.sql
--!include ops/audit_balances.sql
--!include ops/audit_orders.sql
--!include ops/audit_settlements.sql
--!include ops/audit.sql
--!include ops/help.sql

select ops.set_search_path();
select ops.maintain_partitions();

grant select on all tables in schema reference, ledger, settlement, clearing, matching, ops
  to pgsettle_operator, pgsettle_auditor;

