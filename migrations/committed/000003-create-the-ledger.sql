--! Previous: sha1:c193f814262b8164908aa9055a0ca79cd149487d
--! Hash: sha1:4f60ec476d9d3bbc86ed4eea3a5c7268d4e01b65
--! Message: create the ledger

create domain ledger.amount as numeric
  constraint amount_has_at_most_18_decimals check (coalesce(scale(value) <= 18, value is null));
comment on domain ledger.amount is 'units of one asset';

create type ledger.journal_kind as enum ('DEPOSIT', 'WITHDRAWAL', 'SETTLEMENT');
create type ledger.transfer_kind as enum
  ('DEPOSIT', 'WITHDRAWAL', 'DELIVERY', 'PAYMENT', 'BUYER_FEE', 'SELLER_FEE');

-- Rows are updated by every batch that touches them: half-empty pages keep the updates in place.
create table ledger.accounts (
  segment_id int not null,
  participant_id int not null references reference.participants on delete restrict,
  asset_id int not null references reference.assets on delete restrict,
  posted ledger.amount not null default 0,
  held ledger.amount not null default 0,
  unsettled_in ledger.amount not null default 0,
  unsettled_out ledger.amount not null default 0,
  may_be_negative boolean not null default false,
  primary key (segment_id, participant_id, asset_id),
  constraint held_not_negative check (held >= 0),
  constraint held_not_over_posted check (may_be_negative or held <= posted),
  constraint unsettled_in_not_negative check (unsettled_in >= 0),
  constraint unsettled_out_is_held check (unsettled_out between 0 and held)
) with (fillfactor = 50);
comment on table ledger.accounts is 'participant x asset; available = posted - held';
comment on column ledger.accounts.posted is 'the sum of all transfers in, less all out';
comment on column ledger.accounts.held is
  'what open orders could cost, plus what unsettled trades will cost (unsettled_out)';
comment on column ledger.accounts.may_be_negative is
  'the outside world only: what it gave us is its debt';

create table ledger.segment_state (
  segment_id int primary key references reference.segments on delete restrict,
  last_finality_no bigint not null default 0
) with (fillfactor = 50);
comment on table ledger.segment_state is
  'the counter of journals; its row is the last lock a posting transaction takes, held over the commit';
insert into ledger.segment_state (segment_id) values (1);

-- Names a journal and orders nothing: the order of journals is finality_no.
create sequence ledger.journal_ids;

create table ledger.journals (
  segment_id int not null,
  journal_id bigint not null,
  finality_no bigint not null,
  kind ledger.journal_kind not null,
  posted_at timestamptz not null,
  instruction_ids bigint[] not null,
  transfer_count int not null,
  primary key (segment_id, journal_id),
  -- ledger.journals_after: the feed reads what was posted after a number.
  constraint finality_no_is_dense unique (segment_id, finality_no)
);
comment on table ledger.journals is 'one posting transaction: its transfers are final together';

create table ledger.transfers (
  segment_id int not null,
  journal_id bigint not null,
  line_no int not null,
  kind ledger.transfer_kind not null,
  asset_id int not null,
  debit_participant_id int not null,
  credit_participant_id int not null,
  amount ledger.amount not null constraint transfer_is_positive check (amount > 0),
  instruction_id bigint,
  posted_at timestamptz not null,
  primary key (segment_id, journal_id, line_no, posted_at),
  constraint debit_is_not_credit check (debit_participant_id <> credit_participant_id)
) partition by range (posted_at);
comment on table ledger.transfers is
  'one debit account, one credit account, one amount: zero-sum by shape; insert only';
create table ledger.transfers_default partition of ledger.transfers default;

create table ledger.deposits (
  segment_id int not null,
  participant_id int not null,
  idempotency_key text not null
    constraint key_is_not_too_long check (length(idempotency_key) between 1 and 255),
  asset_id int not null,
  amount ledger.amount not null constraint deposit_is_positive check (amount > 0),
  journal_id bigint not null,
  created_at timestamptz not null,
  primary key (segment_id, participant_id, idempotency_key)
);
comment on table ledger.deposits is 'one row a deposit; its key makes a repeat the same deposit';

--! Included ledger/round_up.sql
-- An amount rounded up to the unit of its asset: the one rounding of fees, in favour of the house
-- [LED-002]. Takes the amount, how many units make one of the asset,
-- and the unit (multiplied by, because a quotient of numerics is not exact). Is inlined.
create or replace function ledger.round_up(
  p_amount numeric,
  p_units numeric,
  p_unit numeric
) returns numeric
language sql immutable parallel safe
as $$
  select ceil(p_amount * p_units) * p_unit
