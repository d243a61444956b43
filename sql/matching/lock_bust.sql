-- The row of a bust, locked to the end of the transaction, for whoever decides about it: the second
-- one sees what the first one did. The same decision again by the same operator finds it decided so
-- and is answered as the first time. Raises: NFBST when there is none, IVOPR, STBST when it is
-- decided otherwise.
create or replace function matching.lock_bust(
  p_segment_id int,
  p_bust_id bigint,
  p_by text,
  p_status matching.bust_status
) returns matching.trade_busts
language plpgsql volatile
as $$
declare
  v_bust matching.trade_busts;
begin
  perform ledger.refuse_operator(p_by);
  select b.* into v_bust
  from matching.trade_busts as b
  where b.segment_id = p_segment_id
    and b.bust_id = p_bust_id
  for no key update of b;

  if not found then
    raise exception 'there is no bust %', p_bust_id
      using errcode = 'NFBST', hint = 'UNKNOWN_BUST';
  elsif v_bust.status <> 'PENDING'
    and (v_bust.status <> p_status or lower(v_bust.decided_by) <> lower(p_by)) then
    raise exception 'bust % is %', p_bust_id, v_bust.status
      using errcode = 'STBST', hint = 'ALREADY_DECIDED';
  end if;
  return v_bust;
end;
$$;
comment on function matching.lock_bust is 'the row of a bust, locked to be decided about';
