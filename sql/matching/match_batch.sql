-- Matches a batch of commands in their order, by price, then time, and writes nothing: it reads the
-- book and computes what happens, so that a dry run and the real run are one code, and a batch can
-- be computed again when the funds it was computed with have changed [MAT-001].
--
-- A slot is an order in memory: first one for each command (a placed order, or an amended one that
-- lost its place), then the orders that commands name, two empty ones, then makers as they are read.
-- sort_price makes both sides alike: the price of an ask, the negative price of a bid; smaller is
-- better, and an order reaches makers up to its own negative sort_price. A side's queue is the book,
-- read in chunks, merged with a sorted list of what came to rest or was named in this batch. Who
-- leaves a queue stays in place with nothing left, and is passed over.
--
-- Takes the symbol, its last event number, the batch, and the funds of each party in base and quote.
-- Returns the closing event of each command, the fills, and the slots as they end.
-- Call it under the lock of the symbol. Reads only.
-- Follows semantics §2 (time in force), §3 (fill or kill), §4 (an order never meets its owner's: the
-- rest of the taker is cancelled), §7 (market protection), §8 (holds, fees), §12 (amend).
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
  c_unit constant numeric := reference.asset_unit(p_symbol.quote_decimals);
  c_units constant numeric := trim_scale(1 / reference.asset_unit(p_symbol.quote_decimals));
  c_taker_rate constant numeric := p_symbol.taker_rate;
  c_maker_rate constant numeric := p_symbol.maker_rate;
  c_hold_rate constant numeric := greatest(p_symbol.taker_rate, p_symbol.maker_rate, 0);
  c_count constant int := cardinality(p_batch.ops);
  c_chunk constant int := least(512, greatest(16, c_count));
  c_active constant boolean := p_symbol.status = 'ACTIVE';
  -- The batch, taken apart: a field of a record is copied each time it is read.
  b_op matching.operation[] := p_batch.ops;               b_target int[] := p_batch.targets;
  b_buy boolean[] := p_batch.is_buy;                      b_rests boolean[] := p_batch.rests;
  b_probe boolean[] := p_batch.probes;                    b_kill boolean[] := p_batch.kills;
  b_market boolean[] := p_batch.is_market;                b_key numeric[] := p_batch.sort_prices;
  b_quantity numeric[] := p_batch.quantities;
  v_base numeric[] := p_base_funds;                       v_quote numeric[] := p_quote_funds;
  -- The slots.
  s_order bigint[] := (p_batch.slots).order_id;           s_owner int[] := (p_batch.slots).owner_id;
  s_party int[] := (p_batch.slots).party_no;              s_key numeric[] := (p_batch.slots).sort_price;
  s_place bigint[] := (p_batch.slots).priority_no;        s_left numeric[] := (p_batch.slots).remaining;
  s_hold numeric[] := (p_batch.slots).hold;               s_hold0 numeric[] := s_hold;
  s_exact numeric[] := (p_batch.slots).fee_exact;         s_fee numeric[] := (p_batch.slots).fee;
  s_quantity numeric[] := (p_batch.slots).quantity;       s_end matching.end_reason[];
  s_created timestamptz[] := (p_batch.slots).created_at;
  s_next int[];   -- the slot read after this one, where that is not the next number
  s_moved int[];  -- the slot where an amended order went on, by the slot it was first in
  s_first int[];  -- and back
  v_top int := cardinality(s_order);
  -- The queues, 1 the asks, 2 the bids: the last slot passed, the last slot read, whether there is
  -- more in the book; and the sorted lists, the best at the end.
  q_passed int[] := array[v_top - 1, v_top];              q_read int[] := q_passed;
  q_more boolean[] := array[true, true];
  l_asks int[] := p_batch.ask_slots;                      l_bids int[] := p_batch.bid_slots;
  v_asks int := cardinality(l_asks);                      v_bids int := cardinality(l_bids);
  -- The fills, and the closing event of each command (with what it changed, at which event).
  f_seq bigint[]; f_price numeric[]; f_quantity numeric[]; f_taker bigint[]; f_maker bigint[];
  f_taker_id int[]; f_maker_id int[]; f_bought boolean[]; f_taker_fee numeric[];
  f_maker_fee numeric[]; f_maker_left numeric[]; v_fills int := 0;
  e_refusal matching.refusal[] := p_batch.refusals; e_kind matching.event_kind[]; e_seq bigint[];
  e_order bigint[]; e_key numeric[]; e_quantity numeric[]; e_left numeric[]; e_from numeric[];
  e_from_left numeric[]; e_from_seq bigint[]; e_owner int[]; e_reason matching.end_reason[];
  -- The command at hand.
  t int; m int; p int; x int; lo int; hi int; v_book int; v_list int; v_at int; v_list_at int;
  v_op matching.operation; v_refusal matching.refusal; v_end matching.end_reason;
  v_buy boolean; v_probe boolean; v_self boolean; v_chunk matching.slots;
  v_seq bigint := p_last_seq; v_key numeric; v_reach numeric; v_left numeric; v_q numeric;
  v_cost numeric; v_due numeric; v_hold numeric; v_freed numeric; v_sum numeric; v_sum_cost numeric;
  v_had numeric; v_had_fee numeric;