$$;
comment on function ledger.round_up is 'an amount rounded up to the unit of its asset';
--! EndIncluded ledger/round_up.sql
--! Included ledger/entries.sql
-- Every transfer as its two entries: what the debited account gave (negative) and what the credited
-- account got. Sums to zero by shape; per account it sums to accounts.posted.
create or replace view ledger.entries as
select
  t.segment_id,
  t.journal_id,
  t.line_no,
  e.participant_id,
  t.asset_id,
  e.amount,
  t.kind,
  t.instruction_id,
  t.posted_at
from ledger.transfers as t
cross join lateral (
  values (t.debit_participant_id, -t.amount), (t.credit_participant_id, t.amount)
) as e (participant_id, amount);
comment on view ledger.entries is 'each transfer as two entries: debit negative, credit positive';
--! EndIncluded ledger/entries.sql
-- What to add to one account.
create type ledger.account_change as (
  participant_id int,
  asset_id int,
  posted numeric,
  held numeric,
  unsettled_in numeric,
  unsettled_out numeric
);

--! Included ledger/account_changes.sql
-- Changes as rows of a segment, in the order in which accounts are locked; for a look-up by the
-- whole key, as reference.ids says. Reads nothing.
create or replace function ledger.account_changes(
  p_segment_id int,
  p_changes ledger.account_change[]
) returns table (
  segment_id int,
  participant_id int,
  asset_id int,
  posted numeric,
  held numeric,
  unsettled_in numeric,
  unsettled_out numeric
)
language sql volatile
rows 1
as $$
  select
    p_segment_id, c.participant_id, c.asset_id, c.posted, c.held, c.unsettled_in, c.unsettled_out
  from unnest(p_changes) as c
  order by c.participant_id, c.asset_id
$$;
comment on function ledger.account_changes is 'changes as rows of a segment, in lock order';
--! EndIncluded ledger/account_changes.sql
--! Included ledger/open_accounts.sql
-- Opens the accounts of these changes that do not stand yet, with nothing on them.
-- Writes ledger.accounts, in key order, so that two callers cannot wait for each other in a ring.
create or replace function ledger.open_accounts(
  p_segment_id int,
  p_changes ledger.account_change[]
) returns void
language sql volatile
as $$
  insert into ledger.accounts (segment_id, participant_id, asset_id, may_be_negative)
  select p_segment_id, c.participant_id, c.asset_id, p.kind = 'EXTERNAL'
  from ledger.account_changes(p_segment_id, p_changes) as c
  join reference.participants as p
    on p.participant_id = c.participant_id
  order by c.participant_id, c.asset_id
  on conflict do nothing
$$;
comment on function ledger.open_accounts is 'opens the accounts of changes where they are missing';
--! EndIncluded ledger/open_accounts.sql
--! Included ledger/change_accounts.sql
-- Adds changes to accounts, all or none: the only writer of balances.
-- Takes at most one change an account: what to add to posted, held, unsettled_in and
-- unsettled_out, in the asset. Accounts that do not stand yet are opened. Returns false, with
-- nothing changed, when an account would hold more than it has; the accounts stay locked, so that
-- what the caller reads next stays true [LED-001].
-- Locks: the accounts, in the order (participant, asset), to the end of the transaction.
-- Raises, when the caller broke an invariant: NVACC when a change is for nobody's account, 23514
-- when it breaks another rule of the table.
create or replace function ledger.change_accounts(
  p_segment_id int,
  p_changes ledger.account_change[]
) returns boolean
language plpgsql volatile
as $$
declare
  v_found int;
  v_short int;
begin
  for v_try in 1..2 loop
    with locked as materialized (
      select a.posted, a.held, a.may_be_negative, c.posted as more_posted, c.held as more_held
      from ledger.account_changes(p_segment_id, p_changes) as c
      join ledger.accounts as a
        on a.segment_id = c.segment_id
        and a.participant_id = c.participant_id
        and a.asset_id = c.asset_id
      order by a.participant_id, a.asset_id
      for no key update of a
    )
    select
      count(*),
      count(*) filter (
        where not l.may_be_negative
          and l.more_held > l.more_posted
          and l.held + l.more_held > l.posted + l.more_posted
      )
    into v_found, v_short
    from locked as l;

    exit when v_found = cardinality(p_changes);
    perform ledger.open_accounts(p_segment_id, p_changes);
  end loop;

  if v_found <> cardinality(p_changes) then
    raise exception 'an account of nobody, or of no asset' using errcode = 'NVACC';
  end if;
  if v_short > 0 then
    return false;
  end if;

  update ledger.accounts as a
  set posted = a.posted + c.posted,
    held = a.held + c.held,
    unsettled_in = a.unsettled_in + c.unsettled_in,
    unsettled_out = a.unsettled_out + c.unsettled_out
  from ledger.account_changes(p_segment_id, p_changes) as c
  where a.segment_id = c.segment_id
    and a.participant_id = c.participant_id
    and a.asset_id = c.asset_id;

  return true;
