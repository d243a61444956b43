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
  v_prevented boolean := v_outcome.prevented is not null;
begin
  return query
  select
    e.n::int, x.state, x.code, x.detail, x.field, x.bound, e.order_id, c.client_id, p_symbol.symbol,
    c.side, c.type, c.time_in_force,
    case when e.is_priced or c.price is not null then trim_scale(abs(e.sort_price)) end,
    trim_scale(e.quantity), c.client_order_id, c.idempotency_key,
    matching.status_of(e.standing, coalesce(f.filled, 0), e.reason, e.refusal, e.pending),
    e.pending, e.reason, e.refusal, trim_scale(coalesce(f.filled, 0)), trim_scale(e.standing),
    matching.average_price(f.notional, f.filled), trim_scale(coalesce(f.fee, 0)), e.seq,
    p_executed.executed_at, p_executed.executed_at, coalesce(f.fills, '[]'),
    trim_scale(c.quote_quantity), trim_scale(c.stop_price), c.trigger_source,
    trim_scale(c.trailing_offset), c.trailing_bips, trim_scale(c.activation_price),
    trim_scale(c.limit_offset), c.post_only, c.slide, trim_scale(c.display_quantity), c.expire_at,
    coalesce(c.stp, p_symbol.default_stp),
    case when v_prevented then matching.prevented_quantity(v_outcome.prevented, e.order_id, e.seq)
      else 0 end,
    case when c.list_no is not null then min(e.order_id) over (partition by c.list_no) end
  from (
    select
      i.order_id, i.n, k.seq, k.reason, k.sort_price, k.quantity, i.refusal,
      case when k.kind in ('OPENED', 'PARKED') then k.remaining else 0 end as standing,
      case when k.kind = 'PARKED' then a.pending end as pending,
      k.kind <> 'PARKED' and (k.kind <> 'REJECTED' or not k.is_market) as is_priced
    from unnest((p_executed.batch).order_ids, v_outcome.refusals) with ordinality
      as i (order_id, refusal, n)
    join (select u.*, row_number() over () as n from unnest(v_outcome.closings) as u) as k
      on k.n = i.n
    join (
      select u.pending, row_number() over () as n from unnest((p_executed.batch).asked) as u
    ) as a
      on a.n = i.n
    where i.order_id is not null
      and k.kind is not null
  ) as e
  join (select u.*, row_number() over () as n from unnest(p_commands) as u) as c
    on c.n = e.n
  left join matching.explain_refusals(p_symbol, v_outcome.refusals) as x
    on x.refusal = e.refusal
  left join matching.taker_fills(p_symbol, p_executed) as f
    on f.order_id = e.order_id;
end;
$$;
comment on function matching.placed_answers is
  'the answers to the commands that placed an order, right after their own command';
