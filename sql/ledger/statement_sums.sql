-- The sums of an account statement, by asset: what a participant had before p_from, what came and
-- what went until before p_to, and what it had then, all in one snapshot [LED-033]; and the number
-- of the last journal in it, so that the lines can be read afterwards. By the time of posting. Of
-- one asset, or (null) of all. Reads only. Raises: IVPER (the end is not behind the begin).
create or replace function ledger.statement_sums(
  p_segment_id int,
  p_participant_id int,
  p_asset_id int,
  p_from timestamptz,
  p_to timestamptz
) returns table (
  asset_id int,
  opening numeric,
  incoming numeric,
  outgoing numeric,
  closing numeric,
  last_finality_no bigint
)
language plpgsql stable
as $$
begin
  if (p_from < p_to) is not true then
    raise exception 'a statement ends behind its begin'
      using errcode = 'IVPER', hint = 'BAD_PERIOD', column = 'to';
  end if;

  return query
  select
    m.asset_id, sum(m.opening), sum(m.incoming), sum(m.outgoing),
    sum(m.opening + m.incoming - m.outgoing),
    (
      select s.last_finality_no
      from ledger.segment_state as s
      where s.segment_id = p_segment_id
    )
  from (
    select b.asset_id, b.posted, 0::numeric, 0::numeric
    from ledger.posted_before(p_segment_id, p_participant_id, p_from) as b
    union all
    select
      t.asset_id, 0,
      case t.credit_participant_id when p_participant_id then t.amount else 0 end,
      case t.debit_participant_id when p_participant_id then t.amount else 0 end
    from ledger.transfers as t
    where t.segment_id = p_segment_id
      and t.posted_at >= p_from
      and t.posted_at < p_to
      and p_participant_id in (t.debit_participant_id, t.credit_participant_id)
  ) as m (asset_id, opening, incoming, outgoing)
  where m.asset_id = coalesce(p_asset_id, m.asset_id)
  group by m.asset_id;
end;
$$;
comment on function ledger.statement_sums is
  'opening, what came and went, and closing of an account statement, by asset';
