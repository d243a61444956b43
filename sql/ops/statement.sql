-- The account statement of a participant: for each asset what it had before p_from, each transfer
-- of whatever kind, and what it had before p_to: OPENING and all lines add up to CLOSING [LED-033].
--   \copy (select * from statement('client-A', '2026-03-01', '2026-04-01')) to a.csv csv header
-- Takes the begin and the end, which is not in it, by the time of posting. Reads only.
-- Raises: NFPAR, IVPER.
create or replace function ops.statement(
  p_client_id text,
  p_from timestamptz default '-infinity',
  p_to timestamptz default 'infinity',
  p_segment_id int default 1
) returns table (
  asset text,
  line text,
  finality_no bigint,
  transfer_id text,
  posted_at timestamptz,
  effective_at timestamptz,
  counterparty text,
  settlement_id bigint,
  amount numeric
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_participant_id int := (reference.get_participant(p_client_id)).participant_id;
begin
  return query
  with sums as materialized (
    select s.* from ledger.statement_sums(p_segment_id, v_participant_id, null, p_from, p_to) as s
  )
  select
    a.asset, u.line, u.finality_no, u.transfer_id, u.posted_at, u.effective_at, p.client_id,
    u.instruction_id, trim_scale(u.amount)
  from (
    select s.asset_id, 1 as place, 'OPENING' as line, null::bigint as finality_no,
      null::int as line_no, null as transfer_id, null::timestamptz as posted_at,
      null::timestamptz as effective_at, null::int as counterparty_id,
      null::bigint as instruction_id, s.opening as amount
    from sums as s
    union all
    select l.asset_id, 2, l.kind::text, l.finality_no, l.line_no, l.journal_id || '-' || l.line_no,
      l.posted_at, l.effective_at, l.counterparty_id, l.instruction_id, l.amount
    from ledger.statement_lines(
      p_segment_id, v_participant_id, null, p_from, p_to,
      (select max(s.last_finality_no) from sums as s), 0, 0, null
    ) as l
    union all
    select s.asset_id, 3, 'CLOSING', null, null, null, null, null, null, null, s.closing
    from sums as s
  ) as u
  join reference.assets as a
    on a.asset_id = u.asset_id
  left join reference.participants as p
    on p.participant_id = u.counterparty_id
  order by a.asset, u.place, u.finality_no, u.line_no;
end;
$$;
comment on function ops.statement is
  'statement(client, from, to): opening, all transfers and closing of each asset';
revoke execute on function ops.statement from public;
grant execute on function ops.statement to pgsettle_operator, pgsettle_auditor;
