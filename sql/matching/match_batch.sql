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
