-- Asks for money to be paid out: holds it until the withdrawal is posted or rejected [LED-020].
-- Takes the amount in the asset, the caller's key and who asks (null: the participant). A repeat of
-- the key answers with the withdrawal as it is now; with another asset or amount it is refused.
-- The limit is looked at behind the account's lock, so that two requests cannot both have the last
-- of it [LED-021].
-- Writes: ledger.withdrawals, accounts. Locks: the withdrawal's key, the account.
-- Raises: NFPAR (for the world outside too), NFAST, IVAMT, IVOPR, RJKEY, RJFND (more than is
-- available), RJLIM (more than the limit of 24 hours leaves).
create or replace function ledger.request_withdrawal(
  p_segment_id int,
  p_client_id text,
  p_asset text,
  p_amount numeric,
  p_key text,
  p_by text,
  p_now timestamptz
) returns ledger.withdrawals
language plpgsql volatile
as $$
declare
  v_participant reference.participants := reference.get_participant(p_client_id);
  v_asset reference.assets := reference.get_asset(p_asset);
  v_withdrawal ledger.withdrawals;
  v_left numeric;
begin
  if v_participant.participant_id = reference.external_id() then
    raise exception 'the world outside cannot pay itself'
      using errcode = 'NFPAR', hint = 'UNKNOWN_PARTICIPANT', column = 'client_id';
  end if;
  perform ledger.refuse_amount(p_amount, v_asset.decimals);
  perform ledger.refuse_operator(coalesce(p_by, p_client_id));

  insert into ledger.withdrawals (
    segment_id, withdrawal_id, participant_id, asset_id, amount, idempotency_key, requested_by,
    created_at
  )
  values (
    p_segment_id, nextval('ledger.withdrawal_ids'), v_participant.participant_id, v_asset.asset_id,
    p_amount, p_key, coalesce(p_by, p_client_id), p_now
  )
  on conflict on constraint withdrawal_key_is_used_once do nothing
  returning * into v_withdrawal;

  if not found then
    select w.* into strict v_withdrawal
    from ledger.withdrawals as w
    where w.segment_id = p_segment_id
      and w.participant_id = v_participant.participant_id
      and w.idempotency_key = p_key;

    if v_withdrawal.asset_id <> v_asset.asset_id or v_withdrawal.amount <> p_amount then
      raise exception 'key % was used for another withdrawal', p_key
        using errcode = 'RJKEY', hint = 'KEY_REUSED', column = 'idempotency_key';
    end if;
    return v_withdrawal;
  end if;

  if not ledger.change_accounts(p_segment_id, array[
    row(v_participant.participant_id, v_asset.asset_id, 0, p_amount, 0, 0)
  ]::ledger.account_change[]) then
    raise exception 'less than % is available', p_amount
      using errcode = 'RJFND', hint = 'INSUFFICIENT_FUNDS', column = 'amount';
  end if;

  v_left := ledger.withdrawal_limit(p_segment_id, v_participant.participant_id, v_asset.asset_id)
    - ledger.withdrawn_amount(
      p_segment_id, v_participant.participant_id, v_asset.asset_id, p_now
    );
  if v_left < 0 then
    raise exception 'the limit of 24 hours is passed by %', -v_left
      using errcode = 'RJLIM', hint = 'WITHDRAWAL_LIMIT', column = 'amount';
  end if;

  return v_withdrawal;
end;
$$;
comment on function ledger.request_withdrawal is
  'asks for money to be paid out and holds it, once a key';
