-- Which accounts cannot pay what a window that is not settled leaves them to pay, and how much is
-- missing, in the asset. Reads only.
create or replace function clearing.funding_gaps(
  p_segment_id int,
  p_window_id bigint
) returns table (
  participant_id int,
  asset_id int,
  gap numeric
)
language sql stable
as $$
  select g.participant_id, g.asset_id, g.gap
  from clearing.gaps_of(
    p_segment_id, clearing.window_parts(p_segment_id, p_window_id)
  ) as g
$$;
comment on function clearing.funding_gaps is 'which accounts cannot pay their net, and how much';
