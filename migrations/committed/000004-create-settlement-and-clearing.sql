--! Previous: sha1:4f60ec476d9d3bbc86ed4eea3a5c7268d4e01b65
--! Hash: sha1:5c6607c94fb5b9c53649353eddf086fd036c2637
--! Message: create settlement and clearing

create type settlement.instruction_status as enum
  ('PENDING', 'PARTIALLY_SETTLED', 'SETTLED', 'FAILED', 'CANCELLED');
create type settlement.pending_reason as enum
  ('LACK_ASSET', 'LACK_CASH', 'ON_HOLD_PARTY', 'ON_HOLD_COUNTERPARTY', 'LINKED', 'CUTOFF',
    'FUTURE_DATE', 'LIMIT', 'NETTING', 'SYSTEM');

-- The queue: only what is still to be settled, so that a claim walks no history. Rows come in with
-- their trade and leave with their settlement; autovacuum must keep up with that.
create table settlement.pending_instructions (
  segment_id int not null,
  instruction_id bigint not null,
  symbol_id int not null,
  buyer_id int not null,
  seller_id int not null,
  base_asset_id int not null,
  quote_asset_id int not null,
  quantity reference.quantity not null,
  notional ledger.amount not null,
  buyer_fee ledger.amount not null,
  seller_fee ledger.amount not null,
  value_date date not null,
  status settlement.instruction_status not null default 'PENDING'
    constraint pending_instruction_is_not_final
    check (status in ('PENDING', 'PARTIALLY_SETTLED', 'FAILED')),
  reason settlement.pending_reason,
  problem text,
  attempts int not null default 0,
  next_attempt_at timestamptz not null,
  created_at timestamptz not null,
  primary key (segment_id, instruction_id),
  constraint buyer_is_not_seller check (buyer_id <> seller_id)
) with (
  fillfactor = 80,
  autovacuum_vacuum_scale_factor = 0.01,
  autovacuum_vacuum_cost_delay = 0
);
comment on table settlement.pending_instructions is
  'what is still to be settled; instruction_id is the trade_id it settles';
comment on column settlement.pending_instructions.problem is 'the error that put it aside, if one did';

create table settlement.settled_instructions (
  segment_id int not null,
  instruction_id bigint not null,
  symbol_id int not null,
  buyer_id int not null,
  seller_id int not null,
  base_asset_id int not null,
  quote_asset_id int not null,
  quantity reference.quantity not null,
  notional ledger.amount not null,
  buyer_fee ledger.amount not null,
  seller_fee ledger.amount not null,
  value_date date not null,
  attempts int not null,
  created_at timestamptz not null,
  settled_at timestamptz not null,
  journal_id bigint not null,
  primary key (segment_id, instruction_id, settled_at)
) partition by range (settled_at);
comment on table settlement.settled_instructions is 'final; insert only';
create table settlement.settled_instructions_default
  partition of settlement.settled_instructions default;

-- An instruction as the outside sees it.
create type settlement.instruction_row as (
  settlement_id bigint,
  trade_id bigint,
  symbol text,
  status settlement.instruction_status,
  reason settlement.pending_reason,
  problem text,
  attempts int,
  next_attempt_at timestamptz,
  value_date date,
  created_at timestamptz,
  settled_at timestamptz,
  journal_id bigint,
  finality_no bigint,
  legs json
);

--! Included settlement/instructions.sql
-- Every instruction, pending or settled, one row each. status tells which.
create or replace view settlement.instructions as
select
  p.segment_id, p.instruction_id, p.symbol_id, p.buyer_id, p.seller_id, p.base_asset_id,
  p.quote_asset_id, p.quantity, p.notional, p.buyer_fee, p.seller_fee, p.value_date, p.status,
  p.reason, p.problem, p.attempts, p.next_attempt_at, p.created_at,
  null::timestamptz as settled_at, null::bigint as journal_id
from settlement.pending_instructions as p
union all
select
  s.segment_id, s.instruction_id, s.symbol_id, s.buyer_id, s.seller_id, s.base_asset_id,
  s.quote_asset_id, s.quantity, s.notional, s.buyer_fee, s.seller_fee, s.value_date,
  'SETTLED'::settlement.instruction_status, null, null, s.attempts, null, s.created_at,
  s.settled_at, s.journal_id
