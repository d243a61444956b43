--! Previous: sha1:60e05c5c74f38dfcdd9f593d4038d1e73f65adcd
--! Hash: sha1:c193f814262b8164908aa9055a0ca79cd149487d
--! Message: create reference data

-- What is not a number, or infinite, has no scale: the test of the decimals must not pass it.
create domain reference.price as numeric
  constraint price_is_positive check (value > 0)
  constraint price_has_at_most_18_decimals check (coalesce(scale(value) <= 18, value is null));
comment on domain reference.price is 'quote units for one unit of base';

create domain reference.quantity as numeric
  constraint quantity_not_negative check (value >= 0)
  constraint quantity_has_at_most_18_decimals check (coalesce(scale(value) <= 18, value is null));
comment on domain reference.quantity is 'units of base';

create domain reference.rate as numeric
  constraint rate_between_minus_one_and_one check (value > -1 and value < 1);
comment on domain reference.rate is 'a fraction: 0.001 is ten basis points';

create type reference.symbol_status_enum as enum ('ACTIVE', 'HALTED', 'MAINTENANCE', 'DELISTED');
create type reference.participant_kind as enum ('CUSTOMER', 'HOUSE', 'EXTERNAL');

create table reference.segments (
  segment_id int primary key,
  name text not null unique
);
comment on table reference.segments is
  'symbols that share one pool of money; the distribution key when a venue is spread over machines';
insert into reference.segments (segment_id, name) values (1, 'main');

create table reference.assets (
  asset_id int generated always as identity primary key,
  asset text not null unique constraint asset_is_a_code check (asset ~ '^[A-Z0-9]{1,16}$'),
  decimals int not null constraint decimals_between_0_and_18 check (decimals between 0 and 18),
  created_at timestamptz not null,
  unique (asset_id, decimals)
);
comment on table reference.assets is 'what can be owed: money, coins, shares';
comment on column reference.assets.decimals is 'the unit is 10^-decimals: every amount is a multiple of it';

create table reference.participants (
  participant_id int generated always as identity primary key,
  client_id text not null unique
    constraint client_id_is_a_code check (client_id ~ '^[A-Za-z0-9._:-]{1,64}$'),
  name text not null,
  kind reference.participant_kind not null default 'CUSTOMER',
  created_at timestamptz not null
);
comment on table reference.participants is
  'trading customers, the house (fees), and the outside world (where deposits come from)';
-- Their ids are 1 and 2: reference.house_id() and reference.external_id().
insert into reference.participants (client_id, name, kind, created_at)
values ('house', 'The house: fee income', 'HOUSE', now()),
  ('external', 'The world outside: banks, chains, custodians', 'EXTERNAL', now());

create table reference.symbols (
  symbol_id int generated always as identity primary key,
  segment_id int not null references reference.segments on delete restrict,
  symbol text not null unique
    constraint symbol_is_base_dash_quote check (symbol ~ '^[A-Z0-9]{1,16}-[A-Z0-9]{1,16}$'),
  base_asset_id int not null,
  quote_asset_id int not null,
  base_decimals int not null,
  quote_decimals int not null,
  status reference.symbol_status_enum not null default 'ACTIVE',
  status_reason text,
  tick_size reference.price not null,
  lot_size reference.quantity not null constraint lot_size_is_positive check (lot_size > 0),
  min_quantity reference.quantity not null,
  max_quantity reference.quantity,
  min_notional numeric not null
    constraint min_notional_not_negative check (min_notional >= 0 and min_notional < 'Infinity'),
  max_notional numeric
    constraint max_notional_is_positive check (max_notional > 0 and max_notional < 'Infinity'),
  protection_rate reference.rate not null default 0.05
    constraint protection_rate_not_negative check (protection_rate >= 0),
  protection_ticks int not null default 10
    constraint protection_ticks_not_negative check (protection_ticks >= 0),
  maker_rate reference.rate not null,
  taker_rate reference.rate not null,
  created_at timestamptz not null,
  foreign key (base_asset_id, base_decimals)
    references reference.assets (asset_id, decimals) on delete restrict,
  foreign key (quote_asset_id, quote_decimals)
    references reference.assets (asset_id, decimals) on delete restrict,
  constraint max_quantity_not_under_min_quantity check (max_quantity >= min_quantity),
  constraint max_notional_not_under_min_notional check (max_notional >= min_notional),
  constraint base_is_not_quote check (base_asset_id <> quote_asset_id),
  constraint lot_is_a_multiple_of_the_base_unit check (scale(trim_scale(lot_size)) <= base_decimals),
  -- Price x quantity is therefore exact in the quote asset: no rounding of a notional exists.
  constraint notional_is_exact check (scale(trim_scale(tick_size * lot_size)) <= quote_decimals),
  constraint fees_fit_the_proceeds check (maker_rate + taker_rate >= 0)
);
comment on table reference.symbols is 'what can be traded, with its filters and fees';
comment on column reference.symbols.protection_rate is
  'a market order trades no further from the touch than this rate or protection_ticks, the wider';
comment on column reference.symbols.maker_rate is 'of the notional, in quote; negative is a rebate';

