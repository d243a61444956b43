-- The trades that are busted: the one place that says so. What is summed over trades (volumes,
-- prices, tiers) leaves these out [BST-004]; what took the place of one is a trade like any.
create or replace view matching.busted_trades as
select
  b.segment_id, b.trade_id, b.symbol_id, b.seq, b.decided_at as busted_at, b.reason,
  b.replacement_id
from matching.trade_busts as b
where b.status = 'DONE';
comment on view matching.busted_trades is 'the trades that are busted';