from settlement.settled_instructions as s;
comment on view settlement.instructions is
  'all settlement instructions: those pending and those settled';
--! EndIncluded settlement/instructions.sql
--! Included settlement/legs.sql
-- The transfers that settle an instruction: delivery, payment, and a fee of each side to the house
-- (a rebate comes from it), at most four; what is zero, or from oneself to oneself, is none.
-- Amounts are positive.
-- Reads the house's id only.
create or replace function settlement.legs(
  p_base_asset_id int,
  p_quote_asset_id int,
  p_buyer_id int,
  p_seller_id int,
  p_quantity numeric,
  p_notional numeric,
  p_buyer_fee numeric,
  p_seller_fee numeric
) returns table (
  leg_no int,
  kind ledger.transfer_kind,
  asset_id int,
  debit_id int,
  credit_id int,
  amount numeric
)
language sql stable
rows 4
as $$
  select
    l.leg_no, l.kind, l.asset_id,
    case when l.amount > 0 then l.from_id else l.to_id end,
    case when l.amount > 0 then l.to_id else l.from_id end, abs(l.amount)
  from (
    values
      (1, 'DELIVERY'::ledger.transfer_kind, p_base_asset_id, p_seller_id, p_buyer_id, p_quantity),
      (2, 'PAYMENT', p_quote_asset_id, p_buyer_id, p_seller_id, p_notional),
      (3, 'BUYER_FEE', p_quote_asset_id, p_buyer_id, reference.house_id(), p_buyer_fee),
      (4, 'SELLER_FEE', p_quote_asset_id, p_seller_id, reference.house_id(), p_seller_fee)
  ) as l (leg_no, kind, asset_id, from_id, to_id, amount)
  where l.amount <> 0
    and l.from_id <> l.to_id
$$;
comment on function settlement.legs is 'the transfers that settle an instruction';
--! EndIncluded settlement/legs.sql
--! Included settlement/instruction_rows.sql
-- Instructions as the outside sees them, by id, with their legs: who gives whom what. Reads only.
create or replace function settlement.instruction_rows(
  p_segment_id int,
  p_instruction_ids bigint[]
) returns setof settlement.instruction_row
language sql stable
as $$
  select
    i.instruction_id, i.instruction_id, s.symbol, i.status, i.reason, i.problem, i.attempts,
    i.next_attempt_at, i.value_date, i.created_at, i.settled_at, i.journal_id, j.finality_no,
    (
      select json_agg(json_build_object(
        'kind', l.kind, 'asset', l.asset, 'from', l.from_id, 'to', l.to_id,
        'amount', trim_scale(abs(l.amount))::text
      ) order by l.n)
      from (
        values
          (1, 'DELIVERY', b.asset, x.client_id, y.client_id, i.quantity::numeric),
          (2, 'PAYMENT', q.asset, y.client_id, x.client_id, i.notional),
          (3, 'BUYER_FEE', q.asset, y.client_id, 'house', i.buyer_fee),
          (4, 'SELLER_FEE', q.asset, x.client_id, 'house', i.seller_fee)
      ) as l (n, kind, asset, from_id, to_id, amount)
      where l.amount <> 0
    )
  from unnest(p_instruction_ids) as w (instruction_id)
  join settlement.instructions as i
    on i.segment_id = p_segment_id
    and i.instruction_id = w.instruction_id
  join reference.symbols as s
    on s.symbol_id = i.symbol_id
  join reference.assets as b
    on b.asset_id = i.base_asset_id
  join reference.assets as q
    on q.asset_id = i.quote_asset_id
  join reference.participants as x
    on x.participant_id = i.seller_id
  join reference.participants as y
    on y.participant_id = i.buyer_id
  left join ledger.journals as j
    on j.segment_id = p_segment_id
    and j.journal_id = i.journal_id
