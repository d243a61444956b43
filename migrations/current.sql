-- Orders of every type: what a symbol allows, what an order may say, and where it waits.

create type reference.stp_mode as enum
  ('NONE', 'CANCEL_TAKER', 'CANCEL_MAKER', 'CANCEL_BOTH', 'DECREMENT');
comment on type reference.stp_mode is 'what happens when an order would trade with its owner''s';
create type reference.symbol_phase as enum ('PRE_OPEN', 'CALL', 'CONTINUOUS', 'CLOSED');
comment on type reference.symbol_phase is 'how an active symbol trades now';
create type reference.band_action as enum ('AUCTION', 'EXPIRE');
comment on type reference.band_action is 'what happens when a trade would print outside the band';

alter table reference.symbols
  add column default_stp reference.stp_mode not null default 'CANCEL_TAKER',
  add column allowed_stps reference.stp_mode[] not null
    default '{NONE,CANCEL_TAKER,CANCEL_MAKER,CANCEL_BOTH,DECREMENT}',
  add column protection_rests boolean not null default false,
  add column collar_rate reference.rate
    constraint collar_rate_is_positive check (collar_rate > 0),
  add column max_open_orders int
    constraint max_open_orders_is_positive check (max_open_orders > 0),
  add column max_position numeric
    constraint max_position_is_positive check (max_position > 0 and max_position < 'Infinity'),
  add column max_iceberg_parts int not null default 100
    constraint max_iceberg_parts_at_least_2 check (max_iceberg_parts >= 2),
  add column min_trailing_bips int not null default 1
    constraint min_trailing_bips_is_positive check (min_trailing_bips > 0),
  add column max_trailing_bips int not null default 5000
    constraint max_trailing_bips_below_all check (max_trailing_bips < 10000),
  add column max_cascade int not null default 100
    constraint max_cascade_is_positive check (max_cascade > 0),
  add column band_rate reference.rate
    constraint band_rate_is_positive check (band_rate > 0),
  add column band_action reference.band_action not null default 'AUCTION',
  add column accept_when_closed boolean not null default true,
  add constraint default_stp_is_allowed check (default_stp = any (allowed_stps)),
  add constraint trailing_bips_are_a_range check (min_trailing_bips <= max_trailing_bips);
comment on column reference.symbols.protection_rests is
  'what a market order leaves at its protection rests there as a limit order, else it expires';
comment on column reference.symbols.collar_rate is
  'a limit order pays at most (a buyer), or takes at least (a seller), the last price by this rate';
comment on column reference.symbols.max_position is
  'what a participant may own of the base asset, with what its open buy orders may bring';
comment on column reference.symbols.max_cascade is
  'how many stop orders may fire in one batch before the symbol goes into an auction';
comment on column reference.symbols.band_rate is
  'no trade prints further than this rate from the reference price; null: no band';

alter table reference.participants
  add column trade_group text
    constraint trade_group_is_a_code check (trade_group ~ '^[A-Za-z0-9._:-]{1,64}$');
comment on column reference.participants.trade_group is
  'participants of one group do not trade with each other, as one does not with itself';

create type matching.trigger_source as enum ('LAST', 'MARK', 'INDEX');
comment on type matching.trigger_source is 'whose price fires a stop order';
create type matching.list_role as enum ('OCO', 'ENTRY', 'EXIT');
comment on type matching.list_role is 'what an order is to the others of its list';

alter type matching.command
  add attribute quote_quantity numeric,
  add attribute stop_price numeric,
  add attribute trigger_immediately boolean,
  add attribute trigger_source matching.trigger_source,
  add attribute trailing_offset numeric,
  add attribute trailing_bips int,
  add attribute activation_price numeric,
  add attribute limit_offset numeric,
  add attribute post_only boolean,
  add attribute slide boolean,
  add attribute display_quantity numeric,
  add attribute expire_at timestamptz,
  add attribute stp reference.stp_mode,
  add attribute deadline timestamptz,
  add attribute is_async boolean,
  add attribute only_if text,
  add attribute list_no int,
  add attribute list_role matching.list_role,
  add attribute list_is_partial boolean,
  add attribute end_reason matching.end_reason;

alter table matching.symbol_state
  add column phase reference.symbol_phase not null default 'CONTINUOUS',
  add column next_due_at timestamptz not null default 'infinity',
  add column pending_count bigint not null default 0,
  add column fires_above numeric not null default 'Infinity',
  add column fires_below numeric not null default '-Infinity',
  add column reference_price reference.price,
  add column band_low numeric,
  add column band_high numeric;
comment on column matching.symbol_state.next_due_at is
  'no order of the symbol expires and no phase ends before: a batch at that time or later does it';
comment on column matching.symbol_state.pending_count is 'orders accepted and not matched yet';
comment on column matching.symbol_state.fires_above is
  'a trade at this price or above may fire a stop order or move one; below it none does';
comment on column matching.symbol_state.fires_below is
  'a trade at this price or below may fire a stop order or move one; above it none does';

alter table matching.book
  add column display_quantity numeric,
  add column visible_quantity numeric,
  add column list_id bigint,
  add column expire_at timestamptz,
  add column session_rule matching.time_in_force_enum,
  add constraint visible_is_a_part
    check (visible_quantity > 0 and visible_quantity <= remaining_quantity);
