-- The nets of a closed period, what was due by its end and not final, and the breaks that stood
-- open then, a line each [LED-032]. In PL/pgSQL: with the times of the period at hand, only the
-- partitions behind it are read of what is settled. Reads only.
create or replace function ops.pack_rest(
  p_segment_id int,
  p_period_no int
) returns table (
  section text,
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
    'NET',
    concat_ws(',', w.window_id, w.netting_set, a.client_id, coalesce(c.client_id, ''), s.asset,
      trim_scale(n.amount::numeric), trim_scale(n.gross_in::numeric),
      trim_scale(n.gross_out::numeric))
  from clearing.windows as w
  join clearing.nets as n
    on n.segment_id = w.segment_id
    and n.window_id = w.window_id
  join reference.participants as a
    on a.participant_id = n.participant_id
  left join reference.participants as c
    on c.participant_id = n.counterparty_id
  join reference.assets as s
    on s.asset_id = n.asset_id
  where w.segment_id = p_segment_id
    and w.settled_at >= v_period.starts_at
    and w.settled_at < v_period.ends_at
  union all
  select
    'FAIL',
    concat_ws(',', i.instruction_id, s.symbol, b.client_id, l.client_id,
      trim_scale(i.quantity::numeric), trim_scale(i.notional::numeric), i.value_date)
  from settlement.instructions as i
  join ops.period_cuts as k
    on k.segment_id = p_segment_id
    and k.period_no = p_period_no
    and k.symbol_id = i.symbol_id
    and (i.instruction_id < 1000000000000 or i.instruction_id % 1000000000000 <= k.last_seq)
  left join settlement.cancelled_instructions as x
    on x.segment_id = i.segment_id
    and x.instruction_id = i.instruction_id
  join reference.symbols as s
    on s.symbol_id = i.symbol_id
  join reference.participants as b
    on b.participant_id = i.buyer_id
  join reference.participants as l
    on l.participant_id = i.seller_id
  where i.segment_id = p_segment_id
    and i.created_at < v_period.ends_at
    and i.value_date <= (v_period.ends_at - interval '1 microsecond') at time zone 'UTC'
    and (i.settled_at >= v_period.ends_at or i.settled_at is null)
    and (x.cancelled_at >= v_period.ends_at or x.instruction_id is null)
  union all
  select 'BREAK', concat_ws(',', b.break_id, b.kind, b.key, coalesce(b.kept, ''),
    coalesce(b.derived, ''))
  from ops.breaks as b
  where b.segment_id = p_segment_id
    and b.found_at < v_period.ends_at
    and (b.closed_at is null or b.closed_at >= v_period.ends_at);
end;
$$;
comment on function ops.pack_rest is
  'nets of a closed period, its fails and its breaks, a line each';
