-- Matches a batch of commands in their order, by price, then time, and writes nothing: it reads the
-- book and computes what happens, so that a batch can be computed again when the funds it was
-- computed with have changed [MAT-001].
--
-- A slot is an order in memory: first one for each command (a placed order, one released from where
-- it was parked, or an amended one that lost its place), then the orders that commands name, two
-- empty ones, then makers as they are read. sort_price makes both sides alike: the price of an ask,
-- the negative price of a bid; smaller is better, and an order reaches makers up to its own
-- negative one. A side's queue is the book, read in chunks, merged with a heap of what came to
-- rest, was named or was shown anew in this batch. Who leaves a queue stays with nothing left, and
-- is passed.
--
-- It stops early, and says after how many commands, when what follows from a command must come
-- before the next one: a trade that may fire a stop order, an order of a list that was touched, a
-- price band that was reached, trades that may have brought somebody to the next tier of fees; not
-- between the orders of a list, which come together.
-- Takes the symbol and its state, the batch, and what each party has in base and quote.
-- Returns the closing event of each command, the fills, and the slots as they end.
-- Call it under the lock of the symbol. Reads only.
-- Keeps [MAT-040] time in force, [MAT-041] fill or kill, [MAT-042] self-trade prevention, [MAT-043]
-- market protection, [MAT-044] amend, [MAT-045] post-only, [MAT-046] icebergs, [MAT-047] quote
-- quantities, [MAT-030] holds, [LED-002], [LED-044] fees, [LED-042] tiers, [LED-043] caps.
create or replace function matching.match_batch(
  p_symbol reference.symbols,
  p_state matching.symbol_state,
  p_batch matching.batch,
  p_base_funds numeric[],
  p_quote_funds numeric[]
) returns matching.outcome
language plpgsql volatile
as $$
declare
  c_one constant numeric := reference.units_in_one(p_symbol.quote_decimals);
  c_unit constant numeric := reference.asset_unit(p_symbol.quote_decimals);
  c_rate constant numeric := greatest(p_symbol.taker_rate, p_symbol.maker_rate, 0);
  c_count constant int := cardinality(p_batch.asked); c_lot constant numeric := p_symbol.lot_size;
  -- The batch, taken apart: an element of a field of a record costs a copy of it.
  b_asked matching.asked[] := p_batch.asked;  b_refusal matching.refusal[] := p_batch.refusals;
  b_target int[] := p_batch.targets;
  v_base numeric[] := p_base_funds;           v_quote numeric[] := p_quote_funds;
  -- The slots: what the queues are ordered by, what is left, all else. Where an amended order went
  -- on, by where it was first, and back; the slot read next, where it is not the next number.
  s_key numeric[] := p_batch.sort_prices;     s_place bigint[] := p_batch.priority_nos;
  s_left numeric[] := p_batch.remaining;      s_slot matching.slot[] := p_batch.slots;
  s_moved int[]; s_first int[]; s_next int[]; v_top int := cardinality(s_slot);
  -- The queues, 1 the asks, 2 the bids. Of the book: last slot passed, last one read, its place, is
  -- there more. The heaps: node k of side x is h_slot[2 * k + x]; who is to leave, to come back.
  q_passed int[] := array[v_top - 1, v_top]; q_read int[] := q_passed; q_place bigint[] := '{0,0}';
  q_more boolean[] := '{t,t}'; h_slot int[] := '{0}'; h_count int[] := '{0,0}'; v_skip int := 0;
  v_push int[] := p_batch.standing; v_pushes int := cardinality(v_push); v_back int[] := '{}';
  -- What comes of it.
  v_closings matching.closing[] := '{null}'; v_fills matching.fill[]; v_fill int := 0;
  v_prevented matching.prevented_match[]; v_linked boolean := false; v_breached boolean := false;
  v_above numeric := p_state.fires_above; v_below numeric := p_state.fires_below;
  v_last numeric := p_state.last_price; v_seq bigint := p_state.last_seq; v_done int := c_count;
  -- The command at hand, its order and the maker.
  v_c matching.asked; v_t matching.slot; v_o matching.slot; v_s matching.started;
  v_refusal matching.refusal; v_kind matching.event_kind; v_chunk matching.chunk; v_shared numeric;
  v_buy boolean; v_probe boolean; v_self boolean; v_key numeric; v_reach numeric; v_wall numeric;
  v_left numeric; v_had numeric; v_q numeric; v_m numeric; v_cost numeric; v_due numeric;
  v_fee numeric; v_taker_due numeric; v_hold numeric; v_freed numeric; v_sum numeric := 0;
  v_spent numeric; v_rest numeric := 0; v_level numeric; v_budget numeric; v_from_seq bigint;
  v_first numeric; v_party int; v_was int; v_book int; v_heap int; v_at int; v_own numeric := 0;
  v_rate numeric; v_taker numeric; v_until numeric := 'Infinity'; v_pair numeric[];
  v_cut boolean := false; t int; m int; p int; x int; y int; k int; n int; lo int;
