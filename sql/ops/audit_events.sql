-- Events against their facts: the numbers of a symbol are dense, up to the last that was given;
-- each trade was told as it is, in one event, and nothing else was. Returns what differs. Reads
-- only.
create or replace function ops.audit_events() returns table (
  check_name text,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select 'events dense', s.symbol, st.last_seq::text, count(e.seq)::text
  from matching.symbol_state as st
  join reference.symbols as s
    on s.symbol_id = st.symbol_id
  left join matching.events as e
    on e.segment_id = st.segment_id
    and e.symbol_id = st.symbol_id
  group by s.symbol, st.segment_id, st.symbol_id, st.last_seq
  having count(e.seq) <> st.last_seq or coalesce(max(e.seq), 0) <> st.last_seq
  union all
  select 'trade event', coalesce(t.symbol_id, e.symbol_id) || ' ' || coalesce(t.seq, e.seq),
    e.terms, t.terms
  from (
    select
      d.segment_id, d.symbol_id, d.seq,
      concat_ws(' ', d.taker_order_id, d.taker_side, d.maker_order_id, trim_scale(d.price::numeric),
        trim_scale(d.quantity::numeric)) as terms
    from matching.trades as d
  ) as t
  full join (
    select
      v.segment_id, v.symbol_id, v.seq,
      concat_ws(' ', v.order_id, v.side, v.maker_order_id, trim_scale(v.price),
        trim_scale(v.quantity)) as terms
    from matching.events as v
    where v.kind in ('TRADE', 'CORRECTED')
  ) as e
    on e.segment_id = t.segment_id
    and e.symbol_id = t.symbol_id
    and e.seq = t.seq
  where e.terms is distinct from t.terms
$$;
comment on function ops.audit_events is 'events against their facts; returns what differs';
