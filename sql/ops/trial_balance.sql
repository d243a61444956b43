-- What every account has at a time, as far as it was known at another [LED-031]; and a row without
-- a client for each asset, whose debit and credit are equal.
--   select * from trial_balance('2026-03-03');
-- Takes the times (now, and as known now). Debit is what an account lacks: the world outside owes
-- what came in. Reads only.
create or replace function ops.trial_balance(
  p_at timestamptz default now(),
  p_known_at timestamptz default now(),
  p_segment_id int default 1
) returns table (
  asset text,
  client_id text,
  debit numeric,
  credit numeric,
  balance numeric
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    s.asset, p.client_id, trim_scale(sum(greatest(-b.posted, 0))),
    trim_scale(sum(greatest(b.posted, 0))), trim_scale(sum(b.posted))
  from ledger.balances_as_of(p_segment_id, null, p_at, p_known_at) as b
  join reference.assets as s
    on s.asset_id = b.asset_id
  join reference.participants as p
    on p.participant_id = b.participant_id
  group by grouping sets ((s.asset, p.client_id), (s.asset))
  order by s.asset, p.client_id nulls last
$$;
comment on function ops.trial_balance is
  'trial_balance(at): what every account had; debit and credit of each asset are equal';
revoke execute on function ops.trial_balance from public;
grant execute on function ops.trial_balance to pgsettle_operator, pgsettle_auditor;
