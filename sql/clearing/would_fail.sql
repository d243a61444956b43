-- Who would be left out of a window that is not settled, if it settled now: as clearing.lock_window
-- does it, one at a time, because who counts on the money of one that is left out may be short
-- itself then [CLR-006]. Returns what each lacks when its turn comes, by account, in the asset.
-- Reads only: who could not go, as all of it is prefunded, stands there, too.
create or replace function clearing.would_fail(
  p_segment_id int,
  p_window_id bigint
) returns table (
  participant_id int,
  asset_id int,
  gap numeric
)
language plpgsql stable
as $$
declare
  v_parts settlement.part[] := clearing.window_parts(p_segment_id, p_window_id);
  v_out_ids int[] := '{}';
  v_short_id int;
begin
  loop
    select min(g.participant_id) into v_short_id
    from clearing.gaps_of(p_segment_id, v_parts) as g
    where g.participant_id <> all (v_out_ids);
    exit when v_short_id is null;

    return query
    select g.participant_id, g.asset_id, g.gap
    from clearing.gaps_of(p_segment_id, v_parts) as g
    where g.participant_id = v_short_id;

    v_out_ids := v_out_ids || v_short_id;
    v_parts := array(
      select p
      from unnest(v_parts) as p
      where p.is_prefunded
        or v_short_id not in (p.buyer_id, p.seller_id)
    );
  end loop;
end;
$$;
comment on function clearing.would_fail is 'who would be left out of a window, and what is missing';
