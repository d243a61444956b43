-- What a journal of kind SETTLEMENT posted for each instruction that it names, beside the legs of
-- what stands there as settled by it: the whole, or a part. Null: nothing. Nothing is returned for
-- a journal of another kind. What stands there is looked up by whole keys, so that it costs as much
-- in a large ledger as in a small one; in PL/pgSQL, so that it is planned once. Reads only.
create or replace function ops.compare_postings(
  p_segment_id int,
  p_journal_id bigint
) returns table (
  instruction_id bigint,
  posted text,
  amounts text
)
language plpgsql stable
as $$
begin
  return query
  with journal as materialized (
    select j.segment_id, j.journal_id, j.posted_at, i.instruction_id
    from ledger.journals as j
    cross join lateral unnest(j.instruction_ids) as i (instruction_id)
    where j.segment_id = p_segment_id
      and j.journal_id = p_journal_id
      and j.kind = 'SETTLEMENT'
  ), posted as (
    select
      t.instruction_id,
      string_agg(concat_ws(' ', t.kind, t.asset_id, t.debit_participant_id,
        t.credit_participant_id, trim_scale(t.amount::numeric)), ', ' order by t.kind) as amounts
    from ledger.transfers as t
    where t.segment_id = p_segment_id
      and t.journal_id = p_journal_id
      and exists (select from journal)
    group by t.instruction_id
  ), parts as materialized (
    select j.instruction_id, p.quantity, p.notional, p.buyer_fee, p.seller_fee,
      p.journal_id = j.journal_id and p.settled_at = j.posted_at as is_own
    from journal as j
    join settlement.parts as p
      on p.segment_id = j.segment_id
      and p.instruction_id = j.instruction_id
  ), settled as (
    select
      s.instruction_id, s.buyer_id, s.seller_id, s.base_asset_id, s.quote_asset_id, s.quantity,
      s.notional, s.buyer_fee, s.seller_fee
    from journal as j
    join settlement.settled_instructions as s
      on s.segment_id = j.segment_id
      and s.instruction_id = j.instruction_id
      and s.settled_at = j.posted_at
    where s.journal_id = j.journal_id
      and not exists (select from parts as p where p.instruction_id = j.instruction_id)
    union all
    select
      i.instruction_id, i.buyer_id, i.seller_id, i.base_asset_id, i.quote_asset_id, p.quantity,
      p.notional, p.buyer_fee, p.seller_fee
    from parts as p
    cross join lateral (
      select n.*
      from settlement.instructions as n
      where n.segment_id = p_segment_id
        and n.instruction_id = p.instruction_id
    ) as i
    where p.is_own
  )
  select coalesce(p.instruction_id, s.instruction_id), p.amounts, s.amounts
  from posted as p
  full join (
    select
      d.instruction_id,
      string_agg(concat_ws(' ', l.kind, l.asset_id, l.debit_id, l.credit_id,
        trim_scale(l.amount::numeric)), ', ' order by l.kind) as amounts
    from settled as d
    cross join lateral settlement.legs(
      d.base_asset_id, d.quote_asset_id, d.buyer_id, d.seller_id, d.quantity, d.notional,
      d.buyer_fee, d.seller_fee
    ) as l
    group by d.instruction_id
  ) as s
    on s.instruction_id = p.instruction_id;
end;
$$;
comment on function ops.compare_postings is
  'what a journal posted for each instruction, beside the legs of what it settled';