begin
  for i in 1..c_count loop
    continue when e_refusal[i] is not null;
    v_op := b_op[i]; v_refusal := null; v_end := null; v_self := false; v_freed := 0;
    v_sum_cost := 0;

    -- 1. What is asked for: t is the slot, v_left its quantity, v_hold what it must hold at most.
    t := i;
    if v_op = 'PLACE' then
      v_buy := b_buy[i]; v_left := s_left[i]; v_key := s_key[i];
      v_refusal := case when not c_active then 'SYMBOL_HALTED'::matching.refusal end;
    else
      lo := b_target[i];
      lo := coalesce(s_moved[lo], lo);
      v_left := s_left[lo];
      if v_left = 0 or lo > i and lo <= c_count or v_op = 'AMEND' and not c_active then
        e_refusal[i] := case
          when lo > i and lo <= c_count then 'UNKNOWN_ORDER'::matching.refusal
          when v_left > 0 then 'SYMBOL_HALTED'
          when s_end[lo] is null then 'ORDER_FILLED'
          when v_op = 'CANCEL' and s_end[lo] in ('USER', 'STP_TAKER') then 'ALREADY_CANCELLED'
          else 'ORDER_NOT_OPEN' end;
        continue;
      end if;
      v_key := coalesce(b_key[i], s_key[lo]);
      v_buy := v_key < 0;
      v_freed := s_hold[lo];
      v_q := coalesce(b_quantity[i] - s_quantity[lo], 0) + v_left;  -- what is to be left
      s_owner[i] := s_owner[lo]; s_party[i] := s_party[lo]; s_key[i] := v_key;
      s_exact[i] := s_exact[lo]; s_fee[i] := s_fee[lo]; v_left := greatest(v_q, 0);
      if v_op = 'CANCEL' then
        v_left := 0;
      end if;
    end if;
    p := s_party[t]; v_had := v_left; v_had_fee := s_fee[t];
    v_reach := -v_key;  -- null for a market order, until the touch is known
    v_hold := v_left;
    if v_buy then
      v_hold := coalesce(v_reach, 0) * v_left;
      v_hold := v_hold - s_fee[t] + ceil((s_exact[t] + v_hold * c_hold_rate) * c_units) * c_unit;
    end if;
    if v_hold - v_freed > (case when v_buy then v_quote[p] else v_base[p] end) then
      v_refusal := coalesce(v_refusal, 'INSUFFICIENT_FUNDS');
    end if;
    if v_op <> 'PLACE' then
      if v_refusal is not null then
        e_refusal[i] := v_refusal;
        continue;
      end if;
      v_seq := v_seq + 1;
      e_from[i] := s_key[lo]; e_from_seq[i] := v_seq; e_from_left[i] := s_left[lo];
      if v_left = 0 then
        t := lo; e_kind[i] := 'CANCELLED'; s_end[lo] := 'USER'; v_hold := 0;
      elsif v_key = s_key[lo] and v_left <= s_left[lo] then
        t := lo; e_kind[i] := 'AMENDED';
        s_quantity[lo] := s_quantity[lo] - s_left[lo] + v_left;
      else
        hi := coalesce(s_first[lo], lo);
        s_moved[hi] := i; s_first[i] := hi; s_order[i] := s_order[lo];
        s_quantity[i] := s_quantity[lo] - s_left[lo] + v_left;
        s_order[lo] := null; s_left[lo] := 0; s_hold[lo] := 0;
      end if;
    end if;

    -- 2. Take, best first. A fill-or-kill and a market buy walk twice: first to see what they would
    -- get and what that costs, then, when all is right, to trade.
    x := case when v_buy then 1 else 2 end;
    v_probe := b_probe[i];
    while v_refusal is null and v_end is null and e_kind[i] is null loop
      v_at := q_passed[x];
      v_list_at := case when v_buy then v_asks else v_bids end;
      v_sum := 0; v_sum_cost := 0;
      while v_left > v_sum loop
        loop  -- the best of the book
          v_book := null;
          if v_at = q_read[x] then
            exit when not q_more[x];
            v_chunk := matching.read_book(p_symbol, v_buy, s_key[v_at], s_place[v_at], c_chunk, p_batch);
            q_more[x] := cardinality(v_chunk.order_id) = c_chunk;
            exit when cardinality(v_chunk.order_id) = 0;
            s_order := s_order || v_chunk.order_id;       s_owner := s_owner || v_chunk.owner_id;
            s_party := s_party || v_chunk.party_no;       s_key := s_key || v_chunk.sort_price;
            s_place := s_place || v_chunk.priority_no;    s_left := s_left || v_chunk.remaining;
            s_hold := s_hold || v_chunk.hold;             s_hold0 := s_hold0 || v_chunk.hold;
            s_exact := s_exact || v_chunk.fee_exact;      s_fee := s_fee || v_chunk.fee;
            s_created := s_created || v_chunk.created_at;
            s_next[v_at] := v_top + 1;
            v_top := cardinality(s_order);
            q_read[x] := v_top;
          end if;
          v_book := coalesce(s_next[v_at], v_at + 1);
          exit when s_left[v_book] > 0;
          v_at := v_book;
        end loop;
        v_list := null;
        while v_list_at > 0 loop  -- the best of the list
          v_list := case when v_buy then l_asks[v_list_at] else l_bids[v_list_at] end;
          exit when s_left[v_list] > 0;
          v_list := null; v_list_at := v_list_at - 1;
        end loop;
        m := coalesce(v_book, v_list);
        if v_book is not null and v_list is not null and (s_key[v_list] < s_key[v_book]
          or s_key[v_list] = s_key[v_book] and s_place[v_list] < s_place[v_book]) then
          m := v_list;
        end if;
        exit when m is null;
        v_key := s_key[m];
        if v_reach is null then
          v_reach := v_key + greatest(
            abs(v_key) * p_symbol.protection_rate, p_symbol.protection_ticks * p_symbol.tick_size
          );
        end if;
        exit when v_key > v_reach;
        v_self := s_owner[m] = s_owner[t];
        exit when v_self;
        v_q := least(v_left - v_sum, s_left[m]);
        v_cost := abs(v_key) * v_q;
        v_sum_cost := v_sum_cost + v_cost;
        if v_probe then
          v_sum := v_sum + v_q;
          v_at := case when m = v_book then m else v_at end;
          v_list_at := case when m = v_list then v_list_at - 1 else v_list_at end;
          continue;
        end if;
        v_left := v_left - v_q; v_fills := v_fills + 1; v_seq := v_seq + 1;
        f_seq[v_fills] := v_seq; f_price[v_fills] := abs(v_key); f_quantity[v_fills] := v_q;
        f_taker[v_fills] := s_order[t]; f_taker_id[v_fills] := s_owner[t];
        f_maker[v_fills] := s_order[m]; f_maker_id[v_fills] := s_owner[m];
        f_bought[v_fills] := v_buy;
        s_exact[t] := s_exact[t] + v_cost * c_taker_rate;
        v_due := ceil(s_exact[t] * c_units) * c_unit;
        f_taker_fee[v_fills] := v_due - s_fee[t];
        s_fee[t] := v_due;
        v_hold := s_left[m] - v_q;  -- and the maker: first what it has left, then its hold
        s_left[m] := v_hold;
        f_maker_left[v_fills] := v_hold;
        s_exact[m] := s_exact[m] + v_cost * c_maker_rate;
        v_due := ceil(s_exact[m] * c_units) * c_unit;
        f_maker_fee[v_fills] := v_due - s_fee[m];
        if not v_buy then
          v_hold := v_hold * -v_key;
          v_hold := v_hold - v_due + ceil((s_exact[m] + v_hold * c_hold_rate) * c_units) * c_unit;
          lo := s_party[m];
          if lo is not null then
            v_quote[lo] := v_quote[lo] + s_hold[m] - v_hold - v_cost - v_due + s_fee[m];
          end if;
        end if;
        s_fee[m] := v_due;
        s_hold[m] := v_hold;
      end loop;
      if v_reach is null then
        v_refusal := 'NO_LIQUIDITY';
      elsif not v_probe then
        q_passed[x] := v_at;
        if v_buy then v_asks := v_list_at; else v_bids := v_list_at; end if;
        exit;
      elsif b_kill[i] and v_sum < v_left then
        v_end := case when v_self then 'STP_TAKER'::matching.end_reason else 'UNFILLED_FOK' end;
        v_sum_cost := 0;
      elsif v_buy and b_market[i]
        and v_sum_cost + ceil(v_sum_cost * c_taker_rate * c_units) * c_unit > v_quote[p] then
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
    e_seq[i] := v_seq;
    if e_kind[i] = 'REJECTED' then
      e_refusal[i] := v_refusal; s_left[t] := 0;
      continue;
    elsif e_kind[i] in ('CANCELLED', 'EXPIRED') then
      s_end[t] := coalesce(s_end[t], v_end, case
        when v_self then 'STP_TAKER'::matching.end_reason
        when not b_market[i] then 'UNFILLED_IOC'
        when m is null then 'INSUFFICIENT_LIQUIDITY'
        else 'PROTECTION' end);
      e_reason[i] := s_end[t];
    elsif e_kind[i] = 'OPENED' then
      s_place[t] := v_seq; v_key := s_key[t]; v_hold := v_left;
      if v_buy then
        v_hold := -v_key * v_left;
        v_hold := v_hold - s_fee[t] + ceil((s_exact[t] + v_hold * c_hold_rate) * c_units) * c_unit;
      end if;
      -- Into the list of its side, behind all that are as good or better.
      lo := 1; hi := case when v_buy then v_bids else v_asks end + 1;
      while lo < hi loop
        m := (lo + hi) / 2;
        if s_key[case when v_buy then l_bids[m] else l_asks[m] end] > v_key then
          lo := m + 1;
        else
          hi := m;
        end if;
      end loop;
      if v_buy then
        l_bids := l_bids[:lo - 1] || t || l_bids[lo:v_bids]; v_bids := v_bids + 1;
      else
        l_asks := l_asks[:lo - 1] || t || l_asks[lo:v_asks]; v_asks := v_asks + 1;
      end if;
    end if;
    s_left[t] := case when e_kind[i] in ('OPENED', 'AMENDED') then v_left else 0 end;
    v_hold := case when s_left[t] > 0 then v_hold else 0 end;
    s_hold[t] := v_hold;
    if v_buy then
      v_quote[p] := v_quote[p] + v_freed - v_hold - v_sum_cost - s_fee[t] + v_had_fee;
    else
      v_base[p] := v_base[p] + v_freed - v_hold - v_had + v_left;
    end if;
  end loop;

  return row(
    v_seq, e_refusal, e_kind, e_seq, e_order, e_owner, e_key, e_quantity, e_left, e_reason, e_from,
    e_from_left, e_from_seq, f_seq, f_price, f_quantity, f_taker, f_maker, f_taker_id, f_maker_id, f_bought,
    f_taker_fee, f_maker_fee, f_maker_left,
    row(s_order, s_owner, s_party, s_key, s_place, s_left, s_hold, s_exact, s_fee, s_quantity,
      s_created)::matching.slots,
    s_hold0, s_end
  )::matching.outcome;
end;
$$;
