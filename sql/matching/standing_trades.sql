-- The trades that count: all but those that are busted [BST-004].
create or replace view matching.standing_trades as
select t.*
from matching.trades as t
where not exists (
  select
  from matching.trade_busts as b
  where b.segment_id = t.segment_id
    and b.trade_id = t.trade_id
    and b.status = 'DONE'
);
comment on view matching.standing_trades is 'the trades that count: all but those that are busted';
