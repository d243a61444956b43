-- The lines of the account statement of a participant, oldest first [LED-033]: see
-- ledger.statement_lines. The cursor is that of the last row seen; the first is the number that
-- api.statement_sums gives, and no line is behind it. Reads only. Raises: NFPAR, NFAST.
create or replace function api.statement_lines(
  p_segment_id int,
  p_client_id text,
  p_asset text,
  p_from timestamptz,
  p_to timestamptz,
  p_cursor text,
  p_limit int
) returns table (
  transfer_id text,
  finality_no bigint,
  posted_at timestamptz,
  effective_at timestamptz,
  kind text,
  asset text,
  amount numeric,
  counterparty text,
  settlement_id bigint,
  cursor text
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_participant_id int := (reference.get_participant(p_client_id)).participant_id;
  v_asset_id int;
  v_last_no bigint := split_part(p_cursor, '_', 1);
begin
  if p_asset is not null then
    v_asset_id := (reference.get_asset(p_asset)).asset_id;
  end if;

  return query
  select
    s.journal_id || '-' || s.line_no, s.finality_no, s.posted_at, s.effective_at, s.kind::text,
    a.asset, trim_scale(s.amount), p.client_id, s.instruction_id,
    concat_ws('_', v_last_no, s.finality_no, s.line_no)
  from ledger.statement_lines(
    p_segment_id, v_participant_id, v_asset_id, coalesce(p_from, '-infinity'),
    coalesce(p_to, 'infinity'), v_last_no,
    coalesce(nullif(split_part(p_cursor, '_', 2), ''), '0')::bigint,
    coalesce(nullif(split_part(p_cursor, '_', 3), ''), '0')::int, p_limit
  ) as s
  join reference.assets as a
    on a.asset_id = s.asset_id
  join reference.participants as p
    on p.participant_id = s.counterparty_id
  order by s.finality_no, s.line_no;
end;
$$;
comment on function api.statement_lines is 'the lines of an account statement, oldest first';
revoke execute on function api.statement_lines from public;
grant execute on function api.statement_lines to pgsettle_app;
