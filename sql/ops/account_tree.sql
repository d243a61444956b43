-- An account and all below it: what each has of each asset, its own and with all below it
-- [LED-035]; now, or at a time as far as it was known at another.
--   select * from account_tree('client-A');
-- Reads only. Raises: NFPAR.
create or replace function ops.account_tree(
  p_client_id text,
  p_at timestamptz default null,
  p_known_at timestamptz default now(),
  p_segment_id int default 1
) returns table (
  client_id text,
  parent text,
  custody text,
  asset text,
  own numeric,
  total numeric
)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_participant_id int := (reference.get_participant(p_client_id)).participant_id;
begin
  return query
  select
    p.client_id, o.client_id, p.custody, a.asset, trim_scale(r.own), trim_scale(r.total)
  from reference.account_tree(v_participant_id) as t
  join reference.participants as p
    on p.participant_id = t.participant_id
  left join reference.participants as o
    on o.participant_id = p.parent_id
  left join ledger.roll_up(p_segment_id, v_participant_id, p_at, p_known_at) as r
    on r.participant_id = t.participant_id
  left join reference.assets as a
    on a.asset_id = r.asset_id
  order by t.way, a.asset;
end;
$$;
comment on function ops.account_tree is
  'account_tree(client): an account and all below it, what each has and with all below it';
revoke execute on function ops.account_tree from public;
grant execute on function ops.account_tree to pgsettle_operator, pgsettle_auditor;
