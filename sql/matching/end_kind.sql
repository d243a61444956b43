-- The event that an order ends with, by the reason it ends for: EXPIRED by a rule of its own or of
-- the session, else CANCELLED [MAT-031]. Null when it does not end. Reads nothing; is inlined.
create or replace function matching.end_kind(
  p_reason matching.end_reason
) returns matching.event_kind
language sql immutable parallel safe
as $$
  select case
    when p_reason in ('UNFILLED_IOC', 'UNFILLED_FOK', 'INSUFFICIENT_LIQUIDITY', 'PROTECTION', 'GTD',
      'DAY', 'AUCTION_ONLY', 'EXECUTION_RULE_PRICE_RANGE_EXCEEDED')
      then 'EXPIRED'::matching.event_kind
    when p_reason is not null then 'CANCELLED'
  end
$$;
comment on function matching.end_kind is 'the event that an order ends with, by the reason';
