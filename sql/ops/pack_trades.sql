-- The trades of a closed period, a line each, by id. A trade that was committed only after the
-- period was closed is in the next one, so that each is in exactly one [LED-032]. Reads only.
create or replace function ops.pack_trades(
  p_segment_id int,
  p_period_no int
) returns table (
  line_no bigint,
  line text
)
language sql stable
as $$
  select
    t.trade_id,
    concat_ws(',', t.trade_id, s.symbol, (extract(epoch from t.traded_at) * 1000000)::bigint,
      t.taker_side, trim_scale(t.price::numeric), trim_scale(t.quantity::numeric), k.client_id,
      m.client_id, trim_scale(t.taker_fee::numeric), trim_scale(t.maker_fee::numeric))
  from ledger.periods as p
  join ops.period_cuts as c
    on c.segment_id = p.segment_id
    and c.period_no = p.period_no
  join matching.trades as t
    on t.segment_id = p.segment_id
    and t.symbol_id = c.symbol_id
    and t.seq <= c.last_seq
    and t.traded_at < p.ends_at
    and (t.traded_at >= p.starts_at or t.seq > c.after_seq)
  join reference.symbols as s
    on s.symbol_id = t.symbol_id
  join reference.participants as k
    on k.participant_id = t.taker_id
  join reference.participants as m
    on m.participant_id = t.maker_id
  where p.segment_id = p_segment_id
    and p.period_no = p_period_no
$$;
comment on function ops.pack_trades is 'the trades of a closed period, a line each';
