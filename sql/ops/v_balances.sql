-- Every account with what it has, holds and has available.
create or replace view ops.v_balances as
select
  p.client_id,
  s.asset,
  a.posted,
  a.held,
  a.posted - a.held as available,
  a.unsettled_in,
  a.unsettled_out
from ledger.accounts as a
join reference.participants as p
  on p.participant_id = a.participant_id
join reference.assets as s
  on s.asset_id = a.asset_id
order by p.client_id, s.asset;
comment on view ops.v_balances is 'every account with what it has, holds and has available';
