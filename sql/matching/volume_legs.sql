-- What counts for the tiers of fees at a symbol: of each trade behind a number and from a time on,
-- its notional for its taker and for its maker, by the day of the trade in UTC [LED-042]. By the
-- time, the days before are not looked at. Without what is busted [BST-004]. Reads only.
create or replace function matching.volume_legs(
  p_symbol reference.symbols,
  p_after_seq bigint,
  p_from timestamptz
) returns table (
  seq bigint,
  participant_id int,
  traded_on date,
  notional numeric
)
language plpgsql volatile
set enable_seqscan = off     -- a plan made while a day was young must find the last trades by their
set enable_bitmapscan = off  -- key when it is full: that is the index in the order asked for
set enable_sort = off
as $$
declare
  c_ids_per_symbol constant bigint := 1000000000000;
  v_after_id bigint := p_symbol.symbol_id * c_ids_per_symbol + p_after_seq;
  v_before_id bigint := (p_symbol.symbol_id + 1) * c_ids_per_symbol;
begin
  return query
  select t.seq, l.participant_id, (t.traded_at at time zone 'UTC')::date, t.price * t.quantity
  from (
    select u.*
    from matching.trades as u
    where u.segment_id = p_symbol.segment_id
      and not exists (
        select
        from matching.busted_trades as b
        where b.segment_id = u.segment_id
          and b.trade_id = u.trade_id
      )
      and u.trade_id > v_after_id
      and u.trade_id < v_before_id
      and u.traded_at >= p_from
    order by u.trade_id
  ) as t
  cross join lateral (values (t.taker_id), (t.maker_id)) as l (participant_id);
end;
$$;
comment on function matching.volume_legs is 'what counts for the tiers of fees at a symbol';
