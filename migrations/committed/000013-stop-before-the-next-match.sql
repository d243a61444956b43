--! Previous: sha1:1e3514b034528aeda12652b1714b68fa3b65e73d
--! Hash: sha1:28dcbab8ba87c514339922fda8f4abd799b1abd7
--! Message: Stop before the next match

drop function matching.due_commands(reference.symbols, matching.symbol_state, timestamptz);

--! Included clearing/gaps_of.sql
-- Which accounts cannot pay what these parts take from them, and how much is missing, in the asset:
-- what is given and not held for it, less what comes, over what is available. Reads only.
create or replace function clearing.gaps_of(
  p_segment_id int,
  p_parts settlement.part[]
) returns table (
  participant_id int,
  asset_id int,
  gap numeric
)
language sql stable
set enable_bitmapscan = off  -- accounts by their greatest version: ledger.find_account
set enable_sort = off
as $$
  select c.participant_id, c.asset_id, -g.available
  from unnest(settlement.part_changes(p_parts)) as c
  left join lateral ledger.find_account(p_segment_id, c.participant_id, c.asset_id) as a
    on true
  cross join lateral (
    select coalesce(a.posted - a.held, 0) + c.posted - c.held as available
  ) as g
  where g.available < 0
    and not coalesce(a.may_be_negative, false)
  order by c.participant_id, c.asset_id
$$;
comment on function clearing.gaps_of is 'which accounts cannot pay these parts, and how much';
--! EndIncluded clearing/gaps_of.sql
--! Included clearing/funding_gaps.sql
-- Which accounts cannot pay what a window that is not settled leaves them to pay, and how much is
-- missing, in the asset. Reads only.
create or replace function clearing.funding_gaps(
  p_segment_id int,
  p_window_id bigint
) returns table (
  participant_id int,
  asset_id int,
  gap numeric
)
language sql stable
as $$
  select g.participant_id, g.asset_id, g.gap
  from clearing.gaps_of(
    p_segment_id, clearing.window_parts(p_segment_id, p_window_id)
  ) as g
$$;
comment on function clearing.funding_gaps is 'which accounts cannot pay their net, and how much';
--! EndIncluded clearing/funding_gaps.sql
--! Included reference/day_start.sql
-- The moment when a date begins by a calendar; by UTC without one. Reads only.
create or replace function reference.day_start(
  p_calendar_id int,
  p_on date
) returns timestamptz
language sql stable
as $$
  select p_on::timestamp at time zone coalesce(
    (select c.time_zone from reference.calendars as c where c.calendar_id = p_calendar_id), 'UTC'
  )
$$;
comment on function reference.day_start is 'the moment when a date begins by a calendar';
--! EndIncluded reference/day_start.sql
--! Included clearing/instruct.sql
-- Takes in a settlement instruction that no trade of the venue made: a trade done elsewhere, or a
-- delivery free of payment. Nothing is held for it: it settles when both sides can pay, from its
-- value date on [SET-006]. Both sides have agreed: it is matched.
-- Takes the symbol, whose assets move, the quantity in base, the amount in quote (0: free of
-- payment), the value date (null: that of a trade made now) and a priority of 1 to 4.
-- Returns its id. Writes: settlement.waiting_instructions, events.
-- Raises: NFSYM, NFPAR; IVAMT for an amount that is not a multiple of its unit, IVPAR for one that
-- would deliver to itself, IVPRI.
create or replace function clearing.instruct(
  p_symbol reference.symbols,
  p_seller_id int,
  p_buyer_id int,
  p_quantity numeric,
  p_notional numeric,
  p_value_date date,
  p_priority int,
  p_now timestamptz
) returns bigint
language plpgsql volatile
as $$
declare
  v_id bigint := nextval('settlement.instruction_ids');
  v_value record := clearing.value_date(p_symbol, p_now);
  v_due_at timestamptz := v_value.due_at;
begin
  perform clearing.refuse_terms(p_symbol, p_seller_id, p_buyer_id, p_quantity, p_notional);
  if (p_priority between 1 and 4) is not true then
    raise exception 'a priority is 1 to 4, not %', p_priority
      using errcode = 'IVPRI', hint = 'BAD_PRIORITY', column = 'priority';
  end if;
  if p_value_date is not null then
    -- Not so many times 24 hours: clocks may change between.
    v_due_at := reference.day_start(
      coalesce(p_symbol.settlement_calendar_id, p_symbol.calendar_id), p_value_date
    );
  end if;

  insert into settlement.waiting_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, created_at, reason, next_attempt_at,
    due_at, is_prefunded, is_conditional, priority, netting_set
  )
  values (
    p_symbol.segment_id, v_id, p_symbol.symbol_id, p_buyer_id, p_seller_id, p_symbol.base_asset_id,
    p_symbol.quote_asset_id, p_quantity, p_notional, 0, 0,
    coalesce(p_value_date, v_value.value_date), p_now,
    case when v_due_at > p_now then 'FUTURE_DATE'::settlement.pending_reason
      when p_symbol.netting_set is null then 'LACK_ASSET' else 'NETTING' end,
    greatest(v_due_at, p_now), v_due_at, false, p_symbol.netting_set is null,
    p_priority, p_symbol.netting_set
  );
  insert into settlement.instruction_events (segment_id, instruction_id, at, kind)
  values (p_symbol.segment_id, v_id, p_now, 'INSTRUCTED');
  return v_id;
end;
$$;
comment on function clearing.instruct is
  'takes in a settlement instruction that no trade of the venue made';
