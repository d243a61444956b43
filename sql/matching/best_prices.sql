-- Of the prices that a call could uncross at, the lowest and the highest of those with the most
-- volume and, of them, the least surplus; the volume; and whether at all of them buyers, or
-- sellers, are left over: steps 1 to 3 of [MAT-071]. Takes the tick, the levels of both sides, and
-- the reference price, on a tick. Reads nothing.
create or replace function matching.best_prices(
  p_tick_size numeric,
  p_levels matching.call_order[],
  p_reference numeric
) returns table (
  lowest numeric,
  highest numeric,
  volume numeric,
  is_bought boolean,
  is_sold boolean
)
language sql immutable
as $$
  with levels as materialized (
    select l.side, l.reach, l.remaining
    from unnest(p_levels) as l
  ), ends as (
    select min(l.reach) as low, max(l.reach) as high
    from levels as l
  ), prices as (
    select
      p.price, sum(p.bid) as bid, sum(p.ask) as ask,
      p.price between min(e.low) and max(e.high) as is_candidate
    from (
      select l.reach, case l.side when 'BUY' then l.remaining else 0 end,
        case l.side when 'SELL' then l.remaining else 0 end
      from levels as l
      union all
      select l.reach + case l.side when 'BUY' then p_tick_size else -p_tick_size end, 0, 0
      from levels as l
      union all
      select p_reference, 0, 0
    ) as p (price, bid, ask)
    cross join ends as e
    group by p.price
  ), sums as (
    select
      p.price, p.is_candidate, sum(p.bid) over (order by p.price desc) as demand,
      sum(p.ask) over (order by p.price) as supply
    from prices as p
  ), candidates as (
    select
      s.price, least(s.demand, s.supply) as volume, s.demand - s.supply as net,
      max(least(s.demand, s.supply)) over () as most
    from sums as s
    where s.is_candidate
  ), best as (
    select c.price, c.volume, c.net, min(abs(c.net)) over () as least_surplus
    from candidates as c
    where c.volume = c.most
      and c.volume > 0
  )
  select min(b.price), max(b.price), max(b.volume), bool_and(b.net > 0), bool_and(b.net < 0)
  from best as b
  where abs(b.net) = b.least_surplus
$$;
comment on function matching.best_prices is 'the prices of most volume and least surplus';
