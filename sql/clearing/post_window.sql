-- Writes the nets of a window, and the transfers that settle it: by trade where its mode says so,
-- of each net to or from the clearing account, or of a pair from one to the other.
-- Writes: clearing.nets, ledger.transfers.
create or replace function clearing.post_window(
  p_window clearing.windows,
  p_journal_id bigint,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_mode clearing.netting_mode;
  v_clearing_id int := reference.clearing_id();
begin
  select s.mode into strict v_mode
  from clearing.netting_sets as s
  where s.segment_id = p_window.segment_id
    and s.netting_set = p_window.netting_set;

  insert into clearing.nets (
    segment_id, window_id, participant_id, counterparty_id, asset_id, amount, gross_in, gross_out
  )
  select
    p_window.segment_id, p_window.window_id, n.participant_id, n.counterparty_id, n.asset_id,
    n.amount, n.gross_in, n.gross_out
  from clearing.window_nets(p_window.segment_id, p_window.window_id) as n;

  insert into ledger.transfers
  select
    p_window.segment_id, p_journal_id, row_number() over (order by t.kind, t.debit_id, t.credit_id,
      t.asset_id, t.instruction_id), t.kind, t.asset_id, t.debit_id, t.credit_id, t.amount,
    t.instruction_id, p_now
  from (
    select
      f.kind, f.asset_id, f.participant_id as debit_id, f.counterparty_id as credit_id,
      -f.amount as amount, f.instruction_id
    from clearing.window_flows(p_window.segment_id, p_window.window_id) as f
    where v_mode = 'NET_CASH'
      and f.kind = 'DELIVERY'
      and f.amount < 0
    union all
    select
      'NET', c.asset_id,
      case when c.amount < 0 then c.participant_id else c.counterparty_id end,
      case when c.amount < 0 then c.counterparty_id else c.participant_id end, abs(c.amount), null
    from clearing.net_transfers(p_window, v_mode, v_clearing_id) as c
  ) as t (kind, asset_id, debit_id, credit_id, amount, instruction_id);
end;
$$;
comment on function clearing.post_window is 'writes the nets of a window and their transfers';