end;
$$;
comment on function ledger.change_accounts is
  'adds changes to accounts, all or none; false when one would hold more than it has';
--! EndIncluded ledger/change_accounts.sql
--! Included ledger/post_journal.sql
-- Closes a posting transaction: gives it its finality number and writes its journal. Call it last:
-- the number is given under the row lock of ledger.segment_state, which is held over the commit, so
-- that numbers are dense and in the order of commits, and no reader can skip one.
-- Locks: the segment's row of ledger.segment_state. Writes: ledger.segment_state, ledger.journals.
create or replace function ledger.post_journal(
  p_segment_id int,
  p_journal_id bigint,
  p_kind ledger.journal_kind,
  p_now timestamptz,
  p_instruction_ids bigint[],
  p_transfer_count int
) returns bigint -- finality number
language plpgsql volatile
as $$
declare
  v_finality_no bigint;
begin
  update ledger.segment_state as s
  set last_finality_no = s.last_finality_no + 1
  where s.segment_id = p_segment_id
  returning s.last_finality_no into strict v_finality_no;

  insert into ledger.journals (
    segment_id, journal_id, finality_no, kind, posted_at, instruction_ids, transfer_count
  )
  values (
    p_segment_id, p_journal_id, v_finality_no, p_kind, p_now, p_instruction_ids, p_transfer_count
  );

  return v_finality_no;
end;
$$;
comment on function ledger.post_journal is
  'numbers and writes the journal of a posting transaction; call it last';
--! EndIncluded ledger/post_journal.sql
--! Included ledger/deposit.sql
-- Books money that came in from outside: a transfer from the outside world to the participant.
-- Takes the amount in the asset and the caller's key. A repeat of the key answers with the first
-- deposit; with another asset or amount it is refused.
-- Writes: ledger.deposits, transfers, accounts, journals. Locks: the two accounts, segment_state.
-- Raises: NFPAR (for the world outside too), NFAST, IVAMT (not a positive multiple of the unit),
-- RJKEY (key used for another).
create or replace function ledger.deposit(
  p_segment_id int,
  p_client_id text,
  p_asset text,
  p_amount numeric,
  p_key text,
  p_now timestamptz
) returns ledger.deposits
language plpgsql volatile
as $$
declare
  v_participant reference.participants := reference.get_participant(p_client_id);
  v_asset reference.assets := reference.get_asset(p_asset);
  v_external_id int := reference.external_id();
  v_deposit ledger.deposits;
begin
  if v_participant.participant_id = v_external_id then
    raise exception 'the world outside cannot pay itself'
      using errcode = 'NFPAR', hint = 'UNKNOWN_PARTICIPANT', column = 'client_id';
  end if;

  -- Not a number, infinity and null have no scale: what is not known to be right is refused.
  if (p_amount > 0 and scale(trim_scale(p_amount)) <= v_asset.decimals) is not true then
    raise exception 'amount % is not a positive multiple of %',
      p_amount, reference.asset_unit(v_asset.decimals)
      using errcode = 'IVAMT', hint = 'AMOUNT_UNIT', column = 'amount';
  end if;

  insert into ledger.deposits
  values (
    p_segment_id, v_participant.participant_id, p_key, v_asset.asset_id, p_amount,
    nextval('ledger.journal_ids'), p_now
  )
  on conflict do nothing
  returning * into v_deposit;

  if not found then
    select d.* into strict v_deposit
    from ledger.deposits as d
    where d.segment_id = p_segment_id
      and d.participant_id = v_participant.participant_id
      and d.idempotency_key = p_key;

    if v_deposit.asset_id <> v_asset.asset_id or v_deposit.amount <> p_amount then
      raise exception 'key % was used for another deposit', p_key
        using errcode = 'RJKEY', hint = 'KEY_REUSED', column = 'idempotency_key';
    end if;
    return v_deposit;
  end if;

  insert into ledger.transfers
  values (
    p_segment_id, v_deposit.journal_id, 1, 'DEPOSIT', v_asset.asset_id, v_external_id,
    v_participant.participant_id, p_amount, null, p_now
  );
  perform ledger.change_accounts(p_segment_id, array[
    row(v_participant.participant_id, v_asset.asset_id, p_amount, 0, 0, 0),
    row(v_external_id, v_asset.asset_id, -p_amount, 0, 0, 0)
  ]::ledger.account_change[]);
  perform ledger.post_journal(p_segment_id, v_deposit.journal_id, 'DEPOSIT', p_now, '{}', 1);

  return v_deposit;
end;
$$;
comment on function ledger.deposit is 'books money from outside to a participant, once a key';
--! EndIncluded ledger/deposit.sql
