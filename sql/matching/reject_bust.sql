-- Rejects a bust: the trade stands. Takes who rejects (who asked may take it back) and why.
-- Writes and locks: the row. Raises: NFBST, IVOPR, IVRSN (no reason), STBST (it is decided
-- already).
create or replace function matching.reject_bust(
  p_segment_id int,
  p_bust_id bigint,
  p_by text,
  p_reason text,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_bust matching.trade_busts :=
    matching.lock_bust(p_segment_id, p_bust_id, p_by, 'REJECTED');
begin
  perform ledger.refuse_reason(p_reason);
  if v_bust.status = 'REJECTED' then
    return;
  end if;

  update matching.trade_busts as b
  set status = 'REJECTED',
    decided_by = p_by,
    decided_at = p_now,
    reject_reason = p_reason
  where b.segment_id = p_segment_id
    and b.bust_id = p_bust_id;
end;
$$;
comment on function matching.reject_bust is 'rejects a bust: the trade stands';
