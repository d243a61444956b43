-- Makes a closed window payable: locks the accounts of all that it moves, and leaves out, one at a
-- time in their order, participants that cannot pay their net, until all others can [CLR-006].
-- Who is left out needs the next window, and whoever trades locks that before accounts: when it
-- turns out to be needed, the accounts are let go, and locked again behind it.
-- Locks: where somebody is short the next window; the accounts in key order. Writes:
-- settlement.waiting_instructions, events, clearing.windows.
-- Raises: NVACC when one cannot pay what is held for it: a broken invariant.
create or replace function clearing.lock_window(
  p_window clearing.windows,
  p_now timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_accounts record;
  v_next_id bigint;
  v_short_id int;
begin
  select
    array_agg(c.participant_id order by c.participant_id, c.asset_id) as participant_ids,
    array_agg(c.asset_id order by c.participant_id, c.asset_id) as asset_ids
  into v_accounts
  from unnest(settlement.part_changes(
    clearing.window_parts(p_window.segment_id, p_window.window_id)
  )) as c;

  loop
    begin
      perform ledger.lock_accounts(
        p_window.segment_id, v_accounts.participant_ids, v_accounts.asset_ids
      );
      loop
        select g.participant_id into v_short_id
        from clearing.funding_gaps(p_window.segment_id, p_window.window_id) as g
        order by g.participant_id
        limit 1;
        if v_short_id is null then
          return;
        elsif v_next_id is null then
          raise exception 'the next window is needed'
            using errcode = 'LKWIN', hint = 'NEXT_WINDOW';
        elsif clearing.leave_out(p_window, v_short_id, p_now) = 0 then
          raise exception 'participant % cannot pay what is held for it', v_short_id
            using errcode = 'NVACC';
        end if;
      end loop;
    exception when sqlstate 'LKWIN' then
      v_next_id := clearing.open_window(p_window.segment_id, p_window.netting_set, p_now);
    end;
  end loop;
end;
$$;
comment on function clearing.lock_window is 'leaves out of a window who cannot pay';