comment on column matching.book.remaining_quantity is 'all that is left, shown or not';
comment on column matching.book.display_quantity is 'how much of an iceberg is shown at a time';
comment on column matching.book.visible_quantity is 'how much of an iceberg is shown now';
comment on column matching.book.session_rule is
  'for orders that one kind of session only takes: OPG, CLS, GFA, GTX';
-- What expires, when its time has come.
create index book_expire_at_idx on matching.book (segment_id, symbol_id, expire_at)
  where expire_at is not null;
-- What a change of phase cancels.
create index book_session_rule_idx on matching.book (segment_id, symbol_id)
  where session_rule is not null;

alter table matching.orders
  add column quote_quantity numeric,
  add column stop_price numeric,
  add column trigger_source matching.trigger_source,
  add column trailing_offset numeric,
  add column trailing_bips int,
  add column activation_price numeric,
  add column limit_offset numeric,
  add column post_only boolean,
  add column slide boolean,
  add column display_quantity numeric,
  add column expire_at timestamptz,
  add column stp reference.stp_mode,
  add column list_id bigint,
  add column prevented_quantity numeric not null default 0,
  drop constraint quantity_is_accounted_for,
  add constraint quantity_is_accounted_for check (
    quantity = filled_quantity + prevented_quantity + remaining_quantity + cancelled_quantity
  );
comment on column matching.orders.prevented_quantity is
  'what did not trade because it would have traded with its owner';
comment on column matching.orders.list_id is 'the first order of the list that it belongs to';

