-- What the new orders of a batch mean for the limits of a symbol, those only that passed its
-- filters: the limit price, the price that it is held against where that is not the last one, and
-- what the order adds to the open orders and, a buy, to what its owner may come to own: with a
-- quote quantity, what that buys at the best price there may be; of two of which one cancels the
-- other only the first. An order whose key stands already
-- is a repeat, and left out; first_n is the first order of the batch that comes with the same key.
-- Reads only.
create or replace function matching.limited_orders(
  p_symbol reference.symbols,
  p_commands matching.command[],
  p_batch matching.batch
) returns table (
  n bigint,
  owner_id int,
  is_buy boolean,
  price numeric,
  near_price numeric,
  adds_orders int,
  adds_quantity numeric,
  first_n bigint
)
language sql stable
as $$
  select
    c.n, c.owner_id, c.side = 'BUY', c.price, c.stop_price, (c.rests or c.waits)::int,
    case
      when c.side <> 'BUY' then 0
      when c.list_no is not null
        and row_number() over (partition by c.list_no, c.side order by c.n) > 1 then 0
      when c.quantity is not null then c.quantity
      else coalesce(div(c.quote_quantity, least(
        min(c.price) filter (where c.side = 'SELL') over (), (
          select min(b.sort_price)
          from matching.book as b
          where b.segment_id = p_symbol.segment_id
            and b.symbol_id = p_symbol.symbol_id
            and b.side = 'SELL'
        )
      ) * p_symbol.lot_size) * p_symbol.lot_size, 0) end,
    least(
      case when c.idempotency_key is null then c.n
        else min(c.n) over (partition by c.owner_id, c.idempotency_key) end,
      case when c.client_order_id is null then c.n
        else min(c.n) over (partition by c.owner_id, c.client_order_id) end
    )
  from (
    select u.*, o.owner_id, a.rests, a.pending is not null as waits
    from (select u.*, row_number() over () as n from unnest(p_commands) as u) as u
    join (
      select u.rests, u.pending, row_number() over () as n from unnest(p_batch.asked) as u
    ) as a
      on a.n = u.n
    join unnest(p_batch.owner_ids, p_batch.refusals) with ordinality as o (owner_id, refusal, n)
      on o.n = u.n
    where u.op = 'PLACE'
      and o.refusal is null
      and not exists (
        select from matching.order_keys as k
        where k.segment_id = p_symbol.segment_id
          and k.participant_id = o.owner_id
          and (k.kind, k.client_key) in (('I', u.idempotency_key), ('C', u.client_order_id))
      )
  ) as c
$$;
comment on function matching.limited_orders is
  'what the new orders of a batch mean for the limits of a symbol';
