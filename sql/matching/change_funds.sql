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
  select array_agg(
    row(d.participant_id, d.asset_id, 0, d.held, d.due_in, d.due_out)::ledger.account_change
  )
  into v_changes
  from (
    select
      c.participant_id, c.asset_id, sum(c.held) + sum(c.due_out) as held, sum(c.due_in) as due_in,
      sum(c.due_out) as due_out
    from (
      select
        s.owner_id as participant_id,
        case when s.sort_price > 0 then p_symbol.base_asset_id
          else p_symbol.quote_asset_id end as asset_id,
        s.hold - s.hold_before as held, 0::numeric as due_in, 0::numeric as due_out
      from unnest(
        (p_outcome.slots).owner_id, (p_outcome.slots).sort_price, (p_outcome.slots).hold,
        p_outcome.holds_before
      ) as s (owner_id, sort_price, hold, hold_before)
      where s.hold <> s.hold_before
      union all
      select l.participant_id, l.asset_id, 0, l.due_in, l.due_out
      from matching.fills(p_outcome) as f
      cross join lateral (
        values
          (f.buyer_id, p_symbol.base_asset_id, f.quantity, 0),
          (f.buyer_id, p_symbol.quote_asset_id, 0, f.price * f.quantity + f.buyer_fee),
          (f.seller_id, p_symbol.base_asset_id, 0, f.quantity),
          (f.seller_id, p_symbol.quote_asset_id, f.price * f.quantity - f.seller_fee, 0)
      ) as l (participant_id, asset_id, due_in, due_out)
    ) as c
    group by c.participant_id, c.asset_id
  ) as d;

  return v_changes is null or ledger.change_accounts(p_symbol.segment_id, v_changes);
end;
$$;
comment on function matching.change_funds is
  'puts the holds and obligations of a batch on the accounts';