$$;
comment on function settlement.instruction_rows is 'instructions as the outside sees them, by id';
--! EndIncluded settlement/instruction_rows.sql
--! Included settlement/account_changes.sql
-- What settling these instructions changes on the accounts, one change an account: what was held is
-- gone, what was to come has come, and the house has the fees. Summed by party before it is summed
-- by account: few sums of many rows (5 ms instead of 12 for 2,000). Reads nothing.
create or replace function settlement.account_changes(
  p_instructions settlement.pending_instructions[]
) returns ledger.account_change[]
language sql stable
as $$
  with i as materialized (
    select
      s.buyer_id, s.seller_id, s.base_asset_id, s.quote_asset_id, s.quantity, s.notional,
      s.buyer_fee, s.seller_fee
    from unnest(p_instructions) as s
  )
  select array_agg(
    row(c.participant_id, c.asset_id, c.posted, -c.due_out, -c.due_in, -c.due_out)
      ::ledger.account_change
  )
  from (
    select
      p.participant_id, p.asset_id, sum(p.due_in) - sum(p.due_out) + sum(p.fee) as posted,
      sum(p.due_out) as due_out, sum(p.due_in) as due_in
    from (
      select i.buyer_id, i.base_asset_id, sum(i.quantity), 0, 0
      from i
      group by i.buyer_id, i.base_asset_id
      union all
      select i.seller_id, i.base_asset_id, 0, sum(i.quantity), 0
      from i
      group by i.seller_id, i.base_asset_id
      union all
      select i.buyer_id, i.quote_asset_id, 0, sum(i.notional) + sum(i.buyer_fee), 0
      from i
      group by i.buyer_id, i.quote_asset_id
      union all
      select i.seller_id, i.quote_asset_id, sum(i.notional) - sum(i.seller_fee), 0, 0
      from i
      group by i.seller_id, i.quote_asset_id
      union all
      select reference.house_id(), i.quote_asset_id, 0, 0, sum(i.buyer_fee) + sum(i.seller_fee)
      from i
      group by i.quote_asset_id
    ) as p (participant_id, asset_id, due_in, due_out, fee)
    group by p.participant_id, p.asset_id
  ) as c
$$;
comment on function settlement.account_changes is
  'what settling instructions changes on the accounts';
--! EndIncluded settlement/account_changes.sql
--! Included settlement/claim_instructions.sql
-- Claims up to p_limit due instructions for this transaction, in the order of their ids after
-- p_after_id. What another worker has claimed is passed over; the claim ends with the transaction,
-- so a killed worker leaves nothing behind [SET-001].
-- A caller that goes on from the last id it claimed, and wraps round, gives every symbol its turn.
-- Locks: the claimed rows. The CTE is materialized: without it a nested loop can claim more than
-- the limit (measured on PostgreSQL 15: 200 rows for a limit of 5).
create or replace function settlement.claim_instructions(
  p_segment_id int,
  p_now timestamptz,
  p_limit int,
  p_after_id bigint
) returns bigint[] -- instruction ids
language sql volatile
as $$
  with claimed as materialized (
    select i.instruction_id
    from settlement.pending_instructions as i
    where i.segment_id = p_segment_id
      and i.instruction_id > p_after_id
      and i.status <> 'FAILED'
      and i.next_attempt_at <= p_now
    order by i.instruction_id
    limit p_limit
    for update skip locked
  )
  select coalesce(array_agg(c.instruction_id), '{}')
  from claimed as c
$$;
comment on function settlement.claim_instructions is
  'claims due instructions with FOR UPDATE SKIP LOCKED until the end of the transaction';
--! EndIncluded settlement/claim_instructions.sql
--! Included settlement/settle_instructions.sql
-- Settles claimed instructions, delivery against payment: all legs and fees of all of them are
-- posted as one journal, or none [SET-002]. Each gives up to four transfers: the base from the
-- seller to the buyer, the notional from the buyer to the seller, and a fee from each to the house
-- (a negative fee is a rebate from the house).
-- Takes the claimed ids. Returns how many it settled: an id that is no longer pending is passed
-- over.
-- Locks: the accounts in key order, last the segment's counter. Writes: all of the settlement.
-- Raises: NVACC when an account cannot pay what was held for it: a broken invariant.
create or replace function settlement.settle_instructions(
  p_segment_id int,
  p_now timestamptz,
  p_instruction_ids bigint[]
) returns int
language plpgsql volatile
as $$
declare
  v_journal_id bigint := nextval('ledger.journal_ids');
  v_settled int;
  v_transfers int;
  v_gone settlement.pending_instructions[];
