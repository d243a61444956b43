-- Asks for a transfer that corrects the books since an earlier time; two others approve it. See
-- ledger.request_adjustment. Returns its number.
--   select adjust('external', 'client-A', 'USD', 12.5, '2026-03-02 15:00Z', 'booked late', 'ann');
-- Raises: NFPAR, IVPAR, NFAST, IVAMT, IVADJ, STPER, IVRSN, IVOPR.
create or replace function ops.adjust(
  p_from text,
  p_to text,
  p_asset text,
  p_amount numeric,
  p_effective_at timestamptz,
  p_reason text,
  p_by text default session_user,
  p_segment_id int default 1,
  p_now timestamptz default now()
) returns bigint -- adjustment id
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    ledger.request_adjustment(
      p_segment_id, p_from, p_to, p_asset, p_amount, p_effective_at, p_reason, p_by, p_now
    )
  ).adjustment_id;
end;
$$;
comment on function ops.adjust is
  'adjust(from, to, asset, amount, since, reason): corrects the books once two others approve';
revoke execute on function ops.adjust from public;
grant execute on function ops.adjust to pgsettle_operator;
