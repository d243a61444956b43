-- What is for continuous trading only begins no call.
drop function if exists matching.rest_end(
  numeric, boolean, boolean, boolean, boolean, reference.band_action
);

-- Lists whose exits wait for the money that their entry's trades bring.
alter table matching.order_lists add column if not exists funds_tried numeric;
comment on column matching.order_lists.funds_tried is
  'what there was when it did not do for the exits; -Infinity: not tried since; null: none waits';
create index if not exists order_lists_funds_tried_idx on matching.order_lists
  (segment_id, symbol_id)
  where funds_tried is not null;

--!include matching/amend_terms.sql
--!include matching/band_wall.sql
--!include matching/bar_commands.sql
--!include matching/bar_filled.sql
--!include matching/parse_commands.sql
--!include matching/execute_batch.sql
--!include matching/cancel_orders.sql
--!include matching/symbol_terms.sql
--!include matching/create_symbol.sql
--!include matching/funded_lists.sql
--!include matching/due_symbols.sql
--!include matching/record_tries.sql
--!include matching/execute_due.sql
--!include matching/exit_command.sql
--!include matching/exposure.sql
--!include matching/fire_stops.sql
--!include matching/first_answers.sql
--!include matching/roll_band.sql
--!include matching/first_step.sql
--!include matching/list_commands.sql
--!include matching/follow_ups.sql
--!include matching/has_waiting_exits.sql
--!include matching/limited_changes.sql
--!include matching/limited_orders.sql
--!include matching/rest_end.sql
--!include matching/start_change.sql
--!include matching/match_batch.sql
--!include matching/prepare_part.sql
--!include matching/record_shortage.sql
--!include matching/record_outcome.sql
--!include matching/refuse_terms.sql
--!include matching/set_status.sql
--!include matching/sweep_symbol.sql
--!include matching/watch_state.sql
--!include matching/take_step.sql
