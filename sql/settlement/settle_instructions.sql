-- Settles claimed instructions, delivery against payment: all legs and fees of all of them are
-- posted as one journal, or none [SET-002]. Each gives up to four transfers: the base from the
-- seller to the buyer, the notional from the buyer to the seller, and a fee from each to the house
-- (a negative fee is a rebate from the house).
-- Takes the claimed ids. Returns how many it settled: an id that is no longer pending is passed
-- over.
-- Locks: the accounts in key order, last the segment's counter. Writes: all of the settlement.
-- Raises: NVACC when an account cannot pay what was held for it: a broken invariant.
create or replace function settlement.settle_instructions(
  p_segment_id int,
  p_now timestamptz,
  p_instruction_ids bigint[]
) returns int
language plpgsql volatile
as $$
declare
  v_journal_id bigint := nextval('ledger.journal_ids');
  v_settled int;
  v_transfers int;
  v_changes ledger.account_change[];
begin
  with gone as (
    delete from settlement.pending_instructions as i
    using reference.ids(p_instruction_ids) as c (id)
    where i.segment_id = p_segment_id
      and i.instruction_id = c.id
    returning i.*
  ), settled as (
    insert into settlement.settled_instructions
    select
      g.segment_id, g.instruction_id, g.symbol_id, g.buyer_id, g.seller_id, g.base_asset_id,
      g.quote_asset_id, g.quantity, g.notional, g.buyer_fee, g.seller_fee, g.value_date,
      g.attempts + 1, g.created_at, p_now, v_journal_id
    from gone as g
    returning instruction_id
  ), posted as (
    insert into ledger.transfers
    select
      g.segment_id, v_journal_id, row_number() over (), l.kind, l.asset_id, l.debit_id, l.credit_id,
      l.amount, g.instruction_id, p_now
    from gone as g
    cross join lateral settlement.legs(
      g.base_asset_id, g.quote_asset_id, g.buyer_id, g.seller_id, g.quantity, g.notional,
      g.buyer_fee, g.seller_fee
    ) as l
    returning line_no
  ), changes as (
    select c.participant_id, c.asset_id, sum(c.posted) as posted, sum(c.due_out) as due_out,
      sum(c.due_in) as due_in
    from gone as g
    cross join lateral (
      values
        (g.buyer_id, g.base_asset_id, g.quantity, 0, g.quantity),
        (g.seller_id, g.base_asset_id, -g.quantity, g.quantity, 0),
        (g.buyer_id, g.quote_asset_id, -g.notional - g.buyer_fee, g.notional + g.buyer_fee, 0),
        (g.seller_id, g.quote_asset_id, g.notional - g.seller_fee, 0, g.notional - g.seller_fee),
        (reference.house_id(), g.quote_asset_id, g.buyer_fee + g.seller_fee, 0, 0)
    ) as c (participant_id, asset_id, posted, due_out, due_in)
    group by c.participant_id, c.asset_id
  )
  select
    array_agg(
      row(c.participant_id, c.asset_id, c.posted, -c.due_out, -c.due_in, -c.due_out)
        ::ledger.account_change
    ),
    (select count(*) from settled), (select count(*) from posted)
  into v_changes, v_settled, v_transfers
  from changes as c;

  if v_settled = 0 then
    return 0;
  end if;

  if not ledger.change_accounts(p_segment_id, v_changes) then
    raise exception 'an account cannot pay what was held for it' using errcode = 'NVACC';
  end if;

  perform ledger.post_journal(
    p_segment_id, v_journal_id, 'SETTLEMENT', p_now, p_instruction_ids, v_transfers
  );
  return v_settled;
end;
$$;
comment on function settlement.settle_instructions is
  'posts the legs and fees of claimed instructions as one journal';
