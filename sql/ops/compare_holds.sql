-- What each account holds for what it is to deliver or pay, against the obligations that stand
-- open: one that is gone or altered shows here, before it is known which. Returns what differs.
-- Reads only.
create or replace function ops.compare_holds(
  p_segment_id int
) returns table (
  kind text,
  seq bigint,
  key text,
  kept text,
  derived text
)
language sql stable
as $$
  select 'HOLD_DIFFERS', 0::bigint, p.client_id || ' ' || s.asset, trim_scale(sum(h.kept))::text,
    trim_scale(sum(h.derived))::text
  from (
    select a.participant_id, a.asset_id, a.unsettled_out::numeric as kept, 0.0 as derived
    from ledger.accounts as a
    where a.segment_id = p_segment_id
      and a.unsettled_out <> 0
    union all
    select v.participant_id, v.asset_id, 0, v.amount
    from ops.v_holds as v
    where v.segment_id = p_segment_id
      and v.cause = 'SETTLEMENT'
  ) as h
  join reference.participants as p
    on p.participant_id = h.participant_id
  join reference.assets as s
    on s.asset_id = h.asset_id
  group by p.client_id, s.asset
  having sum(h.kept) <> sum(h.derived)
$$;
comment on function ops.compare_holds is
  'what accounts hold for settlement against the obligations that are open; what differs';