begin
  for i in 1..c_count loop
    continue when b_refusal[i] is not null;
    -- 1. What is asked for: t is the slot, v_left its quantity, v_hold what it must hold at most.
    t := i; v_c := b_asked[i]; v_t := s_slot[i]; v_refusal := v_c.bar; v_kind := null; v_freed := 0;
    v_wall := null; v_first := null; v_from_seq := null; v_buy := v_c.is_buy; v_key := s_key[i];
    v_left := v_c.quantity; v_budget := v_c.quote_quantity; v_spent := 0; v_shared := 0;
    if v_c.op <> 'PLACE' then
      v_was := coalesce(s_moved[b_target[i]], b_target[i]); v_t := s_slot[v_was];
      v_s := matching.start_change(p_symbol, v_c, v_t, s_key[v_was], s_left[v_was], v_key,
        v_was > i and v_was <= c_count); v_buy := v_s.is_buy;
      b_refusal[i] := v_s.refusal; continue when v_s.refusal is not null; v_t := v_s.slot;
      v_freed := v_t.hold; v_kind := v_s.kind; v_key := v_s.sort_price; v_left := v_s.remaining;
    end if;
    if v_c.pending is not null then
      v_c := matching.enter_parked(p_symbol, v_c, v_key, v_last); b_asked[i] := v_c;
      v_refusal := coalesce(v_refusal, v_c.refusal); v_key := v_c.parked_price; s_key[i] := v_key;
    end if;
    v_party := v_t.party_no; v_fee := v_t.fee; v_reach := -v_key;  -- null for a market order yet
    v_rate := coalesce((v_t.charge).hold_rate, c_rate);
    v_taker := coalesce((v_t.charge).taker_rate, p_symbol.taker_rate);
    v_hold := case when v_c.pending = 'PARENT' or v_kind = 'AMENDED' and v_t.pending = 'PARENT'
      then 0 else coalesce(matching.order_hold(v_buy, v_reach, v_left, v_t.fee_exact, v_fee, v_rate,
      c_one, c_unit), case when v_buy then v_budget end, 0) end;
    if v_c.sibling > 0 then p := coalesce(s_moved[v_c.sibling], v_c.sibling);
      v_pair := matching.pair_holds(p_symbol, v_buy, v_hold, v_c.pending is not null
        or v_t.pending is not null, v_t.quantity, s_slot[p], s_key[p], s_left[p]);
      v_hold := v_pair[1]; v_shared := v_pair[2]; end if;
    if (case when v_c.op = 'PLACE' and v_c.sibling is null then v_hold else v_hold - v_freed
      - v_shared end) > (case when v_buy then v_quote[v_party] else v_base[v_party] end) then
      v_refusal := coalesce(v_refusal, 'INSUFFICIENT_FUNDS'); end if;
    if v_c.op <> 'PLACE' then
      b_refusal[i] := v_refusal; continue when v_refusal is not null and v_c.op <> 'RELEASE';
      v_seq := v_seq + 1; v_from_seq := v_seq; t := case when v_kind is null then i else v_was end;
      s_key[t] := v_key; end if;
    if v_c.pending is not null and v_refusal is null then v_seq := v_seq + 1; v_kind := 'PARKED';
      v_above := least(v_above, v_c.fires_above); v_below := greatest(v_below, v_c.fires_below);
    end if;
    if v_budget is not null then v_left := 'Infinity'; end if; v_had := v_left;

    -- 2. Take, best first. Who must know first what it gets or costs walks twice: looks, trades.
    x := case when v_buy then 1 else 2 end; v_probe := v_c.probes; v_self := false; v_cost := null;
    while p_state.phase = 'CONTINUOUS' and v_refusal is null and v_t.end_reason is null
      and v_kind is null loop v_at := q_passed[x];
      while v_left > v_sum or v_skip > 0 loop  -- who is shown anew goes back at once
        while v_pushes > 0 loop
          m := v_push[v_pushes]; v_pushes := v_pushes - 1;
          y := case when s_key[m] < 0 then 2 else 1 end; k := h_count[y] + 1; h_count[y] := k;
          while k > 1 loop
            n := h_slot[k / 2 * 2 + y]; exit when (s_key[n], s_place[n]) < (s_key[m], s_place[m]);
            h_slot[2 * k + y] := n; k := k / 2;
          end loop;
          h_slot[2 * k + y] := m;
        end loop;
        loop  -- the best of the book
          v_book := null; if v_at = q_read[x] then exit when not q_more[x];
            k := least(512, greatest(16, v_top / 8));  -- more, the more was needed so far
            v_chunk := matching.read_book(p_symbol, v_buy, s_key[v_at], q_place[x], k, p_batch);
            q_more[x] := cardinality(v_chunk.slots) = k; exit when cardinality(v_chunk.slots) = 0;
            s_key := s_key || v_chunk.sort_prices;     s_place := s_place || v_chunk.priority_nos;
            s_left := s_left || v_chunk.remaining;     s_slot := s_slot || v_chunk.slots;
            s_next[v_at] := v_top + 1; v_top := cardinality(s_slot); q_read[x] := v_top;
            q_place[x] := s_place[v_top]; end if;
          v_book := coalesce(s_next[v_at], v_at + 1);
          exit when s_left[v_book] > 0; v_at := v_book; end loop;
        loop  -- the best of the heap
          n := h_count[x]; v_heap := case when n > 0 then h_slot[2 + x] end;
          exit when n = 0 or s_left[v_heap] > 0 and v_heap <> abs(v_skip);
          if v_heap = v_skip then v_pushes := v_pushes + 1; v_push[v_pushes] := v_heap; v_skip := 0;
          elsif v_heap = -v_skip then v_back := v_back || v_heap; v_skip := 0; end if;
          y := h_slot[2 * n + x]; n := n - 1; h_count[x] := n; k := 1;
          loop
            lo := 2 * k; exit when lo > n;
            p := h_slot[2 * lo + x]; m := h_slot[2 * lo + 2 + x];
            if lo < n and (s_key[m], s_place[m]) < (s_key[p], s_place[p]) then
              p := m; lo := lo + 1; end if;
            exit when (s_key[y], s_place[y]) < (s_key[p], s_place[p]);
            h_slot[2 * k + x] := p; k := lo;
          end loop;
          h_slot[2 * k + x] := y;
        end loop;
        continue when v_pushes > 0;
        m := case when (s_key[v_heap], s_place[v_heap]) < (s_key[v_book], s_place[v_book])
          then v_heap else coalesce(v_book, v_heap) end;
        if v_probe and v_rest > 0 and s_key[m] is distinct from v_level then  -- what it hid
          v_q := least(v_left - v_sum, v_rest, div(v_budget, v_cost * c_lot) * c_lot);
          if v_q < v_rest then v_left := v_sum + v_q; end if; v_budget := v_budget - v_q * v_cost;
          v_spent := v_spent + abs(v_level) * least(v_q, v_rest - v_own); v_rest := 0; v_own := 0;
          v_sum := v_sum + v_q; continue; end if;
        exit when m is null; v_key := s_key[m];
        if v_wall is null then
          v_reach := coalesce(v_reach, v_key + greatest(abs(v_key) * p_symbol.protection_rate,
            p_symbol.protection_ticks * p_symbol.tick_size));
          v_wall := matching.band_wall(v_buy, v_c.is_post_only, v_key, v_reach, p_state);
        end if;
        exit when v_key > v_wall;
        if v_c.is_post_only then
          v_refusal := matching.refuse_take(v_c.is_sliding, v_buy, v_key, p_symbol.tick_size);
          if v_refusal is null then s_key[t] := p_symbol.tick_size - v_key; end if; exit; end if;
        v_o := s_slot[m]; v_self := v_c.stp <> 'NONE'
          and (v_o.owner_id = v_t.owner_id or coalesce(v_o.owner_id = any (v_c.mate_ids), false));
        v_q := least(v_left - v_sum, s_left[m], v_o.visible);
        if v_probe then
          v_cost := abs(v_key) * case when v_buy then 1 + v_taker else 1 end;
          exit when v_self and v_c.stp <> 'CANCEL_MAKER' and (v_c.kills or v_c.stp <> 'DECREMENT');
          if v_self and v_c.stp = 'CANCEL_MAKER' then v_q := 0;
          else
            v_m := v_q; v_q := least(v_q, div(v_budget, v_cost * c_lot) * c_lot);
            if v_q < v_m then v_left := v_sum + v_q; end if; v_budget := v_budget - v_q * v_cost;
            v_m := s_left[m] - least(s_left[m], v_o.visible); v_rest := v_rest + v_m;
            if v_self then v_own := v_own + v_m; end if;  -- of what is hidden, this is not paid for
          end if;
          v_sum := v_sum + v_q; if not v_self then v_spent := v_spent + abs(v_key) * v_q; end if;
          v_level := v_key; if m = v_book then v_at := m; else v_skip := -m; end if; continue;
        end if;
        v_m := v_q;
        if v_self then v_cost := 0; v_m := matching.prevented_maker(v_c.stp, v_q, s_left[m]);
          v_q := matching.prevented_taker(v_c.stp, v_q, v_left);
        else v_last := abs(v_key); v_cost := v_last * v_q; v_spent := v_spent + v_cost; end if;
        v_left := v_left - v_q; v_hold := s_left[m] - v_m; s_left[m] := v_hold; v_seq := v_seq + 1;
        if v_o.visible > v_m then v_o.visible := v_o.visible - v_m;
        elsif v_o.visible <= v_m then  -- shown anew, behind all others of its price
          v_o.visible := least(v_o.display, v_hold); s_place[m] := v_seq;
          if m = v_book then v_pushes := v_pushes + 1; v_push[v_pushes] := m; v_at := m;
          else v_skip := m; end if;
        end if;
        v_o.fee_exact := v_o.fee_exact
          + v_cost * coalesce((v_o.charge).maker_rate, p_symbol.maker_rate);
        v_due := ledger.round_up(v_o.fee_exact, c_one, c_unit);
        if v_self then
          v_prevented := v_prevented || row(v_seq, v_c.stp, abs(v_key), v_buy, v_t.order_id,
            v_o.order_id, v_t.owner_id, v_o.owner_id, v_q, v_m, v_hold, v_o.visible,
            coalesce((s_slot[m]).visible, v_hold + v_m))::matching.prevented_match;
          v_had := v_had - v_q;
          v_t.end_reason := matching.prevented_end(v_c.stp, v_left, 'STP_TAKER');
          v_o.end_reason := matching.prevented_end(v_c.stp, v_hold, 'STP_MAKER');
        else
          v_fill := v_fill + 1; v_first := coalesce(v_first, v_last);
          v_t.fee_exact := v_t.fee_exact + v_cost * v_taker;
          v_taker_due := ledger.round_up(v_t.fee_exact, c_one, c_unit);
          v_fills[v_fill] := row(v_seq, v_last, v_q, v_buy, v_t.order_id, v_o.order_id,
            v_t.owner_id, v_o.owner_id, v_taker_due - v_t.fee, v_due - v_o.fee, v_hold, v_o.visible,
            case when v_o.visible is not null then (s_slot[m]).visible end, v_t.charge,
            v_o.charge)::matching.fill;
          if p_batch.has_tiers then v_until := least(v_until,
            (v_t.charge).volume_left, (v_o.charge).volume_left) - 2 * v_cost; end if;
          v_t.fee := v_taker_due; v_o.filled := v_o.filled + v_q; v_o.paid := v_o.paid + v_cost;
        end if;
        lo := v_o.party_no;
        if not v_buy then
          v_hold := matching.buy_hold(-v_key * v_hold, v_o.fee_exact, v_due,
            coalesce((v_o.charge).hold_rate, c_rate), c_one, c_unit);
          if lo is not null then
            v_quote[lo] := v_quote[lo] + v_o.hold - v_hold - v_cost - v_due + v_o.fee;
          end if;
        elsif v_self and lo is not null then v_base[lo] := v_base[lo] + v_m; end if;
        v_o.fee := v_due; v_o.hold := v_hold; v_o.last_seq := v_seq; s_slot[m] := v_o;
        v_linked := v_linked or v_o.list_id is not null;
      end loop;
      if v_reach is null then v_refusal := 'NO_LIQUIDITY';
      elsif not v_probe then q_passed[x] := v_at; exit;
      elsif v_c.kills and v_sum < v_left and coalesce(v_budget >= v_cost * c_lot, true) then
        v_t.end_reason := 'UNFILLED_FOK';
      else
        if v_budget is not null then v_left := v_sum; v_had := v_sum; v_t.quantity := v_sum; end if;
        v_refusal := matching.refuse_cost(p_symbol, v_t.charge, v_c, v_reach, case when v_self
          and v_c.stp in ('CANCEL_TAKER', 'CANCEL_BOTH') or v_key > v_wall and v_key <= v_reach
          and p_symbol.band_action = 'EXPIRE' then v_sum else v_left end, v_sum, v_spent,
          v_freed + v_shared + case when v_buy then v_quote[v_party] else v_base[v_party] end);
        v_budget := null; end if;
      v_probe := false; v_push := v_push[1:v_pushes] || v_back; v_back := '{}'; v_skip := 0;
      v_pushes := cardinality(v_push); v_sum := 0; v_rest := 0; v_own := 0; v_spent := 0; end loop;

    -- 3. Close: what is left comes to rest or ends, and the hold with it.
    if v_c.quote_quantity is not null and v_left = 'Infinity' then v_left := 0; v_had := 0; end if;
    if v_kind is null then v_seq := v_seq + 1;
      v_breached := coalesce(v_left > 0 and v_key > v_wall and v_key <= v_reach, false);
      v_t.end_reason := case when v_refusal is null then coalesce(v_t.end_reason,
        matching.rest_end(v_left, v_c.rests, v_c.is_market, m is null, v_breached,
        p_symbol.band_action, v_t.session_rule)) end;
      v_breached := v_breached and v_refusal is null and v_t.end_reason is null;
      v_kind := matching.closing_kind(v_refusal, v_t.end_reason, v_left);
    end if;
    if v_kind = 'OPENED' then
      if v_c.is_market then s_key[t] := matching.tick_inside(-v_reach, p_symbol.tick_size); end if;
      s_place[t] := v_seq; v_pushes := v_pushes + 1; v_push[v_pushes] := t;
      v_hold := matching.order_hold(v_buy, -s_key[t], v_left, v_t.fee_exact, v_t.fee, v_rate, c_one,
        c_unit); if v_t.display is not null then v_t.visible := least(v_t.display, v_left); end if;
    elsif v_kind not in ('PARKED', 'AMENDED') then v_hold := 0;
    elsif v_t.visible > v_left then v_t.visible := v_left; end if;
    if v_refusal is not null then b_refusal[i] := v_refusal; v_t.refusal := v_refusal;
      v_spent := 0; v_left := v_had; if v_c.op = 'AMEND' or v_c.is_only_if_new
        and v_refusal = 'INSUFFICIENT_FUNDS' then v_seq := v_from_seq - 1; continue; end if; end if;
    if t = i and v_c.op <> 'PLACE' then  -- it went on in the slot of this command
      k := coalesce(s_first[v_was], v_was); s_moved[k] := i; s_first[i] := k;
      s_slot[v_was] := null; s_left[v_was] := 0; end if;
    v_cost := v_had - v_left; v_t.filled := v_t.filled + v_cost;
    v_t.paid := v_t.paid + v_spent; v_t.hold := v_hold; v_t.last_seq := v_seq;
    v_t.pending := case when t <> i then v_t.pending else v_c.pending end; s_slot[t] := v_t;
    s_left[t] := case when v_kind in ('OPENED', 'PARKED', 'AMENDED') then v_left else 0 end;
    v_closings[i] := row(v_kind, v_seq, v_t.order_id, v_t.owner_id, s_key[t], v_t.quantity, v_left,
      v_t.visible, v_t.end_reason, v_from_seq, v_s.from_price, v_s.from_left, v_s.from_visible,
      v_buy, v_c.is_market, v_t.pending, v_refusal)::matching.closing;
    if v_buy then
      v_quote[v_party] := v_quote[v_party] + v_freed - v_hold - v_spent - v_t.fee + v_fee;
    else v_base[v_party] := v_base[v_party] + v_freed - v_hold - v_cost; end if;
    v_linked := v_linked or v_t.list_id is not null;
    v_cut := v_cut or v_linked or v_breached or v_until <= 0 or v_first is not null
      and (greatest(v_first, v_last) >= v_above or least(v_first, v_last) <= v_below);
    if v_cut and (v_t.list_id = (s_slot[i + 1]).list_id) is not true then
      v_done := i; exit; end if;
  end loop;

  return row(v_done, v_seq, v_last, b_refusal, v_closings, v_fills, v_prevented, s_slot, s_key,
    s_place, s_left, b_asked, v_linked, v_breached)::matching.outcome;
end;
$$;
comment on function matching.match_batch is
  'matches a batch of commands in memory, by price, then time';
