-- Moves what is available from one account to another of the same owner, at once and free
-- [LED-035]. Takes the amount in the asset and the caller's key; a repeat of the key answers with
-- the first transfer, another under it is refused.
-- Writes: ledger.internal_transfers, transfers, accounts, journals. Locks: the key, the two
-- accounts, segment_state.
-- Raises: NFPAR, IVPAR (to itself), RJOWN (of another owner), NFAST, IVAMT, RJKEY, RJFND, STPER.
create or replace function ledger.transfer_internal(
  p_segment_id int,
  p_from text,
  p_to text,
  p_asset text,
  p_amount numeric,
  p_key text,
  p_now timestamptz
) returns ledger.internal_transfers
language plpgsql volatile
as $$
declare
  v_from_id int := (reference.get_participant(p_from)).participant_id;
  v_to_id int := (reference.get_participant(p_to)).participant_id;
  v_asset reference.assets := reference.get_asset(p_asset);
  v_transfer ledger.internal_transfers;
begin
  if v_from_id = v_to_id then
    raise exception 'a participant cannot give to itself'
      using errcode = 'IVPAR', hint = 'SAME_PARTICIPANT', column = 'to';
  elsif reference.owner_id(v_from_id) <> reference.owner_id(v_to_id) then
    raise exception 'the two accounts are not of one owner'
      using errcode = 'RJOWN', hint = 'OTHER_OWNER', column = 'to';
  end if;
  perform ledger.refuse_amount(p_amount, v_asset.decimals);

  insert into ledger.internal_transfers
  values (
    p_segment_id, v_from_id, p_key, v_to_id, v_asset.asset_id, p_amount,
    nextval('ledger.journal_ids'), p_now
  )
  on conflict do nothing
  returning * into v_transfer;
  if not found then
    select t.* into strict v_transfer
    from ledger.internal_transfers as t
    where t.segment_id = p_segment_id
      and t.from_id = v_from_id
      and t.idempotency_key = p_key;
    if (v_transfer.to_id, v_transfer.asset_id, v_transfer.amount)
      <> (v_to_id, v_asset.asset_id, p_amount) then
      raise exception 'key % was used for another transfer', p_key
        using errcode = 'RJKEY', hint = 'KEY_REUSED', column = 'idempotency_key';
    end if;
    return v_transfer;
  end if;

  insert into ledger.transfers
  values (
    p_segment_id, v_transfer.journal_id, 1, 'INTERNAL', v_asset.asset_id, v_from_id, v_to_id,
    p_amount, null, p_now
  );
  if not ledger.change_accounts(p_segment_id, array[
    row(v_from_id, v_asset.asset_id, -p_amount, 0, 0, 0),
    row(v_to_id, v_asset.asset_id, p_amount, 0, 0, 0)
  ]::ledger.account_change[]) then
    raise exception 'less than % is available', p_amount
      using errcode = 'RJFND', hint = 'INSUFFICIENT_FUNDS', column = 'amount';
  end if;
  perform ledger.post_journal(
    p_segment_id, v_transfer.journal_id, 'INTERNAL', p_now, '{}',
    ledger.posted_lines(p_segment_id, v_transfer.journal_id, p_now)
  );
  return v_transfer;
end;
$$;
comment on function ledger.transfer_internal is
  'moves what is available to another account of the same owner, once a key';