begin
  with gone as (
    delete from settlement.pending_instructions as i
    using reference.ids(p_segment_id, p_instruction_ids) as c
    where i.segment_id = c.segment_id
      and i.instruction_id = c.id
    returning i.*
  ), settled as (
    insert into settlement.settled_instructions
    select
      g.segment_id, g.instruction_id, g.symbol_id, g.buyer_id, g.seller_id, g.base_asset_id,
      g.quote_asset_id, g.quantity, g.notional, g.buyer_fee, g.seller_fee, g.value_date,
      g.attempts + 1, g.created_at, p_now, v_journal_id
    from gone as g
  ), posted as (
    insert into ledger.transfers
    select
      g.segment_id, v_journal_id, 4 * g.n + l.leg_no, l.kind, l.asset_id, l.debit_id, l.credit_id,
      l.amount, g.instruction_id, p_now
    from (select o.*, row_number() over () - 1 as n from gone as o) as g
    cross join lateral settlement.legs(
      g.base_asset_id, g.quote_asset_id, g.buyer_id, g.seller_id, g.quantity, g.notional,
      g.buyer_fee, g.seller_fee
    ) as l
    returning line_no
  )
  select array_agg(g), count(*), (select count(*) from posted)
  into v_gone, v_settled, v_transfers
  from gone as g;

  if v_settled = 0 then
    return 0;
  end if;

  if not ledger.change_accounts(p_segment_id, settlement.account_changes(v_gone)) then
    raise exception 'an account cannot pay what was held for it' using errcode = 'NVACC';
  end if;

  perform ledger.post_journal(
    p_segment_id, v_journal_id, 'SETTLEMENT', p_now, p_instruction_ids, v_transfers
  );
  return v_settled;
end;
$$;
comment on function settlement.settle_instructions is
  'posts the legs and fees of claimed instructions as one journal';
--! EndIncluded settlement/settle_instructions.sql
--! Included settlement/put_aside.sql
-- Puts a claimed instruction aside after an error: it waits longer after each attempt, and after
-- the last one it is FAILED until an operator retries it.
-- Waits 2 s, 4 s, 8 s ... at most 5 min, plus up to a quarter more that its id decides, so that
-- many that failed together do not come back together.
-- Writes: settlement.pending_instructions.
create or replace function settlement.put_aside(
  p_segment_id int,
  p_now timestamptz,
  p_instruction_id bigint,
  p_problem text
) returns void
language plpgsql volatile
as $$
declare
  c_max_attempts constant int := 8;
  c_longest constant numeric := 300;
begin
  update settlement.pending_instructions as i
  set attempts = i.attempts + 1,
    reason = 'SYSTEM',
    problem = left(p_problem, 500),
    status = case when i.attempts + 1 >= c_max_attempts then 'FAILED' else i.status end,
    next_attempt_at = p_now + make_interval(
      secs => least(c_longest, 2 ^ (i.attempts + 1)) * (1 + (i.instruction_id % 100) / 400.0)
    )
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id;
end;
$$;
comment on function settlement.put_aside is
  'records a failed attempt at an instruction and when to try next';
