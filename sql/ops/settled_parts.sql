-- What stands there as settled by a journal of kind SETTLEMENT of the instructions that it names,
-- the whole or a part of each; with the one that its transfers name, which for a reversal is what
-- it gives back. No row for a journal of another kind. Looked up by whole keys, so that it costs as
-- much in a large ledger as in a small one; in PL/pgSQL, so that it is planned once. Reads only.
create or replace function ops.settled_parts(
  p_segment_id int,
  p_journal_id bigint
) returns table (
  named_id bigint,
  is_reversal boolean,
  buyer_id int,
  seller_id int,
  base_asset_id int,
  quote_asset_id int,
  quantity numeric,
  notional numeric,
  buyer_fee numeric,
  seller_fee numeric
)
language plpgsql stable
rows 1000
as $$
begin
  return query
  with journal as materialized (
    select
      j.segment_id, j.journal_id, j.posted_at, i.instruction_id,
      r.reversal_id is not null as is_reversal,
      coalesce(r.instruction_id, i.instruction_id) as named_id
    from ledger.journals as j
    cross join lateral unnest(j.instruction_ids) as i (instruction_id)
    left join settlement.reversals as r
      on r.segment_id = j.segment_id
      and r.reversal_id = i.instruction_id
    where j.segment_id = p_segment_id
      and j.journal_id = p_journal_id
      and j.kind = 'SETTLEMENT'
  ), parts as materialized (
    select j.named_id, j.is_reversal, p.*,
      p.journal_id = j.journal_id and p.settled_at = j.posted_at as is_own
    from journal as j
    join settlement.parts as p
      on p.segment_id = j.segment_id
      and p.instruction_id = j.instruction_id
  )
  select
    j.named_id, j.is_reversal, s.buyer_id, s.seller_id, s.base_asset_id, s.quote_asset_id,
    s.quantity::numeric, s.notional::numeric, s.buyer_fee::numeric, s.seller_fee::numeric
  from journal as j
  join settlement.settled_instructions as s
    on s.segment_id = j.segment_id
    and s.instruction_id = j.instruction_id
    and s.settled_at = j.posted_at
  where s.journal_id = j.journal_id
    and not exists (select from parts as p where p.instruction_id = j.instruction_id)
  union all
  select
    p.named_id, p.is_reversal, i.buyer_id, i.seller_id, i.base_asset_id, i.quote_asset_id,
    p.quantity::numeric, p.notional::numeric, p.buyer_fee::numeric, p.seller_fee::numeric
  from parts as p
  cross join lateral (
    select n.*
    from settlement.instructions as n
    where n.segment_id = p_segment_id
      and n.instruction_id = p.instruction_id
  ) as i
  where p.is_own;
end;
$$;
comment on function ops.settled_parts is 'what a journal settled, as it stands now';