--! EndIncluded clearing/instruct.sql
--! Included clearing/lock_window.sql
-- Makes a closed window payable: locks the accounts of all that it moves, and leaves out, one at a
-- time in their order, participants that cannot pay their net, until all others can [CLR-006].
-- Who is left out needs the next window, and whoever trades locks that before accounts: when it
-- turns out to be needed, the accounts are let go, and locked again behind it.
-- Locks: where somebody is short the next window; the accounts in key order. Writes:
-- settlement.waiting_instructions, events, clearing.windows.
-- Raises: NVACC when one cannot pay what is held for it: a broken invariant.
create or replace function clearing.lock_window(
  p_window clearing.windows,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_accounts record;
  v_next_id bigint;
  v_short_id int;
begin
  select
    array_agg(c.participant_id order by c.participant_id, c.asset_id) as participant_ids,
    array_agg(c.asset_id order by c.participant_id, c.asset_id) as asset_ids
  into v_accounts
  from unnest(settlement.part_changes(
    clearing.window_parts(p_window.segment_id, p_window.window_id)
  )) as c;

  loop
    begin
      perform ledger.lock_accounts(
        p_window.segment_id, v_accounts.participant_ids, v_accounts.asset_ids
      );
      loop
        select g.participant_id into v_short_id
        from clearing.funding_gaps(p_window.segment_id, p_window.window_id) as g
        order by g.participant_id
        limit 1;
        if v_short_id is null then
          return;
        elsif v_next_id is null then
          raise exception 'the next window is needed'
            using errcode = 'LKWIN', hint = 'NEXT_WINDOW';
        elsif clearing.leave_out(p_window, v_short_id, p_now) = 0 then
          raise exception 'participant % cannot pay what is held for it', v_short_id
            using errcode = 'NVACC';
        end if;
      end loop;
    exception when sqlstate 'LKWIN' then
      v_next_id := clearing.open_window(p_window.segment_id, p_window.netting_set, p_now);
    end;
  end loop;
end;
$$;
comment on function clearing.lock_window is 'leaves out of a window who cannot pay';
--! EndIncluded clearing/lock_window.sql
--! Included clearing/obligations.sql
-- Who owes what to whom, of all trades, settled or not: each trade has exactly four, two of
-- delivery and two of payment [CLR-003]. What a participant gives is negative, what it gets
-- positive; each trade's sum to zero in each asset. Fees are not among them: see instructions. Nor
-- is what no trade left: what was instructed, and what gives back what a busted trade had moved.
create or replace view clearing.obligations as
select
  i.segment_id,
  i.instruction_id as trade_id,
  o.kind,
  o.participant_id,
  o.counterparty_id,
  o.asset_id,
  o.amount,
  i.value_date,
  i.status,
  i.symbol_id
from settlement.instructions as i
cross join lateral (
  values
    ('DELIVERY', i.seller_id, i.buyer_id, i.base_asset_id, -i.quantity::numeric),
    ('DELIVERY', i.buyer_id, i.seller_id, i.base_asset_id, i.quantity::numeric),
    ('PAYMENT', i.buyer_id, i.seller_id, i.quote_asset_id, -i.notional::numeric),
    ('PAYMENT', i.seller_id, i.buyer_id, i.quote_asset_id, i.notional::numeric)
) as o (kind, participant_id, counterparty_id, asset_id, amount)
where i.instruction_id > 1000000000000;  -- a trade's: symbol id x 10^12 + its seq
comment on view clearing.obligations is 'who owes what to whom: four a trade';
--! EndIncluded clearing/obligations.sql
--! Included clearing/would_fail.sql
-- Who would be left out of a window that is not settled, if it settled now: as clearing.lock_window
-- does it, one at a time, because who counts on the money of one that is left out may be short
-- itself then [CLR-006]. Returns what each lacks when its turn comes, by account, in the asset.
-- Reads only: who could not go, as all of it is prefunded, stands there, too.
create or replace function clearing.would_fail(
  p_segment_id int,
  p_window_id bigint
) returns table (
  participant_id int,
  asset_id int,
  gap numeric
)
language plpgsql stable
as $$
declare
  v_parts settlement.part[] := clearing.window_parts(p_segment_id, p_window_id);
  v_out_ids int[] := '{}';
  v_short_id int;
begin
  loop
    select min(g.participant_id) into v_short_id
    from clearing.gaps_of(p_segment_id, v_parts) as g
    where g.participant_id <> all (v_out_ids);
    exit when v_short_id is null;

    return query
    select g.participant_id, g.asset_id, g.gap
    from clearing.gaps_of(p_segment_id, v_parts) as g
    where g.participant_id = v_short_id;

    v_out_ids := v_out_ids || v_short_id;
    v_parts := array(
      select p
      from unnest(v_parts) as p
      where p.is_prefunded
        or v_short_id not in (p.buyer_id, p.seller_id)
    );
  end loop;
end;
$$;
comment on function clearing.would_fail is 'who would be left out of a window, and what is missing';
--! EndIncluded clearing/would_fail.sql
--! Included matching/bar_commands.sql
-- Says of each command why the time or the phase of the symbol bars it: a deadline that has passed,
-- an expiry that is not in the future, or what matching.refuse_in_phase says. Such an order has
-- reached the matcher, and is kept as a rejected one. [MAT-054], [MAT-070]. Whether an amendment
-- asks for a price or quantity other than the order's is for matching.amend_terms.
--
-- A market order for a call becomes a limit order at the bound of the symbol's protection about the
-- last price, on a tick; without one it is refused [MAT-086]. Outside of continuous trading a stop
-- order whose price is met is refused where it would fire at once, and an exit waits; one that
-- fired before waits on.
-- Reads nothing; returns the batch.
create or replace function matching.bar_commands(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch
) returns matching.batch
language plpgsql immutable
as $$
declare
  v_asked matching.asked[] := p_batch.asked;
  v_is_locked boolean := matching.are_cancels_locked(p_symbol, p_state, p_now);
  v_command matching.command;
  v_no int := 0;
begin
  foreach v_command in array p_commands loop
    v_no := v_no + 1;
    -- What the venue itself does is barred by nothing, but a release by the phase.
    continue when v_command.end_reason <> 'USER'
      or v_command.op = 'AMEND' and v_command.end_reason is not null;
    v_asked[v_no].bar := case
      when v_command.op = 'RELEASE' then null
      when v_command.op <> 'CANCEL' and v_command.time_in_force is distinct from 'DAY'
        and v_command.expire_at <= p_now then 'EXPIRE_AT'::matching.refusal
      when v_command.deadline <= p_now then 'EXPIRED_REQUEST'
    end;
    v_asked[v_no].bar := coalesce(v_asked[v_no].bar, matching.refuse_in_phase(
      p_symbol, p_state.phase, p_state.phase_next, v_is_locked, v_command.op, v_command.type,
      v_command.time_in_force,
      num_nulls(v_command.expire_at, v_command.time_in_force) = 2
    ));
    if v_command.op = 'RELEASE' and p_state.phase <> 'CONTINUOUS'
      and v_command.type not in ('LIMIT', 'MARKET') and not v_asked[v_no].is_stop then
      p_batch.refusals[v_no] := 'CALL_PHASE';
    elsif v_asked[v_no].is_stop and p_state.phase <> 'CONTINUOUS' then
      v_asked[v_no].waits := v_command.op = 'RELEASE';
      v_asked[v_no].fires_at_once := false;
    elsif v_asked[v_no].is_stop and v_command.op = 'PLACE' then
      v_asked[v_no].fires_at_once := coalesce(v_command.trigger_immediately, false);
    elsif v_command.type = 'MARKET' and v_command.time_in_force in ('OPG', 'CLS') then
      p_batch.sort_prices[v_no] := case when v_asked[v_no].bar is null then
        matching.call_bound(p_symbol, v_command.side, p_state.last_price) end;
      v_asked[v_no].is_market := p_batch.sort_prices[v_no] is null;
      v_asked[v_no].rests := true;
      v_asked[v_no].probes := false;
      if v_asked[v_no].is_market then
        v_asked[v_no].bar := coalesce(v_asked[v_no].bar, 'NO_LIQUIDITY');
      end if;
    end if;
  end loop;
  p_batch.asked := v_asked;
  return p_batch;
end;
$$;
comment on function matching.bar_commands is
  'says of each command why the time or the phase of the symbol bars it';
--! EndIncluded matching/bar_commands.sql
--! Included matching/due_commands.sql
-- What is due at a symbol at a moment: the expiry of orders whose time has come [MAT-048], then the
-- orders that were accepted by then and not matched yet, in the order of their acceptance
-- [MAT-055]; in a call they rest. While the symbol is not active, or where
-- p_waits, these stay.
-- Reads only. Under the lock of the symbol.
create or replace function matching.due_commands(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_at timestamptz,
  p_waits boolean
) returns matching.command[]
language plpgsql volatile
as $$
declare
  v_in_close boolean := matching.is_in_close(p_symbol, p_state);
  v_due matching.command[] := '{}';
begin
  if p_state.next_due_at <= p_at then
    select coalesce(array_agg(
      matching.cancel_command(d.order_id, case o.time_in_force
        when 'DAY' then 'DAY'::matching.end_reason else 'GTD' end)
      order by d.expire_at, d.order_id
    ), '{}')
    into v_due
    from (
      select b.order_id, b.created_at, b.expire_at
      from matching.book as b
      where b.segment_id = p_symbol.segment_id
        and b.symbol_id = p_symbol.symbol_id
        and b.expire_at <= p_at
        and matching.is_over(b.expire_at, b.session_rule, v_in_close, p_at)
      union all
      select k.order_id, k.created_at, k.expire_at
      from matching.parked_orders as k
      where k.segment_id = p_symbol.segment_id
        and k.symbol_id = p_symbol.symbol_id
        and k.expire_at <= p_at
        and matching.is_over(k.expire_at, k.time_in_force, v_in_close, p_at)
    ) as d
    join matching.orders as o
      on o.segment_id = p_symbol.segment_id
      and o.order_id = d.order_id
      and o.created_at = d.created_at;
  end if;

  if p_state.pending_count > 0 and p_symbol.status = 'ACTIVE' and not p_waits then
    v_due := v_due || array(
      select matching.release_command(k, p.client_id, abs(k.sort_price), k.quantity)
      from matching.parked_orders as k
      join reference.participants as p
        on p.participant_id = k.participant_id
      where k.segment_id = p_symbol.segment_id
        and k.symbol_id = p_symbol.symbol_id
        and k.pending_reason = 'MATCH'
        and k.created_at <= p_at
        and not matching.is_over(k.expire_at, k.time_in_force, v_in_close, p_at)
      order by k.entry_seq
    );
  end if;
  return v_due;
end;
$$;
comment on function matching.due_commands is 'what is due at a symbol at a moment';
--! EndIncluded matching/due_commands.sql
--! Included matching/wait_for_symbol.sql
-- Waits in line for a symbol and gives commands back as they are by then: a deadline that passed
-- meanwhile has passed at p_now [MAT-054]. The time of a batch was taken before it came into the
-- line and does not tell how long that took, so this one function looks at the clock. Who does not
-- have to wait has not waited, however slow the machine is. The deadline itself is what is moved,
-- so that the command log keeps what decided, and a replay needs no clock.
-- Locks: advisory (1, symbol_id), as matching.lock_symbol does behind it. Writes nothing.
create or replace function matching.wait_for_symbol(
  p_symbol_id int,
  p_now timestamptz,
  p_commands matching.command[]
) returns matching.command[]
language plpgsql volatile
as $$
declare
  c_lock_space constant int := 1;
  v_commands matching.command[] := p_commands;
  v_since timestamptz;
  v_late_at timestamptz;
begin
  if not exists (select from unnest(p_commands) as c where c.deadline > p_now)
    or pg_try_advisory_xact_lock(c_lock_space, p_symbol_id) then
    return p_commands;
  end if;

  v_since := clock_timestamp();
  perform pg_advisory_xact_lock(c_lock_space, p_symbol_id);
  v_late_at := p_now + (clock_timestamp() - v_since);
  for v_no in 1..cardinality(p_commands) loop
    if v_commands[v_no].deadline <= v_late_at then
      v_commands[v_no].deadline := least(v_commands[v_no].deadline, p_now);
    end if;
  end loop;
  return v_commands;
end;
$$;
comment on function matching.wait_for_symbol is
  'waits for a symbol and lets the deadlines pass that have passed by then';
--! EndIncluded matching/wait_for_symbol.sql
--! Included matching/execute_batch.sql
-- Executes the commands of one symbol in their order, in one transaction: what passes the filters
-- is matched under the lock of the symbol, and orders, holds, trades, instructions and events are
-- written together or not at all [MAT-003]. Without commands it does what is due.
--
-- Funds are read without a lock, and the accounts are changed last, so that their locks are held
-- for the commit only, and symbols with the same traders run side by side. When that shows that
-- somebody spent elsewhere meanwhile, what was written is undone, the accounts are locked first,
-- and the batch computed once more.
-- Takes quantities in base, prices in quote per base. An atomic batch is taken whole or not at
-- all.
-- Locks, in this order: the symbol; keys; accounts by (participant, asset).
-- Raises: STISO when not READ COMMITTED; NVFND when funds are short although they are locked; NVBAT
-- when the batch broke an invariant: a rule of a table, or what matching.check_batch looks at.
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
  v_done matching.executed;
  v_now timestamptz;
  v_limits boolean;
  v_rule text;
  v_row text;
begin
  select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = p_symbol_id;
  v_batch := matching.parse_commands(v_symbol, p_commands);
  v_limits := matching.has_limits(v_symbol, p_commands);
  if v_limits then
    v_batch := matching.refuse_beyond_limits(v_symbol, p_now, p_commands, v_batch);
  end if;
  if array_position(v_batch.refusals, null) is null and p_commands <> '{}' then
    v_done.outcome.refusals := v_batch.refusals;
    v_done.batch := v_batch;
    v_done.executed_at := p_now;
    return v_done;
  end if;

  if v_batch.is_special then
    p_commands := matching.wait_for_symbol(p_symbol_id, p_now, p_commands);
  end if;
  v_state := matching.lock_symbol(v_symbol.segment_id, p_symbol_id);
  select s.* into strict v_symbol from reference.symbols as s where s.symbol_id = p_symbol_id;
  v_now := greatest(p_now, v_state.last_at);
  if v_limits then
    v_batch := matching.refuse_beyond_limits(v_symbol, v_now, p_commands, v_batch);
  end if;
  v_batch := matching.prepare_batch(v_symbol, v_state, v_now, p_commands, v_batch);
  -- Behind the keys: a repeat asks for the same, whatever day it is by then.
  if v_batch.is_special then
    p_commands := matching.date_commands(v_symbol, v_state, v_now, p_commands);
  end if;

  for v_try in 1..2 loop
    begin
      v_done := matching.run_batch(v_symbol, v_state, v_now, p_commands, v_batch);
      if p_atomic and matching.breaks_atomic(
        v_symbol.segment_id, v_batch, (v_done.outcome).refusals
      ) then
        raise exception 'a command of an atomic batch is refused' using errcode = 'RJATM';
      end if;
      exit when v_done.changes is null
        or ledger.change_accounts(v_symbol.segment_id, v_done.changes);
      raise exception 'funds are short although they are locked' using errcode = 'NVFND';
    exception
      when sqlstate 'RJATM' then
        return matching.roll_back(v_symbol, v_batch, v_done.outcome, v_now);
      when sqlstate 'NVFND' then
        if v_try = 2 then
          raise;
        end if;
        -- What was written and locked has gone with the block; these are taken in their order.
        perform matching.lock_funds(v_symbol, v_batch.owner_ids);
      when check_violation then
        get stacked diagnostics v_rule = constraint_name, v_row = pg_exception_detail;
        raise exception 'a batch of % breaks the rule %', v_symbol.symbol, v_rule
          using errcode = 'NVBAT', detail = v_row;
    end;
  end loop;

  perform matching.save_state(v_done.state);
  return v_done;
end;
$$;
comment on function matching.execute_batch is
  'executes commands of one symbol in their order, in one transaction';
--! EndIncluded matching/execute_batch.sql
--! Included matching/log_batch.sql
-- Keeps what decided the outcome of a batch, so that it can be run again [MAT-091]: its commands
-- with what was refused before matching, what its parties had, what the symbol was like, the change
-- of phase that was asked for, and how those that came were planned, since calendars change and
-- ends are drawn. What the venue did of its own follows from these and is not kept, nor is a batch
-- without an event.
-- Commands are kept as they are: as jsonb without nulls, 2,000 of them take 95 ms and not 6, and as
-- much room, 11 bytes each. Their type cannot change under them: PostgreSQL lets attributes be
-- added to a type in use, and none altered.
-- Processor time of a batch with it by that without, in turn in one run on PostgreSQL 18: 1.03 for
-- one order, 1.04 for 32, 1.01 for 2,000; the runs of the same lie as far apart.
-- Takes the state from before the batch, its last step, and the state behind it.
-- Writes: matching.command_log, matching.symbol_terms. Under the lock of the symbol.
create or replace function matching.log_batch(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_commands matching.command[],
  p_batch matching.batch,
  p_plan matching.phase_plan,
  p_step matching.step,
  p_after matching.symbol_state
) returns void
language plpgsql volatile
as $$
declare
  v_refused boolean := array_remove(p_batch.refusals, null) <> '{}';
begin
  if p_after.last_seq = p_state.last_seq or p_step.is_replayed then
    return;
  end if;

  insert into matching.command_log (
    segment_id, symbol_id, log_no, at, kind, first_seq, last_seq, first_order_no, terms_hash,
    commands, refusals, order_ids, plan, plans, party_ids, base_funds, quote_funds
  )
  values (
    p_symbol.segment_id, p_symbol.symbol_id, nextval('matching.command_log_no'), p_now, 'BATCH',
    p_state.last_seq + 1, p_after.last_seq, p_state.last_order_no,
    matching.keep_terms(p_symbol, p_now), p_commands,
    case when v_refused then p_batch.refusals end, case when v_refused then p_batch.order_ids end,
    case when num_nonnulls(p_plan.phase, p_plan.reason) > 0 then p_plan end,
    case when p_step.plans <> '{}' then p_step.plans end, (p_step.funds).party_ids,
    (p_step.funds).base, (p_step.funds).quote
  );
end;
$$;
comment on function matching.log_batch is 'keeps what decided the outcome of a batch';
--! EndIncluded matching/log_batch.sql
--! Included matching/move_symbol.sql
-- Does what is due at a symbol, then takes it into the phase of a plan, if one is given, with all
-- that follows. A plan with a reason but no phase says that the symbol is to be active no more:
-- what was accepted for later stays. Takes the state as it is under the lock.
-- Returns what was done: the state behind it, which is written, and the changes of accounts, which
-- are for the caller to make, last. Writes: all else that a batch writes.
create or replace function matching.move_symbol(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_now timestamptz,
  p_plan matching.phase_plan
) returns matching.executed
language plpgsql volatile
as $$
declare
  v_batch matching.batch := matching.parse_commands(p_symbol, '{}');
  v_done matching.executed;
begin
  v_batch.order_ids := '{}';
  v_done := matching.run_batch(p_symbol, p_state, p_now, '{}', v_batch, p_plan);
  perform matching.save_state(v_done.state);
  return v_done;
end;
$$;
comment on function matching.move_symbol is
  'does what is due at a symbol, then takes it into the phase of a plan';
--! EndIncluded matching/move_symbol.sql
--! Included matching/refuse_command.sql
-- Why a command must be refused by the symbol's filters, or null: the first that holds, in the
-- order of matching.refusal. Needs no lock and reads nothing: what it refuses leaves no trace
-- [MAT-010]. What only some orders say is for matching.refuse_terms.
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
    when p_type = 'MARKET' and p_time_in_force not in ('IOC', 'FOK', 'OPG', 'CLS')
      or p_type not in ('LIMIT', 'MARKET') and p_time_in_force in ('OPG', 'CLS', 'GFA', 'GTX')
      then 'TIME_IN_FORCE'::matching.refusal
    when p_type in ('LIMIT', 'STOP_LIMIT', 'TAKE_PROFIT_LIMIT') and p_price is null
      then 'PRICE_MISSING'
    when p_type in ('MARKET', 'STOP', 'TAKE_PROFIT', 'TRAILING_STOP') and p_price is not null
      then 'PRICE_NOT_ALLOWED'
    when p_price <= 0 or p_price % p_symbol.tick_size <> 0 then 'PRICE_TICK'
    when p_quantity <= 0 or p_quantity % p_symbol.lot_size <> 0 then 'LOT_SIZE'
    when p_quantity < p_symbol.min_quantity then 'MIN_QUANTITY'
    when p_quantity > p_symbol.max_quantity then 'MAX_QUANTITY'
    when p_price * p_quantity < p_symbol.min_notional then 'MIN_NOTIONAL'
    when p_price * p_quantity > p_symbol.max_notional then 'MAX_NOTIONAL'
  end
$$;
comment on function matching.refuse_command is
  'why the filters of a symbol refuse a command, or null';
--! EndIncluded matching/refuse_command.sql
--! Included matching/set_status.sql
-- Sets the status of a symbol, so that it holds from the next batch on, and tells it in a PHASE
-- event. While it is not active no phase changes; when it becomes active again it goes where its
-- calendar says, or into a call of p_auction first. Delisted, it closes for good and all its orders
-- end [MAT-084].
-- Takes the symbol and its state as they are under the lock. Returns the changes of accounts, for
-- the caller to make. Writes: reference.symbols and all else that a batch writes.
-- Raises: STACT when the symbol is delisted.
create or replace function matching.set_status(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_status reference.symbol_status_enum,
  p_reason text,
  p_at timestamptz,
  p_auction interval default null
) returns ledger.account_change[]
language plpgsql volatile
as $$
declare
  v_symbol reference.symbols;
  v_due matching.executed;
  v_state matching.symbol_state;
  v_plan matching.phase_plan;
begin
  if p_symbol.status = 'DELISTED' then
    raise exception '% is delisted', p_symbol.symbol
      using errcode = 'STACT', hint = 'SYMBOL_NOT_ACTIVE', column = 'symbol';
  end if;

  -- A plan without a phase: nothing trades any more that has not by its own time.
  v_due := matching.move_symbol(p_symbol, p_state, p_at, case when p_status <> 'ACTIVE' then
    row(null, p_status, null, null, null, 0)::matching.phase_plan end);
  v_state := v_due.state;
  if v_state.last_seq = p_state.last_seq then
    v_state.last_at := p_state.last_at;  -- what left no trace is not run again either
  end if;
  update reference.symbols as s
  set status = p_status,
    status_reason = p_reason
  where s.symbol_id = p_symbol.symbol_id
  returning s.* into v_symbol;

  v_plan := case
    when p_status = 'DELISTED' then
      row('CLOSED', 'DELISTED', null, 'infinity', 'infinity', 0)::matching.phase_plan
    when p_status = 'ACTIVE' and p_auction is not null then
      matching.plan_phase(v_symbol, 'CALL', p_at, 'RESUMED', p_at + p_auction)
    when p_status = 'ACTIVE' and p_symbol.status <> 'ACTIVE' then
      matching.calendar_plan(v_symbol, v_state, p_at, 'RESUMED')
    else row(
      v_state.phase, case p_status when 'MAINTENANCE' then 'CANCEL_ONLY' else p_status::text end,
      v_state.phase_next, v_state.phase_end_at, v_state.phase_until, v_state.extension_count
    )::matching.phase_plan end;
  if p_status = 'ACTIVE' and (p_auction is not null or p_symbol.calendar_id is null) then
    v_state.phase_until := 'infinity';  -- what passed while it was not active: the plan says it
  end if;
  v_state.next_due_at := matching.due_at(v_symbol, v_state);
  return ledger.add_changes(
    v_due.changes, (matching.move_symbol(v_symbol, v_state, p_at, v_plan)).changes
  );
end;
$$;
comment on function matching.set_status is 'sets the status of a symbol under its lock';
--! EndIncluded matching/set_status.sql
--! Included matching/take_step.sql
-- The next step of a symbol's time up to p_now: what is due before its phase ends, or that change
-- of phase, each at its own time [MAT-075]; or, when nothing is due any more, the change that is
-- asked for. With a reason in the step instead: the interruption of continuous trading [MAT-082].
-- What was accepted for later waits where the plan stops the symbol, and until one that is resumed
-- is where it goes [MAT-084].
-- Takes the step before, with what is to follow already: a change of phase drops the stop orders
-- that fired; they wait.
-- Writes: all that matching.enter_phase does. Under the lock of the symbol.
create or replace function matching.take_step(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_step matching.step
) returns matching.step
language plpgsql volatile
as $$
declare
  v_step matching.step := p_step;
  v_state matching.symbol_state := p_step.state;
  v_is_over boolean := p_symbol.status = 'ACTIVE' and v_state.phase_until <= p_now;
  v_plan matching.phase_plan := p_step.plan;
  v_waits boolean := v_plan.phase is null and v_plan.reason is not null
    or coalesce(v_plan.reason = 'RESUMED', false);
  v_outcome matching.outcome;
begin
  v_step.changes := null;
  if p_step.reason is not null then
    v_plan := matching.plan_phase(
      p_symbol, 'CALL', v_step.at, p_step.reason, v_step.at + p_symbol.band_auction_time
    );
  else
    v_step.at := case when v_is_over then greatest(v_state.phase_until, v_state.last_at)
      else p_now end;
    if p_symbol.band_rate is not null or v_state.band_low is not null then
      v_state := matching.roll_band(p_symbol, v_state, v_step.at, null);
      v_step.state := v_state;
    end if;
    v_step.queue.commands := matching.due_commands(
      p_symbol, v_state, v_step.at, v_waits
    );
    v_step.is_more := v_is_over or v_plan.phase is not null;
    if (v_step.queue).commands <> '{}' then
      return v_step;
    elsif not v_step.is_more then
      v_step.state.next_due_at := matching.due_at(p_symbol, v_state);
      return v_step;
    elsif v_is_over then
      v_plan := matching.next_plan(p_symbol, v_state, v_step.at);
    else
      v_step.plan := null;
    end if;
  end if;

  -- When the batch is run again, what the calendar said and what was drawn [MAT-091].
  v_plan := coalesce(v_step.recorded[1 + cardinality(v_step.plans)], v_plan);
  v_step.plans := v_step.plans || v_plan;
  v_outcome := matching.enter_phase(p_symbol, v_state, v_step.at, v_plan);
  v_state := matching.phase_state(p_symbol, v_state, v_step.at, v_plan, v_outcome);
  perform matching.check_batch(p_symbol, v_state, v_outcome);
  v_step.reason := null;
  v_step.changes := matching.fund_changes(p_symbol, v_outcome);
  v_step.queue.stops := '{}';
  v_step.queue.is_over := false;
  v_step.queue := matching.follow_ups(
    p_symbol, v_state, v_step.at, v_outcome, v_step.queue
  );
  v_step.state := case when v_outcome.fills is null then v_state
    else matching.watch_state(p_symbol, v_state) end;
  if p_symbol.status = 'DELISTED' then
    v_step.queue.commands := array(
      select matching.cancel_command(k.order_id, 'DELISTED')
      from matching.parked_orders as k
      where k.segment_id = p_symbol.segment_id
        and k.symbol_id = p_symbol.symbol_id
      order by k.entry_seq
    );
  elsif p_step.reason is null then
    v_step.queue.commands := (v_step.queue).commands
      || matching.due_commands(p_symbol, v_state, v_step.at, v_waits);
  end if;
  v_step.is_more := true;
  return v_step;
end;
$$;
comment on function matching.take_step is 'the next step of a symbol''s time';
--! EndIncluded matching/take_step.sql
--! Included ops/preview_netting.sql
-- What a window would settle now: each net, what is available for it besides what is held, what is
-- missing, and whether its owner would be left out for it; also when that is only so because
-- another is left out who was to pay it. Changes nothing. Amounts in the asset.
create or replace function ops.preview_netting(
  p_window_id bigint,
  p_segment_id int default 1
) returns table (
  client_id text,
  asset text,
  net numeric,
  available numeric,
  gap numeric,
  fails boolean
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    p.client_id, s.asset, trim_scale(sum(n.amount)),
    trim_scale(coalesce(max(a.posted - a.held), 0)), trim_scale(coalesce(max(g.gap), 0)),
    max(g.gap) is not null
  from clearing.window_nets(p_segment_id, p_window_id) as n
  join reference.participants as p
    on p.participant_id = n.participant_id
  join reference.assets as s
    on s.asset_id = n.asset_id
  left join ledger.accounts as a
    on a.segment_id = p_segment_id
    and a.participant_id = n.participant_id
    and a.asset_id = n.asset_id
  left join clearing.would_fail(p_segment_id, p_window_id) as g
    on g.participant_id = n.participant_id
    and g.asset_id = n.asset_id
  group by p.client_id, s.asset
  order by p.client_id, s.asset
$$;
comment on function ops.preview_netting is
  'preview_netting(window): nets, what is missing for them, and who would fail; changes nothing';
revoke execute on function ops.preview_netting from public;
grant execute on function ops.preview_netting to pgsettle_operator, pgsettle_auditor;
--! EndIncluded ops/preview_netting.sql
--! Included settlement/choose_units.sql
-- Chooses which units settle with what is available, and says what is available then [SET-009].
-- First each in its order that can be paid: always the first of those that can, so when one brings
-- what an earlier one lacked, that comes before all behind it [SET-006]. Then the largest set of
-- the rest that pays for itself: all of them together, and while an account would be short, its
-- last unit that takes from it is left out. Computes only.
-- Takes how many units there are, their moves in the order of units, and what each account has
-- available.
create or replace function settlement.choose_units(
  p_count int,
  p_moves settlement.unit_move[],
  inout p_available numeric[],
  out chosen boolean[]
)
language plpgsql immutable
as $$
declare
  v_from int[];
  v_to int[];
  v_set boolean[];
  v_sums numeric[];
  v_short boolean[];  -- accounts of which an earlier unit lacked something
  v_fits boolean;
  v_progress boolean;
  v_again boolean;
begin
  chosen := array_fill(false, array[p_count]);
  select
    array_agg(coalesce(f.first_n, 1) order by u.n), array_agg(coalesce(f.last_n, 0) order by u.n)
  into v_from, v_to
  from generate_series(1, p_count) as u (n)
  left join (
    select m.unit_no, min(m.n), max(m.n)
    from unnest(p_moves) with ordinality as m (unit_no, account_no, amount, n)
    group by m.unit_no
  ) as f (unit_no, first_n, last_n)
    on f.unit_no = u.n;

  loop
    loop
      v_progress := false;
      v_again := false;
      v_short := '{}';
      for i in 1..p_count loop
        continue when chosen[i];
        v_fits := true;
        for k in v_from[i]..v_to[i] loop
          if p_moves[k].amount < 0
            and p_available[p_moves[k].account_no] + p_moves[k].amount < 0 then
            v_fits := false;
            v_short[p_moves[k].account_no] := true;
          end if;
        end loop;
        continue when not v_fits;
        chosen[i] := true;
        v_progress := true;
        for k in v_from[i]..v_to[i] loop
          p_available[p_moves[k].account_no] :=
            p_available[p_moves[k].account_no] + p_moves[k].amount;
          v_again := v_again
            or p_moves[k].amount > 0 and v_short[p_moves[k].account_no] is true;
        end loop;
        exit when v_again;
      end loop;
      exit when not v_progress;
    end loop;

    select r.chosen, r.available into v_set, v_sums
    from settlement.choose_together(p_moves, p_available, chosen) as r;
    exit when not true = any (v_set);
    p_available := v_sums;
    chosen := array(select c or s from unnest(chosen, v_set) as x (c, s));
  end loop;
end;
$$;
comment on function settlement.choose_units is 'chooses which units settle with what is available';
--! EndIncluded settlement/choose_units.sql
--! Included settlement/fee_of_part.sql
-- What a part is charged of a fee: its share, rounded half up, and no more than is left of the fee,
-- so that many small parts do not come to more than all of it; the same of a rebate, which is below
-- zero [SET-007]. Takes the fee, what of it is settled, the share, and the decimals of its asset.
create or replace function settlement.fee_of_part(
  p_fee numeric,
  p_settled_fee numeric,
  p_share numeric,
  p_decimals int
) returns numeric -- in the quote asset
language sql immutable parallel safe
as $$
  select case when p_fee < 0
    then greatest(round(p_share, p_decimals), p_fee - p_settled_fee)
    else least(round(p_share, p_decimals), p_fee - p_settled_fee) end
$$;
comment on function settlement.fee_of_part is 'what a part is charged of a fee';
--! EndIncluded settlement/fee_of_part.sql
--! Included settlement/link_instructions.sql
-- Links two instructions that are not final: AFTER settles the first once the other has settled,
-- WITH settles both in one journal or neither [SET-008].
-- One link at a time: of two that would close a ring of four between them neither locks what the
-- other does, nor sees its link.
-- Locks: advisory (7, segment); both rows, in the order of their ids.
-- Writes: settlement.links, waiting_instructions.
-- Raises: NFINS, STINS; STLNK when the link would make one wait for itself, or is to itself.
create or replace function settlement.link_instructions(
  p_segment_id int,
  p_instruction_id bigint,
  p_link settlement.link_kind,
  p_other_id bigint,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  c_lock_space constant int := 7;
begin
  perform pg_advisory_xact_lock(c_lock_space, p_segment_id);
  perform settlement.find_waiting(p_segment_id, least(p_instruction_id, p_other_id), p_now);
  perform settlement.find_waiting(p_segment_id, greatest(p_instruction_id, p_other_id), p_now);

  if p_instruction_id = p_other_id or exists (
    with recursive needed as (
      select p_other_id as id, p_link = 'AFTER' as is_after
      union
      select l.other_id, n.is_after or l.link = 'AFTER'
      from needed as n
      join settlement.links as l
        on l.segment_id = p_segment_id
        and l.instruction_id = n.id
    )
    select from needed as n where n.id = p_instruction_id and n.is_after
  ) or p_link = 'WITH' and exists (
    with recursive needed as (
      select p_instruction_id as id, false as is_after
      union
      select l.other_id, n.is_after or l.link = 'AFTER'
      from needed as n
      join settlement.links as l
        on l.segment_id = p_segment_id
        and l.instruction_id = n.id
    )
    select from needed as n where n.id = p_other_id and n.is_after
  ) then
    raise exception 'instruction % would wait for itself', p_instruction_id
      using errcode = 'STLNK', hint = 'LINK_CYCLE';
  end if;

  insert into settlement.links (segment_id, instruction_id, link, other_id)
  select p_segment_id, v.id, p_link, v.other_id
  from (
    values (p_instruction_id, p_other_id, true), (p_other_id, p_instruction_id, p_link = 'WITH')
  ) as v (id, other_id, stands)
  where v.stands
  on conflict (segment_id, instruction_id, other_id) do update set link = excluded.link;

  insert into settlement.instruction_events (segment_id, instruction_id, at, kind, detail)
  values (p_segment_id, p_instruction_id, p_now, 'LINKED', p_link || ' ' || p_other_id);
end;
$$;
comment on function settlement.link_instructions is 'links two instructions: AFTER or WITH';
--! EndIncluded settlement/link_instructions.sql
--! Included settlement/linked_groups.sql
-- Claimed instructions in the groups that settle together: linked WITH each other, directly or by
-- others; each by itself where it is linked with none [SET-008]. In the order in which they settle:
-- priority, value date, id. Reads only.
create or replace function settlement.linked_groups(
  p_segment_id int,
  p_instruction_ids bigint[]
) returns table (
  instruction_ids bigint[]
)
language sql stable
as $$
  with recursive reached as (
    select c.id as root_id, c.id
    from unnest(p_instruction_ids) as c (id)
    union
    select r.root_id, l.other_id
    from reached as r
    join settlement.links as l
      on l.segment_id = p_segment_id
      and l.instruction_id = r.id
      and l.link = 'WITH'
  ), grouped as (
    select r.root_id as instruction_id, min(r.id) as group_id
    from reached as r
    group by r.root_id
  )
  select array_agg(i.instruction_id order by i.instruction_id)
  from grouped as g
  join settlement.waiting_instructions as i
    on i.segment_id = p_segment_id
    and i.instruction_id = g.instruction_id
  group by g.group_id
  order by min(array[i.priority, i.value_date - date '2000-01-01', i.instruction_id])
$$;
comment on function settlement.linked_groups is
  'claimed instructions in the groups that settle together';
--! EndIncluded settlement/linked_groups.sql
--! Included settlement/part_of.sql
-- So much of what is left of a waiting instruction: the cash and the fees in proportion, rounded
-- half up to the unit of the quote asset, and never more than is left of them; the last part takes
-- what is left [SET-007].
-- Takes the quantity, in base, at most what is left, and the decimals of the quote asset.
create or replace function settlement.part_of(
  p_instruction settlement.waiting_instructions,
  p_quantity numeric,
  p_decimals int
) returns settlement.part
language sql immutable parallel safe
as $$
  select row(
    i.instruction_id, i.symbol_id, i.buyer_id, i.seller_id, i.base_asset_id, i.quote_asset_id,
    p_quantity,
    case when l.is_last then i.notional - i.settled_notional else least(
      round(i.notional * p_quantity / i.quantity, p_decimals), i.notional - i.settled_notional
    ) end,
    case when l.is_last then i.buyer_fee - i.settled_buyer_fee
      else settlement.fee_of_part(i.buyer_fee, i.settled_buyer_fee,
        i.buyer_fee * p_quantity / i.quantity, p_decimals) end,
    case when l.is_last then i.seller_fee - i.settled_seller_fee
      else settlement.fee_of_part(i.seller_fee, i.settled_seller_fee,
        i.seller_fee * p_quantity / i.quantity, p_decimals) end,
    i.is_prefunded, l.is_last
  )::settlement.part
  from (select (p_instruction).*) as i
  cross join lateral (select p_quantity >= i.quantity - i.settled_quantity as is_last) as l
$$;
comment on function settlement.part_of is 'so much of what is left of a waiting instruction';
--! EndIncluded settlement/part_of.sql
--! Included settlement/note_reasons.sql
-- Writes what considered instructions that are left wait for, and until when. Who lacks money or
-- assets waits for them to come to the account [SET-006]; the accounts are locked, so that nothing
-- can come unseen; what late parts brought came after all was decided, and has come already: who
-- lacks nothing any more is looked at again, in the next pass.
-- Writes: settlement.waiting_instructions, events, ledger.waits.
create or replace function settlement.note_reasons(
  p_segment_id int,
  p_now timestamptz,
  p_candidates settlement.candidate[],
  p_late settlement.part[]
) returns void
language plpgsql volatile
as $$
begin
  with needs as materialized (
    select n.* from settlement.unit_needs(p_candidates) as n
  ), judged as (
    select
      i.instruction_id, i.reason as old_reason, c.next_attempt_at,
      coalesce(c.reason, settlement.unmet_reason(i, p_now), case
        when settlement.lacks(p_segment_id, i.seller_id, i.base_asset_id,
          coalesce(b.amount, r.quantity)) then 'LACK_ASSET'::settlement.pending_reason
        when settlement.lacks(p_segment_id, i.buyer_id, i.quote_asset_id,
          coalesce(q.amount, r.notional + r.buyer_fee)) then 'LACK_CASH'
        when r.buyer_fee + r.seller_fee < 0 and settlement.lacks(p_segment_id,
          reference.house_id(), i.quote_asset_id, -r.buyer_fee - r.seller_fee) then 'LACK_CASH'
        end) as reason,
      case when count(*) over (partition by c.unit_no) = 1 then 'LACK_ASSET'
        else 'LINKED' end::settlement.pending_reason as past_reason
    from unnest(p_candidates) as c
    join settlement.waiting_instructions as i
      on i.segment_id = p_segment_id
      and i.instruction_id = c.instruction_id
    join reference.symbols as s
      on s.symbol_id = i.symbol_id
    cross join lateral settlement.part_of(
      i, least(i.buyer_released, i.seller_released, i.quantity) - i.settled_quantity,
      s.quote_decimals
    ) as r
    left join needs as b
      on (b.unit_no, b.participant_id, b.asset_id) = (c.unit_no, i.seller_id, i.base_asset_id)
    left join needs as q
      on (q.unit_no, q.participant_id, q.asset_id) = (c.unit_no, i.buyer_id, i.quote_asset_id)
  ), changed as (
    update settlement.waiting_instructions as i
    set reason = coalesce(j.reason, j.past_reason),
      problem = null,
      next_attempt_at = case when j.reason is null and cardinality(p_late) > 0 then p_now
        else coalesce(j.next_attempt_at, 'infinity') end
    from judged as j
    where i.segment_id = p_segment_id
      and i.instruction_id = j.instruction_id
    returning i.*
  ), told as (
    insert into settlement.instruction_events (segment_id, instruction_id, at, kind, reason)
    select p_segment_id, j.instruction_id, p_now, 'WAITS', coalesce(j.reason, j.past_reason)
    from judged as j
    where coalesce(j.reason, j.past_reason) <> j.old_reason
  )
  insert into ledger.waits (segment_id, participant_id, asset_id, waiter_id, has_come)
  select p_segment_id, a.participant_id, a.asset_id, c.instruction_id, exists (
    select
    from unnest(settlement.part_changes(p_late)) as l
    where l.participant_id = a.participant_id
      and l.asset_id = a.asset_id
      and l.posted > l.held
  )
  from changed as c
  cross join lateral (
    values
      (c.seller_id, c.base_asset_id), (c.buyer_id, c.quote_asset_id),
      (case when c.buyer_fee + c.seller_fee < 0 then reference.house_id() end, c.quote_asset_id)
  ) as a (participant_id, asset_id)
  where c.reason in ('LACK_ASSET', 'LACK_CASH')
    and a.participant_id is not null
  on conflict do nothing;
end;
$$;
comment on function settlement.note_reasons is 'writes what considered instructions wait for';
--! EndIncluded settlement/note_reasons.sql
--! Included settlement/put_aside.sql
-- Puts a claimed instruction aside after an error: it waits longer after each attempt
-- (settlement.retry_delay), and after the last one it is FAILED, without a next attempt, until an
-- operator retries it [SET-003]. What comes to an account meanwhile does not call it earlier.
-- Writes: settlement.waiting_instructions, pending_instructions, ledger.waits.
create or replace function settlement.put_aside(
  p_segment_id int,
  p_now timestamptz,
  p_instruction_id bigint,
  p_problem text
) returns void
language plpgsql volatile
as $$
declare
  c_max_attempts constant int := 8;
begin
  perform settlement.make_wait(p_segment_id, array[p_instruction_id], 'SYSTEM');

  update settlement.waiting_instructions as i
  set attempts = i.attempts + 1,
    reason = 'SYSTEM',
    problem = left(p_problem, 500),
    status = case when i.attempts + 1 >= c_max_attempts then 'FAILED' else i.status end,
    next_attempt_at = case when i.attempts + 1 >= c_max_attempts then 'infinity'
      else p_now + settlement.retry_delay(i.attempts + 1, i.instruction_id) end
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id;
  delete from ledger.waits as w
  where w.segment_id = p_segment_id
    and w.waiter_id = p_instruction_id;
end;
$$;
comment on function settlement.put_aside is
  'records a failed attempt at an instruction and when to try next';
--! EndIncluded settlement/put_aside.sql
--! Included settlement/record_parts.sql
-- Writes what became of instructions of which a part, or the last, was settled.
-- Writes: settlement.waiting_instructions, settled_instructions.
create or replace function settlement.record_parts(
  p_segment_id int,
  p_now timestamptz,
  p_journal_id bigint,
  p_parts settlement.part[]
) returns void
language plpgsql volatile
as $$
begin
  update settlement.waiting_instructions as i
  set settled_quantity = i.settled_quantity + p.quantity,
    settled_notional = i.settled_notional + p.notional,
    settled_buyer_fee = i.settled_buyer_fee + p.buyer_fee,
    settled_seller_fee = i.settled_seller_fee + p.seller_fee,
    status = 'PARTIALLY_SETTLED'
  from unnest(p_parts) as p
  where i.segment_id = p_segment_id
    and i.instruction_id = p.instruction_id
    and not p.is_last;

  with gone as (
    delete from settlement.waiting_instructions as i
    using unnest(p_parts) as p
    where i.segment_id = p_segment_id
      and i.instruction_id = p.instruction_id
      and p.is_last
    returning i.*
  )
  insert into settlement.settled_instructions
  select
    g.segment_id, g.instruction_id, g.symbol_id, g.buyer_id, g.seller_id, g.base_asset_id,
    g.quote_asset_id, g.quantity, g.notional, g.buyer_fee, g.seller_fee, g.value_date,
    g.attempts + 1, g.created_at, p_now, p_journal_id
  from gone as g;
end;
$$;
comment on function settlement.record_parts is
  'writes what became of instructions of which a part was settled';
--! EndIncluded settlement/record_parts.sql
--! Included settlement/wake_linked.sql
-- Calls those that waited for instructions of which the last part was settled now [SET-008]; after
-- what each waits for was written, because they may have been considered in the same pass.
-- Writes: settlement.waiting_instructions.
create or replace function settlement.wake_linked(
  p_segment_id int,
  p_now timestamptz,
  p_parts settlement.part[]
) returns void
language sql volatile
as $$
  update settlement.waiting_instructions as i
  set next_attempt_at = p_now
  from settlement.links as l, unnest(p_parts) as p
  where l.segment_id = p_segment_id
    and l.other_id = p.instruction_id
    and p.is_last
    and i.segment_id = l.segment_id
    and i.instruction_id = l.instruction_id
    and i.reason = 'LINKED'
    and i.status <> 'FAILED'
$$;
comment on function settlement.wake_linked is 'calls those that waited for what was settled now';
--! EndIncluded settlement/wake_linked.sql
--! Included settlement/settle_conditional.sql
-- Settles what can be settled of claimed instructions with conditions, as one journal, and writes
-- what the others wait for [SET-006]. Returns how many settled, in whole or in part.
-- Locks: the accounts of all of them in key order, last the segment's counter. Writes: all of the
-- settlement, ledger.waits.
create or replace function settlement.settle_conditional(
  p_segment_id int,
  p_now timestamptz,
  p_instruction_ids bigint[]
) returns int
language plpgsql volatile
as $$
declare
  v_candidates settlement.candidate[] :=
    settlement.judge_conditions(p_segment_id, p_now, p_instruction_ids);
  v_moves record := settlement.candidate_moves(v_candidates);
  v_available numeric[] := ledger.lock_accounts(
    p_segment_id, v_moves.participant_ids, v_moves.asset_ids
  );
  v_units record;
  v_parts settlement.part[];
  v_late settlement.part[];
  v_journal_id bigint;
begin
  delete from ledger.waits as w
  using unnest(p_instruction_ids) as c (id)
  where w.segment_id = p_segment_id
    and w.waiter_id = c.id;

  v_units := settlement.choose_units(
    (select coalesce(max(c.unit_no), 0) from unnest(v_candidates) as c),
    coalesce(v_moves.moves, '{}'), v_available
  );
  v_late := settlement.choose_parts(
    p_segment_id, v_candidates, v_units.chosen, v_moves.participant_ids, v_moves.asset_ids,
    v_units.p_available
  );
  v_parts := array(
    select c.part
    from unnest(v_candidates) as c
    where c.reason is null
      and v_units.chosen[c.unit_no]
  ) || v_late;
  if cardinality(v_parts) > 0 then
    v_journal_id := nextval('ledger.journal_ids');
    perform settlement.post_parts(p_segment_id, p_now, v_journal_id, v_parts);
  end if;
  perform settlement.note_reasons(p_segment_id, p_now, v_candidates, v_late);
  perform settlement.wake_linked(p_segment_id, p_now, v_parts);
  if cardinality(v_parts) > 0 then
    perform ledger.post_journal(
      p_segment_id, v_journal_id, settlement.journal_kind(p_segment_id, v_parts), p_now,
      array(select p.instruction_id from unnest(v_parts) as p),
      ledger.posted_lines(p_segment_id, v_journal_id, p_now)
    );
  end if;
  return cardinality(v_parts);
end;
$$;
comment on function settlement.settle_conditional is
  'settles what can be settled of instructions with conditions';
--! EndIncluded settlement/settle_conditional.sql
--! Included settlement/settle_apart.sql
-- Settles claimed instructions with conditions of which one cannot be posted: group by group, each
-- with those that it is linked WITH, so that a group that cannot be posted shows; it is put aside
-- with its reason, and what it did is undone [SET-003]. Then the others together once more, for
-- those that settle only so [SET-009]; where that fails, they wait as they were found alone.
-- Returns how many settled, in whole or in part, and how many were put aside.
-- Locks and writes: as settlement.settle_conditional.
create or replace function settlement.settle_apart(
  p_segment_id int,
  p_now timestamptz,
  p_instruction_ids bigint[],
  out settled int,
  out put_aside int
)
language plpgsql volatile
as $$
declare
  v_group bigint[];
  v_others bigint[] := '{}';
begin
  settled := 0;
  put_aside := 0;
  for v_group in
    select g.instruction_ids
    from settlement.linked_groups(p_segment_id, p_instruction_ids) as g
  loop
    begin
      settled := settled + settlement.settle_conditional(p_segment_id, p_now, v_group);
      v_others := v_others || v_group;
    exception when integrity_constraint_violation or data_exception or raise_exception
      or sqlstate 'NVACC' then
      perform settlement.put_aside(p_segment_id, p_now, g.id, sqlstate || ' ' || sqlerrm)
      from unnest(v_group) as g (id);
      put_aside := put_aside + cardinality(v_group);
    end;
  end loop;

  begin
    settled := settled + settlement.settle_conditional(p_segment_id, p_now, array(
      select i.instruction_id
      from settlement.waiting_instructions as i
      where i.segment_id = p_segment_id
        and i.instruction_id = any (v_others)
    ));
  exception when integrity_constraint_violation or data_exception or raise_exception
    or sqlstate 'NVACC' then
    null;
  end;
end;
$$;
comment on function settlement.settle_apart is
  'settles instructions with conditions of which one cannot be posted';
--! EndIncluded settlement/settle_apart.sql
--! Included settlement/settle_waiting.sql
-- One pass over the instructions with conditions, one transaction: claims those that something may
-- have changed for, and settles what can be settled of them. When one cannot be posted, it is put
-- aside with its reason, and the others settle all the same [SET-003].
-- Returns how many were considered, how many settled in whole or in part, and how many were put
-- aside. Nothing is considered while another does so.
-- Locks: advisory (4, segment), the claimed rows, accounts in key order, last the segment's
-- counter. Raises: STISO when the transaction is not READ COMMITTED.
create or replace function settlement.settle_waiting(
  p_segment_id int,
  p_now timestamptz,
  p_limit int,
  out claimed int,
  out settled int,
  out put_aside int
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids bigint[];
  v_done record;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'settle_waiting needs READ COMMITTED' using errcode = 'STISO';
  end if;

  v_ids := settlement.claim_conditional(p_segment_id, p_now, p_limit);
  claimed := cardinality(v_ids);
  settled := 0;
  put_aside := 0;
  if claimed = 0 then
    return;
  end if;

  begin
    settled := settlement.settle_conditional(p_segment_id, p_now, v_ids);
  exception when integrity_constraint_violation or data_exception or raise_exception
    or sqlstate 'NVACC' then
    v_done := settlement.settle_apart(p_segment_id, p_now, v_ids);
    settled := v_done.settled;
    put_aside := v_done.put_aside;
  end;
end;
$$;
comment on function settlement.settle_waiting is
  'one pass over the instructions with conditions: what can be settled of them';
revoke execute on function settlement.settle_waiting from public;
grant execute on function settlement.settle_waiting to pgsettle_worker;
--! EndIncluded settlement/settle_waiting.sql
