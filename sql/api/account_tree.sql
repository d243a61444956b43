-- A participant and all its sub-accounts, those below those too, each with what it has by asset:
-- its own, and with all that is below it, in one snapshot [LED-035]. Reads only. Raises: NFPAR.
create or replace function api.account_tree(
  p_segment_id int,
  p_client_id text
) returns table (
  client_id text,
  parent text,
  custody text,
  balances json
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
    p.client_id, o.client_id, p.custody,
    coalesce(
      json_agg(json_build_object(
        'asset', a.asset,
        'available', trim_scale(r.own - r.own_held)::text,
        'held', trim_scale(r.own_held)::text,
        'total_available', trim_scale(r.total - r.total_held)::text,
        'total_held', trim_scale(r.total_held)::text
      ) order by a.asset) filter (where a.asset is not null), '[]'
    )
  from reference.account_tree(v_participant_id) as t
  join reference.participants as p
    on p.participant_id = t.participant_id
  left join reference.participants as o
    on o.participant_id = p.parent_id
  left join ledger.roll_up(p_segment_id, v_participant_id, null, null) as r
    on r.participant_id = t.participant_id
  left join reference.assets as a
    on a.asset_id = r.asset_id
  group by t.way, p.client_id, o.client_id, p.custody
  order by t.way;
end;
$$;
comment on function api.account_tree is 'a participant and all below it, with what each has';
revoke execute on function api.account_tree from public;
grant execute on function api.account_tree to pgsettle_app;
