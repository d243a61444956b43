-- The trades of a closed period, a line each, by id. A trade that was committed only after the
-- period was closed is in the next one, so that each is in exactly one [LED-032]. In PL/pgSQL: with
-- the times of the period at hand, only its partitions are read. Reads only.
create or replace function ops.pack_trades(
  p_segment_id int,
  p_period_no int
) returns table (
  line_no bigint,
  line text
)
language plpgsql stable
as $$
declare
  v_period ledger.periods;
begin
  select p.* into strict v_period
  from ledger.periods as p
  where p.segment_id = p_segment_id
    and p.period_no = p_period_no;

  return query
  select
    t.trade_id,
    concat_ws(',', t.trade_id, s.symbol, (extract(epoch from t.traded_at) * 1000000)::bigint,
      t.taker_side, trim_scale(t.price::numeric), trim_scale(t.quantity::numeric), k.client_id,
      m.client_id, trim_scale(t.taker_fee::numeric), trim_scale(t.maker_fee::numeric))
  from (
    select d.*
    from ops.period_cuts as c
    join matching.trades as d
      on d.segment_id = c.segment_id
      and d.symbol_id = c.symbol_id
      and d.seq <= c.last_seq
    where c.segment_id = p_segment_id
      and c.period_no = p_period_no
      and d.traded_at >= v_period.starts_at
      and d.traded_at < v_period.ends_at
    union all
    -- What was under way when the period before was closed.
    select d.*
    from ops.period_cuts as c
    join matching.trades as d
      on d.segment_id = c.segment_id
      and d.trade_id > c.symbol_id * 1000000000000 + c.after_seq
      and d.trade_id <= c.symbol_id * 1000000000000 + c.last_seq
    where c.segment_id = p_segment_id
      and c.period_no = p_period_no
      and d.traded_at < v_period.starts_at
  ) as t
  join reference.symbols as s
    on s.symbol_id = t.symbol_id
  join reference.participants as k
    on k.participant_id = t.taker_id
  join reference.participants as m
    on m.participant_id = t.maker_id;
end;
$$;
comment on function ops.pack_trades is 'the trades of a closed period, a line each';
