-- How many orders are in each status, by symbol, with their share.
create or replace view ops.v_order_status_distribution as
select
  s.symbol,
  o.status,
  count(*) as orders,
  round(100.0 * count(*) / sum(count(*)) over (partition by s.symbol), 2) as percent
from matching.orders as o
join reference.symbols as s
  on s.symbol_id = o.symbol_id
group by s.symbol, o.status
order by s.symbol, o.status;
comment on view ops.v_order_status_distribution is 'how many orders are in each status, by symbol';
