-- An amendment is judged at its turn: it says for how long the order is to be good, and gives the
-- order as it is then.
alter type matching.asked add attribute time_in_force matching.time_in_force_enum,
  add attribute expire_at timestamptz;
alter type matching.started drop attribute quantity, drop attribute end_reason,
  add attribute slot matching.slot;

drop function matching.start_change(
  matching.asked, matching.slot, numeric, numeric, numeric, boolean
);
drop function matching.refuse_time(
  reference.symbols, bigint, matching.time_in_force_enum, matching.time_in_force_enum, timestamptz
);
drop function matching.named_orders(matching.command[], matching.batch);
-- The first answer is given again to the byte, also when its order is good for another time since.
alter table matching.orders add column first_time_in_force matching.time_in_force_enum,
  add column first_expire_at timestamptz;
comment on column matching.orders.first_time_in_force is
  'what it was placed with, where an amendment changed how long it is good';
comment on column matching.orders.first_expire_at is
  'what it was placed with, where an amendment changed how long it is good';

-- Lists whose exits wait for the money that their entry's trades bring.
alter table matching.order_lists add column if not exists funds_tried numeric;
comment on column matching.order_lists.funds_tried is
  'what there was when it did not do for the exits; -Infinity: not tried since; null: none waits';
create index if not exists order_lists_funds_tried_idx on matching.order_lists
  (segment_id, symbol_id)
  where funds_tried is not null;

--!include matching/refuse_time.sql
--!include matching/amend_terms.sql
--!include matching/bar_filled.sql
--!include matching/cancel_orders.sql
--!include matching/symbol_terms.sql
--!include matching/create_symbol.sql
--!include matching/funded_lists.sql
--!include matching/due_symbols.sql
--!include matching/enter_parked.sql
--!include matching/record_tries.sql
--!include matching/execute_due.sql
--!include matching/exit_command.sql
--!include matching/exposure.sql
--!include matching/fill_slots.sql
--!include matching/named_orders.sql
--!include matching/find_targets.sql
--!include matching/fire_stops.sql
--!include matching/first_answers.sql
--!include matching/has_waiting_exits.sql
--!include matching/limited_amendments.sql
--!include matching/limited_changes.sql
--!include matching/limited_orders.sql
--!include matching/list_commands.sql
--!include matching/refuse_cost.sql
--!include matching/refuse_amendment.sql
--!include matching/start_change.sql
--!include matching/match_batch.sql
--!include matching/parse_commands.sql
--!include matching/placed_answers.sql
--!include matching/prepare_part.sql
--!include matching/record_events.sql
--!include matching/record_shortage.sql
--!include matching/record_times.sql
--!include matching/record_outcome.sql
--!include matching/refuse_beyond_limits.sql
--!include matching/release_command.sql
--!include matching/roll_back.sql
--!include matching/sweep_symbol.sql
