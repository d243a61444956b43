-- Instructions as the outside sees them, by id: who gives whom what, how much of the quantity is
-- final, the window that took it up, what each waits for. `holds` are the sides that let only so
-- much of the quantity settle [SET-011], `links` the others it settles after or together with
-- [SET-008]. The trade of a reversal is the one that it reverses. next_attempt_at is null where no
-- time is set: what waits for something to happen, and what failed.
-- Reads only.
create or replace function settlement.instruction_rows(
  p_segment_id int,
  p_instruction_ids bigint[]
) returns setof settlement.instruction_row
language sql stable
as $$
  select
    i.instruction_id,
    case when i.instruction_id > 1000000000000 then i.instruction_id else r.instruction_id end,
    s.symbol, i.status, i.reason, i.problem, i.attempts,
    nullif(i.next_attempt_at, 'infinity'), i.value_date, i.created_at, i.settled_at, i.journal_id,
    j.finality_no,
    (
      select json_agg(json_build_object(
        'kind', l.kind, 'asset', l.asset,
        'from', case when l.amount < 0 then l.to_id else l.from_id end,
        'to', case when l.amount < 0 then l.from_id else l.to_id end,
        'amount', trim_scale(abs(l.amount))::text
      ) order by l.n)
      from (
        values
          (1, 'DELIVERY', b.asset, x.client_id, y.client_id, i.quantity::numeric),
          (2, 'PAYMENT', q.asset, y.client_id, x.client_id, i.notional),
          (3, 'BUYER_FEE', q.asset, y.client_id, 'house', i.buyer_fee),
          (4, 'SELLER_FEE', q.asset, x.client_id, 'house', i.seller_fee)
      ) as l (n, kind, asset, from_id, to_id, amount)
      where l.amount <> 0
    ),
    case i.status when 'SETTLED' then trim_scale(i.quantity::numeric) else (
      select coalesce(trim_scale(sum(p.quantity::numeric)), 0)
      from settlement.parts as p
      where p.segment_id = p_segment_id
        and p.instruction_id = i.instruction_id
    ) end,
    c.netted_into, k.links, h.holds
  from unnest(p_instruction_ids) as w (instruction_id)
  join settlement.instructions as i
    on i.segment_id = p_segment_id
    and i.instruction_id = w.instruction_id
  join reference.symbols as s
    on s.symbol_id = i.symbol_id
  join reference.assets as b
    on b.asset_id = i.base_asset_id
  join reference.assets as q
    on q.asset_id = i.quote_asset_id
  join reference.participants as x
    on x.participant_id = i.seller_id
  join reference.participants as y
    on y.participant_id = i.buyer_id
  left join settlement.reversals as r
    on r.segment_id = p_segment_id
    and r.reversal_id = i.instruction_id
  left join ledger.journals as j
    on j.segment_id = p_segment_id
    and j.journal_id = i.journal_id
  left join settlement.cancelled_instructions as c
    on c.segment_id = p_segment_id
    and c.instruction_id = w.instruction_id
  cross join lateral settlement.link_list(p_segment_id, i.instruction_id) as k (links)
  cross join lateral settlement.hold_list(p_segment_id, i.instruction_id) as h (holds)
$$;
comment on function settlement.instruction_rows is 'instructions as the outside sees them, by id';
