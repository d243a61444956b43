-- What a batch does to its parties' money: holds taken and released, and what its trades will move
-- when they settle. One change an account. Reads nothing.
create or replace function matching.fund_changes(
  p_symbol reference.symbols,
  p_outcome matching.outcome
) returns ledger.account_change[]
language sql stable
as $$
  with f as materialized (
    select
      case when u.bought then u.taker_id else u.maker_id end as buyer_id,
      case when u.bought then u.maker_id else u.taker_id end as seller_id,
      u.quantity, u.price * u.quantity as notional,
      case when u.bought then u.taker_fee else u.maker_fee end as buyer_fee,
      case when u.bought then u.maker_fee else u.taker_fee end as seller_fee
    from unnest(p_outcome.fills) as u
  ), p as (
    -- By participant: base held, to come, to go; quote held, to come, to go.
    select
      c.id, sum(c.bh) + sum(c.bo) as bh, sum(c.bi) as bi, sum(c.bo) as bo,
      sum(c.qh) + sum(c.qo) as qh, sum(c.qi) as qi, sum(c.qo) as qo
    from (
      select
        s.owner_id, sum(case when not s.is_buy then s.hold - s.hold_before else 0 end), 0, 0,
        sum(case when s.is_buy then s.hold - s.hold_before else 0 end), 0, 0
      from (
        select
          u.owner_id, u.hold, u.hold_before,
          case when u.sort_price is null
            then (p_outcome.asked[u.ordinality]).is_buy else u.sort_price < 0 end as is_buy
        from rows from (
          unnest(p_outcome.sort_prices), unnest(p_outcome.slots)
        ) with ordinality as u (sort_price)
      ) as s
      where s.hold <> s.hold_before
      group by s.owner_id
      union all
      select f.buyer_id, 0, sum(f.quantity), 0, 0, 0, sum(f.notional) + sum(f.buyer_fee)
      from f
      group by f.buyer_id
      union all
      select f.seller_id, 0, 0, sum(f.quantity), 0, sum(f.notional) - sum(f.seller_fee), 0
      from f
      group by f.seller_id
    ) as c (id, bh, bi, bo, qh, qi, qo)
    group by c.id
  )
  select array_agg(row(p.id, a.asset_id, 0, a.held, a.due_in, a.due_out)::ledger.account_change)
  from p
  cross join lateral (
    values
      (p_symbol.base_asset_id, p.bh, p.bi, p.bo), (p_symbol.quote_asset_id, p.qh, p.qi, p.qo)
  ) as a (asset_id, held, due_in, due_out)
  where a.held <> 0
    or a.due_in <> 0
    or a.due_out <> 0
$$;
comment on function matching.fund_changes is 'what a batch does to its parties'' money';
