-- The trades that were busted in a closed period, a line each, with what took their place: by the
-- number of the bust's event, as the trades themselves, so that each is in exactly one period
-- [LED-032]. Reads only.
create or replace function ops.pack_busts(
  p_segment_id int,
  p_period_no int
) returns table (
  section text,
  line text
)
language sql stable
as $$
  select
    'BUST', concat_ws(',', s.symbol, b.seq, b.trade_id, coalesce(b.replacement_id::text, ''))
  from ledger.periods as p
  join ops.period_cuts as c
    on c.segment_id = p.segment_id
    and c.period_no = p.period_no
  join matching.busted_trades as b
    on b.segment_id = c.segment_id
    and b.symbol_id = c.symbol_id
    and b.seq <= c.last_seq
    and b.busted_at < p.ends_at
    and (b.busted_at >= p.starts_at or b.seq > c.after_seq)
  join reference.symbols as s
    on s.symbol_id = b.symbol_id
  where p.segment_id = p_segment_id
    and p.period_no = p_period_no
$$;
comment on function ops.pack_busts is 'what was busted in a closed period, a line each';
