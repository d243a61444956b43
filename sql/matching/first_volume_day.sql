-- The first of the 30 days, by UTC, whose trades count for the tiers of a time: that of the time is
-- the last [LED-042]. Reads nothing.
create or replace function matching.first_volume_day(
  p_at timestamptz
) returns date
language sql immutable parallel safe
as $$
  select (p_at at time zone 'UTC')::date - 29
$$;
comment on function matching.first_volume_day is 'the first of the 30 days that count for a tier';
