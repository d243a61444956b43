-- Posts parts of claimed instructions, delivery against payment [SET-002]. An instruction whose
-- last part this is, is settled; another stays, with the rest. What a reversal moves names what it
-- reverses [BST-006]. The caller writes the journal, last.
-- Locks: the accounts in key order. Writes: ledger.transfers, accounts, settlement.parts,
-- waiting_instructions, settled_instructions.
-- Raises: NVACC when an account cannot pay.
create or replace function settlement.post_parts(
  p_segment_id int,
  p_now timestamptz,
  p_journal_id bigint,
  p_parts settlement.part[]
) returns void
language plpgsql volatile
as $$
begin
  insert into ledger.transfers
  select
    p_segment_id, p_journal_id, 4 * p.n + l.leg_no,
    case when r.reversal_id is null then l.kind else 'REVERSAL' end, l.asset_id, l.debit_id,
    l.credit_id, l.amount, coalesce(r.instruction_id, p.instruction_id), p_now
  from (select u.*, row_number() over () - 1 as n from unnest(p_parts) as u) as p
  left join settlement.reversals as r
    on r.segment_id = p_segment_id
    and r.reversal_id = p.instruction_id
  cross join lateral settlement.legs(
    p.base_asset_id, p.quote_asset_id, p.buyer_id, p.seller_id, p.quantity, p.notional,
    p.buyer_fee, p.seller_fee
  ) as l;

  insert into settlement.parts
  select
    p_segment_id, p.instruction_id, 1 + (
      select count(*)
      from settlement.parts as s
      where s.segment_id = p_segment_id
        and s.instruction_id = p.instruction_id
    ), p.quantity, p.notional, p.buyer_fee, p.seller_fee, p_now, p_journal_id
  from unnest(p_parts) as p;

  perform settlement.record_parts(p_segment_id, p_now, p_journal_id, p_parts);

  if not ledger.change_accounts(p_segment_id, settlement.part_changes(p_parts)) then
    raise exception 'an account cannot pay what was chosen to settle' using errcode = 'NVACC';
  end if;
end;
$$;
comment on function settlement.post_parts is 'posts parts of instructions, all or none';
