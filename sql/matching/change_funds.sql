-- Puts what a batch did to its parties' money on their accounts: holds taken and released, and what
-- its trades will move when they settle. One change an account.
-- Returns false, with nothing written, when somebody's funds are short by now; their accounts are
-- then locked. Locks and writes: ledger.accounts, in key order.
create or replace function matching.change_funds(
  p_symbol reference.symbols,
  p_outcome matching.outcome
) returns boolean
language plpgsql volatile
as $$
declare
  v_changes ledger.account_change[];
begin
  with f as materialized (
    select
      t.buyer_id, t.seller_id, t.quantity, t.price * t.quantity as notional, t.buyer_fee,
      t.seller_fee
    from matching.fills(p_outcome) as t
  ), p as (
    -- By participant: base held, to come, to go; quote held, to come, to go.
    select
      c.id, sum(c.bh) + sum(c.bo) as bh, sum(c.bi) as bi, sum(c.bo) as bo,
      sum(c.qh) + sum(c.qo) as qh, sum(c.qi) as qi, sum(c.qo) as qo
    from (
      select
        s.owner_id, sum(case when s.sort_price > 0 then s.hold - s.hold_before else 0 end), 0, 0,
        sum(case when s.sort_price < 0 then s.hold - s.hold_before else 0 end), 0, 0
      from unnest(
        (p_outcome.slots).owner_id, (p_outcome.slots).sort_price, (p_outcome.slots).hold,
        p_outcome.holds_before
      ) as s (owner_id, sort_price, hold, hold_before)
      where s.hold <> s.hold_before
      group by s.owner_id
      union all
      select f.buyer_id, 0, sum(f.quantity), 0, 0, 0, sum(f.notional) + sum(f.buyer_fee)
      from f
      group by f.buyer_id
      union all
      select f.seller_id, 0, 0, sum(f.quantity), 0, sum(f.notional) - sum(f.seller_fee), 0
      from f
      group by f.seller_id
    ) as c (id, bh, bi, bo, qh, qi, qo)
    group by c.id
  )
  select array_agg(
    row(p.id, a.asset_id, 0, a.held, a.due_in, a.due_out)::ledger.account_change
  )
  into v_changes
  from p
  cross join lateral (
    values
      (p_symbol.base_asset_id, p.bh, p.bi, p.bo), (p_symbol.quote_asset_id, p.qh, p.qi, p.qo)
  ) as a (asset_id, held, due_in, due_out)
  where a.held <> 0
    or a.due_in <> 0
    or a.due_out <> 0;

  return v_changes is null or ledger.change_accounts(p_symbol.segment_id, v_changes);
end;
$$;
comment on function matching.change_funds is
  'puts the holds and obligations of a batch on the accounts';