--! Included reference/ids.sql
-- Ids as rows of a segment, numbered, for a look-up by key: join with both columns. Planned as if
-- there were one row (and not inlined, being volatile), so that a plan begins here; and because the
-- segment comes from here too, the only way on is the whole key. Else a plan that was made while a
-- table was small reads all of the segment, and stays so while it grows (measured on PostgreSQL 18:
-- looking up 3 of 23,000 orders took 9 ms instead of 0.1). Reads nothing.
create or replace function reference.ids(
  p_segment_id int,
  p_ids bigint[]
) returns table (
  segment_id int,
  id bigint,
  n bigint
)
language sql volatile
rows 1
as $$
  select p_segment_id, i.id, i.n from unnest(p_ids) with ordinality as i (id, n)
$$;
comment on function reference.ids is 'ids as rows of a segment, for a look-up by the whole key';
--! EndIncluded reference/ids.sql
--! Included reference/asset_unit.sql
-- The smallest amount of an asset with p_decimals decimals: 8 -> 0.00000001. Exact.
create or replace function reference.asset_unit(
  p_decimals int
) returns numeric -- in the asset
language sql immutable strict parallel safe
as $$
  select ('1e-' || p_decimals)::numeric
$$;
comment on function reference.asset_unit is 'the smallest amount of an asset with so many decimals';
--! EndIncluded reference/asset_unit.sql
--! Included reference/units_in_one.sql
-- How many units make one of an asset with p_decimals decimals: 8 -> 100000000. Exact.
create or replace function reference.units_in_one(
  p_decimals int
) returns numeric
language sql immutable strict parallel safe
as $$
  select ('1e' || p_decimals)::numeric
$$;
comment on function reference.units_in_one is
  'how many units make one of an asset with so many decimals';
--! EndIncluded reference/units_in_one.sql
--! Included reference/get_symbol.sql
-- The row of a symbol by its name, in any case of letters.
-- Reads only. Raises NFSYM when the segment has no such symbol.
create or replace function reference.get_symbol(
  p_segment_id int,
  p_symbol text
) returns reference.symbols
language plpgsql stable
as $$
declare
  v_symbol reference.symbols;
begin
  select s.* into v_symbol
  from reference.symbols as s
  where s.symbol = upper(p_symbol)
    and s.segment_id = p_segment_id;

  if not found then
    raise exception 'there is no symbol %', p_symbol
      using errcode = 'NFSYM', hint = 'UNKNOWN_SYMBOL', column = 'symbol';
  end if;

  return v_symbol;
end;
$$;
comment on function reference.get_symbol is 'the row of a symbol by name; NFSYM when there is none';
--! EndIncluded reference/get_symbol.sql
--! Included reference/get_participant.sql
-- The row of a participant by its code. Reads only. Raises NFPAR when there is none.
create or replace function reference.get_participant(
  p_client_id text
) returns reference.participants
language plpgsql stable
as $$
declare
  v_participant reference.participants;
begin
  select p.* into v_participant
  from reference.participants as p
  where p.client_id = p_client_id;

  if not found then
    raise exception 'there is no participant %', p_client_id
      using errcode = 'NFPAR', hint = 'UNKNOWN_PARTICIPANT', column = 'client_id';
  end if;

  return v_participant;
end;
$$;
comment on function reference.get_participant is
  'the row of a participant by its code; NFPAR when there is none';
--! EndIncluded reference/get_participant.sql
--! Included reference/get_asset.sql
-- The row of an asset by its code, in any case of letters. Reads only. Raises NFAST when there is
-- none.
create or replace function reference.get_asset(
  p_asset text
) returns reference.assets
language plpgsql stable
as $$
declare
  v_asset reference.assets;
begin
  select a.* into v_asset
  from reference.assets as a
  where a.asset = upper(p_asset);

  if not found then
    raise exception 'there is no asset %', p_asset
      using errcode = 'NFAST', hint = 'UNKNOWN_ASSET', column = 'asset';
  end if;

  return v_asset;
end;
$$;
comment on function reference.get_asset is
  'the row of an asset by its code; NFAST when there is none';
--! EndIncluded reference/get_asset.sql
--! Included reference/ensure_asset.sql
-- The row of an asset, made with p_decimals (8 when null) where there is none yet.
-- Writes: reference.assets.
create or replace function reference.ensure_asset(
  p_asset text,
  p_decimals int,
  p_now timestamptz
) returns reference.assets
language plpgsql volatile
as $$
begin
  insert into reference.assets (asset, decimals, created_at)
  values (upper(p_asset), coalesce(p_decimals, 8), p_now)
  on conflict do nothing;

  return reference.get_asset(p_asset);
end;
$$;
comment on function reference.ensure_asset is 'the row of an asset, made where there is none yet';
--! EndIncluded reference/ensure_asset.sql
--! Included reference/house_id.sql
-- The participant id of the house, which the first migration makes: fees go to it. Reads nothing.
create or replace function reference.house_id() returns int
language sql immutable parallel safe
as $$
  select 1
$$;
comment on function reference.house_id is 'the participant id of the house';
--! EndIncluded reference/house_id.sql
--! Included reference/external_id.sql
-- The participant id of the outside world, which the first migration makes: deposits come from it.
-- Reads nothing.
create or replace function reference.external_id() returns int
language sql immutable parallel safe
as $$
  select 2
$$;
comment on function reference.external_id is 'the participant id of the outside world';
--! EndIncluded reference/external_id.sql