--! EndIncluded settlement/put_aside.sql
--! Included settlement/settle_batch.sql
-- One pass of a settlement worker: claims up to p_limit due instructions and settles them, in one
-- transaction. When one of them cannot be posted, the batch is done again one by one: the others
-- settle, that one is put aside with its reason [SET-003].
-- Takes the id to go on after (0 to begin). Returns how many were claimed, settled and put aside,
-- and the last id, from which the next call goes on.
-- Locks: the claimed rows, accounts in key order, last the segment's counter.
-- Raises: STISO when the transaction is not READ COMMITTED.
create or replace function settlement.settle_batch(
  p_segment_id int,
  p_now timestamptz,
  p_limit int,
  p_after_id bigint,
  out claimed int,
  out settled int,
  out put_aside int,
  out last_id bigint
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids bigint[];
  v_id bigint;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'settle_batch needs READ COMMITTED' using errcode = 'STISO';
  end if;

  v_ids := settlement.claim_instructions(p_segment_id, p_now, p_limit, p_after_id);
  claimed := cardinality(v_ids);
  settled := 0;
  put_aside := 0;
  last_id := coalesce(v_ids[claimed], 0);
  if claimed = 0 then
    return;
  end if;

  begin
    settled := settlement.settle_instructions(p_segment_id, p_now, v_ids);
    return;
  exception when integrity_constraint_violation or data_exception or raise_exception
    or sqlstate 'NVACC' then
    settled := 0;
  end;

  foreach v_id in array v_ids loop
    begin
      settled := settled + settlement.settle_instructions(p_segment_id, p_now, array[v_id]);
    exception when integrity_constraint_violation or data_exception or raise_exception
      or sqlstate 'NVACC' then
      perform settlement.put_aside(p_segment_id, p_now, v_id, sqlstate || ' ' || sqlerrm);
      put_aside := put_aside + 1;
    end;
  end loop;
end;
$$;
comment on function settlement.settle_batch is
  'one pass of a settlement worker: claim, settle, put aside what cannot be posted';
revoke execute on function settlement.settle_batch from public;
grant execute on function settlement.settle_batch to pgsettle_worker;
--! EndIncluded settlement/settle_batch.sql
--! Included settlement/retry_instruction.sql
-- Puts a FAILED or waiting instruction back in line, with all its attempts before it again.
-- Returns its id. Writes: settlement.pending_instructions. Locks: its row.
-- Raises: NFINS when there is none, STINS when it is settled already.
create or replace function settlement.retry_instruction(
  p_segment_id int,
  p_instruction_id bigint,
  p_now timestamptz
) returns bigint
language plpgsql volatile
as $$
begin
  update settlement.pending_instructions as i
  set status = 'PENDING',
    attempts = 0,
    next_attempt_at = p_now
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id;

  if found then
    return p_instruction_id;
  end if;

  perform
  from settlement.settled_instructions as s
  where s.segment_id = p_segment_id
    and s.instruction_id = p_instruction_id;

  if found then
    raise exception 'instruction % is settled', p_instruction_id
      using errcode = 'STINS', hint = 'ALREADY_SETTLED';
  end if;
  raise exception 'there is no instruction %', p_instruction_id
    using errcode = 'NFINS', hint = 'UNKNOWN_SETTLEMENT';
end;
$$;
comment on function settlement.retry_instruction is 'puts an instruction that failed back in line';
--! EndIncluded settlement/retry_instruction.sql
-- What clearing needs to know of a trade.
create type clearing.captured_trade as (
  trade_id bigint,
  buyer_id int,
  seller_id int,
  quantity numeric,
  notional numeric,
  buyer_fee numeric,
  seller_fee numeric
);

--! Included clearing/capture_trades.sql
-- Turns trades into settlement instructions, one a trade, in the transaction that made the trades:
-- none can be missing, none can be there twice [CLR-001]. Settlement is gross and at once (T+0).
-- Takes the trades: quantities in base, notionals and fees in quote.
-- Writes: settlement.pending_instructions.
create or replace function clearing.capture_trades(
  p_symbol reference.symbols,
  p_now timestamptz,
  p_trades clearing.captured_trade[]
) returns void
language plpgsql volatile
as $$
begin
  insert into settlement.pending_instructions (
    segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id, quote_asset_id,
    quantity, notional, buyer_fee, seller_fee, value_date, next_attempt_at, created_at
  )
  select
    p_symbol.segment_id, t.trade_id, p_symbol.symbol_id, t.buyer_id, t.seller_id,
    p_symbol.base_asset_id, p_symbol.quote_asset_id, t.quantity, t.notional, t.buyer_fee,
    t.seller_fee, (p_now at time zone 'UTC')::date, p_now, p_now
  from unnest(p_trades) as t;
end;
$$;
comment on function clearing.capture_trades is
  'one settlement instruction a trade, in the same transaction';
--! EndIncluded clearing/capture_trades.sql