-- Orders that are accepted and not in the book: PENDING. Few, next to the book.
create table matching.parked_orders (
  segment_id int not null,
  symbol_id int not null,
  order_id bigint not null,
  participant_id int not null,
  created_at timestamptz not null,
  side matching.order_side_enum not null,
  type matching.order_type_enum not null,
  time_in_force matching.time_in_force_enum not null,
  sort_price numeric,
  quantity numeric not null,
  quote_quantity numeric,
  hold_amount numeric not null constraint hold_not_negative check (hold_amount >= 0),
  pending_reason matching.pending_reason not null,
  entry_seq bigint not null,
  display_quantity numeric,
  post_only boolean,
  slide boolean,
  stp reference.stp_mode,
  expire_at timestamptz,
  list_id bigint,
  primary key (segment_id, order_id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
comment on table matching.parked_orders is
  'orders that wait for the matcher, for a price or for another order, with what is held for them';
comment on column matching.parked_orders.sort_price is
  'as in the book, of the order that it becomes; null for a market order';
create index parked_orders_symbol_idx on matching.parked_orders
  (segment_id, symbol_id, pending_reason, entry_seq);
create index parked_orders_participant_idx on matching.parked_orders
  (segment_id, participant_id, symbol_id);
create index parked_orders_expire_at_idx on matching.parked_orders
  (segment_id, symbol_id, expire_at)
  where expire_at is not null;
create index parked_orders_list_idx on matching.parked_orders (segment_id, list_id)
  where list_id is not null;
create index book_list_idx on matching.book (segment_id, list_id)
  where list_id is not null;

-- It was empty until now: stop orders were not accepted.
drop table matching.stop_orders_watchlist;
create table matching.stop_orders_watchlist (
  segment_id int not null,
  symbol_id int not null,
  order_id bigint not null,
  side matching.order_side_enum not null,
  type matching.order_type_enum not null,
  source matching.trigger_source not null,
  is_up boolean not null,
  stop_price numeric,
  entry_seq bigint not null,
  participant_id int not null,
  created_at timestamptz not null,
  trailing_offset numeric,
  trailing_bips int,
  activation_price numeric,
  activation_is_up boolean,
  watermark_price numeric,
  limit_offset numeric,
  primary key (segment_id, order_id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
comment on table matching.stop_orders_watchlist is
  'orders that wait for a price: what fires them, and how far a trailing one has come';
comment on column matching.stop_orders_watchlist.is_up is
  'fires at stop_price or above; else at stop_price or below';
comment on column matching.stop_orders_watchlist.stop_price is
  'the level that fires it now, not rounded; null while a trailing one is not active yet';
comment on column matching.stop_orders_watchlist.watermark_price is
  'the best price since a trailing stop is active: the highest for a sell, the lowest for a buy';
-- What a price fires, nearest first.
create index stop_orders_watchlist_price_idx on matching.stop_orders_watchlist
  (segment_id, symbol_id, source, is_up, stop_price);
-- Trailing stops, which every new extreme moves.
create index stop_orders_watchlist_trailing_idx on matching.stop_orders_watchlist
  (segment_id, symbol_id, source)
  where type = 'TRAILING_STOP';

-- The lists of linked orders.
create table matching.order_lists (
  segment_id int not null,
  list_id bigint not null,
  symbol_id int not null,
  entry_order_id bigint,
  is_partial boolean not null default false,
  created_at timestamptz not null,
  primary key (segment_id, list_id)
);
comment on table matching.order_lists is
  'orders that are linked: one cancels the other, or waits for the other; kept';
comment on column matching.order_lists.list_id is 'the id of its first order';
comment on column matching.order_lists.entry_order_id is
  'the order whose fills bring the others to life; null when they are alive from the start';

create table matching.published_prices (
  segment_id int not null,
  symbol_id int not null references reference.symbols on delete restrict,
  source matching.trigger_source not null,
  price reference.price not null,
  published_at timestamptz not null,
  primary key (segment_id, symbol_id, source)
);
comment on table matching.published_prices is
  'the last mark and index price of a symbol, from outside';

create table matching.prevented_matches (
  segment_id int not null,
  prevented_match_id bigint not null,
  prevented_at timestamptz not null,
  symbol_id int not null,
  seq bigint not null,
  stp reference.stp_mode not null,
  price reference.price not null,
  taker_order_id bigint not null,
  maker_order_id bigint not null,
  taker_id int not null,
  maker_id int not null,
  taker_quantity numeric not null,
  maker_quantity numeric not null,
  primary key (segment_id, prevented_match_id)
);
comment on table matching.prevented_matches is
  'trades that were prevented because both orders have one owner or group; insert only';
create index prevented_matches_taker_idx on matching.prevented_matches
  (segment_id, taker_order_id);
create index prevented_matches_maker_idx on matching.prevented_matches
  (segment_id, maker_order_id);

alter table matching.events
  alter column order_id drop not null,
  alter column participant_id drop not null,
  alter column side drop not null,
  add column visible_quantity numeric,
  add column prior_visible_quantity numeric,
  add column maker_visible_quantity numeric,
  add column maker_prior_visible_quantity numeric,
  add column maker_price numeric;
comment on column matching.events.maker_price is
  'where the maker rested, when that is not the price of the trade';
comment on column matching.events.visible_quantity is
  'what of remaining is shown, where it is not all of it';
comment on column matching.events.maker_visible_quantity is
  'what of maker_remaining is shown, where it is not all of it';
-- The amendments of an order.
create index events_amended_idx on matching.events (segment_id, order_id) where kind = 'AMENDED';

-- The matcher's memory: what a batch asks, and what came of it. The functions that knew the old
-- shapes go with them and come back below.
drop function matching.append_slots(matching.slots, matching.slots);
drop function matching.fills(matching.outcome);
drop function matching.change_funds(reference.symbols, matching.outcome);
drop function matching.resting_orders(int, matching.final_order[]);
drop function matching.update_resting(int, timestamptz, matching.final_order[]);
drop function matching.match_batch(
  reference.symbols, bigint, matching.batch, numeric[], numeric[]
);
drop function matching.record_orders(
  reference.symbols, timestamptz, bigint, matching.command[], matching.batch, matching.outcome
);
drop type matching.executed, matching.outcome, matching.batch, matching.slots, matching.final_order
  cascade;
-- What a command asks, at length; see matching.ask_commands.
create type matching.asked as (
  op matching.operation,
  is_buy boolean,
  is_market boolean,
  rests boolean,
  probes boolean,
  kills boolean,
  quantity numeric,
  quote_quantity numeric,
  stp reference.stp_mode,
  mate_ids int[],
  bar matching.refusal,
  end_reason matching.end_reason,
  is_only_if_new boolean,
  is_post_only boolean,
  is_sliding boolean,
  pending matching.pending_reason,
  sibling int,
  is_stop boolean,
  fires_at_once boolean,
  source_price numeric,
  stop_price numeric,
  is_up boolean,
  trailing_offset numeric,
  trailing_bips int,
  activation_price numeric,
  activation_is_up boolean,
  watermark_price numeric,
  limit_offset numeric,
  parked_price numeric,
  fires_above numeric,
  fires_below numeric,
  refusal matching.refusal
);
-- An order in memory.
create type matching.slot as (
  order_id bigint,
  owner_id int,
  party_no int,
  quantity numeric,
  hold numeric,
  hold_before numeric,
  fee_exact numeric,
  fee numeric,
  filled numeric,
  paid numeric,
  display numeric,
  visible numeric,
  list_id bigint,
  pending matching.pending_reason,
  created_at timestamptz,
  book_tid tid,
  last_seq bigint,
  end_reason matching.end_reason,
  refusal matching.refusal,
  type matching.order_type_enum,
  stp reference.stp_mode,
  is_post_only boolean,
  is_sliding boolean,
  expire_at timestamptz,
  session_rule matching.time_in_force_enum
);
comment on type matching.slot is
  'an order in the matcher''s memory; filled and paid are what this batch added';
-- Orders in memory, with what they are sorted by.
create type matching.chunk as (
  sort_prices numeric[],
  priority_nos bigint[],
  remaining numeric[],
  slots matching.slot[]
);
create type matching.started as (
  refusal matching.refusal,
  kind matching.event_kind,
  sort_price numeric,
  remaining numeric,
  quantity numeric,
  is_buy boolean,
  end_reason matching.end_reason,
  from_price numeric,
  from_left numeric,
  from_visible numeric
);
comment on type matching.started is 'what a command makes of an order that stands already';
-- A batch: an element a command first, then the orders that it names, then two empty ones.
create type matching.batch as (
  asked matching.asked[],
  refusals matching.refusal[],
  order_ids bigint[],
  repeat_of bigint[],
  owner_ids int[],
  target_ids bigint[],
  targets int[],
  found matching.chunk,
  sort_prices numeric[],
  priority_nos bigint[],
  remaining numeric[],
  slots matching.slot[],
  standing int[],
  party_ids int[],
  is_special boolean,
  has_changes boolean,
  has_amendments boolean
);
create type matching.closing as (
  kind matching.event_kind,
  seq bigint,
  order_id bigint,
  owner_id int,
  sort_price numeric,
  quantity numeric,
  remaining numeric,
  visible numeric,
  reason matching.end_reason,
  from_seq bigint,
  from_price numeric,
  from_remaining numeric,
  from_visible numeric,
  is_buy boolean,
  is_market boolean,
  pending matching.pending_reason,
  refusal matching.refusal
);
comment on type matching.closing is
  'the event that a command ends with, and what its order was before';
create type matching.fill as (
  seq bigint,
  price numeric,
  quantity numeric,
  bought boolean,
  taker_order_id bigint,
  maker_order_id bigint,
  taker_id int,
  maker_id int,
  taker_fee numeric,
  maker_fee numeric,
  maker_remaining numeric,
  maker_visible numeric,
  maker_prior_visible numeric
);
create type matching.prevented_match as (
  seq bigint,
  stp reference.stp_mode,
  price numeric,
  bought boolean,
  taker_order_id bigint,
  maker_order_id bigint,
  taker_id int,
  maker_id int,
  taker_quantity numeric,
  maker_quantity numeric,
  maker_remaining numeric,
  maker_visible numeric,
  maker_prior_visible numeric
);
create type matching.outcome as (
  done int,
  last_seq bigint,
  last_price numeric,
  refusals matching.refusal[],
  closings matching.closing[],
  fills matching.fill[],
  prevented matching.prevented_match[],
  slots matching.slot[],
  sort_prices numeric[],
  priority_nos bigint[],
  remaining numeric[],
  asked matching.asked[],
  is_linked boolean,
  is_breached boolean
);
comment on type matching.outcome is
  'what came of a batch: how each of its commands ended, the fills, and the slots as they ended';
-- An order as a batch leaves it; slot is the number of its slot.
create type matching.final_order as (
  slot int,
  order_id bigint,
  owner_id int,
  sort_price numeric,
  priority_no bigint,
  remaining numeric,
  quantity numeric,
  hold numeric,
  hold_before numeric,
  fee_exact numeric,
  fee numeric,
  filled numeric,
  paid numeric,
  prevented numeric,
  display numeric,
  visible numeric,
  list_id bigint,
  pending matching.pending_reason,
  created_at timestamptz,
  book_tid tid,
  last_seq bigint,
  end_reason matching.end_reason,
  refusal matching.refusal,
  expire_at timestamptz,
  session_rule matching.time_in_force_enum
);
-- What a batch does: its commands as they were asked and came out, at which time, the state of the
-- symbol after it, and what it does to accounts, which is done last.
create type matching.executed as (
  batch matching.batch,
  outcome matching.outcome,
  executed_at timestamptz,
  state matching.symbol_state,
  changes ledger.account_change[]
);

-- What the outside sees of an order: what it asked for, too.
alter type matching.order_row
  add attribute quote_quantity numeric,
  add attribute stop_price numeric,
  add attribute trigger_source matching.trigger_source,
  add attribute trailing_offset numeric,
  add attribute trailing_bips int,
  add attribute activation_price numeric,
  add attribute limit_offset numeric,
  add attribute post_only boolean,
  add attribute slide boolean,
  add attribute display_quantity numeric,
  add attribute expire_at timestamptz,
  add attribute stp reference.stp_mode,
  add attribute prevented_quantity numeric,
  add attribute list_id bigint;
alter type matching.command_answer
  add attribute quote_quantity numeric,
  add attribute stop_price numeric,
  add attribute trigger_source matching.trigger_source,
  add attribute trailing_offset numeric,
  add attribute trailing_bips int,
  add attribute activation_price numeric,
  add attribute limit_offset numeric,
  add attribute post_only boolean,
  add attribute slide boolean,
  add attribute display_quantity numeric,
  add attribute expire_at timestamptz,
  add attribute stp reference.stp_mode,
  add attribute prevented_quantity numeric,
  add attribute list_id bigint;
alter type api.order_item
  drop attribute cursor,
  add attribute quote_quantity numeric,
  add attribute stop_price numeric,
  add attribute trigger_source matching.trigger_source,
  add attribute trailing_offset numeric,
  add attribute trailing_bips int,
  add attribute activation_price numeric,
  add attribute limit_offset numeric,
  add attribute post_only boolean,
  add attribute slide boolean,
  add attribute display_quantity numeric,
  add attribute expire_at timestamptz,
  add attribute stp reference.stp_mode,
  add attribute prevented_quantity numeric,
  add attribute list_id bigint,
  add attribute cursor text;
-- What an order that is only tried would hold, and which matches would be prevented.
create type matching.tried_answer as (
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
  fills json,
  quote_quantity numeric,
  stop_price numeric,
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
  prevented_quantity numeric,
  list_id bigint,
  hold_amount numeric,
  hold_asset text,
  prevented json
);

drop function matching.status_of(
  numeric, numeric, matching.end_reason, matching.refusal
);
drop function matching.read_funds(reference.symbols, int[]);
drop function matching.cancel_orders(int, int, int, matching.order_side_enum, timestamptz);
drop function api.cancel_orders(int, text, text, text, timestamptz);
drop function api.events_after(int, int[], bigint[], int);

-- Who asks for no self-trade prevention trades with itself, and so does an auction.
alter table settlement.pending_instructions drop constraint buyer_is_not_seller;

-- Limits of a participant, and when its orders end.
alter type matching.batch add attribute bounds numeric[];

grant usage on schema matching to pgsettle_worker;

-- What cancels the orders of a participant later, unless it is put off.
create table matching.cancel_timers (
  segment_id int not null references reference.segments on delete restrict,
  participant_id int not null references reference.participants on delete restrict,
  reason matching.end_reason not null
    constraint reason_is_of_a_timer check (reason in ('DEADMAN', 'DISCONNECT')),
  session_id text not null
    constraint session_id_is_a_key check (session_id ~ '^[A-Za-z0-9._:/+=@~-]{0,128}$'),
  cancel_at timestamptz not null,
  primary key (segment_id, participant_id, reason, session_id),
  constraint only_sessions_have_an_id check ((reason = 'DISCONNECT') = (session_id <> ''))
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
comment on table matching.cancel_timers is
  'when all orders of a participant are cancelled, unless that is put off: fires once';
comment on column matching.cancel_timers.reason is
  'DEADMAN: armed by the participant; DISCONNECT: by a session of it, which puts it off';
-- No index on cancel_at: it changes several times a second while a session lives, and the rows are
-- few.

drop function api.status(int, timestamptz);
drop function api.create_participant(int, text, text, timestamptz);
drop function api.find_participant(int, text);
-- ---------------------------------------------------------------------------------------------
-- Trading sessions: calendars, phases, auctions, bands, groups of symbols.

create table reference.calendars (
  calendar_id int generated always as identity primary key,
  calendar text not null unique
    constraint calendar_is_a_code check (calendar ~ '^[A-Za-z0-9._:-]{1,64}$'),
  time_zone text not null,
  created_at timestamptz not null
);
comment on table reference.calendars is 'when symbols trade, in the local time of a place';

create table reference.schedules (
  calendar_id int not null references reference.calendars on delete restrict,
  schedule text not null constraint schedule_is_a_code check (schedule ~ '^[A-Z0-9_]{1,32}$'),
  primary key (calendar_id, schedule)
);
comment on table reference.schedules is 'the kinds of day that a calendar has';

create table reference.schedule_phases (
  calendar_id int not null,
  schedule text not null,
  starts_at time not null,
  phase reference.symbol_phase not null,
  primary key (calendar_id, schedule, starts_at),
  foreign key (calendar_id, schedule) references reference.schedules on delete restrict
);
comment on table reference.schedule_phases is
  'the phases of a kind of day; each lasts until the next one, be it of another day';
comment on column reference.schedule_phases.starts_at is 'local time';

create table reference.calendar_weekdays (
  calendar_id int not null,
  weekday int not null constraint weekday_is_iso check (weekday between 1 and 7),
  schedule text not null,
  is_business_day boolean not null,
  primary key (calendar_id, weekday),
  foreign key (calendar_id, schedule) references reference.schedules on delete restrict
);
comment on table reference.calendar_weekdays is 'what kind of day each weekday is; 1 is Monday';

create table reference.calendar_days (
  calendar_id int not null references reference.calendars on delete restrict,
  day_on date not null,
  schedule text,
  is_business_day boolean not null,
  primary key (calendar_id, day_on),
  foreign key (calendar_id, schedule) references reference.schedules on delete restrict
);
comment on table reference.calendar_days is
  'days that are not as their weekday: holidays, half days';
comment on column reference.calendar_days.schedule is 'null: closed from its midnight on';

create type reference.breaker_action as enum ('CALL', 'HALT');
comment on type reference.breaker_action is 'what a fall of its index does to a group of symbols';

create table reference.symbol_groups (
  group_id int generated always as identity primary key,
  symbol_group text not null unique
    constraint symbol_group_is_a_code check (symbol_group ~ '^[A-Za-z0-9._:-]{1,64}$'),
  time_zone text not null,
  base_value numeric constraint base_value_is_positive check (base_value > 0),
  index_value numeric constraint index_value_is_positive check (index_value > 0),
  index_at timestamptz,
  level_no int not null default 0 constraint level_no_not_negative check (level_no >= 0),
  created_at timestamptz not null
);
comment on table reference.symbol_groups is 'symbols that a fall of one index interrupts together';
comment on column reference.symbol_groups.time_zone is 'where the days of the index begin';
comment on column reference.symbol_groups.base_value is
  'the last value of the day before: what the index falls from';
comment on column reference.symbol_groups.level_no is 'the deepest level that was reached today';

create table reference.breaker_levels (
  group_id int not null references reference.symbol_groups on delete restrict,
  level_no int not null constraint level_no_is_positive check (level_no > 0),
  fall_rate reference.rate not null constraint fall_rate_is_positive check (fall_rate > 0),
  action reference.breaker_action not null,
  call_time interval constraint call_time_is_positive check (call_time > '0'),
  primary key (group_id, level_no),
  constraint call_has_a_time check (action <> 'CALL' or call_time is not null)
);
comment on table reference.breaker_levels is 'how far an index falls before its group is stopped';

alter table reference.symbols
  add column calendar_id int references reference.calendars on delete restrict,
  add column group_id int references reference.symbol_groups on delete restrict,
  add column auction_random interval not null default '0'
    constraint auction_random_is_short check (auction_random between '0' and '10 minutes'),
  add column auction_extension_rate reference.rate
    constraint auction_extension_rate_is_positive check (auction_extension_rate > 0),
  add column auction_extension_time interval not null default '2 minutes'
    constraint auction_extension_time_is_positive check (auction_extension_time > '0'),
  add column auction_max_extensions int not null default 1
    constraint auction_max_extensions_not_negative check (auction_max_extensions >= 0),
  add column cancel_lock_time interval not null default '0'
    constraint cancel_lock_time_not_negative check (cancel_lock_time >= '0'),
  add column band_auction_time interval not null default '5 minutes'
    constraint band_auction_time_is_positive check (band_auction_time > '0');
comment on column reference.symbols.calendar_id is 'when it trades; null: always, continuously';
comment on column reference.symbols.group_id is 'whose market-wide breaker stops it';
comment on column reference.symbols.auction_random is
  'how much later than announced a call may end: the draw is uniform and told by nobody before';
comment on column reference.symbols.auction_extension_rate is
  'a call whose price is further than this from the reference price goes on; null: it never does';
comment on column reference.symbols.cancel_lock_time is
  'in the last part of a call, counted from its announced end, nothing is cancelled or amended';
comment on column reference.symbols.band_auction_time is
  'how long the call lasts that a volatility interruption begins';

alter table matching.symbol_state
  add column phase_next reference.symbol_phase,
  add column phase_end_at timestamptz not null default 'infinity',
  add column phase_until timestamptz not null default 'infinity',
  add column extension_count int not null default 0,
  add column reference_at timestamptz,
  add column price_sum numeric not null default 0,
  add column price_count bigint not null default 0;
comment on column matching.symbol_state.phase_next is
  'the phase that follows; null when nobody has said which';
comment on column matching.symbol_state.phase_end_at is 'when the phase ends, as announced';
comment on column matching.symbol_state.phase_until is
  'when the phase ends: the announced end and, of a call, what was drawn; not told before';
comment on column matching.symbol_state.reference_at is
  'since when reference_price holds; the sums are of the trades since';

alter table matching.events
  add column phase reference.symbol_phase,
  add column phase_end_at timestamptz;
comment on column matching.events.phase is 'the phase that the symbol is in from here on';
comment on column matching.events.phase_end_at is 'when it ends, as announced';

-- What an uncrossing would give now.
create type matching.indication as (
  price numeric,
  volume numeric,
  surplus numeric,
  surplus_side matching.order_side_enum
);

-- An order that takes part in a call.
create type matching.call_order as (
  side matching.order_side_enum,
  order_id bigint,
  participant_id int,
  sort_price numeric,
  priority_no bigint,
  reach numeric,
  remaining numeric,
  fee_exact numeric,
  fee numeric
);

-- A trade of an uncrossing.
create type matching.call_fill as (
  n bigint,
  quantity numeric,
  buy_order_id bigint,
  sell_order_id bigint,
  buyer_id int,
  seller_id int,
  is_buyer_taker boolean,
  buyer_fee numeric,
  seller_fee numeric,
  maker_left numeric
);

-- A resting order that a change of phase filled or ended, with the events that tell it.
create type matching.session_order as (
  order_id bigint,
  owner_id int,
  side matching.order_side_enum,
  sort_price numeric,
  priority_no bigint,
  created_at timestamptz,
  book_tid tid,
  remaining_before numeric,
  hold_before numeric,
  filled numeric,
  paid numeric,
  fee_exact numeric,
  fee numeric,
  display numeric,
  visible_before numeric,
  list_id bigint,
  uncrossed_seq bigint,
  ended_seq bigint
);

-- A phase that a symbol is to enter: why, what follows, when as announced, when in fact.
create type matching.phase_plan as (
  phase reference.symbol_phase,
  reason text,
  phase_next reference.symbol_phase,
  phase_end_at timestamptz,
  phase_until timestamptz,
  extension_count int
);

-- What is to be done next in a batch: what lists ask for and what is due, then the stop orders that
-- fired; how many fired in this batch, and whether more would have than the symbol allows.
create type matching.queue as (
  commands matching.command[],
  stops matching.command[],
  fired_count int,
  is_over boolean
);
comment on type matching.queue is 'what the venue itself does next in a batch';

-- A step of the time of a symbol: when it is, the state behind it, what follows, the change of
-- phase that is still asked for, what it does to accounts, whether another step may be due, and why
-- trading is to be interrupted.
create type matching.step as (
  at timestamptz,
  state matching.symbol_state,
  queue matching.queue,
  plan matching.phase_plan,
  changes ledger.account_change[],
  is_more boolean,
  reason text
);
comment on type matching.step is 'a step of the time of a symbol';

-- Whether a stop order whose price is met waits all the same: nothing fires in a call.
alter type matching.asked add attribute waits boolean;

-- What a change of phase cancels; orders of the day are not among it.
drop index matching.book_session_rule_idx;
create index book_session_rule_idx on matching.book (segment_id, symbol_id)
  where session_rule <> 'DAY';
comment on column matching.book.session_rule is
  'for orders that depend on sessions: DAY, OPG, CLS, GFA, GTX';

drop function ops.halt_symbol(text, text, int);
drop function ops.resume_symbol(text, int);
drop function ops.set_symbol_status(int, text, reference.symbol_status_enum, text);

-- What each order must add up to, checked with every row that is written [MAT-090].
alter table matching.orders
  add constraint filled_not_negative check (filled_quantity >= 0 and prevented_quantity >= 0),
  add constraint cancelled_not_negative check (cancelled_quantity >= 0),
  add constraint open_is_not_cancelled check (remaining_quantity = 0 or cancelled_quantity = 0);

-- What decided the outcome of each batch, so that it can be run again.
create type matching.log_kind as enum ('BATCH', 'PRICE');
comment on type matching.log_kind is
  'a batch of commands, or a price published from outside';
-- What parties had available when a batch read it: base and quote of the symbol.
create type matching.funds as (
  party_ids int[],
  base numeric[],
  quote numeric[]
);
create sequence matching.command_log_no;

create table matching.command_log (
  segment_id int not null,
  symbol_id int not null,
  log_no bigint not null,
  at timestamptz not null,
  kind matching.log_kind not null,
  first_seq bigint not null,
  last_seq bigint not null,
  first_order_no bigint,
  terms_hash bigint,
  commands matching.command[],
  refusals matching.refusal[],
  order_ids bigint[],
  plan matching.phase_plan,
  plans matching.phase_plan[],
  party_ids int[],
  base_funds numeric[],
  quote_funds numeric[],
  source matching.trigger_source,
  price numeric,
  primary key (segment_id, symbol_id, log_no, at)
) partition by range (at);
comment on table matching.command_log is
  'what decided the outcome of each batch: ops.verify_replay runs it again; insert only';
comment on column matching.command_log.log_no is
  'grows within a symbol, because it is given under its lock; not dense';
comment on column matching.command_log.first_seq is 'the number that its first event got, or would';
comment on column matching.command_log.first_order_no is 'the last order number given before it';
comment on column matching.command_log.terms_hash is 'the row of matching.symbol_terms that held';
comment on column matching.command_log.refusals is
  'what was refused before matching, by command; null: nothing was';
comment on column matching.command_log.order_ids is
  'the orders that the commands placed; null where nothing was refused before matching';
comment on column matching.command_log.plan is 'the change of phase that was asked for';
comment on column matching.command_log.plans is
  'how the changes of phase were planned that came, in their order';
comment on column matching.command_log.party_ids is 'whose funds were read';
comment on column matching.command_log.base_funds is 'what they had of the base asset';
comment on column matching.command_log.quote_funds is 'what they had of the quote asset';
create table matching.command_log_default partition of matching.command_log default;

-- The row of a symbol as it was for batches of the log.
create table matching.symbol_terms (
  segment_id int not null,
  symbol_id int not null,
  terms_hash bigint not null,
  since timestamptz not null,
  terms jsonb not null,
  primary key (segment_id, symbol_id, terms_hash)
);
comment on table matching.symbol_terms is
  'the filters, fees and other parameters that a symbol has or had; insert only';
comment on column matching.symbol_terms.terms_hash is
  'of the row of reference.symbols; another one for the same row after a dump and restore';
insert into ops.partition_retention_config (table_name, schema_name, part, ahead)
values ('command_log', 'matching', 'month', 3);
alter type matching.step
  add attribute funds matching.funds,
  add attribute plans matching.phase_plan[],
  add attribute is_replayed boolean,
  add attribute recorded matching.phase_plan[];

--!include api/amendments.sql
--!include api/cancel_after.sql
--!include matching/cancel_command.sql
--!include matching/end_kind.sql
--!include matching/status_of.sql
--!include matching/first_answers.sql
--!include matching/breaks_atomic.sql
--!include matching/is_in_close.sql
--!include reference/phase_steps.sql
--!include reference/next_phase.sql
--!include reference/session_close.sql
--!include matching/date_commands.sql
--!include matching/has_limits.sql
--!include matching/has_special.sql
--!include matching/refuse_command.sql
--!include matching/refuse_lists.sql
--!include matching/refuse_terms.sql
--!include matching/refuse_specials.sql
--!include matching/parse_commands.sql
--!include matching/are_cancels_locked.sql
--!include matching/tick_inside.sql
--!include matching/call_bound.sql
--!include matching/refuse_in_phase.sql
--!include matching/bar_commands.sql
--!include matching/command_rows.sql
--!include matching/terms_hash.sql
--!include matching/wanted_keys.sql
--!include matching/claim_keys.sql
--!include matching/source_terms.sql
--!include matching/prepare_batch.sql
--!include matching/collar_bound.sql
--!include matching/exposure.sql
--!include matching/standing_order.sql
--!include matching/limited_changes.sql
--!include matching/limited_orders.sql
--!include matching/refuse_beyond_limits.sql
--!include matching/roll_back.sql
--!include ledger/sum_changes.sql
--!include ledger/add_changes.sql
--!include matching/padded_closings.sql
--!include matching/add_outcome.sql
--!include matching/order_hold.sql
--!include matching/check_batch.sql
--!include matching/drop_done.sql
--!include matching/best_prices.sql
--!include matching/is_over.sql
--!include matching/best_reach.sql
--!include matching/call_orders.sql
--!include matching/uncrossing.sql
--!include matching/publish_indicative.sql
--!include matching/end_batch.sql
--!include matching/reference_price.sql
--!include matching/band_of.sql
--!include matching/roll_reference.sql
--!include matching/roll_band.sql
--!include matching/first_step.sql
--!include matching/list_orders.sql
--!include matching/end_siblings.sql
--!include matching/release_command.sql
--!include matching/fired_command.sql
--!include matching/stop_level.sql
--!include matching/trail_stops.sql
--!include matching/fire_stops.sql
--!include matching/exit_command.sql
--!include matching/grow_command.sql
--!include matching/exit_commands.sql
--!include matching/final_orders.sql
--!include matching/list_commands.sql
--!include matching/queue_stops.sql
--!include matching/trade_sources.sql
--!include matching/follow_ups.sql
--!include matching/interrupt_reason.sql
--!include matching/watch_state.sql
--!include matching/follow_part.sql
--!include matching/fund_changes.sql
--!include matching/has_consequences.sql
--!include matching/symbol_terms.sql
--!include matching/keep_terms.sql
--!include matching/log_batch.sql
--!include matching/closing_kind.sql
--!include matching/enter_parked.sql
--!include matching/prevented_end.sql
--!include matching/prevented_maker.sql
--!include matching/prevented_taker.sql
--!include matching/party_no.sql
--!include matching/read_book.sql
--!include matching/refuse_cost.sql
--!include matching/refuse_take.sql
--!include matching/rest_end.sql
--!include matching/start_change.sql
--!include matching/match_batch.sql
--!include matching/due_at.sql
--!include matching/next_state.sql
--!include matching/party_funds.sql
--!include matching/sibling_slot.sql
--!include matching/amend_terms.sql
--!include matching/fill_slots.sql
--!include matching/named_orders.sql
--!include matching/read_orders.sql
--!include matching/refuse_time.sql
--!include matching/with_siblings.sql
--!include matching/find_targets.sql
--!include matching/tie_lists.sql
--!include matching/prepare_part.sql
--!include matching/put_before.sql
--!include matching/read_funds.sql
--!include matching/has_parked.sql
--!include matching/record_starts.sql
--!include matching/record_events.sql
--!include matching/record_lists.sql
--!include matching/record_orders.sql
--!include matching/parked_slots.sql
--!include matching/touched_orders.sql
--!include matching/record_parked.sql
--!include matching/record_prevented.sql
--!include matching/record_times.sql
--!include matching/record_trades.sql
--!include matching/update_standing.sql
--!include matching/record_outcome.sql
--!include matching/due_commands.sql
--!include matching/call_fills.sql
--!include matching/ending_orders.sql
--!include matching/record_session_orders.sql
--!include matching/record_session_events.sql
--!include matching/book_rows.sql
--!include matching/session_orders.sql
--!include matching/session_outcome.sql
--!include matching/enter_phase.sql
--!include reference/phase_at.sql
--!include matching/plan_phase.sql
--!include matching/next_plan.sql
--!include matching/phase_state.sql
--!include matching/take_step.sql
--!include matching/run_batch.sql
--!include matching/save_state.sql
--!include matching/execute_batch.sql
--!include matching/standing_orders.sql
--!include matching/cancel_orders.sql
--!include api/cancel_orders.sql
--!include api/close_session.sql
--!include api/create_participant.sql
--!include api/symbols.sql
--!include matching/create_symbol.sql
--!include api/create_symbol.sql
--!include api/events_after.sql
--!include matching/order_rows.sql
--!include matching/explain_refusals.sql
--!include matching/other_answers.sql
--!include matching/prevented_quantity.sql
--!include matching/taker_fills.sql
--!include matching/placed_answers.sql
--!include matching/command_answers.sql
--!include matching/read_commands.sql
--!include api/execute_commands.sql
--!include api/find_participant.sql
--!include api/open_session.sql
--!include api/prevented_matches.sql
--!include api/renew_sessions.sql
--!include reference/set_trade_group.sql
--!include api/set_trade_group.sql
--!include matching/due_symbols.sql
--!include api/status.sql
--!include matching/tried_answers.sql
--!include api/test_commands.sql
--!include matching/symbol_facts.sql
--!include matching/book_digest.sql
--!include matching/calendar_plan.sql
--!include matching/make_changes.sql
--!include matching/move_symbol.sql
--!include matching/set_status.sql
--!include matching/change_status.sql
--!include matching/fire_timers.sql
--!include matching/levels_json.sql
--!include matching/log_price.sql
--!include matching/participant_orders.sql
--!include matching/stop_group.sql
--!include matching/publish_index.sql
--!include matching/take_price.sql
--!include matching/publish_price.sql
--!include matching/set_calendar.sql
--!include matching/set_phase.sql
--!include matching/sweep_symbol.sql
--!include ops/audit_book.sql
--!include ops/audit_orders.sql
--!include ops/audit_parked.sql
--!include ops/audit.sql
--!include ops/symbol_history.sql
--!include ops/compare_replay.sql
--!include reference/create_calendar.sql
--!include ops/create_calendar.sql
--!include ops/create_symbol.sql
--!include ops/create_symbol_group.sql
--!include ops/delist_symbol.sql
--!include ops/halt_symbol.sql
--!include ops/open_replay.sql
--!include reference/get_symbol_group.sql
--!include ops/publish_index.sql
--!include ops/publish_price.sql
--!include ops/replay_batch.sql
--!include ops/replayed_commands.sql
--!include ops/replay_entry.sql
--!include ops/restrict_symbol.sql
--!include ops/resume_symbol.sql
--!include reference/get_calendar.sql
--!include ops/set_calendar.sql
--!include reference/set_calendar_day.sql
--!include ops/set_calendar_day.sql
--!include ops/set_phase.sql
--!include ops/set_symbol_group.sql
--!include ops/set_trade_group.sql
--!include ops/v_holds.sql
--!include ops/verify_replay.sql
--!include reference/is_business_day.sql
--!include reference/add_business_days.sql
