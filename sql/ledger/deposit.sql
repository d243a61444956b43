-- Books money that came in from outside: a transfer from the outside world to the participant.
-- Takes the amount in the asset and the caller's key. A repeat of the key answers with the first
-- deposit; with another asset or amount it is refused.
-- Writes: ledger.deposits, transfers, accounts, journals. Locks: the two accounts, segment_state.
-- Raises: NFPAR (for the world outside too), NFAST, IVAMT (not a positive multiple of the unit),
-- RJKEY (key used for another).
create or replace function ledger.deposit(
  p_segment_id int,
  p_client_id text,
  p_asset text,
  p_amount numeric,
  p_key text,
  p_now timestamptz
) returns ledger.deposits
language plpgsql volatile
as $$
declare
  v_participant reference.participants := reference.get_participant(p_client_id);
  v_asset reference.assets := reference.get_asset(p_asset);
  v_external_id int := reference.external_id();
  v_deposit ledger.deposits;
begin
  if v_participant.participant_id = v_external_id then
    raise exception 'the world outside cannot pay itself'
      using errcode = 'NFPAR', hint = 'UNKNOWN_PARTICIPANT', column = 'client_id';
  end if;

  perform ledger.refuse_amount(p_amount, v_asset.decimals);

  insert into ledger.deposits
  values (
    p_segment_id, v_participant.participant_id, p_key, v_asset.asset_id, p_amount,
    nextval('ledger.journal_ids'), p_now
  )
  on conflict do nothing
  returning * into v_deposit;

  if not found then
    select d.* into strict v_deposit
    from ledger.deposits as d
    where d.segment_id = p_segment_id
      and d.participant_id = v_participant.participant_id
      and d.idempotency_key = p_key;

    if v_deposit.asset_id <> v_asset.asset_id or v_deposit.amount <> p_amount then
      raise exception 'key % was used for another deposit', p_key
        using errcode = 'RJKEY', hint = 'KEY_REUSED', column = 'idempotency_key';
    end if;
    return v_deposit;
  end if;

  insert into ledger.transfers
  values (
    p_segment_id, v_deposit.journal_id, 1, 'DEPOSIT', v_asset.asset_id, v_external_id,
    v_participant.participant_id, p_amount, null, p_now
  );
  perform ledger.change_accounts(p_segment_id, array[
    row(v_participant.participant_id, v_asset.asset_id, p_amount, 0, 0, 0),
    row(v_external_id, v_asset.asset_id, -p_amount, 0, 0, 0)
  ]::ledger.account_change[]);
  perform ledger.post_journal(
    p_segment_id, v_deposit.journal_id, 'DEPOSIT', p_now, '{}',
    ledger.posted_lines(p_segment_id, v_deposit.journal_id, p_now)
  );

  return v_deposit;
end;
$$;
comment on function ledger.deposit is 'books money from outside to a participant, once a key';
