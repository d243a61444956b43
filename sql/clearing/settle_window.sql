-- Settles a closed window: all that is left of it in one journal, or nothing [CLR-006]. Assets and
-- cash go by net, or, in a set of mode NET_CASH, assets by trade and cash by net; by the clearing
-- account, or between each pair. Each instruction is taken up: CANCELLED, netted into the window.
-- Returns how many instructions were taken up; null when there is nothing to settle here, or
-- another does it.
-- Locks: the window's row, its instructions, the next window, accounts in key order, last the
-- segment's counter. Writes: clearing.windows, nets, ledger.*, settlement.waiting_instructions,
-- cancelled_instructions, events.
create or replace function clearing.settle_window(
  p_segment_id int,
  p_window_id bigint,
  p_now timestamptz
) returns int
language plpgsql volatile
as $$
declare
  v_window clearing.windows;
  v_journal_id bigint := nextval('ledger.journal_ids');
  v_parts settlement.part[];
begin
  select w.* into v_window
  from clearing.windows as w
  where w.segment_id = p_segment_id
    and w.window_id = p_window_id
    and w.closed_at is not null
    and w.settled_at is null
  for update skip locked;
  if not found then
    return null;
  end if;

  perform
  from settlement.waiting_instructions as i
  where i.segment_id = p_segment_id
    and i.window_id = p_window_id
  order by i.instruction_id
  for update;
  perform clearing.lock_window(v_window, p_now);

  v_parts := clearing.window_parts(p_segment_id, p_window_id);
  perform clearing.post_window(v_window, v_journal_id, p_now);
  perform clearing.take_up(v_window, p_now);
  if v_parts is not null
    and not ledger.change_accounts(p_segment_id, settlement.part_changes(v_parts)) then
    raise exception 'an account cannot pay its net' using errcode = 'NVACC';
  end if;

  update clearing.windows as w
  set settled_at = p_now,
    journal_id = v_journal_id
  where w.segment_id = p_segment_id
    and w.window_id = p_window_id;
  perform ledger.post_journal(
    p_segment_id, v_journal_id, 'NETTING', p_now, '{}',
    ledger.posted_lines(p_segment_id, v_journal_id, p_now)
  );
  return coalesce(cardinality(v_parts), 0);
end;
$$;
comment on function clearing.settle_window is 'settles a closed window by its nets';
